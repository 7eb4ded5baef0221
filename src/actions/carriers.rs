//! Buying carriers' labels and giving them back.
//!
//! A purchase cannot be part of a transaction: the claim commits first; the parcel is made known to
//! the provider, and its name there is kept; then the label is bought, and that is recorded. Whoever
//! is killed in between leaves a claim that ends, and the next attempt finds what was bought.

use std::time::Duration;

use tokio::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures_util::future::join_all;

use crate::domain::carriers::{LabelState, choose};
use crate::domain::notices::backoff;
use crate::output::carriers::{Fault, Provider};
use crate::store::carrier_labels::{self as store, Claimed};
use crate::store::db::{Db, DbError};
use crate::store::shipments;

/// Labels bought side by side.
const SIDE_BY_SIDE: i64 = 4;

/// How long a claim lasts: beyond the five calls that an attempt makes at most.
const CLAIM: TimeDelta = TimeDelta::minutes(5);

/// No provider is waited for longer than this before it is asked again.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The limit of a call to the database.
const LIMIT: Duration = Duration::from_secs(30);

/// What became of the labels that were due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traded {
    /// Bought, or given back.
    pub done: u64,
    /// To be tried again later.
    pub later: u64,
    /// Given to a person.
    pub failed: u64,
}

/// Buys labels and gives them back.
#[derive(Debug, Clone)]
pub struct Trader {
    /// Who sells them.
    pub provider: Provider,
    /// The shop's zone, in which parcels have the day on which they leave.
    pub zone: Tz,
    /// Whether a label is printed once it is bought.
    pub prints: bool,
}

/// What became of one label.
enum End {
    Done,
    Later,
    Failed,
}

/// Why an attempt did not succeed.
enum Trouble {
    Outside(Fault),
    Database(DbError),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Outside(fault)
    }
}

impl From<DbError> for Trouble {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// What is recorded of an attempt that did not succeed.
enum Verdict {
    /// It is tried again after so long.
    Retry(TimeDelta),
    /// Nothing was paid, and nothing will be sold.
    Refused,
    /// It may have been paid for.
    GivenUp,
}

impl Trader {
    /// Buys the labels that are wanted and gives those back that go back, at most `limit` of them.
    /// Several workers may do so at once.
    ///
    /// # Errors
    /// The database cannot be asked or told; what was bought and not recorded is found again when its
    /// claim ends.
    pub async fn trade_due(
        &self,
        db: &Db,
        now: DateTime<Utc>,
        limit: u64,
    ) -> Result<Traded, DbError> {
        let mut traded = Traded::default();
        let begun = Instant::now();
        while traded.done + traded.later + traded.failed < limit {
            // A claim lasts from when it is made.
            let now = now + begun.elapsed();
            let left = limit - traded.done - traded.later - traded.failed;
            let at_once = SIDE_BY_SIDE.min(i64::try_from(left).unwrap_or(i64::MAX));
            let claimed = db
                .transaction(LIMIT, move |connection| {
                    Box::pin(store::claim(connection, now, now + CLAIM, at_once))
                })
                .await?;
            if claimed.is_empty() {
                break;
            }
            let ends = join_all(claimed.iter().map(|one| self.trade(db, one, now))).await;
            for end in ends {
                match end? {
                    End::Done => traded.done += 1,
                    End::Later => traded.later += 1,
                    End::Failed => traded.failed += 1,
                }
            }
        }
        Ok(traded)
    }

    async fn trade(&self, db: &Db, claimed: &Claimed, now: DateTime<Utc>) -> Result<End, DbError> {
        let returning = claimed.state == LabelState::Returning;
        let tried = if returning {
            self.give_back(db, claimed).await
        } else {
            self.buy(db, claimed, now).await
        };
        let (verdict, reason) = match tried {
            Ok(()) => return Ok(End::Done),
            Err(Trouble::Database(error)) if error.is_outage() => return Err(error),
            Err(Trouble::Database(error @ (DbError::Unknown(_) | DbError::Retry(_)))) => {
                (later(claimed, None, now), error.to_string())
            }
            // What the database refuses it refuses again, and it may have been paid for.
            Err(Trouble::Database(error)) if !returning => (Verdict::GivenUp, error.to_string()),
            Err(Trouble::Outside(Fault::Refused(reason))) if !returning => {
                (Verdict::Refused, reason)
            }
            Err(Trouble::Outside(Fault::Later(reason, wait))) => {
                (later(claimed, wait, now), reason)
            }
            // What went wrong on the way back waits for nobody: it costs until it is back.
            Err(Trouble::Outside(Fault::Refused(reason))) => {
                (later(claimed, Some(LONGEST_WAIT), now), reason)
            }
            Err(Trouble::Database(error)) => {
                (later(claimed, Some(LONGEST_WAIT), now), error.to_string())
            }
        };
        let end = match verdict {
            Verdict::Retry(_) => End::Later,
            Verdict::Refused | Verdict::GivenUp => End::Failed,
        };
        let label = claimed.clone();
        let ours = db
            .transaction(LIMIT, move |connection| {
                Box::pin(async move {
                    match verdict {
                        Verdict::Retry(wait) => {
                            store::retry(connection, &label, now + wait, &reason).await
                        }
                        Verdict::Refused => store::refused(connection, &label, &reason).await,
                        Verdict::GivenUp => store::give_up(connection, &label, &reason).await,
                    }
                })
            })
            .await?;
        warn_unless(ours, claimed);
        Ok(end)
    }

