//! `packline jobs`: what fails or was given up by the worker, what its mail waits for, and trying again.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use color_eyre::eyre::{Result, eyre};

use super::database::{Database, may_write};
use super::print;
use crate::config::Config;
use crate::domain::text;
use crate::store::{jobs, notices};

/// Jobs that are listed at most.
const LISTED: i64 = 1000;
/// Reasons why mail waits that are listed at most.
const REASONS: i64 = 10;
const LIMIT: Duration = Duration::from_secs(10);
const TIME: &str = "%Y-%m-%d %H:%M:%S UTC";

/// Show the worker's jobs that fail or were given up and the mail that waits, or let jobs try again
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
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
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
        let (left, failing, dead, put_off, limited) = db
            .call(LIMIT, move |connection| {
                Box::pin(async move {
                    let left = jobs::left(connection, true).await?;
                    let failing = jobs::failing(connection, LISTED).await?;
                    let dead = jobs::dead(connection, LISTED).await?;
                    let put_off = notices::put_off_for(connection, REASONS).await?;
                    let limited = notices::limited(connection, REASONS, now).await?;
                    Ok((left, failing, dead, put_off, limited))
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
                job.failure.next_try.format(TIME),
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
        for mails in put_off {
            let (first, last) = mails.until;
            print::line(format_args!(
                "{} mails put off until {}{}: {}",
                mails.count,
                first.format(TIME),
                if last > first {
                    format!(" to {}", last.format(TIME))
                } else {
                    String::new()
                },
                text::plain(&mails.cause)
            ));
        }
        let per_minute = config.notice_per_minute.value;
        for mails in limited {
            let done = TimeDelta::try_minutes(mails.count / i64::from(per_minute.max(1)) + 1);
            let until = done.map(|span| now + span).filter(|_| per_minute > 0);
            print::line(format_args!(
                "{} mails wait for their turn at {}{}",
                mails.count,
                text::plain(&mails.host),
                match until {
                    Some(until) => format!(
                        ", which gets {per_minute} a minute, until about {}",
                        until.format(TIME)
                    ),
                    None => String::new(),
                }
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}
