//! Imports: real data whole, twice without a difference, and hostile files with their verdicts.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use chrono::{DateTime, Utc};
use packline::actions::import::{self, Run, Stop, Summary};
use packline::domain::calendar::Calendar;
use packline::store::db::{Db, Settings};
use sqlx::{Connection, PgConnection};

use crate::harness::{TestDatabase, database};
use crate::real_data::real_data;

/// A database and a handle on it.
struct Shop {
    database: TestDatabase,
    db: Db,
}

impl Shop {
    async fn open() -> Self {
        let database = database().await;
        let url = database
            .url
            .parse()
            .expect("the URL of the test's database");
        let db = Db::connect(url, Settings::new("import"))
            .await
            .expect("a connection");
        Self { database, db }
    }

    async fn catalog(&self, source: impl Read + Send) -> Summary {
        let stop = Stop::default();
        let run = Run {
            db: &self.db,
            stop: &stop,
            progress: &mut |_| {},
        };
        import::catalog::import(run, source, "catalog.csv")
            .await
            .expect("a catalogue")
    }

    async fn orders(&self, source: impl Read + Send) -> Summary {
        let stop = Stop::default();
        let run = Run {
            db: &self.db,
            stop: &stop,
            progress: &mut |_| {},
        };
        let calendar = Calendar::office(chrono_tz::Tz::UTC);
        import::orders::import(run, source, "orders.csv", "shop", calendar)
            .await
            .expect("orders")
    }

    async fn dispatches(&self, source: impl Read + Send) -> Summary {
        let stop = Stop::default();
        let run = Run {
            db: &self.db,
            stop: &stop,
            progress: &mut |_| {},
        };
        import::dispatches::import(run, source, "dispatches.csv")
            .await
            .expect("dispatches")
    }

    async fn tracking(&self, source: impl Read + Send) -> Summary {
        let stop = Stop::default();
        let run = Run {
            db: &self.db,
            stop: &stop,
            progress: &mut |_| {},
        };
        import::tracking::import(run, source, "tracking.jsonl")
            .await
            .expect("events")
    }

    async fn mail(&self, paths: Vec<PathBuf>) -> Summary {
        let stop = Stop::default();
        let run = Run {
            db: &self.db,
            stop: &stop,
            progress: &mut |_| {},
        };
        let calendar = Calendar::office(chrono_tz::Tz::UTC);
        import::mail::import(run, paths, std::io::empty(), calendar, now())
            .await
            .expect("mail")
    }

    async fn number(&self, sql: &'static str) -> i64 {
        let mut connection = self.connection().await;
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .expect(sql)
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect_with(&self.database.options)
            .await
            .expect("a connection")
    }

    /// How many rows each table has, and what is in them, in short.
    async fn fingerprint(&self) -> Vec<(String, String)> {
        let mut connection = self.connection().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "select tablename::text from pg_tables
             where schemaname = 'packline' order by tablename",
        )
        .fetch_all(&mut connection)
        .await
        .expect("the tables");
        let mut prints = Vec::new();
        for table in tables {
            let sql = format!(
                "select count(*) || ' rows ' || coalesce(sum(hashtextextended(t::text, 0)), 0)
                 from packline.\"{table}\" t"
            );
            let print = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&mut connection)
                .await
                .expect("a fingerprint");
            prints.push((table, print));
        }
        prints
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().expect("a time")
}

