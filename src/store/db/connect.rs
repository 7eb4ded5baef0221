//! Opening one connection: servers in order, session settings, and what a failure means.

use std::io::ErrorKind;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError};
use sqlx::{ConnectOptions, Executor, Row};
use tokio::time::timeout;

use super::Settings;
use super::error::{Attempt, ConnectError, DbError};
use super::url::DatabaseUrl;

/// Asks whether a connection is fit to be used: not inside a forgotten transaction (sqlx issues
/// 4385 and 4393: a cancelled `begin` leaves one open), and on a server that takes writes, or, where
/// the session is to read only, in such a session.
///
/// By the simple protocol, because the extended one starts the transaction at Bind and the
/// statement at Execute, so that the two times always differ.
pub(super) async fn is_fit(
    connection: &mut PgConnection,
    settings: &Settings,
) -> Result<bool, sqlx::Error> {
    let question = if settings.read_only {
        "select now() = statement_timestamp() and not pg_is_in_recovery() \
         and current_setting('transaction_read_only') = 'on'"
    } else {
        "select now() = statement_timestamp() and not pg_is_in_recovery() \
         and current_setting('transaction_read_only') = 'off'"
    };
    let answer = sqlx::raw_sql(question).fetch_one(connection).await?;
    answer.try_get(0)
}

/// Connects to the first server of the URL that takes writes, and says which one it is.
pub(super) async fn open(
    url: &DatabaseUrl,
    settings: &Settings,
) -> Result<(PgConnection, usize), DbError> {
    let mut attempts = Vec::new();
    for (index, server) in url.servers().iter().enumerate() {
        let limit = url.connect_timeout();
        let (reason, advice) = match timeout(limit, open_one(server, settings)).await {
            Ok(Ok(Some(connection))) => return Ok((connection, index)),
            Ok(Ok(None)) => (
                "the server is a standby or set to read only".to_owned(),
                Some("name the primary, or all servers: postgres://USER@HOST1,HOST2/DATABASE"),
            ),
            Ok(Err(error)) => explained(&error),
            Err(_) => (
                format!("no answer within {limit:?}"),
                Some("check the host name, and that no firewall is between"),
            ),
        };
        attempts.push(Attempt {
            server: name(server),
            reason,
            advice,
        });
    }
    Err(DbError::Connect(ConnectError { attempts }))
}

/// `None` if the server does not take writes.
async fn open_one(
    server: &PgConnectOptions,
    settings: &Settings,
) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = session(server, settings).connect().await?;
    // The server then notices within 2 s that the client of a running statement is gone. Not
    // every platform can (Linux from Postgres 14, others from 15), and there it refuses.
    match connection
        .execute("set client_connection_check_interval = '2s'")
        .await
    {
        Ok(_) | Err(sqlx::Error::Database(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(is_fit(&mut connection, settings)
        .await?
        .then_some(connection))
}

/// The settings of every session of this program.
pub(super) fn session(server: &PgConnectOptions, settings: &Settings) -> PgConnectOptions {
    let milliseconds = |time: Duration| time.as_millis().to_string();
    server
        .clone()
        .application_name(&format!("packline {}", settings.what))
        .options([
            // `pg_temp` last, so that no temporary table can stand in for one of ours.
            ("search_path", "packline,pg_catalog,pg_temp".to_owned()),
            (
                "statement_timeout",
                milliseconds(settings.statement_timeout),
            ),
            // To show a page by an index is work for one; with helpers at hand, the planner finds it
            // cheap to read years of parcels from the first to the last.
            ("max_parallel_workers_per_gather", "0".to_owned()),
            // And open work is in the server's memory, where one page is as near as the next.
            ("random_page_cost", "1.1".to_owned()),
            // To compile a statement takes longer than any of ours.
            ("jit", "off".to_owned()),
            // Locks held by a console that froze in the middle of an act.
            ("idle_in_transaction_session_timeout", "60s".to_owned()),
            // The driver sets no keepalive, so the server does: a peer that vanished is noticed
            // after a minute, and its locks go.
            ("tcp_keepalives_idle", "30".to_owned()),
            ("tcp_keepalives_interval", "10".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
        ])
        // Else as the database says.
        .options((settings.read_only).then_some(("default_transaction_read_only", "on")))
}

/// `host:port`, or the path of the socket.
fn name(server: &PgConnectOptions) -> String {
    let port = server.get_port();
    match (server.get_socket(), server.get_host()) {
        (Some(directory), _) => format!("{}/.s.PGSQL.{port}", directory.display()),
        (None, directory) if directory.starts_with('/') => {
            format!("{directory}/.s.PGSQL.{port}")
        }
        (None, host) => format!("{host}:{port}"),
    }
}

/// What happened, and what a person can do about it.
fn explained(error: &sqlx::Error) -> (String, Option<&'static str>) {
    match error {
        sqlx::Error::Io(cause) => {
            let advice = match cause.kind() {
                ErrorKind::ConnectionRefused => "is the server running, and the port right?",
                ErrorKind::NotFound => "is the server running, and the socket directory right?",
                ErrorKind::PermissionDenied => "this user may not use that socket",
                _ => "check the host name and the network",
            };
            (cause.to_string(), Some(advice))
        }
        sqlx::Error::Tls(cause) => (
            cause.to_string(),
            Some("see sslmode and sslrootcert in the URL"),
        ),
        sqlx::Error::Database(cause) => {
            let code = cause
                .try_downcast_ref::<PgDatabaseError>()
                .map_or("", PgDatabaseError::code);
            let advice = match code {
                "28P01" => Some("check the password, or ~/.pgpass"),
                "28000" => Some("ask an admin for a login: packline staff add NAME --role ROLE"),
                "3D000" => Some("create the database, then run packline migrate"),
                "42501" => Some("this login may not connect to the database"),
                "53300" => Some("too many programs are connected: raise max_connections"),
                "57P03" => Some("the server is starting or stopping: try again"),
                _ => None,
            };
            (cause.message().to_owned(), advice)
        }
        other => (other.to_string(), None),
    }
}
