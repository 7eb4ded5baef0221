//! Job `backorders`: units of a product came free, and orders wait for it. Job `offers`: what suppliers
//! offer of it is new.

use sqlx::postgres::PgConnection;

use super::Terms;
use crate::actions::progress::{self, AT_ONCE};
use crate::store::db::DbError;
use crate::store::progress as store;

/// What nothing covers is filled first; then orders whose suppliers are silent may have what is left.
pub(super) async fn handle(
    connection: &mut PgConnection,
    product_id: i64,
    terms: &Terms,
) -> Result<(), DbError> {
    if progress::fill_backorders(connection, product_id).await? {
        store::enqueue_unanswered(connection, product_id, terms.now, AT_ONCE).await?;
    }
    Ok(())
}

/// Whom a supplier may serve now is looked at again.
pub(super) async fn handle_offers(
    connection: &mut PgConnection,
    product_id: i64,
    terms: &Terms,
) -> Result<(), DbError> {
    store::enqueue_uncovered(connection, product_id).await?;
    store::enqueue_unanswered(connection, product_id, terms.now, i64::MAX).await
}
