//! Stock: summaries of stock levels, and what acts read and write of them.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres, QueryBuilder};

use super::db::DbError;
use super::rows::{self, Columns, one_row};
use crate::domain::stock::{MovementKind, StockSummary};

/// See [`COVERED`].
macro_rules! covered {
    () => {
        "stock_levels s
    join products product on product.id = s.product_id
    join locations location on location.id = s.location_id
    cross join lateral (
        select coalesce(sum(line.unallocated), 0) as units
        from order_lines line
        where line.product_id = s.product_id and line.unallocated > 0
          and (select is_wanted(asks) from orders asks where asks.id = line.order_id)) wanting
    cross join lateral (
        select coalesce(sum(daily.units), 0)::bigint as units
        from daily_demand daily
        where daily.product_id = s.product_id
          and daily.day > (now() at time zone 'UTC')::date - 28) demand "
    };
}

/// Stock levels with what their days of cover are made of: the level `s`, its `product` and `location`,
/// what open orders want of it (`wanting.units`) and its `demand.units`, as [`SELECT`] has them.
pub const COVERED: &str = covered!();

/// A stock level as its list shows it: a `select` that ends where conditions may follow. The level
/// is `s`, its product `product`, its location `location`; [`from_row`] reads its rows.
///
/// What open orders want is counted by product: a product that lies in two of our locations is
/// wanted at both. Only open orders have units that are not allocated: what the others had has
/// left or was cancelled. What an order wants whose money went back is not counted. Demand is of the
/// 28 days (UTC) before and with today. The preferred supplier is the one with the cheapest offer. A
/// mute that is over counts as none.
pub const SELECT: &str = concat!(
    "
    select s.id, s.version, product.sku, product.title, location.name as location,
           (select a.reason from alerts a where a.kind = 'low_stock' and a.subject_kind = 'stock'
            and a.subject_id = s.id and a.cleared_at is null) as alert,
           (select string_agg(dead.reason, '; ' order by dead.id) from (
                select a.id, a.reason from alerts a
                where a.kind = 'dead_job' and a.subject_kind = 'product' and a.subject_id = s.product_id
                  and a.cleared_at is null
                union all
                select a.id, 'PO-' || a.subject_id || ': ' || a.reason
                from alerts a
                join purchase_order_lines bought on bought.purchase_order_id = a.subject_id
                where a.kind = 'dead_job' and a.subject_kind = 'purchase_order' and a.cleared_at is null
                  and bought.product_id = s.product_id) dead) as given_up,
           (select a.reason from alerts a where a.kind = 'overdue' and a.subject_kind = 'stock'
            and a.subject_id = s.id and a.cleared_at is null) as overdue,
           (select count(*) from purchase_orders ordered
            join purchase_order_lines bought on bought.purchase_order_id = ordered.id
            where ordered.state in ('draft', 'sent', 'accepted') and ordered.fulfilment_id is null
              and location.supplier_id is null and bought.product_id = s.product_id
              and bought.received < bought.quantity) as coming,
           (select count(*) from purchase_orders unsent
            join purchase_order_lines bought on bought.purchase_order_id = unsent.id
            where unsent.state in ('draft', 'sent') and unsent.fulfilment_id is null
              -- Only what is on order of the product is asked about.
              and case when bought.product_id = s.product_id then is_unmailed(unsent) end) as unmailed,
           mail.held as held_mails, mail.failed as failed_mails,
           (select count(*) from purchase_orders asked
            join purchase_order_lines bought on bought.purchase_order_id = asked.id
            join notices n on n.subject_kind = 'purchase_order' and n.subject_id = asked.id
            where asked.state = 'sent' and asked.answer_due is null and asked.fulfilment_id is null
              and n.kind = 'purchase_order' and n.state = 'cancelled'
              and bought.product_id = s.product_id) as stopped_mails,
           s.on_hand, s.reserved, s.reorder_point, wanting.units as wanted,
           (select nullif(min((select wants.due_at from orders wants where wants.id = line.order_id)),
                          '9999-12-31 00:00+00')
            from order_lines line
            where line.product_id = s.product_id and line.unallocated > 0
              and (select is_wanted(asks) from orders asks where asks.id = line.order_id)) as wanted_by,
           demand.units as demand_28d, supplier.name as supplier, offer.lead_time_days,
           case when s.muted_until > now() then s.muted_until end as muted_until
    from ",
    covered!(),
    "cross join lateral (
        select count(*) filter (where n.state in ('held', 'queued') and not n.sending) as held,
               count(*) filter (where n.state = 'failed') as failed
        from notices n
        join purchase_order_lines bought on bought.purchase_order_id = n.subject_id
        where n.subject_kind = 'purchase_order' and n.order_id is null
          and n.state in ('held', 'queued', 'failed') and bought.product_id = s.product_id) mail
    left join lateral (
        select supplier_id, lead_time_days
        from competing_offers(s.product_id, (select buying_currency())) limit 1) offer on true
    left join suppliers supplier on supplier.id = offer.supplier_id "
);

