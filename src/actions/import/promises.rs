//! What an import promises its new orders.

use chrono::DateTime;

use super::{LIMIT, again};
use crate::domain::promises;
use crate::store::calendar::{self, Business};
use crate::store::db::{Db, DbError};
use crate::store::import;
use crate::store::import::orders::Told;
use crate::store::import::promises::{self as store, Early, Lead, Moved};

/// Promises that are moved in one transaction.
const AT_ONCE: usize = 100;

/// An order with the times that its customer may count on: none where nobody is known to have some of
/// it, which is not sold by a quote either. The worker promises it as soon as somebody has.
pub(super) fn promise<'a>(told: &Told<'a>, leads: &[Lead], business: &Business) -> Told<'a> {
    let mut told = told.clone();
    let key = &told.order.external_id;
    let Some(lead) = leads.iter().find(|lead| lead.external_id == *key) else {
        return told;
    };
    let Some(days) = lead.days.map(i32::unsigned_abs) else {
        return told;
    };
    let calendar = &business.calendar;
    let placed = told.order.placed_at;
    let ship_by = promises::ship_by(placed, days, calendar, business.cut_off);
    told.ship_by = ship_by;
    told.deliver_by = ship_by
        .zip(lead.transit_days)
        .and_then(|(at, days)| promises::deliver_by(at, days.unsigned_abs(), calendar));
    told
}

/// Sees to it that what new orders were promised holds: those that were made by this run, by
/// transaction, and those that an earlier run of the same file left when it was killed.
pub(super) async fn settle(db: &Db, file: &str, made: &[Vec<i64>]) -> Result<(), DbError> {
    let name = file.to_owned();
    let left = db
        .transaction(LIMIT, move |connection| {
            Box::pin(async move { store::unsettled(connection, &name).await })
        })
        .await?;
    let mut orders = made.concat();
    let alone = made.len() < 2 && left.iter().all(|id| orders.contains(id));
    orders.extend(left);
    if !alone {
        correct(db, file, orders.clone()).await?;
    }
    again(|| {
        let orders = orders.clone();
        db.transaction(LIMIT, move |connection| {
            Box::pin(async move { store::settled(connection, &orders).await })
        })
    })
    .await
}

/// Moves the promises of new orders to which orders that came in after them leave too little of our
/// stock, or takes them back where nobody else has it: a file may have the newest first.
async fn correct(db: &Db, file: &str, orders: Vec<i64>) -> Result<(), DbError> {
    let (early, business) = db
        .transaction(LIMIT, move |connection| {
            Box::pin(async move {
                let early = store::early(connection, &orders).await?;
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

/// The promise that holds for an order, where it is a later one or none.
fn later(order: &Early, business: &Business) -> Option<Moved> {
    let calendar = &business.calendar;
    let Some(days) = order.days.map(i32::unsigned_abs) else {
        return Some(Moved {
            id: order.id,
            before: order.ship_by,
            ship_by: None,
            deliver_by: None,
        });
    };
    let ship_by = promises::ship_by(order.placed_at, days, calendar, business.cut_off)?;
    (ship_by > order.ship_by).then(|| Moved {
        id: order.id,
        before: order.ship_by,
        ship_by: Some(ship_by),
        deliver_by: order
            .deliver_by
            .zip(order.transit_days)
            .and_then(|(_, days)| promises::deliver_by(ship_by, days.unsigned_abs(), calendar)),
    })
}
