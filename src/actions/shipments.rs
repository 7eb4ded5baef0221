//! What is done with a parcel.

use super::error::ActError;
use super::holds::give_back;
use super::jobs;
use super::work::{Outcome, Work, units, unknown_verb};
use crate::domain::labels::LABEL;
use crate::domain::shipments::{ShipmentState, ShipmentSummary};
use crate::store::carrier_labels;
use crate::store::shipments::{self, Tracking};

pub(super) async fn perform(
    work: &mut Work<'_>,
    parcel: &ShipmentSummary,
) -> Result<Outcome, ActError> {
    match work.act.verb.name {
        "set-tracking" => set_tracking(work, parcel).await,
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
        "damage" => {
            let reason = work.given.text("reason")?;
            shipments::set_damaged(work.connection, parcel.id, reason).await?;
            Ok(Outcome::new(format!("noted as damaged: {reason}")))
        }
        "print" => {
            shipments::count_print(work.connection, parcel.id).await?;
            let what = work.given.optional_text("what").unwrap_or(LABEL);
            let outcome = Outcome::new(format!("printed the {what}"));
            if what == LABEL {
                // If the worker gave one up, it has come out now.
                jobs::forget(work).await?;
            }
            Ok(outcome)
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
