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
        r#"select l.sku, l.title, inspected.units as "quantity!"
           from inspections i
           join order_lines l on l.order_id = i.order_id
           cross join lateral (
               select case
                   when i.shipment_id is not null then (
                       select sum(quantity)::integer from shipment_lines
                       where shipment_id = i.shipment_id and order_line_id = l.id)
                   when i.fulfilment_id is not null then (
                       select quantity from fulfilment_lines
                       where fulfilment_id = i.fulfilment_id and order_line_id = l.id)
                   else l.ordered - l.shipped - l.cancelled end as units) inspected
           where i.id = $1 and inspected.units > 0 and l.requires_shipping
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
