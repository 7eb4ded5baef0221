//! Job `housekeeping`: partitions are made ahead, old changes dropped, and leftovers ended.

use sqlx::postgres::PgConnection;

use crate::actions::sweep;
use crate::store::db::DbError;

pub(super) async fn handle(connection: &mut PgConnection) -> Result<(), DbError> {
    sweep::keep_house(connection).await
}
