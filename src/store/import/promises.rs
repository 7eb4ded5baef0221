//! What an import promises its new orders by.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::orders::Told;
use crate::store::db::DbError;

/// What the promise of an order is made of.
pub struct Lead {
    /// The channel's key.
    pub external_id: String,
    /// Days until the last of it can leave: 0 for what lies in our own stock, else those of the supplier
    /// that would be asked. None where nobody is known to have some of it.
    pub days: Option<i32>,
    /// Days on the way by its shipping option, where the option is known and takes the order.
    pub transit_days: Option<i32>,
}

/// How soon orders can leave and arrive, by the function that quotes and the worker promise by. Orders
/// of one file are not there yet to be counted: each leaves our stock to those of them that were placed
/// before.
pub async fn leads(
    connection: &mut PgConnection,
    orders: &[&Told<'_>],
) -> Result<Vec<Lead>, DbError> {
    let rows = sqlx::query_as!(
        Lead,
        "with told as materialized (
             select * from rows from (jsonb_to_recordset($1) as (
                 external_id text, shipping_method text, currency text, placed_at timestamptz, shipping jsonb,
                 cancelled_at timestamptz, financial_status text, lines jsonb)
             ) with ordinality as o),
         wanted as (
             select o.external_id, o.ordinality, o.placed_at, l.sku, sum(l.quantity) as units,
                    o.cancelled_at is null and o.financial_status in ('paid', 'partially_refunded') as firm
             from told o
             cross join jsonb_to_recordset(o.lines) as l (
                 sku text, quantity integer, requires_shipping boolean)
             where l.requires_shipping
             group by o.external_id, o.ordinality, o.placed_at, o.cancelled_at, o.financial_status, l.sku),
         packed as (
             select w.external_id, sum(p.weight_g::bigint * w.units)::bigint as weight
             from wanted w left join products p on p.sku = w.sku
             group by w.external_id),
         queued as (
             select external_id, sku, units + coalesce(sum(units) filter (where firm) over (
                        partition by sku order by placed_at, ordinality
                        rows between unbounded preceding and 1 preceding), 0) as units
             from wanted)
         select o.external_id as \"external_id!\",
                case when bool_and(line.days is not null) then max(line.days) end as days,
                max(s.transit_days_max) as transit_days
         from told o
         join queued w on w.external_id = o.external_id
         left join products p on p.sku = w.sku
         cross join lateral (
             select lead_days(p.id, least(w.units, 2147483647)::integer, o.currency,
                              o.placed_at, 9223372036854775807) as days) line
         join packed on packed.external_id = o.external_id
         left join shipping_options s on s.name = o.shipping_method and s.currency = o.currency
              and option_refuses(s, o.currency, nullif(o.shipping ->> 'country', ''), packed.weight) is null
         group by o.external_id",
        Json(orders) as _
    );
    Ok(rows.fetch_all(connection).await?)
}

/// An order that was promised stock which orders that were placed before it want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Early {
    /// Its key.
    pub id: i64,
    /// When the customer placed it.
    pub placed_at: DateTime<Utc>,
    /// By when it was to leave.
    pub ship_by: DateTime<Utc>,
    /// By when it was to arrive.
    pub deliver_by: Option<DateTime<Utc>>,
    /// Days on the way that its promise counts on.
    pub transit_days: Option<i32>,
    /// Days until what is not left to it can leave, from the supplier that would be asked; none where
    /// no supplier is known to have some of it.
    pub days: Option<i32>,
}

