//! Jobs that are slow, fail, are in doubt or meet their like; labels that are printed once; and
//! alerts that say what is so now.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use packline::store::{alerts, jobs};
use rustix::process::Signal;
use sqlx::Connection as _;

use crate::harness::{self, scratch_dir, signal};
use crate::works::{LIMIT, SHOP, Works};

/// Gives PLATE enough to pack two orders of it.
const PLATES: &str = "
    insert into stock_movements (stock_level_id, kind, on_hand)
    select s.id, 'receive', 5 from stock_levels s join products p on p.id = s.product_id
    where p.sku = 'PLATE';
    select order_of('#1', 'PLATE', 2); select order_of('#2', 'PLATE', 1)";

const OPEN_ALERTS: &str =
    "select string_agg(kind || ' of ' || subject_kind || ': ' || reason, ', ' order by id)
    from alerts where cleared_at is null and kind <> 'low_stock'";

/// A program that prints onto this paper, as the setting says it.
fn printer(script: &str, paper: &Path) -> String {
    serde_json::json!(["sh", "-c", script, "printer", paper]).to_string()
}

/// How many labels came out.
fn labels(paper: &Path) -> usize {
    std::fs::read_to_string(paper)
        .unwrap_or_default()
        .matches("^XA")
        .count()
}

