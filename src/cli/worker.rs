//! `packline worker`: orders move by themselves.

use std::future::pending;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use color_eyre::eyre::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::act::terms;
use super::carrier::provider;
use super::database::Database;
use super::mail::mailer;
use super::print;
use crate::actions::carriers::{Traded, trade_due};
use crate::actions::letters::Desk;
use crate::actions::notices::deliver_due;
use crate::automation::Worker as Automation;
use crate::config::Config;
use crate::output::carriers::Provider;
use crate::output::mailer::Mailer;
use crate::output::notices::Templates;
use crate::store::db::Db;

/// How often to look for mail that may leave.
const MAIL_TICK: Duration = Duration::from_millis(500);
/// How often to look for labels that are wanted, and how many are bought before the next look.
const LABEL_TICK: Duration = Duration::from_secs(1);
const LABELS: u64 = 100;
/// Mails that are sent before the next look.
const MAILS: u64 = 100;

/// Move orders by themselves: confirm, promise, reserve, ask suppliers, mail, alert
///
/// As many workers as you like may run, on any machine; each may be killed at any time.
#[derive(Debug, Args)]
pub(super) struct Worker {
    /// Do what is due and end
    #[arg(long)]
    once: bool,
}

impl Worker {
    pub(super) async fn run(self, config: &Config) -> Result<ExitCode> {
        let mailer = mailer(config)?;
        let provider = provider(config)?;
        let zone = config.shop_time_zone.value;
        let desk = desk(config)?;
        let database = Database::open(config, "worker").await?;
        let worker = Automation::new(database.db.clone(), desk, clock);
        if self.once {
            let tally = worker.drain().await?;
            let labels = match &provider {
                Some(provider) => {
                    trade_due(&database.db, provider, zone, clock(), u64::MAX).await?
                }
                None => Traded::default(),
            };
            let mails = deliver_due(&database.db, &mailer, clock(), u64::MAX).await?;
            print::line(format_args!(
                "{} jobs done, {} failed; {} mails sent, {} to be tried again, {} refused",
                tally.done, tally.failed, mails.sent, mails.later, mails.failed
            ));
            if provider.is_some() {
                print::line(format_args!(
                    "{} labels bought or given back, {} to be tried again, {} refused",
                    labels.done, labels.later, labels.failed
                ));
            }
            let well = tally.failed + mails.failed + labels.failed == 0;
            return Ok(if well {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            () = worker.run() => {}
            () = deliver(&database.db, &mailer) => {}
            () = trade(&database.db, provider.as_ref(), zone) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // What is under way is completed.
        database.db.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Sends mail for ever.
async fn deliver(db: &Db, mailer: &Mailer) {
    loop {
        if let Err(error) = deliver_due(db, mailer, clock(), MAILS).await {
            tracing::warn!(%error, "mail waits for the database");
        }
        sleep(MAIL_TICK).await;
    }
}

/// Buys labels for ever, and gives them back.
async fn trade(db: &Db, provider: Option<&Provider>, zone: Tz) {
    let Some(provider) = provider else {
        return pending().await;
    };
    loop {
        if let Err(error) = trade_due(db, provider, zone, clock(), LABELS).await {
            tracing::warn!(%error, "labels wait for the database");
        }
        sleep(LABEL_TICK).await;
    }
}

/// What letters are written with, as the settings say.
fn desk(config: &Config) -> Result<Desk> {
    Ok(Desk {
        templates: Templates::load(config.notice_templates.value.as_deref())?,
        shop: config.shop_name.value.clone(),
        hold: terms(config).hold,
        carriers: config.carrier_url.value.is_some(),
    })
}

#[expect(clippy::disallowed_methods, reason = "the shell asks the clock")]
fn clock() -> DateTime<Utc> {
    Utc::now()
}
