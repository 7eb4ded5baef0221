//! A database with years of business in it.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

/// How much of what a database holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Volume {
    /// Products, each at one location.
    pub(crate) products: u32,
    /// Orders that are history.
    pub(crate) closed: u32,
    /// Orders that are open work.
    pub(crate) open: u32,
}

impl Volume {
    /// Fills a migrated database that is empty. Its connection must be a superuser's, for the
    /// triggers are off meanwhile.
    pub(crate) async fn fill(self, connection: &mut PgConnection) {
        let Self {
            products,
            closed,
            open,
        } = self;
        let sql = format!(
            "set search_path = packline, pg_catalog, pg_temp;
             set statement_timeout = 0;
             set volume.products = {products};
             set volume.closed = {closed};
             set volume.open = {open};
             {}",
            include_str!("volume.sql")
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(connection)
            .await
            .expect("years of business");
    }
}
