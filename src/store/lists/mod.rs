//! Lists: keyset pages of open work, the rows that changed, and the tabs' counts.
//!
//! No query here grows with the size of history: open work has partial indexes in each order that
//! a pane can be sorted by, a page begins where the last one ended (one row comparison, no
//! `OFFSET`), and counts stop at
//! [`Count::LIMIT`](crate::domain::list::Count::LIMIT).

mod counts;
mod filter;
mod next;
mod open;
mod sort;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{QueryBuilder, Row as _};

pub use counts::counts;

use self::filter::{Named, Reading};
use self::sort::{SortSql, push_value, sort_of};
use super::db::DbError;
use super::{inspections, orders, shipments, stock, tickets};
use crate::domain::filter::Filter;
use crate::domain::list::{Anchor, ListQuery, ListRow, Page, SortKey, SortValue, Viewer};
use crate::domain::record::{Kind, Pane, Record, RecordId};

/// A row that changed, as a list sees it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Refreshed {
    /// The record.
    pub id: RecordId,
    /// The row; none where the record is gone.
    pub row: Option<ListRow>,
    /// Whether the list's filter lets it through.
    pub matches: bool,
}

/// A page of a list, from an anchor.
///
/// First its keys are found, in the list's order and from the kind's own table; then what its rows
/// show is read, of these alone.
pub async fn page(
    connection: &mut PgConnection,
    query: &ListQuery,
    viewer: &Viewer,
    anchor: &Anchor,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Page, DbError> {
    let Pane::Of(kind) = query.pane else {
        return next::page(connection, query, viewer, anchor, limit, now).await;
    };
    let named = Named::find(connection, &query.filter).await?;
    let sort = sort_of(query, kind);
    let backwards = matches!(anchor, Anchor::End | Anchor::Before(_));
    let descending = query.sort.descending != backwards;
    let (id, expression) = (format!("{}.id", alias(kind)), sort.expression);
    let mut sql = QueryBuilder::new(format!(
        "with picked as materialized (select {id}, {}, {expression} as place from {} where ",
        sort.key_columns(),
        keys_from(&query.filter, kind, sort),
    ));
    let reading = Reading {
        query,
        viewer,
        named: &named,
        now,
    };
    reading.push(&mut sql, kind);
    let comparison = match anchor {
        Anchor::Start | Anchor::End => None,
        Anchor::After(key) | Anchor::Before(key) => Some((if descending { "<" } else { ">" }, key)),
        Anchor::From(key) => Some((if descending { "<=" } else { ">=" }, key)),
    };
    if let Some((operator, key)) = comparison {
        sql.push(format_args!(" and ({expression}, {id}) {operator} ("));
        push_value(&mut sql, sort, &key.value);
        sql.push(", ").push_bind(key.id.id).push(")");
        if sort.is_of_another_table() {
            // No index spans two tables: this finds where to begin in the other one's.
            let operator = if descending { "<=" } else { ">=" };
            sql.push(format_args!(" and {expression} {operator} "));
            push_value(&mut sql, sort, &key.value);
        }
    }
    let direction = if descending { "desc" } else { "asc" };
    sql.push(format_args!(
        " order by {expression} {direction}, {id} {direction} limit "
    ));
    sql.push_bind(limit);
    let (columns, source) = split(kind);
    sql.push(format_args!(
        ") select picked.key_number, picked.key_text, shown.*
         from picked cross join lateral (
             select {columns} from {source} where {id} = picked.id offset 0) shown
         order by picked.place {direction}, picked.id {direction}"
    ));
    // Planned for these values: a rare tag and a common one are found in different ways.
    let found = sql.build().persistent(false).fetch_all(connection).await?;
    let complete = (found.len() as i64) < limit;
    let mut rows = found
        .iter()
        .map(|row| list_row(kind, row))
        .collect::<Result<Vec<_>, _>>()?;
    if backwards {
        rows.reverse();
    }
    Ok(Page { rows, complete })
}

/// The tables that a list's keys come from: the kind's own, and what else the sort or the filter asks
/// for: a parcel's order, or what a level's cover is made of.
fn keys_from(filter: &Filter, kind: Kind, sort: SortSql) -> &'static str {
    match kind {
        Kind::Order => "orders o",
        Kind::Stock if sort.looks_at_cover() || filter::looks_at_cover(filter) => stock::COVERED,
        Kind::Stock => "stock_levels s join products product on product.id = s.product_id",
        Kind::Shipment if sort.looks_at_parent() || filter::looks_at_parent(filter) => {
            "shipments p join orders parent on parent.id = p.order_id"
        }
        Kind::Shipment => "shipments p",
        Kind::Inspection => "inspections i",
        Kind::Ticket => "tickets t",
    }
}

