//! What is said of a record wherever it is shown: facts in their tone, and the parts that several
//! kinds' pages share.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::document::{Cell, Document, Row, Span, Tone, bad, link, muted, plain, right};
use super::drafts::Drafts;
use super::presence::Present;
use crate::domain::inspections::{InspectionState, InspectionSummary};
use crate::domain::money::{Currency, Money};
use crate::domain::orders::{Address, OrderSummary, Stage};
use crate::domain::record::{Kind, RecordId};
use crate::domain::shipments::{ShipmentLine, ShipmentState, ShipmentSummary};
use crate::domain::text;
use crate::domain::tickets::{Priority, TicketState, TicketSummary};
use crate::domain::tracking::TrackingStatus;
use crate::domain::when;

pub use crate::domain::when::{ago, clock as time_of_day, left, offset, since, span, stamp, time};

/// When and where a page is read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Now.
    pub now: DateTime<Utc>,
    /// The zone that times are told in.
    pub zone: Tz,
    /// Who is at which record.
    pub present: &'a Present,
    /// What one has written and not sent.
    pub drafts: &'a Drafts,
}

impl Context<'_> {
    /// An instant in full.
    pub fn moment(&self, at: DateTime<Utc>) -> String {
        when::moment(at, self.now, self.zone)
    }

    /// An instant that sorts.
    pub fn entry(&self, at: DateTime<Utc>) -> Cell {
        muted(when::entry(at, self.now, self.zone)).into()
    }

    /// `ship by 12:00, 2h03 late`, in the tone that it deserves.
    pub fn promise(&self, what: &str, due: DateTime<Utc>) -> Span {
        let words = format!(
            "{what} {}, {}",
            self.moment(due),
            when::left_in_words(due, self.now)
        );
        Span::new(words, self.urgency(due))
    }

    /// How urgent something is that is due then.
    pub fn urgency(&self, due: DateTime<Utc>) -> Tone {
        match -when::since(due, self.now).num_minutes() {
            ..0 => Tone::Bad,
            0..120 => Tone::Warn,
            _ => Tone::Plain,
        }
    }
}

/// The order's stage, in its tone.
pub fn stage(order: &OrderSummary) -> Span {
    let tone = match order.stage {
        Stage::OnHold => Tone::Warn,
        Stage::Cancelled | Stage::Closed => Tone::Muted,
        Stage::Shipped | Stage::Delivered => Tone::Good,
        _ => Tone::Plain,
    };
    Span::new(order.stage.label(), tone)
}

/// The merchant's word for the parcel, in its tone.
pub fn parcel_state(parcel: &ShipmentSummary) -> Span {
    if parcel.damaged {
        return bad("damaged");
    }
    let tone = match parcel.state {
        ShipmentState::Lost | ShipmentState::ReturnedToSender => Tone::Bad,
        ShipmentState::Delivered => Tone::Good,
        ShipmentState::Void => Tone::Muted,
        ShipmentState::Draft | ShipmentState::Labelled | ShipmentState::HandedOver => Tone::Plain,
    };
    Span::new(parcel.state.label(), tone)
}

/// The carrier's word, in its tone.
pub fn status(status: TrackingStatus, raw: Option<&str>) -> Span {
    let tone = match status {
        TrackingStatus::Delivered => Tone::Good,
        TrackingStatus::AvailableForPickup => Tone::Warn,
        TrackingStatus::ReturnToSender
        | TrackingStatus::Failure
        | TrackingStatus::Cancelled
        | TrackingStatus::Error => Tone::Bad,
        TrackingStatus::Unknown => Tone::Muted,
        TrackingStatus::PreTransit | TrackingStatus::InTransit | TrackingStatus::OutForDelivery => {
            Tone::Plain
        }
    };
    match raw {
        Some(raw) if status == TrackingStatus::Unknown => {
            Span::new(format!("“{}”", text::fit(raw, 20)), tone)
        }
        _ => Span::new(status.as_str().replace('_', " "), tone),
    }
}

/// What is known of where it is, in a phrase.
pub fn whereabouts(parcel: &ShipmentSummary, ctx: Context) -> Span {
    match (parcel.delivered_at, parcel.last_event_at) {
        (Some(at), _) => muted(format!("arrived {}", ctx.moment(at))),
        (None, Some(at)) => Span::new(
            format!(
                "{}, {}",
                status(
                    parcel.tracking_status,
                    parcel.tracking_status_raw.as_deref()
                )
                .text,
                when::ago(at, ctx.now)
            ),
            Tone::Plain,
        ),
        (None, None) => muted("no word from the carrier"),
    }
}

/// How the inspection stands, in its tone.
pub fn inspection_state(inspection: &InspectionSummary) -> Span {
    let tone = match inspection.state {
        InspectionState::Pending => Tone::Plain,
        InspectionState::Passed => Tone::Good,
        InspectionState::Failed => Tone::Bad,
        InspectionState::Waived => Tone::Warn,
        InspectionState::Cancelled => Tone::Muted,
    };
    Span::new(inspection.state.as_str(), tone)
}

/// `3/4 done`, with what failed of it.
pub fn tally(inspection: &InspectionSummary) -> String {
    let done = inspection.passed + inspection.failed;
    match inspection.failed {
        0 => format!("{done}/{} done", inspection.checks),
        failed => format!("{done}/{} done, {failed} bad", inspection.checks),
    }
}

/// How the ticket stands, in its tone.
pub fn ticket_state(ticket: &TicketSummary) -> Span {
    let tone = match ticket.state {
        TicketState::New => Tone::Strong,
        TicketState::Open | TicketState::Pending => Tone::Plain,
        TicketState::Resolved => Tone::Good,
        TicketState::Closed | TicketState::Merged => Tone::Muted,
    };
    Span::new(ticket.state.as_str(), tone)
}

