//! Keys that were typed before there was anything for them: they wait for the rows, the record or
//! the answer to an act that they are meant to follow, and are never taken for another. Where that
//! turns out otherwise than they were typed for, they are dropped, and it is said.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::dialog::{CommandLine, Dialog};
use super::facts::count;
use super::messages::Level;
use super::msg::{Effect, Failure, Request};
use super::place::{Page, Place};
use crate::console::input::{Chord, Command, Key};
use crate::domain::record::{Pane, RecordId};

/// Keys that wait for longer than this say so.
const MOMENT: TimeDelta = TimeDelta::milliseconds(400);
/// More than these do not wait: nobody types so far ahead, but something may lie on a key.
const MOST: usize = 1000;
/// More keys than these are counted where they are told of.
const NAMED: usize = 12;

/// What waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Early {
    strokes: Vec<Stroke>,
    since: Option<DateTime<Utc>>,
    finding: Option<Box<Finding>>,
    /// The record of the last act that was done, and its version since: what is shown of it may
    /// be older.
    done: Option<(RecordId, i64)>,
    dropped: Option<Dropped>,
}

/// What the keyboard sent.
#[derive(Debug, Clone)]
enum Stroke {
    Key(Chord),
    Paste(String),
}

impl fmt::Display for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(chord) => chord.fmt(f),
            Self::Paste(_) => f.write_str("a paste"),
        }
    }
}

/// Keys that were dropped; those that still follow them are too, until the fingers have rested.
#[derive(Debug, Clone, Default)]
struct Dropped {
    strokes: usize,
    /// Why, where that is told nowhere else.
    because: Option<String>,
}

/// A record is being found by its name.
#[derive(Debug, Clone)]
struct Finding {
    request: Request,
    name: String,
    /// Where it was written, to be there again if nothing has the name.
    line: CommandLine,
}

impl Early {
    /// Whether it is to be told the time before long.
    pub(super) const fn wants_tick(&self) -> bool {
        !self.strokes.is_empty()
    }

    /// Whether keys were dropped that others may still follow.
    pub(super) const fn has_dropped(&self) -> bool {
        self.dropped.is_some()
    }

    /// The fingers have rested.
    pub(super) fn rested(&mut self) {
        self.dropped = None;
    }
}

impl App {
    /// Finds the record that a name on the command line means, and opens it.
    pub(super) fn find(&mut self, name: String, line: &CommandLine, effects: &mut Vec<Effect>) {
        let request = self.request();
        self.early.finding = Some(Box::new(Finding {
            request,
            name: name.clone(),
            line: line.clone(),
        }));
        effects.push(Effect::Find { request, name });
    }

    /// It was found, or was not.
    pub(super) fn found(&mut self, request: Request, result: Result<RecordId, Failure>) {
        let finding = &mut self.early.finding;
        let Some(finding) = finding.take_if(|finding| finding.request == request) else {
            return;
        };
        match result {
            Ok(id) => self.journey.go(Place::Record(Box::new(Page::new(id)))),
            Err(Failure { text }) => {
                self.let_go();
                let mut line = finding.line;
                line.complain(0, text);
                self.open_by_itself(Dialog::Command(Box::new(line)));
            }
        }
    }

    /// Whether a key waits for what it is meant for, and with it those that follow. Escape does
    /// not wait, and lets go of those that do.
    pub(super) fn is_early(&mut self, chord: Chord) -> bool {
        if !self.is_awaiting() || (self.dialog.is_some() && !self.is_sending()) {
            return false;
        }
        let waiting = !self.early.strokes.is_empty() || self.early.finding.is_some();
        if chord.key == Key::Esc {
            if waiting {
                self.let_go();
            }
            return waiting;
        }
        let early = waiting
            || self.is_sending()
            || self.is_coming() && self.is_for_a_row(chord)
            || self.is_outdated() && self.is_for_what_is_shown(chord)
            || self.is_under_way() && self.is_to_act(chord);
        if early {
            self.wait(Stroke::Key(chord));
        }
        early
    }

    /// Whether a paste waits, as keys do.
    pub(super) fn is_early_paste(&mut self, text: &str) -> bool {
        let early = self.is_sending() || !self.early.strokes.is_empty();
        if early {
            self.wait(Stroke::Paste(text.to_owned()));
        }
        early
    }

    fn wait(&mut self, stroke: Stroke) {
        if self.early.strokes.len() < MOST {
            self.early.since.get_or_insert(self.now);
            self.early.strokes.push(stroke);
        } else {
            let strokes = std::mem::take(&mut self.early.strokes).len();
            self.drop_early(strokes + 1);
        }
    }

    /// What was typed early is not wanted any more.
    pub(super) fn let_go(&mut self) {
        self.early = Early::default();
    }

    /// What keys wait for is not there yet.
    fn is_awaiting(&self) -> bool {
        self.is_sending() || self.is_under_way() || self.is_coming() || self.is_outdated()
    }

    /// An act that nothing stands open for was sent, and has not been answered. Nobody waits for
    /// one that an outage may have taken.
    fn is_under_way(&self) -> bool {
        self.dialog.is_none() && !self.sent.is_empty() && self.is_heard()
    }

    /// What is open was sent, and has not been answered.
    fn is_sending(&self) -> bool {
        let sending = match &self.dialog {
            Some(Dialog::Form(form)) => form.sending,
            Some(Dialog::Command(line)) => line.sending,
            Some(Dialog::Views(shelf)) => shelf.naming.as_ref().and_then(|naming| naming.sending),
            _ => None,
        };
        sending.is_some()
    }

