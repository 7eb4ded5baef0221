//! Many colleagues at the same shelves: nothing is oversold, shipped twice, lost or doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use packline::actions::ActError;
use packline::domain::act::Act;
use packline::domain::people::Role;
use packline::domain::record::{Kind, RecordId};
use packline::store::db::Db;
use uuid::Uuid;

use crate::harness;
use crate::shop::{Shop, wanted};

const WRITERS: u64 = 32;
const TIME: Duration = Duration::from_secs(10);

/// Twenty products with little stock, and 600 orders of up to three lines that want more than
/// there is, some of them the same product twice.
const CROWDED: &str = "
    insert into products (sku, title) select 'SKU-' || n, 'Product ' || n from generate_series(1, 20) n;
    insert into stock_levels (product_id, location_id)
        select p.id, l.id from products p, locations l where p.sku like 'SKU-%' and l.name = 'Warehouse';
    insert into stock_movements (stock_level_id, kind, on_hand)
        select s.id, 'opening', 40 from stock_levels s join products p on p.id = s.product_id
        where p.sku like 'SKU-%';
    insert into orders (channel_id, external_id, number, customer_name, placed_at, currency, financial_status)
        select 1, 'C' || n, '#C' || n, 'Customer ' || n, now(), 'EUR', 'paid' from generate_series(1, 600) n;
    insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
        select o.id, position, p.id, p.sku, p.title, 100, 1 + (o.id + position) % 4
        from orders o, generate_series(1, 3) position
        join products p on p.sku = 'SKU-' || (1 + position * 7 % 20)
        where o.number like '#C%';
    update order_lines l set product_id = p.id, sku = p.sku
        from products p
        where p.sku = 'SKU-' || (1 + (l.order_id * case l.position when 3 then 1 else l.position end) % 20)
          and l.sku like 'SKU-%';
    update orders set confirmed_at = now() where number like '#C%';";

/// Numbers that look random and are the same in every run (`SplitMix64` of Steele, Lea and Flood).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What one writer was told.
#[derive(Default)]
struct Told {
    done: BTreeMap<Uuid, &'static str>,
    repeated: u64,
    refused: u64,
    conflicts: u64,
    failures: Vec<String>,
}

fn next_act(numbers: &mut Numbers, orders: &[i64], levels: &[i64]) -> Act {
    let pick =
        |numbers: &mut Numbers, from: &[i64]| from[numbers.below(from.len() as u64) as usize];
    let order = RecordId::new(Kind::Order, pick(numbers, orders));
    let level = RecordId::new(Kind::Stock, pick(numbers, levels));
    match numbers.below(20) {
        0..8 => wanted(order, "reserve", &[]),
        8..13 => {
            let code = Uuid::now_v7().to_string();
            wanted(order, "ship", &[("carrier", "DHL"), ("tracking", &code)])
        }
        13 => wanted(order, "cancel", &[("reason", "crowded")]),
        14..16 => wanted(order, "unreserve", &[]),
        16..18 => {
            let by = ["-3", "-2", "-1", "1", "2"][numbers.below(5) as usize];
            wanted(level, "adjust", &[("quantity", by), ("reason", "counted")])
        }
        _ => wanted(level, "receive", &[("quantity", "2")]),
    }
}

async fn write(shop: Arc<Shop>, db: Db, seed: u64, orders: Vec<i64>, levels: Vec<i64>) -> Told {
    let mut numbers = Numbers(seed);
    let mut told = Told::default();
    let end = Instant::now() + TIME;
    while Instant::now() < end {
        let act = next_act(&mut numbers, &orders, &levels);
        // Now and then the same act comes twice at once, as from a caller that lost patience.
        let (answer, echo) = if numbers.below(8) == 0 {
            let (answer, echo) =
                tokio::join!(shop.act_as(&db, act.clone()), shop.act_as(&db, act.clone()));
            (answer, Some(echo))
        } else {
            (shop.act_as(&db, act.clone()).await, None)
        };
        for answer in [Some(answer), echo].into_iter().flatten() {
            match answer {
                Ok(done) if done.repeated => told.repeated += 1,
                Ok(_) => {
                    let before = told.done.insert(act.id, act.verb.name);
                    assert!(before.is_none(), "{} was done twice", act.verb.name);
                }
                Err(ActError::Refused(_)) => told.refused += 1,
                Err(ActError::Conflict(_)) => told.conflicts += 1,
                Err(error) => told.failures.push(format!("{}: {error}", act.verb.name)),
            }
        }
    }
    told
}

