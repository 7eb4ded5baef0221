//! Everything about a parcel.

use sqlx::postgres::PgConnection;

use super::related::{inspections_where, tickets_where};
use crate::domain::full::Shipment;
use crate::domain::shipments::TrackingEvent;
use crate::store::db::DbError;
use crate::store::rows::{address, word};
use crate::store::{carrier_labels, shipments};

/// Everything about a parcel; none where there is no such thing.
pub(super) async fn full(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<Shipment>, DbError> {
    let Some(summary) = shipments::summary(connection, id).await? else {
        return Ok(None);
    };
    let head = sqlx::query!(
        r#"select place.name, o.shipping_address
           from shipments p
           join orders o on o.id = p.order_id
           join fulfilments f on f.id = p.fulfilment_id
           join locations place on place.id = f.location_id
           where p.id = $1"#,
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines = shipments::lines(connection, id).await?;
    let events = sqlx::query!(
        r#"select at, status, status_raw, message, location
           from tracking_events where shipment_id = $1 order by at desc, id desc limit 100"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|event| {
        Ok(TrackingEvent {
            at: event.at,
            status: word("tracking_events.status", id, &event.status)?,
            status_raw: event.status_raw,
            message: event.message,
            location: event.location,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let order_id = summary.order_id;
    Ok(Some(Shipment {
        location: Some(head.name),
        lines,
        events,
        inspections: inspections_where(connection, "i.order_id = $1 order by i.id", order_id)
            .await?,
        tickets: tickets_where(connection, "t.order_id = $1 order by t.id", order_id).await?,
        address: address("orders.shipping_address", order_id, head.shipping_address)?,
        carrier_label: carrier_labels::of_shipment(connection, id).await?,
        summary,
    }))
}
