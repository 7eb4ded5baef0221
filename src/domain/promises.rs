//! Promises to customers: by when an order leaves, and by when it arrives.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::calendar::{Calendar, instant};

/// Orders placed before this local time count as that day's, where nothing else is said.
pub const CUT_OFF: NaiveTime = match NaiveTime::from_hms_opt(14, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// By when an order leaves: the close of business, `lead_time_days` business days after the day
/// whose order it is. An order placed on a business day before the cut-off is that day's; any
/// other is the next business day's. None where that day is too far to be told.
pub fn ship_by(
    placed_at: DateTime<Utc>,
    lead_time_days: u32,
    calendar: &Calendar,
    cut_off: NaiveTime,
) -> Option<DateTime<Utc>> {
    let placed_on = calendar.date(placed_at);
    let late = calendar.is_business_day(placed_on) && calendar.time(placed_at) >= cut_off;
    let leaves = calendar.business_day(placed_on, lead_time_days.saturating_add(late.into()))?;
    calendar.opening(leaves).map(|(_, close)| close)
}

/// By when an order arrives: the end of the local day, `transit_days` business days after the
/// day by which it leaves. None where that day is too far to be told.
pub fn deliver_by(
    ship_by: DateTime<Utc>,
    transit_days: u32,
    calendar: &Calendar,
) -> Option<DateTime<Utc>> {
    arrival(calendar.date(ship_by), transit_days, calendar)
}

fn arrival(leaves: NaiveDate, transit_days: u32, calendar: &Calendar) -> Option<DateTime<Utc>> {
    let arrives = calendar.business_day(leaves, transit_days)?;
    Some(instant(calendar.zone(), arrives, 24 * 60))
}

/// The day, in a zone, by which a customer reads that an order arrives: a promise ends with it.
pub fn arrival_day(deliver_by: DateTime<Utc>, zone: Tz) -> NaiveDate {
    (deliver_by - TimeDelta::seconds(1))
        .with_timezone(&zone)
        .date_naive()
}

/// What a customer is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// By when it leaves.
    pub ship_by: DateTime<Utc>,
    /// By when it arrives, where its shipping option is known.
    pub deliver_by: Option<DateTime<Utc>>,
}

/// A promise, and what may move it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The promise.
    pub promise: Promise,
    /// Days on the way at most, by its shipping option; none where that does not take the order.
    pub transit_days: Option<u32>,
    /// The days on the way that the promise counts on.
    pub counted_on: Option<u32>,
    /// Whether its shipping option does not take the order: nobody brings it on any day.
    pub refused: bool,
    /// By when the last of its suppliers should hand its part over.
    pub leaves_by: Option<DateTime<Utc>>,
    /// Whether the local day by which it should have left is over.
    pub overdue: bool,
    /// Whether the calendar has changed since it was promised.
    pub calendar_moved: bool,
}

/// When the business works, and until when an order counts as that day's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Business {
    /// Hours and holidays.
    pub calendar: Calendar,
    /// Local time.
    pub cut_off: NaiveTime,
}

/// An order that is overdue is promised anew as if it left so many business days after today: a
/// customer is not to be written to every day.
const CATCH_UP: u32 = 1;

/// That a promise moved because a supplier hands its part over later.
pub const SUPPLIER_IS_LATER: &str = "the supplier takes longer";

impl Standing {
    /// Whether something has happened that may move the promise.
    pub fn may_move(&self) -> bool {
        self.overdue
            || self.calendar_moved
            || self.transit_days != self.counted_on
            || self.is_forlorn()
            || self.supplier_is_later()
    }

    /// Whether a day of arrival is promised on which nobody brings it.
    const fn is_forlorn(&self) -> bool {
        self.refused && self.promise.deliver_by.is_some()
    }

