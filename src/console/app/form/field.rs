//! A field of a form: an argument, and what has been written for it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget as _;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use crate::console::app::edit::Edit;
use crate::console::app::msg::Request;
use crate::console::input::{Chord, Key};
use crate::domain::verbs::{Arg, ArgKind};

/// Rows of the box in which a long text is written.
pub const TEXT_ROWS: u16 = 8;
/// Its columns, where the window has as many.
const TEXT_COLUMNS: u16 = 64;

/// An argument, being asked for.
#[derive(Debug, Clone)]
pub struct Field {
    /// Which.
    pub arg: &'static Arg,
    /// What has been written.
    pub value: Value,
    /// What the record says already; empty where it says nothing, or nothing that this changes.
    pub stands: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What could be meant.
    pub choices: Vec<String>,
    /// Which of those is picked.
    pub picked: Option<usize>,
    /// The request for choices that is still to be answered.
    pub asked: Option<Request>,
}

/// What has been written for an argument.
#[derive(Debug, Clone)]
pub enum Value {
    /// A line.
    Line(Edit),
    /// Several lines.
    Text(Box<TextArea<'static>>),
    /// One of the words.
    Word(Choice),
}

/// A word being chosen: by arrow or space, or by typing how it begins.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Index of the word.
    pub at: Option<usize>,
    /// What was typed since another key chose.
    typed: String,
}

impl Choice {
    /// What is typed from now on begins a word.
    pub(super) fn begin(&mut self) {
        self.typed.clear();
    }

    /// Takes a key.
    ///
    /// # Errors
    /// No word begins as what was typed: none is chosen then, and the person is told how to.
    fn key(&mut self, words: &[&str], chord: Chord) -> Result<(), String> {
        let count = words.len();
        let spells_none = !self.typed.is_empty() && self.at.is_none();
        let to = match (chord.key, chord.typed()) {
            (Key::Left, _) => Some(self.at.map_or(count - 1, |at| at + count - 1)),
            (Key::Right, _) => Some(self.at.map_or(0, |at| at + 1)),
            (_, Some(' ')) if !spells_none => Some(self.at.map_or(0, |at| at + 1)),
            (Key::Backspace, _) => {
                self.typed.pop();
                None
            }
            (_, Some(char)) => {
                self.typed.extend(char.to_lowercase());
                None
            }
            _ if spells_none => None,
            _ => return Ok(()),
        };
        if let Some(at) = to {
            self.typed.clear();
            self.at = Some(at % count);
            return Ok(());
        }
        let begun = |word: &&str| word.starts_with(&self.typed);
        self.at = (words.iter().position(begun)).filter(|_| !self.typed.is_empty());
        if self.typed.is_empty() || self.at.is_some() {
            Ok(())
        } else {
            let typed = &self.typed;
            Err(format!("no choice begins with “{typed}”; ← and → choose"))
        }
    }
}

impl Field {
    pub(super) fn new(arg: &'static Arg, text: &str) -> Self {
        let value = match arg.kind {
            ArgKind::LongText => {
                let mut area = TextArea::from(text.lines());
                area.set_wrap_mode(WrapMode::WordOrGlyph);
                area.set_cursor_line_style(Style::new());
                // Until it is drawn, its lines are taken to wrap as in most windows.
                let usual = Rect::new(0, 0, TEXT_COLUMNS, TEXT_ROWS);
                (&area).render(usual, &mut Buffer::empty(usual));
                area.move_cursor(CursorMove::Bottom);
                area.move_cursor(CursorMove::End);
                Value::Text(Box::new(area))
            }
            ArgKind::OneOf(words) => Value::Word(Choice {
                at: words.iter().position(|word| *word == text),
                typed: String::new(),
            }),
            _ => Value::Line(Edit::new(text)),
        };
        Self {
            arg,
            value,
            stands: String::new(),
            error: None,
            choices: Vec::new(),
            picked: None,
            asked: None,
        }
    }

