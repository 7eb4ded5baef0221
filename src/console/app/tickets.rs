//! What a ticket's page says.

use super::document::{Document, Span, Tone, bad, link, muted, plain, strong};
use super::facts::{
    Context, count, dotted, money, name, parcels, priority, stage, ticket_state, ticket_table,
    whole, whose,
};
use super::mails::{mails, waiting};
use crate::domain::full::Ticket;
use crate::domain::notices::NoticeState;
use crate::domain::record::{Kind, RecordId};
use crate::domain::text;
use crate::domain::tickets::{Message, MessageKind, TicketSummary};
use crate::domain::when;

/// Columns of a subject where other facts come below it: a line of a narrow window.
const SUBJECT: usize = 76;

pub(super) fn head(document: &mut Document, ticket: &TicketSummary, ctx: Context) {
    document.flow(dotted(vec![
        strong(format!("TKT-{}", ticket.id)),
        ticket_state(ticket),
        priority(ticket),
        name(&ticket.customer),
        whose(ticket.assignee.as_deref()),
    ]));
    document.flow(vec![strong(text::fit(&ticket.subject, SUBJECT))]);
    let mut pieces = Vec::new();
    if let (Some(due), Some(which)) = (ticket.due_at, ticket.clock) {
        pieces.push(ctx.promise(&format!("{} by", which.waits_for()), due));
    }
    if let Some(until) = ticket.snoozed_until {
        pieces.push(muted(format!("snoozed until {}", ctx.moment(until))));
    }
    if let Some(number) = &ticket.order_number {
        pieces.push(plain(format!("about {}", name(number).text)));
    }
    pieces.push(plain(count(ticket.messages, "message", "messages")));
    if let Some(at) = ticket.last_message_at {
        pieces.push(plain(format!("last {}", when::ago(at, ctx.now))));
    }
    document.flow(dotted(pieces));
    if ticket.held_mails + ticket.failed_mails > 0 {
        document.flow(waiting(ticket.held_mails, ticket.failed_mails, 0));
    }
}

pub(super) fn body(document: &mut Document, ticket: &Ticket, ctx: Context) {
    if let Some(resolution) = ticket.resolution {
        document.fact("resolved", vec![plain(resolution.as_str())]);
    }
    document.heading("Conversation");
    let inbound = |message: &Message| message.kind == MessageKind::Inbound;
    let last = ticket.messages.iter().rposition(inbound);
    for (index, message) in ticket.messages.iter().enumerate() {
        if index > 0 {
            document.gap();
        }
        if last == Some(index) {
            document.answer_here();
        }
        conversation(document, message, ctx);
    }
    document.heading("Customer and order");
    whole(document, "subject", &ticket.summary.subject, SUBJECT);
    document.fact(
        "customer",
        dotted(vec![
            plain(&ticket.summary.customer),
            plain(ticket.email.as_deref().unwrap_or_default()),
        ]),
    );
    match &ticket.order {
        Some(order) => {
            document.fact_to(
                RecordId::new(Kind::Order, order.id),
                "order",
                dotted(vec![
                    link(&order.number),
                    stage(order),
                    plain(money(order.total, &order.currency)),
                    plain(format!("placed {}", ctx.moment(order.placed_at))),
                ]),
            );
            if let Some(due) = order.due_at() {
                document.fact("promise", vec![ctx.promise("due", due)]);
            }
        }
        None => document.fact("order", vec![muted("no order is linked")]),
    }
    parcels(document, &ticket.shipments, ctx);
    ticket_table(
        document,
        "Other tickets of the customer",
        &ticket.other_tickets,
        ctx,
    );
    mails(document, &ticket.mails, ctx);
}

fn conversation(document: &mut Document, message: &Message, ctx: Context) {
    let (sign, what, tone) = match message.kind {
        MessageKind::Inbound => ("<", "", Tone::Strong),
        MessageKind::Outbound => (">", "", Tone::Good),
        MessageKind::Note => ("#", "note", Tone::Warn),
        MessageKind::Call => ("@", "call", Tone::Plain),
        MessageKind::Bounce => ("!", "could not be delivered", Tone::Bad),
        MessageKind::Auto => ("<", "automatic", Tone::Muted),
    };
    let mut pieces = vec![
        Span::new(format!("{sign} {}", message.from), tone),
        muted(what),
        muted(ctx.moment(message.at)),
    ];
    match message.mail {
        Some(NoticeState::Held | NoticeState::Queued) => {
            pieces.push(Span::new("not sent yet", Tone::Warn));
        }
        Some(NoticeState::Failed) => pieces.push(bad("did not get through")),
        Some(NoticeState::Cancelled) => pieces.push(bad("stopped, never sent")),
        Some(NoticeState::Sent) | None => {}
    }
    for (name, bytes) in &message.attachments {
        pieces.push(plain(format!("{name} ({} kB)", (bytes + 999) / 1000)));
    }
    document.flow(dotted(pieces));
    if message.body.trim().is_empty() {
        document.flow(vec![bad("  (no text)")]);
    } else {
        document.text(message.body.trim_end());
    }
}
