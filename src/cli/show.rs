//! `packline show`: everything about one record, for scripts and screen readers.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use color_eyre::eyre::Result;
use serde::Serialize;
use serde_json::Value;

use super::database::Database;
use super::print;
use crate::config::Config;
use crate::domain::full::FullRecord;
use crate::domain::list::HistoryEntry;
use crate::domain::record::RecordName;
use crate::domain::text;
use crate::store::names::{self, NameError};
use crate::store::records;

/// Entries of the history that are shown.
const HISTORY: usize = 50;

/// Show everything about one record.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Its number: #1042 or channel/#1042, SHP-7, INS-7, TKT-7, or a SKU
    record: String,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    record: FullRecord,
    /// Why it can't ship, where it is an order that is not shipped yet and can't.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cannot_ship: Vec<String>,
    history: Vec<HistoryEntry>,
}

impl Show {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        let database = Database::open(config, "show").await?;
        let Ok(name) = self.record.parse::<RecordName>();
        let zone = config.shop_time_zone.value;
        let shown: Result<Option<Shown>, NameError> = database
            .db
            .call(Duration::from_secs(30), move |connection| {
                Box::pin(async move {
                    let id = match names::resolve(connection, &name).await {
                        Ok(id) => id,
                        Err(error) => return Ok(Err(error)),
                    };
                    let Some(record) = records::full(connection, id).await? else {
                        return Ok(Ok(None));
                    };
                    let history = records::history(connection, id, HISTORY, zone).await?;
                    Ok(Ok(Some(Shown {
                        cannot_ship: record.cannot_ship(),
                        record,
                        history,
                    })))
                })
            })
            .await?;
        if matches!(shown, Err(NameError::Missing(_))) {
            database.hint(now).await?;
        }
        let Some(shown) = shown? else {
            print::note(format_args!(
                "packline: {} does not exist",
                text::plain(&self.record)
            ));
            return Ok(ExitCode::FAILURE);
        };
        if self.json {
            print::json(&shown)?;
        } else {
            let mut lines = Vec::new();
            outline(&mut lines, 0, &serde_json::to_value(&shown.record)?);
            if !shown.cannot_ship.is_empty() {
                lines.push(format!("can't ship: {}", shown.cannot_ship.len()));
                lines.extend(shown.cannot_ship.iter().map(|why| format!("  {why}")));
            }
            lines.push("history".to_owned());
            for entry in &shown.history {
                lines.push(format!(
                    "  {} {} {}{}: {}",
                    entry.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S"),
                    entry.who,
                    entry.verb.as_deref().unwrap_or(&entry.source),
                    entry
                        .reason
                        .as_ref()
                        .map(|reason| format!(" ({reason})"))
                        .unwrap_or_default(),
                    entry.changes.join(", ")
                ));
            }
            for line in lines {
                print::line(text::plain(&line));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A value as an indented outline that a screen reader can read line by line; what is empty is
/// left out.
fn outline(lines: &mut Vec<String>, depth: usize, value: &Value) {
    let indent = "  ".repeat(depth);
    let Value::Object(fields) = value else {
        return;
    };
    for (name, value) in fields {
        let name = name.replace('_', " ");
        match value {
            Value::Null => {}
            Value::Object(inner) if inner.is_empty() => {}
            Value::Object(_) => {
                lines.push(format!("{indent}{name}"));
                outline(lines, depth + 1, value);
            }
            Value::Array(items) if items.is_empty() => {}
            Value::Array(items) => {
                lines.push(format!("{indent}{name}: {}", items.len()));
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Value::Object(_) => {
                            lines.push(format!("{indent}  {}", index + 1));
                            outline(lines, depth + 2, item);
                        }
                        other => lines.push(format!("{indent}  {}", scalar(other))),
                    }
                }
            }
            Value::String(text) if text.is_empty() => {}
            other => lines.extend(scalar(other).lines().enumerate().map(|(index, line)| {
                if index == 0 {
                    format!("{indent}{name}: {line}")
                } else {
                    format!("{indent}  {line}")
                }
            })),
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
