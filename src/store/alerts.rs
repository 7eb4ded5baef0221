//! Alerts: what people should look at, raised once and cleared by itself; and the scores that
//! routing reads.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::cover::Cover;

/// A stock level that may be low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Primary key.
    pub id: i64,
    /// What is known of it.
    pub cover: Cover,
    /// Whether people do not want to hear of it now.
    pub muted: bool,
}

/// Our own stock levels that may be low or are said to be, by primary key: at their reorder point,
/// wanted by open orders, sold in the last 28 days, or alerted to. What lies there and is not asked
/// for is not looked at.
pub async fn perhaps_low(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        "select s.id from stock_levels s join locations p on p.id = s.location_id
         where p.supplier_id is null and s.id in (
             select id from stock_levels where on_hand - reserved <= reorder_point
             union
             select id from stock_levels where product_id in (
                 select product_id from order_lines where unallocated > 0 and product_id is not null
                 union
                 select product_id from daily_demand where day > ($1::timestamptz at time zone 'UTC')::date - 28)
             union
             select subject_id from alerts
             where kind = 'low_stock' and subject_kind = 'stock' and cleared_at is null)
         order by s.id",
        now,
    )
    .fetch_all(connection)
    .await?)
}

/// What is known of these stock levels, as far as they are our own, by primary key. What should have
/// left its supplier and has not arrived is not counted on.
pub async fn levels(
    connection: &mut PgConnection,
    ids: &[i64],
    now: DateTime<Utc>,
) -> Result<Vec<Level>, DbError> {
    let rows = sqlx::query!(
        r#"with coming as materialized (
               select b.product_id, sum(b.quantity - b.received) as units
               from purchase_orders p join purchase_order_lines b on b.purchase_order_id = p.id
               where p.fulfilment_id is null and p.state in ('draft', 'sent', 'accepted')
                 and b.product_id in (select product_id from stock_levels where id = any ($1))
                 and not is_overdue(p, $2)
               group by b.product_id)
           select s.id, (s.on_hand - s.reserved)::bigint as "available!", s.reorder_point,
                  coalesce(s.muted_until > $2, false) as "muted!",
                  coalesce((select sum(l.unallocated) from order_lines l
                            where l.product_id = s.product_id and l.unallocated > 0
                              and (select is_wanted(o) and o.stage in ('new', 'confirmed', 'processing', 'on_hold',
                                                                       'partially_shipped')
                                   from orders o where o.id = l.order_id)), 0) as "wanted!",
                  coalesce((select units from coming where coming.product_id = s.product_id), 0) as "on_order!",
                  coalesce((select sum(d.units) from daily_demand d where d.product_id = s.product_id
                            and d.day > ($2 at time zone 'UTC')::date - 28
                            and d.day <= ($2 at time zone 'UTC')::date), 0)::bigint as "demand!",
                  (select o.lead_time_days from competing_offers(s.product_id, (select buying_currency())) o
                   limit 1) as lead_time_days
           from stock_levels s join locations p on p.id = s.location_id
           where p.supplier_id is null and s.id = any ($1) order by s.id"#,
        ids,
        now,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Level {
            id: row.id,
            cover: Cover {
                available: row.available,
                wanted: row.wanted,
                on_order: row.on_order,
                demand_28d: row.demand,
                lead_time_days: row.lead_time_days,
                reorder_point: i64::from(row.reorder_point),
            },
            muted: row.muted,
        })
        .collect())
}

