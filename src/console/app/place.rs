//! Places: a pane, or a record in full; and the way between them, back and forth.

use super::document::Line;
use super::msg::{RecordPage, Request};
use crate::domain::full::FullRecord;
use crate::domain::record::{Pane, Record, RecordId};

/// Places remembered at most.
const REMEMBERED: usize = 100;

/// Where one is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a pane.
    Pane(Pane),
    /// At a record in full.
    Record(Box<Page>),
}

/// A record in full, as far as it has been read.
#[derive(Debug, Clone)]
pub struct Page {
    /// Which record.
    pub id: RecordId,
    /// The record as a list showed it, until it is read.
    pub seen: Option<Record>,
    /// What is known of it.
    pub shown: Option<RecordPage>,
    /// There is no such record.
    pub missing: bool,
    /// Why it could not be read.
    pub error: Option<String>,
    /// The line of the cursor.
    pub cursor: usize,
    /// The first line on the screen.
    pub top: usize,
    stale: bool,
    under_way: Option<Request>,
}

impl Page {
    /// A record that is still to be read.
    pub const fn new(id: RecordId) -> Self {
        Self {
            id,
            seen: None,
            shown: None,
            missing: false,
            error: None,
            cursor: 0,
            top: 0,
            stale: true,
            under_way: None,
        }
    }

    /// A record that a list shows, and that is still to be read in full.
    pub fn of(record: Record) -> Self {
        let id = record.id();
        Self {
            seen: Some(record),
            ..Self::new(id)
        }
    }

    /// The record as a list would show it.
    pub fn record(&self) -> Option<Record> {
        let read = self.shown.as_ref().map(|page| summary(&page.full));
        read.or_else(|| self.seen.clone())
    }

    /// Whether nothing is known of it yet, and something will be.
    pub fn is_awaited(&self) -> bool {
        self.record().is_none() && !self.missing && self.error.is_none()
    }

    /// Whether it shows this record as it was before this version, and will not for long.
    pub fn is_behind(&self, id: RecordId, version: i64) -> bool {
        let shown = self
            .shown
            .as_ref()
            .map(|page| summary(&page.full).version());
        self.id == id
            && (self.stale || self.under_way.is_some())
            && !self.missing
            && self.error.is_none()
            && shown.is_none_or(|shown| shown < version)
    }

    /// It may have changed.
    pub fn touch(&mut self) {
        self.stale = true;
    }

    /// Asks again after a failure.
    pub fn retry(&mut self) {
        self.error = None;
    }

    /// Whether it is to be read now; `request` is the number then.
    pub fn fetch(&mut self, request: Request) -> bool {
        if !self.stale || self.under_way.is_some() || self.error.is_some() {
            return false;
        }
        self.stale = false;
        self.under_way = Some(request);
        true
    }

    /// Whether this request is the one that reads it.
    pub fn waits_for(&self, request: Request) -> bool {
        self.under_way == Some(request)
    }

    /// Takes what was read.
    pub fn take(&mut self, read: Result<Option<RecordPage>, String>) {
        self.under_way = None;
        match read {
            Ok(Some(page)) => {
                self.shown = Some(page);
                self.missing = false;
            }
            Ok(None) => self.missing = true,
            Err(why) => {
                self.error = Some(why);
                self.stale = true;
            }
        }
    }

    /// Moves the cursor by so many lines, over those at which it stops.
    pub fn step(&mut self, lines: &[Line], by: isize, height: usize) {
        step((&mut self.cursor, &mut self.top), lines, by, height);
    }

    /// Keeps cursor and scroll within the lines.
    pub fn clamp(&mut self, lines: &[Line], height: usize) {
        self.cursor = self.cursor.min(lines.len().saturating_sub(1));
        self.step(lines, 0, height);
        self.top = self.top.min(lines.len().saturating_sub(height));
    }
}

