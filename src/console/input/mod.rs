//! From what a terminal sends to what a person means: events, chords, commands.

mod chord;
mod command;
mod event;
mod keymap;

pub use chord::{Chord, Key, UnknownKey};
pub use command::Command;
pub use event::Input;
pub use keymap::{Keymap, KeymapError};
