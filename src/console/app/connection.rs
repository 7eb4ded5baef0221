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
    Live,
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
    /// Whether the break is a long one.
    pub fn is_offline(&self, now: DateTime<Utc>) -> bool {
        matches!(self, Self::Lost { since, .. } if now - *since > OFFLINE_AFTER)
    }
}
