//! Labels and slips: from the database to a printer's standard input or a file, and into the
//! parcel's history.

use std::process::Stdio;

use packline::domain::filter::Field;
use packline::domain::people::Role;
use packline::domain::record::{Kind, Pane, RecordId};
use packline::store::completion;
use sqlx::ConnectOptions as _;
use tokio::process::Command;

use crate::harness;
use crate::shop::{LIMIT, Shop};

/// A parcel for a customer with an address of many lines, which DHL has.
async fn parcel(shop: &Shop) -> RecordId {
    let order = Box::pin(shop.order(&[("BOWL", 2), ("MUG", 1)])).await;
    let mut owner = shop.owner().await;
    sqlx::query(
        r#"update orders set shipping_method = 'Express', note = 'Ring twice', shipping_address =
           '{"name": "山田 太郎", "company": "株式会社 ^XZ 工房", "address1": "丸の内1-9-2",
             "address2": "23階", "city": "東京", "zip": "100-6623", "country": "JP"}'"#,
    )
    .execute(&mut owner)
    .await
    .expect("an address");
    sqlx::query("update products set weight_g = 300")
        .execute(&mut owner)
        .await
        .expect("weights");
    sqlx::query(
        "update carriers set tracking_url = 'https://dhl.example/?id={code}' where name = 'DHL'",
    )
    .execute(&mut owner)
    .await
    .expect("an address to follow parcels at");
    Box::pin(shop.done(order, "reserve", &[])).await;
    let given = [("carrier", "DHL"), ("tracking", "JD0146 00")];
    Box::pin(shop.done(order, "ship", &given)).await;
    shop.newest(Kind::Shipment).await
}

/// What the program printed on both outputs, and its exit status.
async fn packline(shop: &Shop, settings: &[(&str, &str)], arguments: &[&str]) -> (String, i32) {
    let login = shop.login(Role::Warehouse);
    let url = shop
        .database
        .options
        .clone()
        .username(&login)
        .to_url_lossy();
    let running = Command::new(env!("CARGO_BIN_EXE_packline"))
        .args(arguments)
        .env("PACKLINE_DATABASE_URL", url.as_str())
        .env("PACKLINE_SHOP_NAME", "Loja & Filhos")
        .env("PACKLINE_SHOP_ADDRESS", "Rua Direita 1\n1100-001 Lisboa")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .output();
    let output = harness::deadline(LIMIT, "the program", running)
        .await
        .expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    (
        String::from_utf8(said).expect("UTF-8"),
        output.status.code().expect("an exit status"),
    )
}

#[tokio::test]
async fn a_label_and_a_slip_are_printed_and_each_print_is_in_the_history() {
    let shop = Shop::open().await;
    let parcel = Box::pin(parcel(&shop)).await;
    let name = format!("SHP-{}", parcel.id);
    let folder = harness::scratch_dir();
    let file = folder.path().join("label.zpl");
    let path = file.display().to_string();
    sqlx::query(
        "insert into alerts (kind, subject_kind, subject_id, reason)
         values ('dead_job', 'shipment', $1, 'the job label failed')",
    )
    .bind(parcel.id)
    .execute(&mut shop.owner().await)
    .await
    .expect("an alert");
    let printed = packline(&shop, &[], &["print", &name, "--to", &path]).await;
    let boxes = "look at it: print.font is not known to have Han, Hiragana; see print.scripts";
    let told = format!("{name}: printed the label\npackline: {name}: {boxes}\n");
    assert_eq!(printed, (told, 0));
    let reasons: Option<String> = shop
        .ask(
            "select string_agg(entity || ': ' || coalesce(reason, ''), '; ' order by entity)
             from activity where kind = 'shipment' and record_id = $1 and verb = 'print'",
            |ask| ask.bind(parcel.id),
        )
        .await;
    // What the print settles needs no such reason.
    let told = format!("jobs: ; shipments: {boxes}");
    assert_eq!(reasons.as_deref(), Some(told.as_str()));
    let japanese = [("PACKLINE_PRINT_SCRIPTS", "latin han hiragana")];
    let again = packline(&shop, &japanese, &["print", &name, "--to", &path]).await;
    assert_eq!(again, (format!("{name}: printed the label\n"), 0));
    let label = std::fs::read_to_string(&file).expect("a file");
    for part in [
        "^FDLoja & Filhos^FS",
        "^FD1100-001 Lisboa^FS",
        "^FD山田 太郎^FS",
        "^FD株式会社 _5EXZ 工房^FS",
        "^FD100-6623 東京^FS",
        "^FDJP^FS",
        "^FDDHL^FS",
        "^FDExpress^FS",
        "^FD1 / 1   0.90 kg^FS",
        "^BCN,180,N,N,N,A^FH^FDJD0146 00^FS",
        "^FDMA,https://dhl.example/?id=JD0146%2000^FS",
    ] {
        assert!(label.contains(part), "{part}\nis not in\n{label}");
    }
    assert_eq!(label.matches("^XZ").count(), 1);

    let slip = folder.path().join("slip.txt");
    let tee = serde_json::json!(["tee", slip]).to_string();
    let settings = [("PACKLINE_PRINT_COMMAND", tee.as_str())];
    let printed = packline(&shop, &settings, &["print", &name, "--slip"]).await;
    assert_eq!(printed.1, 0, "{printed:?}");
    let slip = std::fs::read_to_string(slip).expect("a file");
    for part in [
        "     2  BOWL",
        "     1  MUG",
        "     3  in all, 0.90 kg",
        "    Ring twice",
    ] {
        assert!(slip.contains(part), "{part}\nis not in\n{slip}");
    }

    let prints: i32 = shop
        .ask("select prints from shipments where id = $1", |ask| {
            ask.bind(parcel.id)
        })
        .await;
    let noted: i64 = shop
        .ask(
            "select count(*) from activity
             where kind = 'shipment' and record_id = $1 and verb = 'print' and entity = 'shipments'
               and who = $2",
            |ask| ask.bind(parcel.id).bind(shop.login(Role::Warehouse)),
        )
        .await;
    assert_eq!((prints, noted), (3, 3));
}

