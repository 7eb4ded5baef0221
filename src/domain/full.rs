//! Records as their full views show them: with everything that belongs to them, their own parts and
//! what other kinds have to do with them.

use serde::Serialize;

use super::carriers::CarrierLabel;
use super::inspections::{Check, Defect, InspectionSummary};
use super::kind::{Kind, RecordId};
use super::notices::Notice;
use super::orders::{
    Address, Amounts, Failure, Fulfilment, Note, OrderLine, OrderSummary, Payment, cannot_ship,
};
use super::shipments::{ShipmentLine, ShipmentSummary, TrackingEvent};
use super::stock::{Movement, Offer, OnOrder, StockSummary, WantedBy};
use super::tickets::{Message, Resolution, TicketSummary};

/// Everything about one order, for its full view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order {
    /// The order as its list shows it.
    pub summary: OrderSummary,
    /// The customer's mail address.
    pub email: Option<String>,
    /// The customer's telephone number.
    pub phone: Option<String>,
    /// Where it goes.
    pub shipping_address: Address,
    /// The shipping option that is set; without one, what the channel called it.
    pub shipping_method: Option<String>,
    /// Subtotal, shipping, tax and discount, in minor units of the currency.
    pub amounts: Amounts,
    /// The customer's note.
    pub note: Option<String>,
    /// Why the worker could not go on with it, where it tries again.
    pub failure: Option<Failure>,
    /// Its lines, by position.
    pub lines: Vec<OrderLine>,
    /// Its fulfilments.
    pub fulfilments: Vec<Fulfilment>,
    /// Its parcels.
    pub shipments: Vec<ShipmentSummary>,
    /// Its inspections.
    pub inspections: Vec<InspectionSummary>,
    /// Its tickets.
    pub tickets: Vec<TicketSummary>,
    /// Payments and refunds.
    pub payments: Vec<Payment>,
    /// Colleagues' notes, newest first; at most 100.
    pub notes: Vec<Note>,
    /// Mails about it, its parts and its tickets, newest first; at most 100.
    pub mails: Vec<Notice>,
}

/// Everything about a product at a location, for its full view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stock {
    /// The stock level as its list shows it.
    pub summary: StockSummary,
    /// The suppliers' offers, cheapest first.
    pub offers: Vec<Offer>,
    /// What was ordered for it and has not all arrived, oldest first; at most 20.
    pub on_order: Vec<OnOrder>,
    /// Open orders that want or hold it, nearest promise first; at most 50.
    pub wanted_by: Vec<WantedBy>,
    /// The newest movements; at most 50.
    pub movements: Vec<Movement>,
    /// Mails of what is on order, and those about earlier orders that failed, newest first; at most 100.
    pub mails: Vec<Notice>,
}

/// Everything about a parcel, for its full view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shipment {
    /// The parcel as its list shows it.
    pub summary: ShipmentSummary,
    /// Who ships it: our warehouse or a supplier.
    pub location: Option<String>,
    /// What is in it.
    pub lines: Vec<ShipmentLine>,
    /// What the carrier said, newest first; at most 100.
    pub events: Vec<TrackingEvent>,
    /// Its inspections.
    pub inspections: Vec<InspectionSummary>,
    /// Tickets of its order.
    pub tickets: Vec<TicketSummary>,
    /// Where it goes.
    pub address: Address,
    /// The label that a carrier sells for it.
    pub carrier_label: Option<CarrierLabel>,
}

impl Shipment {
    /// The order it belongs to.
    pub const fn order(&self) -> RecordId {
        RecordId::new(Kind::Order, self.summary.order_id)
    }
}

/// Everything about an inspection, for its full view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// The inspection as its list shows it.
    pub summary: InspectionSummary,
    /// Its checks, in order.
    pub checks: Vec<Check>,
    /// What was found, newest first.
    pub defects: Vec<Defect>,
    /// Why it was waived.
    pub waive_reason: Option<String>,
    /// The lines of the order it inspects: SKU, title and units.
    pub lines: Vec<ShipmentLine>,
}

/// Everything about a ticket, for its full view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ticket {
    /// The ticket as its list shows it.
    pub summary: TicketSummary,
    /// The customer's mail address.
    pub email: Option<String>,
    /// How it was resolved.
    pub resolution: Option<Resolution>,
    /// The conversation, oldest first; the newest 200.
    pub messages: Vec<Message>,
    /// The order it is about.
    pub order: Option<OrderSummary>,
    /// That order's parcels.
    pub shipments: Vec<ShipmentSummary>,
    /// Other tickets of the customer, newest first; at most 20.
    pub other_tickets: Vec<TicketSummary>,
    /// Mails about it, newest first; at most 100.
    pub mails: Vec<Notice>,
}

/// Everything about one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum FullRecord {
    /// An order.
    Order(Box<Order>),
    /// A product at a location.
    Stock(Box<Stock>),
    /// A parcel.
    Shipment(Box<Shipment>),
    /// An inspection.
    Inspection(Box<Inspection>),
    /// A ticket.
    Ticket(Box<Ticket>),
}

impl FullRecord {
    /// Why it can't ship, one sentence each, where it is an order of which something is still to
    /// leave; empty where it can, and for all else.
    pub fn cannot_ship(&self) -> Vec<String> {
        match self {
            Self::Order(order) if order.summary.stage.is_open() => cannot_ship(&order.summary),
            _ => Vec::new(),
        }
    }
}
