//! The change feed: every committed change once, in the order it became visible.
//!
//! The truth is the table `packline.change`, which triggers fill in the transaction of each
//! change. A reader remembers the snapshot of its last read; what is new is what that snapshot
//! could not see. Unlike `seq > last`, this misses nothing that committed out of order, and
//! unlike waiting for the oldest transaction, it is not held up by one that stays open.
//!
//! `NOTIFY` is only a doorbell that says when to look: empty, and never inside a business
//! transaction, where it would take a lock of the whole server until the commit is on disk.
//! Without any bell, the feed looks once a second. That look is also the sign of life: the
//! feed is where the console's header learns whether what it shows is live.

use std::collections::HashSet;
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::time::{Duration, Instant};

use sqlx::Executor;
use sqlx::postgres::PgListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until, timeout, timeout_at};

use super::db::{Db, DbError};

/// The doorbell's channel.
pub const CHANNEL: &str = "packline_change";

/// The bell of who is where: no change of the business, so that nothing is looked up for it here.
pub const PRESENCE: &str = "packline_presence";

/// How long to wait for a bell before looking all the same.
const POLL: Duration = Duration::from_secs(1);

/// An answer that takes longer is reported as [`FeedEvent::Lost`]: with [`POLL`], a server that
/// hangs or a cut cable shows within two seconds.
const SLOW: Duration = Duration::from_millis(700);

/// An answer that takes longer is given up, and the connection with it.
const DEAD: Duration = Duration::from_secs(5);

/// Time between two looks at least, so that many bells at once cost one look.
const GAP: Duration = Duration::from_millis(5);

/// The first and the longest wait before another try to connect.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// With more changes than this in one look, reading everything anew is the shorter way.
const BATCH: i64 = 10_000;

/// What the feed tells.
#[derive(Debug)]
pub enum FeedEvent {
    /// The connection stands: what is read from now on is live.
    Connected,
    /// Changes may have been missed: read everything anew. Comes after each new connection, and
    /// whenever the feed cannot say what changed.
    Resync,
    /// Records that changed, each once and with its last version, oldest change first.
    Changes(Vec<Change>),
    /// Somebody has come to a record, or left one.
    Presence,
    /// The connection is gone, or the server does not answer. Repeated with each failed try to
    /// connect, until [`FeedEvent::Connected`].
    Lost {
        /// When the server last answered.
        since: Instant,
        /// What the latest try met.
        error: DbError,
    },
}

/// One record that changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    /// Kind of the record, such as `order`.
    pub kind: String,
    /// Its primary key.
    pub id: i64,
    /// Its version after the change.
    pub version: i64,
}

/// The receiving end of the feed. Dropped, the feed ends.
#[derive(Debug)]
pub struct Feed {
    events: mpsc::Receiver<FeedEvent>,
}

impl Feed {
    /// Starts to follow the database, in a task and on a connection of its own, and reconnects
    /// for as long as this value lives.
    pub fn start(db: Db) -> Self {
        let (sender, events) = mpsc::channel(16);
        let follower = Follower {
            db,
            events: sender,
            answered: Instant::now(),
            retry: FIRST_RETRY,
        };
        tokio::spawn(follower.run());
        Self { events }
    }

    /// The next event. Can be given up at any time without losing one.
    pub async fn next(&mut self) -> FeedEvent {
        match self.events.recv().await {
            Some(event) => event,
            // The task ends before its receiver only when the runtime does.
            None => std::future::pending().await,
        }
    }
}

/// Rings the doorbell, in a transaction of its own that waits for no disk: readers then look at
/// once instead of within a second. To be called after a commit; a bell that fails loses
/// nothing but time.
pub async fn ring(db: &Db) -> Result<(), DbError> {
    db.call(Duration::from_secs(2), |connection| {
        Box::pin(async move {
            connection
                .execute(
                    "begin; set local synchronous_commit = off; notify packline_change; commit",
                )
                .await?;
            Ok(())
        })
    })
    .await
}

/// Why a connection was left.
enum End {
    Failed(DbError),
    /// Nobody listens any more.
    Unheard,
}

impl<E: Into<DbError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

struct Follower {
    db: Db,
    events: mpsc::Sender<FeedEvent>,
    /// When the server last answered.
    answered: Instant,
    retry: Duration,
}

impl Follower {
    async fn run(mut self) {
        loop {
            let Err(end) = self.follow().await;
            let End::Failed(error) = end else { return };
            let since = self.answered;
            if self.tell(FeedEvent::Lost { since, error }).await.is_err() {
                return;
            }
            sleep(spread(self.retry)).await;
            self.retry = (self.retry * 2).min(LAST_RETRY);
        }
    }

