//! What is done with an order.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sqlx::postgres::PgConnection;

use super::error::ActError;
use super::work::{Outcome, Work, units, unknown_verb};
use super::{addresses, jobs, mails, options, purchases, shipping};
use crate::domain::inspections::STANDARD_CHECKS;
use crate::domain::money;
use crate::domain::orders::{FinancialStatus as Paid, FulfilmentState, OrderSummary};
use crate::domain::promises;
use crate::store::db::DbError;
use crate::store::fulfilments::{self, Why};
use crate::store::lookup::Source;
use crate::store::orders::OpenLine;
use crate::store::{calendar, inspections, notices, orders, reservations, shipments};

pub(super) async fn perform(
    work: &mut Work<'_>,
    order: &OrderSummary,
) -> Result<Outcome, ActError> {
    match work.act.verb.name {
        "confirm" => {
            orders::confirm(work.connection, order.id, work.now).await?;
            Ok(Outcome::new("confirmed"))
        }
        "hold" => hold(work, order).await,
        "release" => release(work, order).await,
        "reserve" => reserve(work, order).await,
        "unreserve" => unreserve(work, order).await,
        "route" => route(work, order).await,
        "accept" => purchases::accept(work, order).await,
        "reject" => purchases::reject(work, order).await,
        "short" => purchases::short(work, order).await,
        "mark-sent" => purchases::mark_sent(work, order).await,
        "set-option" => options::set(work, order).await,
        "set-address" => addresses::set(work, order).await,
        "inspect" => inspect(work, order).await,
        "ship" => shipping::ship(work, order).await,
        "cancel" => cancel(work, order).await,
        "note" => {
            orders::insert_note(work.connection, order.id, work.given.text("text")?).await?;
            Ok(Outcome::new("noted"))
        }
        "claim" => assign(work, order, Some(work.who)).await,
        "unclaim" => assign(work, order, None).await,
        "assign" => {
            let to = work.given.text("to")?.to_owned();
            assign(work, order, Some(&to)).await
        }
        "stop-mail" => {
            let open = notices::open_of_order(work.connection, order.id).await?;
            Ok(mails::stop(work, open).await?.1)
        }
        "resend-mail" => {
            let open = notices::open_of_order(work.connection, order.id).await?;
            mails::resend(work, open).await
        }
        "retry-work" => jobs::retry(work).await,
        "forget-work" => jobs::forget(work).await,
        _ => Err(unknown_verb(work.act)),
    }
}

async fn hold(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let reason = work.given.text("reason")?;
    orders::set_hold(work.connection, order.id, None, Some(reason)).await?;
    let outcome = Outcome::new(format!("held: {reason}"));
    Ok(outcome.undone_by("release", [], format!("release {}", order.number)))
}

async fn release(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let reason = order.hold_reason.as_deref();
    orders::set_hold(work.connection, order.id, reason, None).await?;
    let outcome = Outcome::new("released");
    Ok(match reason {
        Some(reason) => outcome.undone_by(
            "hold",
            [("reason", reason.to_owned())],
            format!("hold {} again: {reason}", order.number),
        ),
        None => outcome,
    })
}

async fn assign(
    work: &mut Work<'_>,
    order: &OrderSummary,
    to: Option<&str>,
) -> Result<Outcome, ActError> {
    let from = order.assignee.as_deref();
    if from == to {
        return Err(ActError::refused(format!(
            "{} has it already",
            to.unwrap_or("nobody")
        )));
    }
    orders::set_assignee(work.connection, order.id, from, to).await?;
    let outcome = Outcome::new(match to {
        Some(to) if to == work.who => "claimed".to_owned(),
        Some(to) => format!("assigned to {to}"),
        None => "let go".to_owned(),
    });
    Ok(match from {
        Some(from) => outcome.undone_by(
            "assign",
            [("to", from.to_owned())],
            format!("give {} back to {from}", order.number),
        ),
        None => outcome.undone_by("unclaim", [], format!("let go of {}", order.number)),
    })
}

/// Gives its stock back. The worker takes none for it until a person reserves or routes it again.
async fn unreserve(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    shipments::void_packed(work.connection, order.id).await?;
    let given_back = reservations::release_all(work.connection, order.id).await?;
    fulfilments::give_up_uncovered(work.connection, order.id).await?;
    orders::set_covered_by_hand(work.connection, order.id, true).await?;
    let again = format!("reserve stock for {} again", order.number);
    let outcome = Outcome::new(format!("gave back {}", units(given_back)));
    Ok(outcome.undone_by("reserve", [], again))
}

