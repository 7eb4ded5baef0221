//! What comes from the terminal, cut down to what the console listens to.

use super::chord::Chord;

/// Something that came from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted; it is text, whatever keys it looks like.
    Paste(String),
    /// The mouse, where it is listened to.
    Mouse(Mouse),
    /// The window has so many columns and rows now.
    Resize(u16, u16),
}

/// What the mouse did, and in which cell of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What it did.
    pub kind: MouseKind,
    /// The column, from 0.
    pub column: u16,
    /// The row, from 0.
    pub row: u16,
}

/// What the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    /// The first button went down.
    Click,
    /// The wheel turned up.
    WheelUp,
    /// The wheel turned down.
    WheelDown,
}