fn file(path: &str) -> Option<File> {
    let path = real_data(path)?;
    Some(File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn counts(summary: &Summary) -> (u64, u64, u64, u64) {
    assert_eq!(summary.rejected, [], "nothing is rejected");
    (
        summary.read,
        summary.created,
        summary.updated,
        summary.unchanged,
    )
}

#[tokio::test]
async fn the_gift_shop_is_in_to_the_unit_and_a_second_time_changes_nothing() {
    let Some(catalog) = file("giftshop/catalog.csv") else {
        return;
    };
    let orders = file("giftshop/orders.csv").expect("orders beside the catalogue");
    let shop = Shop::open().await;
    let start = Instant::now();
    assert_eq!(counts(&shop.catalog(catalog).await), (2_431, 2_431, 0, 0));
    println!("catalog {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(counts(&shop.orders(orders).await), (834, 834, 0, 0));
    println!("orders {:?}", start.elapsed());
    assert_eq!(
        shop.number("select count(*) from packline.order_lines")
            .await,
        21_996
    );
    let before = shop.fingerprint().await;
    let catalog = file("giftshop/catalog.csv").expect("still there");
    let orders = file("giftshop/orders.csv").expect("still there");
    assert_eq!(counts(&shop.catalog(catalog).await), (2_431, 0, 0, 2_431));
    assert_eq!(counts(&shop.orders(orders).await), (834, 0, 0, 834));
    assert_eq!(shop.fingerprint().await, before);
}

#[tokio::test]
async fn the_marketplace_is_in_with_its_parcels_and_a_second_time_changes_nothing() {
    let Some(catalog) = file("marketplace/catalog.csv") else {
        return;
    };
    let file = |name: &str| file(name).expect("beside the catalogue");
    let shop = Shop::open().await;
    assert_eq!(counts(&shop.catalog(catalog).await), (3_059, 3_059, 0, 0));
    let start = Instant::now();
    let orders = shop.orders(file("marketplace/orders.csv")).await;
    assert_eq!(counts(&orders), (3_731, 3_731, 0, 0));
    println!("orders {:?}", start.elapsed());
    let start = Instant::now();
    let dispatches = shop.dispatches(file("marketplace/dispatches.csv")).await;
    assert_eq!((dispatches.read, dispatches.created), (3_349, 3_311));
    for rejection in &dispatches.rejected {
        let reason = &rejection.reason;
        let known = reason == "its order was cancelled" || reason.ends_with("was rejected");
        assert!(known, "{rejection:?}");
    }
    println!("dispatches {:?}", start.elapsed());
    let start = Instant::now();
    let events = shop.tracking(file("marketplace/tracking.jsonl")).await;
    assert_eq!((events.read, events.created), (5_831, 5_791));
    println!("events {:?}", start.elapsed());
    assert_eq!(
        shop.number("select count(*) from packline.shipments where state = 'delivered'")
            .await,
        2_599
    );
    let start = Instant::now();
    let folder = real_data("marketplace/mail").expect("beside the catalogue");
    let mails = shop.mail(vec![folder.clone()]).await;
    assert_eq!(counts(&mails), (908, 908, 0, 0));
    println!("mails {:?}", start.elapsed());
    assert_eq!(
        shop.number("select count(*) from packline.tickets").await,
        906
    );
    let linked = "select count(*) from packline.tickets where order_id is not null";
    assert_eq!(shop.number(linked).await, 906);
    let before = shop.fingerprint().await;
    let mails = shop.mail(vec![folder]).await;
    assert_eq!(counts(&mails), (908, 0, 0, 908));
    let orders = shop.orders(file("marketplace/orders.csv")).await;
    assert_eq!(counts(&orders), (3_731, 0, 0, 3_731));
    let dispatches = shop.dispatches(file("marketplace/dispatches.csv")).await;
    assert_eq!((dispatches.read, dispatches.unchanged), (3_349, 3_311));
    let events = shop.tracking(file("marketplace/tracking.jsonl")).await;
    assert_eq!((events.read, events.unchanged), (5_831, 5_791));
    assert_eq!(shop.fingerprint().await, before);
}

#[tokio::test]
async fn mails_of_every_shape_are_kept() {
    let Some(folder) = real_data("mail") else {
        return;
    };
    let shop = Shop::open().await;
    assert_eq!(
        counts(&shop.mail(vec![folder.clone()]).await),
        (36, 36, 0, 0)
    );
    let before = shop.fingerprint().await;
    assert_eq!(counts(&shop.mail(vec![folder]).await), (36, 0, 0, 36));
    assert_eq!(shop.fingerprint().await, before);
    let kept = "select count(*) from packline.attachments where name = 'message.eml'";
    assert!(shop.number(kept).await > 10);
}
