//! `packline worker`: orders move by themselves.

use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use color_eyre::eyre::Result;
use tokio::signal::unix::{SignalKind, signal};

use super::database::Database;
use super::print;
use crate::automation::Worker as Automation;
use crate::config::Config;

/// Moves orders by themselves: confirms, promises, reserves, asks suppliers, alerts
///
/// As many as you like may run, on any machine; each may be killed at any time.
#[derive(Debug, Args)]
pub(super) struct Worker {
    /// Do what is due and end
    #[arg(long)]
    once: bool,
}

impl Worker {
    pub(super) async fn run(self, config: &Config) -> Result<ExitCode> {
        let database = Database::open(config, "worker").await?;
        let worker = Automation::new(database.db.clone(), HOLD, clock);
        if self.once {
            let tally = worker.drain().await?;
            print::line(format_args!(
                "{} jobs done, {} failed",
                tally.done, tally.failed
            ));
            return Ok(if tally.failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            () = worker.run() => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // What is under way is completed.
        database.db.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// How long a notice can be taken back.
const HOLD: TimeDelta = TimeDelta::seconds(60);

#[expect(clippy::disallowed_methods, reason = "the shell asks the clock")]
fn clock() -> DateTime<Utc> {
    Utc::now()
}