/// Takes what is free for every line, in the order of the lines. Two lines of one product see
/// each other: what one took is not there for the other.
async fn reserve(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let lines = orders::open_lines(work.connection, order.id).await?;
    let products: Vec<i64> = lines.iter().filter_map(|line| line.product_id).collect();
    let planned_at = fulfilments::own_location(work.connection, order.id).await?;
    let mut levels = reservations::lock_levels(work.connection, &products).await?;
    // The location that the order was given to last comes first; beyond that any of ours will do.
    levels.sort_by_key(|level| (Some(level.location_id) != planned_at, level.id));
    let (mut taken, mut missing) = (0, 0);
    let mut short = Vec::new();
    for line in &lines {
        let mut wanted = line.unallocated;
        let product = line.product_id;
        for level in levels.iter_mut().filter(|l| Some(l.product_id) == product) {
            let take = wanted.min(level.available);
            if take > 0 {
                reservations::add(work.connection, line.id, level.id, take).await?;
                level.available -= take;
                wanted -= take;
                taken += i64::from(take);
            }
        }
        if wanted > 0 {
            missing += i64::from(wanted);
            short.push(line.sku.as_str());
        }
    }
    if taken == 0 {
        return Err(ActError::refused(format!(
            "nothing is free of {}",
            short.join(", ")
        )));
    }
    orders::set_covered_by_hand(work.connection, order.id, false).await?;
    let outcome = Outcome::new(if missing == 0 {
        format!("reserved {}", units(taken))
    } else {
        format!(
            "reserved {taken} of {}; {missing} short: {}",
            units(taken + missing),
            short.join(", ")
        )
    });
    // Unreserve gives everything back, so it compensates only a first reserve.
    Ok(if order.reserved == 0 {
        outcome.undone_by(
            "unreserve",
            [],
            format!("give back the stock reserved for {}", order.number),
        )
    } else {
        outcome
    })
}

async fn route(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let source = work.given.source("to")?.clone();
    let lines = orders::open_lines(work.connection, order.id).await?;
    orders::set_covered_by_hand(work.connection, order.id, false).await?;
    match source.supplier_id {
        Some(supplier) => route_to_supplier(work, order, &source, supplier, &lines).await,
        None => route_to_us(work, order, &source, &lines).await,
    }
}

async fn route_to_supplier(
    work: &mut Work<'_>,
    order: &OrderSummary,
    source: &Source,
    supplier_id: i64,
    lines: &[OpenLine],
) -> Result<Outcome, ActError> {
    let products: Vec<i64> = lines.iter().filter_map(|line| line.product_id).collect();
    let prices = fulfilments::prices(work.connection, supplier_id, &products).await?;
    let price = |line: &OpenLine| {
        let product = line.product_id?;
        prices.iter().find(|price| price.product_id == product)
    };
    let mut planned = Vec::new();
    // A purchase order has one currency, and a product once.
    let mut purchases: BTreeMap<&str, BTreeMap<i64, (i32, i64)>> = BTreeMap::new();
    let mut not_offered = Vec::new();
    for line in lines {
        match price(line) {
            Some(price) => {
                planned.push((line.id, line.unallocated));
                let by_product = purchases.entry(price.currency.as_str()).or_default();
                let entry = by_product
                    .entry(price.product_id)
                    .or_insert((0, price.unit_cost));
                entry.0 += line.unallocated;
            }
            None => not_offered.push(line.sku.as_str()),
        }
    }
    if planned.is_empty() {
        return Err(ActError::refused(format!(
            "{} does not offer {}",
            source.name,
            not_offered.join(" or ")
        )));
    }
    fulfilments::give_up_uncovered(work.connection, order.id).await?;
    let id = fulfilments::insert(
        work.connection,
        order.id,
        source.location_id,
        &planned,
        Why::RoutedByHand,
    )
    .await?;
    let offered = lines.iter().filter_map(price);
    let slowest = offered.map(|price| price.lead_time_days).max().unwrap_or(0);
    let business = calendar::load(work.connection, work.now).await?;
    let leaves_by = promises::ship_by(
        work.now,
        slowest.unsigned_abs(),
        &business.calendar,
        business.cut_off,
    );
    fulfilments::request(work.connection, id, work.now, leaves_by).await?;
    for (currency, by_product) in purchases {
        let lines: Vec<(i64, i32, i64)> = by_product
            .into_iter()
            .map(|(product, (quantity, cost))| (product, quantity, cost))
            .collect();
        fulfilments::insert_purchase_order(work.connection, supplier_id, id, currency, &lines)
            .await?;
    }
    let asked = planned
        .iter()
        .map(|(_, quantity)| i64::from(*quantity))
        .sum();
    let mut summary = format!("asked {} for {}", source.name, units(asked));
    if !not_offered.is_empty() {
        let _ = write!(summary, "; not offered: {}", not_offered.join(", "));
    }
    Ok(Outcome::new(summary))
}

