//! The clocks that a ticket runs against: what starts, pauses and ends them, and when each is due,
//! in business time.

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar::Calendar;
use super::tickets::{Clock, Priority};
use super::words::words;

words! {
    /// What happened to a clock.
    pub enum ClockEventKind {
        /// It began to run, or its due time moved.
        Activate = "activate",
        /// It waits for the customer.
        Pause = "pause",
        /// What it waited for was done.
        Fulfil = "fulfil",
        /// Its due time had passed.
        Breach = "breach",
    }
}

/// One row of a ticket's append-only list, from which its clocks follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockEvent {
    /// The clock.
    pub clock: Clock,
    /// What happened to it.
    pub event: ClockEventKind,
    /// When; of an activation, since when its business time counts.
    pub at: DateTime<Utc>,
    /// When it breaches; of a paused one, when it would have.
    pub due_at: Option<DateTime<Utc>>,
}

/// Business minutes that a priority gives: to the first answer, to each later answer, and to the
/// resolution. A business day of the standard calendar has 480.
const TARGETS: [(Priority, [i64; 3]); 4] = [
    (Priority::Low, [480, 480, 4800]),
    (Priority::Normal, [240, 240, 1440]),
    (Priority::High, [60, 120, 480]),
    (Priority::Urgent, [30, 30, 240]),
];

/// The business time within which a ticket of this priority must be answered or resolved.
pub fn target(priority: Priority, clock: Clock) -> TimeDelta {
    let (_, minutes) = TARGETS[priority as usize];
    TimeDelta::minutes(minutes[clock as usize])
}

/// A running clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Since when its business time counts.
    pub since: DateTime<Utc>,
    /// When it breaches.
    pub due_at: DateTime<Utc>,
}

/// A ticket's clocks. Each method is something that happened; it moves the clocks and answers
/// with the events to store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Runs until the first answer.
    pub first_response: Option<Running>,
    /// Runs from a later message of the customer until it is answered.
    pub next_response: Option<Running>,
    /// Runs until the ticket is resolved, but not while it waits for the customer.
    pub resolution: Option<Running>,
    /// The resolution's clock while it waits for the customer: `since` is when it was paused.
    pub paused: Option<Running>,
}

impl Clocks {
    /// A customer's first message, or the call that stands for it.
    pub fn opened(
        priority: Priority,
        at: DateTime<Utc>,
        calendar: &Calendar,
    ) -> (Self, Vec<ClockEvent>) {
        let mut clocks = Self::default();
        let mut events = Vec::new();
        for clock in [Clock::FirstResponse, Clock::Resolution] {
            let due_at = calendar.add(at, target(priority, clock));
            clocks.run(clock, Running { since: at, due_at }, &mut events);
        }
        (clocks, events)
    }