/// Statements that count what must not be, by what it would mean.
const NEVER: &[(&str, &str)] = &[
    (
        "the counters differ from the ledger",
        "select count(*) from stock_levels s
         where (on_hand::bigint, reserved::bigint) is distinct from
               (select (coalesce(sum(m.on_hand), 0), coalesce(sum(m.reserved), 0))
                from stock_movements m where m.stock_level_id = s.id)",
    ),
    (
        "more is reserved than is there",
        "select count(*) from stock_levels where reserved < 0 or reserved > on_hand or on_hand < 0",
    ),
    (
        "the reserved units are not those of the reservations",
        "select count(*) from stock_levels s
         where reserved <> (select coalesce(sum(quantity), 0) from reservations r where r.stock_level_id = s.id)",
    ),
    (
        "a line's reserved units are not those of its reservations",
        "select count(*) from order_lines l
         where reserved <> (select coalesce(sum(quantity), 0) from reservations r where r.order_line_id = l.id)",
    ),
    (
        "a line's shipped units are not those in its parcels",
        "select count(*) from order_lines l
         where shipped <> (select coalesce(sum(sl.quantity), 0) from shipment_lines sl
                           join shipments p on p.id = sl.shipment_id
                           where sl.order_line_id = l.id and p.state = 'handed_over')",
    ),
    (
        "a line's shipped units are not those that left the shelf",
        "select count(*) from order_lines l
         where shipped <> (select coalesce(-sum(m.on_hand), 0) from stock_movements m
                           where m.order_line_id = l.id and m.kind = 'ship')",
    ),
    (
        "more left or is set aside than was ordered",
        "select count(*) from order_lines where reserved + requested + shipped + cancelled > ordered",
    ),
    (
        "an act has no history",
        "select count(*) from act where source = 'test'
         and not exists (select from activity where act_id = act.id)",
    ),
    (
        "history tells of an act that is not there",
        "select count(*) from activity where act_id is not null
         and not exists (select from act where act.id = activity.act_id)",
    ),
    (
        "the ledger tells of an act that is not there",
        "select count(*) from stock_movements m where act_id is not null
         and not exists (select from act where act.id = m.act_id)",
    ),
    (
        "a stage is not what its lines say",
        "select count(*) from orders o join lateral (
             select sum(ordered) as ordered, sum(shipped) as shipped, sum(cancelled) as cancelled
             from order_lines where order_id = o.id) l on true
         where number like '#C%' and
               stage <> case when l.ordered = l.cancelled then 'cancelled'
                             when l.shipped > 0 and l.shipped + l.cancelled = l.ordered then 'shipped'
                             when l.shipped > 0 then 'partially_shipped'
                             when processing_at is not null then 'processing' else 'confirmed' end",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_writers_at_twenty_products_oversell_ship_twice_and_lose_nothing() {
    let shop = Arc::new(Shop::open().await);
    let mut owner = shop.owner().await;
    sqlx::raw_sql(CROWDED)
        .execute(&mut owner)
        .await
        .expect("a crowded shop");
    let orders: Vec<i64> = sqlx::query_scalar("select id from orders where number like '#C%'")
        .fetch_all(&mut owner)
        .await
        .expect("orders");
    let levels: Vec<i64> = sqlx::query_scalar(
        "select s.id from stock_levels s join products p on p.id = s.product_id where p.sku like 'SKU-%'",
    )
    .fetch_all(&mut owner)
    .await
    .expect("stock");
    assert_eq!((orders.len(), levels.len()), (600, 20));

    let db = shop.connected_as(&shop.login(Role::Warehouse), WRITERS as usize);
    let mut writers = tokio::task::JoinSet::new();
    for seed in 0..WRITERS {
        let shop = Arc::clone(&shop);
        writers.spawn(write(
            shop,
            db.clone(),
            seed,
            orders.clone(),
            levels.clone(),
        ));
    }
    let told = harness::deadline(TIME * 6, "the writers", writers.join_all()).await;

    let failures: Vec<&String> = told.iter().flat_map(|told| &told.failures).collect();
    assert!(failures.is_empty(), "{failures:?}");
    let mut done = BTreeSet::new();
    let mut by_verb: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, verb) in told.iter().flat_map(|told| &told.done) {
        assert!(done.insert(*id), "{verb} was done twice");
        *by_verb.entry(verb).or_default() += 1;
    }
    for verb in [
        "reserve",
        "unreserve",
        "ship",
        "cancel",
        "adjust",
        "receive",
    ] {
        assert!(
            by_verb.contains_key(verb),
            "nobody could {verb}: {by_verb:?}"
        );
    }
    assert!(
        told.iter().any(|told| told.repeated > 0),
        "an act came twice"
    );
    let conflicts: u64 = told.iter().map(|told| told.conflicts).sum();
    assert_eq!(conflicts, 0, "nobody named a version");

    let stored: Vec<Uuid> = sqlx::query_scalar("select id from act where source = 'test'")
        .fetch_all(&mut owner)
        .await
        .expect("the acts");
    assert_eq!(
        stored.into_iter().collect::<BTreeSet<_>>(),
        done,
        "acts that were told as done"
    );
    for (meaning, count) in NEVER {
        let found: i64 = sqlx::query_scalar(*count)
            .fetch_one(&mut owner)
            .await
            .expect(meaning);
        assert_eq!(found, 0, "{meaning}");
    }
    // Everybody takes the same locks in the same order.
    let deadlocks: i64 = sqlx::query_scalar(
        "select deadlocks from pg_stat_database where datname = current_database()",
    )
    .fetch_one(&mut owner)
    .await
    .expect("the server's own count");
    assert_eq!(deadlocks, 0, "writers waited for each other in a circle");
}
