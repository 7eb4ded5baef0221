//! Which mail hosts take no mail just now, so that the log says it when that begins and when it ends,
//! and not at every mail.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::Outcome;

/// Hosts that are known to fail at most: beyond, the log is full enough.
const MOST_HOSTS: usize = 1000;

/// The hosts that fail, in small letters; an empty name is the way out of here itself.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<BTreeSet<String>>);

/// What an attempt says that was not known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// No mail gets out at all.
    Cut,
    /// The host puts mails off.
    PutsOff,
    /// Mails get out again.
    Restored,
    /// The host takes mails again.
    Takes,
}

impl Trouble {
    /// Keeps what an attempt at a recipient's host says, and answers with what is new of it.
    pub(super) fn heard(&self, host: &str, outcome: &Outcome) -> Vec<News> {
        let host = host.to_ascii_lowercase();
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = Vec::new();
        if matches!(outcome, Outcome::Unreachable(_)) {
            if failing.insert(String::new()) {
                news.push(News::Cut);
            }
            return news;
        }
        if failing.remove("") {
            news.push(News::Restored);
        }
        match outcome {
            Outcome::Later(_) if failing.len() < MOST_HOSTS && failing.insert(host.clone()) => {
                news.push(News::PutsOff);
            }
            Outcome::Sent if failing.remove(&host) => news.push(News::Takes),
            _ => {}
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_of_when_it_begins_to_fail_and_when_that_ends() {
        let trouble = Trouble::default();
        let cut = || Outcome::Unreachable("refused".to_owned());
        let later = || Outcome::Later("451 later".to_owned());
        let heard = |host, outcome| trouble.heard(host, &outcome);
        assert_eq!(heard("shop.pt", Outcome::Sent), []);
        assert_eq!(heard("shop.pt", cut()), [News::Cut]);
        assert_eq!(heard("shop.de", cut()), []);
        assert_eq!(heard("shop.pt", later()), [News::Restored, News::PutsOff]);
        assert_eq!(heard("SHOP.pt", later()), []);
        assert_eq!(heard("shop.de", Outcome::Sent), []);
        assert_eq!(heard("shop.pt", Outcome::Sent), [News::Takes]);
        assert_eq!(heard("shop.pt", later()), [News::PutsOff]);
    }
}
