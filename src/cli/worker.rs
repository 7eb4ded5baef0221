//! `packline worker`: orders move by themselves.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use color_eyre::eyre::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::database::{Database, data_dir};
use super::print;
use crate::actions::letters::Desk;
use crate::actions::notices::deliver_due;
use crate::automation::Worker as Automation;
use crate::config::Config;
use crate::output::mailer::{MailUrl, Mailbox, Mailer, Settings};
use crate::output::notices::Templates;
use crate::store::db::Db;

/// How often to look for mail that may leave.
const MAIL_TICK: Duration = Duration::from_millis(500);
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
        let database = Database::open(config, "worker").await?;
        let hand = Hand::hire(config, &database.db)?;
        if self.once {
            let tally = hand.worker.drain().await?;
            let mails = deliver_due(&database.db, &hand.mailer, clock(), u64::MAX).await?;
            print::line(format_args!(
                "{} jobs done, {} failed; {} mails sent, {} to be tried again, {} refused",
                tally.done, tally.failed, mails.sent, mails.later, mails.failed
            ));
            let well = tally.failed == 0 && mails.failed == 0;
            return Ok(if well {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            () = Box::pin(hand.work()) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // What is under way is completed.
        database.db.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// A worker with what it mails by.
pub(super) struct Hand {
    db: Db,
    worker: Automation,
    mailer: Mailer,
}

impl Hand {
    /// One that works on a database as the settings say.
    pub(super) fn hire(config: &Config, db: &Db) -> Result<Self> {
        Ok(Self {
            db: db.clone(),
            worker: Automation::new(db.clone(), desk(config)?, clock),
            mailer: mailer(config)?,
        })
    }

    /// Does what is due and sends what may leave, for ever.
    pub(super) async fn work(&self) {
        tokio::join!(self.worker.run(), deliver(&self.db, &self.mailer));
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

/// What letters are written with, as the settings say.
fn desk(config: &Config) -> Result<Desk> {
    Ok(Desk {
        templates: Templates::load(config.notice_templates.value.as_deref())?,
        shop: config.shop_name.value.clone(),
        address: config.shop_address.value.0.clone(),
        hold: TimeDelta::from_std(config.notice_hold.value).wrap_err("notice.hold")?,
    })
}

/// The way out for mail, as the settings say: by default a folder beside the local server's data.
fn mailer(config: &Config) -> Result<Mailer> {
    let url = match &config.smtp_url.value {
        Some(url) => url.clone(),
        None => MailUrl::Folder(data_dir(config)?.join("mail")),
    };
    let from: Mailbox = match &config.notice_from.value {
        Some(from) => from.clone(),
        None => "packline@localhost"
            .parse()
            .wrap_err("the default sender")?,
    };
    let settings = Settings {
        per_minute: config.notice_per_minute.value,
        ..Settings::new(from)
    };
    Ok(Mailer::new(&url, settings)?)
}

#[expect(clippy::disallowed_methods, reason = "the shell asks the clock")]
fn clock() -> DateTime<Utc> {
    Utc::now()
}
