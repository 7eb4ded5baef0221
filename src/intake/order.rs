//! An order as a sales channel tells it: what every channel's parser yields.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::money::Currency;
use crate::domain::orders::{Address, FinancialStatus};

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
