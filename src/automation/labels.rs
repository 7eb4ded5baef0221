//! Job `label`: the label of a parcel that was packed is printed.
//!
//! A print cannot be part of a transaction: it is made first, then noted by an act whose id follows
//! from the job's, then the job is completed. Whoever is killed in between prints again; it is noted
//! once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::LIMIT;
use crate::actions::labels::Printing;
use crate::actions::{self, ActError, Terms};
use crate::domain::act::{Act, Args};
use crate::domain::record::{Kind, RecordId};
use crate::domain::shipments::ShipmentState;
use crate::domain::verbs;
use crate::store::db::Db;
use crate::store::jobs::Job;
use crate::store::shipments;

/// The upper half of the ids of acts that note labels; the lower is the job's.
const ACTS: u64 = 0x6c61_6265_6c73_7000;

/// What labels are printed with.
#[derive(Debug, Clone)]
pub struct Press {
    /// The printer, and what stands on every label.
    pub printing: Printing,
    /// What the settings say to acts.
    pub terms: Terms,
}

pub(super) async fn handle(
    db: &Db,
    press: &Press,
    job: &Job,
    now: DateTime<Utc>,
) -> Result<(), ActError> {
    let id = job.subject_id;
    let parcel = db
        .call(LIMIT, move |connection| {
            Box::pin(shipments::summary(connection, id))
        })
        .await?;
    let waits = |state| matches!(state, ShipmentState::Draft | ShipmentState::Labelled);
    if !parcel.is_some_and(|parcel| waits(parcel.state)) {
        return Ok(());
    }
    let print = Act {
        id: Uuid::from_u64_pair(ACTS, job.id.unsigned_abs()),
        verb: verbs::find(Kind::Shipment, "print")
            .ok_or_else(|| ActError::NotFound("the verb “print”".to_owned()))?,
        record: RecordId::new(Kind::Shipment, id),
        expected_version: None,
        args: Args::new(),
        undoes: None,
    };
    let noted = actions::act_and_print(db, print, &press.printing, "worker", press.terms, now);
    Box::pin(noted).await?;
    Ok(())
}
