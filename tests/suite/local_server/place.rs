//! What the tests of the local server have in hand: data directories, and processes that use them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use packline::store::local::{Account, Cluster, Durability, LocalServer, SUPERVISE, Settings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::harness::{self, until};

/// Longest wait for a server or a process to come or go.
pub(super) const LIMIT: Duration = Duration::from_mins(1);

/// How long the servers here stay after their last user.
pub(super) const LINGER: Duration = Duration::from_millis(400);

/// Name the data directory and the linger of [`hold`].
pub(super) const HOLD: &str = "PACKLINE_TEST_HOLD";

/// A data directory. What still runs on it is gone a linger after the test, so the value waits for
/// that and then removes it.
pub(super) struct Place {
    pub(super) dir: TempDir,
    pub(super) data_dir: PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        Self::named("data")
    }

    pub(super) fn named(name: &str) -> Self {
        let dir = harness::scratch_dir();
        let data_dir = dir.path().join(name);
        Self { dir, data_dir }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            linger: LINGER,
            program: Some(env!("CARGO_BIN_EXE_packline").into()),
            ..Settings::new(&self.data_dir)
        }
    }

    pub(super) fn open(&self) -> LocalServer {
        self.settings().open().expect("the local server")
    }

    pub(super) fn postmaster(&self) -> Option<i32> {
        let known = self.data_dir.exists();
        let cluster = || Cluster::prepare(&self.data_dir, Durability::Safe).expect("a directory");
        known.then(cluster).and_then(|cluster| cluster.postmaster())
    }

    /// Waits until nobody runs the server, because nobody uses it.
    pub(super) fn unused(&self) {
        until(LIMIT, "the unused server stops", || {
            self.postmaster().is_none() && supervisors(&self.data_dir).is_empty()
        });
    }

    /// Creates the cluster and stops it again.
    pub(super) fn created(self) -> Self {
        drop(self.open());
        self.unused();
        self
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.data_dir.join("cluster")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.unused();
        }
    }
}

/// A process that uses the server until it is killed or let go.
pub(super) struct Holder {
    process: Child,
    pub(super) postmaster: i32,
    /// Kept open, so that what the process says last has somewhere to go.
    _said: BufReader<ChildStdout>,
}

impl Holder {
    pub(super) fn command(data_dir: &Path) -> Command {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command
            .args(["--exact", "local_server::hold", "--ignored", "--nocapture"])
            .env(HOLD, data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    pub(super) fn start(data_dir: &Path) -> Self {
        Self::run(&mut Self::command(data_dir))
    }

    /// Waits until the process uses the server.
    pub(super) fn run(command: &mut Command) -> Self {
        let mut process = command.spawn().expect("a process");
        let mut said = BufReader::new(process.stdout.take().expect("a pipe"));
        let postmaster = said
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("holding ")?.1.parse().ok())
            .expect("the process uses the server");
        Self {
            process,
            postmaster,
            _said: said,
        }
    }

    pub(super) fn kill(mut self) {
        self.process.kill().expect("killing it");
        self.process.wait().expect("it ends");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The supervisors of a data directory.
pub(super) fn supervisors(data_dir: &Path) -> Vec<i32> {
    let data_dir = fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.to_path_buf());
    processes()
        .into_iter()
        .filter(|(_, command)| command.contains(SUPERVISE))
        .filter(|(_, command)| command.contains(&*data_dir.to_string_lossy()))
        .map(|(pid, _)| pid)
        .collect()
}

/// Every process with its command line. A machine for builds may lack `ps`, and macOS has no `/proc`.
pub(super) fn processes() -> Vec<(i32, String)> {
    let Ok(listed) = fs::read_dir("/proc") else {
        let listed = Command::new("ps")
            .args(["-A", "-o", "pid=,args="])
            .output()
            .expect("a list of processes");
        return String::from_utf8_lossy(&listed.stdout)
            .lines()
            .filter_map(|line| line.trim().split_once(' '))
            .filter_map(|(pid, command)| Some((pid.parse().ok()?, command.to_owned())))
            .collect();
    };
    listed
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            // Empty for a zombie; gone for a process that ended since.
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            Some((pid, String::from_utf8_lossy(&command).into_owned()))
        })
        .collect()
}

pub(super) async fn connect(options: &PgConnectOptions) -> PgConnection {
    harness::deadline(LIMIT, "connecting", PgConnection::connect_with(options))
        .await
        .expect("the server answers")
}

pub(super) async fn text(connection: &mut PgConnection, query: &'static str) -> String {
    sqlx::query_scalar(query)
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// Who runs Postgres when these tests start it.
pub(super) fn account() -> Account {
    Account::choose(Path::new("/nonexistent")).expect("an account")
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
