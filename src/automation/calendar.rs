//! Job `calendar`: the business calendar has changed, and what was promised by it is reckoned anew.

use sqlx::postgres::PgConnection;

use crate::store::db::DbError;
use crate::store::progress;

/// How many orders are looked at again with one job.
const AT_ONCE: i64 = 500;

/// Goes on from the order after `after`; 0 begins.
pub(super) async fn handle(connection: &mut PgConnection, after: i64) -> Result<(), DbError> {
    if let Some(last) = progress::enqueue_promised(connection, after, AT_ONCE).await? {
        progress::enqueue_calendar(connection, last).await?;
    }
    Ok(())
}