    /// One connection, from LISTEN to its end.
    async fn follow(&mut self) -> Result<Infallible, End> {
        let mut listener = self.db.listener().await?;
        // The bell first, then the cursor, then the reader's own look: whatever commits after
        // any of them is seen by the next.
        within(DEAD, listener.listen_all([CHANNEL, PRESENCE])).await?;
        let mut cursor = within(DEAD, Cursor::now(&mut listener)).await?;
        self.answered = Instant::now();
        self.tell(FeedEvent::Connected).await?;
        self.tell(FeedEvent::Resync).await?;
        loop {
            self.wait_for_bell(&mut listener).await?;
            let look = self.look(&mut listener, &cursor).await?;
            self.retry = FIRST_RETRY;
            if let Some(event) = look.event {
                self.tell(event).await?;
            }
            cursor = look.cursor;
        }
    }

    /// Returns at a bell, or after [`POLL`].
    ///
    /// A listener that reconnects by itself must not be given up while it waits, or the news
    /// that it had lost its connection is lost. Ours does not reconnect, and then nothing is
    /// taken from the socket before a whole message is there.
    async fn wait_for_bell(&self, listener: &mut PgListener) -> Result<(), End> {
        let earliest = tokio::time::Instant::from_std(self.answered + GAP);
        let poll = tokio::time::Instant::now() + POLL;
        loop {
            match timeout_at(poll, listener.try_recv()).await {
                Ok(Ok(Some(bell))) if bell.channel() == PRESENCE => {
                    self.tell(FeedEvent::Presence).await?;
                }
                Ok(Ok(Some(_))) | Err(_) => break,
                Ok(Ok(None)) => {
                    return Err(DbError::Lost("the server closed it".to_owned()).into());
                }
                Ok(Err(error)) => return Err(error.into()),
            }
        }
        sleep_until(earliest).await;
        let mut moved = false;
        while let Some(bell) = listener.next_buffered() {
            moved |= bell.channel() == PRESENCE;
        }
        if moved {
            self.tell(FeedEvent::Presence).await?;
        }
        if self.events.is_closed() {
            return Err(End::Unheard);
        }
        Ok(())
    }

    async fn look(&mut self, listener: &mut PgListener, cursor: &Cursor) -> Result<Look, End> {
        let mut answer = pin!(cursor.look(listener));
        let look = if let Ok(look) = timeout(SLOW, &mut answer).await {
            look?
        } else {
            let since = self.answered;
            let error = DbError::Deadline(SLOW);
            self.tell(FeedEvent::Lost { since, error }).await?;
            let look = within(DEAD, answer).await?;
            // The connection held and the cursor is good: nothing was missed.
            self.tell(FeedEvent::Connected).await?;
            look
        };
        self.answered = Instant::now();
        Ok(look)
    }

    async fn tell(&self, event: FeedEvent) -> Result<(), End> {
        self.events.send(event).await.map_err(|_| End::Unheard)
    }
}

/// Bounds a wait for an answer.
async fn within<T, E: Into<DbError>>(
    limit: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, DbError> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(DbError::Deadline(limit)),
    }
}

/// Between half and all of `wait`: consoles that lost one server do not all come back at once.
fn spread(wait: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) % 1000;
    wait / 2 + wait * random as u32 / 2000
}

/// What a reader has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    /// `pg_current_snapshot()` as text: `xmin:xmax:xid,xid,…`.
    snapshot: String,
    /// The first eight digits of the WAL file's name. It changes with a failover; transaction
    /// ids are then used again, and the snapshot means nothing any more.
    timeline: String,
    /// The smallest transaction id of which the feed still kept every change.
    horizon: u64,
}

/// The result of one look.
struct Look {
    cursor: Cursor,
    event: Option<FeedEvent>,
}

/// The cursor's columns, in every row, and a change's, absent where there is none.
struct Row {
    snapshot: String,
    timeline: String,
    horizon: String,
    seq: Option<i64>,
    kind: Option<String>,
    id: Option<i64>,
    version: Option<i64>,
}

impl Cursor {
    async fn now(listener: &mut PgListener) -> Result<Self, DbError> {
        let row = sqlx::query!(
            r#"select pg_current_snapshot()::text as "snapshot!",
                      left(pg_walfile_name(pg_current_wal_lsn()), 8) as "timeline!",
                      change_horizon()::text as "horizon!""#,
        )
        .fetch_one(listener)
        .await?;
        Self::read(row.snapshot, row.timeline, &row.horizon)
    }

    fn read(snapshot: String, timeline: String, horizon: &str) -> Result<Self, DbError> {
        Ok(Self {
            snapshot,
            timeline,
            horizon: horizon
                .parse()
                .map_err(|error| DbError::Other(sqlx::Error::Decode(Box::new(error))))?,
        })
    }

