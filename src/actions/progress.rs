//! The steps of an order from intake to ready, as the worker takes them: one step is one
//! transaction, and what is due follows from what is true, so that an order goes on from wherever
//! people, the shop or a crash left it.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::PgConnection;

use super::letters::{self, Desk, StepError};
use crate::domain::orders::FulfilmentState;
use crate::domain::progress::{self, Step};
use crate::domain::promises::{self, Promise};
use crate::domain::{routing, sampling};
use crate::store::calendar::{self, Business};
use crate::store::db::DbError;
use crate::store::fulfilments::Why;
use crate::store::progress::{self as store, Moving};
use crate::store::{carrier_labels, fulfilments, inspections, jobs, labels, orders, reservations};

/// Orders that are locked, or looked at again, at once when units came free.
pub const AT_ONCE: i64 = 50;

/// How long defects raise the share of a product's goods that is inspected.
const DEFECTS_COUNT: TimeDelta = TimeDelta::days(90);

/// What one look at an order did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// A step was taken.
    Step(Step),
    /// No step is due; what it waits for is written down.
    Waits,
    /// There is no such order.
    Gone,
}

/// The most steps that one look takes: beyond it, facts and steps go round in a circle.
const MOST_STEPS: usize = 100;

/// Takes the steps that are due, one after the other, until none is. It ends after a reservation
/// too: the stock that it locks is free for others once that is committed.
///
/// # Errors
/// Nothing has been written then.
pub async fn advance(
    connection: &mut PgConnection,
    order_id: i64,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Result<Moved, StepError> {
    if !store::lock(connection, order_id).await? {
        return Ok(Moved::Gone);
    }
    let business = calendar::load(connection, now).await?;
    let terms = Terms {
        desk,
        business: &business,
        now,
    };
    for _ in 0..MOST_STEPS {
        let order = store::facts(connection, order_id, now).await?;
        match step(connection, &order, &terms).await? {
            Some(step @ Step::Reserve) => return Ok(Moved::Step(step)),
            Some(_) => {}
            None => {
                let reason = progress::waits_for(&order.facts);
                if reason != order.waiting_reason {
                    jobs::announce(connection, "wait", reason.as_deref().unwrap_or("")).await?;
                    store::set_waiting(connection, order.id, reason.as_deref()).await?;
                }
                return Ok(Moved::Waits);
            }
        }
    }
    Err(StepError::Circle)
}

/// What the steps of one look have in common.
struct Terms<'a> {
    desk: &'a Desk,
    business: &'a Business,
    now: DateTime<Utc>,
}

