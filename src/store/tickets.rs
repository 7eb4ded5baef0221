//! Tickets: their summaries, and what acts read and write of them.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::{self, Columns, one_row};
use crate::domain::tickets::{MessageKind, Priority, Resolution, TicketState, TicketSummary};

/// A ticket as its list shows it: a `select` that ends where conditions may follow. The ticket is
/// `t` and its order `parent` (none where no order is linked); [`from_row`]
/// reads its rows. A snooze that is over counts as none.
pub const SELECT: &str = "
    select t.id, t.version, t.subject, coalesce(nullif(t.customer_name, ''), t.email, '') as customer,
           t.email is not null as has_address, t.order_id, parent.number as order_number, t.state, t.priority, t.assignee,
           nullif(t.due_at, '9999-12-31 00:00+00') as due_at,
           case t.due_at when '9999-12-31 00:00+00' then null
                when t.first_response_due then 'first_response'
                when t.next_response_due then 'next_response'
                when t.resolution_due then 'resolution' end as clock,
           case when t.snoozed_until > now() then t.snoozed_until end as snoozed_until, said.last as last_message_at, said.messages,
           mail.held as held_mails, mail.failed as failed_mails
    from tickets t
    left join orders parent on parent.id = t.order_id
    cross join lateral (
        select count(*) as messages, max(at) as last
        from messages where ticket_id = t.id) said
    cross join lateral (
        select count(*) filter (where state = 'held') as held,
               count(*) filter (where state = 'failed') as failed
        from notices
        where subject_kind = 'ticket' and subject_id = t.id and state in ('held', 'failed')) mail ";

/// Reads a row of [`SELECT`].
///
/// # Errors
/// Which column of which ticket does not fit.
pub fn from_row(row: &PgRow) -> Result<TicketSummary, DbError> {
    let columns = Columns::of("ticket", row)?;
    Ok(TicketSummary {
        id: columns.id,
        version: columns.get("version")?,
        subject: columns.get("subject")?,
        customer: columns.get("customer")?,
        has_address: columns.get("has_address")?,
        order_id: columns.get("order_id")?,
        order_number: columns.get("order_number")?,
        state: columns.word("state")?,
        priority: columns.word("priority")?,
        assignee: columns.get("assignee")?,
        due_at: columns.get("due_at")?,
        clock: columns.optional_word("clock")?,
        snoozed_until: columns.get("snoozed_until")?,
        last_message_at: columns.get("last_message_at")?,
        messages: columns.get("messages")?,
        held_mails: columns.get("held_mails")?,
        failed_mails: columns.get("failed_mails")?,
    })
}

/// The ticket with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<TicketSummary>, DbError> {
    rows::one(connection, SELECT, "t.id = $1", id, from_row).await
}

/// Locks a ticket's order and then the ticket, if it exists.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    sqlx::query!(
        "select id from orders where id = (select order_id from tickets where id = $1) for no key update",
        id
    )
    .fetch_optional(&mut *connection)
    .await?;
    Ok(
        sqlx::query_scalar!("select id from tickets where id = $1 for no key update", id)
            .fetch_optional(connection)
            .await?
            .is_some(),
    )
}

/// What an answer needs to know of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondence {
    /// The customer's mail address.
    pub email: Option<String>,
    /// By which answers find the ticket.
    pub token: String,
    /// The Message-ID of the customer's last mail.
    pub last_mail: Option<String>,
}

