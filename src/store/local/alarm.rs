//! The clock that the carried Postgres lacks.
//!
//! Its build leaves `setitimer` out, so that by itself none of its timeouts would ever fire: no
//! `statement_timeout`, no `lock_timeout`, no look for deadlocks. But its backends handle SIGALRM as
//! ever: they compare what is due with the time (`handle_sig_alarm` in Postgres's
//! `utils/misc/timeout.c`), and where nothing is due they do nothing. So whoever sends them the
//! signal now and then does what the timer would have done; the supervisor does. Processes that
//! have no timeouts ignore the signal, as the postmaster from which they come does.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use super::bundled;

/// Whether the server of this cluster directory is the carried one. `postmaster.opts` begins with the
/// program, as Postgres's `CreateOptsFile` writes it.
pub(super) fn is_needed(cluster: &Path) -> bool {
    fs::read_to_string(cluster.join("postmaster.opts")).is_ok_and(|opts| {
        let program = opts.split(" \"").next().unwrap_or_default();
        bundled::is_carried(Path::new(program.trim()))
    })
}

/// Lets every backend of this postmaster look at the time.
pub(super) fn ring(postmaster: i32) {
    for backend in children(postmaster) {
        // One that has just ended is not missed.
        let _ = kill_process(backend, Signal::ALARM);
    }
}

#[cfg(target_os = "linux")]
fn children(parent: i32) -> Vec<Pid> {
    listed(
        &fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default(),
    )
}

#[cfg(not(target_os = "linux"))]
fn children(parent: i32) -> Vec<Pid> {
    let listing = std::process::Command::new("/usr/bin/pgrep")
        .args(["-P", &parent.to_string()])
        .output();
    listing.map_or_else(
        |_| Vec::new(),
        |listing| listed(&String::from_utf8_lossy(&listing.stdout)),
    )
}

fn listed(pids: &str) -> Vec<Pid> {
    pids.split_whitespace()
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}
