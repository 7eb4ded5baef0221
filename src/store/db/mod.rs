//! Connections: a pool whose calls are never cancelled half-way.
//!
//! The pool is our own, because three things that sqlx 0.9's lacks decide its shape: several
//! servers of which one takes writes, an error that says at once which server failed and how,
//! and no way for a call that was given up to hand its connection to the next one. A call runs
//! in a task of its own to its end, also when its caller went away; where its deadline passes,
//! the connection is closed together with it.

mod connect;
mod error;
mod notices;
mod url;

use std::panic;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnection, PgListener, PgPoolOptions};
use sqlx::{Connection, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;

pub use error::{Attempt, ConnectError, DbError, Raised, Violation};
pub use url::{DatabaseUrl, UrlError};

/// A connection that was idle or alive for longer is closed instead of kept.
const KEEP_IDLE: Duration = Duration::from_mins(10);
const KEEP_OPEN: Duration = Duration::from_mins(30);

/// COMMIT gets at least this long, however little the work before it left of the deadline: to
/// cut it short would turn a known outcome into an unknown one.
const COMMIT_GRACE: Duration = Duration::from_secs(2);

/// Time that an idle connection gets to show that it is still fit.
const FITNESS: Duration = Duration::from_secs(1);

/// How a program uses the database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program's part, for the server's list of sessions: `packline console`.
    pub what: String,
    /// Connections at most; calls beyond them wait their turn.
    pub max_connections: usize,
    /// The server cancels any statement that runs longer; lists and acts are far below it.
    pub statement_timeout: Duration,
    /// Whether the sessions may only read.
    pub read_only: bool,
}

impl Settings {
    /// The settings for one part of the program, such as `console` or `import`.
    pub fn new(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            max_connections: 4,
            statement_timeout: Duration::from_secs(30),
            read_only: false,
        }
    }
}

/// A handle over connections to one database; a clone shares them.
#[derive(Clone, Debug)]
pub struct Db {
    pool: Arc<Pool>,
}

impl Db {
    /// A handle that connects at its first call.
    pub fn new(url: DatabaseUrl, settings: Settings) -> Self {
        Self {
            pool: Arc::new(Pool {
                permits: Arc::new(Semaphore::new(settings.max_connections)),
                idle: Mutex::default(),
                url,
                settings,
            }),
        }
    }

    /// A handle whose first connection stands.
    pub async fn connect(url: DatabaseUrl, settings: Settings) -> Result<Self, DbError> {
        let db = Self::new(url, settings);
        db.ping(Duration::from_secs(30)).await?;
        Ok(db)
    }

    /// Where this handle connects to.
    pub fn url(&self) -> &DatabaseUrl {
        &self.pool.url
    }

    /// Asks the server for a sign of life.
    pub async fn ping(&self, limit: Duration) -> Result<(), DbError> {
        self.call(limit, |connection| {
            Box::pin(async move { Ok(connection.ping().await?) })
        })
        .await
    }

    /// Runs `work` on a connection, in a task of its own. Each statement commits by itself.
    ///
    /// # Errors
    /// [`DbError::Deadline`] when `limit`, from now and with the wait for a connection, is over.
    pub async fn call<T, F>(&self, limit: Duration, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, DbError>>,
        F: Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        let deadline = Deadline::after(limit);
        to_the_end(async move {
            let mut lease = pool.lease(&deadline).await?;
            let result = deadline.hold(work(&mut lease.session.connection)).await?;
            if result
                .as_ref()
                .err()
                .is_none_or(DbError::leaves_connection_usable)
            {
                pool.put_back(lease);
            }
            result
        })
        .await
    }

    /// Runs `work` in one transaction, in a task of its own: committed if it answers `Ok`,
    /// rolled back if it answers `Err`.
    ///
    /// # Errors
    /// What `work` answered. [`DbError::Deadline`] when `limit` passed before COMMIT was sent:
    /// nothing was done. [`DbError::Unknown`] when COMMIT was sent and its outcome is not known.
    pub async fn transaction<T, E, F>(&self, limit: Duration, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>>,
        F: Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        let deadline = Deadline::after(limit);
        to_the_end(async move {
            let mut lease = pool.lease(&deadline).await?;
            let connection = &mut lease.session.connection;
            let mut transaction = deadline
                .hold(connection.begin())
                .await?
                .map_err(DbError::from)?;
            let result = deadline.hold(work(&mut transaction)).await?;
            let clean = match result {
                Ok(_) => commit(transaction, &deadline).await?,
                Err(_) => deadline
                    .hold(transaction.rollback())
                    .await
                    .is_ok_and(|done| done.is_ok()),
            };
            if clean {
                pool.put_back(lease);
            }
            result
        })
        .await
    }

    /// A connection of its own, outside the pool, that is closed when dropped: for work that
    /// takes long or leaves its marks on the session, such as migrations and COPY.
    pub async fn session(&self) -> Result<PgConnection, DbError> {
        let (connection, _) = connect::open(&self.pool.url, &self.pool.settings).await?;
        Ok(connection)
    }

