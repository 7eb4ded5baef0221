//! Jobs and orders a second of one worker, against `pgbench` with one client on the same server that
//! sends the same statements: those of a job, and those that a worker sent for the same orders, taken
//! from the server's log. Beside them, updates of one row of a bare table.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use chrono::{TimeDelta, Utc};
use packline::actions::import::{self, Run, Stop};
use packline::actions::letters::Desk;
use packline::automation::Worker;
use packline::output::notices::Templates;
use packline::store::db::Db;
use packline::store::local::Durability;
use sqlx::{Executor as _, PgConnection};

use crate::harness::TestDatabase;
use crate::harness::server::server_with;
use crate::report::{ratio, table};
use crate::{connect, durability, handle, replay};

/// Jobs that each of the two does; `PACKLINE_BENCH_JOBS` makes do with fewer.
const JOBS: u32 = 5_000;

/// What a job is in the database where there is nothing to do: it is claimed, completed together with
/// what it does, and that is to look for its order.
const JOB: &str = "\
begin;
update jobs set lease_until = clock_timestamp() + interval '15 s', fence = fence + 1, attempts = attempts + 1
where id in (select id from jobs where dead_at is null and run_at <= clock_timestamp()
  and (lease_until is null or lease_until < clock_timestamp()) and (kind = 'label') = false
  order by run_at, id limit 1 for update skip locked)
returning id as job, kind, subject_kind, subject_id as subject, attempts, fence, begun_at is not null as in_doubt \\gset
commit;
begin;
update jobs set run_at = clock_timestamp() + every, lease_until = null, attempts = 0, error = null
where id = :job and fence = :fence and every is not null;
delete from jobs where id = :job and fence = :fence returning dedupe_key;
delete from jobs where dead_at is not null and dedupe_key = 'order:' || :subject;
select id from orders where id = :subject for no key update;
set local statement_timeout = 0;
commit;
";
const UPDATE: &str = "begin;\nupdate bare set n = n + 1 where id = 1;\ncommit;\n";

pub(crate) async fn run() {
    let jobs = std::env::var("PACKLINE_BENCH_JOBS")
        .ok()
        .and_then(|jobs| jobs.parse().ok())
        .unwrap_or(JOBS);
    let server = server_with(Durability::Safe);
    let database = server.database().await;
    let mut connection = connect(&database).await;
    let setting = format!(
        "{}; one worker; pgbench with one client and prepared statements",
        durability(&mut connection).await
    );
    connection
        .execute("create table bare (id bigint primary key, n bigint not null); insert into bare values (1, 0)")
        .await
        .expect("a bare table");
    let db = handle(&database, 2).await;
    let worker = worker(&db);
    worker.drain().await.expect("what every shop has to do");

    let pgbench = pgbench(&mut connection).await;
    let bare = rate(&pgbench, &database, "prepared", UPDATE, jobs);
    enqueue(&mut connection, jobs).await;
    let by_hand = rate(&pgbench, &database, "prepared", JOB, jobs);
    let left: i64 = sqlx::query_scalar("select count(*) from jobs where every is null")
        .fetch_one(&mut connection)
        .await
        .expect("what is left");
    assert_eq!(left, 0, "pgbench did them all");

    enqueue(&mut connection, jobs).await;
    let start = Instant::now();
    let tally = worker.drain().await.expect("the jobs");
    assert_eq!((tally.done, tally.failed), (jobs.into(), 0));
    let done = f64::from(jobs) / start.elapsed().as_secs_f64();

    let (stop, mut quiet) = (Stop::default(), |_: &import::Summary| {});
    let run = Run {
        db: &db,
        stop: &stop,
        progress: &mut quiet,
    };
    let catalog = include_bytes!("../../assets/demo/catalog.csv");
    import::catalog::import(run, &catalog[..], "catalog.csv")
        .await
        .expect("a catalogue");
    let run = Run {
        db: &db,
        stop: &stop,
        progress: &mut quiet,
    };
    let orders = include_bytes!("../../assets/demo/orders.csv");
    let read = import::orders::import(run, &orders[..], "orders.csv", "shop")
        .await
        .expect("orders");
    let orders = u32::try_from(read.created).expect("some hundred orders");
    drop((worker, db, connection));
    let copies = [database.copy().await, database.copy().await];
    let [recorded, replayed] = &copies;
    replay::record(&server, recorded).await;
    drain(recorded).await;
    let script = replay::script(recorded, "packline bench").await;
    let again = 1.0 / rate(&pgbench, replayed, "simple", &script, 1);
    assert_eq!(
        history(replayed).await,
        history(recorded).await,
        "both wrote the same"
    );
    let ready = f64::from(orders) / drain(&database).await;
    let again = f64::from(orders) / again;

    table(
        "The worker",
        &setting,
        ["", "a second", "against pgbench", "against bare updates"],
        &[
            row("pgbench: begin; update one row; commit", bare, bare, bare),
            row("pgbench: the statements of a job", by_hand, by_hand, bare),
            row("jobs that find nothing to do", done, by_hand, bare),
            row("pgbench: the statements of the orders", again, again, bare),
            row("orders from intake to ready or waiting", ready, again, bare),
        ],
    );
}

