//! The database handle where things go wrong: deadlines, callers that go away, broken lines,
//! refusals, and a schema that does not fit.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use packline::domain::people::Role;
use packline::store::db::{Db, DbError, Settings};
use packline::store::migrations::{self, MIGRATOR, SchemaMismatch};
use packline::store::people;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::timeout;

use crate::harness;
use crate::network::Line;

const LIMIT: Duration = Duration::from_secs(20);

fn handle(url: &str, max_connections: usize) -> Db {
    let settings = Settings {
        max_connections,
        ..Settings::new("db test")
    };
    Db::new(url.parse().expect("a database URL"), settings)
}

async fn connect_error(url: &str) -> String {
    let url = url.parse().expect("a database URL");
    let error = Db::connect(url, Settings::new("db test")).await;
    error.expect_err("nothing to connect to").to_string()
}

/// Runs one statement.
async fn run(db: &Db, statement: &'static str) -> Result<(), DbError> {
    db.call(LIMIT, move |connection| {
        Box::pin(async move {
            connection.execute(statement).await?;
            Ok(())
        })
    })
    .await
}

async fn number(db: &Db, question: &'static str) -> i64 {
    db.call(LIMIT, move |connection| {
        Box::pin(async move { Ok(sqlx::query_scalar(question).fetch_one(connection).await?) })
    })
    .await
    .expect(question)
}

#[tokio::test]
async fn a_session_has_our_settings() {
    let database = harness::database().await;
    let db = handle(&database.url, 1);
    let (path, name, limit): (String, String, String) = db
        .call(LIMIT, |connection| {
            Box::pin(async move {
                let settings = "select current_setting('search_path'), \
                     current_setting('application_name'), current_setting('statement_timeout')";
                Ok(sqlx::query_as(settings).fetch_one(connection).await?)
            })
        })
        .await
        .expect("the settings");
    assert_eq!(path, "packline,pg_catalog,pg_temp");
    assert_eq!(name, "packline db test");
    assert_eq!(limit, "30s");
    db.close().await;
    assert!(matches!(db.ping(LIMIT).await, Err(DbError::Closed)));
}

