//! The business calendar: opening hours in a time zone, holidays, and spans of business time.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Business days beyond which [`Calendar::business_day`] does not count: the longest lead time, and
/// the day that an order past the cut-off waits.
const MOST_DAYS: u32 = LONGEST_LEAD.unsigned_abs() + 1;

/// The longest lead time of an offer, in business days.
pub const LONGEST_LEAD: i32 = 730;

/// The longest time on the way of a shipping option, in business days.
pub const LONGEST_WAY: i32 = 365;

/// From when to when a day is open, in minutes after midnight by the local clock. Always opens
/// before it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    open: u16,
    close: u16,
}

impl Hours {
    /// The whole day.
    pub const ALL_DAY: Self = Self {
        open: 0,
        close: DAY,
    };

    /// Hours from `open` to `close`, in minutes after midnight; `None` unless
    /// `open < close <= 1440`.
    pub const fn new(open: u16, close: u16) -> Option<Self> {
        if open < close && close <= DAY {
            Some(Self { open, close })
        } else {
            None
        }
    }
}

/// When the business works: hours by weekday in an IANA zone, and the days on which it does not.
///
/// Hours are the local clock's; spans are real time, so a day on which the clocks change counts
/// what really passes between opening and closing. Where the local clock skips the opening or
/// closing time, the next instant that exists stands for it; where it shows it twice, the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    week: [Option<Hours>; 7],
    holidays: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// A calendar with hours from Monday to Sunday; `None` where no day is ever open.
    pub fn new(
        zone: Tz,
        week: [Option<Hours>; 7],
        holidays: impl IntoIterator<Item = NaiveDate>,
    ) -> Option<Self> {
        week.iter().any(Option::is_some).then(|| Self {
            zone,
            week,
            holidays: holidays.into_iter().collect(),
        })
    }

    /// Monday to Friday, 9 to 17 o'clock, no holidays: what a shop has that says nothing else.
    pub fn office(zone: Tz) -> Self {
        let day = Hours::new(9 * 60, 17 * 60);
        Self {
            zone,
            week: [day, day, day, day, day, None, None],
            holidays: BTreeSet::new(),
        }
    }

    /// The zone of its hours.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The local date of an instant.
    pub fn date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// The local time of day of an instant.
    pub fn time(&self, at: DateTime<Utc>) -> NaiveTime {
        at.with_timezone(&self.zone).time()
    }

    /// When the business opens and closes on a date, if it does.
    pub fn opening(&self, date: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if self.holidays.contains(&date) {
            return None;
        }
        let hours = self.week[date.weekday().num_days_from_monday() as usize]?;
        Some((
            instant(self.zone, date, hours.open),
            instant(self.zone, date, hours.close),
        ))
    }

    /// Whether the business works on that date.
    pub fn is_business_day(&self, date: NaiveDate) -> bool {
        !self.holidays.contains(&date)
            && self.week[date.weekday().num_days_from_monday() as usize].is_some()
    }

    /// The date itself if it is a business day, else the next one; then `days` business days on.
    /// None past 731 of them, or where holidays put it off by more than a year.
    pub fn business_day(&self, date: NaiveDate, days: u32) -> Option<NaiveDate> {
        if days > MOST_DAYS {
            return None;
        }
        // One business day a week, if no more, and a year of holidays.
        let within = days as usize * 7 + 373;
        date.iter_days()
            .take(within)
            .filter(|date| self.is_business_day(*date))
            .nth(days as usize)
    }

    /// The instant at which `span` of business time has passed since `start`. A span that ends
    /// with a day's business ends at its close, not at the next opening.
    pub fn add(&self, start: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
        if span <= TimeDelta::zero() {
            return start;
        }
        let mut left = span;
        for (_, open, close) in self.openings(self.date(start)) {
            let from = open.max(start);
            if from < close {
                if close - from >= left {
                    return from + left;
                }
                left -= close - from;
            }
        }
        start
    }

    /// Business time from `start` to `end`; zero if `end` is not later.
    pub fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        self.openings(self.date(start))
            .take_while(|(_, open, _)| *open < end)
            .map(|(_, open, close)| close.min(end) - open.max(start))
            .filter(|span| *span > TimeDelta::zero())
            .sum()
    }

    /// Every business day from `date` on, with its opening and closing.
    fn openings(
        &self,
        date: NaiveDate,
    ) -> impl Iterator<Item = (NaiveDate, DateTime<Utc>, DateTime<Utc>)> {
        date.iter_days().filter_map(|date| {
            let (open, close) = self.opening(date)?;
            Some((date, open, close))
        })
    }
}