    /// The customer wrote again: an answer is due, unless one is due already, and the resolution's
    /// clock goes on with the business time that it had left.
    pub fn customer_wrote(
        &mut self,
        priority: Priority,
        at: DateTime<Utc>,
        calendar: &Calendar,
    ) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        if self.first_response.is_none() && self.next_response.is_none() {
            let due_at = calendar.add(at, target(priority, Clock::NextResponse));
            let running = Running { since: at, due_at };
            self.run(Clock::NextResponse, running, &mut events);
        }
        self.resume(priority, at, calendar, &mut events);
        events
    }

    /// We answered: the answer that was due is given, and the ticket waits for the customer.
    pub fn answered(&mut self, at: DateTime<Utc>) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        self.fulfil(Clock::FirstResponse, at, &mut events);
        self.fulfil(Clock::NextResponse, at, &mut events);
        if let Some(running) = self.resolution.take() {
            self.paused = Some(Running {
                since: at,
                due_at: running.due_at,
            });
            events.push(ClockEvent {
                clock: Clock::Resolution,
                event: ClockEventKind::Pause,
                at,
                due_at: Some(running.due_at),
            });
        }
        events
    }

    /// We spoke with the customer: the answer that was due is given.
    pub fn spoke(&mut self, at: DateTime<Utc>) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        self.fulfil(Clock::FirstResponse, at, &mut events);
        self.fulfil(Clock::NextResponse, at, &mut events);
        events
    }

    /// What answered the customer never left: the clocks that it ended run on as if nothing had
    /// been said.
    pub fn answer_withdrawn(&mut self, ended: &[(Clock, Running)]) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        for &(clock, running) in ended {
            if self.slot(clock).is_none() {
                self.run(clock, running, &mut events);
            }
        }
        if self.resolution.is_some() {
            self.paused = None;
        }
        events
    }

    /// The ticket is settled.
    pub fn resolved(&mut self, at: DateTime<Utc>) -> Vec<ClockEvent> {
        let mut events = self.spoke(at);
        // Paused, it was in time if it was in time when it was paused.
        if let Some(paused) = self.paused.take() {
            finish(
                Clock::Resolution,
                paused.due_at,
                at,
                paused.since,
                &mut events,
            );
        }
        self.fulfil(Clock::Resolution, at, &mut events);
        events
    }

    /// That it was settled is taken back: the clocks that this ended run on, and the resolution's
    /// waits again for the customer where it did.
    pub fn resolution_withdrawn(
        &mut self,
        ended: &[(Clock, Running)],
        paused: Option<Running>,
    ) -> Vec<ClockEvent> {
        let mut events = self.answer_withdrawn(ended);
        if let Some(running) = paused.filter(|_| self.resolution.is_none()) {
            self.paused = Some(running);
            events.push(ClockEvent {
                clock: Clock::Resolution,
                event: ClockEventKind::Pause,
                at: running.since,
                due_at: Some(running.due_at),
            });
        }
        events
    }

    /// It was not settled after all: the resolution's clock starts again.
    pub fn reopened(
        &mut self,
        priority: Priority,
        at: DateTime<Utc>,
        calendar: &Calendar,
    ) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        self.resume(priority, at, calendar, &mut events);
        events
    }

    /// The priority changed: every running clock is due as if it had been so since it last began
    /// to run. One that waits for the customer keeps what it had left.
    pub fn prioritised(&mut self, priority: Priority, calendar: &Calendar) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        for clock in Clock::ALL.iter().copied() {
            if let Some(Running { since, .. }) = *self.slot(clock) {
                let due_at = calendar.add(since, target(priority, clock));
                self.run(clock, Running { since, due_at }, &mut events);
            }
        }
        events
    }

    /// When a clock breaches, if it runs.
    pub fn due(&self, clock: Clock) -> Option<DateTime<Utc>> {
        let running = match clock {
            Clock::FirstResponse => self.first_response,
            Clock::NextResponse => self.next_response,
            Clock::Resolution => self.resolution,
        };
        running.map(|running| running.due_at)
    }

    fn slot(&mut self, clock: Clock) -> &mut Option<Running> {
        match clock {
            Clock::FirstResponse => &mut self.first_response,
            Clock::NextResponse => &mut self.next_response,
            Clock::Resolution => &mut self.resolution,
        }
    }

    fn run(&mut self, clock: Clock, running: Running, events: &mut Vec<ClockEvent>) {
        *self.slot(clock) = Some(running);
        events.push(ClockEvent {
            clock,
            event: ClockEventKind::Activate,
            at: running.since,
            due_at: Some(running.due_at),
        });
    }

    fn resume(
        &mut self,
        priority: Priority,
        at: DateTime<Utc>,
        calendar: &Calendar,
        events: &mut Vec<ClockEvent>,
    ) {
        if self.resolution.is_some() {
            return;
        }
        let due_at = match self.paused.take() {
            Some(paused) if paused.due_at <= paused.since => paused.due_at,
            Some(paused) => calendar.add(at, calendar.between(paused.since, paused.due_at)),
            None => calendar.add(at, target(priority, Clock::Resolution)),
        };
        self.run(Clock::Resolution, Running { since: at, due_at }, events);
    }

    fn fulfil(&mut self, clock: Clock, at: DateTime<Utc>, events: &mut Vec<ClockEvent>) {
        if let Some(running) = self.slot(clock).take() {
            finish(clock, running.due_at, at, at, events);
        }
    }
}

