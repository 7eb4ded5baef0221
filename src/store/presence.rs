//! Who is where: leases that end by themselves.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::db::DbError;
use super::rows::Columns;
use crate::domain::presence::{Attendance, Doing};
use crate::domain::record::{Kind, RecordId};

/// For so many seconds somebody is taken to be where they were last heard of.
pub const LEASE: i32 = 15;

/// Says that this console is at a record, writing or not, or at none.
pub async fn attend(
    connection: &mut PgConnection,
    console: Uuid,
    at: Option<(RecordId, bool)>,
) -> Result<(), DbError> {
    sqlx::query!(
        "select attend($1, $2, $3, $4, $5)",
        console,
        at.map(|(record, _)| record.kind.as_str()),
        at.map(|(record, _)| record.id),
        at.is_some_and(|(_, writing)| writing),
        LEASE,
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Everybody who is at a record but this console, and who holds what.
pub async fn everybody(
    connection: &mut PgConnection,
    console: Uuid,
) -> Result<Vec<Attendance>, DbError> {
    let rows = sqlx::query(
        "select record_id as id, kind, who, case when writing then 'writing' else 'looking' end as doing,
                extract(epoch from until - clock_timestamp())::float8 as seconds
         from presence where until > clock_timestamp() and console <> $1
         union all
         select record_id, kind, who, 'holding',
                extract(epoch from until - clock_timestamp())::float8
         from hold where until > clock_timestamp()
         order by who",
    )
    .bind(console)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let columns = Columns::of("presence at the record", row)?;
            Ok(Attendance {
                who: columns.get("who")?,
                record: RecordId::new(columns.word::<Kind>("kind")?, columns.id),
                doing: match columns.get::<&str>("doing")? {
                    "writing" => Doing::Writing,
                    "holding" => Doing::Holding,
                    _ => Doing::Looking,
                },
                seconds: columns.get("seconds")?,
            })
        })
        .collect()
}

/// Takes a record that has no assignee for ten minutes, if nobody has; answers whether it was free.
pub async fn hold(connection: &mut PgConnection, record: RecordId) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select take_hold($1, $2) as "free!""#,
        record.kind.as_str(),
        record.id
    )
    .fetch_one(connection)
    .await?)
}

/// Gives back what this person holds; answers whether they held it.
pub async fn let_go(connection: &mut PgConnection, record: RecordId) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "delete from hold
         where kind = $1 and record_id = $2 and who = session_user and until > clock_timestamp()",
        record.kind.as_str(),
        record.id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether nobody else is just taking this record; until the transaction ends, nobody else may.
pub async fn try_to_take(connection: &mut PgConnection, record: RecordId) -> Result<bool, DbError> {
    let name = format!("packline.take {} {}", record.kind, record.id);
    Ok(sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as "free!""#,
        name
    )
    .fetch_one(connection)
    .await?)
}

/// Ends what nobody comes back to, at most so many of each: presence and holds that are over, and
/// drafts of 90 days ago.
pub async fn end_leftovers(connection: &mut PgConnection, at_most: i32) -> Result<(), DbError> {
    sqlx::query!("select end_leftovers($1)", at_most)
        .fetch_one(connection)
        .await?;
    Ok(())
}
