//! Macros: canned answers.

use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::macros::Macro;

/// Every macro, by name.
pub async fn all(connection: &mut PgConnection) -> Result<Vec<Macro>, DbError> {
    Ok(sqlx::query_as!(
        Macro,
        r#"select name, body from macro order by name collate "C""#
    )
    .fetch_all(connection)
    .await?)
}

/// Stores a macro under its name, in place of one that has it already.
pub async fn put(connection: &mut PgConnection, new: &Macro) -> Result<(), DbError> {
    sqlx::query!(
        "insert into macro (name, body) values ($1, $2)
         on conflict (name) do update set body = excluded.body",
        new.name,
        new.body,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a macro; answers whether there was one.
pub async fn remove(connection: &mut PgConnection, name: &str) -> Result<bool, DbError> {
    let done = sqlx::query!("delete from macro where name = $1", name)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
