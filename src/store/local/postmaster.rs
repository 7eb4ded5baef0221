//! What `postmaster.pid` says, and whether the process that it names is still there.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    /// The postmaster.
    pub(super) pid: i32,
    /// The directory of its socket.
    pub(super) socket_dir: PathBuf,
    /// `starting`, `ready` or `stopping`, as `pg_ctl` reads it.
    pub(super) status: String,
}

impl PidFile {
    /// Lines of the file, from Postgres's `miscadmin.h`: process, data directory, start time, port,
    /// first socket directory, first listen address, shared memory key, status.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(dir.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // The first moments of a start have the process alone.
        let socket_dir = lines.nth(3).unwrap_or_default().into();
        let status = lines.nth(2).unwrap_or("starting").trim().to_owned();
        Some(Self {
            pid,
            socket_dir,
            status,
        })
    }
}

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
    let Ok(stat) = fs::read_to_string(proc.join("stat")) else {
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
    match fs::read_link(proc.join("cwd")) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pid_file_is_read_whole_and_half_written() {
        let whole =
            "11118\n/d/cluster\n1795394375\n5432\n/d/run\n\n 10018845         1\nready   \n";
        assert_eq!(
            PidFile::parse(whole),
            Some(PidFile {
                pid: 11118,
                socket_dir: "/d/run".into(),
                status: "ready".into()
            })
        );
        let half = "11118\n/d/cluster\n1795394375\n5432\n";
        assert_eq!(
            PidFile::parse(half),
            Some(PidFile {
                pid: 11118,
                socket_dir: "".into(),
                status: "starting".into()
            })
        );
        assert_eq!(PidFile::parse(""), None);
    }
}
