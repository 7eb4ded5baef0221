//! What a verb was told, read and checked.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sqlx::postgres::PgConnection;

use super::error::ActError;
use crate::domain::act::{Act, Args};
use crate::domain::calendar::at_local;
use crate::domain::countries;
use crate::domain::record::{RecordId, RecordName};
use crate::domain::verbs::{Arg, ArgKind};
use crate::store::inspections;
use crate::store::lookup::{self, Carrier, Source};
use crate::store::names::{self, NameError};

/// The most units that one act may name: beyond it somebody's key got stuck.
const MOST_UNITS: i32 = 1_000_000;
/// The most characters of a line, and of a longer text.
const LONGEST_LINE: usize = 1_000;
const LONGEST_TEXT: usize = 100_000;
/// The most carriers that are named to somebody who names another.
const CARRIERS: i64 = 9;
/// Where a day is named without a time, the time at which people come to work.
const MORNING: NaiveTime = match NaiveTime::from_hms_opt(9, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// What an argument turned out to be.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Units(i32),
    Time(DateTime<Utc>),
    Source(Source),
    Carrier(Carrier),
    Order(RecordId),
}

/// A verb's arguments, by name.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<&'static str, Value>);

impl Given {
    /// Reads an act's arguments by its verb's table.
    pub(super) async fn read(
        connection: &mut PgConnection,
        act: &Act,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<Self, ActError> {
        let mut given = Self::default();
        if let Some(name) = act.args.keys().find(|name| act.verb.arg(name).is_none()) {
            return Err(ActError::argument(name, known_arguments(act)));
        }
        for arg in act.verb.args {
            match present(&act.args, arg) {
                Some(text) => {
                    let value = value(connection, act, arg, text, zone, now).await?;
                    given.0.insert(arg.name, value);
                }
                None if arg.required => {
                    return Err(ActError::argument(arg.name, arg.kind.expected()));
                }
                None => {}
            }
        }
        Ok(given)
    }

    /// A text, a word, a login or a check's name.
    pub(super) fn text(&self, name: &str) -> Result<&str, ActError> {
        self.optional_text(name).ok_or_else(|| missing(name))
    }

    /// As [`Given::text`], where it need not be given.
    pub(super) fn optional_text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A word of a closed vocabulary.
    pub(super) fn word<T: std::str::FromStr>(&self, name: &str) -> Result<T, ActError> {
        self.text(name)?.parse().map_err(|_| missing(name))
    }

    /// Units.
    pub(super) fn units(&self, name: &str) -> Result<i32, ActError> {
        match self.0.get(name) {
            Some(Value::Units(units)) => Ok(*units),
            _ => Err(missing(name)),
        }
    }

    /// As [`Given::units`], where it need not be given.
    pub(super) fn optional_units(&self, name: &str) -> Option<i32> {
        match self.0.get(name) {
            Some(Value::Units(units)) => Some(*units),
            _ => None,
        }
    }

    /// An instant.
    pub(super) fn time(&self, name: &str) -> Result<DateTime<Utc>, ActError> {
        match self.0.get(name) {
            Some(Value::Time(at)) => Ok(*at),
            _ => Err(missing(name)),
        }
    }

    /// A location or supplier.
    pub(super) fn source(&self, name: &str) -> Result<&Source, ActError> {
        self.optional_source(name).ok_or_else(|| missing(name))
    }

    /// As [`Given::source`], where it need not be given.
    pub(super) fn optional_source(&self, name: &str) -> Option<&Source> {
        match self.0.get(name) {
            Some(Value::Source(source)) => Some(source),
            _ => None,
        }
    }

    /// A carrier.
    pub(super) fn carrier(&self, name: &str) -> Result<&Carrier, ActError> {
        match self.0.get(name) {
            Some(Value::Carrier(carrier)) => Ok(carrier),
            _ => Err(missing(name)),
        }
    }

    /// An order.
    pub(super) fn order(&self, name: &str) -> Result<RecordId, ActError> {
        match self.0.get(name) {
            Some(Value::Order(order)) => Ok(*order),
            _ => Err(missing(name)),
        }
    }
}

/// Refuses what the database cannot even be asked about: no text of it holds a NUL.
pub(super) fn storable(act: &Act) -> Result<(), ActError> {
    match act.args.iter().find(|(_, text)| text.contains('\0')) {
        Some((name, _)) => Err(ActError::argument(name, "text without NUL characters")),
        None => Ok(()),
    }
}

/// An argument that was given; blank counts as not given.
fn present<'a>(args: &'a Args, arg: &Arg) -> Option<&'a str> {
    args.get(arg.name)
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
}

