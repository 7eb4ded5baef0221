//! Imports: a source is read as a stream and written in small transactions, each value whole or
//! not at all. A second run of the same source changes nothing.

pub mod acceptances;
pub mod catalog;
pub mod dispatches;
pub mod mail;
pub mod options;
pub mod orders;
mod promises;
pub mod tracking;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use sqlx::postgres::PgConnection;
use thiserror::Error;
use tokio::time::Instant;

use crate::intake::{Fault, Rejection};
use crate::store::db::{Db, DbError};
use crate::store::{feed, import};

/// The longest that one transaction of an import may take.
const LIMIT: Duration = Duration::from_mins(1);
/// How often a transaction that lost against another is tried.
const ATTEMPTS: u32 = 5;
/// How long the second try waits; each next one waits twice as long.
const PAUSE: Duration = Duration::from_millis(20);
/// How often readers of the change feed are told to look while an import runs.
const BELL: Duration = Duration::from_millis(100);

/// How far another's clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Values read, rejected ones included.
    pub read: u64,
    /// Values that are new.
    pub created: u64,
    /// Values that changed what was there.
    pub updated: u64,
    /// Values that were there already.
    pub unchanged: u64,
    /// What was not accepted; the rest is kept.
    pub rejected: Vec<Rejection>,
    /// Where it was stopped before its end, as `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// An import that could not go on. What it had written stays; it can be run again.
#[derive(Debug, Error)]
#[error("{error}")]
pub struct Failed {
    /// What was done before.
    pub done: Summary,
    /// Why it could not go on.
    pub error: Box<ImportError>,
}

/// Why an import could not go on.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The source cannot be read.
    #[error("{0}")]
    Source(Fault),
    /// The database failed or refused the person.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Asks an import to stop before its next transaction; a clone asks the same import.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What an import needs beside its source.
pub struct Run<'a> {
    /// Where to write.
    pub db: &'a Db,
    /// Asks it to stop.
    pub stop: &'a Stop,
    /// Is told how far it is, after each transaction.
    pub progress: &'a mut (dyn FnMut(&Summary) + Send),
}

/// What became of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Created,
    Updated,
    /// It changed what was there, except for this.
    UpdatedBut(Vec<Rejection>),
    Unchanged,
    /// One rejection for each line of the source that the value had.
    Rejected(Vec<Rejection>),
}

/// How one kind of value is written.
trait Import: Send + Sync + 'static {
    /// What the source yields.
    type Value: Send + Sync + 'static;

    /// How many values one transaction takes.
    const BATCH: usize;

    /// Writes values and says what became of each. A refusal by the database fails the whole
    /// batch, which is then written one by one.
    fn write(
        &self,
        connection: &mut PgConnection,
        values: &[Self::Value],
    ) -> impl Future<Output = Result<Vec<Verdict>, DbError>> + Send;

    /// How many lines of the source a value is.
    fn lines(&self, _value: &Self::Value) -> u64 {
        1
    }

    /// The line where a value stands.
    fn line(&self, value: &Self::Value) -> u64;

    /// The source of a value.
    fn file<'v>(&'v self, value: &'v Self::Value) -> &'v str;

    /// Turns a refusal by the database into rejections, one for each line of the value.
    fn refused(&self, value: &Self::Value, reason: &str) -> Vec<Rejection>;

    /// What can only be done once all is written that will be.
    fn finish(&self, _db: &Db) -> impl Future<Output = Result<(), DbError>> + Send {
        async { Ok(()) }
    }

    /// Whether a value must not be in one transaction with those of the batch, which has some.
    fn apart(&self, _batch: &[Self::Value], _value: &Self::Value) -> bool {
        false
    }
}

/// Reads a source to its end, or until it is asked to stop.
async fn run<I: Import>(
    run: Run<'_>,
    importer: I,
    source: impl Iterator<Item = Result<I::Value, Fault>>,
) -> Result<Summary, Failed> {
    let db = run.db;
    let importer = Arc::new(importer);
    let mut summary = Summary::default();
    let mut done = read(run, &importer, source, &mut summary).await;
    // A source that ends too soon leaves what was read of it.
    if !matches!(done, Err(ImportError::Database(_))) {
        let finished = importer.finish(db).await;
        done = done.and(finished.map_err(ImportError::from));
    }
    ring(db).await;
    match done {
        Ok(()) => Ok(summary),
        Err(error) => Err(Failed {
            done: summary,
            error: Box::new(error),
        }),
    }
}

