//! What a terminal sends, cut down to what the console listens to.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::chord::{Chord, Key};

/// Something that came from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted; it is text, whatever keys it looks like.
    Paste(String),
    /// The window has so many columns and rows now.
    Resize(u16, u16),
}

impl Input {
    /// What an event means; none for what the console does not listen to.
    pub fn from_event(event: Event) -> Option<Self> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => chord(key).map(Self::Key),
            Event::Paste(text) => Some(Self::Paste(text)),
            Event::Resize(columns, rows) => Some(Self::Resize(columns, rows)),
            _ => None,
        }
    }
}

fn chord(event: KeyEvent) -> Option<Chord> {
    let mut ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let key = match event.code {
        // Some terminals send backspace as the control character ctrl-h.
        KeyCode::Char('h') if ctrl => {
            ctrl = false;
            Key::Backspace
        }
        KeyCode::Char(char) => Key::Char(char),
        KeyCode::F(number) => Key::F(number),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Insert => Key::Insert,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    };
    Some(Chord {
        key,
        ctrl,
        alt: event.modifiers.contains(KeyModifiers::ALT),
    })
}
