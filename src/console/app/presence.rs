//! Who else is here: what other consoles say of themselves, and what this one says of itself.

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::dialog::{Dialog, Origin};
use super::document::{Span, Tone};
use super::form::Form;
use super::msg::Effect;
use crate::domain::presence::{Attendance, Doing};
use crate::domain::record::RecordId;

/// What one says of oneself is said again after this: well before the lease is over.
const RENEW: TimeDelta = TimeDelta::seconds(5);
/// Others are asked after no sooner than this.
const PAUSE: TimeDelta = TimeDelta::milliseconds(300);
/// And no later: a bell can be missed.
const AGE: TimeDelta = TimeDelta::seconds(20);
/// Or once somebody's lease has no more than this left: no bell tells that it was renewed.
const NEARLY: TimeDelta = TimeDelta::seconds(6);

/// A record, and whether something is being written for it.
type At = (RecordId, bool);

/// Who is at which record.
#[derive(Debug, Clone, Default)]
pub struct Present {
    /// Each with the end of their lease.
    others: Vec<(Attendance, DateTime<Utc>)>,
    stale: bool,
    reading: bool,
    read_at: Option<DateTime<Utc>>,
    /// What this console last said of itself, and when.
    told: Option<(Option<At>, DateTime<Utc>)>,
    telling: bool,
}

impl Present {
    /// Somebody who does this at a record.
    fn who(&self, record: RecordId, doing: Doing) -> Option<&str> {
        self.at(record)
            .find(|other| other.doing == doing)
            .map(|other| other.who.as_str())
    }

    fn at(&self, record: RecordId) -> impl Iterator<Item = &Attendance> {
        self.others
            .iter()
            .map(|(other, _)| other)
            .filter(move |other| other.record == record)
    }

    /// Who is writing something for a record.
    pub fn writing(&self, record: RecordId) -> Option<&str> {
        self.who(record, Doing::Writing)
    }

    /// Who has taken a record that has no assignee.
    pub fn holding(&self, record: RecordId) -> Option<&str> {
        self.who(record, Doing::Holding)
    }

    /// Who has a record open.
    pub fn looking(&self, record: RecordId) -> Option<&str> {
        self.who(record, Doing::Looking)
    }

    /// What others do at a record, in words: `ana is writing`, `bo is looking`.
    pub fn told(&self, record: RecordId, me: &str) -> Vec<Span> {
        self.at(record)
            .map(|other| match other.doing {
                Doing::Writing => Span::new(format!("✎ {} is writing", other.who), Tone::Warn),
                Doing::Holding if other.who == me => Span::new("yours for now", Tone::Plain),
                Doing::Holding => Span::new(format!("{} has it for now", other.who), Tone::Plain),
                Doing::Looking => Span::new(format!("{} is looking", other.who), Tone::Plain),
            })
            .collect()
    }

    /// Something about it has changed.
    pub(super) const fn touch(&mut self) {
        self.stale = true;
    }

    /// Takes what was read.
    pub(super) fn take(&mut self, read: Option<Vec<Attendance>>, me: &str, now: DateTime<Utc>) {
        self.reading = false;
        self.read_at = Some(now);
        if let Some(read) = read {
            self.others = read
                .into_iter()
                // One's own other console is nobody else; what one holds is shown as a claim is.
                .filter(|other| other.who != me || other.doing == Doing::Holding)
                .map(|other| {
                    let left = TimeDelta::milliseconds((other.seconds * 1000.0) as i64);
                    (other, now + left)
                })
                .collect();
        }
    }

    /// Whether what was said of oneself has arrived.
    pub(super) const fn told_others(&mut self, arrived: bool) {
        self.telling = false;
        if !arrived {
            self.told = None;
        }
    }

    /// Leases end.
    pub(super) fn age(&mut self, now: DateTime<Utc>) {
        self.others.retain(|(_, until)| *until > now);
        let over = |(other, until): &(Attendance, DateTime<Utc>)| {
            other.doing != Doing::Holding && *until - now <= NEARLY
        };
        if self.read_at.is_none_or(|at| now - at > AGE) || self.others.iter().any(over) {
            self.stale = true;
        }
    }