#[tokio::test]
async fn what_was_not_printed_is_not_noted() {
    let shop = Shop::open().await;
    let parcel = Box::pin(parcel(&shop)).await;
    let name = format!("SHP-{}", parcel.id);
    let (said, status) = packline(&shop, &[], &["print", &name]).await;
    assert!(said.contains("set print.command") && status == 4, "{said}");
    let broken = [("PACKLINE_PRINT_COMMAND", "false")];
    let (said, status) = packline(&shop, &broken, &["print", &name]).await;
    assert!(
        said.contains("false: exit status: 1") && status == 4,
        "{said}"
    );
    let (said, status) = packline(&shop, &[], &["print", "SHP-999"]).await;
    assert!(
        said.contains("SHP-999 does not exist") && status == 1,
        "{said}"
    );
    let (said, status) = packline(&shop, &[], &["print", "BOWL"]).await;
    assert!(
        said.contains("nothing to do with this") && status == 2,
        "{said}"
    );
    let prints: i32 = shop
        .ask("select prints from shipments where id = $1", |ask| {
            ask.bind(parcel.id)
        })
        .await;
    assert_eq!(prints, 0);
}

#[tokio::test]
async fn what_an_order_is_shipped_by_now_is_on_its_label_its_page_and_in_filters() {
    let shop = Shop::open().await;
    let parcel = Box::pin(shop.packed(&[("MUG", 1)])).await;
    let mut owner = shop.owner().await;
    sqlx::raw_sql(
        "insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
             values ('Standard', 'EUR', 490, 2, 4);
         update orders set shipping_method = 'Standard',
                shipping_option_id = (select id from shipping_options where name = 'Standard')",
    )
    .execute(&mut owner)
    .await
    .expect("an option");
    let order = shop.newest(Kind::Order).await;
    Box::pin(shop.done(order, "set-option", &[("to", "Express")])).await;
    for (filter, there) in [
        ("option:express", true),
        ("option:standard", false),
        ("-option:express", false),
    ] {
        let (listed, _) = packline(&shop, &[], &["list", "orders", "--filter", filter]).await;
        assert_eq!(listed.contains("#1000"), there, "{filter}: {listed}");
    }
    let folder = harness::scratch_dir();
    let name = format!("SHP-{}", parcel.id);
    for (what, told) in [("--label", "^FDExpress^FS"), ("--slip", "Express")] {
        let file = folder.path().join(what);
        let path = file.display().to_string();
        let mut arguments = vec!["print", &name, "--to", &path];
        arguments.extend(Some("--slip").filter(|_| what == "--slip"));
        let printed = packline(&shop, &[], &arguments).await;
        assert_eq!(printed.1, 0, "{printed:?}");
        let printed = std::fs::read_to_string(file).expect("a file");
        assert!(printed.contains(told), "{printed}");
        assert!(!printed.contains("Standard"), "{printed}");
    }
    let (shown, _) = packline(&shop, &[], &["show", "#1000"]).await;
    assert!(shown.contains("shipping method: Express"), "{shown}");
    let offered = completion::values(&mut owner, Pane::Of(Kind::Order), Field::Option, "").await;
    assert_eq!(offered.expect("values"), ["Express"]);
}
