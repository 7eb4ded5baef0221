//! The truth about the data: whether the database is heard, and since when not.

use chrono::{DateTime, TimeDelta, Utc};

/// After so long without the database, the header no longer speaks of a short break.
const OFFLINE_AFTER: TimeDelta = TimeDelta::seconds(60);

/// Whether the database is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Not yet heard since the program began.
    Starting,
    /// Heard.
    Live {
        /// When the database last spoke.
        heard: DateTime<Utc>,
    },
    /// Not heard.
    Lost {
        /// Since when.
        since: DateTime<Utc>,
        /// When it last spoke; what is shown is of then.
        heard: Option<DateTime<Utc>>,
        /// Why, as far as is known.
        why: String,
    },
}

impl Connection {
    /// The database spoke.
    pub fn hear(&mut self, now: DateTime<Utc>) {
        if let Self::Live { heard } = self {
            *heard = now;
        }
    }

    /// The database is heard from now on.
    pub fn live(&mut self, now: DateTime<Utc>) {
        *self = Self::Live { heard: now };
    }

    /// The database is not heard.
    pub fn lose(&mut self, reason: String, now: DateTime<Utc>) {
        match self {
            Self::Lost { why, .. } => *why = reason,
            Self::Starting => {
                *self = Self::Lost {
                    since: now,
                    heard: None,
                    why: reason,
                }
            }
            Self::Live { heard } => {
                *self = Self::Lost {
                    since: now,
                    heard: Some(*heard),
                    why: reason,
                }
            }
        }
    }

    /// Whether what is shown is what the database holds.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Whether the break is a long one.
    pub fn is_offline(&self, now: DateTime<Utc>) -> bool {
        matches!(self, Self::Lost { since, .. } if now - *since > OFFLINE_AFTER)
    }
}
