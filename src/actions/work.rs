//! What a verb works with inside its act's transaction, and what it answers.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use sqlx::postgres::PgConnection;

use super::arguments::Given;
use super::error::ActError;
use crate::domain::act::{Act, Undo};
use crate::domain::scripts::Scripts;

/// What the shop's settings say to acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The shop's zone: in it times are read and told.
    pub zone: Tz,
    /// How long a mail can still be stopped before it leaves.
    pub hold: TimeDelta,
    /// Whether carriers' labels can be bought.
    pub carriers: bool,
    /// The scripts that the font of labels has.
    pub font: Scripts,
}

impl From<Tz> for Terms {
    /// With the undo window that mails have by default, with labels to buy, and with a font for all.
    fn from(zone: Tz) -> Self {
        Self {
            zone,
            hold: TimeDelta::seconds(60),
            carriers: true,
            font: Scripts::all(),
        }
    }
}

/// What an act works with, inside its transaction.
pub(super) struct Work<'c> {
    /// The transaction.
    pub(super) connection: &'c mut PgConnection,
    /// What is wanted.
    pub(super) act: &'c Act,
    /// What it is told.
    pub(super) given: Given,
    /// The login of who wants it.
    pub(super) who: &'c str,
    /// What the settings say.
    pub(super) terms: Terms,
    /// The present.
    pub(super) now: DateTime<Utc>,
}

impl Work<'_> {
    /// The local date.
    pub(super) fn today(&self) -> NaiveDate {
        self.now.with_timezone(&self.terms.zone).date_naive()
    }

    /// An argument that must be a time to come.
    pub(super) fn future_time(&self, name: &str) -> Result<DateTime<Utc>, ActError> {
        let at = self.given.time(name)?;
        if at > self.now {
            Ok(at)
        } else {
            Err(ActError::argument(name, "a time to come"))
        }
    }

    /// An instant in the shop's zone, for a sentence.
    pub(super) fn shown(&self, at: DateTime<Utc>) -> String {
        shown(at, self.terms.zone)
    }
}

/// An instant in a zone, for a sentence.
pub(super) fn shown(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// What a verb did.
pub(super) struct Outcome {
    pub(super) summary: String,
    pub(super) warning: Option<String>,
    pub(super) undo: Option<Undo>,
}

impl Outcome {
    /// One sentence in the past tense, without a full stop.
    pub(super) fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            warning: None,
            undo: None,
        }
    }

    /// What a person should look at although it was done.
    pub(super) fn but(mut self, warning: impl Into<String>) -> Self {
        self.warning = Some(warning.into());
        self
    }

    /// How it can be compensated, and what the question before that says.
    pub(super) fn undone_by<'a>(
        mut self,
        verb: &str,
        args: impl IntoIterator<Item = (&'a str, String)>,
        says: impl Into<String>,
    ) -> Self {
        self.undo = Some(Undo {
            verb: verb.to_owned(),
            args: args
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            says: says.into(),
        });
        self
    }
}

/// So many units, in words.
pub(super) fn units(count: i64) -> String {
    match count {
        1 => "1 unit".to_owned(),
        count => format!("{count} units"),
    }
}

/// A verb that the table names and this program does not do: a mistake that the tests find.
pub(super) fn unknown_verb(act: &Act) -> ActError {
    ActError::NotFound(format!("the verb “{}”", act.verb.name))
}