    /// What has been written.
    pub fn text(&self) -> String {
        match (&self.value, self.arg.kind) {
            (Value::Line(edit), _) => edit.text().trim().to_owned(),
            (Value::Text(area), _) => area.lines().join("\n").trim().to_owned(),
            (Value::Word(Choice { at: Some(at), .. }), ArgKind::OneOf(words)) => {
                words[*at].to_owned()
            }
            (Value::Word(_), _) => String::new(),
        }
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// Whether something else has been written than the record says already.
    pub fn is_changed(&self) -> bool {
        self.text() != self.stands
    }

    /// Takes what the record says: it stands there, unless something else has been written.
    pub(super) fn stand(&mut self, text: &str) {
        let text = text.trim();
        if !self.is_changed() {
            *self = Self::new(self.arg, text);
        }
        text.clone_into(&mut self.stands);
    }

    /// Writes a text into it, in place of another.
    pub(super) fn write(&mut self, text: &str) {
        let stands = std::mem::take(&mut self.stands);
        *self = Self {
            stands,
            ..Self::new(self.arg, text)
        };
    }

    /// Whether the database knows what could be meant.
    pub const fn has_choices(&self) -> bool {
        matches!(
            self.arg.kind,
            ArgKind::Staff
                | ArgKind::Source
                | ArgKind::Carrier
                | ArgKind::ShippingOption
                | ArgKind::Order
                | ArgKind::Check
        )
    }

    /// Takes what could be meant; the first that begins as the text does is picked.
    pub fn offer(&mut self, choices: Vec<String>) {
        self.choices = choices;
        self.picked = None;
        if !self.is_empty() && !self.choices.contains(&self.text()) && !self.choices.is_empty() {
            self.picked = Some(0);
        }
    }

    /// Writes what is picked into the line.
    pub(super) fn take_picked(&mut self) {
        if let (Some(choice), Value::Line(edit)) = (
            self.picked.take().and_then(|at| self.choices.get(at)),
            &mut self.value,
        ) {
            edit.set(choice.as_str());
            self.error = None;
        }
    }

    /// Takes a key; says whether what has been written is another text now.
    pub(super) fn key(&mut self, chord: Chord) -> bool {
        let changed = match &mut self.value {
            Value::Line(edit) => match chord.key {
                Key::Up | Key::Down => {
                    let last = self.choices.len().saturating_sub(1);
                    self.picked = match (self.picked, chord.key) {
                        (None, Key::Up) => Some(last),
                        (None, _) => Some(0),
                        (Some(at), Key::Up) => Some(at.saturating_sub(1)),
                        (Some(at), _) => Some((at + 1).min(last)),
                    };
                    false
                }
                _ => edit.key(chord),
            },
            Value::Text(area) => match page(chord) {
                // The area's own paging scrolls past the end.
                Some(move_by) => {
                    for _ in 0..TEXT_ROWS {
                        area.move_cursor(move_by);
                    }
                    false
                }
                None => area.input(textarea_input(chord)),
            },
            Value::Word(choice) => {
                if let ArgKind::OneOf(words) = self.arg.kind {
                    self.error = choice.key(words, chord).err();
                }
                false
            }
        };
        if changed {
            self.error = None;
        }
        changed
    }
}

/// The step of a key that moves by pages.
const fn page(chord: Chord) -> Option<CursorMove> {
    match chord {
        Chord {
            key: Key::PageUp, ..
        }
        | Chord {
            key: Key::Char('v'),
            alt: true,
            ..
        } => Some(CursorMove::Up),
        Chord {
            key: Key::PageDown, ..
        }
        | Chord {
            key: Key::Char('v'),
            ctrl: true,
            ..
        } => Some(CursorMove::Down),
        _ => None,
    }
}

fn textarea_input(chord: Chord) -> ratatui_textarea::Input {
    use ratatui_textarea::Key as To;
    let key = match chord.key {
        Key::Char(char) => To::Char(char),
        Key::Enter => To::Enter,
        Key::Backspace => To::Backspace,
        Key::Delete => To::Delete,
        Key::Up => To::Up,
        Key::Down => To::Down,
        Key::Left => To::Left,
        Key::Right => To::Right,
        Key::Home => To::Home,
        Key::End => To::End,
        // Pages are no input: see `page`.
        Key::PageUp
        | Key::PageDown
        | Key::Esc
        | Key::Tab
        | Key::BackTab
        | Key::Insert
        | Key::F(_) => To::Null,
    };
    ratatui_textarea::Input {
        key,
        ctrl: chord.ctrl,
        alt: chord.alt,
        shift: false,
    }
}
