//! When the moments of a folder happen again.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// Longest wait for a moment; beyond it no one waits.
const FOREVER: Duration = Duration::from_hours(100 * 365 * 24);

/// Maps a folder's time to ours: the anchor is now, what lies before it lies as long before now,
/// and what lies after it comes sooner by the speed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    anchor: DateTime<Utc>,
    now: DateTime<Utc>,
    /// Times faster than real time; 0 stands still.
    speed: f64,
}

impl Clock {
    pub(super) fn new(anchor: DateTime<Utc>, now: DateTime<Utc>, speed: f64) -> Self {
        // Files tell whole seconds.
        let now = now.trunc_subsecs(0);
        Self { anchor, now, speed }
    }

    /// Whether nothing happens after the anchor.
    pub(super) fn stands(&self) -> bool {
        self.speed <= 0.0
    }

    /// Whether a moment lies before now, or is now.
    pub(super) fn is_past(&self, at: DateTime<Utc>) -> bool {
        at <= self.anchor
    }

    /// How long after now a moment is due.
    pub(super) fn due(&self, at: DateTime<Utc>) -> Duration {
        let after = (at - self.anchor)
            .to_std()
            .unwrap_or_default()
            .as_secs_f64();
        if after == 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(after / self.speed)
            .unwrap_or(FOREVER)
            .min(FOREVER)
    }

    /// By how much all times of a moment move: the moment as a whole happens when it is due, and
    /// what it says of before and after keeps its distance.
    pub(super) fn shift(&self, at: DateTime<Utc>) -> TimeDelta {
        if self.is_past(at) {
            self.now - self.anchor
        } else {
            let due = TimeDelta::from_std(self.due(at)).unwrap_or_default();
            (self.now + due).trunc_subsecs(0) - at
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_keeps_its_distance_and_the_future_comes_sooner() {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = utc("2026-11-23T09:30:00.7Z");
        let clock = Clock::new(utc("2026-03-10T14:00:00Z"), now, 60.0);
        let moved = |text| (utc(text) + clock.shift(utc(text))).to_rfc3339();
        assert_eq!(moved("2026-03-10T14:00:00Z"), "2026-11-23T09:30:00+00:00");
        assert_eq!(moved("2026-03-09T13:00:00Z"), "2026-11-22T08:30:00+00:00");
        assert_eq!(moved("2026-03-10T15:00:00Z"), "2026-11-23T09:31:00+00:00");
        let hour = utc("2026-03-10T15:00:00Z");
        assert_eq!(clock.due(hour), Duration::from_mins(1));
        assert_eq!(clock.due(utc("2026-03-01T00:00:00Z")), Duration::ZERO);
        let still = Clock::new(utc("2026-03-10T14:00:00Z"), now, 0.0);
        assert!(still.stands());
        assert_eq!(still.due(hour), FOREVER);
    }
}
