//! Shipments (parcels): their summaries, and what acts read and write of them.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::Columns;
use crate::domain::shipments::ShipmentSummary;

/// A parcel as its list shows it: a `select` that ends where conditions may follow. The parcel is
/// `p`, its order `parent`, its carrier `carrier` (none for a draft); [`from_row`] reads its rows.
pub const SELECT: &str = "
    select p.id, p.version, p.order_id, parent.number as order_number,
           parent.customer_name as customer, carrier.name as carrier, p.tracking_code, p.state,
           p.tracking_status, p.tracking_status_raw, p.handed_over_at, p.last_event_at, p.eta,
           p.delivered_at, nullif(p.due_at, '9999-12-31 00:00+00') as due_at,
           p.damaged_reason is not null as damaged, parent.country, packed.units
    from shipments p
    join orders parent on parent.id = p.order_id
    left join carriers carrier on carrier.id = p.carrier_id
    cross join lateral (
        select coalesce(sum(quantity), 0) as units
        from shipment_lines where shipment_id = p.id) packed ";

/// Reads a row of [`SELECT`].
///
/// # Errors
/// Which column of which parcel does not fit.
pub fn from_row(row: &PgRow) -> Result<ShipmentSummary, DbError> {
    let columns = Columns::of("shipment", row)?;
    Ok(ShipmentSummary {
        id: columns.id,
        version: columns.get("version")?,
        order_id: columns.get("order_id")?,
        order_number: columns.get("order_number")?,
        customer: columns.get("customer")?,
        carrier: columns.get("carrier")?,
        tracking_code: columns.get("tracking_code")?,
        state: columns.word("state")?,
        tracking_status: columns.word("tracking_status")?,
        tracking_status_raw: columns.get("tracking_status_raw")?,
        handed_over_at: columns.get("handed_over_at")?,
        last_event_at: columns.get("last_event_at")?,
        eta: columns.get("eta")?,
        delivered_at: columns.get("delivered_at")?,
        due_at: columns.get("due_at")?,
        damaged: columns.get("damaged")?,
        country: columns.get("country")?,
        units: columns.get("units")?,
    })
}

/// The parcel with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<ShipmentSummary>, DbError> {
    sqlx::query(AssertSqlSafe(format!("{SELECT} where p.id = $1")))
        .bind(id)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(from_row)
        .transpose()
}
