//! `packline jobs`: what fails or was given up by the worker, and trying it again.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::{Result, eyre};

use super::database::{Database, may_write};
use super::print;
use crate::config::Config;
use crate::domain::text;
use crate::store::jobs;

/// Jobs that are listed at most.
const LISTED: i64 = 1000;
const LIMIT: Duration = Duration::from_secs(10);

/// Show the worker's jobs that fail or were given up, or let those try again
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
        if self.retry_all || self.retry.is_some() {
            may_write(config)?;
        }
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
        let (left, failing, dead) = db
            .call(LIMIT, |connection| {
                Box::pin(async move {
                    let left = jobs::left(connection, true).await?;
                    let failing = jobs::failing(connection, LISTED).await?;
                    Ok((left, failing, jobs::dead(connection, LISTED).await?))
                })
            })
            .await?;
        print::line(format_args!(
            "{} due, {} failing, {} given up",
            left.due,
            failing.len(),
            left.dead
        ));
        for job in failing {
            print::line(format_args!(
                "{}  next try {}, {} so far  {} {} {}: {}",
                job.id,
                job.failure.next_try.format("%Y-%m-%d %H:%M:%S UTC"),
                job.failure.attempts,
                job.kind,
                job.subject_kind,
                job.subject_id,
                text::plain(&job.failure.error)
            ));
        }
        for job in dead {
            print::line(format_args!(
                "{}  given up {}  {} {} {}: {}",
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
