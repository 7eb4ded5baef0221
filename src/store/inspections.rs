//! Inspections: their summaries, and what acts read and write of them.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::Columns;
use crate::domain::inspections::InspectionSummary;

/// An inspection as its list shows it: a `select` that ends where conditions may follow. The
/// inspection is `i`, its order `parent` and, for a spot check, its product `product`;
/// [`from_row`] reads its rows.
pub const SELECT: &str = "
    select i.id, i.version, i.order_id, parent.number as order_number,
           coalesce(product.title, parent.customer_name) as subject, i.state, i.assignee,
           i.started_at, nullif(i.due_at, '9999-12-31 00:00+00') as due_at,
           checked.checks, checked.passed, checked.failed, found.description as defect
    from inspections i
    left join orders parent on parent.id = i.order_id
    left join stock_levels level on level.id = i.stock_level_id
    left join products product on product.id = level.product_id
    cross join lateral (
        select count(*) as checks, count(*) filter (where result = 'passed') as passed,
               count(*) filter (where result = 'failed') as failed
        from inspection_checks where inspection_id = i.id) checked
    left join lateral (
        select description from defects where inspection_id = i.id
        order by at, id limit 1) found on true ";

/// Reads a row of [`SELECT`].
///
/// # Errors
/// Which column of which inspection does not fit.
pub fn from_row(row: &PgRow) -> Result<InspectionSummary, DbError> {
    let columns = Columns::of("inspection", row)?;
    Ok(InspectionSummary {
        id: columns.id,
        version: columns.get("version")?,
        order_id: columns.get("order_id")?,
        order_number: columns.get("order_number")?,
        subject: columns.get("subject")?,
        state: columns.word("state")?,
        assignee: columns.get("assignee")?,
        started_at: columns.get("started_at")?,
        due_at: columns.get("due_at")?,
        checks: columns.get("checks")?,
        passed: columns.get("passed")?,
        failed: columns.get("failed")?,
        defect: columns.get("defect")?,
    })
}

/// The inspection with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<InspectionSummary>, DbError> {
    sqlx::query(AssertSqlSafe(format!("{SELECT} where i.id = $1")))
        .bind(id)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(from_row)
        .transpose()
}
