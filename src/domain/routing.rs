//! Routing: which supplier is asked for what our own stock does not cover.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::money;

/// What a supplier offers for one line, with what is known of the supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The supplier.
    pub supplier_id: i64,
    /// Its location, which a fulfilment names.
    pub location_id: i64,
    /// Its name.
    pub supplier: String,
    /// Cost of one unit, in minor units of the currency.
    pub unit_cost: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Days from order to hand-over.
    pub lead_time_days: i32,
    /// Parcels of the last 90 days, and those that left by their promise.
    pub parcels: (i32, i32),
    /// Purchase orders of the last 90 days that were answered, and those that were accepted.
    pub answers: (i32, i32),
    /// Whether it has an address for purchase orders.
    pub addressed: bool,
}

/// With fewer parcels or answers than this, a supplier is not judged by them.
const ENOUGH: i32 = 5;

impl Offer {
    /// Share of its parcels that left by their promise, in percent, where there are enough.
    pub const fn on_time(&self) -> Option<i64> {
        percent(self.parcels)
    }

    /// What it costs in effect: the price, dearer by as many percent as its parcels were late or its
    /// answers were no, and by a tenth for each day past the promised lead time.
    fn effective_cost(&self, units: i32, promised_days: Option<i32>) -> i128 {
        let missing = |share: Option<i64>| i128::from(100 - share.unwrap_or(100));
        let late = promised_days.map_or(0, |promised| (self.lead_time_days - promised).max(0));
        let dearer =
            100 + missing(self.on_time()) + missing(percent(self.answers)) + 10 * i128::from(late);
        i128::from(self.unit_cost) * i128::from(units) * dearer
    }
}

const fn percent((all, good): (i32, i32)) -> Option<i64> {
    if all < ENOUGH {
        None
    } else {
        Some(good as i64 * 100 / all as i64)
    }
}

/// A line that wants a supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The order line.
    pub order_line_id: i64,
    /// The product.
    pub product_id: i64,
    /// Its SKU.
    pub sku: String,
    /// Units.
    pub units: i32,
    /// What suppliers that may be asked offer.
    pub offers: Vec<Offer>,
}

/// What one supplier is asked for. One currency: a purchase order has no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The supplier.
    pub supplier_id: i64,
    /// Its location.
    pub location_id: i64,
    /// Its name.
    pub supplier: String,
    /// ISO 4217 code of the unit costs.
    pub currency: String,
    /// The longest lead time of its lines, in days.
    pub lead_time_days: i32,
    /// Why this supplier, for people.
    pub reason: String,
    /// Order line, product, units and the cost of one.
    pub lines: Vec<PartLine>,
}

/// A line in a [`Part`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLine {
    /// The order line.
    pub order_line_id: i64,
    /// The product.
    pub product_id: i64,
    /// Units.
    pub units: i32,
    /// Minor units of the part's currency.
    pub unit_cost: i64,
}

/// Divides lines among suppliers: as few parcels as can be, each by the supplier that is cheapest
/// in effect (see [`Offer`]). Who has an address goes before who has none, for such an order waits
/// until a person places it. Offers in the order's currency go before all others, for costs in two
/// currencies do not compare. Lines without an offer are left out.
pub fn route(needs: &[Need], order_currency: &str, promised_days: Option<i32>) -> Vec<Part> {
    let mut open: BTreeSet<usize> = (0..needs.len())
        .filter(|index| !needs[*index].offers.is_empty())
        .collect();
    let mut parts = Vec::new();
    while let Some(part) = best_part(needs, &open, order_currency, promised_days) {
        let taken: BTreeSet<i64> = part.lines.iter().map(|line| line.order_line_id).collect();
        open.retain(|index| !taken.contains(&needs[*index].order_line_id));
        parts.push(part);
    }
    parts
}

/// A supplier's lines: each with its offer.
type Covered<'a> = Vec<(&'a Need, &'a Offer)>;

