//! From a commit to those who watch, against the bare round trip of LISTEN and NOTIFY between two
//! connections to the same server.

use std::time::{Duration, Instant};

use packline::store::feed::{self, Feed, FeedEvent};
use packline::store::local::Durability;
use sqlx::postgres::{PgConnection, PgListener};
use tokio::time::{sleep, timeout};

use crate::harness::server::server_with;
use crate::harness::{TestDatabase, Volume};
use crate::report::{Samples, table};
use crate::screen::Screen;
use crate::{connect, durability, handle};

const ROUNDS: usize = 300;
/// Between two rounds: longer than a frame, so that each finds the console at rest.
const PAUSE: Duration = Duration::from_millis(23);
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run() {
    let server = server_with(Durability::Safe);
    let database = server.database().await;
    let mut connection = connect(&database).await;
    let volume = Volume {
        products: 200,
        closed: 2_000,
        open: 500,
    };
    volume.fill(&mut connection).await;
    let setting = format!(
        "{}; {ROUNDS} commits, one at a time, each a change of one order",
        durability(&mut connection).await
    );
    let raw = raw_notify(&database, &mut connection).await;
    let feed = commit_to_feed(&database, &mut connection).await;
    let screen = commit_to_screen(&database, &mut connection).await;
    let row = |what: &str, samples: &Samples| {
        let [median, p99] = samples.told();
        [what.to_owned(), median, p99, samples.against(&raw)]
    };
    table(
        "Commit to screen",
        &setting,
        ["", "median", "p99", "against NOTIFY"],
        &[
            row("bare NOTIFY to LISTEN, two connections", &raw),
            row("commit to the feed's event in another program", &feed),
            row("commit to bytes on another console's terminal", &screen),
        ],
    );
}

async fn raw_notify(database: &TestDatabase, connection: &mut PgConnection) -> Samples {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(database.options.clone());
    let mut listener = PgListener::connect_with(&pool).await.expect("a listener");
    listener.listen("bench").await.expect("LISTEN");
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        let sent = Instant::now();
        sqlx::query("notify bench")
            .execute(&mut *connection)
            .await
            .expect("NOTIFY");
        timeout(LIMIT, listener.recv())
            .await
            .expect("in time")
            .expect("a notification");
        samples.push(sent.elapsed());
        sleep(PAUSE).await;
    }
    samples
}

/// Renames the first order of the list and says when that was committed.
async fn rename(connection: &mut PgConnection, id: i64, name: &str) -> Instant {
    sqlx::query("update orders set customer_name = $2 where id = $1")
        .bind(id)
        .bind(name)
        .execute(connection)
        .await
        .expect("a change");
    Instant::now()
}

async fn first_order(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select id from orders
         where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
         order by due_at, id limit 1",
    )
    .fetch_one(connection)
    .await
    .expect("an open order")
}

async fn commit_to_feed(database: &TestDatabase, connection: &mut PgConnection) -> Samples {
    let db = handle(database, 2).await;
    let mut feed = Feed::start(handle(database, 2).await);
    let order = first_order(connection).await;
    while !matches!(next(&mut feed).await, FeedEvent::Resync) {}
    let mut samples = Samples::default();
    for round in 0..ROUNDS {
        let committed = rename(connection, order, &format!("Name {round}")).await;
        feed::ring(&db).await.expect("the bell");
        loop {
            match next(&mut feed).await {
                FeedEvent::Changes(changes) if changes.iter().any(|c| c.id == order) => break,
                _ => {}
            }
        }
        samples.push(committed.elapsed());
        sleep(PAUSE).await;
    }
    samples
}

async fn next(feed: &mut Feed) -> FeedEvent {
    timeout(LIMIT, feed.next()).await.expect("an event in time")
}

async fn commit_to_screen(database: &TestDatabase, connection: &mut PgConnection) -> Samples {
    let db = handle(database, 2).await;
    let order = first_order(connection).await;
    rename(connection, order, "Before").await;
    let url = database.url.clone();
    let mut screen = tokio::task::spawn_blocking(move || {
        let program = env!("CARGO_BIN_EXE_packline");
        let mut screen = Screen::start(program, &["--database-url", &url], (40, 140));
        screen.shows("Before");
        screen
    })
    .await
    .expect("the console");
    let mut samples = Samples::default();
    for round in 0..ROUNDS {
        let name = format!("N{round:05}");
        let committed = rename(connection, order, &name).await;
        feed::ring(&db).await.expect("the bell");
        let shown;
        (screen, shown) = tokio::task::spawn_blocking(move || {
            let shown = screen.shows(&name);
            (screen, shown)
        })
        .await
        .expect("the screen");
        samples.push(shown.saturating_duration_since(committed));
        sleep(PAUSE).await;
    }
    samples
}
