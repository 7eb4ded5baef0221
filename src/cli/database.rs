//! Which database a command works on, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use color_eyre::eyre::{Context as _, Report, Result, bail};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::print;
use crate::config::{Config, Source};
use crate::domain::people::{Person, Role};
use crate::store::db::{DatabaseUrl, Db, DbError, Settings};
use crate::store::local::{self, LocalServer};
use crate::store::{lists, migrations, people};

/// The database of the private local server that commands use unless told otherwise.
const LOCAL_DATABASE: &str = "packline";

/// The longest wait for an answer about what there is.
const LIMIT: Duration = Duration::from_secs(10);

/// What to do with a database that has just been made.
pub(super) const NOTHING_YET: &str = "there is nothing here yet: packline demo, or packline import";

/// A database that is ready for use.
pub struct Database {
    /// Connections to it.
    pub db: Db,
    /// Who is connected.
    pub person: Person,
    /// The private server that it is on, kept running as long as this lives.
    server: Option<LocalServer>,
}

impl Database {
    /// Opens the database that the settings name, or one of the private local server.
    ///
    /// The schema of a shared database must fit; the local server's is kept up to date here, for
    /// nobody else depends on it.
    ///
    /// # Errors
    /// A database that cannot be reached, or whose schema does not fit.
    pub async fn open(config: &Config, what: &str) -> Result<Self> {
        match &config.database_url.value {
            Some(url) => Self::shared(url.clone(), what, config.read_only.value).await,
            None => Self::local(config, LOCAL_DATABASE, what).await,
        }
    }

    /// Opens a database of the private local server by name, creating it where it is missing.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn local(config: &Config, database: &str, what: &str) -> Result<Self> {
        let dir = data_dir(config)?;
        let starting = format!("starting the local server in {}", dir.display());
        let server = tokio::task::spawn_blocking(move || LocalServer::open(&dir));
        let server = print::waiting(starting, server).await??;
        let mut owner = print::waiting("bringing the database up to date", async {
            server.ensure_database(database).await?;
            let mut owner = server.connect_options(database).connect().await?;
            migrations::run(&mut owner).await?;
            Ok::<_, Report>(owner)
        })
        .await?;
        let login = os_login();
        people::add(
            &mut owner,
            &login,
            &login,
            &[Role::Admin, Role::Worker],
            None,
        )
        .await?;
        let url = address(&server.connect_options(database).username(&login))?;
        let mut database = Self::shared(url, what, config.read_only.value).await?;
        database.server = Some(server);
        Ok(database)
    }

    /// Says what to do with a database that has just been made, where this is one.
    ///
    /// # Errors
    /// A database that cannot be asked.
    pub(super) async fn hint(&self, now: DateTime<Utc>) -> Result<(), DbError> {
        let counts = self.db.call(LIMIT, move |connection| {
            Box::pin(async move { lists::counts(connection, now).await })
        });
        if counts.await?.nothing_yet {
            print::note(NOTHING_YET);
        }
        Ok(())
    }

    /// The same database as another person: its server trusts any login.
    ///
    /// # Errors
    /// There is no such login, or it has no role here.
    pub async fn become_person(self, config: &Config, login: &str, what: &str) -> Result<Self> {
        let url = self.url_as(login)?;
        let mut database = Self::shared(url, what, config.read_only.value).await?;
        database.server = self.server;
        Ok(database)
    }

    /// A handle on the same database as another login, where its server trusts any.
    pub(super) fn handle_as(&self, login: &str, what: &str) -> Result<Db> {
        Ok(Db::new(self.url_as(login)?, Settings::new(what)))
    }

    fn url_as(&self, login: &str) -> Result<DatabaseUrl> {
        let Some(server) = &self.server else {
            return Ok(self.db.url().clone());
        };
        let name = self.db.url().database().unwrap_or(LOCAL_DATABASE);
        address(&server.connect_options(name).username(login))
    }

    async fn shared(url: DatabaseUrl, what: &str, read_only: bool) -> Result<Self> {
        let settings = Settings {
            read_only,
            ..Settings::new(what)
        };
        let db = Db::connect(url, settings).await?;
        let mut session = db.session().await?;
        check(&mut session).await?;
        let person = people::person(&mut session).await?;
        // Whoever may keeps the feed's partitions ahead; without any, writes go on all the same.
        if !read_only && person.holds_any(&[Role::Supervisor, Role::Worker]) {
            migrations::maintain(&mut session).await?;
        }
        Ok(Self {
            db,
            person,
            server: None,
        })
    }
}

fn address(options: &PgConnectOptions) -> Result<DatabaseUrl> {
    let url = options.to_url_lossy();
    url.as_str()
        .parse()
        .wrap_err("the local server's own address")
}

async fn check(connection: &mut PgConnection) -> Result<()> {
    migrations::check(connection).await.map_err(|mismatch| match mismatch {
        migrations::SchemaMismatch::Unreadable(DbError::Denied(_)) => color_eyre::eyre::eyre!(
            "this login has no role in Packline: an admin gives it one with `packline staff add`"
        ),
        other => other.into(),
    })
}

/// Why a program that was told to read only does not do what changes something.
pub(super) const ONLY_READS: &str =
    "only reading is allowed here: see read_only in packline config";

/// For commands that change something.
///
/// # Errors
/// The settings allow reading only.
pub(super) fn may_write(config: &Config) -> Result<()> {
    if config.read_only.value {
        bail!(ONLY_READS);
    }
    Ok(())
}

/// Where the local server and its data are.
pub(super) fn data_dir(config: &Config) -> Result<PathBuf> {
    Ok(match config.data_dir.source {
        Source::Default => local::default_data_dir()?,
        _ => config.data_dir.value.clone(),
    })
}

/// The login of whoever runs this program, as far as it can be one in the database.
fn os_login() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .filter_map(|variable| std::env::var(variable).ok())
        .map(|name| name.to_lowercase())
        .find(|name| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
                && !name.starts_with("pg_")
                && !name.starts_with("packline")
        })
        .unwrap_or_else(|| "owner".to_owned())
}
