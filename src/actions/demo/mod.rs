//! The demo: the importers on a folder of what a shop's other programs wrote, told over again so
//! that now lies inside it.
//!
//! A folder has an `orders.csv` and, where there are any, `options.csv`, `catalog.csv`,
//! `dispatches.csv`, `tracking.jsonl`, mails in `mail/`, and `acts.jsonl` with what colleagues did: one JSON object
//! a line with `at`, `person`, `verb`, `record` and `args`. Its `anchor.txt` holds the instant that
//! is to be now; without one it is the instant before which two thirds of its orders were placed.
//!
//! What lies before now is loaded at once, file by file. What lies after it is told in the order
//! of time, however many times faster than it happened, by the same importers and verbs.

mod clock;
mod colleagues;
mod folder;
mod moment;

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::time::{Instant, sleep, sleep_until};

pub use colleagues::{Colleagues, WORKER};
pub use folder::{Folder, Source};

use self::clock::Clock;
use self::moment::Moment;
use super::import::{self, Failed, ImportError, Run, Stop, Summary};
use crate::domain::calendar::Calendar;
use crate::domain::incoming::Item;
use crate::domain::macros::Macro;
use crate::intake::catalog::Items;
use crate::intake::{Fault, Rejection};
use crate::store;
use crate::store::db::{Db, DbError, UrlError};

/// The sales channel of the orders.
const CHANNEL: &str = "web";
/// How many moments are told at a time where it goes faster than they can be told one by one.
const AT_ONCE: usize = 200;
/// The longest wait for the database.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two tries where the database does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a folder cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder cannot be read.
    #[error("{0}")]
    Unreadable(Fault),
    /// There is no order in the folder.
    #[error("{0} has no orders: expected an orders.csv in Shopify's format there")]
    NoOrders(String),
    /// `anchor.txt` holds something else than an instant.
    #[error("{file}: expected an instant such as 2026-03-10T14:00:00Z, found {found}")]
    Anchor {
        /// The file.
        file: String,
        /// What it holds.
        found: String,
    },
    /// A colleague's login cannot be part of the database's address.
    #[error(transparent)]
    Login(#[from] UrlError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<Fault> for DemoError {
    fn from(fault: Fault) -> Self {
        Self::Unreadable(fault)
    }
}

/// Where a story is told, and by which rules.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The database, as somebody who may import.
    pub db: Db,
    /// The people of the story.
    pub colleagues: Colleagues,
    /// When the shop works.
    pub calendar: Calendar,
    /// Where the shop is.
    pub zone: Tz,
}

/// A folder as a course of moments, in the order of time.
#[derive(Debug)]
pub struct Story {
    folder: Folder,
    macros: Vec<Macro>,
    moments: VecDeque<(DateTime<Utc>, Moment)>,
    /// What of the folder could not be understood.
    rejected: Vec<Rejection>,
    clock: Clock,
}

impl Story {
    /// Reads a folder that is to be told from `now` on, `speed` times faster than it happened; with
    /// 0 it stands still.
    ///
    /// # Errors
    /// A folder without orders, or of which a file cannot be read.
    pub fn read(folder: Folder, now: DateTime<Utc>, speed: f64) -> Result<Self, DemoError> {
        let (mut moments, rejected) = moment::all(&folder)?;
        let anchor = match folder.anchor()? {
            Some(anchor) => anchor,
            None => two_thirds(&moments).ok_or_else(|| DemoError::NoOrders(folder.name("")))?,
        };
        // Of the same instant, as the sources depend on one another.
        moments.sort_by_key(|(at, moment)| (*at, moment.source()));
        Ok(Self {
            macros: folder.macros()?,
            folder,
            moments: moments.into(),
            rejected,
            clock: Clock::new(anchor, now, speed),
        })
    }

    /// Who acts in it, each once.
    pub fn people(&self) -> Vec<String> {
        let mut people: Vec<_> = (self.moments.iter())
            .filter_map(|(_, moment)| match moment {
                Moment::Deed(deed) => Some(deed.person.clone()),
                _ => None,
            })
            .collect();
        people.sort();
        people.dedup();
        people
    }

    /// Leaves out what was due in the time since the story began: somebody else has told it.
    pub fn skip(&mut self, elapsed: Duration) {
        let told = |(at, _): &(DateTime<Utc>, Moment)| self.clock.due(*at) <= elapsed;
        let told = self.moments.partition_point(told);
        self.moments.drain(..told);
    }

    /// How many moments are still to be told.
    pub fn ahead(&self) -> usize {
        self.moments.len()
    }

