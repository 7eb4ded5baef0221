//! Reading rows: a value that does not fit says which column of which row it is.

use std::str::FromStr;

use serde_json::Value;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Decode, Postgres, Row as _, Type};

use super::db::DbError;
use crate::domain::orders::Address;
use crate::domain::words::UnknownWord;

/// The columns of one row of a table, read by name.
pub(super) struct Columns<'r> {
    row: &'r PgRow,
    table: &'static str,
    /// The row's primary key, which its column `id` holds.
    pub(super) id: i64,
}

impl<'r> Columns<'r> {
    /// Reads the row's `id`.
    pub(super) fn of(table: &'static str, row: &'r PgRow) -> Result<Self, DbError> {
        let mut columns = Self { row, table, id: 0 };
        columns.id = columns.get("id")?;
        Ok(columns)
    }

    /// The value of a column.
    pub(super) fn get<T>(&self, column: &str) -> Result<T, DbError>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        self.row
            .try_get(column)
            .map_err(|error| self.misfit(column, Box::new(error)))
    }

    /// The value of a column that holds a word of a closed vocabulary.
    pub(super) fn word<T: FromStr<Err = UnknownWord>>(&self, column: &str) -> Result<T, DbError> {
        self.get::<&str>(column)?
            .parse()
            .map_err(|error| self.misfit(column, Box::new(error)))
    }

    /// As [`Columns::word`], of a column that may be null.
    pub(super) fn optional_word<T: FromStr<Err = UnknownWord>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, DbError> {
        self.get::<Option<&str>>(column)?
            .map(str::parse)
            .transpose()
            .map_err(|error| self.misfit(column, Box::new(error)))
    }

    fn misfit(&self, column: &str, source: sqlx::error::BoxDynError) -> DbError {
        misfit(&format!("{}.{column}", self.table), self.id, source)
    }
}

/// A word of a closed vocabulary, from a column such as `tickets.state` of the row with this key.
pub(super) fn word<T: FromStr<Err = UnknownWord>>(
    column: &str,
    id: i64,
    word: &str,
) -> Result<T, DbError> {
    word.parse()
        .map_err(|error: UnknownWord| misfit(column, id, Box::new(error)))
}

/// An address, from a column that has it as JSON, for the row with this key.
pub(super) fn address(column: &str, id: i64, value: Value) -> Result<Address, DbError> {
    serde_json::from_value(value).map_err(|error| misfit(column, id, Box::new(error)))
}

/// What is said of a value that does not fit.
fn misfit(column: &str, id: i64, source: sqlx::error::BoxDynError) -> DbError {
    DbError::Other(sqlx::Error::ColumnDecode {
        index: format!("{column} of {id}"),
        source,
    })
}

/// The rows of a kind's `SELECT` for which the condition on its key, `$1`, holds.
pub(super) async fn all<T>(
    connection: &mut PgConnection,
    select: &str,
    condition: &str,
    key: i64,
    from_row: fn(&PgRow) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let sql = AssertSqlSafe(format!("{select} where {condition}"));
    let rows = sqlx::query(sql).bind(key).fetch_all(connection).await?;
    rows.iter().map(from_row).collect()
}

/// As [`all`], where the condition holds for one row at most.
pub(super) async fn one<T>(
    connection: &mut PgConnection,
    select: &str,
    condition: &str,
    key: i64,
    from_row: fn(&PgRow) -> Result<T, DbError>,
) -> Result<Option<T>, DbError> {
    let rows = all(connection, select, condition, key, from_row).await?;
    Ok(rows.into_iter().next())
}

/// Demands that a write met exactly the row that it expected. Otherwise the row is not as it was
/// read, and the whole transaction is worth another try.
pub(super) fn one_row(done: &sqlx::postgres::PgQueryResult, what: &str) -> Result<(), DbError> {
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(DbError::Retry(format!("{what} is not as it was read"))),
    }
}
