//! Jobs and orders a second of one worker, against transactions that update one row of a bare table
//! on one connection of the same server.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use packline::actions::import::{self, Run, Stop};
use packline::actions::letters::Desk;
use packline::automation::Worker;
use packline::output::notices::Templates;
use packline::store::local::Durability;
use sqlx::Executor as _;

use crate::harness::server::server_with;
use crate::report::{ratio, table};
use crate::{connect, durability, handle};

const BARE_FOR: Duration = Duration::from_secs(3);
const JOBS: i32 = 2_000;

pub(crate) async fn run() {
    let server = server_with(Durability::Safe);
    let database = server.database().await;
    let mut connection = connect(&database).await;
    let setting = format!("{}; one worker", durability(&mut connection).await);
    connection
        .execute("create table bare (id bigint primary key, n bigint not null); insert into bare values (1, 0)")
        .await
        .expect("a bare table");
    let (start, mut updates) = (Instant::now(), 0_u32);
    while start.elapsed() < BARE_FOR {
        connection
            .execute("begin; update bare set n = n + 1 where id = 1; commit")
            .await
            .expect("an update");
        updates += 1;
    }
    let bare = f64::from(updates) / start.elapsed().as_secs_f64();

    let db = handle(&database, 2).await;
    let desk = Desk {
        templates: Templates::built_in(),
        shop: "Bench".to_owned(),
        address: Vec::new(),
        labels: false,
        hold: TimeDelta::hours(1),
        carriers: false,
    };
    let worker = Worker::new(db.clone(), desk, None, Utc::now);
    worker.drain().await.expect("what every shop has to do");
    let rows = "insert into jobs (kind, subject_kind, subject_id, dedupe_key)
        select 'backorders', 'product', n, 'backorders:' || n from generate_series(1, $1) n";
    sqlx::query(rows)
        .bind(JOBS)
        .execute(&mut connection)
        .await
        .expect("jobs");
    let start = Instant::now();
    let tally = worker.drain().await.expect("the jobs");
    assert_eq!((tally.done, tally.failed), (JOBS.unsigned_abs().into(), 0));
    let jobs = f64::from(JOBS) / start.elapsed().as_secs_f64();

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
    let start = Instant::now();
    let tally = worker.drain().await.expect("the orders' jobs");
    assert_eq!(tally.failed, 0);
    let ready = read.created as f64 / start.elapsed().as_secs_f64();

    table(
        "The worker",
        &setting,
        ["", "a second", "against bare updates"],
        &[
            [
                "begin; update one row; commit".to_owned(),
                format!("{bare:.0}"),
                ratio(1.0),
            ],
            [
                "jobs that find nothing to do".to_owned(),
                format!("{jobs:.0}"),
                ratio(jobs / bare),
            ],
            [
                "orders from intake to ready or waiting".to_owned(),
                format!("{ready:.1}"),
                ratio(ready / bare),
            ],
        ],
    );
}