/// Those of these orders to which what was placed before does not leave all that they want of our own
/// stock. One look at the orders that wait for their products, however many they are.
pub async fn early(connection: &mut PgConnection, orders: &[i64]) -> Result<Vec<Early>, DbError> {
    let rows = sqlx::query_as!(
        Early,
        "with asked as materialized (
             select id, placed_at, currency, ship_by, deliver_by, promise_transit_days
             from orders
             where id = any ($1) and ship_by is not null and stage in ('new', 'confirmed', 'processing')),
         own as materialized (
             select s.product_id, sum(s.on_hand - s.reserved) as units
             from stock_levels s join locations p on p.id = s.location_id
             where p.supplier_id is null and s.product_id in (
                 select l.product_id from asked join order_lines l on l.order_id = asked.id
                 where l.unallocated > 0)
             group by s.product_id having sum(s.on_hand) > 0),
         wanted as (
             select own.product_id, own.units as own, o.id, o.placed_at, comes_first(o) as firm,
                    sum(l.unallocated) as units
             from own
             join order_lines l on l.product_id = own.product_id and l.unallocated > 0
             join orders o on o.id = l.order_id
             group by own.product_id, own.units, o.id),
         queued as (
             select product_id, id, units + coalesce(sum(units) filter (where firm) over (
                        partition by product_id order by placed_at, id
                        rows between unbounded preceding and 1 preceding), 0) > own as short
             from wanted),
         short as materialized (
             select asked.*, queued.product_id from queued join asked using (id) where queued.short),
         offered as materialized (
             select product_id, currency, (select o.lead_time_days
                                           from competing_offers(product_id, currency) o limit 1) as days
             from (select distinct product_id, currency from short) lacking)
         select s.id as \"id!\", s.placed_at as \"placed_at!\", s.ship_by as \"ship_by!\", s.deliver_by,
                s.promise_transit_days as transit_days,
                case when bool_and(o.days is not null) then max(o.days) end as days
         from short s join offered o using (product_id, currency)
         group by s.id, s.placed_at, s.ship_by, s.deliver_by, s.promise_transit_days
         order by s.id",
        orders
    );
    Ok(rows.fetch_all(connection).await?)
}

/// An order with another promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Its key.
    pub id: i64,
    /// By when it was to leave.
    pub before: DateTime<Utc>,
    /// By when it leaves; none where that cannot be told.
    pub ship_by: Option<DateTime<Utc>>,
    /// By when it arrives.
    pub deliver_by: Option<DateTime<Utc>>,
}

/// Moves promises, except where somebody else has moved one meanwhile. None is taken back that the
/// customer was told.
pub async fn change(connection: &mut PgConnection, moved: &[Moved]) -> Result<(), DbError> {
    let ids: Vec<i64> = moved.iter().map(|moved| moved.id).collect();
    let before: Vec<DateTime<Utc>> = moved.iter().map(|moved| moved.before).collect();
    let ship_by: Vec<Option<DateTime<Utc>>> = moved.iter().map(|moved| moved.ship_by).collect();
    let deliver_by: Vec<Option<DateTime<Utc>>> =
        moved.iter().map(|moved| moved.deliver_by).collect();
    sqlx::query!(
        "with held as materialized (
             select id from orders where id = any ($1) order by id for no key update)
         update orders o set ship_by = m.ship_by, deliver_by = m.deliver_by
         from held
         join unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
              as m (id, before, ship_by, deliver_by) on m.id = held.id
         where o.id = held.id and o.ship_by = m.before and (m.ship_by is not null or o.told_day is null)",
        &ids,
        &before,
        &ship_by as _,
        &deliver_by as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that new orders of a file are promised as if no more came with it.
pub async fn unsettle(
    connection: &mut PgConnection,
    orders: &[i64],
    file: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into unsettled_promises (order_id, file) select made, $2 from unnest($1::bigint[]) made",
        orders,
        file,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The new orders of a file of which that is noted.
pub async fn unsettled(connection: &mut PgConnection, file: &str) -> Result<Vec<i64>, DbError> {
    let left = sqlx::query_scalar!(
        "select order_id from unsettled_promises where file = $1 order by order_id",
        file
    );
    Ok(left.fetch_all(connection).await?)
}

/// What these orders were promised holds.
pub async fn settled(connection: &mut PgConnection, orders: &[i64]) -> Result<(), DbError> {
    sqlx::query!(
        "delete from unsettled_promises where order_id = any ($1)",
        orders
    )
    .execute(connection)
    .await?;
    Ok(())
}
