//! `packline jobs`: what the worker gave up, and trying it again.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::{Result, eyre};

use super::database::Database;
use super::print;
use crate::config::Config;
use crate::domain::text;
use crate::store::jobs;

/// Jobs that are listed at most.
const LISTED: i64 = 1000;
const LIMIT: Duration = Duration::from_secs(10);

/// Show the worker's jobs that were given up, or let them try again
#[derive(Debug, Args)]
pub(super) struct Jobs {
    /// Let a job try again, by its number
    #[arg(long, value_name = "NUMBER")]
    retry: Option<i64>,
    /// Let all of them try again
    #[arg(long, conflicts_with = "retry")]
    retry_all: bool,
}

impl Jobs {
    pub(super) async fn run(self, config: &Config) -> Result<ExitCode> {
        let database = Database::open(config, "jobs").await?;
        let db = &database.db;
        if self.retry_all || self.retry.is_some() {
            let which = self.retry;
            let revived = db
                .transaction(LIMIT, move |connection| {
                    Box::pin(async move { jobs::revive(connection, which).await })
                })
                .await?;
            if let (0, Some(number)) = (revived, which) {
                return Err(eyre!("no job {number} was given up"));
            }
            print::line(format_args!("{revived} jobs will be tried again"));
            return Ok(ExitCode::SUCCESS);
        }
        let (left, dead) = db
            .call(LIMIT, |connection| {
                Box::pin(async move {
                    let left = jobs::left(connection).await?;
                    Ok((left, jobs::dead(connection, LISTED).await?))
                })
            })
            .await?;
        print::line(format_args!("{} due, {} given up", left.due, left.dead));
        for job in dead {
            print::line(format_args!(
                "{}  {}  {} {} {}: {}",
                job.id,
                job.dead_at.format("%Y-%m-%d %H:%M UTC"),
                job.kind,
                job.subject_kind,
                job.subject_id,
                text::plain(&job.error)
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}
