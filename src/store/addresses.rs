//! Where orders go.

use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::rows::{address, one_row};
use crate::domain::orders::Address;

/// Where an order goes.
pub async fn current(connection: &mut PgConnection, order_id: i64) -> Result<Address, DbError> {
    let found = sqlx::query_scalar!(
        "select shipping_address from orders where id = $1",
        order_id
    )
    .fetch_one(connection)
    .await?;
    address("orders.shipping_address", order_id, found)
}

/// How often that was said: it rises with each change.
pub async fn version(connection: &mut PgConnection, order_id: i64) -> Result<i32, DbError> {
    Ok(
        sqlx::query_scalar!("select address_version from orders where id = $1", order_id)
            .fetch_one(connection)
            .await?,
    )
}

/// Sends an order elsewhere: these fields of its address change. What the channel said is kept, so
/// that it is not taken for news when the channel says it again.
pub async fn set(
    connection: &mut PgConnection,
    order_id: i64,
    fields: &Value,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set channel_address = coalesce(channel_address, shipping_address),
                shipping_address = shipping_address || $2
         where id = $1",
        order_id,
        fields,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}
