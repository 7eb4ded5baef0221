//! Full views: everything about one record, its history, and what its verbs may be told.

mod choices;
mod history;
mod inspections;
mod orders;
mod related;
mod shipments;
mod stock;
mod tickets;

use sqlx::postgres::PgConnection;

use crate::domain::full::FullRecord;
use crate::domain::record::{Kind, RecordId};
use crate::store::db::DbError;

pub use choices::choices;
pub use history::history;

/// Everything about a record; none where it does not exist.
pub async fn full(
    connection: &mut PgConnection,
    record: RecordId,
) -> Result<Option<FullRecord>, DbError> {
    Ok(match record.kind {
        Kind::Order => orders::full(connection, record.id)
            .await?
            .map(|r| FullRecord::Order(Box::new(r))),
        Kind::Stock => stock::full(connection, record.id)
            .await?
            .map(|r| FullRecord::Stock(Box::new(r))),
        Kind::Shipment => shipments::full(connection, record.id)
            .await?
            .map(|r| FullRecord::Shipment(Box::new(r))),
        Kind::Inspection => inspections::full(connection, record.id)
            .await?
            .map(|r| FullRecord::Inspection(Box::new(r))),
        Kind::Ticket => tickets::full(connection, record.id)
            .await?
            .map(|r| FullRecord::Ticket(Box::new(r))),
    })
}