    /// A record is being found, or what the person went to is being read.
    fn is_coming(&self) -> bool {
        self.early.finding.is_some()
            || self.is_heard()
                && match self.journey.page() {
                    Some(page) => page.is_awaited(),
                    None => self.list_here().is_awaited(),
                }
    }

    /// What is selected is the record that the last act was done on, shown as it was before.
    fn is_outdated(&self) -> bool {
        let Some((id, version)) = self.early.done.filter(|_| self.is_heard()) else {
            return false;
        };
        if self.selected_record().map(|record| record.id()) != Some(id) {
            return false;
        }
        let page = self.journey.page();
        let in_list = page.is_none() && self.list_here().is_behind(id, version);
        let read = page.or(self.detail.as_ref());
        in_list || read.is_some_and(|page| page.is_behind(id, version))
    }

    /// An act was done, and made this version of its record.
    pub(super) const fn was_done(&mut self, record: RecordId, version: i64) {
        self.early.done = Some((record, version));
    }

    /// Whether a key does something with the rows of a list or the lines of a record.
    fn is_for_a_row(&self, chord: Chord) -> bool {
        self.keymap.command(chord).is_none_or(|command| {
            matches!(
                command,
                Command::Down
                    | Command::Up
                    | Command::Top
                    | Command::Bottom
                    | Command::PageDown
                    | Command::PageUp
                    | Command::Open
                    | Command::Full
                    | Command::Mark
                    | Command::MarkRange
                    | Command::Actions
                    | Command::Copy
            )
        })
    }

    /// Whether what a key does, or what is written behind it, depends on how its record stands.
    fn is_for_what_is_shown(&self, chord: Chord) -> bool {
        let command = self.keymap.command(chord);
        command.is_none_or(|command| command == Command::CommandLine)
    }

    /// Whether a key does something that an act under way may change, or opens what does.
    fn is_to_act(&self, chord: Chord) -> bool {
        match self.keymap.command(chord) {
            Some(command) => matches!(
                command,
                Command::Actions | Command::CommandLine | Command::Undo | Command::Take
            ),
            None => self.keymap.verb(self.kind_here(), chord).is_some(),
        }
    }

    /// Does what the keys say that waited, once what they waited for is there or will not come.
    ///
    /// None of them answers what was not there when they were typed, and none follows what was
    /// refused.
    pub(super) fn take_early(&mut self, effects: &mut Vec<Effect>) {
        if self.early.strokes.is_empty() || self.is_awaiting() {
            return;
        }
        let strokes = std::mem::take(&mut self.early).strokes;
        if self.dialog.is_some() {
            return self.drop_early(strokes.len());
        }
        self.said = None;
        let mut strokes = strokes.into_iter();
        while let Some(stroke) = strokes.next() {
            match stroke {
                Stroke::Key(chord) => self.key(chord, effects),
                Stroke::Paste(text) => self.paste(&text, effects),
            }
            let said = self.said.as_ref();
            if strokes.len() > 0
                && (self.asks() || said.is_some_and(|said| said.level != Level::Info))
            {
                return self.drop_early(strokes.len());
            }
        }
    }

    /// Drops the keys that wait: what they were typed behind was refused.
    pub(super) fn drop_waiting(&mut self) {
        let strokes = std::mem::take(&mut self.early.strokes).len();
        self.early.since = None;
        if strokes > 0 {
            self.drop_early(strokes);
        }
    }

    /// Keys that follow a refusal are dropped until the fingers have rested: they were meant for what
    /// it kept from opening.
    pub(super) fn drop_what_follows(&mut self) {
        self.arrived = Some(self.now);
        self.early.dropped = Some(Dropped {
            strokes: 0,
            because: self.said.as_ref().map(|said| said.text.clone()),
        });
    }

    /// Whether what is open wants an answer, or is to be read.
    const fn asks(&self) -> bool {
        matches!(
            self.dialog,
            Some(Dialog::Confirm(_) | Dialog::Discard(_) | Dialog::Bulk(_) | Dialog::Conflict(_))
        )
    }

    /// Drops so many keys, and those that follow until the fingers have rested; says so.
    pub(super) fn drop_early(&mut self, strokes: usize) {
        self.arrived = Some(self.now);
        let said = self.said.take();
        let dropped = self.early.dropped.get_or_insert_with(|| Dropped {
            strokes: 0,
            because: (said.filter(|said| said.level != Level::Info)).map(|said| said.text),
        });
        dropped.strokes += strokes;
        let keys = count(dropped.strokes as i64, "key", "keys");
        let text = match &dropped.because {
            Some(why) => format!("{why}; {keys} typed after it dropped"),
            None => format!("{keys} typed ahead dropped"),
        };
        self.say_only(Level::Refused, text);
    }

    /// Says what keys wait for, where that takes longer than a moment.
    pub(super) fn tell_early(&mut self) {
        let waits = |since: DateTime<Utc>| self.now - since >= MOMENT;
        if !self.early.since.is_some_and(waits) {
            return;
        }
        let what = match (
            &self.early.finding,
            self.journey.page(),
            self.journey.pane(),
        ) {
            _ if self.is_sending() || self.is_under_way() => "the answer".to_owned(),
            (Some(finding), ..) => finding.name.clone(),
            (None, Some(_), _) => "the record".to_owned(),
            (None, None, Pane::Next) => "the list".to_owned(),
            (None, None, Pane::Of(kind)) => format!("the list of {}", kind.plural()),
        };
        let keys: Vec<String> = self.early.strokes.iter().map(Stroke::to_string).collect();
        let text = match keys.len() {
            ..=NAMED => format!("{} waits for {what} · esc lets go of it", keys.join(" ")),
            many => format!("{many} keys wait for {what} · esc lets go of them"),
        };
        self.say_only(Level::Info, text);
    }
}
