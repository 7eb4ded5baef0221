//! People: who is connected, and who works here.

use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::people::{Person, Role};

/// Who is connected: the login and every role that it holds.
pub async fn person(connection: &mut PgConnection) -> Result<Person, DbError> {
    let row = sqlx::query!(
        r#"select login as "login!", name as "name!", roles as "roles!" from person()"#
    )
    .fetch_one(connection)
    .await?;
    Ok(Person {
        login: row.login,
        name: row.name,
        roles: row
            .roles
            .iter()
            .filter_map(|role| role.parse().ok())
            .collect(),
    })
}

/// The roles that whoever is connected holds now; also for one that has lost them all, and may read
/// nothing else.
pub async fn roles(connection: &mut PgConnection) -> Result<Vec<Role>, DbError> {
    let roles = sqlx::query_scalar!(
        r#"select substr(rolname, 10) as "role!" from pg_catalog.pg_roles
           where rolname like 'packline\_%' and pg_has_role(session_user, oid, 'member')
           order by rolname"#
    )
    .fetch_all(connection)
    .await?;
    Ok(roles.iter().filter_map(|role| role.parse().ok()).collect())
}

/// Whether who is connected may write a column: `insert` or `update` it.
pub async fn may_write(
    connection: &mut PgConnection,
    privilege: &str,
    table: &str,
    column: &str,
) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select has_column_privilege('packline.' || $2, $3, $1) as "may!""#,
        privilege,
        table,
        column,
    )
    .fetch_one(connection)
    .await?)
}

/// Makes a login a member of the team with these roles and no others; makes the login where it
/// is not there yet, and sets its password where one is given.
pub async fn add(
    connection: &mut PgConnection,
    login: &str,
    name: &str,
    roles: &[Role],
    password: Option<&str>,
) -> Result<(), DbError> {
    let roles: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    sqlx::query!(
        "select staff_add($1, $2, $3, $4)",
        login,
        name,
        &roles,
        password
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A member of the team.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Member {
    /// The database login.
    pub login: String,
    /// The name.
    pub name: String,
    /// The roles, held directly or through another.
    pub roles: Vec<String>,
}

/// Everybody who works here, by login.
pub async fn members(connection: &mut PgConnection) -> Result<Vec<Member>, DbError> {
    Ok(sqlx::query_as!(
        Member,
        r#"select s.login, s.name,
                  coalesce((select array_agg(substr(g.rolname, 10) order by g.rolname)
                            from pg_auth_members m
                            join pg_roles g on g.oid = m.roleid
                            join pg_roles u on u.oid = m.member
                            where u.rolname = s.login and g.rolname like 'packline\_%'), '{}') as "roles!"
           from staff s order by s.login"#
    )
    .fetch_all(connection)
    .await?)
}
