//! What the built-in templates make of friendly and hostile values.

use std::collections::BTreeSet;

use super::*;
use crate::domain::money::Currency;

const HOSTILE: &str =
    "<script>alert('x')</script>\r\nBcc: everyone@example.com\u{202e}\u{1b}[2J & \"co\"";

fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::from_code("EUR").expect("a currency"))
}

fn line(title: &str) -> LineValues {
    LineValues {
        sku: "MUG-1".to_owned(),
        title: title.to_owned(),
        quantity: 2,
        amount: Some(euros(123_450)),
    }
}

/// Everything that any kind needs, with `name` wherever others choose the text.
fn values(name: &str) -> Values {
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day);
    Values {
        shop: "Loja & Filhos".to_owned(),
        customer: name.to_owned(),
        supplier: Some(name.to_owned()),
        order: Some(OrderValues {
            number: "#1042".to_owned(),
            lines: vec![line(name), line("Teapot")],
            shipping: Some(euros(490)),
            tax: None,
            discount: Some(euros(-300)),
            total: euros(247_090),
            address: vec![name.to_owned(), "Rua Direita 1".to_owned()],
            deliver_by: day(9),
        }),
        parcel: Some(ParcelValues {
            number: "SHP-7".to_owned(),
            carrier: "Correios".to_owned(),
            tracking_code: "RR123456785PT".to_owned(),
            tracking_url: Some("https://track.example/RR123456785PT?a=1&b=\"2\"".to_owned()),
            eta: day(8),
            lines: vec![line(name)],
        }),
        delay: day(9).map(|was| DelayValues {
            until: day(12),
            was,
        }),
        ticket: Some(TicketValues {
            number: "TKT-7".to_owned(),
            subject: name.to_owned(),
            answer_by: day(10),
        }),
        purchase_order: Some(PurchaseOrderValues {
            number: "PO-7".to_owned(),
            lines: vec![line(name)],
            total: euros(246_900),
            to_customer: true,
            address: vec![name.to_owned()],
            ship_by: day(7),
            begun: false,
            accept_hours: 24,
            file: "PO-7.csv".to_owned(),
        }),
    }
}

fn kinds() -> impl Iterator<Item = NoticeKind> {
    NoticeKind::ALL
        .iter()
        .copied()
        .filter(|kind| *kind != NoticeKind::TicketReply)
}

#[test]
fn every_kind_is_written_in_every_language_and_leaves_nothing_empty() {
    let templates = Templates::built_in();
    let mut subjects = std::collections::BTreeSet::new();
    for kind in kinds() {
        for locale in Locale::ALL {
            let mail = templates
                .render(kind, *locale, &values("Ana Lopes"))
                .unwrap_or_else(|error| panic!("{kind} {locale}: {error}"));
            let html = mail.html.expect("HTML");
            for text in [&mail.subject, &mail.text, &html] {
                assert!(!text.contains("{{") && !text.contains("none"), "{text}");
                assert!(!text.contains("\n\n\n"), "{kind} {locale}: {text}");
            }
            assert!(
                html.contains(&format!("<html lang=\"{locale}\">")),
                "{html}"
            );
            assert!(html.contains("Loja &amp; Filhos"), "{html}");
            assert!(mail.text.ends_with("Loja & Filhos"), "{:?}", mail.text);
            subjects.insert(mail.subject);
        }
    }
    // The ticket's subject is the customer's own in every language.
    assert_eq!(subjects.len(), 8 * 3 + 1, "{subjects:?}");
}

#[test]
fn a_shop_without_a_name_leaves_no_gap() {
    let templates = Templates::built_in();
    let values = Values {
        shop: String::new(),
        ..values("Ana Lopes")
    };
    for kind in kinds() {
        for locale in Locale::ALL {
            let mail = templates
                .render(kind, *locale, &values)
                .unwrap_or_else(|error| panic!("{kind} {locale}: {error}"));
            assert_eq!(mail.text, mail.text.trim_end(), "{kind} {locale}");
            let html = mail.html.expect("HTML");
            assert!(!html.contains("color:#666\"></p>"), "{html}");
        }
    }
    let subject = |kind, locale| {
        let mail = templates.render(kind, locale, &values);
        mail.expect("a mail").subject
    };
    let (order, cancelled, changed) = (
        NoticeKind::PurchaseOrder,
        NoticeKind::PurchaseOrderCancelled,
        NoticeKind::AddressChanged,
    );
    let subjects = [
        (order, Locale::En, "Purchase order PO-7"),
        (order, Locale::De, "Bestellung PO-7"),
        (order, Locale::Pt, "Ordem de compra PO-7"),
        (cancelled, Locale::En, "Purchase order PO-7 is cancelled"),
        (cancelled, Locale::De, "Bestellung PO-7 ist storniert"),
        (cancelled, Locale::Pt, "Ordem de compra PO-7 cancelada"),
        (changed, Locale::En, "Purchase order PO-7: another address"),
        (changed, Locale::De, "Bestellung PO-7: andere Lieferadresse"),
        (changed, Locale::Pt, "Ordem de compra PO-7: outra morada"),
    ];
    for (kind, locale, expected) in subjects {
        assert_eq!(subject(kind, locale), expected);
    }
}

#[test]
fn a_delay_names_the_new_day_or_says_that_none_is_known() {
    let mut values = values("Ana");
    let templates = Templates::built_in();
    let mut text = |until| {
        if let Some(delay) = &mut values.delay {
            delay.until = until;
        }
        let mail = templates.render(NoticeKind::Delay, Locale::En, &values);
        mail.expect("a mail").text
    };
    let day = NaiveDate::from_ymd_opt(2026, 3, 12);
    let told = "It should now be with you by 12 March 2026. We had said 9 March 2026.";
    assert!(text(day).contains(told));
    assert!(text(None).contains("We do not know yet by when"));
}

