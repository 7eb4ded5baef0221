//! Every verb: done by a colleague with its role and nobody else, once, with its history; refused
//! with a reason; told of a conflict; taken back.

use std::collections::BTreeSet;

use packline::actions::{self, ActError};
use packline::domain::act::Act;
use packline::domain::full::FullRecord;
use packline::domain::people::Role;
use packline::domain::record::{Kind, RecordId};
use packline::domain::verbs;
use packline::store::db::{Db, DbError, Settings};
use packline::store::orders;
use packline::store::{presence, records};
use uuid::Uuid;

use crate::harness;
use crate::network::Line;
use crate::shop::{LIMIT, Shop, ZONE, given, now, wanted};

/// A record to which a verb applies, made for it.
#[derive(Debug, Clone, Copy)]
enum Scene {
    NewOrder,
    ConfirmedOrder,
    HeldOrder,
    ReservedOrder,
    ClaimedOrder,
    OrderForASupplier,
    OrderWithASupplier,
    Mugs,
    Towels,
    MutedBowls,
    Parcel,
    Inspection,
    StartedInspection,
    CheckedInspection,
    FinishedChecks,
    FailedInspection,
    Ticket,
    ClaimedTicket,
    ResolvedTicket,
    LinkedTicket,
    SnoozedTicket,
    OrderWithFailedMail,
    PackedParcel,
    LabelledParcel,
    LostParcel,
    AnsweredTicket,
    TicketWithFailedMail,
    TowelsWithFailedMail,
    OrderWithAnUnsentPurchase,
    OrderGivenUp,
    TowelsOnOrder,
    HeldMugs,
    MugsGivenUp,
    HeldParcel,
    ParcelGivenUp,
}