    /// Loads the catalogue and all that lies before now, and answers with what became of each
    /// source. `progress` is told how far it is.
    ///
    /// # Errors
    /// The database failed. What was loaded stays.
    pub async fn load(
        &mut self,
        stage: &Stage,
        progress: &mut (dyn FnMut(Source, &Summary) + Send),
    ) -> Result<Vec<(Source, Summary)>, DemoError> {
        let macros = std::mem::take(&mut self.macros);
        stage
            .db
            .call(LIMIT, move |connection| {
                Box::pin(async move {
                    for each in &macros {
                        store::macros::put(connection, each).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        let options = self.options(stage, progress).await?;
        let mut told = Vec::from_iter(options.map(|summary| (Source::Options, summary)));
        // What was in stock when an order of the past was placed is not known: those orders are
        // promised by their suppliers' times, and stock is counted after them.
        self.catalog(stage, false, progress).await?;
        let past = self
            .moments
            .partition_point(|(at, _)| self.clock.is_past(*at));
        let past: Vec<_> = self.moments.drain(..past).collect();
        for source in Source::OF_MOMENTS {
            if source == Source::Dispatches {
                let summary = self.catalog(stage, true, progress).await?;
                told.extend(summary.map(|summary| (Source::Catalog, summary)));
            }
            let batch: Vec<_> = past
                .iter()
                .filter(|(_, moment)| moment.source() == source)
                .map(|(at, moment)| moment.clone().moved(self.clock.shift(*at)))
                .collect();
            let mut summary = self.tell(stage, source, batch, progress).await?;
            let file = self.folder.name(source.file());
            let (mine, others) = std::mem::take(&mut self.rejected)
                .into_iter()
                .partition(|rejection| rejection.file.starts_with(&file));
            self.rejected = others;
            let mine: Vec<_> = mine;
            summary.read += mine.len() as u64;
            summary.rejected.extend(mine);
            told.push((source, summary));
        }
        Ok(told)
    }

    /// Loads the shipping options, where there are some.
    async fn options(
        &self,
        stage: &Stage,
        progress: &mut (dyn FnMut(Source, &Summary) + Send),
    ) -> Result<Option<Summary>, DemoError> {
        let Some(bytes) = self.folder.bytes(Source::Options) else {
            return Ok(None);
        };
        let file = self.folder.name(Source::Options.file());
        let mut progress = |summary: &Summary| progress(Source::Options, summary);
        let run = Run {
            db: &stage.db,
            stop: &Stop::default(),
            progress: &mut progress,
        };
        let summary = import::options::import(run, bytes, &file).await;
        summary.map(Some).map_err(failure)
    }

    /// Loads the catalogue, where there is one, with its stock or without.
    async fn catalog(
        &self,
        stage: &Stage,
        counted: bool,
        progress: &mut (dyn FnMut(Source, &Summary) + Send),
    ) -> Result<Option<Summary>, DemoError> {
        let Some(bytes) = self.folder.bytes(Source::Catalog) else {
            return Ok(None);
        };
        let file = self.folder.name(Source::Catalog.file());
        let items = match Items::open(bytes, &file) {
            Ok(items) => items,
            Err(Fault::Rejected(rejection)) => {
                let rejected = vec![rejection];
                return Ok(Some(Summary {
                    rejected,
                    ..Summary::default()
                }));
            }
            Err(fault) => return Err(fault.into()),
        };
        let items = items.map(|item| {
            item.map(|item| Item {
                on_hand: if counted { item.on_hand } else { 0 },
                ..item
            })
        });
        let mut progress = |summary: &Summary| progress(Source::Catalog, summary);
        let run = Run {
            db: &stage.db,
            stop: &Stop::default(),
            progress: &mut progress,
        };
        let summary = import::catalog::put(run, items, &file).await;
        summary.map(Some).map_err(failure)
    }

    /// Tells what comes after now, each moment when it is due, to its end. `begun` is when now
    /// was; `heard` learns what became of each moment. Where the database does not answer, it is
    /// asked again until it does: nothing is told twice by that.
    pub async fn feed(
        mut self,
        stage: Stage,
        begun: Instant,
        mut heard: impl FnMut(Source, Result<&Summary, &DemoError>) + Send,
    ) {
        while let Some(source) = self.next_due(begun).await {
            let mut batch = Vec::new();
            while let Some((at, moment)) = self.moments.front()
                && moment.source() == source
                && batch.len() < AT_ONCE
                && self.clock.due(*at) <= begun.elapsed()
            {
                batch.push(moment.clone().moved(self.clock.shift(*at)));
                self.moments.pop_front();
            }
            loop {
                match self
                    .tell(&stage, source, batch.clone(), &mut |_, _| {})
                    .await
                {
                    Ok(summary) => break heard(source, Ok(&summary)),
                    Err(error) => heard(source, Err(&error)),
                }
                sleep(PAUSE).await;
            }
        }
    }

    /// Waits until something is due, and says of which source it is; `None` at the end.
    async fn next_due(&self, begun: Instant) -> Option<Source> {
        let (at, moment) = self.moments.front()?;
        if self.clock.stands() {
            return None;
        }
        sleep_until(begun + self.clock.due(*at)).await;
        Some(moment.source())
    }

    /// Tells moments of one source.
    async fn tell(
        &self,
        stage: &Stage,
        source: Source,
        moments: Vec<Moment>,
        progress: &mut (dyn FnMut(Source, &Summary) + Send),
    ) -> Result<Summary, DemoError> {
        let file = self.folder.name(source.file());
        let mut progress = |summary: &Summary| progress(source, summary);
        let run = Run {
            db: &stage.db,
            stop: &Stop::default(),
            progress: &mut progress,
        };
        let moments = moments.into_iter();
        let calendar = stage.calendar.clone();
        let told = match source {
            Source::Options | Source::Catalog => Ok(Summary::default()),
            Source::Orders => {
                let orders = moments.filter_map(Moment::order).map(Ok);
                import::orders::put(run, orders, &file, CHANNEL).await
            }
            Source::Dispatches => {
                let parcels = moments.filter_map(Moment::parcel).map(Ok);
                import::dispatches::put(run, parcels, &file).await
            }
            Source::Tracking => {
                let events = moments.filter_map(Moment::event).map(Ok);
                import::tracking::put(run, events, &file).await
            }
            Source::Mail => {
                // Each has a date, so that none is of now; and none is refused for being early.
                let latest = DateTime::<Utc>::MAX_UTC;
                let mails = moments.filter_map(Moment::mail).map(Ok);
                import::mail::put(run, mails, calendar, latest).await
            }
            Source::Acts => {
                let mut summary = Summary::default();
                for deed in moments.filter_map(Moment::deed) {
                    summary.read += 1;
                    match stage.colleagues.perform(&deed, stage.zone).await? {
                        Ok(()) => summary.created += 1,
                        Err(reason) => summary.rejected.push(deed.rejection(&file, reason)),
                    }
                    (run.progress)(&summary);
                }
                return Ok(summary);
            }
        };
        told.map_err(failure)
    }
}

fn failure(failed: Failed) -> DemoError {
    match *failed.error {
        ImportError::Source(fault) => DemoError::Unreadable(fault),
        ImportError::Database(error) => DemoError::Database(error),
    }
}

/// The instant before which two thirds of the orders were placed.
fn two_thirds(moments: &[(DateTime<Utc>, Moment)]) -> Option<DateTime<Utc>> {
    let mut placed: Vec<_> = moments
        .iter()
        .filter_map(|(at, moment)| match moment {
            Moment::Order(order) if order.placed_at == *at => Some(order.placed_at),
            _ => None,
        })
        .collect();
    placed.sort();
    placed
        .get((placed.len() * 2).div_ceil(3).checked_sub(1)?)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_taken_over_where_it_is() {
        let now = "2026-11-23T09:30:00Z".parse().unwrap();
        let ahead = |minutes| {
            let mut story = Story::read(Folder::built_in(), now, 60.0).unwrap();
            story.skip(Duration::from_mins(minutes));
            story.ahead()
        };
        let (from_now, from_later) = (ahead(0), ahead(2));
        assert!(0 < from_later && from_later < from_now);
        assert_eq!(ahead(60 * 24 * 365), 0);
    }

    #[test]
    fn without_an_anchor_two_thirds_of_the_orders_lie_before_now() {
        let (moments, rejected) = moment::all(&Folder::built_in()).unwrap();
        assert_eq!(rejected, []);
        let anchor = two_thirds(&moments).unwrap();
        let placed = |(at, moment): &&(DateTime<Utc>, Moment)| match moment {
            Moment::Order(order) => order.placed_at == *at,
            _ => false,
        };
        let (before, after): (Vec<_>, Vec<_>) = moments
            .iter()
            .filter(placed)
            .partition(|(at, _)| *at <= anchor);
        assert_eq!((before.len(), after.len()), (163, 81));
    }
}
