//! The console at work on a real database: keys in, whole screens out, colleagues beside it.

use std::pin::Pin;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use packline::console::app::{App, Effect, Settings};
use packline::console::effects::Performer;
use packline::console::input::{Chord, Input, Keymap};
use packline::console::run::{Console, End, events};
use packline::console::terminal::Outside;
use packline::console::view::Theme;
use packline::domain::people::Role;
use packline::domain::record::{Kind, RecordId};
use packline::store::db::Db;
use packline::store::feed::Feed;
use packline::store::people;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::harness::{self, screen};
use crate::network::Line;
use crate::shop::{LIMIT, Shop, ZONE, now};

pub(crate) type Perform = Box<dyn FnMut(Effect, DateTime<Utc>) + Send>;

/// A person at a console.
pub(crate) struct Desk {
    pub(crate) console: Console<Perform>,
    terminal: Terminal<TestBackend>,
    keys: UnboundedSender<Input>,
    inputs: UnboundedReceiver<Input>,
}

impl Desk {
    /// Sits down, with a window of so many columns and rows.
    pub(crate) async fn open(db: Db, size: (u16, u16), clock: fn() -> DateTime<Utc>) -> Self {
        let person = db
            .call(LIMIT, |connection| Box::pin(people::person(connection)))
            .await
            .expect("a person");
        let (sender, replies) = unbounded_channel();
        let performer = Performer::new(db.clone(), person.login.clone(), ZONE, sender);
        let settings = Settings {
            shop: "demo-shop".into(),
            zone: ZONE,
            read_only: false,
            log: None,
            carriers: true,
            alarm_about: vec![],
        };
        let keymap = Keymap::built_in().expect("the keymap");
        let (keys, inputs) = unbounded_channel();
        Self {
            console: Console {
                app: App::new(settings, person, keymap, size, clock()),
                theme: Theme::full(),
                replies,
                feed: Box::pin(events(Feed::start(db))) as Pin<Box<_>>,
                perform: Box::new(move |effect, now| performer.perform(effect, now)),
                clock,
                outside: Outside::default(),
                drawn: None,
                told: None,
            },
            terminal: Terminal::new(TestBackend::new(size.0, size.1)).expect("a terminal"),
            keys,
            inputs,
        }
    }

    fn screen(&self) -> String {
        screen::shown(self.terminal.backend().buffer())
    }

    /// Types: a character each, names of keys in angle brackets.
    pub(crate) fn types(&self, text: &str) {
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            let (chord, taken) = match rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
                Some((name, _)) => (name.parse().expect("a key"), name.len() + 2),
                None => (Chord::char(char), char.len_utf8()),
            };
            self.keys.send(Input::Key(chord)).expect("a console");
            rest = &rest[taken..];
        }
    }

    /// Runs the console until the screen is as wanted.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + LIMIT;
        loop {
            let slice = Duration::from_millis(20);
            let driven = self.console.drive(&mut self.terminal, &mut self.inputs);
            if let Ok(end) = timeout(slice, driven).await {
                panic!("the console ended: {:?}", end.expect("a console"));
            }
            let screen = self.screen();
            if wanted(&screen) {
                return;
            }
            assert!(
                Instant::now() < end,
                "{what}: not within {LIMIT:?}:\n{screen}"
            );
        }
    }

    pub(crate) async fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text)).await;
    }

    /// Until what came by itself takes keys.
    pub(crate) async fn rests(&mut self) {
        let end = Instant::now() + LIMIT;
        while !self.console.app.listens() {
            assert!(Instant::now() < end, "it takes no keys");
            self.until("the screen", |_| true).await;
        }
    }

    pub(crate) async fn hides(&mut self, text: &str) {
        self.until(text, |screen| !screen.contains(text)).await;
    }
}

/// A shop and a console in it, its window 80×24.
pub(crate) async fn desk(shop: &Shop, role: Role) -> Desk {
    let mut desk = Desk::open(shop.colleague(role), (80, 24), now).await;
    desk.shows("● live").await;
    desk
}

/// An hour that every test of fixed screens has.
fn noon() -> DateTime<Utc> {
    "2026-03-10T12:00:00Z".parse().expect("an instant")
}

