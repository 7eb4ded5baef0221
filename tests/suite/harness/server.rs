//! Servers: the one that a run shares, and one of its own for a test that breaks it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use packline::store::local::{Choice, Cluster, Durability, FileLock, LocalServer, Settings};
use tempfile::TempDir;

use super::database::TestDatabase;

/// A server in memory needs this much free, in bytes.
const ROOM: u64 = 1 << 30;

/// Longest wait for a lock of another test.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where servers and their scratch files go: memory where there is room, else the disk.
pub(crate) fn base_dir() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |found| found.f_bavail * found.f_frsize);
    if free >= ROOM {
        memory.to_path_buf()
    } else {
        std::env::temp_dir()
    }
}

/// An empty directory for a test, removed with the value. Open to the account that runs Postgres.
pub(crate) fn scratch_dir() -> TempDir {
    scratch_dir_in(&base_dir())
}

fn scratch_dir_in(base: &Path) -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix("packline-test-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(base)
        .expect("a scratch directory")
}

/// The server of this run, started or joined by the first test of each process that wants it.
pub(super) fn shared() -> &'static LocalServer {
    static SERVER: OnceLock<LocalServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
        let user = rustix::process::geteuid();
        let dir = base_dir().join(format!("packline-run-{user}-{:x}", hasher.finish()));
        settings(&dir, Durability::Throwaway)
            .open()
            .expect("the server of the tests")
    })
}

/// Settings of a server that nobody will miss.
fn settings(dir: &Path, durability: Durability) -> Settings {
    Settings {
        data_dir: dir.to_path_buf(),
        linger: Duration::from_secs(3),
        choice: Choice::from_env(),
        durability,
        program: Some(env!("CARGO_BIN_EXE_packline").into()),
    }
}

/// A server for one test, which may stop and kill it.
pub(crate) struct DedicatedServer {
    // Dropped in this order: the lease before the directory.
    server: Option<LocalServer>,
    cluster: Cluster,
    _dir: TempDir,
}

/// Starts a server of the test's own: it takes some seconds.
pub(crate) fn dedicated_server() -> DedicatedServer {
    server_with(Durability::Throwaway)
}

/// Starts a server of its own: in memory, or where each commit waits for the disk, on one.
pub(crate) fn server_with(durability: Durability) -> DedicatedServer {
    let dir = match durability {
        Durability::Throwaway => scratch_dir(),
        Durability::Safe => scratch_dir_in(&std::env::temp_dir()),
    };
    let data_dir = dir.path().join("server");
    let server = settings(&data_dir, durability).open().expect("a server");
    let cluster = Cluster::prepare(&data_dir, durability).expect("its directory");
    DedicatedServer {
        server: Some(server),
        cluster,
        _dir: dir,
    }
}

impl DedicatedServer {
    /// A migrated database on it.
    pub(crate) async fn database(&self) -> TestDatabase {
        TestDatabase::create(self.server().connect_options("postgres")).await
    }

    /// Stops it as an operator would: connections end with SQLSTATE 57P01.
    pub(crate) fn stop(&self) {
        let _guard = self.guard();
        self.cluster.stop().expect("the server stops");
    }

    /// Kills it without warning, as a power cut would.
    pub(crate) fn kill(&self) {
        let pid = self.cluster.postmaster().expect("a server that runs");
        signal(pid, rustix::process::Signal::KILL);
        super::until(Duration::from_secs(10), "the server is gone", || {
            self.cluster.postmaster().is_none()
        });
    }

    /// Starts it again at the same address.
    pub(crate) fn start(&self) {
        let _guard = self.guard();
        self.cluster
            .start(&Choice::from_env())
            .expect("the server starts");
    }

    fn guard(&self) -> FileLock {
        FileLock::exclusive(&self.cluster.start_lock(), PATIENCE).expect("the lock")
    }

    fn server(&self) -> &LocalServer {
        self.server.as_ref().expect("taken only by drop")
    }
}

impl Drop for DedicatedServer {
    fn drop(&mut self) {
        // Not waiting for the supervisor, which finds nothing left to do.
        let guard = FileLock::exclusive(&self.cluster.start_lock(), PATIENCE);
        let stopped = self.cluster.stop();
        drop((self.server.take(), guard));
        if !std::thread::panicking() {
            stopped.expect("the server stops");
        }
    }
}

/// Sends a signal to a process of the test's.
pub(crate) fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("sending a signal");
}
