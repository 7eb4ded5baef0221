//! The kinds of values that settings have, and the directories that they may name.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use tracing::level_filters::LevelFilter;

use crate::domain::record::Kind;
use crate::domain::scripts::Scripts;
use crate::domain::words::words;
use crate::output::carriers::{ProviderUrl, ProviderUrlError};
use crate::output::mailer::{MailUrl, MailUrlError, Mailbox};
use crate::store::db::{DatabaseUrl, UrlError};

/// A kind of value that a setting can have.
pub(super) trait Value: Sized {
    const EXPECTS: &'static str;

    /// Whether the file may give it as a list of texts, which comes here as JSON.
    const LIST: bool = false;

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
    const LIST: bool = true;

    fn parse(text: &str, places: &Places) -> Result<Self, Option<String>> {
        if text == "all" {
            return Ok(Self(Kind::ALL.to_vec()));
        }
        let Words(words) = Words::parse(text, places)?;
        let kind = |word: &String| Kind::ALL.iter().find(|kind| kind.plural() == word).copied();
        let kinds: Option<Vec<Kind>> = words.iter().map(kind).collect();
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

impl Value for Scripts {
    const EXPECTS: &'static str = "all, or Unicode's names of scripts such as latin greek han";
    const LIST: bool = true;

    fn parse(text: &str, places: &Places) -> Result<Self, Option<String>> {
        let Words(words) = Words::parse(text, places)?;
        Self::named(words.iter().map(String::as_str)).ok_or(None)
    }

    fn shown(&self) -> String {
        self.names().join(" ")
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

impl Value for Option<PathBuf> {
    const EXPECTS: &'static str = PathBuf::EXPECTS;

    fn parse(text: &str, places: &Places) -> Result<Self, Option<String>> {
        if text.is_empty() {
            return Ok(None);
        }
        PathBuf::parse(text, places).map(Some)
    }

    fn shown(&self) -> String {
        self.as_ref().map(Value::shown).unwrap_or_default()
    }
}

impl Value for u32 {
    const EXPECTS: &'static str = "a whole number";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| None)
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

/// Seconds.
const YEAR: u64 = 365 * 24 * 3600;

impl Value for Duration {
    const EXPECTS: &'static str = "a time such as 60s, 5m or 2h";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        let unit = text.char_indices().next_back().ok_or(None)?;
        let seconds = match unit.1 {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(None),
        };
        let number: u32 = text[..unit.0].parse().map_err(|_| None)?;
        match u64::from(number) * seconds {
            span @ 0..=YEAR => Ok(Self::from_secs(span)),
            _ => Err(Some(format!("{text} is longer than a year"))),
        }
    }

    fn shown(&self) -> String {
        match self.as_secs() {
            0 => "0s".to_owned(),
            seconds if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
            seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
            seconds => format!("{seconds}s"),
        }
    }
}

impl Value for Option<MailUrl> {
    const EXPECTS: &'static str = "where mails go";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|error: MailUrlError| Some(error.to_string()))
    }

    fn shown(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl Value for Option<ProviderUrl> {
    const EXPECTS: &'static str = "where labels are bought";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|error: ProviderUrlError| Some(error.to_string()))
    }

    fn shown(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl Value for Option<Mailbox> {
    const EXPECTS: &'static str = "a mail address such as Shop <hello@shop.example>";

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| None)
    }

    fn shown(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// The words of a command: a list in the file, else split at spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl Value for Words {
    const EXPECTS: &'static str = "a list of words such as [\"lp\", \"-d\", \"zebra\"]";
    const LIST: bool = true;

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        if text.starts_with('[') {
            return serde_json::from_str(text).map(Self).map_err(|_| None);
        }
        Ok(Self(
            text.split_whitespace().map(ToOwned::to_owned).collect(),
        ))
    }

    fn shown(&self) -> String {
        list_shown(&self.0)
    }
}

/// The lines of a text: a list in the file, else as they are, without empty ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(pub Vec<String>);

impl Value for Lines {
    const EXPECTS: &'static str = "a list of lines";
    const LIST: bool = true;

    fn parse(text: &str, _: &Places) -> Result<Self, Option<String>> {
        let lines: Vec<String> = if text.starts_with('[') {
            serde_json::from_str(text).map_err(|_| None)?
        } else {
            text.lines().map(ToOwned::to_owned).collect()
        };
        Ok(Self(
            lines
                .iter()
                .map(|line| line.trim())
                .filter(|line| !line.is_empty())
                .map(ToOwned::to_owned)
                .collect(),
        ))
    }

    fn shown(&self) -> String {
        list_shown(&self.0)
    }
}

fn list_shown(items: &[String]) -> String {
    if items.is_empty() {
        String::new()
    } else {
        serde_json::Value::from(items).to_string()
    }
}

/// The directories of this user (XDG Base Directory Specification 0.8).
pub(super) struct Places {
    home: PathBuf,
    pub(super) config: PathBuf,
    data: PathBuf,
    pub(super) state: PathBuf,
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
            state: absolute("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state")),
            home,
        }
    }
}