    /// What is to be asked and said now, by somebody who is at this record.
    pub(super) fn settle(&mut self, at: Option<At>, now: DateTime<Utc>, effects: &mut Vec<Effect>) {
        let old = |said: DateTime<Utc>| at.is_some() && now - said >= RENEW;
        let due = match self.told {
            Some((told, said)) => told != at || old(said),
            None => at.is_some(),
        };
        if due && !self.telling {
            self.telling = true;
            self.told = Some((at, now));
            effects.push(Effect::Attend { at });
        }
        let rested = self.read_at.is_none_or(|read| now - read >= PAUSE);
        if self.stale && !self.reading && rested {
            self.stale = false;
            self.reading = true;
            effects.push(Effect::Presence);
        }
    }

    /// Whether it waits for the pause to be over.
    pub(super) const fn wants_tick(&self) -> bool {
        self.stale && !self.reading
    }
}

impl App {
    /// The record that this person is at, and whether they write something for it: a form that is
    /// open for it is about to do something with it, however short what is written.
    pub(super) fn attends(&self) -> Option<(RecordId, bool)> {
        if self.settings.read_only {
            // Others would have to be told by writing.
            return None;
        }
        let form = match &self.dialog {
            Some(Dialog::Form(form) | Dialog::Discard(form)) => Some(&**form),
            Some(Dialog::Macros(choosing)) => Some(&*choosing.form),
            Some(Dialog::Confirm(confirm)) => confirm.origin.as_ref().and_then(Origin::form),
            Some(Dialog::Conflict(conflict)) => conflict.origin.as_ref().and_then(Origin::form),
            _ => None,
        };
        let written = |form: &Form| {
            let target = form.targets.first()?;
            Some((target.record, true))
        };
        let open = || self.journey.page().map(|page| (page.id, false));
        form.and_then(written).or_else(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Kind;

    fn at(seconds: i64) -> DateTime<Utc> {
        "2026-03-10T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
    }

    const ORDER: RecordId = RecordId::new(Kind::Order, 1);

    fn bo(doing: Doing) -> Attendance {
        Attendance {
            who: "bo".into(),
            record: ORDER,
            doing,
            seconds: 15.0,
        }
    }

    #[test]
    fn whoever_is_not_heard_of_again_is_gone_by_the_end_of_the_lease() {
        let mut present = Present::default();
        present.take(Some(vec![bo(Doing::Writing)]), "ana", at(0));
        present.age(at(14));
        assert_eq!(present.writing(ORDER), Some("bo"));
        present.age(at(15));
        assert_eq!(present.writing(ORDER), None);
    }

    #[test]
    fn whoever_goes_on_is_heard_of_before_the_lease_is_over() {
        let mut present = Present::default();
        let asked = |present: &mut Present, seconds| {
            let mut effects = Vec::new();
            present.age(at(seconds));
            present.settle(None, at(seconds), &mut effects);
            matches!(effects.as_slice(), [Effect::Presence])
        };
        present.take(Some(vec![bo(Doing::Looking)]), "ana", at(0));
        assert!(!asked(&mut present, 8));
        assert!(asked(&mut present, 9));
        present.take(Some(vec![bo(Doing::Looking)]), "ana", at(9));
        assert!(!asked(&mut present, 16));
        assert_eq!(present.looking(ORDER), Some("bo"));
    }

    #[test]
    fn what_one_says_of_oneself_is_renewed_and_said_again_where_it_did_not_arrive() {
        let mut present = Present::default();
        let here = Some((ORDER, false));
        let said = |present: &mut Present, at_record, seconds| {
            let mut effects = Vec::new();
            present.settle(at_record, at(seconds), &mut effects);
            effects
                .iter()
                .any(|effect| matches!(effect, Effect::Attend { .. }))
        };
        assert!(!said(&mut present, None, 0), "nobody knows of it");
        assert!(said(&mut present, here, 0));
        assert!(!said(&mut present, None, 1), "one at a time");
        present.told_others(true);
        assert!(!said(&mut present, here, 2));
        assert!(said(&mut present, here, 5));
        present.told_others(false);
        assert!(said(&mut present, here, 6));
        present.told_others(true);
        assert!(said(&mut present, None, 7), "one has left");
        present.told_others(true);
        assert!(!said(&mut present, None, 60));
    }
}
