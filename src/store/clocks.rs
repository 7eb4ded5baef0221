//! The clocks of a ticket: how they run, what a stopped answer or a settlement had ended, and what
//! moved them.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::db::DbError;
use super::rows::{one_row, word};
use crate::domain::clocks::{ClockEvent, ClockEventKind, Clocks, Running};
use crate::domain::tickets::{Clock, TicketState};

/// A row of `clock_events`.
struct Row {
    clock: String,
    event: String,
    at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
}

/// The row that tells of this event of a clock, if it is among these.
fn last(rows: &[Row], clock: Clock, event: ClockEventKind) -> Option<&Row> {
    rows.iter()
        .find(|row| row.clock == clock.as_str() && row.event == event.as_str())
}

/// The resolution's clock as it was paused, if that is among these events.
fn paused(rows: &[Row]) -> Option<Running> {
    let pause = last(rows, Clock::Resolution, ClockEventKind::Pause)?;
    pause.due_at.map(|due_at| Running {
        since: pause.at,
        due_at,
    })
}

/// A ticket's clocks, from its due times and the last event of each clock.
pub async fn read(connection: &mut PgConnection, id: i64) -> Result<Clocks, DbError> {
    let ticket = sqlx::query!(
        "select opened_at, first_response_due, next_response_due, resolution_due
         from tickets where id = $1",
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    let events = sqlx::query_as!(
        Row,
        "select distinct on (clock) clock, event, at, due_at from clock_events
         where ticket_id = $1 order by clock, id desc",
        id
    )
    .fetch_all(connection)
    .await?;
    // Due times that came without events count from the ticket's opening.
    let running = |clock: Clock, due_at: Option<DateTime<Utc>>| {
        due_at.map(|due_at| Running {
            since: last(&events, clock, ClockEventKind::Activate)
                .map_or(ticket.opened_at, |event| event.at),
            due_at,
        })
    };
    Ok(Clocks {
        first_response: running(Clock::FirstResponse, ticket.first_response_due),
        next_response: running(Clock::NextResponse, ticket.next_response_due),
        resolution: running(Clock::Resolution, ticket.resolution_due),
        paused: paused(&events).filter(|_| ticket.resolution_due.is_none()),
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
    let events = sqlx::query_as!(
        Row,
        r#"select distinct on (clock) clock, event, at, due_at from clock_events
           where ticket_id = $1 and event in ('activate', 'pause') order by clock, id desc"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let opened_at = sqlx::query_scalar!("select opened_at from tickets where id = $1", id)
        .fetch_one(connection)
        .await?;
    let responses = [
        (Clock::FirstResponse, was.first_response),
        (Clock::NextResponse, was.next_response),
    ];
    let ended = responses
        .into_iter()
        .filter(|_| !was.said)
        .chain([(Clock::Resolution, was.resolution)])
        .filter_map(|(clock, due_at)| {
            let since =
                last(&events, clock, ClockEventKind::Activate).map_or(opened_at, |event| event.at);
            due_at.map(|due_at| (clock, Running { since, due_at }))
        })
        .collect();
    Ok(Some(Unsettled {
        state: word("activity.changes", id, &state)?,
        snoozed_until: was.snoozed_until,
        ended,
        paused: paused(&events).filter(|_| was.resolution.is_none()),
    }))
}

/// Stores a ticket's clocks, and the events that moved them.
pub async fn store(
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
