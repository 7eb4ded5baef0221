//! The truth about the data: what the change feed says, and since when it is not heard.

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::dialog::Dialog;
use super::messages::Level;
use super::msg::Feed;

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

impl App {
    /// The feed spoke.
    pub(super) fn fed(&mut self, feed: Feed) {
        match feed {
            Feed::Live => {
                if !self.is_heard() {
                    self.tell("the database is back".to_owned());
                }
                self.connection = Connection::Live;
                self.retry();
                self.drafts.retry();
                match &mut self.dialog {
                    Some(Dialog::Form(form)) => form.back(),
                    Some(Dialog::Bulk(bulk)) => {
                        if let Some(waiting) = &mut bulk.waiting {
                            waiting.again = self.now;
                        }
                    }
                    _ => {}
                }
            }
            Feed::Changed(records) => {
                for id in records {
                    self.touch(id);
                }
            }
            Feed::Resync => self.resync(),
            Feed::Presence => self.present.touch(),
            Feed::Lost { heard, why } => {
                let heard = match &self.connection {
                    Connection::Live => Some(heard),
                    Connection::Starting => None,
                    // A failed try to reconnect is no news.
                    Connection::Lost { heard, .. } => *heard,
                };
                if self.connection == Connection::Live {
                    self.log(Level::Error, format!("the database is not heard: {why}"));
                }
                let since = match self.connection {
                    Connection::Lost { since, .. } => since,
                    Connection::Live | Connection::Starting => heard.unwrap_or(self.now),
                };
                self.connection = Connection::Lost { since, heard, why };
            }
        }
    }

    /// Whether the database is heard, as far as is known.
    pub(super) const fn is_heard(&self) -> bool {
        !matches!(self.connection, Connection::Lost { .. })
    }
}
