//! Jobs: work that is due, claimed by one worker at a time.
//!
//! A claim is a lease with a fencing token, committed before the work begins. The work's own
//! transaction begins by completing the job under that token, which locks its row: so it is done
//! once, by one worker, together with its effects, or not at all; and a worker that is killed
//! leaves a lease that ends by itself.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::postgres::types::PgInterval;

use super::db::DbError;
use crate::domain::orders::Failure;
use crate::domain::record::RecordId;

/// A job that is ours until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Primary key.
    pub id: i64,
    /// What is to be done.
    pub kind: String,
    /// With what kind of record.
    pub subject_kind: String,
    /// With which record.
    pub subject_id: i64,
    /// How often it has been tried, this time included.
    pub attempts: i32,
    /// The token of this claim.
    pub fence: i64,
    /// Whether an earlier claim ended in the middle of what no transaction can take back: it is not
    /// known whether that was done.
    pub in_doubt: bool,
}

/// Which jobs to claim, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Labels to print, or all other work.
    pub labels: bool,
    /// At most so many.
    pub limit: i64,
    /// How long they are ours.
    pub lease: Duration,
}

/// Claims jobs that are due, first due first.
pub async fn claim(connection: &mut PgConnection, claim: Claim) -> Result<Vec<Job>, DbError> {
    let mut jobs = sqlx::query_as!(
        Job,
        r#"update jobs
           set lease_until = clock_timestamp() + $2, fence = fence + 1, attempts = attempts + 1
           where id in (
               select id from jobs
               where dead_at is null and run_at <= clock_timestamp()
                 and (lease_until is null or lease_until < clock_timestamp())
                 and (kind = 'label') = $3
               order by run_at, id limit $1 for update skip locked)
           returning id, kind, subject_kind, subject_id, attempts, fence,
                     begun_at is not null as "in_doubt!""#,
        claim.limit,
        interval(claim.lease),
        claim.labels,
    )
    .fetch_all(connection)
    .await?;
    jobs.sort_by_key(|job| job.id);
    Ok(jobs)
}

/// Notes that what no transaction can take back is done now, once. To be committed before it is.
///
/// # Errors
/// As [`complete`].
pub async fn begin(connection: &mut PgConnection, job: &Job) -> Result<(), DbError> {
    let begun = sqlx::query!(
        "update jobs set begun_at = clock_timestamp()
         where id = $1 and fence = $2 and begun_at is null",
        job.id,
        job.fence,
    )
    .execute(connection)
    .await?;
    match begun.rows_affected() {
        1 => Ok(()),
        _ => Err(taken(job)),
    }
}

fn taken(job: &Job) -> DbError {
    DbError::Retry(format!("another worker has taken job {}", job.id))
}

/// Completes a job, as the first statement of the transaction that does it. What comes again is due
/// after its interval; older dead jobs of the same work are forgotten.
///
/// # Errors
/// [`DbError::Retry`] where the lease has ended and another worker has it: do nothing.
pub async fn complete(connection: &mut PgConnection, job: &Job) -> Result<(), DbError> {
    let again = sqlx::query!(
        "update jobs set run_at = clock_timestamp() + every, lease_until = null, attempts = 0, error = null
         where id = $1 and fence = $2 and every is not null",
        job.id,
        job.fence,
    )
    .execute(&mut *connection)
    .await?;
    if again.rows_affected() == 1 {
        return Ok(());
    }
    let key = sqlx::query_scalar!(
        "delete from jobs where id = $1 and fence = $2 returning dedupe_key",
        job.id,
        job.fence,
    )
    .fetch_optional(&mut *connection)
    .await?;
    match key {
        None => Err(taken(job)),
        Some(key) => {
            sqlx::query!(
                "delete from jobs where dead_at is not null and dedupe_key = $1",
                key
            )
            .execute(connection)
            .await?;
            Ok(())
        }
    }
}

