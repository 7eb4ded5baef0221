//! Drafts: what somebody has written and not yet sent. Each sees only their own.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::db::DbError;
use super::rows::Columns;
use crate::domain::act::{self, Args};
use crate::domain::record::{Kind, RecordId};

/// What somebody has written for an act and not yet sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The record that the act is for.
    pub record: RecordId,
    /// That record's number.
    pub number: String,
    /// The verb's name.
    pub verb: String,
    /// What has been written of its arguments.
    pub args: Args,
    /// When it was last written at.
    pub at: DateTime<Utc>,
}

/// What tells this database from every other, also from one of the same name that was there
/// before it: what is left on somebody's machine must not come into another.
pub async fn database(connection: &mut PgConnection) -> Result<String, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select (select system_identifier from pg_control_system()) || '/' || oid as "identity!"
           from pg_database where datname = current_database()"#
    )
    .fetch_one(connection)
    .await?)
}

/// One's own drafts, the oldest first.
pub async fn own(connection: &mut PgConnection) -> Result<Vec<Draft>, DbError> {
    let rows = sqlx::query(
        "select record_id as id, kind, verb, args, at,
                case kind when 'order' then (select number from orders where id = record_id)
                          when 'stock' then (select p.sku from stock_levels s
                                             join products p on p.id = s.product_id
                                             where s.id = record_id)
                          when 'shipment' then 'SHP-' || record_id
                          when 'inspection' then 'INS-' || record_id
                          else 'TKT-' || record_id end as number
         from drafts()",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let columns = Columns::of("draft for the record", row)?;
            Ok(Draft {
                record: RecordId::new(columns.word::<Kind>("kind")?, columns.id),
                number: columns.get::<Option<String>>("number")?.unwrap_or_default(),
                verb: columns.get("verb")?,
                args: columns.get::<Json<Args>>("args")?.0,
                at: columns.get("at")?,
            })
        })
        .collect()
}

/// What somebody has written for an act so far, if anything.
pub async fn one(
    connection: &mut PgConnection,
    (record, verb): (RecordId, &str),
) -> Result<Option<Args>, DbError> {
    let args = sqlx::query_scalar!(
        r#"select args as "args!: Json<Args>" from drafts()
           where kind = $1 and record_id = $2 and verb = $3"#,
        record.kind.as_str(),
        record.id,
        verb,
    )
    .fetch_optional(connection)
    .await?;
    Ok(args.map(|Json(args)| args))
}

/// Forgets what has been written and was sent with these arguments. Another text, written on
/// another machine meanwhile, stays.
pub async fn sent(
    connection: &mut PgConnection,
    draft: (RecordId, &str),
    args: &Args,
) -> Result<(), DbError> {
    if let Some(there) = one(connection, draft).await?
        && act::contains(args, &there)
    {
        replace(connection, draft, Some(&there), None).await?;
    }
    Ok(())
}

/// Keeps a text, or forgets it, only where the draft still is the one that was seen, if any was.
/// Says whether it was.
pub async fn replace(
    connection: &mut PgConnection,
    (record, verb): (RecordId, &str),
    seen: Option<&Args>,
    args: Option<&Args>,
) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select replace_draft($1, $2, $3, $4, $5) as "replaced!""#,
        record.kind.as_str(),
        record.id,
        verb,
        seen.map(Json) as _,
        args.map(Json) as _,
    )
    .fetch_one(connection)
    .await?)
}