    /// The changes that this cursor could not see, and the cursor that saw them: one statement,
    /// because two would see two states of the database.
    async fn look(&self, listener: &mut PgListener) -> Result<Look, DbError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select reader.snapshot as "snapshot!", reader.timeline as "timeline!",
                      reader.horizon as "horizon!", change.seq as "seq?", change.kind as "kind?",
                      change.id as "id?", change.version as "version?"
                 from (select pg_current_snapshot()::text as snapshot,
                              left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline,
                              change_horizon()::text as horizon) as reader
                 left join (select seq, kind, id, version
                              from change
                             where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                               and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
                             limit $2) as change on true"#,
            self.snapshot,
            BATCH + 1,
        )
        .fetch_all(listener)
        .await?;
        let Some(first) = rows.first() else {
            return Err(DbError::Other(sqlx::Error::RowNotFound));
        };
        let cursor = Self::read(
            first.snapshot.clone(),
            first.timeline.clone(),
            &first.horizon,
        )?;
        let event = if !cursor.follows(self) || rows.len() as i64 > BATCH {
            Some(FeedEvent::Resync)
        } else {
            let changes = coalesced(rows);
            (!changes.is_empty()).then_some(FeedEvent::Changes(changes))
        };
        Ok(Look { cursor, event })
    }

    /// Whether all that `earlier` could not see was still there to be read.
    ///
    /// The horizon counts only where it moved in between: beside a transaction that has been
    /// open for longer than the feed keeps, every snapshot begins below it.
    fn follows(&self, earlier: &Self) -> bool {
        let kept = self.horizon == earlier.horizon || earlier.xmin() >= self.horizon;
        self.timeline == earlier.timeline && kept
    }

    /// The oldest transaction that was still running.
    fn xmin(&self) -> u64 {
        let xmin = self.snapshot.split(':').next();
        xmin.and_then(|xmin| xmin.parse().ok()).unwrap_or(0)
    }
}

/// The last change of each record, in the order of these last changes.
fn coalesced(mut rows: Vec<Row>) -> Vec<Change> {
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.seq));
    let mut seen = HashSet::new();
    let mut changes: Vec<Change> = rows
        .into_iter()
        .filter_map(|row| {
            Some(Change {
                kind: row.kind?,
                id: row.id?,
                version: row.version?,
            })
        })
        .filter(|change| seen.insert((change.kind.clone(), change.id)))
        .collect();
    changes.reverse();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(snapshot: &str, timeline: &str, horizon: u64) -> Cursor {
        Cursor {
            snapshot: snapshot.to_owned(),
            timeline: timeline.to_owned(),
            horizon,
        }
    }

    fn row(seq: i64, kind: &str, id: i64, version: i64) -> Row {
        Row {
            snapshot: "10:20:".to_owned(),
            timeline: "00000001".to_owned(),
            horizon: "0".to_owned(),
            seq: Some(seq),
            kind: Some(kind.to_owned()),
            id: Some(id),
            version: Some(version),
        }
    }

    #[test]
    fn each_record_comes_once_with_its_last_version() {
        let rows = vec![
            row(3, "order", 1, 3),
            row(1, "order", 1, 2),
            row(2, "shipment", 1, 7),
            row(4, "order", 2, 1),
        ];
        let changes: Vec<_> = coalesced(rows)
            .into_iter()
            .map(|change| (change.kind, change.id, change.version))
            .collect();
        let expected = [("shipment", 1, 7), ("order", 1, 3), ("order", 2, 1)];
        assert_eq!(
            changes,
            expected.map(|(kind, id, version)| (kind.to_owned(), id, version))
        );
    }

    #[test]
    fn a_look_without_changes_has_one_row_and_no_change() {
        let mut empty = row(0, "", 0, 0);
        (empty.seq, empty.kind, empty.id, empty.version) = (None, None, None, None);
        assert!(coalesced(vec![empty]).is_empty());
    }

    #[test]
    fn another_timeline_breaks_the_thread() {
        let before = cursor("10:20:12", "00000001", 0);
        assert!(cursor("15:30:", "00000001", 0).follows(&before));
        assert!(!cursor("15:30:", "00000002", 0).follows(&before));
    }

    #[test]
    fn changes_that_were_dropped_unseen_break_the_thread() {
        let before = cursor("10:20:12", "00000001", 0);
        assert!(
            cursor("15:30:", "00000001", 10).follows(&before),
            "all from 10 on is kept"
        );
        assert!(
            !cursor("15:30:", "00000001", 11).follows(&before),
            "10 may be gone"
        );
    }

    #[test]
    fn a_transaction_open_for_longer_than_the_feed_keeps_does_not_resynchronize_again_and_again() {
        let before = cursor("10:20:10", "00000001", 15);
        assert!(cursor("10:30:10", "00000001", 15).follows(&before));
    }

    #[test]
    fn waits_are_spread_and_bounded() {
        for _ in 0..1000 {
            let wait = spread(LAST_RETRY);
            assert!(wait >= LAST_RETRY / 2 && wait < LAST_RETRY, "{wait:?}");
        }
    }
}
