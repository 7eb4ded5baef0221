//! From what a terminal sends to what a person means: bytes, chords, commands.

mod chord;
mod command;
mod decode;
mod event;
mod keymap;

pub use chord::{Chord, Key, UnknownKey};
pub use command::Command;
pub use decode::Decoder;
pub use event::{Input, Mouse, MouseKind};
pub use keymap::Keymap;
