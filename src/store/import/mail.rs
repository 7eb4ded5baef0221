//! Writing mail: finding its ticket, and adding to it.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::domain::tickets::{MessageKind, Priority};
use crate::store::db::DbError;

/// A message that is there already.
pub struct KnownMessage {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
}

/// The message that a mailbox has under a Message-ID.
pub async fn message(
    connection: &mut PgConnection,
    mailbox: &str,
    message_id: &str,
) -> Result<Option<KnownMessage>, DbError> {
    let row = sqlx::query_as!(
        KnownMessage,
        "select subject, body from messages where mailbox = $1 and message_id = $2",
        mailbox,
        message_id
    );
    Ok(row.fetch_optional(connection).await?)
}

/// The ticket of the first of these Message-IDs that a message of ours has.
pub async fn thread(
    connection: &mut PgConnection,
    message_ids: &[String],
) -> Result<Option<i64>, DbError> {
    let row = sqlx::query_scalar!(
        "select m.ticket_id
         from unnest($1::text[]) with ordinality as wanted (id, place)
         join messages m on m.message_id = wanted.id
         order by wanted.place, m.id limit 1",
        message_ids
    );
    Ok(row.fetch_optional(connection).await?)
}

/// What a notice of ours with this Message-ID was about.
pub async fn notice(
    connection: &mut PgConnection,
    message_id: &str,
) -> Result<Option<(String, i64)>, DbError> {
    let row = sqlx::query!(
        "select subject_kind, subject_id from notices where message_id = $1",
        message_id
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.subject_kind, row.subject_id)))
}

/// The ticket of a number, if the token is its own.
pub async fn by_token(
    connection: &mut PgConnection,
    number: i64,
    token: &str,
) -> Result<Option<i64>, DbError> {
    let row = sqlx::query_scalar!(
        "select id from tickets where id = $1 and lower(token) = $2",
        number,
        token
    );
    Ok(row.fetch_optional(connection).await?)
}

/// The order that one of these numbers names, the first first. Where two channels share a number
/// it is the sender's own order, or none.
pub async fn order(
    connection: &mut PgConnection,
    numbers: &[String],
    sender: Option<&str>,
) -> Result<Option<i64>, DbError> {
    let rows = sqlx::query!(
        "select o.id, o.number, coalesce(lower(o.email) = lower($2), false) as \"theirs!\"
         from unnest($1::text[]) with ordinality as wanted (number, place)
         join orders o on o.number = wanted.number
         order by wanted.place, o.id",
        numbers,
        sender
    )
    .fetch_all(connection)
    .await?;
    let theirs = rows.iter().find(|row| row.theirs);
    let alone = rows.iter().find(|row| {
        rows.iter()
            .filter(|other| other.number == row.number)
            .count()
            == 1
    });
    Ok(theirs.or(alone).map(|row| row.id))
}

/// The newest open ticket of a sender about an order.
pub async fn open_ticket(
    connection: &mut PgConnection,
    order: i64,
    sender: &str,
) -> Result<Option<i64>, DbError> {
    let row = sqlx::query_scalar!(
        "select id from tickets
         where order_id = $1 and lower(email) = lower($2) and state in ('new', 'open', 'pending')
         order by id desc limit 1",
        order,
        sender
    );
    Ok(row.fetch_optional(connection).await?)
}

/// How a ticket stands.
pub struct Standing {
    /// Its state.
    pub state: String,
    /// Its priority.
    pub priority: String,
    /// Where it went.
    pub merged_into_id: Option<i64>,
    /// The order it is about.
    pub order_id: Option<i64>,
}

/// How a ticket stands.
pub async fn standing(connection: &mut PgConnection, id: i64) -> Result<Standing, DbError> {
    let row = sqlx::query_as!(
        Standing,
        "select state, priority, merged_into_id, order_id from tickets where id = $1",
        id
    );
    Ok(row.fetch_one(connection).await?)
}

/// Makes a ticket ours to act on again: it is open if it waited or was resolved, and not snoozed.
pub async fn wake(connection: &mut PgConnection, id: i64) -> Result<(), DbError> {
    sqlx::query!(
        "update tickets
         set state = case when state in ('pending', 'resolved') then 'open' else state end,
             resolution = case when state = 'resolved' then null else resolution end,
             snoozed_until = null
         where id = $1
           and (state in ('pending', 'resolved') or snoozed_until is not null)",
        id
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A ticket to be made.
pub struct NewTicket<'a> {
    /// What it is about, as the sender put it.
    pub subject: &'a str,
    /// The sender's address.
    pub email: Option<&'a str>,
    /// The sender's name, or address.
    pub name: &'a str,
    /// The order it is about.
    pub order_id: Option<i64>,
    /// How soon it must be answered.
    pub priority: Priority,
    /// The closed ticket that it goes on from.
    pub continues: Option<i64>,
    /// When the mail was written.
    pub at: DateTime<Utc>,
}

/// Makes a ticket.
pub async fn insert_ticket(
    connection: &mut PgConnection,
    ticket: &NewTicket<'_>,
) -> Result<i64, DbError> {
    let row = sqlx::query_scalar!(
        "insert into tickets (customer_id, order_id, subject, email, customer_name, priority,
                              continues_id, opened_at)
         values ((select id from customers where lower(email) = lower($1)), $2, $3, $1, $4, $5, $6, $7)
         returning id",
        ticket.email,
        ticket.order_id,
        ticket.subject,
        ticket.name,
        ticket.priority.as_str(),
        ticket.continues,
        ticket.at
    );
    Ok(row.fetch_one(connection).await?)
}

/// Says which order a ticket is about, where nobody has said so yet.
pub async fn link_order(
    connection: &mut PgConnection,
    ticket: i64,
    order: i64,
) -> Result<(), DbError> {
    sqlx::query!(
        "update tickets set order_id = $2 where id = $1 and order_id is null",
        ticket,
        order
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A message that came by mail.
pub struct NewMail<'a> {
    /// What it is.
    pub kind: MessageKind,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Who wrote it.
    pub sender: &'a str,
    /// Its subject.
    pub subject: &'a str,
    /// Its text.
    pub body: &'a str,
    /// The mailbox that received it.
    pub mailbox: &'a str,
    /// Its Message-ID.
    pub message_id: &'a str,
    /// The Message-ID of the mail that it answers.
    pub in_reply_to: Option<&'a str>,
}

/// Adds a mail to a ticket, and answers with the message's key.
pub async fn insert_message(
    connection: &mut PgConnection,
    ticket: i64,
    mail: &NewMail<'_>,
) -> Result<i64, DbError> {
    let row = sqlx::query_scalar!(
        "insert into messages (ticket_id, kind, at, sender, subject, body, mailbox, message_id,
                               in_reply_to)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id",
        ticket,
        mail.kind.as_str(),
        mail.at,
        mail.sender,
        mail.subject,
        mail.body,
        mail.mailbox,
        mail.message_id,
        mail.in_reply_to
    );
    Ok(row.fetch_one(connection).await?)
}

/// Keeps a file that came with a message.
pub async fn insert_attachment(
    connection: &mut PgConnection,
    message: i64,
    name: &str,
    content_type: &str,
    content: &[u8],
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into attachments (message_id, name, content_type, content) values ($1, $2, $3, $4)",
        message,
        name,
        content_type,
        content
    )
    .execute(connection)
    .await?;
    Ok(())
}