fn ends(child: &mut Child) {
    harness::until(LIMIT, "the worker ends", || {
        child.try_wait().expect("a child").is_some()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_done_is_given_to_people() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works.run("select order_of('#1', 'PLATE', 1)").await;
    works
        .run(
            "insert into jobs (kind, subject_kind, subject_id, dedupe_key, attempts)
             values ('from the future', 'order', 1, 'from the future:1', 11)",
        )
        .await;
    assert!(!works.run_once(&[]));
    let why = works
        .text("select error from jobs where dead_at is not null")
        .await;
    assert_eq!(
        why.as_deref(),
        Some("this program does not know the job \"from the future\"")
    );
    let told = "dead_job of order: the job from the future failed: \
                this program does not know the job \"from the future\"";
    assert_eq!(works.text(OPEN_ALERTS).await.as_deref(), Some(told));
    let shown = works.packline(&["show", "#1"]).0;
    assert!(shown.contains("the job from the future failed"), "{shown}");

    let again = works.act(&["retry-work", "#1"]);
    assert_eq!(again, ("#1: the worker tries it again".to_owned(), true));
    assert_eq!(works.text(OPEN_ALERTS).await, None);
    let waits =
        "select string_agg(kind || ' ' || attempts, ', ') from jobs where kind = 'from the future'";
    assert_eq!(
        works.text(waits).await.as_deref(),
        Some("from the future 0")
    );
    let (said, done) = works.act(&["forget-work", "#1"]);
    assert!(!done && said.contains("given nothing of it up"), "{said}");

    works
        .run("update jobs set attempts = 11, run_at = 'epoch' where kind = 'from the future'")
        .await;
    assert!(!works.run_once(&[]));
    let (said, done) = works.act(&["forget-work", "#1"]);
    assert!(done, "{said}");
    assert_eq!(works.text(waits).await, None);
    let told = "select string_agg(verb, ', ' order by id) from activity
        where kind = 'order' and verb like '%-work'";
    assert_eq!(
        works.text(told).await.as_deref(),
        Some("retry-work, forget-work")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_fails_or_waits_for_a_worker_is_told_with_its_reason() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works.run("select order_of('#1', 'CUP', 1)").await;
    works
        .run(
            "insert into jobs (kind, subject_kind, subject_id, dedupe_key)
             values ('from the future', 'order', 1, 'from the future:1');
             update jobs set run_at = now() - interval '5 minutes', created_at = run_at;
             insert into alerts (kind, subject_kind, subject_id, reason)
             select 'stuck', 'order', n, 'late' from generate_series(1, 12) n",
        )
        .await;
    let idle = "the oldest due job has waited 5 min: no worker seems to run";
    let (said, well) = works.packline(&["status"]);
    assert!(!well && said.contains(idle), "{said}");
    assert!(said.contains("  and 2 more"), "{said}");

    assert!(!works.run_once(&[]));
    let (said, _) = works.packline(&["jobs"]);
    let why = "from the future order 1: this program does not know the job \"from the future\"";
    assert!(
        said.contains("1 failing, 0 given up") && said.contains(why),
        "{said}"
    );
    let (said, _) = works.packline(&["show", "#1"]);
    let why = "error: this program does not know the job \"from the future\"";
    assert!(said.contains(why) && said.contains("next try: "), "{said}");
    let (said, _) = works.packline(&["status"]);
    assert!(!said.contains("no worker"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_of_a_reorder_is_told_and_settled_at_its_stock() {
    let works = Works::open().await;
    works.run(SHOP).await;
    let die = "update jobs set kind = 'from the future', attempts = 11, run_at = 'epoch'
               where subject_kind = 'purchase_order'";
    let (said, done) = works.act(&["reorder", "CUP", "--quantity", "2"]);
    assert!(done, "{said}");
    works.run(die).await;
    assert!(!works.run_once(&[]));
    let told = "PO-1: the job from the future failed: \
                this program does not know the job \"from the future\"";
    let shown = works.packline(&["show", "CUP"]).0;
    assert!(shown.contains(told), "{shown}");

    let again = works.act(&["retry-work", "CUP"]);
    assert_eq!(again, ("CUP: the worker tries it again".to_owned(), true));
    assert_eq!(works.text(OPEN_ALERTS).await, None);
    let shown = works.packline(&["show", "CUP"]).0;
    assert!(!shown.contains(told), "{shown}");
    works.run(die).await;
    assert!(!works.run_once(&[]));
    let (said, done) = works.act(&["forget-work", "CUP"]);
    let told = "CUP: forgot what the worker gave up, cancelled PO-1 to Acme";
    assert_eq!((said.as_str(), done), (told, true));
    let states = "select string_agg(state, ', ' order by id) from purchase_orders";
    assert_eq!(works.text(states).await.as_deref(), Some("cancelled"));
    assert_eq!(
        works
            .number("select count(*) from jobs where subject_kind = 'purchase_order'")
            .await,
        0
    );
    let told = "select string_agg(verb, ', ' order by id) from activity
        where kind = 'stock' and verb like '%-work' and entity = 'jobs'";
    assert_eq!(
        works.text(told).await.as_deref(),
        Some("retry-work, forget-work")
    );

    // Whoever sends it by other means has no work left to settle, whether it has an address or not.
    for email in [
        "update suppliers set email = 'acme@example.org'",
        "update suppliers set email = null",
    ] {
        works.run(email).await;
        let (said, done) = works.act(&["reorder", "CUP", "--quantity", "2"]);
        assert!(done, "{said}");
        works.run(die).await;
        assert!(!works.run_once(&[]));
        let (said, done) = works.act(&["mark-sent", "CUP"]);
        assert!(done, "{said}");
        let (said, done) = works.act(&["retry-work", "CUP"]);
        assert!(!done && said.contains("given nothing of it up"), "{said}");
    }
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("cancelled, sent, sent")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_of_an_order_can_be_sent_by_other_means() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'CUP', 1); update orders set confirmed_at = now()")
        .await;
    let (said, done) = works.act(&["route", "#1", "--to", "acme"]);
    assert!(done, "{said}");
    works
        .run(
            "update jobs set kind = 'from the future', attempts = 11, run_at = 'epoch'
             where subject_kind = 'order'",
        )
        .await;
    assert!(!works.run_once(&[]));
    let (said, done) = works.act(&["mark-sent", "#1"]);
    assert!(done && said.contains("PO-1 to Acme"), "{said}");
    works.drain(1);
    let mails = "select count(*) from notices where kind = 'purchase_order'";
    assert_eq!(works.number(mails).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_job_is_tried_later_with_its_reason_and_holds_nobody_up() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'PLATE', 1); select order_of('#2', 'PLATE', 1)")
        .await;
    let mut owner = works.owner().await;
    let mut held = owner.begin().await.expect("a transaction");
    sqlx::query("select from orders where number = '#1' for update")
        .execute(&mut *held)
        .await
        .expect("a lock");
    let start = Instant::now();
    assert!(!works.run_once(&[]), "a job failed");
    assert!(start.elapsed() < Duration::from_mins(1), "it is no outage");
    let failed = "select error || ', ' || attempts from jobs where error is not null";
    assert_eq!(
        works.text(failed).await.as_deref(),
        Some("it was not done within 10s, 1")
    );
    assert_eq!(
        works
            .text("select stage from orders where number = '#2'")
            .await
            .as_deref(),
        Some("confirmed"),
        "the other went on"
    );
    held.rollback().await.expect("the lock's end");
    works
        .run("update jobs set run_at = 'epoch' where error is not null")
        .await;
    works.drain(1);
    works.assert_all_is_done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_fails_again_and_again_is_told_once_until_it_does_no_more() {
    let works = Works::open().await;
    works
        .run(
            "create function no_room() returns trigger language plpgsql security definer as $$
             begin raise exception 'no room %', (select fence from packline.jobs where kind = 'scores'); end $$;
             create trigger no_room before insert on supplier_scores for each statement execute function no_room()",
        )
        .await;
    let due = "update jobs set run_at = 'epoch' where kind in ('scores', 'sweep')";
    for told in [
        None,
        None,
        Some("failing_job of job scores: the job scores fails again and again: no room 3"),
        Some("failing_job of job scores: the job scores fails again and again: no room 4"),
    ] {
        works.run(due).await;
        assert!(!works.run_once(&[]));
        assert_eq!(works.text(OPEN_ALERTS).await.as_deref(), told);
    }
    works.run("drop trigger no_room on supplier_scores").await;
    works.run(due).await;
    works.drain(1);
    // The sweep may have been first.
    works.run(due).await;
    works.drain(1);
    assert_eq!(works.text(OPEN_ALERTS).await, None);
    assert_eq!(works.number("select count(*) from alerts").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_failed_meets_its_like_without_an_error_and_is_there_once() {
    let works = Works::open().await;
    works
        .run("delete from jobs; select enqueue('order', 'order', 7)")
        .await;
    let db = works.db("test").await;
    let claim = jobs::Claim {
        labels: false,
        limit: 1,
        lease: Duration::from_mins(1),
    };
    let claimed = db
        .transaction(LIMIT, move |connection| {
            Box::pin(jobs::claim(connection, claim))
        })
        .await
        .expect("a claim");
    let ours = claimed[0].clone();
    // The same work becomes due anew, in a transaction that is still open when ours is put back.
    let mut other = works.owner().await;
    let mut event = other.begin().await.expect("a transaction");
    sqlx::query("select enqueue('order', 'order', 7)")
        .execute(&mut *event)
        .await
        .expect("a job");
    let putting_back = tokio::spawn(async move {
        db.transaction(LIMIT, move |connection| {
            Box::pin(async move {
                let pause = Duration::from_mins(1);
                jobs::put_back(connection, &ours, pause, Some("it broke")).await
            })
        })
        .await
    });
    let mut owner = works.owner().await;
    harness::deadline(LIMIT, "the one waits for the other", async {
        let waits = "select exists (select from pg_stat_activity where wait_event_type = 'Lock'
                     and datname = current_database())";
        while !sqlx::query_scalar::<_, bool>(waits)
            .fetch_one(&mut owner)
            .await
            .expect("an answer")
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    event.commit().await.expect("an event");
    putting_back
        .await
        .expect("a task")
        .expect("it is put back, not refused");
    let left = "select string_agg(kind || ' ' || attempts || ' ' || error || ' '
                || (run_at > clock_timestamp())::text || ' ' || (lease_until is null)::text, ', ') from jobs";
    assert_eq!(
        works.text(left).await.as_deref(),
        Some("order 1 it broke true true")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_a_shared_database_wait_where_no_mail_server_is_known() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works.run("select order_of('#1', 'CUP', 1)").await;
    let output = works
        .command(&["--once"])
        .env_remove("PACKLINE_SMTP_URL")
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("smtp.url is not set"),
        "{output:?}"
    );
    let held = "select count(*) from notices where state = 'held' and attempts = 0";
    let waiting = works.number(held).await;
    assert!(waiting > 0);
    assert!(works.run_once(&[]));
    assert_eq!(works.number(held).await, 0);
    assert!(works.assert_each_mail_is_one().await as i64 >= waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_cannot_be_read_fails_alone() {
    let works = Works::open().await;
    works
        .run(
            "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body,
                                  held_until, mail_references)
             values ('delay', 'order', 1, 'a', 'a@example.org', 'A', 'A', now() - interval '2 minutes', array[null]),
                    ('delay', 'order', 2, 'b', 'b@example.org', 'B', 'B', now() - interval '1 minute', '{}')",
        )
        .await;
    assert!(!works.run_once(&[]), "one mail failed");
    let states = "select string_agg(recipient || ' ' || state, ', ' order by id) from notices";
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("a@example.org failed, b@example.org sent")
    );
    let why = works.text("select error from notices where state = 'failed'");
    let why = why.await.expect("a reason");
    assert!(why.contains("notice.mail_references of 1"), "{why}");
    assert_eq!(works.mail.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_low_is_looked_at_and_what_only_lies_there_is_not() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "insert into products (sku, title) select 'P' || n, 'A product' from generate_series(1, 600) n;
             insert into stock_levels (product_id, location_id, reorder_point)
                 select p.id, l.id, p.id % 7 from products p, locations l
                 where l.supplier_id is null and p.sku like 'P%' and p.sku <> 'PLATE';
             insert into stock_movements (stock_level_id, kind, on_hand)
                 select id, 'receive', 1 + id * 37 % 40 from stock_levels;
             insert into daily_demand (product_id, day, units)
                 select id, (now() at time zone 'UTC')::date - (id * 13 % 60)::integer, 1 + id * 31 % 90
                 from products where id % 9 = 0;
             select order_of('#' || p.id, p.sku, 30) from products p where id % 50 = 0",
        )
        .await;
    let db = works.db("test").await;
    let now = crate::shop::now();
    let (looked_at, low) = db
        .call(LIMIT, move |connection| {
            Box::pin(async move {
                let all: Vec<i64> = (1..=700).collect();
                let low = alerts::levels(connection, &all, now).await?;
                let low = low.into_iter().filter(|level| level.cover.low().is_some());
                let low: Vec<i64> = low.map(|level| level.id).collect();
                Ok((alerts::perhaps_low(connection, now).await?, low))
            })
        })
        .await
        .expect("the levels");
    assert!(low.len() > 50, "{low:?}");
    assert!(low.iter().all(|id| looked_at.contains(id)), "{low:?}");
    assert!(
        looked_at.len() < 300,
        "{} of 602 levels are looked at",
        looked_at.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_why_it_is_open_now() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works.run("update stock_levels set reorder_point = 3").await;
    works.drain(1);
    let said =
        "select string_agg(p.sku || ': ' || a.reason, ', ' order by p.sku, a.id) from alerts a
        join stock_levels s on s.id = a.subject_id join products p on p.id = s.product_id";
    assert_eq!(
        works.text(said).await.as_deref(),
        Some("CUP: 0 units left, reorder point 3, PLATE: 0 units left, reorder point 3")
    );
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 2 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'CUP';
             update jobs set run_at = 'epoch' where kind = 'sweep'",
        )
        .await;
    works.drain(1);
    assert_eq!(
        works.text(said).await.as_deref(),
        Some("CUP: 2 units left, reorder point 3, PLATE: 0 units left, reorder point 3")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_printer_prints_each_label_and_notes_it_once() {
    let works = Works::open().await;
    let dir = scratch_dir();
    let paper = dir.path().join("labels.zpl");
    works.run(SHOP).await;
    works.run(PLATES).await;
    let tee = format!("tee -a {}", paper.display());
    assert!(works.run_once(&[("PACKLINE_PRINT_COMMAND", &tee)]));
    assert_eq!(labels(&paper), 2);
    let noted = "select sum(prints) from shipments where state = 'draft'";
    assert_eq!(works.number(noted).await, 2);
    works.assert_all_is_done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_printer_holds_no_order_up_and_is_waited_for_at_the_end() {
    let works = Works::open().await;
    let dir = scratch_dir();
    let (paper, go) = (dir.path().join("labels.zpl"), dir.path().join("go"));
    works.run(SHOP).await;
    works.run(PLATES).await;
    let slow = printer(
        "cat >> \"$1\"; while [ ! -e \"${1%labels.zpl}go\" ]; do sleep 0.05; done",
        &paper,
    );
    let mut worker = works
        .command(&[])
        .env("PACKLINE_PRINT_COMMAND", &slow)
        .spawn()
        .expect("the program starts");
    harness::until(LIMIT, "a label comes out", || labels(&paper) == 1);
    works.run("select order_of('#3', 'PLATE', 1)").await;
    let packed = "select count(*) from shipments where state = 'draft'";
    harness::deadline(LIMIT, "the third is packed", async {
        while works.number(packed).await < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    signal(worker.id().cast_signed(), Signal::TERM);
    std::fs::write(&go, "").expect("a file");
    ends(&mut worker);
    assert_eq!(labels(&paper), 1, "it began no other");
    assert_eq!(
        works.number("select sum(prints) from shipments").await,
        1,
        "what was under way is noted"
    );
    assert_eq!(
        works
            .number("select count(*) from jobs where kind = 'label' and begun_at is null")
            .await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_whose_worker_died_is_a_persons_to_print_again() {
    let works = Works::open().await;
    let dir = scratch_dir();
    let paper = dir.path().join("labels.zpl");
    works.run(SHOP).await;
    works.run(PLATES).await;
    let stuck = printer("cat >> \"$1\"; exec sleep 20", &paper);
    let mut worker = works
        .command(&[])
        .env("PACKLINE_PRINT_COMMAND", &stuck)
        .spawn()
        .expect("the program starts");
    harness::until(LIMIT, "a label comes out", || labels(&paper) == 1);
    worker.kill().expect("killing a worker");
    worker.wait().expect("a dead worker");
    works
        .run("update jobs set lease_until = clock_timestamp() - interval '1 s' where lease_until is not null")
        .await;
    let tee = format!("tee -a {}", paper.display());
    let tee = [("PACKLINE_PRINT_COMMAND", tee.as_str())];
    assert!(!works.run_once(&tee), "one is in doubt");
    assert_eq!(labels(&paper), 2, "and not printed again, the other is");
    let told = "dead_job of shipment: the job label failed: \
                its worker ended while it printed: see whether the label came out";
    assert_eq!(works.text(OPEN_ALERTS).await.as_deref(), Some(told));
    // A person prints it: it is in doubt no more.
    let name = works.text("select 'SHP-' || subject_id from jobs where dead_at is not null");
    let name = name.await.expect("a parcel");
    let again = dir.path().join("again.zpl");
    let again = again.to_str().expect("a path");
    let (said, done) = works.act(&["print", &name, "--file", again]);
    assert!(done, "{said}");
    assert_eq!(works.text(OPEN_ALERTS).await, None);
    assert_eq!(
        works
            .number("select count(*) from jobs where kind = 'label'")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lasts_too_few_days_is_in_the_stock_pane_although_above_its_reorder_point() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 40 from stock_levels s;
             insert into daily_demand (product_id, day, units)
             select id, (now() at time zone 'UTC')::date - 3, case sku when 'CUP' then 560 else 5600 end
             from products",
        )
        .await;
    works.run("update stock_levels set muted_until = now() + interval '1 day' where id not in (
                   select s.id from stock_levels s join products p on p.id = s.product_id where p.sku in ('CUP', 'PLATE'))").await;
    let (before, _) = works.packline(&["list", "stock"]);
    assert!(!before.contains("CUP"), "{before}");
    works.drain(1);
    let (listed, _) = works.packline(&["list", "stock"]);
    let place = |sku| listed.find(sku);
    assert!(
        place("PLATE").is_some() && place("PLATE") < place("CUP"),
        "the shorter cover first: {listed}"
    );
    let (low, _) = works.packline(&["list", "stock", "--filter", "state:low"]);
    assert_eq!(low, listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_comes_back_to_is_ended() {
    let works = Works::open().await;
    works
        .run(
            "insert into presence (console, who, kind, record_id, writing, until) values
                 (gen_random_uuid(), 'ana', 'order', 1, false, now() - interval '1 s'),
                 (gen_random_uuid(), 'bo', 'order', 1, false, now() + interval '1 hour');
             insert into hold (kind, record_id, who, until) values
                 ('stock', 1, 'ana', now() - interval '1 s'), ('stock', 2, 'bo', now() + interval '1 hour');
             insert into draft (who, kind, record_id, verb, args, at) values
                 ('ana', 'ticket', 1, 'reply', '{}', now() - interval '91 days'),
                 ('bo', 'ticket', 1, 'reply', '{}', now() - interval '89 days')",
        )
        .await;
    works.drain(1);
    let left = "select string_agg(who, ', ') from (
        select who from presence union all select who from hold union all select who from draft) kept";
    assert_eq!(works.text(left).await.as_deref(), Some("bo, bo, bo"));
}
