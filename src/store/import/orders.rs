//! Writing orders of a channel: new ones many at a time, changed ones line by line.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use crate::domain::incoming::{Line, Order};
use crate::domain::orders::Stage;
use crate::store::db::DbError;
use crate::store::fulfilments;
use crate::store::rows::word;

/// An order that is there already.
pub struct Known {
    /// Its key.
    pub id: i64,
    /// The channel's key.
    pub external_id: String,
    /// Its number.
    pub number: String,
    /// ISO 4217 code of its amounts.
    pub currency: String,
    /// What the channel last said of it; `None` where a person made it.
    pub digest: Option<Vec<u8>>,
    /// How far it has come.
    pub stage: Stage,
    /// Whether it was cancelled, whatever had left by then.
    pub cancelled: bool,
}

/// An order with what it says in short.
#[derive(Clone, Serialize)]
pub struct Told<'a> {
    /// The order.
    #[serde(flatten)]
    pub order: &'a Order,
    /// Whose order it is: the name of the address that it goes to, or of who pays.
    pub customer_name: &'a str,
    /// The telephone of the order, or of the address.
    pub contact_phone: Option<&'a str>,
    /// Its digest in hexadecimal.
    pub digest: String,
    /// By when it is to leave; only for one that is new.
    pub ship_by: Option<DateTime<Utc>>,
    /// By when it is to arrive; only for one that is new.
    pub deliver_by: Option<DateTime<Utc>>,
}

/// Counted units of a line that is there.
#[derive(Debug, Clone)]
pub struct KnownLine {
    /// Its key.
    pub id: i64,
    /// Its place in the order.
    pub position: i32,
    /// The stock keeping unit.
    pub sku: String,
    /// Units ordered, cancelled ones included.
    pub ordered: i32,
    /// Units set aside in our stock.
    pub reserved: i32,
    /// Units that a supplier was asked for, or that have left.
    pub committed: i32,
    /// Units that will not be sent.
    pub cancelled: i32,
}

/// The channel of a name, made where it is not there yet.
pub async fn channel(connection: &mut PgConnection, name: &str) -> Result<i64, DbError> {
    let found = sqlx::query_scalar!("select id from channels where name = $1", name)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(id) = found {
        return Ok(id);
    }
    sqlx::query!(
        "insert into channels (name) values ($1) on conflict (name) do nothing",
        name
    )
    .execute(&mut *connection)
    .await?;
    let made = sqlx::query_scalar!("select id from channels where name = $1", name);
    Ok(made.fetch_one(connection).await?)
}

/// The orders of a channel that have one of these keys or numbers, locked in the order of their
/// own keys.
pub async fn known(
    connection: &mut PgConnection,
    channel: i64,
    external_ids: &[String],
    numbers: &[String],
) -> Result<Vec<Known>, DbError> {
    let rows = sqlx::query!(
        "select id, external_id, number, currency, source_digest, stage,
                cancelled_at is not null as \"cancelled!\"
         from orders
         where channel_id = $1 and (external_id = any ($2) or number = any ($3))
         order by id for no key update",
        channel,
        external_ids,
        numbers
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Known {
                id: row.id,
                external_id: row.external_id,
                number: row.number,
                currency: row.currency,
                digest: row.source_digest,
                stage: word("orders.stage", row.id, &row.stage)?,
                cancelled: row.cancelled,
            })
        })
        .collect()
}

