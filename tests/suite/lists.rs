//! Lists against a real server: every row exactly once and in order, whatever the sort and the
//! filter and whoever writes meanwhile; and no more work for ten times the history.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use packline::domain::filter::{Filter, states};
use packline::domain::list::{
    Anchor, Count, ListQuery, ListRow, Page, Sort, SortColumn, SortKey, Viewer,
};
use packline::domain::money::Currency;
use packline::domain::record::{Kind, Pane, RecordId};
use packline::store::{lists, records};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::harness::{self, TestDatabase, Volume};

/// Rows of a page, as a prime: no number of rows is a whole number of pages.
const PAGE: i64 = 17;
/// More than any list here has.
const ALL: i64 = 10_000;
/// Who asks.
fn me() -> Viewer {
    Viewer {
        login: "ana".to_owned(),
        zone: chrono_tz::Europe::Berlin,
    }
}

struct Shop {
    connection: PgConnection,
    now: DateTime<Utc>,
    // Dropped after its connection.
    database: TestDatabase,
}

impl Shop {
    async fn with(volume: Volume) -> Self {
        let database = harness::database().await;
        let mut connection = PgConnection::connect_with(&database.options.clone().options([
            ("search_path", "packline,pg_catalog,pg_temp"),
            // What a worker process reads is not counted for its leader.
            ("max_parallel_workers_per_gather", "0"),
            // As the program's own sessions.
            ("random_page_cost", "1.1"),
            ("jit", "off"),
        ]))
        .await
        .expect("a connection");
        volume.fill(&mut connection).await;
        let now = sqlx::query_scalar("select now()")
            .fetch_one(&mut connection)
            .await
            .expect("the time");
        Self {
            connection,
            now,
            database,
        }
    }

    async fn small() -> Self {
        Self::with(Volume {
            products: 300,
            closed: 60,
            open: 200,
        })
        .await
    }

    async fn page(&mut self, query: &ListQuery, anchor: &Anchor, limit: i64) -> Page {
        lists::page(&mut self.connection, query, &me(), anchor, limit, self.now)
            .await
            .unwrap_or_else(|error| panic!("{query:?}: {error}"))
    }

    async fn all(&mut self, query: &ListQuery) -> Vec<ListRow> {
        let page = self.page(query, &Anchor::Start, ALL).await;
        assert!(page.complete, "{query:?}");
        page.rows
    }

    async fn execute(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn ids(&mut self, sql: &str) -> BTreeSet<i64> {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .into_iter()
            .collect()
    }
}

fn query(pane: Pane, filter: &str, column: SortColumn, descending: bool) -> ListQuery {
    ListQuery {
        pane,
        filter: Filter::parse(pane, filter).unwrap_or_else(|error| panic!("{filter}: {error}")),
        sort: Sort { column, descending },
    }
}

/// A list in the order that its pane starts with.
fn plain(pane: impl Into<Pane>, filter: &str) -> ListQuery {
    let pane = pane.into();
    query(pane, filter, SortColumn::of(pane)[0], false)
}

/// Each kind with filters worth paging through, and every sort in both directions.
fn every_list() -> Vec<ListQuery> {
    let mut lists = Vec::new();
    for filter in [
        "",
        "late",
        "-late",
        "0",
        "who:me",
        "-who:me",
        "kind:ticket",
        "-kind:stock 1",
    ] {
        for descending in [false, true] {
            lists.push(query(Pane::Next, filter, SortColumn::Due, descending));
        }
    }
    for &kind in Kind::ALL {
        let state = format!("state:{}", states(kind)[0]);
        let mut filters = vec!["", "all", "late", "-late", "0", &state];
        if kind != Kind::Stock && kind != Kind::Shipment {
            filters.extend(["who:me", "who:nobody", "-who:me all"]);
        }
        lists.extend(more_filters(kind).map(|filter| plain(kind, filter)));
        for filter in filters {
            for &column in SortColumn::of(kind) {
                for descending in [false, true] {
                    lists.push(query(Pane::Of(kind), filter, column, descending));
                }
            }
        }
    }
    lists
}

/// Filters of each field, in the order that the pane starts with.
fn more_filters(kind: Kind) -> impl Iterator<Item = &'static str> {
    let filters: &[&str] = match kind {
        Kind::Order => &[
            "all tag:gift",
            "all tag:nosuch",
            "all -tag:gift",
            "all country:de",
            "all country:pt",
            "all -state:closed",
            "all channel:shop",
            "all channel:nosuch",
            "all amount>=15.30",
            "all age<1d",
            "all placed:yesterday",
            "all who:nobody late",
            "carrier:dhl",
            "supplier:7",
            "sku:sku-00000",
            "option:express",
            "held",
            "nothing-is-called-so",
            "-customer",
        ],
        Kind::Stock => &["sku:sku-00000", "supplier:7", "location:shelf", "free<4"],
        Kind::Shipment => &[
            "all carrier:dhl",
            "all carrier:nosuch",
            "all tracking:in_transit",
            "all tracking:failure",
            "all -state:delivered",
            "all age<3d",
            "country:de",
            "silent>4d",
            "nothing-is-called-so",
        ],
        Kind::Inspection => &["all created:yesterday", "age>1w", "nothing-is-called-so"],
        Kind::Ticket => &[
            "all age<1d",
            "priority:high",
            "channel:mail",
            "nothing-is-called-so",
        ],
    };
    filters.iter().copied()
}

