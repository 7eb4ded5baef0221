//! Rows a second of the importers, with all that they check and derive, against `COPY` of the rows
//! that they wrote into bare tables of the same columns.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use packline::actions::import::{self, Run, Stop, Summary};
use packline::store::local::Durability;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::harness::server::server_with;
use crate::real_data::real_data;
use crate::report::{milliseconds, ratio, table};
use crate::{connect, durability, handle};

/// What each import writes.
const OF_CATALOG: &[&str] = &[
    "products",
    "suppliers",
    "supplier_offers",
    "stock_levels",
    "stock_movements",
];
const OF_ORDERS: &[&str] = &["customers", "orders", "order_lines", "payments", "refunds"];

pub(crate) async fn run() {
    let server = server_with(Durability::Safe);
    let database = server.database().await;
    let mut connection = connect(&database).await;
    let db = handle(&database, 2).await;
    let (catalog, orders, source) = sources();
    let setting = format!("{}; {source}", durability(&mut connection).await);
    let stop = Stop::default();
    let mut rows = Vec::new();

    let start = Instant::now();
    let run = Run {
        db: &db,
        stop: &stop,
        progress: &mut |_| {},
    };
    let done = import::catalog::import(run, catalog.as_bytes(), "catalog.csv")
        .await
        .expect("the catalogue");
    accepted(&done);
    rows.extend(compared("catalogue", start.elapsed(), &mut connection, OF_CATALOG).await);

    let start = Instant::now();
    let run = Run {
        db: &db,
        stop: &stop,
        progress: &mut |_| {},
    };
    let done = import::orders::import(run, orders.as_bytes(), "orders.csv", "shop")
        .await
        .expect("the orders");
    accepted(&done);
    rows.extend(compared("orders", start.elapsed(), &mut connection, OF_ORDERS).await);

    table(
        "Import",
        &setting,
        ["", "rows", "took", "rows a second", "time against COPY"],
        &rows,
    );
}

fn accepted(summary: &Summary) {
    assert!(
        summary.rejected.is_empty() && summary.created > 0,
        "{summary:?}"
    );
}

/// The import's line of the table, and that of COPY.
async fn compared(
    what: &str,
    took: Duration,
    connection: &mut PgConnection,
    tables: &[&str],
) -> [[String; 5]; 2] {
    let mut rows = 0;
    let mut copied = Duration::ZERO;
    for table in tables {
        let bare = format!("create table bare_{table} as table {table} with no data");
        sqlx::query(AssertSqlSafe(bare))
            .execute(&mut *connection)
            .await
            .expect("a bare table");
        let content: Vec<_> = connection
            .copy_out_raw(&format!("copy (table {table}) to stdout"))
            .await
            .expect("COPY to us")
            .try_collect()
            .await
            .expect("the rows");
        let start = Instant::now();
        let mut copy = connection
            .copy_in_raw(&format!("copy bare_{table} from stdin"))
            .await
            .expect("COPY from us");
        for chunk in content {
            copy.send(chunk).await.expect("rows");
        }
        rows += copy.finish().await.expect("the end of COPY");
        copied += start.elapsed();
    }
    let line = |what: String, took: Duration| {
        [
            what,
            rows.to_string(),
            milliseconds(took),
            format!("{:.0}/s", rows as f64 / took.as_secs_f64()),
            ratio(took.as_secs_f64() / copied.as_secs_f64()),
        ]
    };
    [
        line(format!("import {what}"), took),
        line("COPY of what it wrote".to_owned(), copied),
    ]
}

/// A catalogue and orders as text, and where they are from.
fn sources() -> (String, String, &'static str) {
    let real = |path| real_data(path).map(|path| fs::read_to_string(path).expect("the file"));
    match (real("giftshop/catalog.csv"), real("giftshop/orders.csv")) {
        (Some(catalog), Some(orders)) => (
            catalog,
            orders,
            "a gift shop of 834 orders and 21,996 lines",
        ),
        _ => (
            made_catalog(),
            made_orders(),
            "1,000 made orders of 20 lines",
        ),
    }
}

fn made_catalog() -> String {
    let mut text =
        "sku,title,supplier,unit_cost,currency,lead_time_days,on_hand,reorder_point\n".to_owned();
    for n in 0..2_000 {
        writeln!(
            text,
            "SKU-{n},Article {n},Supplier {},1.50,GBP,3,{n},5",
            n % 30
        )
        .expect("text");
    }
    text
}

fn made_orders() -> String {
    let mut text =
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Created at,\
                    Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Shipping Name\n"
            .to_owned();
    for order in 0..1_000 {
        for line in 0..20 {
            let head = match line {
                0 => {
                    "paid,2026-01-05 10:00:00 +0000,GBP,50.00,0.00,0.00,50.00,2026-01-05 09:00:00 +0000"
                }
                _ => ",,,,,,,",
            };
            let sku = (order * 7 + line * 13) % 2_000;
            writeln!(
                text,
                "#{order},c{order}@example.com,{head},2,Article {sku},1.25,SKU-{sku},Customer {order}"
            )
            .expect("text");
        }
    }
    text
}
