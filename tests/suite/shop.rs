//! A small shop to act in: staff with one role each, some products, carriers and suppliers.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use packline::actions::{self, ActError};
use packline::domain::act::{Act, Args, Done};
use packline::domain::orders::FulfilmentState;
use packline::domain::people::Role;
use packline::domain::record::{Kind, RecordId};
use packline::domain::verbs;
use packline::store::db::{Db, Settings};
use packline::store::fulfilments::Why;
use packline::store::{fulfilments, progress, reservations};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::QueryScalar;
use sqlx::{ConnectOptions as _, Postgres};
use uuid::Uuid;

use crate::harness::{self, TestDatabase};

/// Longest time for one call of a test.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Where the shop is.
pub(crate) const ZONE: Tz = Tz::Europe__Berlin;

const STOCKED: &str = "
    insert into channels (name) values ('web');
    insert into suppliers (name) values ('Burren Mill'), ('Dear Mill');
    insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
        values ('Express', 'EUR', 990, 1, 2);
    insert into locations (name) values ('Annexe');
    insert into products (sku, title) values
        ('MUG', 'Mug, green'), ('TOWEL', 'Linen towel'), ('BOWL', 'Bowl'), ('LAMP', 'Lamp');
    update products set checks = '{\"light\": \"it lights up\", \"item\": \"the right cable\"}' where sku = 'LAMP';
    insert into stock_levels (product_id, location_id)
        select p.id, l.id from products p, locations l where l.name = 'Warehouse';
    insert into stock_movements (stock_level_id, kind, on_hand)
        select s.id, 'opening', case p.sku when 'MUG' then 10 else 40 end from stock_levels s join products p on p.id = s.product_id
        where p.sku <> 'TOWEL';
    insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
        select s.id, p.id, case s.name when 'Dear Mill' then 900 else 700 end, 'EUR', 2
        from suppliers s, products p where p.sku = 'TOWEL';";

/// A shop on a database of its own.
pub(crate) struct Shop {
    pub(crate) database: TestDatabase,
    people: BTreeMap<Role, Db>,
}

impl Shop {
    /// Opens it: ten units of the product MUG, forty of BOWL and of LAMP, none of TOWEL.
    pub(crate) async fn open() -> Self {
        let database = harness::database().await;
        let mut shop = Self {
            people: BTreeMap::new(),
            database,
        };
        let mut owner = shop.owner().await;
        for role in Role::ALL {
            let login = shop.login(*role);
            sqlx::query("select staff_add($1, $1, array[$2])")
                .bind(&login)
                .bind(role.as_str())
                .execute(&mut owner)
                .await
                .expect("a colleague");
            let db = shop.connected_as(&login, 4);
            shop.people.insert(*role, db);
        }
        sqlx::raw_sql(STOCKED)
            .execute(&mut owner)
            .await
            .expect("a stocked shop");
        shop
    }

    /// The login of the colleague with this role and no other. Logins belong to the whole server,
    /// so each test has its own.
    pub(crate) fn login(&self, role: Role) -> String {
        format!("{role}_{}", self.database.name)
    }

    /// A handle on the shop's database as the colleague with this role.
    pub(crate) fn colleague(&self, role: Role) -> Db {
        self.people[&role].clone()
    }

    /// A handle of its own with this login.
    pub(crate) fn connected_as(&self, login: &str, max_connections: usize) -> Db {
        let options = self.database.options.clone().username(login);
        let settings = Settings {
            max_connections,
            ..Settings::new("acts test")
        };
        Db::new(
            options.to_url_lossy().as_str().parse().expect("a URL"),
            settings,
        )
    }

    /// A connection as the superuser with the schema's names in reach.
    pub(crate) async fn owner(&self) -> PgConnection {
        let mut connection = self.database.connect().await;
        sqlx::query("set search_path = packline, pg_catalog")
            .execute(&mut connection)
            .await
            .expect("a setting");
        connection
    }

