//! What suppliers answer, and what is ordered from them for our own stock.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::PgConnection;

use super::error::ActError;
use super::jobs;
use super::work::{Outcome, Work, units};
use crate::domain::act::Args;
use crate::domain::money;
use crate::domain::orders::OrderSummary;
use crate::domain::stock::StockSummary;
use crate::intake::acceptances;
use crate::store::db::DbError;
use crate::store::lookup::{self, Source};
use crate::store::purchases::{self, Asked, Coming, Offer, Unsent};
use crate::store::{alerts, calendar, fulfilments, progress, stock};

/// What a supplier answers to a purchase order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It does all of it.
    Accepted,
    /// It does nothing of it, and why.
    Rejected(String),
    /// It does so many units by product that it has not sent yet; of no other.
    Short(Vec<(i64, i32)>),
}

/// Writes an answer down. What is not accepted is asked of others by the worker.
pub(super) async fn answered(
    connection: &mut PgConnection,
    asked: &Asked,
    answer: &Answer,
) -> Result<(), DbError> {
    match answer {
        Answer::Accepted => purchases::answer(connection, asked.id, "accepted", None).await,
        Answer::Rejected(why) => {
            purchases::answer(connection, asked.id, "rejected", Some(why)).await
        }
        Answer::Short(kept) => {
            let why = Some("accepted in part");
            purchases::answer(connection, asked.id, "rejected", why).await?;
            purchases::keep_part(connection, asked, kept).await
        }
    }
}

/// The supplier accepts what it was asked for.
pub(super) async fn accept(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let asked = owed(work, order).await?;
    let asked: Vec<_> = asked.into_iter().filter(waits).collect();
    if asked.is_empty() {
        return Err(ActError::refused(
            "no purchase order of it waits for an answer",
        ));
    }
    let asked = meant(asked)?;
    for (purchase, _) in &asked {
        answered(work.connection, purchase, &Answer::Accepted).await?;
    }
    Ok(Outcome::new(format!("accepted by {}", suppliers(&asked))))
}

/// The supplier rejects it, or sends no more of it: the worker asks the next one.
pub(super) async fn reject(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let asked = meant(owed(work, order).await?)?;
    let reason = work.given.text("reason")?;
    for (purchase, _) in &asked {
        let answer = Answer::Rejected(reason.to_owned());
        answered(work.connection, purchase, &answer).await?;
    }
    Ok(Outcome::new(format!(
        "rejected by {}: {reason}",
        suppliers(&asked)
    )))
}

