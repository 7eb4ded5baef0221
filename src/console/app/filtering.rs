//! The filter being written: it holds as one types, and says what could be meant.

use super::App;
use super::completion::{Offered, quoted};
use super::dialog::{Dialog, FilterLine};
use super::edit::Edit;
use super::msg::{Ask, Effect};
use crate::console::input::{Chord, Key};
use crate::domain::filter::{Filter, Offers, complete};
use crate::domain::record::Pane;

impl App {
    pub(super) fn begin_filter(&mut self, effects: &mut Vec<Effect>) {
        let before = self.list_here().filter_text.clone();
        let text = if before.is_empty() {
            String::new()
        } else {
            format!("{before} ")
        };
        self.dialog = Some(Dialog::Filter(Box::new(FilterLine {
            edit: Edit::new(text),
            before,
            error: None,
            offered: Offered::default(),
        })));
        self.refilter(effects);
    }

    pub(super) fn filter_key(
        &mut self,
        mut line: Box<FilterLine>,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        let picking = line.offered.picked.is_some();
        match chord.key {
            Key::Esc => return self.unfilter(line.before),
            Key::Tab | Key::BackTab | Key::Up | Key::Down
                if picking || matches!(chord.key, Key::Tab | Key::BackTab) =>
            {
                let back = matches!(chord.key, Key::BackTab | Key::Up);
                if line.offered.pick(&mut line.edit, back) {
                    let settled = line.offered.is_settled();
                    self.dialog = Some(Dialog::Filter(line));
                    if settled {
                        self.refilter(effects);
                    } else {
                        self.hold_filter();
                    }
                    return;
                }
            }
            Key::Up | Key::Down => {
                let step = if chord.key == Key::Up { -1 } else { 1 };
                self.list_here_mut().step(step);
            }
            Key::Enter if line.error.is_none() => return,
            // What was picked waits for its value.
            Key::Enter if picking => {
                self.dialog = Some(Dialog::Filter(line));
                return self.refilter(effects);
            }
            _ => {
                if line.edit.key(chord) {
                    self.dialog = Some(Dialog::Filter(line));
                    return self.refilter(effects);
                }
            }
        }
        self.dialog = Some(Dialog::Filter(line));
    }

    /// The text has changed: filters by it, and says what could be meant.
    pub(super) fn refilter(&mut self, effects: &mut Vec<Effect>) {
        self.hold_filter();
        let pane = self.journey.pane();
        let Some(Dialog::Filter(line)) = &self.dialog else {
            return;
        };
        let offered = if line.edit.at_end() {
            let text = line.edit.text().to_owned();
            self.offer_of_filter(pane, "", &text, effects)
        } else {
            Offered::default()
        };
        if let Some(Dialog::Filter(line)) = &mut self.dialog {
            line.offered = offered;
        }
    }

    /// Filters by what is written, as far as it makes sense.
    fn hold_filter(&mut self) {
        let pane = self.journey.pane();
        let Some(Dialog::Filter(line)) = &mut self.dialog else {
            return;
        };
        match Filter::parse(pane, line.edit.text()) {
            Ok(filter) => {
                line.error = None;
                let text = line.edit.text().trim().to_owned();
                self.list_mut(pane).set_filter(text, filter);
            }
            Err(wrong) => {
                // The terms before the wrong one hold on, without what it was while it was still
                // a word: `state` on the way to `state:` matches nothing.
                let before = &line.edit.text()[..wrong.at];
                let end = before.rfind(char::is_whitespace).unwrap_or(0);
                let text = before[..end].trim().to_owned();
                line.error = Some(wrong);
                if let Ok(filter) = Filter::parse(pane, &text) {
                    self.list_mut(pane).set_filter(text, filter);
                }
            }
        }
    }

    pub(super) fn unfilter(&mut self, before: String) {
        let pane = self.journey.pane();
        if let Ok(filter) = Filter::parse(pane, &before) {
            self.list_mut(pane).set_filter(before, filter);
        }
    }

    /// What a filter's last word could be. The filter stands in its line behind `before`.
    pub(super) fn offer_of_filter(
        &mut self,
        pane: Pane,
        before: &str,
        text: &str,
        effects: &mut Vec<Effect>,
    ) -> Offered {
        let completion = complete(pane, text);
        let before = format!("{before}{}", &text[..completion.from]);
        match completion.offers {
            Offers::These(words) => {
                let words = words
                    .into_iter()
                    .map(|(word, help)| (quoted(&word), help))
                    .collect();
                Offered::these(&before, words)
            }
            Offers::Values { field, typed } => {
                let request = self.request();
                effects.push(Effect::Complete {
                    request,
                    ask: Ask::Value(pane, field),
                    typed,
                });
                Offered::asked(&before, request)
            }
        }
    }
}
