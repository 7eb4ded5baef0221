//! What imports write: many rows a statement, and nothing where the rows are there already.
//!
//! Values travel as one JSON document a statement; `jsonb_to_recordset` makes rows of it.

pub mod catalog;
pub mod dispatches;
pub mod mail;
pub mod options;
pub mod orders;
pub mod promises;
pub mod tracking;

use sqlx::postgres::PgConnection;

use super::db::DbError;

/// Tells the history that an import writes, and from which source. Holds until the transaction
/// ends.
pub async fn begin(connection: &mut PgConnection, file: &str) -> Result<(), DbError> {
    sqlx::query!(
        "select set_config('packline.source', 'import', true) as source,
                set_config('packline.reason', $1, true) as reason",
        file
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}