/// The instant at which the clocks of a zone show this many minutes after a date's midnight.
pub(super) fn instant(zone: Tz, date: NaiveDate, minutes: u16) -> DateTime<Utc> {
    let local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(minutes));
    at_local(zone, local)
}

/// The instant at which the clocks of a zone show a local time: the first, where they show it
/// twice; the end of the gap, where they skip it.
pub fn at_local(zone: Tz, local: chrono::NaiveDateTime) -> DateTime<Utc> {
    if let Some(found) = zone.from_local_datetime(&local).earliest() {
        return found.to_utc();
    }
    // A gap: read the time by the offset that held the day before, which is by how much the
    // clocks had to be put forward; the gap ends where that reading changes its offset.
    let before = local - Days::new(1);
    let offset_before = zone
        .from_local_datetime(&before)
        .earliest()
        .map_or(TimeDelta::zero(), |found| {
            found.naive_local() - found.naive_utc()
        });
    let inside = (local - offset_before).and_utc();
    // Gaps begin and end at whole minutes of the zone's clock.
    let mut end = inside;
    let step = TimeDelta::minutes(1);
    let shown = |at: DateTime<Utc>| {
        let there = at.with_timezone(&zone);
        there.naive_local() - there.naive_utc()
    };
    while shown(end - step) != offset_before {
        end -= step;
    }
    end
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn a_span_goes_on_after_the_weekend_and_the_holiday() {
        let week = Calendar::office(Tz::Europe__Berlin).week;
        let calendar = Calendar::new(Tz::Europe__Berlin, week, [date("2026-04-06")]).expect("open");
        // Thursday 16:30 in summer time; Friday is open, Easter Monday is not.
        let start = utc("2026-04-02T14:30:00Z");
        assert_eq!(
            calendar.add(start, TimeDelta::minutes(30)),
            utc("2026-04-02T15:00:00Z")
        );
        assert_eq!(
            calendar.add(start, TimeDelta::minutes(31)),
            utc("2026-04-03T07:01:00Z")
        );
        assert_eq!(
            calendar.add(start, TimeDelta::minutes(30 + 480 + 60)),
            utc("2026-04-07T08:00:00Z")
        );
        assert_eq!(
            calendar.business_day(date("2026-04-03"), 1),
            Some(date("2026-04-07"))
        );
    }

    #[test]
    fn a_day_that_is_too_far_is_none_and_not_today() {
        let mondays = [Hours::new(540, 1020), None, None, None, None, None, None];
        let calendar = Calendar::new(Tz::UTC, mondays, []).expect("open");
        let monday = date("2026-04-06");
        let furthest = monday + Days::new(731 * 7);
        assert_eq!(calendar.business_day(monday, 731), Some(furthest));
        for days in [732, 3650, u32::MAX] {
            assert_eq!(calendar.business_day(monday, days), None, "{days} days");
        }
        let closed = Calendar::new(Tz::UTC, mondays, monday.iter_days().take(380)).expect("open");
        assert_eq!(closed.business_day(monday, 0), None);
    }

    #[test]
    fn an_opening_keeps_its_wall_clock_time_when_the_clocks_change() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        // Clocks go forward on Sunday 2026-03-29.
        let friday = calendar.opening(date("2026-03-27")).expect("open");
        let monday = calendar.opening(date("2026-03-30")).expect("open");
        assert_eq!(friday.0, utc("2026-03-27T08:00:00Z"));
        assert_eq!(monday.0, utc("2026-03-30T07:00:00Z"));
    }

    #[test]
    fn a_day_that_is_always_open_has_23_hours_when_the_clocks_go_forward() {
        let week = [Some(Hours::ALL_DAY); 7];
        // Beirut's clocks skip midnight itself.
        for (zone, day) in [
            (Tz::Europe__Berlin, "2026-03-29"),
            (Tz::Asia__Beirut, "2026-03-29"),
        ] {
            let calendar = Calendar::new(zone, week, []).expect("open");
            let (open, close) = calendar.opening(date(day)).expect("open");
            assert_eq!(close - open, TimeDelta::hours(23), "{zone}");
        }
    }

    #[test]
    fn a_calendar_that_never_opens_is_refused() {
        assert_eq!(Calendar::new(Tz::UTC, [None; 7], []), None);
        assert_eq!(Hours::new(600, 600), None);
        assert_eq!(Hours::new(600, 1441), None);
    }

    /// Whether the clock on the wall says open.
    pub(in crate::domain) fn says_open(calendar: &Calendar, at: DateTime<Utc>) -> bool {
        use chrono::Timelike as _;
        let local = at.with_timezone(&calendar.zone);
        let minute = (local.hour() * 60 + local.minute()) as u16;
        !calendar.holidays.contains(&local.date_naive())
            && calendar.week[local.weekday().num_days_from_monday() as usize]
                .is_some_and(|hours| (hours.open..hours.close).contains(&minute))
    }

    pub(in crate::domain) fn calendars() -> impl Strategy<Value = Calendar> {
        // Zones that change at midnight, by half an hour, at odd times, or never.
        let zones = prop::sample::select(vec![
            Tz::UTC,
            Tz::Europe__Berlin,
            Tz::America__New_York,
            Tz::America__Havana,
            Tz::Asia__Beirut,
            Tz::Asia__Kathmandu,
            Tz::Australia__Lord_Howe,
            Tz::Pacific__Chatham,
            // Either side of the date line, a day and an hour apart.
            Tz::Pacific__Kiritimati,
            Tz::Pacific__Pago_Pago,
        ]);
        let hours = prop_oneof![
            1 => Just(None),
            1 => Just(Some(Hours::ALL_DAY)),
            // No zone changes its clocks at these times, so that the walk and the calendar cannot
            // differ on an hour that comes twice.
            3 => (300_u16..900, 1_u16..500).prop_map(|(open, long)| Hours::new(open, open + long)),
        ];
        // Four years: the clocks change both ways in each, and one has a leap day.
        let holidays = prop::collection::vec(0_u64..1500, 0..12);
        (zones, prop::array::uniform7(hours), holidays).prop_filter_map(
            "never opens",
            |(zone, week, holidays)| {
                let first = NaiveDate::from_ymd_opt(2025, 1, 1)?;
                Calendar::new(
                    zone,
                    week,
                    holidays.into_iter().map(|n| first + Days::new(n)),
                )
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_span_ends_where_a_walk_by_minutes_ends(
            calendar in calendars(),
            start in 0_i64..(1400 * 24 * 60),
            minutes in 1_i64..3000,
        ) {
            let start = utc("2025-01-01T00:00:00Z") + TimeDelta::minutes(start);
            let end = calendar.add(start, TimeDelta::minutes(minutes));
            let mut walked = start;
            let mut counted = 0;
            while counted < minutes {
                counted += i64::from(says_open(&calendar, walked));
                walked += TimeDelta::minutes(1);
            }
            prop_assert_eq!(end, walked);
            prop_assert_eq!(calendar.between(start, end), TimeDelta::minutes(minutes));
        }
    }
}
