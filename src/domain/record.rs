//! Records: what a pane lists, what an act names, what a change is about.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::inspections::InspectionSummary;
use super::orders::OrderSummary;
use super::shipments::{ShipmentState, ShipmentSummary};
use super::stock::StockSummary;
use super::tickets::TicketSummary;

pub use super::kind::{Kind, Pane, RecordId, RecordName};

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
                ShipmentState::Lost | ShipmentState::ReturnedToSender => "decide",
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
