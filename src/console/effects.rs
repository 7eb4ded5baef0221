//! Does what the state asks for, each in a task of its own, and answers with its number.

use std::io;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join, join_all};
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use super::app::{
    Ask, Effect, Failure, Kept, Msg, PAGE, Reach, RecordPage, Recovered, Step, Unsaved, Window,
};
use super::aside::{self, Aside};
use super::history;
use crate::actions::labels::Printing;
use crate::actions::{self, ActError, Terms};
use crate::domain::act::{Act, Done};
use crate::domain::list::{Anchor, Counts, ListQuery, Viewer};
use crate::domain::record::RecordId;
use crate::store::db::{Db, DbError};
use crate::store::lists::Refreshed;
use crate::store::{completion, drafts, lists, macros, presence, records, views};

/// What is read for the screen is worth no longer wait.
const READ: Duration = Duration::from_secs(10);
/// Entries of a record's history.
const HISTORY: usize = 100;

/// Does what the state asks for.
#[derive(Debug, Clone)]
pub struct Performer {
    db: Db,
    /// The login at the keyboard.
    me: String,
    /// What the settings say to acts; the person types times in its zone.
    terms: Terms,
    printing: Printing,
    /// This console among the others.
    console: Uuid,
    replies: UnboundedSender<Msg>,
    /// Where the command line's history is kept, if anywhere.
    history: Option<PathBuf>,
    /// Where texts that the database does not take are kept, if anywhere.
    aside: Option<Aside>,
}

impl Performer {
    /// Works on this database, as this login, and answers there. It prints into files only.
    pub fn new(db: Db, me: String, terms: impl Into<Terms>, replies: UnboundedSender<Msg>) -> Self {
        Self {
            db,
            me,
            terms: terms.into(),
            printing: Printing::default(),
            console: Uuid::now_v7(),
            replies,
            history: None,
            aside: None,
        }
    }

    /// The same, and prints so.
    #[must_use]
    pub fn with(self, printing: Printing) -> Self {
        Self { printing, ..self }
    }

    /// Keeps the command line's history there.
    #[must_use]
    pub fn with_history(mut self, path: Option<PathBuf>) -> Self {
        self.history = path;
        self
    }

    /// Keeps texts that the database does not take in that folder.
    #[must_use]
    pub fn with_drafts(mut self, folder: Option<PathBuf>) -> Self {
        self.aside = folder.map(|folder| Aside::new(folder, self.me.clone(), self.console));
        self
    }

    /// Begins to do it. What is not done outside (leaving, drawing) is the loop's own.
    pub fn perform(&self, effect: Effect, now: DateTime<Utc>) {
        let Some(failed) = unanswered(&effect) else {
            return;
        };
        let this = self.clone();
        tokio::spawn(async move {
            let reply = answered(this.answer(effect, now).boxed(), failed).await;
            if let Some(reply) = reply {
                // Nobody waits for it any more once the console is being left.
                let _ = this.replies.send(reply);
            }
        });
    }

