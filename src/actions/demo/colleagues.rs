//! The people of a demo, each with a login of their own.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::time::Duration;

use chrono_tz::Tz;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::DemoError;
use super::moment::Deed;
use crate::actions::{ActError, act};
use crate::domain::act::Act;
use crate::domain::people::Role;
use crate::domain::record::{RecordId, RecordName};
use crate::domain::verbs;
use crate::store::db::{DatabaseUrl, Db, DbError, Settings};
use crate::store::names::{self, NameError};
use crate::store::people;

/// The login of the worker.
pub const WORKER: &str = "worker";

/// Who works in the shop of the built-in folder.
const STAFF: [(&str, &str, Role); 5] = [
    ("ana", "Ana", Role::Support),
    ("bo", "Bo", Role::Warehouse),
    ("cleo", "Cleo", Role::Supervisor),
    ("dmitri", "Dmitri", Role::Quality),
    (WORKER, "the worker", Role::Worker),
];

/// Longest time for finding a record.
const LIMIT: Duration = Duration::from_secs(10);

/// The people of a demo, each connected under their own login.
#[derive(Debug, Clone)]
pub struct Colleagues(HashMap<String, Db>);

impl Colleagues {
    /// Makes the logins of the staff, and of whoever else acts, as supervisors. `owner` is a
    /// connection of the database's owner; with `server` everybody can connect by name alone.
    /// `present` is at the keyboard and keeps the roles that they have.
    ///
    /// # Errors
    /// A name that cannot be a login.
    pub async fn hire(
        owner: &mut PgConnection,
        server: &PgConnectOptions,
        others: &[String],
        present: &str,
    ) -> Result<Self, DemoError> {
        let staff = STAFF
            .iter()
            .map(|(login, name, role)| (*login, *name, *role));
        let others = others
            .iter()
            .filter(|login| STAFF.iter().all(|(known, ..)| known != login))
            .map(|login| (login.as_str(), login.as_str(), Role::Supervisor));
        let mut connected = HashMap::new();
        for (login, name, role) in staff.chain(others) {
            if login != present {
                people::add(owner, login, name, &[role], None).await?;
            }
            let options = server.clone().username(login);
            let url = DatabaseUrl::from_str(options.to_url_lossy().as_str())?;
            let mut settings = Settings::new("demo");
            settings.max_connections = 1;
            connected.insert(login.to_owned(), Db::new(url, settings));
        }
        Ok(Self(connected))
    }

    /// Does what a colleague did; the reason where it is refused.
    pub(super) async fn perform(
        &self,
        deed: &Deed,
        zone: Tz,
    ) -> Result<Result<(), String>, DbError> {
        let Some(db) = self.0.get(&deed.person) else {
            return Ok(Err(format!("nobody is called {}", deed.person)));
        };
        let record = match self.record(db, &deed.record).await {
            Ok(record) => record,
            Err(NameError::Db(error)) => return Err(error),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let Some(verb) = verbs::find(record.kind, &deed.verb) else {
            return Ok(Err(format!("expected a verb for a {}", record.kind)));
        };
        let args = deed.args.iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name.clone(), text.clone()),
            other => (name.clone(), other.to_string()),
        });
        let wanted = Act {
            id: deed.id,
            verb,
            record,
            expected_version: None,
            args: args.collect(),
            undoes: None,
        };
        match act(db, wanted, "demo", zone, deed.at).await {
            Ok(_) => Ok(Ok(())),
            Err(ActError::Db(error)) => Err(error),
            Err(refused) => Ok(Err(refused.to_string())),
        }
    }

    async fn record(&self, db: &Db, name: &str) -> Result<RecordId, NameError> {
        let Ok(name) = RecordName::from_str(name);
        db.call(LIMIT, move |connection| {
            Box::pin(async move { Ok(names::resolve(connection, &name).await) })
        })
        .await?
    }
}
