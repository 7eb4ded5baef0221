//! What can be done with a ticket.

use super::super::record::{Kind, Record};
use super::super::tickets::{TicketState, TicketSummary};
use super::{
    ArgKind, Danger, EVERY_TEAM, Reason, SUPPORT, Verb, Write, mails, optional, required, write,
    wrong_kind,
};

const CLAIM: &[Write] = &[write("update (state, assignee)", "tickets")];
const UNCLAIM: &[Write] = &[write("update (assignee)", "tickets")];
const CLOCKS: Write = write(
    "update (first_response_due, next_response_due, resolution_due)",
    "tickets",
);
const REPLY: &[Write] = &[
    write("update (state, assignee)", "tickets"),
    CLOCKS,
    write("insert", "messages"),
    write("insert", "notices"),
    write("insert", "clock_events"),
];
/// An answer that is stopped is due again.
const UNSEND: &[Write] = &[
    write("update (state)", "notices"),
    write("update (state)", "tickets"),
    CLOCKS,
    write("insert", "clock_events"),
];
const MESSAGE: &[Write] = &[write("insert", "messages")];
const CALL: &[Write] = &[
    write("update (state)", "tickets"),
    CLOCKS,
    write("insert", "messages"),
    write("insert", "clock_events"),
];
const LINK: &[Write] = &[write("update (order_id)", "tickets")];
const PRIORITY: &[Write] = &[
    write("update (priority)", "tickets"),
    CLOCKS,
    write("insert", "clock_events"),
];
const RESOLVE: &[Write] = &[
    write("update (state, resolution, snoozed_until)", "tickets"),
    CLOCKS,
    write("insert", "messages"),
    write("insert", "clock_events"),
];
const SNOOZE: &[Write] = &[write("update (snoozed_until)", "tickets")];

pub(super) const VERBS: &[Verb] = &[
    Verb {
        name: "reply",
        kind: Kind::Ticket,
        help: "answer the customer",
        key: Some('r'),
        args: &[required("text", ArgKind::LongText, "the answer")],
        roles: SUPPORT,
        danger: Danger::None,
        writes: REPLY,
        applies_to: |record| {
            on(record, |ticket| match ticket.state {
                TicketState::Closed | TicketState::Merged => {
                    Reason::because(format!("it is {}", ticket.state))
                }
                _ if !ticket.has_address => {
                    Reason::because("the customer's mail address is not known")
                }
                _ => Ok(()),
            })
        },
    },
    Verb {
        name: "claim",
        kind: Kind::Ticket,
        help: "make it yours",
        key: Some('m'),
        args: &[],
        roles: SUPPORT,
        danger: Danger::None,
        writes: CLAIM,
        applies_to: |record| {
            on(record, |ticket| match &ticket.assignee {
                None => Ok(()),
                Some(who) => Reason::because(format!("{who} has it")),
            })
        },
    },
    Verb {
        name: "unclaim",
        kind: Kind::Ticket,
        help: "let others have it",
        key: Some('M'),
        args: &[],
        roles: SUPPORT,
        danger: Danger::None,
        writes: UNCLAIM,
        applies_to: |record| {
            on(record, |ticket| match ticket.assignee {
                Some(_) => Ok(()),
                None => Reason::because("nobody has it"),
            })
        },
    },
    Verb {
        name: "resolve",
        kind: Kind::Ticket,
        help: "it is settled: say how",
        key: Some('d'),
        args: &[
            required(
                "resolution",
                ArgKind::OneOf(&[
                    "answered", "apology", "replace", "refund", "exchange", "credit", "none",
                ]),
                "how it was settled",
            ),
            optional("text", ArgKind::LongText, "a note for colleagues"),
        ],
        roles: SUPPORT,
        danger: Danger::None,
        writes: RESOLVE,
        applies_to: |record| {
            on(record, |ticket| {
                if ticket.state.is_open() {
                    Ok(())
                } else {
                    Reason::because(format!("it is {}", ticket.state))
                }
            })
        },
    },
    Verb {
        name: "reopen",
        kind: Kind::Ticket,
        help: "it is not settled after all",
        key: Some('x'),
        args: &[],
        roles: SUPPORT,
        danger: Danger::None,
        writes: RESOLVE,
        applies_to: |record| {
            on(record, |ticket| match ticket.state {
                TicketState::Resolved => Ok(()),
                state => Reason::because(format!("it is {state}")),
            })
        },
    },
    Verb {
        name: "note",
        kind: Kind::Ticket,
        help: "leave a note for colleagues",
        key: Some('e'),
        args: &[required("text", ArgKind::LongText, "the note")],
        roles: EVERY_TEAM,
        danger: Danger::None,
        writes: MESSAGE,
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "log-call",
        kind: Kind::Ticket,
        help: "write down what was said on the telephone",
        key: Some('c'),
        args: &[required("text", ArgKind::LongText, "what was said")],
        roles: SUPPORT,
        danger: Danger::None,
        writes: CALL,
        applies_to: open,
    },
    Verb {
        name: "link-order",
        kind: Kind::Ticket,
        help: "say which order it is about",
        key: Some('l'),
        args: &[required("order", ArgKind::Order, "the order's number")],
        roles: SUPPORT,
        danger: Danger::None,
        writes: LINK,
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "unlink-order",
        kind: Kind::Ticket,
        help: "it is not about that order",
        key: None,
        args: &[],
        roles: SUPPORT,
        danger: Danger::None,
        writes: LINK,
        applies_to: |record| {
            on(record, |ticket| match ticket.order_id {
                Some(_) => Ok(()),
                None => Reason::because("no order is linked"),
            })
        },
    },
    Verb {
        name: "set-priority",
        kind: Kind::Ticket,
        help: "say how soon it must be answered",
        key: Some('p'),
        args: &[required(
            "priority",
            ArgKind::OneOf(&["low", "normal", "high", "urgent"]),
            "how soon",
        )],
        roles: SUPPORT,
        danger: Danger::None,
        writes: PRIORITY,
        applies_to: open,
    },
    Verb {
        name: "snooze",
        kind: Kind::Ticket,
        help: "out of sight until then, or until the customer writes",
        key: Some('z'),
        args: &[required("until", ArgKind::Time, "when it comes back")],
        roles: SUPPORT,
        danger: Danger::None,
        writes: SNOOZE,
        applies_to: open,
    },
    Verb {
        name: "wake",
        kind: Kind::Ticket,
        help: "back in sight now",
        key: None,
        args: &[],
        roles: SUPPORT,
        danger: Danger::None,
        writes: SNOOZE,
        applies_to: |record| {
            on(record, |ticket| match ticket.snoozed_until {
                Some(_) => Ok(()),
                None => Reason::because("it is not snoozed"),
            })
        },
    },
    mails::stop(Kind::Ticket, SUPPORT, Some(UNSEND), |record| {
        on(record, |ticket| {
            mails::can_stop(ticket.held_mails, ticket.failed_mails)
        })
    }),
    mails::resend(Kind::Ticket, SUPPORT, |record| {
        on(record, |ticket| mails::can_resend(ticket.failed_mails, 0))
    }),
];

fn open(record: &Record) -> Result<(), Reason> {
    on(record, |ticket| {
        if ticket.state.is_open() {
            Ok(())
        } else {
            Reason::because(format!("it is {}", ticket.state))
        }
    })
}

fn on(
    record: &Record,
    applies: impl FnOnce(&TicketSummary) -> Result<(), Reason>,
) -> Result<(), Reason> {
    match record {
        Record::Ticket(ticket) => applies(ticket),
        _ => wrong_kind(),
    }
}