/// A verb, where it applies, what it is told, and how what it then says begins.
type Case = (
    Kind,
    &'static str,
    Scene,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Every verb.
const SCENES: &[Case] = &[
    (Kind::Order, "confirm", Scene::NewOrder, &[], "confirmed"),
    (
        Kind::Order,
        "hold",
        Scene::ConfirmedOrder,
        &[("reason", "address unclear")],
        "held: address unclear",
    ),
    (Kind::Order, "release", Scene::HeldOrder, &[], "released"),
    (
        Kind::Order,
        "reserve",
        Scene::ConfirmedOrder,
        &[],
        "reserved 2 units",
    ),
    (
        Kind::Order,
        "unreserve",
        Scene::ReservedOrder,
        &[],
        "gave back 2 units",
    ),
    (
        Kind::Order,
        "route",
        Scene::OrderForASupplier,
        &[("to", "burren mill")],
        "asked Burren Mill for 3 units",
    ),
    (
        Kind::Order,
        "accept",
        Scene::OrderWithASupplier,
        &[],
        "accepted by Burren Mill",
    ),
    (
        Kind::Order,
        "reject",
        Scene::OrderWithASupplier,
        &[("reason", "sold out")],
        "rejected by Burren Mill: sold out",
    ),
    (
        Kind::Order,
        "short",
        Scene::OrderWithASupplier,
        &[("sku", "TOWEL"), ("quantity", "1")],
        "Burren Mill is 2 units of TOWEL short",
    ),
    (
        Kind::Order,
        "set-option",
        Scene::ConfirmedOrder,
        &[("to", "express")],
        "shipped by Express, 9.90 EUR more",
    ),
    (
        Kind::Order,
        "inspect",
        Scene::ConfirmedOrder,
        &[],
        "asked for INS-",
    ),
    (
        Kind::Order,
        "ship",
        Scene::ReservedOrder,
        &[("carrier", "dhl"), ("tracking", "00340434")],
        "handed SHP-",
    ),
    (
        Kind::Order,
        "cancel",
        Scene::ReservedOrder,
        &[("reason", "changed her mind")],
        "cancelled 2 units: changed her mind",
    ),
    (
        Kind::Order,
        "note",
        Scene::ConfirmedOrder,
        &[("text", "door 118")],
        "noted",
    ),
    (Kind::Order, "claim", Scene::ConfirmedOrder, &[], "claimed"),
    (Kind::Order, "unclaim", Scene::ClaimedOrder, &[], "let go"),
    (
        Kind::Order,
        "assign",
        Scene::ClaimedOrder,
        &[("to", "COLLEAGUE")],
        "assigned to ",
    ),
    (
        Kind::Order,
        "stop-mail",
        Scene::OrderWithFailedMail,
        &[],
        "stopped the delay to ines@example.org",
    ),
    (
        Kind::Order,
        "resend-mail",
        Scene::OrderWithFailedMail,
        &[("to", "Ines <ines@example.net>")],
        "the delay to Ines <ines@example.net> leaves again",
    ),
    (
        Kind::Order,
        "set-address",
        Scene::ConfirmedOrder,
        &[("address1", "Rua Nova 2"), ("country", "pt")],
        "goes to Rua Nova 2, Porto, PT",
    ),
    (
        Kind::Stock,
        "adjust",
        Scene::Mugs,
        &[("quantity", "-2"), ("reason", "two cracked")],
        "adjusted by -2",
    ),
    (
        Kind::Stock,
        "receive",
        Scene::Mugs,
        &[("quantity", "5")],
        "received 5 units",
    ),
    (
        Kind::Stock,
        "reorder",
        Scene::Towels,
        &[("quantity", "4")],
        "ordered 4 units of TOWEL from Burren Mill for 28.00 EUR",
    ),
    (
        Kind::Stock,
        "stop-mail",
        Scene::TowelsWithFailedMail,
        &[],
        "stopped the purchase order to mill@example.org",
    ),
    (
        Kind::Stock,
        "resend-mail",
        Scene::TowelsWithFailedMail,
        &[("to", "sales@example.net")],
        "the purchase order to sales@example.net leaves again",
    ),
    (
        Kind::Stock,
        "set-reorder-point",
        Scene::Mugs,
        &[("quantity", "4")],
        "reorder point 0 → 4",
    ),
    (
        Kind::Stock,
        "mute",
        Scene::Mugs,
        &[("until", "2d")],
        "muted until ",
    ),
    (Kind::Stock, "unmute", Scene::MutedBowls, &[], "unmuted"),
    (
        Kind::Shipment,
        "set-tracking",
        Scene::Parcel,
        &[("carrier", "UPS"), ("code", "1Z7Y")],
        "set its tracking to UPS 1Z7Y",
    ),
    (
        Kind::Shipment,
        "clear-tracking",
        Scene::LabelledParcel,
        &[],
        "took its carrier and code off",
    ),
    (
        Kind::Shipment,
        "deliver",
        Scene::Parcel,
        &[],
        "delivered 2 units",
    ),
    (
        Kind::Shipment,
        "lose",
        Scene::Parcel,
        &[("reason", "trace closed")],
        "marked lost: trace closed",
    ),
    (
        Kind::Shipment,
        "send-again",
        Scene::LostParcel,
        &[],
        "2 units of ",
    ),
    (
        Kind::Shipment,
        "write-off",
        Scene::LostParcel,
        &[("reason", "refunded in the shop")],
        "written off: refunded in the shop",
    ),
    (
        Kind::Shipment,
        "damage",
        Scene::Parcel,
        &[("reason", "crushed corner")],
        "noted as damaged: crushed corner",
    ),
    (
        Kind::Shipment,
        "print",
        Scene::Parcel,
        &[],
        "printed the label",
    ),
    (
        Kind::Shipment,
        "buy-label",
        Scene::PackedParcel,
        &[],
        "its label will be bought",
    ),
    (
        Kind::Shipment,
        "hand-over",
        Scene::LabelledParcel,
        &[],
        "handed over 2 units",
    ),
    (
        Kind::Shipment,
        "void",
        Scene::LabelledParcel,
        &[],
        "made void",
    ),
    (Kind::Inspection, "start", Scene::Inspection, &[], "started"),
    (
        Kind::Inspection,
        "unstart",
        Scene::StartedInspection,
        &[],
        "left to others",
    ),
    (
        Kind::Inspection,
        "pass-check",
        Scene::Inspection,
        &[("check", "Item")],
        "item passed",
    ),
    (
        Kind::Inspection,
        "fail-check",
        Scene::Inspection,
        &[
            ("check", "item"),
            ("defect", "wrong colour"),
            ("severity", "major"),
        ],
        "item failed, major: wrong colour",
    ),
    (
        Kind::Inspection,
        "clear-check",
        Scene::CheckedInspection,
        &[("check", "item")],
        "took back that item passed",
    ),
    (
        Kind::Inspection,
        "finish",
        Scene::FinishedChecks,
        &[],
        "passed all 4 checks",
    ),
    (
        Kind::Inspection,
        "rework",
        Scene::FailedInspection,
        &[],
        "to be checked again: 1 of 4 checks",
    ),
    (
        Kind::Inspection,
        "waive",
        Scene::FailedInspection,
        &[("reason", "a gift")],
        "waived: a gift",
    ),
    (
        Kind::Ticket,
        "reply",
        Scene::Ticket,
        &[("text", "Liebe Ines,\n\nes tut uns leid.")],
        "answered ines@example.org; the mail waits to be sent",
    ),
    (Kind::Ticket, "claim", Scene::Ticket, &[], "claimed"),
    (Kind::Ticket, "unclaim", Scene::ClaimedTicket, &[], "let go"),
    (
        Kind::Ticket,
        "resolve",
        Scene::Ticket,
        &[("resolution", "apology"), ("text", "she was kind")],
        "resolved: apology",
    ),
    (
        Kind::Ticket,
        "reopen",
        Scene::ResolvedTicket,
        &[],
        "reopened",
    ),
    (
        Kind::Ticket,
        "note",
        Scene::Ticket,
        &[("text", "third time")],
        "noted",
    ),
    (
        Kind::Ticket,
        "log-call",
        Scene::Ticket,
        &[("text", "she rang")],
        "call logged",
    ),
    (
        Kind::Ticket,
        "link-order",
        Scene::Ticket,
        &[("order", "#1000")],
        "linked with web/#1000",
    ),
    (
        Kind::Ticket,
        "unlink-order",
        Scene::LinkedTicket,
        &[],
        "unlinked",
    ),
    (
        Kind::Ticket,
        "set-priority",
        Scene::Ticket,
        &[("priority", "high")],
        "priority normal → high",
    ),
    (
        Kind::Ticket,
        "snooze",
        Scene::Ticket,
        &[("until", "tomorrow")],
        "snoozed until ",
    ),
    (Kind::Ticket, "wake", Scene::SnoozedTicket, &[], "woken"),
    (
        Kind::Ticket,
        "stop-mail",
        Scene::AnsweredTicket,
        &[],
        "stopped the ticket reply to ines@example.org",
    ),
    (
        Kind::Ticket,
        "resend-mail",
        Scene::TicketWithFailedMail,
        &[],
        "the delay to ines@example.org leaves again",
    ),
    (
        Kind::Order,
        "mark-sent",
        Scene::OrderWithAnUnsentPurchase,
        &[],
        "sent by hand: PO-",
    ),
    (
        Kind::Order,
        "retry-work",
        Scene::OrderGivenUp,
        &[],
        "the worker tries it again",
    ),
    (
        Kind::Order,
        "forget-work",
        Scene::OrderGivenUp,
        &[],
        "forgot what the worker gave up",
    ),
    (
        Kind::Stock,
        "cancel-purchase",
        Scene::TowelsOnOrder,
        &[("reason", "it never came")],
        "cancelled PO-",
    ),
    (
        Kind::Stock,
        "mark-sent",
        Scene::TowelsOnOrder,
        &[],
        "sent by hand: PO-",
    ),
    (
        Kind::Stock,
        "unclaim",
        Scene::HeldMugs,
        &[],
        "left to others",
    ),
    (
        Kind::Stock,
        "retry-work",
        Scene::MugsGivenUp,
        &[],
        "the worker tries it again",
    ),
    (
        Kind::Stock,
        "forget-work",
        Scene::MugsGivenUp,
        &[],
        "forgot what the worker gave up",
    ),
    (
        Kind::Shipment,
        "unclaim",
        Scene::HeldParcel,
        &[],
        "left to others",
    ),
    (
        Kind::Shipment,
        "retry-work",
        Scene::ParcelGivenUp,
        &[],
        "the worker tries it again",
    ),
    (
        Kind::Shipment,
        "forget-work",
        Scene::ParcelGivenUp,
        &[],
        "forgot what the worker gave up",
    ),
];

/// Verbs that end a hold, which is no part of the record.
const OF_HOLDS: &[&str] = &["stock unclaim", "shipment unclaim"];

/// Verbs that can be taken back.
const COMPENSATED: &[&str] = &[
    "order hold",
    "order release",
    "order reserve",
    "order unreserve",
    "order claim",
    "order unclaim",
    "order assign",
    "order set-address",
    "stock adjust",
    "stock receive",
    "stock set-reorder-point",
    "stock mute",
    "stock unmute",
    "shipment set-tracking",
    "inspection start",
    "inspection pass-check",
    "inspection fail-check",
    "inspection clear-check",
    "ticket reply",
    "ticket claim",
    "ticket unclaim",
    "ticket resolve",
    "ticket reopen",
    "ticket link-order",
    "ticket unlink-order",
    "ticket set-priority",
    "ticket snooze",
    "ticket wake",
];

impl Scene {
    /// Makes the record; `who` is the colleague that is going to act.
    async fn set(self, shop: &Shop, who: Role) -> RecordId {
        match self {
            Self::NewOrder => shop.new_order(&[("MUG", 2)]).await,
            Self::ConfirmedOrder => shop.order(&[("MUG", 2)]).await,
            Self::HeldOrder => {
                let order = shop.order(&[("MUG", 2)]).await;
                shop.done(order, "hold", &[("reason", "payment")]).await;
                order
            }
            Self::ReservedOrder => {
                let order = shop.order(&[("MUG", 2)]).await;
                shop.done(order, "reserve", &[]).await;
                order
            }
            Self::ClaimedOrder => {
                let order = shop.order(&[("MUG", 2)]).await;
                shop.act(who, order, "claim", &[]).await.expect("claimed");
                order
            }
            Self::OrderForASupplier => shop.order(&[("TOWEL", 2), ("TOWEL", 1)]).await,
            Self::OrderWithASupplier => {
                let order = shop.order(&[("TOWEL", 2), ("TOWEL", 1)]).await;
                shop.done(order, "route", &[("to", "burren mill")]).await;
                sqlx::query(
                    "update purchase_orders set state = 'sent' where fulfilment_id in (
                         select id from fulfilments where order_id = $1)",
                )
                .bind(order.id)
                .execute(&mut shop.owner().await)
                .await
                .expect("a purchase order that was sent");
                order
            }
            Self::Mugs => shop.stock("MUG").await,
            Self::Towels => shop.stock("TOWEL").await,
            Self::MutedBowls => {
                let bowls = shop.stock("BOWL").await;
                shop.done(bowls, "mute", &[("until", "1w")]).await;
                bowls
            }
            Self::Parcel => sent(shop).await,
            Self::LostParcel => {
                let parcel = sent(shop).await;
                shop.done(parcel, "lose", &[("reason", "trace closed")])
                    .await;
                parcel
            }
            Self::Inspection
            | Self::StartedInspection
            | Self::CheckedInspection
            | Self::FinishedChecks
            | Self::FailedInspection => self.inspection(shop, who).await,
            Self::Ticket => shop.ticket().await,
            Self::ClaimedTicket => {
                let ticket = shop.ticket().await;
                shop.act(who, ticket, "claim", &[]).await.expect("claimed");
                ticket
            }
            Self::ResolvedTicket => {
                let ticket = shop.ticket().await;
                shop.done(ticket, "resolve", &[("resolution", "answered")])
                    .await;
                ticket
            }
            Self::LinkedTicket => {
                let ticket = shop.ticket().await;
                shop.done(ticket, "link-order", &[("order", "1000")]).await;
                ticket
            }
            Self::OrderWithFailedMail => {
                let order = shop.order(&[("MUG", 2)]).await;
                shop.failed_mail(order).await;
                order
            }
            Self::PackedParcel => shop.packed(&[("LAMP", 2)]).await,
            Self::LabelledParcel => {
                let parcel = shop.packed(&[("LAMP", 2)]).await;
                let mut owner = shop.owner().await;
                sqlx::query(
                    "update shipments set state = 'labelled', tracking_code = 'L' || id, ship_date = current_date,
                            carrier_id = (select id from carriers where name = 'DHL')
                     where id = $1",
                )
                .bind(parcel.id)
                .execute(&mut owner)
                .await
                .expect("a label");
                parcel
            }
            Self::TicketWithFailedMail => {
                let ticket = shop.ticket().await;
                shop.failed_mail(ticket).await;
                ticket
            }
            Self::AnsweredTicket => {
                let ticket = shop.ticket().await;
                shop.done(ticket, "reply", &[("text", "Soon")]).await;
                ticket
            }
            Self::SnoozedTicket => {
                let ticket = shop.ticket().await;
                shop.done(ticket, "snooze", &[("until", "4h")]).await;
                ticket
            }
            Self::OrderWithAnUnsentPurchase => {
                without_addresses(shop).await;
                let order = shop.order(&[("TOWEL", 2)]).await;
                shop.done(order, "route", &[("to", "burren mill")]).await;
                order
            }
            Self::TowelsOnOrder => {
                without_addresses(shop).await;
                let towels = shop.stock("TOWEL").await;
                let mut owner = shop.owner().await;
                let others = "update purchase_orders set state = 'cancelled'
                    where fulfilment_id is null and state in ('draft', 'sent', 'accepted')";
                sqlx::query(others)
                    .execute(&mut owner)
                    .await
                    .expect("nothing else on order");
                shop.done(towels, "reorder", &[("quantity", "3")]).await;
                towels
            }
            Self::TowelsWithFailedMail => {
                let towels = shop.stock("TOWEL").await;
                let mut owner = shop.owner().await;
                // One purchase order's mail is enough for the scene: that of an earlier one is done with.
                sqlx::raw_sql(
                    "update purchase_orders set state = 'cancelled' where state = 'sent' and fulfilment_id is null;
                     update notices set state = 'cancelled' where subject_kind = 'purchase_order' and state = 'failed';
                     update notices set state = 'sent', sent_at = now()
                     where subject_kind = 'purchase_order' and state = 'queued';
                     with made as (
                         insert into purchase_orders (supplier_id, currency)
                         select id, 'EUR' from suppliers where name = 'Burren Mill' returning id)
                     insert into purchase_order_lines (purchase_order_id, product_id, quantity, unit_cost)
                     select made.id, p.id, 3, 700 from made, products p where p.sku = 'TOWEL';
                     update purchase_orders set state = 'sent', sent_at = now()
                     where state = 'draft' and fulfilment_id is null;
                     insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body, held_until)
                     select 'purchase_order', 'purchase_order', max(id), 'sent', 'mill@example.org', 'Please send', 'Towels', now()
                     from purchase_orders;
                     update notices set state = 'queued' where recipient = 'mill@example.org' and state = 'held';
                     update notices set state = 'failed', error = '550 no such person'
                     where recipient = 'mill@example.org' and state = 'queued'",
                )
                .execute(&mut owner)
                .await
                .expect("a mail that failed");
                towels
            }
            Self::HeldMugs => held(shop, who, shop.stock("MUG").await).await,
            Self::HeldParcel => held(shop, who, shop.packed(&[("LAMP", 1)]).await).await,
            Self::OrderGivenUp => given_up(shop, shop.order(&[("MUG", 1)]).await).await,
            Self::MugsGivenUp => given_up(shop, shop.stock("MUG").await).await,
            Self::ParcelGivenUp => given_up(shop, shop.packed(&[("LAMP", 1)]).await).await,
        }
    }

    async fn inspection(self, shop: &Shop, who: Role) -> RecordId {
        let order = shop.order(&[("MUG", 1)]).await;
        shop.done(order, "inspect", &[]).await;
        let inspection = shop.newest(Kind::Inspection).await;
        let pass = async |check| {
            shop.done(inspection, "pass-check", &[("check", check)])
                .await;
        };
        match self {
            Self::StartedInspection => {
                let start = shop.act(who, inspection, "start", &[]).await;
                start.expect("started");
            }
            Self::CheckedInspection => pass("item").await,
            Self::FinishedChecks => {
                for check in ["item", "quantity", "condition", "packaging"] {
                    pass(check).await;
                }
            }
            Self::FailedInspection => {
                let args = [("check", "item"), ("defect", "torn"), ("severity", "minor")];
                shop.done(inspection, "fail-check", &args).await;
                shop.done(inspection, "finish", &[]).await;
            }
            _ => {}
        }
        inspection
    }
}