/// The part of a screen that is the same on any day: what the history says, and how long it is,
/// depends on when the database was written to.
fn timeless(screen: &str) -> String {
    let mut kept = String::new();
    let mut history = false;
    for line in screen.lines() {
        history |= line.contains("History");
        let rule = !line.is_empty() && line.chars().all(|char| char == '─');
        if rule || line.ends_with(" more, o opens in full ─") {
            kept.push_str("─── a rule, with what more there is\n");
            continue;
        }
        match line.split_once('│').filter(|_| history) {
            Some((list, _)) if !line.starts_with(" 0 Next") => kept.push_str(list.trim_end()),
            _ => kept.push_str(line),
        }
        kept.push('\n');
    }
    kept
}

/// One open record of every kind, with times of a fixed day.
async fn fixed_day(shop: &Shop) {
    let first = shop.order(&[("MUG", 2), ("TOWEL", 1)]).await;
    shop.done(first, "reserve", &[]).await;
    let second = shop.order(&[("LAMP", 1)]).await;
    shop.done(second, "reserve", &[]).await;
    let ship = [("carrier", "DHL"), ("tracking", "JD0146000000")];
    shop.done(second, "ship", &ship).await;
    shop.done(first, "inspect", &[]).await;
    let inspection = shop.newest(Kind::Inspection).await;
    let defect = [
        ("check", "item"),
        ("defect", "wrong colour"),
        ("severity", "major"),
    ];
    shop.done(inspection, "fail-check", &defect).await;
    let ticket = shop.ticket().await;
    shop.done(ticket, "link-order", &[("order", "#1000")]).await;
    shop.new_order(&[("BOWL", 1)]).await;
    let mut owner = shop.owner().await;
    sqlx::raw_sql(
        "update orders set placed_at = '2026-03-10 08:12Z'::timestamptz + id * interval '7 min',
                           ship_by = '2026-03-10 11:00Z'::timestamptz + (id - 1) * interval '3 h',
                           deliver_by = '2026-03-13 17:00Z';
         update shipments set handed_over_at = '2026-03-09 16:00Z', last_event_at = '2026-03-09 16:10Z',
                              eta = '2026-03-12 17:00Z', ship_date = '2026-03-09';
         update inspections set started_at = '2026-03-10 10:30Z', due_at = '2026-03-10 11:00Z';
         update tickets set opened_at = '2026-03-10 09:00Z',
                            first_response_due = '2026-03-10 13:00Z',
                            resolution_due = '2026-03-12 13:00Z';
         -- Who and when are the triggers' to say, and another each time.
         set session_replication_role = replica;
         update messages set at = '2026-03-10 09:00Z';
         update inspection_checks set checked_by = 'cy', checked_at = '2026-03-10 10:40Z'
         where result <> 'open';
         update messages set at = '2026-03-10 09:00Z';
         update defects set who = 'cy', at = '2026-03-10 10:40Z';",
    )
    .execute(&mut owner)
    .await
    .expect("a fixed day");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pane_shows_what_the_database_holds() {
    let shop = Shop::open().await;
    fixed_day(&shop).await;
    for (columns, rows) in [(80, 24), (140, 40)] {
        let db = shop.colleague(Role::Supervisor);
        let mut desk = Desk::open(db, (columns, rows), noon).await;
        desk.console.app.person.login = "ana".into();
        let panes = [
            ("0", "next", "every promise", "#1000", "Lines"),
            ("1", "orders", "open orders", "#1000", "Lines"),
            ("2", "stock", "low or short", "TOWEL", "Wanted by"),
            ("3", "shipments", "parcels under way", "SHP-1", "Contents"),
            ("4", "inspections", "checks due", "INS-1", "Checks"),
            ("5", "tickets", "open tickets", "TKT-1", "Conversation"),
        ];
        for (key, kind, title, number, section) in panes {
            desk.types(key);
            desk.until(kind, |screen| {
                screen.contains("● live")
                    && screen.contains("1 Orders 2")
                    && screen.contains(title)
                    && screen.contains(number)
                    && screen.contains(section)
                    && !screen.contains("reading")
            })
            .await;
            let name = format!("live-{kind}-{columns}");
            screen::check(&name, &timeless(&desk.screen()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_is_done_shown_to_others_and_taken_back() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    let mut bo = desk(&shop, Role::Warehouse).await;
    ana.shows("confirmed").await;
    bo.shows("confirmed").await;

    ana.types("haddress unclear<enter>");
    ana.shows("#1000 held: address unclear").await;
    ana.shows("on hold").await;
    bo.shows("on hold: address unclear").await;

    ana.types("u");
    ana.shows("release #1000?").await;
    ana.types("y");
    ana.shows("confirmed").await;
    bo.hides("on hold").await;

    let acts: i64 = shop
        .ask(
            "select count(*) from act where record_id = $1 and source = 'console'",
            |q| q.bind(order.id),
        )
        .await;
    assert_eq!(acts, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_in_one_burst_behind_an_act_follows_that_act() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let second = shop.order(&[("MUG", 1)]).await;
    shop.act(Role::Warehouse, second, "hold", &[("reason", "later")])
        .await
        .expect("a hold");
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1001").await;
    ana.types(":#1000<enter>hstop<enter>");
    ana.shows("#1000 held: stop").await;
    ana.types(":#1001<enter>");
    ana.shows("on hold: later").await;

    ana.types("luy");
    ana.shows("hold #1001 again: later?").await;
    ana.shows("1 key typed ahead dropped").await;
    ana.rests().await;
    ana.types("y");
    ana.shows("on hold: later").await;
    ana.rests().await;

    ana.types("lhfoo<enter>");
    ana.shows("#1001 held: foo").await;
    let verbs: Vec<String> = shop
        .ask(
            "select array_agg(verb order by at) from act where source = 'console'",
            |q| q,
        )
        .await;
    assert_eq!(verbs, ["hold", "release", "hold", "release", "hold"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_read_before_it_leaves_and_stopped_or_sent_after_all() {
    let shop = Shop::open().await;
    let ticket = shop.ticket().await;
    let mut ana = desk(&shop, Role::Support).await;
    shop.act(Role::Support, ticket, "reply", &[("text", "Soon, dear")])
        .await
        .expect("an answer");
    ana.types("5");
    ana.shows("TKT-").await;
    ana.types("o");
    ana.shows("1 mail has not left: stop-mail").await;
    ana.shows("Soon, dear").await;
    ana.types(":stop-mail<enter>");
    ana.shows("its number").await;
    ana.types("<enter>");
    ana.shows("stopped the ticket reply to ines@example.org")
        .await;
    ana.hides("1 mail has not left").await;

    let order = shop.order(&[("MUG", 1)]).await;
    shop.failed_mail(order).await;
    ana.types("1");
    ana.shows("1 mail failed: resend-mail or stop-mail").await;
    ana.types(":resend-mail<enter>");
    ana.shows("another address").await;
    ana.types("<tab>ines@example.net<enter>");
    ana.shows("the delay to ines@example.net leaves again")
        .await;
    let state: String = shop
        .ask(
            "select state || ' ' || recipient from notices where order_id = $1",
            |ask| ask.bind(order.id),
        )
        .await;
    assert_eq!(state, "queued ines@example.net");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_s_label_is_printed_by_key() {
    let shop = Shop::open().await;
    let order = shop.order(&[("BOWL", 2)]).await;
    shop.done(order, "reserve", &[]).await;
    shop.done(order, "ship", &[("carrier", "DHL"), ("tracking", "JD01")])
        .await;
    let folder = harness::scratch_dir();
    let file = folder.path().join("label.zpl");
    let mut bo = desk(&shop, Role::Warehouse).await;
    bo.types("3");
    bo.shows("JD01").await;
    bo.types("p");
    bo.shows("into this file").await;
    bo.types(&format!("<tab>{}<enter>", file.display()));
    bo.shows("printed the label").await;
    let label = std::fs::read_to_string(&file).expect("a file");
    assert!(
        label.starts_with("^XA") && label.contains("JD01"),
        "{label}"
    );
    bo.types("p");
    bo.shows("into this file").await;
    bo.types("<enter><enter>");
    bo.shows("set print.command").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_is_told_what_the_first_did_and_keeps_the_text() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1000").await;
    ana.types("hcustomer asked to wait");
    ana.shows("customer asked to wait").await;
    shop.act(Role::Warehouse, order, "claim", &[])
        .await
        .expect("a claim");
    ana.types("<enter>");
    ana.shows("#1000 has changed").await;
    let who = format!("{}: claim", shop.login(Role::Warehouse));
    ana.shows(&who).await;
    ana.shows("It is now:").await;
    ana.shows("back to what you wrote").await;
    ana.types("<enter>");
    ana.shows("customer asked to wait").await;
    ana.types("<enter>");
    ana.shows("held: customer asked to wait").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_says_what_it_may_not() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut viewer = desk(&shop, Role::Viewer).await;
    viewer.shows("#1000").await;
    viewer.types("h");
    viewer.shows("can't hold #1000: only warehouse").await;
    viewer.rests().await;
    viewer.types("a");
    viewer.shows("are for warehouse").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_question_and_one_line_for_each_marked_row() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        shop.order(&[("MUG", 1)]).await;
    }
    let held = shop.order(&[("MUG", 1)]).await;
    shop.done(held, "hold", &[("reason", "fraud check")]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1003").await;
    ana.types("vjjjh");
    ana.shows("hold 3 orders").await;
    ana.shows("not for 1: it is on hold").await;
    ana.types("stocktaking<enter>");
    ana.shows("4 of 4").await;
    for number in ["#1000", "#1001", "#1002"] {
        ana.shows(&format!("{number}     held: stocktaking")).await;
    }
    ana.shows("#1003     not done: it is on hold").await;
    ana.shows("esc close").await;
    ana.types("<esc>u");
    ana.shows("undo 3 acts?").await;
    ana.types("y");
    ana.shows("3 of 3").await;
    let open: i64 = shop
        .ask(
            "select count(*) from orders where stage = 'confirmed'",
            |q| q,
        )
        .await;
    assert_eq!(open, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_kept_for_oneself_and_shared_with_others() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let held = shop.order(&[("MUG", 1)]).await;
    shop.done(held, "hold", &[("reason", "fraud check")]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1001").await;
    ana.types("/held<enter>wwWaiting<tab><enter>");
    ana.shows("kept as view Waiting").await;
    ana.types("<esc>/mug<enter>wwMugs<enter>");
    ana.shows("kept as view Mugs").await;

    // A colleague sees the one that is shared, and cannot throw it away; a supervisor can.
    let mut bo = desk(&shop, Role::Warehouse).await;
    bo.shows("#1001").await;
    bo.types(":waiting<enter>");
    bo.shows("Waiting  /held").await;
    bo.hides("#1000").await;
    bo.types("wx");
    bo.shows("they or a supervisor").await;
    bo.hides("Mugs").await;
    let mut cleo = desk(&shop, Role::Supervisor).await;
    cleo.shows("#1001").await;
    cleo.types("w");
    cleo.shows("Waiting").await;
    cleo.types("xy");
    cleo.shows("None yet").await;

    // The columns that one chose are there the next time.
    ana.types("<esc>C ");
    ana.shows("[ ] number").await;
    ana.types("<enter>");
    ana.hides("[ ] number").await;
    let columns = "select count(*) from list_columns where not 'number' = any (columns)";
    let end = Instant::now() + LIMIT;
    while shop.ask::<i64>(columns, |q| q).await == 0 {
        assert!(Instant::now() < end, "the columns are not kept");
        ana.shows("● live").await;
    }
    let mut again = desk(&shop, Role::Support).await;
    again.shows("placed").await;
    again
        .until("chosen columns", |screen| !screen.contains(" number "))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_completed_by_what_the_database_knows() {
    let shop = Shop::open().await;
    let held = shop.order(&[("MUG", 1)]).await;
    shop.done(held, "hold", &[("reason", "fraud check")]).await;
    shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1001").await;
    ana.types("/sku:m");
    ana.shows("tab picks").await;
    ana.types("<tab>");
    ana.shows("/sku:MUG").await;
    ana.types("<enter>j:hold x<enter>");
    ana.shows("held: x").await;
    ana.types("<esc>u");
    ana.shows("release").await;
    ana.types("y");
    ana.shows("confirmed").await;
    // What was said before is offered again.
    ana.types(":hold ");
    ana.shows("command › hold").await;
    ana.shows("  x").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn danger_asks_and_another_key_confirms() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1000").await;
    ana.types("xno longer wanted<enter>");
    ana.shows("cancel #1000?").await;
    ana.types("x<enter>");
    ana.shows("cancel #1000?").await;
    let version = shop.version(order).await;
    ana.types("y");
    ana.shows("cancelled").await;
    assert!(shop.version(order).await > version);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_fails_again_and_again_stands_over_the_footer_while_it_does() {
    let shop = Shop::open().await;
    let mut desk = desk(&shop, Role::Viewer).await;
    let mut owner = shop.owner().await;
    sqlx::query(
        "insert into alerts (kind, subject_kind, subject_id, reason) values
         ('failing_job', 'job scores', 0, 'the job scores fails again and again: no \u{1b}[31mroom')",
    )
    .execute(&mut owner)
    .await
    .expect("an alert");
    desk.shows("─ ⚑ the worker: the job scores fails again and again: no ␛[31mroom ─")
        .await;
    // On every pane, and on a record.
    desk.types("2<enter>");
    desk.shows("⚑ the worker: the job scores fails").await;
    sqlx::query("update alerts set cleared_at = now()")
        .execute(&mut owner)
        .await
        .expect("its end");
    desk.hides("the worker:").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_writes_shows_and_the_selection_stays() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let second = shop.order(&[("MUG", 1)]).await;
    shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1002").await;
    ana.types("j");
    ana.until("the second is selected", |screen| {
        screen
            .lines()
            .any(|line| line.starts_with('>') && line.contains("#1001"))
    })
    .await;
    // The selected order goes to the end of the list, and another to its place.
    let mut owner = shop.owner().await;
    sqlx::raw_sql("update orders set ship_by = ship_by + interval '9 days' where number = '#1001'")
        .execute(&mut owner)
        .await
        .expect("a write");
    ana.until("it is selected at the end", |screen| {
        let rows: Vec<_> = screen
            .lines()
            .filter(|line| line.contains(" #10"))
            .collect();
        rows.get(2)
            .is_some_and(|row| row.starts_with('>') && row.contains("#1001"))
    })
    .await;
    // It leaves the list, and stays, marked, until one moves on.
    shop.done(second, "cancel", &[("reason", "no longer wanted")])
        .await;
    ana.until("it has left", |screen| {
        screen
            .lines()
            .any(|line| line.starts_with(">×") && line.contains("#1001"))
    })
    .await;
    ana.types("k");
    ana.hides("#1001").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_lead_to_each_other_and_back() {
    let shop = Shop::open().await;
    fixed_day(&shop).await;
    let mut ana = desk(&shop, Role::Supervisor).await;
    ana.shows("#1000").await;
    ana.types("5");
    ana.shows("TKT-1").await;
    ana.types("o");
    ana.shows("Oh nein").await;
    // Without the clock in the first line: a step is shown before the next one is taken.
    let page = |screen: &str| screen.lines().skip(1).collect::<Vec<_>>().join("\n");
    while !ana.screen().lines().any(|line| line.starts_with("> order")) {
        let before = page(&ana.screen());
        ana.types("j");
        ana.until("a step", |screen| page(screen) != before).await;
    }
    ana.types("<enter>");
    ana.shows("Tickets › TKT-1 › #1000").await;
    ana.shows("Lines").await;
    ana.types("<backspace>");
    ana.shows("Oh nein").await;
    ana.types("]");
    ana.shows("› #1000").await;
    ana.types("[[");
    ana.shows("open tickets").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_sort_and_commands() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        shop.order(&[("MUG", 1)]).await;
    }
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1002").await;
    ana.types("/1001<enter>");
    ana.hides("#1002").await;
    ana.shows("/1001").await;
    ana.types("<esc>:sort -number<enter>");
    ana.until("sorted", |screen| {
        let place = |number| screen.find(number).unwrap_or(usize::MAX);
        place("    #1002") < place(" #1000") && screen.contains("by number↓")
    })
    .await;
    ana.types(":adjust<enter>");
    ana.shows("adjust is for stock").await;
    ana.types("<esc>:hold  why not<enter>");
    ana.shows("held: why not").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_number_means_its_record_alone() {
    let shop = Shop::open().await;
    let first = shop.ticket().await;
    for _ in 0..9 {
        shop.ticket().await;
    }
    let urgent = shop.ticket().await;
    shop.done(urgent, "set-priority", &[("priority", "urgent")])
        .await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("5");
    ana.shows("> ").await;
    // Whoever types fast is not answered by the row that was there before.
    ana.types("/tkt-1<enter>r");
    ana.shows(" reply TKT-1 ").await;
    ana.types("<esc><esc>/tkt-11<enter>r");
    ana.shows(" reply TKT-11 ").await;
    ana.types("<esc><esc>:TKT-99<enter>");
    ana.shows("TKT-99 does not exist").await;
    ana.rests().await;
    shop.done(first, "resolve", &[("resolution", "answered")])
        .await;
    ana.types("<esc>1:tkt");
    ana.hides("open this ticket").await;
    ana.types("-1");
    ana.shows("open this ticket, also a closed one").await;
    // The keys that follow are meant for it.
    ana.types("<enter>x");
    ana.shows("TKT-1 reopened").await;
    let place = ana.console.app.journey.page().map(|page| page.id);
    assert_eq!(place, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_is_said_and_what_changed_meanwhile_is_shown() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let line = Line::to(&shop.database);
    let login = format!("postgres://{}@", shop.login(Role::Support));
    let (_, rest) = line.url.split_once('@').expect("a user");
    let url = format!("{login}{rest}").parse().expect("a URL");
    let db = Db::new(url, packline::store::db::Settings::new("console test"));
    let mut ana = Desk::open(db, (80, 24), now).await;
    ana.shows("● live").await;
    ana.shows("confirmed").await;

    line.cut();
    let cut = Instant::now();
    ana.shows("◌ reconnecting").await;
    assert!(
        cut.elapsed() < Duration::from_secs(2),
        "{:?}",
        cut.elapsed()
    );
    ana.shows("(as of ").await;
    assert!(ana.screen().contains("#1000"), "the rows stay");
    shop.done(order, "hold", &[("reason", "meanwhile")]).await;
    // A key is heard while nothing else is.
    ana.types("?");
    ana.shows("What can be done with orders").await;
    ana.types("<esc>");

    line.release();
    ana.shows("● live").await;
    ana.shows("on hold: meanwhile").await;

    line.hold();
    let held = Instant::now();
    ana.shows("◌ reconnecting").await;
    assert!(
        held.elapsed() < Duration::from_secs(3),
        "{:?}",
        held.elapsed()
    );
    line.release();
    ana.shows("● live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_read_as_one_goes() {
    let shop = Shop::open().await;
    let mut owner = shop.owner().await;
    sqlx::raw_sql(
        "insert into orders (channel_id, external_id, number, customer_name, placed_at, currency,
                             financial_status, ship_by)
         select 1, n, '#' || n, 'Customer ' || n, now(), 'EUR', 'paid', now() + n * interval '1 min'
         from generate_series(1001, 3000) n",
    )
    .execute(&mut owner)
    .await
    .expect("orders");
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1001").await;
    // Every one of a held key's repeats counts.
    ana.types(&"j".repeat(700));
    let at = |number: &'static str| {
        move |screen: &str| {
            screen
                .lines()
                .any(|line| line.starts_with('>') && line.contains(number))
        }
    };
    // As far as the window reaches at once; then on, page by page.
    let mut seen = 0;
    while !ana.screen().contains("#1701") {
        ana.types("j");
        ana.until("a step", |_| true).await;
        seen += 1;
        assert!(seen < 700, "{}", ana.screen());
    }
    ana.types("G");
    ana.until("the last", at("#3000")).await;
    ana.types("k");
    ana.until("the one before", at("#2999")).await;
    ana.types("g");
    ana.until("the first", at("#1001")).await;
    assert!(ana.console.app.list(Kind::Order).rows.len() <= 601);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_never_loses_a_text() {
    let shop = Shop::open().await;
    let ticket: RecordId = shop.ticket().await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("5");
    ana.shows("TKT-1").await;
    ana.types("rDear Ines<ctrl-c>");
    ana.shows("throw the text away?").await;
    ana.types("<ctrl-c>n");
    ana.shows("Dear Ines").await;
    ana.types("<ctrl-s>");
    ana.hides("Dear Ines").await;
    let sent: i64 = shop
        .ask(
            "select count(*) from messages where ticket_id = $1 and body = 'Dear Ines'",
            |q| q.bind(ticket.id),
        )
        .await;
    assert_eq!(sent, 1);
    ana.types("q");
    let driven = ana.console.drive(&mut ana.terminal, &mut ana.inputs);
    let end = harness::deadline(LIMIT, "leaving", driven).await;
    assert_eq!(end.expect("a console"), End::Quit);
}

#[tokio::test]
async fn what_a_reorder_comes_to_is_said_before_it_is_done() {
    let shop = Shop::open().await;
    let mut owner = shop.owner().await;
    sqlx::raw_sql("update stock_levels set reorder_point = 5")
        .execute(&mut owner)
        .await
        .expect("reorder points");
    let mut ana = desk(&shop, Role::Warehouse).await;
    ana.types("2");
    ana.shows("TOWEL").await;
    ana.types(":reorder quantity=12<enter>");
    ana.shows("12 units from Burren Mill for 84.00 EUR").await;
    ana.types("n<esc>:reorder quantity=2 from=\"Dear Mill\"<enter>");
    ana.shows("2 units from Dear Mill for 18.00 EUR").await;
}

#[tokio::test]
async fn what_a_cancel_comes_to_is_said_before_it_is_done() {
    let shop = Shop::open().await;
    let order = shop.order(&[("TOWEL", 1)]).await;
    shop.done(order, "route", &[("to", "Burren Mill")]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("1");
    ana.shows("#1000").await;
    ana.types("xwrong size<enter>");
    ana.shows("does not leave to Burren Mill").await;
    ana.shows("0.00 EUR paid: given back in the shop, not here")
        .await;
    ana.types("n<esc><esc>");
    sqlx::raw_sql("update purchase_orders set state = 'sent', sent_at = now()")
        .execute(&mut shop.owner().await)
        .await
        .expect("it left");
    ana.types("xwrong size<enter>");
    ana.shows("Burren Mill has no mail address").await;
}

#[tokio::test]
async fn what_another_shipping_option_comes_to_is_said_before_it_is_given() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.types("1");
    ana.shows("#1000").await;
    ana.types(":set-option to=express<enter>");
    ana.shows("set-option #1000?").await;
    ana.shows("shipped by Express, 9.90 EUR more").await;
    ana.types("n<esc>:set-option to=snail<enter>");
    ana.shows("expected one of Express, 9.90 EUR more").await;
    // It was not asked about: what one writes is still there.
    ana.shows("set-option to=snail").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_taken_away_or_given_is_told() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut ana = desk(&shop, Role::Support).await;
    ana.shows("#1000").await;
    let login = shop.login(Role::Support);
    let give = async |roles: &[&str]| {
        let mut owner = shop.owner().await;
        sqlx::query("select staff_add($1, $1, $2)")
            .bind(&login)
            .bind(roles)
            .execute(&mut owner)
            .await
            .expect("roles");
    };
    give(&["viewer"]).await;
    // The first act that is refused tells of it.
    ana.types("hstocktaking<enter>");
    ana.shows("your role is viewer now").await;
    ana.rests().await;
    ana.types("<esc><esc>h");
    ana.shows("can't hold #1000").await;
    give(&[]).await;
    ana.console.clock = || now() + TimeDelta::minutes(1);
    ana.shows("you have no role any more").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_options_that_take_an_order_are_offered_with_what_they_cost() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut owner = shop.owner().await;
    sqlx::raw_sql(
        "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max, countries)
         values ('Slow boat', 'EUR', 490, 9, 12, '{}'), ('Sledge', 'EUR', 300, 1, 2, '{GL}'),
                ('Stagecoach', 'USD', 300, 1, 2, '{}')",
    )
    .execute(&mut owner)
    .await
    .expect("options");
    let mut ana = desk(&shop, Role::Supervisor).await;
    ana.shows("#1000").await;
    ana.types(":set-option s");
    ana.shows("Slow boat").await;
    ana.shows("4.90 EUR").await;
    let screen = ana.screen();
    assert!(!screen.contains("Sledge"), "{screen}");
    assert!(!screen.contains("Stagecoach"), "{screen}");
    ana.types("<tab>");
    ana.shows("set-option \"Slow boat\"").await;
    ana.types("<enter>");
    ana.shows("set-option #1000?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_name_hides_neither_the_promise_nor_what_is_in_the_way() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    shop.done(order, "reserve", &[]).await;
    let given = [("carrier", "DHL"), ("tracking", "JD0146000012")];
    shop.done(order, "ship", &given).await;
    for _ in 0..2 {
        let order = shop.order(&[("MUG", 1)]).await;
        shop.done(order, "inspect", &[]).await;
    }
    shop.ticket().await;
    let mut owner = shop.owner().await;
    for statement in [
        "update orders set number = '#' || id || repeat('L', 4000), customer_name = repeat('N', 4000)",
        "update tickets set subject = repeat('S', 4000), customer_name = repeat('N', 4000)",
        "update suppliers set name = repeat('M', 4000) where name = 'Burren Mill'",
        "update products set title = repeat('T', 4000), sku = 'TOWEL' || repeat('K', 400)
            where sku = 'TOWEL'",
        "update shipments set tracking_code = repeat('C', 400)",
    ] {
        sqlx::query(statement)
            .execute(&mut owner)
            .await
            .expect(statement);
    }
    let mut ana = desk(&shop, Role::Supervisor).await;
    for (pane, facts) in [
        ("1", ["ship by", "can't ship: 1 inspection pending"]),
        ("2", ["0 on hand", "MMM…, 2 days"]),
        ("3", ["NNN… · 1 unit", "CCC… · "]),
        ("4", ["NNN… · nobody", "must leave by"]),
        ("5", ["NNN… · nobody", "1 message"]),
    ] {
        ana.types(pane);
        // Beside the list, and on a page of its own; there the whole name stands somewhere.
        for fact in facts {
            ana.shows(fact).await;
        }
        ana.types("o");
        ana.shows("› ").await;
        for fact in facts {
            ana.shows(fact).await;
        }
        ana.shows(" more ─").await;
        ana.types("<esc>");
    }
    // Nor in the box of an act on several of them.
    ana.types("1");
    ana.shows("open orders").await;
    ana.types("vjhstocktaking<enter>");
    ana.shows("2 of 2").await;
    ana.shows("LLL… held: stocktaking").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_on_many_outlives_an_outage_and_does_nothing_twice() {
    const ORDERS: i64 = 40;
    let shop = Shop::open().await;
    for _ in 0..ORDERS {
        shop.order(&[("MUG", 1)]).await;
    }
    let line = Line::to(&shop.database);
    let login = format!("postgres://{}@", shop.login(Role::Support));
    let (_, rest) = line.url.split_once('@').expect("a user");
    let url = format!("{login}{rest}").parse().expect("a URL");
    let db = Db::new(url, packline::store::db::Settings::new("console test"));
    let mut ana = Desk::open(db, (80, 24), now).await;
    ana.shows("● live").await;
    ana.shows("#1000").await;
    ana.types("vG");
    ana.shows("40 marked").await;
    ana.types("ecall back<ctrl-s>");
    let done = async || -> i64 { shop.ask("select count(*) from order_notes", |q| q).await };
    while done().await < 5 {
        ana.shows("note 40 orders").await;
    }
    line.cut();
    ana.shows("waits for the database").await;
    assert!(!ana.screen().contains("not done"), "{}", ana.screen());
    line.release();
    ana.shows("40 of 40 done").await;
    assert_eq!(done().await, ORDERS);
    ana.shows("esc close").await;
    ana.types("<esc>");
    ana.hides("40 of 40 ─").await;
    assert!(!ana.screen().contains("marked"), "{}", ana.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_changed_where_it_stands_and_a_lost_parcel_is_asked_about_with_its_units() {
    let shop = Shop::open().await;
    let parcel = Box::pin(shop.packed(&[("MUG", 2)])).await;
    let tracking = [("carrier", "DHL"), ("code", "JD0146000000")];
    Box::pin(shop.done(parcel, "set-tracking", &tracking)).await;
    Box::pin(shop.done(parcel, "hand-over", &[])).await;
    Box::pin(shop.done(parcel, "lose", &[("reason", "no trace of it")])).await;
    let order = shop.order(&[("MUG", 1)]).await;
    let number = format!("#{}", 999 + order.id);

    let mut desk = desk(&shop, Role::Support).await;
    desk.types(&format!(":{number}<enter>"));
    desk.shows(&format!("› {number} ─")).await;
    desk.shows("goes to").await;
    let city: String = shop
        .ask(
            "select shipping_address ->> 'city' from orders where id = $1",
            |ask| ask.bind(order.id),
        )
        .await;
    desk.types(":set-address <enter>");
    desk.shows(" set-address ").await;
    desk.types("<tab><tab><tab><tab><ctrl-u>Faro");
    desk.shows(&format!("was {city}")).await;
    desk.types("<ctrl-s>");
    desk.shows("goes to ").await;
    desk.types("u");
    desk.shows("again?").await;
    desk.types("y");
    desk.shows("shipping address: Faro →").await;

    desk.types(":SHP-1<enter>");
    desk.shows("it is lost: send-again or write-off").await;
    desk.types(":send-again<enter>");
    desk.shows("2 × MUG").await;
    desk.types("n<esc>");
    desk.types(":write-off refunded<enter>");
    desk.shows("2 × MUG").await;
    desk.types("y");
    desk.shows("written off: refunded").await;
}