#[test]
fn a_confirmation_reads_as_a_person_would_write_it() {
    let templates = Templates::built_in();
    let mail = templates
        .render(
            NoticeKind::OrderConfirmation,
            Locale::De,
            &values("Jürgen Groß"),
        )
        .expect("a mail");
    assert_eq!(mail.subject, "Ihre Bestellung #1042");
    assert_eq!(
        mail.text,
        "Guten Tag Jürgen Groß,\n\n\
         vielen Dank für Ihre Bestellung #1042. Sie ist bei uns eingegangen, und das schicken wir \
         Ihnen:\n\n  \
         2 × Jürgen Groß (MUG-1): 1234,50 EUR\n  \
         2 × Teapot (MUG-1): 1234,50 EUR\n\n\
         Versand: 4,90 EUR\n\
         Rabatt: -3,00 EUR\n\
         Summe: 2470,90 EUR\n\n\
         Die Lieferung sollte bis 9. März 2026 bei Ihnen sein.\n\n\
         Lieferadresse:\n\n  Jürgen Groß\n  Rua Direita 1\n\n\
         Loja & Filhos"
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let templates = Templates::built_in();
    let mut values = values("");
    let order = values.order.as_mut().expect("an order");
    order.deliver_by = None;
    order.address.clear();
    let mail = templates
        .render(NoticeKind::OrderConfirmation, Locale::En, &values)
        .expect("a mail");
    assert!(
        mail.text.starts_with("Hello,\n\nThank you"),
        "{}",
        mail.text
    );
    assert!(
        mail.text.ends_with("Total: 2470.90 EUR\n\nLoja & Filhos"),
        "{}",
        mail.text
    );
}

#[test]
fn hostile_texts_are_read_and_never_act() {
    let templates = Templates::built_in();
    for kind in kinds() {
        for locale in Locale::ALL {
            let mail = templates
                .render(kind, *locale, &values(HOSTILE))
                .expect("a mail");
            assert!(
                !mail.subject.contains(char::is_control),
                "{:?}",
                mail.subject
            );
            assert!(mail.subject.chars().count() <= LONGEST_SUBJECT);
            assert!(!mail.text.contains("\nBcc:"), "{}", mail.text);
            let html = mail.html.expect("HTML");
            assert!(!html.contains("<script"), "{html}");
            assert!(!html.contains("b=\"2\""), "{html}");
            for text in [&mail.text, &html] {
                assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{text:?}");
            }
        }
    }
}

#[test]
fn a_value_that_was_not_given_is_an_error_with_its_template_and_line() {
    let error = Templates::built_in()
        .render(
            NoticeKind::Delay,
            Locale::Pt,
            &Values {
                delay: None,
                ..values("Ana")
            },
        )
        .expect_err("no delay");
    assert_eq!(
        error.to_string(),
        "built-in template pt/delay.txt:3: delay.until was not given"
    );
    assert_eq!(
        Templates::built_in().render(NoticeKind::TicketReply, Locale::En, &values("Ana")),
        Err(TemplateError::Missing(NoticeKind::TicketReply))
    );
}

#[test]
fn the_shop_s_own_templates_stand_in_for_the_built_in_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    put("en/shipped.subject", "Off it goes:\n  {{ order.number }}\n");
    put("layout.html", "<main>{% block body %}{% endblock %}</main>");
    let templates = Templates::load(Some(folder.path())).expect("templates");
    let mail = templates
        .render(NoticeKind::Shipped, Locale::En, &values("Ana"))
        .expect("a mail");
    assert_eq!(mail.subject, "Off it goes: #1042");
    assert!(mail.html.expect("HTML").starts_with("<main>"));

    put("en/shipped.txt", "one\ntwo {{ order.nummer }}\n");
    let error = Templates::load(Some(folder.path()))
        .expect("it parses")
        .render(NoticeKind::Shipped, Locale::En, &values("Ana"))
        .expect_err("no such value");
    let file = folder.path().join("en/shipped.txt").display().to_string();
    assert_eq!(
        error.to_string(),
        format!("{file}:2: order.nummer was not given")
    );

    put("en/shipped.html", "{% if %}");
    put("en/shiped.txt", "a slip of the pen");
    let errors = Templates::load(Some(folder.path())).expect_err("two mistakes");
    assert_eq!(errors.0.len(), 2, "{errors}");
    assert!(
        errors
            .to_string()
            .contains("shiped.txt: no template has this name")
    );
    assert!(errors.to_string().contains("shipped.html:1: "));
}

/// The values that a template names.
fn named(source: &str) -> BTreeSet<&str> {
    const ROOTS: [&str; 8] = [
        "shop",
        "customer",
        "supplier",
        "order",
        "parcel",
        "delay",
        "ticket",
        "purchase_order",
    ];
    let mut named = BTreeSet::new();
    for part in source.split('{').skip(1) {
        let code = part.split('}').next().unwrap_or_default();
        for word in code.split(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == '.')) {
            if ROOTS.contains(&word.split('.').next().unwrap_or_default()) {
                named.insert(word);
            }
        }
    }
    named
}

#[test]
fn every_language_says_the_same_of_a_notice() {
    assert_eq!(
        named("Order {{ order.number }}{% if shop %} of {{ shop }}{% endif %}"),
        BTreeSet::from(["order.number", "shop"])
    );
    for (name, source) in names() {
        let Some((locale, notice)) = name.split_once('/') else {
            continue;
        };
        let english = format!("en/{notice}");
        let (_, original) = names()
            .find(|(name, _)| *name == english)
            .expect("a text in English");
        assert_eq!(named(source), named(original), "{locale}/{notice}");
    }
}
