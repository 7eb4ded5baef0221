//! The worker: orders go from intake to ready by themselves, with one worker, with four, and with
//! workers that are killed at any instant: the same final state, and each mail once in a real mail
//! server.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use sqlx::ConnectOptions as _;

use crate::harness::Manners;
use crate::real_data::real_data;
use crate::works::{LIMIT, SHOP, Works};

fn demo() -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    (folder.join("catalog.csv"), folder.join("orders.csv"))
}

/// Kills workers at random until so many have died, with four at a time.
fn kill_workers(works: &Works, kills: u32) {
    // A generator of its own, so that a failure can be repeated: xorshift by Marsaglia.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let end = Instant::now() + LIMIT;
    let mut running: Vec<Child> = Vec::new();
    for _ in 0..kills {
        while running.len() < 4 {
            running.push(works.worker(&[]));
        }
        // Not a wait for anything: the moment of death is what is being varied.
        std::thread::sleep(Duration::from_millis(random(400)));
        let mut victim = running.swap_remove(random(4) as usize);
        victim.kill().expect("killing a worker");
        victim.wait().expect("a dead worker");
        assert!(Instant::now() < end, "killing takes too long");
    }
    for mut left in running {
        left.kill().expect("killing a worker");
        left.wait().expect("a dead worker");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_at_random_leave_what_one_worker_would() {
    let (catalog, orders) = demo();
    let calm = Works::open().await;
    calm.import(&catalog, &orders).await;
    let stormy = calm.copy().await;
    calm.drain(1);
    calm.assert_all_is_done().await;
    calm.assert_ledger_is_right().await;
    let expected = calm.outcome().await;

    kill_workers(&stormy, 40);
    stormy.end_claims().await;
    stormy.drain(2);
    stormy.assert_all_is_done().await;
    stormy.assert_ledger_is_right().await;
    assert_eq!(stormy.outcome().await, expected);

    let mails = calm.assert_each_mail_is_one().await;
    assert!(mails > 0 && stormy.assert_each_mail_is_one().await >= mails);
    let (before, sent) = (stormy.fingerprint().await, stormy.mail.taken().len());
    stormy.drain(1);
    assert_eq!(
        stormy.fingerprint().await,
        before,
        "a second run changed something"
    );
    assert_eq!(stormy.mail.taken().len(), sent, "a second run sent a mail");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: run it with --ignored"]
#[expect(
    clippy::print_stdout,
    reason = "how long it took is what it is run for"
)]
async fn the_gift_shop_comes_out_the_same_with_one_worker_four_and_200_deaths() {
    let Some(catalog) = real_data("giftshop/catalog.csv") else {
        return;
    };
    let orders = real_data("giftshop/orders.csv").expect("orders beside the catalogue");
    let imported = Works::open().await;
    imported.import(&catalog, &orders).await;
    let mut outcomes = Vec::new();
    for (workers, kills) in [(1, 0), (4, 0), (2, 200)] {
        let works = imported.copy().await;
        let start = Instant::now();
        kill_workers(&works, kills);
        works.end_claims().await;
        works.drain(workers);
        let took = start.elapsed();
        works.assert_all_is_done().await;
        works.assert_ledger_is_right().await;
        let sent = works.assert_each_mail_is_one().await;
        println!("{workers} workers, {kills} killed: {took:?}, {sent} mails");
        let before = works.fingerprint().await;
        works.drain(1);
        assert_eq!(works.mail.taken().len(), sent, "a second run sent a mail");
        assert_eq!(
            works.fingerprint().await,
            before,
            "a second run changed something"
        );
        outcomes.push(works.outcome().await);
    }
    assert_eq!(outcomes[0].len(), 834);
    assert!(outcomes[1] == outcomes[0], "four workers differ from one");
    assert!(outcomes[2] == outcomes[0], "killed workers differ from one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_part_goes_to_the_next_supplier_and_the_customer_hears_the_new_day_once() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works.run("select order_of('#1', 'CUP', 3)").await;
    works.drain(1);
    works.assert_all_is_done().await;
    assert_eq!(
        works
            .text("select reason from fulfilments")
            .await
            .as_deref(),
        Some("Acme: 3.00 EUR cheaper than Bolt")
    );
    assert_eq!(
        works
            .text("select waiting_reason from orders")
            .await
            .as_deref(),
        Some("Acme has not answered yet")
    );
    let file = works.text("select attachment from notices where kind = 'purchase_order'");
    assert_eq!(
        file.await.as_deref(),
        Some(
            "Purchase order,Order,SKU,Quantity,Accepted,Tracking company,Tracking number,Shipped at,Supplier\n\
             PO-1,#1,CUP,3,,,,,Acme\n"
        )
    );

    let answer = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(
        answer.path(),
        "Purchase order,SKU,Accepted\nPO-1,CUP,0\nPO-999,CUP,1\n",
    )
    .expect("the supplier's answer");
    let file = answer.path().to_str().expect("a path");
    let (said, done) = works.packline(&["import", "acceptances", file]);
    assert!(!done && said.contains("PO-999"), "{said}");
    works.drain(1);
    let parts = works
        .text(
            "select string_agg(p.name || ' ' || f.state, ', ' order by f.id)
             from fulfilments f join locations p on p.id = f.location_id",
        )
        .await;
    assert_eq!(parts.as_deref(), Some("Acme rejected, Bolt requested"));
    assert_eq!(
        works
            .number("select count(*) from notices where kind = 'delay'")
            .await,
        1
    );
    assert_eq!(
        works
            .text("select string_agg(cause, ', ' order by id) from promise_changes")
            .await
            .as_deref(),
        Some("promised, rejected by Acme")
    );

    works
        .run("update purchase_orders set state = 'accepted', answered_at = now() where state = 'sent'")
        .await;
    works.drain(1);
    let state = works.text("select f.state from fulfilments f where f.state <> 'rejected'");
    assert_eq!(state.await.as_deref(), Some("ready"));
    assert_eq!(works.text("select waiting_reason from orders").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_arrives_fills_the_oldest_promise_first_and_its_alert_clears() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "select order_of('#1', 'PLATE', 2, now() + interval '9 days');
             select order_of('#2', 'PLATE', 2, now() + interval '5 days');
             select order_of('#3', 'PLATE', 1, now() + interval '7 days');
             update stock_levels set reorder_point = 1",
        )
        .await;
    works.drain(2);
    let reason = "backordered: 2 × PLATE (out of stock and no supplier offers it)";
    assert_eq!(
        works
            .text("select waiting_reason from orders where number = '#2'")
            .await
            .as_deref(),
        Some(reason)
    );
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 3 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE'",
        )
        .await;
    works.drain(2);
    let held = "select string_agg(o.number || ' ' || l.reserved || ' ' || coalesce(f.state, '-'), ', ' order by o.number)
        from orders o join order_lines l on l.order_id = o.id left join fulfilments f on f.order_id = o.id";
    assert_eq!(
        works.text(held).await.as_deref(),
        Some("#1 0 -, #2 2 ready, #3 1 ready")
    );
    // A cancel gives its units to who waits.
    works
        .run(
            "update fulfilments set state = 'cancelled' where order_id = (select id from orders where number = '#2');
             delete from reservations r using order_lines l join orders o on o.id = l.order_id
             where r.order_line_id = l.id and o.number = '#2';
             update order_lines l set cancelled = ordered from orders o
             where o.id = l.order_id and o.number = '#2';
             update orders set cancelled_at = now() where number = '#2'",
        )
        .await;
    works.drain(1);
    assert_eq!(
        works
            .text("select l.reserved || ' ' || o.stage from orders o join order_lines l on l.order_id = o.id where number = '#1'")
            .await
            .as_deref(),
        Some("2 processing")
    );
    works.assert_ledger_is_right().await;

    let low = "select count(*) from alerts a join stock_levels s on s.id = a.subject_id
        join products p on p.id = s.product_id
        where a.kind = 'low_stock' and p.sku = 'PLATE' and a.cleared_at is null";
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    assert_eq!(works.number(low).await, 1);
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    assert_eq!(works.number(low).await, 1, "raised once");
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 500 from stock_levels s;
             update jobs set run_at = 'epoch' where kind = 'sweep'",
        )
        .await;
    works.drain(1);
    assert_eq!(works.number(low).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_defects_of_a_product_its_goods_are_inspected_for_90_days() {
    let works = Works::open().await;
    works.run(SHOP).await;
    let stages = async || {
        let states = "select string_agg(o.number || ' ' || f.state, ', ' order by o.id)
            from fulfilments f join orders o on o.id = f.order_id";
        works.text(states).await.unwrap_or_default()
    };
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand) select id, 'opening', 50 from stock_levels;
             select order_of('#1', 'PLATE', 1); select order_of('#2', 'CUP', 1)",
        )
        .await;
    works.drain(1);
    assert_eq!(stages().await, "#1 ready, #2 ready");
    // In an order, and where the other lies.
    works
        .run(
            "insert into inspections (order_id) select id from orders where number = '#1';
             insert into inspections (stock_level_id)
                 select s.id from stock_levels s join products p on p.id = s.product_id where p.sku = 'CUP';
             insert into defects (inspection_id, check_name, severity, description)
                 select id, 'condition', 'minor', 'chipped' from inspections cross join generate_series(1, 3);
             select order_of('#3', 'PLATE', 1); select order_of('#4', 'CUP', 1)",
        )
        .await;
    works.drain(1);
    assert_eq!(
        stages().await,
        "#1 ready, #2 ready, #3 inspecting, #4 inspecting"
    );
    // What was not inspected has no defects: another line of that order, which is no part of it.
    works
        .run(
            "insert into products (sku, title) values ('LAMP', 'A lamp');
             insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
                 select o.id, 2, p.id, p.sku, p.title, 1000, 1
                 from orders o, products p where o.number = '#2' and p.sku = 'LAMP';
             insert into inspections (order_id, fulfilment_id)
                 select o.id, f.id from orders o join fulfilments f on f.order_id = o.id where o.number = '#2';
             insert into defects (inspection_id, check_name, severity, description)
                 select max(id), 'condition', 'minor', 'chipped' from inspections",
        )
        .await;
    let found = "select string_agg(p.sku || ' ' || d.defects, ', ' order by p.sku)
        from daily_defects d join products p on p.id = d.product_id";
    assert_eq!(works.text(found).await.as_deref(), Some("CUP 4, PLATE 3"));
    let (shown, _) = works.packline(&["show", "INS-5"]);
    assert!(
        shown.contains("sku: CUP") && !shown.contains("LAMP"),
        "{shown}"
    );
    works
        .run("update daily_defects set day = day - 91; select order_of('#5', 'PLATE', 1)")
        .await;
    works.drain(1);
    assert!(stages().await.ends_with("#5 ready"), "{}", stages().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_supplier_says_is_noted_by_verbs_and_the_rest_is_asked_of_the_next() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'CUP', 3); select order_of('#2', 'CUP', 2); select order_of('#3', 'CUP', 1)")
        .await;
    works.drain(1);
    assert_eq!(
        works.act(&["accept", "#2"]),
        ("#2: accepted by Acme".to_owned(), true)
    );
    let (said, done) = works.act(&["short", "#1", "--sku", "cup", "--quantity", "3"]);
    assert!(!done && said.contains("no more than that"), "{said}");
    let (said, done) = works.act(&["short", "#1", "--sku", "cup", "--quantity", "2"]);
    assert!(done, "{said}");
    let (said, done) = works.act(&["reject", "#3", "--reason", "sold out"]);
    assert!(done, "{said}");
    works.drain(1);
    let parts = "select string_agg(o.number || ' ' || p.name || ' ' || f.state || ' ' || fl.quantity, ', ' order by f.order_id, f.id)
        from fulfilments f join orders o on o.id = f.order_id join locations p on p.id = f.location_id
        join fulfilment_lines fl on fl.fulfilment_id = f.id";
    assert_eq!(
        works.text(parts).await.as_deref(),
        Some(
            "#1 Acme rejected 3, #1 Acme ready 2, #1 Bolt requested 1, #2 Acme ready 2, \
             #3 Acme rejected 1, #3 Bolt requested 1"
        )
    );
    let (said, done) = works.act(&["accept", "#2"]);
    assert!(!done && said.contains("waits for an answer"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_gave_back_is_not_taken_again_and_a_draft_becomes_the_parcel() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 5 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE';
             select order_of('#1', 'PLATE', 2)",
        )
        .await;
    works.drain(1);
    let parcels = "select string_agg(s.state || ' ' || l.quantity, ', ' order by s.id)
        from shipments s join shipment_lines l on l.shipment_id = s.id";
    assert_eq!(works.text(parcels).await.as_deref(), Some("draft 2"));

    let (said, done) = works.act(&["unreserve", "#1"]);
    assert!(done, "{said}");
    works.drain(1);
    let reserved = "select reserved::bigint from order_lines";
    assert_eq!(works.number(reserved).await, 0, "taken back at once");
    assert_eq!(works.text(parcels).await.as_deref(), Some("void 2"));
    let waits = works.text("select waiting_reason from orders").await;
    assert!(
        waits
            .as_deref()
            .is_some_and(|why| why.contains("given back by hand")),
        "{waits:?}"
    );

    let (said, done) = works.act(&["reserve", "#1"]);
    assert!(done, "{said}");
    works.drain(1);
    assert_eq!(
        works.text(parcels).await.as_deref(),
        Some("void 2, draft 2")
    );
    let (said, done) = works.act(&["ship", "#1", "--carrier", "dhl", "--tracking", "JD1"]);
    assert!(done && said.contains("SHP-2"), "{said}");
    assert_eq!(
        works.text(parcels).await.as_deref(),
        Some("void 2, handed_over 2")
    );
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_verb_reorders_what_is_low_and_goods_that_arrive_end_the_purchase_order() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 2 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'CUP';
             update stock_levels set reorder_point = 4",
        )
        .await;
    let (said, done) = works.act(&["reorder", "PLATE"]);
    assert!(!done && said.contains("no supplier offers"), "{said}");
    let (said, done) = works.act(&["reorder", "CUP"]);
    assert!(
        done && said.contains("ordered 2 units of CUP from Acme for 4.00 EUR"),
        "{said}"
    );
    let (said, done) = works.act(&["reorder", "CUP"]);
    assert!(
        !done && said.contains("2 on order"),
        "ordered twice: {said}"
    );
    works.drain(1);
    let sent = "select p.state || ' ' || n.recipient || ' ' || n.state from purchase_orders p
        join notices n on n.subject_kind = 'purchase_order' and n.subject_id = p.id";
    assert_eq!(
        works.text(sent).await.as_deref(),
        Some("sent acme@example.org sent")
    );
    let on_order = || {
        let (shown, _) = works.packline(&["show", "CUP", "--json"]);
        let page: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        page["record"]["on_order"].to_string()
    };
    let ordered = on_order();
    assert!(
        ordered.contains(r#""quantity":2"#) && ordered.contains(r#""supplier":"Acme""#),
        "{ordered}"
    );
    let (said, done) = works.act(&["receive", "CUP", "--quantity", "2"]);
    assert!(done, "{said}");
    assert_eq!(on_order(), "[]");
    let state = "select p.state || ' ' || l.received from purchase_orders p
        join purchase_order_lines l on l.purchase_order_id = p.id";
    assert_eq!(works.text(state).await.as_deref(), Some("received 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_supplier_accepts_of_a_reorder_stays_on_order_until_it_arrives() {
    let works = Works::open().await;
    works.run(SHOP).await;
    let (said, done) = works.act(&["reorder", "CUP", "--quantity", "5"]);
    assert!(done, "{said}");
    works.drain(1);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("answer.csv");
    std::fs::write(&file, "Purchase order,SKU,Accepted\nPO-1,CUP,3\n").expect("a file");
    let file = file.to_str().expect("a path");
    for _ in 0..2 {
        let (said, done) = works.packline(&["import", "acceptances", file]);
        assert!(done, "{said}");
    }
    let (shown, _) = works.packline(&["show", "CUP"]);
    assert!(shown.contains("what was accepted of PO-1"), "{shown}");
    let (said, done) = works.act(&["reorder", "CUP"]);
    assert!(
        !done && said.contains("3 on order"),
        "ordered twice: {said}"
    );
    let (said, done) = works.act(&["receive", "CUP", "--quantity", "3"]);
    assert!(done, "{said}");
    let states = "select string_agg(p.state || ' ' || l.received || ' of ' || l.quantity, ', ' order by p.id)
        from purchase_orders p join purchase_order_lines l on l.purchase_order_id = p.id";
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("rejected 0 of 5, received 3 of 3")
    );
    works.drain(1);
    assert_eq!(works.mail.taken().len(), 1, "asked once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_owes_an_answer_from_when_its_mail_has_left() {
    const WAITS: &str = "select waiting_reason from orders";
    const DUE: &str = "select count(*) from purchase_orders where answer_due is not null";
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'CUP', 3); update orders set email = null")
        .await;
    assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
    let waits = works.text(WAITS).await.expect("a reason");
    assert!(
        waits.starts_with("purchase order PO-1 to Acme leaves at "),
        "{waits}"
    );
    let stopped = works.act(&["stop-mail", "#1"]);
    assert_eq!(
        stopped,
        (
            "#1: stopped the purchase order to acme@example.org".to_owned(),
            true
        )
    );
    works.drain(1);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("purchase order PO-1 to Acme was stopped: resend-mail")
    );
    let (shown, _) = works.packline(&["show", "#1"]);
    assert!(shown.contains("stopped mails: 1"), "{shown}");

    works.mail.behave(Manners::AnswersRecipients(450));
    let (said, done) = works.act(&["resend-mail", "#1"]);
    assert!(done, "{said}");
    works.run_once(&[]);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("purchase order PO-1 to Acme has not got through yet")
    );
    let (said, done) = works.act(&["stop-mail", "#1"]);
    assert!(done, "it waits to be tried again: {said}");

    works.mail.behave(Manners::AnswersRecipients(550));
    let (said, done) = works.act(&["resend-mail", "#1"]);
    assert!(done, "{said}");
    works.run_once(&[]);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("purchase order PO-1 to Acme was refused by its mail server: resend-mail")
    );
    assert_eq!(works.number(DUE).await, 0, "silence of who was not asked");

    works.mail.behave(Manners::Takes);
    let (said, done) = works.act(&["resend-mail", "#1", "--to", "sales@acme.example"]);
    assert!(done, "{said}");
    works.drain(1);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("Acme has not answered yet")
    );
    assert_eq!(works.number(DUE).await, 1);
    let (said, done) = works.act(&["stop-mail", "#1"]);
    assert!(!done && said.contains("no mail of it waits"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_of_a_reorder_is_seen_stopped_and_sent_after_all_at_its_stock() {
    let works = Works::open().await;
    works.run(SHOP).await;
    for units in ["5", "6"] {
        let (said, done) = works.act(&["reorder", "CUP", "--quantity", units]);
        assert!(done, "{said}");
    }
    assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
    let (shown, _) = works.packline(&["show", "CUP"]);
    assert!(
        shown.contains("held mails: 2") && shown.contains("mail: held"),
        "{shown}"
    );
    let (said, done) = works.act(&["stop-mail", "CUP"]);
    assert!(
        !done
            && said.contains(
                "1 (purchase order to acme@example.org), 2 (purchase order to acme@example.org)"
            ),
        "{said}"
    );
    let (said, done) = works.act(&["stop-mail", "CUP", "--mail", "1"]);
    assert!(done, "{said}");
    let (shown, _) = works.packline(&["show", "CUP"]);
    assert!(
        shown.contains("stopped mails: 1") && shown.contains("mail: cancelled"),
        "{shown}"
    );

    works.mail.behave(Manners::AnswersRecipients(550));
    works
        .run("update notices set held_until = now() where state = 'held'; update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.run_once(&[]);
    let (shown, _) = works.packline(&["show", "CUP"]);
    assert!(
        shown.contains("failed mails: 1")
            && shown.contains("mail: failed")
            && shown.contains("550"),
        "{shown}"
    );
    let (status, _) = works.packline(&["status"]);
    assert!(status.contains("PO-2 of CUP"), "{status}");
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.run_once(&[]);
    let (status, _) = works.packline(&["status"]);
    assert!(status.contains("to Acme was "), "{status}");

    works.mail.behave(Manners::Takes);
    for mail in ["1", "2"] {
        let (said, done) = works.act(&["resend-mail", "CUP", "--mail", mail]);
        assert!(done, "{said}");
    }
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    let due = "select count(*) from purchase_orders where answer_due is not null";
    assert_eq!(works.number(due).await, 2);
    let alerts = "select count(*) from alerts where kind = 'unsent' and cleared_at is null";
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    assert_eq!(works.number(alerts).await, 0);
    assert_eq!(works.mail.taken().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_shipping_option_moves_the_promise_and_says_what_it_costs() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max, countries)
             values ('Express', 'EUR', 990, 1, 1, '{PT}'), ('Alpine', 'EUR', 100, 1, 1, '{CH}');
             select order_of('#1', 'CUP', 1); update orders set shipping = 490",
        )
        .await;
    works.drain(1);
    let (quoted, _) = works.packline(&["quote", "--order", "#1"]);
    let lines: Vec<&str> = quoted.lines().collect();
    assert_eq!(lines.len(), 3, "{quoted}");
    assert_eq!(lines[0], "Alpine: not possible, it does not serve PT");
    assert!(lines[1].starts_with("Standard (as it is): 4.90 EUR, as paid; arrives by "));
    assert!(lines[2].starts_with("Express: 9.90 EUR, 5.00 EUR more than paid; arrives by "));
    let express = lines[2].rsplit(' ').next().map(str::to_owned);

    let (said, done) = works.act(&["set-option", "#1", "--to", "alpine"]);
    assert!(!done && said.contains("does not serve PT"), "{said}");
    let (said, done) = works.act(&["set-option", "#1", "--to", "snail"]);
    let right = express.as_deref().expect("a day");
    let right = format!("expected one of Express, 5.00 EUR more, arrives by {right}");
    assert!(!done && said.ends_with(&right), "{said}");
    let (said, done) = works.act(&["set-option", "#1", "--to", "express"]);
    assert!(done && said.contains("5.00 EUR more"), "{said}");
    works.drain(1);
    let arrives = "select ((deliver_by at time zone 'UTC')::date - 1)::text from orders
        where deliver_by at time zone 'UTC' = date_trunc('day', deliver_by at time zone 'UTC')";
    assert_eq!(
        works.text(arrives).await,
        express,
        "what was shown before is what was promised"
    );
    let causes = "select string_agg(cause, ', ' order by id) from promise_changes";
    assert_eq!(
        works.text(causes).await.as_deref(),
        Some("promised, set-option")
    );
    let (said, done) = works.act(&["set-option", "#1", "--to", "stan"]);
    assert!(done && said.contains("shipped by Standard"), "{said}");
    let stranger = [
        "quote",
        "--sku",
        "CUP",
        "--country",
        "PT",
        "--option",
        "Stan",
    ];
    let (said, done) = works.packline(&stranger);
    assert!(
        !done && said.contains("expected one of Alpine, Express, Standard"),
        "{said}"
    );
    let told = works
        .text("select body from notices where kind = 'order_confirmation'")
        .await;
    let told = told.expect("a confirmation");
    assert!(told.contains("\n\nEnvio: 4,90 EUR\nTotal: "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_waits_only_for_suppliers_that_were_asked_for_it() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "select order_of('#1', 'CUP', 3);
             insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
             select o.id, 2, p.id, p.sku, p.title, 100, 1 from orders o, products p where p.sku = 'PLATE'",
        )
        .await;
    works.drain(1);
    let shown = works.packline(&["show", "#1"]).0;
    let reason = "Acme: 3.00 EUR cheaper than Bolt";
    assert!(shown.contains(&format!("reason: {reason}")), "{shown}");
    let (said, done) = works.act(&["short", "#1", "--sku", "cup", "--quantity", "2"]);
    assert!(done, "{said}");
    works.drain(1);
    let (said, done) = works.act(&["reject", "#1", "--reason", "sold out", "--supplier", "bolt"]);
    assert!(done, "{said}");
    works.drain(1);
    let waits = works.text("select waiting_reason from orders").await;
    assert_eq!(
        waits.as_deref(),
        Some(
            "can't promise: 1 × CUP (accepted in part by Acme, rejected by Bolt); \
             can't promise: 1 × PLATE (out of stock and no supplier offers it)"
        )
    );
    // Who turned down one line may still have another.
    works
        .run(
            "insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             select 2, id, 500, 'EUR', 3 from products where sku = 'PLATE'",
        )
        .await;
    works.drain(1);
    let asked = "select string_agg(l.name || ' ' || ol.sku, ', ' order by f.id) from fulfilments f
        join locations l on l.id = f.location_id
        join fulfilment_lines fl on fl.fulfilment_id = f.id
        join order_lines ol on ol.id = fl.order_line_id where f.state = 'requested'";
    assert_eq!(works.text(asked).await.as_deref(), Some("Bolt PLATE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_no_worker_is_told_how_to_make_one() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works.run("select order_of('#1', 'CUP', 1)").await;
    let clerk = format!("clerk_{}", works.database.name);
    let (said, done) = works.packline(&["staff", "add", &clerk, "--role", "support"]);
    assert!(done, "{said}");
    let url = works.database.options.clone().username(&clerk);
    let output = works
        .command(&["--once"])
        .env("PACKLINE_DATABASE_URL", url.to_url_lossy().as_str())
        .output()
        .expect("the program runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let told = format!("{clerk} is not a worker here");
    assert!(
        said.contains(&told) && said.contains("--role worker"),
        "{said}"
    );
    let tried = "select count(*) from jobs where attempts > 0";
    assert_eq!(works.number(tried).await, 0);
    let (help, _) = works.packline(&["staff", "add", "--help"]);
    assert!(help.contains("supervisor, admin, worker, shop"), "{help}");
}
