//! Orders: their summaries, and what acts write of them.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::{self, Columns, one_row};
use crate::domain::orders::OrderSummary;

/// An order as its list shows it: a `select` that ends where conditions may follow. The order is
/// `o` and its channel `channel`; [`from_row`] reads its rows.
pub const SELECT: &str = "
    select o.id, o.version, o.number, channel.name as channel, o.customer_name as customer, o.placed_at,
           o.stage, o.hold_reason, o.waiting_reason, (
               select string_agg(a.reason, '; ' order by a.id) from alerts a
               where a.subject_kind = 'order' and a.subject_id = o.id and a.cleared_at is null) as alert,
           case when o.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                then unfit_option(o) end as unfit_option,
           (select a.reason from alerts a where a.kind = 'dead_job' and a.subject_kind = 'order'
            and a.subject_id = o.id and a.cleared_at is null) as given_up,
           o.financial_status, o.ship_by, o.deliver_by, o.assignee,
           o.currency, o.total, o.country, o.tags,
           coalesce(o.shipping_address ->> 'address1', '') <> ''
           or coalesce(o.shipping_address ->> 'city', '') <> '' as has_address,
           case when units.requested > 0 then (
               select count(*) from fulfilments part
               join purchase_orders unsent on unsent.fulfilment_id = part.id and is_unmailed(unsent)
               where part.order_id = o.id) else 0 end as unmailed,
           units.lines, units.ordered, units.reserved, units.requested, units.shipped,
           units.delivered, units.lost, units.cancelled,
           checked.pending as pending_inspections, checked.failed as failed_inspections,
           asked.open as open_tickets, mail.held as held_mails, mail.failed as failed_mails,
           mail.stopped as stopped_mails
    from orders o
    join channels channel on channel.id = o.channel_id
    cross join lateral (
        select (select count(*) from order_lines where order_id = o.id) as lines,
               coalesce(sum(ordered), 0) as ordered,
               coalesce(sum(reserved), 0) as reserved, coalesce(sum(requested), 0) as requested,
               coalesce(sum(shipped), 0) as shipped, coalesce(sum(delivered), 0) as delivered,
               coalesce(sum(lost), 0) as lost, coalesce(sum(cancelled), 0) as cancelled
        from order_lines where order_id = o.id and requires_shipping) units
    cross join lateral (
        select count(*) filter (where state = 'pending') as pending,
               count(*) filter (where state = 'failed') as failed
        from inspections where order_id = o.id) checked
    cross join lateral (
        select count(*) as open from tickets
        where order_id = o.id and state in ('new', 'open', 'pending')) asked
    cross join lateral (
        select count(*) filter (where state in ('held', 'queued') and not sending) as held,
               count(*) filter (where state = 'failed') as failed,
               count(*) filter (where state = 'cancelled' and exists (
                   select from purchase_orders p where p.id = subject_id and p.state = 'sent'
                   and is_to_be_asked(p))) as stopped
        from notices
        where order_id = o.id
          and (state in ('held', 'queued', 'failed') or state = 'cancelled' and kind = 'purchase_order')) mail ";

/// Reads a row of [`SELECT`].
///
/// # Errors
/// Which column of which order does not fit.
pub fn from_row(row: &PgRow) -> Result<OrderSummary, DbError> {
    let columns = Columns::of("order", row)?;
    Ok(OrderSummary {
        id: columns.id,
        version: columns.get("version")?,
        number: columns.get("number")?,
        channel: columns.get("channel")?,
        customer: columns.get("customer")?,
        placed_at: columns.get("placed_at")?,
        stage: columns.word("stage")?,
        hold_reason: columns.get("hold_reason")?,
        waiting_reason: columns.get("waiting_reason")?,
        unfit_option: columns.get("unfit_option")?,
        alert: columns.get("alert")?,
        given_up: columns.get("given_up")?,
        financial_status: columns.word("financial_status")?,
        ship_by: columns.get("ship_by")?,
        deliver_by: columns.get("deliver_by")?,
        assignee: columns.get("assignee")?,
        currency: columns.get("currency")?,
        total: columns.get("total")?,
        country: columns.get("country")?,
        has_address: columns.get("has_address")?,
        tags: columns.get("tags")?,
        lines: columns.get("lines")?,
        ordered: columns.get("ordered")?,
        reserved: columns.get("reserved")?,
        requested: columns.get("requested")?,
        unmailed: columns.get("unmailed")?,
        shipped: columns.get("shipped")?,
        delivered: columns.get("delivered")?,
        lost: columns.get("lost")?,
        cancelled: columns.get("cancelled")?,
        pending_inspections: columns.get("pending_inspections")?,
        failed_inspections: columns.get("failed_inspections")?,
        open_tickets: columns.get("open_tickets")?,
        held_mails: columns.get("held_mails")?,
        failed_mails: columns.get("failed_mails")?,
        stopped_mails: columns.get("stopped_mails")?,
    })
}

