//! Taking back what one has done: which act, and what stands before it.

use chrono::{DateTime, Utc};

use super::App;
use super::dialog::{Confirm, Dialog};
use super::messages::{Level, ONLY_READS};
use super::msg::{DeedNumber, Step, Undoable};
use crate::domain::record::{Record, RecordId};
use crate::domain::verbs;
use crate::domain::when;

/// What one did at once: one act, or one on several records.
#[derive(Debug, Clone)]
struct Deed {
    number: DeedNumber,
    /// Such as `hold #1042`.
    what: String,
    at: DateTime<Utc>,
    /// What takes it back, record by record.
    undo: Vec<Undoable>,
}

/// What one has done and can take back.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    /// The oldest first.
    deeds: Vec<Deed>,
    /// The last deed, where nothing takes it back.
    lasting: Option<Deed>,
    /// What was [`Self::lasting`] before an older deed began to be taken back.
    lasted: Option<Deed>,
    /// The number of the newest deed.
    newest: DeedNumber,
}

impl Past {
    /// Something was done.
    pub(super) fn done(&mut self, what: String, undo: Vec<Undoable>, at: DateTime<Utc>) {
        self.newest += 1;
        let number = self.newest;
        let deed = Deed {
            number,
            what,
            at,
            undo,
        };
        self.lasted = None;
        if deed.undo.is_empty() {
            self.lasting = Some(deed);
        } else {
            self.lasting = None;
            self.deeds.push(deed);
        }
    }

    /// The deed that was asked about is being taken back; whatever was done since the question
    /// stays.
    pub(super) fn undone(&mut self, number: DeedNumber) {
        self.deeds.retain(|deed| deed.number != number);
        self.lasted = self.lasting.take();
    }

    /// It was not: it is again where it was.
    pub(super) fn not_undone(&mut self, undo: Undoable, can_still_be: bool) {
        self.lasting = self.lasted.take().or(self.lasting.take());
        if can_still_be {
            self.newest += 1;
            let place = self.deeds.partition_point(|deed| deed.at <= undo.at);
            let deed = Deed {
                number: self.newest,
                what: undo.did.clone(),
                at: undo.at,
                undo: vec![undo],
            };
            self.deeds.insert(place, deed);
        }
    }

    /// A record that was only taken for a while is another's to take.
    pub(super) fn given_back(&mut self, record: RecordId) {
        let held = |each: &Undoable| each.act.is_none() && each.record == record;
        self.deeds.retain(|deed| !deed.undo.iter().any(held));
    }

    /// Whether there is something to take back.
    pub(super) const fn is_empty(&self) -> bool {
        self.deeds.is_empty()
    }
}

impl App {
    /// Asks whether the last act is to be taken back; says first which one that is, and that it is
    /// not the last where that one stays as it is.
    pub(super) fn begin_undo(&mut self) {
        if self.settings.read_only {
            return self.say(Level::Refused, ONLY_READS.to_owned());
        }
        if let Some(step) = self.sent.values().next_back() {
            let what = format!("{} {}", step.verb.name, step.number);
            let why = format!("{what} is not answered yet: nothing is undone before it is");
            return self.say(Level::Refused, why);
        }
        let told = |deed: &Deed| {
            let at = when::stamp(deed.at, self.now, self.settings.zone);
            format!("{} ({at})", deed.what)
        };
        let mut too_late = Vec::new();
        while let Some(deed) = self.past.deeds.last()
            && let Some(why) = self.too_late(deed)
        {
            too_late.push(format!("{} can't be taken back: {why}", told(deed)));
            self.past.deeds.pop();
        }
        let lasting = self.past.lasting.as_ref().map(|deed| {
            let last = told(deed);
            format!("your last act, {last}, can't be undone")
        });
        let Some(deed) = self.past.deeds.last() else {
            let why = too_late.into_iter().next().or(lasting);
            return self.say(
                Level::Refused,
                why.unwrap_or_else(|| "nothing to undo".to_owned()),
            );
        };
        let mut steps = Vec::new();
        for undoable in &deed.undo {
            let Some(verb) = verbs::find(undoable.record.kind, &undoable.undo.verb) else {
                continue;
            };
            let seen = self.record(undoable.record).map_or(0, Record::version);
            steps.push(Step {
                verb,
                record: undoable.record,
                number: undoable.number.clone(),
                version: seen.max(undoable.version),
                args: undoable.undo.args.clone(),
                takes_back: Some(Box::new(undoable.clone())),
            });
        }
        let says = match deed.undo.as_slice() {
            [only] => only.undo.says.clone(),
            all => format!("undo {} acts", all.len()),
        };
        let which = match lasting {
            Some(lasting) => format!("{lasting}; this takes back the one before: {}", told(deed)),
            None if too_late.is_empty() => format!("takes back your last act: {}", told(deed)),
            None => format!("this takes back the one before: {}", told(deed)),
        };
        let mut detail = too_late;
        detail.push(which);
        if let [_, _, ..] = deed.undo.as_slice() {
            detail.extend(deed.undo.iter().map(|each| each.undo.says.clone()));
        }
        self.dialog = Some(Dialog::Confirm(Box::new(Confirm {
            says,
            detail,
            steps,
            skipped: Vec::new(),
            origin: None,
            asked: None,
            undoes: Some(deed.number),
        })));
    }

    /// Why nothing of a deed can be taken back now, as far as its records are known here.
    fn too_late(&self, deed: &Deed) -> Option<String> {
        let mut refused = deed.undo.iter().map(|each| {
            // Who has taken what is not told by its version.
            each.act.as_ref()?;
            let verb = verbs::find(each.record.kind, &each.undo.verb)?;
            let known = self.record(each.record);
            let record = known.filter(|record| record.version() >= each.version)?;
            self.applies(verb, record).err().map(|why| why.to_string())
        });
        let first = refused.next()??;
        refused.all(|why| why.is_some()).then_some(first)
    }
}