    /// Asks the database as the superuser.
    pub(crate) async fn ask<T>(
        &self,
        question: &'static str,
        bind: impl FnOnce(
            QueryScalar<'static, Postgres, T, PgArguments>,
        ) -> QueryScalar<'static, Postgres, T, PgArguments>,
    ) -> T
    where
        T: Send + Unpin + 'static,
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        let mut owner = self.owner().await;
        bind(sqlx::query_scalar(question))
            .fetch_one(&mut owner)
            .await
            .expect(question)
    }

    /// A paid order of these SKUs and units, placed just now and confirmed by nobody yet.
    pub(crate) async fn new_order(&self, lines: &[(&str, i32)]) -> RecordId {
        let mut owner = self.owner().await;
        let number: i64 = sqlx::query_scalar("select 1000 + count(*) from orders")
            .fetch_one(&mut owner)
            .await
            .expect("a number");
        let id: i64 = sqlx::query_scalar(
            r#"insert into orders (channel_id, external_id, number, customer_name, email, placed_at,
                                 currency, financial_status, ship_by, shipping_address)
             values (1, $1, '#' || $1, 'Ines Duarte', 'ines@example.org', now(), 'EUR', 'paid',
                     now() + interval '2 days', '{"city": "Porto"}')
             returning id"#,
        )
        .bind(number.to_string())
        .fetch_one(&mut owner)
        .await
        .expect("an order");
        for (position, (sku, units)) in lines.iter().enumerate() {
            sqlx::query(
                "insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
                 select $1, $2, id, sku, title, 1000, $4 from products where sku = $3",
            )
            .bind(id)
            .bind(position as i32 + 1)
            .bind(*sku)
            .bind(*units)
            .execute(&mut owner)
            .await
            .expect("a line");
        }
        RecordId::new(Kind::Order, id)
    }

    /// As [`Shop::new_order`], confirmed.
    pub(crate) async fn order(&self, lines: &[(&str, i32)]) -> RecordId {
        let order = self.new_order(lines).await;
        self.done(order, "confirm", &[]).await;
        order
    }

    /// The stock of a SKU in the warehouse.
    pub(crate) async fn stock(&self, sku: &'static str) -> RecordId {
        let id = self
            .ask(
                "select s.id from stock_levels s join products p on p.id = s.product_id where p.sku = $1",
                |question| question.bind(sku),
            )
            .await;
        RecordId::new(Kind::Stock, id)
    }

    /// A ticket that came by mail.
    pub(crate) async fn ticket(&self) -> RecordId {
        let id = self
            .ask(
                "with made as (
                     insert into tickets (subject, email, customer_name, token, opened_at,
                                          first_response_due, resolution_due)
                     values ('Kaputte Tasse', 'ines@example.org', 'Ines Duarte', 'k3v9', now(),
                             now() + interval '4 hours', now() + interval '3 days') returning id),
                 said as (
                     insert into messages (ticket_id, kind, sender, body, mailbox, message_id)
                     select id, 'inbound', 'ines@example.org', 'Oh nein', 'help', id || '@example.org'
                     from made)
                 select id from made",
                |question| question,
            )
            .await;
        RecordId::new(Kind::Ticket, id)
    }

    /// The newest record of a kind.
    pub(crate) async fn newest(&self, kind: Kind) -> RecordId {
        let question = match kind {
            Kind::Order => "select max(id) from orders",
            Kind::Stock => "select max(id) from stock_levels",
            Kind::Shipment => "select max(id) from shipments",
            Kind::Inspection => "select max(id) from inspections",
            Kind::Ticket => "select max(id) from tickets",
        };
        RecordId::new(kind, self.ask(question, |question| question).await)
    }

    /// The version of a record now.
    pub(crate) async fn version(&self, record: RecordId) -> i64 {
        let mut owner = self.owner().await;
        packline::store::acts::version(&mut owner, record)
            .await
            .expect("a version")
            .expect("a record")
    }

    /// Does something as the colleague with this role.
    pub(crate) async fn act(
        &self,
        role: Role,
        record: RecordId,
        verb: &str,
        args: &[(&str, &str)],
    ) -> Result<Done, ActError> {
        let act = wanted(record, verb, args);
        self.act_as(&self.colleague(role), act).await
    }

    /// Does an act through a handle.
    pub(crate) async fn act_as(&self, db: &Db, act: Act) -> Result<Done, ActError> {
        harness::deadline(
            LIMIT,
            act.verb.name,
            Box::pin(actions::act(db, act.clone(), "test", ZONE, now())),
        )
        .await
    }

    /// Does something that must succeed, as an admin.
    pub(crate) async fn done(&self, record: RecordId, verb: &str, args: &[(&str, &str)]) -> Done {
        self.act(Role::Admin, record, verb, args)
            .await
            .unwrap_or_else(|error| panic!("{verb}: {error}"))
    }

    /// A parcel with all of a confirmed order, packed and without a label.
    pub(crate) async fn packed(&self, lines: &[(&str, i32)]) -> RecordId {
        let order = self.order(lines).await;
        self.done(order, "reserve", &[]).await;
        let packed = self
            .colleague(Role::Worker)
            .transaction(LIMIT, move |connection| {
                Box::pin(async move {
                    let reserved = reservations::of_order(connection, order.id).await?;
                    let lines: Vec<(i64, i32)> = reserved
                        .iter()
                        .map(|part| (part.order_line_id, part.quantity))
                        .collect();
                    let place = reserved[0].location_id;
                    let id = fulfilments::insert(connection, order.id, place, &lines, Why::Shipped)
                        .await?;
                    for (from, to) in [
                        (FulfilmentState::Open, FulfilmentState::Accepted),
                        (FulfilmentState::Accepted, FulfilmentState::Ready),
                    ] {
                        fulfilments::set_state(connection, id, from, to).await?;
                    }
                    progress::pack(connection, order.id, id).await
                })
            })
            .await;
        let id = packed.expect("a transaction").expect("something to pack");
        RecordId::new(Kind::Shipment, id)
    }

    /// A mail about a record that its server refused.
    pub(crate) async fn failed_mail(&self, record: RecordId) {
        let mut owner = self.owner().await;
        for step in [
            "insert into notices (kind, subject_kind, subject_id, occasion, recipient, subject_line, body, held_until)
             select 'delay', $1, $2, 'late', 'ines@example.org', 'Later', 'Sorry', now()",
            "update notices set state = 'queued' where subject_kind = $1 and subject_id = $2",
            "update notices set state = 'failed', error = '550 no such person'
             where subject_kind = $1 and subject_id = $2",
        ] {
            sqlx::query(step)
                .bind(record.kind.as_str())
                .bind(record.id)
                .execute(&mut owner)
                .await
                .expect("a mail");
        }
    }
}

/// The present: a test is its own shell.
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks the clock as the shell does"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// An act with a new id on whatever version there is.
pub(crate) fn wanted(record: RecordId, verb: &str, args: &[(&str, &str)]) -> Act {
    Act {
        id: Uuid::now_v7(),
        verb: verbs::find(record.kind, verb)
            .unwrap_or_else(|| panic!("no verb {verb} for {}", record.kind)),
        record,
        expected_version: None,
        args: given(args),
        undoes: None,
    }
}

/// Arguments by name.
pub(crate) fn given(args: &[(&str, &str)]) -> Args {
    args.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
