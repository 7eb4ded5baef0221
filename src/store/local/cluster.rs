//! A data directory: creating its cluster, starting and stopping the server on it.
//!
//! Every function that changes something expects its caller to hold `start.lock`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;
use super::binaries::{Binaries, Choice};
use super::postmaster::{self, PidFile, State};
use super::{CLUSTER, LocalError, PATIENCE, socket};

/// The superuser of every cluster made here.
pub const SUPERUSER: &str = "packline";

/// Character classification in UTF-8, by the names that systems have for it; the last is everywhere
/// but knows ASCII only.
const CTYPES: [&str; 5] = ["C.UTF-8", "C.utf8", "en_US.UTF-8", "UTF-8", "C"];

/// What a private server of one person needs, on a laptop that has other things to do.
const SETTINGS: [&str; 13] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "cluster_name=packline",
    "shared_buffers=64MB",
    "work_mem=8MB",
    "maintenance_work_mem=64MB",
    "max_wal_size=256MB",
    // Less would lose the numbers that a sequence gave out soon after it was made, in a crash.
    "wal_level=replica",
    "max_wal_senders=0",
    "jit=off",
    "log_checkpoints=off",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// Between two looks at something that another process changes.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a fast shutdown may take before an immediate one, and that one.
const FAST_STOP: Duration = Duration::from_secs(30);
const IMMEDIATE_STOP: Duration = Duration::from_secs(10);

/// How long backends may outlive a postmaster that was killed.
const ORPHANS: Duration = Duration::from_secs(10);

/// Whether the data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It must survive a power cut: for every server that people use.
    Safe,
    /// For tests: `fsync` off, and everything is removed when the server stops for want of users.
    Throwaway,
}

impl Durability {
    /// The word for it in the supervisor's arguments.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Throwaway => "throwaway",
        }
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Safe, Self::Throwaway]
            .into_iter()
            .find(|durability| durability.as_str() == text)
            .ok_or_else(|| format!("{text:?} is neither safe nor throwaway"))
    }
}

/// A data directory and who runs its server.
#[derive(Debug)]
pub struct Cluster {
    data_dir: PathBuf,
    account: Account,
    durability: Durability,
}

impl Cluster {
    /// Creates the data directory if it is missing and decides which account runs the server.
    ///
    /// # Errors
    ///
    /// [`LocalError::NoAccount`], [`LocalError::Unreachable`], [`LocalError::File`].
    pub fn prepare(data_dir: &Path, durability: Durability) -> Result<Self, LocalError> {
        let account = Account::choose(&data_dir.join(CLUSTER))?;
        account.reach(data_dir)?;
        if !data_dir.exists() {
            // For root the files here are root's own, so that the account cannot put links in the
            // way of a file that root opens; it only passes through.
            let mode = if account.drops() { 0o755 } else { 0o700 };
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(data_dir)
                .and_then(|()| fs::set_permissions(data_dir, fs::Permissions::from_mode(mode)))
                .map_err(LocalError::file(data_dir, "creating the data directory"))?;
        }
        let data_dir = fs::canonicalize(data_dir)
            .map_err(LocalError::file(data_dir, "finding the data directory"))?;
        // Once more, where the path has led through links or was created just now.
        account.reach(&data_dir)?;
        Ok(Self {
            data_dir,
            account,
            durability,
        })
    }

    /// The lock round creating, starting and stopping.
    pub fn start_lock(&self) -> PathBuf {
        self.data_dir.join("start.lock")
    }

    /// The lock that programs share while they use the server.
    pub fn lease_lock(&self) -> PathBuf {
        self.data_dir.join("lease.lock")
    }

    /// The lock of the one supervisor.
    pub(super) fn supervisor_lock(&self) -> PathBuf {
        self.data_dir.join("supervisor.lock")
    }

    /// The data directory, without links.
    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Whether the data is kept.
    pub(super) fn durability(&self) -> Durability {
        self.durability
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.data_dir.join(CLUSTER)
    }

    fn log(&self) -> PathBuf {
        self.data_dir.join("server.log")
    }

    /// The postmaster's process id, if the server runs.
    pub fn postmaster(&self) -> Option<i32> {
        self.running().map(|running| running.pid)
    }

