//! Mail as RFC 5322 text.
