//! `packline act` and `packline verbs`: what they print and the exit status they leave.

use std::process::Stdio;

use packline::domain::people::Role;
use packline::domain::verbs;
use serde_json::Value;
use sqlx::ConnectOptions as _;
use tokio::process::Command;

use crate::harness;
use crate::shop::{LIMIT, Shop};

/// What the program printed, and its exit status.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: i32,
}

/// Runs the program on the shop's database, as the colleague with this role.
pub(crate) async fn packline(shop: &Shop, role: Role, arguments: &[&str]) -> Ran {
    let login = shop.login(role);
    let url = shop
        .database
        .options
        .clone()
        .username(&login)
        .to_url_lossy();
    let mut command = Command::new(env!("CARGO_BIN_EXE_packline"));
    let running = command
        .args(arguments)
        .env("PACKLINE_DATABASE_URL", url.as_str())
        .stdin(Stdio::null())
        .output();
    let output = harness::deadline(LIMIT, "the program", running).await;
    let output = output.expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran {
        out: text(output.stdout),
        err: text(output.stderr),
        status: output.status.code().expect("an exit status"),
    }
}

fn objects(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect()
}

#[tokio::test]
async fn each_end_has_its_exit_status_and_says_why() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 2)]).await;
    shop.order(&[("BOWL", 2)]).await;

    let done = packline(
        &shop,
        Role::Support,
        &["act", "hold", "#1000", "--reason", "address unclear"],
    )
    .await;
    assert_eq!(
        (done.status, done.out.as_str()),
        (0, "#1000: held: address unclear\n")
    );

    let both = [
        "act",
        "hold",
        "web/#1000",
        "#1001",
        "--reason",
        "both",
        "--json",
    ];
    let refused = packline(&shop, Role::Support, &both).await;
    assert_eq!(refused.status, 4, "the gravest of several");
    let told = objects(&refused);
    assert_eq!(
        (&told[0]["record"], &told[0]["outcome"]),
        (&"web/#1000".into(), &"refused".into())
    );
    assert_eq!(told[0]["reason"], "it is on hold");
    assert_eq!(
        (&told[1]["outcome"], &told[1]["summary"]),
        (&"done".into(), &"held: both".into())
    );
    assert_eq!(told[1]["undo"]["verb"], "release");

    let strange = packline(&shop, Role::Viewer, &["act", "release", "#1000"]).await;
    assert_eq!(strange.status, 5);
    assert!(
        strange
            .err
            .contains("not permitted: only warehouse, support or a supervisor may"),
        "{}",
        strange.err
    );

    let version = told[1]["version"].as_i64().expect("a version");
    let old = (version - 1).to_string();
    let release = ["act", "release", "#1001", "--expect-version", &old];
    let conflict = packline(&shop, Role::Warehouse, &release).await;
    assert_eq!(conflict.status, 6);
    let since = format!("{}: hold (both), ", shop.login(Role::Support));
    assert!(conflict.err.contains(&since), "{}", conflict.err);

    let id = uuid::Uuid::now_v7().to_string();
    let receive = [
        "act",
        "receive",
        "mug",
        "--quantity",
        "3",
        "--id",
        &id,
        "--json",
    ];
    for repeated in [false, true] {
        let ran = packline(&shop, Role::Warehouse, &receive).await;
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_eq!(objects(&ran)[0]["repeated"], repeated);
    }
    let adjust = [
        "act",
        "adjust",
        "MUG",
        "--quantity",
        "-3",
        "--reason",
        "miscounted",
    ];
    let adjusted = packline(&shop, Role::Warehouse, &adjust).await;
    assert_eq!(adjusted.out, "MUG: adjusted by -3 to 10: miscounted\n");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_usage_error() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 2)]).await;
    for (arguments, says) in [
        (&["act", "fly", "#1000"][..], "there is no verb “fly”"),
        (
            &["act", "deliver", "#1000"],
            "deliver is nothing to do with this; there are confirm",
        ),
        (&["act", "hold", "#1000"], "reason: expected some text"),
        (
            &["act", "hold", "#1000", "--code", "x", "--reason", "x"],
            "code: expected another name",
        ),
        (&["act", "hold", "#1000", "--colour", "x"], "--colour"),
        (
            &["act", "claim", "#1000", "TKT-1", "--expect-version", "1"],
            "for one record",
        ),
    ] {
        let ran = packline(&shop, Role::Support, arguments).await;
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(says), "{arguments:?}: {}", ran.err);
    }
    for arguments in [
        &["act", "hold", "#4711", "--reason", "x"][..],
        &["show", "#4711"],
    ] {
        let ran = packline(&shop, Role::Support, arguments).await;
        assert_eq!(ran.status, 1, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("#4711 does not exist"), "{}", ran.err);
    }
    let help = packline(&shop, Role::Support, &["act", "--help"]).await;
    for arg in verbs::all().flat_map(|verb| verb.args) {
        assert!(
            help.out.contains(&format!("--{} ", arg.name)),
            "{}",
            arg.name
        );
    }
}

