//! One mail as RFC 5322 and MIME want it.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Message, message};
use sha2::{Digest as _, Sha256};

use crate::domain::notices::{Attachment, Mail};

/// A thread's References keep its first mail and its last ones, as many as this in all.
const MOST_REFERENCES: usize = 20;

/// A mail to one person.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// Without angle brackets; the same mail has the same one.
    pub message_id: &'a str,
    /// One address, with or without a name.
    pub to: &'a str,
    /// Its Date.
    pub date: DateTime<Utc>,
    /// What it says.
    pub mail: &'a Mail,
    /// A file that goes with it.
    pub attachment: Option<&'a Attachment>,
    /// Message-IDs that it answers, the nearest last. What is none is left out.
    pub answers: &'a [String],
    /// Whether a program decided to write it: then other programs do not answer it (RFC 3834).
    pub automatic: bool,
}

impl Letter<'_> {
    /// The whole mail. Made of the same values it is the same to the byte.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub(super) fn message(&self, from: &Mailbox) -> Result<Message, String> {
        if !is_message_id(self.message_id) {
            return Err(format!("{:?} is no Message-ID", self.message_id));
        }
        let to: Mailbox = self
            .to
            .parse()
            .map_err(|error| format!("{:?} is no mail address: {error}", self.to))?;
        let mut builder = Message::builder()
            .from(from.clone())
            .to(to)
            .subject(one_line(&self.mail.subject))
            .date(self.date.into())
            .message_id(Some(bracketed(self.message_id)));
        let answers: Vec<&str> = self
            .answers
            .iter()
            .map(String::as_str)
            .filter(|id| is_message_id(id))
            .collect();
        if let Some(nearest) = answers.last() {
            let skipped = answers.len().saturating_sub(MOST_REFERENCES);
            let kept: Vec<String> = answers
                .iter()
                .enumerate()
                .filter(|(place, _)| *place == 0 || *place > skipped)
                .map(|(_, id)| bracketed(id))
                .collect();
            builder = builder
                .in_reply_to(bracketed(nearest))
                .references(kept.join(" "));
        }
        if self.automatic {
            let kind = if answers.is_empty() {
                "auto-generated"
            } else {
                "auto-replied"
            };
            builder = builder
                .raw_header(header("Auto-Submitted", kind))
                // Exchange looks at this one instead.
                .raw_header(header("X-Auto-Response-Suppress", "All"));
        }
        self.body(builder).map_err(|error| error.to_string())
    }

    fn body(&self, builder: message::MessageBuilder) -> Result<Message, lettre::error::Error> {
        let text = SinglePart::plain(self.mail.text.clone());
        let texts = self.mail.html.as_ref().map(|html| {
            MultiPart::alternative()
                .boundary(self.boundary("texts"))
                .singlepart(text.clone())
                .singlepart(SinglePart::html(html.clone()))
        });
        let Some(Attachment { name, text: file }) = self.attachment else {
            return match texts {
                Some(texts) => builder.multipart(texts),
                None => builder.singlepart(text),
            };
        };
        let media = if name.to_ascii_lowercase().ends_with(".csv") {
            "text/csv; charset=utf-8"
        } else {
            "text/plain; charset=utf-8"
        };
        let media = ContentType::parse(media).unwrap_or(ContentType::TEXT_PLAIN);
        let file = message::Attachment::new(one_line(name)).body(file.clone(), media);
        let whole = MultiPart::mixed().boundary(self.boundary("whole"));
        builder.multipart(match texts {
            Some(texts) => whole.multipart(texts).singlepart(file),
            None => whole.singlepart(text).singlepart(file),
        })
    }

    /// A boundary that nobody can guess into a text before the Message-ID is known, and that is
    /// the same at the next attempt.
    fn boundary(&self, what: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(what);
        hash.update(self.message_id);
        hash.update(&self.mail.text);
        let mut boundary = String::new();
        for byte in hash.finalize().iter().take(20) {
            let _ = write!(boundary, "{byte:02x}");
        }
        boundary
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// A header's text: what ends a line, or acts, becomes a space.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// A Message-ID as headers show it.
fn bracketed(id: &str) -> String {
    format!("<{id}>")
}

/// `left@right` of printable ASCII (RFC 5322, 3.6.4), in a line's length.
fn is_message_id(id: &str) -> bool {
    id.split_once('@').is_some_and(|(left, right)| {
        let fits = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"<>@\"(),:;\\".contains(&byte))
        };
        id.len() <= 900 && fits(left) && fits(right)
    })
}
