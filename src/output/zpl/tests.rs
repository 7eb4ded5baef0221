//! What the printer reads: every field parsed back.

use proptest::prelude::*;

use super::*;
use crate::domain::orders::Address;

fn parcel() -> Label {
    Label {
        parcel: "SHP-7".to_owned(),
        order: "#1042".to_owned(),
        from: vec![
            "Loja & Filhos".to_owned(),
            "Rua Direita 1".to_owned(),
            "1100-001 Lisboa".to_owned(),
        ],
        to: Address {
            name: "Ana Lopes".to_owned(),
            address1: "Av. da Liberdade 12".to_owned(),
            zip: "1250-142".to_owned(),
            city: "Lisboa".to_owned(),
            country: "PT".to_owned(),
            ..Address::default()
        },
        carrier: Some("Correios".to_owned()),
        service: Some("Expresso 24".to_owned()),
        tracking_code: Some("RR123456785PT".to_owned()),
        tracking_link: Some("https://track.example/RR123456785PT".to_owned()),
        number: 1,
        of: 2,
        weight_g: Some(1_240),
        lines: Vec::new(),
        note: None,
    }
}

/// One field: where it is, its commands, and its data as the printer reads them.
#[derive(Debug)]
struct Field {
    left: usize,
    top: usize,
    commands: Vec<String>,
    data: Option<String>,
}

/// Reads a document as a printer does.
fn fields(zpl: &str) -> Vec<Field> {
    let body = zpl
        .strip_prefix("^XA\n")
        .and_then(|rest| rest.strip_suffix("^XZ\n"))
        .expect("one label");
    assert!(
        !body.contains("^XA") && !body.contains("^XZ") && !body.contains('~'),
        "{body}"
    );
    let mut fields = Vec::new();
    for field in body.split("^FO").skip(1) {
        let field = field
            .strip_suffix("^FS\n")
            .unwrap_or_else(|| panic!("an end: {field:?}"));
        let (place, rest) = field.split_once('^').expect("commands");
        let (left, top) = place.split_once(',').expect("a place");
        let mut commands: Vec<String> = rest.split('^').map(ToOwned::to_owned).collect();
        let data = commands
            .pop_if(|last| last.starts_with("FD"))
            .map(|data| decoded(&data[2..]));
        if data.is_some() {
            assert_eq!(commands.pop().as_deref(), Some("FH"), "{field}");
        }
        fields.push(Field {
            left: left.parse().expect("a number"),
            top: top.parse().expect("a number"),
            commands,
            data,
        });
    }
    fields
}

fn decoded(data: &str) -> String {
    let mut parts = data.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = u8::from_str_radix(&part[..2], 16).expect("a byte");
        text.push(char::from(byte));
        text.push_str(&part[2..]);
    }
    text
}

fn texts(zpl: &str) -> Vec<String> {
    fields(zpl)
        .into_iter()
        .filter_map(|field| field.data)
        .collect()
}

/// The lines of the recipient's box.
fn recipient_lines(zpl: &str) -> Vec<String> {
    fields(zpl)
        .into_iter()
        .filter(|field| (236..640).contains(&field.top))
        .filter_map(|field| field.data)
        .collect()
}

#[test]
fn everything_is_on_the_label() {
    let zpl = label(&parcel(), DEFAULT_FONT);
    assert!(
        zpl.contains("^CI28\n") && zpl.contains("^PW812\n^LL1218\n"),
        "{zpl}"
    );
    assert!(zpl.contains("^CWU,E:TT0003M_.FNT\n"), "{zpl}");
    let found = texts(&zpl);
    for expected in [
        "Loja & Filhos",
        "Rua Direita 1",
        "1100-001 Lisboa",
        "Ana Lopes",
        "Av. da Liberdade 12",
        "1250-142 Lisboa",
        "PT",
        "Correios",
        "Expresso 24",
        "1 / 2   1.24 kg",
        "#1042",
        "SHP-7",
        "RR123456785PT",
        "MA,https://track.example/RR123456785PT",
    ] {
        assert!(
            found.iter().any(|text| text == expected),
            "{expected}: {found:?}"
        );
    }
    for field in fields(&zpl) {
        assert!(field.left < WIDTH && field.top < LENGTH, "{field:?}");
        if let Some(qr) = field
            .commands
            .iter()
            .find(|command| command.starts_with("BQ"))
        {
            // 35 bytes are version 3: 29 modules of 8 dots.
            assert_eq!(qr, "BQN,2,8");
        }
    }
}

#[test]
fn the_barcode_is_as_wide_as_fits_and_one_that_is_too_long_is_left_out() {
    let code = |code: &str| {
        let parcel = Label {
            tracking_code: Some(code.to_owned()),
            tracking_link: None,
            ..parcel()
        };
        fields(&label(&parcel, DEFAULT_FONT))
            .into_iter()
            .find(|field| field.commands.contains(&"BCN,180,N,N,N,A".to_owned()))
            .map(|field| (field.commands[0].clone(), field.data.expect("data")))
    };
    for (text, module) in [
        ("420100019405511899223197428490", "BY3"),
        ("1Z999AA10123456784", "BY3"),
        ("JD014600006281230704", "BY4"),
        ("A>B^C_", "BY4"),
    ] {
        assert_eq!(code(text), Some((module.to_owned(), text.to_owned())));
    }
    assert_eq!(code("日本"), None);
    assert_eq!(code(&"A".repeat(80)), None);
}

