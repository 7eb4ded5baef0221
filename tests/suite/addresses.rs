//! Where an order goes changes before it has left: whoever was told the old address hears of it.

use packline::domain::people::Role;
use packline::domain::record::Kind;
use uuid::Uuid;

use crate::act_command::packline;
use crate::harness;
use crate::shop::{Shop, ZONE, given, now};
use crate::works::{SHOP, Works};

/// The mails to suppliers, as far as they have come, with the street that each names.
const MAILS: &str = "select string_agg(
        kind || ' ' || state || ' ' || coalesce(substring(body from '(?:Rua|New) [0-9A-Za-z ]+'), '?'), ', ' order by id)
    from notices where kind in ('purchase_order', 'address_changed')";
const HELD: &[(&str, &str)] = &[("PACKLINE_NOTICE_HOLD", "1h")];

async fn works() -> Works {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'CUP', 1, now() + interval '2 days')")
        .await;
    works
}

impl Works {
    async fn supplier_mails(&self) -> String {
        self.text(MAILS).await.unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_hears_of_every_address_until_the_goods_have_left() {
    let works = works().await;
    assert!(works.run_once(HELD));
    assert_eq!(works.supplier_mails().await, "purchase_order held Rua 1");
    // Whoever writes it, and however far the mail has come that has not left.
    for (state, street) in [("held", "2"), ("queued", "3"), ("failed", "4")] {
        let to = match state {
            "held" => "update orders set shipping_address = shipping_address || '{\"address1\": \"Rua 2\"}'",
            "queued" => {
                "update notices set state = 'queued', retry_at = now() + interval '1 hour' where kind = 'purchase_order';
                 update orders set shipping_address = shipping_address || '{\"address1\": \"Rua 3\"}'"
            }
            _ => {
                "update notices set state = 'failed', retry_at = null where kind = 'purchase_order';
                 update orders set shipping_address = shipping_address || '{\"address1\": \"Rua 4\"}'"
            }
        };
        works.run(to).await;
        assert!(works.run_once(HELD));
        let told = format!("purchase_order {state} Rua {street}");
        assert_eq!(works.supplier_mails().await, told);
    }
    let (said, done) = works.act(&["resend-mail", "#1"]);
    assert!(done, "{said}");
    works.run("update notices set held_until = now()").await;
    works.drain(1);
    assert_eq!(works.supplier_mails().await, "purchase_order sent Rua 4");

    // It has left: another mail follows it, and only the last one that has not left yet.
    let (said, done) = works.act(&["set-address", "#1", "--address1", "New Street 5"]);
    assert!(
        done && said.contains("goes to New Street 5, Porto, PT"),
        "{said}"
    );
    assert!(works.run_once(HELD));
    let (said, done) = works.act(&["set-address", "#1", "--address1", "New Street 6"]);
    assert!(done, "{said}");
    assert!(works.run_once(HELD));
    assert_eq!(
        works.supplier_mails().await,
        "purchase_order sent Rua 4, address_changed cancelled New Street 5, address_changed held New Street 6"
    );
    works.run("update notices set held_until = now()").await;
    works.drain(1);
    works.assert_address_mail("New Street 6");
    let (shown, _) = works.packline(&["show", "#1"]);
    assert!(
        shown.contains("shipping address: New Street 5, Porto, PT → New Street 6, Porto, PT")
            && shown.contains("kind: address_changed"),
        "{shown}"
    );

    // What the supplier will not send, it need not know.
    let (said, done) = works.act(&["set-address", "#1", "--address1", "New Street 7"]);
    assert!(done, "{said}");
    assert!(works.run_once(HELD));
    let (said, done) = works.act(&["cancel", "#1", "--reason", "changed her mind"]);
    assert!(done, "{said}");
    let held = "select count(*) from notices where kind = 'address_changed' and state = 'held'";
    assert_eq!(works.number(held).await, 0);
    let (said, done) = works.act(&["set-address", "#1", "--city", "Faro"]);
    assert!(!done && said.contains("it is cancelled"), "{said}");
}

impl Works {
    fn assert_address_mail(&self, street: &str) {
        let left = self.mail.taken();
        let last = left.last().expect("a mail");
        assert!(
            last.to.iter().any(|to| to == "acme@example.org"),
            "{:?}",
            last.to
        );
        let text = String::from_utf8_lossy(&last.mail);
        assert!(
            text.contains("another address") && text.contains(street),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_what_it_was_again_is_told_to_nobody() {
    let works = works().await;
    works.drain(1);
    let sent = "purchase_order sent Rua 1";
    let to = |street: &str| {
        let (said, done) = works.act(&["set-address", "#1", "--address1", street]);
        assert!(done, "{said}");
    };
    to("New Street 2");
    to("Rua 1");
    assert!(works.run_once(HELD));
    assert_eq!(works.supplier_mails().await, sent);
    // Nor is what was laid ready and has not left, however often that happens.
    let mut mails = sent.to_owned();
    for street in ["New Street 3", "New Street 4"] {
        to(street);
        assert!(works.run_once(HELD));
        assert_eq!(
            works.supplier_mails().await,
            format!("{mails}, address_changed held {street}")
        );
        to("Rua 1");
        assert!(works.run_once(HELD));
        mails = format!("{mails}, address_changed cancelled {street}");
        assert_eq!(works.supplier_mails().await, mails);
    }
    // Once it was told, that it is the old one again is news.
    to("New Street 5");
    works.drain(1);
    to("Rua 1");
    works.drain(1);
    let told = ", address_changed sent New Street 5, address_changed sent Rua 1";
    assert_eq!(works.supplier_mails().await, mails + told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_hears_of_a_part_that_it_accepted_by_the_number_that_it_was_sent() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'CUP', 5, now() + interval '2 days')")
        .await;
    works.drain(1);
    for act in [
        // The answer comes before the supplier is told of that.
        &["set-address", "#1", "--address1", "New Street 5"][..],
        &["short", "#1", "--sku", "CUP", "--quantity", "3"],
    ] {
        let (said, done) = works.act(act);
        assert!(done, "{act:?}: {said}");
    }
    works.drain(1);
    let (foretold, _) = works.packline(&["act", "cancel", "#1", "--reason", "hers", "--dry-run"]);
    let (said, done) = works.act(&["cancel", "#1", "--reason", "changed her mind"]);
    assert!(done, "{said}{foretold}");
    works.drain(1);
    let parts = "select string_agg(p.id || ' ' || coalesce(p.in_place_of::text, '-') || ' ' || p.state, ', '
                 order by p.id) from purchase_orders p";
    assert_eq!(
        works.text(parts).await.as_deref(),
        Some("1 - rejected, 2 1 cancelled, 3 - cancelled")
    );
    let told: Vec<String> = (works.mail.taken().iter())
        .filter(|mail| mail.to.iter().any(|to| to == "acme@example.org"))
        .map(|mail| String::from_utf8_lossy(&mail.mail).into_owned())
        .collect();
    assert_eq!(told.len(), 3, "asked, told where to, and taken back");
    for mail in &told {
        assert!(mail.contains("PO-1") && !mail.contains("PO-2"), "{mail}");
    }
    assert!(told[1].contains("New Street 5"), "{}", told[1]);
    assert!(told[2].contains("3 ="), "the part: {}", told[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_without_mail_that_was_told_by_hand_is_noted() {
    let works = works().await;
    works.run("update suppliers set email = null").await;
    works.drain(1);
    let (said, done) = works.act(&["mark-sent", "#1"]);
    assert!(done, "{said}");
    let (said, done) = works.act(&["set-address", "#1", "--city", "Faro"]);
    assert!(done, "{said}");
    works.drain(1);
    works.drain(1);
    let notes = "select string_agg(text, '; ') from order_notes";
    assert_eq!(
        works.text(notes).await.as_deref(),
        Some("PO-1: Acme has no mail address and must be told that the order goes elsewhere now")
    );
    // It has one now, and hears of it by itself.
    works
        .run("update suppliers set email = 'acme@example.org' where name = 'Acme'")
        .await;
    works.drain(1);
    let mails = "select string_agg(kind || ' ' || state, ', ' order by id) from notices where kind <> 'order_confirmation'";
    assert_eq!(
        works.text(mails).await.as_deref(),
        Some("address_changed sent")
    );
    works
        .run("update suppliers set email = null where name = 'Acme'")
        .await;
    let (said, done) = works.act(&["cancel", "#1", "--reason", "changed her mind"]);
    assert!(done, "{said}");
    works.drain(1);
    works.drain(1);
    let last = "select text from order_notes order by id desc limit 1";
    assert_eq!(
        works.text(last).await.as_deref(),
        Some("PO-1: Acme has no mail address and must be told that it is cancelled")
    );
    assert_eq!(works.number("select count(*) from order_notes").await, 2);
}

#[tokio::test]
async fn a_label_for_another_address_is_raised_until_it_is_printed_again_or_void() {
    let shop = Shop::open().await;
    let parcel = Box::pin(shop.packed(&[("MUG", 1)])).await;
    let order = shop.newest(Kind::Order).await;
    let folder = harness::scratch_dir();
    let file = folder.path().join("label.zpl").display().to_string();
    let name = format!("SHP-{}", parcel.id);
    let raised = async || {
        let shown = packline(&shop, Role::Viewer, &["show", &name]).await.out;
        shown.contains("its label was printed for another address: void it or print again")
    };
    Box::pin(shop.done(order, "set-address", &[("address1", "Rua 1")])).await;
    assert!(!raised().await, "nothing was printed yet");
    let print = ["print", name.as_str(), "--to", &file];
    assert_eq!(packline(&shop, Role::Warehouse, &print).await.status, 0);
    Box::pin(shop.done(order, "set-address", &[("address1", "Rua 2")])).await;
    assert!(raised().await);
    let status = packline(&shop, Role::Viewer, &["status"]).await.out;
    assert!(
        status.contains(&format!("{name}: its label was printed")),
        "{status}"
    );
    // Where it was printed for is where it goes.
    Box::pin(shop.done(
        order,
        "set-address",
        &[("address1", "Rua 1"), ("company", "Duarte")],
    ))
    .await;
    assert!(raised().await);
    Box::pin(shop.done(order, "set-address", &[("company", "-")])).await;
    assert!(!raised().await);
    Box::pin(shop.done(order, "set-address", &[("address1", "Rua 2")])).await;
    assert!(raised().await);
    let slip = ["print", name.as_str(), "--slip", "--to", &file];
    assert_eq!(packline(&shop, Role::Warehouse, &slip).await.status, 0);
    assert!(raised().await, "a slip is no label");
    assert_eq!(packline(&shop, Role::Warehouse, &print).await.status, 0);
    assert!(!raised().await);
    Box::pin(shop.done(order, "set-address", &[("address1", "Rua 3")])).await;
    assert!(raised().await);
    Box::pin(shop.done(parcel, "void", &[])).await;
    assert!(!raised().await);
}

#[tokio::test]
async fn an_incomplete_address_is_mended_here_and_stays_mended() {
    let shop = Shop::open().await;
    let order = shop.new_order(&[("MUG", 1)]).await;
    let mut owner = shop.owner().await;
    let channel = "update orders set shipping_address = '{}'";
    sqlx::query(channel)
        .execute(&mut owner)
        .await
        .expect("no address");
    let refused = shop.act(Role::Support, order, "confirm", &[]).await;
    let why = refused.expect_err("refused").to_string();
    assert!(
        why.contains("the address is incomplete: set-address"),
        "{why}"
    );

    let address = [
        ("address1", "Rua Nova 2"),
        ("city", "Porto"),
        ("country", "pt"),
    ];
    let done = Box::pin(shop.done(order, "set-address", &address)).await;
    assert_eq!(done.summary, "goes to Rua Nova 2, Porto, PT");
    for (args, why) in [
        (&[("city", "Porto")][..], "that is its address already"),
        (
            &[("city", "-"), ("address1", "-")],
            "city: expected a street or a town",
        ),
        (
            &[("country", "-")],
            "country: expected a country's two letters",
        ),
        (&[("country", "UK")], "a country's two letters"),
        (
            &[("country", "Portugal")][..],
            "a country's two letters of ISO 3166-1, such as PT",
        ),
    ] {
        let refused = shop.act(Role::Support, order, "set-address", args).await;
        let told = refused.expect_err("refused").to_string();
        assert!(told.contains(why), "{told}");
    }
    let undo = done.undo.expect("a way back");
    assert_eq!(
        undo.args,
        given(&[("address1", "-"), ("city", "-"), ("country", "-")])
    );
    // Nobody can take away what it has by now; what is taken back may be what it was.
    let admin = shop.colleague(Role::Admin);
    let back = packline::actions::undo(&admin, done.id, Uuid::now_v7(), "act", ZONE, now()).await;
    let back = back.expect("it is undone");
    assert_eq!(back.summary, "goes to ");
    assert!(
        back.warning
            .is_some_and(|warning| warning.contains("incomplete"))
    );
    Box::pin(shop.done(order, "set-address", &address)).await;
    Box::pin(shop.done(order, "confirm", &[])).await;
    let kept: String = shop
        .ask(
            "select channel_address::text from orders where id = $1",
            |ask| ask.bind(order.id),
        )
        .await;
    assert_eq!(kept, "{}", "what the channel said");
}
