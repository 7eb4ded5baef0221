//! Printing a parcel's label or packing slip, and noting that it was printed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::{ActError, act};
use crate::domain::act::{Act, Args, Done};
use crate::domain::record::{Kind, RecordId};
use crate::domain::verbs;
use crate::output::printer::{PrintError, Printer};
use crate::output::{slip, zpl};
use crate::store::db::{Db, DbError};
use crate::store::labels as store;

/// The limit of a call to the database.
const LIMIT: Duration = Duration::from_secs(30);

/// What to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// The label, in ZPL, with the printer's font of this name.
    Label {
        /// Such as [`zpl::DEFAULT_FONT`].
        font: String,
    },
    /// The packing slip, as plain text.
    Slip,
}

/// Why nothing was printed, or the print was not noted.
#[derive(Debug, thiserror::Error)]
pub enum NotPrinted {
    /// There is no such parcel.
    #[error("SHP-{0} does not exist")]
    Missing(i64),
    /// The printer did not take it.
    #[error(transparent)]
    Printer(#[from] PrintError),
    /// It was printed, but that could not be noted.
    #[error("printed, but not noted: {0}")]
    NotNoted(ActError),
    /// The database could not be asked.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A print that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// The id of the act that notes it, made by the caller.
    pub act_id: Uuid,
    /// The parcel's primary key.
    pub shipment_id: i64,
    /// What to print.
    pub document: Document,
    /// The lines of the address that the parcel is sent from.
    pub from: Vec<String>,
}

/// Prints a document for a parcel, then notes it by the verb `print`: what the history tells has
/// happened.
///
/// # Errors
/// See [`NotPrinted`].
pub async fn print(
    db: &Db,
    print: Print,
    printer: &Printer,
    source: &str,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Done, NotPrinted> {
    let (id, from) = (print.shipment_id, print.from);
    let label = db
        .call(LIMIT, move |connection| {
            Box::pin(store::label(connection, id, from))
        })
        .await?
        .ok_or(NotPrinted::Missing(id))?;
    let document = match print.document {
        Document::Label { font } => zpl::label(&label, &font),
        Document::Slip => slip::slip(&label),
    };
    printer.print(&document).await?;
    let noted = Act {
        id: print.act_id,
        verb: verbs::find(Kind::Shipment, "print").ok_or(NotPrinted::Missing(id))?,
        record: RecordId::new(Kind::Shipment, id),
        expected_version: None,
        args: Args::new(),
        undoes: None,
    };
    act(db, noted, source, zone, now)
        .await
        .map_err(NotPrinted::NotNoted)
}
