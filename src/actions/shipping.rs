//! Handing over what is reserved for an order.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::error::ActError;
use super::work::{Outcome, Work, units};
use crate::domain::orders::{FulfilmentState, OrderSummary};
use crate::domain::shipments::ShipmentState;
use crate::store::fulfilments::{self, Plan, Why};
use crate::store::reservations::{self, Reservation};
use crate::store::shipments::{self, Tracking};

/// Hands over one parcel with everything that is reserved at one of our locations; where units are
/// reserved at several, at the one that holds the most, for a parcel leaves from one place.
pub(super) async fn ship(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let reserved = reservations::of_order(work.connection, order.id).await?;
    let parcel = fullest(&reserved);
    let Some(first) = parcel.first() else {
        return Err(ActError::refused("no stock is reserved for it"));
    };
    let fulfilment = ready(work, order, first.location_id, &parcel).await?;
    if let Some(id) = shipments::labelled(work.connection, fulfilment).await? {
        return Err(ActError::refused(format!(
            "SHP-{id} is packed and has its label: hand-over that parcel, or make it void"
        )));
    }
    let carrier = work.given.carrier("carrier")?.clone();
    let code = work.given.text("tracking")?.to_owned();
    let tracking = Tracking {
        carrier_id: carrier.id,
        code: &code,
        ship_date: work.today(),
    };
    let id = if let Some(id) = packed(work, order, fulfilment, &parcel).await? {
        shipments::set_tracking(work.connection, id, &tracking).await?;
        id
    } else {
        let id = shipments::insert(work.connection, order.id, fulfilment, &tracking).await?;
        for part in &parcel {
            shipments::insert_line(
                work.connection,
                id,
                part.order_line_id,
                part.stock_level_id,
                part.quantity,
            )
            .await?;
        }
        id
    };
    for (from, to) in [
        (ShipmentState::Draft, ShipmentState::Labelled),
        (ShipmentState::Labelled, ShipmentState::HandedOver),
    ] {
        shipments::set_state(work.connection, id, from, to, None).await?;
    }
    let sent = parcel.iter().map(|part| i64::from(part.quantity)).sum();
    let mut summary = format!(
        "handed SHP-{id} with {} to {}, {code}",
        units(sent),
        carrier.name
    );
    let left = order.reserved - sent;
    if left > 0 {
        let _ = write!(summary, "; {} still reserved elsewhere", units(left));
    }
    Ok(Outcome::new(summary))
}

/// The draft that holds just what leaves, where there is one; what else was packed there is void.
async fn packed(
    work: &mut Work<'_>,
    order: &OrderSummary,
    fulfilment_id: i64,
    parcel: &[Reservation],
) -> Result<Option<i64>, ActError> {
    let mut leaving: Vec<(i64, i32)> = parcel
        .iter()
        .map(|part| (part.order_line_id, part.quantity))
        .collect();
    leaving.sort_unstable();
    let mut found = None;
    let mut void = Vec::new();
    for draft in shipments::drafts(work.connection, order.id).await? {
        if found.is_none() && draft.fulfilment_id == fulfilment_id && draft.lines == leaving {
            found = Some(draft.id);
        } else if draft.fulfilment_id == fulfilment_id || draft.fulfilment_is_over {
            void.push(draft.id);
        }
    }
    shipments::void(work.connection, &void).await?;
    Ok(found)
}

/// The reservations of the location that holds the most units, each line once: a parcel holds a
/// line from one stock level.
fn fullest(reserved: &[Reservation]) -> Vec<Reservation> {
    let mut by_location: BTreeMap<i64, i64> = BTreeMap::new();
    for part in reserved {
        *by_location.entry(part.location_id).or_default() += i64::from(part.quantity);
    }
    let fullest = by_location
        .into_iter()
        .max_by_key(|(location, held)| (*held, std::cmp::Reverse(*location)));
    reserved
        .iter()
        .filter(|part| fullest.is_some_and(|(location, _)| location == part.location_id))
        .cloned()
        .collect()
}

/// A fulfilment of that location that holds what leaves, made ready: the one that is planned where
/// it fits, else a new one in the place of plans that nothing has left of.
async fn ready(
    work: &mut Work<'_>,
    order: &OrderSummary,
    location_id: i64,
    parcel: &[Reservation],
) -> Result<i64, ActError> {
    let plans: Vec<Plan> = fulfilments::of_order(work.connection, order.id)
        .await?
        .into_iter()
        .filter(|plan| plan.location_id == location_id)
        .collect();
    let fits = |plan: &&Plan| {
        parcel
            .iter()
            .all(|part| plan.left(part.order_line_id) >= part.quantity)
    };
    let (id, state) = if let Some(plan) = plans.iter().find(fits) {
        (plan.id, plan.state)
    } else {
        for plan in plans.iter().filter(|plan| plan.untouched()) {
            let to = FulfilmentState::Cancelled;
            fulfilments::set_state(work.connection, plan.id, plan.state, to).await?;
        }
        let lines: Vec<(i64, i32)> = parcel
            .iter()
            .map(|part| (part.order_line_id, part.quantity))
            .collect();
        let id = fulfilments::insert(work.connection, order.id, location_id, &lines, Why::Shipped)
            .await?;
        (id, FulfilmentState::Open)
    };
    let way: &[FulfilmentState] = match state {
        FulfilmentState::Open | FulfilmentState::Requested => {
            &[FulfilmentState::Accepted, FulfilmentState::Ready]
        }
        FulfilmentState::Ready => &[],
        _ => &[FulfilmentState::Ready],
    };
    let mut from = state;
    for to in way {
        fulfilments::set_state(work.connection, id, from, *to).await?;
        from = *to;
    }
    Ok(id)
}