/// Moves a cursor by so many lines, over those at which it stops, and the first line on the screen
/// with it.
pub(super) fn step(
    (cursor, top): (&mut usize, &mut usize),
    lines: &[Line],
    by: isize,
    height: usize,
) {
    let stops: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].stop).collect();
    let Some(last) = stops.len().checked_sub(1) else {
        return;
    };
    let at = stops.partition_point(|stop| *stop < *cursor);
    let to = at.saturating_add_signed(by).min(last);
    *cursor = stops[to];
    // At an end, what the cursor passes over shall be seen too.
    let seen = match to {
        0 => 0,
        _ if to == last => lines.len() - 1,
        _ => *cursor,
    };
    for line in [seen, *cursor] {
        let lowest = (line + 1).saturating_sub(height.max(1));
        *top = (*top).clamp(lowest, line);
    }
}

/// A record in full as a list would show it.
pub(super) fn summary(full: &FullRecord) -> Record {
    match full {
        FullRecord::Order(order) => Record::Order(order.summary.clone()),
        FullRecord::Stock(stock) => Record::Stock(stock.summary.clone()),
        FullRecord::Shipment(parcel) => Record::Shipment(parcel.summary.clone()),
        FullRecord::Inspection(inspection) => Record::Inspection(inspection.summary.clone()),
        FullRecord::Ticket(ticket) => Record::Ticket(ticket.summary.clone()),
    }
}

/// The places that one has been to, and where among them one is.
#[derive(Debug, Clone)]
pub struct Journey {
    places: Vec<Place>,
    at: usize,
}

impl Journey {
    /// Begins in a pane.
    pub fn new(pane: Pane) -> Self {
        Self {
            places: vec![Place::Pane(pane)],
            at: 0,
        }
    }

    /// Where one is.
    pub fn here(&self) -> &Place {
        &self.places[self.at]
    }

    /// The page of the record where one is.
    pub fn page(&self) -> Option<&Page> {
        match self.here() {
            Place::Record(page) => Some(page),
            Place::Pane(_) => None,
        }
    }

    /// The same, to change.
    pub fn page_mut(&mut self) -> Option<&mut Page> {
        match &mut self.places[self.at] {
            Place::Record(page) => Some(page),
            Place::Pane(_) => None,
        }
    }

    /// Every page on the way.
    pub fn pages_mut(&mut self) -> impl Iterator<Item = &mut Page> {
        self.places.iter_mut().filter_map(|place| match place {
            Place::Record(page) => Some(&mut **page),
            Place::Pane(_) => None,
        })
    }

    /// The pane where one is, or from where one came to the record.
    pub fn pane(&self) -> Pane {
        self.places[..=self.at]
            .iter()
            .rev()
            .find_map(|place| match place {
                Place::Pane(pane) => Some(*pane),
                Place::Record(_) => None,
            })
            .unwrap_or(Pane::Next)
    }

    /// How many records deep one is from the pane.
    pub fn trail(&self) -> Vec<RecordId> {
        let mut trail: Vec<_> = self.places[..=self.at]
            .iter()
            .rev()
            .map_while(|place| match place {
                Place::Record(page) => Some(page.id),
                Place::Pane(_) => None,
            })
            .collect();
        trail.reverse();
        trail
    }

    /// Goes to a place; what lay ahead is forgotten.
    pub fn go(&mut self, place: Place) {
        let same = match (self.here(), &place) {
            (Place::Pane(a), Place::Pane(b)) => a == b,
            (Place::Record(a), Place::Record(b)) => a.id == b.id,
            _ => false,
        };
        if same {
            return;
        }
        self.places.truncate(self.at + 1);
        self.places.push(place);
        if self.places.len() > REMEMBERED {
            // The first is always a pane, so that there is one to be in.
            self.places.remove(1);
        }
        self.at = self.places.len() - 1;
    }

    /// One place back; says whether there was one.
    pub fn back(&mut self) -> bool {
        let any = self.at > 0;
        self.at = self.at.saturating_sub(1);
        any
    }

    /// One place forth; says whether there was one.
    pub fn forth(&mut self) -> bool {
        let any = self.at + 1 < self.places.len();
        self.at = (self.at + 1).min(self.places.len() - 1);
        any
    }
}
