//! Records: what a pane lists, what an act names, what a change is about.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::inspections::InspectionSummary;
use super::orders::OrderSummary;
use super::shipments::{ShipmentState, ShipmentSummary};
use super::stock::StockSummary;
use super::tickets::TicketSummary;
use super::words::words;

words! {
    /// The kinds of record that have a pane, in the order of the panes' keys.
    pub enum Kind {
        /// An order and its fulfilments; pane 1.
        Order = "order",
        /// A product at a location; pane 2.
        Stock = "stock",
        /// A parcel; pane 3.
        Shipment = "shipment",
        /// An inspection; pane 4.
        Inspection = "inspection",
        /// A ticket; pane 5.
        Ticket = "ticket",
    }
}

impl Kind {
    /// The name of the list, as `packline list` takes it.
    pub const fn plural(self) -> &'static str {
        match self {
            Kind::Order => "orders",
            Kind::Stock => "stock",
            Kind::Shipment => "shipments",
            Kind::Inspection => "inspections",
            Kind::Ticket => "tickets",
        }
    }

    /// The kind that a list's name means.
    pub fn from_plural(word: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.plural() == word)
    }

    /// What the pane's tab says.
    pub const fn title(self) -> &'static str {
        match self {
            Kind::Order => "Orders",
            Kind::Stock => "Stock",
            Kind::Shipment => "Shipments",
            Kind::Inspection => "QC",
            Kind::Ticket => "Tickets",
        }
    }
}

/// A list of the console and of `packline list`: what a pane shows, in the order of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    /// Every promise of every kind, the nearest first; pane 0.
    Next,
    /// The records of one kind.
    Of(Kind),
}

impl Pane {
    /// Every pane.
    pub const ALL: &'static [Self] = &[
        Self::Next,
        Self::Of(Kind::Order),
        Self::Of(Kind::Stock),
        Self::Of(Kind::Shipment),
        Self::Of(Kind::Inspection),
        Self::Of(Kind::Ticket),
    ];

    /// The kind of its records, where they are all of one.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Next => None,
            Self::Of(kind) => Some(kind),
        }
    }

    /// The name of the list, as `packline list` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Of(kind) => kind.plural(),
        }
    }

    /// What the pane's tab says.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Next => "Next",
            Self::Of(kind) => kind.title(),
        }
    }
}

impl From<Kind> for Pane {
    fn from(kind: Kind) -> Self {
        Self::Of(kind)
    }
}

/// A record of the database: its kind and its primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordId {
    /// The kind of record.
    pub kind: Kind,
    /// Its primary key.
    pub id: i64,
}

impl RecordId {
    /// The record of this kind with this primary key.
    pub const fn new(kind: Kind, id: i64) -> Self {
        Self { kind, id }
    }
}

/// A record's name as a person types it: `#1042` or `web/#1042`, `SHP-7`, `INS-7`, `TKT-7`, a
/// SKU or `SKU@location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordName {
    /// An order's number, with its channel where two channels share the number.
    Order {
        /// The channel's name, if given.
        channel: Option<String>,
        /// The number as the channel prints it, such as `#1042`.
        number: String,
    },
    /// A product's stock, with the location where it lies in several.
    Stock {
        /// The product's SKU.
        sku: String,
        /// The location's name, if given.
        location: Option<String>,
    },
    /// `SHP-7`.
    Shipment(i64),
    /// `INS-7`.
    Inspection(i64),
    /// `TKT-7`.
    Ticket(i64),
}

impl FromStr for RecordName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some((prefix, digits)) = text.split_once('-')
            && let Ok(id) = digits.parse::<i64>()
        {
            match prefix.to_ascii_uppercase().as_str() {
                "SHP" => return Ok(Self::Shipment(id)),
                "INS" => return Ok(Self::Inspection(id)),
                "TKT" => return Ok(Self::Ticket(id)),
                _ => {}
            }
        }
        if text.starts_with('#') {
            return Ok(Self::Order {
                channel: None,
                number: text.to_owned(),
            });
        }
        if let Some((channel, number)) = text.split_once('/')
            && !channel.is_empty()
            && number.starts_with('#')
        {
            return Ok(Self::Order {
                channel: Some(channel.to_owned()),
                number: number.to_owned(),
            });
        }
        Ok(match text.split_once('@') {
            Some((sku, location)) if !sku.is_empty() && !location.is_empty() => Self::Stock {
                sku: sku.to_owned(),
                location: Some(location.to_owned()),
            },
            _ => Self::Stock {
                sku: text.to_owned(),
                location: None,
            },
        })
    }
}

