//! Instants and spans in few columns.

use chrono::{DateTime, Datelike, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A span in at most four columns: `45m`, `2h57`, `14h`, `3d04`, `12d`, `16y`.
pub fn span(span: TimeDelta) -> String {
    let minutes = span.num_minutes();
    match minutes {
        0..60 => format!("{minutes}m"),
        60..600 => format!("{}h{:02}", minutes / 60, minutes % 60),
        600..1440 => format!("{}h", minutes / 60),
        1440..14400 => format!("{}d{:02}", minutes / 1440, minutes % 1440 / 60),
        14400..1_440_000 => format!("{}d", minutes / 1440),
        _ => format!("{}y", minutes / 525_960),
    }
}

/// The minute that a clock shows then. Spans are told from one such minute to another, so that
/// they change together, and when the clock does.
pub fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::seconds(at.timestamp().rem_euclid(60))
        - TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos()))
}

/// How long ago it was by the clock; negative for what is still to come.
pub fn since(at: DateTime<Utc>, now: DateTime<Utc>) -> TimeDelta {
    minute(now) - minute(at)
}

/// The time left until `due` in at most five columns, with a minus once it has passed: `2h57`,
/// `-3d04`.
pub fn left(due: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let late = since(due, now);
    if late <= TimeDelta::zero() {
        span(-late)
    } else {
        format!("-{}", span(late))
    }
}

/// The same in words: `2h57 left`, `3d04 late`.
pub fn left_in_words(due: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let late = since(due, now);
    if late <= TimeDelta::zero() {
        format!("{} left", span(-late))
    } else {
        format!("{} late", span(late))
    }
}

/// How long ago: `just now`, `5 min ago`, `3 h ago`, `2 d ago`, `9 y ago`.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = since(at, now).num_seconds().max(0);
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        172_800..86_400_000 => format!("{} d ago", seconds / 86_400),
        _ => format!("{} y ago", seconds / 31_557_600),
    }
}

/// An instant in six columns: `14:05` today, `09 Mar` otherwise, `2024` long ago.
pub fn stamp(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let (at, today) = (at.with_timezone(&zone), now.with_timezone(&zone));
    if at.date_naive() == today.date_naive() {
        at.format("%H:%M").to_string()
    } else if (at - today).num_days().abs() < 300 {
        at.format("%d %b").to_string()
    } else {
        at.format("%Y").to_string()
    }
}

/// An instant in full: `14:05`, `yesterday 14:05`, `Mon 9 Mar 14:05`, `2024-03-09 14:05`.
pub fn moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let (at, today) = (at.with_timezone(&zone), now.with_timezone(&zone));
    let days = (at.date_naive() - today.date_naive()).num_days();
    let format = match days {
        0 => "%H:%M",
        -1 => "yesterday %H:%M",
        1 => "tomorrow %H:%M",
        _ if at.year() == today.year() => "%a %-d %b %H:%M",
        _ => "%Y-%m-%d %H:%M",
    };
    at.format(format).to_string()
}

/// A date and a time that sort: `03-09 14:05`, with the year where it is another.
pub fn entry(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let (at, today) = (at.with_timezone(&zone), now.with_timezone(&zone));
    let format = if at.year() == today.year() {
        "%m-%d %H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    at.format(format).to_string()
}

/// The time of day to the second.
pub fn clock(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// The time of day to the minute.
pub fn time(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

/// The zone's present distance from UTC: `UTC`, `UTC+1`, `UTC-3:30`.
pub fn offset(at: DateTime<Utc>, zone: Tz) -> String {
    let minutes = zone
        .offset_from_utc_datetime(&at.naive_utc())
        .fix()
        .local_minus_utc()
        / 60;
    match (minutes, minutes.abs() % 60) {
        (0, _) => "UTC".to_owned(),
        (_, 0) => format!("UTC{:+}", minutes / 60),
        (_, rest) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("UTC{sign}{}:{rest:02}", minutes.abs() / 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn spans_keep_to_their_columns() {
        let now = at("2026-03-10T12:00:00Z");
        let cases = [
            ("2026-03-10T12:00:30Z", "0m"),
            ("2026-03-10T14:57:00Z", "2h57"),
            ("2026-03-10T09:57:00Z", "-2h03"),
            ("2026-03-09T21:20:00Z", "-14h"),
            ("2026-03-13T16:00:00Z", "3d04"),
            ("2026-02-26T12:00:00Z", "-12d"),
            ("2010-12-01T12:00:00Z", "-15y"),
        ];
        for (due, text) in cases {
            assert_eq!(left(at(due), now), text);
        }
        for minutes in 0..3_000_000 {
            let text = span(TimeDelta::minutes(minutes));
            assert!(text.len() <= 4, "{minutes}: {text}");
        }
    }

    #[test]
    fn an_instant_is_told_in_the_zone_of_the_shop() {
        let now = at("2026-07-10T23:30:00Z");
        let zone = Tz::Europe__Lisbon;
        assert_eq!(stamp(at("2026-07-10T23:10:00Z"), now, zone), "00:10");
        assert_eq!(stamp(at("2026-07-10T22:10:00Z"), now, zone), "10 Jul");
        assert_eq!(
            moment(at("2026-07-10T22:10:00Z"), now, zone),
            "yesterday 23:10"
        );
        assert_eq!(offset(now, zone), "UTC+1");
        assert_eq!(
            offset(at("2026-01-10T23:30:00Z"), Tz::America__St_Johns),
            "UTC-3:30"
        );
        assert_eq!(offset(now, Tz::UTC), "UTC");
    }
}
