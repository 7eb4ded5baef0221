//! What the console reads from the store.

use crate::domain::list::ListRow;
use crate::domain::{inspections, orders, shipments, stock, tickets};

/// Everything about one record.
#[derive(Debug, Clone, PartialEq)]
pub enum FullRecord {
    /// An order.
    Order(Box<orders::Order>),
    /// A product at a location.
    Stock(Box<stock::Stock>),
    /// A parcel.
    Shipment(Box<shipments::Shipment>),
    /// An inspection.
    Inspection(Box<inspections::Inspection>),
    /// A ticket.
    Ticket(Box<tickets::Ticket>),
}

/// A row that was asked for by its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Refreshed {
    /// The key.
    pub id: i64,
    /// The row; none if there is no such record any more.
    pub row: Option<ListRow>,
    /// Whether the list's filter lets it through.
    pub matches: bool,
}
