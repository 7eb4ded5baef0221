//! Stock levels and the movements that explain them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::cover::USUAL_LEAD_TIME;
use super::notices::NoticeState;
use super::words::words;

words! {
    /// Why a counter of a stock level moved. Every unit is explained by one of these.
    pub enum MovementKind {
        /// The first count, when the product was taken in.
        Opening = "opening",
        /// Goods arrived.
        Receive = "receive",
        /// A person corrected the count, with a reason.
        Adjust = "adjust",
        /// Units were set aside for an order line.
        Reserve = "reserve",
        /// Units that were set aside are free again.
        Release = "release",
        /// Units left in a parcel.
        Ship = "ship",
        /// Units came back from a customer.
        Return = "return",
        /// Units were lost or unfit.
        WriteOff = "write_off",
    }
}

/// A product at a location, as its list shows it. All counts are units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StockSummary {
    /// Primary key of the stock level.
    pub id: i64,
    /// Rises with every change.
    pub version: i64,
    /// The product's SKU.
    pub sku: String,
    /// The product's title.
    pub title: String,
    /// The location's name.
    pub location: String,
    /// Units on the shelf.
    pub on_hand: i32,
    /// Units on the shelf that are set aside for orders.
    pub reserved: i32,
    /// At or under this many available units it is low.
    pub reorder_point: i32,
    /// Units that open orders want and nothing covers yet.
    pub wanted: i64,
    /// The nearest ship-by promise of the orders that want them; none without a promise.
    pub wanted_by: Option<DateTime<Utc>>,
    /// Units ordered by customers in the last 28 days.
    pub demand_28d: i64,
    /// The preferred supplier.
    pub supplier: Option<String>,
    /// That supplier's lead time in days.
    pub lead_time_days: Option<i32>,
    /// What people are alerted to: why it is low.
    pub alert: Option<String>,
    /// What the worker gave up of its work for it, and why: its purchase orders' too.
    pub given_up: Option<String>,
    /// What was accepted for it, should have left its supplier and has not arrived.
    pub overdue: Option<String>,
    /// Purchase orders for it that have not all arrived.
    pub coming: i64,
    /// Purchase orders for it that no mail brings: their suppliers have no address, the worker gave
    /// them up, or their mails were refused or stopped.
    pub unmailed: i64,
    /// Mails of purchase orders for it that have not left and can still be stopped.
    pub held_mails: i64,
    /// Those that did not get through: a person decides.
    pub failed_mails: i64,
    /// Those that were stopped and whose suppliers are waited for all the same.
    pub stopped_mails: i64,
    /// Not shown as low until then.
    pub muted_until: Option<DateTime<Utc>>,
}

impl StockSummary {
    /// Units that may be set aside.
    pub const fn available(&self) -> i32 {
        self.on_hand - self.reserved
    }

    /// Units that open orders want beyond what is available.
    pub const fn short(&self) -> i64 {
        let short = self.wanted - self.available() as i64;
        if short > 0 { short } else { 0 }
    }

    /// The nearest promise that breaks unless units arrive; none where it is not short.
    pub const fn due_at(&self) -> Option<DateTime<Utc>> {
        if self.short() > 0 {
            self.wanted_by
        } else {
            None
        }
    }

    /// For how many days the available units last at the last four weeks' demand, once open orders
    /// have what they want: what the list is sorted by. Negative where they want more than there
    /// is; none without demand.
    pub const fn days_of_cover(&self) -> Option<i64> {
        if self.demand_28d <= 0 {
            None
        } else {
            Some((self.available() as i64 - self.wanted) * 28 / self.demand_28d)
        }
    }

    /// The alert, where what is there now still bears it out: it was raised by the numbers of the
    /// last sweep.
    pub fn standing_alert(&self) -> Option<&str> {
        let lead = self.lead_time_days.map_or(USUAL_LEAD_TIME, i64::from);
        let short = self.days_of_cover().is_some_and(|days| days <= lead);
        self.alert.as_deref().filter(|_| short || self.is_low())
    }

