//! Imports: real data whole, twice without a difference, and hostile files with their verdicts.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use packline::actions::import::{self, Run, Stop, Summary};
use packline::domain::calendar::Calendar;
use packline::store::db::{Db, Settings};
use sqlx::{ConnectOptions as _, Connection, PgConnection};
use tokio::io::AsyncWriteExt as _;

use crate::harness::{TestDatabase, database, deadline};
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
        let (stop, mut quiet) = (Stop::default(), |_: &Summary| {});
        let run = run(&self.db, &stop, &mut quiet);
        import::catalog::import(run, source, "catalog.csv")
            .await
            .expect("a catalogue")
    }

    async fn orders(&self, source: impl Read + Send) -> Summary {
        let (stop, mut quiet) = (Stop::default(), |_: &Summary| {});
        let run = run(&self.db, &stop, &mut quiet);
        let orders = import::orders::import(run, source, "orders.csv", "shop");
        orders.await.expect("orders")
    }

    async fn dispatches(&self, source: impl Read + Send) -> Summary {
        let (stop, mut quiet) = (Stop::default(), |_: &Summary| {});
        let run = run(&self.db, &stop, &mut quiet);
        import::dispatches::import(run, source, "dispatches.csv", now())
            .await
            .expect("dispatches")
    }

    async fn tracking(&self, source: impl Read + Send) -> Summary {
        let (stop, mut quiet) = (Stop::default(), |_: &Summary| {});
        let run = run(&self.db, &stop, &mut quiet);
        import::tracking::import(run, source, "tracking.jsonl", now())
            .await
            .expect("events")
    }

    async fn mail(&self, paths: Vec<PathBuf>, input: impl Read + Send) -> Summary {
        let (stop, mut quiet) = (Stop::default(), |_: &Summary| {});
        let run = run(&self.db, &stop, &mut quiet);
        import::mail::import(run, paths, input, office(), now())
            .await
            .expect("mail")
    }

    /// One mail from standard input; answers with its message's ticket, state and kind.
    async fn mailed(&self, mail: &str) -> (i64, String, String) {
        let summary = self.mail(vec![PathBuf::from("-")], mail.as_bytes()).await;
        assert_eq!(counts(&summary), (1, 1, 0, 0));
        sqlx::query_as(
            "select t.id, t.state, m.kind from packline.messages m
             join packline.tickets t on t.id = m.ticket_id order by m.id desc limit 1",
        )
        .fetch_one(&mut self.connection().await)
        .await
        .expect("a message")
    }

    /// One column of some rows, as text.
    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql)
            .fetch_all(&mut self.connection().await)
            .await
            .expect(sql)
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::query(sql)
            .execute(&mut self.connection().await)
            .await
            .expect(sql);
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

fn run<'a>(db: &'a Db, stop: &'a Stop, progress: &'a mut (dyn FnMut(&Summary) + Send)) -> Run<'a> {
    Run { db, stop, progress }
}

fn office() -> Calendar {
    Calendar::office(chrono_tz::Tz::UTC)
}

fn now() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().expect("a time")
}

/// Stock counters that differ from their ledger.
const LEDGER: &str = "select count(*) from packline.stock_levels s
    where (on_hand, reserved) <> (
        select coalesce(sum(m.on_hand), 0), coalesce(sum(m.reserved), 0)
        from packline.stock_movements m where m.stock_level_id = s.id)";

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
    assert_eq!(counts(&shop.catalog(catalog).await), (2_431, 2_431, 0, 0));
    assert_eq!(counts(&shop.orders(orders).await), (834, 834, 0, 0));
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
    let orders = shop.orders(file("marketplace/orders.csv")).await;
    assert_eq!(counts(&orders), (3_731, 3_731, 0, 0));
    let dispatches = shop.dispatches(file("marketplace/dispatches.csv")).await;
    assert_eq!((dispatches.read, dispatches.created), (3_349, 3_311));
    for rejection in &dispatches.rejected {
        let reason = &rejection.reason;
        let known = reason == "its order was cancelled" || reason.ends_with("was rejected");
        assert!(known, "{rejection:?}");
    }
    let events = shop.tracking(file("marketplace/tracking.jsonl")).await;
    assert_eq!((events.read, events.created), (5_831, 5_791));
    assert_eq!(
        shop.number("select count(*) from packline.shipments where state = 'delivered'")
            .await,
        2_599
    );
    let folder = real_data("marketplace/mail").expect("beside the catalogue");
    let mails = shop.mail(vec![folder.clone()], std::io::empty()).await;
    assert_eq!(counts(&mails), (908, 908, 0, 0));
    assert_eq!(
        shop.number("select count(*) from packline.tickets").await,
        906
    );
    let linked = "select count(*) from packline.tickets where order_id is not null";
    assert_eq!(shop.number(linked).await, 906);
    let before = shop.fingerprint().await;
    let mails = shop.mail(vec![folder], std::io::empty()).await;
    assert_eq!(counts(&mails), (908, 0, 0, 908));
    let orders = shop.orders(file("marketplace/orders.csv")).await;
    assert_eq!(counts(&orders), (3_731, 0, 0, 3_731));
    let dispatches = shop.dispatches(file("marketplace/dispatches.csv")).await;
    assert_eq!((dispatches.read, dispatches.unchanged), (3_349, 3_311));
    let events = shop.tracking(file("marketplace/tracking.jsonl")).await;
    assert_eq!((events.read, events.unchanged), (5_831, 5_791));
    assert_eq!(shop.fingerprint().await, before);
    assert_eq!(shop.number(LEDGER).await, 0);
}

#[tokio::test]
async fn mails_of_every_shape_are_kept() {
    let Some(folder) = real_data("mail") else {
        return;
    };
    let shop = Shop::open().await;
    assert_eq!(
        counts(&shop.mail(vec![folder.clone()], std::io::empty()).await),
        (36, 36, 0, 0)
    );
    let before = shop.fingerprint().await;
    assert_eq!(
        counts(&shop.mail(vec![folder], std::io::empty()).await),
        (36, 0, 0, 36)
    );
    assert_eq!(shop.fingerprint().await, before);
    let kept = "select count(*) from packline.attachments where name = 'message.eml'";
    assert!(shop.number(kept).await > 10);
}

