//! Job `backorders`: units of a product came free, and orders wait for it.

use sqlx::postgres::PgConnection;

use crate::actions::progress;
use crate::store::db::DbError;

pub(super) async fn handle(connection: &mut PgConnection, product_id: i64) -> Result<(), DbError> {
    progress::fill_backorders(connection, product_id).await
}
