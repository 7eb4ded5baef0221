//! Sending notices: claiming what is due, and what became of it.
//!
//! The table is its own queue. A claim raises `attempts` and sets `retry_at` to when the claim
//! ends, so that a notice whose sender never comes back is due again, with the same Message-ID;
//! who comes back with an older number of attempts changes nothing.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::domain::notices::{Attachment, Mail, NoticeKind, Subject};
use crate::store::db::DbError;
use crate::store::rows::Columns;

/// A notice that is ours to send until `retry_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Primary key.
    pub id: i64,
    /// The number of this attempt, from 1.
    pub attempt: i32,
    /// What it tells.
    pub kind: NoticeKind,
    /// What it is about.
    pub subject: Subject,
    /// To whom.
    pub recipient: String,
    /// What it says.
    pub mail: Mail,
    /// A file that goes with it.
    pub attachment: Option<Attachment>,
    /// Without angle brackets; the same at every attempt.
    pub message_id: String,
    /// Message-IDs that it answers, the nearest last.
    pub answers: Vec<String>,
    /// When it was due first.
    pub due: DateTime<Utc>,
}

impl Claimed {
    /// What names the claim: whoever comes back with another attempt's number has lost it.
    pub const fn claim(&self) -> (i64, i32) {
        (self.id, self.attempt)
    }
}

/// What a claim got.
#[derive(Debug, Default)]
pub struct Claims {
    /// To be sent.
    pub readable: Vec<Claimed>,
    /// How many this program could not read; they have failed.
    pub unreadable: u64,
}

/// Which notices to claim.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Only this one.
    pub id: Option<i64>,
    /// At most so many.
    pub limit: i64,
    /// None whose recipient is at one of these mail hosts (small letters).
    pub except_hosts: Vec<String>,
    /// The domain of Message-IDs that are given now.
    pub domain: String,
    /// What is due at this instant.
    pub now: DateTime<Utc>,
    /// When the claim ends by itself.
    pub until: DateTime<Utc>,
}

/// Claims notices that are due, those first that are due longest. Never one that another claims. One
/// that this program cannot read fails with the reason, and holds no other up.
pub async fn claim(connection: &mut PgConnection, claim: &Claim) -> Result<Claims, DbError> {
    let rows = sqlx::query(
        "with due as (
             select id from notices
             where state in ('held', 'queued') and coalesce(retry_at, held_until) <= $1
               and not is_kept_back(notices)
               and ($2::bigint is null or id = $2)
               and lower(trim(trailing '> ' from split_part(recipient, '@', -1))) <> all ($3)
             order by coalesce(retry_at, held_until), id
             limit $4
             for update skip locked)
         update notices n
         set state = 'queued', attempts = attempts + 1, retry_at = $5, sending = true,
             message_id = coalesce(message_id, format('%s.%s.%s@%s', kind, n.id,
                 to_char(created_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS'), $6::text))
         from due where n.id = due.id
         returning n.id, attempts, kind, subject_kind, subject_id, recipient, subject_line, body, html, attachment_name,
                   attachment, message_id, in_reply_to, mail_references, held_until",
    )
    .bind(claim.now)
    .bind(claim.id)
    .bind(&claim.except_hosts)
    .bind(claim.limit)
    .bind(claim.until)
    .bind(&claim.domain)
    .fetch_all(&mut *connection)
    .await?;
    let mut claims = Claims::default();
    for row in &rows {
        let columns = Columns::of("notice", row)?;
        match claimed(&columns) {
            Ok(claimed) => claims.readable.push(claimed),
            Err(error) => {
                let (id, attempt) = (columns.id, columns.get("attempts")?);
                fail(connection, (id, attempt), &error.to_string()).await?;
                claims.unreadable += 1;
            }
        }
    }
    Ok(claims)
}

fn claimed(row: &Columns<'_>) -> Result<Claimed, DbError> {
    let mut answers: Vec<String> = row.get("mail_references")?;
    if let Some(answered) = row.get("in_reply_to")?
        && answers.last() != Some(&answered)
    {
        answers.push(answered);
    }
    let name: Option<String> = row.get("attachment_name")?;
    Ok(Claimed {
        id: row.id,
        attempt: row.get("attempts")?,
        kind: row.word("kind")?,
        subject: Subject::new(row.word("subject_kind")?, row.get("subject_id")?),
        recipient: row.get("recipient")?,
        mail: Mail {
            subject: row.get("subject_line")?,
            text: row.get("body")?,
            html: row.get("html")?,
        },
        attachment: name
            .zip(row.get("attachment")?)
            .map(|(name, text)| Attachment { name, text }),
        message_id: row.get("message_id")?,
        answers,
        due: row.get("held_until")?,
    })
}

/// The mail server has taken it. `false` where the claim had ended and another holds it.
pub async fn sent(
    connection: &mut PgConnection,
    claimed: &Claimed,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices set state = 'sent', sent_at = $3, retry_at = null, error = null, sending = false
         where id = $1 and attempts = $2 and state = 'queued'",
        claimed.id,
        claimed.attempt,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It did not get through and is tried again. `false` as for [`sent`].
pub async fn retry(
    connection: &mut PgConnection,
    claimed: &Claimed,
    at: DateTime<Utc>,
    error: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices set retry_at = $3, error = $4, sending = false
         where id = $1 and attempts = $2 and state = 'queued'",
        claimed.id,
        claimed.attempt,
        at,
        error,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It was not its turn: as if it had not been claimed, but due at `at`. `false` as for [`sent`].
pub async fn put_back(
    connection: &mut PgConnection,
    claimed: &Claimed,
    at: DateTime<Utc>,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices set retry_at = $3, attempts = attempts - 1, sending = false
         where id = $1 and attempts = $2 and state = 'queued'",
        claimed.id,
        claimed.attempt,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It will not get through by itself: a person decides. `false` as for [`sent`].
pub async fn fail(
    connection: &mut PgConnection,
    (id, attempt): (i64, i32),
    error: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices set state = 'failed', retry_at = null, error = $3, sending = false
         where id = $1 and attempts = $2 and state = 'queued'",
        id,
        attempt,
        error,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// When the next notice is due, if any is.
pub async fn next_due(connection: &mut PgConnection) -> Result<Option<DateTime<Utc>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(retry_at, held_until) as "due!" from notices
           where state in ('held', 'queued') and not is_kept_back(notices)
           order by coalesce(retry_at, held_until), id limit 1"#
    )
    .fetch_optional(connection)
    .await?)
}
