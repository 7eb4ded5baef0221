//! What people are told when something is wrong, and that what they are told is so now.

use packline::domain::people::Role;
use packline::domain::record::Kind;
use serde_json::Value;
use sqlx::ConnectOptions as _;

use crate::act_command::packline;
use crate::harness::{self, Manners};
use crate::shop::Shop;
use crate::works::{SHOP, Works};

#[tokio::test]
async fn an_order_says_in_the_shell_why_it_cannot_ship() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 2)]).await;
    sqlx::query("update orders set financial_status = 'voided' where id = $1")
        .bind(order.id)
        .execute(&mut shop.owner().await)
        .await
        .expect("no money");
    let shown = packline(&shop, Role::Viewer, &["show", "#1000"]).await;
    let reasons =
        "can't ship: 2\n  payment is voided: cancel it\n  2 of 2 units have no stock reserved\n";
    assert!(shown.out.contains(reasons), "{}", shown.out);
    let shown = packline(&shop, Role::Viewer, &["show", "#1000", "--json"]).await;
    let shown: Value = serde_json::from_str(&shown.out).expect("a JSON object");
    let reasons = [
        "payment is voided: cancel it",
        "2 of 2 units have no stock reserved",
    ];
    assert_eq!(shown["cannot_ship"], serde_json::json!(reasons));
    shop.done(order, "cancel", &[("reason", "no money")]).await;
    let shown = packline(&shop, Role::Viewer, &["show", "#1000"]).await;
    assert!(!shown.out.contains("can't ship"), "{}", shown.out);
}

