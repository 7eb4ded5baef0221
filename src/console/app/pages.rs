//! A record's page: its head, its body and its history.

use super::App;
use super::document::{Document, Line, Row, bad, plain, strong};
use super::facts::Context;
use super::msg::RecordPage;
use super::{inspections, orders, shipments, stock, tickets};
use crate::domain::full::FullRecord;
use crate::domain::list::HistoryEntry;
use crate::domain::record::Record;

impl App {
    /// When and where pages are read.
    pub const fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            zone: self.settings.zone,
            present: &self.present,
            drafts: &self.drafts,
        }
    }

    /// The record where one is, as a page.
    pub(super) fn page_document(&self) -> Document {
        match self.journey.page() {
            Some(page) => {
                let (shown, error) = (page.shown.as_ref(), page.error.as_deref());
                page_of(page.record().as_ref(), shown, error, self.context())
            }
            None => Document::default(),
        }
    }

    /// The same, laid out.
    pub fn page_lines(&self, columns: usize) -> Vec<Line> {
        self.page_document().lines(columns)
    }

    /// The selected row's record as a page: at once from the row, the rest when it is read.
    pub fn detail_document(&self) -> Document {
        let Some(row) = self.list_here().selected() else {
            return Document::default();
        };
        let page = self
            .detail
            .as_ref()
            .filter(|page| page.id == row.record.id());
        let shown = page.and_then(|page| page.shown.as_ref());
        let error = page.and_then(|page| page.error.as_deref());
        page_of(Some(&row.record), shown, error, self.context())
    }

    /// What a record's page says first, as it is now.
    pub fn head_of(&self, record: &Record) -> Document {
        page_of(Some(record), None, None, self.context())
    }
}

/// Everything that is known of a record, as a page: its head from the newest summary, the rest
/// as far as it has been read, or why it could not be.
fn page_of(
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