    /// None for what is the loop's own.
    async fn answer(&self, effect: Effect, now: DateTime<Utc>) -> Option<Msg> {
        let reply = match effect {
            Effect::Window {
                request,
                query,
                reach,
            } => {
                let pane = query.pane;
                Msg::Window(pane, request, self.window(query, reach, now).await)
            }
            Effect::Rows {
                request,
                query,
                ids,
            } => {
                let pane = query.pane;
                Msg::Rows(pane, request, self.rows(query, ids, now).await)
            }
            Effect::Counts => Msg::Counts(self.counts(now).await),
            Effect::Record { request, id } => Msg::Record(id, request, self.record(id).await),
            Effect::Choices {
                request,
                kind,
                prefix,
                record,
            } => {
                let choices = self
                    .db
                    .call(READ, move |connection| {
                        async move { records::choices(connection, kind, &prefix, record).await }
                            .boxed()
                    })
                    .await;
                Msg::Choices(request, choices.map_err(failure))
            }
            Effect::Complete {
                request,
                ask,
                typed,
            } => Msg::Choices(request, self.complete(ask, typed).await),
            Effect::Remember { line } => {
                if let Some(path) = self.history.clone() {
                    // A line that cannot be kept is no reason to be in anybody's way.
                    let kept = tokio::task::spawn_blocking(move || history::append(&path, &line));
                    if let Ok(Err(error)) = kept.await {
                        tracing::warn!("the command line's history: {error}");
                    }
                }
                return None;
            }
            Effect::Views => Msg::Kept(self.kept().await),
            Effect::KeepView {
                request,
                name,
                shared,
                look,
            } => {
                let kept = self.db.transaction(READ, move |connection| {
                    async move { views::keep(connection, &name, shared, &look).await }.boxed()
                });
                Msg::Keeping(request, kept.await.map_err(failure))
            }
            Effect::ThrowViewAway { request, id } => {
                let gone = self.db.call(READ, move |connection| {
                    views::throw_away(connection, id).boxed()
                });
                Msg::Keeping(request, gone.await.map(drop).map_err(failure))
            }
            Effect::KeepColumns {
                request,
                kind,
                columns,
            } => {
                let kept = self.db.call(READ, move |connection| {
                    async move { views::keep_columns(connection, kind, columns.as_deref()).await }
                        .boxed()
                });
                Msg::Keeping(request, kept.await.map_err(failure))
            }
            Effect::Foretell { request, step } => {
                let terms = self.terms;
                let told = self
                    .read(move |c| {
                        async move {
                            actions::foretell(c, step.verb, step.record, &step.args, terms, now)
                                .await
                        }
                        .boxed()
                    })
                    .await;
                Msg::Foretold(request, told)
            }
            Effect::Act { request, step } => Msg::Acted(request, self.act(step, now).await),
            Effect::Presence => {
                let console = self.console;
                Msg::Presence(
                    self.read(move |c| presence::everybody(c, console).boxed())
                        .await,
                )
            }
            Effect::Attend { at } => Msg::Attended(self.attend(at).await),
            Effect::Take { request } => {
                let act = Uuid::now_v7();
                let taken = actions::take(&self.db, act, "console", self.terms, now).await;
                Msg::Taken(request, taken.map(|taken| taken.map(Box::new)))
            }
            Effect::News { record, version } => Msg::News(
                record,
                self.read(move |c| actions::news(c, record, version, now).boxed())
                    .await,
            ),
            Effect::Drafts => Msg::Drafts(self.read(|c| drafts::own(c).boxed()).await),
            Effect::KeepDraft(text) => {
                let kept = self.keep(&text).await;
                Msg::DraftKept(text.record, text.verb, kept.is_ok())
            }
            Effect::SetAside { write, texts } => {
                Msg::SetAside(self.set_aside(write, texts).await.map_err(unkept))
            }
            Effect::Recover => Msg::Recovered(self.recover().await),
            Effect::Macros => Msg::Macros(self.read(|c| macros::all(c).boxed()).await),
            Effect::Copy(_)
            | Effect::Alarm(_)
            | Effect::Redraw
            | Effect::Suspend
            | Effect::Quit => return None,
        };
        Some(reply)
    }

    /// Asks the database, for as long as an answer is worth waiting for.
    async fn read<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, DbError>>,
        F: Send + 'static,
    {
        self.db.call(READ, work).await.map_err(failure)
    }

    async fn attend(&self, at: Option<(RecordId, bool)>) -> bool {
        let console = self.console;
        self.read(move |c| async move { presence::attend(c, console, at).await }.boxed())
            .await
            .is_ok()
    }

    async fn set_aside(&self, write: u64, texts: Vec<Unsaved>) -> io::Result<()> {
        let Some(aside) = self.aside.clone() else {
            return Ok(());
        };
        let written = tokio::task::spawn_blocking(move || aside.write(write, &texts));
        written.await.map_err(io::Error::other)?
    }

