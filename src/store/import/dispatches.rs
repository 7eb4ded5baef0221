//! Writing what suppliers sent: the part of the order that each did, and its parcel.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use crate::store::db::DbError;

/// An order that a dispatch file may mean.
pub struct KnownOrder {
    /// Its key.
    pub id: i64,
    /// Its number.
    pub number: String,
    /// Its channel's name.
    pub channel: String,
    /// Whether nothing of it is to be sent any more.
    pub cancelled: bool,
    /// Why it is on hold.
    pub hold_reason: Option<String>,
}

/// A line of such an order.
pub struct KnownLine {
    /// Its key.
    pub id: i64,
    /// Its order.
    pub order_id: i64,
    /// What was ordered.
    pub sku: String,
    /// Units ordered.
    pub ordered: i32,
    /// Units that neither stock, a supplier nor a parcel covers.
    pub unallocated: i32,
}

/// A part of an order that a supplier already does, with the units of one line still to be sent.
pub struct KnownPart {
    /// The fulfilment.
    pub fulfilment_id: i64,
    /// Its order.
    pub order_id: i64,
    /// Where it is done.
    pub location_id: i64,
    /// The order's line.
    pub order_line_id: i64,
    /// What is to be sent.
    pub sku: String,
    /// Units still to be sent.
    pub left: i32,
}

/// A parcel that is there already, with the units of one SKU.
pub struct KnownParcel {
    /// Its key.
    pub id: i64,
    /// Its order.
    pub order_id: i64,
    /// Its state.
    pub state: String,
    /// The carrier's name in small letters.
    pub carrier: String,
    /// Its tracking number.
    pub tracking_code: String,
    /// The day it left, or of its label.
    pub ship_date: Option<NaiveDate>,
    /// What is in it.
    pub sku: String,
    /// How many units.
    pub quantity: i64,
}

/// Who may send a product.
pub struct Sender {
    /// The supplier's name.
    pub supplier: String,
    /// The supplier's location.
    pub location_id: i64,
    /// A SKU that the supplier offers, of those asked for.
    pub sku: Option<String>,
}

/// A parcel to be written. Each of one call is of another order.
#[derive(Debug, Serialize)]
pub struct Parcel {
    /// The order.
    pub order_id: i64,
    /// The part of the order that is done with it; a new one where there is none.
    pub fulfilment_id: Option<i64>,
    /// Where it left.
    pub location_id: i64,
    /// The carrier's name.
    pub carrier: String,
    /// The tracking number.
    pub tracking_code: String,
    /// The day it left (UTC).
    pub ship_date: NaiveDate,
    /// When it left.
    pub shipped_at: DateTime<Utc>,
    /// What is in it.
    pub contents: Vec<Content>,
}

/// Units of one order line in a parcel.
#[derive(Debug, Serialize)]
pub struct Content {
    /// The order's line.
    pub order_line_id: i64,
    /// How many units.
    pub quantity: i32,
}

