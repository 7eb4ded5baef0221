//! Floor 2: formats in. Each file turns one foreign format into domain values, or into an error
//! that names file, line, field and what was expected.

pub mod catalog;
pub mod dispatches;
pub mod easypost;
pub mod mail;
pub mod shopify;
