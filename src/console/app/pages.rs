//! What is said of a record, whatever its kind: the parts that several kinds' pages share.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::document::{Cell, Document, Row, Span, Tone, bad, link, muted, plain, right, strong};
use super::msg::RecordPage;
use super::presence::Present;
use super::{inspections, orders, shipments, stock, tickets};
use crate::domain::inspections::InspectionSummary;
use crate::domain::list::HistoryEntry;
use crate::domain::money::{Currency, Money};
use crate::domain::orders::Address;
use crate::domain::record::{Kind, Record, RecordId};
use crate::domain::shipments::{ShipmentLine, ShipmentSummary};
use crate::domain::tickets::TicketSummary;
use crate::domain::when;
use crate::store::records::FullRecord;

/// When and where a page is read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Now.
    pub now: DateTime<Utc>,
    /// The zone that times are told in.
    pub zone: Tz,
    /// Who is at which record.
    pub present: &'a Present,
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
        match (due - self.now).num_minutes() {
            ..0 => Tone::Bad,
            0..120 => Tone::Warn,
            _ => Tone::Plain,
        }
    }
}

/// Everything that is known of a record, as a page: its head from the newest summary, the rest
/// as far as it has been read.
pub(super) fn page(record: Option<&Record>, shown: Option<&RecordPage>, ctx: Context) -> Document {
    let mut document = Document::default();
    match record {
        Some(Record::Order(order)) => orders::head(&mut document, order, ctx),
        Some(Record::Stock(stock)) => stock::head(&mut document, stock, ctx),
        Some(Record::Shipment(parcel)) => shipments::head(&mut document, parcel, ctx),
        Some(Record::Inspection(inspection)) => inspections::head(&mut document, inspection, ctx),
        Some(Record::Ticket(ticket)) => tickets::head(&mut document, ticket, ctx),
        None => {}
    }
    if let Some(shown) = shown {
        match &shown.full {
            FullRecord::Order(order) => orders::body(&mut document, order, ctx),
            FullRecord::Stock(stock) => stock::body(&mut document, stock, ctx),
            FullRecord::Shipment(parcel) => shipments::body(&mut document, parcel, ctx),
            FullRecord::Inspection(inspection) => inspections::body(&mut document, inspection, ctx),
            FullRecord::Ticket(ticket) => tickets::body(&mut document, ticket, ctx),
        }
        history(&mut document, &shown.history, ctx);
    }
    document
}

/// Pieces with a middle dot between them.
pub(super) fn dotted(pieces: Vec<Span>) -> Vec<Span> {
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
            shipments::state(parcel).into(),
            plain(parcel.carrier.as_deref().unwrap_or("no carrier")).into(),
            plain(parcel.tracking_code.as_deref().unwrap_or("no code")).into(),
            shipments::progress(parcel, ctx).into(),
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
            inspections::state(inspection).into(),
            plain(inspections::tally(inspection)).into(),
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
            tickets::state(ticket).into(),
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

fn history(document: &mut Document, entries: &[HistoryEntry], ctx: Context) {
    if entries.is_empty() {
        return;
    }
    document.heading("History");
    let rows = entries.iter().map(|entry| {
        let mut what = entry.changes.join(", ");
        if let Some(reason) = &entry.reason {
            let joint = if what.is_empty() { "" } else { " — " };
            what = format!("{reason}{joint}{what}");
        }
        Row {
            cells: vec![
                ctx.entry(entry.at),
                plain(&entry.who).into(),
                strong(entry.verb.as_deref().unwrap_or(&entry.source)).into(),
                plain(what).into(),
            ],
            link: None,
        }
    });
    document.wrapped_table(3, rows.collect());
}
