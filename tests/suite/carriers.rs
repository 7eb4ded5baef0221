//! Carriers' labels: bought once, whatever happens on the way, and given back.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use packline::actions::carriers::{Traded, Trader};
use packline::domain::carriers::LabelState;
use packline::domain::orders::Address;
use packline::domain::people::Role;
use packline::domain::record::RecordId;
use packline::output::carriers::{Limits, Provider};
use packline::store::carrier_labels as store;
use packline::store::db::Db;

use crate::harness::{CarrierServer, Fault, deadline};
use crate::shop::{LIMIT, Shop, ZONE, now};

/// A parcel whose label is wanted, and who sells it.
struct Counter {
    shop: Shop,
    db: Db,
    server: CarrierServer,
    parcel: RecordId,
    now: DateTime<Utc>,
}

impl Counter {
    async fn open() -> Self {
        let shop = Shop::open().await;
        let mut owner = shop.owner().await;
        sqlx::query("update products set weight_g = 450")
            .execute(&mut owner)
            .await
            .expect("weights");
        let parcel = Box::pin(shop.packed(&[("BOWL", 2)])).await;
        sqlx::query(
            "update orders set deliver_by = now() + interval '5 days', shipping_address = $1",
        )
        .bind(serde_json::json!({
            "name": "Ines Duarte", "address1": "417 Montgomery St", "city": "San Francisco",
            "province": "CA", "zip": "94104", "country": "US"
        }))
        .execute(&mut owner)
        .await
        .expect("an address");
        shop.done(parcel, "buy-label", &[]).await;
        Self {
            db: shop.colleague(Role::Worker),
            server: CarrierServer::start().await,
            parcel,
            now: soon(),
            shop,
        }
    }

    fn provider(&self) -> Provider {
        let url = format!("http://secret@127.0.0.1:{}", self.server.port);
        let from = Address {
            name: "Loja".to_owned(),
            address1: "Rua Direita 1".to_owned(),
            country: "PT".to_owned(),
            ..Address::default()
        };
        let limits = Limits {
            connect: Duration::from_secs(2),
            call: Duration::from_millis(700),
        };
        Provider::new(url.parse().expect("a URL"), &from, limits)
    }

    async fn trade(&self) -> Traded {
        let trader = Trader {
            provider: self.provider(),
            zone: ZONE,
            prints: true,
        };
        let traded = Box::pin(trader.trade_due(&self.db, self.now, 10));
        deadline(LIMIT, "the trade", traded)
            .await
            .expect("the database")
    }

    async fn label(&self) -> packline::domain::carriers::CarrierLabel {
        let id = self.parcel.id;
        self.db
            .call(LIMIT, move |connection| {
                Box::pin(store::of_shipment(connection, id))
            })
            .await
            .expect("the database")
            .expect("a label")
    }

    /// Goes on to when the label is tried again.
    async fn wait(&mut self) {
        self.now = self.label().await.retry_at;
    }

    /// The idempotency keys of what was asked for.
    fn keys(&self) -> Vec<String> {
        let heard = self.server.heard().into_iter();
        heard
            .filter(|call| call.what.starts_with("POST"))
            .map(|call| call.idempotency_key)
            .collect()
    }

    async fn parcel(&self) -> String {
        self.shop
            .ask(
                "select format('%s %s %s', s.state, c.name, s.tracking_code)
                 from shipments s left join carriers c on c.id = s.carrier_id where s.id = $1",
                |ask| ask.bind(self.parcel.id),
            )
            .await
    }
}

/// A moment from now, as exact as the database keeps it.
fn soon() -> DateTime<Utc> {
    DateTime::from_timestamp(now().timestamp() + 2, 0).expect("a time")
}

const DONE: Traded = Traded {
    done: 1,
    later: 0,
    failed: 0,
};
const LATER: Traded = Traded {
    done: 0,
    later: 1,
    failed: 0,
};
const FAILED: Traded = Traded {
    done: 0,
    later: 0,
    failed: 1,
};