/// Makes the open alerts of these records what they should be: raised where there is a reason and
/// none is open, cleared where there is no reason any more, and with the reason of today. Answers
/// with how many changed.
pub async fn settle(
    connection: &mut PgConnection,
    kind: &str,
    subject_kind: &str,
    judged: &[(i64, Option<String>)],
) -> Result<u64, DbError> {
    let ids: Vec<i64> = judged.iter().map(|(id, _)| *id).collect();
    let reasons: Vec<Option<String>> = judged.iter().map(|(_, why)| why.clone()).collect();
    let cleared = sqlx::query!(
        "update alerts a set cleared_at = clock_timestamp()
         from unnest($3::bigint[], $4::text[]) as j (id, reason)
         where a.kind = $1 and a.subject_kind = $2 and a.subject_id = j.id and j.reason is null
           and a.cleared_at is null",
        kind,
        subject_kind,
        &ids,
        &reasons as _,
    )
    .execute(&mut *connection)
    .await?;
    let raised = sqlx::query!(
        "insert into alerts (kind, subject_kind, subject_id, reason)
         select $1, $2, j.id, j.reason
         from unnest($3::bigint[], $4::text[]) as j (id, reason)
         where j.reason is not null
         on conflict (kind, subject_kind, subject_id) where cleared_at is null
         do update set reason = excluded.reason where alerts.reason <> excluded.reason",
        kind,
        subject_kind,
        &ids,
        &reasons as _,
    )
    .execute(connection)
    .await?;
    Ok(cleared.rows_affected() + raised.rows_affected())
}

/// Raises what has not moved for as long as its stage allows, and clears what has moved: orders by
/// their promise, purchase orders by the supplier's agreed hours, and those for our own stock that
/// cannot be sent, did not get through, or were accepted and have not arrived. Answers with how many
/// changed.
///
/// An order is stuck when its ship-by has passed, or when it waits for something and has not changed
/// for two days; one that is on hold, after three.
pub async fn settle_stuck(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<u64, DbError> {
    let changed = sqlx::query!(
        "with stuck as (
             select 'stuck' as kind, 'order' as subject_kind, o.id,
                    case when o.stage = 'on_hold' then 'on hold for three days: ' || coalesce(o.hold_reason, '')
                         when o.ship_by < $1::timestamptz then 'should have left' || coalesce('; ' || o.waiting_reason, '')
                         else 'has not moved for two days; ' || o.waiting_reason end as reason
             from orders o
             where o.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
               and (o.stage = 'on_hold' and o.updated_at < $1::timestamptz - interval '3 days'
                    or o.stage <> 'on_hold' and o.ship_by < $1::timestamptz
                    or o.stage <> 'on_hold' and o.waiting_reason is not null
                       and o.updated_at < $1::timestamptz - interval '2 days')
             union all
             select 'silent', 'purchase_order', p.id,
                    s.name || ' has not answered within ' || s.acceptance_hours || ' business hours'
             from purchase_orders p
             join suppliers s on s.id = p.supplier_id
             left join fulfilments f on f.id = p.fulfilment_id
             -- Who sends without a word has answered.
             where p.state = 'sent' and p.answer_due < $1 and (f.id is null or f.state = 'requested')
             union all
             (select distinct on (t.id) 'unaddressed', 'stock', t.id,
                    'PO-' || p.id || ' waits: ' || s.name || ' has no address for purchase orders'
             from purchase_orders p
             join suppliers s on s.id = p.supplier_id
             join purchase_order_lines l on l.purchase_order_id = p.id
             join stock_levels t on t.product_id = l.product_id
             join locations n on n.id = t.location_id and n.supplier_id is null
             where p.state = 'draft' and p.fulfilment_id is null and not has_address(s)
             order by t.id, p.id)
             union all
             (select distinct on (t.id) 'unsent', 'stock', t.id,
                    'PO-' || p.id || ' to ' || s.name || case when m.state = 'failed' then ' was refused by its mail server'
                                                              else ' was stopped' end || ': resend-mail'
             from notices m
             join purchase_orders p on p.id = m.subject_id
             join suppliers s on s.id = p.supplier_id
             join purchase_order_lines l on l.purchase_order_id = p.id
             join stock_levels t on t.product_id = l.product_id
             join locations n on n.id = t.location_id and n.supplier_id is null
             where m.kind = 'purchase_order' and m.subject_kind = 'purchase_order' and m.order_id is null
               and m.state in ('failed', 'cancelled') and p.state = 'sent' and p.answer_due is null
             order by t.id, p.id)
             union all
             (select distinct on (t.id) 'overdue', 'stock', t.id,
                    'PO-' || coalesce(p.in_place_of, p.id) || ' should have left ' || s.name || ' by '
                        || to_char(leaves_on(p), 'FMDD Mon YYYY') || ': receive it, or cancel-purchase'
             from purchase_orders p
             join suppliers s on s.id = p.supplier_id
             join purchase_order_lines l on l.purchase_order_id = p.id and l.received < l.quantity
             join stock_levels t on t.product_id = l.product_id
             join locations n on n.id = t.location_id and n.supplier_id is null
             where p.state = 'accepted' and p.fulfilment_id is null and is_overdue(p, $1)
             order by t.id, p.id)),
         cleared as (
             update alerts a set cleared_at = clock_timestamp()
             where a.cleared_at is null
               and (a.kind in ('stuck', 'silent', 'unaddressed', 'unsent', 'overdue')
                        and (a.kind, a.subject_kind, a.subject_id) not in (select kind, subject_kind, id from stuck)
                    or a.kind = 'dead_job' and not exists (
                        select from jobs j where j.dead_at is not null
                          and j.subject_kind = a.subject_kind and j.subject_id = a.subject_id))
             returning id),
         raised as (
             insert into alerts (kind, subject_kind, subject_id, reason)
             select kind, subject_kind, id, reason from stuck
             on conflict (kind, subject_kind, subject_id) where cleared_at is null
             do update set reason = excluded.reason where alerts.reason <> excluded.reason
             returning id)
         select (select count(*) from cleared) + (select count(*) from raised) as \"count!\"",
        now
    )
    .fetch_one(connection)
    .await?
    .count;
    Ok(changed.unsigned_abs())
}

