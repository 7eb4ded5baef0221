//! The demo: the built-in folder loads whole, goes on to its end, and does so again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use packline::actions::demo::{Colleagues, Folder, Source, Stage, Story};
use packline::actions::import::Summary;
use packline::domain::calendar::Calendar;
use packline::domain::list::Counts;
use packline::domain::people::Role;
use packline::store::db::{Db, Settings};
use packline::store::{lists, people};
use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use crate::harness::{DedicatedServer, TestDatabase, deadline, dedicated_server};

/// Longest time for loading or telling the built-in folder, on a machine that does much else.
const LIMIT: Duration = Duration::from_mins(4);

/// Faster than anything can be told.
const AT_ONCE: f64 = 1e9;

/// The folder's own anchor: with it as now, nothing moves and every count is known.
pub(crate) fn anchor() -> DateTime<Utc> {
    "2026-03-10T14:00:00Z".parse().expect("an instant")
}

/// A database of a server whose logins no other test touches, and the people of the demo.
pub(crate) async fn stage(server: &DedicatedServer) -> (TestDatabase, Stage) {
    let database = server.database().await;
    let mut owner = database.connect().await;
    people::add(
        &mut owner,
        "owner",
        "Owner",
        &[Role::Admin, Role::Worker],
        None,
    )
    .await
    .expect("a login");
    let colleagues = Colleagues::hire(&mut owner, &database.options, &[], "owner")
        .await
        .expect("the colleagues");
    let url = database.url.parse().expect("a URL");
    let stage = Stage {
        db: Db::new(url, Settings::new("demo")),
        colleagues,
        calendar: Calendar::office(chrono_tz::UTC),
        zone: chrono_tz::UTC,
    };
    (database, stage)
}

/// Loads what lies before now, all of which must be accepted, and says how much it was.
pub(crate) async fn load(story: &mut Story, stage: &Stage) -> Vec<(Source, u64)> {
    let mut quiet = |_: Source, _: &Summary| {};
    let loading = Box::pin(story.load(stage, &mut quiet));
    let told = deadline(LIMIT, "loading", loading).await;
    let told = told.expect("a database that answers");
    for (source, summary) in &told {
        assert_eq!(summary.rejected, [], "{}", source.file());
    }
    let read = told.iter().map(|(source, summary)| (*source, summary.read));
    read.collect()
}

/// What every row of the shop is, leaving out keys and times of writing.
async fn picture(connection: &mut PgConnection) -> Vec<String> {
    let query = "select o.number || ' ' || o.stage || ' ' || o.due_at from packline.orders o
         union all select 'SHP-' || id || ' ' || tracking_code || ' ' || state || ' ' || tracking_status
             from packline.shipments
         union all select 'INS-' || id || ' ' || state from packline.inspections
         union all select 'TKT-' || id || ' ' || state || ' ' || subject || ' ' || due_at from packline.tickets
         union all select p.sku || ' ' || on_hand || ' ' || reserved
             from packline.stock_levels s join packline.products p on p.id = s.product_id
         order by 1";
    let rows = sqlx::query_scalar(query).fetch_all(connection).await;
    rows.expect("the picture")
}

/// How many products have counters that are not the sum of their movements.
async fn drifted(connection: &mut PgConnection) -> i64 {
    let query = "select count(*) from packline.stock_levels s
         cross join lateral (
             select coalesce(sum(m.on_hand), 0) as on_hand, coalesce(sum(m.reserved), 0) as reserved
             from packline.stock_movements m where m.stock_level_id = s.id) ledger
         where (s.on_hand, s.reserved) <> (ledger.on_hand, ledger.reserved)";
    let count = sqlx::query_scalar(query);
    count.fetch_one(connection).await.expect("a count")
}

