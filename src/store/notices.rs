//! Notices: laying them ready, stopping them, and reading them.

mod sending;
mod waiting;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

pub use sending::{Claim, Claimed, Claims, claim, fail, next_due, put_back, retry, sent};
pub use waiting::{
    FailedFor, Limited, PutOff, PutOffFor, count_failed, failed_for, limited, put_off, put_off_for,
};

use super::db::DbError;
use super::rows::word;
use crate::domain::notices::{
    Attachment, Mail, NewNotice, Notice, NoticeKind, NoticeState, Subject,
};

/// Lays a notice ready, to leave once `held_until` has passed, and answers with its primary key;
/// `None` where the same occasion was told before.
///
/// Part of the business transaction: where that rolls back, there is no notice.
pub async fn enqueue(
    connection: &mut PgConnection,
    notice: &NewNotice,
    held_until: DateTime<Utc>,
) -> Result<Option<i64>, DbError> {
    let (name, text) = match &notice.attachment {
        Some(Attachment { name, text }) => (Some(name.as_str()), Some(text.as_str())),
        None => (None, None),
    };
    Ok(sqlx::query_scalar!(
        "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line,
                              body, html, attachment_name, attachment, held_until, in_reply_to,
                              mail_references)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict on constraint notices_once do nothing
         returning id",
        notice.kind.as_str(),
        notice.subject.kind.as_str(),
        notice.subject.id,
        notice.occasion,
        notice.recipient,
        notice.mail.subject,
        notice.mail.text,
        notice.mail.html,
        name,
        text,
        held_until,
        notice.answers.last(),
        &notice.answers,
    )
    .fetch_optional(connection)
    .await?)
}

/// Writes a notice anew that was laid ready and that nobody has got: with the same occasion, it says
/// something else. False where it has left or is leaving, or there is none.
pub async fn rewrite(connection: &mut PgConnection, notice: &NewNotice) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices
         set subject_line = $5, body = $6, html = $7, attachment = coalesce($8, attachment), outdated = false
         where kind = $1 and subject_kind = $2 and subject_id = $3 and occasion = $4
           and state <> 'sent' and not sending",
        notice.kind.as_str(),
        notice.subject.kind.as_str(),
        notice.subject.id,
        notice.occasion,
        notice.mail.subject,
        notice.mail.text,
        notice.mail.html,
        notice.attachment.as_ref().map(|file| file.text.as_str()),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lays a notice ready that was stopped before anybody got it, as it reads now. False where there is
