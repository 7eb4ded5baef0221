//! Floor 3: what can be done. One use case is one transaction: load and lock, decide in the
//! domain, write, and let the database's triggers write the history.

pub mod import;
pub mod notices;

use crate::domain::verbs::Reason;

/// Why an act was not done. Nothing has been written.
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
}

/// What happened between the version that a person saw and the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The record's version now.
    pub version: i64,
    /// What others did since, oldest first: `bo: hold (address unclear), 12 s ago`.
    pub since: Vec<String>,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
