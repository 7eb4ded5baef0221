//! Drafts: what is being written is kept in the database as it is typed, and offered again.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::dialog::Dialog;
use super::form::Form;
use super::messages::Level;
use super::msg::{Effect, Unsaved};
use crate::domain::act::Args;
use crate::domain::record::RecordId;
use crate::domain::when;
use crate::store::drafts::Draft;

/// What is typed is kept once the fingers rest for so long.
pub(super) const REST: TimeDelta = TimeDelta::milliseconds(300);
/// Or after so long, if they do not.
pub(super) const LONGEST: TimeDelta = TimeDelta::seconds(1);
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
    /// What is being given to it, and since when.
    under_way: Option<(Key, DateTime<Utc>)>,
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

    fn is_under_way(&self, key: &Key) -> bool {
        (self.under_way.as_ref()).is_some_and(|(under_way, _)| under_way == key)
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
        let free = self.newest(&key).is_none() && !self.is_under_way(&key);
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
        if known || self.is_under_way(&key) {
            let unkept = Unkept {
                args: None,
                since: now - LONGEST,
                typed: now - LONGEST,
            };
            self.unkept.insert(key, unkept);
        }
    }

    fn settle(&mut self, now: DateTime<Utc>, leaving: bool, effects: &mut Vec<Effect>) {
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
        self.under_way = Some((key.clone(), now));
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
        effects.push(Effect::KeepDraft(Unsaved {
            record,
            verb,
            args,
            at: now,
        }));
    }

    /// The database has what it was given, or does not.
    pub(super) fn done(&mut self, key: &Key, arrived: bool, now: DateTime<Utc>) {
        self.under_way.take_if(|(under_way, _)| under_way == key);
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
        let own = std::mem::take(&mut self.kept);
        let mine = |key: &Key| self.unkept.contains_key(key) || self.is_under_way(key);
        let mut kept: BTreeMap<Key, Draft> = read
            .into_iter()
            .map(|draft| ((draft.record, draft.verb.clone()), draft))
            .filter(|(key, _)| !mine(key))
            .collect();
        kept.extend(own.into_iter().filter(|(key, _)| mine(key)));
        self.kept = kept;
    }

    /// Whether there is something that the database has not confirmed yet.
    pub(super) fn has_unsaved(&self) -> bool {
        !self.all_kept()
    }

    /// What the database has not confirmed yet.
    pub(super) fn unsaved(&self) -> Vec<Unsaved> {
        let under_way = self.under_way.iter();
        let under_way = under_way
            .filter(|(key, _)| !self.unkept.contains_key(key))
            .map(|(key, at)| (key, self.kept.get(key).map(|draft| &draft.args), *at));
        let unkept = self.unkept.iter();
        let unkept = unkept.map(|(key, unkept)| (key, unkept.args.as_ref(), unkept.typed));
        under_way
            .chain(unkept)
            .map(|((record, verb), args, at)| Unsaved {
                record: *record,
                verb: verb.clone(),
                args: args.cloned(),
                at,
            })
            .collect()
    }

    /// Since when something waits to be confirmed.
    pub(super) fn oldest_unsaved(&self) -> Option<DateTime<Utc>> {
        let under_way = self.under_way.iter().map(|(_, since)| *since);
        let unkept = self.unkept.values().map(|unkept| unkept.since);
        under_way.chain(unkept).min()
    }

    pub(super) fn wants_tick(&self) -> bool {
        self.under_way.is_none() && !self.unkept.is_empty()
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

    /// What is to be kept before the program ends, however it ends: what was written last.
    pub fn last_words(&self) -> Vec<Unsaved> {
        self.drafts.unsaved()
    }

    /// Keeps what is being written, and ends once that is done where one wants to leave.
    pub(super) fn settle_drafts(&mut self, effects: &mut Vec<Effect>) {
        // What an earlier run had to leave on this machine is among them.
        if self.aside.search(effects) && !std::mem::replace(&mut self.drafts.asked, true) {
            effects.push(Effect::Drafts);
        }
        let leaving = self.drafts.leaving;
        self.drafts.settle(self.now, leaving, effects);
        if leaving && self.drafts.all_kept() {
            effects.push(Effect::Quit);
        }
    }

    /// Drafts were read.
    pub(super) fn drafts_read(&mut self, read: Vec<Draft>) {
        let first = !std::mem::replace(&mut self.drafts.read, true);
        let recovered = |record: RecordId, verb: &str| {
            let mut all = self.aside.recovered.iter();
            all.find(|recovered| recovered.record == record && recovered.verb == verb)
        };
        let names: Vec<String> = read
            .iter()
            .map(|draft| {
                let away = recovered(draft.record, &draft.verb).and_then(|found| found.at);
                let at = when::clock(away.unwrap_or(draft.at), self.settings.zone);
                let how = away.map_or("", |_| ", written while the database was away");
                format!("{} {} ({at}{how})", draft.verb, draft.number)
            })
            .collect();
        let older: Vec<String> = read
            .iter()
            .filter_map(|draft| {
                let older = recovered(draft.record, &draft.verb)?.older.as_ref()?;
                let (verb, number, file) = (&draft.verb, &draft.number, older.display());
                Some(format!(
                    "{verb} {number}: the newer text is offered; the older is in {file}"
                ))
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
            if !older.is_empty() {
                text.push_str(" · an older text is in a file, see !");
            }
            for each in older {
                self.log(Level::Info, each);
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
            self.say(Level::Refused, self.not_kept_yet());
        }
    }
}
