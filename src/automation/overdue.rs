//! Job `overdue`: orders whose day to leave is over are looked at again, as their customers may have
//! to be told.

use sqlx::postgres::PgConnection;

use super::Terms;
use crate::store::db::DbError;
use crate::store::progress;

pub(super) async fn handle(connection: &mut PgConnection, terms: &Terms) -> Result<(), DbError> {
    progress::enqueue_overdue(connection, terms.now).await
}
