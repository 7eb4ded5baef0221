//! Finding what an argument names: colleagues, carriers, locations and suppliers.

use sqlx::postgres::PgConnection;

use super::db::DbError;

/// Where units may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Primary key of the location.
    pub location_id: i64,
    /// Its name, or its supplier's.
    pub name: String,
    /// The supplier, where it is not our own.
    pub supplier_id: Option<i64>,
}

/// A carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier {
    /// Primary key.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// The login of the colleague with this login or name.
pub async fn staff(connection: &mut PgConnection, name: &str) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select login from staff where login = $1 or lower(name) = lower($1)
         order by login <> $1, login limit 1",
        name
    )
    .fetch_optional(connection)
    .await?)
}

/// The carrier with this name, in whatever letters.
pub async fn carrier(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<Carrier>, DbError> {
    Ok(sqlx::query_as!(
        Carrier,
        "select id, name from carriers where lower(name) = lower($1)",
        name
    )
    .fetch_optional(connection)
    .await?)
}

/// The first few carriers by name, and how many there are.
pub async fn carriers(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<(Vec<String>, i64), DbError> {
    let rows = sqlx::query!(
        r#"select name, count(*) over () as "count!" from carriers order by name limit $1"#,
        limit
    )
    .fetch_all(connection)
    .await?;
    let count = rows.first().map_or(0, |row| row.count);
    Ok((rows.into_iter().map(|row| row.name).collect(), count))
}

/// The location or supplier with this name, in whatever letters.
pub async fn source(connection: &mut PgConnection, name: &str) -> Result<Option<Source>, DbError> {
    Ok(sqlx::query_as!(
        Source,
        r#"select l.id as location_id, coalesce(s.name, l.name) as "name!", l.supplier_id
           from locations l left join suppliers s on s.id = l.supplier_id
           where lower(l.name) = lower($1) or lower(s.name) = lower($1)
           order by l.name <> $1, l.id limit 1"#,
        name
    )
    .fetch_optional(connection)
    .await?)
}

/// The full name of an order, with its channel: a name that means it alone.
pub async fn order_name(connection: &mut PgConnection, id: i64) -> Result<String, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select c.name || '/' || o.number as "name!"
           from orders o join channels c on c.id = o.channel_id where o.id = $1"#,
        id
    )
    .fetch_one(connection)
    .await?)
}
