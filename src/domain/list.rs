//! Lists: what a pane or `packline list` asks for, and the pages it gets.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::record::{Kind, Pane, Record, RecordId};
use super::words::words;

words! {
    /// What a list can be sorted by. Each kind has a few of these; see [`SortColumn::of`].
    pub enum SortColumn {
        /// The nearest promise; the default where there are promises.
        Due = "due",
        /// Days of cover: the default of stock.
        Cover = "cover",
        /// The number or SKU.
        Number = "number",
        /// When it was placed, handed over, asked for or opened.
        Age = "age",
        /// The customer's name, or the product's title.
        Name = "name",
        /// How far it has come.
        State = "state",
        /// The order's total, or the units.
        Amount = "amount",
    }
}

impl SortColumn {
    /// The columns of a list, its default first.
    pub fn of(pane: impl Into<Pane>) -> &'static [SortColumn] {
        let Some(kind) = pane.into().kind() else {
            return &[Self::Due];
        };
        match kind {
            Kind::Order => &[
                Self::Due,
                Self::Age,
                Self::Number,
                Self::Name,
                Self::State,
                Self::Amount,
            ],
            Kind::Stock => &[Self::Cover, Self::Number, Self::Name, Self::Amount],
            Kind::Inspection => &[Self::Due, Self::Age, Self::Number, Self::State],
            Kind::Shipment | Kind::Ticket => {
                &[Self::Due, Self::Age, Self::Number, Self::Name, Self::State]
            }
        }
    }
}

/// A column and a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// The column.
    pub column: SortColumn,
    /// Largest or latest first.
    pub descending: bool,
}

impl Sort {
    /// What a pane starts with.
    pub fn default_of(pane: impl Into<Pane>) -> Self {
        Self {
            column: SortColumn::of(pane)[0],
            descending: false,
        }
    }
}

/// What a list asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Which list.
    pub pane: Pane,
    /// Which of its records; an empty filter means the pane's open work.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
}

/// Who asks for a list: what `me` and `today` mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The login that `who:me` means.
    pub login: String,
    /// The zone whose days `today` and `placed:2026-03-10` are.
    pub zone: Tz,
}

/// A row's place in its list: the sort column's value, then the record. The order is the
/// database's own, so that rows can be put in place without asking it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SortKey {
    /// The sort column's value.
    pub value: SortValue,
    /// The record; those of one kind by their primary key.
    pub id: RecordId,
}

/// A sort column's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortValue {
    /// An instant in microseconds since 1970 UTC, a count, an amount; nothing is the largest.
    Number(i64),
    /// Text in byte order (`collate "C"`).
    Text(String),
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRow {
    /// The record.
    pub record: Record,
    /// Its place.
    pub key: SortKey,
}

/// From where a page is read. Pages are always in the list's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// The first rows.
    Start,
    /// The last rows.
    End,
    /// Rows after this place.
    After(SortKey),
    /// Rows before this place.
    Before(SortKey),
    /// Rows from this place on, itself included.
    From(SortKey),
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The rows, in the list's order.
    pub rows: Vec<ListRow>,
    /// Whether there are no more rows in the direction that was read.
    pub complete: bool,
}

/// A count that is exact up to [`Count::LIMIT`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count(pub i64);

impl Count {
    /// Beyond this many, it only says that there are more.
    pub const LIMIT: i64 = 1000;
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 > Self::LIMIT {
            write!(f, "{}+", Self::LIMIT)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// What a pane's tab says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TabCount {
    /// Open work.
    pub open: Count,
    /// What of it is late or breaching.
    pub urgent: Count,
}

/// Every tab's counts, by kind, at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Promises of every kind; urgent are those that have passed.
    pub next: TabCount,
    /// Orders; urgent are those past their promise.
    pub orders: TabCount,
    /// Stock; urgent is what open orders want and cannot get.
    pub stock: TabCount,
    /// Shipments; urgent are those late or silent.
    pub shipments: TabCount,
    /// Inspections; urgent are those that failed.
    pub inspections: TabCount,
    /// Tickets; urgent are those past a clock.
    pub tickets: TabCount,
    /// Whether there is no product and no order at all yet.
    #[serde(skip)]
    pub nothing_yet: bool,
    /// Which kinds of the worker's jobs fail again and again, and why: it is no record's alone.
    #[serde(skip)]
    pub failing: Option<String>,
}

impl Counts {
    /// The counts of a pane.
    pub fn of(&self, pane: impl Into<Pane>) -> TabCount {
        let Some(kind) = pane.into().kind() else {
            return self.next;
        };
        match kind {
            Kind::Order => self.orders,
            Kind::Stock => self.stock,
            Kind::Shipment => self.shipments,
            Kind::Inspection => self.inspections,
            Kind::Ticket => self.tickets,
        }
    }
}

/// One entry of a record's history: what one act, or one direct write, did to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// The login that did it.
    pub who: String,
    /// The verb; none for a write that was not an act.
    pub verb: Option<String>,
    /// What it came through: `console`, `act`, `import`, `direct SQL`.
    pub source: String,
    /// The reason given.
    pub reason: Option<String>,
    /// What changed, a phrase each, such as `stage: confirmed → on_hold`.
    pub changes: Vec<String>,
}
