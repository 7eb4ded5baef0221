//! What the person is told: over the footer for a while, and among the messages of this run.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::App;
use super::dialog::{Dialog, Reading};
use super::document::{Document, Span, Tone, link, muted, plain};
use crate::domain::record::RecordId;
use crate::domain::when;

/// For so long a message stands over the footer.
pub(super) const SAID_FOR: TimeDelta = TimeDelta::seconds(10);
/// Why a console that only reads does nothing.
pub(super) const ONLY_READS: &str = "this console only reads";
/// Messages kept.
const MESSAGES: usize = 1000;

/// A line of the messages of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// How it went.
    pub level: Level,
    /// What happened.
    pub text: String,
    /// The record that it was about, and that record's number.
    pub about: Option<(RecordId, String)>,
}

/// How something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should.
    Info,
    /// Something waits for the person: it was written, and not sent.
    Unsent,
    /// It was not done, for a reason.
    Refused,
    /// It failed.
    Error,
}

impl App {
    /// Tells the person something, and keeps it among the messages.
    pub(super) fn say(&mut self, level: Level, text: String) {
        self.log(level, text.clone());
        self.say_only(level, text);
    }

    /// The same, about a record.
    pub(super) fn say_of(&mut self, about: (RecordId, &str), level: Level, text: String) {
        self.log_of(about, level, text.clone());
        self.say_only(level, text);
    }

    /// Tells of what nobody asked for and keeps it among the messages. A refusal or an error that
    /// stands is not covered by it.
    pub(super) fn tell(&mut self, text: String) {
        self.tell_as(Level::Info, text);
    }

    fn tell_as(&mut self, level: Level, text: String) {
        self.log(level, text.clone());
        self.tell_only(level, text);
    }

    /// Tells it where no refusal or error stands, and does not keep it.
    pub(super) fn tell_only(&mut self, level: Level, text: String) {
        let now = self.now;
        let stands = |said: &Entry| {
            matches!(said.level, Level::Refused | Level::Error) && now - said.at <= SAID_FOR
        };
        if !self.said.as_ref().is_some_and(stands) {
            self.say_only(level, text);
        }
    }

    /// Tells that a failure is over, in place of what was said of it.
    pub(super) fn tell_over(&mut self, failure: &str, text: String) {
        self.said.take_if(|said| said.text.contains(failure));
        self.tell(text);
    }

    /// Tells it, and does not keep it.
    pub(super) fn say_only(&mut self, level: Level, text: String) {
        self.said = Some(Entry {
            at: self.now,
            level,
            text,
            about: None,
        });
    }

    /// Keeps it among the messages, and does not tell it.
    pub(super) fn log(&mut self, level: Level, text: String) {
        self.keep(Entry {
            at: self.now,
            level,
            text,
            about: None,
        });
    }

    /// The same, about a record: the message leads there.
    pub(super) fn log_of(&mut self, (id, number): (RecordId, &str), level: Level, text: String) {
        self.keep(Entry {
            at: self.now,
            level,
            text,
            about: Some((id, number.to_owned())),
        });
    }

    fn keep(&mut self, entry: Entry) {
        let (columns, height) = self
            .geometry()
            .map_or((0, 0), |g| (g.page_columns(), g.page_rows()));
        // The newest comes first: who reads stays at the message that is being read.
        if let Some(Dialog::Reading {
            what: Reading::Messages,
            top,
            cursor,
        }) = &mut self.dialog
            && !self.messages.is_empty()
        {
            let mut line = Document::default();
            entry.write(&mut line, self.settings.zone);
            let more = line.lines(columns).len();
            *cursor += more;
            if *top > 0 || *cursor >= height {
                *top += more;
            }
        }
        self.messages.push(entry);
        let excess = self.messages.len().saturating_sub(MESSAGES);
        self.messages.drain(..excess);
    }

    /// The messages of this run as a page, the newest first.
    pub(super) fn messages(&self) -> Document {
        let mut document = Document::default();
        if let Some(log) = &self.settings.log {
            let text = format!("What went wrong behind the screen is in {}.", log.display());
            document.flow(vec![muted(text)]);
            document.gap();
        }
        if self.messages.is_empty() {
            document.flow(vec![muted("Nothing has happened yet.")]);
        }
        for entry in self.messages.iter().rev() {
            entry.write(&mut document, self.settings.zone);
        }
        document
    }
}

impl Entry {
    /// Writes it down, with the way to its record.
    fn write(&self, document: &mut Document, zone: Tz) {
        let (word, tone) = match self.level {
            Level::Info => ("done", Tone::Plain),
            Level::Unsent => ("draft", Tone::Warn),
            Level::Refused => ("not done", Tone::Warn),
            Level::Error => ("error", Tone::Bad),
        };
        let mut spans = vec![
            muted(when::clock(self.at, zone)),
            Span::new(format!("  {word}  "), tone),
        ];
        let Some((id, number)) = &self.about else {
            spans.push(plain(&self.text));
            return document.flow(spans);
        };
        match self.text.split_once(number.as_str()) {
            Some((before, after)) => {
                spans.extend([plain(before), link(number), plain(after)]);
            }
            None => spans.push(plain(&self.text)),
        }
        document.flow_to(*id, spans);
    }
}
