//! Orders, their lines and the stages they pass.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use super::kind::RecordId;
use super::words::words;

words! {
    /// How far an order has come. It follows from its lines and fulfilments: the database's
    /// `derive_stage` computes it in the transaction that changes them.
    pub enum Stage {
        /// Placed; nobody has checked it yet.
        New = "new",
        /// Checked: payment and address will do.
        Confirmed = "confirmed",
        /// Stock is being taken or a supplier was asked.
        Processing = "processing",
        /// Waits for somebody, with a reason; returns to where it was.
        OnHold = "on_hold",
        /// Some units have left.
        PartiallyShipped = "partially_shipped",
        /// All units that will leave have left.
        Shipped = "shipped",
        /// All units that left have arrived.
        Delivered = "delivered",
        /// Nothing more will happen.
        Closed = "closed",
        /// Nothing left and nothing will.
        Cancelled = "cancelled",
    }
}

impl Stage {
    /// Whether work is left: everything before all units have been shipped.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::New | Self::Confirmed | Self::Processing | Self::OnHold | Self::PartiallyShipped
        )
    }

    /// The word for the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OnHold => "on hold",
            Self::PartiallyShipped => "part shipped",
            other => other.as_str(),
        }
    }
}

words! {
    /// What the channel says of the money, in Shopify's words for an order's financial status.
    pub enum FinancialStatus {
        /// Nothing has been captured.
        Pending = "pending",
        /// The bank has set it aside.
        Authorized = "authorized",
        /// Some of it has been captured.
        PartiallyPaid = "partially_paid",
        /// All of it has been captured.
        Paid = "paid",
        /// Some of it went back.
        PartiallyRefunded = "partially_refunded",
        /// All of it went back.
        Refunded = "refunded",
        /// It will never come.
        Voided = "voided",
    }
}

impl FinancialStatus {
    /// Whether goods may leave on it.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Paid | Self::PartiallyRefunded)
    }

    /// Why nothing more is done for an order with it, where goods may not leave on it.
    pub fn stops(self) -> Option<String> {
        let payment = format!("payment is {}", self.label());
        match self {
            Self::Paid | Self::PartiallyRefunded => None,
            Self::Refunded | Self::Voided => Some(format!("{payment}: cancel it")),
            Self::Pending | Self::Authorized | Self::PartiallyPaid => Some(payment),
        }
    }

    /// The word for the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PartiallyPaid => "part paid",
            Self::PartiallyRefunded => "part refunded",
            other => other.as_str(),
        }
    }
}

words! {
    /// How far a fulfilment (the part of an order that one location or supplier does) has come.
    pub enum FulfilmentState {
        /// Planned.
        Open = "open",
        /// The supplier was asked.
        Requested = "requested",
        /// The supplier, or our own warehouse, has said yes.
        Accepted = "accepted",
        /// Its goods are being checked.
        Inspecting = "inspecting",
        /// Its parcel may leave.
        Ready = "ready",
        /// Its parcels have left.
        Shipped = "shipped",
        /// Its parcels have arrived.
        Delivered = "delivered",
        /// The supplier has said no: to be routed again.
        Rejected = "rejected",
        /// It will not be done.
        Cancelled = "cancelled",
    }
}

/// An order as its list shows it. Units are summed over its lines that are to be shipped: a gift
/// card that is mailed waits for nobody.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderSummary {
    /// Primary key.
    pub id: i64,
    /// Rises with every change of the order or its parts.
    pub version: i64,
    /// The channel's number, such as `#1042`.
    pub number: String,
    /// The channel it came from.
    pub channel: String,
    /// The customer's name.
    pub customer: String,
    /// When the customer placed it.
    pub placed_at: DateTime<Utc>,
    /// How far it has come.
    pub stage: Stage,
    /// Why it is on hold.
    pub hold_reason: Option<String>,
    /// What it waits for, as the worker says: why it does not go on by itself.
    pub waiting_reason: Option<String>,
    /// That its shipping option does not take it, and why.
    pub unfit_option: Option<String>,
    /// What people are alerted to: it is stuck, or its work was given up.
    pub alert: Option<String>,
    /// What the worker gave up of its work for it, and why.
    pub given_up: Option<String>,
    /// What the channel says of the money.
    pub financial_status: FinancialStatus,
    /// The promise: by when it leaves.
    pub ship_by: Option<DateTime<Utc>>,
    /// The promise: by when it arrives.
    pub deliver_by: Option<DateTime<Utc>>,
    /// Who has claimed it.
    pub assignee: Option<String>,
    /// ISO 4217 code of its amounts.
    pub currency: String,
    /// Its total, in minor units of the currency.
    pub total: i64,
    /// ISO 3166 code of the country it goes to.
    pub country: Option<String>,
    /// Whether its address says where to: see [`Address::is_complete`].
    pub has_address: bool,
    /// The channel's tags.
    pub tags: Vec<String>,
    /// How many lines it has.
    pub lines: i64,
    /// Units ordered.
    pub ordered: i64,
    /// Units set aside in our stock.
    pub reserved: i64,
    /// Units that a supplier was asked for and has not shipped.
    pub requested: i64,
    /// Purchase orders for it that no mail brings: their suppliers have no address, the worker gave
    /// its work for the order up, or their mails were refused or stopped.
    pub unmailed: i64,
    /// Units that have left.
    pub shipped: i64,
    /// Units that have arrived.
    pub delivered: i64,
    /// Units that have left, never arrived and are not sent again.
    pub lost: i64,
    /// Units that will not be shipped.
    pub cancelled: i64,
    /// Inspections that are pending.
    pub pending_inspections: i64,
    /// Inspections that failed and were not waived.
    pub failed_inspections: i64,
    /// Tickets that are not resolved.
    pub open_tickets: i64,
    /// Mails about it and its parts that have not left and can still be stopped.
    pub held_mails: i64,
    /// Mails about it and its parts that did not get through: a person decides.
    pub failed_mails: i64,
    /// Purchase orders for it that were stopped and wait for an answer all the same.
    pub stopped_mails: i64,
}

