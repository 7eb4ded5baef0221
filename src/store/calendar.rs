//! The business calendar, and what a quote is reckoned from.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;
use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::calendar::{Calendar, Hours};

pub use crate::domain::promises::Business;

/// The business calendar as its tables have it.
struct Parts {
    time_zone: String,
    cut_off: NaiveTime,
    week: [Option<Hours>; 7],
    holidays: BTreeSet<NaiveDate>,
}

/// Reads the business calendar, with the holidays since a year before `now`.
///
/// # Errors
/// Also where it names a zone that this program does not know, or is never open.
pub async fn load(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Business, DbError> {
    parts(connection, now).await?.business()
}

/// The business calendar as it was before the changes after that one, and what they were, for people.
///
/// # Errors
/// As [`load`].
pub async fn before(
    connection: &mut PgConnection,
    seen: i64,
    now: DateTime<Utc>,
) -> Result<(Business, String), DbError> {
    let mut parts = parts(connection, now).await?;
    let changes = sqlx::query!(
        "select cause, day, was_holiday, weekday, opens, closes, time_zone, cut_off
         from calendar_changes where id > $1 order by id desc",
        seen
    )
    .fetch_all(connection)
    .await?;
    let mut causes: Vec<String> = Vec::new();
    // The latest is taken back first.
    for change in changes {
        match (change.day, change.was_holiday) {
            (Some(day), Some(true)) => {
                parts.holidays.insert(day);
            }
            (Some(day), _) => {
                parts.holidays.remove(&day);
            }
            (None, _) => {}
        }
        if let Some(weekday) = change.weekday {
            let hours = change.opens.zip(change.closes);
            parts.set_hours(
                weekday,
                hours.and_then(|(opens, closes)| hours_of(opens, closes)),
            );
        }
        parts.time_zone = change.time_zone.unwrap_or(parts.time_zone);
        parts.cut_off = change.cut_off.unwrap_or(parts.cut_off);
        if !causes.contains(&change.cause) {
            causes.push(change.cause);
        }
    }
    causes.reverse();
    Ok((parts.business()?, causes.join(", ")))
}

fn hours_of(opens: i16, closes: i16) -> Option<Hours> {
    Hours::new(opens.unsigned_abs(), closes.unsigned_abs())
}

impl Parts {
    /// Monday is 1.
    fn set_hours(&mut self, weekday: i16, hours: Option<Hours>) {
        self.week[usize::from(weekday.unsigned_abs() - 1) % 7] = hours;
    }

    fn business(self) -> Result<Business, DbError> {
        let unfit = |what: String| {
            DbError::Other(sqlx::Error::Decode(
                format!("the business calendar {what}").into(),
            ))
        };
        let zone: Tz = self.time_zone.parse().map_err(|_| {
            unfit(format!(
                "names the zone {:?}, which is not known",
                self.time_zone
            ))
        })?;
        let calendar = Calendar::new(zone, self.week, self.holidays)
            .ok_or_else(|| unfit("is never open".to_owned()))?;
        Ok(Business {
            calendar,
            cut_off: self.cut_off.with_nanosecond(0).unwrap_or(self.cut_off),
        })
    }
}

async fn parts(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Parts, DbError> {
    let row = sqlx::query!("select time_zone, cut_off from business_calendar")
        .fetch_one(&mut *connection)
        .await?;
    let mut parts = Parts {
        time_zone: row.time_zone,
        cut_off: row.cut_off,
        week: [None; 7],
        holidays: BTreeSet::new(),
    };
    for day in sqlx::query!("select weekday, opens, closes from business_hours")
        .fetch_all(&mut *connection)
        .await?
    {
        parts.set_hours(day.weekday, hours_of(day.opens, day.closes));
    }
    let since = (now - TimeDelta::days(366)).date_naive();
    let holidays = sqlx::query_scalar!("select day from holidays where day >= $1", since)
        .fetch_all(connection)
        .await?;
    parts.holidays = holidays.into_iter().collect();
    Ok(parts)
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
