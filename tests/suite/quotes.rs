//! Quotes: the SQL function that the web shop asks gives the promise that the program gives.

use std::process::{Command, Stdio};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use packline::domain::calendar::{Calendar, Hours};
use packline::domain::promises;
use sqlx::{ConnectOptions as _, PgConnection};

use crate::harness;

/// Zones that change at midnight, by half an hour, at odd times, never, and either side of the date
/// line.
const ZONES: [Tz; 10] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::America__Havana,
    Tz::Asia__Beirut,
    Tz::Asia__Kathmandu,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Chatham,
    Tz::Pacific__Pago_Pago,
    Tz::Pacific__Kiritimati,
];

/// A generator of its own, so that a failure can be repeated: xorshift by Marsaglia.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[tokio::test]
async fn the_database_promises_what_the_program_promises() {
    let database = harness::database().await;
    let mut connection = database.connect().await;
    sqlx::query("set search_path = packline, pg_catalog")
        .execute(&mut connection)
        .await
        .expect("a setting");
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date");
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for round in 0..60 {
        let zone = ZONES[round % ZONES.len()];
        let mut week = [None; 7];
        for day in &mut week {
            *day = match random.below(4) {
                0 => None,
                1 => Some((0, 1440)),
                _ => {
                    let open = random.below(1200) as u16;
                    Some((open, open + 1 + random.below(240) as u16))
                }
            };
        }
        week[0] = week[0].or(Some((540, 1020)));
        let holidays: Vec<NaiveDate> = (0..6)
            .map(|_| first + Days::new(random.below(1100)))
            .collect();
        let cut_off =
            NaiveTime::from_num_seconds_from_midnight_opt(random.below(1440) as u32 * 60, 0)
                .expect("a time");
        write_calendar(&mut connection, zone, &week, &holidays, cut_off).await;
        let hours = week.map(|day| day.and_then(|(open, close)| Hours::new(open, close)));
        let calendar = Calendar::new(zone, hours, holidays).expect("open on Mondays");
        for _ in 0..40 {
            let start = first.and_time(NaiveTime::MIN).and_utc();
            let placed = start + TimeDelta::minutes(random.below(1000 * 1440) as i64);
            let (lead, transit) = (random.below(9) as u32, random.below(9) as u32);
            let ship_by = promises::ship_by(placed, lead, &calendar, cut_off).expect("a day");
            let deliver_by = promises::deliver_by(ship_by, transit, &calendar).expect("a day");
            let (told_ship, told_deliver): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
                "select s, promised_deliver_by(s, $3) from promised_ship_by($1, $2) s",
            )
            .bind(placed)
            .bind(lead as i32)
            .bind(transit as i32)
            .fetch_one(&mut connection)
            .await
            .expect("a promise");
            assert_eq!(
                (told_ship, told_deliver),
                (ship_by, deliver_by),
                "{zone}, placed {placed}, {lead} + {transit} days, {week:?}"
            );
        }
    }
}

#[tokio::test]
async fn both_promise_the_longest_lead_time_and_nothing_past_it() {
    let database = harness::database().await;
    let mut connection = database.connect().await;
    sqlx::query("set search_path = packline, pg_catalog")
        .execute(&mut connection)
        .await
        .expect("a setting");
    let first = NaiveDate::from_ymd_opt(2026, 1, 5).expect("a Monday");
    let mut mondays = [None; 7];
    mondays[0] = Some((540, 1020));
    // Nearly a year of holidays, and then one day more than the count goes on for.
    for (holidays, days) in [
        (360, 0),
        (360, 731),
        (400, 0),
        (0, 731),
        (0, 732),
        (0, 3650),
        (0, i32::MAX),
    ] {
        let holidays: Vec<NaiveDate> = first.iter_days().take(holidays).collect();
        let noon = NaiveTime::from_hms_opt(12, 0, 0).expect("a time");
        write_calendar(&mut connection, Tz::UTC, &mondays, &holidays, noon).await;
        let hours = mondays.map(|day| day.and_then(|(open, close)| Hours::new(open, close)));
        let calendar = Calendar::new(Tz::UTC, hours, holidays).expect("open on Mondays");
        let told: Option<NaiveDate> = sqlx::query_scalar("select business_day($1, $2)")
            .bind(first)
            .bind(days)
            .fetch_one(&mut connection)
            .await
            .expect("an answer");
        assert_eq!(
            told,
            calendar.business_day(first, days.unsigned_abs()),
            "{days} days"
        );
    }
}

async fn write_calendar(
    connection: &mut PgConnection,
    zone: Tz,
    week: &[Option<(u16, u16)>; 7],
    holidays: &[NaiveDate],
    cut_off: NaiveTime,
) {
    sqlx::raw_sql("delete from business_hours; delete from holidays")
        .execute(&mut *connection)
        .await
        .expect("an empty calendar");
    sqlx::query("update business_calendar set time_zone = $1, cut_off = $2")
        .bind(zone.name())
        .bind(cut_off)
        .execute(&mut *connection)
        .await
        .expect("a calendar");
    for (day, hours) in (1_i16..).zip(week) {
        if let Some((open, close)) = hours {
            sqlx::query("insert into business_hours values ($1, $2, $3)")
                .bind(day)
                .bind(*open as i16)
                .bind(*close as i16)
                .execute(&mut *connection)
                .await
                .expect("hours");
        }
    }
    sqlx::query("insert into holidays (day) select distinct day from unnest($1::date[]) day")
        .bind(holidays)
        .execute(connection)
        .await
        .expect("holidays");
}

