//! Real data to run on, where it is at hand: the folder that `PACKLINE_TEST_DATA` names, or else a
//! folder of sample data beside the crate. Nothing of it is part of this crate.

use std::path::{Path, PathBuf};

/// A path within the data. Where there is none the caller leaves its test out, and this says so.
pub(crate) fn real_data(path: &str) -> Option<PathBuf> {
    let named = std::env::var_os("PACKLINE_TEST_DATA").map(PathBuf::from);
    let above = || {
        let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        folders.find_map(|folder| Some(folder.join("shared/data")).filter(|data| data.is_dir()))
    };
    let found = named
        .or_else(above)
        .map(|data| data.join(path))
        .filter(|path| path.exists());
    if found.is_none() {
        #[expect(clippy::print_stderr, reason = "a test that was left out says so")]
        {
            eprintln!("left out: no real data {path}; set PACKLINE_TEST_DATA to its folder");
        }
    }
    found
}
