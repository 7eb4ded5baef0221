//! The change feed against a real server: nothing missed, nothing twice, and the truth about the
//! connection.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use packline::store::db::{Db, DbError, Settings};
use packline::store::feed::{self, Feed, FeedEvent};
use sqlx::{Connection as _, Executor as _};
use tokio::time::timeout;

use crate::harness;
use crate::network::Line;

const WRITERS: i64 = 16;
const TRANSACTIONS: i64 = 100;
const LIMIT: Duration = Duration::from_secs(30);

fn handle(url: &str, max_connections: usize) -> Db {
    let settings = Settings {
        max_connections,
        ..Settings::new("feed test")
    };
    Db::new(url.parse().expect("a database URL"), settings)
}

async fn next(feed: &mut Feed) -> FeedEvent {
    let event = timeout(LIMIT, feed.next()).await;
    event.expect("the feed tells something")
}

/// Starts a feed and waits until it is live.
async fn live(db: &Db) -> Feed {
    let mut feed = Feed::start(db.clone());
    match next(&mut feed).await {
        FeedEvent::Connected => {}
        other => panic!("the server is there, but: {other:?}"),
    }
    assert!(matches!(next(&mut feed).await, FeedEvent::Resync));
    feed
}

/// Writes one change in a transaction of its own, which stays open for `open`.
async fn write(db: &Db, id: i64, open: Duration, keep: bool) -> Result<(), DbError> {
    let outcome = db
        .transaction(LIMIT, move |connection| {
            Box::pin(async move {
                sqlx::query("insert into change (kind, id, version) values ('test', $1, 1)")
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("select pg_sleep($1)")
                    .bind(open.as_secs_f64())
                    .execute(connection)
                    .await?;
                if keep { Ok(()) } else { Err(DbError::Closed) }
            })
        })
        .await;
    match outcome {
        Err(DbError::Closed) if !keep => Ok(()),
        outcome => outcome,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are part of the result")]
async fn a_reader_sees_every_committed_change_once() {
    let database = harness::database().await;
    let db = handle(&database.url, WRITERS as usize + 2);
    let mut feed = live(&db).await;

    let committed = Arc::new(Mutex::new(HashMap::new()));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 1..=WRITERS {
        let (db, committed) = (db.clone(), Arc::clone(&committed));
        writers.spawn(async move {
            for number in 0..TRANSACTIONS {
                let id = writer * 1_000_000 + number;
                // Some are open a little longer, so that they commit in another order than
                // they wrote; some roll back.
                let open = Duration::from_millis(((writer + number) % 4) as u64);
                let keep = number % 10 != 0;
                write(&db, id, open, keep).await.expect("writing");
                if keep {
                    committed.lock().expect("a lock").insert(id, Instant::now());
                    feed::ring(&db).await.expect("ringing");
                }
            }
        });
    }
    // Written first, committed last, and without a bell.
    let (db_of_slow, committed_by_slow) = (db.clone(), Arc::clone(&committed));
    writers.spawn(async move {
        write(&db_of_slow, 1, Duration::from_secs(2), true)
            .await
            .expect("writing");
        committed_by_slow
            .lock()
            .expect("a lock")
            .insert(1, Instant::now());
    });

    let mut seen: HashMap<i64, (u32, Instant)> = HashMap::new();
    let expected = (WRITERS * TRANSACTIONS * 9 / 10 + 1) as usize;
    while seen.len() < expected {
        match next(&mut feed).await {
            FeedEvent::Changes(changes) => {
                for change in changes {
                    seen.entry(change.id).or_insert((0, Instant::now())).0 += 1;
                }
            }
            other => panic!("the connection stood, but: {other:?}"),
        }
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("a writer");
    }
    // Whatever comes late comes with the next look.
    if let Ok(event) = timeout(Duration::from_millis(1500), feed.next()).await {
        panic!("everything was seen, and then came {event:?}");
    }

    let committed = committed.lock().expect("a lock").clone();
    let twice: Vec<_> = seen.iter().filter(|(_, (times, _))| *times != 1).collect();
    assert!(twice.is_empty(), "seen more than once: {twice:?}");
    assert_eq!(
        seen.keys().copied().collect::<HashSet<_>>(),
        committed.keys().copied().collect::<HashSet<_>>()
    );
    let mut waits: Vec<Duration> = committed
        .iter()
        .filter(|(id, _)| **id != 1)
        .map(|(id, at)| seen[id].1.saturating_duration_since(*at))
        .collect();
    waits.sort_unstable();
    println!(
        "from commit to event, {} changes by {WRITERS} writers: median {:?}, p99 {:?}, most {:?}",
        waits.len(),
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
        waits[waits.len() - 1]
    );
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are part of the result")]
async fn a_killed_server_is_reported_and_nothing_is_lost_over_the_reconnect() {
    let server = harness::dedicated_server();
    let database = server.database().await;
    let db = handle(&database.url, 4);
    let mut feed = live(&db).await;

    write(&db, 1, Duration::ZERO, true).await.expect("writing");
    feed::ring(&db).await.expect("ringing");
    let mut seen = HashSet::new();
    while !seen.contains(&1) {
        match next(&mut feed).await {
            FeedEvent::Changes(changes) => seen.extend(changes.iter().map(|change| change.id)),
            other => panic!("the connection stood, but: {other:?}"),
        }
    }

    // Committed, and the server is killed before anybody looked.
    write(&db, 2, Duration::ZERO, true).await.expect("writing");
    let killed = Instant::now();
    tokio::task::block_in_place(|| server.kill());
    loop {
        match next(&mut feed).await {
            FeedEvent::Changes(changes) => seen.extend(changes.iter().map(|change| change.id)),
            FeedEvent::Lost { since, error } => {
                assert!(since <= Instant::now());
                println!(
                    "a killed server: reported after {:?}: {error}",
                    killed.elapsed()
                );
                break;
            }
            other => panic!("the server was killed, but: {other:?}"),
        }
    }
    assert!(
        killed.elapsed() < Duration::from_secs(2),
        "{:?}",
        killed.elapsed()
    );

    tokio::task::block_in_place(|| server.start());
    let back = Instant::now();
    loop {
        match next(&mut feed).await {
            FeedEvent::Lost { error, .. } => assert!(error.is_outage(), "{error:?}"),
            FeedEvent::Connected => break,
            other => panic!("not connected yet, but: {other:?}"),
        }
    }
    println!("a server that is back: live after {:?}", back.elapsed());
    assert!(matches!(next(&mut feed).await, FeedEvent::Resync));
    let all: Vec<i64> = db
        .call(LIMIT, |connection| {
            Box::pin(async move {
                Ok(
                    sqlx::query_scalar("select id from change where kind = 'test'")
                        .fetch_all(connection)
                        .await?,
                )
            })
        })
        .await
        .expect("reading everything anew");
    seen.extend(all);
    write(&db, 3, Duration::ZERO, true).await.expect("writing");
    while !seen.contains(&3) {
        match next(&mut feed).await {
            FeedEvent::Changes(changes) => seen.extend(changes.iter().map(|change| change.id)),
            other => panic!("the connection stood, but: {other:?}"),
        }
    }
    assert_eq!(seen, HashSet::from([1, 2, 3]));
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are part of the result")]
async fn a_line_that_goes_silent_is_reported_and_a_short_silence_costs_no_resync() {
    let database = harness::database().await;
    let line = Line::to(&database);
    let near = handle(&database.url, 2);
    let far = handle(&line.url, 2);
    let mut feed = live(&far).await;

    let silent = Instant::now();
    line.hold();
    match next(&mut feed).await {
        FeedEvent::Lost { error, .. } => assert!(error.is_outage(), "{error:?}"),
        other => panic!("the line is silent, but: {other:?}"),
    }
    println!("a silent line: reported after {:?}", silent.elapsed());
    assert!(
        silent.elapsed() < Duration::from_secs(2),
        "{:?}",
        silent.elapsed()
    );

    write(&near, 1, Duration::ZERO, true)
        .await
        .expect("writing");
    line.release();
    assert!(matches!(next(&mut feed).await, FeedEvent::Connected));
    match next(&mut feed).await {
        FeedEvent::Changes(changes) => assert_eq!(changes[0].id, 1),
        other => panic!("a change was made, but: {other:?}"),
    }

    line.cut();
    assert!(matches!(next(&mut feed).await, FeedEvent::Lost { .. }));
    line.release();
    loop {
        match next(&mut feed).await {
            FeedEvent::Lost { .. } => {}
            FeedEvent::Connected => break,
            other => panic!("not connected yet, but: {other:?}"),
        }
    }
    assert!(matches!(next(&mut feed).await, FeedEvent::Resync));
    drop(feed);
    near.close().await;
    far.close().await;
}

#[tokio::test]
async fn a_change_by_plain_sql_is_seen_within_the_poll() {
    let database = harness::database().await;
    let db = handle(&database.url, 2);
    let mut feed = live(&db).await;
    let mut psql = database.connect().await;
    let written = Instant::now();
    sqlx::query("insert into packline.change (kind, id, version) values ('test', 7, 1)")
        .execute(&mut psql)
        .await
        .expect("writing");
    match next(&mut feed).await {
        FeedEvent::Changes(changes) => assert_eq!(changes[0].id, 7),
        other => panic!("a change was made, but: {other:?}"),
    }
    assert!(
        written.elapsed() < Duration::from_millis(1500),
        "{:?}",
        written.elapsed()
    );
    psql.close().await.expect("closing");
    db.close().await;
}

#[tokio::test]
async fn the_feed_asks_for_a_resync_where_it_cannot_say_what_changed() {
    let database = harness::database().await;
    let db = handle(&database.url, 2);
    let mut feed = live(&db).await;
    let mut psql = database.connect().await;

    let many = "insert into packline.change (kind, id, version)
                select 'test', n, 1 from generate_series(1, 10001) n";
    psql.execute(many).await.expect("writing");
    let event = next(&mut feed).await;
    assert!(
        matches!(event, FeedEvent::Resync),
        "too many to list: {event:?}"
    );

    // As when a partition is dropped that somebody may not have read.
    let forget = "update packline.change_kept
                     set horizon = (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 10)::text::xid8";
    psql.execute(forget).await.expect("writing");
    let event = next(&mut feed).await;
    assert!(
        matches!(event, FeedEvent::Resync),
        "dropped unread: {event:?}"
    );

    psql.execute("insert into packline.change (kind, id, version) values ('test', 5, 2)")
        .await
        .expect("writing");
    match next(&mut feed).await {
        FeedEvent::Changes(changes) => assert_eq!((changes[0].id, changes[0].version), (5, 2)),
        other => panic!("a change was made, but: {other:?}"),
    }
    psql.close().await.expect("closing");
    db.close().await;
}
