//! What is done with a parcel.

use sqlx::postgres::PgConnection;

use super::error::ActError;
use super::holds::give_back;
use super::jobs;
use super::progress;
use super::work::{Outcome, Work, units, unknown_verb};
use crate::domain::labels::LABEL;
use crate::domain::scripts::Scripts;
use crate::domain::shipments::{Settled, ShipmentState, ShipmentSummary};
use crate::store::db::DbError;
use crate::store::labels::{self, Printable};
use crate::store::shipments::{self, Tracking};
use crate::store::{acts, carrier_labels, orders};

pub(super) async fn perform(
    work: &mut Work<'_>,
    parcel: &ShipmentSummary,
) -> Result<Outcome, ActError> {
    match work.act.verb.name {
        "set-tracking" => set_tracking(work, parcel).await,
        "clear-tracking" => {
            shipments::clear_tracking(work.connection, parcel.id).await?;
            Ok(Outcome::new("took its carrier and code off"))
        }
        "unclaim" => give_back(work).await,
        "deliver" => {
            let to = ShipmentState::Delivered;
            shipments::set_state(work.connection, parcel.id, parcel.state, to, None).await?;
            Ok(Outcome::new(format!("delivered {}", units(parcel.units))))
        }
        "lose" => {
            let (to, reason) = (ShipmentState::Lost, work.given.text("reason")?);
            shipments::set_state(work.connection, parcel.id, parcel.state, to, Some(reason))
                .await?;
            Ok(Outcome::new(format!("marked lost: {reason}")))
        }
        "send-again" => send_again(work, parcel).await,
        "write-off" => {
            let reason = work.given.text("reason")?;
            shipments::settle(work.connection, parcel.id, Settled::WrittenOff).await?;
            Ok(Outcome::new(format!("written off: {reason}")))
        }
        "damage" => {
            let reason = work.given.text("reason")?;
            shipments::set_damaged(work.connection, parcel.id, reason).await?;
            Ok(Outcome::new(format!("noted as damaged: {reason}")))
        }
        "print" => {
            let what = work.given.optional_text("what").unwrap_or(LABEL);
            let warning = match what {
                LABEL => unprintable(work.connection, parcel.id, work.terms.font).await?,
                _ => None,
            };
            if let Some(warning) = &warning {
                // Nobody stands beside a worker that prints: it is in the parcel's history.
                acts::give_reason(work.connection, warning).await?;
            }
            shipments::count_print(work.connection, parcel.id, what == LABEL).await?;
            if warning.is_some() {
                acts::give_reason(work.connection, "").await?;
            }
            let outcome = Outcome::new(format!("printed the {what}"));
            if what != LABEL {
                return Ok(outcome);
            }
            // If the worker gave one up, it has come out now.
            jobs::forget(work).await?;
            Ok(match warning {
                Some(warning) => outcome.but(warning),
                None => outcome,
            })
        }
        "buy-label" => {
            carrier_labels::want(work.connection, parcel.id).await?;
            Ok(Outcome::new("its label will be bought"))
        }
        "hand-over" => {
            let to = ShipmentState::HandedOver;
            shipments::set_state(work.connection, parcel.id, parcel.state, to, None).await?;
            Ok(Outcome::new(format!("handed over {}", units(parcel.units))))
        }
        "void" => {
            let to = ShipmentState::Void;
            shipments::set_state(work.connection, parcel.id, parcel.state, to, None).await?;
            Ok(Outcome::new("made void"))
        }
        "retry-work" => jobs::retry(work).await,
        "forget-work" => jobs::forget(work).await,
        _ => Err(unknown_verb(work.act)),
    }
}

/// Sends what was in a parcel again: nothing covers it any more, and its order is promised anew.
async fn send_again(work: &mut Work<'_>, parcel: &ShipmentSummary) -> Result<Outcome, ActError> {
    shipments::settle(work.connection, parcel.id, Settled::SentAgain).await?;
    orders::set_again(work.connection, parcel.order_id, work.now).await?;
    let cause = format!("SHP-{} is sent again", parcel.id);
    acts::give_reason(work.connection, &cause).await?;
    progress::promise_again(work.connection, parcel.order_id, work.now).await?;
    acts::give_reason(work.connection, "").await?;
    Ok(Outcome::new(format!(
        "{} of {} to be sent again",
        units(parcel.units),
        parcel.order_number
    )))
}

/// Says who carries it: what was only packed can be handed over then.
async fn set_tracking(work: &mut Work<'_>, parcel: &ShipmentSummary) -> Result<Outcome, ActError> {
    let carrier = work.given.carrier("carrier")?;
    let code = work.given.text("code")?;
    if parcel.carrier.as_deref() == Some(&carrier.name)
        && parcel.tracking_code.as_deref() == Some(code)
    {
        return Err(ActError::refused("that is its tracking code already"));
    }
    let tracking = Tracking {
        carrier_id: carrier.id,
        code,
        ship_date: work.today(),
    };
    shipments::set_tracking(work.connection, parcel.id, &tracking).await?;
    let outcome = Outcome::new(format!("set its tracking to {} {code}", carrier.name));
    if parcel.state == ShipmentState::Draft {
        let to = ShipmentState::Labelled;
        shipments::set_state(work.connection, parcel.id, parcel.state, to, None).await?;
        let says = format!("take carrier and code off SHP-{}", parcel.id);
        return Ok(outcome.undone_by("clear-tracking", [], says));
    }
    Ok(match (&parcel.carrier, &parcel.tracking_code) {
        (Some(before), Some(code_before)) => outcome.undone_by(
            "set-tracking",
            [("carrier", before.clone()), ("code", code_before.clone())],
            format!(
                "set the tracking of SHP-{} back to {before} {code_before}",
                parcel.id
            ),
        ),
        _ => outcome,
    })
}

/// What to say of the label of ours for a parcel where it has scripts that the printer's font lacks: for a
/// letter that it does not have, a printer prints a box or nothing, and says nothing. `None` where all is
/// well, or the label is a carrier's own.
async fn unprintable(
    connection: &mut PgConnection,
    parcel: i64,
    font: Scripts,
) -> Result<Option<String>, DbError> {
    let printable = labels::printable(connection, parcel, Vec::new()).await?;
    let Some(Printable {
        label,
        bought: None,
    }) = printable
    else {
        return Ok(None);
    };
    let missing = font.lacks(&label.texts().join(" "));
    Ok((!missing.is_empty()).then(|| {
        format!(
            "look at it: print.font is not known to have {}; see print.scripts",
            missing.join(", ")
        )
    }))
}
