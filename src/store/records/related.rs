//! Summaries of what belongs to a record.

use sqlx::postgres::PgConnection;

use crate::domain::inspections::InspectionSummary;
use crate::domain::shipments::ShipmentSummary;
use crate::domain::tickets::TicketSummary;
use crate::store::db::DbError;
use crate::store::{inspections, rows, shipments, tickets};

/// Parcels that belong to a record: the rest of a statement, with its key as `$1`.
pub(super) async fn shipments_where(
    connection: &mut PgConnection,
    condition: &str,
    key: i64,
) -> Result<Vec<ShipmentSummary>, DbError> {
    rows::all(
        connection,
        shipments::SELECT,
        condition,
        key,
        shipments::from_row,
    )
    .await
}

/// As [`shipments_where`], inspections.
pub(super) async fn inspections_where(
    connection: &mut PgConnection,
    condition: &str,
    key: i64,
) -> Result<Vec<InspectionSummary>, DbError> {
    rows::all(
        connection,
        inspections::SELECT,
        condition,
        key,
        inspections::from_row,
    )
    .await
}

/// As [`shipments_where`], tickets.
pub(super) async fn tickets_where(
    connection: &mut PgConnection,
    condition: &str,
    key: i64,
) -> Result<Vec<TicketSummary>, DbError> {
    rows::all(
        connection,
        tickets::SELECT,
        condition,
        key,
        tickets::from_row,
    )
    .await
}
