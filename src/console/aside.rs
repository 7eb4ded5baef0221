//! The file that holds what the database has not taken: one for each console, this user's alone.
//! It names the database by what it is, never by how it is reached: a URL may hold a password.
//!
//! A console that writes one holds the lock beside it for as long as it lives, and only a file
//! whose lock is free is taken, by one console: what somebody still writes is nobody else's.

use std::cmp::Reverse;
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

use super::app::{Unsaved, digest};
use crate::domain::act::{self, Args};
use crate::domain::record::RecordId;
use crate::domain::text;
use crate::store::local::FileLock;

/// What nobody came back for is thrown away after so long, as the database does with drafts.
const KEPT_FOR: Duration = Duration::from_hours(90 * 24);
/// What ends the name of a file that is being written. Whoever is killed meanwhile leaves it, and
/// perhaps all of the text is in it.
const WRITTEN: &str = "new";
/// What ends the name of the lock of a console's file.
const LOCK: &str = "lock";
/// Nobody else has a reason to hold it.
const PATIENCE: Duration = Duration::from_secs(1);
/// No file of ours is larger.
const LARGEST: u64 = 16 << 20;
/// The number of the write after which there is no other.
pub(super) const LAST: u64 = u64::MAX;

/// A console's file, and those that earlier ones left beside it.
#[derive(Debug, Clone)]
pub(super) struct Aside {
    folder: PathBuf,
    login: String,
    console: Uuid,
    /// Which database it is, once it was asked.
    pub(super) database: Arc<OnceLock<String>>,
    own: Arc<Mutex<Own>>,
}

/// What is known of the console's own file.
#[derive(Debug, Default)]
struct Own {
    /// Which write was the last; one that comes late changes nothing.
    last: u64,
    /// From the first text until the console ends.
    lock: Option<FileLock>,
    /// What the file holds.
    texts: Vec<Unsaved>,
    /// The acts that a record's text for a verb was sent with.
    acts: BTreeMap<(RecordId, String), Vec<Uuid>>,
}

/// What a file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    database: String,
    login: String,
    texts: Vec<Unsaved>,
}

/// What an earlier console has left for a database and a login; until it is forgotten, nobody else
/// can have it.
#[derive(Debug)]
pub(super) struct Left {
    /// The texts.
    pub(super) texts: Vec<Unsaved>,
    /// Where they are.
    pub(super) file: PathBuf,
    /// Whether they are from the file that was being written.
    half: bool,
    _lock: FileLock,
}

/// What is to become of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: the database holds all that it says, or what took its place.
    Forget,
    /// It is to be what the database holds.
    Put,
    /// The database holds something that the text is not based on: it is to be kept beside it.
    Copy,
}

impl Aside {
    pub(super) fn new(folder: PathBuf, login: String, console: Uuid) -> Self {
        Self {
            folder,
            login,
            console,
            database: Arc::default(),
            own: Arc::default(),
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
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if write < own.last {
            return Ok(());
        }
        own.last = write;
        let file = self.file();
        if texts.is_empty() {
            gone(&file)?;
            own.texts.clear();
            if write == LAST && own.lock.is_some() {
                gone(&file.with_extension(LOCK))?;
            }
            return Ok(());
        }
        self.fill(&mut own, texts.to_vec())
    }

    /// A record's text for a verb is being sent with this act: where the file holds the text, it
    /// says so from now on.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn submit(&self, record: RecordId, verb: &str, act: Uuid) -> io::Result<()> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (record, verb.to_owned());
        own.acts.entry(key).or_default().push(act);
        let is_it = |text: &Unsaved| text.record == record && text.verb == verb;
        if own.texts.iter().any(is_it) {
            let texts = own.texts.clone();
            self.fill(&mut own, texts)?;
        }
        Ok(())
    }