/// The supplier sends fewer units of a product in all than it was asked for: it keeps those that it has
/// not sent yet, and the worker asks the next one for what is missing.
pub(super) async fn short(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let sku = work.given.text("sku")?.to_owned();
    let has = work.given.units("quantity")?;
    let mut asked = owed(work, order).await?;
    asked.retain(|(purchase, _)| {
        let mut lines = purchase.lines.iter();
        lines.any(|line| line.open > 0 && line.sku.eq_ignore_ascii_case(&sku))
    });
    if asked.is_empty() {
        return Err(ActError::refused(format!(
            "no supplier is to send {sku} for it"
        )));
    }
    let Some((purchase, supplier)) = meant(asked)?.into_iter().next() else {
        return Err(ActError::refused(NOTHING_OWED));
    };
    let mut kept = Vec::with_capacity(purchase.lines.len());
    let mut missing = 0;
    for line in &purchase.lines {
        let keeps = if line.sku.eq_ignore_ascii_case(&sku) {
            if has < line.sent {
                let sent = units(line.sent.into());
                return Err(ActError::refused(format!(
                    "{supplier} has sent {sent} of {sku} already"
                )));
            }
            missing = line.units() - has;
            has - line.sent
        } else {
            line.open
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
    let answer = if kept.is_empty() {
        Answer::Rejected("rejected by the supplier".to_owned())
    } else {
        Answer::Short(kept)
    };
    answered(work.connection, &purchase, &answer).await?;
    Ok(Outcome::new(format!(
        "{supplier} is {} of {sku} short",
        units(missing.into())
    )))
}

/// An order's purchase orders went to their suppliers by other means than by mail.
pub(super) async fn mark_sent(
    work: &mut Work<'_>,
    order: &OrderSummary,
) -> Result<Outcome, ActError> {
    let supplier = work.given.optional_source("supplier");
    let location = supplier.map(|source| source.location_id);
    let unsent = purchases::unsent_of_order(work.connection, order.id, location).await?;
    sent(work, &unsent).await
}

/// As [`mark_sent`], for our own stock of a product.
pub(super) async fn mark_stock_sent(
    work: &mut Work<'_>,
    level: &StockSummary,
) -> Result<Outcome, ActError> {
    let supplier = work.given.optional_source("supplier");
    let supplier = supplier.and_then(|source| source.supplier_id);
    let unsent = purchases::unsent_of_level(work.connection, level.id, supplier).await?;
    sent(work, &unsent).await
}

async fn sent(work: &mut Work<'_>, unsent: &[Unsent]) -> Result<Outcome, ActError> {
    if unsent.is_empty() {
        return Err(ActError::refused(
            "no purchase order of it waits for that supplier's address, was refused or stopped, or was given up",
        ));
    }
    let business = calendar::load(work.connection, work.now).await?;
    let answer_due = |purchase: &Unsent| {
        let span = TimeDelta::hours(i64::from(purchase.acceptance_hours));
        (purchase.id, business.calendar.add(work.now, span))
    };
    let due: Vec<_> = unsent.iter().map(answer_due).collect();
    progress::set_sent(work.connection, &due, work.now).await?;
    Ok(Outcome::new(format!("sent by hand: {}", named(unsent))))
}

fn named(unsent: &[Unsent]) -> String {
    let named: Vec<String> = unsent
        .iter()
        .map(|purchase| format!("PO-{} to {}", purchase.id, purchase.supplier))
        .collect();
    named.join(", ")
}

/// What the worker gave up of a product's stock is forgotten. Nobody sends such a purchase order any
/// more: it is cancelled, so that it does not count as on order.
pub(super) async fn forget(work: &mut Work<'_>, level: &StockSummary) -> Result<Outcome, ActError> {
    let reason = "the worker could not send it";
    let cancelled = purchases::cancel_given_up(work.connection, level.id, reason).await?;
    let outcome = jobs::forget(work).await?;
    Ok(match cancelled.as_slice() {
        [] => outcome,
        cancelled => Outcome::new(format!(
            "{}, cancelled {}",
            outcome.summary,
            named(cancelled)
        )),
    })
}

/// What [`forget`] would come to, for the question before it is done.
pub(super) async fn foretell_forget(
    connection: &mut PgConnection,
    level: i64,
) -> Result<Vec<String>, DbError> {
    let unsent = purchases::given_up_of_level(connection, level).await?;
    Ok(match unsent.as_slice() {
        [] => Vec::new(),
        unsent => vec![format!(
            "cancels {}; where it was sent by other means, say mark-sent",
            named(unsent)
        )],
    })
}

/// Cancels a purchase order for our own stock that has not all arrived.
pub(super) async fn cancel(work: &mut Work<'_>, level: &StockSummary) -> Result<Outcome, ActError> {
    let coming = purchases::coming(work.connection, level.id).await?;
    let purchase = the_one(coming, work.given.optional_text("purchase"))?;
    let reason = work.given.text("reason")?;
    purchases::cancel(work.connection, purchase.id, reason).await?;
    let mut summary = format!("cancelled {}: {reason}", described(&purchase));
    if purchase.asked.knows && !purchase.asked.addressed {
        let _ = write!(summary, "; to be told: {}", purchase.asked.supplier);
    }
    Ok(Outcome::new(summary))
}

/// What [`cancel`] would come to, for the question before it is done.
pub(super) async fn foretell_cancel(
    connection: &mut PgConnection,
    level: i64,
    args: &Args,
) -> Result<Vec<String>, ActError> {
    let coming = purchases::coming(connection, level).await?;
    let purchase = the_one(coming, args.get("purchase").map(String::as_str))?;
    Ok(vec![described(&purchase), told_of_cancel(&purchase.asked)])
}

/// What a supplier hears where its purchase order is cancelled.
pub(super) fn told_of_cancel(asked: &fulfilments::Asked) -> String {
    let fulfilments::Asked {
        number, supplier, ..
    } = asked;
    match (asked.knows, asked.addressed) {
        (true, true) => format!("{supplier} is mailed that PO-{number} is cancelled"),
        (true, false) => {
            format!("{supplier} has no mail address: tell it that PO-{number} is cancelled")
        }
        (false, _) => format!("PO-{number} does not leave to {supplier}"),
    }
}

fn described(purchase: &Coming) -> String {
    let asked = &purchase.asked;
    format!(
        "PO-{}: {} from {}",
        asked.number,
        units(purchase.units.into()),
        asked.supplier
    )
}

/// The purchase order of this number; without one, the only one that there is.
fn the_one(mut coming: Vec<Coming>, wanted: Option<&str>) -> Result<Coming, ActError> {
    if coming.is_empty() {
        return Err(ActError::refused("nothing of it is on order"));
    }
    if let Some(wanted) = wanted {
        let number = acceptances::number(wanted);
        coming.retain(|purchase| {
            [purchase.asked.number, purchase.id]
                .map(Some)
                .contains(&number)
        });
        if coming.is_empty() {
            let refused = format!("{wanted} is no purchase order for it that is still to arrive");
            return Err(ActError::refused(refused));
        }
    }
    match (coming.pop(), coming.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            let all: Vec<String> = coming.iter().chain(&last).map(described).collect();
            let expected = format!("which purchase order: {}", all.join(", "));
            Err(ActError::argument("purchase", &expected))
        }
    }
}

/// Orders from a supplier for our own stock; the worker sends the purchase order.
pub(super) async fn reorder(
    work: &mut Work<'_>,
    level: &StockSummary,
) -> Result<Outcome, ActError> {
    let units_wanted = work.given.optional_units("quantity");
    let from = work.given.optional_source("from").cloned();
    let (quantity, offer) = planned(
        work.connection,
        level,
        units_wanted,
        from.as_ref(),
        work.now,
    )
    .await?;
    let id = purchases::insert(work.connection, &offer, quantity).await?;
    let cost = offer.unit_cost.saturating_mul(i64::from(quantity));
    Ok(Outcome::new(format!(
        "ordered {} of {} from {} for {}, PO-{id}",
        units(quantity.into()),
        level.sku,
        offer.supplier,
        money::shown(cost, &offer.currency)
    )))
}

/// What would be ordered: how many units, and whose offer is taken.
async fn planned(
    connection: &mut PgConnection,
    level: &StockSummary,
    quantity: Option<i32>,
    from: Option<&Source>,
    now: DateTime<Utc>,
) -> Result<(i32, Offer), ActError> {
    let quantity = match quantity {
        Some(units) => units,
        None => suggested(connection, level, now).await?,
    };
    let offer = match from {
        Some(Source {
            supplier_id: None, ..
        }) => None,
        from => {
            let supplier = from.and_then(|source| source.supplier_id);
            purchases::offer(connection, level.id, supplier).await?
        }
    };
    match (offer, from) {
        (Some(offer), _) => Ok((quantity, offer)),
        (None, Some(source)) => Err(ActError::refused(format!(
            "{} does not offer {}",
            source.name, level.sku
        ))),
        (None, None) => Err(ActError::refused(format!(
            "no supplier offers {}",
            level.sku
        ))),
    }
}

/// What a reorder would come to, for the question before it is done.
pub(super) async fn foretell(
    connection: &mut PgConnection,
    level: i64,
    args: &Args,
    now: DateTime<Utc>,
) -> Result<Vec<String>, ActError> {
    let Some(level) = stock::summary(connection, level).await? else {
        return Ok(Vec::new());
    };
    let quantity = args.get("quantity").and_then(|units| units.parse().ok());
    let from = match args.get("from") {
        Some(name) => lookup::source(connection, name).await?,
        None => None,
    };
    let (quantity, offer) = planned(connection, &level, quantity, from.as_ref(), now).await?;
    let cost = offer.unit_cost.saturating_mul(i64::from(quantity));
    Ok(vec![format!(
        "{} from {} for {}",
        units(quantity.into()),
        offer.supplier,
        money::shown(cost, &offer.currency)
    )])
}

/// How many units to order, by demand, lead time and what is on order.
async fn suggested(
    connection: &mut PgConnection,
    level: &StockSummary,
    now: DateTime<Utc>,
) -> Result<i32, ActError> {
    let known = alerts::levels(connection, &[level.id], now).await?;
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

const NOTHING_OWED: &str = "no purchase order of it is still to be sent";

/// The purchase orders of which units are still to be sent, of the supplier that was named or of all;
/// those first that wait for an answer.
async fn owed(work: &mut Work<'_>, order: &OrderSummary) -> Result<Vec<(Asked, String)>, ActError> {
    let location = work
        .given
        .optional_source("supplier")
        .map(|source| source.location_id);
    let mut asked = Vec::new();
    for (id, supplier) in purchases::owed(work.connection, order.id, location).await? {
        if let Some(purchase) = purchases::lock(work.connection, id).await? {
            asked.push((purchase, supplier));
        }
    }
    if asked.is_empty() {
        return Err(ActError::refused(NOTHING_OWED));
    }
    Ok(asked)
}

/// Whether a purchase order waits for an answer.
fn waits((purchase, _): &(Asked, String)) -> bool {
    purchase.state == "sent"
}

/// Those that what one supplier says is about: what waits for its answer; where nothing does, what it has
/// accepted. Which one is never guessed.
fn meant(mut asked: Vec<(Asked, String)>) -> Result<Vec<(Asked, String)>, ActError> {
    let first = asked.first().map(|(purchase, _)| purchase.supplier_id);
    let mut others = asked.iter().map(|(purchase, _)| Some(purchase.supplier_id));
    if others.any(|supplier| supplier != first) {
        let expected = format!("which supplier: {}", suppliers(&asked));
        return Err(ActError::argument("supplier", &expected));
    }
    if asked.iter().any(waits) {
        asked.retain(waits);
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
