//! Mail that leaves: through SMTP, or into a folder of `.eml` files.
//!
//! A mail is told apart by its Message-ID alone: sent twice after a crash, it is the same mail to
//! the byte, and whoever reads it sees it once.

mod folder;
mod letter;
mod limit;
mod smtp;
mod trouble;
mod url;

use std::time::Duration;

pub use lettre::message::Mailbox;

use self::folder::Folder;
pub use self::letter::Letter;
use self::limit::Limit;
use self::smtp::Smtp;
use self::trouble::{News, Trouble};
pub use self::url::{MailUrl, MailUrlError, Relay, Security};
use crate::domain::text;

/// A server's answer is kept to this many characters.
const LONGEST_REASON: usize = 500;

/// What became of an attempt to send a mail. Reasons are safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken it.
    Sent,
    /// The server asked to try again (4xx), or the connection broke or was too slow.
    Later(String),
    /// There is no way to the server at all just now: other mails need not be tried.
    Unreachable(String),
    /// The server will never take it (5xx), or it cannot be written as a mail.
    Refused(String),
}

/// Whose mails leave, and how long a server may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom mails are from.
    pub from: Mailbox,
    /// Mails at most in a minute to one mail host; 0 for no limit.
    pub per_minute: u32,
    /// How long connecting may take, TLS and login included.
    pub connect_limit: Duration,
    /// How long a connected server may take to accept one mail.
    pub send_limit: Duration,
}

impl Settings {
    /// The usual limits.
    pub const fn new(from: Mailbox) -> Self {
        Self {
            from,
            per_minute: 0,
            connect_limit: Duration::from_secs(15),
            send_limit: Duration::from_mins(1),
        }
    }
}

/// Sends mails. Share it: it keeps connections open.
pub struct Mailer {
    from: Mailbox,
    way: Way,
    limit: Limit,
    trouble: Trouble,
}

enum Way {
    Smtp(Smtp),
    Folder(Folder),
}

impl Mailer {
    /// A mailer that connects at its first mail.
    ///
    /// # Errors
    /// A certificate file that cannot be read.
    pub fn new(url: &MailUrl, settings: Settings) -> Result<Self, MailUrlError> {
        let way = match url {
            MailUrl::Folder(path) => Way::Folder(Folder::new(path.clone())),
            MailUrl::Smtp(relay) => Way::Smtp(Smtp::new(
                relay,
                settings.connect_limit,
                settings.send_limit,
            )?),
        };
        Ok(Self {
            from: settings.from,
            way,
            limit: Limit::new(settings.per_minute),
            trouble: Trouble::default(),
        })
    }

    /// The domain that mails come from, for their Message-IDs.
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Takes a turn at the mail host of this address: `Err` says how long until there is one.
    pub fn turn(&self, recipient: &str) -> Result<(), Duration> {
        self.limit.turn(host(recipient))
    }

    /// The mail hosts that have no turn left just now, in small letters.
    pub fn busy_hosts(&self) -> Vec<String> {
        self.limit.busy()
    }

    /// Sends a mail. The log hears of it where mails begin to wait, and where that ends.
    pub async fn send(&self, letter: &Letter<'_>) -> Outcome {
        let outcome = self.attempt(letter).await;
        let host = host(letter.to);
        for news in self.trouble.heard(host, &outcome) {
            log(news, host, &outcome);
        }
        outcome
    }

    async fn attempt(&self, letter: &Letter<'_>) -> Outcome {
        let message = match letter.message(&self.from) {
            Ok(message) => message,
            Err(reason) => return Outcome::Refused(said(reason)),
        };
        match &self.way {
            Way::Smtp(smtp) => smtp.send(message.envelope(), &message.formatted()).await,
            Way::Folder(folder) => folder.put(letter.message_id, message.formatted()).await,
        }
    }
}

/// Tells the log.
fn log(news: News, host: &str, outcome: &Outcome) {
    let host = text::plain(host);
    let why = match outcome {
        Outcome::Later(why) | Outcome::Unreachable(why) => why.as_str(),
        Outcome::Sent | Outcome::Refused(_) => "",
    };
    match news {
        News::Cut => tracing::warn!(why, "no mail gets out: all of it waits"),
        News::PutsOff => tracing::warn!(%host, why, "mail is put off"),
        News::Restored => tracing::warn!("mail gets out again"),
        News::Takes => tracing::warn!(%host, "mail is taken again"),
    }
}

/// The mail host of an address, as far as one can be made out.
fn host(recipient: &str) -> &str {
    recipient
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .trim_end_matches(['>', ' '])
}

/// What somebody else said, as one short line.
fn said(reason: impl std::fmt::Display) -> String {
    let mut line = text::plain(reason.to_string().trim()).into_owned();
    if let Some((end, _)) = line.char_indices().nth(LONGEST_REASON) {
        line.truncate(end);
    }
    line
}