    /// A listener on a connection of its own to the server that takes writes. It does not
    /// reconnect by itself: once it fails, ask for another.
    pub(super) async fn listener(&self) -> Result<PgListener, DbError> {
        let deadline = Deadline::after(Duration::from_secs(15));
        // The pool finds the right server, with its clear errors, and is warm afterwards.
        let lease = self.pool.lease(&deadline).await?;
        let server = &self.pool.url.servers()[lease.session.server];
        self.pool.put_back(lease);
        let listener = async {
            let alone = PgPoolOptions::new()
                .max_connections(1)
                .max_lifetime(None)
                .idle_timeout(None)
                .connect_lazy_with(
                    connect::session(server, &self.pool.settings)
                        // The feed's one plan is made while the newest partition is empty, and
                        // must still be right when it is full.
                        .options([("enable_seqscan", "off")]),
                );
            let mut listener = PgListener::connect_with(&alone).await?;
            listener.ignore_pool_close_event(true);
            listener.eager_reconnect(false);
            Ok(listener)
        };
        deadline.hold(listener).await?
    }

    /// Waits for the calls under way, closes every connection and refuses further calls.
    pub async fn close(&self) {
        let all = u32::try_from(self.pool.settings.max_connections).unwrap_or(u32::MAX);
        let permits = self.pool.permits.acquire_many(all).await;
        self.pool.permits.close();
        drop(permits);
        for session in self.pool.take_idle() {
            // A server that does not listen to the farewell closes the session all the same.
            let _ = timeout(Duration::from_secs(1), session.connection.close()).await;
        }
    }
}

/// Ends a transaction. `Ok(true)` if the connection can be used further.
async fn commit(
    mut transaction: sqlx::Transaction<'_, sqlx::Postgres>,
    deadline: &Deadline,
) -> Result<bool, DbError> {
    // A transaction in which a statement failed answers COMMIT with a silent ROLLBACK. Any
    // other statement fails there, so this one shows a failure that `work` overlooked; and it
    // keeps the server from cutting the COMMIT itself short.
    deadline
        .hold(transaction.execute("set local statement_timeout = 0"))
        .await?
        .map_err(DbError::from)?;
    let limit = deadline.at.max(Instant::now() + COMMIT_GRACE);
    match timeout_at(limit, notices::heard(transaction.commit())).await {
        Err(_) => Err(DbError::Unknown(format!(
            "no answer to COMMIT within {:?}",
            deadline.limit.max(COMMIT_GRACE)
        ))),
        Ok((Ok(()), false)) => Ok(true),
        Ok((Ok(()), true)) => Err(DbError::Unknown(
            "committed on this server, but perhaps not on its standby".to_owned(),
        )),
        Ok((Err(error), _)) => match DbError::from(error) {
            DbError::Lost(cause) => Err(DbError::Unknown(cause)),
            // A deferred constraint, a serialization failure, a cancel: rolled back.
            refused => Err(refused),
        },
    }
}

/// Runs a future in a task of its own, so that nobody can cancel it, and hands on its panic.
async fn to_the_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels the task.
            Err(_) => Err(DbError::Closed.into()),
        },
    }
}

/// A point in time and the limit that it came from.
struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
        }
    }

    async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, DbError> {
        timeout_at(self.at, work)
            .await
            .map_err(|_| DbError::Deadline(self.limit))
    }
}

#[derive(Debug)]
struct Pool {
    url: DatabaseUrl,
    settings: Settings,
    permits: Arc<Semaphore>,
    /// The last one in is the first one out, so that those beyond need grow old and go.
    idle: Mutex<Vec<Session>>,
}

#[derive(Debug)]
struct Session {
    connection: PgConnection,
    /// Index of its server in the URL.
    server: usize,
    opened: Instant,
    used: Instant,
}

/// A connection on loan. Dropped, it is closed: only [`Pool::put_back`] keeps it.
struct Lease {
    session: Session,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    async fn lease(&self, deadline: &Deadline) -> Result<Lease, DbError> {
        let permits = Arc::clone(&self.permits);
        let Ok(permit) = deadline.hold(permits.acquire_owned()).await? else {
            return Err(DbError::Closed);
        };
        while let Some(mut session) = self.pop_idle() {
            let fit = connect::is_fit(&mut session.connection, &self.settings);
            match deadline.hold(timeout(FITNESS, fit)).await? {
                Ok(Ok(true)) => {
                    return Ok(Lease {
                        session,
                        _permit: permit,
                    });
                }
                Ok(Ok(false)) => {}
                // Broken or without an answer: what broke it broke the others.
                Ok(Err(_)) | Err(_) => drop(self.take_idle()),
            }
        }
        let (connection, server) = deadline
            .hold(connect::open(&self.url, &self.settings))
            .await??;
        let now = Instant::now();
        Ok(Lease {
            session: Session {
                connection,
                server,
                opened: now,
                used: now,
            },
            _permit: permit,
        })
    }

    fn put_back(&self, lease: Lease) {
        let now = Instant::now();
        let mut session = lease.session;
        session.used = now;
        let mut idle = self.idle();
        idle.retain(|other| now - other.used < KEEP_IDLE);
        if now - session.opened < KEEP_OPEN {
            idle.push(session);
        }
    }

    fn pop_idle(&self) -> Option<Session> {
        self.idle().pop()
    }

    fn take_idle(&self) -> Vec<Session> {
        std::mem::take(&mut *self.idle())
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        // Nothing that could panic half-way runs under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
