//! `packline act`: every verb, for scripts and screen readers.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use color_eyre::eyre::Result;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::database::{Database, ONLY_READS};
use super::terms::{printing, terms};
use super::{USAGE, print};
use crate::actions::{self, ActError};
use crate::config::Config;
use crate::domain::act::{Act as Wanted, Args as Given, Done};
use crate::domain::record::{RecordId, RecordName};
use crate::domain::text;
use crate::domain::verbs::{self, Verb};
use crate::store::db::{Db, DbError};
use crate::store::names::{self, NameError};

/// Longest time to find a record by its name.
const LIMIT: Duration = Duration::from_secs(30);

/// Do something with records, as in the console.
///
/// One line for each record. Exits 0 if everything was done, 4 if something was refused, 6 if a
/// record was changed by somebody else, 5 if it is not permitted, 2 if an argument is wrong, 1 if
/// there is no such record or the database failed; with several records, the gravest of these.
#[derive(Debug, Args)]
pub(super) struct Act {
    /// What to do; `packline verbs` lists what there is
    verb: String,
    /// With which records: #1042 or channel/#1042, SHP-7, INS-7, TKT-7, or a SKU
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<String>,
    #[command(flatten)]
    arguments: Arguments,
    /// Only if the record still has this version
    #[arg(long, value_name = "N")]
    expect_version: Option<i64>,
    /// The act's id: a repeat with the same id does nothing twice
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
    /// As one JSON object a line
    #[arg(long)]
    json: bool,
}

/// What the verb is told: one option for each argument that some verb has.
#[derive(Debug)]
struct Arguments(Given);