/// The orders of these numbers, locked in the order of their keys.
pub async fn orders(
    connection: &mut PgConnection,
    numbers: &[String],
) -> Result<Vec<KnownOrder>, DbError> {
    let rows = sqlx::query_as!(
        KnownOrder,
        "select o.id, o.number, c.name as channel, o.hold_reason,
                o.stage = 'cancelled' as \"cancelled!\"
         from orders o join channels c on c.id = o.channel_id
         where o.number = any ($1) order by o.id for no key update of o",
        numbers
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The lines of orders, by place.
pub async fn lines(
    connection: &mut PgConnection,
    orders: &[i64],
) -> Result<Vec<KnownLine>, DbError> {
    let rows = sqlx::query_as!(
        KnownLine,
        "select id, order_id, sku, ordered, unallocated as \"unallocated!\"
         from order_lines where order_id = any ($1) order by order_id, position",
        orders
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The parts of orders that suppliers do and of which something is still to be sent.
pub async fn parts(
    connection: &mut PgConnection,
    orders: &[i64],
) -> Result<Vec<KnownPart>, DbError> {
    let rows = sqlx::query_as!(
        KnownPart,
        "select f.id as fulfilment_id, f.order_id, f.location_id, fl.order_line_id, l.sku,
                fl.quantity - fl.shipped as \"left!\"
         from fulfilments f
         join locations p on p.id = f.location_id and p.supplier_id is not null
         join fulfilment_lines fl on fl.fulfilment_id = f.id and fl.shipped < fl.quantity
         join order_lines l on l.id = fl.order_line_id
         where f.order_id = any ($1)
           and f.state in ('open', 'requested', 'accepted', 'inspecting', 'ready')
         order by f.id, l.position",
        orders
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The parcels that have one of these tracking numbers.
pub async fn parcels(
    connection: &mut PgConnection,
    codes: &[String],
) -> Result<Vec<KnownParcel>, DbError> {
    let rows = sqlx::query_as!(
        KnownParcel,
        "select s.id, s.order_id, s.state, lower(c.name) as \"carrier!\",
                s.tracking_code as \"tracking_code!\", s.ship_date, l.sku,
                sum(sl.quantity) as \"quantity!\"
         from shipments s
         join carriers c on c.id = s.carrier_id
         join shipment_lines sl on sl.shipment_id = s.id
         join order_lines l on l.id = sl.order_line_id
         where s.tracking_code = any ($1)
         group by s.id, c.name, l.sku",
        codes
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The suppliers of these names, made where they are not there yet, and those that offer one of
/// these SKUs.
pub async fn senders(
    connection: &mut PgConnection,
    names: &[String],
    skus: &[String],
) -> Result<Vec<Sender>, DbError> {
    sqlx::query!(
        "insert into suppliers (name)
         select distinct n.name from unnest($1::text[]) as n (name)
         where not exists (select from suppliers s where s.name = n.name) order by n.name
         on conflict (name) do nothing",
        names
    )
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query_as!(
        Sender,
        "select s.name as \"supplier!\", l.id as \"location_id!\", null::text as sku
         from suppliers s join locations l on l.supplier_id = s.id
         where s.name = any ($1)
         union all
         select s.name, l.id, p.sku
         from products p
         join supplier_offers o on o.product_id = p.id
         join suppliers s on s.id = o.supplier_id
         join locations l on l.supplier_id = s.id
         where p.sku = any ($2)",
        names,
        skus
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Writes parcels that have left: their orders are confirmed where nobody did, the suppliers' parts
/// are ready, and the units are shipped.
pub async fn put(connection: &mut PgConnection, parcels: &[Parcel]) -> Result<(), DbError> {
    let orders: Vec<_> = parcels.iter().map(|parcel| parcel.order_id).collect();
    sqlx::query!(
        "update orders set confirmed_at = clock_timestamp()
         where id = any ($1) and confirmed_at is null",
        &orders
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into carriers (name)
         select distinct on (lower(carrier)) carrier
         from jsonb_to_recordset($1) as p (carrier text)
         where not exists (select from carriers c where lower(c.name) = lower(p.carrier))
         order by lower(carrier), carrier
         on conflict (lower(name)) do nothing",
        Json(parcels) as _
    )
    .execute(&mut *connection)
    .await?;
    let made = sqlx::query!(
        "insert into fulfilments (order_id, location_id)
         select order_id, location_id
         from jsonb_to_recordset($1) as p
             (order_id bigint, location_id bigint, fulfilment_id bigint)
         where fulfilment_id is null order by order_id
         returning id, order_id",
        Json(parcels) as _
    )
    .fetch_all(&mut *connection)
    .await?;
    let (made, of): (Vec<_>, Vec<_>) = made.into_iter().map(|row| (row.id, row.order_id)).unzip();
    sqlx::query!(
        "insert into fulfilment_lines (fulfilment_id, order_line_id, quantity)
         select f.id, c.order_line_id, c.quantity
         from jsonb_to_recordset($1) as p
             (order_id bigint, fulfilment_id bigint, contents jsonb)
         join unnest($2::bigint[], $3::bigint[]) as f (id, order_id) on f.order_id = p.order_id
         cross join jsonb_to_recordset(p.contents) as c (order_line_id bigint, quantity integer)
         where p.fulfilment_id is null
         order by f.id, c.order_line_id",
        Json(parcels) as _,
        &made,
        &of
    )
    .execute(&mut *connection)
    .await?;
    let given = parcels.iter().filter_map(|parcel| parcel.fulfilment_id);
    let all: Vec<_> = made.iter().copied().chain(given).collect();
    sqlx::query!(
        "update fulfilments set state = 'accepted'
         where id = any ($1) and state in ('open', 'requested')",
        &all
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update fulfilments set state = 'ready'
         where id = any ($1) and state in ('accepted', 'inspecting')",
        &all
    )
    .execute(&mut *connection)
    .await?;
    // Parcels are numbered as the file tells of them.
    let labels = sqlx::query!(
        "insert into shipments (order_id, fulfilment_id, carrier_id, tracking_code, ship_date)
         select p.order_id, coalesce(p.fulfilment_id, f.id), c.id, p.tracking_code, p.ship_date
         from rows from (jsonb_to_recordset($1) as (
             order_id bigint, fulfilment_id bigint, carrier text, tracking_code text, ship_date date))
             with ordinality
             as p (order_id, fulfilment_id, carrier, tracking_code, ship_date, place)
         join carriers c on lower(c.name) = lower(p.carrier)
         left join unnest($2::bigint[], $3::bigint[]) as f (id, order_id) on f.order_id = p.order_id
         order by p.place
         returning id, order_id",
        Json(parcels) as _,
        &made,
        &of
    )
    .fetch_all(&mut *connection)
    .await?;
    let (labels, of): (Vec<_>, Vec<_>) =
        labels.into_iter().map(|row| (row.id, row.order_id)).unzip();
    sqlx::query!(
        "insert into shipment_lines (shipment_id, order_line_id, quantity)
         select s.id, c.order_line_id, c.quantity
         from jsonb_to_recordset($1) as p (order_id bigint, contents jsonb)
         join unnest($2::bigint[], $3::bigint[]) as s (id, order_id) on s.order_id = p.order_id
         cross join jsonb_to_recordset(p.contents) as c (order_line_id bigint, quantity integer)
         order by s.id, c.order_line_id",
        Json(parcels) as _,
        &labels,
        &of
    )
    .execute(&mut *connection)
    .await?;
    let times: Vec<_> = of
        .iter()
        .filter_map(|order| parcels.iter().find(|parcel| parcel.order_id == *order))
        .map(|parcel| parcel.shipped_at)
        .collect();
    hand_over(connection, &labels, &times).await
}

/// Hands parcels over that are packed, each at its time and, whatever its label says, on that day
/// (UTC).
pub async fn hand_over(
    connection: &mut PgConnection,
    shipments: &[i64],
    times: &[DateTime<Utc>],
) -> Result<(), DbError> {
    sqlx::query!(
        "update shipments s set state = 'labelled', ship_date = (t.at at time zone 'UTC')::date
         from unnest($1::bigint[], $2::timestamptz[]) as t (id, at)
         where s.id = t.id and s.state = 'draft'",
        shipments,
        times
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update shipments s set state = 'handed_over', handed_over_at = t.at,
                ship_date = (t.at at time zone 'UTC')::date
         from unnest($1::bigint[], $2::timestamptz[]) as t (id, at)
         where s.id = t.id and s.state = 'labelled'",
        shipments,
        times
    )
    .execute(connection)
    .await?;
    Ok(())
}
