//! What the database has not taken yet is set aside in a file of this machine, so that it outlives
//! the program; the next start puts it where it belongs.

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::drafts::{Drafts, Key, LONGEST, REST, pause};
use super::messages::Level;
use super::msg::{Became, Effect, Failure, Recovered, Unsaved};
use crate::domain::record::RecordId;

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

/// What there is to tell of a write.
enum Said {
    /// It failed.
    Failed(String),
    /// This failure is over.
    Over(String, String),
}

/// What the file is known to hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Aside {
    holds: Vec<Unsaved>,
    /// What it is being given.
    under_way: Option<Vec<Unsaved>>,
    /// When it was last written.
    written: Option<DateTime<Utc>>,
    /// How often it was.
    writes: u64,
    /// Why it could not be, the last time.
    failed: Option<String>,
    /// How often in a row it could not be.
    failures: u32,
    /// When that is tried again.
    again: Option<DateTime<Utc>>,
    /// Whether it is known what earlier runs have left.
    search: Search,
    /// Why that could not be known, where it was told.
    unknown: Option<String>,
    /// What of it is a draft now, and when it was written.
    drafts: Vec<(RecordId, String, DateTime<Utc>)>,
    /// There was more than drafts, and the messages say what.
    pub(super) has_told: bool,
}

impl Aside {
    /// Asks for what earlier runs have left, once; says whether that was answered, however.
    pub(super) fn search(&mut self, effects: &mut Vec<Effect>) -> bool {
        if self.search == Search::Due {
            self.search = Search::UnderWay;
            effects.push(Effect::Recover);
        }
        matches!(self.search, Search::Done | Search::Failed)
    }

    /// When a draft was written that comes from this machine's file.
    pub(super) fn written_away(&self, record: RecordId, verb: &str) -> Option<DateTime<Utc>> {
        let mut drafts = self.drafts.iter();
        drafts
            .find(|(of, name, _)| *of == record && name == verb)
            .map(|(_, _, at)| *at)
    }

    /// Where there was no answer, it is asked for again.
    pub(super) fn search_again(&mut self) {
        if self.search == Search::Failed {
            self.search = Search::Due;
        }
    }

    /// Whether the file holds the newest of a text.
    pub(super) fn has(&self, drafts: &Drafts, key: &Key) -> bool {
        let newest = drafts.newest(key).map(|(args, _)| args);
        let mut holds = self.holds.iter();
        newest.is_some()
            && holds.any(|text| {
                (text.record, &text.verb) == (key.0, &key.1) && text.args.as_ref() == newest
            })
    }

    /// Whether the file could not be written, the last time.
    pub(super) const fn is_failing(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether the file is to hold something else than it does.
    pub(super) fn wants_tick(&self, drafts: &Drafts) -> bool {
        self.under_way.is_none()
            && self.again.is_none()
            && drafts.has_unsaved()
            && drafts.unsaved() != self.holds
    }

    /// Writes the file anew where that is due.
    fn settle(
        &mut self,
        drafts: &Drafts,
        heard: bool,
        now: DateTime<Utc>,
        effects: &mut Vec<Effect>,
    ) {
        if self.under_way.is_some() || self.again.is_some_and(|again| now < again) {
            return;
        }
        if self.holds.is_empty() && !drafts.has_unsaved() {
            self.failed = None;
            return;
        }
        let unsaved = drafts.unsaved();
        if unsaved == self.holds {
            return;
        }
        let rests = unsaved.iter().all(|text| now - text.at >= REST)
            || self.written.is_none_or(|at| now - at >= LONGEST);
        let left_lying = !heard
            || drafts.has_refused()
            || drafts.oldest_unsaved().is_some_and(|at| now - at >= SLOW);
        if unsaved.is_empty() || (rests && left_lying) {
            self.written = Some(now);
            self.writes += 1;
            self.under_way = Some(unsaved.clone());
            effects.push(Effect::SetAside {
                write: self.writes,
                texts: unsaved,
            });
        }
    }

    /// The file was written, or is as it was. Says what there is to tell of that.
    fn done(&mut self, result: Result<(), Failure>, now: DateTime<Utc>) -> Option<Said> {
        let given = self.under_way.take()?;
        match result {
            Ok(()) => {
                let holds_any = !given.is_empty();
                self.holds = given;
                self.failures = 0;
                self.again = None;
                let failed = self.failed.take().filter(|_| holds_any)?;
                let text = "what you write is kept on this machine again";
                Some(Said::Over(failed, text.to_owned()))
            }
            Err(Failure { text }) => {
                self.again = Some(now + pause(self.failures));
                self.failures += 1;
                let known = self.failed.replace(text.clone());
                let what = if given.is_empty() {
                    "the file of what you wrote is still there"
                } else {
                    "what you write is not kept without the database"
                };
                (known.as_ref() != Some(&text)).then(|| Said::Failed(format!("{what}: {text}")))
            }
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
        match self.aside.done(result, self.now) {
            Some(Said::Over(failure, text)) => self.tell_over(&failure, text),
            Some(Said::Failed(text)) => self.say(Level::Error, text),
            None => {}
        }
    }

    /// What earlier runs had set aside is where it belongs.
    pub(super) fn recovered(&mut self, result: Result<Vec<Recovered>, Failure>) {
        match result {
            Ok(recovered) => {
                self.aside.search = Search::Done;
                self.aside.unknown = None;
                for text in recovered {
                    self.tell_recovered(text);
                }
            }
            Err(Failure { text }) => {
                self.aside.search = Search::Failed;
                if self.aside.unknown.as_ref() != Some(&text) {
                    let told = format!("texts that were kept on this machine: {text}");
                    self.aside.unknown = Some(text);
                    self.say(Level::Error, told);
                }
            }
        }
    }

    fn tell_recovered(&mut self, text: Recovered) {
        let what = format!("{} {}", text.verb, text.number);
        let (level, told) = match text.became {
            Became::Draft(at) => {
                self.aside.drafts.push((text.record, text.verb, at));
                return self.name_drafts_again();
            }
            Became::Sent => (
                Level::Info,
                format!("{what} was sent before the program ended"),
            ),
            Became::Copy(file) => (
                Level::Info,
                format!(
                    "{what}: the database holds another text; what was written here is in {}",
                    file.display()
                ),
            ),
            Became::Left { file, why } => (
                Level::Error,
                format!(
                    "{what}: what was written stays in {}: {why}",
                    file.display()
                ),
            ),
        };
        self.aside.has_told = true;
        match level {
            Level::Info | Level::Unsent => {
                self.log_of((text.record, &text.number), level, told.clone());
                self.tell_only(level, told);
            }
            Level::Refused | Level::Error => {
                self.say_of((text.record, &text.number), level, told);
            }
        }
    }

    /// What one is told who wants to leave before the database has everything.
    pub(super) fn not_kept_yet(&self) -> String {
        if self.is_heard() && !self.drafts.has_refused() {
            "what you wrote is being kept; once more leaves at once".to_owned()
        } else if self.aside.failed.is_some() {
            "without the database what you wrote is lost; once more leaves all the same".to_owned()
        } else if self.is_heard() {
            "once more leaves; what you wrote stays in a file, and the next start says where"
                .to_owned()
        } else {
            "once more leaves; what you wrote is kept here until the database is back".to_owned()
        }
    }
}
