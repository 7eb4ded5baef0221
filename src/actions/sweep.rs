//! What the worker looks for from time to time: low stock, what is stuck, and how suppliers do.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::store::db::DbError;
use crate::store::{alerts, jobs, migrations, presence};

/// Stock levels that are read at once.
const PAGE: usize = 1000;
/// Drafts, holds and so on that are ended at once; there is a next time.
const LEFTOVERS: i32 = 500;

/// Raises and clears alerts: stock that is low, what has not moved for as long as its stage allows,
/// and work that fails again and again. Answers with how many were raised or cleared.
pub async fn alert(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, DbError> {
    jobs::announce(connection, "alert", "").await?;
    let mut changed = alerts::settle_stuck(connection, now).await?;
    changed += alerts::settle_failing(connection, now).await?;
    for ids in alerts::perhaps_low(connection, now).await?.chunks(PAGE) {
        let levels = alerts::levels(connection, ids, now).await?;
        let judged: Vec<_> = levels
            .iter()
            .map(|level| (level.id, level.cover.low().filter(|_| !level.muted)))
            .collect();
        changed += alerts::settle(connection, "low_stock", "stock", &judged).await?;
    }
    Ok(changed)
}

/// Reckons the suppliers' scores, which routing reads.
pub async fn score(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, DbError> {
    alerts::reckon_scores(connection, now).await
}

/// Makes partitions ahead, drops what the change feed no longer needs, and ends what nobody comes back
/// to.
pub async fn keep_house(connection: &mut PgConnection) -> Result<(), DbError> {
    migrations::maintain(connection).await?;
    presence::end_leftovers(connection, LEFTOVERS).await
}
