//! What suppliers answer, and what is ordered from them for our own stock.

use super::error::ActError;
use super::work::{Outcome, Work, units};
use crate::domain::money;
use crate::domain::orders::OrderSummary;
use crate::domain::stock::StockSummary;
use crate::store::import::acceptances::{self, Asked};
use crate::store::{alerts, purchases};

/// The supplier accepts what it was asked for.
pub(super) async fn accept(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let asked = unanswered(work, order).await?;
    for (purchase, _) in &asked {
        acceptances::answer(work.connection, purchase.id, "accepted", None).await?;
    }
    Ok(Outcome::new(format!("accepted by {}", suppliers(&asked))))
}

/// The supplier rejects it: the worker asks the next one.
pub(super) async fn reject(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let asked = unanswered(work, order).await?;
    let reason = work.given.text("reason")?;
    for (purchase, _) in &asked {
        acceptances::answer(work.connection, purchase.id, "rejected", Some(reason)).await?;
    }
    Ok(Outcome::new(format!(
        "rejected by {}: {reason}",
        suppliers(&asked)
    )))
}

/// The supplier has fewer units of a product than it was asked for: it keeps the rest, and the worker
/// asks the next one for what is missing.
pub(super) async fn short(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let sku = work.given.text("sku")?.to_owned();
    let has = work.given.units("quantity")?;
    let asked = unanswered(work, order).await?;
    let found = asked.into_iter().find(|(purchase, _)| {
        let mut lines = purchase.lines.iter();
        lines.any(|line| line.sku.eq_ignore_ascii_case(&sku))
    });
    let Some((purchase, supplier)) = found else {
        return Err(ActError::refused(format!(
            "no purchase order that waits for an answer asks for {sku}"
        )));
    };
    let mut kept = Vec::with_capacity(purchase.lines.len());
    let mut missing = 0;
    for line in &purchase.lines {
        let keeps = if line.sku.eq_ignore_ascii_case(&sku) {
            missing = line.quantity - has;
            has
        } else {
            line.quantity
        };
        if keeps > 0 {
            kept.push((line.product_id, keeps));
        }
    }
    if missing <= 0 {
        return Err(ActError::refused(format!(
            "{supplier} was asked for no more than that: accept it"
        )));
    }
    let why = if kept.is_empty() {
        "rejected by the supplier"
    } else {
        "accepted in part"
    };
    acceptances::answer(work.connection, purchase.id, "rejected", Some(why)).await?;
    if !kept.is_empty() {
        acceptances::keep_part(work.connection, &purchase, &kept).await?;
    }
    Ok(Outcome::new(format!(
        "{supplier} is {} of {sku} short",
        units(missing.into())
    )))
}

/// Orders from a supplier for our own stock; the worker sends the purchase order.
pub(super) async fn reorder(
    work: &mut Work<'_>,
    level: &StockSummary,
) -> Result<Outcome, ActError> {
    let quantity = match work.given.optional_units("quantity") {
        Some(units) => units,
        None => suggested(work, level).await?,
    };
    let offers = purchases::offers(work.connection, level.id).await?;
    let from = work.given.optional_source("from").cloned();
    let offer = match &from {
        Some(source) => offers
            .iter()
            .find(|offer| Some(offer.supplier_id) == source.supplier_id),
        None => offers.first(),
    };
    let Some(offer) = offer else {
        return Err(ActError::refused(match from {
            Some(source) => format!("{} does not offer {}", source.name, level.sku),
            None => format!("no supplier offers {}", level.sku),
        }));
    };
    let id = purchases::insert(work.connection, offer, quantity).await?;
    let cost = offer.unit_cost.saturating_mul(i64::from(quantity));
    Ok(Outcome::new(format!(
        "ordered {} of {} from {} for {}, PO-{id}",
        units(quantity.into()),
        level.sku,
        offer.supplier,
        money::shown(cost, &offer.currency)
    )))
}

/// How many units to order, by demand, lead time and what is on order.
async fn suggested(work: &mut Work<'_>, level: &StockSummary) -> Result<i32, ActError> {
    let known = alerts::levels(work.connection, &[level.id], work.now).await?;
    let Some(cover) = known.first() else {
        return Err(ActError::refused("only our own stock is reordered"));
    };
    let cover = cover.cover;
    match i32::try_from(cover.reorder_quantity()) {
        Ok(quantity) if quantity > 0 => Ok(quantity),
        _ => Err(ActError::refused(format!(
            "{} available and {} on order will do: say a quantity to order all the same",
            cover.available, cover.on_order
        ))),
    }
}

/// The purchase orders that wait for an answer, of the supplier that was named or of all.
async fn unanswered(
    work: &mut Work<'_>,
    order: &OrderSummary,
) -> Result<Vec<(Asked, String)>, ActError> {
    let location = work
        .given
        .optional_source("supplier")
        .map(|source| source.location_id);
    let mut asked = Vec::new();
    for (id, supplier) in purchases::unanswered(work.connection, order.id, location).await? {
        if let Some(purchase) = acceptances::lock(work.connection, id).await? {
            asked.push((purchase, supplier));
        }
    }
    if asked.is_empty() {
        return Err(ActError::refused(
            "no purchase order of it waits for an answer",
        ));
    }
    Ok(asked)
}

fn suppliers(asked: &[(Asked, String)]) -> String {
    let mut names: Vec<&str> = asked
        .iter()
        .map(|(_, supplier)| supplier.as_str())
        .collect();
    names.dedup();
    names.join(", ")
}