#[tokio::test]
async fn a_quote_knows_stock_suppliers_countries_and_weights() {
    let database = harness::database().await;
    let mut connection = database.connect().await;
    sqlx::raw_sql(
        "set search_path = packline, pg_catalog;
         insert into suppliers (name) values ('Acme');
         insert into products (sku, title, weight_g) values ('CUP', 'A cup', 300), ('PLATE', 'A plate', 300);
         insert into stock_levels (product_id, location_id)
             select p.id, l.id from products p, locations l where l.supplier_id is null;
         insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'opening', 2 from stock_levels s join products p on p.id = s.product_id where p.sku = 'CUP';
         insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             select s.id, p.id, 200, 'EUR', 3 from suppliers s, products p where p.sku = 'CUP';
         insert into shipping_options (name, currency, price, transit_days_min, transit_days_max, countries, max_weight_g)
             values ('Express', 'EUR', 990, 1, 1, '{DE,PT}', 1000)",
    )
    .execute(&mut connection)
    .await
    .expect("a shop");
    // A Friday morning.
    let at: DateTime<Utc> = "2026-03-27T09:00:00Z".parse().expect("an instant");
    for (sku, country, units, expected) in [
        ("CUP", "de", 2, Some((0, "2026-03-27T17:00:00Z"))),
        ("CUP", "DE", 3, Some((3, "2026-04-01T17:00:00Z"))),
        ("CUP", "FR", 1, None),
        ("CUP", "PT", 4, None),
        ("PLATE", "PT", 1, None),
        ("SPOON", "PT", 1, None),
    ] {
        let told: Option<(i32, DateTime<Utc>)> =
            sqlx::query_as("select lead_days, ship_by from quote($1, 'Express', $2, $3, $4)")
                .bind(sku)
                .bind(country)
                .bind(units)
                .bind(at)
                .fetch_optional(&mut connection)
                .await
                .expect("an answer");
        let expected = expected.map(|(days, at)| (days, at.parse().expect("an instant")));
        assert_eq!(told, expected, "{units} × {sku} to {country}");
    }
    for (units, at, says) in [
        (
            "0",
            "now()",
            "units: expected a number from 1 to 1000000, found 0",
        ),
        ("2147483647", "now()", "units: expected a number"),
        (
            "null",
            "now()",
            "units: expected a number from 1 to 1000000, found none",
        ),
        (
            "1",
            "'infinity'",
            "at: expected a time within ten years, found infinity",
        ),
        ("1", "'-infinity'", "at: expected a time"),
        ("1", "'294276-12-31'", "at: expected a time"),
        (
            "1",
            "null",
            "at: expected a time within ten years, found none",
        ),
    ] {
        let absurd = format!("select from quote('CUP', 'Express', 'PT', {units}, {at})");
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(absurd.as_str()))
            .execute(&mut connection)
            .await
            .expect_err(&absurd);
        assert!(error.to_string().contains(says), "{absurd}: {error}");
    }
}

#[tokio::test]
async fn the_program_quotes_for_the_web_shop_too() {
    let database = harness::database().await;
    let mut connection = database.connect().await;
    sqlx::raw_sql(
        "set search_path = packline, pg_catalog;
         select staff_add('quoting_shop', 'The shop', array['shop']);
         insert into products (sku, title) values ('CUP', 'A cup');
         insert into stock_levels (product_id, location_id)
             select p.id, l.id from products p, locations l where l.supplier_id is null;
         insert into stock_movements (stock_level_id, kind, on_hand) select id, 'opening', 5 from stock_levels;
         insert into shipping_options (name, currency, price, transit_days_min, transit_days_max)
             values ('Standard', 'EUR', 490, 2, 4)",
    )
    .execute(&mut connection)
    .await
    .expect("a shop");
    let url = database.options.clone().username("quoting_shop");
    let output = Command::new(env!("CARGO_BIN_EXE_packline"))
        .args([
            "quote",
            "--sku",
            "CUP",
            "--option",
            "Standard",
            "--country",
            "PT",
            "--json",
        ])
        .env("PACKLINE_DATABASE_URL", url.to_url_lossy().as_str())
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(r#""lead_days":0"#), "{output:?}");
    for country in ["Portugal", "UK", "-"] {
        let output = Command::new(env!("CARGO_BIN_EXE_packline"))
            .args(["quote", "--sku=CUP", "--option=Standard"])
            .arg(format!("--country={country}"))
            .env("PACKLINE_DATABASE_URL", url.to_url_lossy().as_str())
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success()
                && said.contains("expected a country's two letters of ISO 3166-1, such as PT"),
            "{output:?}"
        );
    }
}
