//! What can be done with work for a record that the worker gave up.

use super::super::people::Role;
use super::super::record::{Kind, Record};
use super::{Danger, Reason, Verb, Write, write};

/// What settling such work writes.
pub(super) const SETTLE: Write = write("update (cleared_at, settled)", "alerts");

/// Lets the worker try it again.
pub(super) const fn retry(
    kind: Kind,
    roles: &'static [Role],
    applies_to: fn(&Record) -> Result<(), Reason>,
) -> Verb {
    Verb {
        name: "retry-work",
        kind,
        help: "let the worker try again what it gave up",
        key: None,
        args: &[],
        roles,
        danger: Danger::None,
        writes: &[SETTLE],
        applies_to,
    }
}

/// Forgets it.
pub(super) const fn forget(
    kind: Kind,
    roles: &'static [Role],
    applies_to: fn(&Record) -> Result<(), Reason>,
) -> Verb {
    Verb {
        name: "forget-work",
        kind,
        help: "say that what the worker gave up is done, or need not be",
        key: None,
        args: &[],
        roles,
        danger: Danger::None,
        writes: &[SETTLE],
        applies_to,
    }
}

/// Whether the worker gave anything up.
pub(super) fn was_given_up(reason: Option<&String>) -> Result<(), Reason> {
    match reason {
        Some(_) => Ok(()),
        None => Reason::because("the worker has given nothing of it up"),
    }
}
