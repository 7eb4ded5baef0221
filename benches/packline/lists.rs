//! What the console reads, with a million orders against ten thousand, both with the same open
//! work: a ratio near 1 says that nothing grows with history. Then keys, on both.

use std::time::Instant;

use chrono::{DateTime, Utc};
use packline::domain::filter::Filter;
use packline::domain::list::{Anchor, ListQuery, Sort, SortColumn, Viewer};
use packline::domain::record::{Kind, Pane, RecordId};
use packline::store::{lists, records};
use sqlx::postgres::PgConnection;

use crate::harness::{TestDatabase, Volume, database};
use crate::report::{Samples, milliseconds, table};
use crate::{busy, connect, durability, keys};

const ROUNDS: usize = 30;
const PAGE: i64 = 100;
const PAGES: usize = 50;
const YOUNG: u32 = 10_000;

/// Who asks.
fn viewer() -> Viewer {
    Viewer {
        login: "ana".to_owned(),
        zone: chrono_tz::UTC,
    }
}

pub(crate) async fn run() {
    let orders: u32 = std::env::var("PACKLINE_BENCH_ORDERS")
        .ok()
        .map_or(1_000_000, |text| text.parse().expect("a number of orders"));
    let open = orders / 20;
    let young = Shop::with(YOUNG, open).await;
    let old = Shop::with(orders - open, open).await;
    let mut connection = connect(&old.database).await;
    let setting = format!(
        "{}; {open} open orders in both, and {} or {YOUNG} closed ones; made in {}; median and p99 of {ROUNDS}",
        durability(&mut connection).await,
        orders - open,
        milliseconds(old.made),
    );
    let before = scans(&mut connection).await;
    let few = young.measured().await;
    let many = old.measured().await;
    let after = scans(&mut connection).await;
    assert_eq!(
        before, after,
        "nothing reads a table of years from its beginning"
    );
    let rows: Vec<_> = many
        .iter()
        .zip(&few)
        .map(|((what, many), (_, few))| {
            let [median, p99] = many.told();
            [
                what.clone(),
                median,
                p99,
                milliseconds(few.median()),
                many.against(few),
            ]
        })
        .collect();
    table(
        &format!("Lists at {orders} orders"),
        &setting,
        ["", "median", "p99", "median with less history", "ratio"],
        &rows,
    );
    keys::run(&young.database, &old.database, orders, open + YOUNG).await;
    busy::run(&old.database, orders).await;
}

struct Shop {
    database: TestDatabase,
    made: std::time::Duration,
}

impl Shop {
    async fn with(closed: u32, open: u32) -> Self {
        let database = database().await;
        let start = Instant::now();
        let volume = Volume {
            products: 5_000,
            closed,
            open,
        };
        volume.fill(&mut connect(&database).await).await;
        Self {
            database,
            made: start.elapsed(),
        }
    }

    /// What the console reads, and how long it takes.
    async fn measured(&self) -> Vec<(String, Samples)> {
        let mut connection = connect(&self.database).await;
        let now = Utc::now();
        let mut found = Vec::new();
        for &pane in Pane::ALL {
            for &column in SortColumn::of(pane) {
                let name = format!("{} by {column}", pane.name());
                let list = list(pane, "", column);
                found.push((name, pages(&mut connection, &list, now).await));
            }
        }
        for (filter, column) in [
            ("late", SortColumn::Due),
            ("who:me", SortColumn::Due),
            ("sku-000123", SortColumn::Due),
            ("all", SortColumn::Age),
            ("all", SortColumn::Amount),
            ("all #777", SortColumn::Due),
            ("state:cancelled", SortColumn::Due),
        ] {
            let list = list(Pane::Of(Kind::Order), filter, column);
            let name = format!("orders, filter “{filter}”");
            found.push((name, pages(&mut connection, &list, now).await));
        }
        let list = list(Pane::Of(Kind::Order), "", SortColumn::Due);
        found.push((
            format!("{PAGES} pages onward, each"),
            onward(&mut connection, &list, now).await,
        ));
        let page = lists::page(&mut connection, &list, &viewer(), &Anchor::Start, PAGE, now)
            .await
            .expect("a page");
        let ids: Vec<RecordId> = page.rows.iter().take(50).map(|row| row.key.id).collect();
        let mut rows = Samples::default();
        let mut counts = Samples::default();
        let mut full = Samples::default();
        let mut history = Samples::default();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            lists::rows(&mut connection, &list, &viewer(), &ids, now)
                .await
                .expect("rows");
            rows.push(start.elapsed());
            let start = Instant::now();
            lists::counts(&mut connection, now).await.expect("counts");
            counts.push(start.elapsed());
            let order = ids[0];
            let start = Instant::now();
            records::full(&mut connection, order)
                .await
                .expect("an order");
            full.push(start.elapsed());
            let start = Instant::now();
            records::history(&mut connection, order, 100, chrono_tz::Tz::UTC)
                .await
                .expect("its history");
            history.push(start.elapsed());
        }
        found.push(("50 rows that changed".to_owned(), rows));
        found.push(("every tab's counts".to_owned(), counts));
        found.push(("everything about an order".to_owned(), full));
        found.push(("an order's history".to_owned(), history));
        found
    }
}

fn list(pane: Pane, filter: &str, column: SortColumn) -> ListQuery {
    ListQuery {
        pane,
        filter: Filter::parse(pane, filter).expect("a filter"),
        sort: Sort {
            column,
            descending: false,
        },
    }
}

async fn pages(connection: &mut PgConnection, list: &ListQuery, now: DateTime<Utc>) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        lists::page(connection, list, &viewer(), &Anchor::Start, PAGE, now)
            .await
            .expect("a page");
        samples.push(start.elapsed());
    }
    samples
}

async fn onward(connection: &mut PgConnection, list: &ListQuery, now: DateTime<Utc>) -> Samples {
    let mut samples = Samples::default();
    let mut anchor = Anchor::Start;
    for _ in 0..PAGES {
        let start = Instant::now();
        let page = lists::page(connection, list, &viewer(), &anchor, PAGE, now)
            .await
            .expect("a page");
        samples.push(start.elapsed());
        match page.rows.last() {
            Some(last) if !page.complete => anchor = Anchor::After(last.key.clone()),
            _ => break,
        }
    }
    samples
}

/// How often the tables that grow with the years were read from their beginning.
async fn scans(connection: &mut PgConnection) -> Vec<(String, i64)> {
    sqlx::query_as(
        "select relname::text, seq_scan from pg_stat_user_tables
         where schemaname = 'packline'
           and relname in ('orders', 'order_lines', 'shipments', 'inspections', 'tickets',
                           'messages', 'tracking_events', 'activity_default', 'stock_movements')
         order by relname",
    )
    .fetch_all(connection)
    .await
    .expect("the statistics")
}
