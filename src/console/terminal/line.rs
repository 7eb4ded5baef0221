//! What is sent to the terminal, written by a thread of its own: a terminal that takes nothing holds
//! up nobody else, and keys and signals are heard all the same.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio::stdout;

/// A process has one.
static LINE: Mutex<State> = Mutex::new(State {
    begun: false,
    waiting: Vec::new(),
    writing: false,
    failed: None,
});
static CHANGED: Condvar = Condvar::new();

struct State {
    /// The thread is there.
    begun: bool,
    /// What it has not begun to write.
    waiting: Vec<u8>,
    /// It is writing.
    writing: bool,
    /// Why it could not, where nobody was told.
    failed: Option<Errno>,
}

impl State {
    const fn is_busy(&self) -> bool {
        self.writing || !self.waiting.is_empty()
    }
}

/// Sends to the terminal; nobody waits for it.
#[derive(Debug)]
pub struct Line(());

impl Line {
    /// Begins to write what is sent.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn open() -> io::Result<Self> {
        let mut state = state();
        if !state.begun {
            thread::Builder::new()
                .name("terminal".to_owned())
                .spawn(write_on)?;
            state.begun = true;
        }
        Ok(Self(()))
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = state();
        if let Some(failed) = state.failed.take() {
            return Err(failed.into());
        }
        state.waiting.extend_from_slice(bytes);
        CHANGED.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether there is something that the terminal has not taken yet.
pub(super) fn is_busy() -> bool {
    state().is_busy()
}

/// Waits until the terminal has taken everything, at most so long; says whether it has.
pub(super) fn is_taken_within(limit: Duration) -> bool {
    let waited = CHANGED.wait_timeout_while(state(), limit, |state| state.is_busy());
    let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    !state.is_busy()
}

/// Forgets what has not begun to be written.
pub(super) fn forget() {
    state().waiting.clear();
}

fn state() -> MutexGuard<'static, State> {
    // Nothing that could panic half-way runs under this lock.
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes whatever is sent, for as long as the program lives.
fn write_on() {
    loop {
        let waited = CHANGED.wait_while(state(), |state| state.waiting.is_empty());
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let bytes = std::mem::take(&mut state.waiting);
        state.writing = true;
        drop(state);
        let written = write_all(&bytes);
        let mut state = self::state();
        state.writing = false;
        state.failed = state.failed.or(written.err());
        CHANGED.notify_all();
    }
}

fn write_all(mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // Another program on this terminal has made it so that nobody waits for it.
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&stdout(), PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
