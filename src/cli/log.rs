//! The log: what went wrong behind the screen, in a file beside the local server's own.

use std::fs::{self, OpenOptions};
use std::io;
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
    let level = config.log_level.value;
    if level == LevelFilter::OFF {
        return;
    }
    if let Ok(file) = open(config) {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .finish();
        // Only a second call in one process could find one there already.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

fn open(config: &Config) -> io::Result<fs::File> {
    let dir = data_dir(config).map_err(io::Error::other)?;
    fs::create_dir_all(&dir)?;
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join(FILE))
}
