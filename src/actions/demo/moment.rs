//! Moments: what the files of a demo tell, each with its time.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::folder::{Folder, Source};
use crate::actions::import::dispatches::Parcels;
use crate::domain::incoming::{Dispatch, Order, TrackerEvent};
use crate::intake::dispatches::Dispatches;
use crate::intake::easypost::TrackerEvents;
use crate::intake::mail::Mail;
use crate::intake::shopify::Orders;
use crate::intake::{Fault, Rejection};

/// What happens at one time.
#[derive(Debug, Clone)]
pub(super) enum Moment {
    /// An order is placed, or cancelled.
    Order(Box<Order>),
    /// A parcel leaves a supplier: its lines.
    Parcel(Vec<Dispatch>),
    /// A carrier says something.
    Event(TrackerEvent),
    /// A mail arrives.
    Mail(Box<Mail>),
    /// A colleague does something.
    Deed(Deed),
}

/// What a colleague does: a line of `acts.jsonl`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deed {
    /// The line, from 1.
    #[serde(skip)]
    pub(super) line: u64,
    /// The act's own id, so that it is done once.
    #[serde(skip, default = "Uuid::now_v7")]
    pub(super) id: Uuid,
    /// When.
    pub(super) at: DateTime<Utc>,
    /// The colleague's login.
    pub(super) person: String,
    /// The verb's name.
    pub(super) verb: String,
    /// The record's name.
    pub(super) record: String,
    /// What the verb is told.
    #[serde(default)]
    pub(super) args: BTreeMap<String, serde_json::Value>,
}

impl Deed {
    /// What is said of a deed that was not done.
    pub(super) fn rejection(&self, file: &str, reason: impl Into<String>) -> Rejection {
        let said = format!("{} {} {}", self.person, self.verb, self.record);
        Rejection::new(file, self.line, "", &said, reason)
    }
}

/// What was read of a folder: moments with their times, and what was not understood.
type Read = (Vec<(DateTime<Utc>, Moment)>, Vec<Rejection>);

/// Reads all moments of a folder, in the order of its files.
pub(super) fn all(folder: &Folder) -> Result<Read, Fault> {
    let mut reader = Reader::default();
    for source in Source::OF_MOMENTS {
        let file = folder.name(source.file());
        if source == Source::Mail {
            reader.mails(folder);
        } else if let Some(bytes) = folder.bytes(source) {
            reader.file(source, bytes, &file)?;
        }
    }
    Ok((reader.moments, reader.rejected))
}

#[derive(Default)]
struct Reader {
    moments: Vec<(DateTime<Utc>, Moment)>,
    rejected: Vec<Rejection>,
}

impl Reader {
    fn file(&mut self, source: Source, bytes: &[u8], file: &str) -> Result<(), Fault> {
        match source {
            Source::Orders => {
                let orders = self.accepted(Orders::open(bytes, file))?;
                for order in orders.into_iter().flatten() {
                    if let Some(order) = self.accepted(order)? {
                        self.order(order);
                    }
                }
            }
            Source::Dispatches => {
                let lines = self.accepted(Dispatches::open(bytes, file))?;
                for parcel in lines.into_iter().flat_map(Parcels::of) {
                    if let Some(parcel) = self.accepted(parcel)? {
                        let at = parcel[0].shipped_at;
                        self.moments.push((at, Moment::Parcel(parcel)));
                    }
                }
            }
            Source::Tracking => {
                for event in TrackerEvents::open(bytes, file) {
                    if let Some(event) = self.accepted(event)? {
                        self.moments.push((event.created_at, Moment::Event(event)));
                    }
                }
            }
            Source::Acts => {
                for deed in deeds(bytes, file) {
                    if let Some(deed) = self.accepted(deed)? {
                        self.moments.push((deed.at, Moment::Deed(deed)));
                    }
                }
            }
            Source::Options | Source::Catalog | Source::Mail => {}
        }
        Ok(())
    }

