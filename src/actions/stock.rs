//! What is done with a product at a location.

use chrono::SecondsFormat;

use super::error::ActError;
use super::holds::give_back;
use super::work::{Outcome, Work, unknown_verb};
use super::{jobs, mails, purchases};
use crate::domain::stock::{MovementKind, StockSummary};
use crate::store::{notices, purchases as store_purchases, stock};

pub(super) async fn perform(
    work: &mut Work<'_>,
    level: &StockSummary,
) -> Result<Outcome, ActError> {
    match work.act.verb.name {
        "adjust" => adjust(work, level).await,
        "unclaim" => give_back(work).await,
        "receive" => receive(work, level).await,
        "reorder" => purchases::reorder(work, level).await,
        "cancel-purchase" => purchases::cancel(work, level).await,
        "mark-sent" => purchases::mark_stock_sent(work, level).await,
        "set-reorder-point" => set_reorder_point(work, level).await,
        "mute" => mute(work, level).await,
        "unmute" => unmute(work, level).await,
        "stop-mail" => {
            let open = notices::open_of_level(work.connection, level.id).await?;
            Ok(mails::stop(work, open).await?.1)
        }
        "resend-mail" => {
            let open = notices::open_of_level(work.connection, level.id).await?;
            mails::resend(work, open).await
        }
        "retry-work" => jobs::retry(work).await,
        "forget-work" => purchases::forget(work, level).await,
        _ => Err(unknown_verb(work.act)),
    }
}

async fn adjust(work: &mut Work<'_>, level: &StockSummary) -> Result<Outcome, ActError> {
    let change = work.given.units("quantity")?;
    if level.available() + change < 0 {
        return Err(ActError::refused(format!(
            "only {} of {} units are free, {} are reserved for orders",
            level.available(),
            level.on_hand,
            level.reserved
        )));
    }
    let reason = work.given.text("reason")?;
    stock::add_movement(
        work.connection,
        level.id,
        MovementKind::Adjust,
        change,
        Some(reason),
    )
    .await?;
    Ok(opposite(
        Outcome::new(format!(
            "adjusted by {change:+} to {}: {reason}",
            level.on_hand + change
        )),
        level,
        change,
    ))
}

async fn receive(work: &mut Work<'_>, level: &StockSummary) -> Result<Outcome, ActError> {
    let units = work.given.units("quantity")?;
    stock::add_movement(
        work.connection,
        level.id,
        MovementKind::Receive,
        units,
        work.given.optional_text("reason"),
    )
    .await?;
    store_purchases::receive(work.connection, level.id, units, work.now).await?;
    Ok(opposite(
        Outcome::new(format!(
            "received {units} units, {} on hand",
            level.on_hand + units
        )),
        level,
        units,
    ))
}

/// The ledger is never rewritten: a wrong row is answered by its opposite.
fn opposite(outcome: Outcome, level: &StockSummary, change: i32) -> Outcome {
    outcome.undone_by(
        "adjust",
        [
            ("quantity", (-change).to_string()),
            ("reason", "undone: booked by mistake".to_owned()),
        ],
        format!("adjust {} by {:+}", level.sku, -change),
    )
}

async fn set_reorder_point(work: &mut Work<'_>, level: &StockSummary) -> Result<Outcome, ActError> {
    let (from, to) = (level.reorder_point, work.given.units("quantity")?);
    if from == to {
        return Err(ActError::refused(format!("it is {to} already")));
    }
    stock::set_reorder_point(work.connection, level.id, from, to).await?;
    Ok(
        Outcome::new(format!("reorder point {from} → {to}")).undone_by(
            "set-reorder-point",
            [("quantity", from.to_string())],
            format!("set the reorder point of {} back to {from}", level.sku),
        ),
    )
}

async fn mute(work: &mut Work<'_>, level: &StockSummary) -> Result<Outcome, ActError> {
    let until = work.future_time("until")?;
    stock::set_muted_until(work.connection, level.id, Some(until)).await?;
    Ok(
        Outcome::new(format!("muted until {}", work.shown(until))).undone_by(
            "unmute",
            [],
            format!("show {} as low again", level.sku),
        ),
    )
}

async fn unmute(work: &mut Work<'_>, level: &StockSummary) -> Result<Outcome, ActError> {
    stock::set_muted_until(work.connection, level.id, None).await?;
    let outcome = Outcome::new("unmuted");
    Ok(match level.muted_until {
        Some(until) => outcome.undone_by(
            "mute",
            [("until", until.to_rfc3339_opts(SecondsFormat::AutoSi, true))],
            format!("mute {} again", level.sku),
        ),
        None => outcome,
    })
}
