//! The account that runs Postgres: this one, or for root another, because Postgres refuses root.

use std::fs::{self, DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::LocalError;

const PASSWD: &str = "/etc/passwd";

/// Accounts that root may run Postgres as, the best first. Distributions make one for their own
/// Postgres; `nobody` is on every system but may share its files with other services.
const CANDIDATES: [&str; 4] = ["packline", "postgres", "_postgres", "nobody"];

/// The permissions of everyone but the owner.
const OTHERS: u32 = 0o077;

/// Who runs Postgres and owns the cluster and the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Name, for messages.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Whether this process is root and must become that account for each child process.
    drops: bool,
}

impl Account {
    /// This process's account. For root, the owner of `existing` (a cluster made before), else the
    /// first candidate that has an entry in `/etc/passwd`, without which `initdb` does not run.
    ///
    /// # Errors
    ///
    /// [`LocalError::NoAccount`] when there is none.
    pub fn choose(existing: &Path) -> Result<Self, LocalError> {
        let uid = rustix::process::geteuid();
        let accounts = fs::read_to_string(PASSWD).unwrap_or_default();
        if !uid.is_root() {
            let known = entries(&accounts).find(|account| account.uid == uid.as_raw());
            return Ok(Self {
                name: known.map_or_else(|| format!("user {uid}"), |account| account.name),
                uid: uid.as_raw(),
                gid: rustix::process::getegid().as_raw(),
                drops: false,
            });
        }
        let owner = fs::metadata(existing).ok().map(|metadata| metadata.uid());
        entries(&accounts)
            .find(|account| account.uid != 0 && Some(account.uid) == owner)
            .or_else(|| {
                CANDIDATES.iter().find_map(|name| {
                    entries(&accounts).find(|account| account.uid != 0 && account.name == **name)
                })
            })
            .ok_or_else(|| LocalError::NoAccount {
                looked_for: CANDIDATES.join(", "),
            })
    }

    /// A command that runs as this account, in `/`, with nothing in its environment that would make
    /// Postgres behave otherwise: no `PG*` variable and no locale but `C`.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PG") || text.starts_with("LC_") || text.starts_with("LANG") {
                command.env_remove(&name);
            }
        }
        command.env("LC_ALL", "C").current_dir("/");
        if self.drops {
            // With a user id from root, the standard library also empties the list of groups.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Creates `dir`, and what is missing above it, so that this account alone can use it.
    ///
    /// # Errors
    ///
    /// [`LocalError::NotPrivate`] when it exists and is someone else's or open to others.
    pub fn private_dir(&self, dir: &Path) -> Result<(), LocalError> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => self.own(dir)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(LocalError::file(dir, "creating the directory")(error)),
        }
        // Not following links: in a directory open to all, someone may have put one here.
        let found =
            fs::symlink_metadata(dir).map_err(LocalError::file(dir, "looking at the directory"))?;
        if found.is_dir() && found.uid() == self.uid && found.permissions().mode() & OTHERS == 0 {
            return Ok(());
        }
        Err(LocalError::NotPrivate {
            dir: dir.to_path_buf(),
            owner: self.name.clone(),
        })
    }

    /// Gives a file or directory to this account.
    pub fn own(&self, path: &Path) -> Result<(), LocalError> {
        if !self.drops {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(LocalError::file(path, "changing the owner"))
    }

    /// Whether this account can enter `dir`: everything above it must let it pass.
    ///
    /// # Errors
    ///
    /// [`LocalError::Unreachable`] names the first directory that does not.
    pub fn reach(&self, dir: &Path) -> Result<(), LocalError> {
        if !self.drops {
            return Ok(());
        }
        let closed = dir
            .ancestors()
            .find(|dir| fs::metadata(dir).is_ok_and(|metadata| !self.may_enter(&metadata)));
        closed.map_or(Ok(()), |dir| {
            Err(LocalError::Unreachable {
                dir: dir.to_path_buf(),
                account: self.name.clone(),
            })
        })
    }

    fn may_enter(&self, metadata: &Metadata) -> bool {
        let wanted = if metadata.uid() == self.uid {
            0o100
        } else if metadata.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        metadata.permissions().mode() & wanted != 0
    }

    /// Whether this process is root and hands its children to this account.
    pub fn drops(&self) -> bool {
        self.drops
    }
}

/// The lines of a `passwd` file: `name:password:uid:gid:…`.
fn entries(passwd: &str) -> impl Iterator<Item = Account> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some(Account {
            name,
            uid: id(fields.nth(1)?)?,
            gid: id(fields.next()?)?,
            drops: true,
        })
    })
}

/// macOS writes the ids of `nobody` as `-2`.
fn id(text: &str) -> Option<u32> {
    let number: i64 = text.parse().ok()?;
    u32::try_from(number)
        .ok()
        .or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_lines_are_read_and_others_skipped() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n# comment\n+::::::\nnobody:*:-2:-2:Nobody:/var/empty:/usr/bin/false\n";
        let found: Vec<_> = entries(passwd)
            .map(|account| (account.name, account.uid, account.gid))
            .collect();
        assert_eq!(
            found,
            [
                ("root".to_owned(), 0, 0),
                ("nobody".to_owned(), u32::MAX - 1, u32::MAX - 1)
            ]
        );
    }
}
