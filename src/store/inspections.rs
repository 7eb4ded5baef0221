//! Inspections: their summaries, and what acts read and write of them.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::{self, Columns, one_row};
use crate::domain::inspections::{CheckResult, InspectionState, InspectionSummary, Severity};

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
    rows::one(connection, SELECT, "i.id = $1", id, from_row).await
}

/// Locks an inspection's order and then the inspection, if it exists.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    sqlx::query!(
        "select id from orders where id = (select order_id from inspections where id = $1) for no key update",
        id
    )
    .fetch_optional(&mut *connection)
    .await?;
    Ok(sqlx::query_scalar!(
        "select id from inspections where id = $1 for no key update",
        id
    )
    .fetch_optional(connection)
    .await?
    .is_some())
}

/// Asks for an inspection of an order, or of one fulfilment of it, with its checks in order, and
/// answers with its primary key.
pub async fn insert(
    connection: &mut PgConnection,
    order_id: i64,
    fulfilment_id: Option<i64>,
    checks: &[(String, String)],
) -> Result<i64, DbError> {
    let id = sqlx::query_scalar!(
        "insert into inspections (order_id, fulfilment_id) values ($1, $2) returning id",
        order_id,
        fulfilment_id,
    )
    .fetch_one(&mut *connection)
    .await?;
    let (names, instructions): (Vec<String>, Vec<String>) = checks.iter().cloned().unzip();
    sqlx::query!(
        "insert into inspection_checks (inspection_id, position, name, instruction)
         select $1, position, name, instruction
         from unnest($2::text[], $3::text[]) with ordinality as given (name, instruction, position)",
        id,
        &names,
        &instructions,
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// The checks that products name for themselves, by SKU; none for a product that has the standard
/// ones. Of the lines of an order that have units to ship, or of those in one fulfilment of it.
pub async fn checks_of_products(
    connection: &mut PgConnection,
    order_id: i64,
    fulfilment_id: Option<i64>,
) -> Result<Vec<(String, Option<serde_json::Value>)>, DbError> {
    let rows = sqlx::query!(
        "select l.sku, (array_agg(p.checks))[1] as checks
         from order_lines l left join products p on p.id = l.product_id
         where l.order_id = $1 and l.ordered > l.shipped + l.cancelled and l.requires_shipping
           and ($2::bigint is null or l.id in (
               select order_line_id from fulfilment_lines where fulfilment_id = $2))
         group by l.sku order by min(l.position)",
        order_id,
        fulfilment_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.sku, row.checks)).collect())
}

/// Who inspects, and since when; nobody and never to let others have it.
pub async fn set_inspector(
    connection: &mut PgConnection,
    id: i64,
    who: Option<&str>,
    since: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update inspections set assignee = $2, started_at = $3
         where id = $1 and (assignee is null) = ($2::text is not null)",
        id,
        who,
        since,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the inspection")
}

/// The result of a check by its name, in whatever letters, with the name as it is written.
pub async fn check(
    connection: &mut PgConnection,
    id: i64,
    name: &str,
) -> Result<Option<(String, CheckResult)>, DbError> {
    let row = sqlx::query!(
        "select inspection_id as id, name, result from inspection_checks
         where inspection_id = $1 and lower(name) = lower($2) order by name <> $2 limit 1",
        id,
        name,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let result = row.result.parse().map_err(|error| {
            DbError::Other(sqlx::Error::ColumnDecode {
                index: format!("result of check {} of inspection {}", row.name, row.id),
                source: Box::new(error),
            })
        })?;
        Ok((row.name, result))
    })
    .transpose()
}

/// The names of its checks, in order.
pub async fn check_names(connection: &mut PgConnection, id: i64) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select name from inspection_checks where inspection_id = $1 order by position",
        id
    )
    .fetch_all(connection)
    .await?)
}

/// Moves a check from one result to another.
pub async fn set_result(
    connection: &mut PgConnection,
    id: i64,
    check: &str,
    from: CheckResult,
    to: CheckResult,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update inspection_checks set result = $4
         where inspection_id = $1 and name = $2 and result = $3",
        id,
        check,
        from.as_str(),
        to.as_str(),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the check")
}

/// Notes what a check found.
pub async fn insert_defect(
    connection: &mut PgConnection,
    id: i64,
    check: &str,
    severity: Severity,
    description: &str,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "insert into defects (inspection_id, check_name, severity, description)
         values ($1, $2, $3, $4)",
        id,
        check,
        severity.as_str(),
        description,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the inspection")
}

/// Moves an inspection from one state to another.
pub async fn set_state(
    connection: &mut PgConnection,
    id: i64,
    from: InspectionState,
    to: InspectionState,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update inspections set state = $3 where id = $1 and state = $2",
        id,
        from.as_str(),
        to.as_str(),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the inspection")
}

/// Lets a failed inspection go.
pub async fn waive(connection: &mut PgConnection, id: i64, reason: &str) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update inspections set state = 'waived', waive_reason = $2
         where id = $1 and state = 'failed'",
        id,
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the inspection")
}

/// Opens its failed checks again, and answers with how many there were.
pub async fn reopen_failed(connection: &mut PgConnection, id: i64) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "update inspection_checks set result = 'open'
         where inspection_id = $1 and result = 'failed'",
        id
    )
    .execute(connection)
    .await?
    .rows_affected())
}
