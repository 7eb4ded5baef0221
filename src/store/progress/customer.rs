//! What a customer ordered, for letters.

use sqlx::postgres::PgConnection;

use crate::store::db::DbError;

/// What a customer ordered, for a letter.
#[derive(Debug, Clone, PartialEq)]
pub struct Ordered {
    /// What it costs, in minor units of the order's currency, as the amounts that follow.
    pub total: i64,
    /// Shipping.
    pub shipping: i64,
    /// Tax, which may be in the prices already.
    pub tax: i64,
    /// What is taken off.
    pub discount: i64,
    /// The address, as the channel gave it.
    pub address: serde_json::Value,
    /// What was not cancelled.
    pub lines: Vec<OrderedLine>,
}

/// A line of what a customer ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedLine {
    /// The SKU as the channel gave it.
    pub sku: String,
    /// The title as the channel gave it.
    pub title: String,
    /// Units that were not cancelled.
    pub units: i32,
    /// What they cost, in minor units of the order's currency.
    pub amount: i64,
}

/// Reads what a customer ordered.
pub async fn ordered(connection: &mut PgConnection, order_id: i64) -> Result<Ordered, DbError> {
    let order = sqlx::query!(
        "select total, shipping, tax, discount, shipping_address from orders where id = $1",
        order_id
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines = sqlx::query_as!(
        OrderedLine,
        r#"select sku, title, ordered - cancelled as "units!",
                  unit_price * (ordered - cancelled) as "amount!"
           from order_lines where order_id = $1 and ordered > cancelled order by position"#,
        order_id
    )
    .fetch_all(connection)
    .await?;
    Ok(Ordered {
        total: order.total,
        shipping: order.shipping,
        tax: order.tax,
        discount: order.discount,
        address: order.shipping_address,
        lines,
    })
}
