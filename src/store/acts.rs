//! Acts: what a transaction says of itself, and what is stored of it.

use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::db::DbError;
use super::rows::Columns;
use crate::domain::act::{Act, Args, Done};
use crate::domain::record::{Kind, RecordId};

/// An act that was done.
#[derive(Debug, Clone)]
pub struct StoredAct {
    /// Its verb's name.
    pub verb: String,
    /// What it was told.
    pub args: Args,
    /// The record that it was done with.
    pub record: RecordId,
    /// Who did it.
    pub who: String,
    /// What it did.
    pub done: Done,
    /// The act that compensated it.
    pub undone_by: Option<Uuid>,
}

/// The act with this id, if it was done.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<StoredAct>, DbError> {
    let row = sqlx::query(
        "select a.record_id as id, a.kind, a.verb, a.args, a.who, a.result, u.id as undone_by
         from act a left join act u on u.undoes = a.id where a.id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let columns = Columns::of("act with the record", &row)?;
    Ok(Some(StoredAct {
        verb: columns.get("verb")?,
        args: columns.get::<Json<Args>>("args")?.0,
        record: RecordId::new(columns.word::<Kind>("kind")?, columns.id),
        who: columns.get("who")?,
        done: columns.get::<Json<Done>>("result")?.0,
        undone_by: columns.get("undone_by")?,
    }))
}

/// Tells the transaction what it is for; the history's triggers read it.
pub async fn announce(
    connection: &mut PgConnection,
    act: &Act,
    source: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "select set_config('packline.' || name, value, true)
         from unnest(array['act_id', 'verb', 'reason', 'source'], array[$1, $2, $3, $4]::text[])
              as setting (name, value)",
        act.id.to_string(),
        act.verb.name,
        act.args.get("reason").map_or("", String::as_str),
        source,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Tells the history the reason for what an act does from here on.
pub async fn give_reason(connection: &mut PgConnection, reason: &str) -> Result<(), DbError> {
    sqlx::query!("select set_config('packline.reason', $1, true)", reason)
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Stores an act at its end. The database checks that the person may, that something changed,
/// and that the id is new.
pub async fn finish(
    connection: &mut PgConnection,
    act: &Act,
    source: &str,
    done: &Done,
) -> Result<(), DbError> {
    sqlx::query!(
        "select finish_act($1, $2, $3, $4, $5, $6, $7, $8)",
        act.id,
        act.record.kind.as_str(),
        act.record.id,
        act.verb.name,
        Json(&act.args) as _,
        source,
        Json(done) as _,
        act.undoes,
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// The version of a record, if there is such a record.
pub async fn version(
    connection: &mut PgConnection,
    record: RecordId,
) -> Result<Option<i64>, DbError> {
    let id = record.id;
    Ok(match record.kind {
        Kind::Order => {
            sqlx::query_scalar!("select version from orders where id = $1", id)
                .fetch_optional(connection)
                .await?
        }
        Kind::Stock => {
            sqlx::query_scalar!("select version from stock_levels where id = $1", id)
                .fetch_optional(connection)
                .await?
        }
        Kind::Shipment => {
            sqlx::query_scalar!("select version from shipments where id = $1", id)
                .fetch_optional(connection)
                .await?
        }
        Kind::Inspection => {
            sqlx::query_scalar!("select version from inspections where id = $1", id)
                .fetch_optional(connection)
                .await?
        }
        Kind::Ticket => {
            sqlx::query_scalar!("select version from tickets where id = $1", id)
                .fetch_optional(connection)
                .await?
        }
    })
}

/// Something that was done to a record: an act, or another write.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// Who did it.
    pub who: String,
    /// The verb of an act.
    pub verb: Option<String>,
    /// What it came through.
    pub source: String,
    /// The reason given.
    pub reason: Option<String>,
    /// Seconds since then, by the database's clock.
    pub seconds_ago: f64,
}

/// What was done to a record after a version of it, oldest first.
///
/// History rows carry no version, but the change feed says when each version came to be; it keeps
/// at least a day, and a version that is older than that is told of from its first known successor
/// on. A transaction goes on writing after the record's version has risen: one that had begun by then
/// is what made the version, not what came after it.
pub async fn since(
    connection: &mut PgConnection,
    record: RecordId,
    version: i64,
) -> Result<Vec<Deed>, DbError> {
    let rows = sqlx::query_as!(
        Row,
        r#"with seen as (
               select coalesce(max(at) filter (where version <= $3),
                               min(at) filter (where version > $3) - interval '1 second') as at
               from change where kind = $1 and id = $2)
           select a.who, a.verb, a.source, a.reason, a.act_id,
                  extract(epoch from clock_timestamp() - a.at)::float8 as "seconds_ago!"
           from activity a, seen
           where a.kind = $1 and a.record_id = $2 and a.at > seen.at
             and not exists (select from activity before
                             where before.xid = a.xid and before.kind = $1
                               and before.record_id = $2 and before.at <= seen.at)
           order by a.at desc, a.id desc limit 200"#,
        record.kind.as_str(),
        record.id,
        version,
    )
    .fetch_all(connection)
    .await?;
    Ok(deeds(rows))
}

/// What was done to a record since an act with it began, leaving that act out, oldest first.
pub async fn since_act(
    connection: &mut PgConnection,
    record: RecordId,
    act: Uuid,
) -> Result<Vec<Deed>, DbError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select a.who, a.verb, a.source, a.reason, a.act_id,
                  extract(epoch from clock_timestamp() - a.at)::float8 as "seconds_ago!"
           from activity a
           where a.kind = $1 and a.record_id = $2 and a.act_id is distinct from $3
             and a.at >= (select min(at) from activity where act_id = $3)
           order by a.at desc, a.id desc limit 200"#,
        record.kind.as_str(),
        record.id,
        act,
    )
    .fetch_all(connection)
    .await?;
    Ok(deeds(rows))
}

/// A row of history.
struct Row {
    who: String,
    verb: Option<String>,
    source: String,
    reason: Option<String>,
    act_id: Option<Uuid>,
    seconds_ago: f64,
}

/// Rows of history, newest first, as deeds, oldest first: an act writes several rows, one for each
/// of its statements.
fn deeds(rows: Vec<Row>) -> Vec<Deed> {
    let mut deeds: Vec<(Option<Uuid>, Deed)> = Vec::new();
    for row in rows {
        let same = deeds.last().is_some_and(|(act, deed)| {
            *act == row.act_id && deed.who == row.who && deed.source == row.source
        });
        if !same {
            deeds.push((
                row.act_id,
                Deed {
                    who: row.who,
                    verb: row.verb,
                    source: row.source,
                    reason: row.reason,
                    seconds_ago: row.seconds_ago,
                },
            ));
        }
    }
    deeds.into_iter().rev().map(|(_, deed)| deed).collect()
}
