//! Reads the lists: a part of one, rows by their keys, and the tabs' counts.

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;

use super::Performer;
use crate::console::app::{Failure, PAGE, Reach, Window};
use crate::domain::list::{Anchor, Counts, ListQuery, Viewer};
use crate::domain::record::RecordId;
use crate::domain::when;
use crate::store::lists::{self, Refreshed};

impl Performer {
    pub(super) async fn window(
        &self,
        query: ListQuery,
        reach: Reach,
        now: DateTime<Utc>,
    ) -> Result<Window, Failure> {
        let viewer = self.viewer();
        self.ask(move |connection| {
            async move {
                let wanted = match &reach {
                    Reach::Around(id) => Some(*id),
                    Reach::Keep(key) => Some(key.id),
                    _ => None,
                };
                let found = match wanted {
                    Some(id) => lists::rows(connection, &query, &viewer, &[id], now)
                        .await?
                        .pop()
                        .filter(|found| found.matches)
                        .and_then(|found| found.row)
                        .map(|row| row.key),
                    None => None,
                };
                let around = match (found, &reach) {
                    (None, Reach::Keep(place)) => Some(place.clone()),
                    (found, _) => found,
                };
                if let Some(key) = around {
                    let before = Anchor::Before(key.clone());
                    let from = Anchor::From(key);
                    let before =
                        lists::page(connection, &query, &viewer, &before, PAGE, now).await?;
                    let from = lists::page(connection, &query, &viewer, &from, PAGE, now).await?;
                    let mut rows = before.rows;
                    rows.extend(from.rows);
                    return Ok(Window {
                        rows,
                        starts: before.complete,
                        ends: from.complete,
                    });
                }
                let anchor = match reach {
                    Reach::Start | Reach::Around(_) | Reach::Keep(_) => Anchor::Start,
                    Reach::End => Anchor::End,
                    Reach::After(key) => Anchor::After(key),
                    Reach::Before(key) => Anchor::Before(key),
                };
                let page = lists::page(connection, &query, &viewer, &anchor, PAGE, now).await?;
                Ok(Window {
                    rows: page.rows,
                    starts: anchor == Anchor::Start || page.complete,
                    ends: anchor == Anchor::End || page.complete,
                })
            }
            .boxed()
        })
        .await
    }

    pub(super) async fn rows(
        &self,
        query: ListQuery,
        ids: Vec<RecordId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Refreshed>, Failure> {
        let viewer = self.viewer();
        self.ask(move |connection| {
            async move { lists::rows(connection, &query, &viewer, &ids, now).await }.boxed()
        })
        .await
    }

    /// As of the minute that the clock shows: what is late then is flagged in the lists.
    pub(super) async fn counts(&self, now: DateTime<Utc>) -> Result<Counts, Failure> {
        let now = when::minute(now);
        self.ask(move |connection| lists::counts(connection, now).boxed())
            .await
    }

    fn viewer(&self) -> Viewer {
        Viewer {
            login: self.me.clone(),
            zone: self.terms.zone,
        }
    }
}
