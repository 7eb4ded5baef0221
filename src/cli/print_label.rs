//! `packline print`: labels and packing slips, to a printer or into a file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use color_eyre::eyre::Result;
use uuid::Uuid;

use super::database::Database;
use super::{USAGE, print};
use crate::actions::labels::{self, Document, Print};
use crate::config::Config;
use crate::domain::record::{Kind, RecordId, RecordName};
use crate::domain::text;
use crate::output::printer::Printer;
use crate::store::names;

/// Print the label or the packing slip of parcels.
///
/// The document goes to the standard input of the program that `print.command` names, which runs
/// without a shell, or into a file. Each print is noted in the parcel's history.
#[derive(Debug, Args)]
pub(super) struct PrintLabel {
    /// Which parcels: SHP-7
    #[arg(required = true, value_name = "PARCEL")]
    parcels: Vec<String>,
    /// The packing slip, as plain text, instead of the label in ZPL
    #[arg(long)]
    slip: bool,
    /// Into this file instead of to the printer; for one parcel
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl PrintLabel {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        if self.to.is_some() && self.parcels.len() > 1 {
            print::note("packline: --to is for one parcel");
            return Ok(ExitCode::from(USAGE));
        }
        let printer = match self.to {
            Some(path) => Printer::File(path),
            None => Printer::Command(config.print_command.value.0.clone()),
        };
        let document = if self.slip {
            Document::Slip
        } else {
            Document::Label {
                font: config.print_font.value.clone(),
            }
        };
        let shop = &config.shop_name.value;
        let mut from: Vec<String> = Vec::new();
        if !shop.is_empty() {
            from.push(shop.clone());
        }
        from.extend(config.shop_address.value.0.iter().cloned());
        let database = Database::open(config, "print").await?;
        let mut status = ExitCode::SUCCESS;
        for parcel in &self.parcels {
            let Ok(name) = parcel.parse::<RecordName>();
            let found = database
                .db
                .call(Duration::from_secs(30), move |connection| {
                    Box::pin(async move { Ok(names::resolve(connection, &name).await) })
                })
                .await?;
            let shipment_id = match found {
                Ok(RecordId {
                    kind: Kind::Shipment,
                    id,
                }) => id,
                Ok(_) => {
                    print::note(format_args!("{}: not a parcel", text::plain(parcel)));
                    status = ExitCode::from(USAGE);
                    continue;
                }
                Err(error) => {
                    print::note(text::plain(&error.to_string()));
                    status = ExitCode::from(USAGE);
                    continue;
                }
            };
            let wanted = Print {
                act_id: Uuid::now_v7(),
                shipment_id,
                document: document.clone(),
                from: from.clone(),
            };
            let zone = config.shop_time_zone.value;
            match labels::print(&database.db, wanted, &printer, "act", zone, now).await {
                Ok(_) => print::line(format_args!("SHP-{shipment_id}: printed")),
                Err(error) => {
                    print::note(text::plain(&format!("SHP-{shipment_id}: {error}")));
                    status = ExitCode::FAILURE;
                }
            }
        }
        Ok(status)
    }
}
