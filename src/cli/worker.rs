//! `packline worker`: orders move by themselves.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use color_eyre::eyre::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::carrier::provider;
use super::database::{Database, may_write};
use super::mail::mailer;
use super::print;
use super::terms::printing;
use super::terms::terms;
use crate::actions::carriers::{Traded, Trader};
use crate::actions::letters::Desk;
use crate::actions::notices::{Delivered, deliver_due};
use crate::automation::{Press, Worker as Automation};
use crate::config::Config;
use crate::domain::people::Role;
use crate::output::mailer::Mailer;
use crate::output::notices::Templates;
use crate::store::db::{Db, DbError};

/// How often to look for mail that may leave.
const MAIL_TICK: Duration = Duration::from_millis(500);
/// How often to look for labels that are wanted, and how many are bought before the next look.
const LABEL_TICK: Duration = Duration::from_secs(1);
const LABELS: u64 = 100;
/// Mails that are sent before the next look.
const MAILS: u64 = 100;
/// What is said where nobody said where mails go.
const NO_MAILER: &str = "smtp.url is not set: mails wait until a worker has it";

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
        may_write(config)?;
        let database = Database::open(config, "worker").await?;
        if !database.person.holds_any(&[Role::Worker]) {
            bail!(
                "{} is not a worker here: an admin makes one with \
                 `packline staff add NAME --role worker`; run this as that login",
                database.person.login
            );
        }
        let hand = Hand::hire(config, &database.db)?;
        if hand.mailer.is_none() {
            print::note(NO_MAILER);
            tracing::warn!("{NO_MAILER}");
        }
        if self.once {
            let mut tally = hand.worker.drain().await?;
            let labels = hand.labels(u64::MAX).await?;
            if labels.done > 0 {
                // What was bought is printed.
                tally += hand.worker.drain().await?;
            }
            let mails = match &hand.mailer {
                Some(mailer) => deliver_due(&database.db, mailer, clock(), u64::MAX).await?,
                None => Delivered::default(),
            };
            if mails.total() > 0 {
                // Orders wait for something else once their suppliers were asked.
                tally += hand.worker.drain().await?;
            }
            print::line(format_args!(
                "{} jobs done, {} failed; {} mails sent, {} to be tried again, {} refused",
                tally.done, tally.failed, mails.sent, mails.later, mails.failed
            ));
            if hand.trader.is_some() {
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
            () = Box::pin(hand.work()) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // What is under way is completed.
        hand.worker.finish().await;
        database.db.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// A worker with what it mails by.
pub(super) struct Hand {
    db: Db,
    worker: Automation,
    /// None where mails wait for another worker.
    mailer: Option<Mailer>,
    /// Who buys carriers' labels, where anybody sells them.
    trader: Option<Trader>,
}

impl Hand {
    /// One that works on a database as the settings say.
    pub(super) fn hire(config: &Config, db: &Db) -> Result<Self> {
        let press = press(config);
        let trader = provider(config)?.map(|provider| Trader {
            provider,
            zone: config.shop_time_zone.value,
            prints: press.is_some(),
        });
        Ok(Self {
            db: db.clone(),
            worker: Automation::new(db.clone(), desk(config)?, press, clock),
            mailer: mailer(config)?,
            trader,
        })
    }

    /// Does what is due and sends what may leave, for ever.
    pub(super) async fn work(&self) {
        tokio::join!(self.worker.run(), self.deliver(), self.trade());
    }

    /// Sends mail for ever.
    async fn deliver(&self) {
        while let Some(mailer) = &self.mailer {
            if let Err(error) = deliver_due(&self.db, mailer, clock(), MAILS).await {
                tracing::warn!(%error, "mail waits for the database");
            }
            sleep(MAIL_TICK).await;
        }
    }

    /// Buys the labels that are due, and gives them back.
    async fn labels(&self, limit: u64) -> Result<Traded, DbError> {
        match &self.trader {
            Some(trader) => trader.trade_due(&self.db, clock(), limit).await,
            None => Ok(Traded::default()),
        }
    }

    /// The same for ever.
    async fn trade(&self) {
        while self.trader.is_some() {
            if let Err(error) = self.labels(LABELS).await {
                tracing::warn!(%error, "labels wait for the database");
            }
            sleep(LABEL_TICK).await;
        }
    }
}

/// What letters are written with, as the settings say.
fn desk(config: &Config) -> Result<Desk> {
    Ok(Desk {
        templates: Templates::load(config.notice_templates.value.as_deref())?,
        shop: config.shop_name.value.clone(),
        address: config.shop_address.value.0.clone(),
        labels: press(config).is_some(),
        hold: terms(config).hold,
        carriers: config.carrier_url.value.is_some(),
    })
}

/// What labels are printed with, where the settings name a printer.
fn press(config: &Config) -> Option<Press> {
    let printing = printing(config);
    (!printing.command.is_empty()).then(|| Press {
        printing,
        terms: terms(config),
    })
}

#[expect(clippy::disallowed_methods, reason = "the shell asks the clock")]
fn clock() -> DateTime<Utc> {
    Utc::now()
}
