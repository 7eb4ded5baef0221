//! A line of text being written.

use unicode_segmentation::UnicodeSegmentation;

use crate::console::input::{Chord, Key};
use crate::domain::text;

/// Bytes of a paste that a line takes: more was not meant for a line.
const PASTE: usize = 4096;

/// A line of text and the place where the next character goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    text: String,
    /// Byte offset, always between two graphemes.
    cursor: usize,
}

impl Edit {
    /// A line that begins with a text, the cursor behind it.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.len(),
            text,
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor and from it on.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Whether the cursor stands at the end.
    pub const fn at_end(&self) -> bool {
        self.cursor == self.text.len()
    }

    /// Puts the cursor at a byte offset, or before the character that it is in.
    pub fn go_to(&mut self, at: usize) {
        self.cursor = self.text.floor_char_boundary(at);
    }

    /// Replaces everything.
    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::new(text);
    }

    /// Inserts a text, or its first 4 kB; what is no plain text in it, line ends included, becomes
    /// visible.
    pub fn insert(&mut self, pasted: &str) {
        let pasted = &pasted[..pasted.floor_char_boundary(PASTE)];
        let line: Vec<&str> = pasted.lines().collect();
        let line = line.join(" ");
        let plain = text::plain(&line);
        self.text.insert_str(self.cursor, &plain);
        self.cursor += plain.len();
    }

    /// Takes a key that edits; says whether it was one.
    pub fn key(&mut self, chord: Chord) -> bool {
        if let Some(char) = chord.typed() {
            self.text.insert(self.cursor, char);
            self.cursor += char.len_utf8();
            return true;
        }
        match (chord.key, chord.ctrl, chord.alt) {
            (Key::Backspace, false, false) => {
                let start = self.before();
                self.text.drain(start..self.cursor);
                self.cursor = start;
            }
            (Key::Delete, false, false) | (Key::Char('d'), true, false) => {
                let end = self.after();
                self.text.drain(self.cursor..end);
            }
            (Key::Left, false, false) | (Key::Char('b'), true, false) => {
                self.cursor = self.before();
            }
            (Key::Right, false, false) | (Key::Char('f'), true, false) => {
                self.cursor = self.after();
            }
            (Key::Home, false, false) | (Key::Char('a'), true, false) => self.cursor = 0,
            (Key::End, false, false) | (Key::Char('e'), true, false) => {
                self.cursor = self.text.len();
            }
            (Key::Char('u'), true, false) => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            (Key::Char('k'), true, false) => self.text.truncate(self.cursor),
            (Key::Char('w'), true, false) | (Key::Backspace, false, true) => {
                let start = self.word_before();
                self.text.drain(start..self.cursor);
                self.cursor = start;
            }
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.cursor]
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..]
            .graphemes(true)
            .next()
            .map_or(self.cursor, |grapheme| self.cursor + grapheme.len())
    }

    fn word_before(&self) -> usize {
        let head = self.text[..self.cursor].trim_end();
        head.rfind(char::is_whitespace).map_or(0, |at| {
            at + head[at..].chars().next().map_or(0, char::len_utf8)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(edit: &mut Edit, text: &str) {
        for char in text.chars() {
            assert!(edit.key(Chord::char(char)));
        }
    }

    #[test]
    fn what_is_read_as_one_character_is_deleted_as_one() {
        let mut edit = Edit::default();
        typed(&mut edit, "né👩‍👩‍👧");
        assert!(edit.key(Chord::plain(Key::Backspace)));
        assert_eq!(edit.text(), "né");
        assert!(edit.key(Chord::plain(Key::Left)));
        typed(&mut edit, "x");
        assert_eq!(edit.halves(), ("nx", "é"));
        assert!(edit.key(Chord::plain(Key::Delete)));
        assert_eq!(edit.text(), "nx");
    }

    #[test]
    fn words_and_halves_go_at_one_key() {
        let mut edit = Edit::new("state:held late ");
        assert!(edit.key(Chord::ctrl('w')));
        assert_eq!(edit.text(), "state:held ");
        assert!(edit.key(Chord::ctrl('u')));
        assert_eq!(edit.text(), "");
    }

    #[test]
    fn a_line_takes_no_more_of_a_paste_than_a_line_needs() {
        let mut edit = Edit::default();
        edit.insert(&"é".repeat(50_000));
        assert_eq!(edit.text().len(), PASTE);
    }

    #[test]
    fn what_is_pasted_is_one_line_of_plain_text() {
        let mut edit = Edit::default();
        edit.insert("two\r\nlines \x1b[2J");
        assert_eq!(edit.text(), "two lines ␛[2J");
        assert!(edit.at_end());
    }
}
