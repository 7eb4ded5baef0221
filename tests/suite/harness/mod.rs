//! What the tests share: throwaway servers and databases, and limits on every wait.
//!
//! One server serves the whole run, also when each test is a process of its own: it is the
//! program's local server, in a directory that is the same for every test of this checkout, with
//! `fsync` off and in memory where there is room. Each process holds its lease; the supervisor
//! stops and removes it a moment after the last one is gone, however it went. What an interrupted
//! run left behind is taken over by the next.

mod carrier;
mod database;
pub(crate) mod screen;
pub(crate) mod server;
mod smtp;
mod volume;

pub(crate) use carrier::{CarrierServer, Fault};
pub(crate) use database::{TestDatabase, database};
pub(crate) use server::{DedicatedServer, dedicated_server, scratch_dir, signal};
pub(crate) use smtp::{Manners, SmtpServer};
pub(crate) use volume::Volume;

use std::future::Future;
use std::time::Duration;

/// Awaits `future` for at most `limit`.
///
/// # Panics
///
/// Past the limit, saying what did not happen.
pub(crate) async fn deadline<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {limit:?}"))
}

/// Asks `condition` until it holds, for at most `limit`. For what no event announces.
///
/// # Panics
///
/// Past the limit, saying what did not happen.
#[track_caller]
pub(crate) fn until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + limit;
    while !condition() {
        assert!(
            std::time::Instant::now() < end,
            "{what}: not within {limit:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