    /// The promise by another calendar, to the same business days counted from `since`: what the old
    /// calendar did not give stays, and so does what is over.
    pub fn recounted(&self, since: DateTime<Utc>, old: &Business, new: &Business) -> Promise {
        let Promise {
            ship_by: promised,
            deliver_by: arrives,
        } = self.promise;
        if self.overdue {
            return self.promise;
        }
        let lead = lead_days(since, promised, &old.calendar, old.cut_off).unsigned_abs();
        let counted = |by: &Business| ship_by(since, lead, &by.calendar, by.cut_off);
        let leaves = match counted(new) {
            Some(at) if counted(old) == Some(promised) => at,
            _ => promised,
        };
        let on_the_way = |leaves, by: &Business| {
            let days = self.counted_on?;
            deliver_by(leaves, days, &by.calendar)
        };
        Promise {
            ship_by: leaves,
            deliver_by: match on_the_way(leaves, new) {
                Some(at) if on_the_way(promised, old) == arrives => Some(at),
                _ => arrives,
            },
        }
    }

    fn supplier_is_later(&self) -> bool {
        self.leaves_by > Some(self.promise.ship_by)
    }

    /// The promise as it should be now, with why, for the history; none where it still holds.
    ///
    /// By when it leaves is our own aim, and stays where it was missed. By when it arrives moves
    /// once it cannot be kept even if it left today; where nobody has all of it (`covered`), there
    /// is nothing to reckon a new day from.
    pub fn renewed(
        &self,
        covered: bool,
        calendar: &Calendar,
        now: DateTime<Utc>,
    ) -> Option<(Promise, &'static str)> {
        let mut promise = self.promise;
        let mut cause = None;
        if let Some(at) = self.leaves_by.filter(|_| self.supplier_is_later()) {
            promise.ship_by = at;
            cause = Some(SUPPLIER_IS_LATER);
        }
        if self.transit_days != self.counted_on || self.is_forlorn() {
            cause = cause.or(Some(match self.transit_days {
                Some(_) => "another shipping option",
                None => "its shipping option does not take it",
            }));
        }
        if cause.is_some() {
            promise.deliver_by = match (self.transit_days, self.counted_on) {
                (Some(days), _) => deliver_by(promise.ship_by, days, calendar),
                // Nobody brings it by the day that was promised.
                (None, Some(_)) => None,
                (None, None) if self.refused => None,
                (None, None) => promise
                    .deliver_by
                    .map(|at| at + (promise.ship_by - self.promise.ship_by)),
            };
        }
        if let (Some(promised), Some(transit)) = (promise.deliver_by, self.transit_days)
            && self.overdue
            && covered
        {
            let arrives = |days| {
                let leaves = calendar.business_day(calendar.date(now), days)?;
                arrival(leaves, transit, calendar)
            };
            let kept = arrives(0).is_some_and(|at| at <= promised);
            if let Some(at) = arrives(CATCH_UP).filter(|_| !kept) {
                promise.deliver_by = Some(at);
                cause = cause.or(Some("it did not leave in time"));
            }
        }
        cause.map(|cause| (promise, cause))
    }
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
        .find(|days| ship_by(placed_at, *days, calendar, cut_off).is_none_or(|at| at >= promised))
        .map_or(60, |days| days as i32)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    use super::super::calendar::tests::{calendars, says_open};
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn the_cut_off_decides_whose_day_it_is() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        let promise = |placed, days| ship_by(utc(placed), days, &calendar, CUT_OFF).expect("a day");
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

    fn standing() -> Standing {
        Standing {
            // Friday's close, and the end of Tuesday.
            promise: Promise {
                ship_by: utc("2026-03-27T16:00:00Z"),
                deliver_by: Some(utc("2026-03-31T22:00:00Z")),
            },
            transit_days: Some(2),
            counted_on: Some(2),
            refused: false,
            leaves_by: None,
            overdue: false,
            calendar_moved: false,
        }
    }

