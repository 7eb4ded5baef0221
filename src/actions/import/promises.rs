//! What an import promises its new orders.

use chrono::DateTime;

use super::{LIMIT, again};
use crate::domain::promises;
use crate::store::calendar::{self, Business};
use crate::store::db::{Db, DbError};
use crate::store::import;
use crate::store::import::orders::Told;
use crate::store::import::promises::{self as store, Early, Lead, Moved};

/// Days until an order leaves of which nobody is known to have some: time to find somebody.
const UNKNOWN_LEAD: i32 = 3;

/// Promises that are moved in one transaction.
const AT_ONCE: usize = 100;

/// An order with the times that its customer may count on.
pub(super) fn promise<'a>(told: &Told<'a>, leads: &[Lead], business: &Business) -> Told<'a> {
    let mut told = told.clone();
    let key = &told.order.external_id;
    let Some(lead) = leads.iter().find(|lead| lead.external_id == *key) else {
        return told;
    };
    let calendar = &business.calendar;
    let known = lead.days.unwrap_or(0);
    let days = if lead.unknown {
        known.max(UNKNOWN_LEAD)
    } else {
        known
    };
    let days = days.unsigned_abs();
    let placed = told.order.placed_at;
    let ship_by = promises::ship_by(placed, days, calendar, business.cut_off);
    told.ship_by = ship_by;
    told.deliver_by = ship_by
        .zip(lead.transit_days)
        .and_then(|(at, days)| promises::deliver_by(at, days.unsigned_abs(), calendar));
    told
}

/// Moves the promises of new orders to which orders that came in after them leave too little of our
/// stock: a file may have the newest first.
pub(super) async fn correct(db: &Db, file: &str, orders: Vec<i64>) -> Result<(), DbError> {
    let (early, business) = db
        .transaction(LIMIT, move |connection| {
            Box::pin(async move {
                let early = store::early(connection, &orders, UNKNOWN_LEAD).await?;
                let oldest = early.iter().map(|order| order.placed_at).min();
                let since = oldest.unwrap_or(DateTime::UNIX_EPOCH);
                let business = calendar::load(connection, since).await?;
                Ok::<_, DbError>((early, business))
            })
        })
        .await?;
    let moved: Vec<_> = early
        .iter()
        .filter_map(|order| later(order, &business))
        .collect();
    for part in moved.chunks(AT_ONCE) {
        again(|| {
            let (part, file) = (part.to_vec(), file.to_owned());
            db.transaction(LIMIT, move |connection| {
                Box::pin(async move {
                    import::begin(connection, &file).await?;
                    store::change(connection, &part).await
                })
            })
        })
        .await?;
    }
    Ok(())
}

/// The promise that holds for an order, where it is a later one.
fn later(order: &Early, business: &Business) -> Option<Moved> {
    let calendar = &business.calendar;
    let days = order.days.unsigned_abs();
    let ship_by = promises::ship_by(order.placed_at, days, calendar, business.cut_off)?;
    (ship_by > order.ship_by).then(|| Moved {
        id: order.id,
        before: order.ship_by,
        ship_by,
        deliver_by: order
            .deliver_by
            .zip(order.transit_days)
            .and_then(|(_, days)| promises::deliver_by(ship_by, days.unsigned_abs(), calendar)),
    })
}