    fn accepted<T>(&mut self, read: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Fault::Rejected(rejection)) => {
                self.rejected.push(rejection);
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// An export knows how an order ended; it is placed first.
    fn order(&mut self, order: Order) {
        if let Some(cancelled_at) = order.cancelled_at.filter(|at| *at > order.placed_at) {
            let placed = Order {
                cancelled_at: None,
                ..order.clone()
            };
            self.moments
                .push((placed.placed_at, Moment::Order(Box::new(placed))));
            self.moments
                .push((cancelled_at, Moment::Order(Box::new(order))));
        } else {
            self.moments
                .push((order.placed_at, Moment::Order(Box::new(order))));
        }
    }

    /// A mail without a date came with the one before it.
    fn mails(&mut self, folder: &Folder) {
        let mut last = DateTime::UNIX_EPOCH;
        for (file, bytes) in folder.mails() {
            let mut mail = Mail::read(&file, bytes.to_vec());
            last = *mail.sent_at.get_or_insert(last);
            self.moments.push((last, Moment::Mail(Box::new(mail))));
        }
    }
}

fn deeds(bytes: &[u8], file: &str) -> impl Iterator<Item = Result<Deed, Fault>> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    lines.map(move |(json, line)| {
        let deed: Deed = serde_json::from_slice(json).map_err(|error| {
            let text = String::from_utf8_lossy(json);
            let reason =
                format!("expected an object with at, person, verb, record and args: {error}");
            Rejection::new(file, line, "", &text, reason)
        })?;
        Ok(Deed { line, ..deed })
    })
}

impl Moment {
    pub(super) fn source(&self) -> Source {
        match self {
            Self::Order(_) => Source::Orders,
            Self::Parcel(_) => Source::Dispatches,
            Self::Event(_) => Source::Tracking,
            Self::Mail(_) => Source::Mail,
            Self::Deed(_) => Source::Acts,
        }
    }

    /// The same with all its times moved.
    pub(super) fn moved(mut self, by: TimeDelta) -> Self {
        let later = |at: &mut DateTime<Utc>| *at = at.checked_add_signed(by).unwrap_or(*at);
        match &mut self {
            Self::Order(order) => {
                later(&mut order.placed_at);
                order.paid_at.as_mut().map(later);
                order.cancelled_at.as_mut().map(later);
            }
            Self::Parcel(lines) => {
                for line in lines {
                    later(&mut line.shipped_at);
                }
            }
            Self::Event(event) => {
                later(&mut event.created_at);
                event.estimated_delivery.as_mut().map(later);
                for detail in &mut event.details {
                    later(&mut detail.happened_at);
                }
            }
            Self::Mail(mail) => {
                mail.sent_at.as_mut().map(later);
            }
            Self::Deed(deed) => {
                later(&mut deed.at);
                if let Some(serde_json::Value::String(until)) = deed.args.get_mut("until")
                    && let Ok(mut at) = until.parse::<DateTime<Utc>>()
                {
                    later(&mut at);
                    *until = at.to_rfc3339();
                }
            }
        }
        self
    }

    pub(super) fn order(self) -> Option<Order> {
        match self {
            Self::Order(order) => Some(*order),
            _ => None,
        }
    }

    pub(super) fn parcel(self) -> Option<Vec<Dispatch>> {
        match self {
            Self::Parcel(lines) => Some(lines),
            _ => None,
        }
    }

    pub(super) fn event(self) -> Option<TrackerEvent> {
        match self {
            Self::Event(event) => Some(event),
            _ => None,
        }
    }

    pub(super) fn mail(self) -> Option<Mail> {
        match self {
            Self::Mail(mail) => Some(*mail),
            _ => None,
        }
    }

    pub(super) fn deed(self) -> Option<Deed> {
        match self {
            Self::Deed(deed) => Some(deed),
            _ => None,
        }
    }
}
