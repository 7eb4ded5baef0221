//! Settings: defaults, then the file, then the environment, then flags.
//!
//! Each setting is one line in the table below; the file's keys, the environment's names,
//! `packline config` and the manual derive from it. All mistakes are reported at once, each
//! with its file and line, variable or flag.

mod value;

use std::ffi::OsString;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use chrono_tz::Tz;
use toml::de::{DeTable, DeValue};
use tracing::level_filters::LevelFilter;

pub use self::value::{AlarmBy, Kinds, Lines, Words};
use self::value::{Places, Value};
use crate::domain::scripts::Scripts;
use crate::output::carriers::ProviderUrl;
use crate::output::mailer::{MailUrl, Mailbox};
use crate::store::db::DatabaseUrl;

macro_rules! settings {
    ($($field:ident: $type:ty = $name:literal, $default:literal, $help:literal;)*) => {
        /// Every setting, with where its value came from.
        #[derive(Debug, Clone)]
        pub struct Config {
            /// Where the settings file is or would be; keymap and themes are beside it.
            pub dir: PathBuf,
            $(#[doc = $help] pub $field: Setting<$type>,)*
        }

        /// Every setting there is, in the order in which they are printed.
        pub const KEYS: &[Key] = &[
            $(Key {
                name: $name,
                expects: <$type as Value>::EXPECTS,
                list: <$type as Value>::LIST,
                default: $default,
                help: $help,
            },)*
        ];

        impl Config {
            fn settled(layers: &Layers, places: &Places, errors: &mut Vec<ConfigError>) -> Self {
                Self {
                    dir: layers.dir.clone(),
                    $($field: settle($name, $default, layers, places, errors),)*
                }
            }

            /// Each key with its value as text, secrets left out, and where it came from.
            pub fn entries(&self) -> Vec<(&'static Key, String, &Source)> {
                KEYS.iter()
                    .zip([$((self.$field.value.shown(), &self.$field.source),)*])
                    .map(|(key, (value, source))| (key, value, source))
                    .collect()
            }
        }
    };
}

settings! {
    database_url: Option<DatabaseUrl> = "database.url", "",
        "The database, as `postgres://USER@HOST/DATABASE`; none means the private local server.";
    data_dir: PathBuf = "data_dir", "$XDG_DATA_HOME/packline",
        "Where the local server and the log, `packline.log`, are kept.";
    log_level: LevelFilter = "log.level", "warn",
        "How much is written to the log.";
    read_only: bool = "read_only", "false",
        "Whether nothing may be done, only looked at.";
    theme: String = "theme", "auto",
        "How things look: `terminal`, `dark`, `light`, or a file in `themes/`; `auto` is `light` or `dark` where the terminal says which it is, else `terminal`.";
    mouse: bool = "mouse", "false",
        "Whether clicks and the wheel are listened to; the terminal's own selection then needs shift.";
    links: bool = "links", "true",
        "Whether tracking codes lead to the carriers' pages, where the terminal can follow links.";
    alarm_by: AlarmBy = "alarm.by", "none",
        "How new urgent work is told: `none`, `bell`, `desktop` or `both`.";
    alarm_about: Kinds = "alarm.about", "all",
        "Whose new urgent work is told: `all`, or some of `orders stock shipments inspections tickets`.";
    shop_name: String = "shop.name", "",
        "The shop's name, as the header, mails, labels and `{shop}` in macros show it.";
    shop_time_zone: Tz = "shop.time_zone", "UTC",
        "The zone in which times are shown and cut-offs count.";
    shop_address: Lines = "shop.address", "",
        "The lines of the address that parcels are sent from, as labels print it.";
    smtp_url: Option<MailUrl> = "smtp.url", "",
        "Where mails go: `smtp://USER:PASSWORD@HOST`, `smtps://…` or `file:///FOLDER`; none means a folder `mail` in the data directory, and with `database.url` that mails wait.";
    notice_from: Option<Mailbox> = "notice.from", "",
        "Whom mails are from, as `NAME <ADDRESS>`; a server needs one.";
    notice_hold: Duration = "notice.hold", "60s",
        "How long a mail can still be stopped before it leaves.";
    notice_per_minute: u32 = "notice.per_minute", "600",
        "Mails that each worker sends to one mail host in a minute at most; 0 for no limit.";
    notice_templates: Option<PathBuf> = "notice.templates", "",
        "A folder with templates of mails that stand in for the built-in ones.";
    carrier_url: Option<ProviderUrl> = "carrier.url", "",
        "Where carriers' labels are bought, with the key: `https://KEY@api.easypost.com`; none buys none.";
    carrier_from: Lines = "carrier.from", "",
        "Where those parcels are sent from: name, street, postcode, town, country as two letters and, where it has one, the state, a line each.";
    print_font: String = "print.font", "E:TT0003M_.FNT",
        "The printer's name of the font that labels are written in. The default is one that printers carry; for Chinese, Japanese and Korean load one such as `E:ANMDJ.TTF`.";
    print_scripts: Scripts = "print.scripts", "latin greek cyrillic",
        "The scripts that this font has, by their names in Unicode (`han hiragana katakana hangul arabic hebrew thai` …), or `all`. Whoever prints a label with others is told.";
    print_command: Words = "print.command", "",
        "The program that prints labels and slips, with its arguments; it reads the document from its standard input.";
}

/// One line of the table of settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Name in the file, with dots between table and key.
    pub name: &'static str,
    /// What a value must be.
    pub expects: &'static str,
    /// Whether the file may give it as a list.
    pub list: bool,
    /// The value when nothing sets it, empty for none.
    pub default: &'static str,
    /// One sentence of help.
    pub help: &'static str,
}

