//! The tabs' counts.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::domain::list::{Count, Counts, TabCount};
use crate::store::db::DbError;

/// Every tab's counts.
pub async fn counts(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Counts, DbError> {
    let row = sqlx::query!(
        r#"
        with wanted as materialized (
            select line.product_id, sum(line.unallocated) as units,
                   min((select o.due_at from orders o where o.id = line.order_id)) as due_at
            from order_lines line
            where line.unallocated > 0 and line.product_id is not null
              and (select is_wanted(asks) from orders asks where asks.id = line.order_id)
            group by line.product_id),
        short as materialized (
            select s.id, wanted.due_at from wanted join stock_levels s on s.product_id = wanted.product_id
            where wanted.units > s.on_hand - s.reserved)
        select
            (select count(*) from (select from orders
                where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                limit $2) o) as "orders!",
            (select count(*) from (select from orders
                where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                  and due_at < $1 limit $2) o) as "orders_urgent!",
            (select count(*) from (select id from short union select low.id from stock_levels low
                where low.id in (
                        select id from stock_levels where on_hand - reserved <= reorder_point
                        union
                        select subject_id from alerts
                        where kind = 'low_stock' and subject_kind = 'stock' and cleared_at is null)
                  and (low.muted_until is null or low.muted_until <= $1)
                limit $2) s) as "stock!",
            (select count(*) from (select from short limit $2) s) as "stock_urgent!",
            (select count(*) from (select from shipments
                where is_open limit $2) p) as "shipments!",
            (select count(*) from (select from shipments
                where is_open and due_at < $1
                limit $2) p) as "shipments_urgent!",
            (select count(*) from (select from inspections
                where state in ('pending', 'failed') limit $2) i) as "inspections!",
            (select count(*) from (select from inspections
                where state = 'failed' limit $2) i) as "inspections_urgent!",
            (select count(*) from (select from tickets
                where state in ('new', 'open', 'pending')
                  and (snoozed_until is null or snoozed_until <= $1) limit $2) t) as "tickets!",
            (select count(*) from (select from tickets
                where state in ('new', 'open', 'pending') and due_at < $1
                  and (snoozed_until is null or snoozed_until <= $1) limit $2) t) as "tickets_urgent!",
            (select count(*) from (
                (select from orders o
                 where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                   and due_at < '9999-12-31 00:00+00'
                   and (stage = 'on_hold'
                        or exists (select from order_lines open
                                   where open.order_id = o.id and open.unallocated > 0)
                        or not exists (select from inspections open
                                       where open.order_id = o.id and open.state in ('pending', 'failed'))
                           and not exists (select from shipments open
                                           where open.order_id = o.id and open.state in ('draft', 'labelled')))
                 limit $2)
                union all
                (select from short where due_at < '9999-12-31 00:00+00' limit $2)
                union all
                (select from shipments p where is_open
                   and due_at < '9999-12-31 00:00+00'
                   and (state not in ('draft', 'labelled')
                        or not exists (select from inspections open
                                       where open.order_id = p.order_id and open.state in ('pending', 'failed')))
                 limit $2)
                union all
                (select from inspections where state in ('pending', 'failed')
                   and due_at < '9999-12-31 00:00+00' limit $2)
                union all
                (select from tickets where state in ('new', 'open', 'pending')
                   and due_at < '9999-12-31 00:00+00'
                   and (snoozed_until is null or snoozed_until <= $1) limit $2)
                limit $2) n) as "next!",
            (select count(*) from (
                (select from orders o
                 where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                   and due_at < $1
                   and (stage = 'on_hold'
                        or exists (select from order_lines open
                                   where open.order_id = o.id and open.unallocated > 0)
                        or not exists (select from inspections open
                                       where open.order_id = o.id and open.state in ('pending', 'failed'))
                           and not exists (select from shipments open
                                           where open.order_id = o.id and open.state in ('draft', 'labelled')))
                 limit $2)
                union all
                (select from short where due_at < $1 limit $2)
                union all
                (select from shipments p where is_open
                   and due_at < $1
                   and (state not in ('draft', 'labelled')
                        or not exists (select from inspections open
                                       where open.order_id = p.order_id and open.state in ('pending', 'failed')))
                 limit $2)
                union all
                (select from inspections where state in ('pending', 'failed')
                   and due_at < $1 limit $2)
                union all
                (select from tickets where state in ('new', 'open', 'pending') and due_at < $1
                   and (snoozed_until is null or snoozed_until <= $1) limit $2)
                limit $2) n) as "next_urgent!",
            (select min(id) from orders) is null and (select min(id) from products) is null as "nothing_yet!",
            (select string_agg(reason, '; ' order by id) from alerts
             where kind = 'failing_job' and cleared_at is null) as failing
        "#,
        now,
        Count::LIMIT + 1,
    )
    .fetch_one(connection)
    .await?;
    let tab = |open, urgent| TabCount {
        open: Count(open),
        urgent: Count(urgent),
    };
    Ok(Counts {
        next: tab(row.next, row.next_urgent),
        orders: tab(row.orders, row.orders_urgent),
        stock: tab(row.stock, row.stock_urgent),
        shipments: tab(row.shipments, row.shipments_urgent),
        inspections: tab(row.inspections, row.inspections_urgent),
        tickets: tab(row.tickets, row.tickets_urgent),
        nothing_yet: row.nothing_yet,
        failing: row.failing,
    })
}
