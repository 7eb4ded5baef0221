//! Packline: the keyboard-driven operations console for order fulfilment.
//!
//! The house has five floors, and imports point down only.
//!
//! | floor | folder | what is done there |
//! |---|---|---|
//! | 5 | [`cli`] | one file a subcommand; reads arguments, prints, sets the exit status |
//! | 4 | [`console`] | the terminal program: a loop, a state, a view |
//! | 4 | [`automation`] | the worker: due jobs, one handler a file |
//! | 3 | [`actions`] | what can be done: one use case is one transaction |
//! | 2 | [`intake`], [`output`], [`store`] | formats in, formats out, and SQL |
//! | 1 | [`domain`] | types, states, verbs and rules: pure functions over values |
//!
//! A kind of record (`orders`, `stock`, `shipments`, `inspections`, `tickets`) has a file of
//! the same name on every floor.

pub mod actions;
pub mod automation;
pub mod cli;
pub mod config;
pub mod console;
pub mod domain;
pub mod intake;
pub mod output;
pub mod store;
