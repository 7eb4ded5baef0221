//! Importing carriers' events. An event counts once, by its key; a late one adds to a parcel's
//! history and never changes its present.

use std::collections::HashSet;
use std::io::Read;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use sqlx::postgres::PgConnection;

use super::{AHEAD, Failed, Import, Run, Summary, Verdict};
use crate::domain::incoming::TrackerEvent;
use crate::intake::easypost::TrackerEvents;
use crate::intake::{Fault, Rejection};
use crate::store::db::DbError;
use crate::store::import::tracking::{self as store, KnownParcel, Told};

/// Whose events these are.
const PROVIDER: &str = "easypost";

/// The years that the database takes.
const YEARS: RangeInclusive<i32> = 1900..=9999;

/// Imports EasyPost's `tracker.updated` events, as JSON or JSON lines. An event of later than `now`
/// and a day is rejected: nothing that comes after it would be the parcel's present.
pub async fn import(
    run: Run<'_>,
    source: impl Read + Send,
    file: &str,
    now: DateTime<Utc>,
) -> Result<Summary, Failed> {
    let events = TrackerEvents::open(source, file)
        .map(|event| event.and_then(|event| happened(event, file, now)));
    put(run, events, file).await
}

/// The event, if all that it tells of can have happened by now, and in our times.
fn happened(event: TrackerEvent, file: &str, now: DateTime<Utc>) -> Result<TrackerEvent, Fault> {
    let details = event.details.iter().map(|detail| {
        let field = "result.tracking_details.datetime";
        (field, detail.happened_at)
    });
    let past = std::iter::once(("created_at", event.created_at)).chain(details);
    let ahead = past.clone().find(|(_, at)| *at > now + AHEAD);
    let estimate = event.estimated_delivery;
    let estimate = estimate.map(|at| ("result.est_delivery_date", at));
    let odd = past
        .chain(estimate)
        .find(|(_, at)| !YEARS.contains(&at.year()));
    let (reason, (field, at)) = match (ahead, odd) {
        (Some(ahead), _) => ("expected a time that has come", ahead),
        (None, Some(odd)) => ("expected a time from 1900 to 9999", odd),
        (None, None) => return Ok(event),
    };
    Err(Rejection::new(file, event.line, field, &at.to_rfc3339(), reason).into())
}

/// As [`import`], of events that were read before.
pub(in crate::actions) async fn put(
    run: Run<'_>,
    events: impl Iterator<Item = Result<TrackerEvent, Fault>> + Send,
    file: &str,
) -> Result<Summary, Failed> {
    let importer = CarrierEvents {
        file: file.to_owned(),
    };
    super::run(run, importer, events).await
}

struct CarrierEvents {
    file: String,
}

impl Import for CarrierEvents {
    type Value = TrackerEvent;

    const BATCH: usize = 200;

    async fn write(
        &self,
        connection: &mut PgConnection,
        events: &[TrackerEvent],
    ) -> Result<Vec<Verdict>, DbError> {
        let codes: Vec<_> = events
            .iter()
            .map(|event| event.tracking_code.clone())
            .collect();
        let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
        let parcels = store::parcels(connection, &codes).await?;
        let mut known: HashSet<_> = store::known(connection, PROVIDER, &ids)
            .await?
            .into_iter()
            .collect();
        let mut fresh = Vec::new();
        let mut verdicts = Vec::with_capacity(events.len());
        for event in events {
            verdicts.push(if known.contains(&event.id) {
                Verdict::Unchanged
            } else if let Some(parcel) = parcel(event, &parcels) {
                known.insert(event.id.clone());
                fresh.push(Told {
                    event,
                    shipment_id: parcel.id,
                });
                Verdict::Created
            } else {
                Verdict::Rejected(
                    self.refused(event, "expected a tracking number of a parcel of ours"),
                )
            });
        }
        if !fresh.is_empty() {
            store::put(connection, PROVIDER, &fresh).await?;
        }
        Ok(verdicts)
    }

    fn line(&self, event: &TrackerEvent) -> u64 {
        event.line
    }

    fn file<'v>(&'v self, _: &'v TrackerEvent) -> &'v str {
        &self.file
    }

    fn refused(&self, event: &TrackerEvent, reason: &str) -> Vec<Rejection> {
        let (line, code) = (event.line, &event.tracking_code);
        vec![Rejection::new(
            &self.file,
            line,
            "result.tracking_code",
            code,
            reason,
        )]
    }
}

/// The parcel that an event is of. Carriers use their numbers again, so it is the newest that has
/// the number and left before the event; a label is told of up to a day before its parcel.
fn parcel<'p>(event: &TrackerEvent, parcels: &'p [KnownParcel]) -> Option<&'p KnownParcel> {
    let carrier = event.carrier.as_ref().map(|carrier| carrier.to_lowercase());
    let mut of_code = parcels.iter().filter(|parcel| {
        parcel.tracking_code == event.tracking_code
            && carrier
                .as_ref()
                .is_none_or(|carrier| *carrier == parcel.carrier)
    });
    let day = TimeDelta::days(1);
    let before = of_code
        .clone()
        .find(|parcel| parcel.since - day <= event.created_at);
    before.or_else(|| of_code.next_back())
}
