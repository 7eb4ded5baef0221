//! The one table of what a person can do.