    /// Starts the server, creating the cluster first if there is none, or joins the one that runs.
    /// Answers the directory of its socket.
    ///
    /// # Errors
    ///
    /// Any [`LocalError`] but [`LocalError::Busy`] and [`LocalError::Stop`].
    pub fn start(&self, choice: &Choice) -> Result<PathBuf, LocalError> {
        if let Some(socket_dir) = self.join()? {
            return Ok(socket_dir);
        }
        self.set_aside_what_is_no_cluster()?;
        let version_file = self.dir().join("PG_VERSION");
        let major = match fs::read_to_string(&version_file) {
            Ok(text) => text.trim().parse().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(LocalError::file(&version_file, "reading")(error)),
        };
        let binaries = Binaries::find(choice, &self.data_dir, &self.account, major)?;
        if major.is_none() {
            self.create(&binaries)?;
        }
        let socket_dir = socket::dir(&self.data_dir, &self.account)?;
        self.clear_remains(&socket_dir)?;
        self.launch(&binaries, &socket_dir)?;
        Ok(socket_dir)
    }

    /// Stops the server if it runs: open transactions are rolled back, committed ones are kept.
    ///
    /// # Errors
    ///
    /// [`LocalError::Stop`] when it does not even stop at once.
    pub fn stop(&self) -> Result<(), LocalError> {
        for (signal, patience) in [(Signal::INT, FAST_STOP), (Signal::QUIT, IMMEDIATE_STOP)] {
            let Some(running) = self.running() else {
                return Ok(());
            };
            if let Some(pid) = Pid::from_raw(running.pid) {
                // It may stop by itself between the look and the signal.
                let _ = kill_process(pid, signal);
            }
            let deadline = Instant::now() + patience;
            while Instant::now() < deadline {
                if self.running().is_none_or(|now| now.pid != running.pid) {
                    return Ok(());
                }
                thread::sleep(PAUSE);
            }
        }
        self.running().map_or(Ok(()), |running| {
            Err(LocalError::Stop {
                pid: running.pid,
                seconds: (FAST_STOP + IMMEDIATE_STOP).as_secs(),
            })
        })
    }

    /// Removes everything but the lock files, which somebody may be waiting for.
    pub(super) fn remove(&self) -> Result<(), LocalError> {
        let entries =
            fs::read_dir(&self.data_dir).map_err(LocalError::file(&self.data_dir, "listing"))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else if path
                .extension()
                .is_some_and(|extension| extension == "lock")
            {
                Ok(())
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(LocalError::file(&path, "removing"))?;
        }
        Ok(())
    }

    /// The socket's directory of a server that runs, once it is ready; `None` when none runs, also
    /// when the one that ran was just stopping.
    fn join(&self) -> Result<Option<PathBuf>, LocalError> {
        let deadline = Instant::now() + PATIENCE;
        while let Some(running) = self.running() {
            if running.status == "ready" {
                return Ok(Some(running.socket_dir));
            }
            if Instant::now() >= deadline {
                return Err(LocalError::Start {
                    said: format!("process {} is still {}", running.pid, running.status),
                    log: self.log(),
                });
            }
            thread::sleep(PAUSE);
        }
        Ok(None)
    }

    /// What the pid file says, if its process is alive.
    fn running(&self) -> Option<PidFile> {
        let dir = self.dir();
        let found = PidFile::read(&dir)?;
        let alive = match postmaster::state(found.pid, &dir) {
            State::Postmaster => true,
            // In another container that shares this directory it may be out of sight.
            State::Dead | State::Other => {
                UnixStream::connect(socket::path(&found.socket_dir)).is_ok()
            }
        };
        alive.then_some(found)
    }

    /// A directory without a version is left from something that was cut short, and not by
    /// [`Cluster::create`], which renames. It is moved, not removed: it may be someone's.
    fn set_aside_what_is_no_cluster(&self) -> Result<(), LocalError> {
        let dir = self.dir();
        if !dir.exists()
            || dir.join("PG_VERSION").exists() && dir.join("global/pg_control").exists()
        {
            return Ok(());
        }
        let mut number = 1;
        let aside = loop {
            let aside = self.data_dir.join(format!("{CLUSTER}.incomplete-{number}"));
            if !aside.exists() {
                break aside;
            }
            number += 1;
        };
        tracing::warn!(from = %dir.display(), to = %aside.display(), "setting aside an incomplete cluster");
        fs::rename(&dir, &aside).map_err(LocalError::file(&dir, "setting it aside"))
    }

