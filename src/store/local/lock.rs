//! Advisory locks on files, which the kernel gives up when their holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::LocalError;

/// Between two tries for a lock that another program holds.
const PAUSE: Duration = Duration::from_millis(10);

/// A held lock; dropping it gives it up.
#[derive(Debug)]
pub struct FileLock {
    /// Closing it is what unlocks. Rust opens files close-on-exec, so no child process inherits it.
    _file: File,
}

impl FileLock {
    /// Waits at most `patience` for the lock alone.
    ///
    /// # Errors
    ///
    /// [`LocalError::Busy`] after that, [`LocalError::File`] when the file cannot be opened.
    pub fn exclusive(path: &Path, patience: Duration) -> Result<Self, LocalError> {
        Self::wait(path, patience, File::try_lock)
    }

    /// Waits at most `patience` for a share of the lock.
    ///
    /// # Errors
    ///
    /// As [`FileLock::exclusive`].
    pub fn shared(path: &Path, patience: Duration) -> Result<Self, LocalError> {
        Self::wait(path, patience, File::try_lock_shared)
    }

    /// The lock alone, if nobody has it.
    ///
    /// # Errors
    ///
    /// [`LocalError::File`] when the file cannot be opened.
    pub fn try_exclusive(path: &Path) -> Result<Option<Self>, LocalError> {
        match Self::wait(path, Duration::ZERO, File::try_lock) {
            Ok(lock) => Ok(Some(lock)),
            Err(LocalError::Busy { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn wait(
        path: &Path,
        patience: Duration,
        try_lock: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, LocalError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            // Whoever can open it can lock it.
            .mode(0o600)
            .open(path)
            .map_err(LocalError::file(path, "opening the lock file"))?;
        let deadline = Instant::now() + patience;
        loop {
            match try_lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(source)) => {
                    return Err(LocalError::file(path, "locking")(source));
                }
                // Waiting by trying again, because a wait inside the kernel has no limit.
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(LocalError::Busy {
                        path: path.to_path_buf(),
                        seconds: patience.as_secs(),
                    });
                }
            }
        }
    }
}
