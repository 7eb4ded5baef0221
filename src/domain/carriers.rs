//! Labels that carriers sell: what is asked for, what is offered, and which offer is taken.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::money::Money;
use super::orders::Address;
use super::words::words;

words! {
    /// How far a carrier's label has come.
    pub enum LabelState {
        /// To be bought.
        Wanted = "wanted",
        /// It is ours, and can be printed.
        Bought = "bought",
        /// To be given back.
        Returning = "returning",
        /// It was given back, or was never bought.
        Returned = "returned",
        /// The carrier will not sell it: a person decides.
        Failed = "failed",
    }
}

/// A carrier's label as the view of its parcel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CarrierLabel {
    /// How far it has come.
    pub state: LabelState,
    /// Who carries the parcel, as the provider names it.
    pub carrier: Option<String>,
    /// How fast, in the carrier's own word.
    pub service: Option<String>,
    /// Minor units.
    pub price: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried again, while it is wanted or goes back.
    pub retry_at: DateTime<Utc>,
    /// What stood in its way the last time.
    pub error: Option<String>,
}

/// A parcel that wants a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Our own word for it: `#1042 SHP-7`.
    pub reference: String,
    /// Where it goes.
    pub to: Address,
    /// The customer's mail address, which some carriers ask for.
    pub email: Option<String>,
    /// Grams.
    pub weight_g: i64,
    /// By when it must be there.
    pub deliver_by: Option<DateTime<Utc>>,
}

/// What a carrier would carry a parcel for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The provider's name of this offer.
    pub id: String,
    /// The carrier.
    pub carrier: String,
    /// How fast, in the carrier's own word.
    pub service: String,
    /// What it costs.
    pub price: Money,
    /// Days on the way, where the carrier says so.
    pub days: Option<i64>,
}

/// A label that was bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bought {
    /// The carrier's code.
    pub tracking_code: String,
    /// Who carries it.
    pub carrier: String,
    /// What the printer reads.
    pub zpl: String,
}

/// The offer to take: the cheapest of those that arrive within `days`; where none does, the fastest.
/// An offer that does not say when it arrives counts as late. Prices in several currencies are not
/// compared: those in the currency of the first offer count.
pub fn choose(rates: &[Rate], days: Option<i64>) -> Option<&Rate> {
    let currency = rates.first()?.price.currency;
    let comparable = || rates.iter().filter(|rate| rate.price.currency == currency);
    let in_time = comparable()
        .filter(|rate| days.is_none_or(|limit| rate.days.is_some_and(|days| days <= limit)))
        .min_by_key(|rate| rate.price.minor);
    in_time.or_else(|| {
        comparable().min_by_key(|rate| (rate.days.unwrap_or(i64::MAX), rate.price.minor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn rate(id: &str, minor: i64, days: Option<i64>) -> Rate {
        Rate {
            id: id.to_owned(),
            carrier: "USPS".to_owned(),
            service: "Priority".to_owned(),
            price: Money::new(minor, Currency::from_code("USD").expect("dollars")),
            days,
        }
    }

    #[test]
    fn the_cheapest_that_arrives_in_time_is_taken_else_the_fastest() {
        let rates = [
            rate("slow", 500, Some(9)),
            rate("fast", 2_500, Some(1)),
            rate("fair", 900, Some(3)),
            rate("dumb", 100, None),
        ];
        let chosen = |days| choose(&rates, days).map(|rate| rate.id.as_str());
        assert_eq!(chosen(Some(3)), Some("fair"));
        assert_eq!(chosen(Some(0)), Some("fast"));
        assert_eq!(chosen(None), Some("dumb"));
        assert_eq!(choose(&[], None), None);
    }

    #[test]
    fn prices_of_other_currencies_are_not_compared() {
        let euros = Currency::from_code("EUR").expect("euros");
        let mut rates = [rate("dollars", 500, Some(3)), rate("euros", 1, Some(1))];
        rates[1].price.currency = euros;
        assert_eq!(
            choose(&rates, Some(1)).map(|rate| rate.id.as_str()),
            Some("dollars")
        );
    }
}