/// Puts a job back that failed with `error`, to be tried again after `pause`; without an error, one
/// that was not tried. Where the same work has become due anew meanwhile, that job stands for both.
///
/// One statement, so that work that becomes due at the same moment is met and not run into.
pub async fn put_back(
    connection: &mut PgConnection,
    job: &Job,
    pause: Duration,
    error: Option<&str>,
) -> Result<(), DbError> {
    sqlx::query!(
        "with ours as (delete from jobs where id = $1 and fence = $2 returning *)
         insert into jobs as waiting (id, kind, subject_kind, subject_id, dedupe_key, run_at, every,
                                      attempts, error, fence, created_at)
         overriding system value
         select id, kind, subject_kind, subject_id, dedupe_key,
                greatest(run_at, clock_timestamp() + $3), every,
                attempts - case when $4::text is null then 1 else 0 end, coalesce($4, error), fence,
                created_at
         from ours
         on conflict (dedupe_key) where lease_until is null and dead_at is null
         do update set attempts = greatest(waiting.attempts, excluded.attempts),
             error = excluded.error, run_at = greatest(waiting.run_at, excluded.run_at),
             every = coalesce(waiting.every, excluded.every)",
        job.id,
        job.fence,
        interval(pause),
        error,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a job up, for a person to look at, and alerts people to it. `false` where it is not ours any
/// more, or comes again: that is never given up.
pub async fn bury(connection: &mut PgConnection, job: &Job, error: &str) -> Result<bool, DbError> {
    let buried = sqlx::query!(
        "with dead as (
             update jobs set dead_at = clock_timestamp(), lease_until = null, error = $3
             where id = $1 and fence = $2 and every is null
             returning subject_kind, subject_id, kind)
         insert into alerts (kind, subject_kind, subject_id, reason)
         select 'dead_job', subject_kind, subject_id, 'the job ' || kind || ' failed: ' || $3 from dead
         on conflict (kind, subject_kind, subject_id) where cleared_at is null
         do update set reason = excluded.reason",
        job.id,
        job.fence,
        error,
    )
    .execute(connection)
    .await?;
    Ok(buried.rows_affected() > 0)
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// Primary key.
    pub id: i64,
    /// What was to be done.
    pub kind: String,
    /// With what kind of record.
    pub subject_kind: String,
    /// With which record.
    pub subject_id: i64,
    /// When it was given up.
    pub dead_at: DateTime<Utc>,
    /// What it failed with.
    pub error: String,
}

/// Jobs that were given up, the newest first.
pub async fn dead(connection: &mut PgConnection, limit: i64) -> Result<Vec<Dead>, DbError> {
    Ok(sqlx::query_as!(
        Dead,
        r#"select id, kind, subject_kind, subject_id, dead_at as "dead_at!", coalesce(error, '') as "error!"
           from jobs where dead_at is not null order by dead_at desc limit $1"#,
        limit
    )
    .fetch_all(connection)
    .await?)
}

/// A job that failed and is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Primary key.
    pub id: i64,
    /// What is to be done.
    pub kind: String,
    /// With what kind of record.
    pub subject_kind: String,
    /// With which record.
    pub subject_id: i64,
    /// How it has failed so far.
    pub failure: Failure,
}

/// Jobs that failed and are tried again, the next first.
pub async fn failing(connection: &mut PgConnection, limit: i64) -> Result<Vec<Failing>, DbError> {
    Ok(sqlx::query!(
        r#"select id, kind, subject_kind, subject_id, error as "error!", attempts, run_at
           from jobs where error is not null and dead_at is null order by run_at, id limit $1"#,
        limit
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| Failing {
        id: row.id,
        kind: row.kind,
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
        failure: Failure {
            error: row.error,
            attempts: row.attempts,
            next_try: row.run_at,
        },
    })
    .collect())
}

/// Why the work for an order failed last, where it is tried again.
pub async fn failure_of_order(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<Failure>, DbError> {
    Ok(sqlx::query_as!(
        Failure,
        r#"select error as "error!", attempts, run_at as next_try from jobs
           where subject_kind = 'order' and subject_id = $1 and error is not null and dead_at is null
           order by run_at limit 1"#,
        id
    )
    .fetch_optional(connection)
    .await?)
}

/// For how long the oldest due job has waited for a worker, in seconds; labels left alone, which wait
/// for one with a printer.
pub async fn oldest_due(connection: &mut PgConnection) -> Result<Option<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select extract(epoch from clock_timestamp() - greatest(run_at, created_at))::bigint as "seconds!" from jobs
           where dead_at is null and run_at <= clock_timestamp() and kind <> 'label'
             and (lease_until is null or lease_until < clock_timestamp())
           order by run_at limit 1"#
    )
    .fetch_optional(connection)
    .await?)
}