/// The order with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<OrderSummary>, DbError> {
    rows::one(connection, SELECT, "o.id = $1", id, from_row).await
}

/// Locks an order, if it exists. Whoever changes an order or its parts does this first.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    Ok(
        sqlx::query_scalar!("select id from orders where id = $1 for no key update", id)
            .fetch_optional(connection)
            .await?
            .is_some(),
    )
}

/// Confirms a new order.
pub async fn confirm(
    connection: &mut PgConnection,
    id: i64,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set confirmed_at = $2 where id = $1 and stage = 'new'",
        id,
        at,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// Holds an order, or ends its hold; `from` is the reason so far.
pub async fn set_hold(
    connection: &mut PgConnection,
    id: i64,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set hold_reason = $3 where id = $1 and hold_reason is not distinct from $2",
        id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order's hold")
}

/// Gives an order to somebody, or to nobody; `from` is who has it.
pub async fn set_assignee(
    connection: &mut PgConnection,
    id: i64,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set assignee = $3 where id = $1 and assignee is not distinct from $2",
        id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// Says whether what covers an order is up to people: the worker takes nothing for it then.
pub async fn set_covered_by_hand(
    connection: &mut PgConnection,
    id: i64,
    by_hand: bool,
) -> Result<(), DbError> {
    sqlx::query!(
        "update orders set covered_by_hand = $2 where id = $1 and covered_by_hand <> $2",
        id,
        by_hand,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives an order another shipping option, and the day of arrival that follows from it.
pub async fn set_option(
    connection: &mut PgConnection,
    id: i64,
    option_id: i64,
    deliver_by: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set shipping_option_id = $2, deliver_by = $3 where id = $1",
        id,
        option_id,
        deliver_by,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// Notes that units of it are to be sent again: what covers them counts from now, and is the
/// worker's to find.
pub async fn set_again(
    connection: &mut PgConnection,
    id: i64,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set again_at = $2, covered_by_hand = false where id = $1",
        id,
        at,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// Leaves a note on an order.
pub async fn insert_note(
    connection: &mut PgConnection,
    id: i64,
    text: &str,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "insert into order_notes (order_id, text) values ($1, $2)",
        id,
        text
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// Cancels every unit that has not been shipped. Nothing may be reserved or requested any more.
/// What needs no shipping is cancelled with an order of which nothing has left.
pub async fn cancel(
    connection: &mut PgConnection,
    id: i64,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "update order_lines set cancelled = ordered - shipped
         where order_id = $1 and ordered > shipped + cancelled
           and (requires_shipping
                or not exists (select from order_lines where order_id = $1 and shipped > 0))",
        id
    )
    .execute(&mut *connection)
    .await?;
    let done = sqlx::query!(
        "update orders set cancelled_at = $2, cancel_reason = $3 where id = $1",
        id,
        at,
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// A line that neither stock nor a supplier covers yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLine {
    /// Primary key.
    pub id: i64,
    /// Its SKU.
    pub sku: String,
    /// The product, where the SKU is one of ours.
    pub product_id: Option<i64>,
    /// Units that nothing covers.
    pub unallocated: i32,
}

/// The lines of an order that are to be shipped and that nothing covers yet, by position.
pub async fn open_lines(connection: &mut PgConnection, id: i64) -> Result<Vec<OpenLine>, DbError> {
    Ok(sqlx::query_as!(
        OpenLine,
        r#"select id, sku, product_id, unallocated as "unallocated!" from order_lines
           where order_id = $1 and unallocated > 0 and requires_shipping order by position"#,
        id
    )
    .fetch_all(connection)
    .await?)
}
