//! Acts a second, with their guards, history and feed, against transactions that update one row
//! of a bare table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use chrono_tz::Tz;
use packline::actions;
use packline::domain::act::{Act, Args};
use packline::domain::record::{Kind, RecordId};
use packline::domain::verbs;
use packline::store::db::Db;
use packline::store::local::Durability;
use sqlx::Executor as _;
use uuid::Uuid;

use crate::harness::server::server_with;
use crate::harness::{TestDatabase, Volume};
use crate::report::{ratio, table};
use crate::{connect, durability, handle};

const FOR: Duration = Duration::from_secs(5);
const PEOPLE: [usize; 2] = [1, 8];

pub(crate) async fn run() {
    let server = server_with(Durability::Safe);
    let database = server.database().await;
    let mut connection = connect(&database).await;
    let volume = Volume {
        products: 200,
        closed: 2_000,
        open: 1_000,
    };
    volume.fill(&mut connection).await;
    connection
        .execute(
            "create table bare (id bigint primary key, n bigint not null);
             insert into bare select n, 0 from generate_series(1, 1000) n",
        )
        .await
        .expect("a bare table");
    let setting = format!(
        "{}; {FOR:?} each, every connection with orders of its own",
        durability(&mut connection).await
    );
    let mut rows = Vec::new();
    for people in PEOPLE {
        let bare = bare_updates(&database, people).await;
        rows.push([
            "begin; update one row; commit".to_owned(),
            people.to_string(),
            format!("{bare:.0}/s"),
            ratio(1.0),
        ]);
        for (first, second) in [("hold", "release"), ("reserve", "unreserve")] {
            let done = acts(&database, people, first, second).await;
            rows.push([
                format!("{first}, {second}"),
                people.to_string(),
                format!("{done:.0}/s"),
                ratio(done / bare),
            ]);
        }
    }
    table(
        "Acts a second",
        &setting,
        ["", "connections", "done", "against bare updates"],
        &rows,
    );
}

/// Runs `one(person, round)` again and again on so many tasks, and says how often a second.
async fn rate<F, W>(people: usize, one: F) -> f64
where
    F: Fn(usize, usize) -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let done = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..people)
        .map(|person| {
            let (one, done) = (one.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut round = 0;
                while start.elapsed() < FOR {
                    one(person, round).await;
                    done.fetch_add(1, Ordering::Relaxed);
                    round += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a person");
    }
    done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

async fn bare_updates(database: &TestDatabase, people: usize) -> f64 {
    let db = handle(database, people).await;
    rate(people, move |person, round| {
        let db = db.clone();
        async move {
            let id = (person * 100 + round % 100 + 1) as i64;
            db.transaction(FOR, move |connection| {
                Box::pin(async move {
                    sqlx::query("update bare set n = n + 1 where id = $1")
                        .bind(id)
                        .execute(connection)
                        .await?;
                    Ok::<(), packline::store::db::DbError>(())
                })
            })
            .await
            .expect("an update");
        }
    })
    .await
}

/// Every order is acted on by one person only: first one verb, then the one that takes it back.
async fn acts(
    database: &TestDatabase,
    people: usize,
    first: &'static str,
    second: &'static str,
) -> f64 {
    let db = handle(database, people).await;
    let mut connection = connect(database).await;
    let orders: Vec<i64> = sqlx::query_scalar(
        "select o.id from orders o where stage in ('confirmed', 'processing')
         and not exists (select from order_lines l join stock_levels s on s.product_id = l.product_id
                         where l.order_id = o.id
                           and (l.unallocated < l.ordered or s.on_hand - s.reserved < 50))
         order by o.id",
    )
    .fetch_all(&mut connection)
    .await
    .expect("orders");
    let each = orders.len() / people;
    assert!(each > 0, "an order for each person");
    let orders = Arc::new(orders);
    rate(people, move |person, round| {
        let (db, orders) = (db.clone(), Arc::clone(&orders));
        async move {
            let order = orders[person * each + round / 2 % each];
            let verb = if round % 2 == 0 { first } else { second };
            act(&db, order, verb).await;
        }
    })
    .await
}

async fn act(db: &Db, order: i64, verb: &str) {
    let mut args = Args::new();
    if verb == "hold" {
        args.insert("reason".to_owned(), "the address".to_owned());
    }
    let act = Act {
        id: Uuid::now_v7(),
        verb: verbs::find(Kind::Order, verb).expect("a verb"),
        record: RecordId::new(Kind::Order, order),
        expected_version: None,
        args,
        undoes: None,
    };
    actions::act(db, act, "act", Tz::UTC, Utc::now())
        .await
        .unwrap_or_else(|error| panic!("{verb} {order}: {error}"));
}