/// A clock's end at `at`; late if it counted beyond its due time.
fn finish(
    clock: Clock,
    due_at: DateTime<Utc>,
    at: DateTime<Utc>,
    counted_until: DateTime<Utc>,
    events: &mut Vec<ClockEvent>,
) {
    let mut push = |event| {
        events.push(ClockEvent {
            clock,
            event,
            at,
            due_at: Some(due_at),
        });
    };
    if due_at < counted_until {
        push(ClockEventKind::Breach);
    }
    push(ClockEventKind::Fulfil);
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn kinds(events: &[ClockEvent]) -> Vec<(Clock, ClockEventKind)> {
        events
            .iter()
            .map(|event| (event.clock, event.event))
            .collect()
    }

    #[test]
    fn the_table_has_a_row_for_each_priority_and_is_stricter_by_priority() {
        for (place, priority) in Priority::ALL.iter().enumerate() {
            assert_eq!(TARGETS[place].0, *priority);
        }
        for clock in Clock::ALL {
            for pair in Priority::ALL.windows(2) {
                assert!(target(pair[0], *clock) >= target(pair[1], *clock));
            }
        }
    }

    #[test]
    fn an_answer_in_time_stops_the_clock_and_a_late_one_is_a_breach() {
        let calendar = Calendar::office(Tz::UTC);
        let at = utc("2026-03-10T09:00:00Z");
        let (clocks, _) = Clocks::opened(Priority::Normal, at, &calendar);
        assert_eq!(
            clocks.due(Clock::FirstResponse),
            Some(utc("2026-03-10T13:00:00Z"))
        );
        assert_eq!(
            clocks.due(Clock::Resolution),
            Some(utc("2026-03-12T17:00:00Z"))
        );

        let mut in_time = clocks.clone();
        assert_eq!(
            kinds(&in_time.answered(utc("2026-03-10T13:00:00Z"))),
            [
                (Clock::FirstResponse, ClockEventKind::Fulfil),
                (Clock::Resolution, ClockEventKind::Pause)
            ]
        );
        let mut late = clocks;
        assert_eq!(
            kinds(&late.answered(utc("2026-03-10T13:00:01Z")))[..2],
            [
                (Clock::FirstResponse, ClockEventKind::Breach),
                (Clock::FirstResponse, ClockEventKind::Fulfil)
            ]
        );
    }

    #[test]
    fn waiting_for_the_customer_does_not_count() {
        let calendar = Calendar::office(Tz::UTC);
        let (mut clocks, _) =
            Clocks::opened(Priority::High, utc("2026-03-10T09:00:00Z"), &calendar);
        clocks.answered(utc("2026-03-10T10:00:00Z"));
        assert_eq!(clocks.due(Clock::Resolution), None);
        clocks.customer_wrote(Priority::High, utc("2026-03-13T09:00:00Z"), &calendar);
        assert_eq!(
            clocks.due(Clock::NextResponse),
            Some(utc("2026-03-13T11:00:00Z"))
        );
        // One of its eight hours was used before the pause.
        assert_eq!(
            clocks.due(Clock::Resolution),
            Some(utc("2026-03-13T16:00:00Z"))
        );
    }

    #[test]
    fn a_second_message_before_the_answer_does_not_move_what_is_due() {
        let calendar = Calendar::office(Tz::UTC);
        let (mut clocks, _) =
            Clocks::opened(Priority::Normal, utc("2026-03-10T09:00:00Z"), &calendar);
        let before = clocks.clone();
        let events =
            clocks.customer_wrote(Priority::Normal, utc("2026-03-10T10:00:00Z"), &calendar);
        assert_eq!((clocks, events), (before, Vec::new()));
    }

    #[test]
    fn a_late_resolution_is_a_breach_unless_it_was_the_customer_who_took_the_time() {
        let calendar = Calendar::office(Tz::UTC);
        let open = utc("2026-03-10T09:00:00Z");
        let late = utc("2026-04-10T09:00:00Z");
        let (mut ours, _) = Clocks::opened(Priority::Urgent, open, &calendar);
        let events = ours.resolved(late);
        assert!(kinds(&events).contains(&(Clock::Resolution, ClockEventKind::Breach)));
        let (mut theirs, _) = Clocks::opened(Priority::Urgent, open, &calendar);
        theirs.answered(utc("2026-03-10T09:10:00Z"));
        let events = theirs.resolved(late);
        assert_eq!(
            kinds(&events),
            [(Clock::Resolution, ClockEventKind::Fulfil)]
        );
        assert_eq!(theirs, Clocks::default());
    }

    #[test]
    fn a_higher_priority_counts_from_the_start() {
        let calendar = Calendar::office(Tz::UTC);
        let (mut clocks, _) = Clocks::opened(Priority::Low, utc("2026-03-10T09:00:00Z"), &calendar);
        clocks.prioritised(Priority::Urgent, &calendar);
        assert_eq!(
            clocks.due(Clock::FirstResponse),
            Some(utc("2026-03-10T09:30:00Z"))
        );
    }
}
