//! Job `sweep`: alerts are raised and cleared.

use sqlx::postgres::PgConnection;

use super::Terms;
use crate::actions::sweep;
use crate::store::db::DbError;

pub(super) async fn handle(connection: &mut PgConnection, terms: &Terms) -> Result<(), DbError> {
    sweep::alert(connection, terms.now).await?;
    Ok(())
}
