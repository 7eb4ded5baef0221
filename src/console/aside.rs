//! The file that holds what the database has not taken: one for each console, this user's alone.
//! It names the database by what it is, never by how it is reached: a URL may hold a password.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::app::Unsaved;
use crate::domain::act::Args;
use crate::domain::record::RecordId;
use crate::domain::text;

/// What nobody came back for is thrown away after so long, as the database does with drafts.
const KEPT_FOR: Duration = Duration::from_hours(90 * 24);
/// What ends the name of a file that is being written. Whoever is killed meanwhile leaves it, and
/// perhaps all of the text is in it.
const WRITTEN: &str = "new";
/// No file of ours is larger.
const LARGEST: u64 = 16 << 20;

/// A console's file, and those that earlier ones left beside it.
#[derive(Debug, Clone)]
pub(super) struct Aside {
    folder: PathBuf,
    login: String,
    console: Uuid,
    /// Which database it is, once it was asked.
    pub(super) database: Arc<OnceLock<String>>,
    /// Which write was the last; one that comes late changes nothing.
    last: Arc<Mutex<u64>>,
}

/// What a file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    database: String,
    login: String,
    texts: Vec<Unsaved>,
}

/// What earlier consoles have left for a database and a login.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// The texts for each record and verb.
    pub(super) texts: BTreeMap<(RecordId, String), Vec<Unsaved>>,
    /// The files that they are from.
    pub(super) files: Vec<PathBuf>,
}

/// What is to become of the texts for one record and verb.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What the database is to have as the draft, where it has another.
    pub(super) put: Option<Unsaved>,
    /// Older texts that say what the newest does not; they are not to be lost.
    pub(super) older: Vec<Unsaved>,
}

impl Aside {
    pub(super) fn new(folder: PathBuf, login: String, console: Uuid) -> Self {
        Self {
            folder,
            login,
            console,
            database: Arc::default(),
            last: Arc::default(),
        }
    }

    /// The file that this console writes.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.console))
    }

    /// Has the file hold these texts; without any there is no file. Whole or not at all, whenever
    /// the program is killed.
    ///
    /// # Errors
    /// It cannot be written, or which database this is was never told.
    pub(super) fn write(&self, write: u64, texts: &[Unsaved]) -> io::Result<()> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if write < *last {
            return Ok(());
        }
        *last = write;
        let file = self.file();
        if texts.is_empty() {
            return gone(&file);
        }
        replace(&file, &self.held(texts.to_vec())?)
    }

    /// What earlier consoles left for this database and login. What nobody can want any more goes.
    pub(super) fn left(&self, database: &str) -> Left {
        let mut left = Left::default();
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return left;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if is_stale(&path) {
                let _ = fs::remove_file(&path);
                continue;
            }
            let end = path.extension().and_then(OsStr::to_str);
            if path.file_stem() == self.file().file_stem() || !matches!(end, Some("json" | WRITTEN))
            {
                continue;
            }
            // One that is no such file, or only half of one, is left as it is.
            let Some(held) = read(&path) else { continue };
            if held.database != database || held.login != self.login {
                continue;
            }
            left.files.push(path);
            for text in held.texts {
                let key = (text.record, text.verb.clone());
                left.texts.entry(key).or_default().push(text);
            }
        }
        left
    }

    /// Writes a text that a newer one stands in for into a file of its own, to be read by people.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep_older(&self, text: &Unsaved) -> io::Result<PathBuf> {
        let RecordId { kind, id } = text.record;
        let at = text.at.format("%Y%m%dT%H%M%SZ");
        // A verb's name comes from a file or a database, and must not lead elsewhere.
        let verb = text.verb.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let path = self
            .folder
            .join(format!("older-{verb}-{kind}-{id}-{at}.txt"));
        let words: Vec<String> = (text.args.iter().flatten())
            .map(|(name, value)| format!("{name}:\n{value}\n"))
            .collect();
        replace(&path, words.join("\n").as_bytes())?;
        Ok(path)
    }

    /// Forgets what was left in these files; texts that could not be taken stay, in one of them.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub(super) fn forget(&self, files: Vec<PathBuf>, rest: Vec<Unsaved>) -> io::Result<()> {
        let mut files = files.into_iter();
        if !rest.is_empty()
            && let Some(file) = files.next()
        {
            replace(&file, &self.held(rest)?)?;
        }
        files.try_for_each(|file| gone(&file))
    }

    fn held(&self, texts: Vec<Unsaved>) -> io::Result<Vec<u8>> {
        let database = self.database.get().cloned().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotConnected, "the database was never heard")
        })?;
        let login = self.login.clone();
        Ok(serde_json::to_vec_pretty(&Held {
            database,
            login,
            texts,
        })?)
    }
}

