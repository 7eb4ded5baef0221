//! Saved views, and the columns that each person chose.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::list::Sort;
use crate::domain::record::Kind;
use crate::domain::views::{Look, View};
use crate::domain::words::UnknownWord;

/// Views at most that are shown to one person.
const MOST: i64 = 500;

/// The person's own views and the shared ones, by kind and name; row security leaves out the rest. One
/// that cannot be read is left out and noted in the log: the others are whole.
pub async fn all(connection: &mut PgConnection) -> Result<Vec<View>, DbError> {
    let rows = sqlx::query!(
        "select id, kind, name, owner, shared, filter, sort_column, descending, columns
         from saved_views where shared or owner = session_user
         order by kind, shared, lower(name) limit $1",
        MOST
    )
    .fetch_all(connection)
    .await?;
    let views = rows.into_iter().filter_map(|row| {
        let kind = row.kind.parse();
        let column = row.sort_column.parse();
        let (Ok(kind), Ok(column)) = (kind, column) else {
            tracing::warn!(
                view = row.id,
                row.kind,
                row.sort_column,
                "a saved view that this program cannot read"
            );
            return None;
        };
        Some(View {
            id: row.id,
            look: Look {
                kind,
                filter: row.filter,
                sort: Sort {
                    column,
                    descending: row.descending,
                },
                columns: row.columns,
            },
            name: row.name,
            owner: row.owner,
            shared: row.shared,
        })
    });
    Ok(views.collect())
}

fn misfit(column: &str, which: &dyn std::fmt::Display, error: UnknownWord) -> DbError {
    DbError::Other(sqlx::Error::ColumnDecode {
        index: format!("{column} of saved view {which}"),
        source: Box::new(error),
    })
}

/// Keeps a look under a name, in place of the view that has this name already: the person's own,
/// or the shared one.
pub async fn keep(
    connection: &mut PgConnection,
    name: &str,
    shared: bool,
    look: &Look,
) -> Result<(), DbError> {
    let columns = look.columns.as_deref();
    let changed = sqlx::query!(
        "update saved_views
         set name = $1, filter = $4, sort_column = $5, descending = $6, columns = $7
         where kind = $3 and lower(name) = lower($1) and shared = $2
           and (shared or owner = session_user)",
        name,
        shared,
        look.kind.as_str(),
        look.filter,
        look.sort.column.as_str(),
        look.sort.descending,
        columns as Option<&[String]>,
    )
    .execute(&mut *connection)
    .await?;
    if changed.rows_affected() == 0 {
        sqlx::query!(
            "insert into saved_views (name, shared, kind, filter, sort_column, descending, columns)
             values ($1, $2, $3, $4, $5, $6, $7)",
            name,
            shared,
            look.kind.as_str(),
            look.filter,
            look.sort.column.as_str(),
            look.sort.descending,
            columns as Option<&[String]>,
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Throws a view away; one that is gone already, or that is another's, stays as it is. Says
/// whether it was there to be thrown away.
pub async fn throw_away(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    let done = sqlx::query!("delete from saved_views where id = $1", id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The columns that the person chose, by kind.
///
/// # Errors
/// Which row is of no kind that there is.
pub async fn columns(
    connection: &mut PgConnection,
) -> Result<BTreeMap<Kind, Vec<String>>, DbError> {
    sqlx::query!("select kind, columns from list_columns where login = session_user")
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(|row| {
            let kind = row
                .kind
                .parse()
                .map_err(|error| misfit("kind", &"of columns", error))?;
            Ok((kind, row.columns))
        })
        .collect()
}

/// Keeps the columns that the person chose for a kind; none for those that its pane shows by
/// itself.
pub async fn keep_columns(
    connection: &mut PgConnection,
    kind: Kind,
    columns: Option<&[String]>,
) -> Result<(), DbError> {
    match columns {
        Some(columns) => {
            sqlx::query!(
                "insert into list_columns (kind, columns) values ($1, $2)
             on conflict (login, kind) do update set columns = excluded.columns",
                kind.as_str(),
                columns,
            )
            .execute(connection)
            .await?
        }
        None => {
            sqlx::query!(
                "delete from list_columns where login = session_user and kind = $1",
                kind.as_str()
            )
            .execute(connection)
            .await?
        }
    };
    Ok(())
}
