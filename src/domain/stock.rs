//! Stock levels and the movements that explain them.