/// These records as the list sees them now, in no order; one [`Refreshed`] for each.
pub async fn rows(
    connection: &mut PgConnection,
    query: &ListQuery,
    viewer: &Viewer,
    ids: &[RecordId],
    now: DateTime<Utc>,
) -> Result<Vec<Refreshed>, DbError> {
    let named = Named::find(connection, &query.filter).await?;
    let reading = Reading {
        query,
        viewer,
        named: &named,
        now,
    };
    let mut refreshed = Vec::with_capacity(ids.len());
    for &kind in Kind::ALL {
        let keys: Vec<i64> = ids
            .iter()
            .filter(|id| id.kind == kind)
            .map(|id| id.id)
            .collect();
        // A record of another kind is in no pane of one.
        let listed = query.pane.kind().is_none_or(|own| own == kind);
        if listed && !keys.is_empty() {
            refreshed.extend(rows_of(connection, kind, reading, keys).await?);
        }
    }
    for id in ids {
        if !refreshed.iter().any(|row| row.id == *id) {
            refreshed.push(Refreshed {
                id: *id,
                row: None,
                matches: false,
            });
        }
    }
    Ok(refreshed)
}

/// The records of one kind with these primary keys, as the list sees them.
async fn rows_of(
    connection: &mut PgConnection,
    kind: Kind,
    reading: Reading<'_>,
    keys: Vec<i64>,
) -> Result<Vec<Refreshed>, DbError> {
    let mut sql = QueryBuilder::new("");
    let (columns, source) = split(kind);
    let sort = sort_of(reading.query, kind);
    sql.push("select ").push(sort.key_columns()).push(", (");
    reading.push(&mut sql, kind);
    sql.push(format_args!(
        ") as list_matches, {columns} from {source} where {}.id = any (",
        alias(kind)
    ));
    sql.push_bind(keys).push(")");
    let found = sql.build().persistent(false).fetch_all(connection).await?;
    found
        .iter()
        .map(|row| {
            let matches: Option<bool> = row.try_get("list_matches")?;
            let row = list_row(kind, row)?;
            Ok(Refreshed {
                id: row.key.id,
                row: Some(row),
                matches: matches == Some(true),
            })
        })
        .collect()
}

/// The table's alias in the kind's `SELECT`.
const fn alias(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "o",
        Kind::Stock => "s",
        Kind::Shipment => "p",
        Kind::Inspection => "i",
        Kind::Ticket => "t",
    }
}

/// The kind's `SELECT`, parted into its columns and what follows `from`.
fn split(kind: Kind) -> (&'static str, &'static str) {
    let select = match kind {
        Kind::Order => orders::SELECT,
        Kind::Stock => stock::SELECT,
        Kind::Shipment => shipments::SELECT,
        Kind::Inspection => inspections::SELECT,
        Kind::Ticket => tickets::SELECT,
    };
    select
        .trim_start()
        .strip_prefix("select ")
        .and_then(|rest| rest.split_once("\n    from "))
        .unwrap_or(("", select))
}

fn list_row(kind: Kind, row: &PgRow) -> Result<ListRow, DbError> {
    let record = match kind {
        Kind::Order => Record::Order(orders::from_row(row)?),
        Kind::Stock => Record::Stock(stock::from_row(row)?),
        Kind::Shipment => Record::Shipment(shipments::from_row(row)?),
        Kind::Inspection => Record::Inspection(inspections::from_row(row)?),
        Kind::Ticket => Record::Ticket(tickets::from_row(row)?),
    };
    let value = match row.try_get::<Option<i64>, _>("key_number")? {
        Some(number) => SortValue::Number(number),
        None => SortValue::Text(row.try_get("key_text")?),
    };
    let id = record.id();
    Ok(ListRow {
        record,
        key: SortKey { value, id },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kinds_select_can_be_parted() {
        for kind in Kind::ALL {
            let (columns, source) = split(*kind);
            assert!(
                columns.starts_with(&format!("{}.id,", alias(*kind))),
                "{kind}: {columns}"
            );
            assert!(
                source.contains(&format!(" {}", alias(*kind))),
                "{kind}: {source}"
            );
        }
    }
}
