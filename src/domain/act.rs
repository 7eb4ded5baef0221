//! Acts: one person, one verb, one record, once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::RecordId;
use super::text;
use super::verbs::Verb;

/// A verb's arguments by name, as text; the verb's [`super::verbs::ArgKind`] says what they mean.
pub type Args = BTreeMap<String, String>;

/// Whether these say all that others say.
pub fn contains(args: &Args, others: &Args) -> bool {
    let lines = |text: &str| text::plain_lines(text).collect::<Vec<_>>().join("\n");
    others.iter().all(|(name, words)| {
        let there = args.get(name);
        there.is_some_and(|there| lines(there).contains(lines(words).trim()))
    })
}

/// What somebody wants done.
#[derive(Debug, Clone)]
pub struct Act {
    /// Made by the caller (a version 7 UUID). A repeat with the same id does nothing twice, so that after a
    /// lost connection one can ask instead of guess.
    pub id: Uuid,
    /// What to do.
    pub verb: &'static Verb,
    /// With which record.
    pub record: RecordId,
    /// The version that the person saw; none acts on whatever is there.
    pub expected_version: Option<i64>,
    /// What the verb is told.
    pub args: Args,
    /// The act that this one compensates.
    pub undoes: Option<Uuid>,
}

/// What an act did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The act.
    pub id: Uuid,
    /// One sentence, past tense, without a full stop: `held: address unclear`.
    pub summary: String,
    /// What a person should look at although it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The record's version after it.
    pub version: i64,
    /// It had been done before by the same act id; nothing was done now.
    pub repeated: bool,
    /// How it can be compensated.
    pub undo: Option<Undo>,
}

impl Done {
    /// What was done and, after a semicolon, what to look at.
    pub fn told(&self) -> String {
        match &self.warning {
            Some(warning) => format!("{}; {warning}", self.summary),
            None => self.summary.clone(),
        }
    }
}

/// The act that compensates another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The verb's name; the record is the same.
    pub verb: String,
    /// Its arguments.
    pub args: Args,
    /// What it will do, for the question before it: `release #1042`.
    pub says: String,
}
