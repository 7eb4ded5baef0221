//! Writing suppliers' answers to purchase orders. What an answer means for the order follows by
//! trigger.

use sqlx::postgres::PgConnection;

use super::super::db::DbError;
use super::super::rows::one_row;

/// A purchase order, locked after its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Primary key.
    pub id: i64,
    /// How far it has come.
    pub state: String,
    /// The supplier.
    pub supplier_id: i64,
    /// ISO 4217 code of its costs.
    pub currency: String,
    /// The part of an order that it is for; none for our own stock.
    pub fulfilment_id: Option<i64>,
    /// What it asks for.
    pub lines: Vec<AskedLine>,
}

/// A product of a purchase order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedLine {
    /// The product.
    pub product_id: i64,
    /// Its SKU.
    pub sku: String,
    /// Units.
    pub quantity: i32,
    /// Cost of one, in minor units.
    pub unit_cost: i64,
}

/// Locks a purchase order's order and then itself, if it exists.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<Option<Asked>, DbError> {
    sqlx::query!(
        "select id from orders where id = (
             select f.order_id from purchase_orders p join fulfilments f on f.id = p.fulfilment_id
             where p.id = $1) for no key update",
        id
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = sqlx::query!(
        "select id, state, supplier_id, currency, fulfilment_id from purchase_orders
         where id = $1 for no key update",
        id
    )
    .fetch_optional(&mut *connection)
    .await?
    else {
        return Ok(None);
    };
    let lines = sqlx::query_as!(
        AskedLine,
        "select l.product_id, p.sku, l.quantity, l.unit_cost
         from purchase_order_lines l join products p on p.id = l.product_id
         where l.purchase_order_id = $1 order by l.id",
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(Some(Asked {
        id: row.id,
        state: row.state,
        supplier_id: row.supplier_id,
        currency: row.currency,
        fulfilment_id: row.fulfilment_id,
        lines,
    }))
}

/// Writes the answer to a purchase order that was sent.
pub async fn answer(
    connection: &mut PgConnection,
    id: i64,
    state: &str,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update purchase_orders set state = $2, reason = $3, answered_at = clock_timestamp()
         where id = $1 and state = 'sent'",
        id,
        state,
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the purchase order")
}

/// Gives the units that a supplier keeps to it anew, accepted: a fulfilment and its purchase order
/// in the place of those that were rejected. Nothing where it was for our own stock.
pub async fn keep_part(
    connection: &mut PgConnection,
    asked: &Asked,
    kept: &[(i64, i32)],
) -> Result<(), DbError> {
    let Some(before) = asked.fulfilment_id else {
        return Ok(());
    };
    let fulfilment = sqlx::query_scalar!(
        "insert into fulfilments (order_id, location_id, reason)
         select order_id, location_id, 'the supplier accepted a part' from fulfilments where id = $1
         returning id",
        before
    )
    .fetch_one(&mut *connection)
    .await?;
    let (products, units): (Vec<i64>, Vec<i32>) = kept.iter().copied().unzip();
    // A product may be on two lines: the first line is served first.
    sqlx::query!(
        "insert into fulfilment_lines (fulfilment_id, order_line_id, quantity)
         select $1, line, least(quantity, kept - before) from (
             select fl.order_line_id as line, fl.quantity, k.units as kept,
                    (sum(fl.quantity) over (partition by k.product order by fl.id) - fl.quantity)::integer as before
             from fulfilment_lines fl
             join order_lines l on l.id = fl.order_line_id
             join unnest($3::bigint[], $4::integer[]) as k (product, units) on k.product = l.product_id
             where fl.fulfilment_id = $2) served
         where kept > before",
        fulfilment,
        before,
        &products,
        &units,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update fulfilments set state = 'requested', requested_at = clock_timestamp() where id = $1",
        fulfilment
    )
    .execute(&mut *connection)
    .await?;
    let purchase = sqlx::query_scalar!(
        "insert into purchase_orders (supplier_id, fulfilment_id, currency) values ($1, $2, $3) returning id",
        asked.supplier_id,
        fulfilment,
        asked.currency,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into purchase_order_lines (purchase_order_id, product_id, quantity, unit_cost)
         select $1, k.product, k.units, l.unit_cost
         from unnest($3::bigint[], $4::integer[]) as k (product, units)
         join purchase_order_lines l on l.purchase_order_id = $2 and l.product_id = k.product",
        purchase,
        asked.id,
        &products,
        &units,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update purchase_orders set state = 'sent', sent_at = clock_timestamp() where id = $1",
        purchase
    )
    .execute(&mut *connection)
    .await?;
    answer(connection, purchase, "accepted", None).await
}
