//! Promises and purchases when things go wrong: customers hear of a delay once, silent suppliers are
//! left, and what cannot be sent or compared waits and says why.

use crate::harness::{self, Manners};
use crate::works::{SHOP, Works};

/// What was told of delays: the new day beside the day that was lost.
const DELAYS: &str = "select string_agg(split_part(occasion, ':', 1), ', ' order by id)
    from notices where kind = 'delay'";
const WAITS: &str = "select waiting_reason from orders where number = '#1'";
const PARTS: &str = "select string_agg(p.name || ' ' || f.state, ', ' order by f.id)
    from fulfilments f join locations p on p.id = f.location_id";

async fn works() -> Works {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
}

impl Works {
    /// Lets the hour pass after which overdue orders are looked at, and all that is due be done.
    async fn an_hour_later(&self) {
        self.run("update jobs set run_at = 'epoch' where kind = 'overdue'")
            .await;
        self.drain(1);
    }

    async fn delays(&self) -> Option<String> {
        self.text(DELAYS).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_hears_of_each_later_day_once_and_nothing_while_the_order_is_held() {
    let works = works().await;
    works.run("select order_of('#1', 'CUP', 1)").await;
    works.drain(1);
    works
        .run("update purchase_orders set state = 'accepted', answered_at = now()")
        .await;
    works.an_hour_later().await;
    assert_eq!(works.delays().await, None, "the promise holds");

    // A week passes, and it has not left.
    let a_week = "update orders set ship_by = ship_by - interval '14 days',
                                    deliver_by = deliver_by - interval '14 days', told_day = told_day - 14;
                  update fulfilments set leaves_by = leaves_by - interval '14 days'";
    works.run(a_week).await;
    let (said, done) = works.act(&["hold", "#1", "--reason", "the customer is away"]);
    assert!(done, "{said}");
    works.an_hour_later().await;
    assert_eq!(works.delays().await, None, "told while it is held");
    let (said, done) = works.act(&["release", "#1"]);
    assert!(done, "{said}");
    works.an_hour_later().await;
    assert_eq!(works.delays().await.as_deref(), Some("late"));
    let promised =
        "select cause || ' ' || (ship_by = ship_by_before) || ' ' || (deliver_by > now())
        from promise_changes order by id desc limit 1";
    assert_eq!(
        works.text(promised).await.as_deref(),
        Some("it did not leave in time true true")
    );
    let mail = works
        .text("select body from notices where kind = 'delay'")
        .await;
    assert!(
        mail.is_some_and(|body| body.contains("A sua encomenda #1 vai demorar")
            || body.contains("Deve agora chegar")),
        "in the customer's language"
    );
    works.an_hour_later().await;
    assert_eq!(works.delays().await.as_deref(), Some("late"), "told twice");

    // Express is sooner, and nobody is told; back again is what was told already.
    works
        .run(
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
             values ('Express', 'EUR', 990, 1, 1), ('Barge', 'EUR', 100, 9, 9);
             update orders set shipping_option_id = 2",
        )
        .await;
    works.drain(1);
    works.run("update orders set shipping_option_id = 1").await;
    works.drain(1);
    assert_eq!(works.delays().await.as_deref(), Some("late"));
    works.run("update orders set shipping_option_id = 3").await;
    works.drain(1);
    assert_eq!(works.delays().await.as_deref(), Some("late, late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_day_without_a_new_one_is_told_and_the_new_one_when_there_is_one() {
    let works = works().await;
    works
        .run(
            "select order_of('#1', 'PLATE', 2, now() + interval '2 days');
             update orders set deliver_by = now() + interval '4 days'",
        )
        .await;
    works.drain(1);
    works
        .run("update orders set ship_by = now() - interval '9 days'")
        .await;
    works.an_hour_later().await;
    works.an_hour_later().await;
    assert_eq!(works.delays().await.as_deref(), Some("open"));
    works
        .run(
            "update orders set deliver_by = now() - interval '7 days',
                    told_day = (now() - interval '7 days')::date;
             insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 3 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE'",
        )
        .await;
    works.drain(1);
    assert_eq!(works.delays().await.as_deref(), Some("open, late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slower_supplier_that_a_person_chose_moves_the_promise() {
    let works = works().await;
    works
        .run("update suppliers set email = null; select order_of('#1', 'CUP', 1)")
        .await;
    works.drain(1);
    works
        .run(
            "update fulfilments set state = 'rejected', reason = 'by telephone';
             update purchase_orders set state = 'cancelled';
             delete from supplier_offers where supplier_id = 2;
             insert into suppliers (name) values ('Snail');
             update orders set covered_by_hand = true;
             insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             values (3, 1, 100, 'EUR', 30)",
        )
        .await;
    let (said, done) = works.act(&["route", "#1", "--to", "snail"]);
    assert!(done, "{said}");
    works.drain(1);
    assert_eq!(works.delays().await.as_deref(), Some("late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_of_an_order_on_hold_waits_and_that_of_a_cancelled_one_is_taken_back() {
    const LATER: &str = "select state from notices where occasion = 'later'";
    let works = works().await;
    works.run("select order_of('#1', 'CUP', 3)").await;
    works.drain(1);
    let (said, done) = works.act(&["hold", "#1", "--reason", "fraud check"]);
    assert!(done, "{said}");
    works
        .run(
            "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body, held_until)
             select 'delay', 'order', id, 'later', 'ines@example.org', 'Later', 'Later.', now() from orders",
        )
        .await;
    works.drain(1);
    assert_eq!(works.text(LATER).await.as_deref(), Some("held"));
    let (said, done) = works.act(&["cancel", "#1", "--reason", "changed their mind"]);
    assert!(done && !said.contains("to be told"), "{said}");
    works.drain(1);
    assert_eq!(works.text(LATER).await.as_deref(), Some("cancelled"));
    let told = "select n.recipient || ' ' || n.state from notices n
        where n.kind = 'purchase_order_cancelled' and n.subject_kind = 'purchase_order'";
    assert_eq!(
        works.text(told).await.as_deref(),
        Some("acme@example.org sent")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_supplier_is_left_where_others_serve_in_time_and_told_so() {
    let works = works().await;
    works.run("select order_of('#1', 'CUP', 3)").await;
    works.drain(1);
    let silence =
        "update purchase_orders set answer_due = now() - interval '1 minute' where state = 'sent'";
    works.run(silence).await;
    works.drain(1);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("Acme has not answered in the agreed time, and nobody else has it in time"),
        "Bolt needs longer"
    );
    assert_eq!(works.text(PARTS).await.as_deref(), Some("Acme requested"));

    // A better offer is news to it, without a further silence.
    works
        .run("update supplier_offers set lead_time_days = 2")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(PARTS).await.as_deref(),
        Some("Acme rejected, Bolt requested")
    );
    let told = "select n.recipient || ' ' || b.state || ' ' || b.reason from notices n
        join purchase_orders b on b.id = n.subject_id
        where n.kind = 'purchase_order_cancelled' and n.subject_kind = 'purchase_order'";
    assert_eq!(
        works.text(told).await.as_deref(),
        Some("acme@example.org cancelled no answer in the agreed time")
    );

    // Now Bolt is silent, and nobody else is left.
    works.run(silence).await;
    works.drain(1);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("Bolt has not answered in the agreed time, and nobody else has it in time")
    );
    // Too few arrive, then enough: each time it is looked at, by the arrival alone.
    let arrive = "insert into stock_movements (stock_level_id, kind, on_hand)
        select s.id, 'receive', 2 from stock_levels s join products p on p.id = s.product_id
        where p.sku = 'CUP'";
    works.run(arrive).await;
    works.drain(1);
    assert_eq!(
        works.text(PARTS).await.as_deref(),
        Some("Acme rejected, Bolt requested")
    );
    works.run(arrive).await;
    works.drain(1);
    assert_eq!(
        works.text(PARTS).await.as_deref(),
        Some("Acme rejected, Bolt rejected, Warehouse ready")
    );
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_backorders_leave_is_for_orders_whose_suppliers_are_silent() {
    let works = works().await;
    works
        .run("select order_of('#' || n, 'CUP', 3) from generate_series(1, 60) n")
        .await;
    works.drain(1);
    works
        .run("update purchase_orders set answer_due = now() - (100 - id) * interval '1 minute'")
        .await;
    works.drain(1);
    // Nobody else is asked for it.
    works
        .run(
            "delete from supplier_offers; select order_of('late', 'CUP', 1);
             create table looked_at (id bigint);
             create function look() returns trigger language plpgsql security definer as $$
             begin insert into packline.looked_at values (new.subject_id); return null; end $$;
             create trigger look after insert on jobs for each row
                when (new.kind = 'order') execute function look()",
        )
        .await;
    works.drain(1);
    let one_arrives = "delete from looked_at;
        insert into stock_movements (stock_level_id, kind, on_hand)
        select s.id, 'receive', 1 from stock_levels s join products p on p.id = s.product_id
        where p.sku = 'CUP'";
    let silent = "select count(distinct l.id) from looked_at l join orders o on o.id = l.id
        where o.number <> 'late'";
    works.run(one_arrives).await;
    works.drain(1);
    assert_eq!(works.number(silent).await, 0, "nothing is left");
    works.run(one_arrives).await;
    works.drain(1);
    let oldest = "select count(distinct id) filter (where id <= 50) from looked_at";
    assert_eq!(works.number(silent).await, 50);
    assert_eq!(works.number(oldest).await, 50, "the longest silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_could_serve_goes_on_when_a_supplier_offers_it() {
    let works = works().await;
    works.run("select order_of('#1', 'PLATE', 2)").await;
    works.drain(1);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("can't promise: 2 × PLATE (out of stock and no supplier offers it)")
    );
    let promised = "select (ship_by > now())::text from orders";
    assert_eq!(works.text(promised).await, None);
    works
        .run(
            "insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             select 1, id, 500, 'EUR', 3 from products where sku = 'PLATE'",
        )
        .await;
    works.drain(1);
    assert_eq!(works.text(PARTS).await.as_deref(), Some("Acme requested"));
    assert_eq!(works.text(promised).await.as_deref(), Some("true"));
}

#[tokio::test]
async fn a_look_at_what_is_free_reads_the_orders_that_wait_for_it_and_no_others() {
    let works = works().await;
    // As after a first import, when nothing has been counted yet.
    works
        .run(
            "alter table orders set (autovacuum_enabled = false);
             alter table order_lines set (autovacuum_enabled = false);
             insert into products (sku, title) select 'SKU-' || i, 'One of many' from generate_series(0, 399) i;
             insert into stock_levels (product_id, location_id)
                 select p.id, l.id from products p, locations l where l.supplier_id is null and p.sku like 'SKU-%';
             insert into stock_movements (stock_level_id, kind, on_hand) select id, 'opening', 1000 from stock_levels;
             select order_of('#' || i, 'CUP', 1) from generate_series(1, 800) i;
             insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
                 select o.id, 1 + k, p.id, p.sku, p.title, 1000, 1
                 from orders o cross join generate_series(1, 10) k
                 join products p on p.sku = 'SKU-' || (o.id * 7 + k * 31) % 400",
        )
        .await;
    let mut owner = works.owner().await;
    // What the sessions of the program plan by.
    sqlx::raw_sql("set random_page_cost = 1.1; set max_parallel_workers_per_gather = 0; begin")
        .execute(&mut owner)
        .await
        .expect("a transaction");
    let wait: i64 = sqlx::query_scalar(
        "select count(lead_days(id, 1, 'EUR', 'infinity', 9223372036854775807)) from products",
    )
    .fetch_one(&mut owner)
    .await
    .expect("lead times");
    assert!(wait > 400, "{wait}");
    let read: i64 = sqlx::query_scalar(
        "select coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0)
         from pg_stat_xact_user_tables where relid = 'orders'::regclass",
    )
    .fetch_one(&mut owner)
    .await
    .expect("what was read");
    let lines = works.number("select count(*) from order_lines").await;
    assert!(read <= lines, "{read} orders were read for {lines} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_for_what_nobody_sells_is_promised_when_there_is_stock_of_it() {
    let works = works().await;
    works
        .run(
            "insert into products (sku, title) values ('NOVEL', 'Not in the catalogue');
             select order_of('#1', 'NOVEL', 2);
             update orders set placed_at = now() - interval '30 days'",
        )
        .await;
    works.drain(1);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("can't promise: 2 × NOVEL (unknown SKU)")
    );
    let quoted = "select count(*) from quote('NOVEL', 'Standard', 'PT', 2)";
    assert_eq!(works.number(quoted).await, 0);
    works
        .run(
            "insert into stock_levels (product_id, location_id)
             select p.id, l.id from products p, locations l where p.sku = 'NOVEL' and l.supplier_id is null;
             insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 2 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'NOVEL'",
        )
        .await;
    works.drain(1);
    assert_eq!(works.text(WAITS).await, None);
    // Not as if it could have been promised when it was placed.
    let promised = "select cause || ' ' || (ship_by > now()) from promise_changes";
    assert_eq!(works.text(promised).await.as_deref(), Some("promised true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_moves_tells_only_what_became_of_its_slowest_line() {
    let works = works().await;
    works
        .run(
            "insert into suppliers (name, email)
             values ('Dora', 'dora@example.org'), ('Eve', 'eve@example.org');
             insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             select s.id, p.id, s.id, 'EUR', 1
             from suppliers s, products p where p.sku = 'PLATE' and s.name in ('Dora', 'Eve');
             select order_of('#1', 'CUP', 1);
             insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
             select o.id, 2, p.id, p.sku, p.title, 100, 1 from orders o, products p where p.sku = 'PLATE'",
        )
        .await;
    works.drain(1);
    // Who is asked for the plate instead is as fast; who is asked for the cup is not.
    for supplier in ["dora", "acme"] {
        let (said, done) = works.act(&[
            "reject",
            "#1",
            "--supplier",
            supplier,
            "--reason",
            "sold out",
        ]);
        assert!(done, "{said}");
        works.drain(1);
    }
    let cause = "select cause from promise_changes order by id desc limit 1";
    assert_eq!(works.text(cause).await.as_deref(), Some("rejected by Acme"));
    // Another option moves it for another reason.
    works
        .run("update shipping_options set transit_days_max = 7 where name = 'Standard'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(cause).await.as_deref(),
        Some("another shipping option")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_order_without_an_address_waits_for_one_or_for_a_person() {
    let works = works().await;
    works
        .run(
            "update suppliers set email = null;
             select order_of('#1', 'CUP', 3); select order_of('#2', 'CUP', 1)",
        )
        .await;
    let (said, done) = works.act(&["reorder", "CUP", "--quantity", "5"]);
    assert!(done, "{said}");
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    let states =
        "select string_agg(state || ' ' || (answer_due is not null), ', ' order by fulfilment_id)
        from purchase_orders";
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("draft false, draft false, draft false")
    );
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("Acme has no address for purchase orders")
    );
    let alert = "select string_agg(reason, ', ') from alerts where kind = 'unaddressed' and cleared_at is null";
    assert!(
        works
            .text(alert)
            .await
            .is_some_and(|why| why.ends_with("Acme has no address for purchase orders")),
    );
    let (said, done) = works.act(&["mark-sent", "#2"]);
    assert!(done && said.contains("to Acme"), "{said}");
    let (said, done) = works.act(&["mark-sent", "#2"]);
    assert!(
        !done && said.contains("waits for its supplier's address"),
        "{said}"
    );
    works.drain(1);
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("draft false, sent true, draft false")
    );
    works
        .run("update suppliers set email = 'acme@example.org' where name = 'Acme'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("sent true, sent true, sent true")
    );
    assert_eq!(
        works
            .number("select count(*) from notices where kind = 'purchase_order'")
            .await,
        2
    );
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    assert_eq!(works.text(alert).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_without_an_address_is_passed_over_for_one_that_has_it() {
    let works = works().await;
    works
        .run(
            "update suppliers set email = null where name = 'Acme';
             select order_of('#1', 'CUP', 1)",
        )
        .await;
    works.drain(1);
    assert_eq!(works.text(PARTS).await.as_deref(), Some("Bolt requested"));
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("Bolt has not answered yet")
    );
    // Silent, but nobody else can be written to.
    works
        .run("update purchase_orders set answer_due = now() - interval '1 minute' where state = 'sent'")
        .await;
    works
        .run("update jobs set run_at = 'epoch' where run_at > now()")
        .await;
    works.drain(1);
    assert_eq!(works.text(PARTS).await.as_deref(), Some("Bolt requested"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipping_option_that_nobody_knows_is_told_and_stops_nothing() {
    let works = works().await;
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
                 select s.id, 'receive', 5 from stock_levels s join products p on p.id = s.product_id
                 where p.sku = 'CUP';
             insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
                 values ('Sea', 'USD', 100, 9, 9);
             select order_of('#1', 'CUP', 1); select order_of('#2', 'CUP', 1);
             update orders set shipping_option_id = null,
                    shipping_method = case number when '#1' then 'Teleport' else 'Sea' end",
        )
        .await;
    works.drain(1);
    let waits = "select string_agg(waiting_reason, '; ' order by number) from orders";
    assert_eq!(
        works.text(waits).await.as_deref(),
        Some(
            "shipping option \"Teleport\" is not known: set-option; \
             shipping option \"Sea\" has no price in EUR: set-option"
        )
    );
    let ready = "select string_agg(state, ', ') from fulfilments";
    assert_eq!(works.text(ready).await.as_deref(), Some("ready, ready"));
    let (said, done) = works.act(&["set-option", "#1", "--to", "Standard"]);
    assert!(done, "{said}");
    works.drain(1);
    let told = "select (deliver_by is not null)::text || coalesce(waiting_reason, '')
        from orders where number = '#1'";
    assert_eq!(works.text(told).await.as_deref(), Some("true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_no_mail_can_bring_is_marked_as_sent() {
    let works = works().await;
    let none = "no purchase order of it waits for its supplier's address";
    works
        .run("select order_of('#1', 'CUP', 1); update orders set confirmed_at = now()")
        .await;
    // Drafted, and the worker's to send.
    let (said, done) = works.act(&["route", "#1", "--to", "acme"]);
    assert!(done, "{said}");
    let (said, done) = works.act(&["reorder", "CUP", "--quantity", "1"]);
    assert!(done, "{said}");
    for record in ["#1", "CUP"] {
        let (said, done) = works.act(&["mark-sent", record]);
        assert!(!done && said.contains(none), "{record}: {said}");
    }
    works.run("update suppliers set email = null").await;
    for record in ["#1", "CUP"] {
        let (said, done) = works.act(&["mark-sent", record]);
        assert!(done && said.contains("to Acme"), "{record}: {said}");
        let (said, done) = works.act(&["mark-sent", record]);
        assert!(!done && said.contains(none), "{record}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_in_another_currency_count_only_where_there_is_no_other() {
    let works = works().await;
    works
        .run(
            "insert into suppliers (name, email) values ('Tokyo', 'tokyo@example.org');
             insert into products (sku, title) values ('FAN', 'A fan');
             insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             select 3, p.id, 9, 'JPY', 1 from products p where p.sku <> 'PLATE';
             select order_of('#1', 'CUP', 1); select order_of('#2', 'FAN', 1)",
        )
        .await;
    works.drain(1);
    let reasons = "select string_agg(reason, '; ' order by order_id) from fulfilments";
    assert_eq!(
        works.text(reasons).await.as_deref(),
        Some(
            "Acme: 1.00 EUR cheaper than Bolt; \
             Tokyo: the only offer, paid in JPY as nobody offers it in EUR"
        )
    );
    let (said, done) = works.act(&["reorder", "CUP", "--quantity", "1"]);
    assert!(done && said.contains("from Acme for 2.00 EUR"), "{said}");
    let (said, done) = works.act(&["reorder", "CUP", "--quantity", "1", "--from", "tokyo"]);
    assert!(done && said.contains("from Tokyo for 9 JPY"), "{said}");
    let leads = "select lead_days(1, 1, 'EUR') || ' ' || lead_days(1, 1, 'JPY') || ' ' || lead_days(1, 1, 'USD')";
    assert_eq!(works.text(leads).await.as_deref(), Some("2 1 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_left_to_an_earlier_order_goes_on_when_that_no_longer_wants_it() {
    for leave in [
        "update orders set hold_reason = 'away' where number = '#1'",
        "update order_lines set cancelled = 3 where order_id = 1;
         update orders set cancelled_at = now() where number = '#1'",
        "update order_lines set cancelled = 2 where order_id = 1",
        "update orders set financial_status = 'voided' where number = '#1'",
    ] {
        let works = works().await;
        // The first is paid, and its address is still to come.
        works
            .run(
                "insert into stock_movements (stock_level_id, kind, on_hand)
                 select s.id, 'receive', 3 from stock_levels s join products p on p.id = s.product_id
                 where p.sku = 'PLATE';
                 select order_of('#1', 'PLATE', 3);
                 update orders set shipping_address = '{}';
                 select order_of('#2', 'PLATE', 2)",
            )
            .await;
        works.drain(1);
        let reserved = "select string_agg(reserved::text, ', ' order by order_id) from order_lines";
        assert_eq!(works.text(reserved).await.as_deref(), Some("0, 0"));
        works.run(leave).await;
        works.drain(1);
        assert_eq!(
            works.text(reserved).await.as_deref(),
            Some("0, 2"),
            "{leave}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_to_be_tried_again_is_stopped_with_what_it_is_about() {
    const MAILS: &str = "select string_agg(kind || ' ' || state, ', ' order by id) from notices";
    let works = works().await;
    works.mail.behave(Manners::AnswersRecipients(451));
    works.run("select order_of('#1', 'CUP', 3)").await;
    works.run_once(&[]);
    assert_eq!(
        works.text(MAILS).await.as_deref(),
        Some("purchase_order queued, order_confirmation queued")
    );
    let (said, done) = works.act(&["cancel", "#1", "--reason", "changed their mind"]);
    assert!(done, "{said}");
    works.mail.behave(Manners::Takes);
    works.end_claims().await;
    works.drain(1);
    assert_eq!(
        works.text(MAILS).await.as_deref(),
        Some("purchase_order cancelled, order_confirmation cancelled"),
        "nobody had heard of it, and nobody does"
    );
    assert_eq!(works.mail.taken().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_while_its_mail_is_being_sent_is_taken_back_only_where_it_left() {
    const MAILS: &str = "select string_agg(kind || ' ' || state, ', ' order by id) from notices";
    for (ends, expected) in [
        (
            "update notices set sending = false, retry_at = now()",
            "purchase_order cancelled, order_confirmation cancelled",
        ),
        (
            "update notices set sending = false, state = 'failed', error = 'no such person'",
            "purchase_order cancelled, order_confirmation cancelled",
        ),
        (
            "update notices set sending = false, state = 'sent', sent_at = now()",
            "purchase_order sent, order_confirmation sent, purchase_order_cancelled sent",
        ),
    ] {
        let works = works().await;
        works.run("select order_of('#1', 'CUP', 3)").await;
        assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
        works
            .run(
                "update notices set state = 'queued', attempts = 1, sending = true,
                        retry_at = now() + interval '1 hour'",
            )
            .await;
        let (said, done) = works.act(&["cancel", "#1", "--reason", "changed their mind"]);
        assert!(done, "{said}");
        works.drain(1);
        assert_eq!(
            works.text(MAILS).await.as_deref(),
            Some("purchase_order queued, order_confirmation queued"),
            "nobody knows yet"
        );
        works.run(ends).await;
        works.drain(1);
        assert_eq!(works.text(MAILS).await.as_deref(), Some(expected), "{ends}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_cannot_be_sent_goes_to_whoever_has_it_now_unless_a_person_chose_its_supplier()
{
    let arrive = "insert into stock_movements (stock_level_id, kind, on_hand)
        select s.id, 'receive', 3 from stock_levels s join products p on p.id = s.product_id
        where p.sku = 'CUP'";
    for (news, expected) in [
        (arrive, "Acme cancelled, Warehouse ready"),
        (
            "insert into suppliers (name, email) values ('Late', 'late@example.org');
             insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             values (3, 1, 900, 'EUR', 30)",
            "Acme cancelled, Late requested",
        ),
        (
            "update suppliers set email = 'bolt@example.org' where name = 'Bolt'",
            "Acme cancelled, Bolt requested",
        ),
    ] {
        let works = works().await;
        works
            .run("update suppliers set email = null; select order_of('#1', 'CUP', 3)")
            .await;
        works.drain(1);
        assert_eq!(works.text(PARTS).await.as_deref(), Some("Acme requested"));
        works.run(news).await;
        works.drain(1);
        assert_eq!(works.text(PARTS).await.as_deref(), Some(expected), "{news}");
        assert_eq!(
            works
                .number("select count(*) from purchase_orders where state = 'draft'")
                .await,
            0
        );
        works.assert_ledger_is_right().await;
    }

    let works = works().await;
    works
        .run(
            "update suppliers set email = null; select order_of('#1', 'CUP', 3);
             update orders set confirmed_at = now()",
        )
        .await;
    let (said, done) = works.act(&["route", "#1", "--to", "acme"]);
    assert!(done, "{said}");
    works.run(arrive).await;
    works
        .run("update suppliers set email = 'bolt@example.org' where name = 'Bolt'")
        .await;
    works.drain(1);
    assert_eq!(works.text(PARTS).await.as_deref(), Some("Acme requested"));
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("Acme, routed by hand, has no address for purchase orders")
    );
    let (shown, _) = works.packline(&["show", "#1"]);
    assert!(shown.contains("routed by hand"), "{shown}");
    // Silent, it stays there too.
    let (said, done) = works.act(&["mark-sent", "#1"]);
    assert!(done, "{said}");
    works
        .run("update purchase_orders set answer_due = now() - interval '1 minute' where state = 'sent'")
        .await;
    works.drain(1);
    assert_eq!(works.text(PARTS).await.as_deref(), Some("Acme requested"));
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some("Acme, routed by hand, has not answered in the agreed time")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_in_another_currency_is_asked_before_one_that_has_no_address() {
    let works = works().await;
    works
        .run(
            "update suppliers set email = null;
             insert into suppliers (name, email) values ('Tokyo', 'tokyo@example.org');
             insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             values (3, 1, 9, 'JPY', 9);
             select order_of('#1', 'CUP', 1)",
        )
        .await;
    let lead = "select lead_days(1, 1, 'EUR')::bigint";
    assert_eq!(works.number(lead).await, 9, "what is quoted");
    works.drain(1);
    let reason = "select reason from fulfilments";
    assert_eq!(
        works.text(reason).await.as_deref(),
        Some(
            "Tokyo: others have no address, paid in JPY as nobody with an address offers it in EUR"
        )
    );
    // One that can be written to is asked in euros, and the dearer of those goes before one that cannot.
    works
        .run("update suppliers set email = 'bolt@example.org' where name = 'Bolt'")
        .await;
    assert_eq!(works.number(lead).await, 6);
    let (said, done) = works.act(&["reorder", "CUP", "--quantity", "1"]);
    assert!(done && said.contains("from Bolt for 3.00 EUR"), "{said}");
}

const DISPATCHES: &str =
    "Order,SKU,Quantity,Supplier,Tracking company,Tracking number,Shipped at\n";
/// How far the purchase orders' mails and the confirmation have come.
const LETTERS: &str = "select string_agg(kind || ' ' || state, ', ' order by id) from notices";

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_that_has_answered_or_sent_the_goods_is_not_asked_any_more() {
    const ORDERS: [&str; 4] = ["#1", "#2", "#3", "#4"];
    const ASKED: &str = "select string_agg(n.state, ', ' order by n.id)
        from notices n join purchase_orders p on p.id = n.subject_id
        join suppliers s on s.id = p.supplier_id and s.name = 'Acme'
        where n.kind = 'purchase_order'";
    const OTHERS: &str =
        "select count(*) from notices n join purchase_orders p on p.id = n.subject_id
        join suppliers s on s.id = p.supplier_id and s.name = 'Bolt'
        where n.subject_kind = 'purchase_order' and n.kind = 'purchase_order' and n.state = 'sent'";
    const RECALLS: &str = "select count(*) from notices where kind = 'purchase_order_cancelled'";
    let folder = harness::scratch_dir();
    let file = folder.path().join("dispatches.csv");
    let mut rows = DISPATCHES.to_owned();
    for (at, order) in ORDERS.iter().enumerate() {
        // A part of one order: who sends some of it knows of it.
        let units = if at == 0 { 1 } else { 3 };
        let row = format!("{order},CUP,{units},Acme,DHL,T{at},2026-03-04 10:00:00 +0100\n");
        rows.push_str(&row);
    }
    std::fs::write(&file, rows).expect("a file");
    let file = file.display().to_string();
    for answer in ["reject", "accept", "dispatch"] {
        let works = works().await;
        works
            .run(
                "select order_of('#1', 'CUP', 3); select order_of('#2', 'CUP', 3);
                 select order_of('#3', 'CUP', 3); select order_of('#4', 'CUP', 3)",
            )
            .await;
        assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
        // Held, waiting to be tried again, refused, and being sent without getting through.
        works
            .run(
                "update notices n set state = 'queued', attempts = 1, error = '451 later',
                        retry_at = now() + interval '1 hour', sending = o.number = '#4'
                 from orders o
                 where o.id = n.order_id and n.kind = 'purchase_order' and o.number <> '#1';
                 update notices n set state = 'failed', retry_at = null, error = 'no such person'
                 from orders o
                 where o.id = n.order_id and n.kind = 'purchase_order' and o.number = '#3'",
            )
            .await;
        if answer == "dispatch" {
            let (said, done) = works.packline(&["import", "dispatches", &file]);
            assert!(done, "{said}");
        } else {
            for order in ORDERS {
                let why = ["--reason", "sold out"];
                let why = if answer == "reject" { &why[..] } else { &[] };
                let (said, done) = works.act(&[&[answer, order], why].concat());
                assert!(done, "{said}");
            }
        }
        works
            .run(
                "update notices set sending = false, retry_at = now() where sending;
                 update notices set held_until = now()",
            )
            .await;
        works.end_claims().await;
        works.drain(1);
        let asked = works.text(ASKED).await;
        let none = "cancelled, cancelled, cancelled, cancelled";
        assert_eq!(asked.as_deref(), Some(none), "{answer}");
        let others = if answer == "reject" { 4 } else { 0 };
        assert_eq!(works.number(OTHERS).await, others, "{answer}");
        assert_eq!(works.number(RECALLS).await, 0, "{answer}");
        let (said, done) = works.act(&["resend-mail", "#2"]);
        assert!(!done && said.contains("no mail of it"), "{answer}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_money_went_back_keeps_its_mails_back_when_it_has_left_too() {
    let works = works().await;
    works.run("select order_of('#1', 'CUP', 3)").await;
    assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
    let folder = harness::scratch_dir();
    let file = folder.path().join("dispatches.csv");
    let row = format!("{DISPATCHES}#1,CUP,3,Acme,DHL,T1,2026-03-04 10:00:00 +0100\n");
    std::fs::write(&file, row).expect("a file");
    works
        .run("update orders set financial_status = 'refunded'")
        .await;
    let (said, done) = works.packline(&["import", "dispatches", &file.display().to_string()]);
    assert!(done, "{said}");
    works.run("update notices set held_until = now()").await;
    let stage = works.text("select stage from orders").await;
    assert_eq!(stage.as_deref(), Some("shipped"));
    works.drain(1);
    assert_eq!(
        works.text(LETTERS).await.as_deref(),
        Some("purchase_order cancelled, order_confirmation held")
    );
    works
        .run("update orders set financial_status = 'partially_refunded'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(LETTERS).await.as_deref(),
        Some("purchase_order cancelled, order_confirmation sent")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_told_the_last_day_last_and_no_day_that_no_longer_stands() {
    let works = works().await;
    works
        .run(
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
             values ('Barge', 'EUR', 100, 9, 9), ('Raft', 'EUR', 100, 19, 19);
             select order_of('#1', 'CUP', 1)",
        )
        .await;
    works.drain(1);
    let states = "select string_agg(state, ', ' order by id) from notices where kind = 'delay'";
    works.mail.behave(Manners::AnswersRecipients(451));
    works.run("update orders set shipping_option_id = 2").await;
    works.run_once(&[]);
    assert_eq!(works.text(states).await.as_deref(), Some("queued"));
    // It comes on the day that was told after all.
    works.run("update orders set shipping_option_id = 1").await;
    works.run_once(&[]);
    assert_eq!(works.text(states).await.as_deref(), Some("cancelled"));
    // It is later again, and then later still: only the last word leaves.
    works.run("update orders set shipping_option_id = 2").await;
    works.run_once(&[]);
    assert_eq!(works.text(states).await.as_deref(), Some("queued"));
    works.run("update orders set shipping_option_id = 3").await;
    works.mail.behave(Manners::Takes);
    let before = works.mail.taken().len();
    works.drain(1);
    works.end_claims().await;
    works.drain(1);
    assert_eq!(works.text(states).await.as_deref(), Some("cancelled, sent"));
    assert_eq!(works.mail.taken().len(), before + 1);
    let known = "select count(*) from orders where told_day = ((deliver_by - interval '1 second') at time zone 'UTC')::date";
    assert_eq!(works.number(known).await, 1);
    // What was being sent when another day was told does not follow it.
    works
        .run(
            "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body, state, held_until)
             select 'delay', 'order', id, 'later', 'ines@example.org', 'Later', 'Later.', 'held', now() + interval '1 hour'
             from orders;
             update notices set state = 'queued', sending = true, attempts = 1 where state = 'cancelled'",
        )
        .await;
    works
        .run("update notices set sending = false, retry_at = now() where sending")
        .await;
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("cancelled, sent, held")
    );
}

/// How often the confirmation was written, how far it has come, the street and the day that it tells, and
/// whether that day is the promised one and the one that is known to be told.
const CONFIRMATION: &str = r#"select string_agg(n.state || ' ' || n.outdated || ' '
            || coalesce(substring(n.body from 'Rua [0-9]+'), '?') || ' '
            || (n.body like '% ' || to_char(promised_day(o), 'FMDD "de % de" YYYY') || '%') || ' '
            || coalesce((o.told_day = promised_day(o))::text, '-'), ', ')
        from notices n join orders o on o.id = n.order_id where n.kind = 'order_confirmation'"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_says_what_is_true_when_it_leaves() {
    const HELD: &[(&str, &str)] = &[("PACKLINE_NOTICE_HOLD", "1h")];
    let works = works().await;
    works
        .run(
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max, countries)
             values ('Barge', 'EUR', 100, 9, 9, '{}');
             select order_of('#1', 'CUP', 1)",
        )
        .await;
    assert!(works.run_once(HELD));
    let stands = async |street: &str, state: &str| {
        let expected = format!("{state} false {street} true true");
        assert_eq!(works.text(CONFIRMATION).await, Some(expected));
    };
    stands("Rua 1", "held").await;
    let id = works.number("select id from notices where kind = 'order_confirmation'");
    let id = id.await;
    // Whatever changes, and however far a mail has come that has not left.
    let act = |arguments: &[&str]| {
        let (said, done) = works.act(arguments);
        assert!(done, "{arguments:?}: {said}");
    };
    act(&["set-address", "#1", "--address1", "Rua 2"]);
    act(&["set-option", "#1", "--to", "Barge"]);
    works
        .run("update orders set deliver_by = deliver_by + interval '7 days'")
        .await;
    assert!(works.run_once(HELD));
    stands("Rua 2", "held").await;
    works
        .run(
            "update notices set state = 'queued', attempts = 1, error = '451 later',
                    retry_at = now() + interval '1 hour' where kind = 'order_confirmation'",
        )
        .await;
    act(&["set-address", "#1", "--address1", "Rua 3"]);
    assert!(works.run_once(HELD));
    stands("Rua 3", "queued").await;
    works
        .run(
            "update notices set state = 'failed', retry_at = null, error = '550 no'
             where kind = 'order_confirmation'",
        )
        .await;
    act(&["set-address", "#1", "--address1", "Rua 4"]);
    // It does not leave before the worker has looked.
    act(&["resend-mail", "#1"]);
    act(&["hold", "#1", "--reason", "a question"]);
    works.run("update notices set held_until = now()").await;
    works.drain(1);
    act(&["release", "#1"]);
    let delays = "select count(*) from notices where kind = 'delay'";
    assert_eq!(works.number(delays).await, 0, "nobody was told another day");

    // Nor while its option does not take it; it does by itself when that does.
    works
        .run("update shipping_options set countries = '{DE}' where name = 'Barge'")
        .await;
    works.drain(1);
    works.drain(1);
    let waits = "select state || ' ' || outdated from notices where kind = 'order_confirmation'";
    assert_eq!(works.text(waits).await.as_deref(), Some("queued true"));
    works
        .run("update shipping_options set countries = '{DE,PT}' where name = 'Barge'")
        .await;
    works.drain(1);
    stands("Rua 4", "sent").await;
    assert_eq!(
        works
            .number("select id from notices where kind = 'order_confirmation'")
            .await,
        id,
        "one mail"
    );
    let before = works.fingerprint().await;
    works.drain(1);
    assert_eq!(works.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_did_not_get_through_tells_the_new_day_itself() {
    let works = works().await;
    works
        .run(
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
             values ('Barge', 'EUR', 100, 9, 9);
             select order_of('#1', 'CUP', 1)",
        )
        .await;
    works.mail.behave(Manners::AnswersRecipients(451));
    works.run_once(&[]);
    // It is being sent when the day moves: another mail tells of that.
    works
        .run(
            "update notices set sending = true, retry_at = now() + interval '1 hour'
             where kind = 'order_confirmation';
             update orders set shipping_option_id = 2",
        )
        .await;
    works.run_once(&[]);
    let delay = "select string_agg(state, ', ') from notices where kind = 'delay'";
    assert_eq!(works.text(delay).await.as_deref(), Some("queued"));
    works
        .run("update notices set sending = false where kind = 'order_confirmation'")
        .await;
    works.mail.behave(Manners::Takes);
    works.run_once(&[]);
    works.end_claims().await;
    works.drain(1);
    assert_eq!(works.text(delay).await.as_deref(), Some("cancelled"));
    assert_eq!(
        works.text(CONFIRMATION).await.as_deref(),
        Some("sent false Rua 1 true true")
    );
    let before = works.fingerprint().await;
    works.drain(1);
    assert_eq!(works.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_lost_and_found_again_leaves_one_delay_to_be_told() {
    let works = works().await;
    works
        .run(
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max, countries)
             values ('Barge', 'EUR', 100, 29, 29, '{}');
             select order_of('#1', 'CUP', 1)",
        )
        .await;
    works.drain(1);
    let told = works.mail.taken().len();
    works.mail.behave(Manners::AnswersRecipients(451));
    works.run("update orders set shipping_option_id = 2").await;
    works.run_once(&[]);
    let delays = "select string_agg(split_part(occasion, ':', 1) || ' ' || state, ', ' order by id)
        from notices where kind = 'delay'";
    assert_eq!(works.text(delays).await.as_deref(), Some("late queued"));
    // Its supplier falls silent past the day on which it should have left, and then is not.
    works
        .run(
            "update orders set ship_by = ship_by - interval '21 days';
             update fulfilments set leaves_by = leaves_by - interval '21 days';
             update purchase_orders set answer_due = now() - interval '1 minute'",
        )
        .await;
    works.run_once(&[]);
    assert_eq!(
        works.text(delays).await.as_deref(),
        Some("late cancelled, open queued")
    );
    works
        .run(
            "update purchase_orders set answer_due = now() + interval '1 day';
             update orders set note = 'they wrote'",
        )
        .await;
    works.run_once(&[]);
    assert_eq!(
        works.text(delays).await.as_deref(),
        Some("late queued, open cancelled")
    );
    let failed = "select count(*) from jobs where error is not null";
    assert_eq!(works.number(failed).await, 0, "jobs that failed");
    let before = works.fingerprint().await;
    works.run_once(&[]);
    assert_eq!(works.fingerprint().await, before);

    // While its option does not take it, that is not told either.
    works.mail.behave(Manners::Takes);
    works
        .run("update shipping_options set countries = '{DE}' where name = 'Barge'")
        .await;
    works.end_claims().await;
    works.drain(1);
    assert_eq!(works.mail.taken().len(), told);
    works
        .run("update shipping_options set countries = '{}' where name = 'Barge'")
        .await;
    works.drain(1);
    works.end_claims().await;
    works.drain(1);
    assert_eq!(works.mail.taken().len(), told + 1);
    let last =
        "select string_agg(occasion, ', ') from notices where kind = 'delay' and state = 'sent'";
    let promised = "select 'late:' || promised_day(o) from orders o";
    assert_eq!(works.text(last).await, works.text(promised).await);
}
