//! Floor 4: the worker. Claims jobs that are due and does each in one transaction that also
//! completes it, so that a worker may be killed at any instruction: either all of a job is done, or
//! nothing of it, and its lease ends by itself. Only printing is no transaction's: see `labels`.
//!
//! One handler a file. What a handler writes is in [`crate::actions`], what it decides in
//! [`crate::domain`].

mod backorders;
mod calendar;
mod house;
mod labels;
mod order;
mod overdue;
mod scores;
mod sweep;

pub use labels::Press;

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::actions::ActError;
use crate::actions::letters::{Desk, StepError};
use crate::store::alerts;
use crate::store::bell::Ringer;
use crate::store::db::{Db, DbError};
use crate::store::feed::{self, Feed};
use crate::store::jobs::{self, Claim, Job};

/// What is done in one transaction: a few jobs at once, which a killed worker gives up soon.
const ROUTINE: Claim = Claim {
    labels: false,
    limit: 4,
    lease: Duration::from_secs(15),
};
/// Labels are printed one at a time, beside all else; it takes less than this, however slow the
/// printer.
const LABELS: Claim = Claim {
    labels: true,
    limit: 1,
    lease: Duration::from_mins(2),
};
/// Longest time for one job.
const LIMIT: Duration = Duration::from_secs(10);
/// How long to wait for news before looking all the same.
const POLL: Duration = Duration::from_secs(1);
/// How often the one that rings looks for what other programs wrote.
const TICK: Duration = Duration::from_millis(20);
/// How often a job that others got in the way of is tried at once.
const TRIES: u32 = 5;
/// A job that failed this often is given to people.
const ATTEMPTS: i32 = 12;
/// A job that was claimed this often without an end, because its worker died each time, as well.
const CLAIMS: i32 = 60;
/// From this many failures in a row on, people may hear that a kind of job fails again and again.
const REPEATED: i32 = 3;
/// The first and the longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_mins(30);

/// What a handler is told beside its subject.
struct Terms {
    /// What letters are written with.
    desk: Arc<Desk>,
    /// The present.
    now: DateTime<Utc>,
}

/// Why a job was not done. Nothing has been written.
#[derive(Debug, thiserror::Error)]
enum JobError {
    /// A step of it was not taken.
    #[error(transparent)]
    Step(StepError),
    /// A label was not printed.
    #[error(transparent)]
    Label(ActError),
    /// The database was there and did not get through with it.
    #[error("it was not done within {LIMIT:?}")]
    Slow,
    /// The server or the way to it is at fault: the job is not.
    #[error(transparent)]
    Outage(DbError),
    /// A newer program enqueued it.
    #[error("this program does not know the job {0:?}")]
    Unknown(String),
    /// It may be what kills them.
    #[error("workers died {CLAIMS} times while they did it")]
    Deadly,
    /// Whoever printed was killed before that was noted.
    #[error("its worker ended while it printed: see whether the label came out")]
    InDoubt,
}

impl JobError {
    /// Whether trying again would perhaps do twice what is to be done once.
    const fn is_a_persons(&self) -> bool {
        matches!(self, Self::InDoubt | Self::Label(ActError::Unnoted(_)))
    }
}

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        match error {
            // Where it is the server that is silent, it does not hear of the failure either.
            DbError::Deadline(_) => Self::Slow,
            error if error.is_outage() || matches!(error, DbError::Unknown(_)) => {
                Self::Outage(error)
            }
            error => Self::Step(StepError::Db(error)),
        }
    }
}

impl From<StepError> for JobError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Db(error) => error.into(),
            error => Self::Step(error),
        }
    }
}

impl From<ActError> for JobError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Db(error) => error.into(),
            error => Self::Label(error),
        }
    }
}

/// Does what is due.
#[derive(Debug, Clone)]
pub struct Worker {
    db: Db,
    desk: Arc<Desk>,
    press: Option<Arc<Press>>,
    /// Held while a label is printed.
    printing: Arc<Mutex<()>>,
    clock: fn() -> DateTime<Utc>,
}

