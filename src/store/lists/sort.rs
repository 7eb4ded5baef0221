//! The columns that lists are sorted by, in SQL.

use chrono::DateTime;
use sqlx::{Postgres, QueryBuilder};

use crate::domain::list::{ListQuery, SortColumn, SortValue};
use crate::domain::record::Kind;
use crate::store::stock;

/// What a sort column is in SQL.
#[derive(Debug, Clone, Copy)]
pub(super) struct SortSql {
    /// What is sorted by.
    pub(super) expression: &'static str,
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
    pub(super) fn is_of_another_table(self) -> bool {
        self.expression.starts_with("parent.")
    }

    /// Whether it looks at that order at all.
    pub(super) fn looks_at_parent(self) -> bool {
        self.expression.contains("parent.")
    }

    /// Whether it is made of what orders want of a stock level, and of its demand.
    pub(super) fn looks_at_cover(self) -> bool {
        self.expression.contains("wanting.")
    }

    /// The row's place, as two columns of which one is null.
    pub(super) fn key_columns(self) -> String {
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

/// Pushes a place's value, as the expression's type.
pub(super) fn push_value(sql: &mut QueryBuilder<Postgres>, sort: SortSql, value: &SortValue) {
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

/// The column that a list is sorted by.
pub(super) fn sort_of(query: &ListQuery, kind: Kind) -> SortSql {
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
