//! Floor 2: formats out.