    /// Whether that act was done is known.
    pub(super) fn answered(&self, record: RecordId, verb: &str, act: Uuid) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (record, verb.to_owned());
        if let Some(acts) = own.acts.get_mut(&key) {
            acts.retain(|of| *of != act);
            if acts.is_empty() {
                own.acts.remove(&key);
            }
        }
    }

    fn fill(&self, own: &mut Own, mut texts: Vec<Unsaved>) -> io::Result<()> {
        let file = self.file();
        for text in &mut texts {
            let key = (text.record, text.verb.clone());
            text.acts = own.acts.get(&key).cloned().unwrap_or_default();
        }
        let bytes = self.held(texts.clone())?;
        if bytes.len() as u64 > LARGEST {
            let why = format!("it is longer than {} MB", LARGEST >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        if own.lock.is_none() {
            make_folder(&self.folder)?;
            let lock = FileLock::exclusive(&file.with_extension(LOCK), PATIENCE);
            own.lock = Some(lock.map_err(io::Error::other)?);
        }
        replace(&file, &bytes)?;
        own.texts = texts;
        Ok(())
    }

    /// What consoles that are no more left for this database and login. What nobody can want any
    /// more goes.
    ///
    /// # Errors
    /// The folder cannot be read, or a file in it cannot be locked.
    pub(super) fn left(&self, database: &str) -> io::Result<Vec<Left>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut consoles: BTreeMap<Uuid, Vec<PathBuf>> = BTreeMap::new();
        for entry in entries {
            let path = entry?.path();
            let stem = path.file_stem().and_then(OsStr::to_str);
            match stem.and_then(|stem| Uuid::parse_str(stem).ok()) {
                Some(console) => consoles.entry(console).or_default().push(path),
                None if is_stale(&path) => gone(&path)?,
                None => {}
            }
        }
        consoles.remove(&self.console);
        let mut left = Vec::new();
        for (console, files) in consoles {
            let file = self.folder.join(format!("{console}.json"));
            // A console has its lock before it has a file; what is only a lock may just have begun.
            let locks_only = files.iter().all(|file| is(file, LOCK));
            let stale = files.iter().all(|file| is_stale(file));
            if locks_only && !stale {
                continue;
            }
            let lock = FileLock::try_exclusive(&file.with_extension(LOCK));
            let Some(lock) = lock.map_err(io::Error::other)? else {
                continue;
            };
            if stale {
                files.iter().try_for_each(|file| gone(file))?;
                gone(&file.with_extension(LOCK))?;
                continue;
            }
            // One that is no such file, or only half of one, is left as it is.
            let written = read(&file.with_extension(WRITTEN));
            let half = written.is_some();
            let Some(held) = written.or_else(|| read(&file)) else {
                continue;
            };
            if held.database == database && held.login == self.login {
                left.push(Left {
                    texts: held.texts,
                    file,
                    half,
                    _lock: lock,
                });
            }
        }
        Ok(left)
    }

    /// Writes a text that the database cannot hold into a file of its own, to be read by people.
    /// The same text comes into the same file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep_copy(&self, text: &Unsaved) -> io::Result<PathBuf> {
        let RecordId { kind, id } = text.record;
        let at = text.at.format("%Y%m%dT%H%M%SZ");
        let args = text.args.clone().unwrap_or_default();
        let which = &digest(&args)[..12];
        // A verb's name comes from a file, and must not lead elsewhere.
        let verb = text.verb.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let path = self
            .folder
            .join(format!("older-{verb}-{kind}-{id}-{at}-{which}.txt"));
        let words: Vec<String> = args
            .iter()
            .map(|(name, value)| format!("{}:\n{}\n", text::plain(name), plain(value)))
            .collect();
        replace(&path, words.join("\n").as_bytes())?;
        Ok(path)
    }

    /// Forgets what was left; texts that could not be placed stay there.
    ///
    /// # Errors
    /// The file cannot be written or removed.
    pub(super) fn forget(&self, left: &Left, rest: Vec<Unsaved>) -> io::Result<()> {
        let (lock, written) = (
            left.file.with_extension(LOCK),
            left.file.with_extension(WRITTEN),
        );
        if !rest.is_empty() {
            return replace(&left.file, &self.held(rest)?);
        }
        gone(&left.file)?;
        if left.half {
            gone(&written)?;
        }
        // The lock goes last, and only where nothing is left that it guards.
        if written.exists() {
            return Ok(());
        }
        gone(&lock)
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

/// The texts of several files, each with the number of its file. Of two for one record and verb the
/// later comes first; one machine's clock wrote both.
pub(super) fn in_order(left: &[Left]) -> Vec<(usize, Unsaved)> {
    let mut texts: Vec<(usize, Unsaved)> = (left.iter().enumerate())
        .flat_map(|(index, left)| left.texts.iter().map(move |text| (index, text.clone())))
        .collect();
    texts.sort_by_key(|(_, text)| Reverse(text.at));
    texts
}

/// What is to become of a text where the database holds this. Whether that is older or newer is
/// never asked: only what the text is based on gives way to it.
pub(super) fn judge(text: &Unsaved, there: Option<&Args>) -> Verdict {
    if text.args.as_ref() == there {
        Verdict::Forget
    } else if text.seen.contains(&there.map(digest)) {
        Verdict::Put
    } else if there.is_some_and(|there| says(there, text)) {
        Verdict::Forget
    } else if text.args.is_some() {
        Verdict::Copy
    } else {
        Verdict::Forget
    }
}

/// Whether these say all that a text says.
pub(super) fn says(args: &Args, text: &Unsaved) -> bool {
    let words = text.args.as_ref();
    words.is_none_or(|words| act::contains(args, words))
}

fn plain(text: &str) -> String {
    let lines: Vec<_> = text::plain_lines(text).collect();
    lines.join("\n")
}

/// What a file holds: text, whatever somebody put into it.
fn read(path: &Path) -> Option<Held> {
    // What is no file may have no end, or never answer.
    let about = fs::symlink_metadata(path).ok()?;
    if !about.is_file() || about.len() > LARGEST {
        return None;
    }
    let mut held: Held = serde_json::from_slice(&fs::read(path).ok()?)
        .inspect_err(|error| tracing::warn!("{}: {error}", path.display()))
        .ok()?;
    for text in &mut held.texts {
        text.number = text::plain(&text.number).into_owned();
        text.verb = text::plain(&text.verb).into_owned();
        for value in text.args.iter_mut().flat_map(Args::values_mut) {
            *value = plain(value);
        }
    }
    Some(held)
}

fn is(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|ends| ends == end)
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

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file whole, for this user's eyes alone.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_folder(path.parent().unwrap_or(Path::new(".")))?;
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

    fn args(words: &str) -> Args {
        Args::from([("text".to_owned(), words.to_owned())])
    }

    fn text(words: Option<&str>, seen: &[Option<&str>]) -> Unsaved {
        Unsaved {
            record: RecordId::new(Kind::Ticket, 7),
            number: "TKT-7".to_owned(),
            verb: "reply".to_owned(),
            args: words.map(args),
            at: DateTime::UNIX_EPOCH + TimeDelta::minutes(1),
            seen: (seen.iter())
                .map(|seen| seen.map(|words| digest(&args(words))))
                .collect(),
            acts: vec![],
        }
    }

    fn console(folder: &Path, login: &str, database: &str) -> Aside {
        let aside = Aside::new(folder.to_owned(), login.to_owned(), Uuid::now_v7());
        aside.database.set(database.to_owned()).unwrap();
        aside
    }

    fn texts(left: &[Left]) -> Vec<Unsaved> {
        in_order(left).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a folder");
        let pipe = dir.path().join("pipe.json");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        let (told, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || told.send(read(&pipe).is_none()));
        assert_eq!(
            heard.recv_timeout(std::time::Duration::from_secs(10)),
            Ok(true)
        );
    }

    #[test]
    fn a_file_is_its_user_s_alone_and_found_for_its_database_and_login() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("packline/drafts");
        let aside = console(&folder, "ana", "1/2");
        let file = aside.file();
        aside
            .write(2, &[text(Some("sorry\u{1b}[2J"), &[None])])
            .unwrap();
        // One that comes late changes nothing.
        aside.write(1, &[]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(&folder), 0o700);
        let act = Uuid::now_v7();
        aside
            .submit(RecordId::new(Kind::Ticket, 7), "reply", act)
            .unwrap();
        fs::copy(&file, file.with_extension(WRITTEN)).unwrap();
        fs::write(folder.join("nothing.json"), "{").unwrap();

        let next = console(&folder, "ana", "1/2");
        assert!(next.left("1/2").unwrap().is_empty(), "its console lives");
        drop(aside);
        assert!(next.left("1/3").unwrap().is_empty(), "another database");
        let bo = console(&folder, "bo", "1/2");
        assert!(bo.left("1/2").unwrap().is_empty(), "another login");
        let mut left = next.left("1/2").unwrap();
        let third = console(&folder, "ana", "1/2");
        assert!(third.left("1/2").unwrap().is_empty(), "it is being taken");
        let mut written = text(Some("sorry␛[2J"), &[None]);
        written.acts = vec![act];
        assert_eq!(texts(&left), [written], "text is only text");

        next.forget(&left.remove(0), vec![text(Some("x"), &[])])
            .unwrap();
        let mut left = next.left("1/2").unwrap();
        assert_eq!(texts(&left), [text(Some("x"), &[])], "what was not taken");
        next.forget(&left.remove(0), vec![]).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn an_orderly_end_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let aside = console(place.path(), "ana", "1/2");
        aside.write(1, &[text(Some("x"), &[])]).unwrap();
        aside.write(LAST, &[]).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn each_copy_has_a_file_of_its_own_and_is_text_only() {
        let place = tempfile::tempdir().unwrap();
        let aside = console(place.path(), "ana", "1/2");
        let one = aside.keep_copy(&text(Some("one\u{1b}[2J"), &[])).unwrap();
        let other = aside.keep_copy(&text(Some("other"), &[])).unwrap();
        assert_ne!(one, other, "of the same second");
        assert_eq!(fs::read_to_string(one).unwrap(), "text:\none␛[2J\n");
        assert_eq!(
            aside.keep_copy(&text(Some("other"), &[])).unwrap(),
            other,
            "once"
        );
    }

    #[test]
    fn a_text_takes_the_place_only_of_what_it_is_based_on() {
        let (base, words) = (Some("Dear"), Some("Dear Ines"));
        for (text, there, verdict) in [
            (text(words, &[None]), None, Verdict::Put),
            (text(words, &[base]), base, Verdict::Put),
            (text(words, &[None, base]), base, Verdict::Put),
            (text(words, &[base]), words, Verdict::Forget),
            // Elsewhere it was written on, or something else was written, or it was sent.
            (text(words, &[base]), Some("Dear Ines, I"), Verdict::Forget),
            (text(words, &[base]), Some("Hello"), Verdict::Copy),
            (text(words, &[base]), None, Verdict::Copy),
            // Thrown away: only what was there then.
            (text(None, &[base]), base, Verdict::Put),
            (text(None, &[base]), Some("Hello"), Verdict::Forget),
            (text(None, &[base]), None, Verdict::Forget),
        ] {
            let found = judge(&text, there.map(args).as_ref());
            assert_eq!(found, verdict, "{text:?} over {there:?}");
        }
    }
}