/// What a worker did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Jobs that were done.
    pub done: u64,
    /// Tries that failed; the job is tried again, or was given to people.
    pub failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
    }
}

impl Worker {
    /// A worker that writes its letters at `desk`, prints labels on `press`, where it has one, and asks
    /// `clock` for the time. Labels are left to workers that have a press.
    pub fn new(db: Db, desk: Desk, press: Option<Press>, clock: fn() -> DateTime<Utc>) -> Self {
        Self {
            db,
            desk: Arc::new(desk),
            press: press.map(Arc::new),
            printing: Arc::default(),
            clock,
        }
    }

    /// Does what is due until nothing is, and waits for what other workers have in hand.
    ///
    /// # Errors
    /// The database cannot be reached. What was done stays done.
    pub async fn drain(&self) -> Result<Tally, DbError> {
        let mut tally = Tally::default();
        loop {
            let labels = self.press.is_some();
            let routine = self.round(ROUTINE, &mut tally).await?;
            if routine || labels && self.round(LABELS, &mut tally).await? {
                continue;
            }
            let left = self
                .db
                .call(LIMIT, move |connection| {
                    Box::pin(jobs::left(connection, labels))
                })
                .await?;
            if left.due == 0 {
                // Nobody else may ring for what was done here.
                let _ = feed::ring(&self.db).await;
                return Ok(tally);
            }
            // Another worker has it: it completes it, or its lease ends.
            sleep(TICK).await;
        }
    }

    /// Does what is due for ever, with an outage waited out, and rings the feed's bell for programs
    /// that do not. To be given up by dropping it, at any point; then [`Worker::finish`].
    pub async fn run(&self) {
        tokio::join!(self.work(), self.print(), self.ring());
    }

    /// Waits until the label that is being printed has come out and is noted.
    pub async fn finish(&self) {
        drop(self.printing.lock().await);
    }

