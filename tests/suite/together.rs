//! Several people at once: who takes the next, who is where, and what each is told of the others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use packline::actions;
use packline::domain::people::Role;
use packline::domain::record::{Kind, RecordId};
use packline::store::presence;
use rustix::process::{Signal, kill_process};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::console::{Desk, desk};
use crate::harness::deadline;
use crate::pty::{InTerminal, on_shop};
use crate::shop::{LIMIT, Shop, ZONE, now};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_the_next_at_once_each_takes_another() {
    let shop = Shop::open().await;
    // Orders and tickets can be claimed; stock that is short is held.
    for _ in 0..9 {
        shop.order(&[("MUG", 1)]).await;
    }
    shop.order(&[("TOWEL", 1)]).await;
    for _ in 0..4 {
        shop.ticket().await;
    }
    let mut asking = JoinSet::new();
    for turn in 0..20 {
        let role = [Role::Admin, Role::Supervisor][turn % 2];
        let db = shop.colleague(role);
        asking.spawn(async move {
            let taken = actions::take(&db, Uuid::now_v7(), "test", ZONE.into(), now()).await;
            taken.expect("an answer").map(|taken| taken.record.id())
        });
    }
    let taken = deadline(LIMIT, "everybody has an answer", asking.join_all()).await;
    let records: BTreeSet<RecordId> = taken.iter().flatten().copied().collect();
    assert_eq!(records.len(), 15, "ten orders, four tickets and a product");
    assert_eq!(taken.iter().flatten().count(), 15, "nobody took another's");
    assert!(records.iter().any(|record| record.kind == Kind::Stock));
    let claims: i64 = shop
        .ask("select count(*) from act where verb = 'claim'", |q| q)
        .await;
    assert_eq!(claims, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_is_claimed_opened_and_given_back_by_undo() {
    let shop = Shop::open().await;
    let ticket = shop.ticket().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    let mut bo = desk(&shop, Role::Support).await;
    ana.shows("#1000").await;
    // Nobody waits for an answer before the next key: it is meant for the record that comes.
    ana.types("na");
    ana.shows("TKT-1 is yours: answer by").await;
    ana.shows("answer the customer").await;
    assert_eq!(
        ana.console.app.journey.page().map(|page| page.id),
        Some(ticket)
    );
    bo.types("n");
    bo.shows("#1000 is yours: ship by").await;
    assert_eq!(
        bo.console.app.journey.page().map(|page| page.id),
        Some(order)
    );
    bo.types("n");
    bo.shows("nothing is left that you may act on and nobody holds")
        .await;
    ana.types("<esc>u");
    ana.shows("let go of TKT-1?").await;
    ana.types("y");
    ana.shows("let go").await;
    bo.types("n");
    bo.shows("TKT-1 is yours").await;
    let mut cy = desk(&shop, Role::Viewer).await;
    cy.types("n");
    cy.shows("nothing is left").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_that_was_taken_is_given_back() {
    let shop = Shop::open().await;
    let order = shop.order(&[("BOWL", 2)]).await;
    shop.done(order, "reserve", &[]).await;
    shop.done(order, "ship", &[("carrier", "DHL"), ("tracking", "JD01")])
        .await;
    let mut ana = desk(&shop, Role::Support).await;
    let mut bo = desk(&shop, Role::Warehouse).await;
    ana.types("3");
    ana.shows("SHP-1").await;
    ana.types("M");
    ana.shows("can't unclaim SHP-1: nobody has it").await;
    ana.rests().await;
    ana.types("n");
    ana.shows("SHP-1 is yours for ten minutes").await;
    ana.shows("u: let go of SHP-1").await;
    ana.shows("u undo").await;
    ana.types("a");
    ana.shows("let others have it").await;
    ana.types("<esc>");
    bo.types("n");
    bo.shows("nothing is left").await;
    bo.types("3");
    bo.shows("SHP-1").await;
    // Who has it is read beside the list.
    bo.shows("─ support_").await;
    bo.types("M");
    let has = format!("can't unclaim SHP-1: {} has it", shop.login(Role::Support));
    bo.shows(&has).await;
    bo.rests().await;
    let refused = shop
        .act(
            Role::Warehouse,
            shop.newest(Kind::Shipment).await,
            "unclaim",
            &[],
        )
        .await
        .expect_err("it is ana's");
    assert_eq!(refused.to_string(), "you have not taken it");
    ana.types("M");
    ana.shows("SHP-1 left to others").await;
    ana.hides("yours for now").await;
    bo.types("n");
    bo.shows("SHP-1 is yours").await;
    // Or as any other act is taken back.
    bo.types("u");
    bo.shows("takes back your last act: take SHP-1").await;
    bo.types("y");
    bo.shows("SHP-1 left to others").await;
    bo.types("u");
    bo.shows("nothing to undo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_and_who_looks_shows_and_ends_with_the_lease() {
    let shop = Shop::open().await;
    let ticket = shop.ticket().await;
    let mut ana = desk(&shop, Role::Support).await;
    let mut bo = desk(&shop, Role::Supervisor).await;
    for desk in [&mut ana, &mut bo] {
        desk.types("5");
        desk.shows("Kaputte Tasse").await;
    }
    ana.types("o");
    ana.shows("Customer and order").await;
    bo.shows("(sup").await;
    ana.types("rLiebe Ines,");
    ana.shows("Liebe Ines,").await;
    bo.shows("✎").await;
    bo.types("o");
    bo.shows(" is writing").await;
    let activity: i64 = shop
        .ask(
            "select count(*) from activity where kind = 'ticket' and operation = 'update'",
            |q| q,
        )
        .await;
    assert_eq!(activity, 0, "it is no history");
    // Its console is killed: nothing says goodbye.
    drop(ana);
    let mut owner = shop.owner().await;
    let seen = presence::everybody(&mut owner, Uuid::nil())
        .await
        .expect("who is there");
    assert!(
        seen.iter()
            .any(|other| other.record == ticket && other.seconds <= 15.0)
    );
    bo.hides(" is writing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_sees_at_once_what_another_has_done() {
    let shop = Shop::open().await;
    let ticket = shop.ticket().await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("5");
    ana.shows("Kaputte Tasse").await;
    ana.types("rDear Ines,<enter>I am sorry.");
    ana.shows("I am sorry.").await;
    shop.act(
        Role::Supervisor,
        ticket,
        "reply",
        &[("text", "It is on its way.")],
    )
    .await
    .expect("an answer");
    let who = format!("{}: reply", shop.login(Role::Supervisor));
    ana.shows(&who).await;
    ana.shows("Dear Ines,").await;
    // What it has told of for a moment counts as seen: nobody is asked again.
    let told = Instant::now();
    let moment = Duration::from_millis(500);
    ana.until("it stood there for a moment", |_| told.elapsed() >= moment)
        .await;
    ana.types("<ctrl-s>");
    ana.hides("[ do it ]").await;
    let answers: i64 = shop
        .ask(
            "select count(*) from messages where kind = 'outbound'",
            |q| q,
        )
        .await;
    assert_eq!(answers, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_taken_whatever_others_have_done_meanwhile() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1000").await;
    ana.types("ering twice");
    ana.shows("ring twice").await;
    shop.act(Role::Warehouse, order, "hold", &[("reason", "x")])
        .await
        .expect("a hold");
    ana.types("<ctrl-s>");
    ana.hides("[ do it ]").await;
    let notes: i64 = shop.ask("select count(*) from order_notes", |q| q).await;
    assert_eq!(notes, 1);
}

async fn drafts(shop: &Shop) -> i64 {
    shop.ask("select count(*) from draft", |q| q).await
}

async fn kept(desk: &mut Desk, shop: &Shop, text: &'static str) {
    let end = tokio::time::Instant::now() + LIMIT;
    loop {
        desk.until("the screen", |_| true).await;
        let found: Option<String> = shop
            .ask("select max(args ->> 'text') from draft", |q| q)
            .await;
        if found.as_deref() == Some(text) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < end,
            "{text} is not kept: {found:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_kept_as_it_is_typed_and_offered_again() {
    let shop = Shop::open().await;
    shop.ticket().await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("5");
    ana.shows("Kaputte Tasse").await;
    ana.types("rDear Ines,<enter>I am");
    kept(&mut ana, &shop, "Dear Ines,\nI am").await;
    drop(ana);

    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("not sent yet: reply TKT-1").await;
    ana.types("5");
    ana.shows("reply of ").await;
    ana.types("r");
    ana.shows("your draft of").await;
    ana.shows("I am").await;
    ana.types(" sorry.");
    // What closes it keeps it.
    ana.types("<esc>");
    ana.shows("kept as a draft: r opens it again").await;
    kept(&mut ana, &shop, "Dear Ines,\nI am sorry.").await;
    ana.types("r");
    ana.shows("I am sorry.").await;
    ana.types("<ctrl-s>");
    ana.shows("answered ines@example.org").await;
    assert_eq!(drafts(&shop).await, 0, "what has been sent is no draft");

    ana.types("rnever mind");
    kept(&mut ana, &shop, "never mind").await;
    ana.types("<ctrl-x>y");
    ana.hides("never mind").await;
    let end = tokio::time::Instant::now() + LIMIT;
    while drafts(&shop).await > 0 {
        ana.until("the screen", |_| true).await;
        assert!(tokio::time::Instant::now() < end, "it was thrown away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_console_loses_no_text() {
    let shop = Shop::open().await;
    shop.ticket().await;
    let command = || on_shop(InTerminal::program(), &shop);
    let mut console = InTerminal::start(command());
    console.shows("● live");
    console.types("5");
    console.shows("Kaputte Tasse");
    console.types("r");
    console.shows("the answer");
    // Pasted, with what would be keys.
    console.types("\x1b[200~Dear Ines,\nq: sorry\n\x1b[201~");
    console.shows("q: sorry");
    let end = tokio::time::Instant::now() + LIMIT;
    while drafts(&shop).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(tokio::time::Instant::now() < end, "it is not kept");
    }
    kill_process(console.pid(), Signal::KILL).expect("a process");
    console.ends();
    let mut console = InTerminal::start(command());
    console.shows("not sent yet: reply TKT-1");
    console.types("5");
    console.shows("Kaputte Tasse");
    console.types("r");
    console.shows("q: sorry");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_told_to_end_keeps_the_last_word() {
    for signal in [Signal::TERM, Signal::HUP] {
        let shop = Shop::open().await;
        shop.ticket().await;
        let mut console = InTerminal::start(on_shop(InTerminal::program(), &shop));
        console.shows("● live");
        console.types("5");
        console.shows("Kaputte Tasse");
        console.types("r");
        console.shows("the answer");
        console.types("Dear Ines, the last");
        console.shows("the last");
        console.types(" word");
        // No time for the fingers to rest.
        console.shows("the last word");
        kill_process(console.pid(), signal).expect("a process");
        console.ends();
        let kept: Option<String> = shop
            .ask("select max(args ->> 'text') from draft", |q| q)
            .await;
        assert_eq!(
            kept.as_deref(),
            Some("Dear Ines, the last word"),
            "{signal:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_macro_is_chosen_seen_and_put_in() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let ticket = shop.ticket().await;
    shop.done(ticket, "link-order", &[("order", "#1000")]).await;
    assert_eq!(order.kind, Kind::Order);
    let mut owner = shop.owner().await;
    sqlx::raw_sql(
        "insert into macro (name, body) values
         ('where is it', E'Dear {first-name},\\n\\n{order} comes with {carrier}.'),
         ('thanks', 'Thank you, {customer}.')",
    )
    .execute(&mut owner)
    .await
    .expect("macros");
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("5");
    ana.shows("Conversation").await;
    ana.types("r<ctrl-t>");
    ana.shows("Thank you, Ines Duarte.").await;
    ana.types("where");
    ana.shows("#1000 comes with {carrier}.").await;
    ana.shows("where is it  lacks {carrier}").await;
    ana.types("<enter>");
    ana.shows("Dear Ines,").await;
    ana.types("<ctrl-s>");
    ana.shows("{carrier} is still to be filled in").await;
    for _ in 0.."{carrier}.".len() {
        ana.types("<backspace>");
    }
    ana.types("DHL.<ctrl-s>");
    ana.shows("answered ines@example.org").await;
    let said: String = shop
        .ask(
            "select max(body) from messages where kind = 'outbound'",
            |q| q,
        )
        .await;
    assert_eq!(said, "Dear Ines,\n\n#1000 comes with DHL.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_macro_for_several_says_to_each_what_is_theirs() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let (ines, zbigniew) = (shop.ticket().await, shop.ticket().await);
    shop.done(ines, "link-order", &[("order", "#1000")]).await;
    let mut owner = shop.owner().await;
    let set = format!(
        "update tickets set customer_name = 'Zbigniew Nowak', email = 'zbigniew@example.org'
         where id = {};
         insert into staff (login, name) values ('{}', 'Ana Lima')
         on conflict (login) do update set name = excluded.name;
         insert into macro (name, body) values
         ('a late parcel', E'Dear {{first-name}}, {{order}} is late.\\n{{me}}'),
         ('thanks', E'Thank you, {{customer}}.')",
        zbigniew.id,
        shop.login(Role::Support),
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(set))
        .execute(&mut owner)
        .await
        .expect("macros");
    let said = async || -> String {
        shop.ask(
            "select coalesce(string_agg(format('%s: %s', recipient, body), '; ' order by id), '')
             from notices where kind = 'ticket_reply' and state <> 'cancelled'",
            |q| q,
        )
        .await
    };
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("5");
    ana.shows("Zbigniew").await;
    ana.types("v<down>vr<ctrl-t>late");
    ana.shows("Dear {first-name}, {order} is late.").await;
    ana.types("<enter><ctrl-s>");
    ana.shows("filled in for each: {first-name}, {order}").await;
    assert_eq!(said().await, "", "not before it is asked");
    ana.types("y");
    ana.shows("nothing is known for {order}").await;
    ana.shows("j k move").await;
    let first = "ines@example.org: Dear Ines, #1000 is late.\nAna Lima";
    assert_eq!(said().await, first);

    ana.types("<esc>");
    ana.hides("not done").await;
    ana.types("gv<down>vr<ctrl-t>thanks<enter><ctrl-s>");
    ana.shows("filled in for each: {customer}").await;
    ana.types("y");
    ana.shows("2 of 2").await;
    let all = said().await;
    for text in [
        "ines@example.org: Thank you, Ines Duarte.",
        "zbigniew@example.org: Thank you, Zbigniew Nowak.",
    ] {
        assert!(all.contains(text), "{all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_an_answer_that_was_undone_is_a_draft_again() {
    let shop = Shop::open().await;
    shop.ticket().await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("5");
    ana.shows("Conversation").await;
    ana.types("rDear Ines, soon<ctrl-s>");
    ana.shows("answered ines@example.org").await;
    ana.types("uy");
    ana.shows("; r opens its text again").await;
    ana.types("r");
    ana.shows("your draft of").await;
    ana.shows("Dear Ines, soon").await;
}
