//! Printing a parcel's label or packing slip, and noting that it was printed.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::engine::permitted;
use super::work::Terms;
use super::{ActError, act};
use crate::domain::act::{Act, Done};
use crate::domain::labels::{LABEL, SLIP};
use crate::domain::orders::Address;
use crate::domain::record::{Kind, Record};
use crate::output::printer::{PrintError, Printer};
use crate::output::{slip, zpl};
use crate::store::db::Db;
use crate::store::labels::{self as store, Printable};
use crate::store::{acts, people, shipments};

/// The limit of a call to the database.
const LIMIT: Duration = Duration::from_secs(30);

/// What the settings say of printing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printing {
    /// The program that prints, with its arguments; none where there is none.
    pub command: Vec<String>,
    /// The printer's name of the font that labels are written in.
    pub font: String,
    /// The lines of the address that parcels are sent from.
    pub from: Vec<String>,
}

impl Default for Printing {
    fn default() -> Self {
        Self {
            command: Vec::new(),
            font: zpl::DEFAULT_FONT.to_owned(),
            from: Vec::new(),
        }
    }
}

/// Prints a document for a parcel, then does the act that notes it: what the history tells has
/// happened. A repeat of an act that is stored prints nothing again.
///
/// # Errors
/// Refused where the printer does not take it, [`ActError::Unnoted`] where it took it and that could
/// not be noted, or perhaps took it. As [`act`] otherwise.
pub(super) async fn print(
    db: &Db,
    wanted: Act,
    printing: &Printing,
    source: &str,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Done, ActError> {
    let Some(printable) = check(db, &wanted, printing.from.clone()).await? else {
        return act(db, wanted, source, terms, now).await;
    };
    let to = printable.label.to.clone();
    let what = wanted.args.get("what").map_or(LABEL, String::as_str);
    let document = match what {
        SLIP => slip::slip(&printable.label),
        _ => printable
            .bought
            .unwrap_or_else(|| zpl::label(&printable.label, &printing.font)),
    };
    let printer = match wanted.args.get("file").filter(|file| !file.is_empty()) {
        Some(file) => Printer::File(PathBuf::from(file)),
        None => Printer::Command(printing.command.clone()),
    };
    printer
        .print(&document)
        .await
        .map_err(|error| match error {
            PrintError::Slow { .. } => ActError::Unnoted(error.to_string()),
            error => ActError::refused(error.to_string()),
        })?;
    let now_to = address(db, wanted.record.id).await?;
    if now_to.is_some_and(|now_to| now_to != to) {
        let why = "its address changed while it was printed: throw this one away and print again";
        return Err(ActError::Unnoted(why.to_owned()));
    }
    // Whatever else became of the parcel meanwhile, this was printed.
    let noted = Act {
        expected_version: None,
        ..wanted
    };
    act(db, noted, source, terms, now)
        .await
        .map_err(|error| ActError::Unnoted(format!("printed, but not noted: {error}")))
}

/// Whether the act may be done, before anything is printed, and what to print; `None` where the act
/// was done before, or its arguments make no sense and the act itself says so.
async fn check(db: &Db, wanted: &Act, from: Vec<String>) -> Result<Option<Printable>, ActError> {
    let wanted = wanted.clone();
    let known = |name: &str| wanted.verb.arg(name).is_some();
    let sensible = wanted.args.keys().all(|name| known(name))
        && (wanted.args.get("what"))
            .is_none_or(|what| what.is_empty() || what == LABEL || what == SLIP);
    if !sensible {
        return Ok(None);
    }
    db.transaction(LIMIT, move |connection| {
        Box::pin(async move {
            permitted(&wanted, &people::person(connection).await?)?;
            if acts::find(connection, wanted.id).await?.is_some() {
                return Ok(None);
            }
            let id = wanted.record.id;
            let (Some(parcel), Some(printable)) = (
                shipments::summary(connection, id).await?,
                store::printable(connection, id, from).await?,
            ) else {
                return Err(ActError::NotFound(format!("SHP-{id}")));
            };
            (wanted.verb.applies_to)(&Record::Shipment(parcel)).map_err(ActError::Refused)?;
            Ok(Some(printable))
        })
    })
    .await
}

/// Where a parcel goes.
async fn address(db: &Db, id: i64) -> Result<Option<Address>, ActError> {
    let printable = db
        .call(LIMIT, move |connection| {
            Box::pin(store::printable(connection, id, Vec::new()))
        })
        .await
        .map_err(|error| ActError::Unnoted(format!("printed, but not noted: {error}")))?;
    Ok(printable.map(|printable| printable.label.to))
}

/// Whether an act prints.
pub(super) fn prints(wanted: &Act) -> bool {
    wanted.verb.kind == Kind::Shipment && wanted.verb.name == "print"
}
