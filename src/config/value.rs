//! The kinds of values that settings have, and the directories that they may name.

use std::ffi::OsString;
use std::path::PathBuf;

use chrono_tz::Tz;
use tracing::level_filters::LevelFilter;

use crate::domain::record::Kind;
use crate::domain::words::words;
use crate::store::db::{DatabaseUrl, UrlError};

/// A kind of value that a setting can have.
pub(super) trait Value: Sized {
    const EXPECTS: &'static str;

    /// `None` where the text is not such a value; the message names [`Value::EXPECTS`] then.
    fn parse(text: &str, places: &Places) -> Result<Self, Option<String>>;

    fn shown(&self) -> String;
}

impl Value for String {
    const EXPECTS: &'static str = "text";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        Ok(text.to_owned())
    }

    fn shown(&self) -> String {
        self.clone()
    }
}

impl Value for bool {
    const EXPECTS: &'static str = "true or false";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| None)
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

words! {
    /// How new urgent work is told to a person who may look elsewhere.
    pub enum AlarmBy {
        /// Not at all.
        None = "none",
        /// By the terminal's bell.
        Bell = "bell",
        /// By a notification on the desktop.
        Desktop = "desktop",
        /// By both.
        Both = "both",
    }
}

impl Value for AlarmBy {
    const EXPECTS: &'static str = "one of none, bell, desktop, both";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| None)
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

/// Kinds of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(pub Vec<Kind>);

impl Value for Kinds {
    const EXPECTS: &'static str = "all, or some of orders, stock, shipments, inspections, tickets";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        if text == "all" {
            return Ok(Self(Kind::ALL.to_vec()));
        }
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        let kind = |word| Kind::ALL.iter().find(|kind| kind.plural() == word).copied();
        let kinds: Option<Vec<Kind>> = words.map(kind).collect();
        kinds.map(Self).ok_or(None)
    }

    fn shown(&self) -> String {
        if self.0.len() == Kind::ALL.len() {
            return "all".to_owned();
        }
        let kinds: Vec<&str> = self.0.iter().map(|kind| kind.plural()).collect();
        kinds.join(" ")
    }
}

impl Value for Option<DatabaseUrl> {
    const EXPECTS: &'static str = "a database URL";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        // An empty text in the file turns to the local server what a package's default set.
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|error: UrlError| Some(error.to_string()))
    }

    fn shown(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl Value for Tz {
    const EXPECTS: &'static str = "an IANA time zone such as Europe/Lisbon";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| None)
    }

    fn shown(&self) -> String {
        self.name().to_owned()
    }
}

impl Value for LevelFilter {
    const EXPECTS: &'static str = "one of off, error, warn, info, debug, trace";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| None)
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for PathBuf {
    const EXPECTS: &'static str = "an absolute path, or one that begins with ~/";

    fn parse(text: &str, places: &Places) -> Result<Self, Option<String>> {
        let path = if let Some(rest) = text.strip_prefix("~/") {
            places.home.join(rest)
        } else if let Some(rest) = text.strip_prefix("$XDG_DATA_HOME/") {
            places.data.join(rest)
        } else {
            PathBuf::from(text)
        };
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(None)
        }
    }

    fn shown(&self) -> String {
        self.display().to_string()
    }
}

/// The directories of this user (XDG Base Directory Specification 0.8).
pub(super) struct Places {
    home: PathBuf,
    pub(super) config: PathBuf,
    data: PathBuf,
}

impl Places {
    pub(super) fn find(environment: &dyn Fn(&str) -> Option<OsString>) -> Self {
        // The specification has relative paths ignored.
        let absolute = |name| {
            environment(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = absolute("HOME")
            .or_else(|| etcetera::home_dir().ok())
            .unwrap_or_else(|| PathBuf::from("/"));
        Self {
            config: absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            data: absolute("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")),
            home,
        }
    }
}
