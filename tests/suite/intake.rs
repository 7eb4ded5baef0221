//! The parsers on real data: every line is read, none is rejected, and the sums are the source's.

use std::fs::File;
use std::path::Path;

use packline::domain::incoming::Order;
use packline::domain::tracking::TrackingStatus;
use packline::intake::mail::{Mail, Mails};
use packline::intake::{Fault, catalog, dispatches, easypost, shopify};

use crate::real_data::real_data;

/// Everything that a parser yields; a rejection fails the test.
fn all<T>(items: impl Iterator<Item = Result<T, Fault>>) -> Vec<T> {
    items
        .map(|item| item.unwrap_or_else(|fault| panic!("{fault}")))
        .collect()
}

fn open(path: &Path) -> File {
    File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn orders(path: &Path) -> Vec<Order> {
    all(shopify::Orders::open(open(path), "orders.csv").expect("a header"))
}

fn mails(path: &Path) -> Vec<Mail> {
    all(Mails::open([path.to_owned()], std::io::empty()))
}

#[test]
fn the_gift_shop_is_read_whole() {
    let Some(folder) = real_data("giftshop") else {
        return;
    };
    let orders = orders(&folder.join("orders.csv"));
    let lines: Vec<_> = orders.iter().flat_map(|order| &order.lines).collect();
    assert_eq!((orders.len(), lines.len()), (834, 21_996));
    assert_eq!(
        orders.iter().filter(|order| order.email.is_none()).count(),
        60
    );
    for order in &orders {
        let sum: i64 = order
            .lines
            .iter()
            .map(|line| line.unit_price * i64::from(line.quantity))
            .sum();
        assert_eq!(sum, order.subtotal, "{}", order.number);
        assert!(!order.shipping.zip.starts_with('\''), "{}", order.number);
    }
    // The file has one line of text a line of an order: each says where it stands.
    let places: Vec<_> = lines.iter().map(|line| line.line).collect();
    assert_eq!(places, (2..=21_997).collect::<Vec<_>>());

    let catalog = open(&folder.join("catalog.csv"));
    let items = catalog::Items::open(catalog, "catalog.csv").unwrap();
    assert_eq!(all(items).len(), 2_431);
}

#[test]
fn the_marketplace_is_read_whole() {
    let Some(folder) = real_data("marketplace") else {
        return;
    };
    let orders = orders(&folder.join("orders.csv"));
    assert_eq!(orders.len(), 3_731);
    assert_eq!(
        orders.iter().map(|order| order.lines.len()).sum::<usize>(),
        3_864
    );

    let catalog = open(&folder.join("catalog.csv"));
    let items = catalog::Items::open(catalog, "catalog.csv").unwrap();
    assert_eq!(all(items).len(), 3_059);

    let dispatches = open(&folder.join("dispatches.csv"));
    let dispatches = dispatches::Dispatches::open(dispatches, "dispatches.csv").unwrap();
    assert_eq!(all(dispatches).len(), 3_349);

    let events = open(&folder.join("tracking.jsonl"));
    let events = easypost::TrackerEvents::open(events, "tracking.jsonl");
    let events = all(events);
    let delivered = events
        .iter()
        .filter(|event| event.status == TrackingStatus::Delivered);
    assert_eq!((events.len(), delivered.count()), (5_831, 2_603));
}

#[test]
fn every_complaint_names_its_order() {
    let Some(folder) = real_data("marketplace/mail") else {
        return;
    };
    let mails = mails(&folder);
    assert_eq!(mails.len(), 908);
    for mail in &mails {
        assert_eq!(mail.broken, None, "{}", mail.file);
        assert!(!mail.orders.is_empty(), "{}", mail.file);
        assert!(
            mail.message_id.is_some() && mail.sent_at.is_some(),
            "{}",
            mail.file
        );
        assert!(!mail.text.is_empty(), "{}", mail.file);
    }
}

#[test]
fn mails_of_every_shape_are_all_kept() {
    let Some(folder) = real_data("mail") else {
        return;
    };
    let mails = mails(&folder);
    assert_eq!(mails.len(), 36);
    for mail in &mails {
        assert!(!mail.raw.is_empty(), "{}", mail.file);
        let shows = !mail.text.is_empty() || !mail.attachments.is_empty() || mail.broken.is_some();
        assert!(shows, "{} would be an empty message", mail.file);
    }
    let of = |name: &str| mails.iter().find(|mail| mail.file.ends_with(name)).unwrap();
    assert_eq!(
        of("eml_legacy_003.eml").subject,
        "Die Hasen und die Frösche"
    );
    assert_eq!(of("eml_legacy_000.eml").attachments[0].name, "redball.png");
    assert_eq!(of("eml_rfc_001.eml").broken, Some("it names no sender"));
}

#[test]
fn the_event_that_easypost_documents_is_read() {
    let Some(path) = real_data("easypost/event-body.json") else {
        return;
    };
    let events = easypost::TrackerEvents::open(open(&path), "event-body.json");
    let events = all(events);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details.len(), 7);
    assert_eq!(
        events[0].details[6].location.as_deref(),
        Some("EDISON, NJ, 08817, US")
    );
}
