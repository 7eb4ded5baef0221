//! What the database has not taken yet is set aside in a file of this machine, so that it outlives
//! the program; the next start puts it where it belongs.

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::drafts::{Drafts, LONGEST, REST};
use super::messages::Level;
use super::msg::{Effect, Failure, Recovered, Unsaved};

/// A database that answers takes a text within this; what it leaves longer is set aside.
const SLOW: TimeDelta = TimeDelta::seconds(2);

/// The search for what earlier runs have left; there is one, for it takes the files away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Search {
    #[default]
    Due,
    UnderWay,
    Failed,
    Done,
}

/// What the file is known to hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Aside {
    holds: Vec<Unsaved>,
    under_way: bool,
    /// When it was last written.
    written: Option<DateTime<Utc>>,
    /// How often it was.
    writes: u64,
    /// Why it could not be, the last time.
    failed: Option<String>,
    /// Whether it is known what earlier runs have left.
    search: Search,
    /// What of it is a draft now.
    pub(super) recovered: Vec<Recovered>,
}

impl Aside {
    /// Asks for what earlier runs have left, once; says whether that is known.
    pub(super) fn search(&mut self, effects: &mut Vec<Effect>) -> bool {
        if self.search == Search::Due {
            self.search = Search::UnderWay;
            effects.push(Effect::Recover);
        }
        self.search == Search::Done
    }

    /// Where there was no answer, it is asked for again.
    pub(super) fn search_again(&mut self) {
        if self.search == Search::Failed {
            self.search = Search::Due;
        }
    }

    /// Whether the file is to hold something else than it does.
    pub(super) fn wants_tick(&self, drafts: &Drafts) -> bool {
        !self.under_way && drafts.has_unsaved() && drafts.unsaved() != self.holds
    }

    /// Writes the file anew where that is due.
    fn settle(
        &mut self,
        drafts: &Drafts,
        heard: bool,
        now: DateTime<Utc>,
        effects: &mut Vec<Effect>,
    ) {
        if self.under_way || (self.holds.is_empty() && !drafts.has_unsaved()) {
            return;
        }
        let unsaved = drafts.unsaved();
        if unsaved == self.holds {
            return;
        }
        let rests = unsaved.iter().all(|text| now - text.at >= REST)
            || self.written.is_none_or(|at| now - at >= LONGEST);
        let left_lying = !heard || drafts.oldest_unsaved().is_some_and(|at| now - at >= SLOW);
        if unsaved.is_empty() || (rests && left_lying) {
            self.under_way = true;
            self.written = Some(now);
            self.writes += 1;
            self.holds.clone_from(&unsaved);
            effects.push(Effect::SetAside {
                write: self.writes,
                texts: unsaved,
            });
        }
    }
}

impl App {
    /// Sets aside what the database does not take.
    pub(super) fn settle_aside(&mut self, effects: &mut Vec<Effect>) {
        let heard = self.is_heard();
        self.aside.settle(&self.drafts, heard, self.now, effects);
    }

    /// The file was written, or could not be.
    pub(super) fn was_set_aside(&mut self, result: Result<(), Failure>) {
        self.aside.under_way = false;
        match result {
            Ok(()) => self.aside.failed = None,
            Err(Failure { text }) if self.aside.failed.as_ref() != Some(&text) => {
                let told = format!("what you write is not kept without the database: {text}");
                self.aside.failed = Some(text);
                self.say(Level::Error, told);
            }
            Err(_) => {}
        }
    }

    /// What earlier runs had set aside is where it belongs.
    pub(super) fn recovered(&mut self, result: Result<Vec<Recovered>, Failure>) {
        match result {
            Ok(recovered) => {
                self.aside.search = Search::Done;
                self.aside.recovered = recovered;
            }
            Err(_) => self.aside.search = Search::Failed,
        }
    }

    /// What one is told who wants to leave before the database has everything.
    pub(super) fn not_kept_yet(&self) -> String {
        if self.is_heard() {
            "what you wrote is being kept; once more leaves at once".to_owned()
        } else if self.aside.failed.is_some() {
            "without the database what you wrote is lost; once more leaves all the same".to_owned()
        } else {
            "once more leaves; what you wrote is kept here until the database is back".to_owned()
        }
    }
}
