//! Whether a process that a pid file names is still there.

use std::path::Path;

use rustix::process::Pid;

/// What is known of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none, or only its entry, which its parent has not collected (a zombie). Postgres
    /// takes a zombie for alive and refuses to start, and in a container whose first process
    /// collects nobody it stays for good.
    Dead,
    /// It runs and is the postmaster of this data directory, or may be.
    Postmaster,
    /// It runs but is something else: the number was given out again.
    Other,
}

/// Looks at process `pid`, which should be the postmaster of `data_dir`.
pub(super) fn state(pid: i32, data_dir: &Path) -> State {
    let Some(pid) = Pid::from_raw(pid).filter(|_| pid > 0) else {
        return State::Dead;
    };
    // Not permitted to signal it means that it exists and is another user's.
    match rustix::process::test_kill_process(pid) {
        Ok(()) => {}
        Err(rustix::io::Errno::PERM) => return State::Other,
        Err(_) => return State::Dead,
    }
    described(pid, data_dir)
}

#[cfg(target_os = "linux")]
fn described(pid: Pid, data_dir: &Path) -> State {
    let proc = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    // `pid (name) state …`, proc(5); the name may hold blanks and parentheses.
    let Ok(stat) = std::fs::read_to_string(proc.join("stat")) else {
        return State::Dead;
    };
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim_start().chars().next());
    if matches!(state, Some('Z' | 'X')) {
        return State::Dead;
    }
    // The postmaster's working directory is its data directory.
    match std::fs::read_link(proc.join("cwd")) {
        Ok(cwd) if cwd != data_dir => State::Other,
        _ => State::Postmaster,
    }
}

#[cfg(not(target_os = "linux"))]
fn described(pid: Pid, _data_dir: &Path) -> State {
    let listed = std::process::Command::new("/bin/ps")
        .args(["-o", "stat=,comm=", "-p", &pid.as_raw_nonzero().to_string()])
        .output();
    let Ok(listed) = listed else {
        return State::Postmaster;
    };
    let text = String::from_utf8_lossy(&listed.stdout);
    let Some((state, program)) = text.trim().split_once(char::is_whitespace) else {
        return State::Dead;
    };
    if state.starts_with('Z') {
        State::Dead
    } else if program.contains("postgres") || program.contains("postmaster") {
        State::Postmaster
    } else {
        State::Other
    }
}
