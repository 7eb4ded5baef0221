//! Notices: mails to customers and suppliers. Each is told once, can be stopped while it is held,
//! and is readable before it leaves and after.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::words::words;

words! {
    /// What a notice tells.
    pub enum NoticeKind {
        /// The order has arrived, with what it holds and when it will be there.
        OrderConfirmation = "order_confirmation",
        /// A parcel has left.
        Shipped = "shipped",
        /// A promise cannot be kept, with the new date.
        Delay = "delay",
        /// The carrier delivers today.
        OutForDelivery = "out_for_delivery",
        /// A parcel has arrived.
        Delivered = "delivered",
        /// A question or complaint has arrived.
        TicketReceived = "ticket_received",
        /// A supplier is asked for goods.
        PurchaseOrder = "purchase_order",
        /// A supplier is no longer asked for them.
        PurchaseOrderCancelled = "purchase_order_cancelled",
        /// A supplier that was told where to send goods is to send them elsewhere.
        AddressChanged = "address_changed",
        /// What one of us wrote to a customer; it has no template.
        TicketReply = "ticket_reply",
    }
}

impl NoticeKind {
    /// The words for the screen.
    pub fn label(self) -> String {
        self.as_str().replace('_', " ")
    }

    /// Whether a program decided to write it, rather than a person (RFC 3834).
    pub const fn is_automatic(self) -> bool {
        !matches!(self, Self::TicketReply)
    }
}

words! {
    /// The kinds of record that a notice can be about.
    pub enum SubjectKind {
        /// An order.
        Order = "order",
        /// A parcel.
        Shipment = "shipment",
        /// A ticket.
        Ticket = "ticket",
        /// A purchase order.
        PurchaseOrder = "purchase_order",
        /// A return.
        Return = "return",
    }
}

/// The record that a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Its kind.
    pub kind: SubjectKind,
    /// Its primary key.
    pub id: i64,
}

impl Subject {
    /// The record of this kind with this primary key.
    pub const fn new(kind: SubjectKind, id: i64) -> Self {
        Self { kind, id }
    }
}

words! {
    /// How far a notice has come.
    pub enum NoticeState {
        /// Waits for its undo window to end; it can be cancelled.
        Held = "held",
        /// Is being sent, or will be tried again.
        Queued = "queued",
        /// The mail server has taken it.
        Sent = "sent",
        /// The mail server has refused it: a person decides.
        Failed = "failed",
        /// It will not leave.
        Cancelled = "cancelled",
    }
}

words! {
    /// The languages that notices are written in, as ISO 639-1 names them.
    pub enum Locale {
        /// English.
        En = "en",
        /// German.
        De = "de",
        /// Portuguese.
        Pt = "pt",
    }
}

impl Locale {
    /// The language for a country (ISO 3166-1 alpha-2, in any case): English where it is none of
    /// the others.
    pub fn of_country(code: &str) -> Self {
        match code.to_ascii_uppercase().as_str() {
            "DE" | "AT" | "CH" | "LI" => Self::De,
            "PT" | "BR" | "AO" | "MZ" | "CV" => Self::Pt,
            _ => Self::En,
        }
    }
}

/// The texts of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// One line, without controls.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML, already escaped.
    #[serde(skip_serializing)]
    pub html: Option<String>,
}

/// A file that goes with a mail, in UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// Its name, such as `PO-7.csv`; the ending decides its media type.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A notice to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    /// What it tells.
    pub kind: NoticeKind,
    /// What it is about.
    pub subject: Subject,
    /// What it is for: the kind, the subject and this are told once. `placed`, `SHP-7`, `late:2026-03-09`.
    pub occasion: String,
    /// One mail address, with or without a name.
    pub recipient: String,
    /// What it says.
    pub mail: Mail,
    /// A file that goes with it.
    pub attachment: Option<Attachment>,
    /// Message-IDs that it answers, without angle brackets, the nearest last; empty for a mail of
    /// its own.
    pub answers: Vec<String>,
}

/// A notice as the view of its record shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Primary key.
    pub id: i64,
    /// What it tells.
    pub kind: NoticeKind,
    /// What it is about.
    pub subject: Subject,
    /// To whom.
    pub recipient: String,
    /// What it says.
    pub mail: Mail,
    /// The name of the file that goes with it.
    pub attachment: Option<String>,
    /// How far it has come.
    pub state: NoticeState,
    /// Until when it can be cancelled.
    pub held_until: DateTime<Utc>,
    /// When it is tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// How often it was tried.
    pub attempts: i32,
    /// What the mail server last said against it.
    pub error: Option<String>,
    /// When it left.
    pub sent_at: Option<DateTime<Utc>>,
}

/// A mail that does not get through for this long is given to a person. RFC 5321 (4.5.4.1) asks
/// for days, but nobody here should wait that long to hear that a customer knows nothing.
const PATIENCE: TimeDelta = TimeDelta::hours(24);

/// How long to wait after the attempt of this number, from 1: a minute, then twice as long each
/// time up to two hours. `None` once the notice has been due for too long.
pub fn backoff(attempts: i32, due: DateTime<Utc>, now: DateTime<Utc>) -> Option<TimeDelta> {
    let doublings = attempts.clamp(1, 8) - 1;
    let wait = TimeDelta::minutes(1 << doublings).min(TimeDelta::hours(2));
    (now + wait <= due + PATIENCE).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_grow_apart_and_end_within_a_day() {
        let due = DateTime::UNIX_EPOCH;
        let mut now = due;
        let mut waits = Vec::new();
        while let Some(wait) = backoff(waits.len() as i32 + 1, due, now) {
            waits.push(wait.num_minutes());
            now += wait;
        }
        assert_eq!(waits[..9], [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        assert!(now <= due + PATIENCE);
        assert_eq!(waits.len(), 17);
    }

    #[test]
    fn the_language_follows_the_country() {
        assert_eq!(Locale::of_country("at"), Locale::De);
        assert_eq!(Locale::of_country("BR"), Locale::Pt);
        assert_eq!(Locale::of_country(""), Locale::En);
    }
}