/// The supplier that covers most of the open lines, the cheapest in effect among equals; one without
/// an address only where nobody has one.
fn best_part(
    needs: &[Need],
    open: &BTreeSet<usize>,
    order_currency: &str,
    promised_days: Option<i32>,
) -> Option<Part> {
    let mut covers: BTreeMap<(bool, bool, &str, i64), Covered<'_>> = BTreeMap::new();
    for need in open.iter().map(|index| &needs[*index]) {
        for offer in &need.offers {
            let foreign = offer.currency != order_currency;
            covers
                .entry((
                    !offer.addressed,
                    foreign,
                    offer.currency.as_str(),
                    offer.supplier_id,
                ))
                .or_default()
                .push((need, offer));
        }
    }
    let effective = |cover: &Covered<'_>| -> i128 {
        let cost =
            |(need, offer): &(&Need, &Offer)| offer.effective_cost(need.units, promised_days);
        cover.iter().map(cost).sum()
    };
    let mut ranked: Vec<_> = covers.into_iter().collect();
    ranked.sort_by_cached_key(|((unaddressed, foreign, _, supplier), cover)| {
        (
            *unaddressed,
            std::cmp::Reverse(cover.len()),
            *foreign,
            effective(cover),
            *supplier,
        )
    });
    let ((unaddressed, _, currency, _), cover) = ranked.first()?;
    let (_, first) = cover.first()?;
    // Only what is offered for the same lines compares.
    let mut same_lines = ranked[1..]
        .iter()
        .filter(|(_, other)| covers_all(other, cover));
    let elsewhere = same_lines.clone().next().is_some();
    let rival = same_lines.find(|(key, _)| (key.0, key.2) == (*unaddressed, *currency));
    let contested = |(_, other): &(_, Covered<'_>)| other.iter().any(|line| is_in(line, cover));
    let rivals = match rival {
        Some((_, rival)) => Rivals::Equal(rival),
        None if elsewhere => Rivals::Foreign,
        None if ranked[1..].iter().any(contested) => Rivals::Partial,
        None => Rivals::None,
    };
    Some(Part {
        supplier_id: first.supplier_id,
        location_id: first.location_id,
        supplier: first.supplier.clone(),
        currency: (*currency).to_owned(),
        lead_time_days: cover
            .iter()
            .map(|(_, offer)| offer.lead_time_days)
            .max()
            .unwrap_or(0),
        reason: reason(cover, rivals, order_currency, promised_days),
        lines: cover
            .iter()
            .map(|(need, offer)| PartLine {
                order_line_id: need.order_line_id,
                product_id: need.product_id,
                units: need.units,
                unit_cost: offer.unit_cost,
            })
            .collect(),
    })
}

/// Who else could be asked for a supplier's lines.
#[derive(Clone, Copy)]
enum Rivals<'a> {
    /// Another for all of them, in the same currency.
    Equal(&'a Covered<'a>),
    /// Others for all of them, but in other currencies.
    Foreign,
    /// Others for some of them.
    Partial,
    /// Nobody.
    None,
}

/// Whether a line is among a supplier's.
fn is_in((need, _): &(&Need, &Offer), cover: &Covered<'_>) -> bool {
    (cover.iter()).any(|(other, _)| other.order_line_id == need.order_line_id)
}

/// Whether a supplier has all lines that another has.
fn covers_all(cover: &Covered<'_>, lines: &Covered<'_>) -> bool {
    lines.iter().all(|line| is_in(line, cover))
}

fn price(cover: &Covered<'_>) -> i64 {
    cover
        .iter()
        .map(|(need, offer)| offer.unit_cost.saturating_mul(i64::from(need.units)))
        .fold(0, i64::saturating_add)
}

