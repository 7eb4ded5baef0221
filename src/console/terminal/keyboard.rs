//! Reads what the terminal sends, in a thread of its own.
//!
//! It ends, and with it the console, as soon as the line is cut, whether a SIGHUP comes with that
//! or is ignored.

use std::io;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::size;
use crate::console::input::{Decoder, Input};

/// What comes from the terminal, and its size whenever that changes, until the terminal is gone.
///
/// # Errors
/// The system gives no thread or no signal.
pub fn inputs() -> io::Result<UnboundedReceiver<Input>> {
    let (sender, inputs) = unbounded_channel();
    let mut resized = signal(SignalKind::window_change())?;
    // Only the keyboard keeps the channel open.
    let resizes = sender.downgrade();
    tokio::spawn(async move {
        while resized.recv().await.is_some() {
            let Some(sender) = resizes.upgrade() else {
                return;
            };
            // A size that cannot be asked for is that of a terminal that is gone.
            if let Ok(size) = size() {
                let _ = sender.send(Input::Resize(size.width, size.height));
            }
        }
    });
    thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            let mut decoder = Decoder::default();
            let mut bytes = [0; 4096];
            // Once nobody listens, whatever is sent is lost; the thread ends with the program.
            let tell = |input| drop(sender.send(input));
            loop {
                match ready(decoder.patience()) {
                    Ok(false) => decoder.give_up(tell),
                    Ok(true) => match rustix::io::read(io::stdin(), &mut bytes) {
                        Ok(0) => return,
                        Ok(length) => decoder.take(&bytes[..length], tell),
                        Err(Errno::INTR | Errno::AGAIN) => {}
                        Err(_) => return,
                    },
                    Err(Errno::INTR) => {}
                    Err(_) => return,
                }
            }
        })?;
    Ok(inputs)
}

/// Waits until there is something to read, also the end; at most so long.
fn ready(limit: Option<Duration>) -> Result<bool, Errno> {
    let limit = limit.map(|limit| Timespec {
        tv_sec: limit.as_secs().cast_signed(),
        tv_nsec: limit.subsec_nanos().into(),
    });
    let stdin = io::stdin();
    let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
    Ok(poll(&mut polled, limit.as_ref())? > 0)
}
