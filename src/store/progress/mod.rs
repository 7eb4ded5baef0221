//! What is true of an order on its way from intake to ready, and what the steps write: one file for
//! those that belong together.

mod customer;
mod pack;
mod purchase;
mod reserve;
mod route;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgConnection;

pub use customer::{Ordered, OrderedLine, ordered};
pub use pack::{Sample, Unplanned, pack, samples, unplanned};
pub use purchase::{
    Cancelled, Draft, DraftLine, Misaddressed, cancelled, drafts, enqueue_silence,
    enqueue_unanswered, has_left, misaddressed, recall, set_planned, set_readdressed, set_sent,
    stock_draft, unanswered_hours,
};
pub use reserve::{
    Wanting, enqueue_backorders, enqueue_uncovered, lock_waiting, reserve, waiting_for,
    wanted_products, wanting,
};
pub use route::{ask, elsewhere, needs};

use super::db::DbError;
use super::rows::{one_row, word};
use crate::domain::orders::{FinancialStatus, FulfilmentState, Stage};
use crate::domain::progress::{Facts, Fulfilment, Line, Unasked};
use crate::domain::promises::{Promise, Standing};

/// An order that the worker moves, locked.
#[derive(Debug, Clone, PartialEq)]
pub struct Moving {
    /// Primary key.
    pub id: i64,
    /// The channel's number.
    pub number: String,
    /// When the customer placed it, or units of it that were lost were last to be sent again: what
    /// covers it counts from then.
    pub since: DateTime<Utc>,
    /// ISO 4217 code.
    pub currency: String,
    /// The customer's name.
    pub customer: String,
    /// The customer's mail address, where it may be one.
    pub email: Option<String>,
    /// Days on the way at most, by its shipping option; none where that does not take it.
    pub transit_days: Option<u32>,
    /// The last change of the calendar that its promise knows of.
    pub calendar_seen: i64,
    /// What it was said to wait for.
    pub waiting_reason: Option<String>,
    /// What decides what is due.
    pub facts: Facts,
}

impl Moving {
    /// The instant from which what is done for it counts: [`Self::since`], or now where it had to wait
    /// until now.
    pub fn counts_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.waiting_reason {
            Some(_) => now,
            None => self.since,
        }
    }
}

/// Locks an order. False where there is none.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    let locked = sqlx::query!("select id from orders where id = $1 for no key update", id)
        .fetch_optional(connection)
        .await?;
    Ok(locked.is_some())
}