    #[test]
    fn a_holiday_moves_what_was_promised_by_the_calendar_and_nothing_else() {
        let office = |holidays: &[NaiveDate]| {
            let hours = crate::domain::calendar::Hours::new(9 * 60, 17 * 60);
            let week = [hours, hours, hours, hours, hours, None, None];
            Business {
                calendar: Calendar::new(Tz::Europe__Berlin, week, holidays.iter().copied())
                    .expect("a calendar"),
                cut_off: CUT_OFF,
            }
        };
        let (old, new) = (
            office(&[]),
            office(&[NaiveDate::from_ymd_opt(2026, 3, 27).expect("a day")]),
        );
        // Friday's close becomes Monday's, and Tuesday Wednesday; and back again.
        let since = utc("2026-03-26T10:00:00Z");
        let moved = Promise {
            ship_by: utc("2026-03-30T15:00:00Z"),
            deliver_by: Some(utc("2026-04-01T22:00:00Z")),
        };
        assert_eq!(standing().recounted(since, &old, &new), moved);
        let later = Standing {
            promise: moved,
            ..standing()
        };
        assert_eq!(later.recounted(since, &new, &old), standing().promise);
        // A day that somebody else gave, and one that is over.
        let given = Promise {
            ship_by: utc("2026-03-27T11:11:00Z"),
            deliver_by: None,
        };
        for (promise, overdue) in [(given, false), (standing().promise, true)] {
            let stays = Standing {
                promise,
                overdue,
                ..standing()
            };
            assert_eq!(stays.recounted(since, &old, &new), promise);
        }
    }