impl RecordName {
    /// The kind of record that the name means.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Order { .. } => Kind::Order,
            Self::Stock { .. } => Kind::Stock,
            Self::Shipment(_) => Kind::Shipment,
            Self::Inspection(_) => Kind::Inspection,
            Self::Ticket(_) => Kind::Ticket,
        }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order {
                channel: None,
                number,
            } => f.write_str(number),
            Self::Order {
                channel: Some(channel),
                number,
            } => write!(f, "{channel}/{number}"),
            Self::Stock {
                sku,
                location: None,
            } => f.write_str(sku),
            Self::Stock {
                sku,
                location: Some(location),
            } => write!(f, "{sku}@{location}"),
            Self::Shipment(id) => write!(f, "SHP-{id}"),
            Self::Inspection(id) => write!(f, "INS-{id}"),
            Self::Ticket(id) => write!(f, "TKT-{id}"),
        }
    }
}

/// A record as a list shows it: enough to draw its row and to say which verbs apply.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Record {
    /// An order.
    Order(OrderSummary),
    /// A product at a location.
    Stock(StockSummary),
    /// A parcel.
    Shipment(ShipmentSummary),
    /// An inspection.
    Inspection(InspectionSummary),
    /// A ticket.
    Ticket(TicketSummary),
}

impl Record {
    /// Which record this is.
    pub const fn id(&self) -> RecordId {
        match self {
            Self::Order(r) => RecordId::new(Kind::Order, r.id),
            Self::Stock(r) => RecordId::new(Kind::Stock, r.id),
            Self::Shipment(r) => RecordId::new(Kind::Shipment, r.id),
            Self::Inspection(r) => RecordId::new(Kind::Inspection, r.id),
            Self::Ticket(r) => RecordId::new(Kind::Ticket, r.id),
        }
    }

    /// The version that an act on what is seen here expects.
    pub const fn version(&self) -> i64 {
        match self {
            Self::Order(r) => r.version,
            Self::Stock(r) => r.version,
            Self::Shipment(r) => r.version,
            Self::Inspection(r) => r.version,
            Self::Ticket(r) => r.version,
        }
    }

    /// The record's number as people say it: `#1042`, a SKU, `SHP-7`.
    pub fn number(&self) -> String {
        match self {
            Self::Order(r) => r.number.clone(),
            Self::Stock(r) => r.sku.clone(),
            Self::Shipment(r) => format!("SHP-{}", r.id),
            Self::Inspection(r) => format!("INS-{}", r.id),
            Self::Ticket(r) => format!("TKT-{}", r.id),
        }
    }

    /// The instant of the record's nearest promise, if it has one.
    pub const fn due_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Order(r) => r.due_at(),
            Self::Stock(r) => r.due_at(),
            Self::Shipment(r) => r.due_at,
            Self::Inspection(r) => r.due_at,
            Self::Ticket(r) => r.due_at,
        }
    }

    /// What breaks at [`Record::due_at`], as people say it: `ship`, `arrive`, `answer`.
    pub const fn promise(&self) -> Option<&'static str> {
        if self.due_at().is_none() {
            return None;
        }
        Some(match self {
            Self::Order(r) if r.stage.is_open() => "ship",
            Self::Order(_) => "arrive",
            // What is short keeps an order from leaving.
            Self::Stock(_) => "restock",
            Self::Shipment(r) => match r.state {
                ShipmentState::HandedOver => "arrive",
                _ => "hand over",
            },
            Self::Inspection(_) => "check",
            Self::Ticket(r) => match r.clock {
                Some(clock) => clock.waits_for(),
                None => "answer",
            },
        })
    }

    /// Who or what it is about, for a list of several kinds.
    pub fn about(&self) -> String {
        match self {
            Self::Order(r) => r.customer.clone(),
            Self::Stock(r) => format!("{}, {} short", r.title, r.short()),
            Self::Shipment(r) => format!("{} {}", r.order_number, r.customer),
            Self::Inspection(r) => match &r.order_number {
                Some(order) => format!("{order} {}", r.subject),
                None => r.subject.clone(),
            },
            Self::Ticket(r) => format!("{}: {}", r.customer, r.subject),
        }
    }

    /// Who has claimed it.
    pub fn assignee(&self) -> Option<&str> {
        match self {
            Self::Order(r) => r.assignee.as_deref(),
            Self::Stock(_) | Self::Shipment(_) => None,
            Self::Inspection(r) => r.assignee.as_deref(),
            Self::Ticket(r) => r.assignee.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_type_them() {
        let cases = [
            ("#1042", Kind::Order),
            ("web/#1042", Kind::Order),
            ("SHP-7", Kind::Shipment),
            ("ins-7", Kind::Inspection),
            ("TKT-7", Kind::Ticket),
            ("85123A", Kind::Stock),
            ("SHP-X", Kind::Stock),
            ("85123A@Main", Kind::Stock),
        ];
        for (text, kind) in cases {
            let Ok(name) = text.parse::<RecordName>();
            assert_eq!(name.kind(), kind, "{text}");
            assert_eq!(name.to_string().to_lowercase(), text.to_lowercase());
        }
    }
}