    /// Makes the cluster in a directory aside and renames it, so that a half-made one is never used.
    fn create(&self, binaries: &Binaries) -> Result<(), LocalError> {
        const ASIDE: &str = "cluster-making-";
        for left in fs::read_dir(&self.data_dir).into_iter().flatten().flatten() {
            if left.file_name().as_bytes().starts_with(ASIDE.as_bytes()) {
                // Of a program that was killed; the next try is in another directory anyway.
                let _ = fs::remove_dir_all(left.path());
            }
        }
        let mut said = String::new();
        for ctype in CTYPES {
            let aside = tempfile::Builder::new()
                .prefix(ASIDE)
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(&self.data_dir)
                .map_err(LocalError::file(
                    &self.data_dir,
                    "creating a directory in it",
                ))?;
            self.account.own(aside.path())?;
            let initdb = binaries.initdb();
            let mut command = self.account.command(&initdb);
            command
                .arg("-D")
                .arg(aside.path())
                .args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"])
                .args(["--locale=C", &format!("--lc-ctype={ctype}")])
                .arg("--no-instructions");
            if self.durability == Durability::Throwaway {
                command.arg("--no-sync");
            }
            let output =
                command
                    .stdin(Stdio::null())
                    .output()
                    .map_err(|source| LocalError::Run {
                        program: initdb,
                        source,
                    })?;
            if output.status.success() {
                let dir = self.dir();
                fs::rename(aside.path(), &dir)
                    .and_then(|()| File::open(&self.data_dir)?.sync_all())
                    .map_err(LocalError::file(&dir, "putting the new cluster in place"))?;
                // Its name is gone: there is nothing left to remove.
                let _ = aside.keep();
                return Ok(());
            }
            String::from_utf8_lossy(&output.stderr)
                .trim()
                .clone_into(&mut said);
            if !said.contains("locale") {
                break;
            }
        }
        Err(LocalError::Initdb {
            dir: self.dir(),
            said,
        })
    }

    /// Removes the lock files of a server that is no more. Postgres would do it, unless the process
    /// number is taken: by a zombie, or by another process of the same user.
    fn clear_remains(&self, socket_dir: &Path) -> Result<(), LocalError> {
        let socket = socket::path(socket_dir);
        let mut socket_lock = socket.clone().into_os_string();
        socket_lock.push(".lock");
        for path in [
            self.dir().join("postmaster.pid"),
            PathBuf::from(socket_lock),
            socket,
        ] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(LocalError::file(&path, "removing what a dead server left")(
                        error,
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn launch(&self, binaries: &Binaries, socket_dir: &Path) -> Result<(), LocalError> {
        let deadline = Instant::now() + ORPHANS;
        loop {
            let mut child = self.spawn(binaries, socket_dir)?;
            if self.comes_up(&mut child)? {
                // Collects it when it ends, so that it never stays as a zombie of this process.
                thread::spawn(move || child.wait());
                return Ok(());
            }
            let said = self.last_words();
            // Backends of a postmaster that was killed keep its shared memory for a moment.
            let passing = said.contains("shared memory") || said.contains("already exists");
            if !passing || Instant::now() >= deadline {
                return Err(LocalError::Start {
                    said,
                    log: self.log(),
                });
            }
            thread::sleep(10 * PAUSE);
        }
    }

    fn spawn(&self, binaries: &Binaries, socket_dir: &Path) -> Result<Child, LocalError> {
        let log = self.log();
        // There is none before the first start.
        let _ = fs::rename(&log, log.with_extension("log.1"));
        let output = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            // A statement that failed is in it, with its values.
            .mode(0o600)
            .open(&log)
            .map_err(LocalError::file(&log, "creating the log"))?;
        let errors = output
            .try_clone()
            .map_err(LocalError::file(&log, "opening the log again"))?;

        let program = binaries.postgres();
        let mut command = self.account.command(&program);
        command.arg("-D").arg(self.dir());
        command.arg("-c").arg(socket::setting(socket_dir));
        let port = format!("port={}", socket::PORT);
        let durable: &[&str] = match self.durability {
            Durability::Safe => &["fsync=on", "max_connections=100"],
            Durability::Throwaway => &["fsync=off", "full_page_writes=off", "max_connections=300"],
        };
        for setting in SETTINGS.iter().chain(durable).chain([&port.as_str()]) {
            command.arg("-c").arg(setting);
        }
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in the terminal of the program that starts it is not meant for it.
            .process_group(0)
            .spawn()
            .map_err(|source| LocalError::Run { program, source })
    }

    /// Waits until the server is ready; false when it ends instead.
    fn comes_up(&self, child: &mut Child) -> Result<bool, LocalError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self
                .running()
                .is_some_and(|running| running.status == "ready")
            {
                return Ok(true);
            }
            let ended = child
                .try_wait()
                .map_err(LocalError::file(&self.dir(), "waiting for the server"))?;
            if ended.is_some() {
                return Ok(false);
            }
            // After a crash it replays its log first, which may take minutes.
            if Instant::now() >= deadline {
                return Err(LocalError::Start {
                    said: format!("it was not ready after {} s", PATIENCE.as_secs()),
                    log: self.log(),
                });
            }
            thread::sleep(PAUSE);
        }
    }

    /// The complaints at the end of the log.
    fn last_words(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let mut lines: Vec<&str> = text.lines().rev().take(4).collect();
        lines.reverse();
        lines.join(" / ")
    }
}
