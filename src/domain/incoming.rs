//! What channels, suppliers and carriers tell: the values that every format is read into before
//! anything is written.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::money::Currency;
use super::orders::{Address, FinancialStatus};
use super::tracking::TrackingStatus;

/// One line of a catalogue: a product, who supplies it, and what is at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The line in the source, from 1.
    #[serde(skip)]
    pub line: u64,
    /// The stock keeping unit, unique in the catalogue.
    pub sku: String,
    /// What people call it.
    pub title: String,
    /// The supplier's name.
    pub supplier: String,
    /// Where the supplier takes orders.
    pub supplier_email: Option<String>,
    /// What one unit costs, in minor units.
    pub unit_cost: i64,
    /// The currency of the cost.
    pub currency: Currency,
    /// Days from order to dispatch by the supplier.
    pub lead_time_days: i32,
    /// Units in stock.
    pub on_hand: i32,
    /// At how many units to order again.
    pub reorder_point: i32,
    /// Grams of one unit.
    pub weight_g: Option<i32>,
}

/// A shipping option, as a file tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShippingOption {
    /// The line in the source, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Its name, as orders give it.
    pub name: String,
    /// The currency of its amounts.
    pub currency: Currency,
    /// What it costs, in minor units.
    pub price: i64,
    /// It is free for goods of this value and above, in minor units.
    pub free_over: Option<i64>,
    /// Business days on the way at least.
    pub transit_days_min: i32,
    /// Business days on the way at most; promises count on them.
    pub transit_days_max: i32,
    /// ISO 3166 codes of the countries that it serves; empty for everywhere.
    pub countries: Vec<String>,
    /// Grams that it takes at most.
    pub max_weight_g: Option<i32>,
}

/// An order of a sales channel. Amounts are minor units of `currency`; times are UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// The line of the source where it starts, from 1.
    #[serde(skip)]
    pub line: u64,
    /// The number that people use, for example `#1042`.
    pub number: String,
    /// The channel's own key, unique in the channel; the number where the channel gives no other.
    pub external_id: String,
    /// The customer's address for mail.
    pub email: Option<String>,
    /// The customer's telephone.
    pub phone: Option<String>,
    /// Who pays.
    pub billing: Address,
    /// Where it goes.
    pub shipping: Address,
    /// The currency of every amount of the order.
    pub currency: Currency,
    /// The lines after discounts.
    pub subtotal: i64,
    /// Postage.
    pub postage: i64,
    /// Taxes, whether or not the prices include them.
    pub tax: i64,
    /// Discounts on the whole order.
    pub discount: i64,
    /// The code that gave the discount.
    pub discount_code: Option<String>,
    /// What the customer pays.
    pub total: i64,
    /// What was taken of it: the total where it is paid, less where only part is.
    pub captured: i64,
    /// What was given back, at most the total.
    pub refunded: i64,
    /// Whether it is paid.
    pub financial_status: FinancialStatus,
    /// Whether the channel holds it sent, in the channel's word.
    pub fulfillment_status: Option<String>,
    /// How it is paid.
    pub payment_method: Option<String>,
    /// The payment's key at whoever took it.
    pub payment_reference: Option<String>,
    /// The shipping option's name.
    pub shipping_method: Option<String>,
    /// What the customer or the shop noted.
    pub notes: Option<String>,
    /// Labels of the channel.
    pub tags: Vec<String>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// What was ordered, at least one line.
    pub lines: Vec<Line>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The line in the source, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Its place in the order, from 1.
    pub position: i32,
    /// The stock keeping unit; empty for what the shop sells without one.
    pub sku: String,
    /// What the shop calls it.
    pub title: String,
    /// Units, at least one.
    pub quantity: i32,
    /// The price of one unit before discounts, in minor units.
    pub unit_price: i64,
    /// The discount on the whole line, in minor units.
    pub discount: i64,
    /// Whether anything must be sent.
    pub requires_shipping: bool,
    /// Who sells or makes it, where the channel says so.
    pub vendor: Option<String>,
}

/// One line of a dispatch file: units of one SKU of one order that left in one parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dispatch {
    /// The line in the source, from 1.
    #[serde(skip)]
    pub line: u64,
    /// The order's number as the shop writes it, for example `#1007`.
    pub order: String,
    /// What was sent.
    pub sku: String,
    /// How many units, at least one.
    pub quantity: i32,
    /// The supplier's name, where the file gives it.
    pub supplier: Option<String>,
    /// The carrier's name.
    pub carrier: String,
    /// The carrier's tracking number.
    pub tracking_number: String,
    /// When the parcel left.
    pub shipped_at: DateTime<Utc>,
}

/// One line of a supplier's answer to a purchase order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acceptance {
    /// The line in the source, from 1.
    #[serde(skip)]
    pub line: u64,
    /// The purchase order's number, 7 for `PO-7`.
    pub purchase_order: i64,
    /// The product.
    pub sku: String,
    /// What the supplier will send of it.
    pub accepted: Accepted,
}

/// What a supplier will send of a line that it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Accepted {
    /// All units, however many were asked for.
    All,
    /// So many units; none is a rejection.
    Units(i32),
}

impl Accepted {
    /// The units, where so many were asked for.
    pub const fn of(self, asked: i32) -> i32 {
        match self {
            Self::All => asked,
            Self::Units(units) => units,
        }
    }
}

/// What a carrier says of one parcel, with its history so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrackerEvent {
    /// The line in the source where the event stands or, in an array, where the array starts.
    #[serde(skip)]
    pub line: u64,
    /// The event's key at the provider; the same event may come more than once.
    pub id: String,
    /// The carrier's tracking number.
    pub tracking_code: String,
    /// The carrier's name in EasyPost's spelling.
    pub carrier: Option<String>,
    /// Where the parcel is now.
    pub status: TrackingStatus,
    /// The word that the carrier or EasyPost used for it.
    pub raw_status: String,
    /// When the provider said so.
    pub created_at: DateTime<Utc>,
    /// When the carrier means to deliver.
    pub estimated_delivery: Option<DateTime<Utc>>,
    /// Each thing that happened to the parcel, as the provider ordered them.
    pub details: Vec<TrackingDetail>,
}

/// One thing that happened to a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrackingDetail {
    /// Where that put the parcel.
    pub status: TrackingStatus,
    /// The word for it as it came.
    pub raw_status: String,
    /// The carrier's sentence.
    pub message: String,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// Where, as far as the carrier says: town, state, postal code, country.
    pub location: Option<String>,
}
