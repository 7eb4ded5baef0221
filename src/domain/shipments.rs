//! Shipments (parcels) and their states.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::carriers::LabelState;
use super::tracking::{self, TrackingStatus};
use super::words::words;

words! {
    /// The merchant's word for a parcel; the carrier's is its tracking status.
    pub enum ShipmentState {
        /// Being packed.
        Draft = "draft",
        /// It has a label.
        Labelled = "labelled",
        /// The carrier has it.
        HandedOver = "handed_over",
        /// The customer has it.
        Delivered = "delivered",
        /// Nobody has it.
        Lost = "lost",
        /// It came back.
        ReturnedToSender = "returned_to_sender",
        /// It never left.
        Void = "void",
    }
}

words! {
    /// What was decided of a parcel that was lost or came back.
    pub enum Settled {
        /// Other units leave in its place.
        SentAgain = "sent_again",
        /// Nothing does: the customer was paid back, or wants nothing more.
        WrittenOff = "written_off",
    }
}

impl ShipmentState {
    /// Whether it is still on its way: not delivered, lost, returned or void.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Labelled | Self::HandedOver)
    }

    /// The word for the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::HandedOver => "handed over",
            Self::ReturnedToSender => "returned",
            other => other.as_str(),
        }
    }
}

/// A parcel as its list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShipmentSummary {
    /// Primary key; its number is `SHP-` and this.
    pub id: i64,
    /// Rises with every change.
    pub version: i64,
    /// The order it belongs to.
    pub order_id: i64,
    /// That order's number.
    pub order_number: String,
    /// The customer's name.
    pub customer: String,
    /// The carrier's name.
    pub carrier: Option<String>,
    /// Where the carrier tells of a parcel, as an administrator wrote it; `{code}` stands for its
    /// code.
    pub tracking_url: Option<String>,
    /// The carrier's code for it.
    pub tracking_code: Option<String>,
    /// The merchant's word.
    pub state: ShipmentState,
    /// What was decided of it, where it was lost or came back.
    pub settled: Option<Settled>,
    /// The carrier's word.
    pub tracking_status: TrackingStatus,
    /// The carrier's own word where it is not known.
    pub tracking_status_raw: Option<String>,
    /// When the carrier took it.
    pub handed_over_at: Option<DateTime<Utc>>,
    /// When the carrier last said anything.
    pub last_event_at: Option<DateTime<Utc>>,
    /// When the carrier expects to deliver it.
    pub eta: Option<DateTime<Utc>>,
    /// When it arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// By when somebody must look: its ETA, its order's promise, or five days of silence.
    pub due_at: Option<DateTime<Utc>>,
    /// Reported damaged.
    pub damaged: bool,
    /// ISO 3166 code of the country it goes to.
    pub country: Option<String>,
    /// Units in it.
    pub units: i64,
    /// How far the label has come that a carrier sells for it, where one was wanted.
    pub label: Option<LabelState>,
    /// What the worker gave up of its work for it, and why.
    pub given_up: Option<String>,
    /// What its order waits for, while it has not left.
    pub waits: Option<String>,
    /// That its label is for another address than its order has, and what to do.
    pub stale_label: Option<String>,
}

impl ShipmentSummary {
    /// What somebody has to decide of it, where it was lost or came back.
    pub const fn undecided(&self) -> Option<&'static str> {
        match (self.state, self.settled) {
            (ShipmentState::Lost, None) => Some("it is lost: send-again or write-off"),
            (ShipmentState::ReturnedToSender, None) => {
                Some("it came back: send-again or write-off")
            }
            _ => None,
        }
    }

    /// The carrier's page about it, if there is one.
    pub fn tracking_page(&self) -> Option<String> {
        tracking::page(
            self.tracking_url.as_deref(),
            self.carrier.as_deref()?,
            self.tracking_code.as_deref()?,
        )
    }
}

/// Units of one order line in a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShipmentLine {
    /// The order line's SKU.
    pub sku: String,
    /// The order line's title.
    pub title: String,
    /// Units.
    pub quantity: i32,
}

/// One thing that the carrier said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrackingEvent {
    /// When it happened, by the carrier's word.
    pub at: DateTime<Utc>,
    /// The status.
    pub status: TrackingStatus,
    /// The carrier's own word where the status is not known.
    pub status_raw: Option<String>,
    /// The carrier's message.
    pub message: String,
    /// Where.
    pub location: String,
}
