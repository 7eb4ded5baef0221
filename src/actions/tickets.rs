//! What is done with a ticket.

use chrono::{DateTime, SecondsFormat, Utc};

use super::error::ActError;
use super::mails;
use super::work::{Outcome, Work, unknown_verb};
use crate::domain::calendar::Calendar;
use crate::domain::notices::NoticeKind;
use crate::domain::tickets::{MessageKind, Priority, Resolution, TicketState, TicketSummary};
use crate::intake::mail::TicketToken;
use crate::store::clocks::{self, Unsettled};
use crate::store::tickets::{self, NewMessage};
use crate::store::{lookup, notices};

pub(super) async fn perform(
    work: &mut Work<'_>,
    ticket: &TicketSummary,
) -> Result<Outcome, ActError> {
    match work.act.verb.name {
        "reply" => reply(work, ticket).await,
        "claim" => claim(work, ticket).await,
        "unclaim" => unclaim(work, ticket).await,
        "resolve" => resolve(work, ticket).await,
        "reopen" => reopen(work, ticket).await,
        "note" => {
            write_down(work, ticket, MessageKind::Note).await?;
            Ok(Outcome::new("noted"))
        }
        "log-call" => log_call(work, ticket).await,
        "link-order" => link_order(work, ticket).await,
        "unlink-order" => unlink_order(work, ticket).await,
        "set-priority" => set_priority(work, ticket).await,
        "snooze" => snooze(work, ticket).await,
        "wake" => wake(work, ticket).await,
        "stop-mail" => stop_mail(work, ticket).await,
        "resend-mail" => {
            let open = notices::open_of_ticket(work.connection, ticket.id).await?;
            mails::resend(work, open).await
        }
        _ => Err(unknown_verb(work.act)),
    }
}

async fn reply(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    let correspondence = tickets::correspondence(work.connection, ticket.id).await?;
    let Some(email) = correspondence.email else {
        return Err(ActError::refused(
            "the customer's mail address is not known",
        ));
    };
    let subject = answer_subject(&ticket.subject, ticket.id, &correspondence.token);
    // The act's id makes it the same mail however often it is tried.
    let message_id = format!("{}@packline", work.act.id);
    let message = NewMessage {
        kind: MessageKind::Outbound,
        at: work.now,
        subject: &subject,
        body: work.given.text("text")?,
        message_id: Some(&message_id),
        in_reply_to: correspondence.last_mail.as_deref(),
    };
    let key = tickets::insert_message(work.connection, ticket.id, &message).await?;
    let leaves = work.now + work.terms.hold;
    let reply = (key, &message);
    let mail =
        tickets::insert_reply_notice(work.connection, ticket.id, reply, &email, leaves).await?;
    if ticket.assignee.is_none() {
        tickets::set_assignee(work.connection, ticket.id, None, Some(work.who)).await?;
    }
    let (from, to) = (ticket.state, TicketState::Pending);
    let mut clocks = clocks::read(work.connection, ticket.id).await?;
    let events = if matches!(from, TicketState::New | TicketState::Open) {
        tickets::set_state(work.connection, ticket.id, from, to).await?;
        clocks.answered(work.now)
    } else {
        // It waits for the customer already, or was settled: this only adds to the answer.
        clocks.spoke(work.now)
    };
    clocks::store(work.connection, ticket.id, &clocks, &events).await?;
    let outcome = Outcome::new(format!("answered {email}; the mail waits to be sent"));
    Ok(outcome.undone_by(
        "stop-mail",
        [("mail", mail.to_string())],
        format!("stop the mail to {email}, if it has not left"),
    ))
}

/// Stops a mail. Where that was an answer that never left, the customer still waits for one.
async fn stop_mail(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    let open = notices::open_of_ticket(work.connection, ticket.id).await?;
    let (mail, outcome) = mails::stop(work, open).await?;
    if mail.kind == NoticeKind::TicketReply
        && matches!(ticket.state, TicketState::Pending | TicketState::Open)
    {
        let withdrawn = clocks::withdrawn(work.connection, ticket.id).await?;
        if ticket.state == TicketState::Pending && !withdrawn.answered {
            let (from, to) = (TicketState::Pending, TicketState::Open);
            tickets::set_state(work.connection, ticket.id, from, to).await?;
        }
        let mut clocks = clocks::read(work.connection, ticket.id).await?;
        let events = clocks.answer_withdrawn(&withdrawn.ended);
        clocks::store(work.connection, ticket.id, &clocks, &events).await?;
    }
    Ok(outcome)
}

