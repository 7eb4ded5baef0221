//! `packline status`: how the shop stands, for people and for monitoring.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use color_eyre::eyre::Result;
use serde::Serialize;

use super::database::{Database, NOTHING_YET};
use super::print;
use crate::config::Config;
use crate::domain::list::Counts;
use crate::domain::record::Kind;
use crate::domain::text;
use crate::store::alerts::{self, Alert};
use crate::store::notices::{FailedFor, PutOff};
use crate::store::{jobs, lists, notices};

/// Alerts that are told one by one, and reasons why mails failed.
const ALERTS: i64 = 10;
/// Seconds after which a due job should be in a worker's hands.
const PATIENCE: i64 = 60;
/// Mail servers put mails off now and then; for longer than this they should not.
const MAIL_PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Say how many records are open, late and breaching, what people are alerted to, and how many mails
/// failed.
///
/// Exits as monitoring plugins do: 0 all is well, 1 something is late, a mail failed, mail does not
/// get through for an hour or no worker seems to run, 2 tickets
/// breach or inspections failed, 3 it is not known.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// Exit statuses and words of the Monitoring Plugins Development Guidelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Critical,
    Unknown,
}

#[derive(Serialize)]
struct Report {
    status: Level,
    #[serde(flatten)]
    counts: Counts,
    /// Mails that did not get through: a person decides.
    failed_mails: i64,
    /// Why, by channel.
    failed_mails_for: Vec<FailedFor>,
    /// Mails that were tried and are tried again.
    put_off_mails: Option<PutOff>,
    /// For how long the oldest due job has waited for a worker.
    oldest_due_seconds: Option<i64>,
    /// Open alerts by kind.
    alerts: BTreeMap<String, i64>,
}

/// What the database says.
struct Found {
    counts: Counts,
    failed_mails: i64,
    /// Why, by channel.
    failed_for: Vec<FailedFor>,
    put_off: Option<PutOff>,
    /// Seconds.
    oldest_due: Option<i64>,
    /// How many are open of each kind, and the most telling.
    alerts: (BTreeMap<String, i64>, Vec<Alert>),
}

impl Level {
    fn of(counts: &Counts, failed_mails: i64, idle: bool) -> Self {
        if counts.tickets.urgent.0 > 0 || counts.inspections.urgent.0 > 0 {
            Self::Critical
        } else if idle
            || failed_mails > 0
            || Kind::ALL.iter().any(|kind| counts.of(*kind).urgent.0 > 0)
        {
            Self::Warning
        } else {
            Self::Ok
        }
    }

    const fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl Status {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        let found = self.found(config, now).await;
        let Found {
            counts,
            failed_mails,
            failed_for,
            put_off,
            oldest_due,
            alerts: (alerts, oldest),
        } = match found {
            Ok(found) => found,
            Err(error) => {
                print::note(format_args!("packline: unknown: {error:#}"));
                return Ok(ExitCode::from(Level::Unknown.exit_code()));
            }
        };
        let waited = oldest_due.filter(|seconds| *seconds > PATIENCE);
        let stuck = (put_off.as_ref()).is_some_and(|mails| mails.since < now - MAIL_PATIENCE);
        let status = Level::of(&counts, failed_mails, waited.is_some() || stuck);
        if counts.nothing_yet {
            print::note(NOTHING_YET);
        }
        if self.json {
            print::json(&Report {
                status,
                counts,
                failed_mails,
                failed_mails_for: failed_for,
                put_off_mails: put_off,
                oldest_due_seconds: oldest_due,
                alerts,
            })?;
        } else {
            for kind in Kind::ALL {
                let count = counts.of(*kind);
                print::line(format_args!(
                    "{:<12} {:>5} open  {:>5} {}",
                    kind.plural(),
                    count.open.to_string(),
                    count.urgent.to_string(),
                    urgent_word(*kind)
                ));
            }
            for (kind, count) in &alerts {
                print::line(format_args!(
                    "{count:>18} alerts: {}",
                    kind.replace('_', " ")
                ));
            }
            for alert in &oldest {
                print::line(format_args!(
                    "  {}: {}",
                    text::plain(&alert.about),
                    text::plain(&alert.reason)
                ));
            }
            let more = alerts.values().sum::<i64>() - oldest.len() as i64;
            if more > 0 {
                print::line(format_args!("  and {more} more"));
            }
            if let Some(seconds) = waited {
                print::line(format_args!(
                    "the oldest due job has waited {} min: no worker seems to run",
                    seconds / 60
                ));
            }
            if let Some(PutOff {
                count,
                since,
                error,
            }) = &put_off
            {
                let since = since.with_timezone(&config.shop_time_zone.value);
                let today = now.with_timezone(&config.shop_time_zone.value).date_naive();
                let form = if since.date_naive() == today {
                    "%H:%M"
                } else {
                    "%Y-%m-%d %H:%M"
                };
                print::line(format_args!(
                    "mails: {count} put off since {}: {}",
                    since.format(form),
                    text::plain(error)
                ));
            }
            if failed_mails > 0 {
                print::line(format_args!("{:<12} {failed_mails:>5} failed", "mails"));
                for reason in &failed_for {
                    let all = reason.count > reason.about.len() as i64;
                    print::line(format_args!(
                        "  {}: {} × {} ({}{})",
                        text::plain(&reason.channel),
                        reason.count,
                        text::plain(&reason.cause),
                        text::plain(&reason.about.join(", ")),
                        if all { ", …" } else { "" }
                    ));
                }
            }
        }
        Ok(ExitCode::from(status.exit_code()))
    }

    async fn found(&self, config: &Config, now: DateTime<Utc>) -> Result<Found> {
        let database = Database::open(config, "status").await?;
        Ok(database
            .db
            .call(Duration::from_secs(10), move |connection| {
                Box::pin(async move {
                    Ok(Found {
                        counts: lists::counts(connection, now).await?,
                        failed_mails: notices::count_failed(connection).await?,
                        failed_for: notices::failed_for(connection, ALERTS).await?,
                        put_off: notices::put_off(connection).await?,
                        oldest_due: jobs::oldest_due(connection).await?,
                        alerts: alerts::open(connection, ALERTS).await?,
                    })
                })
            })
            .await?)
    }
}

const fn urgent_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "late",
        Kind::Stock => "short",
        Kind::Shipment => "late or silent",
        Kind::Inspection => "failed",
        Kind::Ticket => "breaching",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::list::{Count, TabCount};

    #[test]
    fn the_worst_count_decides() {
        let mut counts = Counts::default();
        assert_eq!(Level::of(&counts, 0, false), Level::Ok);
        assert_eq!(Level::of(&counts, 1, false), Level::Warning);
        assert_eq!(Level::of(&counts, 0, true), Level::Warning);
        counts.stock = TabCount {
            open: Count(1),
            urgent: Count(1),
        };
        assert_eq!(Level::of(&counts, 0, false), Level::Warning);
        counts.tickets.urgent = Count(1);
        assert_eq!(Level::of(&counts, 0, false), Level::Critical);
    }
}