    /// Gives the database what earlier consoles of this login could not give it any more.
    async fn recover(&self) -> Result<Vec<Recovered>, Failure> {
        let Some(aside) = self.aside.clone() else {
            return Ok(Vec::new());
        };
        let there = self.read(|c| {
            async move { Ok((drafts::database(c).await?, drafts::own(c).await?)) }.boxed()
        });
        let (database, there) = there.await?;
        let database = aside.database.get_or_init(|| database).clone();
        let left = {
            let aside = aside.clone();
            tokio::task::spawn_blocking(move || aside.left(&database)).await
        };
        let left = left.map_err(unkept)?;
        let (mut recovered, mut rest) = (Vec::new(), Vec::new());
        for ((record, verb), texts) in left.texts {
            let there = there
                .iter()
                .find(|draft| draft.record == record && draft.verb == verb);
            let there = there.map(|draft| Unsaved {
                record,
                verb: verb.clone(),
                args: Some(draft.args.clone()),
                at: draft.at,
            });
            let verdict = aside::judge(texts, there);
            let mut older = None;
            for text in &verdict.older {
                older = Some(aside.keep_older(text).map_err(unkept)?);
            }
            let at = verdict.put.as_ref().map(|text| text.at);
            let mut taken = false;
            if let Some(text) = verdict.put {
                match self.keep(&text).await {
                    Ok(()) => taken = text.args.is_some(),
                    Err(error) if error.is_outage() => return Err(failure(error)),
                    Err(error) => {
                        tracing::warn!("a text of an earlier run for {verb}: {error}");
                        rest.push(text);
                    }
                }
            }
            recovered.push(Recovered {
                record,
                verb,
                at: at.filter(|_| taken),
                older,
            });
        }
        if let Err(error) = aside.forget(left.files, rest) {
            tracing::warn!("texts of earlier runs: {error}");
        }
        Ok(recovered)
    }

    /// Has the database hold a draft as it was written.
    async fn keep(&self, text: &Unsaved) -> Result<(), DbError> {
        let Unsaved {
            record, verb, args, ..
        } = text.clone();
        self.db
            .call(READ, move |c| {
                async move {
                    match args {
                        Some(args) => drafts::keep(c, record, &verb, &args).await,
                        None => drafts::drop(c, record, &verb).await,
                    }
                }
                .boxed()
            })
            .await
    }

    /// Sets these texts aside before the end, and says so where they could be.
    pub fn set_last_words_aside(&self, texts: &[Unsaved]) {
        if let Some(aside) = &self.aside
            && let Err(error) = aside.write(u64::MAX, texts)
        {
            tracing::error!("what was written last is not kept: {error}");
        }
    }

    /// Gives the database what was written last, and tells others that this console is no longer
    /// at any record.
    pub async fn leave(&self, texts: &[Unsaved]) {
        let keeping = texts.iter().map(|text| self.keep(text));
        let (kept, _) = join(join_all(keeping), self.attend(None)).await;
        if kept.iter().all(Result::is_ok) {
            self.set_last_words_aside(&[]);
        }
    }

    /// The file that holds what the database did not take, where there is one.
    pub fn left_behind(&self) -> Option<PathBuf> {
        let file = self.aside.as_ref()?.file();
        file.exists().then_some(file)
    }

