//! The Postgres that this program carries (feature `bundled-postgres`): genuine `initdb` and
//! `postgres` with the files that they need, as a compressed archive.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::LocalError;

/// A `tar.zst` whose digest the build has checked.
pub(super) struct Archive {
    bytes: &'static [u8],
    sha256: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/archive.rs"));

/// The bin directory of the bundled Postgres, unpacked under `dir` if it is not there yet; `None`
/// when this program carries none.
///
/// # Errors
///
/// [`LocalError::Unpack`].
pub(super) fn unpack(dir: &Path) -> Result<Option<PathBuf>, LocalError> {
    let Some(archive) = ARCHIVE else {
        return Ok(None);
    };
    let home = dir.join(home_name(&archive));
    if !home.exists() {
        unpack_aside(&archive, dir, &home).map_err(|source| LocalError::Unpack {
            dir: home.clone(),
            source,
        })?;
    }
    Ok(Some(home.join("bin")))
}

/// Whether this program, a `postgres`, is the one that is carried.
pub(super) fn is_carried(program: &Path) -> bool {
    let home = program.parent().and_then(Path::parent);
    ARCHIVE.is_some_and(|archive| home.is_some_and(|home| home.ends_with(home_name(&archive))))
}

/// The directory's name tells the content, so that a program with another archive never takes this
/// one for its own.
fn home_name(archive: &Archive) -> String {
    format!("postgres-{}", &archive.sha256[..12])
}

/// Unpacks into a directory aside and renames it, so that a half-unpacked one is never used.
fn unpack_aside(archive: &Archive, dir: &Path, home: &Path) -> io::Result<()> {
    let aside = tempfile::Builder::new()
        .prefix("postgres-unpacking-")
        .tempdir_in(dir)?;
    let reader = zstd::Decoder::new(archive.bytes)?;
    let mut entries = tar::Archive::new(reader);
    entries.set_preserve_mtime(false);
    entries.unpack(aside.path())?;
    let_in(aside.path())?;
    match fs::rename(aside.path(), home) {
        Ok(()) => {
            // Its name is gone: there is nothing left to remove.
            let _ = aside.keep();
            Ok(())
        }
        // Another program was quicker, with the same content.
        Err(_) if home.exists() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Lets every account into these directories, whatever the umask: root's are used by another.
fn let_in(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let_in(&entry.path())?;
        }
    }
    Ok(())
}
