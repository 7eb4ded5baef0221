//! The schema: applying it, and saying when it does not fit this program.
