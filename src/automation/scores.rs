//! Job `scores`: how suppliers did is reckoned anew, for routing.

use sqlx::postgres::PgConnection;

use super::Terms;
use crate::actions::sweep;
use crate::store::db::DbError;

pub(super) async fn handle(connection: &mut PgConnection, terms: &Terms) -> Result<(), DbError> {
    sweep::score(connection, terms.now).await?;
    Ok(())
}
