//! Finding `postgres` and `initdb`.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::{CLUSTER, LocalError, bundled};

/// The oldest major version that will do.
pub const OLDEST_MAJOR: u32 = 14;

/// Names a bin directory, or says `bundled`.
pub(super) const VARIABLE: &str = "PACKLINE_POSTGRES_BIN";

/// Parents of a version's directory, which holds `bin`, and names of such directories there.
const USUAL_PLACES: [(&str, &str); 8] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/usr/lib", "postgresql"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
    ("/usr/local", "pgsql"),
];

/// Which Postgres to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The system's if there is one, else the bundled one.
    #[default]
    Any,
    /// The bundled one alone.
    Bundled,
    /// The one in this bin directory alone.
    Dir(PathBuf),
}

impl Choice {
    /// What `PACKLINE_POSTGRES_BIN` says.
    pub fn from_env() -> Self {
        match env::var_os(VARIABLE) {
            Some(value) if value == "bundled" => Self::Bundled,
            Some(value) if !value.is_empty() => Self::Dir(PathBuf::from(value)),
            _ => Self::Any,
        }
    }
}

/// A Postgres that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
    major: u32,
}

impl Binaries {
    /// Finds a Postgres that `account` can run; where a cluster of version `major` exists, only that
    /// version will do. The bundled one is unpacked under `data_dir` when it comes to that.
    ///
    /// # Errors
    ///
    /// [`LocalError::OtherVersion`] when there are only others than `major`, else
    /// [`LocalError::NoPostgres`], which says what was tried; [`LocalError::Unpack`].
    pub fn find(
        choice: &Choice,
        data_dir: &Path,
        account: &Account,
        major: Option<u32>,
    ) -> Result<Self, LocalError> {
        let mut tried = Vec::new();
        let mut versions = Vec::new();
        let mut suits = |dir: &Path| match Self::at(dir, account) {
            Ok(found) if major.is_none_or(|major| major == found.major) => Some(found),
            Ok(found) => {
                versions.push(found.major);
                None
            }
            Err(reason) => {
                tried.push(format!("{}: {reason}", dir.display()));
                None
            }
        };

        let found = match choice {
            Choice::Any => system_dirs().iter().find_map(|dir| suits(dir)),
            Choice::Bundled => None,
            Choice::Dir(dir) => suits(dir),
        };
        if let Some(found) = found {
            return Ok(found);
        }
        if !matches!(choice, Choice::Dir(_)) {
            match bundled::unpack(data_dir)? {
                Some(dir) => {
                    if let Some(found) = suits(&dir) {
                        return Ok(found);
                    }
                }
                None => tried.push("this program carries none".to_owned()),
            }
        }
        match major {
            Some(cluster) if !versions.is_empty() => {
                versions.sort_unstable();
                versions.dedup();
                Err(LocalError::OtherVersion {
                    dir: data_dir.join(CLUSTER),
                    cluster,
                    found: versions
                        .iter()
                        .map(u32::to_string)
                        .collect::<Vec<_>>()
                        .join(" and "),
                })
            }
            _ => Err(LocalError::NoPostgres {
                tried: if tried.is_empty() {
                    "nothing in PATH or the usual places".to_owned()
                } else {
                    tried.join("; ")
                },
            }),
        }
    }

    /// The Postgres in this directory, or why it will not do.
    fn at(dir: &Path, account: &Account) -> Result<Self, String> {
        let postgres = dir.join("postgres");
        let initdb = dir.join("initdb");
        // Distributions put `postgres` alone into PATH, or wrappers, and `initdb` elsewhere.
        if let Some(missing) = [&postgres, &initdb].into_iter().find(|path| !runs(path)) {
            return Err(format!("no {}", missing.display()));
        }
        account.reach(dir).map_err(|error| error.to_string())?;
        let major = version(account, &postgres)?;
        let other = version(account, &initdb)?;
        if major != other {
            return Err(format!("postgres is of version {major}, initdb of {other}"));
        }
        if major < OLDEST_MAJOR {
            return Err(format!("version {major} is too old"));
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            major,
        })
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The directory of the programs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The server.
    pub fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// The maker of clusters.
    pub fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }
}

/// Bin directories where the system may have Postgres, the best first.
fn system_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    let mut add = |dir: PathBuf| {
        if dir.join("postgres").exists() && !dirs.contains(&dir) {
            dirs.push(dir);
        }
    };
    for dir in env::var_os("PATH").iter().flat_map(env::split_paths) {
        // A link in PATH leads to the directory that also has the rest.
        if let Some(real) = fs::canonicalize(dir.join("postgres"))
            .ok()
            .and_then(|path| path.parent().map(Path::to_path_buf))
        {
            add(real);
        }
        add(dir);
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        add(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        ));
    }
    for (parent, prefix) in USUAL_PLACES {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let version = name.to_str()?.strip_prefix(prefix)?;
                let major = leading_number(version).unwrap_or(0);
                Some((major, entry.path().join("bin")))
            })
            .collect();
        versions.sort_by(|a, b| b.cmp(a));
        for (_, dir) in versions {
            add(dir);
        }
    }
    dirs
}

fn runs(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The major version that `program --version` names.
fn version(account: &Account, program: &Path) -> Result<u32, String> {
    let output = account
        .command(program)
        .arg("--version")
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    parse_version(&said).ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!(
            "{} --version said {:?}",
            program.display(),
            format!("{said}{complaint}").trim()
        )
    })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `initdb (PostgreSQL) 18beta1`.
fn parse_version(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("(PostgreSQL) ")?;
    leading_number(version)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_each_distribution_writes_them() {
        for (said, major) in [
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
                Some(15),
            ),
            ("initdb (PostgreSQL) 18beta1\n", Some(18)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("postgres: command not found", None),
            ("", None),
        ] {
            assert_eq!(parse_version(said), major, "{said:?}");
        }
    }
}
