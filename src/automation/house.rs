//! Job `housekeeping`: partitions are made ahead, and old changes dropped.

use sqlx::postgres::PgConnection;

use crate::actions::sweep;
use crate::store::db::DbError;

pub(super) async fn handle(connection: &mut PgConnection) -> Result<(), DbError> {
    sweep::keep_house(connection).await
}