#[tokio::test]
async fn the_cheapest_label_in_time_is_bought_once_printed_and_given_back() {
    let counter = Counter::open().await;
    assert_eq!(counter.trade().await, DONE);
    assert_eq!(counter.trade().await, Traded::default(), "once");
    assert_eq!(counter.parcel().await, "labelled USPS 9400shp_1");
    let label = counter.label().await;
    assert_eq!(label.state, LabelState::Bought);
    assert_eq!(
        label.service.as_deref(),
        Some("Priority"),
        "the other is late"
    );
    assert_eq!(
        (label.price, label.currency.as_deref()),
        (Some(810), Some("USD"))
    );
    let heard = counter.server.heard();
    let made = &heard[0];
    assert_eq!(made.what, "POST /v2/shipments");
    // The key as a login without a password: "secret:" in base64.
    assert_eq!(made.authorization, "Basic c2VjcmV0Og==");
    let shipment = &made.body["shipment"];
    assert_eq!(shipment["parcel"]["weight"], 31.8, "900 g in ounces");
    assert_eq!(shipment["to_address"]["street1"], "417 Montgomery St");
    assert_eq!(shipment["from_address"]["country"], "PT");
    assert_eq!(shipment["options"]["label_format"], "ZPL");
    assert_eq!(
        counter.keys(),
        ["packline-label-1-1-rate", "packline-label-1-1-buy"]
    );
    let fetched = heard.last().expect("a call");
    assert_eq!(fetched.what, "GET /labels/shp_1.zpl");
    assert_eq!(
        fetched.authorization, "",
        "the key goes to the provider only"
    );

    counter.shop.done(counter.parcel, "void", &[]).await;
    assert_eq!(counter.label().await.state, LabelState::Returning);
    let later = Counter {
        now: counter.now + TimeDelta::minutes(6),
        ..counter
    };
    assert_eq!(later.trade().await, DONE);
    assert_eq!(later.label().await.state, LabelState::Returned);
    assert_eq!(later.server.sold(), (1, 1));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_again_and_nothing_is_bought_twice() {
    let mut counter = Counter::open().await;
    counter
        .server
        .fail("/buy", &[Fault::DoesAndHangsUp, Fault::FallsSilent]);
    assert_eq!(counter.trade().await, LATER);
    assert_eq!(counter.parcel().await, "draft  ");
    counter.wait().await;
    assert_eq!(counter.trade().await, LATER);
    counter.wait().await;
    assert_eq!(counter.trade().await, DONE);
    assert_eq!(counter.parcel().await, "labelled USPS 9400shp_1");
    assert_eq!(counter.server.sold(), (1, 0));
    let made = counter.server.heard();
    let made = made.iter().filter(|call| call.what == "POST /v2/shipments");
    assert_eq!(made.count(), 1, "the parcel is made known once");
}

#[tokio::test]
async fn a_busy_seller_is_asked_again_when_it_wants_to_be() {
    let mut counter = Counter::open().await;
    counter.server.fail(
        "/shipments",
        &[
            Fault::Answers(503),
            Fault::AnswersWait(429, 600),
            Fault::Answers(500),
        ],
    );
    for wait in [1, 10, 4] {
        assert_eq!(counter.trade().await, LATER);
        let label = counter.label().await;
        assert_eq!(
            label.retry_at - counter.now,
            TimeDelta::minutes(wait),
            "{label:?}"
        );
        assert!(label.error.is_some());
        counter.wait().await;
    }
    assert_eq!(counter.trade().await, DONE);
    assert_eq!(counter.label().await.error, None);
}

#[tokio::test]
async fn what_is_refused_is_a_person_s_and_can_be_tried_again() {
    let mut counter = Counter::open().await;
    counter.server.fail("/buy", &[Fault::Refuses]);
    assert_eq!(counter.trade().await, FAILED);
    let label = counter.label().await;
    assert_eq!(label.state, LabelState::Failed);
    let error = label.error.expect("why");
    assert!(
        error.contains("422: SHIPMENT.RATE.UNAVAILABLE it says why"),
        "{error}"
    );
    counter.shop.done(counter.parcel, "buy-label", &[]).await;
    counter.now = soon();
    assert_eq!(counter.trade().await, DONE);
    assert_eq!(counter.server.sold(), (1, 0));
    // Another purchase, of what is offered now: the provider is not asked for the one that it refused.
    assert_eq!(
        counter.keys(),
        [
            "packline-label-1-1-rate",
            "packline-label-1-1-buy",
            "packline-label-1-2-rate",
            "packline-label-1-2-buy"
        ]
    );
    counter.shop.done(counter.parcel, "hand-over", &[]).await;
    assert_eq!(counter.parcel().await, "handed_over USPS 9400shp_2");
}

#[tokio::test]
async fn what_was_given_up_in_doubt_is_the_same_purchase_when_it_is_tried_again() {
    let mut counter = Counter::open().await;
    counter.server.fail("/buy", &[Fault::DoesAndHangsUp]);
    counter.server.fail("/buy", &[Fault::Answers(500)]);
    assert_eq!(counter.trade().await, LATER);
    counter.now += TimeDelta::days(30);
    assert_eq!(
        counter.trade().await,
        FAILED,
        "nobody knows what became of it"
    );
    counter.shop.done(counter.parcel, "buy-label", &[]).await;
    counter.now = soon();
    assert_eq!(counter.trade().await, DONE);
    assert_eq!(counter.server.sold(), (1, 0), "found, not bought again");
    assert!(
        counter
            .keys()
            .iter()
            .all(|key| key.starts_with("packline-label-1-1-"))
    );
    assert_eq!(counter.parcel().await, "labelled USPS 9400shp_1");
}

#[tokio::test]
async fn what_the_database_refuses_is_a_person_s_and_holds_no_other_up() {
    let mut counter = Counter::open().await;
    let taken = Box::pin(counter.shop.packed(&[("MUG", 1)])).await;
    let mut owner = counter.shop.owner().await;
    sqlx::query(
        "update shipments s set carrier_id = c.id, tracking_code = '9400shp_1', ship_date = $2,
             state = 'labelled' from carriers c where s.id = $1 and c.name = 'USPS'",
    )
    .bind(taken.id)
    .bind(counter.now.with_timezone(&ZONE).date_naive())
    .execute(&mut owner)
    .await
    .expect("a parcel with that code");
    let traded = counter.trade().await;
    assert_eq!(traded, FAILED);
    let error = counter.label().await.error.expect("why");
    assert!(error.contains("shipments_code_once"), "{error}");
    // Once that is mended, what was paid for is found.
    sqlx::query("update shipments set tracking_code = 'other' where id = $1")
        .bind(taken.id)
        .execute(&mut owner)
        .await
        .expect("another code");
    counter.shop.done(counter.parcel, "buy-label", &[]).await;
    counter.now = soon();
    assert_eq!(counter.trade().await, DONE);
    assert_eq!(counter.server.sold(), (1, 0));
    let printed: i64 = counter
        .shop
        .ask(
            "select count(*) from jobs where kind = 'label' and subject_id = $1",
            |ask| ask.bind(counter.parcel.id),
        )
        .await;
    assert_eq!(printed, 1, "a bought label is printed as ours is");
}

#[tokio::test]
async fn a_parcel_that_is_made_void_meanwhile_costs_nothing() {
    let mut counter = Counter::open().await;
    counter.server.fail("/buy", &[Fault::DoesAndHangsUp]);
    assert_eq!(counter.trade().await, LATER);
    counter.shop.done(counter.parcel, "void", &[]).await;
    assert_eq!(counter.label().await.state, LabelState::Returning);
    counter.wait().await;
    assert_eq!(counter.trade().await, DONE);
    assert_eq!(counter.label().await.state, LabelState::Returned);
    assert_eq!(counter.server.sold(), (1, 1));
}

#[tokio::test]
async fn nothing_is_asked_of_a_carrier_about_what_nobody_has_weighed() {
    let counter = Counter::open().await;
    sqlx::query("update products set weight_g = null")
        .execute(&mut counter.shop.owner().await)
        .await
        .expect("no weights");
    assert_eq!(counter.trade().await, FAILED);
    let error = counter.label().await.error;
    assert_eq!(error.as_deref(), Some("nobody knows what it weighs"));
    assert!(counter.server.heard().is_empty());
}
