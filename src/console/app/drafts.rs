//! Drafts: what is being written is kept in the database as it is typed, and offered again.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::dialog::Dialog;
use super::form::Form;
use super::messages::Level;
use super::msg::{Effect, Failure, InDatabase, Seen, Unsaved};
use crate::domain::act::Args;
use crate::domain::record::RecordId;
use crate::domain::when;
use crate::intake;
use crate::store::drafts::Draft;

/// What is typed is kept once the fingers rest for so long.
pub(super) const REST: TimeDelta = TimeDelta::milliseconds(300);
/// Or after so long, if they do not.
pub(super) const LONGEST: TimeDelta = TimeDelta::seconds(1);
/// What the database did not take is given to it again after so long, and after twice that, and so
/// on.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);
/// But never later than after this.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(10);
/// So many are named when one begins, and so many stand among the messages.
const NAMED: usize = 3;
const LISTED: usize = 50;

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
    under_way: Option<(Key, Unkept)>,
    /// What it may hold, as far as is known here; what is not among them holds nothing.
    seen: BTreeMap<Key, Vec<Seen>>,
    /// Why it refused something, where that was told.
    refused: Option<String>,
    asked: bool,
    read: bool,
    /// The program ends as soon as everything is kept.
    pub(super) leaving: bool,
}

/// What tells a text from every other.
pub fn digest(args: &Args) -> String {
    intake::hex(&intake::digest(args))
}

#[derive(Debug, Clone)]
struct Unkept {
    /// The record's number.
    number: String,
    args: Option<Args>,
    /// When it began to differ from what is kept.
    since: DateTime<Utc>,
    /// When it was last typed at.
    typed: DateTime<Utc>,
    /// How often the database did not take it.
    refusals: u32,
    /// When it is given to it again, where it did not take it.
    again: Option<DateTime<Utc>>,
}

impl Unkept {
    const fn new(number: String, args: Option<Args>, since: DateTime<Utc>) -> Self {
        Self {
            number,
            args,
            since,
            typed: since,
            refusals: 0,
            again: None,
        }
    }

    fn is_due(&self, now: DateTime<Utc>, leaving: bool) -> bool {
        let rests = now - self.typed >= REST || now - self.since >= LONGEST;
        self.again.is_none_or(|again| now >= again) && (leaving || rests)
    }

    /// It was not taken.
    fn refuse(&mut self, now: DateTime<Utc>) {
        self.again = Some(now + pause(self.refusals));
        self.refusals += 1;
    }
}

