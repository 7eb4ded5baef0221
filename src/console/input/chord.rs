//! A key together with what is held down with it.

use std::fmt;
use std::str::FromStr;

/// A key of the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// What is typed, shift included: `G` is not `g`.
    Char(char),
    /// `f1` to `f12`.
    F(u8),
    /// Enter, or return.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and tab, which terminals send as a key of its own.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// The names of the keys that are no character.
const NAMED: [(&str, Key); 16] = [
    ("space", Key::Char(' ')),
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("shift-tab", Key::BackTab),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("insert", Key::Insert),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("home", Key::Home),
    ("end", Key::End),
    ("pageup", Key::PageUp),
    ("pagedown", Key::PageDown),
];

/// A key and its modifiers, as the keymap writes it: `ctrl-d`, `G`, `shift-tab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord {
    /// The key.
    pub key: Key,
    /// Control is held.
    pub ctrl: bool,
    /// Alt is held.
    pub alt: bool,
}

impl Chord {
    /// The key alone.
    pub const fn plain(key: Key) -> Self {
        Self {
            key,
            ctrl: false,
            alt: false,
        }
    }

    /// A character typed alone.
    pub const fn char(char: char) -> Self {
        Self::plain(Key::Char(char))
    }

    /// A key with control.
    pub const fn ctrl(char: char) -> Self {
        Self {
            key: Key::Char(char),
            ctrl: true,
            alt: false,
        }
    }

    /// A key with alt.
    pub const fn alt(key: Key) -> Self {
        Self {
            key,
            ctrl: false,
            alt: true,
        }
    }

    /// The character that the chord writes into a text, if it writes one.
    pub const fn typed(self) -> Option<char> {
        match self {
            Self {
                key: Key::Char(char),
                ctrl: false,
                alt: false,
            } => Some(char),
            _ => None,
        }
    }
}

/// A chord that no key is called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no key is called “{0}”")]
pub struct UnknownKey(pub String);

impl FromStr for Chord {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(tail) = rest.strip_prefix("ctrl-") {
                (rest, ctrl) = (tail, true);
            } else if let Some(tail) = rest.strip_prefix("alt-") {
                (rest, alt) = (tail, true);
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        let key = match (chars.next(), chars.next()) {
            (Some(char), None) if !char.is_control() && char != ' ' => Some(Key::Char(char)),
            (Some('f'), Some(_)) => rest[1..]
                .parse()
                .ok()
                .filter(|number| (1..=12).contains(number))
                .map(Key::F),
            _ => None,
        };
        let named = || NAMED.iter().find(|(name, _)| *name == rest).map(|n| n.1);
        match key.or_else(named) {
            Some(key) => Ok(Self { key, ctrl, alt }),
            None => Err(UnknownKey(text.to_owned())),
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match self.key {
            Key::Char(char) if char != ' ' => write!(f, "{char}"),
            Key::F(number) => write!(f, "f{number}"),
            key => f.write_str(
                NAMED
                    .iter()
                    .find(|(_, named)| *named == key)
                    .map_or("", |(name, _)| name),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chord_is_written_as_it_is_read() {
        for text in [
            "j",
            "G",
            "/",
            "-",
            "ctrl-d",
            "alt-x",
            "ctrl-alt-f5",
            "shift-tab",
            "space",
            "pagedown",
        ] {
            assert_eq!(text.parse::<Chord>().unwrap().to_string(), text);
        }
        for text in ["", "ctrl-", "f13", "hyper-x", "jj", " "] {
            assert!(text.parse::<Chord>().is_err(), "{text}");
        }
    }
}
