//! Shipping options, and what decides which of them takes an order.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::options::ShippingOption;

/// An option as it is for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForOrder {
    /// The option.
    pub option: ShippingOption,
    /// Why it does not take the order, for people.
    pub unfit: Option<String>,
}

/// The options with a price in an order's currency, the cheapest first.
pub async fn for_order(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<ForOrder>, DbError> {
    Ok(sqlx::query!(
        r#"select s.id, s.name, s.currency, s.price, s.free_over, s.transit_days_max,
                  option_refuses(s, o.currency, o.country, parcel.weight) as unfit
           from orders o
           join shipping_options s on s.currency = o.currency
           cross join lateral (
               select sum(p.weight_g::bigint * (l.ordered - l.cancelled))::bigint as weight
               from order_lines l join products p on p.id = l.product_id
               where l.order_id = o.id and l.requires_shipping) parcel
           where o.id = $1 order by s.price, s.name"#,
        order_id
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| ForOrder {
        option: ShippingOption {
            id: row.id,
            name: row.name,
            currency: row.currency,
            price: row.price,
            free_over: row.free_over,
            transit_days_max: row.transit_days_max,
        },
        unfit: row.unfit,
    })
    .collect())
}

/// The names of all options.
pub async fn names(connection: &mut PgConnection) -> Result<Vec<String>, DbError> {
    Ok(
        sqlx::query_scalar!("select distinct name from shipping_options order by name")
            .fetch_all(connection)
            .await?,
    )
}

/// An order, as its shipping sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// The option that it has.
    pub option_id: Option<i64>,
    /// What its customer paid for shipping, in minor units.
    pub paid: i64,
    /// What the goods cost after discounts, in minor units.
    pub goods: i64,
    /// The promise: by when it leaves.
    pub ship_by: Option<DateTime<Utc>>,
}

/// What of an order decides its shipping, if it exists.
pub async fn order(connection: &mut PgConnection, id: i64) -> Result<Option<Shipped>, DbError> {
    Ok(sqlx::query_as!(
        Shipped,
        r#"select shipping_option_id as option_id, shipping as paid,
                  greatest(subtotal - discount, 0) as "goods!", ship_by
           from orders where id = $1"#,
        id
    )
    .fetch_optional(connection)
    .await?)
}