#[tokio::test]
async fn work_that_stands_still_is_told_before_low_stock() {
    let shop = Shop::open().await;
    sqlx::query(
        "insert into alerts (kind, subject_kind, subject_id, reason, raised_at)
         select 'low_stock', 'stock', n, 'low', now() - interval '2 days' from generate_series(101, 120) n
         union all
         select 'silent', 'purchase_order', 7, 'Acme has not answered', now() - interval '1 hour'
         union all
         select 'dead_job', 'order', 0, 'the job order failed', now()",
    )
    .execute(&mut shop.owner().await)
    .await
    .expect("alerts");
    let told = packline(&shop, Role::Viewer, &["status"]).await.out;
    let place = |what: &str| {
        told.find(what)
            .unwrap_or_else(|| panic!("no {what} in {told}"))
    };
    assert!(place("the job order failed") < place("PO-7: Acme has not answered"));
    assert!(place("PO-7: Acme has not answered") < place(": low\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_a_cancelled_order_is_not_sent_again() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'CUP', 1, now() + interval '2 days')")
        .await;
    assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
    // On their way when the order is cancelled, and refused then.
    works
        .run(
            "update notices set state = 'queued', sending = true, retry_at = now() + interval '1 hour';
             update orders set hold_reason = null;",
        )
        .await;
    let (said, done) = works.act(&["cancel", "#1", "--reason", "changed her mind"]);
    assert!(done, "{said}");
    works
        .run(
            "update notices set state = 'failed', sending = false, retry_at = null, error = '550 no'
             where state = 'queued'",
        )
        .await;
    let states = "select string_agg(distinct state, ', ') from notices";
    assert_eq!(works.text(states).await.as_deref(), Some("cancelled"));
    for mail in ["1", "2"] {
        let (said, done) = works.act(&["resend-mail", "#1", "--mail", mail]);
        assert!(
            !done && said.contains("no mail of it failed or was stopped"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_does_not_get_out_is_told_and_raised_after_an_hour() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run("select order_of('#1', 'CUP', 1), order_of('#2', 'CUP', 1)")
        .await;
    let folder = harness::scratch_dir();
    let data = folder.path().display().to_string();
    // Nobody listens there.
    let shut = ("PACKLINE_SMTP_URL", "smtp://127.0.0.1:1?tls=none");
    assert!(works.run_once(&[shut, ("PACKLINE_DATA_DIR", &data)]));
    let log = || std::fs::read_to_string(folder.path().join("packline.log")).expect("a log");
    assert_eq!(log().matches("no mail gets out").count(), 1, "{}", log());
    assert!(log().contains("127.0.0.1:1: "), "{}", log());
    works.run("update notices set retry_at = now()").await;

    let told = "mails: 4 put off since ";
    let (status, _) = works.packline(&["status"]);
    assert!(
        status.contains(told)
            && status.contains(": 127.0.0.1:1: ")
            && !status.contains("does not get through"),
        "{status}"
    );
    works
        .run(
            "update notices set held_until = now() - interval '2 hours', error = error || E'\\x1b[31m';
             update jobs set run_at = 'epoch' where kind = 'sweep'",
        )
        .await;
    assert!(works.run_once(&[shut]));
    let (status, well) = works.packline(&["status"]);
    assert!(
        !well && status.contains("mail: mail does not get through: 127.0.0.1:1: "),
        "{status}"
    );
    assert!(!status.contains('\x1b'), "{status}");
    let (status, _) = works.packline(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status).expect("a JSON object");
    assert_eq!(status["put_off_mails"]["count"], 4);
    assert_eq!(status["alerts"]["failing_job"], 1);

    works
        .run(
            "update notices set retry_at = now() where state = 'queued';
             update jobs set run_at = 'epoch' where kind = 'sweep'",
        )
        .await;
    works.drain(1);
    works
        .run("update jobs set run_at = 'epoch' where kind = 'sweep'")
        .await;
    works.drain(1);
    let (status, _) = works.packline(&["status"]);
    assert!(
        !status.contains("put off") && !status.contains("get through"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_fail_or_wait_are_counted_by_what_for() {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
        .run(
            "select order_of(name, 'CUP', 1) from (values ('#1'), ('#2'), ('#3'), ('#4')) orders (name);
             update orders set email = 'ines' || id || '@example.net'",
        )
        .await;
    // One mail a minute goes to each host.
    assert!(works.run_once(&[("PACKLINE_NOTICE_PER_MINUTE", "1")]));
    let (jobs, _) = works.packline(&["jobs"]);
    for host in ["example.net", "example.org"] {
        let waits = format!("3 mails wait for their turn at {host}");
        assert!(jobs.contains(&waits), "{jobs}");
    }
    works.end_claims().await;
    works.mail.behave(Manners::AnswersRecipients(451));
    works.run_once(&[]);
    let (jobs, _) = works.packline(&["jobs"]);
    assert!(
        jobs.contains("6 mails put off until 20")
            && jobs.contains("(451)")
            && !jobs.contains("turn"),
        "{jobs}"
    );
    works.mail.behave(Manners::AnswersRecipients(550));
    works.end_claims().await;
    works.run_once(&[]);
    works
        .run("update notices set error = error || ' <' || recipient || '>' where state = 'failed'")
        .await;
    let (status, _) = works.packline(&["status"]);
    let lines: Vec<&str> = (status.lines())
        .skip_while(|line| !line.starts_with("mails"))
        .collect();
    assert_eq!(lines.len(), 2, "{status}");
    assert!(
        lines[0].ends_with("6 failed")
            && lines[1].starts_with("  web: 6 × 127.0.0.1:")
            && lines[1].contains("(550)")
            && lines[1].ends_with(", …)")
            && !lines[1].contains('@'),
        "{status}"
    );
    let (status, _) = works.packline(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status).expect("a JSON object");
    assert_eq!(status["failed_mails_for"][0]["count"], 6);
    let (jobs, _) = works.packline(&["jobs"]);
    assert!(!jobs.contains("mails"), "{jobs}");
}

#[tokio::test]
async fn the_warehouse_imports_dispatches_and_others_hear_who_may_import() {
    let shop = Shop::open().await;
    shop.order(&[("TOWEL", 3)]).await;
    let folder = harness::scratch_dir();
    let file = folder.path().join("dispatches.csv");
    let lines = "Order,SKU,Quantity,Supplier,Tracking company,Tracking number,Shipped at\n\
                 #1000,TOWEL,2,Burren Mill,DHL,JD1,2026-03-02T09:00:00Z\n\
                 #1000,TOWEL,1,New Mill,New Post,NP1,2026-03-02T09:00:00Z\n";
    std::fs::write(&file, lines).expect("a file");
    let path = file.display().to_string();
    let import = ["import", "dispatches", &path];
    let refused = packline(&shop, Role::Support, &import).await;
    let who =
        "not permitted: only warehouse, a supervisor, an admin or the worker may import dispatches";
    assert!(
        refused.status == 1 && refused.err.contains(who),
        "{}",
        refused.err
    );
    let done = packline(&shop, Role::Warehouse, &import).await;
    assert_eq!(
        done.out, "2 read: 2 created, 0 updated, 0 unchanged, 0 rejected\n",
        "{}",
        done.err
    );
    assert_eq!(shop.newest(Kind::Shipment).await.id, 2);
    // The web shop places orders, one at a time.
    let mut owner = shop.owner().await;
    let login = format!("shop_{}", shop.database.name);
    sqlx::query("select packline.staff_add($1, 'the shop', array['shop'])")
        .bind(&login)
        .execute(&mut owner)
        .await
        .expect("the shop's login");
    for what in [
        "orders",
        "catalog",
        "options",
        "dispatches",
        "acceptances",
        "tracking",
    ] {
        let channel: &[&str] = if what == "orders" {
            &["--channel", "web"]
        } else {
            &[]
        };
        let url = shop.database.options.clone().username(&login);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_packline"))
            .args(["import", what])
            .args(channel)
            .arg(&path)
            .env("PACKLINE_DATABASE_URL", url.to_url_lossy().as_str())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(1)
                && told.contains("not permitted: only ")
                && told.contains("an admin or the worker may import "),
            "{what}: {told}"
        );
    }
    for what in [
        &["orders", "--channel", "web"][..],
        &["catalog"],
        &["options"],
    ] {
        let arguments = [&["import"], what, &[path.as_str()]].concat();
        let refused = packline(&shop, Role::Supervisor, &arguments).await;
        let who = "not permitted: only an admin or the worker may import ";
        assert!(
            refused.status == 1 && refused.err.contains(who),
            "{}",
            refused.err
        );
    }
}
