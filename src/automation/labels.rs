//! Job `label`: the label of a parcel that was packed is printed.
//!
//! A print cannot be part of a transaction, and a second label is a label too many: that it begins
//! is committed first; then it is printed, and noted by an act whose id follows from the job's; then
//! the job is completed. Whoever is killed in between leaves a job in doubt, which is a person's: they
//! see whether the label came out, and print it where it did not.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{JobError, LIMIT};
use crate::actions::labels::Printing;
use crate::actions::{self, ActError, Terms};
use crate::domain::act::{Act, Args};
use crate::domain::record::{Kind, RecordId};
use crate::domain::shipments::ShipmentState;
use crate::domain::verbs;
use crate::store::db::Db;
use crate::store::jobs::{self, Job};
use crate::store::{acts, shipments};

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
) -> Result<(), JobError> {
    let id = job.subject_id;
    let act = Uuid::from_u64_pair(ACTS, job.id.unsigned_abs());
    let (parcel, noted) = db
        .call(LIMIT, move |connection| {
            Box::pin(async move {
                let parcel = shipments::summary(connection, id).await?;
                Ok((parcel, acts::find(connection, act).await?.is_some()))
            })
        })
        .await?;
    let waits = |state| matches!(state, ShipmentState::Draft | ShipmentState::Labelled);
    if noted || !parcel.is_some_and(|parcel| waits(parcel.state)) {
        return Ok(());
    }
    if job.in_doubt {
        return Err(JobError::InDoubt);
    }
    let ours = job.clone();
    db.transaction(LIMIT, move |connection| {
        Box::pin(async move { jobs::begin(connection, &ours).await })
    })
    .await?;
    let print = Act {
        id: act,
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
