//! Every promise of every kind, the nearest first.
//!
//! Each kind's open work has an index by its promise, so a page reads as many entries of each as it
//! has rows, merges them, and then reads the rows that are left. What is short is found as the
//! stock list finds it: from the lines that nothing covers yet.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::filter::{Named, Reading};
use super::open::due_of;
use super::{Refreshed, alias, rows};
use crate::domain::list::{Anchor, ListQuery, Page, SortKey, SortValue, Viewer};
use crate::domain::record::{Kind, RecordId};
use crate::store::db::DbError;

/// A page of the list, from an anchor.
pub(super) async fn page(
    connection: &mut PgConnection,
    query: &ListQuery,
    viewer: &Viewer,
    anchor: &Anchor,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Page, DbError> {
    let mut anchor = anchor.clone();
    loop {
        let backwards = matches!(anchor, Anchor::End | Anchor::Before(_));
        let keys = keys(connection, query, viewer, &anchor, limit, now).await?;
        let complete = (keys.len() as i64) < limit;
        let ids: Vec<RecordId> = keys.iter().map(|key| key.id).collect();
        // What has changed between the two looks, the feed will tell of; it is left out here.
        let mut rows: Vec<_> = rows(connection, query, viewer, &ids, now)
            .await?
            .into_iter()
            .filter(|found: &Refreshed| found.matches)
            .filter_map(|found| found.row)
            .collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        if query.sort.descending {
            rows.reverse();
        }
        match keys.into_iter().next_back() {
            // All of it has changed: an empty page would look like the end of the list.
            Some(key) if rows.is_empty() && !complete => {
                anchor = if backwards {
                    Anchor::Before(key)
                } else {
                    Anchor::After(key)
                };
            }
            _ => return Ok(Page { rows, complete }),
        }
    }
}

/// The places of a page's rows, in the order in which the page goes away from its anchor.
async fn keys(
    connection: &mut PgConnection,
    query: &ListQuery,
    viewer: &Viewer,
    anchor: &Anchor,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<SortKey>, DbError> {
    let backwards = matches!(anchor, Anchor::End | Anchor::Before(_));
    let descending = query.sort.descending != backwards;
    let direction = if descending { "desc" } else { "asc" };
    let named = Named::find(connection, &query.filter).await?;
    let reading = Reading {
        query,
        viewer,
        named: &named,
        now,
    };
    let mut sql = QueryBuilder::new("select due_at, kind, id from (");
    for (index, &kind) in Kind::ALL.iter().enumerate() {
        sql.push(if index == 0 { "(" } else { ") union all (" });
        let due = due_of(kind);
        let table = alias(kind);
        let source = table_of(kind);
        sql.push(format_args!(
            "select {due} as due_at, {index} as kind, {table}.id from {source} where "
        ));
        reading.push(&mut sql, kind);
        push_anchor(&mut sql, anchor, kind, descending);
        sql.push(format_args!(
            " order by {due} {direction}, {table}.id {direction} limit "
        ));
        sql.push_bind(limit);
    }
    sql.push(format_args!(
        ")) promise order by due_at {direction}, kind {direction}, id {direction} limit "
    ));
    sql.push_bind(limit);
    let found = sql.build().persistent(false).fetch_all(connection).await?;
    let mut keys = Vec::with_capacity(found.len());
    for row in &found {
        let kind: i32 = row.try_get("kind")?;
        let kind = usize::try_from(kind).ok().and_then(|at| Kind::ALL.get(at));
        if let Some(kind) = kind {
            let due: DateTime<Utc> = row.try_get("due_at")?;
            keys.push(SortKey {
                value: SortValue::Number(due.timestamp_micros()),
                id: RecordId::new(*kind, row.try_get("id")?),
            });
        }
    }
    Ok(keys)
}

const fn table_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "orders o",
        Kind::Stock => "stock_levels s",
        Kind::Shipment => "shipments p",
        Kind::Inspection => "inspections i",
        Kind::Ticket => "tickets t",
    }
}

/// Begins one kind's part where the page begins: promises of the same instant stand in the order
/// of their kinds.
fn push_anchor(sql: &mut QueryBuilder<Postgres>, anchor: &Anchor, kind: Kind, descending: bool) {
    let (key, inclusive) = match anchor {
        Anchor::Start | Anchor::End => return,
        Anchor::After(key) | Anchor::Before(key) => (key, false),
        Anchor::From(key) => (key, true),
    };
    let SortKey {
        value: SortValue::Number(micros),
        id,
    } = key
    else {
        return;
    };
    let place = DateTime::from_timestamp_micros(*micros);
    let due = due_of(kind);
    if kind == id.kind {
        let operator = match (descending, inclusive) {
            (false, false) => ">",
            (false, true) => ">=",
            (true, false) => "<",
            (true, true) => "<=",
        };
        sql.push(format_args!(
            " and ({due}, {}.id) {operator} (",
            alias(kind)
        ));
        sql.push_bind(place).push(", ").push_bind(id.id).push(")");
    } else {
        let operator = match (descending, kind > id.kind) {
            (false, true) => ">=",
            (false, false) => ">",
            (true, true) => "<",
            (true, false) => "<=",
        };
        sql.push(format_args!(" and {due} {operator} "))
            .push_bind(place);
    }
}