/// A parcel that the carrier has.
async fn sent(shop: &Shop) -> RecordId {
    let order = shop.order(&[("BOWL", 2)]).await;
    shop.done(order, "reserve", &[]).await;
    let code = order.id.to_string();
    let args = [("carrier", "DHL"), ("tracking", code.as_str())];
    shop.done(order, "ship", &args).await;
    shop.newest(Kind::Shipment).await
}

/// A record that this colleague has taken.
async fn held(shop: &Shop, who: Role, record: RecordId) -> RecordId {
    let taken = shop
        .colleague(who)
        .transaction(LIMIT, move |connection| {
            Box::pin(async move { presence::hold(connection, record).await })
        })
        .await;
    assert!(taken.expect("a hold"), "nobody has it");
    record
}

/// No supplier can be written to.
async fn without_addresses(shop: &Shop) {
    sqlx::query("update suppliers set email = null")
        .execute(&mut shop.owner().await)
        .await
        .expect("suppliers");
}

/// A record for which the worker gave something up.
async fn given_up(shop: &Shop, record: RecordId) -> RecordId {
    sqlx::query(
        "insert into alerts (kind, subject_kind, subject_id, reason)
         select 'dead_job', case when product_id is null then $1 else 'product' end,
                coalesce(product_id, $2), 'the job failed'
         from (select) nothing left join stock_levels on $1 = 'stock' and id = $2
         on conflict do nothing",
    )
    .bind(record.kind.as_str())
    .bind(record.id)
    .execute(&mut shop.owner().await)
    .await
    .expect("an alert");
    record
}

