//! The change feed: every committed change once, in the order it became visible.
