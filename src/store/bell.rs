//! Ringing the feed's doorbell for programs that do not: the web shop, `psql`.

use sqlx::postgres::PgConnection;

use super::db::{Db, DbError};
use super::feed;

/// The advisory lock of the one that rings: `packline` in ASCII, shortened.
const RINGER: i64 = 0x7061_636b_6265_6c6c;

/// Rings when something was committed that no bell told of. One program at a time does so for a
/// database; the others stand by.
pub struct Ringer {
    db: Db,
    session: PgConnection,
    snapshot: Option<String>,
}

impl Ringer {
    /// Opens a session of its own.
    pub async fn open(db: &Db) -> Result<Self, DbError> {
        Ok(Self {
            session: db.session().await?,
            db: db.clone(),
            snapshot: None,
        })
    }

    /// Rings if there are changes that the last look could not see. False where another program
    /// rings for this database: ask again after a while.
    ///
    /// # Errors
    /// The session's; open another.
    pub async fn look(&mut self) -> Result<bool, DbError> {
        let Some(before) = &self.snapshot else {
            let ours = sqlx::query_scalar!("select pg_try_advisory_lock($1) as \"ours!\"", RINGER)
                .fetch_one(&mut self.session)
                .await?;
            if ours {
                self.snapshot = Some(snapshot(&mut self.session).await?);
            }
            return Ok(ours);
        };
        let now = snapshot(&mut self.session).await?;
        if now != *before {
            let changed = sqlx::query_scalar!(
                "select exists (
                     select from change
                     where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                       and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)) as \"changed!\"",
                before
            )
            .fetch_one(&mut self.session)
            .await?;
            self.snapshot = Some(now);
            if changed {
                feed::ring(&self.db).await?;
            }
        }
        Ok(true)
    }
}

async fn snapshot(session: &mut PgConnection) -> Result<String, DbError> {
    Ok(
        sqlx::query_scalar!("select pg_current_snapshot()::text as \"snapshot!\"")
            .fetch_one(session)
            .await?,
    )
}
