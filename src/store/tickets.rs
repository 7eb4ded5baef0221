//! Tickets: their summaries, and what acts read and write of them.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::db::DbError;
use super::rows::{self, Columns, one_row, word};
use crate::domain::tickets::{
    Clock, ClockEvent, ClockEventKind, Clocks, MessageKind, Priority, Resolution, Running,
    TicketState, TicketSummary,
};

/// A ticket as its list shows it: a `select` that ends where conditions may follow. The ticket is
/// `t` and its order `parent` (none where no order is linked); [`from_row`]
/// reads its rows. A snooze that is over counts as none.
pub const SELECT: &str = "
    select t.id, t.version, t.subject, coalesce(nullif(t.customer_name, ''), t.email, '') as customer,
           t.order_id, parent.number as order_number, t.state, t.priority, t.assignee,
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

/// A ticket's clocks, from its due times and the last event of each clock.
pub async fn clocks(connection: &mut PgConnection, id: i64) -> Result<Clocks, DbError> {
    let ticket = sqlx::query!(
        "select opened_at, first_response_due, next_response_due, resolution_due
         from tickets where id = $1",
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    let events = sqlx::query!(
        "select distinct on (clock) clock, event, at, due_at from clock_events
         where ticket_id = $1 order by clock, id desc",
        id
    )
    .fetch_all(connection)
    .await?;
    let last = |clock: Clock, event: ClockEventKind| {
        events
            .iter()
            .find(|row| row.clock == clock.as_str() && row.event == event.as_str())
    };
    // Due times that came without events count from the ticket's opening.
    let running = |clock: Clock, due_at: Option<DateTime<Utc>>| {
        due_at.map(|due_at| Running {
            since: last(clock, ClockEventKind::Activate).map_or(ticket.opened_at, |event| event.at),
            due_at,
        })
    };
    let paused = last(Clock::Resolution, ClockEventKind::Pause).and_then(|event| {
        event.due_at.map(|due_at| Running {
            since: event.at,
            due_at,
        })
    });
    Ok(Clocks {
        first_response: running(Clock::FirstResponse, ticket.first_response_due),
        next_response: running(Clock::NextResponse, ticket.next_response_due),
        resolution: running(Clock::Resolution, ticket.resolution_due),
        paused: paused.filter(|_| ticket.resolution_due.is_none()),
    })
}

/// What the answers of a ticket that were stopped before they left had ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// The clocks, as they ran before.
    pub ended: Vec<(Clock, Running)>,
    /// Whether another answer to the customer's last message left, or will.
    pub answered: bool,
}

/// What is open again once the stopped answers of a ticket do not count: each clock whose last run
/// was ended or paused by one of them, and in whose time nothing else was said to the customer.
pub async fn withdrawn(connection: &mut PgConnection, id: i64) -> Result<Withdrawn, DbError> {
    let rows = sqlx::query!(
        r#"with said as (
               select m.at, m.kind, coalesce(n.state = 'cancelled', false) as stopped
               from messages m
               left join notices n on n.kind = 'ticket_reply' and n.subject_kind = 'ticket'
                   and n.subject_id = m.ticket_id and n.occasion = m.id::text
               where m.ticket_id = $1 and m.kind in ('outbound', 'call')),
           last as (
               select distinct on (clock) clock, event, at, due_at
               from clock_events where ticket_id = $1 order by clock, id desc)
           select last.clock, last.due_at as "due_at!", run.since as "since!"
           from last
           cross join lateral (
               select coalesce((select at from clock_events a
                                where a.ticket_id = $1 and a.clock = last.clock and a.event = 'activate'
                                order by a.id desc limit 1),
                               (select opened_at from tickets where id = $1)) as since) run
           where last.event in ('fulfil', 'pause') and last.due_at is not null
             and exists (select from said where stopped and said.at between run.since and last.at)
             and not exists (select from said where not stopped and said.at >= run.since
                             and (kind = 'outbound' or last.event = 'fulfil'))"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let ended = rows
        .into_iter()
        .map(|row| {
            let running = Running {
                since: row.since,
                due_at: row.due_at,
            };
            Ok((word("clock_events.clock", id, &row.clock)?, running))
        })
        .collect::<Result<_, DbError>>()?;
    let answered = sqlx::query_scalar!(
        r#"select exists (
               select from messages m
               where m.ticket_id = $1 and m.kind = 'outbound'
                 and m.at >= coalesce((select max(at) from messages
                                       where ticket_id = $1 and kind = 'inbound'), '-infinity')
                 and not exists (
                     select from notices n
                     where n.kind = 'ticket_reply' and n.subject_kind = 'ticket'
                       and n.subject_id = $1 and n.occasion = m.id::text and n.state = 'cancelled'))
           as "answered!""#,
        id
    )
    .fetch_one(connection)
    .await?;
    Ok(Withdrawn { ended, answered })
}