/// Takes the first step that is due and has something to do.
async fn step(
    connection: &mut PgConnection,
    order: &Moving,
    terms: &Terms<'_>,
) -> Result<Option<Step>, StepError> {
    for step in progress::due(&order.facts) {
        jobs::announce(connection, step.name(), "").await?;
        if take(connection, order, step, terms).await? {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// Takes a step. False where there was nothing to do after all.
async fn take(
    connection: &mut PgConnection,
    order: &Moving,
    step: Step,
    terms: &Terms<'_>,
) -> Result<bool, StepError> {
    match step {
        Step::Confirm => {
            orders::confirm(connection, order.id, terms.now).await?;
            Ok(true)
        }
        Step::Promise => Ok(promise(connection, order, terms).await?),
        Step::Reserve => Ok(reserve(connection, order).await?),
        Step::Recall(fulfilment) => recall(connection, order, fulfilment, terms).await,
        Step::Route => Ok(route(connection, order, terms).await?),
        Step::Send => send(connection, order, terms).await,
        Step::Pick => Ok(pick(connection, order).await?),
        Step::Acknowledge => {
            let told = terms.desk.confirm(connection, order, terms.now).await?;
            if told {
                store::set_told(connection, order.id, order.facts.promised_day, None).await?;
            }
            Ok(told)
        }
        Step::Correct => {
            let told = terms.desk.correct(connection, order).await?;
            if told {
                // They know no day yet that another one could differ from.
                letters::keep_delays(connection, order.id).await?;
                store::set_told(connection, order.id, order.facts.promised_day, None).await?;
            }
            Ok(told)
        }
        Step::Apologise => apologise(connection, order, terms).await,
        Step::Reassure => {
            let Some(known) = order.facts.is_sooner() else {
                return Ok(false);
            };
            letters::keep_delays(connection, order.id).await?;
            store::set_told(connection, order.id, Some(known), None).await?;
            Ok(true)
        }
        Step::Inspect(fulfilment) => Ok(inspect(connection, order, fulfilment, terms).await?),
        Step::Ready(fulfilment) => {
            let part = order.facts.fulfilments.iter().find(|f| f.id == fulfilment);
            let from = part.map_or(FulfilmentState::Accepted, |part| part.state);
            fulfilments::set_state(connection, fulfilment, from, FulfilmentState::Ready).await?;
            Ok(true)
        }
        Step::Pack(fulfilment) => {
            let parcel = store::pack(connection, order.id, fulfilment).await?;
            if let Some(parcel) = parcel {
                // A carrier's own label is printed when it has been bought.
                if terms.desk.carriers {
                    carrier_labels::want(connection, parcel).await?;
                } else if terms.desk.labels {
                    labels::enqueue(connection, parcel).await?;
                }
            }
            Ok(parcel.is_some())
        }
    }
}

/// Makes the promise, by the slowest line's lead time, the cut-off and the option's days on the way,
/// or moves it. Where nobody has a line, there is no promise yet.
async fn promise(
    connection: &mut PgConnection,
    order: &Moving,
    terms: &Terms<'_>,
) -> Result<bool, DbError> {
    if let Some(standing) = order.facts.standing.as_ref().filter(|s| s.calendar_moved) {
        let (old, cause) = calendar::before(connection, order.calendar_seen, terms.now).await?;
        let promise = standing.recounted(order.since, &old, terms.business);
        jobs::announce(connection, Step::Promise.name(), &cause).await?;
        store::promise(connection, order.id, &promise).await?;
        return Ok(true);
    }
    let covered = order.facts.is_covered();
    let found = match &order.facts.standing {
        None => {
            let since = order.counts_from(terms.now);
            first_promise(connection, order, since, terms.business).await?
        }
        Some(standing) => standing.renewed(covered, &terms.business.calendar, terms.now),
    };
    let Some((promise, cause)) = found else {
        return Ok(false);
    };
    let cause = if cause == promises::SUPPLIER_IS_LATER {
        order.facts.slowest_because()
    } else {
        cause.to_owned()
    };
    jobs::announce(connection, Step::Promise.name(), &cause).await?;
    store::promise(connection, order.id, &promise).await?;
    Ok(true)
}

/// The promise of an order that has none, counted from an instant.
async fn first_promise(
    connection: &mut PgConnection,
    order: &Moving,
    since: DateTime<Utc>,
    business: &Business,
) -> Result<Option<(Promise, &'static str)>, DbError> {
    let leads = store::lead_days(connection, order.id).await?;
    let slowest = leads
        .iter()
        .copied()
        .try_fold(0, |slowest, lead| Some(slowest.max(lead?)));
    let Some(slowest) = slowest else {
        return Ok(None);
    };
    let (calendar, cut_off) = (&business.calendar, business.cut_off);
    let slowest = slowest.unsigned_abs();
    let Some(ship_by) = promises::ship_by(since, slowest, calendar, cut_off) else {
        return Ok(None);
    };
    let deliver_by = order
        .transit_days
        .and_then(|days| promises::deliver_by(ship_by, days, calendar));
    Ok(Some((
        Promise {
            ship_by,
            deliver_by,
        },
        "promised",
    )))
}

/// Promises an order anew whose units are sent again, where somebody has them: as if it were placed
/// at that moment.
pub(super) async fn promise_again(
    connection: &mut PgConnection,
    order_id: i64,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let business = calendar::load(connection, now).await?;
    let order = store::facts(connection, order_id, now).await?;
    if let Some((promise, _)) = first_promise(connection, &order, now, &business).await? {
        store::promise(connection, order_id, &promise).await?;
    }
    Ok(())
}

/// Sets aside what earlier orders leave free, as far as it goes.
async fn reserve(connection: &mut PgConnection, order: &Moving) -> Result<bool, DbError> {
    let products = store::wanted_products(connection, order.id).await?;
    let mut levels = reservations::lock_levels(connection, &products).await?;
    // Only now, under the locks, does the answer hold.
    let wanting = store::wanting(connection, order.id, &products).await?;
    let mut takes: Vec<(i64, i64, i32)> = Vec::new();
    for line in &wanting {
        let taken_before: i64 = wanting
            .iter()
            .filter(|other| other.product_id == line.product_id)
            .flat_map(|other| takes.iter().filter(|(taker, ..)| *taker == other.id))
            .map(|(_, _, units)| i64::from(*units))
            .sum();
        let free = (line.free - taken_before).clamp(0, i64::from(line.unallocated));
        let mut wanted = i32::try_from(free).unwrap_or(i32::MAX);
        let own = levels
            .iter_mut()
            .filter(|l| l.product_id == line.product_id);
        for level in own {
            let take = wanted.min(level.available);
            if take > 0 {
                level.available -= take;
                wanted -= take;
                takes.push((line.id, level.id, take));
            }
        }
    }
    if takes.is_empty() {
        return Ok(false);
    }
    store::reserve(connection, &takes).await?;
    Ok(true)
}

/// Asks suppliers for what nothing covers. Where one takes longer than was promised, the promise
/// moves with the next step.
async fn route(
    connection: &mut PgConnection,
    order: &Moving,
    terms: &Terms<'_>,
) -> Result<bool, DbError> {
    let needs = store::needs(connection, order.id).await?;
    let (calendar, cut_off) = (&terms.business.calendar, terms.business.cut_off);
    let promised = order.facts.standing.as_ref().map(|standing| {
        let ship_by = standing.promise.ship_by;
        promises::lead_days(order.since, ship_by, calendar, cut_off)
    });
    // The promise counts from the order; who is asked after another said no has that time no more.
    let since = if order.facts.turned_down().is_empty() {
        order.counts_from(terms.now)
    } else {
        terms.now
    };
    let parts: Vec<_> = routing::route(&needs, &order.currency, promised)
        .into_iter()
        .map(|part| {
            let lead = part.lead_time_days.unsigned_abs();
            let leaves_by = promises::ship_by(since, lead, calendar, cut_off);
            (part, leaves_by)
        })
        .collect();
    if parts.is_empty() {
        return Ok(false);
    }
    fulfilments::give_up_uncovered(connection, order.id).await?;
    store::ask(connection, order.id, &parts, terms.now).await?;
    Ok(true)
}

/// Takes a fulfilment back from a supplier that is silent where others have all of it in time, or from
/// one that cannot be asked where others have all of it: it is covered anew by the next steps.
async fn recall(
    connection: &mut PgConnection,
    order: &Moving,
    fulfilment: i64,
    terms: &Terms<'_>,
) -> Result<bool, StepError> {
    let lines = store::elsewhere(connection, order.id, fulfilment).await?;
    let mut parts = order.facts.fulfilments.iter();
    let asked = parts.any(|part| part.id == fulfilment && !part.unaddressed);
    let in_time = |lead: i32| {
        if !asked {
            return true;
        }
        let leaves = promises::ship_by(
            terms.now,
            lead.unsigned_abs(),
            &terms.business.calendar,
            terms.business.cut_off,
        );
        let standing = order.facts.standing.as_ref();
        standing.is_some_and(|standing| leaves.is_some_and(|at| at <= standing.promise.ship_by))
    };
    if !routing::served_elsewhere(&lines, in_time) {
        return Ok(false);
    }
    let reason = if asked {
        "no answer in the agreed time"
    } else {
        "no address for purchase orders"
    };
    jobs::announce(connection, Step::Recall(fulfilment).name(), reason).await?;
    store::recall(connection, fulfilment, asked, reason).await?;
    Ok(true)
}

/// Tells the customer of a delay.
async fn apologise(
    connection: &mut PgConnection,
    order: &Moving,
    terms: &Terms<'_>,
) -> Result<bool, StepError> {
    let Some(delay) = order.facts.delay() else {
        return Ok(false);
    };
    let known = order.facts.known_day.unwrap_or(delay.told);
    terms
        .desk
        .delay(connection, order, delay, known, terms.now)
        .await?;
    let told = delay.until.unwrap_or(delay.told);
    store::set_told(connection, order.id, Some(told), Some(known)).await?;
    Ok(true)
}

/// Sends the purchase orders of its fulfilments to the suppliers, as mail with a CSV that can be filled in
/// and imported again. That of a supplier without an address waits until there is one, or until a
/// person says that it went by other means.
async fn send(
    connection: &mut PgConnection,
    order: &Moving,
    terms: &Terms<'_>,
) -> Result<bool, StepError> {
    let drafts = store::drafts(connection, order.id).await?;
    if drafts.is_empty() {
        return Ok(false);
    }
    let planned: Vec<i64> = drafts.iter().map(|draft| draft.id).collect();
    store::set_planned(connection, &planned, terms.now).await?;
    let zone = terms.business.calendar.zone();
    for draft in &drafts {
        terms
            .desk
            .purchase(connection, draft, Some(order), zone, terms.now)
            .await?;
    }
    Ok(true)
}

/// Sends a purchase order for our own stock, unless that was done or the supplier has no address.
///
/// # Errors
/// Nothing has been written then.
pub async fn purchase(
    connection: &mut PgConnection,
    purchase_order_id: i64,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Result<(), StepError> {
    jobs::announce(connection, Step::Send.name(), "").await?;
    let Some(draft) = store::stock_draft(connection, purchase_order_id).await? else {
        return Ok(());
    };
    let business = calendar::load(connection, now).await?;
    store::set_planned(connection, &[draft.id], now).await?;
    let zone = business.calendar.zone();
    desk.purchase(connection, &draft, None, zone, now).await?;
    Ok(())
}

/// Tells a supplier that a purchase order which it has is cancelled. Where it has no mail address, a note
/// on the order asks people to.
///
/// # Errors
/// Nothing has been written then.
pub async fn take_back(
    connection: &mut PgConnection,
    purchase_order_id: i64,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Result<(), StepError> {
    jobs::announce(connection, "take back", "").await?;
    if let Some(cancelled) = store::cancelled(connection, purchase_order_id).await? {
        let business = calendar::load(connection, now).await?;
        let zone = business.calendar.zone();
        let told = desk.recall(connection, &cancelled, zone, now).await?;
        if let Some(order) = cancelled.order_id.filter(|_| !told) {
            let note = format!(
                "PO-{}: {} has no mail address and must be told that it is cancelled",
                cancelled.rest.number, cancelled.rest.supplier
            );
            orders::insert_note(connection, order, &note).await?;
        }
    }
    Ok(())
}

/// Plans the pick of everything that is set aside, one fulfilment for each location of ours.
async fn pick(connection: &mut PgConnection, order: &Moving) -> Result<bool, DbError> {
    let unplanned = store::unplanned(connection, order.id).await?;
    for part in unplanned.chunk_by(|a, b| a.location_id == b.location_id) {
        let Some(first) = part.first() else { continue };
        let lines: Vec<(i64, i32)> = part
            .iter()
            .map(|line| (line.order_line_id, line.units))
            .collect();
        let (location, why) = (first.location_id, Why::Because("from our own stock"));
        let id = fulfilments::insert(connection, order.id, location, &lines, why).await?;
        let (from, to) = (FulfilmentState::Open, FulfilmentState::Accepted);
        fulfilments::set_state(connection, id, from, to).await?;
    }
    Ok(!unplanned.is_empty())
}

/// Asks for an inspection where the sample says so; else the fulfilment is ready.
async fn inspect(
    connection: &mut PgConnection,
    order: &Moving,
    fulfilment_id: i64,
    terms: &Terms<'_>,
) -> Result<bool, DbError> {
    let samples = store::samples(connection, fulfilment_id, terms.now - DEFECTS_COUNT).await?;
    let chosen = samples.iter().any(|sample| {
        let percent = sampling::percent(sample.percent, sample.defects);
        sampling::chosen(&order.number, &sample.sku, percent)
    });
    let to = if chosen {
        let products =
            inspections::checks_of_products(connection, order.id, Some(fulfilment_id)).await?;
        let checks = super::orders::checks(&products);
        inspections::insert(connection, order.id, Some(fulfilment_id), &checks).await?;
        FulfilmentState::Inspecting
    } else {
        FulfilmentState::Ready
    };
    fulfilments::set_state(connection, fulfilment_id, FulfilmentState::Accepted, to).await?;
    Ok(true)
}

/// Gives a product's free units to the orders that wait for it, oldest promise first. Answers whether
/// some are left that none of them wants.
///
/// # Errors
/// The database's; nothing has been written then.
pub async fn fill_backorders(
    connection: &mut PgConnection,
    product_id: i64,
) -> Result<bool, DbError> {
    jobs::announce(connection, "fill backorders", "").await?;
    let waiting = store::waiting_for(connection, product_id, AT_ONCE).await?;
    let lines = store::lock_waiting(connection, product_id, &waiting).await?;
    let mut levels = reservations::lock_levels(connection, &[product_id]).await?;
    let mut takes = Vec::new();
    for (line, mut wanted) in lines {
        for level in &mut levels {
            let take = wanted.min(level.available);
            if take > 0 {
                level.available -= take;
                wanted -= take;
                takes.push((line, level.id, take));
            }
        }
    }
    let left = levels.iter().any(|level| level.available > 0);
    if takes.is_empty() {
        return Ok(left);
    }
    store::reserve(connection, &takes).await?;
    if left && waiting.len() as i64 == AT_ONCE {
        store::enqueue_backorders(connection, product_id).await?;
        return Ok(false);
    }
    Ok(left)
}