/// The rows of history that an act has.
async fn history(shop: &Shop, act: Uuid) -> i64 {
    shop.ask("select count(*) from activity where act_id = $1", |q| {
        q.bind(act)
    })
    .await
}

#[tokio::test]
async fn every_verb_is_done_once_by_who_may_and_told_and_taken_back() {
    let told: BTreeSet<_> = SCENES
        .iter()
        .map(|(kind, verb, ..)| (*kind, *verb))
        .collect();
    let known: BTreeSet<_> = verbs::all().map(|verb| (verb.kind, verb.name)).collect();
    assert_eq!(told, known, "a scene for every verb, and no other");

    let shop = Shop::open().await;
    shop.new_order(&[("MUG", 1)]).await;
    let mut compensated = Vec::new();
    for (kind, name, scene, args, says) in SCENES {
        let what = format!("{kind} {name}");
        let verb = verbs::find(*kind, name).expect("a verb");
        let role = verb.roles[0];
        let record = scene.set(&shop, role).await;
        let colleague = shop.login(Role::Quality);
        let args: Vec<(&str, &str)> = args
            .iter()
            .map(|(name, value)| {
                (
                    *name,
                    if *value == "COLLEAGUE" {
                        &colleague
                    } else {
                        *value
                    },
                )
            })
            .collect();

        let before = shop.version(record).await;
        let act = Act {
            expected_version: Some(before),
            ..wanted(record, name, &args)
        };
        for stranger in [Role::Viewer, Role::Shop] {
            let outcome = shop.act_as(&shop.colleague(stranger), act.clone()).await;
            assert!(
                matches!(outcome, Err(ActError::NotPermitted(_))),
                "{what} by {stranger}: {outcome:?}"
            );
        }

        let db = shop.colleague(role);
        let done = shop.act_as(&db, act.clone()).await;
        let done = done.unwrap_or_else(|error| panic!("{what} by {role}: {error}"));
        assert!(done.summary.starts_with(says), "{what}: {}", done.summary);
        assert!(!done.repeated, "{what}");
        let of_hold = OF_HOLDS.contains(&what.as_str());
        assert_eq!(
            done.version > before,
            !of_hold,
            "{what} changes the version"
        );
        assert_eq!(done.version, shop.version(record).await, "{what}");
        let rows = history(&shop, act.id).await;
        assert!(rows > 0, "{what} is in the history");
        let others: i64 = shop
            .ask(
                "select count(*) from activity
                 where act_id = $1 and (who, verb, source) is distinct from ($2, $3, 'test')",
                |q| q.bind(act.id).bind(shop.login(role)).bind(*name),
            )
            .await;
        assert_eq!(others, 0, "{what}: the history says who, what and how");

        let again = shop.act_as(&db, act.clone()).await.expect(&what);
        assert!(again.repeated, "{what}");
        assert_eq!(
            (&again.summary, again.version),
            (&done.summary, done.version),
            "{what}"
        );
        assert_eq!(
            history(&shop, act.id).await,
            rows,
            "{what}: nothing is done twice"
        );
        assert_eq!(
            shop.version(record).await,
            done.version,
            "{what}: nothing is done twice"
        );

        let late = Act {
            id: Uuid::now_v7(),
            ..act.clone()
        };
        match shop.act_as(&db, late).await {
            Err(ActError::Refused(_)) if of_hold => {}
            Err(ActError::Conflict(conflict)) => {
                assert_eq!(conflict.version, done.version, "{what}");
                // What is asked of quality is told with the inspection, not with the order.
                if what != "order inspect" {
                    let said = format!("{}: {name}", shop.login(role));
                    let last = conflict.since.last().cloned().unwrap_or_default();
                    assert!(last.starts_with(&said), "{what}: {conflict}");
                }
            }
            other => panic!("{what} on an old version: {other:?}"),
        }

        if done.undo.is_some() {
            compensated.push(what.clone());
            taken_back(&shop, role, &act, &what).await;
        } else {
            let undo = actions::undo(&db, act.id, Uuid::now_v7(), "test", ZONE, now()).await;
            assert!(
                matches!(undo, Err(ActError::Refused(_))),
                "{what}: {undo:?}"
            );
        }
    }
    assert_eq!(compensated, COMPENSATED);
}

/// Takes an act back, once however often it is asked for, and then not again.
async fn taken_back(shop: &Shop, role: Role, act: &Act, what: &str) {
    let db = shop.colleague(role);
    let id = Uuid::now_v7();
    for repeated in [false, true] {
        let undone = actions::undo(&db, act.id, id, "test", ZONE, now()).await;
        let undone = undone.unwrap_or_else(|error| panic!("{what} taken back: {error}"));
        assert_eq!(undone.repeated, repeated, "{what}");
    }
    let undoes: Option<Uuid> = shop
        .ask("select undoes from act where id = $1", |q| q.bind(id))
        .await;
    assert_eq!(undoes, Some(act.id), "{what}");
    let twice = actions::undo(&db, act.id, Uuid::now_v7(), "test", ZONE, now()).await;
    match twice {
        Err(ActError::Refused(reason)) => assert_eq!(reason.0, "it was undone already", "{what}"),
        other => panic!("{what} taken back twice: {other:?}"),
    }
}