/// How long one waits after so many failures before the last.
pub(super) fn pause(failures: u32) -> TimeDelta {
    (FIRST_PAUSE * (1 << failures.min(8))).min(LONGEST_PAUSE)
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
    pub(super) fn newest(&self, key: &Key) -> Option<(&Args, DateTime<Utc>)> {
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

    /// Whether the database is still to be given the newest of it.
    pub(super) fn is_waiting(&self, key: &Key) -> bool {
        self.unkept.contains_key(key) || self.is_under_way(key)
    }

    /// Whether the database did not take it, the last time.
    pub(super) fn is_refused(&self, key: &Key) -> bool {
        (self.unkept.get(key)).is_some_and(|unkept| unkept.refusals > 0)
    }

    /// Nothing more is written at it for now.
    pub(super) fn hurry(&mut self, key: &Key, now: DateTime<Utc>) {
        if let Some(unkept) = self.unkept.get_mut(key) {
            unkept.since = unkept.since.min(now - LONGEST);
        }
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
        let number = form.targets.first().map(|target| target.number.clone());
        let before = match self.unkept.get(&key) {
            Some(unkept) => unkept.args.as_ref(),
            None => self.kept.get(&key).map(|draft| &draft.args),
        };
        // A text that was taken away to its last letter is no text to be kept.
        let args = (!args.is_empty()).then_some(args);
        if before == args.as_ref() {
            return;
        }
        let unkept = (self.unkept.entry(key))
            .or_insert_with(|| Unkept::new(number.unwrap_or_default(), None, now));
        unkept.args = args;
        unkept.typed = now;
    }

    /// What was sent did not leave: it is a draft again, unless a newer one is there. Says whether
    /// it is.
    pub(super) fn again(
        &mut self,
        key: Key,
        number: &str,
        args: &Args,
        now: DateTime<Utc>,
    ) -> bool {
        let free = self.newest(&key).is_none() && !self.is_under_way(&key);
        if free {
            let unkept = Unkept::new(number.to_owned(), Some(args.clone()), now);
            self.unkept.insert(key, unkept);
        }
        free
    }

    /// What it did not take is given to the database again, now that it is back.
    pub(super) fn retry(&mut self) {
        for unkept in self.unkept.values_mut() {
            unkept.again = None;
        }
    }

    /// It was sent, or thrown away.
    pub(super) fn forget(&mut self, key: Key, now: DateTime<Utc>) {
        let kept = self.kept.remove(&key).map(|draft| draft.number);
        let unkept = self.unkept.remove(&key).map(|unkept| unkept.number);
        if kept.is_some() || self.is_under_way(&key) {
            let number = unkept.or(kept).unwrap_or_default();
            self.unkept
                .insert(key, Unkept::new(number, None, now - LONGEST));
        }
    }

    fn settle(&mut self, now: DateTime<Utc>, leaving: bool, effects: &mut Vec<Effect>) {
        if self.under_way.is_some() {
            return;
        }
        let mut all = self.unkept.iter();
        let Some(key) = all
            .find(|(_, unkept)| unkept.is_due(now, leaving))
            .map(|(key, _)| key.clone())
        else {
            return;
        };
        let Some(unkept) = self.unkept.remove(&key) else {
            return;
        };
        effects.push(Effect::KeepDraft(self.unsaved_of(&key, &unkept)));
        match &unkept.args {
            None => {
                self.kept.remove(&key);
            }
            Some(args) => {
                let draft = Draft {
                    record: key.0,
                    number: unkept.number.clone(),
                    verb: key.1.clone(),
                    args: args.clone(),
                    at: now,
                };
                self.kept.insert(key.clone(), draft);
            }
        }
        // Until it is answered, the database may hold this as well.
        let holds = unkept.args.as_ref().map(digest);
        let seen = self.seen.entry(key.clone()).or_insert_with(|| vec![None]);
        if !seen.contains(&holds) {
            seen.push(holds);
        }
        self.under_way = Some((key, unkept));
    }

    /// The database has what it was given, or does not. Answers with the number of its record.
    fn done(&mut self, key: Key, kept: bool, now: DateTime<Utc>) -> Option<String> {
        let (_, sent) = (self.under_way).take_if(|(under_way, _)| *under_way == key)?;
        let number = Some(sent.number.clone());
        if kept {
            match sent.args.as_ref().map(digest) {
                None => {
                    self.seen.remove(&key);
                    // Another may be there, from elsewhere.
                    self.ask();
                }
                holds => {
                    self.seen.insert(key, vec![holds]);
                }
            }
            return number;
        }
        // What was written since then goes on waiting where this one did.
        let back = self.unkept.entry(key).or_insert_with(|| sent.clone());
        back.since = sent.since;
        back.refusals = sent.refusals;
        back.refuse(now);
        number
    }

    /// Takes what was read; what is being written here, and what stands in the form that is open,
    /// is not based on that.
    fn take(&mut self, read: Vec<Draft>, open: Option<&Key>) {
        let own = std::mem::take(&mut self.kept);
        let was_seen = std::mem::take(&mut self.seen);
        let mine = |key: &Key| self.is_waiting(key) || open == Some(key);
        let mut seen: BTreeMap<Key, Vec<Seen>> = read
            .iter()
            .map(|draft| {
                let key = (draft.record, draft.verb.clone());
                (key, vec![Some(digest(&draft.args))])
            })
            .filter(|(key, _)| !mine(key))
            .collect();
        seen.extend(was_seen.into_iter().filter(|(key, _)| mine(key)));
        let mut kept: BTreeMap<Key, Draft> = read
            .into_iter()
            .map(|draft| ((draft.record, draft.verb.clone()), draft))
            .filter(|(key, _)| !mine(key))
            .collect();
        kept.extend(own.into_iter().filter(|(key, _)| mine(key)));
        self.kept = kept;
        self.seen = seen;
    }

    /// Whether there is something that the database has not confirmed yet.
    pub(super) fn has_unsaved(&self) -> bool {
        !self.all_kept()
    }

    /// What the database has not confirmed yet.
    pub(super) fn unsaved(&self) -> Vec<Unsaved> {
        let newer = |key: &Key| self.unkept.contains_key(key);
        let under_way = self.under_way.iter().map(|(key, unkept)| (key, unkept));
        under_way
            .filter(|(key, _)| !newer(key))
            .chain(&self.unkept)
            .map(|(key, unkept)| self.unsaved_of(key, unkept))
            .collect()
    }

    fn unsaved_of(&self, key: &Key, unkept: &Unkept) -> Unsaved {
        let (record, verb) = key.clone();
        Unsaved {
            record,
            number: unkept.number.clone(),
            verb,
            args: unkept.args.clone(),
            at: unkept.typed,
            seen: self.seen.get(key).cloned().unwrap_or_else(|| vec![None]),
            acts: Vec::new(),
        }
    }

    /// Since when something waits to be confirmed.
    pub(super) fn oldest_unsaved(&self) -> Option<DateTime<Utc>> {
        let under_way = self.under_way.iter().map(|(_, unkept)| unkept);
        let unkept = self.unkept.values();
        under_way.chain(unkept).map(|unkept| unkept.since).min()
    }

    /// Whether there is something that the database did not take when it was given it.
    pub(super) fn has_refused(&self) -> bool {
        self.unkept.values().any(|unkept| unkept.refusals > 0)
    }

    /// Those that wait for more than a second are looked at each second.
    pub(super) fn wants_tick(&self) -> bool {
        let mut unkept = self.unkept.values();
        self.under_way.is_none() && unkept.any(|unkept| unkept.again.is_none())
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
        // What an earlier run had to leave on this machine is among them, where it can be had.
        if self.aside.search(effects) && !std::mem::replace(&mut self.drafts.asked, true) {
            effects.push(Effect::Drafts);
        }
        let leaving = self.drafts.leaving;
        self.drafts.settle(self.now, leaving, effects);
        if leaving && self.drafts.all_kept() {
            effects.push(Effect::Quit);
        }
    }

    /// The database holds what it was given, or does not.
    pub(super) fn draft_kept(&mut self, record: RecordId, verb: &str, what: InDatabase) {
        let kept = what == InDatabase::Kept;
        let key = (record, verb.to_owned());
        let number = self.drafts.done(key.clone(), kept, self.now);
        match what {
            InDatabase::Refused(Failure { text }) => {
                let told = format!("the database does not keep what you write: {text}");
                self.draft_refused(text, Level::Error, told);
            }
            InDatabase::Other => {
                let what = format!("{verb} {}", number.unwrap_or_default());
                let told = format!(
                    "{what}: another text was written elsewhere and stays the draft; yours stays here"
                );
                self.draft_refused(what, Level::Refused, told);
            }
            InDatabase::Kept if !self.drafts.has_refused() => {
                // One that was sent or thrown away is gone, not kept.
                let holds_text = self.drafts.seen.contains_key(&key);
                if let Some(why) = self.drafts.refused.take().filter(|_| holds_text) {
                    self.tell_over(&why, "the database keeps what you wrote".to_owned());
                }
            }
            InDatabase::Kept | InDatabase::Away => {}
        }
    }

    /// The database did not keep a text, which is told once.
    fn draft_refused(&mut self, why: String, level: Level, told: String) {
        if self.drafts.refused.as_ref() != Some(&why) {
            self.drafts.refused = Some(why);
            self.say(level, told);
        }
    }

    /// The draft that stands in the form that is open, wherever that stands.
    fn open_draft(&self) -> Option<Key> {
        let form = match self.dialog.as_ref()? {
            Dialog::Form(form) | Dialog::Discard(form) => form,
            Dialog::Macros(choosing) => &choosing.form,
            Dialog::Confirm(confirm) => confirm.origin.as_ref()?.form()?,
            Dialog::Conflict(conflict) => conflict.origin.as_ref()?.form()?,
            Dialog::Bulk(bulk) => bulk.origin.as_ref()?.form()?,
            _ => return None,
        };
        let (key, args) = form.written()?;
        (!args.is_empty()).then_some(key)
    }

    /// They are to be read and named once more: there are some that nobody has been told of.
    pub(super) const fn name_drafts_again(&mut self) {
        self.drafts.asked = false;
        self.drafts.read = false;
    }

    /// Drafts were read.
    pub(super) fn drafts_read(&mut self, read: Vec<Draft>) {
        let first = !std::mem::replace(&mut self.drafts.read, true);
        let named: Vec<(RecordId, String, String)> = read
            .iter()
            .map(|draft| {
                let away = self.aside.written_away(draft.record, &draft.verb);
                let at = when::clock(away.unwrap_or(draft.at), self.settings.zone);
                let how = away.map_or("", |_| ", written while the database was away");
                let told = format!("{} {} ({at}{how})", draft.verb, draft.number);
                (draft.record, draft.number.clone(), told)
            })
            .collect();
        self.drafts.take(read, self.open_draft().as_ref());
        self.fill_from_draft();
        if first && !named.is_empty() {
            for (record, number, told) in named.iter().take(LISTED).rev() {
                let text = format!("not sent yet: {told}");
                self.log_of((*record, number), Level::Unsent, text);
            }
            let more = named.len().saturating_sub(NAMED);
            let names: Vec<&str> = named.iter().map(|(.., told)| told.as_str()).collect();
            let mut text = format!("not sent yet: {}", names[..names.len() - more].join(", "));
            if more > 0 {
                text = format!("{text} and {more} more");
            }
            if self.aside.has_told {
                text.push_str(" · and a file has more, see !");
            }
            self.tell_only(Level::Unsent, text);
        }
    }

    /// Offers what was written before, in a form that nobody has written in yet. What was written
    /// for one customer is not offered where several are meant.
    pub(super) fn fill_from_draft(&mut self) {
        if let Some(Dialog::Form(form)) = &mut self.dialog
            && let [_] = form.targets.as_slice()
            && !form.holds_text()
        {
            if let Some((key, _)) = form.written() {
                if let Some((args, at)) = self.drafts.newest(&key) {
                    form.fill(args, at);
                }
            } else if let Some((key, _)) = form.lines()
                && let Some((args, at)) = self.lines.get(&key)
                && form.agrees_with(args)
            {
                form.fill(args, *at);
            }
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
