//! Purchase orders for our own stock, and those of an order that wait for an answer.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::db::DbError;

/// What a supplier offers for a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The supplier.
    pub supplier_id: i64,
    /// Its name.
    pub supplier: String,
    /// The product.
    pub product_id: i64,
    /// Cost of one unit, in minor units of the currency.
    pub unit_cost: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// What suppliers offer for the product of a stock level, the cheapest first.
pub async fn offers(connection: &mut PgConnection, level: i64) -> Result<Vec<Offer>, DbError> {
    Ok(sqlx::query_as!(
        Offer,
        "select o.supplier_id, p.name as supplier, o.product_id, o.unit_cost, o.currency
         from stock_levels s
         join supplier_offers o on o.product_id = s.product_id
         join suppliers p on p.id = o.supplier_id
         where s.id = $1 order by o.unit_cost, o.lead_time_days, o.supplier_id",
        level
    )
    .fetch_all(connection)
    .await?)
}

/// Drafts a purchase order for our own stock; the worker sends it. Answers with its primary key.
pub async fn insert(
    connection: &mut PgConnection,
    offer: &Offer,
    quantity: i32,
) -> Result<i64, DbError> {
    let id = sqlx::query_scalar!(
        "insert into purchase_orders (supplier_id, currency) values ($1, $2) returning id",
        offer.supplier_id,
        offer.currency,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into purchase_order_lines (purchase_order_id, product_id, quantity, unit_cost)
         values ($1, $2, $3, $4)",
        id,
        offer.product_id,
        quantity,
        offer.unit_cost,
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// Counts units that arrived at a stock level against what was ordered for our own stock, the oldest
/// purchase order first. One that has arrived whole was accepted, whether or not the supplier said so.
pub async fn receive(
    connection: &mut PgConnection,
    level: i64,
    units: i32,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let open = sqlx::query!(
        "select l.id, l.purchase_order_id, l.quantity - l.received as \"missing!\"
         from stock_levels s
         join purchase_order_lines l on l.product_id = s.product_id and l.received < l.quantity
         join purchase_orders p on p.id = l.purchase_order_id
         where s.id = $1 and p.fulfilment_id is null and p.state in ('sent', 'accepted')
         order by p.id for no key update of p, l",
        level
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut left = units;
    for line in open {
        let arrived = left.min(line.missing);
        if arrived <= 0 {
            break;
        }
        left -= arrived;
        sqlx::query!(
            "update purchase_order_lines set received = received + $2 where id = $1",
            line.id,
            arrived,
        )
        .execute(&mut *connection)
        .await?;
        for (from, to) in [("sent", "accepted"), ("accepted", "received")] {
            sqlx::query!(
                "update purchase_orders set state = $3, answered_at = coalesce(answered_at, $4)
                 where id = $1 and state = $2 and not exists (
                     select from purchase_order_lines where purchase_order_id = $1 and received < quantity)",
                line.purchase_order_id,
                from,
                to,
                at,
            )
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

/// An order's purchase orders that wait for an answer, oldest first: of one supplier's location, or of
/// all. The order is locked by the caller.
pub async fn unanswered(
    connection: &mut PgConnection,
    order_id: i64,
    location_id: Option<i64>,
) -> Result<Vec<(i64, String)>, DbError> {
    Ok(sqlx::query!(
        "select b.id, s.name
         from fulfilments f
         join purchase_orders b on b.fulfilment_id = f.id
         join suppliers s on s.id = b.supplier_id
         where f.order_id = $1 and b.state = 'sent' and ($2::bigint is null or f.location_id = $2)
         order by b.id",
        order_id,
        location_id,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| (row.id, row.name))
    .collect())
}
