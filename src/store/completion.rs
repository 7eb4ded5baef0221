//! What the database knows that could complete a word. Each list is short, and none reads more
//! than open work or a person's latest acts.

use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::filter::Field;
use crate::domain::record::Pane;

/// Values of a filter's field that begin so.
pub async fn values(
    connection: &mut PgConnection,
    pane: Pane,
    field: Field,
    typed: &str,
) -> Result<Vec<String>, DbError> {
    let begins = beginning(typed);
    let found = match field {
        Field::Who => {
            let logins: Vec<String> = sqlx::query_scalar!(
                "select login from staff where login ilike $1 or name ilike $1 order by login limit 20",
                begins
            )
            .fetch_all(connection)
            .await?;
            let typed = typed.to_lowercase();
            ["me", "nobody"]
                .into_iter()
                .filter(|word| word.starts_with(&typed))
                .map(str::to_owned)
                .chain(logins)
                .collect()
        }
        Field::Carrier => {
            sqlx::query_scalar!(
                "select name from carriers where name ilike $1 order by name limit 20",
                begins
            )
            .fetch_all(connection)
            .await?
        }
        Field::Supplier => {
            sqlx::query_scalar!(
                "select name from suppliers where name ilike $1 order by name limit 20",
                begins
            )
            .fetch_all(connection)
            .await?
        }
        Field::Location => {
            sqlx::query_scalar!(
                "select name from locations where name ilike $1 order by name limit 20",
                begins
            )
            .fetch_all(connection)
            .await?
        }
        Field::Channel if pane != Pane::Of(crate::domain::record::Kind::Ticket) => {
            sqlx::query_scalar!(
                "select name from channels where name ilike $1 order by name limit 20",
                begins
            )
            .fetch_all(connection)
            .await?
        }
        Field::Sku => {
            sqlx::query_scalar!(
                "select sku from products where lower(sku) like lower($1) order by lower(sku) using ~<~ limit 20",
                begins
            )
            .fetch_all(connection)
            .await?
        }
        Field::Tag => {
            sqlx::query_scalar!(
                r#"select distinct tag as "tag!" from (
                       select unnest(tags) as tag from orders
                       where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                       order by due_at limit 5000) latest
                   where tag ilike $1 order by 1 limit 20"#,
                begins
            )
            .fetch_all(connection)
            .await?
        }
        Field::Country => {
            sqlx::query_scalar!(
                r#"select distinct country as "country!" from (
                       select country from orders
                       where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                       order by due_at limit 5000) latest
                   where country ilike $1 order by 1 limit 20"#,
                begins
            )
            .fetch_all(connection)
            .await?
        }
        Field::Option => {
            sqlx::query_scalar!(
                r#"select distinct coalesce(s.name, shipping_method) as "option!" from (
                       select shipping_option_id, shipping_method from orders
                       where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                       order by due_at limit 5000) latest
                   left join shipping_options s on s.id = shipping_option_id
                   where coalesce(s.name, shipping_method) ilike $1 order by 1 limit 20"#,
                begins
            )
            .fetch_all(connection)
            .await?
        }
        _ => Vec::new(),
    };
    Ok(found)
}

/// What the person told this argument of this verb in the latest of their acts, the newest first:
/// reasons are said again and again.
pub async fn said(
    connection: &mut PgConnection,
    kind: &str,
    verb: &str,
    argument: &str,
    typed: &str,
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select said as "said!" from (
               select args ->> $3 as said, at from (
                   select kind, verb, args, at from act
                   where who = session_user order by at desc limit 500) latest
               where kind = $1 and verb = $2) told
           where said ilike $4 and said !~ '[\n"]'
           group by said order by max(at) desc limit 10"#,
        kind,
        verb,
        argument,
        beginning(typed),
    )
    .fetch_all(connection)
    .await?)
}

/// A pattern for what begins so, its own wildcards taken as plain characters.
fn beginning(typed: &str) -> String {
    let plain = typed
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("{plain}%")
}
