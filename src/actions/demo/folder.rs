//! The files of a demo.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use chrono::{DateTime, Utc};

use super::DemoError;
use crate::domain::macros::Macro;
use crate::intake::{Fault, macros};

include!(concat!(env!("OUT_DIR"), "/demo.rs"));

/// A kind of file in a demo's folder, in the order in which one depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What customers may have their parcels sent by.
    Options,
    /// Products, suppliers and stock, as the day begins.
    Catalog,
    /// Orders of the shop.
    Orders,
    /// What suppliers sent.
    Dispatches,
    /// What carriers say.
    Tracking,
    /// What customers write.
    Mail,
    /// What colleagues do.
    Acts,
}

impl Source {
    /// All of them.
    pub(super) const ALL: [Self; 7] = [
        Self::Options,
        Self::Catalog,
        Self::Orders,
        Self::Dispatches,
        Self::Tracking,
        Self::Mail,
        Self::Acts,
    ];

    /// Those that tell of moments.
    pub(super) const OF_MOMENTS: [Self; 5] = [
        Self::Orders,
        Self::Dispatches,
        Self::Tracking,
        Self::Mail,
        Self::Acts,
    ];

    /// What it is called in its folder; a folder itself ends in `/`.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Options => "options.csv",
            Self::Catalog => "catalog.csv",
            Self::Orders => "orders.csv",
            Self::Dispatches => "dispatches.csv",
            Self::Tracking => "tracking.jsonl",
            Self::Mail => "mail/",
            Self::Acts => "acts.jsonl",
        }
    }
}

/// Where the instant stands that is to be now.
const ANCHOR: &str = "anchor.txt";
/// The canned answers of its staff.
const MACROS: &str = "macros.toml";

/// The files of a demo, in memory.
#[derive(Debug)]
pub struct Folder {
    /// What stands before the names of its files.
    place: String,
    /// By name, `/` between folder and file.
    files: BTreeMap<String, Cow<'static, [u8]>>,
}

impl Folder {
    /// The folder that this program carries.
    pub fn built_in() -> Self {
        let files = BUILT_IN
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), Cow::Borrowed(*bytes)))
            .collect();
        Self {
            place: "demo/".to_owned(),
            files,
        }
    }

    /// A folder of the disk.
    ///
    /// # Errors
    /// A file of it that is there and cannot be read.
    pub fn read(dir: &Path) -> Result<Self, DemoError> {
        let mut folder = Self {
            place: format!("{}/", dir.display()),
            files: BTreeMap::new(),
        };
        folder.take(dir, "")?;
        let mails = dir.join(Source::Mail.file());
        if mails.is_dir() {
            folder.take(&mails, Source::Mail.file())?;
        }
        Ok(folder)
    }

    /// Takes the files that a demo has from a folder. Hidden ones are none.
    fn take(&mut self, dir: &Path, prefix: &str) -> Result<(), DemoError> {
        let unreadable = |path: &Path, error: io::Error| Fault::Unreadable {
            file: path.display().to_string(),
            error,
        };
        for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
            let path = entry.map_err(|error| unreadable(dir, error))?.path();
            let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
                continue;
            };
            let known = name == ANCHOR
                || name == MACROS
                || Source::ALL.iter().any(|source| source.file() == name);
            let wanted = known || prefix == Source::Mail.file() && !name.starts_with('.');
            if wanted && path.is_file() {
                let bytes = fs::read(&path).map_err(|error| unreadable(&path, error))?;
                self.files.insert(format!("{prefix}{name}"), bytes.into());
            }
        }
        Ok(())
    }

    /// A file of the folder as people are told of it.
    pub(super) fn name(&self, file: &str) -> String {
        format!("{}{file}", self.place)
    }

    /// What a source's file holds, where there is one.
    pub(super) fn bytes(&self, source: Source) -> Option<&[u8]> {
        self.files.get(source.file()).map(AsRef::as_ref)
    }

    /// The mails with their names, in the order of these.
    pub(super) fn mails(&self) -> impl Iterator<Item = (String, &[u8])> {
        self.files
            .iter()
            .filter(|(name, _)| name.starts_with(Source::Mail.file()))
            .map(|(name, bytes)| (self.name(name), bytes.as_ref()))
    }

    /// The canned answers, where the folder has some.
    pub(super) fn macros(&self) -> Result<Vec<Macro>, DemoError> {
        let read = (self.files.get(MACROS)).map(|bytes| macros::read(bytes, &self.name(MACROS)));
        Ok(read.transpose()?.unwrap_or_default())
    }

    /// The instant that is to be now, where the folder says so.
    pub(super) fn anchor(&self) -> Result<Option<DateTime<Utc>>, DemoError> {
        let Some(bytes) = self.files.get(ANCHOR) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(bytes);
        let wrong = |_| DemoError::Anchor {
            file: self.name(ANCHOR),
            found: text.trim().chars().take(40).collect(),
        };
        text.trim().parse().map(Some).map_err(wrong)
    }
}
