//! Job `backorders`: units of a product came free, and orders wait for it. Job `offers`: what suppliers
//! offer of it is new.

use sqlx::postgres::PgConnection;

use super::Terms;
use crate::actions::progress;
use crate::store::db::DbError;
use crate::store::progress as store;

/// What nothing covers is filled first; then orders whose suppliers are silent may have the rest.
pub(super) async fn handle(
    connection: &mut PgConnection,
    product_id: i64,
    terms: &Terms,
) -> Result<(), DbError> {
    progress::fill_backorders(connection, product_id).await?;
    store::enqueue_unanswered(connection, product_id, terms.now).await
}

/// Whom a supplier may serve now is looked at again.
pub(super) async fn handle_offers(
    connection: &mut PgConnection,
    product_id: i64,
    terms: &Terms,
) -> Result<(), DbError> {
    store::enqueue_uncovered(connection, product_id).await?;
    store::enqueue_unanswered(connection, product_id, terms.now).await
}