    #[test]
    fn a_promise_that_holds_stays() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        let now = utc("2026-03-27T18:00:00Z");
        let mut standing = standing();
        assert!(!standing.may_move());
        assert_eq!(standing.renewed(true, &calendar, now), None);
        // The supplier is earlier than was promised.
        standing.leaves_by = Some(utc("2026-03-26T16:00:00Z"));
        assert!(!standing.may_move());
        // Nobody works on Saturday: on Monday it would still be the first day on which it can leave,
        // a day too late.
        standing.overdue = true;
        let (renewed, _) = standing
            .renewed(true, &calendar, utc("2026-03-28T09:00:00Z"))
            .expect("a new day");
        assert_eq!(renewed.ship_by, standing.promise.ship_by, "it was missed");
        assert_eq!(renewed.deliver_by, Some(utc("2026-04-02T22:00:00Z")));
        // Told that, the customer hears no more on Monday and Tuesday.
        standing.promise = renewed;
        for now in ["2026-03-30T09:00:00Z", "2026-03-31T21:59:59Z"] {
            assert_eq!(standing.renewed(true, &calendar, utc(now)), None, "{now}");
        }
        let wednesday = utc("2026-03-31T22:00:00Z");
        assert!(standing.renewed(true, &calendar, wednesday).is_some());
        assert_eq!(standing.renewed(false, &calendar, wednesday), None);
    }

    #[test]
    fn a_promise_follows_its_slowest_supplier_and_its_option() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        let now = utc("2026-03-27T10:00:00Z");
        let later = Standing {
            leaves_by: Some(utc("2026-03-30T15:00:00Z")),
            ..standing()
        };
        let expected = Promise {
            ship_by: utc("2026-03-30T15:00:00Z"),
            deliver_by: Some(utc("2026-04-01T22:00:00Z")),
        };
        let cause = "the supplier takes longer";
        assert_eq!(later.renewed(true, &calendar, now), Some((expected, cause)));
        let express = Standing {
            transit_days: Some(1),
            ..standing()
        };
        let expected = Promise {
            deliver_by: Some(utc("2026-03-30T22:00:00Z")),
            ..standing().promise
        };
        let cause = "another shipping option";
        assert_eq!(
            express.renewed(true, &calendar, now),
            Some((expected, cause))
        );
    }

    #[test]
    fn an_option_that_does_not_take_the_order_brings_it_on_no_day() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        let now = utc("2026-03-27T10:00:00Z");
        let refused = Standing {
            transit_days: None,
            refused: true,
            ..standing()
        };
        let expected = Promise {
            deliver_by: None,
            ..standing().promise
        };
        let cause = "its shipping option does not take it";
        assert_eq!(
            refused.renewed(true, &calendar, now),
            Some((expected, cause))
        );
        // The day may be promised by who did not know.
        let forlorn = Standing {
            counted_on: None,
            ..refused
        };
        assert!(forlorn.may_move());
        assert_eq!(
            forlorn.renewed(true, &calendar, now),
            Some((expected, cause))
        );
        let known = Standing {
            promise: expected,
            ..forlorn
        };
        assert!(!known.may_move());
        let fits = Standing {
            transit_days: Some(2),
            refused: false,
            ..known
        };
        let (renewed, _) = fits.renewed(true, &calendar, now).expect("a day");
        assert_eq!(renewed, standing().promise);
    }

    #[test]
    fn a_promise_tells_the_lead_time_that_it_allows() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        let placed = utc("2026-03-27T12:59:00Z");
        for days in [0, 1, 7, 30] {
            let promised = ship_by(placed, days, &calendar, CUT_OFF).expect("a day");
            assert_eq!(lead_days(placed, promised, &calendar, CUT_OFF), days as i32);
        }
    }

    #[test]
    fn it_arrives_by_the_end_of_a_business_day() {
        let calendar = Calendar::office(Tz::Europe__Berlin);
        assert_eq!(
            deliver_by(utc("2026-03-27T16:00:00Z"), 2, &calendar),
            Some(utc("2026-03-31T22:00:00Z"))
        );
    }

    #[test]
    fn a_leap_day_is_a_day_and_either_side_of_the_date_line_has_its_own() {
        let promise = |zone, placed, days| {
            ship_by(utc(placed), days, &Calendar::office(zone), CUT_OFF).expect("a day")
        };
        // Monday the 28th of February 2028, at noon.
        assert_eq!(
            promise(Tz::UTC, "2028-02-28T12:00:00Z", 2),
            utc("2028-03-01T17:00:00Z")
        );
        // The same instant is Saturday on Kiritimati and Friday in Pago Pago, a day and an hour behind.
        let at = "2026-03-27T20:00:00Z";
        assert_eq!(
            promise(Tz::Pacific__Kiritimati, at, 0),
            utc("2026-03-30T03:00:00Z")
        );
        assert_eq!(
            promise(Tz::Pacific__Pago_Pago, at, 0),
            utc("2026-03-28T04:00:00Z")
        );
    }

    /// The last minute of the n-th business day from a local date on, by a walk: the minute before the
    /// clock on the wall says closed, or shows another date.
    fn walked(calendar: &Calendar, from: NaiveDate, nth: u32) -> DateTime<Utc> {
        let minute = TimeDelta::minutes(1);
        let mut at = instant(calendar.zone(), from, 0);
        let mut left = nth;
        loop {
            let next = at + minute;
            let ends = says_open(calendar, at)
                && (!says_open(calendar, next) || calendar.date(next) != calendar.date(at));
            match (ends, left) {
                (true, 0) => return at,
                (true, _) => left -= 1,
                (false, _) => {}
            }
            at = next;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_promise_is_where_a_walk_by_minutes_ends(
            calendar in calendars(),
            placed in 0_i64..(1400 * 24 * 60),
            lead in 0_u32..4,
            transit in 0_u32..4,
        ) {
            let placed = utc("2025-01-01T00:00:00Z") + TimeDelta::minutes(placed);
            let placed_on = calendar.date(placed);
            let late = calendar.is_business_day(placed_on) && calendar.time(placed) >= CUT_OFF;
            let leaves = ship_by(placed, lead, &calendar, CUT_OFF).expect("a day");
            let close = walked(&calendar, placed_on, lead + u32::from(late));
            prop_assert_eq!(leaves, close + TimeDelta::minutes(1));
            // What leaves at midnight leaves on the day that this ends or begins.
            let arrives = deliver_by(leaves, transit, &calendar).expect("a day");
            let last = walked(&calendar, calendar.date(leaves), transit);
            prop_assert_eq!(calendar.date(arrives - TimeDelta::minutes(1)), calendar.date(last));
            prop_assert_ne!(calendar.date(arrives), calendar.date(last));
        }
    }
}