/// Reads what is true of an order, which is to be locked.
pub async fn facts(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Moving, DbError> {
    let row = sqlx::query!(
        r#"select o.number, coalesce(o.again_at, o.placed_at) as "since!", o.currency, o.customer_name, o.email, o.stage,
                  o.financial_status, o.ship_by, o.deliver_by, o.waiting_reason, o.told_day,
                  promised_day(o) as promised_day,
                  coalesce((o.ship_by at time zone c.time_zone)::date < ($2 at time zone c.time_zone)::date,
                           false) as "overdue!",
                  exists (select from notices n where n.kind = 'delay' and n.subject_kind = 'order'
                          and n.subject_id = o.id and n.occasion = 'open:' || o.told_day
                          -- One that was taken back is not told; one that somebody stopped is.
                          and (n.state <> 'cancelled' or not n.outdated)) as "told_open_end!",
                  exists (select from notices n where n.kind = 'order_confirmation' and n.subject_kind = 'order'
                          and n.subject_id = o.id and n.outdated and not n.sending
                          and n.state in ('held', 'queued', 'failed')) as "confirmation_outdated!",
                  case when exists (select from notices n where n.kind = 'delay' and n.subject_kind = 'order'
                                    and n.subject_id = o.id and not n.sending
                                    and n.state in ('held', 'queued', 'failed'))
                       then o.told_before end as known_day,
                  refused_option(o) is not null as "refused!",
                  case when s.id is not null then s.name || ': ' || refused_option(o)
                  -- A shop that has none yet promises no day of arrival anyhow.
                  when o.shipping_method <> '' and exists (select from shipping_options)
                  then format(case when exists (select from shipping_options n where n.name = o.shipping_method)
                                   then 'shipping option "%s" has no price in %s: set-option'
                                   else 'shipping option "%s" is not known: set-option' end,
                              o.shipping_method, o.currency) end as unfit_option,
                  coalesce((select max(id) from calendar_changes) > o.promise_calendar, false) as "calendar_moved!",
                  o.promise_calendar, o.covered_by_hand, o.promise_transit_days, s.transit_days_max as "transit_days?",
                  coalesce(o.shipping_address ->> 'address1', '') <> ''
                  or coalesce(o.shipping_address ->> 'city', '') <> '' as "has_address!",
                  exists (select from notices n where n.kind = 'order_confirmation'
                          and n.subject_kind = 'order' and n.subject_id = o.id) as "acknowledged!",
                  (select count(*) from inspections i where i.order_id = o.id and i.fulfilment_id is null
                   and i.state in ('pending', 'failed')) as "open_inspections!"
           from orders o
           cross join business_calendar c
           left join shipping_options s on s.id = o.shipping_option_id
           where o.id = $1"#,
        id,
        now,
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines = lines(connection, id).await?;
    let fulfilments = parts(connection, id, now).await?;
    let email = row.email.filter(|email| email.contains('@'));
    let stage: Stage = word("orders.stage", id, &row.stage)?;
    let financial_status: FinancialStatus =
        word("orders.financial_status", id, &row.financial_status)?;
    let days = |days: Option<i32>| days.map(i32::unsigned_abs);
    // What does not take the order has no day on which it brings it.
    let transit_days = days(row.transit_days).filter(|_| !row.refused);
    let standing = row.ship_by.map(|ship_by| Standing {
        promise: Promise {
            ship_by,
            deliver_by: row.deliver_by,
        },
        transit_days,
        counted_on: days(row.promise_transit_days),
        refused: row.refused,
        leaves_by: fulfilments.iter().filter_map(|part| part.leaves_by).max(),
        overdue: row.overdue,
        calendar_moved: row.calendar_moved,
    });
    Ok(Moving {
        id,
        number: row.number,
        since: row.since,
        currency: row.currency,
        transit_days,
        calendar_seen: row.promise_calendar,
        waiting_reason: row.waiting_reason,
        facts: Facts {
            stage,
            financial_status,
            has_address: row.has_address,
            covered_by_hand: row.covered_by_hand,
            unfit_option: row.unfit_option,
            refused_option: row.refused,
            standing,
            told_day: row.told_day,
            known_day: row.known_day,
            promised_day: row.promised_day,
            told_open_end: row.told_open_end,
            to_be_acknowledged: email.is_some() && !row.acknowledged,
            confirmation_outdated: row.confirmation_outdated,
            lines,
            fulfilments,
            open_inspections: row.open_inspections,
        },
        customer: row.customer_name,
        email,
    })
}

async fn lines(connection: &mut PgConnection, id: i64) -> Result<Vec<Line>, DbError> {
    Ok(sqlx::query_as!(
        Line,
        r#"select l.sku, (exists (select from stock_levels s where s.product_id = l.product_id)
                           or exists (select from supplier_offers s where s.product_id = l.product_id)) as "known!",
                  l.unallocated as "unallocated!", l.reserved,
                  greatest(l.reserved - planned.units, 0)::integer as "unplanned!",
                  case when l.unallocated > 0 then (
                      select coalesce(sum(s.on_hand - s.reserved), 0) from stock_levels s
                      join locations p on p.id = s.location_id
                      where s.product_id = l.product_id and p.supplier_id is null)
                  else 0 end as "free!",
                  l.unallocated > 0 and exists (
                      select from supplier_offers s where s.product_id = l.product_id
                      and not exists (select from fulfilments f join locations p on p.id = f.location_id
                                      join fulfilment_lines fl on fl.fulfilment_id = f.id
                                      where fl.order_line_id = l.id and f.state = 'rejected'
                                        and p.supplier_id = s.supplier_id)) as "offered!",
                  array(select distinct case
                            when b.state = 'cancelled' then 'no answer from '
                            when fl.shipped > 0 then 'sent in part by '
                            when exists (
                                select from fulfilments kept join fulfilment_lines k on k.fulfilment_id = kept.id
                                where k.order_line_id = l.id and kept.location_id = f.location_id
                                  and kept.state not in ('open', 'requested', 'rejected', 'cancelled'))
                                then 'accepted in part by '
                            else 'rejected by ' end || p.name
                        from fulfilment_lines fl
                        join fulfilments f on f.id = fl.fulfilment_id
                        join locations p on p.id = f.location_id
                        left join purchase_orders b on b.fulfilment_id = f.id
                        where fl.order_line_id = l.id and f.state = 'rejected' order by 1) as "turned_down!",
                  (select max(f.leaves_by)
                   from fulfilment_lines fl
                   join fulfilments f on f.id = fl.fulfilment_id
                   join locations p on p.id = f.location_id
                   where fl.order_line_id = l.id and p.supplier_id is not null
                     and f.state in ('open', 'requested', 'accepted', 'inspecting', 'ready')) as leaves_by
           from order_lines l
           join orders o on o.id = l.order_id
           cross join lateral (
               select coalesce(sum(fl.quantity - fl.shipped), 0) as units
               from fulfilment_lines fl
               where fl.order_line_id = l.id and (
                   select p.supplier_id is null and f.state in ('open', 'accepted', 'inspecting', 'ready')
                   from fulfilments f join locations p on p.id = f.location_id
                   where f.id = fl.fulfilment_id)) planned
           where l.order_id = $1 and l.requires_shipping order by l.position"#,
        id
    )
    .fetch_all(connection)
    .await?)
}

async fn parts(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Fulfilment>, DbError> {
    let rows = sqlx::query!(
        r#"select f.id, p.name, p.supplier_id is not null as "by_supplier!", f.state,
                  case when p.supplier_id is not null then f.leaves_by end as leaves_by,
                  exists (select from purchase_orders b where b.fulfilment_id = f.id and b.state = 'draft'
                          and f.state in ('open', 'requested')) as "unsent!",
                  coalesce(has_address(s), false) as "addressed!", f.routed_by_hand,
                  exists (select from purchase_orders b where b.fulfilment_id = f.id and b.state = 'sent'
                          and b.answer_due < $2) as "silent!",
                  unasked.id as "unasked?", unasked.state as "mail?", unasked.leaves_at as "leaves_at?",
                  exists (select from fulfilment_lines fl
                          join order_lines l on l.id = fl.order_line_id
                          join supplier_offers r on r.product_id = l.product_id
                          where fl.fulfilment_id = f.id and r.supplier_id <> p.supplier_id) as "offered_elsewhere!",
                  (select count(*) from inspections i where i.fulfilment_id = f.id and i.state = 'pending')
                      as "pending!",
                  (select count(*) from inspections i where i.fulfilment_id = f.id and i.state = 'failed')
                      as "failed!",
                  (select count(*) from inspections i where i.fulfilment_id = f.id) as "inspections!",
                  p.supplier_id is null and f.state = 'ready' and not exists (
                      select from shipments s where s.fulfilment_id = f.id and s.state <> 'void') as "unpacked!"
           from fulfilments f
           join locations p on p.id = f.location_id
           left join suppliers s on s.id = p.supplier_id
           left join lateral (
               select b.id, n.state, (n.held_until at time zone c.time_zone)::time as leaves_at
               from purchase_orders b
               join notices n on n.subject_kind = 'purchase_order' and n.subject_id = b.id
               cross join business_calendar c
               where b.fulfilment_id = f.id and b.state = 'sent' and b.answer_due is null
                 and n.kind = 'purchase_order' and n.state <> 'sent'
               order by b.id limit 1) unasked on true
           where f.order_id = $1 and f.state in ('open', 'requested', 'accepted', 'inspecting', 'ready')
           order by f.id"#,
        id,
        now,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state: FulfilmentState = word("fulfilments.state", row.id, &row.state)?;
            Ok(Fulfilment {
                id: row.id,
                location: row.name,
                by_supplier: row.by_supplier,
                state,
                leaves_by: row.leaves_by,
                unsent: row.unsent && row.addressed,
                unaddressed: row.unsent && !row.addressed,
                routed_by_hand: row.routed_by_hand,
                silent: row.silent,
                unasked: match (row.unasked, row.mail, row.leaves_at) {
                    (Some(purchase_id), Some(mail), Some(leaves_at)) => Some(Unasked {
                        purchase_id,
                        mail: word("notices.state", purchase_id, &mail)?,
                        leaves_at,
                    }),
                    _ => None,
                },
                offered_elsewhere: row.offered_elsewhere,
                inspections: (row.pending, row.failed, row.inspections),
                unpacked: row.unpacked,
            })
        })
        .collect()
}

/// Says what an order waits for.
pub async fn set_waiting(
    connection: &mut PgConnection,
    id: i64,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set waiting_reason = $2 where id = $1",
        id,
        reason
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// Promises an order. The history keeps what was promised before, and why it changed.
pub async fn promise(
    connection: &mut PgConnection,
    id: i64,
    promise: &Promise,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set ship_by = $2, deliver_by = $3 where id = $1",
        id,
        promise.ship_by,
        promise.deliver_by,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// The customer is told that an order arrives by a day; until that mail has left, they know the one
/// before.
pub async fn set_told(
    connection: &mut PgConnection,
    id: i64,
    day: Option<NaiveDate>,
    before: Option<NaiveDate>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set told_day = $2, told_before = $3 where id = $1",
        id,
        day,
        before,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// The days until each line of an order can leave: 0 from our own stock, `None` where nobody has it.
pub async fn lead_days(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Vec<Option<i32>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select case when l.unallocated = 0 and l.requested = 0 then 0
                       else lead_days(l.product_id, greatest(l.unallocated, 1), o.currency, o.placed_at, o.id) end
           from order_lines l join orders o on o.id = l.order_id
           where l.order_id = $1 and l.requires_shipping and l.ordered > l.cancelled
           order by l.position"#,
        id
    )
    .fetch_all(connection)
    .await?)
}

/// Looks at an order again.
pub async fn enqueue(connection: &mut PgConnection, order_id: i64) -> Result<(), DbError> {
    sqlx::query!("select enqueue('order', 'order', $1)", order_id)
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Looks again at so many orders that were promised before the calendar changed, from the one after
/// `after` on. Answers with the last of them where there may be more.
pub async fn enqueue_promised(
    connection: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Option<i64>, DbError> {
    let moved = sqlx::query_scalar!(
        r#"with moved as materialized (
               select o.id from orders o
               where o.stage in ('confirmed', 'processing', 'partially_shipped') and o.id > $1
                 and o.ship_by is not null and o.promise_calendar < (select max(id) from calendar_changes)
               order by o.id limit $2)
           select id as "id!" from (select id, enqueue('order', 'order', id) from moved order by id) looked"#,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let all = (moved.len() as i64) < limit;
    Ok(moved.last().copied().filter(|_| !all))
}

/// Goes on with them.
pub async fn enqueue_calendar(connection: &mut PgConnection, after: i64) -> Result<(), DbError> {
    sqlx::query!("select enqueue('calendar', 'shop', $1)", after)
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Looks again at the orders whose customers were told a day and that have not left although the
/// day by which they should have is over.
pub async fn enqueue_overdue(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "select enqueue('order', 'order', late.id)
         from (select o.id from orders o cross join business_calendar c
               where o.stage in ('confirmed', 'processing', 'partially_shipped') and o.told_day is not null
                 and o.due_at < date_trunc('day', $1 at time zone c.time_zone) at time zone c.time_zone
               order by o.id) late",
        now
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Forgets the look at an order that this transaction itself has made due: it has just looked.
pub async fn looked(connection: &mut PgConnection, order_id: i64) -> Result<(), DbError> {
    sqlx::query!(
        "delete from jobs where dedupe_key = 'order:' || $1::bigint and lease_until is null
         and dead_at is null and xmin = pg_current_xact_id()::xid",
        order_id
    )
    .execute(connection)
    .await?;
    Ok(())
}
