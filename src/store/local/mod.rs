//! The private local server: a Postgres of this OS user, for when no database is named.
//!
//! [`LocalServer::open`] starts it, or joins the one that runs, and holds it until dropped. Nothing
//! listens on the network: there is one Unix socket in a directory that only this user (and root)
//! can enter, and inside it every role is trusted.
//!
//! # What is in the data directory
//!
//! | name | what |
//! |---|---|
//! | `cluster/` | the Postgres data directory, mode 0700 |
//! | `run/` | the socket, mode 0700 (elsewhere when the path would be too long for a socket) |
//! | `server.log` | what Postgres said; `server.log.1` is the one before |
//! | `start.lock` | exclusive while someone creates, starts or stops the server |
//! | `lease.lock` | shared by every program that uses the server |
//! | `supervisor.lock` | exclusive while a supervisor watches |
//! | `postgres-…/` | the Postgres that this program carries, unpacked, if it was needed |
//!
//! # Who stops it
//!
//! The kernel gives up a lock when its holder dies, however it dies, so a lock is the lease: the
//! server is in use for as long as anyone shares `lease.lock`. Somebody must outlive the last
//! program to notice that, so [`supervise`] runs as a detached process of this same program: it
//! takes the lease exclusively for a moment now and then, and when that succeeds throughout the
//! linger it stops the server under `start.lock`. It also brings back a server that died while in
//! use. A supervisor that was killed is replaced by the next program that opens the server; until
//! then the server just runs on.

mod account;
mod alarm;
mod binaries;
mod bundled;
mod cluster;
mod lock;
mod postmaster;
mod socket;
mod supervisor;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _};

pub use account::Account;
pub use binaries::{Binaries, Choice, OLDEST_MAJOR};
pub use cluster::{Cluster, Durability, SUPERUSER};
pub use lock::FileLock;
pub use supervisor::supervise;

/// The hidden subcommand by which this program becomes the supervisor:
/// `packline local-server-supervise DATA_DIR LINGER_MS safe|throwaway`, which calls [`supervise`].
pub const SUPERVISE: &str = "local-server-supervise";

/// Names the data directory.
pub const DATA_DIR_VARIABLE: &str = "PACKLINE_DATA_DIR";

/// How long the server stays after the last program that used it.
const LINGER: Duration = Duration::from_secs(15);

/// The directory of the cluster inside the data directory.
const CLUSTER: &str = "cluster";

/// Longest wait for another program that creates, starts or stops the server.
const PATIENCE: Duration = Duration::from_mins(5);

/// Why there is no local server.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file or directory could not be made, read or locked.
    #[error("{path}: {doing}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A program could not be run at all.
    #[error("{program} could not be run: {source}")]
    Run {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// No Postgres that would do.
    #[error("no Postgres {OLDEST_MAJOR} or newer was found ({tried}); install one, name its bin directory in \
             {variable}, or name a database with --database-url", variable = binaries::VARIABLE)]
    NoPostgres {
        /// Where it was looked for and what was wrong there.
        tried: String,
    },
    /// The cluster was made by a major version that is not here.
    #[error("{dir} was made by Postgres {cluster}, but only Postgres {found} was found: install Postgres {cluster} and name \
             its bin directory in {variable}, or move {dir} away to start empty", variable = binaries::VARIABLE)]
    OtherVersion {
        /// The cluster.
        dir: PathBuf,
        /// Major version in the cluster's `PG_VERSION`.
        cluster: u32,
        /// Major versions found, as words.
        found: String,
    },
    /// Postgres refuses to run as root and there is nobody else to run it as.
    #[error(
        "Postgres does not run as root, and /etc/passwd has no account to run it as (looked for {looked_for})"
    )]
    NoAccount {
        /// The account names.
        looked_for: String,
    },
    /// The account that runs Postgres may not enter a directory on the way.
    #[error(
        "{dir} is closed to the account {account}, which runs Postgres here because it does not run as root: \
             choose another place with {DATA_DIR_VARIABLE}"
    )]
    Unreachable {
        /// The directory that is closed.
        dir: PathBuf,
        /// The account.
        account: String,
    },
    /// A directory that must be private is someone else's, or open to others.
    #[error("{dir} is not private to {owner}: remove it, or set its owner and mode 0700")]
    NotPrivate {
        /// The directory.
        dir: PathBuf,
        /// The account that should own it.
        owner: String,
    },
    /// No directory for the socket has a short enough path.
    #[error("no directory for the server's socket has a path of at most {limit} bytes: {tried}")]
    SocketPath {
        /// The system's limit on a socket's path, in bytes.
        limit: usize,
        /// What was tried.
        tried: String,
    },
    /// `initdb` failed.
    #[error("initdb could not create {dir}: {said}")]
    Initdb {
        /// The cluster.
        dir: PathBuf,
        /// What `initdb` said.
        said: String,
    },
    /// The server did not come up.
    #[error("Postgres did not start: {said} (more in {log})")]
    Start {
        /// The last lines of its log.
        said: String,
        /// The log.
        log: PathBuf,
    },
    /// The server did not stop.
    #[error("Postgres (process {pid}) did not stop within {seconds} s")]
    Stop {
        /// The postmaster.
        pid: i32,
        /// How long was waited.
        seconds: u64,
    },
    /// Another program kept the lock for too long.
    #[error("{path} is held by another program for more than {seconds} s")]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The archive in this program could not be unpacked.
    #[error("unpacking the bundled Postgres into {dir}: {source}")]
    Unpack {
        /// The directory.
        dir: PathBuf,
        /// The system's or the archive's answer.
        source: io::Error,
    },
    /// The server runs but did not do what was asked.
    #[error("the local server: {0}")]
    Database(#[from] sqlx::Error),
}

