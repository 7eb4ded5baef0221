//! What must never happen, tried with plain SQL: the guards are the database's own.

use std::collections::HashSet;

use sqlx::postgres::{PgConnection, PgDatabaseError};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::harness::{self, TestDatabase};

/// An order of four cups and three jugs, paid and confirmed; ten of each on the shelf; the cups
/// are reserved.
const SHOP: &str = "
    insert into channels (name) values ('web');
    insert into products (sku, title) values ('CUP', 'Cup'), ('JUG', 'Jug');
    insert into suppliers (name) values ('Acme');
    insert into stock_levels (product_id, location_id, reorder_point)
        select p.id, l.id, 2 from products p, locations l where l.supplier_id is null;
    insert into stock_movements (stock_level_id, kind, on_hand) select id, 'opening', 10 from stock_levels;
    insert into orders (channel_id, external_id, number, placed_at, currency, total, financial_status, ship_by)
        values (1, '1', '#1', now(), 'EUR', 700, 'paid', now() + interval '1 day');
    insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
        values (1, 1, 1, 'CUP', 'Cup', 100, 4), (1, 2, 2, 'JUG', 'Jug', 100, 3);
    insert into payments (order_id, at, reference, amount, currency) values (1, now(), 'P1', 700, 'EUR');
    update orders set confirmed_at = now() where id = 1;
    insert into reservations (order_line_id, stock_level_id, quantity) values (1, 1, 4);
";

/// A parcel with the reserved cups, ready to go.
const PARCEL: &str = "
    insert into fulfilments (order_id, location_id) select 1, id from locations where supplier_id is null;
    insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (1, 1, 4);
    update fulfilments set state = 'accepted'; update fulfilments set state = 'ready';
    insert into shipments (order_id, fulfilment_id, carrier_id, tracking_code, ship_date)
        values (1, 1, 1, 'X1', '2026-03-10');
    insert into shipment_lines (shipment_id, order_line_id, stock_level_id, quantity) values (1, 1, 1, 4);
    update shipments set state = 'labelled';
";

