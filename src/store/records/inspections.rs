//! Everything about an inspection.

use sqlx::postgres::PgConnection;

use crate::domain::full::Inspection;
use crate::domain::inspections::{Check, Defect};
use crate::domain::shipments::ShipmentLine;
use crate::store::db::DbError;
use crate::store::inspections;
use crate::store::rows::word;

/// Everything about an inspection; none where there is no such thing.
pub(super) async fn full(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<Inspection>, DbError> {
    let Some(summary) = inspections::summary(connection, id).await? else {
        return Ok(None);
    };
    let waive_reason =
        sqlx::query_scalar!("select waive_reason from inspections where id = $1", id)
            .fetch_one(&mut *connection)
            .await?;
    let checks = sqlx::query!(
        r#"select name, instruction, result, checked_by, checked_at
           from inspection_checks where inspection_id = $1 order by position"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|check| {
        Ok(Check {
            name: check.name,
            instruction: check.instruction,
            result: word("inspection_checks.result", id, &check.result)?,
            checked_by: check.checked_by,
            checked_at: check.checked_at,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let defects = sqlx::query!(
        r#"select check_name, severity, description, at, who
           from defects where inspection_id = $1 order by at desc, id desc"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|defect| {
        Ok(Defect {
            check: defect.check_name,
            severity: word("defects.severity", id, &defect.severity)?,
            description: defect.description,
            at: defect.at,
            who: defect.who,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let lines = sqlx::query_as!(
        ShipmentLine,
        r#"select l.sku, l.title, l.ordered - l.shipped - l.cancelled as "quantity!"
           from inspections i join order_lines l on l.order_id = i.order_id
           where i.id = $1 and l.ordered > l.shipped + l.cancelled and l.requires_shipping
           order by l.position"#,
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(Some(Inspection {
        summary,
        checks,
        defects,
        waive_reason,
        lines,
    }))
}