/// A worker that holds its mails for an hour.
fn worker(db: &Db) -> Worker {
    let desk = Desk {
        templates: Templates::built_in(),
        shop: "Bench".to_owned(),
        address: Vec::new(),
        labels: false,
        hold: TimeDelta::hours(1),
        carriers: false,
    };
    Worker::new(db.clone(), desk, None, Utc::now)
}

/// Does what is due. The seconds that it takes.
async fn drain(database: &TestDatabase) -> f64 {
    let db = handle(database, 2).await;
    let worker = worker(&db);
    let start = Instant::now();
    let tally = worker.drain().await.expect("the orders' jobs");
    assert_eq!(tally.failed, 0);
    start.elapsed().as_secs_f64()
}

/// How many changes of records the history holds.
async fn history(database: &TestDatabase) -> i64 {
    let mut connection = connect(database).await;
    let count = sqlx::query_scalar("select count(*) from activity").fetch_one(&mut connection);
    count.await.expect("the history")
}

fn row(what: &str, rate: f64, by_hand: f64, bare: f64) -> [String; 4] {
    [
        what.to_owned(),
        format!("{rate:.1}"),
        ratio(rate / by_hand),
        ratio(rate / bare),
    ]
}

/// Looks at orders that there are not.
async fn enqueue(connection: &mut PgConnection, jobs: u32) {
    sqlx::query(
        "insert into jobs (kind, subject_kind, subject_id, dedupe_key)
         select 'order', 'order', n, 'order:' || n from generate_series(1000001, 1000000 + $1) n",
    )
    .bind(i64::from(jobs))
    .execute(connection)
    .await
    .expect("jobs");
}

/// The server's own `pgbench`, else whichever is found.
async fn pgbench(connection: &mut PgConnection) -> PathBuf {
    let dir: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(connection)
        .await
        .expect("where the server's programs are");
    let beside = PathBuf::from(dir).join("pgbench");
    if beside.exists() {
        beside
    } else {
        "pgbench".into()
    }
}

/// How often a second `pgbench` runs a script.
fn rate(pgbench: &Path, database: &TestDatabase, protocol: &str, script: &str, times: u32) -> f64 {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, script).expect("a script");
    let at = &database.options;
    let socket = at.get_socket().map(|dir| dir.display().to_string());
    let host = socket.unwrap_or_else(|| at.get_host().to_owned());
    let output = Command::new(pgbench)
        .args(["--no-vacuum", "--protocol", protocol, "--transactions"])
        .arg(times.to_string())
        .arg("--file")
        .arg(file.path())
        .args(["--host", &host, "--port", &at.get_port().to_string()])
        .args(["--username", at.get_username(), &database.name])
        .env("PGOPTIONS", "-c search_path=packline,pg_catalog")
        .output()
        .expect("pgbench: it is a part of Postgres");
    let said = String::from_utf8_lossy(&output.stdout);
    let tps = said
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    assert!(
        output.status.success(),
        "pgbench: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    tps.unwrap_or_else(|| panic!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr)))
}
