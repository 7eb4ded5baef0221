//! Why an act was not done, in words for the person who wanted it.

use std::fmt;

use crate::domain::verbs::Reason;
use crate::store::acts::Deed;
use crate::store::db::{DbError, Violation};

/// Why an act was not done. Nothing has been written, unless [`ActError::Db`] says that this is
/// not known.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The record's state or a guard of the database does not allow it.
    #[error("{0}")]
    Refused(Reason),
    /// The person's role does not allow it.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// Somebody changed the record after the person saw it.
    #[error("{0}")]
    Conflict(Conflict),
    /// There is no such record.
    #[error("{0} does not exist")]
    NotFound(String),
    /// An argument is missing or wrong.
    #[error("{name}: expected {expected}")]
    BadArgument {
        /// The argument's name.
        name: String,
        /// What was expected.
        expected: String,
    },
    /// Something outside the database was done, or may have been, and is not noted there: a person
    /// sees what became of it.
    #[error("{0}")]
    Unnoted(String),
    /// The database could not be asked. It is not known whether the act was done where this is
    /// [`DbError::Unknown`]; the act's id will tell once the database answers.
    #[error("{0}")]
    Db(DbError),
}

impl ActError {
    /// A refusal with a sentence for the person, without a full stop.
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(Reason(reason.into()))
    }

    /// An argument that is not what was expected.
    pub(super) fn argument(name: &str, expected: impl Into<String>) -> Self {
        Self::BadArgument {
            name: name.to_owned(),
            expected: expected.into(),
        }
    }

    /// Whether the database did not answer, so that nothing is known or nothing was done: the same
    /// act, by its id, may be done once it answers again.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_outage() || matches!(error, DbError::Unknown(_)),
            _ => false,
        }
    }

    /// Whether the same act may succeed at once if it is tried again.
    pub(super) const fn is_worth_a_retry(&self) -> bool {
        matches!(self, Self::Db(DbError::Retry(_)))
    }
}

impl From<DbError> for ActError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Denied(message) => Self::NotPermitted(message),
            DbError::Raised(raised) => Self::refused(raised.to_string()),
            DbError::Constraint(violation) => match violation.constraint.as_str() {
                // The same act was done between the question for it and its end.
                "act_pkey" => Self::Db(DbError::Retry(violation.message)),
                _ => Self::refused(explained(*violation)),
            },
            other => Self::Db(other),
        }
    }
}

/// What a guard of the schema says when two people or another program got there first; what can
/// be foreseen has been refused with more detail before.
fn explained(violation: Violation) -> String {
    // The schema's triggers name a rule but no table, and their messages are sentences.
    if violation.table.is_empty() {
        return violation.message;
    }
    match violation.constraint.as_str() {
        "act_undone_once" => "it was undone already",
        "stock_levels_not_oversold" => "not so many units are free: orders have reserved them",
        "stock_levels_reserved_not_negative" => "not so many units are reserved",
        "order_lines_not_more_than_ordered" => "that is more than was ordered",
        "order_lines_delivered_were_shipped" => "that is more than was shipped",
        "fulfilment_lines_not_more_than_planned" => "that is more than its fulfilment holds",
        "shipments_code_once" => "another parcel of that carrier and day has this tracking code",
        "shipments_labelled_has_code" => "a parcel with a label has a carrier and a tracking code",
        "notices_once" => "the customer has been told of this already",
        "messages_once_per_mailbox" => "this message was sent already",
        constraint => return format!("the database's rule “{constraint}” does not allow it"),
    }
    .to_owned()
}

/// What happened between the version that a person saw and the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The record's version now.
    pub version: i64,
    /// What others did since, oldest first: `bo: hold (address unclear), 12 s ago`.
    pub since: Vec<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.since.is_empty() {
            f.write_str("it has changed since you saw it")
        } else {
            write!(
                f,
                "it has changed since you saw it: {}",
                self.since.join("; ")
            )
        }
    }
}

/// One line about what somebody did: `bo: hold (address unclear), 12 s ago`.
pub(super) fn told(deed: &Deed) -> String {
    let ago = match deed.seconds_ago.max(0.0) as u64 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    };
    format!("{}, {ago} ago", what(deed))
}

/// The same without its time: `bo: hold (address unclear)`.
pub(super) fn what(deed: &Deed) -> String {
    let what = deed.verb.as_ref().unwrap_or(&deed.source);
    match &deed.reason {
        Some(reason) => format!("{}: {what} ({reason})", deed.who),
        None => format!("{}: {what}", deed.who),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deed_is_told_in_one_line() {
        let deed = Deed {
            who: "bo".into(),
            verb: Some("hold".into()),
            source: "console".into(),
            reason: Some("address unclear".into()),
            seconds_ago: 12.7,
        };
        assert_eq!(told(&deed), "bo: hold (address unclear), 12 s ago");
        let direct = Deed {
            verb: None,
            source: "direct SQL".into(),
            reason: None,
            seconds_ago: 7300.0,
            ..deed
        };
        assert_eq!(told(&direct), "bo: direct SQL, 2 h ago");
    }
}
