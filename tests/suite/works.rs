//! A database with real workers on it, a real mail server, and the program at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mail_parser::MessageParser;
use packline::actions::import::{self, Run, Stop};
use packline::store::db::{Db, Settings};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use crate::harness::{self, SmtpServer, TestDatabase};

/// Longest time until all that is due is done.
pub(crate) const LIMIT: Duration = Duration::from_mins(10);

/// What all workers together should make of the orders, whoever did which step: no keys, no times
/// of doing.
const OUTCOME: &str = "
    select o.number || ' ' || o.stage || ' ' || coalesce(o.waiting_reason, '') || ' '
           || coalesce(o.ship_by::text, '') || ' ' || coalesce(o.deliver_by::text, '') || ' '
           || (select coalesce(string_agg(l.position || ':' || l.reserved || '/' || l.requested || '/' || l.unallocated,
                                          ' ' order by l.position), '')
               from order_lines l where l.order_id = o.id) || ' '
           || (select coalesce(string_agg(part, ' ' order by part), '') from (
                   select p.name || ' ' || f.state || ' ' || sum(fl.quantity) || ' ' || coalesce(f.reason, '') as part
                   from fulfilments f join locations p on p.id = f.location_id
                   join fulfilment_lines fl on fl.fulfilment_id = f.id
                   where f.order_id = o.id group by f.id, p.name) parts) || ' '
           || (select coalesce(string_agg(b.state || sum_of.units, ' ' order by b.state, sum_of.units), '')
               from fulfilments f join purchase_orders b on b.fulfilment_id = f.id
               cross join lateral (select sum(quantity) as units from purchase_order_lines
                                   where purchase_order_id = b.id) sum_of
               where f.order_id = o.id) || ' '
           || (select count(*) from inspections i where i.order_id = o.id) || ' '
           || (select coalesce(string_agg(n.kind || n.occasion || n.recipient, ' ' order by n.kind), '')
               from notices n where n.subject_kind = 'order' and n.subject_id = o.id)
    from packline.orders o order by o.number, o.id";

/// A small shop: CUP is offered by two suppliers, PLATE by nobody.
pub(crate) const SHOP: &str = "
    insert into channels (name) values ('web');
    insert into suppliers (name, email) values ('Acme', 'acme@example.org'), ('Bolt', 'bolt@example.org');
    insert into products (sku, title) values ('CUP', 'A cup'), ('PLATE', 'A plate');
    insert into stock_levels (product_id, location_id)
        select p.id, l.id from products p, locations l where l.supplier_id is null;
    insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
        select s.id, p.id, case s.name when 'Acme' then 200 else 300 end, 'EUR',
               case s.name when 'Acme' then 2 else 6 end
        from suppliers s, products p where p.sku = 'CUP';
    insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
        values ('Standard', 'EUR', 490, 2, 4);
    delete from inspection_plans;
    create function order_of(name text, sku text, units integer, promised timestamptz default null)
    returns bigint language sql as $$
        with made as (
            insert into orders (channel_id, external_id, number, customer_name, email, placed_at, currency,
                                financial_status, shipping_address, shipping_option_id, ship_by)
            values (1, name, name, 'Ines Duarte', 'ines@example.org', now(), 'EUR', 'paid',
                    '{\"address1\": \"Rua 1\", \"city\": \"Porto\", \"country\": \"PT\"}', 1, promised)
            returning id)
        insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered)
        select made.id, 1, p.id, sku, p.title, 1000, units from made, products p where p.sku = order_of.sku
        returning order_id;
    $$;";

/// A database with real workers on it.
pub(crate) struct Works {
    pub(crate) database: TestDatabase,
    login: String,
    pub(crate) mail: SmtpServer,
}

impl Works {
    pub(crate) async fn open() -> Self {
        let database = harness::database().await;
        let login = format!("worker_{}", database.name);
        let works = Self {
            login,
            database,
            mail: SmtpServer::plain().await,
        };
        let mut owner = works.owner().await;
        sqlx::query("select staff_add($1, 'the worker', array['worker'])")
            .bind(&works.login)
            .execute(&mut owner)
            .await
            .expect("the worker's login");
        works
    }

    /// Another shop that holds the same, with a mail server of its own.
    pub(crate) async fn copy(&self) -> Self {
        Self {
            database: self.database.copy().await,
            login: self.login.clone(),
            mail: SmtpServer::plain().await,
        }
    }

    /// A handle as the worker's own login.
    pub(crate) async fn db(&self, what: &str) -> Db {
        let url = self.database.options.clone().username(&self.login);
        let url = url.to_url_lossy().as_str().parse().expect("a URL");
        Db::connect(url, Settings::new(what))
            .await
            .expect("a connection")
    }

