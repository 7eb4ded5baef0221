//! Floor 3: what can be done. One use case is one transaction.