impl Key {
    /// Name in the environment: `PACKLINE_SHOP_NAME` for `shop.name`.
    pub fn variable(&self) -> String {
        format!("PACKLINE_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// A value and where it came from.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// What set it.
    pub source: Source,
}

/// What set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing: it is the default.
    Default,
    /// A line of the settings file.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    /// The file and line, variable or flag.
    pub place: Source,
    /// What is wrong, and what was expected.
    pub message: String,
}

/// Every mistake in the settings, in the order of the file and then of the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// What the command line and the environment say.
pub struct Given<'a> {
    /// `--config`: this file must exist. Without it `PACKLINE_CONFIG` names the file, or it is
    /// `packline/config.toml` in the XDG configuration directory, if that exists.
    pub file: Option<PathBuf>,
    /// Flag, key and value: `("--database-url", "database.url", …)`.
    pub flags: Vec<(&'static str, &'static str, String)>,
    /// Looks up an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Config {
    /// Reads every layer and settles each key.
    ///
    /// # Errors
    /// All mistakes together: of the file, unknown keys in it, and values that do not parse.
    pub fn load(given: &Given<'_>) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let places = Places::find(given.environment);
        let layers = Layers::gather(given, &places, &mut errors);
        let config = Self::settled(&layers, &places, &mut errors);
        if errors.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors(errors))
        }
    }
}

/// Where this user's programs keep what they remember between runs: `packline` in the XDG state
/// directory.
pub fn state_dir(environment: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    Places::find(environment).state.join("packline")
}

/// What each layer says, weakest first: `(key, source, text)`.
struct Layers {
    said: Vec<(&'static str, Source, String)>,
    dir: PathBuf,
}

impl Layers {
    fn gather(given: &Given<'_>, places: &Places, errors: &mut Vec<ConfigError>) -> Self {
        let named = given.file.clone().or_else(|| {
            (given.environment)("PACKLINE_CONFIG")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        });
        let must_exist = named.is_some();
        let path = named.unwrap_or_else(|| places.config.join("packline/config.toml"));
        let mut layers = Self {
            said: Vec::new(),
            dir: path.parent().unwrap_or(Path::new("")).to_owned(),
        };
        match fs::read_to_string(&path) {
            Ok(text) => layers.add_file(&path, &text, errors),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => {}
            Err(error) => errors.push(ConfigError {
                place: Source::File(path, 1),
                message: format!("cannot be read: {error}"),
            }),
        }
        // The name that most tools share counts less than our own.
        layers.add_variable("database.url", "DATABASE_URL", given.environment, errors);
        for key in KEYS {
            layers.add_variable(key.name, &key.variable(), given.environment, errors);
        }
        for (flag, key, text) in &given.flags {
            let source = Source::Flag((*flag).to_owned());
            layers.said.push((key, source, text.clone()));
        }
        layers
    }

