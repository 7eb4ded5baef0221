//! `packline print`: labels and packing slips, to a printer or into a file.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use color_eyre::eyre::Result;

use super::act::Act;
use super::{USAGE, print};
use crate::config::Config;
use crate::domain::labels::{LABEL, SLIP};

/// Print the label or the packing slip of parcels.
///
/// The document goes to the standard input of the program that `print.command` names, which runs
/// without a shell, or into a file. Each print is noted in the parcel's history. The same as
/// `packline act print`, and exits as it does.
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
    to: Option<String>,
}

impl PrintLabel {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        if self.to.is_some() && self.parcels.len() > 1 {
            print::note("packline: --to is for one parcel");
            return Ok(ExitCode::from(USAGE));
        }
        let what = if self.slip { SLIP } else { LABEL };
        let given = [("what", Some(what.to_owned())), ("file", self.to)];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let act = Act::new("print", self.parcels, given.collect());
        act.run(config, now).await
    }
}