#[tokio::test]
async fn a_deadline_frees_the_caller_and_closes_the_connection() {
    let database = harness::database().await;
    let db = handle(&database.url, 1);
    let begun = Instant::now();
    let slow = db
        .call(Duration::from_millis(200), |connection| {
            Box::pin(async move {
                connection.execute("select pg_sleep(60) /* slow */").await?;
                Ok(())
            })
        })
        .await;
    assert!(matches!(slow, Err(DbError::Deadline(_))), "{slow:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    db.ping(LIMIT).await.expect("the only permit is free again");
    // The server notices that its client is gone.
    let gone = async {
        let still = "select count(*) from pg_stat_activity \
             where query like '%/* slow */' and pid <> pg_backend_pid()";
        while number(&db, still).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), gone)
        .await
        .expect("the server stops what nobody waits for");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_leave_no_transaction_to_the_next() {
    let database = harness::database().await;
    let db = handle(&database.url, 2);
    run(&db, "create table packline.trial (n int)")
        .await
        .expect("a table");
    for n in 0..100_u64 {
        let call = db.transaction(LIMIT, |connection| {
            Box::pin(async move {
                connection.execute("insert into trial values (1)").await?;
                Ok::<_, DbError>(())
            })
        });
        // Gone at every point from before BEGIN to after COMMIT.
        let _ = timeout(Duration::from_micros(n * 20), call).await;
        // Only a transaction that has written has an id.
        let inside = "select count(pg_current_xact_id_if_assigned()::text)";
        assert_eq!(
            number(&db, inside).await,
            0,
            "call {n} left its transaction open"
        );
    }
    db.close().await;
    // What was begun was done: no call is cancelled half-way.
    let mut psql = database.connect().await;
    let (written,): (i64,) = sqlx::query_as("select count(*) from packline.trial")
        .fetch_one(&mut psql)
        .await
        .expect("a count");
    assert_eq!(written, 100);
    psql.close().await.expect("closing");
}

#[tokio::test]
async fn a_failure_that_the_work_overlooked_is_not_taken_for_success() {
    let database = harness::database().await;
    let db = handle(&database.url, 1);
    let outcome: Result<(), DbError> = db
        .transaction(LIMIT, |connection| {
            Box::pin(async move {
                let _ = connection.execute("select 1/0").await;
                Ok(())
            })
        })
        .await;
    assert!(
        outcome.is_err(),
        "COMMIT of a failed transaction rolls back"
    );
    db.ping(LIMIT).await.expect("a fresh connection");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_answer_is_unknown_and_one_that_was_not_sent_is_not() {
    let database = harness::database().await;
    let line = Line::to(&database);
    let far = handle(&line.url, 1);
    let near = handle(&database.url, 1);
    run(&near, "create table packline.trial (n int)")
        .await
        .expect("a table");

    line.hold_at_commit();
    let unknown = insert(&far).await;
    assert!(matches!(unknown, Err(DbError::Unknown(_))), "{unknown:?}");
    assert_eq!(
        number(&near, "select count(*) from trial").await,
        1,
        "it was stored"
    );

    line.cut();
    let outage = insert(&far).await;
    assert!(
        matches!(&outage, Err(error) if error.is_outage()),
        "{outage:?}"
    );
    line.release();
    insert(&far).await.expect("the line is back");
    assert_eq!(number(&near, "select count(*) from trial").await, 2);
    far.close().await;
    near.close().await;
}

async fn insert(db: &Db) -> Result<(), DbError> {
    db.transaction(Duration::from_secs(1), |connection| {
        Box::pin(async move {
            connection.execute("insert into trial values (1)").await?;
            Ok(())
        })
    })
    .await
}

/// The test servers keep no log for a standby, so a trigger that runs at COMMIT stands in for the
/// server's own warning: both come between the statement and its answer.
#[tokio::test]
async fn a_commit_that_brings_a_warning_is_unknown() {
    let database = harness::database().await;
    let db = handle(&database.url, 1);
    run(
        &db,
        "create table packline.trial (n int);
         create function packline.warn() returns trigger language plpgsql as $$
             begin raise warning 'might not have been replicated'; return null; end $$;
         create constraint trigger late after insert on packline.trial
             deferrable initially deferred for each row when (new.n > 1)
             execute function packline.warn()",
    )
    .await
    .expect("a table");
    insert(&db).await.expect("no warning");
    let unknown: Result<(), DbError> = db
        .transaction(LIMIT, |connection| {
            Box::pin(async move {
                connection.execute("insert into trial values (2)").await?;
                Ok(())
            })
        })
        .await;
    assert!(matches!(unknown, Err(DbError::Unknown(_))), "{unknown:?}");
    assert_eq!(
        number(&db, "select count(*) from trial").await,
        2,
        "it was stored"
    );
    db.close().await;
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let database = harness::database().await;
    let db = handle(&database.url, 1);
    run(
        &db,
        "create table packline.trial (n int constraint trial_positive check (n > 0))",
    )
    .await
    .expect("a table");
    let error = run(&db, "insert into trial values (-1)")
        .await
        .expect_err("a check");
    assert_eq!(error.constraint(), Some("trial_positive"));
    let error = run(
        &db,
        "do $$ begin raise exception E'no more\\x1b[2J' using hint = 'try later', errcode = 'invalid_parameter_value'; end $$",
    )
    .await
    .expect_err("raised");
    assert!(matches!(error, DbError::Raised(_)), "{error:?}");
    let message = error.to_string();
    assert!(
        message.starts_with("no more") && message.ends_with("; try later"),
        "{message}"
    );
    assert!(!message.contains('\x1b'), "{message:?}");
    let error = run(&db, "set statement_timeout = 50; select pg_sleep(5)").await;
    assert!(matches!(error, Err(DbError::Cancelled(_))), "{error:?}");
    let error = run(&db, "begin read only; insert into trial values (1)").await;
    assert!(matches!(error, Err(DbError::ReadOnly(_))), "{error:?}");
    db.ping(LIMIT)
        .await
        .expect("the read-only connection was not kept");
    let error = run(
        &db,
        "set role packline_viewer; insert into act select from act",
    )
    .await;
    assert!(matches!(error, Err(DbError::Denied(_))), "{error:?}");
    db.close().await;
}

#[tokio::test]
async fn servers_are_tried_in_order_and_each_failure_says_what_to_do() {
    let database = harness::database().await;
    let options = &database.options;
    let directory = options
        .get_socket()
        .expect("a socket")
        .display()
        .to_string();
    let (user, port) = (options.get_username(), options.get_port());
    let url = |hosts: &str, name: &str| {
        format!(
            "postgres://{user}@/{name}?host={hosts}&port={port}&target_session_attrs=read-write"
        )
    };
    let name = &database.name;

    let db = handle(&url(&format!("/nowhere,{directory}"), name), 1);
    db.ping(LIMIT).await.expect("the second server");
    db.close().await;

    let error = connect_error(&url("/nowhere,127.0.0.1", name)).await;
    assert!(error.contains("/nowhere/.s.PGSQL"), "{error}");
    assert!(error.contains(&format!("; at 127.0.0.1:{port}")), "{error}");
    assert!(error.contains("is the server running"), "{error}");
    let error = connect_error(&url(&directory, "no_such_database")).await;
    assert!(error.contains("packline migrate"), "{error}");

    let mut psql = database.connect().await;
    let read_only = format!("alter database {name} set default_transaction_read_only = on");
    psql.execute(sqlx::AssertSqlSafe(read_only))
        .await
        .expect("a setting");
    let error = connect_error(&url(&directory, name)).await;
    assert!(error.contains("standby or set to read only"), "{error}");
    psql.close().await.expect("closing");
}

async fn mismatch(connection: &mut PgConnection) -> SchemaMismatch {
    migrations::check(connection)
        .await
        .expect_err("a schema that does not fit")
}

#[tokio::test]
async fn a_schema_that_does_not_fit_is_told_apart() {
    let database = harness::database().await;
    let mut psql = database.connect().await;
    migrations::check(&mut psql)
        .await
        .expect("the schema of this program");
    migrations::run(&mut psql).await.expect("nothing to do");

    let newest = MIGRATOR.iter().last().expect("a migration").version;
    let change = |statement: String| sqlx::AssertSqlSafe(statement);
    psql.execute("insert into packline.migration values (9999, 'later', now(), true, '', 0)")
        .await
        .expect("a row");
    assert!(matches!(
        mismatch(&mut psql).await,
        SchemaMismatch::Newer { found: 9999, .. }
    ));
    let refused = migrations::run(&mut psql)
        .await
        .expect_err("a newer schema");
    assert!(refused.to_string().contains("update packline"), "{refused}");
    psql.execute("delete from packline.migration where version = 9999")
        .await
        .expect("a row");

    let broken = format!("update packline.migration set checksum = '' where version = {newest}");
    psql.execute(change(broken)).await.expect("a row");
    assert!(
        matches!(mismatch(&mut psql).await, SchemaMismatch::Changed(version) if version == newest)
    );

    let undone = format!("delete from packline.migration where version = {newest}");
    psql.execute(change(undone)).await.expect("a row");
    assert!(
        matches!(mismatch(&mut psql).await, SchemaMismatch::Older { needed, .. } if needed == newest)
    );

    psql.execute("drop schema packline cascade")
        .await
        .expect("the schema goes");
    assert!(matches!(mismatch(&mut psql).await, SchemaMismatch::Missing));
    migrations::run(&mut psql).await.expect("a new start");
    migrations::check(&mut psql)
        .await
        .expect("the schema of this program");
    psql.close().await.expect("closing");
}

#[tokio::test]
async fn many_first_starts_at_once_all_find_a_schema_and_their_person() {
    let database = harness::database().await;
    let mut psql = database.connect().await;
    psql.execute("drop schema packline cascade")
        .await
        .expect("the schema goes");
    let starts = (0..8).map(|_| {
        let options = database.options.clone();
        let login = format!("{}_first", database.name);
        async move {
            let mut owner = PgConnection::connect_with(&options).await?;
            migrations::run(&mut owner).await?;
            people::add(&mut owner, &login, &login, &[Role::Admin], None).await?;
            Ok::<_, Box<dyn std::error::Error>>(())
        }
    });
    let ended = timeout(LIMIT, join_all(starts));
    for start in ended.await.expect("all in time") {
        start.expect("a start");
    }
}