/// The nearest promise of the orders that want what [`SELECT`]'s level `s` holds; the end of time
/// where none does.
pub const DUE: &str = "
    (select coalesce(min((select wants.due_at from orders wants where wants.id = line.order_id)),
                     '9999-12-31 00:00+00')
     from order_lines line
     where line.product_id = s.product_id and line.unallocated > 0
       and (select is_wanted(asks) from orders asks where asks.id = line.order_id))";

/// The levels that are low, as a `select` of their ids: at their reorder point, or alerted to for
/// their days of cover; not what is muted at `now`.
pub(super) fn push_low(sql: &mut QueryBuilder<Postgres>, now: DateTime<Utc>) {
    sql.push(
        "select low.id from stock_levels low
         where low.id in (
             select id from stock_levels where on_hand - reserved <= reorder_point
             union
             select subject_id from alerts
             where kind = 'low_stock' and subject_kind = 'stock' and cleared_at is null)
           and (low.muted_until is null or low.muted_until <= ",
    );
    sql.push_bind(now).push(")");
}

/// Reads a row of [`SELECT`].
///
/// # Errors
/// Which column of which stock level does not fit.
pub fn from_row(row: &PgRow) -> Result<StockSummary, DbError> {
    let columns = Columns::of("stock level", row)?;
    Ok(StockSummary {
        id: columns.id,
        version: columns.get("version")?,
        sku: columns.get("sku")?,
        title: columns.get("title")?,
        location: columns.get("location")?,
        on_hand: columns.get("on_hand")?,
        reserved: columns.get("reserved")?,
        reorder_point: columns.get("reorder_point")?,
        wanted: columns.get("wanted")?,
        wanted_by: columns.get("wanted_by")?,
        demand_28d: columns.get("demand_28d")?,
        supplier: columns.get("supplier")?,
        lead_time_days: columns.get("lead_time_days")?,
        alert: columns.get("alert")?,
        given_up: columns.get("given_up")?,
        overdue: columns.get("overdue")?,
        coming: columns.get("coming")?,
        unmailed: columns.get("unmailed")?,
        held_mails: columns.get("held_mails")?,
        failed_mails: columns.get("failed_mails")?,
        stopped_mails: columns.get("stopped_mails")?,
        muted_until: columns.get("muted_until")?,
    })
}

/// The stock level with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<StockSummary>, DbError> {
    rows::one(connection, SELECT, "s.id = $1", id, from_row).await
}

/// Locks a stock level, if it exists.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        "select id from stock_levels where id = $1 for no key update",
        id
    )
    .fetch_optional(connection)
    .await?
    .is_some())
}

/// Writes a row of the ledger, whose trigger moves the counter by `units`.
pub async fn add_movement(
    connection: &mut PgConnection,
    id: i64,
    kind: MovementKind,
    units: i32,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "insert into stock_movements (stock_level_id, kind, on_hand, reason) values ($1, $2, $3, $4)",
        id,
        kind.as_str(),
        units,
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the stock level")
}

/// Sets the units at which it is low; `from` is what it was.
pub async fn set_reorder_point(
    connection: &mut PgConnection,
    id: i64,
    from: i32,
    to: i32,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update stock_levels set reorder_point = $3 where id = $1 and reorder_point = $2",
        id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the reorder point")
}

/// Hides it from what is low until an instant, or shows it again.
pub async fn set_muted_until(
    connection: &mut PgConnection,
    id: i64,
    until: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update stock_levels set muted_until = $2 where id = $1",
        id,
        until,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the stock level")
}
