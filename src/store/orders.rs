//! Orders: their summaries, and what acts read and write of them.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::Columns;
use crate::domain::orders::OrderSummary;

/// An order as its list shows it: a `select` that ends where conditions may follow. The order is
/// `o` and its channel `channel`; [`from_row`] reads its rows.
pub const SELECT: &str = "
    select o.id, o.version, o.number, channel.name as channel, o.customer_name as customer, o.placed_at,
           o.stage, o.hold_reason, o.financial_status, o.ship_by, o.deliver_by, o.assignee,
           o.currency, o.total, o.country, o.tags,
           units.lines, units.ordered, units.reserved, units.requested, units.shipped,
           units.delivered, units.cancelled,
           checked.pending as pending_inspections, checked.failed as failed_inspections,
           asked.open as open_tickets
    from orders o
    join channels channel on channel.id = o.channel_id
    cross join lateral (
        select count(*) as lines, coalesce(sum(ordered), 0) as ordered,
               coalesce(sum(reserved), 0) as reserved, coalesce(sum(requested), 0) as requested,
               coalesce(sum(shipped), 0) as shipped, coalesce(sum(delivered), 0) as delivered,
               coalesce(sum(cancelled), 0) as cancelled
        from order_lines where order_id = o.id) units
    cross join lateral (
        select count(*) filter (where state = 'pending') as pending,
               count(*) filter (where state = 'failed') as failed
        from inspections where order_id = o.id) checked
    cross join lateral (
        select count(*) as open from tickets
        where order_id = o.id and state in ('new', 'open', 'pending')) asked ";

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
        financial_status: columns.word("financial_status")?,
        ship_by: columns.get("ship_by")?,
        deliver_by: columns.get("deliver_by")?,
        assignee: columns.get("assignee")?,
        currency: columns.get("currency")?,
        total: columns.get("total")?,
        country: columns.get("country")?,
        tags: columns.get("tags")?,
        lines: columns.get("lines")?,
        ordered: columns.get("ordered")?,
        reserved: columns.get("reserved")?,
        requested: columns.get("requested")?,
        shipped: columns.get("shipped")?,
        delivered: columns.get("delivered")?,
        cancelled: columns.get("cancelled")?,
        pending_inspections: columns.get("pending_inspections")?,
        failed_inspections: columns.get("failed_inspections")?,
        open_tickets: columns.get("open_tickets")?,
    })
}

/// The order with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<OrderSummary>, DbError> {
    sqlx::query(AssertSqlSafe(format!("{SELECT} where o.id = $1")))
        .bind(id)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(from_row)
        .transpose()
}
