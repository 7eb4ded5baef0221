//! What can go wrong with a database call, sorted by what the caller can do about it.

use std::fmt::{self, Display};
use std::time::Duration;

use sqlx::postgres::PgDatabaseError;

use crate::domain::text;

/// Why a database call failed. As text it is safe for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No server could be reached; nothing was done.
    #[error("{0}")]
    Connect(ConnectError),
    /// The connection broke during the call. Without a transaction, what was sent may have
    /// been done; within [`transaction`](super::Db::transaction), nothing was.
    #[error("the connection to the database was lost: {0}")]
    Lost(String),
    /// No answer in the time that the caller gave. The connection was closed, and the server
    /// rolls back what was open.
    #[error("no answer from the database within {0:?}")]
    Deadline(Duration),
    /// A COMMIT was sent and its outcome did not come back: ask for the act's id.
    #[error("it is not known whether the change was stored: {0}")]
    Unknown(String),
    /// The person's role may not do this (SQLSTATE 42501).
    #[error("not permitted: {0}")]
    Denied(String),
    /// The server chose this call as the victim of a conflict (serialization failure, deadlock
    /// or lock not available): the same call again may succeed.
    #[error("another change got in the way: {0}")]
    Retry(String),
    /// A constraint refused the data; the name says which rule.
    #[error("{0}")]
    Constraint(Box<Violation>),
    /// A trigger or function of the schema refused with a message meant for people.
    #[error("{0}")]
    Raised(Box<Raised>),
    /// The server only reads: a standby, or a primary that was demoted (SQLSTATE 25006).
    #[error("the server accepts no changes just now: {0}")]
    ReadOnly(String),
    /// The server cancelled a statement that ran too long, or an administrator did.
    #[error("the database stopped the request: {0}")]
    Cancelled(String),
    /// The handle was closed, or the program is ending.
    #[error("the database handle is closed")]
    Closed,
    /// Anything else: a mistake in this program or a schema that does not fit it.
    #[error("database error: {}", text::plain(&.0.to_string()))]
    Other(#[source] sqlx::Error),
}

/// A constraint that was violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Name of the constraint or unique index, empty for NOT NULL.
    pub constraint: String,
    /// Table that it guards, where the server names one.
    pub table: String,
    /// SQLSTATE, class 23: 23505 unique, 23503 foreign key, 23514 check, 23502 not null.
    pub code: String,
    /// The server's message.
    pub message: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a trigger or function of the schema said when it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// SQLSTATE: P0001, or the one that it chose.
    pub code: String,
    /// The message.
    pub message: String,
    /// DETAIL, if given.
    pub detail: Option<String>,
    /// HINT, if given.
    pub hint: Option<String>,
}

impl Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

/// No server of the URL could be used: what each of them said.
#[derive(Debug)]
pub struct ConnectError {
    /// One for each server, in the order tried.
    pub attempts: Vec<Attempt>,
}

/// One server that could not be used.
#[derive(Debug)]
pub struct Attempt {
    /// `host:port`, or the path of the socket.
    pub server: String,
    /// What happened.
    pub reason: String,
    /// What to do about it, where that is known.
    pub advice: Option<&'static str>,
}

impl Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot use the database")?;
        for (index, attempt) in self.attempts.iter().enumerate() {
            let joint = if index == 0 { " at" } else { "; at" };
            write!(f, "{joint} {}: {}", attempt.server, attempt.reason)?;
            attempt
                .advice
                .iter()
                .try_for_each(|advice| write!(f, " ({advice})"))?;
        }
        Ok(())
    }
}

impl DbError {
    /// Name of the constraint that refused, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint(violation) => Some(&violation.constraint),
            _ => None,
        }
    }

    /// Whether the server or the way to it is at fault, rather than the request: the same call
    /// may succeed once the connection is back.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::Lost(_) | Self::Deadline(_) | Self::ReadOnly(_) | Self::Closed
        )
    }

    /// Whether the connection that reported this can be used for the next call.
    pub(super) fn leaves_connection_usable(&self) -> bool {
        !self.is_outage() && !matches!(self, Self::Unknown(_))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(ref cause) => match cause.try_downcast_ref::<PgDatabaseError>() {
                Some(refusal) => classified(refusal).unwrap_or(Self::Other(error)),
                None => Self::Other(error),
            },
            sqlx::Error::Io(cause) => Self::Lost(cause.to_string()),
            sqlx::Error::Tls(cause) => Self::Lost(cause.to_string()),
            sqlx::Error::Protocol(cause) => Self::Lost(cause),
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Closed,
            other => Self::Other(other),
        }
    }
}

/// By SQLSTATE (PostgreSQL manual, appendix A). What the server says may quote what a customer
/// wrote.
fn classified(error: &PgDatabaseError) -> Option<DbError> {
    let message = || text::plain(error.message()).into_owned();
    let owned = |part: Option<&str>| part.map(|part| text::plain(part).into_owned());
    Some(match error.code() {
        "42501" => DbError::Denied(message()),
        "40001" | "40P01" | "55P03" => DbError::Retry(message()),
        "25006" => DbError::ReadOnly(message()),
        "57014" => DbError::Cancelled(message()),
        code if code.starts_with("57P") || code.starts_with("08") => DbError::Lost(message()),
        code if code.starts_with("23") => DbError::Constraint(Box::new(Violation {
            constraint: owned(error.constraint()).unwrap_or_default(),
            table: owned(error.table()).unwrap_or_default(),
            code: code.to_owned(),
            message: message(),
        })),
        // What RAISE says is meant for people, whatever SQLSTATE it chose.
        code if error.routine() == Some("exec_stmt_raise") => DbError::Raised(Box::new(Raised {
            code: code.to_owned(),
            message: message(),
            detail: owned(error.detail()),
            hint: owned(error.hint()),
        })),
        _ => return None,
    })
}