/// `Acme: 4.10 EUR cheaper than Bolt, but 62 % on time`.
fn reason(
    cover: &Covered<'_>,
    rivals: Rivals<'_>,
    order_currency: &str,
    promised_days: Option<i32>,
) -> String {
    let Some((_, offer)) = cover.first() else {
        return String::new();
    };
    let mut asked_of = cover.iter().flat_map(|(need, _)| &need.offers);
    let passed_over = offer.addressed && asked_of.any(|other| !other.addressed);
    let only = |which: String| format!("{}: the only offer{which}", offer.supplier);
    let mut text = match rivals {
        Rivals::None | Rivals::Foreign | Rivals::Partial if passed_over => {
            format!("{}: others have no address", offer.supplier)
        }
        Rivals::None => only(String::new()),
        Rivals::Foreign => only(format!(" in {}", offer.currency)),
        Rivals::Partial => only(format!(" for all {} lines", cover.len())),
        Rivals::Equal(rival) => {
            let other = rival.first().map_or("", |(_, other)| &other.supplier);
            let difference = price(rival) - price(cover);
            let amount = money::shown(difference.abs(), &offer.currency);
            match difference.signum() {
                1 => format!("{}: {amount} cheaper than {other}", offer.supplier),
                0 => format!("{}: as dear as {other}", offer.supplier),
                _ => format!(
                    "{}: {amount} dearer than {other}, which is less reliable or slower",
                    offer.supplier
                ),
            }
        }
    };
    if offer.currency != order_currency {
        let mut asked_of = cover.iter().flat_map(|(need, _)| &need.offers);
        let nobody = if asked_of.any(|other| other.currency == order_currency) {
            "nobody with an address"
        } else {
            "nobody"
        };
        let _ = write!(
            text,
            ", paid in {} as {nobody} offers it in {order_currency}",
            offer.currency
        );
    }
    if let Some(share) = offer.on_time().filter(|share| *share < 90) {
        let _ = write!(text, ", but {share} % on time");
    }
    let slowest = cover.iter().map(|(_, offer)| offer.lead_time_days).max();
    if let (Some(lead), Some(promised)) = (slowest, promised_days)
        && lead > promised
    {
        let _ = write!(text, ", but {lead} days where {promised} were promised");
    }
    text
}

/// What others have of a line for which a silent supplier was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// Units that it was asked for.
    pub units: i32,
    /// Units of our own stock that earlier orders leave free.
    pub free: i64,
    /// The shortest lead time of the others, in days.
    pub lead_days: Option<i32>,
    /// The lead time of the silent one, in days.
    pub silent_lead_days: Option<i32>,
}

