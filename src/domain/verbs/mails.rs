//! What can be done with the mails about an order, a ticket or what is on order for our own stock.

use super::super::people::Role;
use super::super::record::{Kind, Record};
use super::{Arg, ArgKind, Danger, Reason, Verb, Write, optional, write};

const STOP: &[Write] = &[write("update (state)", "notices")];
const RESEND: &[Write] = &[write(
    "update (state, attempts, retry_at, held_until, error, recipient)",
    "notices",
)];
const WHICH: Arg = optional("mail", ArgKind::Text, "its number, where there are several");

const RESEND_ARGS: &[Arg] = &[
    WHICH,
    optional(
        "to",
        ArgKind::Text,
        "another address, where the old one was wrong",
    ),
];

/// Stops a mail before it leaves, or gives one up that did not get through.
pub(super) const fn stop(
    kind: Kind,
    roles: &'static [Role],
    writes: Option<&'static [Write]>,
    applies_to: fn(&Record) -> Result<(), Reason>,
) -> Verb {
    Verb {
        name: "stop-mail",
        kind,
        help: "stop a mail that has not left, or give up one that failed",
        key: None,
        args: &[WHICH],
        roles,
        danger: Danger::None,
        writes: match writes {
            Some(writes) => writes,
            None => STOP,
        },
        applies_to,
    }
}

/// Tries a mail again that did not get through.
pub(super) const fn resend(
    kind: Kind,
    roles: &'static [Role],
    applies_to: fn(&Record) -> Result<(), Reason>,
) -> Verb {
    Verb {
        name: "resend-mail",
        kind,
        help: "send a mail after all that failed, or a purchase order that was stopped",
        key: None,
        args: RESEND_ARGS,
        roles,
        danger: Danger::None,
        writes: RESEND,
        applies_to,
    }
}

/// What is true of a mail that can be stopped.
pub const CAN_STOP: &str = "waits to leave or failed";

/// What is true of a mail that can be sent after all.
pub const CAN_RESEND: &str = "failed or was stopped";

/// Whether one of so many mails can be stopped.
pub(super) fn can_stop(held: i64, failed: i64) -> Result<(), Reason> {
    if held + failed > 0 {
        Ok(())
    } else {
        Reason::because(format!("no mail of it {CAN_STOP}"))
    }
}

/// Whether one of so many mails can be sent after all.
pub(super) fn can_resend(failed: i64, stopped: i64) -> Result<(), Reason> {
    if failed + stopped > 0 {
        Ok(())
    } else {
        Reason::because(format!("no mail of it {CAN_RESEND}"))
    }
}
