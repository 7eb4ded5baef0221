//! How many mails one mail host gets in a minute, so that it does not take us for a spammer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Hosts are forgotten beyond this many, those first that are free again.
const MOST_HOSTS: usize = 10_000;

/// The generic cell rate algorithm (ITU-T I.371) for each host: turns come at even intervals, and
/// ten seconds' worth of them may be taken at once.
#[derive(Debug)]
pub(super) struct Limit {
    /// Between two turns; zero for no limit.
    interval: Duration,
    /// How far ahead turns may be taken.
    burst: Duration,
    /// When the turns taken so far would have been used up, had they been taken evenly.
    taken: Mutex<HashMap<String, Instant>>,
}

impl Limit {
    pub(super) fn new(per_minute: u32) -> Self {
        let interval = match per_minute {
            0 => Duration::ZERO,
            some => Duration::from_mins(1) / some,
        };
        Self {
            interval,
            burst: Duration::from_secs(10).max(interval),
            taken: Mutex::default(),
        }
    }

    /// Takes a turn, or says how long until there is one.
    pub(super) fn turn(&self, host: &str) -> Result<(), Duration> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let now = Instant::now();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= MOST_HOSTS {
            taken.retain(|_, until| *until > now);
        }
        let until = taken.entry(host.to_ascii_lowercase()).or_insert(now);
        let next = (*until).max(now) + self.interval;
        if next > now + self.burst {
            return Err(next - (now + self.burst));
        }
        *until = next;
        Ok(())
    }

    /// The hosts that have no turn left.
    pub(super) fn busy(&self) -> Vec<String> {
        if self.interval.is_zero() {
            return Vec::new();
        }
        let limit = Instant::now() + self.burst;
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken
            .iter()
            .filter(|(_, until)| **until + self.interval > limit)
            .map(|(host, _)| host.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_host_has_turns_of_its_own_that_come_back() {
        let limit = Limit::new(60);
        for _ in 0..10 {
            assert_eq!(limit.turn("shop.pt"), Ok(()));
        }
        assert_eq!(limit.turn("SHOP.pt"), Err(Duration::from_secs(1)));
        assert_eq!(limit.busy(), ["shop.pt"]);
        assert_eq!(limit.turn("shop.de"), Ok(()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(limit.busy().is_empty());
        assert_eq!(limit.turn("shop.pt"), Ok(()));
        assert!(limit.turn("shop.pt").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_limit_still_lets_one_through() {
        let limit = Limit::new(2);
        assert_eq!(limit.turn("shop.pt"), Ok(()));
        assert_eq!(limit.turn("shop.pt"), Err(Duration::from_secs(30)));
    }

    #[test]
    fn nought_is_no_limit() {
        let limit = Limit::new(0);
        assert!((0..1000).all(|_| limit.turn("shop.pt").is_ok()));
    }
}