async fn shop() -> (TestDatabase, PgConnection) {
    let database = harness::database().await;
    let mut connection = database.connect().await;
    run(&mut connection, "set search_path = packline, pg_catalog").await;
    run(&mut connection, SHOP).await;
    (database, connection)
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// What the server says against a statement: the constraint, or the SQLSTATE where there is none.
async fn refusal(connection: &mut PgConnection, sql: &str) -> String {
    match connection.execute(AssertSqlSafe(sql.to_owned())).await {
        Ok(_) => panic!("{sql}: was not refused"),
        Err(error) => {
            let error = error.into_database_error().expect("the server's refusal");
            let error = error.downcast_ref::<PgDatabaseError>();
            error.constraint().unwrap_or(error.code()).to_owned()
        }
    }
}

async fn one<T>(connection: &mut PgConnection, sql: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(sql)
        .fetch_one(connection)
        .await
        .expect(sql)
}

#[tokio::test]
async fn an_address_is_fields_of_text() {
    let (_database, mut connection) = shop().await;
    for nested in [
        r#"{"name": {"first": "Ann"}}"#,
        r#"{"zip": [8001]}"#,
        r#"{"city": true}"#,
    ] {
        let sql = format!("update orders set shipping_address = '{nested}'");
        assert_eq!(
            refusal(&mut connection, &sql).await,
            "orders_shipping_address_check",
            "{nested}"
        );
    }
    let usual =
        r#"update orders set shipping_address = '{"name": "Ann", "address2": null, "zip": 8001}'"#;
    run(&mut connection, usual).await;
}

#[tokio::test]
async fn stock_moves_by_the_ledger_only_and_is_never_oversold() {
    let (_database, mut connection) = shop().await;
    let cases = [
        (
            "update stock_levels set on_hand = 99",
            "stock_levels_by_ledger",
        ),
        (
            "update stock_levels set reserved = 0",
            "stock_levels_by_ledger",
        ),
        ("delete from stock_levels", "stock_levels_by_ledger"),
        (
            "insert into stock_levels (product_id, location_id, on_hand) select 1, id, 5 from locations where supplier_id is not null",
            "stock_levels_by_ledger",
        ),
        (
            "update stock_movements set on_hand = 1",
            "stock_movements_append_only",
        ),
        ("delete from stock_movements", "stock_movements_append_only"),
        (
            "truncate stock_movements cascade",
            "stock_movements_append_only",
        ),
        (
            "insert into stock_movements (stock_level_id, kind, reserved) values (1, 'reserve', 1)",
            "stock_movements_by_trigger",
        ),
        (
            "insert into stock_movements (stock_level_id, kind, on_hand, reason) values (1, 'adjust', -7, 'lost')",
            "stock_levels_not_oversold",
        ),
        (
            "insert into stock_movements (stock_level_id, kind, on_hand) values (1, 'adjust', 1)",
            "stock_movements_adjust_reason",
        ),
        (
            "insert into reservations (order_line_id, stock_level_id, quantity) values (2, 1, 1)",
            "reservations_same_product",
        ),
        (
            "insert into reservations (order_line_id, stock_level_id, quantity) values (2, 2, 4)",
            "order_lines_not_more_than_ordered",
        ),
    ];
    for (sql, constraint) in cases {
        assert_eq!(refusal(&mut connection, sql).await, constraint, "{sql}");
    }
    let differing: i64 = one(
        &mut connection,
        "select count(*) from stock_levels s
            join (select stock_level_id, sum(on_hand) as on_hand, sum(reserved) as reserved
                  from stock_movements group by 1) m on m.stock_level_id = s.id
            where (s.on_hand, s.reserved) is distinct from (m.on_hand, m.reserved)",
    )
    .await;
    assert_eq!(differing, 0);
}

#[tokio::test]
async fn units_and_stages_follow_from_what_was_done() {
    let (_database, mut connection) = shop().await;
    let cases = [
        (
            "update order_lines set shipped = 1",
            "order_lines_by_trigger",
        ),
        (
            "update order_lines set reserved = 0",
            "order_lines_by_trigger",
        ),
        (
            "update order_lines set cancelled = 9 where id = 2",
            "order_lines_not_more_than_ordered",
        ),
        (
            "update order_lines set cancelled = 1 where id = 1",
            "order_lines_not_more_than_ordered",
        ),
    ];
    for (sql, constraint) in cases {
        assert_eq!(refusal(&mut connection, sql).await, constraint, "{sql}");
    }
    // A stage cannot be written: it is what the lines and people say.
    run(&mut connection, "update orders set stage = 'delivered'").await;
    assert_eq!(
        one::<String>(&mut connection, "select stage from orders").await,
        "processing"
    );
    run(
        &mut connection,
        "update order_lines set cancelled = 1 where id = 2",
    )
    .await;
    assert_eq!(
        refusal(
            &mut connection,
            "update order_lines set cancelled = 0 where id = 2"
        )
        .await,
        "order_lines_cancelled_stays"
    );
}

#[tokio::test]
async fn a_parcel_leaves_once_and_never_past_a_failed_inspection_or_a_hold() {
    let (_database, mut connection) = shop().await;
    run(&mut connection, PARCEL).await;
    let hand_over = "update shipments set state = 'handed_over' where id = 1";
    run(
        &mut connection,
        "insert into inspections (order_id) values (1)",
    )
    .await;
    assert_eq!(
        refusal(&mut connection, hand_over).await,
        "shipments_inspected"
    );
    run(
        &mut connection,
        "insert into inspection_checks (inspection_id, position, name, instruction) values (1, 1, 'item', 'right')",
    )
    .await;
    assert_eq!(
        refusal(&mut connection, "update inspections set state = 'passed'").await,
        "inspections_checks_passed"
    );
    run(
        &mut connection,
        "update inspection_checks set result = 'failed'",
    )
    .await;
    run(&mut connection, "update inspections set state = 'failed'").await;
    assert_eq!(
        refusal(&mut connection, hand_over).await,
        "shipments_inspected"
    );
    run(&mut connection, "update inspections set state = 'pending'").await;
    run(
        &mut connection,
        "update inspection_checks set result = 'passed'",
    )
    .await;
    run(&mut connection, "update inspections set state = 'passed'").await;
    run(&mut connection, "update orders set hold_reason = 'address'").await;
    assert_eq!(
        refusal(&mut connection, hand_over).await,
        "shipments_order_held"
    );
    run(
        &mut connection,
        "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max, countries)
         values ('Express', 'EUR', 990, 1, 1, '{GB}');
         update orders set hold_reason = null,
                shipping_option_id = (select id from shipping_options where name = 'Express')",
    )
    .await;
    assert_eq!(
        refusal(&mut connection, hand_over).await,
        "shipments_option_fits"
    );
    run(
        &mut connection,
        "update orders set shipping_option_id = null",
    )
    .await;
    run(&mut connection, hand_over).await;
    assert_eq!(
        refusal(&mut connection, "update shipments set state = 'labelled'").await,
        "shipment_transition"
    );
    assert_eq!(
        refusal(
            &mut connection,
            "insert into shipment_lines (shipment_id, order_line_id, quantity) values (1, 2, 1)"
        )
        .await,
        "shipment_lines_fixed"
    );
    // The same code on the same day is the same parcel.
    assert_eq!(
        refusal(
            &mut connection,
            "insert into shipments (order_id, fulfilment_id, carrier_id, tracking_code, ship_date) values (1, 1, 1, 'X1', '2026-03-10')"
        )
        .await,
        "shipments_code_once"
    );
    let (on_hand, reserved): (i32, i32) =
        sqlx::query_as("select on_hand, reserved from stock_levels where id = 1")
            .fetch_one(&mut connection)
            .await
            .expect("the level");
    assert_eq!((on_hand, reserved), (6, 0));
    assert_eq!(
        one::<String>(&mut connection, "select stage from orders").await,
        "partially_shipped"
    );
}

#[tokio::test]
async fn what_was_lost_is_sent_again_once_and_only_while_it_is_paid_for() {
    let (_database, mut connection) = shop().await;
    run(&mut connection, PARCEL).await;
    let again = "update shipments set settled = 'sent_again'";
    assert_eq!(
        refusal(&mut connection, again).await,
        "shipments_settled_when"
    );
    run(
        &mut connection,
        "update shipments set state = 'handed_over'; update shipments set state = 'lost'",
    )
    .await;
    for column in ["order_lines set shipped = 0", "order_lines set lost = 4"] {
        assert_eq!(
            refusal(&mut connection, &format!("update {column} where id = 1")).await,
            "order_lines_by_trigger"
        );
    }
    run(
        &mut connection,
        "update orders set financial_status = 'refunded'",
    )
    .await;
    assert_eq!(
        refusal(&mut connection, again).await,
        "shipments_order_paid"
    );
    run(
        &mut connection,
        "update orders set financial_status = 'paid'",
    )
    .await;
    run(&mut connection, again).await;
    for other in ["'written_off'", "null"] {
        let otherwise = format!("update shipments set settled = {other}");
        assert_eq!(
            refusal(&mut connection, &otherwise).await,
            "shipments_settled_once"
        );
    }
    let left: i32 = one(
        &mut connection,
        "select unallocated from order_lines where id = 1",
    )
    .await;
    assert_eq!(left, 4);
    // What left with the first parcel has left the shelf, and is covered by other units.
    run(
        &mut connection,
        "insert into reservations (order_line_id, stock_level_id, quantity) values (1, 1, 4);
         insert into fulfilments (order_id, location_id) select 1, id from locations where supplier_id is null;
         insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (2, 1, 4)",
    )
    .await;
    assert_eq!(
        refusal(
            &mut connection,
            "insert into fulfilments (order_id, location_id) select 1, id from locations where supplier_id is null;
             insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (3, 1, 1)"
        )
        .await,
        "fulfilment_lines_not_more_than_ordered"
    );
    assert_eq!(
        one::<i32>(
            &mut connection,
            "select on_hand - reserved from stock_levels where id = 1"
        )
        .await,
        2
    );
}

#[tokio::test]
async fn units_that_failed_their_inspection_leave_by_no_other_fulfilment() {
    let (_database, mut connection) = shop().await;
    run(&mut connection, PARCEL).await;
    run(
        &mut connection,
        "insert into inspections (order_id, fulfilment_id) values (1, 1);
         insert into inspection_checks (inspection_id, position, name, instruction) values (1, 1, 'item', 'right');
         update inspection_checks set result = 'failed'; update inspections set state = 'failed';
         insert into fulfilments (order_id, location_id) select 1, id from locations where supplier_id is null",
    )
    .await;
    assert_eq!(
        refusal(
            &mut connection,
            "insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (2, 1, 4)"
        )
        .await,
        "fulfilment_lines_not_more_than_ordered"
    );

    // A line that two fulfilments share: nothing of it leaves while a part of it is not right.
    run(
        &mut connection,
        "insert into reservations (order_line_id, stock_level_id, quantity) values (2, 2, 2);
         insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (2, 2, 1);
         insert into fulfilments (order_id, location_id) select 1, id from locations where supplier_id is null;
         insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (3, 2, 1);
         insert into fulfilments (order_id, location_id) select 1, id from locations where supplier_id is not null;
         insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (4, 2, 1);
         update fulfilments set state = 'accepted' where id > 1; update fulfilments set state = 'ready' where id > 1;
         insert into inspections (order_id, fulfilment_id) values (1, 2);
         insert into shipments (order_id, fulfilment_id, carrier_id, tracking_code, ship_date)
             values (1, 3, 1, 'X3', '2026-03-10'), (1, 4, 1, 'X4', '2026-03-10');
         insert into shipment_lines (shipment_id, order_line_id, stock_level_id, quantity)
             values (2, 2, 2, 1), (3, 2, null, 1);
         update shipments set state = 'labelled' where id > 1",
    )
    .await;
    let own = "update shipments set state = 'handed_over' where id = 2";
    assert_eq!(refusal(&mut connection, own).await, "shipments_inspected");
    run(
        &mut connection,
        "update shipments set state = 'handed_over' where id = 3",
    )
    .await;
    run(
        &mut connection,
        "insert into inspection_checks (inspection_id, position, name, instruction) values (2, 1, 'item', 'right');
         update inspection_checks set result = 'passed' where inspection_id = 2;
         update inspections set state = 'passed' where id = 2",
    )
    .await;
    run(&mut connection, own).await;
}

#[tokio::test]
async fn what_is_done_stays_with_its_parcel_its_product_and_its_promise() {
    let (_database, mut connection) = shop().await;
    run(&mut connection, PARCEL).await;
    run(
        &mut connection,
        "insert into shipments (order_id, fulfilment_id) values (1, 1);
         update shipments set state = 'handed_over' where id = 1",
    )
    .await;
    for (sql, constraint) in [
        (
            "update shipment_lines set shipment_id = 2",
            "shipment_lines_fixed",
        ),
        (
            "update order_lines set product_id = 2 where id = 1",
            "order_lines_product_stays",
        ),
        (
            "update promise_changes set cause = 'x'",
            "promise_changes_append_only",
        ),
        ("delete from promise_changes", "promise_changes_append_only"),
        ("truncate promise_changes", "promise_changes_append_only"),
        (
            "update business_calendar set time_zone = 'Mars/X'",
            "business_calendar_time_zone",
        ),
        (
            "insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
                 values (1, 1, 100, 'EUR', 731)",
            "supplier_offers_lead_time_days_check",
        ),
        (
            "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
                 values ('Barge', 'EUR', 0, 1, 366)",
            "shipping_options_transit_days_max_check",
        ),
    ] {
        assert_eq!(refusal(&mut connection, sql).await, constraint, "{sql}");
    }
    run(
        &mut connection,
        "update order_lines set product_id = 1 where id = 2;
         update business_calendar set time_zone = 'Europe/Lisbon'",
    )
    .await;
}

#[tokio::test]
async fn a_zone_that_the_program_does_not_know_is_refused() {
    let (_database, mut connection) = shop().await;
    // All that the server has; of the hundreds below a folder, one.
    let names: Vec<String> = sqlx::query_scalar(
        "select distinct on (coalesce(substring(name from '^(posix|right)/'), name)) name
         from pg_timezone_names",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the server's zones");
    let known: HashSet<&str> = chrono_tz::TZ_VARIANTS
        .iter()
        .map(|zone| zone.name())
        .collect();
    let unknown = names.iter().filter(|name| !known.contains(name.as_str()));
    let always = [
        "posix/Europe/Lisbon",
        "right/Europe/Lisbon",
        "localtime",
        "posixrules",
        "Factory",
    ];
    for name in unknown.map(String::as_str).chain(always) {
        let sql = format!("update business_calendar set time_zone = '{name}'");
        assert_eq!(
            refusal(&mut connection, &sql).await,
            "business_calendar_time_zone",
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_mail_on_its_way_is_the_workers_alone() {
    let (database, mut connection) = shop().await;
    run(
        &mut connection,
        "select staff_add('sam_s', 'Sam', array['support', 'warehouse']);
         insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body, held_until)
             values ('delay', 'order', 1, '1', 'a@b.example', 's', 'b', now());
         update notices set state = 'queued', attempts = 1, retry_at = now() + interval '1 hour'",
    )
    .await;
    let mut support = login(&database, "sam_s").await;
    for state in ["queued", "sent"] {
        for sql in [
            "update notices set retry_at = now()",
            "update notices set state = 'failed'",
            "update notices set recipient = 'c@d.example'",
            "update notices set attempts = 0",
            "update notices set held_until = now() - interval '1 day'",
        ] {
            assert_eq!(
                refusal(&mut support, sql).await,
                "notices_left_alone",
                "{state}: {sql}"
            );
        }
        run(
            &mut connection,
            "update notices set state = 'sent', sent_at = now() where state = 'queued'",
        )
        .await;
    }
    // Nor by a trigger of one's own.
    run(
        &mut support,
        "create temp table lever (x integer);
         create function pg_temp.pull() returns trigger language plpgsql as $$
         begin
             update packline.notices set recipient = 'c@d.example';
             return null;
         end $$;
         create trigger pull after insert on lever for each row execute function pg_temp.pull()",
    )
    .await;
    assert_eq!(
        refusal(&mut support, "insert into lever values (1)").await,
        "notices_left_alone"
    );
    run(
        &mut connection,
        "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body, held_until)
             values ('delay', 'order', 1, '2', 'a@b.example', 's', 'b', now())",
    )
    .await;
    run(
        &mut support,
        "update notices set state = 'cancelled' where occasion = '2'",
    )
    .await;
}

#[tokio::test]
async fn the_shop_says_what_was_ordered_and_no_more() {
    let (database, mut connection) = shop().await;
    run(
        &mut connection,
        "select staff_add('web_shop', 'The shop', array['shop'])",
    )
    .await;
    let mut shop = login(&database, "web_shop").await;
    let order = |columns: &str, values: &str| {
        format!(
            "insert into orders (channel_id, external_id, number, placed_at, currency, financial_status{columns})
             values (1, '2', '#2', now(), 'EUR', 'paid'{values})"
        )
    };
    for (column, value) in [
        ("version", "9223372036854775807"),
        ("closed_at", "now()"),
        ("hold_reason", "'mine'"),
        ("confirmed_at", "now()"),
    ] {
        let sql = order(&format!(", {column}"), &format!(", {value}"));
        assert_eq!(refusal(&mut shop, &sql).await, "42501", "{sql}");
    }
    run(&mut shop, &order("", "")).await;
    let line = |order: i32, position: i32| {
        format!(
            "insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
             values ({order}, {position}, 1, 'CUP', 'Cup', 100, 1)"
        )
    };
    run(&mut shop, &line(2, 1)).await;
    assert_eq!(refusal(&mut shop, &line(1, 3)).await, "order_lines_of_shop");
    run(
        &mut connection,
        "update orders set confirmed_at = now() where id = 2",
    )
    .await;
    assert_eq!(refusal(&mut shop, &line(2, 2)).await, "order_lines_of_shop");
}

#[tokio::test]
async fn a_parcel_cannot_borrow_another_orders_fulfilment() {
    let (_database, mut connection) = shop().await;
    run(&mut connection, PARCEL).await;
    run(
        &mut connection,
        "insert into orders (channel_id, external_id, number, placed_at, currency, financial_status)
         values (1, '2', '#2', now(), 'EUR', 'paid')",
    )
    .await;
    for (sql, constraint) in [
        (
            "insert into shipments (order_id, fulfilment_id) values (2, 1)",
            "shipments_fulfilment_of_order",
        ),
        (
            "insert into inspections (order_id, fulfilment_id) values (2, 1)",
            "inspections_fulfilment_id_order_id_fkey",
        ),
        ("update fulfilments set order_id = 2", "fulfilments_fixed"),
        ("update fulfilments set state = 'shipped'", "fulfilments_shipped_in_parcels"),
        (
            "insert into fulfilment_lines (fulfilment_id, order_line_id, quantity) values (1, 2, 1)",
            "fulfilment_lines_fixed",
        ),
        (
            "insert into orders (channel_id, external_id, number, placed_at, currency, financial_status)
             values (1, '3', '#3', '290000-01-01', 'EUR', 'paid')",
            "orders_placed_at_sane",
        ),
        (
            "update orders set ship_by = '-infinity' where id = 2",
            "orders_due_at_sane",
        ),
        ("update order_lines set ordered = 1 where id = 1", "order_lines_ordered_stays"),
    ] {
        assert_eq!(refusal(&mut connection, sql).await, constraint, "{sql}");
    }
}

#[tokio::test]
async fn an_inspection_is_finished_by_its_checks_and_stays_so() {
    let (_database, mut connection) = shop().await;
    run(
        &mut connection,
        "insert into inspections (order_id) values (1)",
    )
    .await;
    assert_eq!(
        refusal(&mut connection, "update inspections set state = 'passed'").await,
        "inspections_checks_passed",
        "nothing was looked at"
    );
    assert_eq!(
        refusal(
            &mut connection,
            "update inspections set state = 'cancelled'"
        )
        .await,
        "inspections_cancelled_with_order"
    );
    run(
        &mut connection,
        "insert into inspection_checks (inspection_id, position, name, instruction, result)
         values (1, 1, 'item', 'right', 'passed')",
    )
    .await;
    assert_eq!(
        one::<String>(&mut connection, "select result from inspection_checks").await,
        "open",
        "a check begins open"
    );
    run(
        &mut connection,
        "update inspection_checks set result = 'passed'; update inspections set state = 'passed'",
    )
    .await;
    for (sql, constraint) in [
        ("delete from inspections", "inspections_append_only"),
        ("delete from inspection_checks", "inspection_checks_pending"),
        (
            "update inspection_checks set result = 'failed'",
            "inspection_checks_pending",
        ),
        (
            "insert into inspection_checks (inspection_id, position, name, instruction) values (1, 2, 'x', 'y')",
            "inspection_checks_pending",
        ),
        (
            "update inspections set waive_reason = 'fine'",
            "inspections_waived_why",
        ),
    ] {
        assert_eq!(refusal(&mut connection, sql).await, constraint, "{sql}");
    }
}

#[tokio::test]
async fn nobody_gets_round_the_guards_with_a_trigger_or_a_name_of_their_own() {
    let (database, mut connection) = shop().await;
    run(
        &mut connection,
        "select staff_add('walt_w', 'Walt', array['warehouse'])",
    )
    .await;
    run(
        &mut connection,
        "select staff_add('amy_admin', 'Amy', array['admin'])",
    )
    .await;
    run(
        &mut connection,
        "select staff_add('vic_viewer', 'Vic', array['viewer'])",
    )
    .await;
    let mut warehouse = login(&database, "walt_w").await;
    run(
        &mut warehouse,
        "create temp table door (x int);
         create function pg_temp.through() returns trigger language plpgsql as $$
         begin
             insert into packline.stock_movements (stock_level_id, kind, reserved) values (1, 'release', -1);
             return new;
         end $$;
         create trigger through after insert on door for each row execute function pg_temp.through();",
    )
    .await;
    assert_eq!(
        refusal(&mut warehouse, "insert into door values (1)").await,
        "stock_movements_by_trigger"
    );
    run(
        &mut warehouse,
        "insert into order_notes (order_id, who, at, text) values (1, 'somebody', '2020-01-01', 'hm')",
    )
    .await;
    let (who, fresh): (String, bool) =
        sqlx::query_as("select who, at > now() - interval '1 minute' from order_notes")
            .fetch_one(&mut connection)
            .await
            .expect("the note");
    assert_eq!((who.as_str(), fresh), ("walt_w", true));

    let mut admin = login(&database, "amy_admin").await;
    let superuser: String = one(&mut connection, "select current_user::text").await;
    for sql in [
        "update staff set login = 'x' where login = 'vic_viewer'".to_owned(),
        format!("select staff_add('{superuser}', 'x', array['admin'], 'pwned')"),
        "delete from refunds".to_owned(),
    ] {
        assert_eq!(refusal(&mut admin, &sql).await, "42501", "{sql}");
    }

    let mut viewer = login(&database, "vic_viewer").await;
    for sql in [
        "select maintain_partitions()",
        "select maintain_partitions_at('2100-01-01')",
        "select row_changes('{}', '{}')",
    ] {
        assert_eq!(refusal(&mut viewer, sql).await, "42501", "{sql}");
    }
    let open_to_all: Vec<String> = sqlx::query_scalar(
        "select p.proname::text from pg_proc p
         where p.pronamespace = 'packline'::regnamespace
           and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                       where a.grantee = 0)",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the functions");
    assert!(open_to_all.is_empty(), "everybody may call {open_to_all:?}");
}

#[tokio::test]
async fn partitions_are_made_ahead_and_old_changes_dropped_with_their_horizon() {
    let (_database, mut connection) = shop().await;
    let parts = "select count(*) from pg_inherits where inhparent = 'change'::regclass";
    let made: i64 = one(&mut connection, parts).await;
    assert!(made > 70, "made by the migration: {made}");
    run(
        &mut connection,
        "select maintain_partitions_at(now() + interval '2 days')",
    )
    .await;
    assert_eq!(
        one::<i64>(&mut connection, "select count(*) from change").await,
        0
    );
    assert!(
        one::<bool>(&mut connection, "select change_horizon() > '0'::xid8").await,
        "a reader that is older than what is kept must learn of it"
    );
    // What is written in an hour without a partition of its own is kept all the same.
    run(&mut connection, "update orders set note = 'x'").await;
    assert_eq!(
        one::<i64>(&mut connection, "select count(*) from change").await,
        1
    );
}

#[tokio::test]
async fn a_list_of_words_is_one_that_everybody_can_read() {
    let (_database, mut connection) = shop().await;
    for list in [
        "array['a', null]",
        "array[array['a'], array['b']]",
        "'[0:1]={a,b}'",
    ] {
        for (sql, constraint) in [
            (
                format!("update orders set tags = {list}"),
                "orders_tags_check",
            ),
            (
                format!(
                    "insert into shipping_options
                         (name, currency, price, transit_days_min, transit_days_max, countries)
                     values ('Slow', 'EUR', 0, 1, 2, {list})"
                ),
                "shipping_options_countries_check",
            ),
            (
                format!(
                    "insert into saved_views (kind, name, sort_column, columns)
                     values ('order', 'mine', 'due', {list})"
                ),
                "saved_views_columns_check",
            ),
            (
                format!("insert into list_columns (kind, columns) values ('order', {list})"),
                "list_columns_columns_check",
            ),
        ] {
            assert_eq!(refusal(&mut connection, &sql).await, constraint, "{sql}");
        }
    }
    run(&mut connection, "update orders set tags = '{a,b}'").await;
    run(&mut connection, "update orders set tags = '{}'").await;
}

#[tokio::test]
async fn stock_is_news_when_an_order_wants_it() {
    let (_database, mut connection) = shop().await;
    run(&mut connection, "delete from change").await;
    run(
        &mut connection,
        "insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
         values (1, 3, 2, 'JUG', 'Jug', 100, 20)",
    )
    .await;
    let news: i64 = one(
        &mut connection,
        "select count(*) from change where kind = 'stock' and id = 2",
    )
    .await;
    assert_eq!(news, 1);
}

#[tokio::test]
async fn refunds_stay_within_what_was_captured() {
    let (_database, mut connection) = shop().await;
    let refund = |amount: i64, reference: &str| {
        format!(
            "insert into refunds (order_id, payment_id, amount, reference) values (1, 1, {amount}, '{reference}')"
        )
    };
    run(&mut connection, &refund(500, "R1")).await;
    assert_eq!(
        refusal(&mut connection, &refund(201, "R2")).await,
        "refunds_within_captured"
    );
    run(&mut connection, &refund(200, "R3")).await;
    assert_eq!(
        refusal(&mut connection, "update refunds set amount = 1").await,
        "refunds_fixed"
    );
    assert_eq!(
        refusal(&mut connection, "update payments set amount = 9000").await,
        "payments_fixed"
    );
    run(
        &mut connection,
        "update refunds set state = 'failed' where reference = 'R1'",
    )
    .await;
    assert_eq!(
        refusal(&mut connection, "update refunds set state = 'pending'").await,
        "refund_transition"
    );
}

#[tokio::test]
async fn history_cannot_be_rewritten_by_anybody() {
    let (database, mut connection) = shop().await;
    for sql in [
        "update activity set who = 'nobody'",
        "delete from activity",
        "truncate activity",
        "update activity_default set who = 'nobody'",
        "delete from activity_default",
    ] {
        assert_eq!(
            refusal(&mut connection, sql).await,
            "activity_append_only",
            "{sql}"
        );
    }
    run(
        &mut connection,
        "select staff_add('root_of_shop', 'Root', array['admin', 'worker'])",
    )
    .await;
    let mut admin = login(&database, "root_of_shop").await;
    for sql in [
        "update activity set who = 'nobody'",
        "delete from activity",
        "truncate activity",
        "insert into activity (kind, record_id, entity, operation, changes, source, who, role) values ('order', 1, 'orders', 'update', '{}', 'x', 'x', 'x')",
        "select write_activity('order', 1, 'orders', 'update', '{}')",
        "insert into act (id, kind, record_id, verb, source, result) values (gen_random_uuid(), 'order', 1, 'hold', 'x', '{}')",
        "delete from change",
        "update stock_levels set on_hand = 5",
        "delete from stock_movements",
    ] {
        let code = refusal(&mut admin, sql).await;
        assert!(
            ["42501", "stock_levels_by_ledger"].contains(&code.as_str()),
            "{sql}: {code}"
        );
    }
}

#[tokio::test]
async fn a_viewer_reads_everything_and_writes_nothing() {
    let (database, mut connection) = shop().await;
    run(
        &mut connection,
        "select staff_add('vera_views', 'Vera', array['viewer'])",
    )
    .await;
    let mut viewer = login(&database, "vera_views").await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relnamespace = 'packline'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the tables");
    assert!(tables.len() > 40, "{tables:?}");
    // What is a person's own anybody may keep; a policy or a function sees to it that it is theirs.
    let own = ["draft", "list_columns", "saved_views"];
    for table in tables.iter().filter(|table| !own.contains(&table.as_str())) {
        run(&mut viewer, &format!("select count(*) from {table}")).await;
        for sql in [
            format!("delete from {table}"),
            format!("insert into {table} default values"),
            format!("truncate {table}"),
        ] {
            assert_eq!(refusal(&mut viewer, &sql).await, "42501", "{sql}");
        }
    }
    assert_eq!(
        refusal(&mut viewer, "update orders set note = 'x'").await,
        "42501"
    );
    assert_eq!(
        refusal(
            &mut viewer,
            "select staff_add('mallory', 'M', array['admin'])"
        )
        .await,
        "42501"
    );
}

#[tokio::test]
async fn only_a_supervisor_waives_even_with_plain_sql() {
    let (database, mut connection) = shop().await;
    run(
        &mut connection,
        "select staff_add('quentin_q', 'Q', array['quality'])",
    )
    .await;
    run(
        &mut connection,
        "select staff_add('sonja_s', 'S', array['supervisor'])",
    )
    .await;
    run(
        &mut connection,
        "insert into inspections (order_id) values (1);
         insert into inspection_checks (inspection_id, position, name, instruction) values (1, 1, 'item', 'right');
         update inspection_checks set result = 'failed'; update inspections set state = 'failed'",
    )
    .await;
    let waive = "update inspections set state = 'waived', waive_reason = 'fine' where id = 1";
    let mut quality = login(&database, "quentin_q").await;
    assert_eq!(refusal(&mut quality, waive).await, "42501");
    let mut supervisor = login(&database, "sonja_s").await;
    run(&mut supervisor, waive).await;
    let who: String = one(
        &mut connection,
        "select who from activity where kind = 'inspection' order by id desc limit 1",
    )
    .await;
    assert_eq!(who, "sonja_s");
}

/// Tables that leave no activity of their own, and why.
const WITHOUT_HISTORY: &[(&str, &str)] = &[
    ("act", "the history's own"),
    ("calendar_changes", "itself a journal, written by a trigger"),
    ("change", "the feed's own"),
    ("change_kept", "the feed's own"),
    ("daily_defects", "reckoned from the defects"),
    ("daily_demand", "reckoned from the lines"),
    ("draft", "one's own, until it is sent"),
    ("hold", "ends by itself"),
    (
        "jobs",
        "work, not business: what a job does leaves its rows",
    ),
    ("list_columns", "one's own taste"),
    ("migration", "the schema's own"),
    ("open_words", "reckoned from open work, to be searched"),
    ("presence", "ends by itself"),
    ("promise_changes", "itself a journal, written by a trigger"),
    ("provider_events", "ids of events that were taken"),
    ("saved_views", "one's own taste, and nobody else's affair"),
    ("stock_movements", "itself the ledger, append-only"),
    (
        "supplier_scores",
        "reckoned from parcels and purchase orders",
    ),
    ("transition", "rules of the schema"),
    ("unsettled_promises", "gone when its import ends"),
    ("verb_role", "rules of the schema"),
];

#[tokio::test]
async fn every_business_table_writes_its_history() {
    let (_database, mut connection) = shop().await;
    let bare: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relnamespace = 'packline'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
           and (select count(*) from pg_trigger t join pg_proc f on f.oid = t.tgfoid
                where t.tgrelid = c.oid and f.prosrc like '%write_activity%') < 3
           and c.relname <> 'activity'
         order by 1",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the tables");
    let known: Vec<&str> = WITHOUT_HISTORY.iter().map(|(table, _)| *table).collect();
    assert_eq!(bare, known);
}

#[tokio::test]
async fn what_reaches_its_order_by_another_table_is_told_of_too() {
    let (_database, mut connection) = shop().await;
    run(&mut connection, PARCEL).await;
    let told: Vec<(String, String, i64)> = sqlx::query_as(
        "select entity, operation, record_id from activity
         where entity in ('reservations', 'fulfilment_lines') order by id",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the history");
    let told: Vec<_> = told
        .iter()
        .map(|(t, o, r)| (t.as_str(), o.as_str(), *r))
        .collect();
    assert_eq!(
        told,
        [
            ("reservations", "insert", 1),
            ("fulfilment_lines", "insert", 1)
        ]
    );
    run(
        &mut connection,
        "insert into holidays (day, name) values ('2026-12-25', 'Christmas');
         update holidays set name = 'Christmas Day'; delete from holidays",
    )
    .await;
    let told: Vec<String> = sqlx::query_scalar(
        "select operation || ' ' || changes from activity where kind = 'shop' order by id",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the history");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("Christmas"), "{told:?}");
    assert!(told[1].contains("Christmas Day"), "{told:?}");
}

#[tokio::test]
async fn what_the_worker_acts_on_is_checked_before_it_is_stored() {
    let (database, mut connection) = shop().await;
    run(
        &mut connection,
        "select staff_add('vera_views', 'Vera', array['viewer']), staff_add('sam_s', 'Sam', array['support'])",
    )
    .await;
    let mut viewer = login(&database, "vera_views").await;
    for sql in [
        "select enqueue('boom', 'order', 1)",
        "select take_hold('stock', 1)",
    ] {
        assert_eq!(refusal(&mut viewer, sql).await, "42501", "{sql}");
    }
    let mut support = login(&database, "sam_s").await;
    let notice = |kind: &str, name: &str| {
        format!(
            "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body,
                                  held_until, attachment_name, attachment)
             values ('{kind}', 'order', 1, 'once', 'a@b.example', 's', 'b', now(), {name})"
        )
    };
    assert_eq!(
        refusal(&mut support, &notice("spam", "null, null")).await,
        "notices_kind_check"
    );
    assert_eq!(
        refusal(&mut support, &notice("delay", "'../a', 'x'")).await,
        "notices_attachment_name_check"
    );
    assert_eq!(
        refusal(
            &mut connection,
            "update orders set email = E'a@b.example\\r\\nBcc: c@d.example'"
        )
        .await,
        "orders_email_check"
    );
}

async fn login(database: &TestDatabase, name: &str) -> PgConnection {
    let mut connection = database
        .options
        .clone()
        .username(name)
        .connect()
        .await
        .expect("the login");
    run(&mut connection, "set search_path = packline, pg_catalog").await;
    connection
}
