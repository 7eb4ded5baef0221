//! Lists: keyset pages of open work, the rows that changed, and the tabs' counts.
//!
//! No query here grows with the size of history: open work has partial indexes in each order that
//! a pane can be sorted by, a page begins where the last one ended (one row comparison, no
//! `OFFSET`), and counts stop at [`Count::LIMIT`].

mod next;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::db::DbError;
use super::{inspections, orders, shipments, stock, tickets};
use crate::domain::filter::Test;
use crate::domain::list::{
    Anchor, Count, Counts, ListQuery, ListRow, Page, SortColumn, SortKey, SortValue, TabCount,
};
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

/// A page of a list, from an anchor. `me` is the login that `who:me` means.
pub async fn page(
    connection: &mut PgConnection,
    query: &ListQuery,
    me: &str,
    anchor: &Anchor,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Page, DbError> {
    let Pane::Of(kind) = query.pane else {
        return next::page(connection, query, me, anchor, limit, now).await;
    };
    let sort = sort_of(query, kind);
    let backwards = matches!(anchor, Anchor::End | Anchor::Before(_));
    let descending = query.sort.descending != backwards;
    let mut sql = select(kind, sort, "true");
    sql.push(" where ");
    push_filter(&mut sql, query, kind, me, now);
    let comparison = match anchor {
        Anchor::Start | Anchor::End => None,
        Anchor::After(key) | Anchor::Before(key) => Some((if descending { "<" } else { ">" }, key)),
        Anchor::From(key) => Some((if descending { "<=" } else { ">=" }, key)),
    };
    if let Some((operator, key)) = comparison {
        sql.push(format_args!(
            " and ({}, {}.id) {operator} (",
            sort.expression,
            alias(kind)
        ));
        push_value(&mut sql, sort, &key.value);
        sql.push(", ").push_bind(key.id.id).push(")");
        if sort.is_of_another_table() {
            // No index spans two tables: this finds where to begin in the other one's.
            let operator = if descending { "<=" } else { ">=" };
            sql.push(format_args!(" and {} {operator} ", sort.expression));
            push_value(&mut sql, sort, &key.value);
        }
    }
    let direction = if descending { "desc" } else { "asc" };
    sql.push(format_args!(
        " order by {} {direction}, {}.id {direction} limit ",
        sort.expression,
        alias(kind)
    ));
    sql.push_bind(limit);
    let found = sql.build().fetch_all(connection).await?;
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

/// These records as the list sees them now, in no order; one [`Refreshed`] for each id.
pub async fn rows(
    connection: &mut PgConnection,
    query: &ListQuery,
    me: &str,
    ids: &[RecordId],
    now: DateTime<Utc>,
) -> Result<Vec<Refreshed>, DbError> {
    let mut refreshed = Vec::with_capacity(ids.len());
    for &kind in Kind::ALL {
        let keys: Vec<i64> = ids
            .iter()
            .filter(|id| id.kind == kind)
            .map(|id| id.id)
            .collect();
        if !keys.is_empty() {
            rows_of(connection, query, kind, me, keys, now, &mut refreshed).await?;
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
    query: &ListQuery,
    kind: Kind,
    me: &str,
    keys: Vec<i64>,
    now: DateTime<Utc>,
    refreshed: &mut Vec<Refreshed>,
) -> Result<(), DbError> {
    let mut sql = QueryBuilder::new("");
    let (columns, source) = split(kind);
    let sort = sort_of(query, kind);
    sql.push("select ").push(sort.key_columns()).push(", (");
    push_filter(&mut sql, query, kind, me, now);
    sql.push(format_args!(
        ") as list_matches, {columns} from {source} where {}.id = any (",
        alias(kind)
    ));
    sql.push_bind(keys).push(")");
    let found = sql.build().fetch_all(connection).await?;
    for row in &found {
        let matches: Option<bool> = row.try_get("list_matches")?;
        let row = list_row(kind, row)?;
        refreshed.push(Refreshed {
            id: row.key.id,
            row: Some(row),
            matches: matches == Some(true),
        });
    }
    Ok(())
}

/// Every tab's counts.
pub async fn counts(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Counts, DbError> {
    let row = sqlx::query!(
        r#"
        with wanted as materialized (
            select line.product_id, sum(line.unallocated) as units,
                   min((select o.due_at from orders o where o.id = line.order_id)) as due_at
            from order_lines line
            where line.unallocated > 0 and line.product_id is not null
            group by line.product_id),
        short as materialized (
            select s.id, wanted.due_at from wanted join stock_levels s on s.product_id = wanted.product_id
            where wanted.units > s.on_hand - s.reserved)
        select
            (select count(*) from (select from orders
                where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                limit $2) o) as "orders!",
            (select count(*) from (select from orders
                where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                  and due_at < $1 limit $2) o) as "orders_urgent!",
            (select count(*) from (select id from short union select id from stock_levels
                where on_hand - reserved <= reorder_point
                  and (muted_until is null or muted_until <= $1)
                limit $2) s) as "stock!",
            (select count(*) from (select from short limit $2) s) as "stock_urgent!",
            (select count(*) from (select from shipments
                where state in ('draft', 'labelled', 'handed_over') limit $2) p) as "shipments!",
            (select count(*) from (select from shipments
                where state in ('draft', 'labelled', 'handed_over') and due_at < $1
                limit $2) p) as "shipments_urgent!",
            (select count(*) from (select from inspections
                where state in ('pending', 'failed') limit $2) i) as "inspections!",
            (select count(*) from (select from inspections
                where state = 'failed' limit $2) i) as "inspections_urgent!",
            (select count(*) from (select from tickets
                where state in ('new', 'open', 'pending')
                  and (snoozed_until is null or snoozed_until <= $1) limit $2) t) as "tickets!",
            (select count(*) from (select from tickets
                where state in ('new', 'open', 'pending') and due_at < $1
                  and (snoozed_until is null or snoozed_until <= $1) limit $2) t) as "tickets_urgent!",
            (select count(*) from (
                (select from orders
                 where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                   and due_at < '9999-12-31 00:00+00' limit $2)
                union all
                (select from short where due_at < '9999-12-31 00:00+00' limit $2)
                union all
                (select from shipments where state in ('draft', 'labelled', 'handed_over')
                   and due_at < '9999-12-31 00:00+00' limit $2)
                union all
                (select from inspections where state in ('pending', 'failed')
                   and due_at < '9999-12-31 00:00+00' limit $2)
                union all
                (select from tickets where state in ('new', 'open', 'pending')
                   and due_at < '9999-12-31 00:00+00'
                   and (snoozed_until is null or snoozed_until <= $1) limit $2)
                limit $2) n) as "next!",
            (select count(*) from (
                (select from orders
                 where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                   and due_at < $1 limit $2)
                union all
                (select from short where due_at < $1 limit $2)
                union all
                (select from shipments where state in ('draft', 'labelled', 'handed_over')
                   and due_at < $1 limit $2)
                union all
                (select from inspections where state in ('pending', 'failed')
                   and due_at < $1 limit $2)
                union all
                (select from tickets where state in ('new', 'open', 'pending') and due_at < $1
                   and (snoozed_until is null or snoozed_until <= $1) limit $2)
                limit $2) n) as "next_urgent!",
            (select min(id) from orders) is null and (select min(id) from products) is null as "nothing_yet!"
        "#,
        now,
        Count::LIMIT + 1,
    )
    .fetch_one(connection)
    .await?;
    let tab = |open, urgent| TabCount {
        open: Count(open),
        urgent: Count(urgent),
    };
    Ok(Counts {
        next: tab(row.next, row.next_urgent),
        orders: tab(row.orders, row.orders_urgent),
        stock: tab(row.stock, row.stock_urgent),
        shipments: tab(row.shipments, row.shipments_urgent),
        inspections: tab(row.inspections, row.inspections_urgent),
        tickets: tab(row.tickets, row.tickets_urgent),
        nothing_yet: row.nothing_yet,
    })
}

/// What a sort column is in SQL.
#[derive(Debug, Clone, Copy)]
struct SortSql {
    expression: &'static str,
    of: Of,
}

/// What the expression is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// `timestamptz`, never null.
    Instant,
    /// `bigint`, never null.
    Number,
    /// `text`, in byte order, never null.
    Text,
}

impl SortSql {
    /// Whether it is a column of the order that the kind's own table is joined to.
    fn is_of_another_table(self) -> bool {
        self.expression.starts_with("parent.")
    }

    /// The row's place, as two columns of which one is null.
    fn key_columns(self) -> String {
        let Self { expression, of } = self;
        match of {
            Of::Instant => format!(
                "(extract(epoch from {expression}) * 1000000)::bigint as key_number, null::text as key_text"
            ),
            Of::Number => format!("({expression})::bigint as key_number, null::text as key_text"),
            Of::Text => format!("null::bigint as key_number, {expression} as key_text"),
        }
    }
}

/// A place's value, as the expression's type.
fn push_value(sql: &mut QueryBuilder<Postgres>, sort: SortSql, value: &SortValue) {
    match value {
        SortValue::Number(micros) if sort.of == Of::Instant => {
            sql.push_bind(DateTime::from_timestamp_micros(*micros));
        }
        SortValue::Number(number) => {
            sql.push_bind(*number);
        }
        SortValue::Text(text) => {
            sql.push_bind(text.clone());
        }
    }
}

fn sort_of(query: &ListQuery, kind: Kind) -> SortSql {
    let (expression, of) = match (kind, query.sort.column) {
        (Kind::Stock, SortColumn::Due) => (stock::DUE, Of::Instant),
        (Kind::Order, SortColumn::Age) => ("o.placed_at", Of::Instant),
        (Kind::Order, SortColumn::Number) => (r#"o.number collate "C""#, Of::Text),
        (Kind::Order, SortColumn::Name) => (r#"o.customer_name collate "C""#, Of::Text),
        (Kind::Order, SortColumn::State) => (r#"o.stage collate "C""#, Of::Text),
        (Kind::Order, SortColumn::Amount) => ("o.total", Of::Number),
        (Kind::Order, _) => ("o.due_at", Of::Instant),
        (Kind::Stock, SortColumn::Number) => (r#"product.sku collate "C""#, Of::Text),
        (Kind::Stock, SortColumn::Name) => (r#"product.title collate "C""#, Of::Text),
        (Kind::Stock, SortColumn::Amount) => ("(s.on_hand - s.reserved)::bigint", Of::Number),
        // Days of cover after what open orders want; without demand, after everything with it.
        (Kind::Stock, _) => (
            "(case when demand.units > 0
                   then (s.on_hand - s.reserved - wanting.units) * 28 / demand.units
                   when wanting.units > s.on_hand - s.reserved then -1
                   else 1000000000 + s.on_hand - s.reserved end)::bigint",
            Of::Number,
        ),
        (Kind::Shipment, SortColumn::Age) => ("p.created_at", Of::Instant),
        (Kind::Shipment, SortColumn::Number) => ("p.id", Of::Number),
        // Open parcels are sorted: by way of all orders' names there would be more to read.
        (Kind::Shipment, SortColumn::Name) if !query.filter.wants_closed() => {
            (r#"(parent.customer_name || '') collate "C""#, Of::Text)
        }
        (Kind::Shipment, SortColumn::Name) => (r#"parent.customer_name collate "C""#, Of::Text),
        (Kind::Shipment, SortColumn::State) => (r#"p.tracking_status collate "C""#, Of::Text),
        (Kind::Shipment, _) => ("p.due_at", Of::Instant),
        (Kind::Inspection, SortColumn::Age) => ("i.created_at", Of::Instant),
        (Kind::Inspection, SortColumn::Number) => ("i.id", Of::Number),
        (Kind::Inspection, SortColumn::State) => (r#"i.state collate "C""#, Of::Text),
        (Kind::Inspection, _) => ("i.due_at", Of::Instant),
        (Kind::Ticket, SortColumn::Age) => ("t.opened_at", Of::Instant),
        (Kind::Ticket, SortColumn::Number) => ("t.id", Of::Number),
        (Kind::Ticket, SortColumn::Name) => (r#"t.customer_name collate "C""#, Of::Text),
        (Kind::Ticket, SortColumn::State) => (r#"t.state collate "C""#, Of::Text),
        (Kind::Ticket, _) => ("t.due_at", Of::Instant),
    };
    SortSql { expression, of }
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

fn select(kind: Kind, sort: SortSql, matches: &str) -> QueryBuilder<Postgres> {
    let (columns, source) = split(kind);
    QueryBuilder::new(format!(
        "select {}, {matches} as list_matches, {columns} from {source}",
        sort.key_columns()
    ))
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

/// Pushes one condition that holds for what the query shows.
fn push_filter(
    sql: &mut QueryBuilder<Postgres>,
    query: &ListQuery,
    kind: Kind,
    me: &str,
    now: DateTime<Utc>,
) {
    if query.pane == Pane::Next {
        next::push_open(sql, kind, now);
    } else if query.filter.wants_closed() {
        sql.push("true");
    } else {
        push_open(sql, kind, &query.filter, now);
    }
    for term in &query.filter.terms {
        // A test that is unknown (of a null) does not hold, so its negation does.
        sql.push(" and (");
        push_test(sql, query, kind, &term.test, me, now);
        sql.push(if term.negated { ") is not true" } else { ")" });
    }
}

/// Open work: what the pane shows without a filter. The words are those of the partial indexes.
fn push_open(
    sql: &mut QueryBuilder<Postgres>,
    kind: Kind,
    filter: &crate::domain::filter::Filter,
    now: DateTime<Utc>,
) {
    match kind {
        Kind::Order => {
            sql.push(
                "o.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')",
            );
        }
        Kind::Stock if filter.names_state("muted") => {
            sql.push("s.muted_until > ").push_bind(now);
        }
        Kind::Stock => {
            sql.push(
                "s.id in (
                    select low.id from stock_levels low
                    where low.on_hand - low.reserved <= low.reorder_point
                      and (low.muted_until is null or low.muted_until <= ",
            );
            sql.push_bind(now);
            sql.push(
                ") union
                    select short.id from (
                        select line.product_id, sum(line.unallocated) as units
                        from order_lines line
                        where line.unallocated > 0 and line.product_id is not null
                        group by line.product_id) wanted
                    join stock_levels short on short.product_id = wanted.product_id
                    where wanted.units > short.on_hand - short.reserved)",
            );
        }
        Kind::Shipment => {
            sql.push("p.state in ('draft', 'labelled', 'handed_over')");
        }
        Kind::Inspection => {
            sql.push("i.state in ('pending', 'failed')");
        }
        Kind::Ticket => {
            sql.push("t.state in ('new', 'open', 'pending')");
            if !filter.names_snoozed() {
                sql.push(" and (t.snoozed_until is null or t.snoozed_until <= ");
                sql.push_bind(now).push(")");
            }
        }
    }
}

fn push_test(
    sql: &mut QueryBuilder<Postgres>,
    query: &ListQuery,
    kind: Kind,
    test: &Test,
    me: &str,
    now: DateTime<Utc>,
) {
    let table = alias(kind);
    match test {
        Test::All => {
            sql.push("true");
        }
        Test::Snoozed => {
            sql.push("t.snoozed_until > ").push_bind(now);
        }
        Test::Kind(wanted) => {
            sql.push(if *wanted == kind { "true" } else { "false" });
        }
        Test::Late if kind == Kind::Stock && query.pane == Pane::Next => {
            sql.push(format_args!("{} < ", stock::DUE)).push_bind(now);
        }
        Test::Late if kind == Kind::Stock => {
            sql.push("wanting.units > s.on_hand - s.reserved");
        }
        Test::Late => {
            sql.push(format_args!("{table}.due_at < ")).push_bind(now);
        }
        Test::State(state) if kind == Kind::Stock => match state.as_str() {
            "short" => {
                sql.push("wanting.units > s.on_hand - s.reserved");
            }
            "low" => {
                sql.push("s.on_hand - s.reserved <= s.reorder_point");
            }
            _ => {
                sql.push("s.muted_until > ").push_bind(now);
            }
        },
        Test::State(state) => {
            let column = if kind == Kind::Order {
                "stage"
            } else {
                "state"
            };
            sql.push(format_args!("{table}.{column} = "))
                .push_bind(state.clone());
        }
        // Nobody can be given one of these to keep.
        Test::Who(who) if matches!(kind, Kind::Stock | Kind::Shipment) => {
            sql.push(if who == "nobody" { "true" } else { "false" });
        }
        Test::Who(who) if who == "nobody" => {
            sql.push(format_args!("{table}.assignee is null"));
        }
        Test::Who(who) => {
            let login = if who == "me" { me } else { who };
            sql.push(format_args!("{table}.assignee = "))
                .push_bind(login.to_owned());
        }
        Test::Carrier(name) => {
            sql.push("carrier.name ilike ").push_bind(like(name));
        }
        Test::Tag(tag) => {
            sql.push("exists (select from unnest(o.tags) tag where lower(tag) = lower(");
            sql.push_bind(tag.clone()).push("))");
        }
        Test::Word(word) if query.filter.wants_closed() => push_exact(sql, kind, word),
        Test::Word(word) => push_word(sql, kind, word),
    }
}

/// A word in open work: part of the number, a name, a SKU or a tracking code, whatever its case.
fn push_word(sql: &mut QueryBuilder<Postgres>, kind: Kind, word: &str) {
    let columns: &[&str] = match kind {
        Kind::Order => &["o.number", "o.customer_name", "o.email"],
        Kind::Stock => &["product.sku", "product.title", "supplier.name"],
        Kind::Shipment => &[
            "p.tracking_code",
            "parent.number",
            "parent.customer_name",
            "'SHP-' || p.id",
        ],
        Kind::Inspection => &[
            "parent.number",
            "parent.customer_name",
            "product.title",
            "'INS-' || i.id",
        ],
        Kind::Ticket => &[
            "t.subject",
            "t.customer_name",
            "t.email",
            "parent.number",
            "'TKT-' || t.id",
        ],
    };
    for (index, column) in columns.iter().enumerate() {
        sql.push(if index == 0 { "" } else { " or " });
        sql.push(format_args!("coalesce({column}, '') ilike "))
            .push_bind(like(word));
    }
    if kind == Kind::Order {
        // An aggregate is asked for each order; `exists` may be answered by reading all of history.
        sql.push(" or (select bool_or(l.sku ilike ");
        sql.push_bind(like(word));
        sql.push(") from order_lines l where l.order_id = o.id) or (select bool_or(p.tracking_code ilike ");
        sql.push_bind(like(word));
        sql.push(") from shipments p where p.order_id = o.id)");
    }
}

/// A word in all of history: the whole number, mail address, SKU or tracking code, each of which
/// an index finds.
fn push_exact(sql: &mut QueryBuilder<Postgres>, kind: Kind, word: &str) {
    let number = format!("#{}", word.trim_start_matches('#'));
    let id = word
        .rsplit('-')
        .next()
        .and_then(|digits| digits.parse::<i64>().ok())
        .unwrap_or(-1);
    match kind {
        Kind::Order => {
            sql.push("o.id = any (array(select id from orders where number in (")
                .push_bind(word.to_owned());
            sql.push(", ").push_bind(number);
            sql.push(") union all select order_id from shipments where tracking_code = ");
            sql.push_bind(word.to_owned());
            sql.push(" union all select n.id from customers c join orders n on n.customer_id = c.id where lower(c.email) = lower(");
            sql.push_bind(word.to_owned()).push(")))");
        }
        Kind::Stock => push_word(sql, kind, word),
        Kind::Shipment => {
            sql.push("p.id = any (array(select id from shipments where tracking_code = ");
            sql.push_bind(word.to_owned());
            sql.push(" union all select s.id from orders n join shipments s on s.order_id = n.id where n.number = ");
            sql.push_bind(number)
                .push(" union all select ")
                .push_bind(id)
                .push("::bigint))");
        }
        Kind::Inspection => {
            sql.push("i.id = any (array(select s.id from orders n join inspections s on s.order_id = n.id where n.number = ");
            sql.push_bind(number)
                .push(" union all select ")
                .push_bind(id)
                .push("::bigint))");
        }
        Kind::Ticket => {
            sql.push("t.id = any (array(select s.id from orders n join tickets s on s.order_id = n.id where n.number = ");
            sql.push_bind(number);
            sql.push(" union all select id from tickets where lower(email) = lower(");
            sql.push_bind(word.to_owned());
            sql.push(") union all select ")
                .push_bind(id)
                .push("::bigint))");
        }
    }
}

/// A pattern that finds the text anywhere, its own wildcards taken as plain characters.
fn like(text: &str) -> String {
    format!(
        "%{}%",
        text.replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_")
    )
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

    #[test]
    fn wildcards_are_plain_characters() {
        assert_eq!(like("50%_a\\b"), "%50\\%\\_a\\\\b%");
    }
}
