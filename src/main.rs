//! The `packline` program: arguments and error hooks, then [`packline::cli`].

fn main() {}
