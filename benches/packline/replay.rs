//! What a program sent to a database, taken from the server's own log, for `pgbench` to send again.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use crate::harness::TestDatabase;
use crate::harness::server::DedicatedServer;

/// Lets the server write each statement of `database` to a log that can be read back.
pub(crate) async fn record(server: &DedicatedServer, database: &TestDatabase) {
    let mut connection = database.connect().await;
    for setting in [
        "alter system set logging_collector = on",
        "alter system set log_destination = 'jsonlog'",
        "alter system set log_rotation_size = 0",
        &format!("alter database {} set log_statement = 'all'", database.name),
    ] {
        let statement = AssertSqlSafe(setting.to_owned());
        connection.execute(statement).await.expect("a setting");
    }
    drop(connection);
    server.stop();
    server.start();
}

/// A line of the log: <https://www.postgresql.org/docs/current/runtime-config-logging.html>.
#[derive(Deserialize)]
struct Line {
    dbname: Option<String>,
    application_name: Option<String>,
    message: Option<String>,
    detail: Option<String>,
}

/// All that programs with this application name sent to a database since [`record`], as a script:
/// what they had prepared is prepared, once.
pub(crate) async fn script(database: &TestDatabase, application: &str) -> String {
    let mut connection = database.connect().await;
    let log = log(&mut connection).await;
    let (mut script, mut prepared) = (String::new(), HashMap::new());
    for line in fs::read_to_string(log).expect("the log").lines() {
        let line: Line = serde_json::from_str(line).expect("a line of the log");
        let is_asked = line.dbname.as_ref() == Some(&database.name)
            && line.application_name.as_deref() == Some(application);
        if is_asked && let Some(message) = line.message {
            append(&mut script, &mut prepared, &message, line.detail.as_deref());
        }
    }
    script
}

async fn log(connection: &mut PgConnection) -> PathBuf {
    let path: String = sqlx::query_scalar(
        "select current_setting('data_directory') || '/' || pg_current_logfile('jsonlog')",
    )
    .fetch_one(connection)
    .await
    .expect("where the log is");
    path.into()
}

/// `message` is `statement: TEXT` or `execute NAME: TEXT`; `detail` lists the parameters of the latter.
fn append(
    script: &mut String,
    prepared: &mut HashMap<String, usize>,
    message: &str,
    detail: Option<&str>,
) {
    let (how, text) = message.split_once(": ").unwrap_or((message, ""));
    if how == "statement" {
        writeln!(script, "{text};").expect("memory");
        return;
    }
    if !how.starts_with("execute ") {
        return;
    }
    let count = prepared.len();
    let number = *prepared.entry(text.to_owned()).or_insert_with(|| {
        writeln!(script, "prepare p{count} as {text};").expect("memory");
        count
    });
    // The log says `$1 = 'a', $2 = NULL`, with quotes doubled.
    let values = detail.and_then(|detail| detail.split_once(": $1 = "));
    match values {
        Some((_, values)) => {
            let arguments = arguments(values);
            writeln!(script, "execute p{number}({arguments});").expect("memory");
        }
        None => writeln!(script, "execute p{number};").expect("memory"),
    }
}

/// The values alone, without the names between them.
fn arguments(values: &str) -> String {
    let mut arguments = String::new();
    for (place, piece) in values.split('\'').enumerate() {
        let quoted = place % 2 == 1;
        if quoted {
            write!(arguments, "'{piece}'").expect("memory");
            continue;
        }
        // Between two values: `, $2 = NULL, $3 = `.
        let bare: Vec<&str> = piece
            .split(", ")
            .map(|part| part.split_once(" = ").map_or(part, |(_, value)| value))
            .collect();
        arguments.push_str(&bare.join(", "));
    }
    arguments
}
