//! A line between a program and its server that can be held and cut.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::harness::{TestDatabase, scratch_dir};

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    /// Nothing passes, and nothing is closed.
    Held,
    /// As [`State::Held`], but only from the server, and only after this program sent a COMMIT.
    HeldAtCommit,
    /// What was connected is closed, and nothing new gets through.
    Cut,
}

/// A socket that forwards to the server of a test's database.
pub(crate) struct Line {
    /// The database's URL by way of this line.
    pub(crate) url: String,
    state: Arc<watch::Sender<State>>,
    accepting: JoinHandle<()>,
    _dir: TempDir,
}

impl Line {
    pub(crate) fn to(database: &TestDatabase) -> Self {
        let options = &database.options;
        let port = options.get_port();
        let socket = format!(".s.PGSQL.{port}");
        let far = match options.get_socket() {
            Some(directory) => directory.join(&socket),
            None => std::path::Path::new(options.get_host()).join(&socket),
        };
        let dir = scratch_dir();
        let listener = UnixListener::bind(dir.path().join(&socket)).expect("a socket");
        let state = Arc::new(watch::Sender::new(State::Open));
        let states = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.expect("a connection");
                if *states.borrow() == State::Cut {
                    continue;
                }
                let far = UnixStream::connect(&far).await.expect("the server");
                tokio::spawn(forward(near, far, states.subscribe()));
            }
        });
        Self {
            url: format!(
                "postgres://{}@/{}?host={}&port={port}",
                options.get_username(),
                database.name,
                dir.path().display()
            ),
            state,
            accepting,
            _dir: dir,
        }
    }

    pub(crate) fn hold(&self) {
        self.state.send_replace(State::Held);
    }

    pub(crate) fn hold_at_commit(&self) {
        self.state.send_replace(State::HeldAtCommit);
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn release(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Waits until what was read may go on; false where the line was cut before it could.
async fn passes(state: &mut watch::Receiver<State>, open: impl FnMut(&State) -> bool) -> bool {
    state
        .wait_for(open)
        .await
        .is_ok_and(|state| *state != State::Cut)
}

async fn forward(near: UnixStream, far: UnixStream, mut state: watch::Receiver<State>) {
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let mut committing = false;
    let (mut upward, mut downward) = (vec![0; 8192], vec![0; 8192]);
    let mut cut = state.clone();
    let pass = async {
        loop {
            tokio::select! {
                read = from_near.read(&mut upward) => {
                    let Some(bytes) = read.ok().filter(|length| *length > 0).map(|length| &upward[..length]) else { return };
                    committing |= bytes.windows(6).any(|word| word.eq_ignore_ascii_case(b"commit"));
                    let open = |state: &State| *state != State::Held;
                    if !passes(&mut state, open).await || to_far.write_all(bytes).await.is_err() { return }
                }
                read = from_far.read(&mut downward) => {
                    let Some(bytes) = read.ok().filter(|length| *length > 0).map(|length| &downward[..length]) else { return };
                    let open = |state: &State| match state {
                        State::Open | State::Cut => true,
                        State::HeldAtCommit => !committing,
                        State::Held => false,
                    };
                    if !passes(&mut state, open).await || to_near.write_all(bytes).await.is_err() { return }
                }
            }
        }
    };
    // A cut comes first: what was held is lost with the line.
    tokio::select! {
        biased;
        _ = cut.wait_for(|state| *state == State::Cut) => {}
        () = pass => {}
    }
}
