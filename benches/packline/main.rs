//! What Packline claims of its speed, each beside something known in the same run on the same
//! machine, as a ratio.
//!
//! `cargo bench` runs them all, `cargo bench -- latency acts` some. The million orders of `lists`
//! take some minutes to make; `PACKLINE_BENCH_ORDERS=50000` makes do with fewer.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "measurements ask the clock and print"
)]

mod acts;
mod busy;
mod imports;
mod keys;
mod latency;
mod lists;
mod replay;
mod report;
mod screen;
mod worker;

#[path = "../../tests/suite/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use all of it")]
mod harness;
#[path = "../../tests/suite/real_data.rs"]
mod real_data;

use sqlx::postgres::PgConnection;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    if is_wanted("latency") {
        runtime.block_on(latency::run());
    }
    if is_wanted("acts") {
        runtime.block_on(acts::run());
    }
    if is_wanted("import") {
        runtime.block_on(imports::run());
    }
    if is_wanted("worker") {
        runtime.block_on(worker::run());
    }
    if is_wanted("lists") {
        runtime.block_on(lists::run());
    }
}

/// A handle as the program's own.
async fn handle(database: &harness::TestDatabase, connections: usize) -> packline::store::db::Db {
    use packline::store::db::{Db, Settings};
    let url = database.url.parse().expect("the database's address");
    let settings = Settings {
        max_connections: connections,
        ..Settings::new("bench")
    };
    Db::connect(url, settings).await.expect("a connection")
}

/// A connection as the program's own, outside of its pool.
async fn connect(database: &harness::TestDatabase) -> PgConnection {
    let session = handle(database, 1).await.session().await;
    session.expect("a connection")
}

/// How the server writes, in words.
async fn durability(connection: &mut PgConnection) -> String {
    let (fsync, synchronous, version): (String, String, String) = sqlx::query_as(
        "select current_setting('fsync'), current_setting('synchronous_commit'),
                current_setting('server_version')",
    )
    .fetch_one(connection)
    .await
    .expect("the settings");
    format!("Postgres {version}, fsync {fsync}, synchronous_commit {synchronous}")
}