impl OrderSummary {
    /// Units that neither stock nor a supplier covers yet.
    pub const fn unallocated(&self) -> i64 {
        self.ordered - self.reserved - self.requested - self.shipped - self.cancelled
    }

    /// The instant of its nearest promise: shipping until all has left, then arrival.
    pub const fn due_at(&self) -> Option<DateTime<Utc>> {
        match self.stage {
            Stage::Shipped => self.deliver_by,
            stage if stage.is_open() => self.ship_by,
            _ => None,
        }
    }
}

/// A postal address, as the channel gave it. Every field is the customer's own text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// The person.
    #[serde(deserialize_with = "told")]
    pub name: String,
    /// The company.
    #[serde(deserialize_with = "told")]
    pub company: String,
    /// First line: street and number.
    #[serde(deserialize_with = "told")]
    pub address1: String,
    /// Second line.
    #[serde(deserialize_with = "told")]
    pub address2: String,
    /// Town.
    #[serde(deserialize_with = "told")]
    pub city: String,
    /// Postcode, as text.
    #[serde(deserialize_with = "told")]
    pub zip: String,
    /// State, county or province.
    #[serde(deserialize_with = "told")]
    pub province: String,
    /// ISO 3166 code.
    #[serde(deserialize_with = "told")]
    pub country: String,
    /// Telephone number.
    #[serde(deserialize_with = "told")]
    pub phone: String,
}

/// What a shop wrote: most write text, some leave what they don't know null, some write a postcode
/// as a number.
fn told<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Text(String),
        Number(serde_json::Number),
        Nothing(()),
    }
    Ok(match Told::deserialize(value)? {
        Told::Text(text) => text,
        Told::Number(number) => number.to_string(),
        Told::Nothing(()) => String::new(),
    })
}

impl Address {
    /// Its fields by the names that they have in JSON, to be changed.
    pub const fn fields(&mut self) -> [(&'static str, &mut String); 9] {
        [
            ("name", &mut self.name),
            ("company", &mut self.company),
            ("address1", &mut self.address1),
            ("address2", &mut self.address2),
            ("city", &mut self.city),
            ("zip", &mut self.zip),
            ("province", &mut self.province),
            ("country", &mut self.country),
            ("phone", &mut self.phone),
        ]
    }

    /// Whether it may be enough for a carrier: a street or a town.
    pub const fn is_complete(&self) -> bool {
        !self.address1.is_empty() || !self.city.is_empty()
    }

    /// The lines of the address as an envelope shows them, without the telephone number; what is
    /// empty is left out.
    ///
    /// Town and postcode stand in the order of the country: after the town in countries that write
    /// it so, before it elsewhere.
    pub fn lines(&self) -> Vec<String> {
        let town: Vec<&str> = match self.country.to_ascii_uppercase().as_str() {
            "US" | "CA" | "AU" | "NZ" | "GB" | "IE" | "IN" => {
                vec![&self.city, &self.province, &self.zip]
            }
            _ => vec![&self.zip, &self.city, &self.province],
        };
        let town = town
            .into_iter()
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        [
            &self.name,
            &self.company,
            &self.address1,
            &self.address2,
            &town,
            &self.country,
        ]
        .into_iter()
        .flat_map(|part| part.lines())
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect()
    }
}

/// One line of an order. All counts are units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    /// Primary key.
    pub id: i64,
    /// Place in the order, from 1.
    pub position: i32,
    /// The product's SKU as the channel gave it.
    pub sku: String,
    /// The product's title as the channel gave it.
    pub title: String,
    /// Our own stock of it, where there is one.
    pub stock: Option<RecordId>,
    /// Units free in our own stock.
    pub available: i64,
    /// Price of one unit, in minor units of the order's currency.
    pub unit_price: i64,
    /// Units ordered.
    pub ordered: i32,
    /// Units set aside in our stock.
    pub reserved: i32,
    /// Units that a supplier was asked for and has not shipped.
    pub requested: i32,
    /// Units that have left.
    pub shipped: i32,
    /// Units that have arrived.
    pub delivered: i32,
    /// Units that will not be shipped.
    pub cancelled: i32,
    /// Units the customer wants to send back.
    pub return_requested: i32,
    /// Units that came back.
    pub returned: i32,
}