impl Args for Arguments {
    fn augment_args(mut command: Command) -> Command {
        let mut known: Vec<&str> = Vec::new();
        for arg in verbs::all().flat_map(|verb| verb.args) {
            if known.contains(&arg.name) {
                continue;
            }
            known.push(arg.name);
            command = command.arg(
                clap::Arg::new(arg.name)
                    .long(arg.name)
                    .help(users(arg.name))
                    .value_name(arg.name.to_uppercase())
                    .allow_hyphen_values(true)
                    .help_heading("What verbs are told"),
            );
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The verbs that have an argument: `for hold, cancel`.
fn users(argument: &str) -> String {
    let mut names: Vec<&str> = verbs::all()
        .filter(|verb| verb.arg(argument).is_some())
        .map(|verb| verb.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    format!("for {}", names.join(", "))
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = Self(Given::new());
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for arg in verbs::all().flat_map(|verb| verb.args) {
            if let Some(value) = matches.get_one::<String>(arg.name) {
                self.0.insert(arg.name.to_owned(), value.clone());
            }
        }
        Ok(())
    }
}

/// What came of it for one record. Ordered by gravity: the last one decides the exit status.
#[derive(Debug)]
enum Outcome {
    Done(Done),
    NotDone(ActError),
    /// The name means no record.
    Missing(String),
    /// The name means several records, or one that has no such verb.
    Misnamed(String),
}

impl Outcome {
    /// The word for it, and its exit status.
    const fn status(&self) -> (&'static str, u8) {
        match self {
            Self::Done(_) => ("done", 0),
            Self::NotDone(ActError::Refused(_) | ActError::NotFound(_)) => ("refused", 4),
            Self::NotDone(ActError::Conflict(_)) => ("conflict", 6),
            Self::NotDone(ActError::NotPermitted(_)) => ("not permitted", 5),
            Self::NotDone(ActError::BadArgument { .. }) | Self::Misnamed(_) => ("usage", USAGE),
            Self::Missing(_) => ("missing", 1),
            Self::NotDone(ActError::Db(_) | ActError::Unnoted(_)) => ("failed", 1),
        }
    }

    /// How grave it is, next to what came of other records.
    const fn gravity(&self) -> u8 {
        match self.status().1 {
            0 => 0,
            4 => 1,
            6 => 2,
            5 => 3,
            USAGE => 4,
            _ => 5,
        }
    }

    fn line(&self, record: &str) -> String {
        match self {
            Self::Done(done) if done.repeated => {
                format!("{record}: {} (done before)", done.summary)
            }
            Self::Done(done) => format!("{record}: {}", done.summary),
            Self::NotDone(error @ (ActError::NotPermitted(_) | ActError::NotFound(_))) => {
                format!("{record}: {error}")
            }
            Self::NotDone(error) => format!("{record}: {}: {error}", self.status().0),
            Self::Missing(message) | Self::Misnamed(message) => message.clone(),
        }
    }

    fn json(&self, record: &str) -> Value {
        let mut object = json!({ "record": record, "outcome": self.status().0 });
        let fields = match self {
            Self::Done(done) => serde_json::to_value(done).unwrap_or_default(),
            Self::NotDone(ActError::Conflict(conflict)) => json!({
                "reason": conflict.to_string(),
                "version": conflict.version,
                "since": conflict.since,
            }),
            Self::NotDone(error) => json!({ "reason": error.to_string() }),
            Self::Missing(message) | Self::Misnamed(message) => json!({ "reason": message }),
        };
        if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
            object.extend(fields);
        }
        object
    }
}

impl Act {
    /// A verb for these records, with these arguments.
    pub(super) fn new(verb: &str, records: Vec<String>, given: Given) -> Self {
        Self {
            verb: verb.to_owned(),
            records,
            arguments: Arguments(given),
            expect_version: None,
            id: None,
            json: false,
        }
    }

    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        if self.records.len() > 1 && (self.id.is_some() || self.expect_version.is_some()) {
            print::note("packline: --id and --expect-version are for one record");
            return Ok(ExitCode::from(USAGE));
        }
        if verbs::all().all(|verb| verb.name != self.verb) {
            print::note(format_args!(
                "packline: there is no verb “{}”; see packline verbs",
                text::plain(&self.verb)
            ));
            return Ok(ExitCode::from(USAGE));
        }
        let database = Database::open(config, "act").await?;
        let mut worst = (0, 0);
        for record in &self.records {
            let outcome = self.one(&database.db, record, config, now).await;
            worst = worst.max((outcome.gravity(), outcome.status().1));
            if self.json {
                print::json(&outcome.json(record))?;
            } else if matches!(outcome, Outcome::Done(_)) {
                print::line(text::plain(&outcome.line(record)));
                if let Outcome::Done(Done {
                    warning: Some(warning),
                    ..
                }) = &outcome
                {
                    print::note(text::plain(&format!("packline: {record}: {warning}")));
                }
            } else {
                print::note(text::plain(&outcome.line(record)));
            }
        }
        Ok(ExitCode::from(worst.1))
    }

    async fn one(&self, db: &Db, record: &str, config: &Config, now: DateTime<Utc>) -> Outcome {
        let (record, verb) = match self.named(db, record).await {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        let act = Wanted {
            id: self.id.unwrap_or_else(Uuid::now_v7),
            verb,
            record,
            expected_version: self.expect_version,
            args: self.arguments.0.clone(),
            undoes: None,
        };
        if config.read_only.value {
            return Outcome::NotDone(ActError::NotPermitted(ONLY_READS.to_owned()));
        }
        let (printing, terms) = (printing(config), terms(config));
        match actions::act_and_print(db, act, &printing, "act", terms, now).await {
            Ok(done) => Outcome::Done(done),
            Err(error) => Outcome::NotDone(error),
        }
    }

    /// The record that is meant, and the verb for records of its kind.
    async fn named(&self, db: &Db, record: &str) -> Result<(RecordId, &'static Verb), Outcome> {
        let Ok(name) = record.parse::<RecordName>();
        let kind = name.kind();
        let Some(verb) = verbs::find(kind, &self.verb) else {
            let known: Vec<&str> = verbs::of(kind).iter().map(|verb| verb.name).collect();
            return Err(Outcome::Misnamed(format!(
                "{record}: {} is nothing to do with this; there are {}",
                self.verb,
                known.join(", ")
            )));
        };
        let found = db
            .call(LIMIT, move |connection| {
                async move { Ok(names::resolve(connection, &name).await) }.boxed()
            })
            .await
            .and_then(|found| match found {
                Err(NameError::Db(error)) => Err(error),
                Err(error @ NameError::Missing(_)) => Ok(Err(Outcome::Missing(error.to_string()))),
                found => Ok(found.map_err(|error| Outcome::Misnamed(error.to_string()))),
            });
        match found {
            Ok(Ok(id)) => Ok((id, verb)),
            Ok(Err(outcome)) => Err(outcome),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: DbError) -> Outcome {
    Outcome::NotDone(ActError::from(error))
}
