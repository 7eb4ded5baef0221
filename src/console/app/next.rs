//! Taking the next: `n` from anywhere.

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::messages::{Level, ONLY_READS};
use super::msg::{Effect, Request, Undoable};
use super::place::{Page, Place};
use crate::actions::{ActError, Taken};
use crate::console::input::{Chord, Command, Key};
use crate::domain::act::{Args, Undo};
use crate::domain::record::Kind;
use crate::domain::verbs;
use crate::domain::when;

/// Keys wait no longer for the record that they are meant for.
const PATIENCE: TimeDelta = TimeDelta::seconds(2);

/// The next is being taken. The keys that follow are meant for it, and wait.
#[derive(Debug, Clone)]
pub(super) struct Taking {
    request: Request,
    since: DateTime<Utc>,
    keys: Vec<Chord>,
}

impl App {
    /// Takes the next that this person may act on and nobody holds.
    pub(super) fn take_next(&mut self, effects: &mut Vec<Effect>) {
        if self.settings.read_only {
            return self.say_only(Level::Refused, ONLY_READS.to_owned());
        }
        if self.taking.is_some() {
            return self.say_only(Level::Info, "the next is being taken".to_owned());
        }
        let request = self.request();
        self.taking = Some(Taking {
            request,
            since: self.now,
            keys: Vec::new(),
        });
        effects.push(Effect::Take { request });
    }

    /// Whether a key waits for the record that is being taken. Escape no longer does.
    pub(super) fn waits(&mut self, chord: Chord) -> bool {
        let (now, plain) = (self.now, self.dialog.is_none());
        let again = self.keymap.command(chord) == Some(Command::Take);
        match &mut self.taking {
            // It is being taken already: whoever presses the key twice wants one.
            Some(_) if plain && again => true,
            Some(taking) if plain && now - taking.since < PATIENCE && chord.key != Key::Esc => {
                taking.keys.push(chord);
                true
            }
            Some(taking) => {
                taking.keys.clear();
                false
            }
            None => false,
        }
    }

    /// The next has been taken, or there is none.
    pub(super) fn taken(
        &mut self,
        request: Request,
        result: Result<Option<Box<Taken>>, ActError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(taking) = self.taking.take_if(|taking| taking.request == request) else {
            return;
        };
        let taken = match result {
            Ok(Some(taken)) => taken,
            Ok(None) => {
                let text = "nothing is left that you may act on and nobody holds";
                return self.say(Level::Info, text.to_owned());
            }
            Err(error) => return self.say(Level::Error, format!("the next: {error}")),
        };
        let id = taken.record.id();
        let number = taken.record.number();
        let named = number.clone();
        self.touch(id);
        self.present.touch();
        let mut text = format!("{number} is yours");
        if taken.claim.is_none() {
            text.push_str(" for ten minutes and while you look at it");
        }
        if let (Some(promise), Some(due)) = (taken.record.promise(), taken.record.due_at()) {
            let moment = when::moment(due, self.now, self.settings.zone);
            let left = when::left_in_words(due, self.now);
            text = format!("{text}: {promise} by {moment}, {left}");
        }
        let (act, version, undo) = match taken.claim {
            Some(done) => (Some(done.id), done.version, done.undo),
            None => (None, taken.record.version(), let_go(id.kind, &number)),
        };
        if let Some(undo) = undo {
            text = format!("{text} · u: {}", undo.says);
            let did = format!("take {number}");
            let undoable = Undoable {
                did: did.clone(),
                at: self.now,
                act,
                record: id,
                number,
                version,
                undo,
                wrote: None,
            };
            self.past.done(did, vec![undoable], self.now);
        }
        if self.dialog.is_none() {
            self.journey
                .go(Place::Record(Box::new(Page::of(taken.record))));
        }
        for chord in taking.keys {
            self.key(chord, effects);
        }
        self.say_of((id, &named), Level::Info, text);
    }
}

/// What gives back a record that was only taken for a while.
fn let_go(kind: Kind, number: &str) -> Option<Undo> {
    verbs::give_back(kind).map(|verb| Undo {
        verb: verb.name.to_owned(),
        args: Args::new(),
        says: format!("let go of {number}"),
    })
}