async fn route_to_us(
    work: &mut Work<'_>,
    order: &OrderSummary,
    source: &Source,
    lines: &[OpenLine],
) -> Result<Outcome, ActError> {
    let planned: Vec<(i64, i32)> = lines
        .iter()
        .map(|line| (line.id, line.unallocated))
        .collect();
    let plans = fulfilments::of_order(work.connection, order.id).await?;
    let there_already = plans.iter().any(|plan| {
        plan.location_id == source.location_id
            && planned
                .iter()
                .all(|(line, quantity)| plan.left(*line) >= *quantity)
    });
    if there_already {
        return Err(ActError::refused(format!("{} has it already", source.name)));
    }
    fulfilments::give_up_uncovered(work.connection, order.id).await?;
    let id = fulfilments::insert(
        work.connection,
        order.id,
        source.location_id,
        &planned,
        Why::RoutedByHand,
    )
    .await?;
    let (from, to) = (FulfilmentState::Open, FulfilmentState::Accepted);
    fulfilments::set_state(work.connection, id, from, to).await?;
    let given = planned
        .iter()
        .map(|(_, quantity)| i64::from(*quantity))
        .sum();
    Ok(Outcome::new(format!(
        "gave {} to {}",
        units(given),
        source.name
    )))
}

async fn inspect(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let products = inspections::checks_of_products(work.connection, order.id, None).await?;
    let checks = checks(&products);
    let id = inspections::insert(work.connection, order.id, None, &checks).await?;
    Ok(Outcome::new(format!(
        "asked for INS-{id} with {} checks",
        checks.len()
    )))
}

/// The checks that products name, and the standard ones where a product names none.
pub(super) fn checks(products: &[(String, Option<serde_json::Value>)]) -> Vec<(String, String)> {
    let mut checks: Vec<(String, String)> = Vec::new();
    if products.is_empty() || products.iter().any(|(_, own)| own.is_none()) {
        let standard = STANDARD_CHECKS.map(|(name, what)| (name.to_owned(), what.to_owned()));
        checks.extend(standard);
    }
    for (sku, own) in products {
        let named = own.as_ref().and_then(serde_json::Value::as_object);
        for (name, instruction) in named.into_iter().flatten() {
            let instruction = instruction.as_str().unwrap_or_default().to_owned();
            match checks.iter().find(|(known, _)| known == name) {
                None => checks.push((name.clone(), instruction)),
                Some((_, known)) if *known == instruction => {}
                // Two products mean different things by one word.
                Some(_) => checks.push((format!("{name} {sku}"), instruction)),
            }
        }
    }
    checks
}

async fn cancel(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let reason = work.given.text("reason")?;
    let parcels = shipments::void_packed(work.connection, order.id).await?;
    reservations::release_all(work.connection, order.id).await?;
    let plans = fulfilments::of_order(work.connection, order.id).await?;
    for plan in &plans {
        let to = FulfilmentState::Cancelled;
        fulfilments::set_state(work.connection, plan.id, plan.state, to).await?;
    }
    let plans: Vec<i64> = plans.iter().map(|plan| plan.id).collect();
    let told = fulfilments::cancel_purchase_orders(work.connection, &plans).await?;
    orders::cancel(work.connection, order.id, work.now, reason).await?;
    let cancelled = order.ordered - order.shipped - order.cancelled;
    let mut summary = format!("cancelled {}: {reason}", units(cancelled));
    if !parcels.is_empty() {
        let parcels: Vec<String> = parcels.iter().map(|id| format!("SHP-{id}")).collect();
        let _ = write!(summary, "; void: {}", parcels.join(", "));
    }
    if !told.is_empty() {
        let _ = write!(summary, "; to be told: {}", told.join(", "));
    }
    Ok(Outcome::new(summary))
}

/// What a cancel would come to beyond the units, for the question before it is done.
pub(super) async fn foretell_cancel(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<String>, DbError> {
    let mut told: Vec<String> = (fulfilments::asked(connection, order_id).await?.into_iter())
        .map(|asked| purchases::told_of_cancel(&asked))
        .collect();
    let Some(order) = orders::summary(connection, order_id).await? else {
        return Ok(told);
    };
    let paid = order.financial_status;
    if matches!(
        paid,
        Paid::Paid | Paid::PartiallyPaid | Paid::PartiallyRefunded
    ) {
        told.push(format!(
            "{} {}: given back in the shop, not here",
            money::shown(order.total, &order.currency),
            paid.label()
        ));
    }
    Ok(told)
}
