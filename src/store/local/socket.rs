//! The server's only door: a Unix socket in a private directory.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::LocalError;
use super::account::Account;

/// Only part of the socket's name: nothing listens on a port.
pub(super) const PORT: u16 = 5432;

/// A socket's path and its closing zero byte must fit `sun_path`: 108 bytes on Linux, 104 on macOS.
const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A directory, private to the account, where the socket's path is short enough: in the data
/// directory unless that is too long.
///
/// # Errors
///
/// [`LocalError::SocketPath`], [`LocalError::NotPrivate`].
pub(super) fn dir(data_dir: &Path, account: &Account) -> Result<PathBuf, LocalError> {
    // The same for every program that opens this data directory.
    let digest = Sha256::digest(data_dir.as_os_str().as_bytes());
    let short = format!(
        "packline-{}-{:02x}{:02x}{:02x}{:02x}",
        account.uid, digest[0], digest[1], digest[2], digest[3]
    );
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty() && !account.drops());
    let candidates = [
        Some(data_dir.join("run")),
        runtime.map(|dir| Path::new(&dir).join(&short)),
        Some(Path::new("/tmp").join(&short)),
    ];
    let fitting = candidates
        .iter()
        .flatten()
        .find(|dir| path(dir).as_os_str().len() <= SOCKET_PATH_LIMIT)
        .ok_or_else(|| LocalError::SocketPath {
            limit: SOCKET_PATH_LIMIT,
            tried: format!("{candidates:?}"),
        })?;
    account.private_dir(fitting)?;
    Ok(fitting.clone())
}

/// The socket in its directory.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(format!(".s.PGSQL.{PORT}"))
}

/// The setting for that directory. Its value is a list of one, in double quotes because it may hold commas or blanks.
pub(super) fn setting(dir: &Path) -> OsString {
    let mut bytes = Vec::from(b"unix_socket_directories=");
    bytes.push(b'"');
    for byte in dir.as_os_str().as_bytes() {
        if *byte == b'"' {
            bytes.push(b'"');
        }
        bytes.push(*byte);
    }
    bytes.push(b'"');
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_with_blanks_commas_and_quotes_stays_one_directory() {
        assert_eq!(
            setting(Path::new("/a b,\"c\"")),
            "unix_socket_directories=\"/a b,\"\"c\"\"\""
        );
    }
}