/// none.
pub async fn revive(
    connection: &mut PgConnection,
    notice: &NewNotice,
    held_until: DateTime<Utc>,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices
         set state = 'queued', attempts = 0, retry_at = $9, held_until = $9, error = null, outdated = false,
             recipient = $5, subject_line = $6, body = $7, html = $8
         where kind = $1 and subject_kind = $2 and subject_id = $3 and occasion = $4
           and state = 'cancelled'",
        notice.kind.as_str(),
        notice.subject.kind.as_str(),
        notice.subject.id,
        notice.occasion,
        notice.recipient,
        notice.mail.subject,
        notice.mail.text,
        notice.mail.html,
        held_until,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stops the notices of a kind about a record that have not left: another one takes their place.
pub async fn supersede(
    connection: &mut PgConnection,
    kind: NoticeKind,
    subject: Subject,
) -> Result<(), DbError> {
    sqlx::query!(
        "update notices set state = 'cancelled', outdated = true
         where kind = $1 and subject_kind = $2 and subject_id = $3
           and (state in ('held', 'failed') or state = 'queued' and not sending)",
        kind.as_str(),
        subject.kind.as_str(),
        subject.id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The history of what this transaction does says that the worker did it.
pub async fn as_worker(connection: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!("select set_config('packline.source', 'worker', true)")
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Stops a notice that is held or waits to be tried again, or gives one up that failed. `false`
/// where it has left, is leaving, or was stopped.
pub async fn cancel(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices set state = 'cancelled'
         where id = $1 and (state in ('held', 'failed') or state = 'queued' and not sending)",
        id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sends a notice after all that failed or was stopped, to another address where one is given.
/// `false` where it is neither.
pub async fn requeue(
    connection: &mut PgConnection,
    id: i64,
    recipient: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update notices
         set state = 'queued', attempts = 0, retry_at = $3, held_until = $3, error = null,
             recipient = coalesce($2, recipient)
         where id = $1 and state in ('failed', 'cancelled')",
        id,
        recipient,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The row of a notice, as its view needs it.
struct Row {
    id: i64,
    kind: String,
    subject_kind: String,
    subject_id: i64,
    recipient: String,
    subject_line: String,
    body: String,
    html: Option<String>,
    attachment_name: Option<String>,
    state: String,
    held_until: DateTime<Utc>,
    retry_at: Option<DateTime<Utc>>,
    attempts: i32,
    error: Option<String>,
    sent_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Notice {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id,
            kind: word("notices.kind", row.id, &row.kind)?,
            subject: Subject::new(
                word("notices.subject_kind", row.id, &row.subject_kind)?,
                row.subject_id,
            ),
            recipient: row.recipient,
            mail: Mail {
                subject: row.subject_line,
                text: row.body,
                html: row.html,
            },
            attachment: row.attachment_name,
            state: word("notices.state", row.id, &row.state)?,
            held_until: row.held_until,
            retry_at: row.retry_at,
            attempts: row.attempts,
            error: row.error,
            sent_at: row.sent_at,
        })
    }
}

/// The notices about one record, newest first; at most 100.
pub async fn of_subject(
    connection: &mut PgConnection,
    subject: Subject,
) -> Result<Vec<Notice>, DbError> {
    sqlx::query_as!(
        Row,
        "select id, kind, subject_kind, subject_id, recipient, subject_line, body, html,
                attachment_name, state, held_until, retry_at, attempts, error, sent_at
         from notices where subject_kind = $1 and subject_id = $2
         order by id desc limit 100",
        subject.kind.as_str(),
        subject.id,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Notice::try_from)
    .collect()
}

/// The notices about an order, its parcels, its tickets and what was ordered of suppliers for it,
/// newest first; at most 100.
pub async fn of_order(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<Notice>, DbError> {
    sqlx::query_as!(
        Row,
        "select id, kind, subject_kind, subject_id, recipient, subject_line, body, html,
                attachment_name, state, held_until, retry_at, attempts, error, sent_at
         from notices
         where id in (
             select id from notices where order_id = $1
             union all
             select n.id
             from tickets t join notices n on n.subject_kind = 'ticket' and n.subject_id = t.id
             where t.order_id = $1)
         order by id desc limit 100",
        order_id,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Notice::try_from)
    .collect()
}

/// The notices about what is on order of a stock level's product for our own stock, and those about
/// earlier orders that failed, newest first; at most 100.
pub async fn of_level(connection: &mut PgConnection, level: i64) -> Result<Vec<Notice>, DbError> {
    sqlx::query_as!(
        Row,
        "select n.id, n.kind, n.subject_kind, n.subject_id, n.recipient, n.subject_line, n.body, n.html,
                n.attachment_name, n.state, n.held_until, n.retry_at, n.attempts, n.error, n.sent_at
         from stock_levels s
         join locations place on place.id = s.location_id and place.supplier_id is null
         cross join lateral (
             select m.id
             from purchase_orders p
             join purchase_order_lines l on l.purchase_order_id = p.id and l.product_id = s.product_id
             join notices m on m.subject_kind = 'purchase_order' and m.subject_id = p.id
             where p.fulfilment_id is null and p.state in ('draft', 'sent', 'accepted')
             union
             select m.id
             from notices m
             join purchase_order_lines l on l.purchase_order_id = m.subject_id and l.product_id = s.product_id
             where m.subject_kind = 'purchase_order' and m.order_id is null and m.state = 'failed') about
         join notices n on n.id = about.id
         where s.id = $1
         order by n.id desc limit 100",
        level,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Notice::try_from)
    .collect()
}

/// A notice that a person can do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Primary key.
    pub id: i64,
    /// What it tells.
    pub kind: NoticeKind,
    /// To whom.
    pub recipient: String,
    /// Not [`NoticeState::Sent`].
    pub state: NoticeState,
    /// Why what it says no longer stands, where it does not: nobody is to be told it any more.
    pub moot: Option<String>,
}

/// The notices about an order and its parts that are held, wait to be tried again or failed, and
/// the purchase orders that were stopped and wait for an answer all the same; oldest first, locked.
pub async fn open_of_order(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<Open>, DbError> {
    sqlx::query!(
        "select n.id, n.kind, n.recipient, n.state,
                case when n.kind = 'purchase_order' and p.state <> 'sent'
                          or n.kind = 'address_changed' and p.state in ('cancelled', 'rejected')
                     then 'PO-' || p.id || ' is ' || p.state
                     when n.kind = 'purchase_order' and not is_to_be_asked(p)
                     then 'the supplier of PO-' || p.id || ' has begun'
                     when n.kind in ('order_confirmation', 'delay') and o.stage = 'cancelled'
                          or n.kind = 'delay' and o.stage in ('delivered', 'closed')
                     then o.number || ' is ' || o.stage end as moot
         from notices n
         join orders o on o.id = n.order_id
         left join purchase_orders p on n.subject_kind = 'purchase_order' and p.id = n.subject_id
         where n.order_id = $1
           and (n.state in ('held', 'queued', 'failed') or n.state = 'cancelled' and n.kind = 'purchase_order')
           and not n.sending and (n.state <> 'cancelled' or p.state = 'sent' and is_to_be_asked(p))
         order by n.id for no key update of n",
        order_id,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| open(row.id, &row.kind, row.recipient, &row.state, row.moot))
    .collect()
}

/// As [`open_of_order`], about what was ordered of a stock level's product for our own stock.
pub async fn open_of_level(
    connection: &mut PgConnection,
    level: i64,
) -> Result<Vec<Open>, DbError> {
    sqlx::query!(
        "select n.id, n.kind, n.recipient, n.state,
                case when n.kind = 'purchase_order' and p.state <> 'sent'
                     then 'PO-' || p.id || ' is ' || p.state end as moot
         from stock_levels s
         join notices n on n.subject_kind = 'purchase_order' and n.order_id is null
         join purchase_orders p on p.id = n.subject_id
         join purchase_order_lines l on l.purchase_order_id = p.id and l.product_id = s.product_id
         where s.id = $1
           and (n.state in ('held', 'queued', 'failed') or n.state = 'cancelled' and n.kind = 'purchase_order')
           and not n.sending and (n.state <> 'cancelled' or p.state = 'sent' and is_to_be_asked(p))
         order by n.id for no key update of n",
        level,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| open(row.id, &row.kind, row.recipient, &row.state, row.moot))
    .collect()
}

/// As [`open_of_order`], of a ticket.
pub async fn open_of_ticket(
    connection: &mut PgConnection,
    ticket_id: i64,
) -> Result<Vec<Open>, DbError> {
    sqlx::query!(
        "select id, kind, recipient, state from notices
         where subject_kind = 'ticket' and subject_id = $1 and state in ('held', 'queued', 'failed')
           and not sending
         order by id for no key update",
        ticket_id,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| open(row.id, &row.kind, row.recipient, &row.state, None))
    .collect()
}

fn open(
    id: i64,
    kind: &str,
    recipient: String,
    state: &str,
    moot: Option<String>,
) -> Result<Open, DbError> {
    Ok(Open {
        id,
        kind: word("notices.kind", id, kind)?,
        recipient,
        state: word("notices.state", id, state)?,
        moot,
    })
}