/// The subject of an answer, with the sign by which the next mail finds its ticket.
fn answer_subject(subject: &str, id: i64, token: &str) -> String {
    let sign = TicketToken {
        number: id,
        token: token.to_owned(),
    }
    .to_string();
    let mut subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    subject.retain(|char| !char.is_control());
    let bare = subject.replace(&sign, "");
    let mut bare = bare.trim();
    // Our own answers begin with one Re:, however many there were.
    while let Some((start, rest)) = bare.split_at_checked(3)
        && start.eq_ignore_ascii_case("re:")
    {
        bare = rest.trim_start();
    }
    match bare {
        "" => format!("Re: {sign}"),
        bare => format!("Re: {bare} {sign}"),
    }
}

async fn claim(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    tickets::set_assignee(work.connection, ticket.id, None, Some(work.who)).await?;
    if ticket.state == TicketState::New {
        let (from, to) = (TicketState::New, TicketState::Open);
        tickets::set_state(work.connection, ticket.id, from, to).await?;
    }
    let says = format!("let go of TKT-{}", ticket.id);
    Ok(Outcome::new("claimed").undone_by("unclaim", [], says))
}

async fn unclaim(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    let from = ticket.assignee.as_deref();
    tickets::set_assignee(work.connection, ticket.id, from, None).await?;
    let outcome = Outcome::new("let go");
    Ok(if from == Some(work.who) {
        outcome.undone_by("claim", [], format!("claim TKT-{} again", ticket.id))
    } else {
        outcome
    })
}

async fn resolve(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    let resolution: Resolution = work.given.word("resolution")?;
    if work.given.optional_text("text").is_some() {
        write_down(work, ticket, MessageKind::Note).await?;
    }
    let (from, to) = (ticket.state, TicketState::Resolved);
    let mut clocks = clocks::read(work.connection, ticket.id).await?;
    tickets::set_resolution(work.connection, ticket.id, from, to, Some(resolution)).await?;
    let events = clocks.resolved(work.now);
    clocks::store(work.connection, ticket.id, &clocks, &events).await?;
    let says = format!("reopen TKT-{}", ticket.id);
    Ok(Outcome::new(format!("resolved: {resolution}")).undone_by("reopen", [], says))
}

/// Takes back that a ticket was settled: it stands again as it stood, and what was promised to the
/// customer is promised still.
async fn unresolve(
    work: &mut Work<'_>,
    ticket: &TicketSummary,
    before: Unsettled,
) -> Result<Outcome, ActError> {
    let mut clocks = clocks::read(work.connection, ticket.id).await?;
    let (from, to) = (ticket.state, before.state);
    tickets::set_resolution(work.connection, ticket.id, from, to, None).await?;
    if let Some(until) = before.snoozed_until.filter(|until| *until > work.now) {
        tickets::set_snoozed_until(work.connection, ticket.id, Some(until)).await?;
    }
    let events = clocks.resolution_withdrawn(&before.ended, before.paused);
    clocks::store(work.connection, ticket.id, &clocks, &events).await?;
    Ok(Outcome::new(format!("{to} again, as before")))
}

async fn reopen(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    if let Some(resolved) = work.act.undoes
        && let Some(before) = clocks::before_settled(work.connection, ticket.id, resolved).await?
    {
        return unresolve(work, ticket, before).await;
    }
    let before = tickets::resolution(work.connection, ticket.id).await?;
    let (from, to) = (ticket.state, TicketState::Open);
    let mut clocks = clocks::read(work.connection, ticket.id).await?;
    tickets::set_resolution(work.connection, ticket.id, from, to, None).await?;
    let events = clocks.reopened(ticket.priority, work.now, &calendar(work));
    clocks::store(work.connection, ticket.id, &clocks, &events).await?;
    let outcome = Outcome::new("reopened");
    Ok(match before {
        Some(before) => outcome.undone_by(
            "resolve",
            [("resolution", before.clone())],
            format!("resolve TKT-{} again: {before}", ticket.id),
        ),
        None => outcome,
    })
}

async fn log_call(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    write_down(work, ticket, MessageKind::Call).await?;
    if ticket.state == TicketState::New {
        let (from, to) = (TicketState::New, TicketState::Open);
        tickets::set_state(work.connection, ticket.id, from, to).await?;
    }
    let mut clocks = clocks::read(work.connection, ticket.id).await?;
    let events = clocks.spoke(work.now);
    clocks::store(work.connection, ticket.id, &clocks, &events).await?;
    Ok(Outcome::new("call logged"))
}

