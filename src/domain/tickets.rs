//! Tickets and their messages.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::notices::NoticeState;
use super::words::words;

words! {
    /// How a ticket stands.
    pub enum TicketState {
        /// Nobody has looked.
        New = "new",
        /// Ours to answer.
        Open = "open",
        /// The customer's to answer.
        Pending = "pending",
        /// Answered for good, we think.
        Resolved = "resolved",
        /// Over.
        Closed = "closed",
        /// Went into another ticket.
        Merged = "merged",
    }
}

impl TicketState {
    /// Whether somebody still has to do something.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Open | Self::Pending)
    }
}

words! {
    /// How soon a ticket must be answered.
    pub enum Priority {
        /// When there is time.
        Low = "low",
        /// In turn.
        Normal = "normal",
        /// Before others.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

words! {
    /// What a message of a ticket is.
    pub enum MessageKind {
        /// The customer's mail.
        Inbound = "inbound",
        /// Our answer.
        Outbound = "outbound",
        /// For staff only.
        Note = "note",
        /// What was said on the telephone.
        Call = "call",
        /// A mail that could not be delivered.
        Bounce = "bounce",
        /// A machine's answer.
        Auto = "auto",
    }
}

words! {
    /// The clocks that a ticket runs against.
    pub enum Clock {
        /// From the customer's first message to our first answer.
        FirstResponse = "first_response",
        /// From a later message to our answer.
        NextResponse = "next_response",
        /// From the first message to the resolution.
        Resolution = "resolution",
    }
}

impl Clock {
    /// What it waits for, in few words.
    pub const fn waits_for(self) -> &'static str {
        match self {
            Self::FirstResponse => "answer",
            Self::NextResponse => "next answer",
            Self::Resolution => "resolve",
        }
    }
}

words! {
    /// How a ticket was resolved.
    pub enum Resolution {
        /// A question was answered.
        Answered = "answered",
        /// An apology was enough.
        Apology = "apology",
        /// The order is sent again.
        Replace = "replace",
        /// Money goes back.
        Refund = "refund",
        /// Something else is sent instead.
        Exchange = "exchange",
        /// The customer has credit with us.
        Credit = "credit",
        /// Nothing could or had to be done.
        None = "none",
    }
}

/// A ticket as its list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketSummary {
    /// Primary key; its number is `TKT-` and this.
    pub id: i64,
    /// Rises with every change.
    pub version: i64,
    /// The subject, as the customer wrote it.
    pub subject: String,
    /// The customer's name, or address.
    pub customer: String,
    /// Whether there is a mail address to answer to.
    pub has_address: bool,
    /// The order it is about.
    pub order_id: Option<i64>,
    /// That order's number.
    pub order_number: Option<String>,
    /// How it stands.
    pub state: TicketState,
    /// How soon it must be answered.
    pub priority: Priority,
    /// Who has claimed it.
    pub assignee: Option<String>,
    /// When the nearest running clock breaches.
    pub due_at: Option<DateTime<Utc>>,
    /// Which clock that is.
    pub clock: Option<Clock>,
    /// Out of sight until then.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// When the last message came or went.
    pub last_message_at: Option<DateTime<Utc>>,
    /// How many messages it has.
    pub messages: i64,
    /// Mails about it that can still be stopped.
    pub held_mails: i64,
    /// Mails about it that did not get through: a person decides.
    pub failed_mails: i64,
}

/// One message of a ticket. All text is as its writer wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Primary key.
    pub id: i64,
    /// What it is.
    pub kind: MessageKind,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Who wrote it: an address, or a colleague's login.
    pub from: String,
    /// Its text.
    pub body: String,
    /// How the mail stands that carries it, where it is ours to send.
    pub mail: Option<NoticeState>,
    /// Names and sizes in bytes of what was attached.
    pub attachments: Vec<(String, i64)>,
}
