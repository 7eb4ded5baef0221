//! The process that outlives the programs that use the server, and stops it after the last.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::alarm;
use super::binaries::Choice;
use super::cluster::{Cluster, Durability};
use super::lock::FileLock;
use super::{LocalError, SUPERVISE, this_program};

/// How often the supervisor looks whether the server is in use.
const LOOK: Duration = Duration::from_millis(500);

/// How long it leaves a server alone that it could not bring back.
const LEAVE: Duration = Duration::from_secs(10);

/// Starts a supervisor if none watches. The caller holds `start.lock`: a supervisor that is about to
/// leave holds it too, so that it cannot be mistaken for one that stays.
pub(super) fn ensure(
    cluster: &Cluster,
    program: Option<&Path>,
    linger: Duration,
) -> Result<(), LocalError> {
    if FileLock::try_exclusive(&cluster.supervisor_lock())?.is_none() {
        return Ok(());
    }
    let program = program.map_or_else(this_program, Into::into);
    let mut supervisor = Command::new(&program)
        .arg0("packline")
        .arg(SUPERVISE)
        .arg(cluster.data_dir())
        .arg(linger.as_millis().to_string())
        .arg(cluster.durability().as_str())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| LocalError::Run {
            program: program.into(),
            source,
        })?;
    // Collects it when it ends, so that it never stays as a zombie of this process.
    thread::spawn(move || supervisor.wait());
    Ok(())
}

/// Watches the server of this data directory until nobody has used it for `linger`, then stops it.
/// Returns at once when another supervisor watches.
///
/// # Errors
///
/// Any [`LocalError`] of stopping the server, or that its directory cannot be used any more.
pub fn supervise(
    data_dir: &Path,
    linger: Duration,
    durability: Durability,
) -> Result<(), LocalError> {
    // Away from the terminal of the program that started it. It fails for a process that leads a
    // group already, which is then away from that program's group at least.
    let _ = rustix::process::setsid();
    let cluster = Cluster::prepare(data_dir, durability)?;
    let Some(watch) = FileLock::try_exclusive(&cluster.supervisor_lock())? else {
        return Ok(());
    };
    let mut unused_since: Option<Instant> = None;
    let mut leave_until = Instant::now();
    loop {
        thread::sleep(LOOK.min(linger / 4).max(Duration::from_millis(10)));
        if let Some(postmaster) = cluster.postmaster()
            && alarm::is_needed(&cluster.dir())
        {
            alarm::ring(postmaster);
        }
        if FileLock::try_exclusive(&cluster.lease_lock())?.is_none() {
            unused_since = None;
            // A test that stops its server means it.
            if durability == Durability::Safe
                && cluster.postmaster().is_none()
                && Instant::now() >= leave_until
            {
                leave_until = Instant::now() + LEAVE;
                bring_back(&cluster);
            }
            continue;
        }
        if unused_since.get_or_insert_with(Instant::now).elapsed() < linger {
            continue;
        }
        // A program that opens the server takes the lease first and `start.lock` second: with both
        // in hand, nobody has it or is about to.
        let Some(guard) = FileLock::try_exclusive(&cluster.start_lock())? else {
            continue;
        };
        let Some(lease) = FileLock::try_exclusive(&cluster.lease_lock())? else {
            continue;
        };
        cluster.stop()?;
        if durability == Durability::Throwaway {
            cluster.remove()?;
        }
        drop((watch, lease, guard));
        return Ok(());
    }
}

/// Starts a server again that ended while in use; Postgres recovers what was committed. The
/// programs reconnect by themselves. What goes wrong is in its log, and is tried again later.
fn bring_back(cluster: &Cluster) {
    let guard = FileLock::try_exclusive(&cluster.start_lock());
    if matches!(guard, Ok(Some(_)))
        && let Err(error) = cluster.start(&Choice::from_env())
    {
        tracing::warn!(%error, "the local server could not be brought back");
    }
}