/// Lines of an orders export with the columns that these tests need; a line is
/// `number,id,status,total,refunded,cancelled,city,quantity,sku,price`.
fn export(lines: &[&str]) -> Vec<u8> {
    let header = "Name,Id,Financial Status,Total,Refunded Amount,Cancelled at,Shipping City,\
                  Lineitem quantity,Lineitem sku,Lineitem price,Lineitem name,Subtotal,Currency,\
                  Created at,Email,Shipping Name\n";
    let mut text = header.to_owned();
    for line in lines {
        text += line;
        text += if line.contains(",,,,,") {
            ",thing,,,,,\n"
        } else {
            ",thing,1,EUR,2026-11-20 10:00:00 +0100,ann@example.com,Ann\n"
        };
    }
    text.into_bytes()
}

fn reasons(summary: &Summary) -> Vec<(u64, &str, &str)> {
    let rejected = summary.rejected.iter();
    rejected
        .map(|it| (it.line, it.field.as_str(), it.reason.as_str()))
        .collect()
}

#[tokio::test]
async fn an_order_keeps_its_currency() {
    let shop = Shop::open().await;
    let euros = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    assert_eq!(shop.orders(&euros[..]).await.created, 1);
    let yen = String::from_utf8(euros.clone()).expect("text");
    let summary = shop
        .orders(yen.replace("EUR", "JPY").replace("30.00", "99").as_bytes())
        .await;
    assert_eq!(
        reasons(&summary),
        [(2, "Currency", "expected EUR, as before")]
    );
    assert_eq!(shop.orders(&euros[..]).await.unchanged, 1);
}

#[tokio::test]
async fn an_order_that_changed_in_the_channel_changes_as_far_as_it_still_can() {
    let shop = Shop::open().await;
    let first = export(&["#1,11,paid,30.00,0,,Rome,3,A,10", "#1,,,,,,,2,B,0"]);
    assert_eq!(counts(&shop.orders(&first[..]).await), (1, 1, 0, 0));
    let units = "select sku || ' ' || ordered || ' ' || cancelled from packline.order_lines
                 order by position";
    assert_eq!(shop.texts(units).await, ["A 3 0", "B 2 0"]);
    let promise = "select coalesce(ship_by::text, 'none') from packline.orders";
    assert_eq!(shop.texts(promise).await, ["none"], "nobody sells it");

    let second = export(&[
        "#1,11,partially_refunded,30.00,10.00,,Milan,2,A,10",
        "#1,,,,,,,2,B,0",
        "#1,,,,,,,1,C,0",
    ]);
    assert_eq!(counts(&shop.orders(&second[..]).await), (1, 0, 1, 0));
    assert_eq!(counts(&shop.orders(&second[..]).await), (1, 0, 0, 1));
    assert_eq!(shop.texts(units).await, ["A 3 1", "B 2 0", "C 1 0"]);
    let city = "select shipping_address ->> 'city' from packline.orders";
    assert_eq!(shop.texts(city).await, ["Milan"]);
    let refunds = "select amount || ' ' || state from packline.refunds";
    assert_eq!(shop.texts(refunds).await, ["1000 settled"]);

    let third = export(&["#1,11,refunded,30.00,30.00,2026-11-21 10:00:00 +0100,Milan,2,A,10"]);
    assert_eq!(counts(&shop.orders(&third[..]).await), (1, 0, 1, 0));
    assert_eq!(counts(&shop.orders(&third[..]).await), (1, 0, 0, 1));
    assert_eq!(shop.texts(units).await, ["A 3 3", "B 2 2", "C 1 1"]);
    assert_eq!(
        shop.texts("select stage from packline.orders").await,
        ["cancelled"]
    );
    assert_eq!(
        shop.number("select sum(amount)::bigint from packline.refunds")
            .await,
        3_000
    );
}

#[tokio::test]
async fn a_channel_that_cancels_what_was_delivered_is_told_that_it_cannot() {
    let refunds = "select amount || ' ' || state from packline.refunds";
    let stands = "select stage || ' ' || financial_status || ' ' || (cancelled_at is null)
                  from packline.orders";
    let notes = "select text from packline.order_notes";
    for (left, stage) in [
        ("update packline.order_lines set shipped = 3", "shipped"),
        (
            "update packline.order_lines set shipped = 2, cancelled = 1, delivered = 2",
            "delivered",
        ),
    ] {
        let shop = Shop::open().await;
        let paid = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
        shop.orders(&paid[..]).await;
        let cancelled =
            export(&["#1,11,refunded,30.00,30.00,2026-11-21 10:00:00 +0100,Rome,3,A,10"]);
        let mut owner = shop.connection().await;
        // What the parcel's own triggers count.
        for statement in ["set session_replication_role = replica", left] {
            sqlx::query(statement)
                .execute(&mut owner)
                .await
                .expect(statement);
        }
        sqlx::query("update packline.orders set stage = $1")
            .bind(stage)
            .execute(&mut owner)
            .await
            .expect("a stage");
        let why = format!(
            "expected an order of which some has not left, it is {stage}: \
             what a customer does not want then is a return"
        );
        // What was given back is taken, once; a second time tells it again and changes nothing.
        for updated in [1, 0] {
            let summary = shop.orders(&cancelled[..]).await;
            assert_eq!((summary.read, summary.updated), (1, updated), "{stage}");
            assert_eq!(reasons(&summary), [(2, "Cancelled at", why.as_str())]);
            assert_eq!(shop.texts(refunds).await, ["3000 settled"]);
            assert_eq!(
                shop.texts(stands).await,
                [format!("{stage} refunded true")],
                "it is not cancelled"
            );
            assert_eq!(
                shop.texts(notes).await,
                [
                    "the channel cancelled it on 2026-11-21, when all of it had left: \
                  what the customer does not want is a return"
                ]
            );
        }
    }
}