#[tokio::test]
async fn every_missing_wrong_or_unknown_argument_is_named() {
    let shop = Shop::open().await;
    shop.new_order(&[("MUG", 1)]).await;
    for (kind, name, scene, args, _) in SCENES {
        let verb = verbs::find(*kind, name).expect("a verb");
        let role = verb.roles[0];
        let record = scene.set(&shop, role).await;
        let db = shop.colleague(role);
        let version = shop.version(record).await;
        let mut wrong = vec![(given(&[("colour", "red")]), "colour")];
        for arg in verb.args {
            let mut without = given(args);
            without.remove(arg.name);
            if arg.required {
                wrong.push((without.clone(), arg.name));
                without.insert(arg.name.to_owned(), "  ".to_owned());
                wrong.push((without.clone(), arg.name));
            }
            without.insert(arg.name.to_owned(), "a\0b".to_owned());
            wrong.push((without, arg.name));
        }
        for (args, wanted_name) in wrong {
            let act = Act {
                args,
                ..wanted(record, name, &[])
            };
            match shop.act_as(&db, act.clone()).await {
                Err(ActError::BadArgument { name: told, .. }) => {
                    // An argument before it in the table may be the first that is missed.
                    let missing = |name: &str| {
                        act.args
                            .get(name)
                            .is_none_or(|value| value.trim().is_empty())
                    };
                    assert!(
                        told == wanted_name || missing(&told),
                        "{kind} {name}: {told}"
                    );
                }
                other => panic!("{kind} {name} with {:?}: {other:?}", act.args),
            }
        }
        assert_eq!(
            shop.version(record).await,
            version,
            "{kind} {name} wrote nothing"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_its_reason() {
    let shop = Shop::open().await;
    let refused = async |record, verb, args: &[(&str, &str)]| -> String {
        match shop.act(Role::Admin, record, verb, args).await {
            Err(ActError::Refused(reason)) => reason.0,
            other => panic!("{verb}: {other:?}"),
        }
    };
    let order = shop.new_order(&[("MUG", 8)]).await;
    assert_eq!(refused(order, "reserve", &[]).await, "it is not confirmed");
    assert_eq!(refused(order, "release", &[]).await, "it is not on hold");
    shop.done(order, "confirm", &[]).await;
    assert_eq!(
        refused(order, "confirm", &[]).await,
        "it is confirmed already"
    );
    let parcel = [("carrier", "DHL"), ("tracking", "0034")];
    assert_eq!(
        refused(order, "ship", &parcel).await,
        "no stock is reserved for it"
    );
    assert_eq!(
        refused(order, "route", &[("to", "Dear Mill")]).await,
        "Dear Mill does not offer MUG"
    );
    shop.done(order, "reserve", &[]).await;
    assert_eq!(
        refused(order, "reserve", &[]).await,
        "every unit is covered already"
    );

    // Two mugs are left for two lines that want two each.
    let second = shop.order(&[("MUG", 2), ("MUG", 2), ("TOWEL", 1)]).await;
    let done = shop.done(second, "reserve", &[]).await;
    assert_eq!(done.summary, "reserved 2 of 5 units; 3 short: MUG, TOWEL");
    assert_eq!(
        refused(second, "reserve", &[]).await,
        "nothing is free of MUG, TOWEL"
    );
    let mugs = shop.stock("MUG").await;
    assert_eq!(
        refused(mugs, "adjust", &[("quantity", "-1"), ("reason", "lost")]).await,
        "only 0 of 10 units are free, 10 are reserved for orders"
    );
    assert_eq!(
        refused(mugs, "set-reorder-point", &[("quantity", "0")]).await,
        "it is 0 already"
    );

    shop.done(order, "inspect", &[]).await;
    let inspection = shop.newest(Kind::Inspection).await;
    assert_eq!(
        refused(order, "inspect", &[]).await,
        "an inspection is open already"
    );
    assert_eq!(
        refused(order, "ship", &parcel).await,
        "1 inspection pending"
    );
    assert_eq!(
        refused(inspection, "finish", &[]).await,
        "4 of 4 checks are open"
    );
    assert_eq!(
        refused(inspection, "waive", &[("reason", "no")]).await,
        "it has not failed"
    );
    assert_eq!(
        refused(inspection, "clear-check", &[("check", "item")]).await,
        "item has no result"
    );
    for check in ["item", "quantity", "condition", "packaging"] {
        shop.done(inspection, "pass-check", &[("check", check)])
            .await;
    }
    assert_eq!(
        refused(inspection, "pass-check", &[("check", "item")]).await,
        "item has passed already"
    );
    shop.done(inspection, "finish", &[]).await;
    assert_eq!(
        refused(inspection, "pass-check", &[("check", "item")]).await,
        "it is passed"
    );

    shop.done(order, "ship", &parcel).await;
    let sent = shop.newest(Kind::Shipment).await;
    assert_eq!(
        refused(order, "cancel", &[("reason", "late")]).await,
        "it is shipped"
    );
    assert_eq!(
        refused(second, "ship", &parcel).await,
        "another parcel of that carrier and day has this tracking code"
    );
    assert_eq!(
        refused(
            sent,
            "set-tracking",
            &[("carrier", "DHL"), ("code", "0034")]
        )
        .await,
        "that is its tracking code already"
    );
    shop.done(sent, "deliver", &[]).await;
    assert_eq!(refused(sent, "deliver", &[]).await, "it is delivered");

    let ticket = shop.ticket().await;
    assert_eq!(refused(ticket, "reopen", &[]).await, "it is new");
    assert_eq!(
        refused(ticket, "set-priority", &[("priority", "normal")]).await,
        "its priority is normal already"
    );
    let mut owner = shop.owner().await;
    sqlx::query("update tickets set email = null, channel = 'phone' where id = $1")
        .bind(ticket.id)
        .execute(&mut owner)
        .await
        .expect("a ticket without an address");
    assert_eq!(
        refused(ticket, "reply", &[("text", "Hello")]).await,
        "the customer's mail address is not known"
    );

    let nobody = RecordId::new(Kind::Ticket, 999_999);
    let missing = shop.act(Role::Admin, nobody, "claim", &[]).await;
    assert!(matches!(missing, Err(ActError::NotFound(name)) if name == "TKT-999999"));
    let db = shop.colleague(Role::Admin);
    let unknown = actions::undo(&db, Uuid::now_v7(), Uuid::now_v7(), "test", ZONE, now()).await;
    assert!(matches!(unknown, Err(ActError::NotFound(_))));
    let past = shop
        .act(Role::Admin, ticket, "snooze", &[("until", "2020-01-01")])
        .await;
    assert!(matches!(past, Err(ActError::BadArgument { name, .. }) if name == "until"));
}

#[tokio::test]
async fn a_packed_parcel_leaves_once_somebody_said_who_carries_it() {
    let shop = Shop::open().await;
    let parcel = shop.packed(&[("LAMP", 2)]).await;
    let no_label = shop.act(Role::Admin, parcel, "hand-over", &[]).await;
    assert!(
        matches!(no_label, Err(ActError::Refused(reason)) if reason.0.contains("set-tracking says who carries it"))
    );
    let carried = [("carrier", "GLS"), ("code", "ZZ1")];
    let state: &'static str =
        "select state || coalesce(' ' || tracking_code, '') from shipments where id = $1";
    let told = async || -> String { shop.ask(state, |q| q.bind(parcel.id)).await };
    let act = wanted(parcel, "set-tracking", &carried);
    let db = shop.colleague(Role::Warehouse);
    shop.act_as(&db, act.clone()).await.expect("a code");
    assert_eq!(told().await, "labelled ZZ1");
    let undo = actions::undo(&db, act.id, Uuid::now_v7(), "test", ZONE, now()).await;
    undo.expect("taken back");
    assert_eq!(told().await, "draft");
    shop.done(parcel, "set-tracking", &carried).await;
    shop.done(parcel, "hand-over", &[]).await;
    assert_eq!(told().await, "handed_over ZZ1");
}

#[tokio::test]
async fn an_order_goes_to_a_supplier_and_our_stock_and_what_is_left_is_cancelled() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 2), ("TOWEL", 3)]).await;
    let routed = shop.done(order, "route", &[("to", "Burren Mill")]).await;
    assert_eq!(
        routed.summary,
        "asked Burren Mill for 3 units; not offered: MUG"
    );
    let bought: String = shop
        .ask(
            "select o.state || ' ' || l.quantity || ' x ' || l.unit_cost || ' ' || o.currency
             from purchase_orders o join purchase_order_lines l on l.purchase_order_id = o.id
             join fulfilments f on f.id = o.fulfilment_id
             where f.order_id = $1 and f.state = 'requested'",
            |q| q.bind(order.id),
        )
        .await;
    assert_eq!(bought, "draft 3 x 700 EUR");
    let here = shop.done(order, "route", &[("to", "Warehouse")]).await;
    assert_eq!(here.summary, "gave 2 units to Warehouse");
    let twice = shop
        .act(Role::Warehouse, order, "route", &[("to", "Warehouse")])
        .await;
    assert!(
        matches!(twice, Err(ActError::Refused(reason)) if reason.0 == "Warehouse has it already")
    );

    shop.done(order, "reserve", &[]).await;
    let args = [("carrier", "UPS"), ("tracking", "1Z")];
    shop.done(order, "ship", &args).await;
    let state = async || -> String {
        shop.ask(
            "select stage || ': ' || (select string_agg(format('%s of %s shipped, %s requested, %s cancelled',
                                                               shipped, ordered, requested, cancelled),
                                                        '; ' order by position)
                                      from order_lines where order_id = o.id)
             from orders o where id = $1",
            |q| q.bind(order.id),
        )
        .await
    };
    assert_eq!(
        state().await,
        "partially_shipped: 2 of 2 shipped, 0 requested, 0 cancelled; \
         0 of 3 shipped, 3 requested, 0 cancelled"
    );
    let day: bool = shop
        .ask(
            "select ship_date = (now() at time zone 'Europe/Berlin')::date from shipments",
            |q| q,
        )
        .await;
    assert!(day, "a parcel's day is the shop's");
    shop.done(order, "cancel", &[("reason", "too late")]).await;
    assert_eq!(
        state().await,
        "shipped: 2 of 2 shipped, 0 requested, 0 cancelled; \
         0 of 3 shipped, 0 requested, 3 cancelled"
    );
    let open: i64 = shop
        .ask(
            "select (select count(*) from purchase_orders where state <> 'cancelled')
                  + (select count(*) from fulfilments where state not in ('cancelled', 'shipped'))
                  + (select count(*) from reservations)",
            |q| q,
        )
        .await;
    assert_eq!(open, 0);
    let shelf: String = shop
        .ask(
            "select string_agg(format('%s %s/%s', p.sku, s.on_hand, s.reserved), ', ' order by p.sku)
             from stock_levels s join products p on p.id = s.product_id",
            |q| q,
        )
        .await;
    assert_eq!(shelf, "BOWL 40/0, LAMP 40/0, MUG 8/0, TOWEL 0/0");
}