fn missing(name: &str) -> ActError {
    ActError::argument(name, "a value")
}

fn known_arguments(act: &Act) -> String {
    let names: Vec<&str> = act.verb.args.iter().map(|arg| arg.name).collect();
    if names.is_empty() {
        format!("nothing: {} takes no arguments", act.verb.name)
    } else {
        format!(
            "another name: the arguments of {} are {}",
            act.verb.name,
            names.join(", ")
        )
    }
}

async fn value(
    connection: &mut PgConnection,
    act: &Act,
    arg: &Arg,
    text: &str,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Value, ActError> {
    let wrong = || ActError::argument(arg.name, arg.kind.expected());
    let units = |fits: fn(i32) -> bool| {
        text.parse::<i32>()
            .ok()
            .filter(|units| units.unsigned_abs() <= MOST_UNITS.unsigned_abs() && fits(*units))
            .map(Value::Units)
            .ok_or_else(wrong)
    };
    match arg.kind {
        ArgKind::Text | ArgKind::ShippingOption if text.chars().count() > LONGEST_LINE => Err(
            ActError::argument(arg.name, format!("at most {LONGEST_LINE} characters")),
        ),
        // A line stays a line, whatever was pasted into it. Which options an order has is looked up
        // with what they cost it.
        ArgKind::Text | ArgKind::ShippingOption => Ok(Value::Text(
            text.split_whitespace().collect::<Vec<_>>().join(" "),
        )),
        ArgKind::LongText if text.chars().count() > LONGEST_TEXT => Err(ActError::argument(
            arg.name,
            format!("at most {LONGEST_TEXT} characters"),
        )),
        ArgKind::LongText => Ok(Value::Text(text.replace("\r\n", "\n"))),
        ArgKind::Quantity => units(|units| units > 0),
        ArgKind::Count => units(|units| units >= 0),
        ArgKind::Change => units(|units| units != 0),
        ArgKind::Time => instant(text, zone, now).map(Value::Time).ok_or_else(wrong),
        ArgKind::OneOf(words) => words
            .iter()
            .find(|word| **word == text.to_lowercase())
            .map(|word| Value::Text((*word).to_owned()))
            .ok_or_else(wrong),
        ArgKind::Staff => lookup::staff(connection, text)
            .await?
            .map(Value::Text)
            .ok_or_else(wrong),
        ArgKind::Source => lookup::source(connection, text)
            .await?
            .map(Value::Source)
            .ok_or_else(wrong),
        ArgKind::Carrier => match lookup::carrier(connection, text).await? {
            Some(carrier) => Ok(Value::Carrier(carrier)),
            None => unknown_carrier(connection, arg).await,
        },
        ArgKind::Order => order(connection, arg, text).await,
        ArgKind::Country => match countries::code(text) {
            Some(code) => Ok(Value::Text(code)),
            // What was there before stands again, whatever it was.
            None if act.undoes.is_some() => Ok(Value::Text(text.to_owned())),
            None => Err(wrong()),
        },
        ArgKind::Check => match inspections::check(connection, act.record.id, text).await? {
            Some((name, _)) => Ok(Value::Text(name)),
            None => Err(ActError::argument(
                arg.name,
                format!(
                    "one of {}",
                    inspections::check_names(connection, act.record.id)
                        .await?
                        .join(", ")
                ),
            )),
        },
    }
}

/// A carrier that is not known: says which are.
async fn unknown_carrier(connection: &mut PgConnection, arg: &Arg) -> Result<Value, ActError> {
    let (names, count) = lookup::carriers(connection, CARRIERS).await?;
    let more = match count - names.len() as i64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = if names.is_empty() {
        "and there is none".to_owned()
    } else {
        format!("such as {}{more}", names.join(", "))
    };
    let expected = format!("{}, {names}", arg.kind.expected());
    Err(ActError::argument(arg.name, expected))
}

async fn order(connection: &mut PgConnection, arg: &Arg, text: &str) -> Result<Value, ActError> {
    let name = match text.parse::<RecordName>() {
        Ok(name @ RecordName::Order { .. }) => name,
        // Here a number without its sign can only be an order's.
        _ => RecordName::Order {
            channel: None,
            number: format!("#{text}"),
        },
    };
    match names::resolve(connection, &name).await {
        Ok(order) => Ok(Value::Order(order)),
        Err(NameError::Missing(_)) => Err(ActError::argument(arg.name, arg.kind.expected())),
        Err(error @ NameError::Ambiguous { .. }) => {
            Err(ActError::argument(arg.name, format!("one order: {error}")))
        }
        Err(NameError::Db(error)) => Err(error.into()),
    }
}

/// Reads an instant: `2026-03-10 14:00`, `2026-03-10`, `14:00` (today, or tomorrow where that has
/// passed), `tomorrow`, a span from now such as `30m`, `4h`, `2d` or `1w`, or RFC 3339. Local times
/// are the zone's; a day without a time means its morning.
fn instant(text: &str, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = now.with_timezone(&zone).date_naive();
    let local = |date: NaiveDate, time: NaiveTime| at_local(zone, date.and_time(time));
    if text.eq_ignore_ascii_case("tomorrow") {
        return Some(local(today + Days::new(1), MORNING));
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    for form in ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
            return Some(at_local(zone, at));
        }
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(local(date, MORNING));
    }
    if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M") {
        let today_then = local(today, time);
        return Some(if today_then > now {
            today_then
        } else {
            local(today + Days::new(1), time)
        });
    }
    span(text, zone, now)
}