#[tokio::test]
async fn stock_is_promised_once_however_an_import_is_ordered() {
    let shop = Shop::open().await;
    let catalog = "sku,title,supplier,unit_cost,currency,lead_time_days,on_hand\n\
                   B,Mug,Acme,1.00,EUR,6,40\n";
    shop.catalog(catalog.as_bytes()).await;
    // The newest first, a minute apart: three transactions.
    let header = "Name,Id,Financial Status,Total,Lineitem quantity,Lineitem sku,Lineitem price,\
                  Lineitem name,Subtotal,Currency,Created at,Email,Shipping Name\n";
    let lines = (1..=300).rev().map(|n| {
        let (hour, minute) = (6 + n / 60, n % 60);
        format!(
            "#{n},{n},paid,10.00,1,B,10,Mug,10.00,EUR,2026-11-20 {hour:02}:{minute:02}:00 +0000,\
             ann@example.com,Ann\n"
        )
    });
    let text = header.to_owned() + &lines.collect::<String>();
    assert_eq!(
        counts(&shop.orders(text.as_bytes()).await),
        (300, 300, 0, 0)
    );
    let promised = "select ship_by::date || ': ' || count(*) || ' to #' || max(external_id::int)
                    from packline.orders group by ship_by order by ship_by";
    assert_eq!(
        shop.texts(promised).await,
        ["2026-11-20: 40 to #40", "2026-11-30: 260 to #300"]
    );
    // Only what was promised too soon was written twice.
    let twice = "select count(*) from packline.orders where version > (
                     select version from packline.orders where number = '#1')";
    assert_eq!(shop.number(twice).await, 80);
    let before = shop.fingerprint().await;
    assert_eq!(
        counts(&shop.orders(text.as_bytes()).await),
        (300, 0, 0, 300)
    );
    assert_eq!(shop.fingerprint().await, before);
}

