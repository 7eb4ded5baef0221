//! Sending what is due, and recording what became of it.
//!
//! A mail cannot be part of a transaction, so it leaves at least once: the claim commits first,
//! with its Message-ID and the time at which it ends by itself; then the mail is sent; then what
//! the server said is recorded. Whoever is killed in between leaves a claim that ends, and the
//! next attempt is the same mail with the same Message-ID.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

use crate::domain::notices::{NoticeKind, backoff};
use crate::output::mailer::{Letter, Mailer, Outcome};
use crate::store::db::{Db, DbError};
use crate::store::notices::{self as store, Claim, Claimed, Claims};
use crate::store::{calendar, progress};

/// Notices sent side by side, and claimed at once: no more than can be sent before claims end.
const SIDE_BY_SIDE: i64 = 8;

/// How long a claim lasts: well beyond the longest attempt.
const CLAIM: TimeDelta = TimeDelta::minutes(5);

/// The limit of a call to the database.
const LIMIT: Duration = Duration::from_secs(30);

/// What became of the notices that were due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Taken by the server.
    pub sent: u64,
    /// To be tried again later.
    pub later: u64,
    /// Given to a person.
    pub failed: u64,
}

impl Delivered {
    /// How many were tried.
    pub const fn total(self) -> u64 {
        self.sent + self.later + self.failed
    }
}

/// Sends notices whose undo window has ended or whose turn to be tried again has come, at most
/// `limit` of them. Several workers may do so at once.
///
/// # Errors
/// The database cannot be asked or told; what was sent and not recorded is sent again as the same
/// mail when its claim ends.
pub async fn deliver_due(
    db: &Db,
    mailer: &Mailer,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Delivered, DbError> {
    let mut delivered = Delivered::default();
    let begun = Instant::now();
    while delivered.total() < limit {
        // A claim lasts from when it is made.
        let now = now + begun.elapsed();
        let left = i64::try_from(limit - delivered.total()).unwrap_or(i64::MAX);
        let claims = claim(db, mailer, None, now, left.min(SIDE_BY_SIDE)).await?;
        delivered.failed += claims.unreadable;
        if claims.readable.is_empty() && claims.unreadable == 0 {
            break;
        }
        let outcomes = join_all(claims.readable.iter().map(|one| send(db, mailer, one, now))).await;
        let mut reachable = true;
        for outcome in outcomes {
            match outcome? {
                Outcome::Sent => delivered.sent += 1,
                Outcome::Later(_) => delivered.later += 1,
                Outcome::Refused(_) => delivered.failed += 1,
                Outcome::Unreachable(_) => {
                    delivered.later += 1;
                    reachable = false;
                }
            }
        }
        if !reachable {
            break;
        }
    }
    Ok(delivered)
}

/// Sends one notice, if it is due; `None` where it is not, or another sends it.
///
/// # Errors
/// As [`deliver_due`].
pub async fn deliver(
    db: &Db,
    mailer: &Mailer,
    notice_id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Outcome>, DbError> {
    let claims = claim(db, mailer, Some(notice_id), now, 1).await?;
    match claims.readable.first() {
        Some(claimed) => send(db, mailer, claimed, now).await.map(Some),
        None => Ok(None),
    }
}

async fn claim(
    db: &Db,
    mailer: &Mailer,
    id: Option<i64>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Claims, DbError> {
    let claim = Claim {
        id,
        limit,
        except_hosts: mailer.busy_hosts(),
        domain: mailer.domain().to_owned(),
        now,
        until: now + CLAIM,
    };
    db.transaction(LIMIT, move |connection| {
        Box::pin(async move {
            store::as_worker(connection).await?;
            store::claim(connection, &claim).await
        })
    })
    .await
}

async fn send(
    db: &Db,
    mailer: &Mailer,
    claimed: &Claimed,
    now: DateTime<Utc>,
) -> Result<Outcome, DbError> {
    if let Err(wait) = mailer.turn(&claimed.recipient) {
        let at = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
        record(db, claimed, Record::PutBack(at)).await?;
        return Ok(Outcome::Later("not its turn yet".to_owned()));
    }
    let outcome = mailer
        .send(&Letter {
            message_id: &claimed.message_id,
            to: &claimed.recipient,
            // The first attempt's, so that another one is the same mail.
            date: claimed.due,
            mail: &claimed.mail,
            attachment: claimed.attachment.as_ref(),
            answers: &claimed.answers,
            automatic: claimed.kind.is_automatic(),
        })
        .await;
    let what = match &outcome {
        Outcome::Sent => Record::Sent(now),
        Outcome::Refused(reason) => Record::Failed(reason.clone()),
        Outcome::Later(reason) | Outcome::Unreachable(reason) => {
            match backoff(claimed.attempt, claimed.due, now) {
                Some(wait) => Record::Retry(now + wait, reason.clone()),
                None => Record::Failed(format!("{} attempts, the last: {reason}", claimed.attempt)),
            }
        }
    };
    record(db, claimed, what).await?;
    Ok(outcome)
}

/// The supplier has a purchase order from now on: the time in which it has agreed to answer begins.
/// It is locked before its mail, as acts lock them.
async fn asked(
    connection: &mut PgConnection,
    purchase_order: i64,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let Some(hours) = progress::unanswered_hours(connection, purchase_order).await? else {
        return Ok(());
    };
    let business = calendar::load(connection, now).await?;
    let due = business.calendar.add(now, TimeDelta::hours(hours.into()));
    progress::has_left(connection, purchase_order, due, now).await
}

/// What to record of an attempt.
enum Record {
    Sent(DateTime<Utc>),
    Retry(DateTime<Utc>, String),
    PutBack(DateTime<Utc>),
    Failed(String),
}

async fn record(db: &Db, claimed: &Claimed, what: Record) -> Result<(), DbError> {
    let (id, kind): (i64, NoticeKind) = (claimed.id, claimed.kind);
    let claimed = claimed.clone();
    let ours = db
        .transaction(LIMIT, move |connection| {
            Box::pin(async move {
                store::as_worker(connection).await?;
                match what {
                    Record::Sent(now) => {
                        if claimed.kind == NoticeKind::PurchaseOrder {
                            asked(connection, claimed.subject.id, now).await?;
                        }
                        store::sent(connection, &claimed, now).await
                    }
                    Record::Retry(at, error) => {
                        store::retry(connection, &claimed, at, &error).await
                    }
                    Record::PutBack(at) => store::put_back(connection, &claimed, at).await,
                    Record::Failed(error) => store::fail(connection, claimed.claim(), &error).await,
                }
            })
        })
        .await?;
    if !ours {
        tracing::warn!(id, %kind, "the claim on a notice ended before its attempt did");
    }
    Ok(())
}