async fn link_order(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    let order = work.given.order("order")?;
    if ticket.order_id == Some(order.id) {
        return Err(ActError::refused("it is linked with that order already"));
    }
    tickets::set_order(work.connection, ticket.id, ticket.order_id, Some(order.id)).await?;
    let name = lookup::order_name(work.connection, order.id).await?;
    let outcome = Outcome::new(format!("linked with {name}"));
    Ok(match ticket.order_id {
        Some(before) => linked_again(work, outcome, ticket, before).await?,
        None => outcome.undone_by(
            "unlink-order",
            [],
            format!("unlink TKT-{} from {name}", ticket.id),
        ),
    })
}

async fn unlink_order(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    tickets::set_order(work.connection, ticket.id, ticket.order_id, None).await?;
    let outcome = Outcome::new("unlinked");
    match ticket.order_id {
        Some(before) => linked_again(work, outcome, ticket, before).await,
        None => Ok(outcome),
    }
}

async fn linked_again(
    work: &mut Work<'_>,
    outcome: Outcome,
    ticket: &TicketSummary,
    order_id: i64,
) -> Result<Outcome, ActError> {
    let name = lookup::order_name(work.connection, order_id).await?;
    let says = format!("link TKT-{} with {name} again", ticket.id);
    Ok(outcome.undone_by("link-order", [("order", name)], says))
}

async fn set_priority(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    let (from, to): (Priority, Priority) = (ticket.priority, work.given.word("priority")?);
    if from == to {
        return Err(ActError::refused(format!("its priority is {to} already")));
    }
    tickets::set_priority(work.connection, ticket.id, from, to).await?;
    let mut clocks = clocks::read(work.connection, ticket.id).await?;
    let events = clocks.prioritised(to, &calendar(work));
    clocks::store(work.connection, ticket.id, &clocks, &events).await?;
    Ok(Outcome::new(format!("priority {from} → {to}")).undone_by(
        "set-priority",
        [("priority", from.to_string())],
        format!("set the priority of TKT-{} back to {from}", ticket.id),
    ))
}

async fn snooze(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    let until = work.future_time("until")?;
    if ticket.snoozed_until == Some(until) {
        return Err(ActError::refused("it is snoozed until then already"));
    }
    tickets::set_snoozed_until(work.connection, ticket.id, Some(until)).await?;
    let outcome = Outcome::new(format!("snoozed until {}", work.shown(until)));
    Ok(match ticket.snoozed_until {
        Some(before) => snoozed_again(outcome, work, ticket, before),
        None => outcome.undone_by("wake", [], format!("wake TKT-{}", ticket.id)),
    })
}

async fn wake(work: &mut Work<'_>, ticket: &TicketSummary) -> Result<Outcome, ActError> {
    tickets::set_snoozed_until(work.connection, ticket.id, None).await?;
    let outcome = Outcome::new("woken");
    Ok(match ticket.snoozed_until {
        Some(before) => snoozed_again(outcome, work, ticket, before),
        None => outcome,
    })
}

fn snoozed_again(
    outcome: Outcome,
    work: &Work<'_>,
    ticket: &TicketSummary,
    until: DateTime<Utc>,
) -> Outcome {
    outcome.undone_by(
        "snooze",
        [("until", until.to_rfc3339_opts(SecondsFormat::AutoSi, true))],
        format!("snooze TKT-{} until {} again", ticket.id, work.shown(until)),
    )
}

/// Adds what was told as a message that stays in the house.
async fn write_down(
    work: &mut Work<'_>,
    ticket: &TicketSummary,
    kind: MessageKind,
) -> Result<(), ActError> {
    let message = NewMessage {
        kind,
        at: work.now,
        subject: "",
        body: work.given.text("text")?,
        message_id: None,
        in_reply_to: None,
    };
    tickets::insert_message(work.connection, ticket.id, &message).await?;
    Ok(())
}

/// The business hours that clocks run in.
fn calendar(work: &Work<'_>) -> Calendar {
    Calendar::office(work.terms.zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_carries_the_sign_of_its_ticket_once() {
        let first = answer_subject("Kaputte\r\n Tasse", 7, "k3v9");
        assert_eq!(first, "Re: Kaputte Tasse [TKT-7·k3v9]");
        assert_eq!(
            answer_subject(&format!("RE: re: {first}"), 7, "k3v9"),
            first
        );
        assert_eq!(answer_subject("", 7, "k3v9"), "Re: [TKT-7·k3v9]");
        let read = TicketToken::in_subject(&first).expect("a sign");
        assert_eq!((read.number, read.token.as_str()), (7, "k3v9"));
    }
}