    async fn work(&self) {
        let mut feed = Feed::start(self.db.clone());
        let mut tally = Tally::default();
        loop {
            match self.round(ROUTINE, &mut tally).await {
                Ok(true) => {}
                Ok(false) => {
                    // Any news may have made something due.
                    let _ = timeout(POLL, feed.next()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the worker waits for the database");
                    sleep(POLL).await;
                }
            }
        }
    }

    /// Prints labels, beside the work that nobody outside the database has a hand in.
    async fn print(&self) {
        while self.press.is_some() {
            let worker = self.clone();
            // In a task of its own: who stops the worker does not stop the printer half-way.
            let printed = tokio::spawn(async move {
                let _printing = worker.printing.lock().await;
                worker.round(LABELS, &mut Tally::default()).await
            });
            match printed.await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => sleep(POLL).await,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "labels wait for the database");
                    sleep(POLL).await;
                }
                Err(error) => {
                    tracing::error!(%error, "printing a label");
                    sleep(POLL).await;
                }
            }
        }
    }

    async fn ring(&self) {
        loop {
            let Err(error) = self.ring_until_lost().await;
            tracing::debug!(%error, "the bell's session ended");
            sleep(POLL).await;
        }
    }

    async fn ring_until_lost(&self) -> Result<std::convert::Infallible, DbError> {
        let mut ringer = Ringer::open(&self.db).await?;
        loop {
            let ours = ringer.look().await?;
            sleep(if ours { TICK } else { POLL }).await;
        }
    }

    /// Claims some jobs and does them. False where none was due.
    async fn round(&self, claim: Claim, tally: &mut Tally) -> Result<bool, DbError> {
        let claimed_at = Instant::now();
        let claimed = self
            .db
            .transaction(LIMIT, move |connection| {
                Box::pin(async move { jobs::claim(connection, claim).await })
            })
            .await?;
        for (place, job) in claimed.iter().enumerate() {
            if place > 0 && claimed_at.elapsed() + LIMIT > claim.lease {
                // The lease may end meanwhile: they are anybody's again, untried.
                self.leave(&claimed[place..]).await?;
                break;
            }
            match self.perform(job).await {
                Ok(()) => tally.done += 1,
                Err(JobError::Outage(error)) => return Err(error),
                Err(error) => {
                    tally.failed += 1;
                    self.give_back(job, &error).await?;
                }
            }
        }
        Ok(!claimed.is_empty())
    }

    async fn perform(&self, job: &Job) -> Result<(), JobError> {
        if job.attempts > CLAIMS {
            return Err(JobError::Deadly);
        }
        if let (Some(press), "label") = (&self.press, job.kind.as_str()) {
            labels::handle(&self.db, press, job, (self.clock)()).await?;
        }
        let mut tries = 1;
        loop {
            let terms = Terms {
                desk: Arc::clone(&self.desk),
                now: (self.clock)(),
            };
            let ours = job.clone();
            let done = self
                .db
                .transaction(LIMIT, move |connection| {
                    Box::pin(async move {
                        jobs::complete(connection, &ours).await?;
                        handle(connection, &ours, terms).await
                    })
                })
                .await;
            match done {
                Err(JobError::Step(StepError::Db(DbError::Retry(_)))) if tries < TRIES => {
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    /// Lets a job that failed be tried again later, or gives it to people.
    async fn give_back(&self, job: &Job, error: &JobError) -> Result<(), DbError> {
        let told = error.to_string();
        tracing::warn!(
            job = job.kind,
            subject = job.subject_id,
            error = told,
            "a job failed"
        );
        let last = job.attempts >= ATTEMPTS || error.is_a_persons();
        let job = job.clone();
        let now = (self.clock)();
        self.db
            .transaction(LIMIT, move |connection| {
                Box::pin(async move {
                    if !last || !jobs::bury(connection, &job, &told).await? {
                        let pause = pause(job.attempts);
                        jobs::put_back(connection, &job, pause, Some(&told)).await?;
                    }
                    if job.attempts >= REPEATED {
                        alerts::settle_failing(connection, now).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Leaves jobs that were claimed to whoever comes next.
    async fn leave(&self, untried: &[Job]) -> Result<(), DbError> {
        let untried = untried.to_vec();
        self.db
            .transaction(LIMIT, move |connection| {
                Box::pin(async move {
                    for job in &untried {
                        jobs::put_back(connection, job, Duration::ZERO, None).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// Twice as long after each failure.
fn pause(attempts: i32) -> Duration {
    let doublings = attempts.clamp(1, 12).unsigned_abs() - 1;
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LAST_PAUSE)
}

/// Does a job, in the transaction that completes it.
async fn handle(connection: &mut PgConnection, job: &Job, terms: Terms) -> Result<(), JobError> {
    let subject = job.subject_id;
    match job.kind.as_str() {
        "order" => order::handle(connection, subject, &terms).await?,
        "silence" => order::handle_silence(connection, subject, &terms).await?,
        "purchase" => order::handle_purchase(connection, subject, &terms).await?,
        "recall" => order::handle_recall(connection, subject, &terms).await?,
        "address" => order::handle_address(connection, subject, &terms).await?,
        "backorders" => backorders::handle(connection, subject, &terms).await?,
        "offers" => backorders::handle_offers(connection, subject, &terms).await?,
        "calendar" => calendar::handle(connection, subject).await?,
        "overdue" => overdue::handle(connection, &terms).await?,
        "sweep" => sweep::handle(connection, &terms).await?,
        "scores" => scores::handle(connection, &terms).await?,
        // It has been printed.
        "label" => {}
        "housekeeping" => house::handle(connection).await?,
        other => return Err(JobError::Unknown(other.to_owned())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        assert_eq!(pause(1), Duration::from_secs(2));
        assert_eq!(pause(2), Duration::from_secs(4));
        assert_eq!(pause(11), LAST_PAUSE);
        assert_eq!(pause(i32::MAX), LAST_PAUSE);
    }
}
