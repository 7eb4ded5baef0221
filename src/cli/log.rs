//! The log: what went wrong behind the screen, in a file beside the local server's own.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::LevelFilter;

use super::database::data_dir;
use crate::config::Config;

/// The log's name in the data directory.
const FILE: &str = "packline.log";

/// Sends what the program logs to its file. Escapes that others' text could carry are written as
/// text; a line is an instant, a level and a message.
///
/// A directory that cannot be written to costs the log, never the program.
pub(super) fn begin(config: &Config) {
    let Some(path) = file(config) else {
        return;
    };
    if let Ok(file) = open(&path) {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(config.log_level.value)
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .finish();
        // Only a second call in one process could find one there already.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

/// The file that is logged to; none where nothing is.
pub(super) fn file(config: &Config) -> Option<PathBuf> {
    if config.log_level.value == LevelFilter::OFF {
        return None;
    }
    data_dir(config).ok().map(|dir| dir.join(FILE))
}

fn open(path: &Path) -> io::Result<fs::File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