    /// Whether it is at or under its reorder point.
    pub const fn is_low(&self) -> bool {
        self.available() <= self.reorder_point
    }
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Movement {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Why.
    pub kind: MovementKind,
    /// Change of the units on the shelf.
    pub on_hand: i32,
    /// Change of the units set aside.
    pub reserved: i32,
    /// The order it was for.
    pub order: Option<(i64, String)>,
    /// The reason a person gave.
    pub reason: Option<String>,
    /// Who.
    pub who: String,
}

/// A supplier's offer for a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The supplier's name.
    pub supplier: String,
    /// Cost of one unit, in minor units of the currency.
    pub unit_cost: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Days from order to hand-over.
    pub lead_time_days: i32,
}

/// An open order line that wants the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WantedBy {
    /// The order.
    pub order_id: i64,
    /// Its number.
    pub number: String,
    /// Its promise.
    pub ship_by: Option<DateTime<Utc>>,
    /// Units that nothing covers yet.
    pub units: i32,
    /// Units set aside.
    pub reserved: i32,
}

words! {
    /// How a purchase order to a supplier stands.
    pub enum PurchaseState {
        /// It was not sent yet.
        Draft = "draft",
        /// The supplier has not answered.
        Sent = "sent",
        /// The supplier will deliver.
        Accepted = "accepted",
        /// The supplier will not.
        Rejected = "rejected",
        /// All of it has arrived.
        Received = "received",
        /// We do not want it any more.
        Cancelled = "cancelled",
    }
}

/// Units of a product that were ordered for our own stock and have not all arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnOrder {
    /// The number of the purchase order by which its supplier knows it, without `PO-`.
    pub number: i64,
    /// Who was asked.
    pub supplier: String,
    /// How it stands.
    pub state: PurchaseState,
    /// Units that were ordered.
    pub quantity: i32,
    /// Units of them that have arrived.
    pub received: i32,
    /// Cost of one unit, in minor units of the currency.
    pub unit_cost: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By when the supplier should have answered; none while it was not asked.
    pub answer_due: Option<DateTime<Utc>>,
    /// How far its mail has come, where it goes by mail.
    pub mail: Option<NoticeState>,
    /// When its mail leaves or left.
    pub leaves_at: Option<DateTime<Utc>>,
    /// How it came to stand so, where there is more to say.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(wanted: i64, demand_28d: i64) -> StockSummary {
        StockSummary {
            id: 1,
            version: 1,
            sku: "MUG".into(),
            title: "Mug, green".into(),
            location: "Warehouse".into(),
            on_hand: 12,
            reserved: 2,
            reorder_point: 3,
            wanted,
            wanted_by: None,
            demand_28d,
            supplier: None,
            lead_time_days: None,
            alert: None,
            given_up: None,
            overdue: None,
            coming: 0,
            unmailed: 0,
            held_mails: 0,
            failed_mails: 0,
            stopped_mails: 0,
            muted_until: None,
        }
    }

    #[test]
    fn cover_is_what_is_left_after_open_orders() {
        let cases = [
            (0, 28, Some(10), 0),
            (4, 28, Some(6), 0),
            (13, 28, Some(-3), 3),
            (13, 0, None, 3),
        ];
        for (wanted, demand, cover, short) in cases {
            let stock = level(wanted, demand);
            assert_eq!(stock.days_of_cover(), cover, "{wanted} of {demand}");
            assert_eq!(stock.short(), short, "{wanted} of {demand}");
        }
    }

    #[test]
    fn an_alert_that_the_numbers_of_now_contradict_does_not_stand() {
        let stock = |on_hand, demand_28d| StockSummary {
            on_hand,
            alert: Some("1 unit left, reorder point 3".into()),
            ..level(0, demand_28d)
        };
        assert!(stock(5, 0).standing_alert().is_some());
        assert!(stock(12, 28).standing_alert().is_none());
        assert!(stock(12, 56).standing_alert().is_some());
    }
}
