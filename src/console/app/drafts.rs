//! Drafts: what is being written is kept in the database as it is typed, and offered again.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::dialog::Dialog;
use super::form::Form;
use super::msg::{Effect, Level};
use crate::domain::act::Args;
use crate::domain::record::RecordId;
use crate::domain::when;
use crate::store::drafts::Draft;

/// What is typed is kept once the fingers rest for so long.
const REST: TimeDelta = TimeDelta::milliseconds(300);
/// Or after so long, if they do not.
const LONGEST: TimeDelta = TimeDelta::seconds(1);
/// So many are named when one begins.
const NAMED: usize = 3;

/// A record and what is being written for it, by the verb's name.
pub(super) type Key = (RecordId, String);

/// What has been written and not yet sent.
#[derive(Debug, Clone, Default)]
pub struct Drafts {
    /// As the database has them.
    kept: BTreeMap<Key, Draft>,
    /// What it is still to be given; none for a draft to be forgotten.
    unkept: BTreeMap<Key, Unkept>,
    /// What is being given to it.
    under_way: Option<Key>,
    asked: bool,
    read: bool,
    /// The program ends as soon as everything is kept.
    pub(super) leaving: bool,
}

#[derive(Debug, Clone)]
struct Unkept {
    args: Option<Args>,
    /// When it began to differ from what is kept.
    since: DateTime<Utc>,
    /// When it was last typed at.
    typed: DateTime<Utc>,
}

impl Drafts {
    /// What was written for an act and not sent.
    pub fn of(&self, record: RecordId, verb: &str) -> Option<&Draft> {
        self.kept.get(&(record, verb.to_owned()))
    }

    /// What was written for a record and not sent.
    pub fn at(&self, record: RecordId) -> impl Iterator<Item = &Draft> {
        self.kept
            .values()
            .filter(move |draft| draft.record == record)
    }

    /// What was written last, whether or not the database has it, and when.
    fn newest(&self, key: &Key) -> Option<(&Args, DateTime<Utc>)> {
        match self.unkept.get(key) {
            Some(unkept) => unkept.args.as_ref().map(|args| (args, unkept.typed)),
            None => self.kept.get(key).map(|draft| (&draft.args, draft.at)),
        }
    }

    /// Whether the database has everything.
    pub fn all_kept(&self) -> bool {
        self.unkept.is_empty() && self.under_way.is_none()
    }

    /// They are to be read again.
    pub(super) const fn ask(&mut self) {
        self.asked = false;
    }

    /// Something was written.
    fn write(&mut self, form: &Form, now: DateTime<Utc>) {
        let Some((key, args)) = form.written() else {
            return;
        };
        let before = match self.unkept.get(&key) {
            Some(unkept) => unkept.args.as_ref(),
            None => self.kept.get(&key).map(|draft| &draft.args),
        };
        // A text that was taken away to its last letter is no text to be kept.
        let args = (!args.is_empty()).then_some(args);
        if before == args.as_ref() {
            return;
        }
        let unkept = self.unkept.entry(key).or_insert(Unkept {
            args: None,
            since: now,
            typed: now,
        });
        unkept.args = args;
        unkept.typed = now;
    }

    /// What was sent did not leave: it is a draft again, unless a newer one is there. Says whether
    /// it is.
    pub(super) fn again(&mut self, key: Key, args: &Args, now: DateTime<Utc>) -> bool {
        let free = self.newest(&key).is_none() && self.under_way.as_ref() != Some(&key);
        if free {
            let unkept = Unkept {
                args: Some(args.clone()),
                since: now,
                typed: now,
            };
            self.unkept.insert(key, unkept);
        }
        free
    }

    /// It was sent, or thrown away.
    pub(super) fn forget(&mut self, key: Key, now: DateTime<Utc>) {
        let known = self.kept.remove(&key).is_some();
        self.unkept.remove(&key);
        if known || self.under_way.as_ref() == Some(&key) {
            let unkept = Unkept {
                args: None,
                since: now - LONGEST,
                typed: now - LONGEST,
            };
            self.unkept.insert(key, unkept);
        }
    }

    fn settle(&mut self, now: DateTime<Utc>, leaving: bool, effects: &mut Vec<Effect>) {
        if !self.asked {
            self.asked = true;
            effects.push(Effect::Drafts);
        }
        if self.under_way.is_some() {
            return;
        }
        let due = |unkept: &Unkept| {
            leaving || now - unkept.typed >= REST || now - unkept.since >= LONGEST
        };
        let Some(key) = self
            .unkept
            .iter()
            .find(|(_, unkept)| due(unkept))
            .map(|(key, _)| key.clone())
        else {
            return;
        };
        let Some(Unkept { args, .. }) = self.unkept.remove(&key) else {
            return;
        };
        let (record, verb) = key.clone();
        self.under_way = Some(key.clone());
        match &args {
            None => {
                self.kept.remove(&key);
            }
            Some(args) => {
                let draft = Draft {
                    record,
                    number: String::new(),
                    verb: verb.clone(),
                    args: args.clone(),
                    at: now,
                };
                self.kept.insert(key, draft);
            }
        }
        effects.push(keeping(record, verb, args));
    }