    fn add_variable(
        &mut self,
        key: &'static str,
        variable: &str,
        environment: &dyn Fn(&str) -> Option<OsString>,
        errors: &mut Vec<ConfigError>,
    ) {
        let source = Source::Environment(variable.to_owned());
        match environment(variable).map(OsString::into_string) {
            Some(Ok(text)) if !text.is_empty() => self.said.push((key, source, text)),
            Some(Err(_)) => errors.push(ConfigError {
                place: source,
                message: "is not UTF-8".to_owned(),
            }),
            // Service managers pass empty variables for unset ones.
            Some(Ok(_)) | None => {}
        }
    }

    fn add_file(&mut self, path: &Path, text: &str, errors: &mut Vec<ConfigError>) {
        let at = |offset: usize| {
            let line = 1 + text
                .bytes()
                .take(offset)
                .filter(|&byte| byte == b'\n')
                .count();
            Source::File(path.to_owned(), line)
        };
        let (table, mistakes) = DeTable::parse_recoverable(text);
        errors.extend(mistakes.iter().map(|mistake| ConfigError {
            place: at(mistake.span().map_or(0, |span| span.start)),
            message: mistake.message().to_owned(),
        }));
        let mut found = Vec::new();
        flatten("", table.get_ref(), &mut found);
        found.sort_by_key(|(offset, ..)| *offset);
        for (offset, name, value) in found {
            let place = at(offset);
            match (KEYS.iter().find(|key| key.name == name), value) {
                (Some(key), Found::Plain(text)) => self.said.push((key.name, place, text)),
                (Some(key), Found::List(text)) if key.list => {
                    self.said.push((key.name, place, text));
                }
                (Some(key), Found::List(_) | Found::Other) => errors.push(ConfigError {
                    message: format!("{name}: expected {}, found a list or table", key.expects),
                    place,
                }),
                (None, _) => errors.push(ConfigError {
                    place,
                    message: format!(
                        "{name} is not a setting; there are {}",
                        KEYS.iter()
                            .map(|key| key.name)
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                }),
            }
        }
    }
}

/// What the file says of a key.
enum Found {
    /// The text of a plain value.
    Plain(String),
    /// A list of texts, as JSON.
    List(String),
    /// Another list, or a table.
    Other,
}

/// Every key below `table` as `(offset, dotted name, value)`.
fn flatten(prefix: &str, table: &DeTable<'_>, found: &mut Vec<(usize, String, Found)>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let text = match value.get_ref() {
            DeValue::Table(inner) if KEYS.iter().all(|key| key.name != name) => {
                flatten(&format!("{name}."), inner, found);
                continue;
            }
            DeValue::String(text) => Found::Plain(text.to_string()),
            DeValue::Integer(number) => Found::Plain(number.to_string()),
            DeValue::Float(number) => Found::Plain(number.to_string()),
            DeValue::Boolean(truth) => Found::Plain(truth.to_string()),
            DeValue::Datetime(time) => Found::Plain(time.to_string()),
            DeValue::Array(items) => items
                .iter()
                .map(|item| item.get_ref().as_str())
                .collect::<Option<Vec<_>>>()
                .map_or(Found::Other, |items| {
                    Found::List(serde_json::Value::from(items).to_string())
                }),
            DeValue::Table(_) => Found::Other,
        };
        found.push((key.span().start, name, text));
    }
}

/// The strongest layer's value. The file's is checked even where another one wins, so that a
/// mistake in it does not lie in wait; what other programs set is not.
fn settle<T: Value>(
    key: &str,
    default: &str,
    layers: &Layers,
    places: &Places,
    errors: &mut Vec<ConfigError>,
) -> Setting<T> {
    let said: Vec<_> = layers
        .said
        .iter()
        .filter(|(name, ..)| *name == key)
        .collect();
    let mut setting = Setting {
        value: T::parse(default, places)
            .unwrap_or_else(|_| unreachable!("the default of {key} is valid")),
        source: Source::Default,
    };
    for (index, (_, source, text)) in said.iter().enumerate() {
        let wins = index + 1 == said.len();
        if !wins && !matches!(source, Source::File(..)) {
            continue;
        }
        match T::parse(text, places) {
            Ok(value) => {
                setting = Setting {
                    value,
                    source: source.clone(),
                };
            }
            Err(reason) => errors.push(ConfigError {
                place: source.clone(),
                message: match reason {
                    Some(reason) => format!("{key}: {reason}"),
                    None => format!("{key}: expected {}, found {text:?}", T::EXPECTS),
                },
            }),
        }
    }
    setting
}

#[cfg(test)]
mod tests;
