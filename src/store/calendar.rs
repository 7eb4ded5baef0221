//! The business calendar, and what a quote is reckoned from.

use chrono::{DateTime, Utc};
use chrono::{NaiveTime, TimeDelta, Timelike as _};
use chrono_tz::Tz;
use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::calendar::{Calendar, Hours};

/// When the business works, and until when an order counts as that day's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Business {
    /// Hours and holidays.
    pub calendar: Calendar,
    /// Local time.
    pub cut_off: NaiveTime,
}

/// Reads the business calendar, with the holidays since a year before `now`.
///
/// # Errors
/// Also where it names a zone that this program does not know, or is never open.
pub async fn load(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Business, DbError> {
    let row = sqlx::query!("select time_zone, cut_off from business_calendar")
        .fetch_one(&mut *connection)
        .await?;
    let unfit = |what: String| {
        DbError::Other(sqlx::Error::Decode(
            format!("the business calendar {what}").into(),
        ))
    };
    let zone: Tz = row.time_zone.parse().map_err(|_| {
        unfit(format!(
            "names the zone {:?}, which is not known",
            row.time_zone
        ))
    })?;
    let mut week = [None; 7];
    for day in sqlx::query!("select weekday, opens, closes from business_hours")
        .fetch_all(&mut *connection)
        .await?
    {
        week[usize::from(day.weekday.unsigned_abs() - 1) % 7] =
            Hours::new(day.opens.unsigned_abs(), day.closes.unsigned_abs());
    }
    let since = (now - TimeDelta::days(366)).date_naive();
    let holidays = sqlx::query_scalar!("select day from holidays where day >= $1", since)
        .fetch_all(connection)
        .await?;
    let calendar =
        Calendar::new(zone, week, holidays).ok_or_else(|| unfit("is never open".to_owned()))?;
    Ok(Business {
        calendar,
        cut_off: row.cut_off.with_nanosecond(0).unwrap_or(row.cut_off),
    })
}

/// Sets the zone in which the business works.
pub async fn set_zone(connection: &mut PgConnection, zone: Tz) -> Result<(), DbError> {
    sqlx::query!("update business_calendar set time_zone = $1", zone.name())
        .execute(connection)
        .await?;
    Ok(())
}

/// A shipping option as it serves a country, and how soon the product can leave for its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingOption {
    /// ISO 4217 code of its price.
    pub currency: String,
    /// Minor units.
    pub price: i64,
    /// It is free over this, in minor units.
    pub free_over: Option<i64>,
    /// Days on the way at most.
    pub transit_days_max: i32,
    /// Days until so many units can leave, paid for in that currency; none where nobody has them.
    pub lead_days: Option<i32>,
}

/// What a quote for a product is reckoned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotable {
    /// Whether the SKU is one of ours.
    pub known: bool,
    /// The options of that name that serve the country and the weight, by currency.
    pub options: Vec<ShippingOption>,
}

/// Reads what a quote is reckoned from.
pub async fn quotable(
    connection: &mut PgConnection,
    sku: &str,
    option: &str,
    country: &str,
    units: i32,
) -> Result<Quotable, DbError> {
    let known = sqlx::query_scalar!(
        r#"select exists (select from products where sku = $1) as "known!""#,
        sku
    )
    .fetch_one(&mut *connection)
    .await?;
    let options = sqlx::query_as!(
        ShippingOption,
        "select s.currency, s.price, s.free_over, s.transit_days_max,
                lead_days(p.id, $4, s.currency) as lead_days
         from products p cross join shipping_options s
         where p.sku = $1 and s.name = $2
           and option_refuses(s, s.currency, $3, coalesce(p.weight_g, 0)::bigint * $4::integer) is null
         order by s.currency",
        sku,
        option,
        country,
        units,
    )
    .fetch_all(connection)
    .await?;
    Ok(Quotable { known, options })
}
