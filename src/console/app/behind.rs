//! What stands behind a form with a long text: the record that it is for, to be read meanwhile.

use super::App;
use super::document::Line;
use super::form::Form;
use crate::console::input::{Chord, Key};

/// The keys that scroll it. All others are the form's.
pub(super) const SCROLL: [Chord; 2] = [Chord::alt(Key::Up), Chord::alt(Key::Down)];

impl App {
    /// The page of the one record that this form is for, laid out, and its first line on the
    /// screen: until one scrolls, where the customer's last message begins. None for a form that
    /// asks for no longer text, or is for other records than the one that is looked at.
    pub fn behind(&self, form: &Form, columns: usize) -> Option<(Vec<Line>, usize)> {
        let [target] = form.targets.as_slice() else {
            return None;
        };
        if !form.has_button() || self.selected_record()?.id() != target.record {
            return None;
        }
        let document = match self.journey.page() {
            Some(_) => self.page_document(),
            None => self.detail_document(),
        };
        let lines = document.lines(columns);
        let top = form.behind.unwrap_or_else(|| document.answered(columns));
        let top = top.min(lines.len().saturating_sub(1));
        Some((lines, top))
    }

    /// Scrolls it by a line, as the key says.
    pub(super) fn scroll_behind(&self, form: &mut Form, chord: Chord) {
        let Some(g) = self.geometry() else { return };
        if let Some((lines, top)) = self.behind(form, g.page_columns()) {
            let top = match chord.key {
                Key::Up => top.saturating_sub(1),
                _ => (top + 1).min(lines.len().saturating_sub(1)),
            };
            form.behind = Some(top);
        }
    }
}