    async fn window(
        &self,
        query: ListQuery,
        reach: Reach,
        now: DateTime<Utc>,
    ) -> Result<Window, Failure> {
        let viewer = self.viewer();
        self.db
            .call(READ, move |connection| {
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
                        let from =
                            lists::page(connection, &query, &viewer, &from, PAGE, now).await?;
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
            .map_err(failure)
    }

    async fn rows(
        &self,
        query: ListQuery,
        ids: Vec<RecordId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Refreshed>, Failure> {
        let viewer = self.viewer();
        self.db
            .call(READ, move |connection| {
                async move { lists::rows(connection, &query, &viewer, &ids, now).await }.boxed()
            })
            .await
            .map_err(failure)
    }

    async fn complete(&self, ask: Ask, typed: String) -> Result<Vec<String>, Failure> {
        self.db
            .call(READ, move |connection| {
                async move {
                    match ask {
                        Ask::Value(pane, field) => {
                            completion::values(connection, pane, field, &typed).await
                        }
                        Ask::Argument(kind, record) => {
                            records::choices(connection, kind, &typed, record).await
                        }
                        Ask::Said(verb, argument) => {
                            let kind = verb.kind.as_str();
                            completion::said(connection, kind, verb.name, argument, &typed).await
                        }
                    }
                }
                .boxed()
            })
            .await
            .map_err(failure)
    }

    async fn kept(&self) -> Result<Kept, Failure> {
        self.db
            .call(READ, |connection| {
                async move {
                    Ok(Kept {
                        views: views::all(connection).await?,
                        columns: views::columns(connection).await?,
                    })
                }
                .boxed()
            })
            .await
            .map_err(failure)
    }

    fn viewer(&self) -> Viewer {
        Viewer {
            login: self.me.clone(),
            zone: self.terms.zone,
        }
    }

    async fn counts(&self, now: DateTime<Utc>) -> Result<Counts, Failure> {
        self.db
            .call(READ, move |connection| {
                lists::counts(connection, now).boxed()
            })
            .await
            .map_err(failure)
    }

    async fn record(&self, id: RecordId) -> Result<Option<RecordPage>, Failure> {
        let zone = self.terms.zone;
        self.db
            .call(READ, move |connection| {
                async move {
                    let Some(full) = records::full(connection, id).await? else {
                        return Ok(None);
                    };
                    let history = records::history(connection, id, HISTORY, zone).await?;
                    Ok(Some(RecordPage { full, history }))
                }
                .boxed()
            })
            .await
            .map_err(failure)
    }

    async fn act(&self, step: Step, now: DateTime<Utc>) -> Result<Done, ActError> {
        let act = Act {
            id: Uuid::now_v7(),
            verb: step.verb,
            record: step.record,
            expected_version: Some(step.version),
            args: step.args,
            undoes: step.takes_back.and_then(|undoable| undoable.act),
        };
        let (printing, terms) = (&self.printing, self.terms);
        actions::act_and_print(&self.db, act, printing, "console", terms, now).await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failure(error: DbError) -> Failure {
    Failure {
        text: error.to_string(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn unkept(error: impl ToString) -> Failure {
    Failure {
        text: error.to_string(),
    }
}

/// The reply, or the other one if a mistake in the program keeps it from coming: whoever waits for
/// it must not wait for ever.
async fn answered(reply: impl Future<Output = Option<Msg>>, failed: Msg) -> Option<Msg> {
    AssertUnwindSafe(reply)
        .catch_unwind()
        .await
        .unwrap_or(Some(failed))
}

/// The reply to an effect that could not be done; none where the effect is the loop's own.
fn unanswered(effect: &Effect) -> Option<Msg> {
    let why = "a mistake in the program stopped it";
    let failure = Failure {
        text: why.to_owned(),
    };
    Some(match effect {
        Effect::Window { request, query, .. } => Msg::Window(query.pane, *request, Err(failure)),
        Effect::Rows { request, query, .. } => Msg::Rows(query.pane, *request, Err(failure)),
        Effect::Counts => Msg::Counts(Err(failure)),
        Effect::Record { request, id } => Msg::Record(*id, *request, Err(failure)),
        Effect::Choices { request, .. } | Effect::Complete { request, .. } => {
            Msg::Choices(*request, Err(failure))
        }
        Effect::Remember { .. } => Msg::Tick,
        Effect::Views => Msg::Kept(Err(failure)),
        Effect::KeepView { request, .. }
        | Effect::ThrowViewAway { request, .. }
        | Effect::KeepColumns { request, .. } => Msg::Keeping(*request, Err(failure)),
        Effect::Foretell { request, .. } => Msg::Foretold(*request, Err(failure)),
        Effect::Act { request, .. } => Msg::Acted(
            *request,
            Err(ActError::Db(DbError::Unknown(why.to_owned()))),
        ),
        Effect::Presence => Msg::Presence(Err(failure)),
        Effect::Attend { .. } => Msg::Attended(false),
        Effect::Take { request } => Msg::Taken(
            *request,
            Err(ActError::Db(DbError::Unknown(why.to_owned()))),
        ),
        Effect::News { record, .. } => Msg::News(*record, Err(failure)),
        Effect::Drafts => Msg::Drafts(Err(failure)),
        Effect::KeepDraft(text) => Msg::DraftKept(text.record, text.verb.clone(), false),
        Effect::SetAside { .. } => Msg::SetAside(Err(failure)),
        Effect::Recover => Msg::Recovered(Err(failure)),
        Effect::Macros => Msg::Macros(Err(failure)),
        Effect::Copy(_) | Effect::Alarm(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => {
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_mistake_stops_is_answered_all_the_same() {
        let failed = unanswered(&Effect::Counts).unwrap();
        let reply = answered(async { panic!("a mistake") }, failed).await;
        assert!(matches!(reply, Some(Msg::Counts(Err(_)))), "{reply:?}");
    }
}
