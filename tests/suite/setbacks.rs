//! What sets an order back on its way: money that went back, an option that cannot take it, a parcel
//! that is lost, a day on which nobody works.

use chrono_tz::Tz;
use packline::actions::{ActError, Terms, foretell};
use packline::domain::act::Args;
use packline::domain::record::{Kind, RecordId};
use packline::domain::verbs;

use crate::shop::now;
use crate::works::{SHOP, Works};

const WAITS: &str =
    "select string_agg(coalesce(waiting_reason, '-'), '; ' order by number) from orders";

async fn works() -> Works {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
}

impl Works {
    async fn waits(&self) -> Option<String> {
        self.text(WAITS).await
    }

    /// Units of what lies in our own stock.
    async fn stock_arrives(&self) {
        self.run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 5 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE'",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_money_went_back_is_not_bought_mailed_or_handed_over() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run("select order_of('#1', 'CUP', 3); select order_of('#2', 'PLATE', 2)")
        .await;
    assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
    works
        .run(
            "update orders set financial_status = case number when '#1' then 'refunded' else 'voided' end;
             update notices set held_until = now();
             update shipments set carrier_id = 1, tracking_code = 'X1', ship_date = current_date, state = 'labelled'",
        )
        .await;
    works.drain(1);
    let refunded = Some("payment is refunded: cancel it; payment is voided: cancel it");
    assert_eq!(works.waits().await.as_deref(), refunded);
    assert_eq!(works.mail.taken().len(), 0, "mails that left");
    // No other supplier is asked, and nothing leaves by hand.
    let (said, done) = works.act(&["reject", "#1", "--reason", "sold out"]);
    assert!(done, "{said}");
    works.drain(1);
    let parts = "select string_agg(p.name || ' ' || f.state, ', ' order by f.id)
        from fulfilments f join locations p on p.id = f.location_id where p.supplier_id is not null";
    assert_eq!(works.text(parts).await.as_deref(), Some("Acme rejected"));
    let (said, done) = works.act(&["hand-over", "SHP-1"]);
    assert!(
        !done && said.contains("its order's payment is voided"),
        "{said}"
    );
    let (said, _) = works.packline(&["show", "SHP-1"]);
    assert!(said.contains("payment is voided: cancel it"), "{said}");
    // Its money is there after all: everything goes on.
    works
        .run("update orders set financial_status = 'paid'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(parts).await.as_deref(),
        Some("Acme rejected, Bolt requested")
    );
    assert_eq!(
        works.waits().await.as_deref(),
        Some("Bolt has not answered yet; -")
    );
    let (said, done) = works.act(&["hand-over", "SHP-1"]);
    assert!(done, "{said}");
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_parcel_stays_in_sight_until_it_is_sent_again_or_written_off() {
    let works = works().await;
    works.stock_arrives().await;
    works.run("select order_of('#1', 'PLATE', 2)").await;
    works.drain(1);
    let hand_over = |parcel: &str| {
        for act in [
            &["set-tracking", parcel, "--carrier", "DHL", "--code", parcel][..],
            &["hand-over", parcel],
        ] {
            let (said, done) = works.act(act);
            assert!(done, "{act:?}: {said}");
        }
    };
    let lose = |parcel: &str| {
        let (said, done) = works.act(&["lose", parcel, "--reason", "trace closed"]);
        assert!(done, "{said}");
    };
    hand_over("SHP-1");
    lose("SHP-1");
    let alert = "select max(reason) from alerts where cleared_at is null and kind = 'lost'";
    assert_eq!(
        works.text(alert).await.as_deref(),
        Some("SHP-1 is lost: send-again or write-off")
    );
    let (next, _) = works.packline(&["list", "next"]);
    assert!(next.contains("SHP-1"), "{next}");

    // A week later somebody decides: the customer hears the new day.
    works
        .run(
            "update orders set ship_by = ship_by - interval '14 days', told_day = told_day - 14,
                               deliver_by = deliver_by - interval '14 days'",
        )
        .await;
    let (said, done) = works.act(&["send-again", "SHP-1"]);
    assert!(done && said.contains("2 units of #1"), "{said}");
    works.drain(1);
    let cause =
        "select string_agg(cause, ', ' order by id) from promise_changes where ship_by > now()";
    assert!(
        works
            .text(cause)
            .await
            .is_some_and(|causes| causes.ends_with("SHP-1 is sent again"))
    );
    let delays = "select count(*) from notices where kind = 'delay'";
    assert_eq!(works.number(delays).await, 1);
    assert_eq!(works.text(alert).await, None);
    let stands =
        "select o.stage || ' ' || l.reserved || ' ' || l.shipped || ' ' || s.on_hand || ' '
            || (select string_agg(p.state, ', ' order by p.id) from shipments p)
        from orders o join order_lines l on l.order_id = o.id
        join stock_levels s on s.product_id = l.product_id where o.number = '#1'";
    assert_eq!(
        works.text(stands).await.as_deref(),
        Some("processing 2 0 3 lost, draft")
    );
    let (said, done) = works.act(&["send-again", "SHP-1"]);
    assert!(!done && said.contains("it is sent again already"), "{said}");
    hand_over("SHP-2");
    let (said, done) = works.act(&["deliver", "SHP-2"]);
    assert!(done, "{said}");
    assert_eq!(
        works.text(stands).await.as_deref(),
        Some("delivered 0 2 1 lost, delivered")
    );

    works.run("select order_of('#2', 'PLATE', 1)").await;
    works.drain(1);
    hand_over("SHP-3");
    lose("SHP-3");
    let (said, done) = works.act(&["write-off", "SHP-3", "--reason", "refunded"]);
    assert!(done, "{said}");
    // A colleague who has not seen that yet is told, and not asked.
    let write_off = verbs::find(Kind::Shipment, "write-off").expect("a verb");
    let parcel = RecordId::new(Kind::Shipment, 3);
    let mut connection = works.owner().await;
    let (args, terms) = (Args::new(), Terms::from(Tz::UTC));
    let asked = foretell(&mut connection, write_off, parcel, &args, terms, now()).await;
    assert!(matches!(asked, Err(ActError::Refused(_))), "{asked:?}");
    let ended = "select stage || ' ' || (closed_at is not null) from orders where number = '#2'";
    assert_eq!(works.text(ended).await.as_deref(), Some("closed true"));
    assert_eq!(works.text(alert).await, None);
    let (next, _) = works.packline(&["list", "next"]);
    assert!(!next.contains("SHP-"), "{next}");
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_parcel_that_arrives_is_delivered_or_what_replaces_it_is_told() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run("select order_of(name, 'PLATE', 1) from (values ('#1'), ('#2'), ('#3')) orders (name)")
        .await;
    works.drain(1);
    let act = |arguments: &[&str]| {
        let (said, done) = works.act(arguments);
        assert!(done, "{arguments:?}: {said}");
    };
    for parcel in ["SHP-1", "SHP-2", "SHP-3"] {
        act(&["set-tracking", parcel, "--carrier", "DHL", "--code", parcel]);
        act(&["hand-over", parcel]);
        act(&["lose", parcel, "--reason", "trace closed"]);
    }
    let stands = "select string_agg(o.stage || ' ' || l.delivered || ' ' || l.lost || ' '
            || (p.delivered_at is not null) || ' ' || f.state, ', ' order by p.id)
        from shipments p join orders o on o.id = p.order_id join order_lines l on l.order_id = o.id
        join fulfilments f on f.id = p.fulfilment_id where p.id < 3";
    let alert = "select string_agg(reason, ', ' order by id) from alerts
        where cleared_at is null and kind = 'lost'";
    // Somebody says so, or the carrier.
    act(&["deliver", "SHP-1"]);
    works
        .run("insert into tracking_events (shipment_id, at, status) values (2, now(), 'delivered')")
        .await;
    assert_eq!(
        works.text(stands).await.as_deref(),
        Some("delivered 1 0 true delivered, delivered 1 0 true delivered")
    );
    assert_eq!(
        works.text(alert).await.as_deref(),
        Some("SHP-3 is lost: send-again or write-off")
    );

    // What was sent again has not left yet.
    act(&["send-again", "SHP-3"]);
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 3 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE'",
        )
        .await;
    works.drain(1);
    assert_eq!(works.text(alert).await, None);
    works
        .run("insert into tracking_events (shipment_id, at, status) values (3, now(), 'delivered')")
        .await;
    assert_eq!(
        works.text(alert).await.as_deref(),
        Some("SHP-3 has arrived: unreserve makes SHP-4 void")
    );
    let (said, done) = works.act(&["deliver", "SHP-3"]);
    assert!(!done && said.contains("it is sent again already"), "{said}");
    act(&["unreserve", "#3"]);
    works.drain(1);
    assert_eq!(
        works.text(alert).await.as_deref(),
        Some("SHP-3 has arrived: cancel, or it is sent again by who reserves or routes it")
    );
    act(&["cancel", "#3", "--reason", "it has arrived"]);
    works.drain(1);
    assert_eq!(works.text(alert).await, None);
    assert_eq!(works.number("select max(id) from shipments").await, 4);
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_parcel_that_arrives_is_told_before_what_replaces_it_is_packed() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run("select order_of(name, 'PLATE', 1) from (values ('#1'), ('#2'), ('#3')) orders (name)")
        .await;
    works.drain(1);
    let act = |arguments: &[&str]| {
        let (said, done) = works.act(arguments);
        assert!(done, "{arguments:?}: {said}");
    };
    for parcel in ["SHP-1", "SHP-2", "SHP-3"] {
        act(&["set-tracking", parcel, "--carrier", "DHL", "--code", parcel]);
        act(&["hand-over", parcel]);
        act(&["lose", parcel, "--reason", "trace closed"]);
    }
    // Two units are left: nobody has the third, until a supplier is asked for it.
    works
        .run("insert into inspection_plans (percent) values (100)")
        .await;
    for parcel in ["SHP-1", "SHP-2"] {
        act(&["send-again", parcel]);
    }
    works.drain(1);
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand, reason)
             select s.id, 'adjust', -(s.on_hand - s.reserved), 'broken'
             from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE' and s.on_hand > s.reserved;
             update orders set confirmed_at = confirmed_at where number = '#3'",
        )
        .await;
    act(&["send-again", "SHP-3"]);
    works.drain(1);
    let alerts = "select string_agg(a.reason, ', ' order by o.number)
        from alerts a join orders o on o.id = a.subject_id where a.cleared_at is null and a.kind = 'lost'";
    assert_eq!(works.text(alerts).await, None);
    works
        .run(
            "insert into tracking_events (shipment_id, at, status)
             select id, now(), 'delivered' from shipments where id in (2, 3)",
        )
        .await;
    let unreserve = "SHP-2 has arrived: unreserve gives back what is set aside in its place";
    let nobody = "SHP-3 has arrived: cancel, or it is sent again once somebody has it";
    assert_eq!(
        works.text(alerts).await,
        Some(format!("{unreserve}, {nobody}"))
    );
    let (next, _) = works.packline(&["show", "#3"]);
    assert!(next.contains(nobody), "{next}");
    works
        .run(
            "insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             values (1, 2, 200, 'EUR', 2)",
        )
        .await;
    works.drain(1);
    let asked = "SHP-3 has arrived: cancel takes back what a supplier was asked for in its place";
    assert_eq!(
        works.text(alerts).await,
        Some(format!("{unreserve}, {asked}"))
    );
    act(&["unreserve", "#2"]);
    act(&["cancel", "#3", "--reason", "it has arrived"]);
    works.drain(1);
    assert_eq!(
        works.text(alerts).await.as_deref(),
        Some("SHP-2 has arrived: cancel, or it is sent again by who reserves or routes it")
    );
    act(&["cancel", "#2", "--reason", "it has arrived"]);
    works.drain(1);
    assert_eq!(works.text(alerts).await, None);
    let left = "select count(*) from shipments where id > 3 and state <> 'void'
        and order_id in (2, 3)";
    assert_eq!(works.number(left).await, 0);
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_that_does_not_take_an_order_is_neither_promised_mailed_nor_packed() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run(
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max, countries)
                 values ('Express', 'EUR', 990, 1, 1, '{GB}');
             select order_of('#1', 'PLATE', 2);
             update orders set shipping_option_id = 2, shipping_method = 'Express'",
        )
        .await;
    works.drain(1);
    let refused = "Express: it does not serve PT";
    assert_eq!(works.waits().await.as_deref(), Some(refused));
    let stands = "select (o.ship_by is not null) || ' ' || (o.deliver_by is not null) || ' ' || f.state || ' '
            || (select count(*) from notices where kind = 'order_confirmation') || ' '
            || coalesce((select string_agg(p.state, ', ' order by p.id) from shipments p), '-')
        from orders o join fulfilments f on f.order_id = o.id";
    assert_eq!(
        works.text(stands).await.as_deref(),
        Some("true false ready 0 -")
    );
    // A day that somebody promised all the same is lost.
    works
        .run("update orders set deliver_by = now() + interval '9 days'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(stands).await.as_deref(),
        Some("true false ready 0 -")
    );
    let (said, done) = works.act(&["set-option", "#1", "--to", "Standard"]);
    assert!(done, "{said}");
    works.drain(1);
    assert_eq!(
        works.text(stands).await.as_deref(),
        Some("true true ready 1 draft")
    );
    // The option is for other countries from now on: the day that was promised is nobody's any more.
    works
        .run("update shipping_options set countries = '{DE}' where name = 'Standard'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(stands).await.as_deref(),
        Some("true false ready 1 draft")
    );
    let (said, _) = works.packline(&["show", "SHP-1"]);
    assert!(said.contains("Standard: it does not serve PT"), "{said}");
    // Nor does it leave, packed or not, while the worker has not looked either.
    let reason = "Standard: it does not serve PT";
    works.run("update orders set waiting_reason = null").await;
    for act in [
        &["set-tracking", "SHP-1", "--carrier", "DHL", "--code", "D1"][..],
        &["hand-over", "SHP-1"],
        &["ship", "#1", "--carrier", "DHL", "--tracking", "D2"],
    ] {
        let (said, done) = works.act(act);
        let label_only = act[0] == "set-tracking";
        assert_eq!(done, label_only, "{act:?}: {said}");
        assert!(label_only || said.contains(reason), "{act:?}: {said}");
    }
    let (said, _) = works.packline(&["show", "#1"]);
    assert!(
        said.contains(&format!("can't ship: 1\n  {reason}\n")),
        "{said}"
    );
    works
        .run("update shipping_options set countries = '{PT}' where name = 'Standard'")
        .await;
    let (said, done) = works.act(&["hand-over", "SHP-1"]);
    assert!(done, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_order_wants_whose_money_went_back_is_no_reason_to_restock() {
    let works = works().await;
    works
        .run(
            "select order_of('#1', 'PLATE', 6, now() + interval '3 days');
             select order_of('#2', 'PLATE', 8, now() + interval '2 days');
             update orders set covered_by_hand = true",
        )
        .await;
    works.stock_arrives().await;
    let low = "select count(*) from alerts a join stock_levels s on s.id = a.subject_id
        join products p on p.id = s.product_id
        where a.kind = 'low_stock' and a.cleared_at is null and p.sku = 'PLATE'";
    let look = async || {
        works
            .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
            .await;
        works.drain(1);
        let (next, _) = works.packline(&["list", "next"]);
        next.lines()
            .find(|line| line.contains("PLATE"))
            .map(ToOwned::to_owned)
    };
    let both = look().await;
    assert_eq!(works.number(low).await, 1);
    assert!(
        both.as_ref().is_some_and(|row| row.contains("9 short")),
        "{both:?}"
    );
    works
        .run("update orders set financial_status = 'refunded' where number = '#2'")
        .await;
    let one = look().await;
    assert!(
        one.as_ref().is_some_and(|row| row.contains("1 short")),
        "{one:?}"
    );
    // Whoever has not paid yet may still do so.
    works
        .run("update orders set financial_status = 'authorized' where number = '#1'")
        .await;
    assert_eq!(look().await, one);
    works
        .run("update orders set financial_status = 'voided' where number = '#1'")
        .await;
    assert_eq!(look().await, None);
    assert_eq!(works.number(low).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ordered_counts_as_demand_unless_its_money_went_back_before_it_left() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run("select order_of('#1', 'PLATE', 2); select order_of('#2', 'PLATE', 3)")
        .await;
    works.drain(1);
    let act = |arguments: &[&str]| {
        let (said, done) = works.act(arguments);
        assert!(done, "{arguments:?}: {said}");
    };
    act(&["set-tracking", "SHP-1", "--carrier", "DHL", "--code", "D1"]);
    act(&["hand-over", "SHP-1"]);
    let demand = "select coalesce(sum(units), 0)::bigint from daily_demand";
    assert_eq!(works.number(demand).await, 5);
    for (money, counted) in [
        ("update orders set financial_status = 'refunded'", 2),
        ("update orders set financial_status = 'voided'", 2),
        // Nobody pays for what is ordered more.
        (
            "update order_lines set ordered = ordered + 4 where shipped = 0",
            2,
        ),
        ("update orders set financial_status = 'paid'", 9),
    ] {
        works.run(money).await;
        assert_eq!(works.number(demand).await, counted, "{money}");
    }
    works
        .run(
            "update orders set financial_status = 'refunded';
             insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
             select id, 2, 2, 'PLATE', 'A plate', 1000, 7 from orders where number = '#1'",
        )
        .await;
    assert_eq!(works.number(demand).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_holiday_moves_what_was_promised_and_says_so() {
    let works = works().await;
    works
        .run(
            "select order_of('#1', 'CUP', 1); select order_of('#2', 'CUP', 1);
             select order_of('#3', 'CUP', 1, date_trunc('day', now()) + interval '9 days 11 minutes')",
        )
        .await;
    works.drain(1);
    works
        .run("update purchase_orders set state = 'accepted', answered_at = now()")
        .await;
    works.drain(1);
    let moved = "select string_agg(o.number || ' ' || c.cause || ' '
                || (business_day((c.ship_by_before at time zone 'UTC')::date + 1, 0)
                    = (c.ship_by at time zone 'UTC')::date) || ' ' || (c.deliver_by > c.deliver_by_before),
            ', ' order by c.id)
        from promise_changes c join orders o on o.id = c.order_id where c.cause ~ 'holiday|hours'";
    assert_eq!(works.text(moved).await, None);
    works
        .run(
            "insert into holidays (day, name)
             select (ship_by at time zone 'UTC')::date, 'a feast' from orders where number = '#1'",
        )
        .await;
    let waiting = "select count(*) from jobs where kind in ('calendar', 'order')";
    assert_eq!(works.number(waiting).await, 1, "one job for all of them");
    works.drain(1);
    let day = works
        .text("select to_char(day, 'FMDD Mon') from holidays")
        .await
        .expect("the holiday");
    assert_eq!(
        works.text(moved).await,
        Some(format!(
            "#1 holiday {day} true true, #2 holiday {day} true true"
        ))
    );
    let delays = "select count(*) from notices where kind = 'delay'";
    assert_eq!(works.number(delays).await, 2, "each customer hears it once");
    let quoted = "select bool_and(q.ship_by = o.ship_by and q.deliver_by = o.deliver_by)::text
        from orders o, quote('CUP', 'Standard', 'PT', 1, o.placed_at) q where o.number <> '#3'";
    assert_eq!(works.text(quoted).await.as_deref(), Some("true"));
    // It is no holiday after all: everything is as it was.
    works.run("delete from holidays").await;
    works.drain(1);
    assert_eq!(works.text(quoted).await.as_deref(), Some("true"));
    assert_eq!(works.number(delays).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_that_is_put_right_lets_its_orders_go_on() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run(
            "update shipping_options set max_weight_g = 1000;
             update products set weight_g = 90000;
             select order_of('#1', 'PLATE', 1), order_of('#2', 'CUP', 1)",
        )
        .await;
    works.drain(1);
    let too_heavy = "Standard: it takes 1000 g at most, the order weighs 90000 g";
    let asked = "Acme has not answered yet";
    assert_eq!(
        works.waits().await,
        Some(format!("{too_heavy}; {too_heavy}; {asked}"))
    );
    works
        .run("update products set weight_g = 900 where sku = 'PLATE'")
        .await;
    works.drain(1);
    assert_eq!(
        works.waits().await,
        Some(format!("-; {too_heavy}; {asked}"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_needs_no_inspection() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run("select order_of('#1', 'PLATE', 1), order_of('#2', 'PLATE', 1)")
        .await;
    works.drain(1);
    for act in [
        &["inspect", "#1"][..],
        &["inspect", "#2"],
        &["start", "INS-2"],
        &[
            "fail-check",
            "INS-2",
            "--check",
            "item",
            "--defect",
            "chipped",
            "--severity",
            "major",
        ],
        &["pass-check", "INS-2", "--check", "quantity"],
        &["pass-check", "INS-2", "--check", "condition"],
        &["pass-check", "INS-2", "--check", "packaging"],
        &["finish", "INS-2"],
        &["cancel", "#1", "--reason", "changed her mind"],
        &["cancel", "#2", "--reason", "changed her mind"],
    ] {
        let (said, done) = works.act(act);
        assert!(done, "{act:?}: {said}");
    }
    let states = "select string_agg(state, ', ' order by id) from inspections";
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("cancelled, failed"),
        "what is broken is still to be put right"
    );
    let (next, _) = works.packline(&["list", "next"]);
    assert!(!next.contains("INS-1") && next.contains("INS-2"), "{next}");
    let (said, done) = works.act(&["start", "INS-1"]);
    assert!(!done && said.contains("it is cancelled"), "{said}");
}

/// The parts of each order with what they plan, and what covers its line.
const PARTS: &str = "
    select string_agg(part, ', ' order by number, id) from (
        select o.number, f.id, o.number || ' ' || p.name || ' ' || f.state || ' ' || fl.quantity as part
        from fulfilments f join orders o on o.id = f.order_id join locations p on p.id = f.location_id
        join fulfilment_lines fl on fl.fulfilment_id = f.id
        union all
        select o.number, 1000, format('%s has %s+%s of %s', o.number, l.reserved, l.requested, l.ordered)
        from orders o join order_lines l on l.order_id = o.id) parts";

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_is_given_back_when_it_is_packed_can_come_from_elsewhere() {
    let works = works().await;
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 6 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'CUP';
             select order_of(name, 'CUP', 2) from (values ('#1'), ('#2'), ('#3')) orders (name)",
        )
        .await;
    works.drain(1);
    let act = |arguments: &[&str], says: &str| {
        let (said, done) = works.act(arguments);
        assert!(done && said.contains(says), "{arguments:?}: {said}");
    };
    let packed = "select string_agg(s.state || ' ' || l.quantity, ', ' order by s.id)
        from shipments s join shipment_lines l on l.shipment_id = s.id";
    assert_eq!(
        works.text(packed).await.as_deref(),
        Some("draft 2, draft 2, draft 2")
    );
    for order in ["#1", "#2", "#3"] {
        act(&["unreserve", order], "gave back 2 units");
    }
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand, reason)
             select s.id, 'adjust', -5, 'broken' from stock_levels s where s.on_hand > 0",
        )
        .await;
    works.drain(1);
    let (shown, _) = works.packline(&["show", "#1"]);
    assert!(shown.contains("reserve or route it"), "{shown}");

    // To a supplier, in part from what is left, and to where there is too little of it.
    act(&["route", "#1", "--to", "Acme"], "asked Acme for 2 units");
    act(&["reserve", "#2"], "reserved 1 of 2 units; 1 short: CUP");
    assert!(works.run_once(&[]), "a job failed");
    assert_eq!(
        works.text(PARTS).await.as_deref(),
        Some(
            "#1 Warehouse cancelled 2, #1 Acme requested 2, #1 has 0+2 of 2, \
             #2 Warehouse cancelled 2, #2 Acme requested 1, #2 Warehouse ready 1, #2 has 1+1 of 2, \
             #3 Warehouse cancelled 2, #3 has 0+0 of 2"
        )
    );
    act(
        &["route", "#3", "--to", "Warehouse"],
        "gave 2 units to Warehouse",
    );
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 1 from stock_levels s where s.on_hand > 0",
        )
        .await;
    assert!(works.run_once(&[]), "a job failed");
    let parts = works.text(PARTS).await;
    let third = "#3 Warehouse cancelled 2, #3 Warehouse cancelled 2, #3 Acme requested 1, \
                 #3 Warehouse ready 1, #3 has 1+1 of 2";
    assert!(
        parts.as_ref().is_some_and(|parts| parts.ends_with(third)),
        "{parts:?}"
    );
    assert_eq!(
        works.text(packed).await.as_deref(),
        Some("void 2, void 2, void 2, draft 1, draft 1")
    );
    let asked = "Acme has not answered yet";
    assert_eq!(
        works.waits().await,
        Some(format!("{asked}; {asked}; {asked}"))
    );
    works.assert_ledger_is_right().await;
    let again = works.command(&["--once"]).output().expect("the worker");
    let again = String::from_utf8_lossy(&[again.stdout, again.stderr].concat()).into_owned();
    assert!(again.contains("0 jobs done"), "{again}");
    assert_eq!(works.text(PARTS).await, parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_ends_with_the_stock_that_is_given_back_unless_it_found_something() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run(
            "insert into inspection_plans (percent) values (100);
             select order_of('#1', 'PLATE', 2)",
        )
        .await;
    works.drain(1);
    let act = |arguments: &[&str]| {
        let (said, done) = works.act(arguments);
        assert!(done, "{arguments:?}: {said}");
    };
    let pass = |inspection: &str, checks: &[&str]| {
        for check in checks {
            act(&["pass-check", inspection, "--check", check]);
        }
        act(&["finish", inspection]);
    };
    let states = "select string_agg(state, ', ' order by id) from inspections";
    act(&["start", "INS-1"]);
    act(&["unreserve", "#1"]);
    assert_eq!(works.text(states).await.as_deref(), Some("cancelled"));
    act(&["reserve", "#1"]);
    works.drain(1);
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("cancelled, pending"),
        "it is inspected all the same"
    );
    act(&["start", "INS-2"]);
    act(&[
        "fail-check",
        "INS-2",
        "--check",
        "item",
        "--defect",
        "chipped",
        "--severity",
        "major",
    ]);
    pass("INS-2", &["quantity", "condition", "packaging"]);
    act(&["unreserve", "#1"]);
    act(&["route", "#1", "--to", "Warehouse"]);
    works.drain(1);
    act(&["start", "INS-3"]);
    pass("INS-3", &["item", "quantity", "condition", "packaging"]);
    works.drain(1);
    assert_eq!(
        works.text(states).await.as_deref(),
        Some("cancelled, failed, passed")
    );
    // To give it back and take it again is no way around what was found.
    act(&["set-tracking", "SHP-1", "--carrier", "DHL", "--code", "D1"]);
    let (said, done) = works.act(&["hand-over", "SHP-1"]);
    assert!(!done && said.contains("failed"), "{said}");
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reserved_again_comes_from_where_it_was_given_back() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run(
            "insert into locations (name) values ('Annexe');
             insert into stock_levels (product_id, location_id)
                 select p.id, l.id from products p, locations l where p.sku = 'PLATE' and l.name = 'Annexe';
             insert into stock_movements (stock_level_id, kind, on_hand)
                 select max(id), 'receive', 5 from stock_levels;
             select order_of('#1', 'PLATE', 2)",
        )
        .await;
    works.drain(1);
    for act in [
        &["unreserve", "#1"][..],
        &["route", "#1", "--to", "Annexe"],
        &["reserve", "#1"],
        &["unreserve", "#1"],
        &["reserve", "#1"],
    ] {
        let (said, done) = works.act(act);
        assert!(done, "{act:?}: {said}");
        works.drain(usize::from(act[0] == "reserve"));
    }
    let packed = "select string_agg(l.name || ' ' || p.state, ', ' order by p.id)
        from shipments p join fulfilments f on f.id = p.fulfilment_id join locations l on l.id = f.location_id";
    assert_eq!(
        works.text(packed).await.as_deref(),
        Some("Warehouse void, Annexe void, Annexe draft")
    );
}