/// How a ticket stood before an act settled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Its state.
    pub state: TicketState,
    /// Until when it was out of sight.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// The clocks that the act ended and nothing that was said since would have, as they ran.
    pub ended: Vec<(Clock, Running)>,
    /// The resolution's clock, where it waited for the customer.
    pub paused: Option<Running>,
}

/// How a ticket stood before the act that settled it, by its history; none where that does not
/// tell.
pub async fn before_settled(
    connection: &mut PgConnection,
    id: i64,
    act: Uuid,
) -> Result<Option<Unsettled>, DbError> {
    let was = sqlx::query!(
        r#"select max(changes -> 'state' ->> 0) as state,
                  max((changes -> 'snoozed_until' ->> 0)::timestamptz) as snoozed_until,
                  max((changes -> 'first_response_due' ->> 0)::timestamptz) as first_response,
                  max((changes -> 'next_response_due' ->> 0)::timestamptz) as next_response,
                  max((changes -> 'resolution_due' ->> 0)::timestamptz) as resolution,
                  exists (select from messages m
                          where m.ticket_id = $1 and m.kind in ('outbound', 'call')
                            and m.at >= min(activity.at)) as "said!"
           from activity
           where act_id = $2 and kind = 'ticket' and record_id = $1
             and entity = 'tickets' and operation = 'update'"#,
        id,
        act
    )
    .fetch_one(&mut *connection)
    .await?;
    let Some(state) = was.state else {
        return Ok(None);
    };
    let runs = sqlx::query!(
        r#"select distinct on (clock) clock, event, at, due_at from clock_events
           where ticket_id = $1 and event in ('activate', 'pause') order by clock, id desc"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let opened_at = sqlx::query_scalar!("select opened_at from tickets where id = $1", id)
        .fetch_one(connection)
        .await?;
    let last = |clock: Clock, event: ClockEventKind| {
        runs.iter()
            .find(|run| run.clock == clock.as_str() && run.event == event.as_str())
    };
    let responses = [
        (Clock::FirstResponse, was.first_response),
        (Clock::NextResponse, was.next_response),
    ];
    let ended = responses
        .into_iter()
        .filter(|_| !was.said)
        .chain([(Clock::Resolution, was.resolution)])
        .filter_map(|(clock, due_at)| {
            let since = last(clock, ClockEventKind::Activate).map_or(opened_at, |run| run.at);
            due_at.map(|due_at| (clock, Running { since, due_at }))
        })
        .collect();
    let paused = last(Clock::Resolution, ClockEventKind::Pause)
        .filter(|_| was.resolution.is_none())
        .and_then(|run| {
            run.due_at.map(|due_at| Running {
                since: run.at,
                due_at,
            })
        });
    Ok(Some(Unsettled {
        state: word("activity.changes", id, &state)?,
        snoozed_until: was.snoozed_until,
        ended,
        paused,
    }))
}

/// Stores a ticket's clocks, and the events that moved them.
pub async fn set_clocks(
    connection: &mut PgConnection,
    id: i64,
    clocks: &Clocks,
    events: &[ClockEvent],
) -> Result<(), DbError> {
    if events.is_empty() {
        return Ok(());
    }
    for event in events {
        sqlx::query!(
            "insert into clock_events (ticket_id, clock, event, at, due_at)
             values ($1, $2, $3, $4, $5)",
            id,
            event.clock.as_str(),
            event.event.as_str(),
            event.at,
            event.due_at,
        )
        .execute(&mut *connection)
        .await?;
    }
    let done = sqlx::query!(
        "update tickets
         set first_response_due = $2, next_response_due = $3, resolution_due = $4 where id = $1",
        id,
        clocks.due(Clock::FirstResponse),
        clocks.due(Clock::NextResponse),
        clocks.due(Clock::Resolution),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the ticket")
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