    pub(crate) async fn owner(&self) -> PgConnection {
        let mut connection = self.database.connect().await;
        sqlx::query("set search_path = packline, pg_catalog")
            .execute(&mut connection)
            .await
            .expect("a setting");
        connection
    }

    pub(crate) async fn run(&self, script: &'static str) {
        sqlx::raw_sql(script)
            .execute(&mut self.owner().await)
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"));
    }

    /// Imports a catalogue and orders.
    pub(crate) async fn import(&self, catalog: &Path, orders: &Path) {
        let url = self.database.url.parse().expect("a URL");
        let db = Db::connect(url, Settings::new("import"))
            .await
            .expect("a connection");
        let stop = Stop::default();
        let mut quiet = |_: &import::Summary| {};
        let run = Run {
            db: &db,
            stop: &stop,
            progress: &mut quiet,
        };
        let file = File::open(catalog).expect("a catalogue");
        import::catalog::import(run, file, "catalog.csv")
            .await
            .expect("a catalogue");
        let run = Run {
            db: &db,
            stop: &stop,
            progress: &mut quiet,
        };
        let file = File::open(orders).expect("orders");
        import::orders::import(run, file, "orders.csv", "shop")
            .await
            .expect("orders");
    }

    /// Starts `packline worker`.
    pub(crate) fn worker(&self, arguments: &[&str]) -> Child {
        let child = self.command(arguments).spawn();
        child.expect("the program starts")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let url = self.database.options.clone().username(&self.login);
        let mut command = Command::new(env!("CARGO_BIN_EXE_packline"));
        command
            .arg("worker")
            .args(arguments)
            .env("PACKLINE_DATABASE_URL", url.to_url_lossy().as_str())
            .env(
                "PACKLINE_SMTP_URL",
                format!("smtp://127.0.0.1:{}?tls=none", self.mail.port),
            )
            .env("PACKLINE_NOTICE_HOLD", "0s")
            .env("PACKLINE_NOTICE_FROM", "works@example.test")
            .env("PACKLINE_NOTICE_PER_MINUTE", "0")
            .env("PACKLINE_SHOP_NAME", "Works")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Does an act from the command line, as the owner; answers with what it says and whether it was
    /// done.
    pub(crate) fn act(&self, arguments: &[&str]) -> (String, bool) {
        self.packline(&[&["act"], arguments].concat())
    }

    /// Runs the program as the owner; answers with what it says and whether it went well.
    pub(crate) fn packline(&self, arguments: &[&str]) -> (String, bool) {
        let output = Command::new(env!("CARGO_BIN_EXE_packline"))
            .args(arguments)
            .env("PACKLINE_DATABASE_URL", &self.database.url)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        (said, output.status.success())
    }

    /// Lets what dead workers had claimed be sent by others now, not only when their claims end.
    pub(crate) async fn end_claims(&self) {
        self.run(
            "update notices set retry_at = clock_timestamp()
             where state in ('held', 'queued') and retry_at > clock_timestamp()",
        )
        .await;
    }

    /// Every mail that was laid ready is in the mail server under one Message-ID, which is its own;
    /// answers with how many times one was sent.
    pub(crate) async fn assert_each_mail_is_one(&self) -> usize {
        let unsent = "select count(*) from notices where state <> 'sent'";
        assert_eq!(self.number(unsent).await, 0, "mails not sent");
        let mut owner = self.owner().await;
        let known: Vec<(String, String)> =
            sqlx::query_as("select message_id, recipient from notices")
                .fetch_all(&mut owner)
                .await
                .expect("the notices");
        let known: BTreeMap<String, String> = known.into_iter().collect();
        let taken = self.mail.taken();
        let mut found = BTreeSet::new();
        for mail in &taken {
            let parsed = MessageParser::new().parse(&mail.mail).expect("a mail");
            let id = parsed.message_id().expect("a Message-ID").to_owned();
            let recipient = known.get(&id).expect("a Message-ID that was given");
            assert!(
                mail.to.iter().all(|to| recipient.contains(to.as_str())),
                "{id} went to {:?}",
                mail.to
            );
            found.insert(id);
        }
        assert_eq!(found.len(), known.len(), "mails that never arrived");
        taken.len()
    }

    /// Runs one worker until nothing is due; answers with whether nothing failed.
    pub(crate) fn run_once(&self, settings: &[(&str, &str)]) -> bool {
        let mut command = self.command(&["--once"]);
        let mut child = command
            .envs(settings.iter().copied())
            .spawn()
            .expect("the program starts");
        harness::until(LIMIT, "the worker ends", || {
            child.try_wait().expect("a child").is_some()
        });
        child.wait().expect("a child").success()
    }

    /// Runs so many workers until nothing is due.
    pub(crate) fn drain(&self, workers: usize) {
        let mut running: Vec<Child> = (0..workers).map(|_| self.worker(&["--once"])).collect();
        harness::until(LIMIT, "the workers end", || {
            running
                .iter_mut()
                .all(|child| child.try_wait().expect("a child").is_some())
        });
        for child in running {
            let output = child.wait_with_output().expect("its output");
            assert!(
                output.status.success(),
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }

    pub(crate) async fn outcome(&self) -> Vec<String> {
        sqlx::query_scalar(OUTCOME)
            .fetch_all(&mut self.owner().await)
            .await
            .expect("the outcome")
    }

    pub(crate) async fn number(&self, question: &'static str) -> i64 {
        sqlx::query_scalar(question)
            .fetch_one(&mut self.owner().await)
            .await
            .unwrap_or_else(|error| panic!("{question}: {error}"))
    }

    pub(crate) async fn text(&self, question: &'static str) -> Option<String> {
        sqlx::query_scalar(question)
            .fetch_one(&mut self.owner().await)
            .await
            .unwrap_or_else(|error| panic!("{question}: {error}"))
    }

    /// How many rows each business table has, and what is in them, in short.
    pub(crate) async fn fingerprint(&self) -> BTreeMap<String, String> {
        let mut owner = self.owner().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "select tablename::text from pg_tables where schemaname = 'packline'
             and tablename !~ '^(change|activity|jobs|_sqlx)'",
        )
        .fetch_all(&mut owner)
        .await
        .expect("the tables");
        let mut prints = BTreeMap::new();
        for table in tables {
            let print: String = sqlx::query_scalar(AssertSqlSafe(format!(
                "select count(*) || ' rows ' || coalesce(sum(hashtextextended(t::text, 0)), 0)
                 from packline.\"{table}\" t"
            )))
            .fetch_one(&mut owner)
            .await
            .expect("a fingerprint");
            prints.insert(table, print);
        }
        prints
    }

    /// The counters are what the ledger says, reservations are what the counters say, and nothing
    /// is sold twice.
    pub(crate) async fn assert_ledger_is_right(&self) {
        let wrong = self
            .number(
                "select count(*) from stock_levels s
                 left join (select stock_level_id, sum(on_hand) as on_hand, sum(reserved) as reserved
                            from stock_movements group by 1) m on m.stock_level_id = s.id
                 left join (select stock_level_id, sum(quantity) as quantity
                            from reservations group by 1) r on r.stock_level_id = s.id
                 where s.on_hand <> coalesce(m.on_hand, 0) or s.reserved <> coalesce(m.reserved, 0)
                    or s.reserved <> coalesce(r.quantity, 0) or s.reserved > s.on_hand",
            )
            .await;
        assert_eq!(wrong, 0, "levels that the ledger does not explain");
    }

    /// Every order is covered and planned, or says why not; each customer is told once; nothing is
    /// due or dead.
    pub(crate) async fn assert_all_is_done(&self) {
        let unexplained = "select count(*) from orders o
            where o.stage <> 'cancelled' and o.waiting_reason is null and (
                o.stage in ('new', 'confirmed')
                or exists (select from order_lines l where l.order_id = o.id and l.unallocated > 0)
                or exists (select from order_lines l where l.order_id = o.id and l.reserved > coalesce(
                       (select sum(fl.quantity) from fulfilment_lines fl join fulfilments f on f.id = fl.fulfilment_id
                        join locations p on p.id = f.location_id
                        where fl.order_line_id = l.id and p.supplier_id is null), 0)))";
        assert_eq!(self.number(unexplained).await, 0, "orders without a reason");
        let untold = "select count(*) from orders o where o.stage in ('confirmed', 'processing')
            and o.email is not null and 1 <> (select count(*) from notices n
                where n.kind = 'order_confirmation' and n.subject_kind = 'order' and n.subject_id = o.id)";
        assert_eq!(self.number(untold).await, 0, "customers not told once");
        let unsent = "select count(*) from purchase_orders p where p.state <> 'sent' or 1 <> (
            select count(*) from notices n where n.kind = 'purchase_order'
            and n.subject_kind = 'purchase_order' and n.subject_id = p.id)";
        assert_eq!(
            self.number(unsent).await,
            0,
            "purchase orders not sent once"
        );
        let due = "select count(*) from jobs where every is null and (run_at <= now() or dead_at is not null)";
        assert_eq!(self.number(due).await, 0, "jobs due or dead");
    }
}