#[tokio::test]
async fn a_failing_database_is_not_a_refusal() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packline"));
    let running = command
        .args(["act", "hold", "#1", "--reason", "x"])
        .env(
            "PACKLINE_DATABASE_URL",
            "postgres://nobody@localhost:1/nowhere",
        )
        .output();
    let output = harness::deadline(LIMIT, "the program", running).await;
    assert_eq!(output.expect("the program runs").status.code(), Some(1));
}

#[tokio::test]
async fn the_verbs_are_those_of_the_table() {
    let shop = Shop::open().await;
    let text = packline(&shop, Role::Viewer, &["verbs"]).await;
    assert!(text.out.contains("  hold --reason TEXT "), "{}", text.out);
    let why = "; nobody sells labels here: carrier.url is not set)";
    let here: Vec<&str> = (text.out.lines())
        .filter(|line| line.contains(why))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(here, ["buy-label"], "{}", text.out);
    let parcel = shop.packed(&[("MUG", 1)]).await;
    let parcel = format!("SHP-{}", parcel.id);
    let refused = packline(&shop, Role::Warehouse, &["act", "buy-label", &parcel]).await;
    assert!(
        refused.err.contains("carrier.url is not set"),
        "{}",
        refused.err
    );
    let json = packline(&shop, Role::Viewer, &["verbs", "--json"]).await;
    let listed: Vec<Value> = serde_json::from_str(&json.out).expect("a JSON array");
    let listed: Vec<(&str, &str)> = listed
        .iter()
        .filter_map(|verb| Some((verb["kind"].as_str()?, verb["name"].as_str()?)))
        .collect();
    let known: Vec<(&str, &str)> = verbs::all()
        .map(|verb| (verb.kind.as_str(), verb.name))
        .collect();
    assert_eq!(listed, known);
    assert_eq!((text.status, json.status), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_listed_in_its_own_columns() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut owner = shop.owner().await;
    sqlx::raw_sql(
        "insert into saved_views (kind, name, shared, sort_column, columns)
         values ('order', 'Totals', true, 'due', array['total', 'customer'])",
    )
    .execute(&mut owner)
    .await
    .expect("a view");
    let words = ["list", "orders", "--view", "totals"];
    let text = packline(&shop, Role::Viewer, &words).await;
    let lines: Vec<&str> = text.out.lines().collect();
    let titles: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(titles, ["total", "customer"], "{}", text.out);
    assert!(lines[1].ends_with("Ines Duarte"), "{}", text.out);
    let csv = [words.as_slice(), &["--csv"]].concat();
    let csv = packline(&shop, Role::Viewer, &csv).await;
    assert!(csv.out.starts_with("total,customer\n"), "{}", csv.out);
    // What a program reads is the record, however a person looks at it.
    let json = [words.as_slice(), &["--json"]].concat();
    let json = packline(&shop, Role::Viewer, &json).await;
    let order: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(order["number"], "#1000");
}