/// Raises kinds of job that fail again and again, and clears those that do so no more: what comes
/// again and failed three times in a row, or three jobs of a kind that each did. So is mail that was
/// put off and has been due for an hour. Answers with how many changed.
pub async fn settle_failing(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<u64, DbError> {
    let changed = sqlx::query!(
        "with failing as (
             select 'job ' || kind as subject,
                    'the job ' || kind || ' fails again and again: '
                        || (array_agg(error order by attempts desc, id))[1] as reason
             from jobs where error is not null and dead_at is null and attempts >= 3
             group by kind having bool_or(every is not null) or count(*) >= 3
             union all
             select 'mail', 'mail does not get through: ' || (array_agg(error order by updated_at desc, id desc))[1]
             from notices where state = 'queued' and error is not null and not is_kept_back(notices)
             having min(held_until) < $1::timestamptz - interval '1 hour'),
         cleared as (
             update alerts set cleared_at = clock_timestamp()
             where kind = 'failing_job' and cleared_at is null
               and subject_kind not in (select subject from failing)
             returning id),
         raised as (
             insert into alerts (kind, subject_kind, subject_id, reason)
             select 'failing_job', subject, 0, reason from failing
             on conflict (kind, subject_kind, subject_id) where cleared_at is null
             do update set reason = excluded.reason where alerts.reason <> excluded.reason
             returning id)
         select (select count(*) from cleared) + (select count(*) from raised) as \"count!\"",
        now,
    )
    .fetch_one(connection)
    .await?
    .count;
    Ok(changed.unsigned_abs())
}