    async fn buy(&self, db: &Db, claimed: &Claimed, now: DateTime<Utc>) -> Result<(), Trouble> {
        let (id, rate) = match &claimed.rated {
            Some((id, Some(rate))) => (id.clone(), rate.clone()),
            _ => self.rate(db, claimed, now).await?,
        };
        let bought = self.provider.buy(&id, &rate, &key(claimed)).await?;
        let (label, prints) = (claimed.clone(), self.prints);
        let ship_date = now.with_timezone(&self.zone).date_naive();
        let ours = db
            .transaction(LIMIT, move |connection| {
                Box::pin(async move {
                    shipments::lock(connection, label.shipment_id).await?;
                    store::bought(connection, &label, &bought, ship_date, prints).await
                })
            })
            .await?;
        warn_unless(ours, claimed);
        Ok(())
    }

    /// Makes the parcel known, chooses among what is offered, and keeps both.
    async fn rate(
        &self,
        db: &Db,
        claimed: &Claimed,
        now: DateTime<Utc>,
    ) -> Result<(String, String), Trouble> {
        let shipment_id = claimed.shipment_id;
        let (parcel, address) = db
            .call(LIMIT, move |connection| {
                Box::pin(store::parcel(connection, shipment_id))
            })
            .await?
            .ok_or_else(|| Fault::Refused("nobody knows what it weighs".to_owned()))?;
        let rated = self.provider.rate(&parcel, &key(claimed)).await?;
        let days = parcel.deliver_by.map(|due| (due - now).num_days());
        let chosen = choose(&rated.rates, days)
            .ok_or_else(|| Fault::Refused("no carrier offers to carry it".to_owned()))?
            .clone();
        let (label, provider_id, rate) = (claimed.clone(), rated.id.clone(), chosen.id.clone());
        let ours = db
            .transaction(LIMIT, move |connection| {
                Box::pin(async move {
                    store::rated(connection, &label, &provider_id, &address, &chosen).await
                })
            })
            .await?;
        if ours {
            Ok((rated.id, rate))
        } else {
            // Nothing has been bought: whoever has it now goes on.
            Err(Fault::Later("another worker has it".to_owned(), None).into())
        }
    }

    async fn give_back(&self, db: &Db, claimed: &Claimed) -> Result<(), Trouble> {
        if let Some((id, _)) = &claimed.rated {
            self.provider.give_back(id, &key(claimed)).await?;
        }
        let label = claimed.clone();
        let ours = db
            .transaction(LIMIT, move |connection| {
                Box::pin(async move { store::returned(connection, &label).await })
            })
            .await?;
        warn_unless(ours, claimed);
        Ok(())
    }
}

/// How long to wait: as the provider wants it, and longer with each attempt. It is given up where it
/// has been wanted for too long; what goes back never is.
fn later(claimed: &Claimed, wanted: Option<Duration>, now: DateTime<Utc>) -> Verdict {
    let wanted = wanted.unwrap_or_default().min(LONGEST_WAIT);
    let wanted = TimeDelta::from_std(wanted).unwrap_or_default();
    let since = match claimed.state {
        LabelState::Returning => now,
        _ => claimed.since,
    };
    match backoff(claimed.attempt, since, now) {
        Some(wait) => Verdict::Retry(wait.max(wanted)),
        None => Verdict::GivenUp,
    }
}

/// The same for every attempt at one purchase.
fn key(claimed: &Claimed) -> String {
    format!("packline-label-{}-{}", claimed.id, claimed.purchase)
}

fn warn_unless(ours: bool, claimed: &Claimed) {
    if !ours {
        let (id, shipment) = (claimed.id, claimed.shipment_id);
        tracing::warn!(
            id,
            shipment,
            "the claim on a label ended before its attempt did"
        );
    }
}
