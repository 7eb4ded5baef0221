//! The command line's history, kept between runs: a line each, the newest last.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::app::REMEMBERED;

/// The lines that are kept, each once, the newest last. A file that has grown to twice as many is
/// cut; one that cannot be read counts as empty.
pub(super) fn read(path: &Path) -> Vec<String> {
    let Ok(text) = fs::read_to_string(path) else {
        return Vec::new();
    };
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().rev() {
        if lines.len() < REMEMBERED && !line.is_empty() && !lines.iter().any(|kept| kept == line) {
            lines.push(line.to_owned());
        }
    }
    lines.reverse();
    if text.lines().count() > REMEMBERED * 2 {
        let kept = lines.join("\n") + "\n";
        // Two consoles that cut it at once leave one of their two files, whole.
        let aside = path.with_extension("new");
        if fs::write(&aside, kept).is_ok() {
            let _ = fs::rename(&aside, path);
        }
    }
    lines
}

/// Adds a line, in a file that is this user's alone: reasons name people.
pub(super) fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(format!("{}\n", line.replace('\n', " ")).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_are_kept_once_and_in_order() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("packline/history");
        assert_eq!(read(&path), Vec::<String>::new());
        for line in ["hold x", "sort age", "hold x"] {
            append(&path, line).unwrap();
        }
        assert_eq!(read(&path), ["sort age", "hold x"]);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_long_history_is_cut() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("history");
        for number in 0..=REMEMBERED * 2 {
            append(&path, &format!("sort {number}")).unwrap();
        }
        let kept = read(&path);
        assert_eq!(kept.len(), REMEMBERED);
        assert_eq!(kept.last().unwrap(), &format!("sort {}", REMEMBERED * 2));
        assert_eq!(
            fs::read_to_string(&path).unwrap().lines().count(),
            REMEMBERED
        );
    }
}