#[tokio::test]
async fn what_needs_no_shipping_is_not_waited_for() {
    let shop = Shop::open().await;
    let virtual_line = async |order: RecordId| {
        let made = sqlx::query(
            "insert into order_lines (order_id, position, sku, title, unit_price, requires_shipping, ordered)
             values ($1, 9, 'GIFT', 'Gift card', 2500, false, 1)",
        );
        let mut owner = shop.owner().await;
        made.bind(order.id)
            .execute(&mut owner)
            .await
            .expect("a line");
    };
    let order = shop.order(&[("MUG", 2)]).await;
    virtual_line(order).await;
    let reserved = shop.done(order, "reserve", &[]).await;
    assert_eq!(reserved.summary, "reserved 2 units");
    let args = [("carrier", "DHL"), ("tracking", "0034")];
    shop.done(order, "ship", &args).await;
    let mut owner = shop.owner().await;
    let summary = orders::summary(&mut owner, order.id).await;
    let summary = summary.expect("an answer").expect("an order");
    assert_eq!((summary.lines, summary.ordered, summary.shipped), (2, 2, 2));
    assert_eq!(summary.unallocated(), 0);

    let second = shop.order(&[("MUG", 1)]).await;
    virtual_line(second).await;
    let given = shop.done(second, "route", &[("to", "Warehouse")]).await;
    assert_eq!(given.summary, "gave 1 unit to Warehouse");
    let cancelled = shop.done(second, "cancel", &[("reason", "late")]).await;
    assert_eq!(cancelled.summary, "cancelled 1 unit: late");
    let left: i64 = shop
        .ask(
            "select sum(ordered - cancelled) from order_lines where order_id = $1",
            |q| q.bind(second.id),
        )
        .await;
    assert_eq!(left, 0, "a gift card goes with its order");
}

#[tokio::test]
async fn an_inspection_has_the_checks_that_its_products_name() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1), ("LAMP", 1)]).await;
    shop.done(order, "inspect", &[]).await;
    let checks: String = shop
        .ask(
            "select string_agg(name, ', ' order by position) from inspection_checks",
            |q| q,
        )
        .await;
    assert_eq!(
        checks,
        "item, quantity, condition, packaging, item LAMP, light"
    );
}

#[tokio::test]
async fn a_reply_waits_a_minute_finds_its_way_back_and_stops_the_clock() {
    let shop = Shop::open().await;
    let ticket = shop.ticket().await;
    let text = "Liebe Ines,\r\n\r\nes tut uns leid.";
    let reply = shop
        .act(Role::Support, ticket, "reply", &[("text", text)])
        .await;
    reply.expect("answered");
    let notice: String = shop
        .ask(
            "select format('%s to %s: %s | %s | %s | %s s | same mail %s', n.state, n.recipient, n.subject_line,
                           n.body, n.in_reply_to, round(extract(epoch from n.held_until - m.at)),
                           n.message_id = m.message_id and n.occasion = m.id::text)
             from notices n join messages m on m.ticket_id = n.subject_id and m.kind = 'outbound'
             where n.kind = 'ticket_reply' and n.subject_kind = 'ticket'",
            |q| q,
        )
        .await;
    assert_eq!(
        notice,
        format!(
            "held to ines@example.org: Re: Kaputte Tasse [TKT-{0}·k3v9] | Liebe Ines,\n\nes tut uns leid. \
             | {0}@example.org | 60 s | same mail t",
            ticket.id
        )
    );
    let stands: String = shop
        .ask(
            "select format('%s, %s, due %s, events %s', state, assignee,
                           coalesce(first_response_due, next_response_due, resolution_due)::text,
                           (select string_agg(clock || ' ' || event, ', ' order by id) from clock_events))
             from tickets",
            |q| q,
        )
        .await;
    assert_eq!(
        stands,
        format!(
            "pending, {}, due , events first_response fulfil, resolution pause",
            shop.login(Role::Support)
        )
    );
}

