//! A database for each test: a copy of one that was migrated once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::{deadline, server};

/// Longest time for making a template, which may wait for another process that makes it.
const LIMIT: Duration = Duration::from_mins(2);

/// Any number that nothing else on a test server locks.
const TEMPLATE_LOCK: i64 = 0x7061_636b;

/// A database of one test, dropped with the value.
pub(crate) struct TestDatabase {
    /// As the superuser; add `.username(role)` to be someone else.
    pub(crate) options: PgConnectOptions,
    /// Its name.
    pub(crate) name: String,
    /// The same as [`TestDatabase::options`], for programs.
    pub(crate) url: String,
    admin: PgConnectOptions,
}

/// A fresh migrated database on the server of this run.
pub(crate) async fn database() -> TestDatabase {
    let server = tokio::task::spawn_blocking(server::shared)
        .await
        .expect("the server of the tests");
    TestDatabase::create(server.connect_options("postgres")).await
}

impl TestDatabase {
    /// A fresh migrated database on the server that `admin` reaches.
    pub(super) async fn create(admin: PgConnectOptions) -> Self {
        deadline(LIMIT, "a database for the test", async {
            let mut connection = connect(&admin).await;
            let template = template(&mut connection, &admin).await;
            Self::like(connection, admin, &template).await
        })
        .await
    }

    /// Another one that holds the same. Whoever is connected to this one loses the connection.
    pub(crate) async fn copy(&self) -> Self {
        deadline(LIMIT, "a copy of the database", async {
            let mut connection = connect(&self.admin).await;
            let end = format!(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{}'",
                self.name
            );
            execute(&mut connection, end).await;
            Self::like(connection, self.admin.clone(), &self.name).await
        })
        .await
    }

    async fn like(mut connection: PgConnection, admin: PgConnectOptions, template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "test_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        // Since version 15 the default writes each page to the log instead, which is slower
        // where nothing has to reach a disk.
        let strategy = match connection.server_version_num() {
            Some(version) if version >= 150_000 => " strategy file_copy",
            _ => "",
        };
        execute(
            &mut connection,
            format!("create database {name} template {template}{strategy}"),
        )
        .await;
        let options = admin.clone().database(&name);
        Self {
            url: options.to_url_lossy().to_string(),
            options,
            name,
            admin,
        }
    }

    /// A connection to it, as the superuser.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.options).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let admin = self.admin.clone();
        let statement = format!("drop database if exists {} with (force)", self.name);
        // The test's own runtime cannot be waited on here.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(deadline(LIMIT, "dropping the test's database", async {
                    // A test may have stopped the server; the database goes with it.
                    if let Ok(mut connection) = PgConnection::connect_with(&admin).await {
                        execute(&mut connection, statement).await;
                    }
                }));
        })
        .join();
        if !std::thread::panicking() {
            dropped.expect("dropping the test's database");
        }
    }
}

/// The name of the migrated database on this server, made now if it is not there.
async fn template(connection: &mut PgConnection, admin: &PgConnectOptions) -> String {
    let name = format!("template_{}", schema::version());
    let known = || {
        sqlx::query_scalar::<_, bool>("select exists (select from pg_database where datname = $1)")
            .bind(name.clone())
    };
    if known().fetch_one(&mut *connection).await.expect("a list") {
        return name;
    }
    sqlx::query("select pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *connection)
        .await
        .expect("the lock of the template");
    if !known().fetch_one(&mut *connection).await.expect("a list") {
        // Made under another name, so that a half-migrated one is never copied.
        let making = format!("making_{}", schema::version());
        execute(
            connection,
            format!("drop database if exists {making} with (force)"),
        )
        .await;
        execute(connection, format!("create database {making}")).await;
        let mut inside = connect(&admin.clone().database(&making)).await;
        schema::apply(&mut inside).await;
        inside.close().await.expect("closing");
        execute(
            connection,
            format!("alter database {making} rename to {name}"),
        )
        .await;
    }
    sqlx::query("select pg_advisory_unlock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *connection)
        .await
        .expect("the lock of the template");
    name
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options)
        .await
        .expect("connecting to the test server")
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement.clone()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// The schema that a template holds.
mod schema {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use packline::store::migrations::{self, MIGRATOR};
    use sqlx::postgres::PgConnection;

    /// Differs where the migrations differ, or the program, which applies grants of its own.
    pub(super) fn version() -> String {
        let mut hasher = DefaultHasher::new();
        let built = std::env::current_exe()
            .and_then(|program| program.metadata()?.modified())
            .expect("when this program was built");
        built.hash(&mut hasher);
        for migration in MIGRATOR.iter() {
            migration.checksum.hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }

    /// Migrates an empty database.
    pub(super) async fn apply(connection: &mut PgConnection) {
        migrations::run(connection).await.expect("the migrations");
    }
}
