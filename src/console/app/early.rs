//! Keys that were typed before there was anything for them: they wait for the rows or the record
//! that they are meant for, and are never taken for another.

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::dialog::{CommandLine, Dialog};
use super::messages::Level;
use super::msg::{Effect, Failure, Request};
use super::place::{Page, Place};
use crate::console::input::{Chord, Command, Key};
use crate::domain::record::{Pane, RecordId};

/// Keys that wait for longer than this say so.
const MOMENT: TimeDelta = TimeDelta::milliseconds(400);

/// What waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Early {
    keys: Vec<Chord>,
    since: Option<DateTime<Utc>>,
    finding: Option<Box<Finding>>,
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
        !self.keys.is_empty()
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
                self.early = Early::default();
                let mut line = finding.line;
                line.complain(0, text);
                self.dialog = Some(Dialog::Command(Box::new(line)));
            }
        }
    }

    /// Whether a key waits for the rows or the record that it is meant for, and with it those that
    /// follow. Escape does not wait, and lets go of those that do.
    pub(super) fn is_early(&mut self, chord: Chord) -> bool {
        let waiting = !self.early.keys.is_empty() || self.early.finding.is_some();
        if self.dialog.is_some() || !self.is_awaiting() {
            return false;
        }
        if waiting && chord.key == Key::Esc {
            self.early = Early::default();
            return true;
        }
        let early = waiting || self.is_for_a_row(chord);
        if early {
            self.early.since.get_or_insert(self.now);
            self.early.keys.push(chord);
        }
        early
    }

    /// What keys wait for is being read.
    fn is_awaiting(&self) -> bool {
        self.early.finding.is_some()
            || self.is_heard()
                && match self.journey.page() {
                    Some(page) => page.is_awaited(),
                    None => self.list_here().is_awaited(),
                }
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

    /// Does what the keys say that waited, once what they waited for is there or will not come.
    pub(super) fn take_early(&mut self, effects: &mut Vec<Effect>) {
        if self.early.keys.is_empty() || self.is_awaiting() {
            return;
        }
        self.said = None;
        for chord in std::mem::take(&mut self.early).keys {
            self.key(chord, effects);
        }
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
            (Some(finding), ..) => finding.name.clone(),
            (None, Some(_), _) => "the record".to_owned(),
            (None, None, Pane::Next) => "the list".to_owned(),
            (None, None, Pane::Of(kind)) => format!("the list of {}", kind.plural()),
        };
        let keys: Vec<String> = self.early.keys.iter().map(Chord::to_string).collect();
        let esc = "esc lets go of it";
        self.say_only(
            Level::Info,
            format!("{} waits for {what} · {esc}", keys.join(" ")),
        );
    }
}