/// Which of these orders, that the caller has locked, have left as far as they were not cancelled.
pub async fn all_left(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<i64>, DbError> {
    let left = sqlx::query_scalar!(
        "select order_id from order_lines where order_id = any ($1) and requires_shipping
         group by order_id having sum(shipped) > 0 and sum(shipped + cancelled) >= sum(ordered)",
        ids
    );
    Ok(left.fetch_all(connection).await?)
}

/// Leaves a note on an order, unless it is there already.
pub async fn note_once(
    connection: &mut PgConnection,
    order: i64,
    text: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into order_notes (order_id, text)
         select $1, $2
         where not exists (select from order_notes where order_id = $1 and text = $2)",
        order,
        text
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes customers and products that are not there yet. A SKU that no catalogue brought is made of
/// what the order says, so that the order can be worked on; a catalogue completes it later.
pub async fn put_parties(
    connection: &mut PgConnection,
    orders: &[&Told<'_>],
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into customers (name, email, phone)
         select distinct on (lower(email)) customer_name, email, contact_phone
         from jsonb_to_recordset($1) as o (customer_name text, email text, contact_phone text)
         where email is not null
         order by lower(email), customer_name
         on conflict (lower(email)) do nothing",
        Json(orders) as _
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into products (sku, title)
         select distinct on (l.sku) l.sku, l.title
         from jsonb_to_recordset($1) as o (lines jsonb)
         cross join jsonb_to_recordset(o.lines) as l (sku text, title text)
         where l.sku <> '' and not exists (select from products p where p.sku = l.sku)
         order by l.sku, l.title
         on conflict (sku) do nothing",
        Json(orders) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes new orders with their lines. Answers with their keys.
pub async fn insert(
    connection: &mut PgConnection,
    channel: i64,
    orders: &[&Told<'_>],
) -> Result<Vec<i64>, DbError> {
    let made = sqlx::query_scalar!(
        "insert into orders (
             channel_id, external_id, number, customer_id, customer_name, email, phone, placed_at,
             paid_at, currency, subtotal, shipping, tax, discount, total, financial_status,
             shipping_method, shipping_option_id, shipping_address, billing_address, note, tags,
             cancelled_at, cancel_reason, source_digest, ship_by, deliver_by)
         select $1, o.external_id, o.number, c.id, o.customer_name, o.email, o.contact_phone,
                o.placed_at, o.paid_at, o.currency, o.subtotal, o.postage, o.tax, o.discount, o.total,
                o.financial_status, o.shipping_method, s.id, o.shipping, o.billing, o.notes, o.tags,
                o.cancelled_at, case when o.cancelled_at is not null then 'cancelled in the channel' end,
                decode(o.digest, 'hex'), o.ship_by, o.deliver_by
         from rows from (jsonb_to_recordset($2) as (
             external_id text, number text, customer_name text, email text, contact_phone text,
             placed_at timestamptz, paid_at timestamptz, currency text, subtotal bigint,
             postage bigint, tax bigint, discount bigint, total bigint, financial_status text,
             shipping_method text, shipping jsonb, billing jsonb, notes text, tags text[],
             cancelled_at timestamptz, digest text, ship_by timestamptz, deliver_by timestamptz)
         ) with ordinality as o
         left join customers c on lower(c.email) = lower(o.email)
         left join shipping_options s on s.name = o.shipping_method and s.currency = o.currency
         order by o.ordinality
         returning id",
        channel,
        Json(orders) as _
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into order_lines (order_id, position, product_id, sku, title, unit_price, discount,
                                  requires_shipping, ordered, cancelled)
         select n.id, l.position, p.id, l.sku, l.title, l.unit_price, l.discount,
                l.requires_shipping, l.quantity,
                case when o.cancelled_at is null then 0 else l.quantity end
         from jsonb_to_recordset($2) as o (external_id text, cancelled_at timestamptz, lines jsonb)
         join orders n on n.channel_id = $1 and n.external_id = o.external_id
         cross join jsonb_to_recordset(o.lines) as l (
             position integer, sku text, title text, unit_price bigint, discount bigint,
             requires_shipping boolean, quantity integer)
         left join products p on p.sku = l.sku
         order by n.id, l.position",
        channel,
        Json(orders) as _
    )
    .execute(connection)
    .await?;
    Ok(made)
}

/// Writes what was paid and given back and is not written yet. A payment counts once; a refund is
/// the difference to what was refunded before.
pub async fn put_money(
    connection: &mut PgConnection,
    channel: i64,
    orders: &[&Told<'_>],
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into payments (order_id, at, method, reference, amount, currency)
         select n.id, coalesce(o.paid_at, o.placed_at), coalesce(o.payment_method, ''),
                coalesce(o.payment_reference, 'channel') || case when before.amount > 0
                    then ' beyond ' || before.amount else '' end,
                o.captured - before.amount, o.currency
         from jsonb_to_recordset($2) as o (
             external_id text, paid_at timestamptz, placed_at timestamptz, payment_method text,
             payment_reference text, captured bigint, currency text)
         join orders n on n.channel_id = $1 and n.external_id = o.external_id
         cross join lateral (select coalesce(sum(amount), 0)::bigint as amount
                             from payments where order_id = n.id) before
         where o.captured > before.amount
         order by n.id",
        channel,
        Json(orders) as _
    )
    .execute(&mut *connection)
    .await?;
    // The payment that has most left gives first. What is more than all of them have stays with it,
    // for the schema to refuse.
    let refunds = sqlx::query_scalar!(
        "insert into refunds (order_id, payment_id, at, amount, reason, reference)
         select n.id, p.id, coalesce(o.cancelled_at, clock_timestamp()), p.amount,
                'refunded in the channel', 'up to ' || o.refunded
         from jsonb_to_recordset($2) as o (
             external_id text, refunded bigint, cancelled_at timestamptz)
         join orders n on n.channel_id = $1 and n.external_id = o.external_id
         cross join lateral (select o.refunded - coalesce(sum(amount), 0)::bigint as amount
                             from refunds where order_id = n.id and state <> 'failed') wanted
         cross join lateral (
             select id, least(unspent, wanted.amount - before)
                        + case when before = 0 then greatest(wanted.amount - everything, 0) else 0 end
                        as amount
             from (select id, unspent, sum(unspent) over ()::bigint as everything,
                          (sum(unspent) over (order by unspent desc, id) - unspent)::bigint as before
                   from (select y.id, y.amount - coalesce((
                                    select sum(r.amount) from refunds r
                                    where r.payment_id = y.id and r.state <> 'failed'), 0)::bigint
                                    as unspent
                         from payments y where y.order_id = n.id) y) y
             order by unspent desc, id) p
         where p.amount > 0
         order by n.id, p.id
         returning id",
        channel,
        Json(orders) as _
    )
    .fetch_all(&mut *connection)
    .await?;
    if !refunds.is_empty() {
        sqlx::query!(
            "update refunds set state = 'settled' where id = any ($1)",
            &refunds
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Changes what the channel says of an order beside its lines. Where it goes stays as it was once
/// all of it has left; the option and the address that people gave it stay until the channel says
/// something new; an export from before a refund does not make it paid again; and with `too_late` it is
/// not cancelled.
pub async fn update(
    connection: &mut PgConnection,
    id: i64,
    order: &Told<'_>,
    too_late: bool,
) -> Result<(), DbError> {
    sqlx::query!(
        "update orders n
         set number = o.number, customer_id = c.id, customer_name = o.customer_name,
             email = o.email, phone = o.contact_phone, paid_at = o.paid_at, subtotal = o.subtotal,
             shipping = o.postage, tax = o.tax, discount = o.discount, total = o.total,
             financial_status = case when exists (select from refunds r
                                                  where r.order_id = n.id and r.state = 'settled')
                                      and o.financial_status not in ('partially_refunded', 'refunded', 'voided')
                                     then n.financial_status else o.financial_status end,
             shipping_method = o.shipping_method,
             shipping_option_id = case when o.shipping_method is distinct from n.shipping_method
                                       then coalesce(s.id, n.shipping_option_id)
                                       else coalesce(n.shipping_option_id, s.id) end,
             shipping_address = case when n.stage in ('shipped', 'delivered', 'closed')
                                          or o.shipping = n.channel_address
                                     then n.shipping_address else o.shipping end,
             channel_address = case when o.shipping = n.channel_address then n.channel_address end,
             billing_address = o.billing, note = o.notes, tags = o.tags,
             cancelled_at = coalesce(n.cancelled_at, case when not $3 then o.cancelled_at end),
             cancel_reason = coalesce(n.cancel_reason, case when o.cancelled_at is not null and not $3
                                                            then 'cancelled in the channel' end),
             source_digest = decode(o.digest, 'hex')
         from jsonb_to_record($2) as o (
             number text, customer_name text, email text, contact_phone text, paid_at timestamptz,
             currency text, subtotal bigint, postage bigint, tax bigint, discount bigint,
             total bigint, financial_status text, shipping_method text, shipping jsonb,
             billing jsonb, notes text, tags text[], cancelled_at timestamptz, digest text)
         left join customers c on lower(c.email) = lower(o.email)
         left join shipping_options s on s.name = o.shipping_method and s.currency = o.currency
         where n.id = $1",
        id,
        Json(order) as _,
        too_late
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The lines of an order, by place.
pub async fn lines(connection: &mut PgConnection, order: i64) -> Result<Vec<KnownLine>, DbError> {
    let rows = sqlx::query_as!(
        KnownLine,
        "select id, position, sku, ordered, reserved, requested + shipped as \"committed!\", cancelled
         from order_lines where order_id = $1 order by position",
        order
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Frees every unit of an order that has not left: labels are void, the parts that suppliers and
/// the warehouse do are cancelled, reservations end.
pub async fn release(connection: &mut PgConnection, order: i64) -> Result<(), DbError> {
    sqlx::query!(
        "update shipments set state = 'void', reason = 'the order was cancelled in the channel'
         where order_id = $1 and state in ('draft', 'labelled')",
        order
    )
    .execute(&mut *connection)
    .await?;
    let cancelled = sqlx::query_scalar!(
        "update fulfilments set state = 'cancelled', reason = 'the order was cancelled in the channel'
         where order_id = $1 and state in ('open', 'requested', 'accepted', 'inspecting', 'ready')
         returning id",
        order
    )
    .fetch_all(&mut *connection)
    .await?;
    fulfilments::cancel_purchase_orders(connection, &cancelled).await?;
    sqlx::query!(
        "delete from reservations r using order_lines l
         where l.id = r.order_line_id and l.order_id = $1",
        order
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the reservations of one line.
pub async fn release_line(connection: &mut PgConnection, line: i64) -> Result<(), DbError> {
    sqlx::query!("delete from reservations where order_line_id = $1", line)
        .execute(connection)
        .await?;
    Ok(())
}

/// Changes a line: its units, and what else the channel says of it.
pub async fn update_line(
    connection: &mut PgConnection,
    id: i64,
    ordered: i32,
    cancelled: i32,
    line: Option<&Line>,
) -> Result<(), DbError> {
    sqlx::query!(
        "update order_lines
         set ordered = $2, cancelled = $3, title = coalesce($4, title),
             unit_price = coalesce($5, unit_price), discount = coalesce($6, discount),
             requires_shipping = coalesce($7, requires_shipping)
         where id = $1",
        id,
        ordered,
        cancelled,
        line.map(|line| line.title.as_str()),
        line.map(|line| line.unit_price),
        line.map(|line| line.discount),
        line.map(|line| line.requires_shipping)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a line to an order.
pub async fn add_line(
    connection: &mut PgConnection,
    order: i64,
    position: i32,
    cancelled: i32,
    line: &Line,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into order_lines (order_id, position, product_id, sku, title, unit_price, discount,
                                  requires_shipping, ordered, cancelled)
         values ($1, $2, (select id from products where sku = $3), $3, $4, $5, $6, $7, $8, $9)",
        order,
        position,
        line.sku,
        line.title,
        line.unit_price,
        line.discount,
        line.requires_shipping,
        line.quantity,
        cancelled
    )
    .execute(connection)
    .await?;
    Ok(())
}