#[tokio::test]
async fn an_answer_that_was_stopped_was_not_given() {
    let shop = Shop::open().await;
    let ticket = shop.ticket().await;
    let stands = async || -> String {
        shop.ask(
            "select format('%s, first answer %s, resolution %s', state,
                           coalesce((first_response_due - opened_at)::text, 'given'),
                           coalesce((resolution_due - opened_at)::text, 'paused'))
             from tickets",
            |ask| ask,
        )
        .await
    };
    let reply = async |text: &str| -> String {
        shop.done(ticket, "reply", &[("text", text)]).await;
        shop.ask("select max(id)::text from notices", |ask| ask)
            .await
    };
    let (waits, answered) = (
        "open, first answer 04:00:00, resolution 3 days",
        "pending, first answer given, resolution paused",
    );

    let first = reply("Soon").await;
    assert_eq!(stands().await, answered);
    shop.done(ticket, "stop-mail", &[("mail", &first)]).await;
    assert_eq!(stands().await, waits, "the only answer never left");

    let (second, third) = (reply("Tomorrow").await, reply("Or on Friday").await);
    shop.done(ticket, "stop-mail", &[("mail", &second)]).await;
    assert_eq!(stands().await, answered, "another answer stands");
    shop.done(ticket, "stop-mail", &[("mail", &third)]).await;
    assert_eq!(stands().await, waits, "no answer stands");

    shop.done(ticket, "set-priority", &[("priority", "urgent")])
        .await;
    shop.done(ticket, "set-priority", &[("priority", "low")])
        .await;
    let since: bool = shop
        .ask(
            "select at = opened_at from clock_events e join tickets t on t.id = e.ticket_id
             where clock = 'first_response' order by e.id desc limit 1",
            |ask| ask,
        )
        .await;
    assert!(since, "its time counts from when the customer wrote");
}

#[tokio::test]
async fn what_made_the_version_that_is_seen_is_no_news() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let mut owner = shop.owner().await;
    // As an import does: the order first, then what belongs to it.
    sqlx::raw_sql(
        "begin;
         update orders set note = 'as imported';
         update order_lines set ordered = ordered + 1;
         commit",
    )
    .execute(&mut owner)
    .await
    .expect("an import");
    let seen = shop.version(order).await;
    let news = actions::news(&mut owner, order, seen, now())
        .await
        .expect("an answer");
    assert!(news.news.is_empty(), "{news:?}");
    shop.done(order, "note", &[("text", "by now")]).await;
    let news = actions::news(&mut owner, order, seen, now())
        .await
        .expect("an answer");
    assert_eq!(news.news.len(), 1, "{news:?}");
}

#[tokio::test]
async fn an_order_held_by_a_direct_write_is_told_as_one() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let seen = shop.version(order).await;
    let mut owner = shop.owner().await;
    sqlx::query("update orders set hold_reason = 'by hand' where id = $1")
        .bind(order.id)
        .execute(&mut owner)
        .await
        .expect("a direct write");
    shop.done(order, "note", &[("text", "who held this?")])
        .await;
    let late = Act {
        expected_version: Some(seen),
        ..wanted(order, "cancel", &[("reason", "late")])
    };
    match shop.act_as(&shop.colleague(Role::Support), late).await {
        Err(ActError::Conflict(conflict)) => {
            assert_eq!(conflict.since.len(), 2, "{conflict}");
            assert!(conflict.since[0].contains(": direct SQL, "), "{conflict}");
            let admin = shop.login(Role::Admin);
            assert!(
                conflict.since[1].starts_with(&format!("{admin}: note, ")),
                "{conflict}"
            );
            assert!(conflict.since[1].ends_with(" s ago"), "{conflict}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_whose_resolution_is_taken_back_stands_as_it_stood() {
    let shop = Shop::open().await;
    let ticket = shop.ticket().await;
    let db = shop.colleague(Role::Admin);
    let stands = async || -> String {
        shop.ask(
            "select format('%s %s, %s, first answer %s, resolution %s', state, resolution,
                           coalesce(resolved_at::text, 'open'),
                           coalesce((first_response_due - opened_at)::text, 'given'),
                           coalesce((resolution_due - opened_at)::text, 'paused'))
             from tickets",
            |ask| ask,
        )
        .await
    };
    let resolved_and_not = async || {
        let before = stands().await;
        let done = shop
            .done(ticket, "resolve", &[("resolution", "answered")])
            .await;
        assert_ne!(stands().await, before);
        let undone = actions::undo(&db, done.id, Uuid::now_v7(), "test", ZONE, now()).await;
        undone.expect("undone");
        assert_eq!(stands().await, before);
        before
    };
    let new = "new , open, first answer 04:00:00, resolution 3 days";
    assert_eq!(resolved_and_not().await, new);

    shop.done(ticket, "reply", &[("text", "Soon")]).await;
    let waits = "pending , open, first answer given, resolution paused";
    assert_eq!(resolved_and_not().await, waits);
    let paused: String = shop
        .ask(
            "select event from clock_events where clock = 'resolution' order by id desc limit 1",
            |ask| ask,
        )
        .await;
    assert_eq!(paused, "pause", "the customer's mail sets it going again");

    // What is opened again later runs anew.
    shop.done(ticket, "resolve", &[("resolution", "answered")])
        .await;
    shop.done(ticket, "reopen", &[]).await;
    assert!(
        stands()
            .await
            .starts_with("open , open, first answer given")
    );
}

#[tokio::test]
async fn an_act_is_taken_back_by_its_own_person_and_not_over_a_colleagues() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let held = wanted(order, "hold", &[("reason", "address unclear")]);
    let (support, warehouse) = (
        shop.colleague(Role::Support),
        shop.colleague(Role::Warehouse),
    );
    shop.act_as(&support, held.clone()).await.expect("held");
    let undo = async |db, act| actions::undo(db, act, Uuid::now_v7(), "test", ZONE, now()).await;
    match undo(&warehouse, held.id).await {
        Err(ActError::NotPermitted(who)) => assert_eq!(
            who,
            format!(
                "only {} or a supervisor may undo it",
                shop.login(Role::Support)
            )
        ),
        other => panic!("a colleague's act taken back: {other:?}"),
    }

    // Released and held again by a colleague: that hold is not the first one's to take away.
    for (verb, args) in [("release", &[][..]), ("hold", &[("reason", "fraud check")])] {
        let done = shop.act_as(&warehouse, wanted(order, verb, args)).await;
        done.unwrap_or_else(|error| panic!("{verb}: {error}"));
    }
    match undo(&support, held.id).await {
        Err(ActError::Conflict(conflict)) => {
            let colleague = shop.login(Role::Warehouse);
            let told = [
                format!("{colleague}: release, "),
                format!("{colleague}: hold (fraud check), "),
            ];
            assert_eq!(conflict.since.len(), told.len(), "{conflict}");
            for (since, told) in conflict.since.iter().zip(told) {
                assert!(since.starts_with(&told), "{conflict}");
            }
        }
        other => panic!("a colleague's hold taken away: {other:?}"),
    }
    let reason: String = shop
        .ask("select hold_reason from orders where id = $1", |q| {
            q.bind(order.id)
        })
        .await;
    assert_eq!(reason, "fraud check");

    // One's own acts since are no obstacle, and a supervisor may for others.
    let ticket = shop.ticket().await;
    let urgent = wanted(ticket, "set-priority", &[("priority", "high")]);
    shop.act_as(&support, urgent.clone()).await.expect("high");
    let claimed = shop.act_as(&support, wanted(ticket, "claim", &[])).await;
    let claimed = claimed.expect("claimed");
    undo(&support, urgent.id).await.expect("undone");
    let supervisor = shop.colleague(Role::Supervisor);
    let own = undo(&supervisor, claimed.id).await;
    assert!(matches!(own, Err(ActError::Conflict(_))), "{own:?}");
    let mine = wanted(ticket, "snooze", &[("until", "tomorrow")]);
    shop.act_as(&support, mine.clone()).await.expect("snoozed");
    undo(&supervisor, mine.id)
        .await
        .expect("undone for a colleague");
}

