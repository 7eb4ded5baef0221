//! Promises to customers: by when an order leaves, and by when it arrives.

use chrono::{DateTime, NaiveTime, Utc};

use super::calendar::{Calendar, instant};

/// Orders placed before this local time count as that day's, where nothing else is said.
pub const CUT_OFF: NaiveTime = match NaiveTime::from_hms_opt(14, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// By when an order leaves: the close of business, `lead_time_days` business days after the day
/// whose order it is. An order placed on a business day before the cut-off is that day's; any
/// other is the next business day's.
pub fn ship_by(
    placed_at: DateTime<Utc>,
    lead_time_days: u32,
    calendar: &Calendar,
    cut_off: NaiveTime,
) -> DateTime<Utc> {
    let placed_on = calendar.date(placed_at);
    let late = calendar.is_business_day(placed_on) && calendar.time(placed_at) >= cut_off;
    let leaves = calendar.business_day(placed_on, lead_time_days.saturating_add(late.into()));
    calendar
        .opening(leaves)
        .map_or(placed_at, |(_, close)| close)
}

/// By when an order arrives: the end of the local day, `transit_days` business days after the
/// day by which it leaves.
pub fn deliver_by(ship_by: DateTime<Utc>, transit_days: u32, calendar: &Calendar) -> DateTime<Utc> {
    let arrives = calendar.business_day(calendar.date(ship_by), transit_days);
    instant(calendar.zone(), arrives, 24 * 60)
}

/// The lead time that a promise allows: the fewest days with which the order leaves no earlier than
/// promised, up to 60.
pub fn lead_days(
    placed_at: DateTime<Utc>,
    promised: DateTime<Utc>,
    calendar: &Calendar,
    cut_off: NaiveTime,
) -> i32 {
    (0..60)
        .find(|days| ship_by(placed_at, *days, calendar, cut_off) >= promised)
        .map_or(60, |days| days as i32)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn the_cut_off_decides_whose_day_it_is() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        let promise = |placed, days| ship_by(utc(placed), days, &calendar, CUT_OFF);
        // Friday 13:59 and 14:00 local time; summer time begins on Sunday.
        assert_eq!(
            promise("2026-03-27T12:59:00Z", 0),
            utc("2026-03-27T16:00:00Z")
        );
        assert_eq!(
            promise("2026-03-27T13:00:00Z", 0),
            utc("2026-03-30T15:00:00Z")
        );
        assert_eq!(
            promise("2026-03-27T12:59:00Z", 1),
            utc("2026-03-30T15:00:00Z")
        );
        assert_eq!(
            promise("2026-03-27T13:00:00Z", 1),
            utc("2026-03-31T15:00:00Z")
        );
        // On Saturday evening there is no cut-off to miss.
        assert_eq!(
            promise("2026-03-28T19:00:00Z", 0),
            utc("2026-03-30T15:00:00Z")
        );
    }

    #[test]
    fn a_promise_tells_the_lead_time_that_it_allows() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        let placed = utc("2026-03-27T12:59:00Z");
        for days in [0, 1, 7, 30] {
            let promised = ship_by(placed, days, &calendar, CUT_OFF);
            assert_eq!(lead_days(placed, promised, &calendar, CUT_OFF), days as i32);
        }
    }

    #[test]
    fn it_arrives_by_the_end_of_a_business_day() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        assert_eq!(
            deliver_by(utc("2026-03-27T16:00:00Z"), 2, &calendar),
            utc("2026-03-31T22:00:00Z")
        );
    }
}
