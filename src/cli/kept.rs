//! `packline kept`: how many promises were kept.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Args;
use color_eyre::eyre::Result;
use serde::Serialize;

use super::database::Database;
use super::print;
use crate::config::Config;
use crate::domain::text;
use crate::store::alerts;

/// Say how many parcels left by their promise, by week and by who shipped them
#[derive(Debug, Args)]
pub(super) struct Kept {
    /// So many weeks back
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(i64).range(1..=520))]
    weeks: i64,
    /// As JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// One week of one location or supplier.
#[derive(Debug, Serialize)]
struct Row {
    /// Its Monday.
    week: NaiveDate,
    source: String,
    parcels: i64,
    kept: i64,
}

impl Kept {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        let database = Database::open(config, "kept").await?;
        let since = now - TimeDelta::weeks(self.weeks);
        let rows = database
            .db
            .call(Duration::from_secs(30), move |connection| {
                Box::pin(alerts::promises_kept(connection, since, now))
            })
            .await?;
        for row in rows {
            let row = Row {
                week: row.week,
                source: row.source,
                parcels: row.parcels,
                kept: row.kept,
            };
            if self.json {
                print::line(serde_json::to_string(&row)?);
            } else {
                print::line(format_args!(
                    "{}  {:>3} %  {:>5} of {:>5} parcels  {}",
                    row.week,
                    row.kept * 100 / row.parcels.max(1),
                    row.kept,
                    row.parcels,
                    text::plain(&row.source)
                ));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