/// How soon, in its tone.
pub fn priority(ticket: &TicketSummary) -> Span {
    let tone = match ticket.priority {
        Priority::Low => Tone::Muted,
        Priority::Normal => Tone::Plain,
        Priority::High => Tone::Warn,
        Priority::Urgent => Tone::Bad,
    };
    Span::new(ticket.priority.as_str(), tone)
}

/// Columns of a name where it stands among other facts: a long one must not push them out of sight.
pub const NAME: usize = 36;
/// Columns of a sentence there.
pub(super) const SENTENCE: usize = 156;

/// A name as it stands among other facts.
pub(super) fn name(text: &str) -> Span {
    plain(text::fit(text, NAME))
}

/// A sentence as it stands among other facts.
pub(super) fn sentence(text: &str) -> Cow<'_, str> {
    text::fit(text, SENTENCE)
}

/// Whether it is cut where it has so many columns.
pub(super) fn is_long(text: &str, columns: usize) -> bool {
    text::width(&text::plain(text)) > columns
}

/// What was cut to so many columns where it stands first, whole.
pub(super) fn whole(document: &mut Document, label: &str, text: &str, columns: usize) {
    if is_long(text, columns) {
        document.fact(label, vec![plain(text)]);
    }
}

/// Pieces with a middle dot between them.
pub fn dotted(pieces: Vec<Span>) -> Vec<Span> {
    let mut spans = Vec::with_capacity(pieces.len() * 2);
    for piece in pieces.into_iter().filter(|piece| !piece.text.is_empty()) {
        if !spans.is_empty() {
            spans.push(muted(" · "));
        }
        spans.push(piece);
    }
    spans
}

/// An amount with its currency.
pub fn money(minor: i64, currency: &str) -> String {
    match Currency::from_code(currency) {
        Some(known) => Money::new(minor, known).to_string(),
        None => format!("{minor} {currency} (minor units)"),
    }
}

/// Names that are told one by one.
pub const NAMED: usize = 4;

/// `#1042, #1043, #1044, #1045 and 896 more`.
pub fn named<'n>(numbers: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = numbers.len().saturating_sub(NAMED);
    let first: Vec<&str> = numbers.take(NAMED).collect();
    match more {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// `1 unit`, `3 units`.
pub(super) fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Who has it.
pub(super) fn whose(assignee: Option<&str>) -> Span {
    match assignee {
        Some(who) => plain(format!("{who} has it")),
        None => muted("nobody has it"),
    }
}

/// Where it goes.
pub(super) fn address(document: &mut Document, address: &Address) {
    let town = [&address.zip, &address.city, &address.province]
        .map(String::as_str)
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let parts: Vec<Span> = [
        address.name.as_str(),
        &address.company,
        &address.address1,
        &address.address2,
        &town,
        &address.country,
        &address.phone,
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .map(plain)
    .collect();
    if !parts.is_empty() {
        let mut spans = Vec::new();
        for part in parts {
            if !spans.is_empty() {
                spans.push(plain(", "));
            }
            spans.push(part);
        }
        document.fact("goes to", spans);
    }
}

/// Units of order lines.
pub(super) fn lines(document: &mut Document, lines: &[ShipmentLine]) {
    let rows = lines.iter().map(|line| Row {
        cells: vec![
            right(plain(format!("{} ×", line.quantity))),
            plain(&line.sku).into(),
            plain(&line.title).into(),
        ],
        link: None,
    });
    document.table(2, rows.collect());
}

/// Parcels, with a way to each.
pub(super) fn parcels(document: &mut Document, parcels: &[ShipmentSummary], ctx: Context) {
    if parcels.is_empty() {
        return;
    }
    document.heading("Parcels");
    let rows = parcels.iter().map(|parcel| Row {
        cells: vec![
            link(format!("SHP-{}", parcel.id)).into(),
            parcel_state(parcel).into(),
            plain(parcel.carrier.as_deref().unwrap_or("no carrier")).into(),
            plain(parcel.tracking_code.as_deref().unwrap_or("no code")).into(),
            whereabouts(parcel, ctx).into(),
        ],
        link: Some(RecordId::new(Kind::Shipment, parcel.id)),
    });
    document.table(3, rows.collect());
}

/// Inspections, with a way to each.
pub(super) fn checks(document: &mut Document, found: &[InspectionSummary]) {
    if found.is_empty() {
        return;
    }
    document.heading("Inspections");
    let rows = found.iter().map(|inspection| Row {
        cells: vec![
            link(format!("INS-{}", inspection.id)).into(),
            inspection_state(inspection).into(),
            plain(tally(inspection)).into(),
            match &inspection.defect {
                Some(defect) => bad(defect).into(),
                None => plain(&inspection.subject).into(),
            },
        ],
        link: Some(RecordId::new(Kind::Inspection, inspection.id)),
    });
    document.table(3, rows.collect());
}

/// Tickets, with a way to each.
pub(super) fn ticket_table(
    document: &mut Document,
    title: &str,
    found: &[TicketSummary],
    ctx: Context,
) {
    if found.is_empty() {
        return;
    }
    document.heading(title);
    let rows = found.iter().map(|ticket| Row {
        cells: vec![
            link(format!("TKT-{}", ticket.id)).into(),
            ticket_state(ticket).into(),
            plain(&ticket.subject).into(),
            plain(ticket.assignee.as_deref().unwrap_or("–")).into(),
            match ticket.due_at {
                Some(due) => right(Span::new(when::left(due, ctx.now), ctx.urgency(due))),
                None => right(plain("")),
            },
        ],
        link: Some(RecordId::new(Kind::Ticket, ticket.id)),
    });
    document.table(2, rows.collect());
}