async fn read<I: Import>(
    run: Run<'_>,
    importer: &Arc<I>,
    source: impl Iterator<Item = Result<I::Value, Fault>>,
    summary: &mut Summary,
) -> Result<(), ImportError> {
    let mut last_place = None;
    let mut rung = Instant::now();
    let mut source = source.peekable();
    while source.peek().is_some() {
        if run.stop.requested() {
            summary.stopped = Some(last_place.unwrap_or_else(|| "the beginning".to_owned()));
            break;
        }
        let mut batch = Vec::with_capacity(I::BATCH);
        let mut failure = None;
        while batch.len() < I::BATCH {
            match source.next_if(|next| match next {
                Ok(value) => batch.is_empty() || !importer.apart(&batch, value),
                Err(_) => true,
            }) {
                None => break,
                Some(Ok(value)) => batch.push(value),
                Some(Err(Fault::Rejected(rejection))) => {
                    summary.read += 1;
                    summary.rejected.push(rejection);
                }
                Some(Err(fault)) => {
                    failure = Some(fault);
                    break;
                }
            }
        }
        if let Some(last) = batch.last() {
            let line = importer.line(last) + importer.lines(last) - 1;
            last_place = Some(format!("{}:{line}", importer.file(last)));
        }
        store(run.db, importer, batch, summary).await?;
        if let Some(fault) = failure {
            return Err(ImportError::Source(fault));
        }
        (run.progress)(summary);
        if rung.elapsed() >= BELL {
            ring(run.db).await;
            rung = Instant::now();
        }
    }
    Ok(())
}

/// What comes of a source whose header is refused: nothing was read, one thing was rejected.
fn unopened(fault: Fault) -> Result<Summary, Failed> {
    match fault {
        Fault::Rejected(rejection) => Ok(Summary {
            rejected: vec![rejection],
            ..Summary::default()
        }),
        fault @ Fault::Unreadable { .. } => Err(Failed {
            done: Summary::default(),
            error: Box::new(ImportError::Source(fault)),
        }),
    }
}

/// A bell that fails loses nothing but time: readers look each second.
async fn ring(db: &Db) {
    if let Err(error) = feed::ring(db).await {
        tracing::debug!(%error, "the doorbell of the change feed did not ring");
    }
}

/// Writes a batch in one transaction, or one by one where the database refuses something in it.
async fn store<I: Import>(
    db: &Db,
    importer: &Arc<I>,
    batch: Vec<I::Value>,
    summary: &mut Summary,
) -> Result<(), DbError> {
    if batch.is_empty() {
        return Ok(());
    }
    let batch = Arc::new(batch);
    match transact(db, importer, &batch, 0..batch.len()).await {
        Ok(verdicts) => {
            for (value, verdict) in batch.iter().zip(verdicts) {
                count(summary, importer.lines(value), verdict);
            }
            return Ok(());
        }
        Err(error) if refusal(&error).is_none() => return Err(error),
        Err(_) => {}
    }
    for (at, value) in batch.iter().enumerate() {
        let verdict = match transact(db, importer, &batch, at..at + 1).await {
            Ok(verdicts) => verdicts.into_iter().next().unwrap_or(Verdict::Unchanged),
            Err(error) => match refusal(&error) {
                Some(reason) => Verdict::Rejected(importer.refused(value, &reason)),
                None => return Err(error),
            },
        };
        count(summary, importer.lines(value), verdict);
    }
    Ok(())
}

fn count(summary: &mut Summary, lines: u64, verdict: Verdict) {
    summary.read += lines;
    match verdict {
        Verdict::Created => summary.created += lines,
        Verdict::Updated => summary.updated += lines,
        Verdict::UpdatedBut(rejections) => {
            summary.updated += lines;
            summary.rejected.extend(rejections);
        }
        Verdict::Unchanged => summary.unchanged += lines,
        Verdict::Rejected(rejections) => summary.rejected.extend(rejections),
    }
}

/// The database's reason, where it refuses what a value says rather than the person or the moment.
fn refusal(error: &DbError) -> Option<String> {
    match error {
        DbError::Constraint(violation) => Some(match violation.constraint.as_str() {
            "order_lines_not_more_than_ordered" => {
                "expected at least the units that a supplier was asked for or that have left"
                    .to_owned()
            }
            _ => violation.message.clone(),
        }),
        DbError::Raised(raised) => Some(raised.to_string()),
        // Class 22 is a value that its type cannot hold; 54000 one too long for an index.
        DbError::Other(sqlx::Error::Database(refused)) => refused
            .code()
            .filter(|code| code.starts_with("22") || code == "54000")
            .map(|_| refused.message().to_owned()),
        _ => None,
    }
}

async fn transact<I: Import>(
    db: &Db,
    importer: &Arc<I>,
    batch: &Arc<Vec<I::Value>>,
    range: std::ops::Range<usize>,
) -> Result<Vec<Verdict>, DbError> {
    again(|| {
        let (importer, batch, range) = (Arc::clone(importer), Arc::clone(batch), range.clone());
        db.transaction(LIMIT, move |connection| {
            Box::pin(async move {
                let values = &batch[range];
                let file = values.first().map_or("", |value| importer.file(value));
                import::begin(connection, file).await?;
                importer.write(connection, values).await
            })
        })
    })
    .await
}

/// Writes again what another transaction was in the way of, and what may or may not be stored: what is
/// there already changes nothing.
async fn again<T, W>(write: impl Fn() -> W) -> Result<T, DbError>
where
    W: Future<Output = Result<T, DbError>>,
{
    let mut attempt = 1;
    loop {
        match write().await {
            Err(DbError::Retry(_) | DbError::Unknown(_)) if attempt < ATTEMPTS => {
                // Not at once: whoever was in the way is likely to be there still.
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}