/// The part of an order that one location or supplier does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fulfilment {
    /// Primary key.
    pub id: i64,
    /// The location's or supplier's name.
    pub location: String,
    /// Whether a supplier does it.
    pub by_supplier: bool,
    /// How far it has come.
    pub state: FulfilmentState,
    /// Its units.
    pub units: i64,
    /// Why it is there, or why it was turned down.
    pub reason: Option<String>,
}

/// Work of the worker that failed and is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What it failed with last.
    pub error: String,
    /// How often it has been tried.
    pub attempts: i32,
    /// When it is tried again.
    pub next_try: DateTime<Utc>,
}

/// Money that came in, or went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Payment {
    /// When.
    pub at: DateTime<Utc>,
    /// `payment` or `refund`.
    pub what: String,
    /// Method or reason.
    pub detail: String,
    /// Minor units of the currency; a refund is negative.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// A refund's state; `captured` for a payment.
    pub state: String,
}

/// What a colleague wrote down about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub who: String,
    /// What, maybe in several lines.
    pub text: String,
}

/// An order's amounts, in minor units of its currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amounts {
    /// Sum of the lines before discount, shipping and tax.
    pub subtotal: i64,
    /// Shipping.
    pub shipping: i64,
    /// Taxes.
    pub tax: i64,
    /// Discount, not negative.
    pub discount: i64,
}

/// Why an order can't ship, one sentence each, most telling first; empty when it can. The same
/// facts that the database's guards use.
pub fn cannot_ship(order: &OrderSummary) -> Vec<String> {
    let mut reasons = Vec::new();
    match order.stage {
        Stage::New => reasons.push("not confirmed".to_owned()),
        Stage::OnHold => reasons.push(match &order.hold_reason {
            Some(reason) => format!("on hold: {reason}"),
            None => "on hold".to_owned(),
        }),
        Stage::Shipped | Stage::Delivered | Stage::Closed => {
            return vec!["everything has been shipped".to_owned()];
        }
        Stage::Cancelled => return vec!["cancelled".to_owned()],
        Stage::Confirmed | Stage::Processing | Stage::PartiallyShipped => {}
    }
    reasons.extend(order.financial_status.stops());
    if order.failed_inspections > 0 {
        reasons.push(format!("{} failed", inspections(order.failed_inspections)));
    }
    if order.pending_inspections > 0 {
        reasons.push(format!(
            "{} pending",
            inspections(order.pending_inspections)
        ));
    }
    reasons.extend(order.unfit_option.clone());
    let missing = order.unallocated();
    if missing > 0 {
        let wanted = order.ordered - order.shipped - order.cancelled;
        reasons.push(if wanted == 1 {
            "its 1 unit has no stock reserved".to_owned()
        } else {
            format!("{missing} of {wanted} units have no stock reserved")
        });
    }
    if order.requested > 0 {
        reasons.push(match order.requested {
            1 => "1 unit is with a supplier".to_owned(),
            units => format!("{units} units are with a supplier"),
        });
    }
    // What the summary's counts have said already is not said twice.
    let waiting = order.waiting_reason.as_deref().unwrap_or_default();
    let alert = order.alert.as_deref().unwrap_or_default();
    // Being late is told by the promise, and keeps nothing from leaving.
    let told = waiting.split("; ").chain(alert.split("; "));
    for reason in told.filter(|reason| !matches!(*reason, "" | "should have left")) {
        if !reason.contains("inspection") && reasons.iter().all(|said| said != reason) {
            reasons.push(reason.to_owned());
        }
    }
    reasons
}

fn inspections(count: i64) -> String {
    if count == 1 {
        "1 inspection".to_owned()
    } else {
        format!("{count} inspections")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_shops_write_it() {
        let written = r#"{"name": "Ines", "address2": null, "zip": 8001, "planet": "Earth"}"#;
        let address: Address = serde_json::from_str(written).expect("an address");
        assert_eq!(
            address,
            Address {
                name: "Ines".to_owned(),
                zip: "8001".to_owned(),
                ..Address::default()
            }
        );
    }
}