/// Whether all of it can be had elsewhere in time, or at least no later than if the silent supplier
/// answered now. `in_time` says it of a lead time in days that begins now.
pub fn served_elsewhere(lines: &[Elsewhere], in_time: impl Fn(i32) -> bool) -> bool {
    let served = |line: &Elsewhere| {
        let by_others = |lead| in_time(lead) || Some(lead) <= line.silent_lead_days;
        line.free >= i64::from(line.units) || line.lead_days.is_some_and(by_others)
    };
    !lines.is_empty() && lines.iter().all(served)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(supplier_id: i64, unit_cost: i64, lead_time_days: i32) -> Offer {
        Offer {
            supplier_id,
            location_id: supplier_id,
            supplier: format!("S{supplier_id}"),
            unit_cost,
            currency: "EUR".to_owned(),
            lead_time_days,
            parcels: (0, 0),
            answers: (0, 0),
            addressed: true,
        }
    }

    fn need(order_line_id: i64, units: i32, offers: Vec<Offer>) -> Need {
        Need {
            order_line_id,
            product_id: order_line_id,
            sku: format!("P{order_line_id}"),
            units,
            offers,
        }
    }

    #[test]
    fn the_cheaper_supplier_is_asked_and_the_reason_says_by_how_much() {
        let parts = route(
            &[need(1, 2, vec![offer(1, 500, 3), offer(2, 295, 3)])],
            "EUR",
            Some(3),
        );
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].supplier_id, 2);
        assert!(parts[0].reason.starts_with("S2: "), "{}", parts[0].reason);
        assert!(parts[0].reason.contains("4.10"), "{}", parts[0].reason);
        assert!(parts[0].reason.ends_with("cheaper than S1"));
    }

    #[test]
    fn one_that_is_often_late_must_be_cheaper_by_as_much() {
        let late = Offer {
            parcels: (100, 62),
            ..offer(1, 100, 3)
        };
        let choose = |cost| {
            let needs = [need(1, 1, vec![late.clone(), offer(2, cost, 3)])];
            route(&needs, "EUR", Some(3)).remove(0)
        };
        assert_eq!(choose(137).supplier_id, 2);
        let part = choose(139);
        assert_eq!(part.supplier_id, 1);
        assert!(part.reason.ends_with("but 62 % on time"), "{}", part.reason);
    }

    #[test]
    fn a_day_past_the_promise_counts_a_tenth() {
        let choose = |cost| {
            let needs = [need(1, 1, vec![offer(1, 100, 5), offer(2, cost, 3)])];
            route(&needs, "EUR", Some(3))[0].supplier_id
        };
        assert_eq!(choose(119), 2);
        assert_eq!(choose(121), 1);
    }

    #[test]
    fn one_without_an_address_is_asked_only_where_nobody_has_one() {
        let mute = |supplier, cost| Offer {
            addressed: false,
            ..offer(supplier, cost, 1)
        };
        let needs = [
            need(1, 1, vec![mute(1, 100), offer(2, 900, 9)]),
            need(2, 1, vec![mute(1, 100), mute(3, 150)]),
        ];
        let asked: Vec<_> = route(&needs, "EUR", Some(3))
            .into_iter()
            .map(|part| (part.supplier_id, part.lines.len(), part.reason))
            .collect();
        let reason = |text: &str| text.to_owned();
        let expected = [
            (
                2,
                1,
                reason("S2: others have no address, but 9 days where 3 were promised"),
            ),
            (1, 1, reason("S1: 0.50 EUR cheaper than S3")),
        ];
        assert_eq!(asked, expected);
    }

    #[test]
    fn it_is_split_only_where_nobody_has_all() {
        let all_in_one = route(
            &[
                need(1, 1, vec![offer(1, 100, 3), offer(2, 300, 3)]),
                need(2, 1, vec![offer(2, 300, 3)]),
            ],
            "EUR",
            None,
        );
        assert_eq!(all_in_one.len(), 1);
        assert_eq!(all_in_one[0].supplier_id, 2);
        let parts = route(
            &[
                need(1, 1, vec![offer(1, 100, 3)]),
                need(2, 1, vec![offer(2, 300, 3)]),
                need(3, 1, vec![]),
            ],
            "EUR",
            None,
        );
        let suppliers: Vec<i64> = parts.iter().map(|part| part.supplier_id).collect();
        assert_eq!(suppliers, [1, 2]);
    }

    #[test]
    fn the_reason_compares_only_offers_for_the_same_lines() {
        let reasons = |needs: &[Need]| -> Vec<String> {
            let parts = route(needs, "EUR", None).into_iter();
            parts.map(|part| part.reason).collect()
        };
        let apart = [
            need(1, 1, vec![offer(1, 100, 3)]),
            need(2, 1, vec![offer(2, 300, 3)]),
        ];
        assert_eq!(
            reasons(&apart),
            ["S1: the only offer", "S2: the only offer"]
        );
        let contested = [
            need(1, 1, vec![offer(1, 100, 3), offer(2, 100, 3)]),
            need(2, 1, vec![offer(1, 300, 3)]),
        ];
        assert_eq!(reasons(&contested), ["S1: the only offer for all 2 lines"]);
        let dollars = Offer {
            currency: "USD".to_owned(),
            ..offer(2, 50, 3)
        };
        let abroad = [need(1, 1, vec![offer(1, 100, 3), dollars])];
        assert_eq!(reasons(&abroad), ["S1: the only offer in EUR"]);
    }

    #[test]
    fn what_only_another_currency_buys_says_so() {
        let foreign = |supplier, cost| Offer {
            currency: "JPY".to_owned(),
            ..offer(supplier, cost, 3)
        };
        let needs = [
            need(1, 1, vec![foreign(1, 70)]),
            need(2, 1, vec![offer(2, 900, 3)]),
        ];
        let reasons: Vec<String> = route(&needs, "EUR", None)
            .into_iter()
            .map(|part| part.reason)
            .collect();
        let expected = [
            "S2: the only offer",
            "S1: the only offer, paid in JPY as nobody offers it in EUR",
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn a_silent_supplier_is_left_only_where_all_can_be_had_elsewhere_in_time() {
        let line = Elsewhere {
            units: 3,
            free: 0,
            lead_days: Some(4),
            silent_lead_days: Some(2),
        };
        let served = |lines: &[Elsewhere]| served_elsewhere(lines, |lead| lead <= 3);
        assert!(!served(&[line]), "too late, and later than the silent one");
        assert!(!served(&[]));
        let own = Elsewhere { free: 3, ..line };
        let sooner = Elsewhere {
            lead_days: Some(3),
            ..line
        };
        let no_later = Elsewhere {
            silent_lead_days: Some(4),
            ..line
        };
        assert!(served(&[own, sooner, no_later]));
        assert!(!served(&[own, line]));
        let nobody = Elsewhere {
            lead_days: None,
            silent_lead_days: None,
            ..line
        };
        assert!(!served(&[nobody]));
    }
}
