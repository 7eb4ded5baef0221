//! The list of tickets.

use super::lists::{WHO, due, few, flagged_by_due, name, stamp, who};
use super::table::{Column, Kind, fixed, flex};
use crate::console::app::{Context, Span, Tone, facts};
use crate::domain::list::SortColumn;
use crate::domain::record::Record;

pub(super) const KIND: Kind = Kind {
    columns: COLUMNS,
    cells,
    flagged: flagged_by_due,
};

const COLUMNS: &[Column] = &[
    fixed("number", 8).sorts(SortColumn::Number),
    flex("subject", 12, 3),
    flex("customer", 10, 1).sorts(SortColumn::Name).from(66),
    fixed("about", 8).from(100),
    fixed("state", 8).sorts(SortColumn::State),
    fixed("prio", 6).from(55),
    fixed("clock", 7).from(90),
    fixed("left", 5).right().sorts(SortColumn::Due),
    fixed("who", WHO).from(48),
    fixed("said", 6).right().chosen(),
    fixed("mails", 5).right().chosen(),
];

fn cells(record: &Record, ctx: Context) -> Vec<Span> {
    let Record::Ticket(ticket) = record else {
        return vec![];
    };
    let state = if ticket.snoozed_until.is_some() {
        Span::new("snoozed", Tone::Muted)
    } else {
        facts::ticket_state(ticket)
    };
    vec![
        Span::new(format!("TKT-{}", ticket.id), Tone::Plain),
        name(&ticket.subject),
        Span::new(&ticket.customer, Tone::Plain),
        Span::new(ticket.order_number.as_deref().unwrap_or("–"), Tone::Plain),
        state,
        facts::priority(ticket),
        match ticket.clock {
            Some(clock) => Span::new(clock.waits_for(), Tone::Plain),
            None => Span::new("–", Tone::Muted),
        },
        due(ticket.due_at, ctx),
        who(record, ctx),
        stamp(ticket.last_message_at, ctx),
        few(ticket.messages),
    ]
}
