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
    Ask, Became, Effect, Failure, InDatabase, Kept, Msg, PAGE, Reach, RecordPage, Recovered, Step,
    Unsaved, Window, digest,
};
use super::aside::{self, Aside, Verdict};
use super::history;
use crate::actions::labels::Printing;
use crate::actions::{self, ActError, Terms};
use crate::domain::act::{Act, Args, Done};
use crate::domain::list::{Anchor, Counts, ListQuery, Viewer};
use crate::domain::record::RecordId;
use crate::store::db::{Db, DbError};
use crate::store::drafts::Draft;
use crate::store::lists::Refreshed;
use crate::store::{acts, completion, drafts, lists, macros, presence, records, views};

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
                let kept = match self.keep(&text).await {
                    Ok(()) => InDatabase::Kept,
                    Err(error) if error.is_outage() => InDatabase::Away,
                    Err(error) => InDatabase::Refused(failure(error)),
                };
                Msg::DraftKept(text.record, text.verb, kept)
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

    /// Gives the database what earlier consoles of this login could not give it any more. Where it
    /// does not answer, everything stays where it was, and doing it again does nothing twice.
    async fn recover(&self) -> Result<Vec<Recovered>, Failure> {
        let Some(aside) = self.aside.clone() else {
            return Ok(Vec::new());
        };
        let database = self.read(|c| drafts::database(c).boxed()).await?;
        let database = aside.database.get_or_init(|| database).clone();
        let left = {
            let aside = aside.clone();
            tokio::task::spawn_blocking(move || aside.left(&database)).await
        };
        let left = left.map_err(unkept)?.map_err(unkept)?;
        let mut rest: Vec<Vec<Unsaved>> = left.iter().map(|_| Vec::new()).collect();
        let mut recovered = Vec::new();
        for (file, text) in aside::in_order(&left) {
            let became = match self.place(&aside, &text).await {
                Ok(Some(became)) => became,
                Ok(None) => continue,
                Err(Unplaced::Away(error)) => return Err(failure(error)),
                Err(Unplaced::Refused(why)) => {
                    rest[file].push(text.clone());
                    let file = left[file].file.clone();
                    Became::Left { file, why }
                }
            };
            recovered.push(Recovered {
                record: text.record,
                number: text.number,
                verb: text.verb,
                became,
            });
        }
        for (left, rest) in left.into_iter().zip(rest) {
            if let Err(error) = aside.forget(&left, rest) {
                tracing::warn!("{}: {error}", left.file.display());
            }
        }
        Ok(recovered)
    }

    /// Puts a text of an earlier run where it belongs; says what there is to tell of that.
    async fn place(&self, aside: &Aside, text: &Unsaved) -> Result<Option<Became>, Unplaced> {
        let is_it = |draft: &Draft| draft.record == text.record && draft.verb == text.verb;
        let acts = text.acts.clone();
        let read = self.db.call(READ, move |c| {
            async move {
                let mut done = Vec::new();
                for act in acts {
                    done.extend(acts::find(c, act).await?);
                }
                Ok((done, drafts::own(c).await?))
            }
            .boxed()
        });
        let (done, own) = read.await?;
        let there = own.into_iter().find(is_it).map(|draft| draft.args);
        // What was written on after it was sent is still to be sent.
        let sent = text.args.is_some() && done.iter().any(|act| aside::says(&act.args, text));
        let mut text = text.clone();
        if sent {
            // It may be the draft itself that was sent.
            text.seen
                .extend(text.args.take().as_ref().map(digest).map(Some));
        }
        let told = match &text.args {
            None => sent.then_some(Became::Sent),
            Some(_) => Some(Became::Draft(text.at)),
        };
        match aside::judge(&text, there.as_ref()) {
            Verdict::Put if self.replace(&text, there).await? => Ok(told),
            Verdict::Put | Verdict::Copy if text.args.is_some() => {
                let path = aside.keep_copy(&text);
                let path = path.map_err(|error| Unplaced::Refused(error.to_string()))?;
                Ok(Some(Became::Copy(path)))
            }
            _ => Ok(sent.then_some(Became::Sent)),
        }
    }

    /// Has the database hold a text instead of what is there.
    async fn replace(&self, text: &Unsaved, there: Option<Args>) -> Result<bool, DbError> {
        let Unsaved {
            record, verb, args, ..
        } = text.clone();
        self.db
            .call(READ, move |c| {
                async move {
                    let draft = (record, verb.as_str());
                    drafts::replace(c, draft, there.as_ref(), args.as_ref()).await
                }
                .boxed()
            })
            .await
    }

    /// Has the database hold a draft as it was written, or none: only what was seen here is thrown
    /// away.
    async fn keep(&self, text: &Unsaved) -> Result<(), DbError> {
        let Unsaved {
            record,
            verb,
            args,
            seen,
            ..
        } = text.clone();
        self.db
            .call(READ, move |c| {
                async move {
                    if let Some(args) = args {
                        return drafts::keep(c, record, &verb, &args).await;
                    }
                    let own = drafts::own(c).await?.into_iter();
                    for draft in own.filter(|draft| draft.record == record && draft.verb == verb) {
                        if seen.contains(&Some(digest(&draft.args))) {
                            drafts::replace(c, (record, &verb), Some(&draft.args), None).await?;
                        }
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Sets these texts aside before the end, and says so where they could be.
    pub fn set_last_words_aside(&self, texts: &[Unsaved]) {
        if let Some(aside) = &self.aside
            && let Err(error) = aside.write(aside::LAST, texts)
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
        let id = Uuid::now_v7();
        if let Some(aside) = self.aside.clone() {
            // Should its answer never come, the next start asks whether it was done.
            let told =
                tokio::task::spawn_blocking(move || aside.submit(step.record, step.verb.name, id));
            if let Ok(Err(error)) = told.await {
                tracing::warn!("what is being sent: {error}");
            }
        }
        let act = Act {
            id,
            verb: step.verb,
            record: step.record,
            expected_version: Some(step.version),
            args: step.args,
            undoes: step.takes_back.and_then(|undoable| undoable.act),
        };
        let (record, verb) = (act.record, act.verb.name);
        let (printing, terms) = (&self.printing, self.terms);
        let done = actions::act_and_print(&self.db, act, printing, "console", terms, now).await;
        if let Some(aside) = &self.aside
            && !matches!(done, Err(ActError::Db(DbError::Unknown(_))))
        {
            aside.answered(record, verb, id);
        }
        done
    }
}

/// Why a text of an earlier run is not where it belongs.
enum Unplaced {
    /// The database does not answer.
    Away(DbError),
    /// It does not take it, or this machine does not.
    Refused(String),
}

impl From<DbError> for Unplaced {
    fn from(error: DbError) -> Self {
        if error.is_outage() {
            Self::Away(error)
        } else {
            Self::Refused(error.to_string())
        }
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
        Effect::KeepDraft(text) => {
            Msg::DraftKept(text.record, text.verb.clone(), InDatabase::Refused(failure))
        }
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