#[tokio::test]
async fn of_two_at_once_one_acts_and_the_other_is_told() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let seen = Some(shop.version(order).await);
    let act = |verb, args| Act {
        expected_version: seen,
        ..wanted(order, verb, args)
    };
    let (support, warehouse) = (
        shop.colleague(Role::Support),
        shop.colleague(Role::Warehouse),
    );
    let (held, cancelled) = tokio::join!(
        shop.act_as(&support, act("hold", &[("reason", "unclear")])),
        shop.act_as(&warehouse, act("cancel", &[("reason", "late")])),
    );
    assert_eq!(u8::from(held.is_ok()) + u8::from(cancelled.is_ok()), 1);
    let loser = held.err().or(cancelled.err());
    assert!(matches!(loser, Some(ActError::Conflict(_))), "{loser:?}");
}

#[tokio::test]
async fn a_note_on_an_order_can_be_read() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    for text in ["door 118", "rang twice"] {
        let args = [("text", text)];
        let noted = shop.act(Role::Support, order, "note", &args).await;
        noted.expect("noted");
    }
    let mut owner = shop.owner().await;
    let record = records::full(&mut owner, order).await.expect("a record");
    let Some(FullRecord::Order(full)) = record else {
        panic!("not an order: {record:?}");
    };
    let read: Vec<_> = (full.notes.iter())
        .map(|note| (note.who.as_str(), note.text.as_str()))
        .collect();
    let who = shop.login(Role::Support);
    assert_eq!(
        read,
        [(who.as_str(), "rang twice"), (who.as_str(), "door 118")]
    );
    let history = records::history(&mut owner, order, 50, ZONE).await;
    let history = history.expect("a history");
    assert_eq!(history[0].changes, ["note added"]);
}

#[tokio::test]
async fn what_the_worker_does_is_told_as_the_workers() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let mut owner = shop.owner().await;
    sqlx::raw_sql("set packline.source = 'worker'; update orders set note = 'x'")
        .execute(&mut owner)
        .await
        .expect("a write of the worker");
    let history = records::history(&mut owner, order, 50, ZONE).await;
    assert_eq!(history.expect("a history")[0].who, "worker");
}

#[tokio::test]
async fn an_id_that_was_used_for_another_act_is_refused() {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    let note = wanted(order, "note", &[("text", "first")]);
    let db = shop.colleague(Role::Support);
    shop.act_as(&db, note.clone()).await.expect("noted");
    for other in [
        Act {
            id: note.id,
            ..wanted(order, "claim", &[])
        },
        Act {
            args: given(&[("text", "second")]),
            ..note.clone()
        },
        Act {
            id: note.id,
            ..wanted(
                shop.order(&[("MUG", 1)]).await,
                "note",
                &[("text", "first")],
            )
        },
    ] {
        match shop.act_as(&db, other).await {
            Err(ActError::Refused(reason)) => {
                assert_eq!(reason.0, "this id was used for another act");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A colleague whose line to the server is cut once the server has committed an act.
async fn cut_at_commit(shop: &Shop, line: &Line) -> (RecordId, tokio::task::JoinHandle<Answer>) {
    let order = shop.order(&[("MUG", 1)]).await;
    let login = format!("postgres://{}@", shop.login(Role::Support));
    let (_, rest) = line.url.split_once('@').expect("a user");
    let url = format!("{login}{rest}").parse().expect("a URL");
    let db = Db::new(url, Settings::new("acts test"));
    db.ping(LIMIT).await.expect("a line");
    line.hold_at_commit();
    let act = wanted(order, "hold", &[("reason", "unclear")]);
    let id = act.id;
    let acting = tokio::spawn(async move { actions::act(&db, act, "test", ZONE, now()).await });
    let committed = async {
        loop {
            let known: bool = shop
                .ask("select exists (select from act where id = $1)", |q| {
                    q.bind(id)
                })
                .await;
            if known {
                break;
            }
        }
    };
    harness::deadline(LIMIT, "the commit", committed).await;
    line.cut();
    let gone = async {
        loop {
            let sessions: i64 = shop
                .ask(
                    "select count(*) from pg_stat_activity where usename = $1",
                    |q| q.bind(shop.login(Role::Support)),
                )
                .await;
            if sessions == 0 {
                break;
            }
        }
    };
    harness::deadline(LIMIT, "the end of the session", gone).await;
    (order, acting)
}

type Answer = Result<packline::domain::act::Done, ActError>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_whose_commit_lost_its_answer_is_asked_for() {
    let shop = Shop::open().await;
    let line = Line::to(&shop.database);
    let (order, acting) = cut_at_commit(&shop, &line).await;
    line.release();
    let done = harness::deadline(LIMIT, "an answer", acting).await;
    let done = done.expect("no panic").expect("it was done");
    assert!(done.repeated, "the answer is the stored one");
    assert_eq!(done.summary, "held: unclear");
    assert_eq!(done.version, shop.version(order).await);
    let acts: i64 = shop
        .ask("select count(*) from act where verb = 'hold'", |q| q)
        .await;
    assert_eq!(acts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_that_cannot_be_asked_for_is_said_to_be_unknown() {
    let shop = Shop::open().await;
    let line = Line::to(&shop.database);
    let (_, acting) = cut_at_commit(&shop, &line).await;
    let answer = harness::deadline(LIMIT, "an answer", acting).await;
    let answer = answer.expect("no panic");
    assert!(
        matches!(answer, Err(ActError::Db(DbError::Unknown(_)))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_fresh_shop_has_the_usual_carriers_and_a_stranger_is_told_which() {
    let shop = Shop::open().await;
    let parcel = shop.packed(&[("MUG", 1)]).await;
    let stranger = [("carrier", "Pigeon Post"), ("code", "0034")];
    let refused = shop
        .act(Role::Admin, parcel, "set-tracking", &stranger)
        .await
        .expect_err("there is no such carrier");
    assert_eq!(
        refused.to_string(),
        "carrier: expected a carrier's name, such as DHL, DPD, Evri, FedEx, GLS, La Poste, \
         Royal Mail, UPS, USPS"
    );
    let usual = [("carrier", "dpd"), ("code", "0034")];
    shop.done(parcel, "set-tracking", &usual).await;
}