#[tokio::test]
async fn promises_that_a_killed_import_left_too_early_are_mended_by_the_next() {
    let shop = Shop::open().await;
    let catalog = "sku,title,supplier,unit_cost,currency,lead_time_days,on_hand\n\
                   B,Mug,Acme,1.00,EUR,6,40\nC,Cup,Bolt,1.00,EUR,6,40\n";
    shop.catalog(catalog.as_bytes()).await;
    shop.execute("delete from packline.supplier_offers where supplier_id = (select id from packline.suppliers where name = 'Bolt')")
        .await;
    let header = "Name,Id,Financial Status,Total,Lineitem quantity,Lineitem sku,Lineitem price,\
                  Lineitem name,Subtotal,Currency,Created at,Email,Shipping Name\n";
    let lines = (1..=300).rev().map(|n| {
        let (hour, minute, sku) = (6 + n / 60, n % 60, if n % 2 == 0 { "B" } else { "C" });
        format!(
            "#{n},{n},paid,10.00,1,{sku},10,Mug,10.00,EUR,2026-11-20 {hour:02}:{minute:02}:00 +0000,\
             ann@example.com,Ann\n"
        )
    });
    let text = header.to_owned() + &lines.collect::<String>();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("orders.csv");
    std::fs::write(&file, &text).expect("a file");
    // It comes as far as the first promise that would have to move.
    for stand_still in [
        "create function packline.stand_still() returns trigger language plpgsql as $$
         begin perform pg_advisory_xact_lock_shared(7); return new; end $$",
        "create trigger stand_still before update of ship_by on packline.orders
         for each row execute function packline.stand_still()",
    ] {
        shop.execute(stand_still).await;
    }
    let mut holder = shop.connection().await;
    sqlx::query("select pg_advisory_lock(7)")
        .execute(&mut holder)
        .await
        .expect("a lock");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_packline"))
        .args(["--database-url", &shop.database.url, "import", "orders"])
        .arg(&file)
        .args(["--channel", "web"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program");
    let stands = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event = 'advisory'";
    deadline(Duration::from_mins(1), "the import stands still", async {
        while shop.number(stands).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    child.kill().expect("a kill");
    child.wait().expect("its end");
    shop.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event = 'advisory'",
    )
    .await;
    sqlx::query("select pg_advisory_unlock(7)")
        .execute(&mut holder)
        .await
        .expect("a lock");
    let promised = "select coalesce(ship_by::date::text, 'none') || ': ' || count(*) || ' to #' || max(external_id::int)
                    from packline.orders group by ship_by order by ship_by";
    // Nobody else has a cup.
    let right = [
        "2026-11-20: 80 to #80",
        "2026-11-30: 110 to #300",
        "none: 110 to #299",
    ];
    assert_ne!(shop.texts(promised).await, right, "still too early");
    let again = ["orders", file.to_str().expect("a path"), "--channel", "web"];
    let (status, said, _) = packline(&shop, &again, b"").await;
    assert_eq!(
        (status, said.trim_end()),
        (
            Some(0),
            "300 read: 0 created, 0 updated, 300 unchanged, 0 rejected"
        )
    );
    assert_eq!(shop.texts(promised).await, right);
    assert_eq!(
        shop.number("select count(*) from packline.unsettled_promises")
            .await,
        0
    );
    let before = shop.fingerprint().await;
    packline(&shop, &again, b"").await;
    assert_eq!(shop.fingerprint().await, before);
}

#[tokio::test]
async fn an_imported_order_is_promised_what_a_quote_promises() {
    let shop = Shop::open().await;
    let head = "sku,title,supplier,unit_cost,currency,lead_time_days,on_hand\n";
    // In yen it is cheaper and sooner; but the order pays in euros.
    let catalog = format!(
        "{head}A,Lamp,Acme,2.00,EUR,9,0\nA,Lamp,Tokyo,1,JPY,1,0\nB,Mug,Acme,1.00,EUR,6,4\n"
    );
    shop.catalog(catalog.as_bytes()).await;
    shop.execute(
        "insert into packline.shipping_options (name, currency, price, transit_days_min, transit_days_max)
         values ('Standard', 'EUR', 490, 2, 4)",
    )
    .await;
    let quoted = "select sku || ' ' || units || ' ' || ship_by::date
        from (values ('A', 3), ('B', 3)) as asked (sku, units)
        cross join lateral packline.quote(sku, 'Standard', 'IT', units, '2026-11-20 10:00+01') order by sku";
    assert_eq!(
        shop.texts(quoted).await,
        ["A 3 2026-12-03", "B 3 2026-11-20"]
    );
    let orders = export(&[
        "#1,11,paid,30.00,0,,Rome,3,A,10",
        "#2,12,paid,30.00,0,,Rome,3,B,10",
        // The one before it has all but one.
        "#3,13,paid,30.00,0,,Rome,3,B,10",
        "#4,14,paid,30.00,0,,Rome,1,B,30",
        // A line that nobody sells.
        "#5,15,paid,30.00,0,,Rome,3,A,10",
        "#5,,,,,,,2,C,0",
    ]);
    assert_eq!(shop.orders(&orders[..]).await.created, 5);
    let promised = "select number || ' ' || coalesce(ship_by::date::text, 'none')
                    from packline.orders order by number";
    assert_eq!(
        shop.texts(promised).await,
        [
            "#1 2026-12-03",
            "#2 2026-11-20",
            "#3 2026-11-30",
            "#4 2026-11-30",
            "#5 none"
        ]
    );
    let quoted = "select ship_by::text
        from packline.quote('C', 'Standard', 'IT', 2, '2026-11-20 10:00+01')";
    assert_eq!(shop.texts(quoted).await, [""; 0]);
}

#[tokio::test]
async fn an_imported_order_that_its_option_does_not_take_is_promised_no_day() {
    let shop = Shop::open().await;
    let catalog = "sku,title,supplier,unit_cost,currency,lead_time_days,on_hand\n\
                   A,Lamp,Acme,2.00,EUR,9,50\nB,Anvil,Acme,1.00,EUR,6,50\n";
    shop.catalog(catalog.as_bytes()).await;
    shop.execute(
        "insert into packline.shipping_options
             (name, currency, price, transit_days_min, transit_days_max, countries, max_weight_g)
         values ('Express', 'EUR', 990, 1, 1, '{DE}', 5000)",
    )
    .await;
    shop.execute(
        "update packline.products set weight_g = case sku when 'A' then 1000 else 3000 end",
    )
    .await;
    let orders = "Name,Id,Financial Status,Total,Lineitem quantity,Lineitem sku,Lineitem price,\
                  Lineitem name,Subtotal,Currency,Created at,Email,Shipping Name,Shipping City,\
                  Shipping Country,Shipping Method\n\
        #1,11,paid,30.00,3,A,10,Lamp,30,EUR,2026-11-20 10:00:00 +0100,a@example.com,Ann,Bonn,DE,Express\n\
        #2,12,paid,30.00,3,A,10,Lamp,30,EUR,2026-11-20 10:00:00 +0100,a@example.com,Ann,Reno,US,Express\n\
        #3,13,paid,20.00,2,B,10,Anvil,20,EUR,2026-11-20 10:00:00 +0100,a@example.com,Ann,Bonn,DE,Express\n\
        #4,14,paid,50.00,3,A,10,Lamp,50,EUR,2026-11-20 10:00:00 +0100,a@example.com,Ann,Bonn,DE,Express\n\
        #4,,,,2,A,10,Lamp,,,,,,,,\n";
    assert_eq!(shop.orders(orders.as_bytes()).await.created, 4);
    let promised =
        "select number || ' ' || (ship_by is not null) || ' ' || (deliver_by is not null)
                    from packline.orders order by number";
    assert_eq!(
        shop.texts(promised).await,
        [
            "#1 true true",
            "#2 true false",
            "#3 true false",
            "#4 true true"
        ]
    );
}

#[tokio::test]
async fn of_imports_at_once_one_has_made_each_product() {
    let shop = Shop::open().await;
    let text = "sku,title,supplier,unit_cost,currency\nA,Lamp,S,1.00,EUR\nB,Mug,S,1.00,EUR\n";
    let mut owner = shop.connection().await;
    let mut held = owner.begin().await.expect("a transaction");
    // Lets them see that nothing is there, and not write it.
    sqlx::query("lock table packline.products in share mode")
        .execute(&mut *held)
        .await
        .expect("a lock");
    let release = async {
        let waiting = "select count(*) from pg_locks l
            where l.relation = 'packline.products'::regclass and not l.granted";
        deadline(Duration::from_secs(30), "three imports that wait", async {
            while shop.number(waiting).await < 3 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        held.commit().await.expect("the lock's end");
    };
    let (one, two, three, ()) = tokio::join!(
        shop.catalog(text.as_bytes()),
        shop.catalog(text.as_bytes()),
        shop.catalog(text.as_bytes()),
        release,
    );
    let told = [one, two, three];
    let sum = |part: fn(&Summary) -> u64| told.iter().map(part).sum::<u64>();
    assert_eq!(
        (
            sum(|told| told.created),
            sum(|told| told.updated),
            sum(|told| told.unchanged)
        ),
        (2, 0, 4),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_older_export_does_not_make_paid_what_was_refunded() {
    let shop = Shop::open().await;
    let older = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    let newer = export(&["#1,11,refunded,30.00,30.00,,Rome,3,A,10"]);
    shop.orders(&newer[..]).await;
    assert_eq!(counts(&shop.orders(&older[..]).await), (1, 0, 1, 0));
    let paid = "select o.financial_status || ' ' || r.state
                from packline.orders o join packline.refunds r on r.order_id = o.id";
    assert_eq!(shop.texts(paid).await, ["refunded settled"]);
}

#[tokio::test]
async fn a_count_below_what_is_reserved_is_refused_by_name() {
    let shop = Shop::open().await;
    let head = "sku,title,supplier,unit_cost,currency,on_hand\n";
    let first = format!("{head}A,Lamp,S,1.00,EUR,5\nB,Mug,S,1.00,EUR,5\n");
    shop.catalog(first.as_bytes()).await;
    let orders = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    shop.orders(&orders[..]).await;
    shop.execute("update packline.orders set confirmed_at = now()")
        .await;
    shop.execute(
        "insert into packline.reservations (order_line_id, stock_level_id, quantity)
         select l.id, s.id, 3 from packline.order_lines l
         join packline.stock_levels s on s.product_id = l.product_id",
    )
    .await;
    let second = format!("{head}A,Lamp,S,2.00,EUR,2\nB,Mug,S,2.00,EUR,2\n");
    let summary = shop.catalog(second.as_bytes()).await;
    assert_eq!(
        reasons(&summary),
        [(2, "on_hand", "expected at least the 3 that are reserved")]
    );
    let offers = "select p.sku || ' ' || s.on_hand || ' ' || o.unit_cost
                  from packline.products p join packline.stock_levels s on s.product_id = p.id
                  join packline.supplier_offers o on o.product_id = p.id order by 1";
    assert_eq!(shop.texts(offers).await, ["A 5 100", "B 2 200"]);
}

#[tokio::test]
async fn a_carriers_impossible_time_or_endless_sentence_is_refused_by_name() {
    let shop = Shop::open().await;
    let good = event("e1", "2026-11-21T12:00:00Z", "in_transit");
    let times = r#""est_delivery_date":"2026-11-21T12:00:00Z""#;
    let zero = good.replace(times, r#""est_delivery_date":"0001-01-01T00:00:00Z""#);
    let endless = good.replace(
        r#""message":"e1""#,
        &format!(r#""message":"{}""#, "ä".repeat(1001)),
    );
    let summary = shop.tracking((zero + &endless).as_bytes()).await;
    let expected = [
        (
            1,
            "result.est_delivery_date",
            "expected a time from 1900 to 9999",
        ),
        (
            2,
            "result.tracking_details.message",
            "expected at most 2000 bytes",
        ),
    ];
    assert_eq!(reasons(&summary), expected);
}

#[tokio::test]
async fn each_mail_is_told_of_with_its_own_file() {
    let shop = Shop::open().await;
    let folder = crate::harness::scratch_dir();
    for name in ["a", "b"] {
        let mail = format!("From: {name}@example.com\nSubject: {name}\n\nwhere?\n");
        std::fs::write(folder.path().join(format!("{name}.eml")), mail).expect("a file");
    }
    let paths = vec![folder.path().to_owned()];
    let summary = shop.mail(paths, std::io::empty()).await;
    assert_eq!(counts(&summary), (2, 2, 0, 0));
    let told = "select t.subject || ' ' || right(a.reason, 5)
                from packline.activity a join packline.tickets t on t.id = a.record_id
                where a.kind = 'ticket' and a.entity = 'tickets' and a.operation = 'insert' order by 1";
    assert_eq!(shop.texts(told).await, ["a a.eml", "b b.eml"]);
}

#[tokio::test]
async fn a_refund_is_given_back_by_the_payments_that_have_it() {
    let shop = Shop::open().await;
    let first = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    assert_eq!(counts(&shop.orders(&first[..]).await), (1, 1, 0, 0));
    // Something was added, and paid for by itself.
    let more = export(&["#1,11,paid,50.00,0,,Rome,5,A,10"]);
    assert_eq!(counts(&shop.orders(&more[..]).await), (1, 0, 1, 0));
    let refunds = "select p.amount || ': ' || r.amount || ' ' || r.state
                   from packline.refunds r join packline.payments p on p.id = r.payment_id
                   order by r.id";
    let one = export(&["#1,11,partially_refunded,50.00,5.00,,Rome,5,A,10"]);
    assert_eq!(counts(&shop.orders(&one[..]).await), (1, 0, 1, 0));
    assert_eq!(shop.texts(refunds).await, ["3000: 500 settled"]);
    let two = export(&["#1,11,partially_refunded,50.00,45.00,,Rome,5,A,10"]);
    assert_eq!(counts(&shop.orders(&two[..]).await), (1, 0, 1, 0));
    let all = export(&["#1,11,refunded,50.00,50.00,,Rome,5,A,10"]);
    assert_eq!(counts(&shop.orders(&all[..]).await), (1, 0, 1, 0));
    let given = [
        "3000: 500 settled",
        "3000: 2500 settled",
        "2000: 1500 settled",
        "2000: 500 settled",
    ];
    assert_eq!(shop.texts(refunds).await, given);
}

#[tokio::test]
async fn a_rejected_order_leaves_nothing_and_the_rest_is_kept() {
    let shop = Shop::open().await;
    let file = export(&[
        "#1,11,paid,10.00,0,,Rome,1,A,10",
        "#2,12,paid,10.00,0,,Rome,1,A,10",
        "#2,,,,,,,none,B,0",
        "#3,13,paid,10.00,0,,Rome,1,A,10.005",
        "#4,14,paid,10.00,0,,Rome,1,A,10",
        "#5,11,paid,10.00,0,,Rome,1,A,10",
    ]);
    let summary = shop.orders(&file[..]).await;
    assert_eq!((summary.read, summary.created, summary.updated), (5, 2, 1));
    let expected = [
        (
            4,
            "Lineitem quantity",
            "expected a whole number from 1 to 1000000",
        ),
        (5, "Lineitem price", "expected at most 2 decimals in EUR"),
    ];
    assert_eq!(reasons(&summary), expected);
    let again = export(&["#4,99,paid,10.00,0,,Rome,1,A,10"]);
    let expected = [(2, "Name", "another order of this channel is #4")];
    assert_eq!(reasons(&shop.orders(&again[..]).await), expected);
    let numbers = "select number from packline.orders order by number";
    assert_eq!(shop.texts(numbers).await, ["#4", "#5"]);
}

#[tokio::test]
async fn an_import_stops_between_orders_and_says_where() {
    let shop = Shop::open().await;
    let lines: Vec<_> = (0..250)
        .map(|n| format!("#{n},{n},paid,10.00,0,,Rome,1,A,10"))
        .collect();
    let file = export(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let halt = Stop::default();
    let mut progress = |_: &Summary| halt.request();
    let run = run(&shop.db, &halt, &mut progress);
    let summary = import::orders::import(run, &file[..], "orders.csv", "shop").await;
    let summary = summary.expect("a stop is no failure");
    assert_eq!(
        (summary.created, summary.stopped.as_deref()),
        (100, Some("orders.csv:101"))
    );
    assert_eq!(counts(&shop.orders(&file[..]).await), (250, 150, 0, 100));
}

const DISPATCHES: &str =
    "Order,SKU,Quantity,Supplier,Tracking company,Tracking number,Shipped at\n";

#[tokio::test]
async fn a_dispatch_ships_what_was_ordered_and_nothing_else() {
    let shop = Shop::open().await;
    let orders = export(&[
        "#1,11,paid,30.00,0,,Rome,3,A,10",
        "#1,,,,,,,2,B,0",
        "#2,12,paid,9,0,,Rome,1,A,9",
    ]);
    shop.orders(&orders[..]).await;
    let at = "2026-11-21 10:00:00 +0100";
    let file = format!(
        "{DISPATCHES}#1,A,2,S,DHL,T1,{at}\n#1,B,1,S,DHL,T1,{at}\n\
         #1,A,1,S,DHL,T2,{at}\n#1,B,2,S,DHL,T2,{at}\n\
         #9,A,1,S,DHL,T3,{at}\n#1,Z,1,S,DHL,T4,{at}\n#2,A,1,S,dhl,T1,{at}\n"
    );
    let summary = shop.dispatches(file.as_bytes()).await;
    assert_eq!((summary.read, summary.created), (7, 2));
    let expected = [
        (
            4,
            "Tracking number",
            "line 5 of the same parcel was rejected",
        ),
        (
            5,
            "Quantity",
            "expected at most 1 units: of 2 ordered the others are already sent, reserved, asked \
             of a supplier or cancelled",
        ),
        (
            6,
            "Order",
            "expected an order of ours: none has this number",
        ),
        (7, "SKU", "expected a SKU of order #1"),
        (
            8,
            "Tracking number",
            "expected a tracking number of its own: another order's parcel has it",
        ),
    ];
    assert_eq!(reasons(&summary), expected);
    let stages = "select stage from packline.orders order by number";
    assert_eq!(shop.texts(stages).await, ["partially_shipped", "new"]);
    let before = shop.fingerprint().await;
    assert_eq!(shop.dispatches(file.as_bytes()).await.unchanged, 2);
    assert_eq!(shop.fingerprint().await, before);

    let soon = format!(
        "{DISPATCHES}#2,A,1,S,DHL,T6,2026-11-24 13:00:01 +0100\n#2,A,1,S,DHL,T7,2099-01-01 00:00:00 +0100\n"
    );
    let early = shop.dispatches(soon.as_bytes()).await;
    let yet = "expected a time that has come";
    let expected = [(2, "Shipped at", yet), (3, "Shipped at", yet)];
    assert_eq!(reasons(&early), expected);
    assert_eq!(shop.fingerprint().await, before);

    let rest = format!("{DISPATCHES}#1,A,1,S,DHL,T5,{at}\n#1,B,1,S,DHL,T5,{at}\n");
    assert_eq!(
        counts(&shop.dispatches(rest.as_bytes()).await),
        (2, 2, 0, 0)
    );
    assert_eq!(shop.texts(stages).await, ["shipped", "new"]);
}

#[tokio::test]
async fn a_labelled_parcel_leaves_on_the_day_that_its_supplier_says() {
    let shop = Shop::open().await;
    let orders = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    shop.orders(&orders[..]).await;
    for sql in [
        "update packline.orders set confirmed_at = now()",
        "insert into packline.suppliers (name) values ('S')",
        "insert into packline.carriers (name) values ('DHL') on conflict do nothing",
        "insert into packline.fulfilments (order_id, location_id)
         select o.id, l.id from packline.orders o, packline.locations l
         where l.supplier_id is not null",
        "insert into packline.fulfilment_lines (fulfilment_id, order_line_id, quantity)
         select f.id, l.id, 3 from packline.fulfilments f, packline.order_lines l",
        "update packline.fulfilments set state = 'accepted'",
        "update packline.fulfilments set state = 'ready'",
        "insert into packline.shipments
             (order_id, fulfilment_id, carrier_id, tracking_code, ship_date)
         select f.order_id, f.id, c.id, 'T1', '2026-11-19'
         from packline.fulfilments f, packline.carriers c where c.name = 'DHL'",
        "insert into packline.shipment_lines (shipment_id, order_line_id, quantity)
         select s.id, l.id, 3 from packline.shipments s, packline.order_lines l",
        "update packline.shipments set state = 'labelled'",
    ] {
        shop.execute(sql).await;
    }
    let file = format!("{DISPATCHES}#1,A,3,S,DHL,T1,2026-11-21 10:00:00 +0100\n");
    assert_eq!(
        counts(&shop.dispatches(file.as_bytes()).await),
        (1, 0, 1, 0)
    );
    let parcels = "select state || ' ' || ship_date from packline.shipments";
    assert_eq!(shop.texts(parcels).await, ["handed_over 2026-11-21"]);
    assert_eq!(
        counts(&shop.dispatches(file.as_bytes()).await),
        (1, 0, 0, 1)
    );
}

/// An event about parcel T1 with one thing that happened.
fn event(id: &str, at: &str, status: &str) -> String {
    format!(
        r#"{{"id":"{id}","description":"tracker.updated","created_at":"{at}","result":{{"tracking_code":"T1","carrier":"DHL","status":"{status}","est_delivery_date":"{at}","tracking_details":[{{"status":"{status}","message":"{id}","datetime":"{at}"}}]}}}}"#
    ) + "\n"
}

#[tokio::test]
async fn late_and_repeated_events_change_history_never_the_present() {
    let shop = Shop::open().await;
    let orders = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    shop.orders(&orders[..]).await;
    let file = format!("{DISPATCHES}#1,A,3,S,DHL,T1,2026-11-21 10:00:00 +0100\n");
    shop.dispatches(file.as_bytes()).await;
    let present = "select tracking_status || ' ' || coalesce(tracking_status_raw, '-') || ' '
                   || state || ' ' || eta::date from packline.shipments";

    let odd = event("e1", "2026-11-22T12:00:00Z", "teleported");
    assert_eq!(counts(&shop.tracking(odd.as_bytes()).await), (1, 1, 0, 0));
    let teleported = ["unknown teleported handed_over 2026-11-22"];
    assert_eq!(shop.texts(present).await, teleported);
    let late = event("e2", "2026-11-21T12:00:00Z", "in_transit");
    assert_eq!(counts(&shop.tracking(late.as_bytes()).await), (1, 1, 0, 0));
    assert_eq!(shop.texts(present).await, teleported);
    assert_eq!(
        shop.number("select count(*) from packline.tracking_events")
            .await,
        2
    );

    // Told of after something else, about something earlier: its estimate is the older one.
    let slow = |id: &str, at: &str, eta: &str| {
        let happened = "\"datetime\":\"2026-11-21T08:00:00Z\"";
        event(id, at, "in_transit")
            .replace(&format!("\"datetime\":\"{at}\""), happened)
            .replace(
                &format!("\"est_delivery_date\":\"{at}\""),
                &format!("\"est_delivery_date\":\"{eta}\""),
            )
    };
    let newer = slow("e5", "2026-11-23T10:00:00Z", "2026-11-26T12:00:00Z");
    let older = slow("e6", "2026-11-23T09:00:00Z", "2026-11-30T12:00:00Z");
    for text in [newer, older] {
        assert_eq!(counts(&shop.tracking(text.as_bytes()).await), (1, 1, 0, 0));
        let eta = "select eta::date::text from packline.shipments";
        assert_eq!(shop.texts(eta).await, ["2026-11-26"]);
    }

    let never = event("e9", "2999-01-01T00:00:00Z", "in_transit");
    let detail = event("e9", "2026-11-22T12:00:00Z", "in_transit")
        .replace("\"datetime\":\"2026", "\"datetime\":\"2999");
    let summary = shop.tracking(format!("{never}{detail}").as_bytes()).await;
    let reason = "expected a time that has come";
    let expected = [
        (1, "created_at", reason),
        (2, "result.tracking_details.datetime", reason),
    ];
    assert_eq!(reasons(&summary), expected);

    let last = event("e3", "2026-11-23T12:00:00Z", "delivered");
    let stray = last.replace("\"T1\"", "\"T9\"").replace("e3", "e4");
    let summary = shop
        .tracking(format!("{last}{last}{stray}").as_bytes())
        .await;
    assert_eq!((summary.created, summary.unchanged), (1, 1));
    let reason = "expected a tracking number of a parcel of ours";
    assert_eq!(reasons(&summary), [(3, "result.tracking_code", reason)]);
    assert_eq!(
        shop.texts(present).await,
        ["delivered - delivered 2026-11-23"]
    );
    assert_eq!(
        shop.texts("select stage from packline.orders").await,
        ["delivered"]
    );
    let before = shop.fingerprint().await;
    assert_eq!(
        shop.tracking(format!("{odd}{late}{last}").as_bytes())
            .await
            .unchanged,
        3
    );
    assert_eq!(shop.fingerprint().await, before);
}

#[tokio::test]
async fn a_mail_finds_its_ticket_and_only_people_move_it() {
    let shop = Shop::open().await;
    let orders = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    shop.orders(&orders[..]).await;
    let mail = |id: &str, subject: &str, headers: &str| {
        format!(
            "From: Ann <ann@example.com>\nTo: help@shop.example\nSubject: {subject}\n\
             Message-ID: <{id}@example.com>\n{headers}\nWhere is it? {id}\n"
        )
    };
    let (ticket, state, kind) = shop.mailed(&mail("m1", "Order #1 is late", "")).await;
    assert_eq!((state.as_str(), kind.as_str()), ("new", "inbound"));
    let linked = "select count(*) from packline.tickets where order_id is not null
                  and first_response_due is not null and customer_id is not null";
    assert_eq!(shop.number(linked).await, 1);

    // By In-Reply-To, by References alone, by our token, and as the same complaint again.
    let reply = mail("m2", "Re: late", "In-Reply-To: <m1@example.com>\n");
    assert_eq!(shop.mailed(&reply).await.0, ticket);
    let references = "References: <m1@example.com> <other@example.com>\n";
    assert_eq!(
        shop.mailed(&mail("m3", "hello", references)).await.0,
        ticket
    );
    let token = shop
        .texts("select '[TKT-' || id || '·' || token || ']' from packline.tickets")
        .await;
    assert_eq!(
        shop.mailed(&mail("m4", &format!("AW: x {}", token[0]), ""))
            .await
            .0,
        ticket
    );
    assert_eq!(shop.mailed(&mail("m5", "once more #1", "")).await.0, ticket);
    // A wrong token is a stranger's.
    let stranger = mail("m6", &format!("[TKT-{ticket}·00000000]"), "").replace("ann@", "eve@");
    assert_ne!(shop.mailed(&stranger).await.0, ticket);

    shop.execute(
        "update packline.tickets
         set state = 'resolved', resolution = 'answered', snoozed_until = '2126-01-01'",
    )
    .await;
    let away = mail(
        "m7",
        "Away",
        "Auto-Submitted: auto-replied\nIn-Reply-To: <m1@example.com>\n",
    );
    assert_eq!(
        shop.mailed(&away).await,
        (ticket, "resolved".to_owned(), "auto".to_owned())
    );
    let back = mail("m8", "Still nothing", "In-Reply-To: <m1@example.com>\n");
    assert_eq!(
        shop.mailed(&back).await,
        (ticket, "open".to_owned(), "inbound".to_owned())
    );
    let awake = "select id from packline.tickets
                 where state = 'open' and resolution is null and snoozed_until is null";
    assert_eq!(shop.number(awake).await, ticket);
    shop.execute("update packline.tickets set snoozed_until = '2126-01-01' where state = 'open'")
        .await;
    let more = mail("m10", "Hello?", "In-Reply-To: <m1@example.com>\n");
    assert_eq!(shop.mailed(&more).await.0, ticket);
    assert_eq!(shop.number(awake).await, ticket);

    shop.execute("update packline.tickets set state = 'resolved' where state = 'open'")
        .await;
    shop.execute("update packline.tickets set state = 'closed' where state = 'resolved'")
        .await;
    let (next, state, _) = shop
        .mailed(&mail("m9", "And again", "In-Reply-To: <m1@example.com>\n"))
        .await;
    assert_eq!(state, "new");
    let continues = "select continues_id from packline.tickets where continues_id is not null";
    assert_ne!(next, ticket);
    assert_eq!(shop.number(continues).await, ticket);

    // The same Message-ID with another text is another mail; with the same text it is not.
    let before = shop.number("select count(*) from packline.messages").await;
    let forged = mail("m9", "And again", "").replace("Where", "There");
    for (mail, created) in [(&forged, 1), (&forged, 0), (&back, 0)] {
        let summary = shop.mail(vec![PathBuf::from("-")], mail.as_bytes()).await;
        assert_eq!(summary.created, created);
    }
    assert_eq!(
        shop.number("select count(*) from packline.messages").await,
        before + 1
    );
}

#[tokio::test]
async fn a_mail_that_is_none_is_kept_whole() {
    let shop = Shop::open().await;
    for raw in [
        &b"\0\xFF no header"[..],
        b"Subject: \0x\r\n\r\nfrom nobody",
        b"",
    ] {
        let summary = shop.mail(vec![PathBuf::from("-")], raw).await;
        assert_eq!(counts(&summary), (1, 1, 0, 0));
    }
    let kept = "select encode(content, 'hex') from packline.attachments order by id limit 1";
    assert_eq!(shop.texts(kept).await, ["00ff206e6f20686561646572"]);
    assert_eq!(
        shop.number("select count(*) from packline.tickets").await,
        3
    );
}

/// The program on this shop's database: its exit status, and what it printed on each stream.
async fn packline(shop: &Shop, arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_packline"));
    command
        .args(["--database-url", &shop.database.url, "import"])
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("its input");
    // A program that refuses its arguments reads nothing.
    let _ = stdin.write_all(input).await;
    drop(stdin);
    let ended = child.wait_with_output();
    let output = deadline(Duration::from_secs(30), "the import", ended)
        .await
        .expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn the_program_says_what_it_did_and_how_it_ended() {
    let shop = Shop::open().await;
    let good = export(&["#1,11,paid,10.00,0,,Rome,1,A,10"]);
    let orders = ["orders", "-", "--channel", "web shop", "--json"];
    let (status, summary, _) = packline(&shop, &orders, &good).await;
    let expected = r#"{"read":1,"created":1,"updated":0,"unchanged":0,"rejected":[]}"#;
    assert_eq!((status, summary.trim_end()), (Some(0), expected));

    let bad = export(&["#2,12,paid,\u{1b}[2J,0,,Rome,1,A,10"]);
    let (status, summary, _) = packline(&shop, &orders, &bad).await;
    let expected = r#"{"read":1,"created":0,"updated":0,"unchanged":0,"rejected":[{"file":"-","line":2,"field":"Total","value":"\u001b[2J","reason":"expected a plain decimal such as 12.50"}]}"#;
    assert_eq!((status, summary.trim_end()), (Some(3), expected));
    let (status, summary, rejected) = packline(&shop, &orders[..4], &bad).await;
    assert_eq!(status, Some(3));
    assert_eq!(
        summary,
        "1 read: 0 created, 0 updated, 0 unchanged, 1 rejected\n"
    );
    assert_eq!(
        rejected,
        "-:2: Total: expected a plain decimal such as 12.50 (found ␛[2J)\n"
    );

    let mail = b"From: ann@example.com\r\nSubject: #1\r\n\r\nhello\r\n";
    assert_eq!(packline(&shop, &["mail", "-"], mail).await.0, Some(0));
    assert_eq!(
        packline(&shop, &["catalog", "/nowhere/catalog.csv"], b"")
            .await
            .0,
        Some(1)
    );
    assert_eq!(
        packline(&shop, &["mail", "/nowhere/a.eml"], b"").await.0,
        Some(1)
    );
    assert_eq!(packline(&shop, &["orders", "-"], b"").await.0, Some(2));
    assert_eq!(
        packline(&shop, &["orders", "-", "--channel", "a/b"], b"")
            .await
            .0,
        Some(2)
    );
}

#[tokio::test]
async fn an_import_needs_no_more_than_the_roles_of_an_admin() {
    let shop = Shop::open().await;
    let login = format!("importer_{}", std::process::id());
    let mut connection = shop.connection().await;
    sqlx::query("select packline.staff_add($1, 'Importer', array['admin'])")
        .bind(&login)
        .execute(&mut connection)
        .await
        .expect("a member of the staff");
    let url = shop
        .database
        .options
        .clone()
        .username(&login)
        .to_url_lossy();
    let url = url
        .as_str()
        .parse()
        .expect("the URL of the test's database");
    let admin = Db::connect(url, Settings::new("import"))
        .await
        .expect("a connection");
    let shop = Shop { db: admin, ..shop };
    let catalog = b"sku,title,supplier,unit_cost,currency,on_hand\nA,Lamp,S,1.00,EUR,5\n";
    assert_eq!(counts(&shop.catalog(&catalog[..]).await), (1, 1, 0, 0));
    let orders = export(&["#1,11,paid,30.00,0,,Rome,3,A,10"]);
    assert_eq!(counts(&shop.orders(&orders[..]).await), (1, 1, 0, 0));
    let changed = export(&["#1,11,partially_refunded,30.00,5.00,,Rome,2,A,10"]);
    assert_eq!(counts(&shop.orders(&changed[..]).await), (1, 0, 1, 0));
    let dispatch = format!("{DISPATCHES}#1,A,2,S,DHL,T1,2026-11-21 10:00:00 +0100\n");
    assert_eq!(
        counts(&shop.dispatches(dispatch.as_bytes()).await),
        (1, 1, 0, 0)
    );
    let delivered = event("e1", "2026-11-23T12:00:00Z", "delivered");
    assert_eq!(
        counts(&shop.tracking(delivered.as_bytes()).await),
        (1, 1, 0, 0)
    );
    let (_, state, _) = shop
        .mailed("From: ann@example.com\nSubject: #1\n\nwhere?\n")
        .await;
    assert_eq!(state, "new");
    let told = "select count(*) from packline.activity where source <> 'import'
                and kind not in ('staff', 'location')";
    assert_eq!(shop.number(told).await, 0);
    assert_eq!(shop.number(LEDGER).await, 0);
}

#[tokio::test]
async fn shipping_options_are_known_by_name_and_currency_and_change_in_place() {
    let shop = Shop::open().await;
    let header =
        "name,currency,price,free_over,transit_days_min,transit_days_max,countries,max_weight_g\n";
    let first = format!("{header}Standard,EUR,5.90,80,2,5,PT ES,\nStandard,GBP,4.90,,2,4,,\n");
    let told = |summary: &Summary| {
        (
            summary.created,
            summary.updated,
            summary.unchanged,
            summary.rejected.len(),
        )
    };
    let import = async |text: &str| {
        let (stop, mut quiet) = (Stop::default(), |_: &Summary| {});
        let run = run(&shop.db, &stop, &mut quiet);
        import::options::import(run, text.as_bytes(), "options.csv")
            .await
            .expect("options")
    };
    assert_eq!(told(&import(&first).await), (2, 0, 0, 0));
    assert_eq!(told(&import(&first).await), (0, 0, 2, 0), "a repeat");
    let second = format!("{header}Standard,EUR,6.90,80,2,3,PT,\nStandard,EUR,1,,1,1,,\n");
    assert_eq!(told(&import(&second).await), (0, 1, 0, 1));
    let mut owner = shop.database.connect().await;
    let left: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', name, currency, price, free_over, transit_days_max, countries)
         from packline.shipping_options order by currency",
    )
    .fetch_all(&mut owner)
    .await
    .expect("options");
    assert_eq!(
        left,
        ["Standard EUR 690 8000 3 {PT}", "Standard GBP 490 4 {}"]
    );
}
