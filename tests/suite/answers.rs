//! What suppliers say after they have accepted a purchase order or sent some of it, and what they are told
//! by other means than by mail.

use crate::harness::Manners;
use crate::works::{SHOP, Works};

const PARTS: &str =
    "select string_agg(o.number || ' ' || p.name || ' ' || f.state || ' ' || lines.units, ', '
        order by o.number, f.id)
    from orders o join fulfilments f on f.order_id = o.id join locations p on p.id = f.location_id
    cross join lateral (select sum(quantity - shipped) as units from fulfilment_lines
                        where fulfilment_id = f.id) lines";
const WAITS: &str =
    "select string_agg(coalesce(waiting_reason, '-'), '; ' order by number) from orders";

async fn works() -> Works {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
}

impl Works {
    /// Imports a file of these lines; answers with what is said, and whether all was accepted.
    fn told(&self, what: &str, lines: &[&str]) -> (String, bool) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), lines.join("\n")).expect("the lines");
        self.packline(&["import", what, file.path().to_str().expect("a path")])
    }

    /// Acme has sent so many cups of these orders.
    fn sent(&self, orders: &[(&str, i32)]) {
        let mut lines = vec![
            "Order,SKU,Quantity,Supplier,Tracking company,Tracking number,Shipped at".to_owned(),
        ];
        for (order, units) in orders {
            let code = order.trim_start_matches('#');
            lines.push(format!(
                "{order},CUP,{units},Acme,DHL,D{code}-{units},2026-01-05 12:00:00 +0000"
            ));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (said, done) = self.told("dispatches", &lines);
        assert!(done, "{said}");
    }

    fn answers(&self, lines: &[&str]) -> (String, bool) {
        self.told(
            "acceptances",
            &[&["Purchase order,SKU,Accepted"], lines].concat(),
        )
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (said, done) = self.act(arguments);
        assert!(done, "{arguments:?}: {said}");
        said
    }

    /// The mails that a supplier got, oldest first.
    fn mails_to(&self, supplier: &str) -> Vec<String> {
        (self.mail.taken().iter())
            .filter(|mail| mail.to.iter().any(|to| to == supplier))
            .map(|mail| String::from_utf8_lossy(&mail.mail).into_owned())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_supplier_sends_no_more_of_is_asked_of_others() {
    let works = works().await;
    works
        .run("select order_of('#' || n, 'CUP', 3) from generate_series(1, 5) n")
        .await;
    works.drain(1);
    works.sent(&[("#1", 2), ("#2", 2), ("#3", 2), ("#4", 2), ("#5", 1)]);
    works.drain(1);
    let mails = works.mails_to("acme@example.org").len();
    // As a file tells it: how many it sends in all, or no.
    let file = ["PO-1,CUP,no", "PO-2,CUP,2"];
    let (said, done) = works.answers(&file);
    assert!(done && said.contains("2 updated"), "{said}");
    let (said, done) = works.answers(&["PO-3,CUP,1"]);
    assert!(
        !done && said.contains("1 of CUP are accepted, 2 were sent"),
        "{said}"
    );
    // And by hand.
    let (said, done) = works.act(&["short", "#3", "--sku", "cup", "--quantity", "1"]);
    assert!(
        !done && said.contains("Acme has sent 2 units of cup already"),
        "{said}"
    );
    let said = works.done(&["short", "#3", "--sku", "cup", "--quantity", "2"]);
    assert!(said.contains("Acme is 1 unit of cup short"), "{said}");
    works.done(&["reject", "#4", "--reason", "sold out"]);
    // It sends one more, and then not even that.
    let (said, done) = works.answers(&["PO-5,CUP,2"]);
    assert!(done && said.contains("1 updated"), "{said}");
    works.drain(1);
    assert_eq!(
        works.text(PARTS).await.as_deref(),
        Some(
            "#1 Acme rejected 1, #1 Bolt requested 1, #2 Acme rejected 1, #2 Bolt requested 1, \
             #3 Acme rejected 1, #3 Bolt requested 1, #4 Acme rejected 1, #4 Bolt requested 1, \
             #5 Acme rejected 2, #5 Acme ready 1, #5 Bolt requested 1"
        )
    );
    let (said, done) = works.answers(&[file[0], file[1], "PO-5,CUP,2"]);
    assert!(done && said.contains("3 unchanged"), "{said}");
    let (said, done) = works.answers(&["PO-5,CUP,no"]);
    assert!(done && said.contains("1 updated"), "{said}");
    works.drain(1);
    let last = "select string_agg(p.name || ' ' || f.state, ', ' order by f.id)
        from fulfilments f join locations p on p.id = f.location_id where f.order_id = 5";
    assert_eq!(
        works.text(last).await.as_deref(),
        Some("Acme rejected, Acme rejected, Bolt requested, Bolt requested")
    );
    let why =
        "select string_agg(reason, ', ' order by id) from fulfilments where state = 'rejected'
        and order_id in (1, 4)";
    assert_eq!(
        works.text(why).await.as_deref(),
        Some("rejected by the supplier (2 of 3 sent), sold out (2 of 3 sent)")
    );
    let cause = "select cause from promise_changes where order_id = 4 order by id desc limit 1";
    assert_eq!(
        works.text(cause).await.as_deref(),
        Some("sent in part by Acme")
    );
    // Who says so itself is told nothing; and each unit is asked for once.
    assert_eq!(works.mails_to("acme@example.org").len(), mails);
    let asked = "select string_agg(requested || ' ' || shipped || ' ' || unallocated, ', ' order by order_id)
        from order_lines";
    assert_eq!(
        works.text(asked).await.as_deref(),
        Some("1 2 0, 1 2 0, 1 2 0, 1 2 0, 2 1 0")
    );
    works.assert_ledger_is_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_supplier_cannot_send_after_all_is_asked_of_others() {
    let works = works().await;
    works
        .run("select order_of('#' || n, 'CUP', 3) from generate_series(1, 3) n")
        .await;
    works.drain(1);
    for order in ["#1", "#2", "#3"] {
        works.done(&["accept", order]);
    }
    works.drain(1);
    let mails = works.mails_to("acme@example.org").len();
    let (said, done) = works.act(&["accept", "#1"]);
    assert!(
        !done && said.contains("no purchase order of it waits for an answer"),
        "{said}"
    );
    works.done(&["reject", "#1", "--reason", "the kiln broke"]);
    works.done(&["short", "#2", "--sku", "CUP", "--quantity", "2"]);
    let (said, done) = works.answers(&["PO-3,CUP,no"]);
    assert!(done && said.contains("1 updated"), "{said}");
    works.drain(1);
    assert_eq!(
        works.text(PARTS).await.as_deref(),
        Some(
            "#1 Acme rejected 3, #1 Bolt requested 3, \
             #2 Acme rejected 3, #2 Acme ready 2, #2 Bolt requested 1, \
             #3 Acme rejected 3, #3 Bolt requested 3"
        )
    );
    assert_eq!(works.mails_to("acme@example.org").len(), mails);
    // Two have it: which one is meant is said, whatever each has answered.
    let which = |said: &str| said.contains("which supplier: ");
    for act in [
        &["reject", "#2", "--reason", "sold out"][..],
        &["short", "#2", "--sku", "CUP", "--quantity", "1"],
    ] {
        let (said, done) = works.act(act);
        assert!(!done && which(&said), "{act:?}: {said}");
    }
    let said = works.done(&["accept", "#2"]);
    assert!(said.contains("accepted by Bolt"), "{said}");
    let (said, done) = works.act(&["reject", "#2", "--reason", "sold out"]);
    assert!(
        !done && said.contains("which supplier: Acme, Bolt"),
        "{said}"
    );
    works.done(&["reject", "#2", "--reason", "sold out", "--supplier", "bolt"]);
    works.drain(1);
    let short = Some("- Bolt has not answered yet");
    let waits = works.text(WAITS).await;
    let waits: Vec<&str> = waits.as_deref().unwrap_or_default().split("; ").collect();
    assert_eq!(waits[0], short.map_or("", |said| &said[2..]));
    assert!(waits[1].contains("1 × CUP"), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_supplier_turns_its_part_down_and_not_what_is_packed() {
    let works = works().await;
    works
        .run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 5 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE';
             select order_of('#1', 'PLATE', 1); select order_of('#2', 'CUP', 1)",
        )
        .await;
    works.drain(1);
    works.done(&["accept", "#2"]);
    works.drain(1);
    let mut owner = works.owner().await;
    let own = "update fulfilments set state = 'rejected' where order_id = 1";
    let refused = sqlx::query(own).execute(&mut owner).await;
    let said = refused.expect_err("our own part").to_string();
    assert!(said.contains("only a supplier turns it down"), "{said}");
    works
        .run("insert into shipments (order_id, fulfilment_id) select order_id, id from fulfilments where order_id = 2")
        .await;
    let (said, done) = works.act(&["reject", "#2", "--reason", "sold out"]);
    assert!(!done && said.contains("a parcel of it is packed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_that_has_sent_some_is_told_to_keep_the_rest_only() {
    let works = works().await;
    works.run("select order_of('#1', 'CUP', 3)").await;
    works.drain(1);
    works.sent(&[("#1", 2)]);
    works.drain(1);
    works.done(&["cancel", "#1", "--reason", "she has enough"]);
    works.done(&["reorder", "CUP", "--quantity", "5"]);
    works.done(&["reorder", "CUP", "--quantity", "1"]);
    works.drain(1);
    works.done(&["receive", "CUP", "--quantity", "2"]);
    works
        .run(
            "update purchase_orders set state = 'cancelled' where id = 2;
             update purchase_order_lines set received = 1 where purchase_order_id = 3;
             update purchase_orders set state = 'cancelled' where id = 3",
        )
        .await;
    works.drain(1);
    let told = "select string_agg(subject_line || ': ' || substring(body from '[0-9]+ ×'), ', ' order by id)
        from notices where kind = 'purchase_order_cancelled' and state = 'sent'";
    assert_eq!(
        works.text(told).await.as_deref(),
        Some(
            "The rest of purchase order PO-1 from Works is cancelled: 1 ×, \
             The rest of purchase order PO-2 from Works is cancelled: 3 ×"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_by_telephone_after_its_mail_was_refused_is_known_to_the_supplier() {
    let works = works().await;
    works.mail.behave(Manners::AnswersRecipients(550));
    works
        .run("select order_of('#' || n, 'CUP', 1) from generate_series(1, 3) n")
        .await;
    works.done(&["reorder", "CUP", "--quantity", "4"]);
    works.run_once(&[]);
    works.done(&["stop-mail", "#2", "--mail", "3"]);
    for record in ["#1", "#2", "CUP"] {
        works.done(&["mark-sent", record]);
        let (said, done) = works.act(&["mark-sent", record]);
        assert!(
            !done && said.contains("was refused or stopped"),
            "{record}: {said}"
        );
    }
    for resend in [
        &["resend-mail", "#1", "--mail", "1"][..],
        &["resend-mail", "#2", "--mail", "3"],
        &["resend-mail", "CUP"],
    ] {
        let (said, done) = works.act(resend);
        assert!(!done && said.contains("failed or was stopped"), "{said}");
    }
    works.mail.behave(Manners::Takes);
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(WAITS).await.as_deref(),
        Some(
            "Acme has not answered yet; Acme has not answered yet; \
             purchase order PO-4 to Acme was refused by its mail server: resend-mail"
        )
    );
    let raised = "select count(*) from alerts where kind = 'unsent' and cleared_at is null";
    assert_eq!(works.number(raised).await, 0);
    let (shown, _) = works.packline(&["show", "#1"]);
    assert!(
        shown.contains("mark-sent") && shown.contains("answer due"),
        "{shown}"
    );
    // Silence counts, another address is told, and so is that it is not wanted any more.
    works.done(&["set-address", "#1", "--city", "Faro"]);
    works.drain(1);
    works.done(&["cancel", "#1", "--reason", "hers"]);
    works.done(&["cancel", "#3", "--reason", "never asked"]);
    works
        .run(
            "update purchase_orders set answer_due = now() - interval '1 hour' where id = 3;
             update jobs set run_at = now() where kind = 'silence'",
        )
        .await;
    works.drain(1);
    let told = "select string_agg(kind || ' ' || subject_id, ', ' order by id) from notices
        where subject_kind = 'purchase_order' and state = 'sent'";
    assert_eq!(
        works.text(told).await.as_deref(),
        Some("address_changed 2, purchase_order_cancelled 2")
    );
    let silent = "select waiting_reason from orders where number = '#2'";
    let silent = works.text(silent).await.unwrap_or_default();
    assert!(silent.contains("Acme has not answered"), "{silent}");
    let due = "select count(*) from purchase_orders where answer_due is not null";
    assert_eq!(works.number(due).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_left_goes_to_the_address_that_was_put_right() {
    let works = works().await;
    works.mail.behave(Manners::AnswersRecipients(550));
    works
        .run("select order_of('#1', 'CUP', 1); select order_of('#2', 'CUP', 1)")
        .await;
    works.run_once(&[]);
    works.done(&[
        "resend-mail",
        "#2",
        "--mail",
        "3",
        "--to",
        "kiln@example.org",
    ]);
    works.run_once(&[]);
    // Mistyped first, and emptied.
    for say in [
        "update suppliers set email = 'orders@example' where name = 'Acme'",
        "update suppliers set email = 'orders' where name = 'Acme'",
        "update suppliers set email = null where name = 'Acme'",
        "update suppliers set email = 'orders@example.org' where name = 'Acme'",
    ] {
        works.run(say).await;
    }
    let to =
        "select string_agg(recipient, ', ' order by id) from notices where kind = 'purchase_order'";
    assert_eq!(
        works.text(to).await.as_deref(),
        Some("orders@example.org, kiln@example.org")
    );
    works.mail.behave(Manners::Takes);
    let said = works.done(&["resend-mail", "#1", "--mail", "1"]);
    assert!(
        said.contains("to orders@example.org leaves again"),
        "{said}"
    );
    works.drain(1);
    assert_eq!(works.mails_to("orders@example.org").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_for_our_stock_and_never_comes_is_raised_and_can_be_ended() {
    let works = works().await;
    works
        .run("update stock_levels set reorder_point = 5; update products set title = 'A cup' where sku = 'CUP'")
        .await;
    works.done(&["reorder", "CUP", "--quantity", "12"]);
    works.done(&["reorder", "CUP", "--quantity", "3"]);
    works.drain(1);
    let sweep = "update jobs set run_at = 'epoch' where kind = 'sweep'";
    let low = "select count(*) from alerts where kind = 'low_stock' and cleared_at is null
        and subject_id = (select s.id from stock_levels s join products p on p.id = s.product_id where sku = 'CUP')";
    works
        .run(
            "update purchase_orders set state = 'accepted', answered_at = now() where id = 1;
             update purchase_order_lines set received = 1 where purchase_order_id = 1",
        )
        .await;
    works.run(sweep).await;
    works.drain(1);
    let overdue = "select max(reason) from alerts where kind = 'overdue' and cleared_at is null";
    assert_eq!(works.text(overdue).await, None);
    assert_eq!(works.number(low).await, 0);
    works
        .run("update purchase_orders set answered_at = '2026-01-05 12:00:00+00' where id = 1")
        .await;
    works
        .run("update purchase_order_lines set quantity = 4 where purchase_order_id = 2")
        .await;
    works.run(sweep).await;
    works.drain(1);
    let why = "PO-1 should have left Acme by 7 Jan 2026: receive it, or cancel-purchase";
    assert_eq!(works.text(overdue).await.as_deref(), Some(why));
    let (status, _) = works.packline(&["status"]);
    assert!(status.contains(&format!("CUP: {why}")), "{status}");
    // It is not counted on any more.
    assert_eq!(works.number(low).await, 1);
    let (shown, _) = works.packline(&["show", "CUP"]);
    assert!(shown.contains(why), "{shown}");

    // That less of it comes gives no more time.
    let (said, done) = works.answers(&["PO-1,CUP,11"]);
    assert!(done && said.contains("1 updated"), "{said}");
    works.run(sweep).await;
    works.drain(1);
    assert_eq!(works.text(overdue).await.as_deref(), Some(why));

    let (said, done) = works.act(&["cancel-purchase", "CUP", "--reason", "it never came"]);
    assert!(
        !done && said.contains("which purchase order: PO-1: 10 units from Acme, PO-2: 4"),
        "{said}"
    );
    let asked = &[
        "cancel-purchase",
        "CUP",
        "--reason",
        "it never came",
        "--purchase",
        "po-1",
    ];
    works.done(asked);
    works.drain(1);
    assert_eq!(works.text(overdue).await, None, "told on after its end");
    let told = "select string_agg(subject_line, ', ') from notices
        where kind = 'purchase_order_cancelled' and state = 'sent'";
    assert_eq!(
        works.text(told).await.as_deref(),
        Some("The rest of purchase order PO-1 from Works is cancelled")
    );
    let (shown, _) = works.packline(&["show", "CUP"]);
    assert!(
        shown.contains("cancel-purchase") && shown.contains("it never came"),
        "{shown}"
    );
    let (said, done) = works.act(asked);
    assert!(
        !done && said.contains("po-1 is no purchase order for it"),
        "{said}"
    );
    // A supplier may say so itself.
    let (said, done) = works.answers(&["PO-2,CUP,no"]);
    assert!(done && said.contains("1 updated"), "{said}");
    let (said, done) = works.act(&["cancel-purchase", "CUP", "--reason", "it never came"]);
    assert!(
        !done && said.contains("nothing of it is on order"),
        "{said}"
    );
}