    /// The database has what it was given, or does not.
    pub(super) fn done(&mut self, key: &Key, arrived: bool, now: DateTime<Utc>) {
        self.under_way.take_if(|under_way| under_way == key);
        if !arrived && !self.unkept.contains_key(key) {
            let args = self.kept.get(key).map(|draft| draft.args.clone());
            self.unkept.insert(
                key.clone(),
                Unkept {
                    args,
                    since: now,
                    typed: now,
                },
            );
        }
    }

    /// Takes what was read; what is being written here is newer than that.
    fn take(&mut self, read: Vec<Draft>) {
        let mine =
            |key: &Key| self.unkept.contains_key(key) || self.under_way.as_ref() == Some(key);
        let mut kept: BTreeMap<Key, Draft> = read
            .into_iter()
            .map(|draft| ((draft.record, draft.verb.clone()), draft))
            .filter(|(key, _)| !mine(key))
            .collect();
        let own = std::mem::take(&mut self.kept);
        kept.extend(own.into_iter().filter(|(key, _)| mine(key)));
        self.kept = kept;
    }

    /// What the database has not confirmed yet, to be given to it before the program ends.
    fn unconfirmed(&self) -> Vec<Effect> {
        let under_way = self
            .under_way
            .iter()
            .filter(|key| !self.unkept.contains_key(key));
        let under_way = under_way.map(|key| (key, self.kept.get(key).map(|draft| &draft.args)));
        let unkept = self.unkept.iter();
        let unkept = unkept.map(|(key, unkept)| (key, unkept.args.as_ref()));
        under_way
            .chain(unkept)
            .map(|((record, verb), args)| keeping(*record, verb.clone(), args.cloned()))
            .collect()
    }

    pub(super) fn wants_tick(&self) -> bool {
        self.under_way.is_none() && !self.unkept.is_empty()
    }
}

/// Keeps a draft, or forgets it where nothing is written.
fn keeping(record: RecordId, verb: String, args: Option<Args>) -> Effect {
    match args {
        Some(args) => Effect::KeepDraft { record, verb, args },
        None => Effect::DropDraft { record, verb },
    }
}

impl App {
    /// Notes what is being written, whether or not the database can be given it now.
    pub(super) fn note_writing(&mut self) {
        if let Some(Dialog::Form(form)) = &self.dialog
            && form.sending.is_none()
        {
            self.drafts.write(form, self.now);
        }
    }

    /// What is to be done before the program ends, however it ends: what was written last is kept.
    pub fn last_wishes(&self) -> Vec<Effect> {
        self.drafts.unconfirmed()
    }

    /// Keeps what is being written, and ends once that is done where one wants to leave.
    pub(super) fn settle_drafts(&mut self, effects: &mut Vec<Effect>) {
        let leaving = self.drafts.leaving;
        self.drafts.settle(self.now, leaving, effects);
        if leaving && self.drafts.all_kept() {
            effects.push(Effect::Quit);
        }
    }

    /// Drafts were read.
    pub(super) fn drafts_read(&mut self, read: Vec<Draft>) {
        let first = !std::mem::replace(&mut self.drafts.read, true);
        let names: Vec<String> = read
            .iter()
            .map(|draft| {
                let at = when::clock(draft.at, self.settings.zone);
                format!("{} {} ({at})", draft.verb, draft.number)
            })
            .collect();
        self.drafts.take(read);
        self.fill_from_draft();
        if first && !names.is_empty() {
            let more = names.len().saturating_sub(NAMED);
            let mut text = format!("not sent yet: {}", names[..names.len() - more].join(", "));
            if more > 0 {
                text = format!("{text} and {more} more");
            }
            self.say(Level::Info, text);
        }
    }

    /// Offers what was written before, in a form that nobody has written in yet. What was written
    /// for one customer is not offered where several are meant.
    pub(super) fn fill_from_draft(&mut self) {
        if let Some(Dialog::Form(form)) = &mut self.dialog
            && let [_] = form.targets.as_slice()
            && let Some((key, args)) = form.written()
            && args.is_empty()
            && let Some((args, at)) = self.drafts.newest(&key)
        {
            form.fill(args, at);
        }
    }

    /// Ends the program, once what has been written is kept.
    pub(super) fn quit(&mut self, effects: &mut Vec<Effect>) {
        if self.drafts.all_kept() {
            effects.push(Effect::Quit);
        } else if self.drafts.leaving {
            // Asked twice, without a database to keep it.
            effects.push(Effect::Quit);
        } else {
            self.drafts.leaving = true;
            let text = "what you wrote is being kept; once more leaves at once";
            self.say(Level::Refused, text.to_owned());
        }
    }
}