fn span(text: &str, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let unit = text.chars().next_back()?;
    let count: u32 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    if count > 10_000 {
        return None;
    }
    // A day later is the same time on the clock, also when the clocks change in between.
    let days = |days: u32| {
        let there = now.with_timezone(&zone).naive_local();
        Some(at_local(zone, there + Days::new(days.into())))
    };
    match unit {
        'm' => Some(now + TimeDelta::minutes(count.into())),
        'h' => Some(now + TimeDelta::hours(count.into())),
        'd' => days(count),
        'w' => days(count * 7),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_type_them() {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        // Saturday noon in Berlin; the clocks go forward in the night.
        let now = utc("2026-03-28T11:00:00Z");
        let read = |text| instant(text, Tz::Europe__Berlin, now);
        let cases = [
            ("2026-03-10 14:00", "2026-03-10T13:00:00Z"),
            ("2026-03-30", "2026-03-30T07:00:00Z"),
            ("14:00", "2026-03-28T13:00:00Z"),
            ("11:30", "2026-03-29T09:30:00Z"),
            ("tomorrow", "2026-03-29T07:00:00Z"),
            ("30m", "2026-03-28T11:30:00Z"),
            ("4h", "2026-03-28T15:00:00Z"),
            ("2d", "2026-03-30T10:00:00Z"),
            ("1w", "2026-04-04T10:00:00Z"),
            ("2026-03-09T18:30:00Z", "2026-03-09T18:30:00Z"),
            ("2026-03-09T18:30:00+02:00", "2026-03-09T16:30:00Z"),
            // A time that the clocks skip is when they have skipped it.
            ("2026-03-29 02:30", "2026-03-29T01:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Some(utc(expected)), "{text}");
        }
        for text in [
            "",
            "soon",
            "25:00",
            "2x",
            "d",
            "-2d",
            "99999999d",
            "2026-02-30",
            "2é",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
