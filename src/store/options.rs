//! Shipping options, and what decides which of them takes an order.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::options::{Consignment, ShippingOption};

/// The options with a price in a currency, the cheapest first.
pub async fn all(
    connection: &mut PgConnection,
    currency: &str,
) -> Result<Vec<ShippingOption>, DbError> {
    Ok(sqlx::query_as!(
        ShippingOption,
        "select id, name, currency, price, free_over, transit_days_max, countries, max_weight_g
         from shipping_options where currency = $1 order by price, name",
        currency
    )
    .fetch_all(connection)
    .await?)
}

/// An order, as its shipping sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// The option that it has.
    pub option_id: Option<i64>,
    /// What its customer paid for shipping, in minor units.
    pub paid: i64,
    /// The promise: by when it leaves.
    pub ship_by: Option<DateTime<Utc>>,
    /// What is to be shipped.
    pub consignment: Consignment,
}

/// What of an order decides its shipping, if it exists.
pub async fn order(connection: &mut PgConnection, id: i64) -> Result<Option<Shipped>, DbError> {
    Ok(sqlx::query!(
        r#"select o.shipping_option_id, o.shipping, o.ship_by, o.currency, o.country,
                  greatest(o.subtotal - o.discount, 0) as "goods!",
                  coalesce((select sum(p.weight_g::bigint * (l.ordered - l.cancelled))
                            from order_lines l join products p on p.id = l.product_id
                            where l.order_id = o.id and l.requires_shipping), 0)::bigint as "weight_g!"
           from orders o where o.id = $1"#,
        id
    )
    .fetch_optional(connection)
    .await?
    .map(|row| Shipped {
        option_id: row.shipping_option_id,
        paid: row.shipping,
        ship_by: row.ship_by,
        consignment: Consignment {
            currency: row.currency,
            goods: row.goods,
            country: row.country,
            weight_g: row.weight_g,
        },
    }))
}
