//! A record's page: its head, its body and its history.

use super::document::{Document, Row, bad, plain, strong};
use super::facts::Context;
use super::msg::RecordPage;
use super::{inspections, orders, shipments, stock, tickets};
use crate::domain::full::FullRecord;
use crate::domain::list::HistoryEntry;
use crate::domain::record::Record;

/// Everything that is known of a record, as a page: its head from the newest summary, the rest
/// as far as it has been read, or why it could not be.
pub(super) fn page(
    record: Option<&Record>,
    shown: Option<&RecordPage>,
    error: Option<&str>,
    ctx: Context,
) -> Document {
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
    } else if let Some(error) = error {
        document.gap();
        document.flow(vec![bad(format!("The rest could not be read: {error}"))]);
    }
    document
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
