//! Writing what carriers say. The schema decides what is the present and what is history.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use crate::domain::incoming::TrackerEvent;
use crate::store::db::DbError;

/// An event and the parcel it is of.
#[derive(Serialize)]
pub struct Told<'a> {
    /// The event.
    #[serde(flatten)]
    pub event: &'a TrackerEvent,
    /// The parcel's key.
    pub shipment_id: i64,
}

/// A parcel that an event may be of.
pub struct KnownParcel {
    /// Its key.
    pub id: i64,
    /// Its tracking number.
    pub tracking_code: String,
    /// The carrier's name in small letters.
    pub carrier: String,
    /// When it left, or the day of its label.
    pub since: DateTime<Utc>,
}

/// The parcels of these tracking numbers, the newest first. Locks their orders and then them, as
/// every change of a parcel does.
pub async fn parcels(
    connection: &mut PgConnection,
    codes: &[String],
) -> Result<Vec<KnownParcel>, DbError> {
    sqlx::query!(
        "select id from orders
         where id in (select order_id from shipments where tracking_code = any ($1))
         order by id for no key update",
        codes
    )
    .fetch_all(&mut *connection)
    .await?;
    let rows = sqlx::query_as!(
        KnownParcel,
        "select s.id, s.tracking_code as \"tracking_code!\", lower(c.name) as \"carrier!\",
                coalesce(s.ship_date::timestamp at time zone 'UTC', s.created_at) as \"since!\"
         from shipments s join carriers c on c.id = s.carrier_id
         where s.tracking_code = any ($1) and s.state <> 'void'
         order by s.ship_date desc nulls last, s.id desc",
        codes
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Which of these events are there already.
pub async fn known(
    connection: &mut PgConnection,
    provider: &str,
    events: &[String],
) -> Result<Vec<String>, DbError> {
    let rows = sqlx::query_scalar!(
        "select event_id from provider_events where provider = $1 and event_id = any ($2)",
        provider,
        events
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Writes events that are not there yet.
pub async fn put(
    connection: &mut PgConnection,
    provider: &str,
    events: &[Told<'_>],
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into provider_events (provider, event_id, shipment_id)
         select $1, id, shipment_id
         from jsonb_to_recordset($2) as e (id text, shipment_id bigint)
         order by id",
        provider,
        Json(events) as _
    )
    .execute(&mut *connection)
    .await?;
    // The estimate of the latest word only: an older event must not bring an older estimate back.
    // An event may be told of long after what it tells of, so its own time is what counts.
    sqlx::query!(
        "update shipments s set eta = e.estimated_delivery, eta_at = e.created_at
         from (select distinct on (shipment_id) shipment_id, created_at, estimated_delivery
               from jsonb_to_recordset($1) as e (
                   shipment_id bigint, created_at timestamptz, estimated_delivery timestamptz)
               where estimated_delivery is not null
               order by shipment_id, created_at desc) e
         where s.id = e.shipment_id and (s.eta_at is null or s.eta_at < e.created_at)",
        Json(events) as _
    )
    .execute(&mut *connection)
    .await?;
    // An event whose history does not tell of its own status stands for itself.
    sqlx::query!(
        "insert into tracking_events (shipment_id, at, status, status_raw, message, location)
         select e.shipment_id, d.happened_at, d.status,
                case when d.status = 'unknown' then nullif(d.raw_status, '') end, d.message,
                coalesce(d.location, '')
         from jsonb_to_recordset($1) as e (
             shipment_id bigint, created_at timestamptz, status text, raw_status text, details jsonb)
         cross join lateral (
             select happened_at, status, raw_status, message, location
             from jsonb_to_recordset(e.details) as d (
                 happened_at timestamptz, status text, raw_status text, message text, location text)
             union all
             select e.created_at, e.status, e.raw_status, '', null
             where jsonb_array_length(e.details) = 0
                or e.status <> 'unknown' and not exists (
                    select from jsonb_to_recordset(e.details) as d (status text)
                    where d.status = e.status)) d
         order by e.shipment_id, d.happened_at
         on conflict (shipment_id, at, status, message) do nothing",
        Json(events) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}