/// Which of the texts that were left and the one that the database has is the draft: the newest.
pub(super) fn judge(left: Vec<Unsaved>, there: Option<Unsaved>) -> Verdict {
    let known = there.as_ref().map(|there| there.args.clone());
    let mut texts: Vec<Unsaved> = left.into_iter().chain(there).collect();
    texts.sort_by_key(|text| text.at);
    let Some(newest) = texts.pop() else {
        return Verdict::default();
    };
    // Where the newest was sent or thrown away, what it came from may go too.
    texts.retain(|older| newest.args.is_some() && !says(&newest, older));
    let args = known.unwrap_or_default();
    Verdict {
        put: (newest.args != args).then_some(newest),
        older: texts,
    }
}

/// Whether a text says all that another says.
fn says(newer: &Unsaved, older: &Unsaved) -> bool {
    older.args.iter().flatten().all(|(name, older)| {
        let newer = newer.args.as_ref().and_then(|newer| newer.get(name));
        newer.is_some_and(|newer| newer.contains(older.as_str()))
    })
}

/// What a file holds: text, whatever somebody put into it.
fn read(path: &Path) -> Option<Held> {
    if fs::metadata(path).ok()?.len() > LARGEST {
        return None;
    }
    let mut held: Held = serde_json::from_slice(&fs::read(path).ok()?)
        .inspect_err(|error| tracing::warn!("{}: {error}", path.display()))
        .ok()?;
    for value in held
        .texts
        .iter_mut()
        .filter_map(|text| text.args.as_mut())
        .flat_map(Args::values_mut)
    {
        let lines: Vec<_> = text::plain_lines(value).collect();
        *value = lines.join("\n");
    }
    Some(held)
}

fn is_stale(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|about| about.modified());
    let age = written.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
    age.is_ok_and(|age| age > KEPT_FOR)
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file whole, for this user's eyes alone.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let aside = path.with_extension(WRITTEN);
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(aside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::domain::record::Kind;

    fn text(minute: i64, words: Option<&str>) -> Unsaved {
        Unsaved {
            record: RecordId::new(Kind::Ticket, 7),
            verb: "reply".to_owned(),
            args: words.map(|words| Args::from([("text".to_owned(), words.to_owned())])),
            at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
        }
    }

    fn console(folder: &Path, login: &str, database: &str) -> Aside {
        let aside = Aside::new(folder.to_owned(), login.to_owned(), Uuid::now_v7());
        aside.database.set(database.to_owned()).unwrap();
        aside
    }

    #[test]
    fn a_file_is_its_user_s_alone_and_found_for_its_database_and_login() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("packline/drafts");
        let aside = console(&folder, "ana", "1/2");
        aside.write(2, &[text(1, Some("sorry\u{1b}[2J"))]).unwrap();
        // One that comes late changes nothing.
        aside.write(1, &[]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&aside.file()), 0o600);
        assert_eq!(mode(&folder), 0o700);

        fs::copy(aside.file(), folder.join("half.new")).unwrap();
        fs::write(folder.join("nothing.json"), "{").unwrap();
        let next = console(&folder, "ana", "1/2");
        assert!(next.left("1/3").texts.is_empty(), "another database");
        assert!(console(&folder, "bo", "1/2").left("1/2").texts.is_empty());
        let left = next.left("1/2");
        let texts: Vec<&Unsaved> = left.texts.values().flatten().collect();
        let written = text(1, Some("sorry␛[2J"));
        assert_eq!(texts, [&written, &written], "text is only text");

        next.forget(left.files, vec![text(1, Some("x"))]).unwrap();
        let left = next.left("1/2");
        assert_eq!(left.texts.len(), 1, "what was not taken stays");
        next.forget(left.files, vec![]).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn the_newest_text_is_the_draft_and_what_only_an_older_says_is_kept() {
        let put = |left: &[Unsaved], there| judge(left.to_vec(), there);
        let (early, late) = (text(1, Some("Dear Ines")), text(2, Some("Dear Ines, I")));
        let other = text(1, Some("Hello"));
        let verdict = |put: Option<&Unsaved>, older: &[&Unsaved]| Verdict {
            put: put.cloned(),
            older: older.iter().map(|&older| older.clone()).collect(),
        };
        for (left, there, wanted) in [
            (&late, None, verdict(Some(&late), &[])),
            (&late, Some(&late), verdict(None, &[])),
            (&late, Some(&early), verdict(Some(&late), &[])),
            (&late, Some(&other), verdict(Some(&late), &[&other])),
            (&other, Some(&late), verdict(None, &[&other])),
            (&early, Some(&late), verdict(None, &[])),
            // Sent, or thrown away, after or before.
            (
                &text(3, None),
                Some(&late),
                verdict(Some(&text(3, None)), &[]),
            ),
            (&text(1, None), Some(&late), verdict(None, &[])),
            (&text(3, None), None, verdict(None, &[])),
        ] {
            let found = put(std::slice::from_ref(left), there.cloned());
            assert_eq!(found, wanted, "{left:?} over {there:?}");
        }
        let found = put(&[late.clone(), other.clone()], None);
        assert_eq!(found, verdict(Some(&late), &[&other]));
    }
}
