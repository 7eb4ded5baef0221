//! Job `label`: the label of a parcel that was packed is printed.
//!
//! A print cannot be part of a transaction: it is made first, then noted by an act whose id follows
//! from the job's, then the job is completed. Whoever is killed in between prints again; it is noted
//! once.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::LIMIT;
use crate::actions::labels::{self, Document, NotPrinted, Print};
use crate::domain::shipments::ShipmentState;
use crate::output::printer::Printer;
use crate::store::db::Db;
use crate::store::jobs::Job;
use crate::store::shipments;

/// The upper half of the ids of acts that note labels; the lower is the job's.
const ACTS: u64 = 0x6c61_6265_6c73_7000;

/// What labels are printed with.
#[derive(Debug, Clone)]
pub struct Press {
    /// Where they go.
    pub printer: Printer,
    /// The printer's name of the font.
    pub font: String,
    /// The lines of the address that parcels are sent from.
    pub from: Vec<String>,
    /// The shop's zone.
    pub zone: Tz,
}

pub(super) async fn handle(
    db: &Db,
    press: &Press,
    job: &Job,
    now: DateTime<Utc>,
) -> Result<(), NotPrinted> {
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
    let print = Print {
        act_id: Uuid::from_u64_pair(ACTS, job.id.unsigned_abs()),
        shipment_id: id,
        document: Document::Label {
            font: press.font.clone(),
        },
        from: press.from.clone(),
    };
    let noted = labels::print(db, print, &press.printer, "worker", press.zone, now);
    Box::pin(noted).await?;
    Ok(())
}