fn ids(rows: &[ListRow]) -> Vec<RecordId> {
    rows.iter().map(|row| row.key.id).collect()
}

/// The primary keys of rows that are all of one kind.
fn keys(rows: &[ListRow]) -> Vec<i64> {
    rows.iter().map(|row| row.key.id.id).collect()
}

#[tokio::test]
async fn pages_forward_and_backward_give_each_row_once_and_in_order() {
    let mut shop = Shop::small().await;
    for query in every_list() {
        let all = shop.all(&query).await;
        let keys: Vec<&SortKey> = all.iter().map(|row| &row.key).collect();
        assert!(
            keys.is_sorted_by(|a, b| if query.sort.descending { a > b } else { a < b }),
            "the order that rows are put in by their keys is the database's: {query:?}"
        );

        let mut forward: Vec<ListRow> = Vec::new();
        loop {
            let anchor = match forward.last() {
                None => Anchor::Start,
                Some(last) => Anchor::After(last.key.clone()),
            };
            let page = shop.page(&query, &anchor, PAGE).await;
            forward.extend(page.rows);
            if page.complete {
                break;
            }
        }
        assert_eq!(forward, all, "forward: {query:?}");

        let mut backward: Vec<ListRow> = Vec::new();
        loop {
            let anchor = match backward.first() {
                None => Anchor::End,
                Some(first) => Anchor::Before(first.key.clone()),
            };
            let mut page = shop.page(&query, &anchor, PAGE).await;
            page.rows.append(&mut backward);
            backward = page.rows;
            if page.complete {
                break;
            }
        }
        assert_eq!(backward, all, "backward: {query:?}");

        if let Some(middle) = all.get(all.len() / 2) {
            let page = shop
                .page(&query, &Anchor::From(middle.key.clone()), PAGE)
                .await;
            let expected = &all[all.len() / 2..];
            assert_eq!(
                page.rows,
                expected[..expected.len().min(PAGE as usize)],
                "a row stays where it is when its page is read anew: {query:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_row_that_nobody_touched_comes_once_while_others_move() {
    let mut shop = Shop::small().await;
    // Every third order jumps to the other end of the list before each page is read.
    for descending in [false, true] {
        let list = query(Pane::Of(Kind::Order), "", SortColumn::Due, descending);
        let before = keys(&shop.all(&list).await);
        let still: Vec<i64> = before.into_iter().filter(|id| id % 3 != 0).collect();
        let mut seen: Vec<ListRow> = Vec::new();
        let mut turn = 0;
        loop {
            turn += 1;
            let days = if turn % 2 == 0 { 40 } else { -40 };
            shop.execute(&format!(
                "update orders set ship_by = placed_at + interval '{days} days'
                 where id % 3 = 0
                   and stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')"
            ))
            .await;
            let anchor = match seen.last() {
                None => Anchor::Start,
                Some(last) => Anchor::After(last.key.clone()),
            };
            let page = shop.page(&list, &anchor, PAGE).await;
            seen.extend(page.rows);
            if page.complete {
                break;
            }
        }
        assert!(turn > 5, "more than {turn} pages were read");
        let seen: Vec<i64> = keys(&seen).into_iter().filter(|id| id % 3 != 0).collect();
        assert_eq!(seen, still, "descending: {descending}");
    }
}

#[tokio::test]
async fn a_row_read_alone_is_the_row_of_the_page() {
    let mut shop = Shop::small().await;
    for query in every_list() {
        let listed: BTreeMap<RecordId, ListRow> = shop
            .all(&query)
            .await
            .into_iter()
            .map(|row| (row.key.id, row))
            .collect();
        let mut wanted = Vec::new();
        for &kind in Kind::ALL {
            if query.pane == Pane::Next || query.pane == Pane::Of(kind) {
                wanted.extend(ids(&shop.all(&plain(kind, "all")).await));
            }
        }
        let none = RecordId::new(Kind::Order, i64::MAX);
        wanted.push(none);
        let alone = lists::rows(&mut shop.connection, &query, &me(), &wanted, shop.now)
            .await
            .expect("rows");
        assert_eq!(alone.len(), wanted.len());
        for found in alone {
            if found.id == none {
                assert!(found.row.is_none() && !found.matches, "there is none");
                continue;
            }
            assert_eq!(
                found.matches,
                listed.contains_key(&found.id),
                "{query:?}: {:?}",
                found.id
            );
            if found.matches {
                assert_eq!(found.row.as_ref(), listed.get(&found.id), "{query:?}");
            }
        }
    }
}

#[tokio::test]
async fn counts_are_those_of_the_full_lists() {
    let mut shop = Shop::small().await;
    let counts = lists::counts(&mut shop.connection, shop.now)
        .await
        .expect("counts");
    for &pane in Pane::ALL {
        let open = shop.all(&plain(pane, "")).await.len() as i64;
        let urgent = match pane {
            Pane::Of(Kind::Stock) => "state:short",
            Pane::Of(Kind::Inspection) => "state:failed",
            _ => "late",
        };
        let urgent = shop.all(&plain(pane, urgent)).await.len() as i64;
        assert!(
            open >= urgent && urgent > 0,
            "{pane:?}: {open} open, {urgent} urgent"
        );
        assert_eq!(counts.of(pane).open, Count(open), "{pane:?}");
        assert_eq!(counts.of(pane).urgent, Count(urgent), "{pane:?}");
    }
}

#[tokio::test]
async fn next_holds_every_promise_of_every_kind_and_each_once() {
    let mut shop = Shop::small().await;
    let next = shop.all(&plain(Pane::Next, "")).await;
    let listed: BTreeSet<RecordId> = ids(&next).into_iter().collect();
    assert_eq!(listed.len(), next.len(), "each once");
    let mut expected = BTreeSet::new();
    for &kind in Kind::ALL {
        for row in shop.all(&plain(kind, "")).await {
            if row.record.due_at().is_some() {
                expected.insert(row.key.id);
            }
        }
        // A promise stands with what is to be done about it.
        for id in shop.ids(&elsewhere(kind)).await {
            expected.remove(&RecordId::new(kind, id));
        }
        assert!(
            expected.iter().any(|id| id.kind == kind),
            "no {kind} has a promise: the case shows nothing"
        );
    }
    assert_eq!(listed, expected);
    let promises: Vec<_> = next.iter().map(|row| row.record.due_at()).collect();
    assert!(promises.is_sorted(), "the nearest first: {promises:?}");
    assert!(next.iter().all(|row| row.record.promise().is_some()));
}

/// The records of a kind whose promise is another record's to show: a second telling of it, which
/// the list is held against.
fn elsewhere(kind: Kind) -> String {
    let checks = "(select order_id from inspections where state in ('pending', 'failed') and order_id is not null)";
    match kind {
        Kind::Order => format!(
            "select id from orders where stage <> 'on_hold'
               and id not in (select order_id from order_lines where unallocated > 0)
               and (id in {checks}
                    or id in (select order_id from shipments where state in ('draft', 'labelled')))"
        ),
        Kind::Shipment => format!(
            "select id from shipments where state in ('draft', 'labelled') and order_id in {checks}"
        ),
        Kind::Stock | Kind::Inspection | Kind::Ticket => {
            "select id from orders where false".to_owned()
        }
    }
}

#[tokio::test]
async fn a_page_that_changes_while_it_is_read_is_not_the_end_of_the_list() {
    let mut shop = Shop::small().await;
    let mut other = PgConnection::connect_with(&shop.database.options)
        .await
        .expect("a connection");
    let next = plain(Pane::Next, "kind:order");
    let all = ids(&shop.all(&next).await);
    let (first, rest) = all.split_at(PAGE as usize);
    let first: Vec<i64> = first.iter().map(|id| id.id).collect();
    // The rows, not their keys, are read with the names of channels.
    let mut change = other.begin().await.expect("a transaction");
    sqlx::raw_sql("set local search_path = packline, pg_catalog; lock table channels in access exclusive mode")
        .execute(&mut *change)
        .await
        .expect("a lock");
    let limit = std::time::Duration::from_secs(30);
    let reading = tokio::spawn(async move {
        let page = shop.page(&next, &Anchor::Start, PAGE).await;
        (shop, page)
    });
    let waiting = "select exists (select from pg_locks
                                  where not granted and relation = 'packline.channels'::regclass)";
    let waits = async {
        while !sqlx::query_scalar::<_, bool>(waiting)
            .fetch_one(&mut *change)
            .await
            .expect("an answer")
        {}
    };
    harness::deadline(limit, "it reads the rows", waits).await;
    sqlx::query("update orders set ship_by = null where id = any ($1)")
        .bind(first)
        .execute(&mut *change)
        .await
        .expect("a change");
    change.commit().await.expect("a change");
    let (_shop, page) = harness::deadline(limit, "a page", reading)
        .await
        .expect("a page");
    assert!(!page.complete);
    assert_eq!(ids(&page.rows), rest[..PAGE as usize]);
}

#[tokio::test]
async fn counts_stop_where_they_say_more() {
    let mut shop = Shop::with(Volume {
        products: 100,
        closed: 10,
        open: Count::LIMIT as u32 + 50,
    })
    .await;
    let counts = lists::counts(&mut shop.connection, shop.now)
        .await
        .expect("counts");
    assert_eq!(counts.orders.open.to_string(), "1000+");
    assert!(counts.tickets.open.0 <= Count::LIMIT);
}

/// Open work, as the schema says it.
const OPEN: &str = "stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')";

#[tokio::test]
async fn a_filter_lets_through_what_it_says() {
    let mut shop = Shop::small().await;
    // Names as hostile to patterns as to quotes.
    shop.execute(
        r#"update orders set customer_name = '100%_Sure O''Brien "x" back\slash' where id = 100;
          update orders set customer_name = '100 and sure' where id = 101;
          update orders set email = 'Anna_Maria@example.com' where id = 102;
          update orders set email = 'annaxmaria@example.com' where id = 103;"#,
    )
    .await;
    // Another country, another option and another currency, for a few.
    shop.execute(
        "update orders set shipping_address = '{\"country\": \"PT\"}' where id % 7 = 1;
         update orders set shipping_method = 'Express 24' where id % 9 = 1;
         update orders set currency = 'JPY', total = 1600 where id = 104;
         update tickets set priority = 'high' where id = 120;",
    )
    .await;
    let open_order =
        |condition: &str| format!("select id from orders where {OPEN} and ({condition})");
    let cases: Vec<(Kind, &str, String)> = vec![
        (Kind::Order, "100%_", open_order("id = 100")),
        (Kind::Order, "o'brien", open_order("id = 100")),
        (Kind::Order, "back\\slash", open_order("id = 100")),
        (Kind::Order, "nna_m", open_order("id = 102")),
        (Kind::Order, "#150", open_order("number = '#150'")),
        (
            Kind::Order,
            "sku-000007",
            open_order("exists (select from order_lines l where l.order_id = orders.id and l.product_id = 7)"),
        ),
        (Kind::Order, "trk99", open_order("exists (select from shipments s where s.order_id = orders.id and s.tracking_code like 'TRK99%')")),
        (Kind::Order, "state:held", open_order("hold_reason is not null")),
        (Kind::Order, "-state:held", open_order("hold_reason is null")),
        (Kind::Order, "state:closed", "select id from orders where stage = 'closed'".to_owned()),
        (Kind::Order, "late", open_order("ship_by < $now")),
        (Kind::Order, "who:me", open_order("assignee = 'ana'")),
        (Kind::Order, "who:bo", open_order("false")),
        (Kind::Order, "who:nobody", open_order("assignee is null")),
        // What nobody has is not hers either.
        (Kind::Order, "-who:me", open_order("assignee is distinct from 'ana'")),
        (Kind::Order, "tag:GIFT", open_order("'gift' = any (tags)")),
        (Kind::Order, "tag:gift -late -who:me", open_order("'gift' = any (tags) and ship_by >= $now and assignee is null")),
        (Kind::Order, "all", "select id from orders".to_owned()),
        (Kind::Order, "all #10", "select id from orders where number = '#10'".to_owned()),
        (Kind::Order, "all 10", "select id from orders where number = '#10'".to_owned()),
        (Kind::Order, "all TRK7", "select order_id from shipments where tracking_code = 'TRK7'".to_owned()),
        (Kind::Order, "held", open_order("hold_reason is not null")),
        (Kind::Order, "\"held\"", open_order("false")),
        (Kind::Order, "\"o'brien \"", open_order("id = 100")),
        (Kind::Order, "carrier:dhl", open_order("id in (select order_id from shipments where carrier_id = 1)")),
        (Kind::Order, "supplier:nosuch", open_order("false")),
        (Kind::Order, "sku:sku-00000", open_order("exists (select from order_lines l where l.order_id = orders.id and l.sku like 'SKU-00000%')")),
        (Kind::Order, "option:EXPRESS", open_order("shipping_method = 'Express 24'")),
        (Kind::Order, "country:pt", open_order("country = 'PT'")),
        (Kind::Order, "-country:pt", open_order("country = 'DE'")),
        (Kind::Order, "all country:pt", "select id from orders where country = 'PT'".to_owned()),
        (Kind::Order, "channel:sho", open_order("true")),
        (Kind::Order, "-channel:shop", open_order("false")),
        (Kind::Order, "all tag:Gift", "select id from orders where 'gift' = any (tags)".to_owned()),
        (Kind::Order, "all -tag:gift", "select id from orders where not 'gift' = any (tags)".to_owned()),
        (Kind::Order, "all -state:closed", "select id from orders where stage <> 'closed'".to_owned()),
        (Kind::Order, "amount>=16.50", open_order("total >= 1650 and currency = 'EUR' or total >= 16 and currency = 'JPY'")),
        (Kind::Order, "amount:1600", open_order("id = 104")),
        (Kind::Order, "amount<=1600 amount>=1600", open_order("id = 104")),
        (Kind::Order, "amount<16.50", open_order("total < 1650 and currency = 'EUR'")),
        (Kind::Order, "age>2d", open_order("placed_at < $now - interval '2 days'")),
        (Kind::Order, "age<=2d", open_order("placed_at >= $now - interval '2 days'")),
        (Kind::Order, "placed:yesterday", open_order("(placed_at at time zone 'Europe/Berlin')::date = ($now at time zone 'Europe/Berlin')::date - 1")),
        (Kind::Order, "placed<yesterday", open_order("(placed_at at time zone 'Europe/Berlin')::date < ($now at time zone 'Europe/Berlin')::date - 1")),
        (Kind::Order, "placed>2d", open_order("(placed_at at time zone 'Europe/Berlin')::date > ($now at time zone 'Europe/Berlin')::date - 2")),
        (Kind::Stock, "free<4", "select id from stock_levels where on_hand - reserved < 4 and (muted_until is null or muted_until <= $now) and (on_hand - reserved <= reorder_point or product_id in (select product_id from order_lines where unallocated > 0))".to_owned()),
        (Kind::Stock, "all supplier:\"supplier 7\"", "select s.id from stock_levels s where s.product_id % 50 = 7".to_owned()),
        (Kind::Stock, "all location:shelf", "select id from stock_levels".to_owned()),
        (Kind::Shipment, "country:pt", "select s.id from shipments s join orders o on o.id = s.order_id where o.country = 'PT' and s.is_open".to_owned()),
        (Kind::Shipment, "all tracking:in-transit", "select id from shipments where tracking_status = 'in_transit'".to_owned()),
        (Kind::Shipment, "silent>4d", "select id from shipments where state = 'handed_over' and last_event_at < $now - interval '4 days'".to_owned()),
        (Kind::Shipment, "\"shp-2\"", "select id from shipments where is_open and 'shp-' || id like '%shp-2%'".to_owned()),
        (Kind::Ticket, "priority:high", "select 120::bigint".to_owned()),
        (Kind::Ticket, "channel:mail who:nobody", "select id from tickets where assignee is null and state in ('new', 'open', 'pending') and coalesce(snoozed_until <= $now, true)".to_owned()),
        (Kind::Stock, "all sku-000010", "select s.id from stock_levels s join products p on p.id = s.product_id where p.sku = 'SKU-000010'".to_owned()),
        (Kind::Stock, "state:muted", "select id from stock_levels where muted_until > $now".to_owned()),
        (Kind::Stock, "state:low", "select id from stock_levels where on_hand - reserved <= reorder_point and (muted_until is null or muted_until <= $now)".to_owned()),
        (Kind::Shipment, "carrier:dhl", "select id from shipments where is_open and carrier_id = 1".to_owned()),
        (Kind::Shipment, "-carrier:dhl", "select id from shipments where is_open and carrier_id is distinct from 1".to_owned()),
        (Kind::Shipment, "all trk9", "select -1::bigint".to_owned()),
        (Kind::Shipment, "all TRK9", "select id from shipments where tracking_code = 'TRK9'".to_owned()),
        (Kind::Inspection, "state:failed", "select id from inspections where state = 'failed'".to_owned()),
        (Kind::Inspection, "all", "select id from inspections".to_owned()),
        (Kind::Inspection, "all INS-6", "select 6::bigint".to_owned()),
        (Kind::Ticket, "", "select id from tickets where state in ('new', 'open', 'pending') and coalesce(snoozed_until <= $now, true)".to_owned()),
        (Kind::Ticket, "snoozed", "select id from tickets where state in ('new', 'open', 'pending') and snoozed_until > $now".to_owned()),
        (Kind::Ticket, "#100?", "select id from tickets where subject like '%#100?%' and state in ('new', 'open', 'pending') and snoozed_until is null".to_owned()),
        (Kind::Ticket, "all c20@example.com", "select id from tickets where email = 'c20@example.com'".to_owned()),
    ];
    for (kind, filter, sql) in cases {
        let sql = sql.replace("$now", &format!("'{}'::timestamptz", shop.now.to_rfc3339()));
        let mut expected = shop.ids(&sql).await;
        expected.remove(&-1);
        let found: BTreeSet<i64> = keys(&shop.all(&plain(kind, filter)).await)
            .into_iter()
            .collect();
        assert_eq!(found, expected, "{kind} {filter}");
        assert!(
            !expected.is_empty()
                || [
                    "who:bo",
                    "all trk9",
                    "\"held\"",
                    "supplier:nosuch",
                    "-channel:shop"
                ]
                .contains(&filter),
            "{kind} {filter}: the case shows nothing"
        );
    }
}

#[tokio::test]
async fn the_database_knows_the_decimals_of_every_currency() {
    let mut shop = Shop::small().await;
    let letters = || 'A'..='Z';
    let codes = letters()
        .flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let known: Vec<(String, i32)> = codes
        .filter_map(|code| {
            let exponent = Currency::from_code(&code)?.exponent();
            Some((code, 10_i32.pow(exponent)))
        })
        .collect();
    assert!(known.len() > 100, "{}", known.len());
    let (codes, units): (Vec<String>, Vec<i32>) = known.into_iter().unzip();
    let told: Vec<i32> = sqlx::query_scalar(
        "select currency_units(code) from unnest($1) with ordinality as c (code, place) order by place",
    )
    .bind(&codes)
    .fetch_all(&mut shop.connection)
    .await
    .expect("the units");
    for ((code, units), told) in codes.iter().zip(units).zip(told) {
        assert_eq!(told, units, "{code}");
    }
}

/// What statements read: by table, rows read one after the other and entries read in its indexes.
#[derive(Debug, Default, Clone)]
struct Reads {
    scanned: BTreeMap<String, i64>,
    by_index: i64,
}

impl Reads {
    fn total(&self) -> i64 {
        self.scanned.values().sum::<i64>() + self.by_index
    }
}

/// Tables that grow with the years.
const HISTORY: &[&str] = &[
    "orders",
    "order_lines",
    "fulfilments",
    "fulfilment_lines",
    "reservations",
    "payments",
    "refunds",
    "shipments",
    "shipment_lines",
    "tracking_events",
    "inspections",
    "inspection_checks",
    "tickets",
    "messages",
    "clock_events",
    "activity_default",
    "stock_movements",
    "daily_demand",
    "daily_defects",
    "customers",
    "notices",
    "purchase_orders",
    "purchase_order_lines",
    "alerts",
];

/// Rows of scans, and entries of indexes, that this session has read and not yet reported.
async fn counted(connection: &mut PgConnection) -> BTreeMap<(String, bool), i64> {
    sqlx::query_as::<_, (String, bool, i64)>(
        "select c.relname::text, c.relkind = 'r', pg_stat_get_xact_tuples_returned(c.oid)
         from pg_class c
         where c.relnamespace = 'packline'::regnamespace and c.relkind in ('r', 'i')
           and pg_stat_get_xact_tuples_returned(c.oid) > 0",
    )
    .fetch_all(connection)
    .await
    .expect("the statistics of the transaction")
    .into_iter()
    .map(|(relation, is_table, rows)| ((relation, is_table), rows))
    .collect()
}

/// Says what `work` reads, by the server's own count.
macro_rules! reads {
    ($shop:expr, $work:expr) => {{
        $shop.connection.execute("begin").await.expect("begin");
        // Reported at the earliest when the transaction ends.
        let before = counted(&mut $shop.connection).await;
        $work;
        let after = counted(&mut $shop.connection).await;
        $shop
            .connection
            .execute("rollback")
            .await
            .expect("rollback");
        let mut reads = Reads::default();
        for (relation, rows) in after {
            let rows = rows - before.get(&relation).unwrap_or(&0);
            match relation {
                _ if rows == 0 => {}
                (table, true) => drop(reads.scanned.insert(table, rows)),
                (_, false) => reads.by_index += rows,
            }
        }
        reads
    }};
}

/// Everything that the console and `packline list` read again and again, and what it takes.
async fn everything_read(shop: &mut Shop) -> BTreeMap<String, Reads> {
    let mut found = BTreeMap::new();
    let now = shop.now;
    for list in every_list() {
        let name = format!("{:?} {:?} {:?}", list.pane, list.filter, list.sort);
        let middle = {
            let page = shop.page(&list, &Anchor::Start, PAGE).await;
            page.rows.last().map(|row| row.key.clone())
        };
        let mut anchors = vec![("start", Anchor::Start), ("end", Anchor::End)];
        anchors.extend(middle.map(|key| ("after", Anchor::After(key))));
        for (place, anchor) in anchors {
            let reads = reads!(
                shop,
                lists::page(&mut shop.connection, &list, &me(), &anchor, PAGE, now)
                    .await
                    .expect("a page")
            );
            found.insert(format!("{name} {place}"), reads);
        }
    }
    for &pane in Pane::ALL {
        let list = plain(pane, "");
        let ids = ids(&shop.page(&list, &Anchor::Start, PAGE).await.rows);
        let reads = reads!(
            shop,
            lists::rows(&mut shop.connection, &list, &me(), &ids, now)
                .await
                .expect("rows")
        );
        found.insert(format!("{} rows", pane.name()), reads);
        let record = ids[0];
        let reads = reads!(
            shop,
            records::full(&mut shop.connection, record)
                .await
                .expect("a record")
        );
        found.insert(format!("{} record", pane.name()), reads);
        let reads = reads!(
            shop,
            records::history(&mut shop.connection, record, 50, chrono_tz::UTC)
                .await
                .expect("a history")
        );
        found.insert(format!("{} history", pane.name()), reads);
    }
    let reads = reads!(
        shop,
        lists::counts(&mut shop.connection, now)
            .await
            .expect("counts")
    );
    found.insert("counts".to_owned(), reads);
    found
}

#[tokio::test]
async fn nothing_reads_more_for_fifty_times_the_history() {
    let volume = |closed| Volume {
        products: 100,
        closed,
        open: 400,
    };
    let mut young = Shop::with(volume(2_000)).await;
    let young = everything_read(&mut young).await;
    let mut old = Shop::with(volume(100_000)).await;
    let old = everything_read(&mut old).await;
    let mut wrong = Vec::new();
    for (name, reads) in &old {
        let before = young[name].total();
        // Statistics are samples, so that plans may differ a little: by a hundredth of history.
        if reads.total() > before * 3 / 2 + 1_000 {
            wrong.push(format!("{name}: {before} rows, then {reads:?}"));
        }
        for table in HISTORY {
            // One row answers whether there is any.
            if reads.scanned.get(*table).is_some_and(|rows| *rows > 1) {
                wrong.push(format!(
                    "{name}: reads {table} from its beginning, {reads:?}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        old.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn what_the_tests_count_on_obeys_the_guards() {
    let mut shop = Shop::small().await;
    let states = "select string_agg(concat_ws(' ', o.id, o.stage, o.due_at), ',' order by o.id) from orders o";
    let told = async |shop: &mut Shop| -> String {
        sqlx::query_scalar(states)
            .fetch_one(&mut shop.connection)
            .await
            .expect("the orders")
    };
    let before = told(&mut shop).await;
    shop.execute("update orders set note = 'touched'").await;
    assert_eq!(
        told(&mut shop).await,
        before,
        "stages follow from the lines"
    );
    let unlike = shop
        .ids(
            "select s.id from stock_levels s
             left join stock_movements m on m.stock_level_id = s.id
             group by s.id having coalesce(sum(m.on_hand), 0) <> s.on_hand
                               or coalesce(sum(m.reserved), 0) <> s.reserved",
        )
        .await;
    assert_eq!(unlike, BTreeSet::new(), "the ledger explains the counters");
}