/// What becomes of work that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is tried again.
    Retried,
    /// It is done, or needs not be done.
    Done,
}

impl Settled {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Retried => "retried",
            Self::Done => "done",
        }
    }
}

/// Settles what was given up of the work for a record. Whoever may, the schema does the rest.
pub async fn settle(
    connection: &mut PgConnection,
    record: RecordId,
    to: Settled,
) -> Result<(), DbError> {
    sqlx::query!(
        "update alerts set cleared_at = clock_timestamp(), settled = $3
         where kind = 'dead_job' and cleared_at is null and (
             (subject_kind, subject_id) in (
                 select $1, $2::bigint
                 union all
                 select 'product', product_id from stock_levels where $1 = 'stock' and id = $2)
             or $1 = 'stock' and subject_kind = 'purchase_order' and exists (
                 select from purchase_order_lines l join stock_levels s on s.product_id = l.product_id
                 where l.purchase_order_id = alerts.subject_id and s.id = $2))",
        record.kind.as_str(),
        record.id,
        to.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets work that was given up be tried again: all of it, or that for the subject of one job. Answers
/// with how many jobs that were.
pub async fn revive(connection: &mut PgConnection, id: Option<i64>) -> Result<u64, DbError> {
    let dead = sqlx::query_scalar!(
        r#"select count(*) as "count!" from jobs
           where dead_at is not null and ($1::bigint is null or (subject_kind, subject_id) in (
               select subject_kind, subject_id from jobs where dead_at is not null and id = $1))"#,
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "update alerts set cleared_at = clock_timestamp(), settled = 'retried'
         where kind = 'dead_job' and cleared_at is null and ($1::bigint is null
             or (subject_kind, subject_id) in (
                 select subject_kind, subject_id from jobs where dead_at is not null and id = $1))",
        id
    )
    .execute(connection)
    .await?;
    Ok(dead.unsigned_abs())
}

/// Spreads what is due now over time, so that it can be watched: the nearest promise first.
pub async fn pace(connection: &mut PgConnection, between: Duration) -> Result<(), DbError> {
    sqlx::query!(
        "update jobs j set run_at = clock_timestamp() + queue.place * $1::interval
         from (select j.id, row_number() over (order by o.due_at, o.id) as place
               from jobs j join orders o on o.id = j.subject_id
               where j.kind = 'order' and j.dead_at is null and j.lease_until is null) queue
         where j.id = queue.id",
        interval(between),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Work that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Jobs that are due, those that a worker has in hand included.
    pub due: i64,
    /// Jobs that were given up.
    pub dead: i64,
}

/// How much work is due, counted up to 1,000; labels counted only where they can be printed.
pub async fn left(connection: &mut PgConnection, labels: bool) -> Result<Left, DbError> {
    Ok(sqlx::query_as!(
        Left,
        r#"select (select count(*) from (select from jobs
                   where dead_at is null and run_at <= clock_timestamp() and ($1 or kind <> 'label')
                   limit 1000) due) as "due!",
                  (select count(*) from (select from jobs
                   where dead_at is not null limit 1000) dead) as "dead!""#,
        labels
    )
    .fetch_one(connection)
    .await?)
}

/// Tells the history of this transaction that the worker did it, and what.
pub async fn announce(
    connection: &mut PgConnection,
    verb: &str,
    reason: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "select set_config('packline.source', 'worker', true) as source,
                set_config('packline.verb', $1, true) as verb,
                set_config('packline.reason', $2, true) as reason",
        verb,
        reason,
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

fn interval(span: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(span.as_micros()).unwrap_or(i64::MAX),
    }
}