/// Reckons every supplier's last 90 days anew; rows that do not differ stay as they are. Parts and
/// orders are looked up parcel by parcel, so that what is older is not read, however much it is.
pub async fn reckon_scores(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "insert into supplier_scores as k (supplier_id, answered, accepted, shipped, on_time, reckoned_at)
         select s.id, coalesce(a.answered, 0), coalesce(a.accepted, 0), coalesce(p.shipped, 0),
                coalesce(p.on_time, 0), $1
         from suppliers s
         left join (select supplier_id, count(*)::integer as answered,
                           count(*) filter (where state <> 'rejected')::integer as accepted
                    from purchase_orders where answered_at > $1::timestamptz - interval '90 days'
                    group by supplier_id) a on a.supplier_id = s.id
         left join (select l.supplier_id, count(*)::integer as shipped,
                           count(*) filter (where h.handed_over_at <= o.ship_by)::integer as on_time
                    from shipments h
                    cross join lateral (
                        select location_id from fulfilments where id = h.fulfilment_id limit 1) f
                    join locations l on l.id = f.location_id and l.supplier_id is not null
                    cross join lateral (select ship_by from orders where id = h.order_id limit 1) o
                    where h.handed_over_at > $1::timestamptz - interval '90 days' and o.ship_by is not null
                    group by l.supplier_id) p on p.supplier_id = s.id
         where a.answered is not null or p.shipped is not null
            or exists (select from supplier_scores old where old.supplier_id = s.id)
         order by s.id
         on conflict (supplier_id) do update
         set answered = excluded.answered, accepted = excluded.accepted, shipped = excluded.shipped,
             on_time = excluded.on_time, reckoned_at = excluded.reckoned_at
         where (k.answered, k.accepted, k.shipped, k.on_time)
               is distinct from (excluded.answered, excluded.accepted, excluded.shipped, excluded.on_time)",
        now
    )
    .execute(connection)
    .await?
    .rows_affected())
}

/// How one location or supplier kept its promises in one week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The Monday on which the week begins.
    pub week: NaiveDate,
    /// Who shipped.
    pub source: String,
    /// Parcels that left.
    pub parcels: i64,
    /// Those that left by the promise.
    pub kept: i64,
}

/// How promises were kept, by week and by who shipped.
pub async fn promises_kept(
    connection: &mut PgConnection,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Kept>, DbError> {
    Ok(sqlx::query_as!(
        Kept,
        r#"select week as "week!", source as "source!", parcels as "parcels!", kept as "kept!"
           from promises_kept($1, $2)"#,
        since,
        until,
    )
    .fetch_all(connection)
    .await?)
}

/// An open alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What is wrong: `low_stock`, `stuck`, `silent`, `unaddressed`, `unsent`, `overdue`, `lost`,
    /// `dead_job`, `failing_job` or `stale_label`.
    pub kind: String,
    /// What it is about, as people call it.
    pub about: String,
    /// Why it was raised.
    pub reason: String,
    /// When.
    pub raised_at: DateTime<Utc>,
}

/// The kinds of alert, those first that say that the shop's own work stands still: a busy shop has many
/// of the last, and they must not hide the others.
const MOST_TELLING: [&str; 9] = [
    "dead_job",
    "failing_job",
    "stale_label",
    "stuck",
    "silent",
    "unaddressed",
    "unsent",
    "overdue",
    "low_stock",
];

/// How many alerts of each kind are open, and the most telling of them, the oldest of a kind first.
pub async fn open(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<(BTreeMap<String, i64>, Vec<Alert>), DbError> {
    let counts = sqlx::query!(
        r#"select kind, count(*) as "count!" from alerts where cleared_at is null group by kind"#
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|row| (row.kind, row.count))
    .collect();
    let oldest = sqlx::query_as!(
        Alert,
        r#"select a.kind, a.reason, a.raised_at,
                  coalesce(case a.subject_kind
                      when 'order' then (select number from orders where id = a.subject_id)
                      when 'stock' then (select p.sku from stock_levels s join products p on p.id = s.product_id
                                         where s.id = a.subject_id)
                      when 'purchase_order' then 'PO-' || a.subject_id
                      when 'shipment' then 'SHP-' || a.subject_id
                      when 'product' then (select sku from products where id = a.subject_id) end,
                      a.subject_kind || coalesce(' ' || nullif(a.subject_id, 0), '')) as "about!"
           from alerts a where a.cleared_at is null
           order by array_position($2::text[], a.kind), a.raised_at, a.id limit $1"#,
        limit,
        &MOST_TELLING.map(str::to_owned)
    )
    .fetch_all(connection)
    .await?;
    Ok((counts, oldest))
}
