//! Floor 4: the terminal program.
//!
//! [`input`] turns what the terminal sends into chords and commands, [`app`] holds the state and
//! says how it changes, [`view`] draws it and changes nothing, [`effects`] does what the state
//! asks for, [`terminal`] owns the terminal, and [`mod@run`] is the loop between them.

pub mod app;
mod aside;
pub mod effects;
mod history;
pub mod input;
pub mod run;
pub mod terminal;
pub mod view;

pub use effects::LeftBehind;
pub use run::{ConsoleOptions, run};