#[test]
fn long_addresses_shrink_and_wrap_until_they_fit() {
    let mut parcel = parcel();
    parcel.to = Address {
        name: "Aleksandra Wiśniewska-Brzęczyszczykiewicz".to_owned(),
        company:
            "Przedsiębiorstwo Handlowo-Usługowe „Żółć” Spółka z ograniczoną odpowiedzialnością"
                .to_owned(),
        address1: "ul. Księcia Józefa Poniatowskiego 123A, klatka 4, mieszkanie 56".to_owned(),
        address2: "Budynek Północny\nPiętro III".to_owned(),
        zip: "31-123".to_owned(),
        city: "Kraków".to_owned(),
        province: "małopolskie".to_owned(),
        country: "PL".to_owned(),
        phone: "+48 123 456 789".to_owned(),
    };
    let lines = recipient_lines(&label(&parcel, DEFAULT_FONT));
    assert!(lines.len() > 8, "{lines:?}");
    let whole = lines.join(" ");
    for part in [
        "Brzęczyszczykiewicz",
        "odpowiedzialnością",
        "mieszkanie 56",
        "Piętro III",
        "31-123 Kraków",
        "PL",
        "+48 123 456 789",
    ] {
        assert!(whole.contains(part), "{part}: {lines:?}");
    }
    assert!(!whole.contains('…'), "{lines:?}");
}

#[test]
fn japanese_and_arabic_stay_as_they_are_written() {
    let mut parcel = parcel();
    parcel.to = Address {
        name: "山田 太郎 様".to_owned(),
        address1: "東京都千代田区丸の内一丁目九番二号グラントウキョウサウスタワー二十三階"
            .to_owned(),
        zip: "〒100-6623".to_owned(),
        country: "JP".to_owned(),
        ..Address::default()
    };
    let lines = recipient_lines(&label(&parcel, "E:ANMDJ.TTF"));
    assert_eq!(
        lines.concat(),
        "山田 太郎 様東京都千代田区丸の内一丁目九番二号グラントウキョウサウスタワー二十三階〒100-6623JP"
    );
    parcel.to = Address {
        name: "ليلى حداد".to_owned(),
        address1: "شارع الملك فيصل ١٢".to_owned(),
        city: "عمّان".to_owned(),
        country: "JO".to_owned(),
        ..Address::default()
    };
    let lines = recipient_lines(&label(&parcel, DEFAULT_FONT));
    assert_eq!(lines, ["ليلى حداد", "شارع الملك فيصل ١٢", "عمّان", "JO"]);
}

#[test]
fn what_does_not_fit_at_all_says_so() {
    let mut parcel = parcel();
    parcel.to.address1 = "word ".repeat(400);
    let lines = recipient_lines(&label(&parcel, DEFAULT_FONT));
    assert!(lines.last().expect("lines").ends_with('…'), "{lines:?}");
    let zpl = label(&parcel, DEFAULT_FONT);
    assert!(
        fields(&zpl)
            .iter()
            .all(|field| field.data.is_none() || field.top < 640 || field.top > 650)
    );
}

#[test]
fn a_font_s_name_is_only_a_name() {
    let zpl = label(&parcel(), "E:A^XZ~HI.TTF\n");
    assert!(zpl.contains("^CWU,E:AXZHI.TTF\n"), "{zpl}");
}

proptest! {
    #[test]
    fn nothing_that_others_wrote_becomes_a_command(text in "[\\PC^~_\\\\>,\r\n\u{1b}\u{0}]{0,120}") {
        let hostile = |prefix: &str| format!("{prefix}^XZ^XA~JR{text}");
        let parcel = Label {
            parcel: hostile("a"),
            order: hostile("b"),
            from: vec![hostile("c")],
            to: Address {
                name: hostile("d"), company: hostile("e"), address1: hostile("f"),
                address2: hostile("g"), city: hostile("h"), zip: hostile("i"),
                province: hostile("j"), country: hostile("k"), phone: hostile("l"),
            },
            carrier: Some(hostile("m")),
            service: Some(hostile("n")),
            tracking_code: Some(hostile("o")),
            tracking_link: Some(hostile("p")),
            ..parcel()
        };
        let zpl = label(&parcel, DEFAULT_FONT);
        let known = ["BY", "BC", "BQ", "GB", "AU"];
        let is_known = |command: &String| known.iter().any(|known| command.starts_with(known));
        for field in fields(&zpl) {
            prop_assert!(field.commands.iter().all(is_known), "{:?}", field);
            prop_assert!(field.left < WIDTH && field.top < LENGTH);
        }
        let controls = zpl.chars().filter(|char| char.is_control() && *char != '\n').count();
        prop_assert_eq!(controls, 0);
    }
}