impl LocalError {
    fn file(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File {
            path,
            doing,
            source,
        }
    }
}

/// Where the local server keeps its data unless told: `$PACKLINE_DATA_DIR`; for root
/// `/var/lib/packline`, which the account that runs Postgres can reach; else `packline` in the
/// user's data directory (`$XDG_DATA_HOME`, by default `~/.local/share`).
///
/// # Errors
///
/// [`LocalError::File`] when there is no home directory.
pub fn default_data_dir() -> Result<PathBuf, LocalError> {
    if let Some(dir) = std::env::var_os(DATA_DIR_VARIABLE).filter(|dir| !dir.is_empty()) {
        return Ok(PathBuf::from(dir));
    }
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/packline"));
    }
    etcetera::choose_base_strategy()
        .map(|base| base.data_dir().join("packline"))
        .map_err(|_| LocalError::File {
            path: PathBuf::from("~"),
            doing: "finding the home directory",
            source: io::Error::from(io::ErrorKind::NotFound),
        })
}

/// How to open the local server. [`Settings::new`] is right for every program but the tests.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory; created if missing.
    pub data_dir: PathBuf,
    /// How long the server stays after the last program that used it.
    pub linger: Duration,
    /// Which Postgres.
    pub choice: Choice,
    /// Whether the data is kept.
    pub durability: Durability,
    /// The program that understands [`SUPERVISE`]; this one unless told.
    pub program: Option<PathBuf>,
}

impl Settings {
    /// The usual settings for a data directory, with the choice of Postgres from the environment.
    pub fn new(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_path_buf(),
            linger: LINGER,
            choice: Choice::from_env(),
            durability: Durability::Safe,
            program: None,
        }
    }

    /// As [`LocalServer::open`].
    pub fn open(&self) -> Result<LocalServer, LocalError> {
        let cluster = Cluster::prepare(&self.data_dir, self.durability)?;
        let lease = FileLock::shared(&cluster.lease_lock(), PATIENCE)?;
        let guard = FileLock::exclusive(&cluster.start_lock(), PATIENCE)?;
        let socket_dir = cluster.start(&self.choice)?;
        supervisor::ensure(&cluster, self.program.as_deref(), self.linger)?;
        drop(guard);
        Ok(LocalServer {
            socket_dir,
            _lease: lease,
        })
    }
}

/// The private server, in use. Dropping it gives the lease back.
#[derive(Debug)]
pub struct LocalServer {
    socket_dir: PathBuf,
    _lease: FileLock,
}

impl LocalServer {
    /// Starts the server of this data directory or joins it. Blocks: the first time for some
    /// seconds (it creates the cluster), later for a fraction of one.
    ///
    /// # Errors
    ///
    /// Every [`LocalError`] says what to do, where something can be done.
    pub fn open(data_dir: &Path) -> Result<Self, LocalError> {
        Settings::new(data_dir).open()
    }

    /// How to reach a database as the cluster's superuser. Any other role connects just so, with
    /// `.username(role)`: the directory of the socket is the guard.
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        connect_options(&self.socket_dir, database)
    }

    /// Creates the database if it is missing.
    pub async fn ensure_database(&self, name: &str) -> Result<(), LocalError> {
        let mut connection = PgConnection::connect_with(&self.connect_options("postgres")).await?;
        let known: bool =
            sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                .bind(name)
                .fetch_one(&mut connection)
                .await?;
        if !known {
            let name = name.replace('"', "\"\"");
            let created = sqlx::query(AssertSqlSafe(format!("create database \"{name}\"")))
                .execute(&mut connection)
                .await;
            match created {
                // Another program was quicker: as its transaction commits, ours finds either the
                // name (42P04) or the key of the catalogue row (23505) taken.
                Err(sqlx::Error::Database(error))
                    if matches!(error.code().as_deref(), Some("42P04" | "23505")) => {}
                other => {
                    other?;
                }
            }
        }
        connection.close().await?;
        Ok(())
    }

    /// Creates the database, empty, whoever uses one of that name now. It does not wait for the
    /// disk when it commits: a crash may lose the last moments, never more.
    pub async fn recreate_database(&self, name: &str) -> Result<(), LocalError> {
        let mut connection = PgConnection::connect_with(&self.connect_options("postgres")).await?;
        let quoted = name.replace('"', "\"\"");
        for statement in [
            format!("drop database if exists \"{quoted}\" with (force)"),
            format!("create database \"{quoted}\""),
            format!("alter database \"{quoted}\" set synchronous_commit = off"),
        ] {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// The directory of the socket, as `psql -h` takes it.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }
}

/// How to reach a database of the server whose socket is in `socket_dir`, as its superuser.
pub fn connect_options(socket_dir: &Path, database: &str) -> PgConnectOptions {
    // Where to, and as whom, is all said here, so that PGHOST and the like cannot lead elsewhere.
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(socket::PORT)
        .username(SUPERUSER)
        .password("")
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

/// This program, even if its file was replaced since it started.
fn this_program() -> OsString {
    let by_kernel = Path::new("/proc/self/exe");
    if by_kernel.exists() {
        return by_kernel.into();
    }
    std::env::current_exe().map_or_else(|_| "packline".into(), PathBuf::into_os_string)
}