/// What an answer to this ticket needs to know.
pub async fn correspondence(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Correspondence, DbError> {
    Ok(sqlx::query_as!(
        Correspondence,
        "select email, token,
                (select message_id from messages
                 where ticket_id = tickets.id and kind = 'inbound' and message_id is not null
                 order by at desc, id desc limit 1) as last_mail
         from tickets where id = $1",
        id
    )
    .fetch_one(connection)
    .await?)
}

/// Gives a ticket to somebody, or to nobody; `from` is who has it.
pub async fn set_assignee(
    connection: &mut PgConnection,
    id: i64,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update tickets set assignee = $3 where id = $1 and assignee is not distinct from $2",
        id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the ticket")
}

/// Moves a ticket from one state to another.
pub async fn set_state(
    connection: &mut PgConnection,
    id: i64,
    from: TicketState,
    to: TicketState,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update tickets set state = $3 where id = $1 and state = $2",
        id,
        from.as_str(),
        to.as_str(),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the ticket")
}

/// A message that somebody of ours writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage<'a> {
    /// What it is.
    pub kind: MessageKind,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Its subject; empty where it has none.
    pub subject: &'a str,
    /// Its text.
    pub body: &'a str,
    /// The Message-ID that it goes out with.
    pub message_id: Option<&'a str>,
    /// The Message-ID of the mail that it answers.
    pub in_reply_to: Option<&'a str>,
}

/// Adds a message to a ticket, and answers with its primary key.
pub async fn insert_message(
    connection: &mut PgConnection,
    id: i64,
    message: &NewMessage<'_>,
) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        "insert into messages (ticket_id, kind, at, subject, body, message_id, in_reply_to)
         values ($1, $2, $3, $4, $5, $6, $7) returning id",
        id,
        message.kind.as_str(),
        message.at,
        message.subject,
        message.body,
        message.message_id,
        message.in_reply_to,
    )
    .fetch_one(connection)
    .await?)
}

/// Lays a message ready to be mailed once `held_until` has passed; until then it can be stopped.
/// A message goes out once. Answers with the notice's primary key.
pub async fn insert_reply_notice(
    connection: &mut PgConnection,
    id: i64,
    message: (i64, &NewMessage<'_>),
    recipient: &str,
    held_until: DateTime<Utc>,
) -> Result<i64, DbError> {
    let (message_key, message) = message;
    Ok(sqlx::query_scalar!(
        "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body,
                              held_until, message_id, in_reply_to)
         values ('ticket_reply', 'ticket', $1, $2, $3, $4, $5, $6, $7, $8)
         returning id",
        id,
        message_key.to_string(),
        recipient,
        message.subject,
        message.body,
        held_until,
        message.message_id,
        message.in_reply_to,
    )
    .fetch_one(connection)
    .await?)
}

/// Links a ticket with an order, or with none; `from` is the order so far.
pub async fn set_order(
    connection: &mut PgConnection,
    id: i64,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update tickets set order_id = $3 where id = $1 and order_id is not distinct from $2",
        id,
        from,
        to,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the ticket")
}

/// Sets how soon it must be answered; `from` is the priority so far.
pub async fn set_priority(
    connection: &mut PgConnection,
    id: i64,
    from: Priority,
    to: Priority,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update tickets set priority = $3 where id = $1 and priority = $2",
        id,
        from.as_str(),
        to.as_str(),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the ticket")
}

/// Sets how it was settled, or that it was not, and wakes it.
pub async fn set_resolution(
    connection: &mut PgConnection,
    id: i64,
    from: TicketState,
    to: TicketState,
    resolution: Option<Resolution>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update tickets set state = $3, resolution = $4, snoozed_until = null
         where id = $1 and state = $2",
        id,
        from.as_str(),
        to.as_str(),
        resolution.map(Resolution::as_str),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the ticket")
}

/// How a ticket was settled.
pub async fn resolution(connection: &mut PgConnection, id: i64) -> Result<Option<String>, DbError> {
    Ok(
        sqlx::query_scalar!("select resolution from tickets where id = $1", id)
            .fetch_one(connection)
            .await?,
    )
}

/// Puts a ticket out of sight until an instant, or back in sight.
pub async fn set_snoozed_until(
    connection: &mut PgConnection,
    id: i64,
    until: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update tickets set snoozed_until = $2 where id = $1",
        id,
        until,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the ticket")
}