/// The words by which open work is found, where they are not what its records say.
async fn words_amiss(connection: &mut PgConnection) -> Vec<String> {
    let told = "set search_path = packline, pg_catalog;
         create temp table told as table open_words;
         delete from open_words;
         select keep_words('order', array(select id from orders)),
                keep_words('shipment', array(select id from shipments)),
                keep_words('inspection', array(select id from inspections)),
                keep_words('ticket', array(select id from tickets));";
    sqlx::raw_sql(told)
        .execute(&mut *connection)
        .await
        .expect("the words anew");
    let amiss = "select concat_ws(' ', told, now) from pg_temp.told
         full join packline.open_words now using (kind, id) where told.words is distinct from now.words";
    let amiss = sqlx::query_scalar(amiss).fetch_all(connection).await;
    amiss.expect("the words")
}

async fn counts(connection: &mut PgConnection) -> Counts {
    let mut on_schema = sqlx::query("set search_path = packline, pg_catalog");
    on_schema = on_schema.persistent(false);
    on_schema
        .execute(&mut *connection)
        .await
        .expect("a setting");
    let counts = lists::counts(connection, anchor()).await;
    counts.expect("the counts")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_folder_is_loaded_whole_and_told_to_its_end() {
    let server = dedicated_server();
    let (database, there) = stage(&server).await;
    let mut connection = database.connect().await;
    let mut story = Story::read(Folder::built_in(), anchor(), AT_ONCE).expect("the folder");
    assert_eq!(story.people(), ["ana", "bo", "cleo", "dmitri"]);

    assert!(counts(&mut connection).await.nothing_yet);
    let read = load(&mut story, &there).await;
    assert_eq!(
        read,
        [
            (Source::Options, 11),
            (Source::Orders, 217),
            (Source::Catalog, 72),
            (Source::Dispatches, 158),
            (Source::Tracking, 367),
            (Source::Mail, 34),
            (Source::Acts, 310),
        ]
    );
    let counts = counts(&mut connection).await;
    let seen = [
        counts.orders,
        counts.stock,
        counts.shipments,
        counts.inspections,
        counts.tickets,
    ];
    let seen = seen.map(|tab| (tab.open.0, tab.urgent.0));
    assert_eq!(seen, [(123, 8), (15, 9), (77, 20), (9, 4), (29, 18)]);
    assert!(!counts.nothing_yet);
    assert_eq!(drifted(&mut connection).await, 0);
    let kept: i64 =
        sqlx::query_scalar("select count(*) from packline.attachments where name = 'message.eml'")
            .fetch_one(&mut connection)
            .await
            .expect("a count");
    assert_eq!(kept, 1, "the broken mail is kept");
    let loaded = picture(&mut connection).await;
    assert!(
        loaded
            .iter()
            .any(|row| row.starts_with("TKT-10 new 注文 #1029"))
    );

    // The rest of the folder, with nobody at the keyboard to be in the way of.
    let heard = Arc::new(Mutex::new((0, Vec::new())));
    let hears = Arc::clone(&heard);
    let ahead = story.ahead();
    let feed = story.feed(there, Instant::now(), move |source, told| {
        let summary = told.unwrap_or_else(|error| panic!("{}: {error}", source.file()));
        let mut heard = hears.lock().expect("no panic");
        heard.0 += summary.read;
        heard.1.extend(summary.rejected.clone());
    });
    deadline(LIMIT, "the end of the folder", Box::pin(feed)).await;
    let (told, refused) = heard.lock().expect("no panic").clone();
    assert_eq!(refused, []);
    assert!(told >= ahead as u64, "{told} of {ahead}");
    assert_eq!(drifted(&mut connection).await, 0);
    assert_eq!(words_amiss(&mut connection).await, Vec::<String>::new());

    // Another demo shows the same.
    let (second, there) = stage(&server).await;
    let mut story = Story::read(Folder::built_in(), anchor(), 0.0).expect("the folder");
    load(&mut story, &there).await;
    assert_eq!(picture(&mut second.connect().await).await, loaded);
}
