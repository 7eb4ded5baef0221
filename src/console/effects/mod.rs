//! Does what the state asks for, each in a task of its own, and answers with its number.

mod drafts;
mod lists;

pub use drafts::LeftBehind;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use super::app::{Ask, Effect, Failure, InDatabase, Kept, Msg, RecordPage, Request, Step};
use super::aside::Aside;
use super::history;
use crate::actions::labels::Printing;
use crate::actions::{self, ActError, Terms};
use crate::domain::act::{Act, Done};
use crate::domain::record::RecordId;
use crate::domain::verbs::ArgKind;
use crate::domain::{money, promises};
use crate::store::db::{Db, DbError};
use crate::store::names::{self, NameError};
use crate::store::{completion, macros, people, presence, records, views};

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
    /// The acts that were asked for, until it is known what became of them.
    acts: Arc<Mutex<BTreeMap<Request, Uuid>>>,
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
            acts: Arc::default(),
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
            Effect::Find { request, name } => Msg::Found(request, self.find(name).await),
            Effect::Complete {
                request,
                ask,
                typed,
            } => Msg::Choices(request, self.complete(ask, typed, now).await),
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
                let gone = self.ask(move |c| views::throw_away(c, id).boxed());
                Msg::Keeping(request, gone.await.map(drop))
            }
            Effect::KeepColumns {
                request,
                kind,
                columns,
            } => {
                let kept = self.ask(move |c| {
                    async move { views::keep_columns(c, kind, columns.as_deref()).await }.boxed()
                });
                Msg::Keeping(request, kept.await)
            }
            Effect::Foretell { request, step } => {
                let terms = self.terms;
                let told = self.db.call(READ, move |c| {
                    async move {
                        let (verb, record, args) = (step.verb, step.record, &step.args);
                        match actions::foretell(c, verb, record, args, terms, now).await {
                            Err(ActError::Db(error)) => Err(error),
                            told => Ok(told),
                        }
                    }
                    .boxed()
                });
                Msg::Foretold(request, told.await.map_err(ActError::from).flatten())
            }
            Effect::Act { request, step } => {
                Msg::Acted(request, self.act(request, step, now).await)
            }
            Effect::Presence => {
                let console = self.console;
                Msg::Presence(
                    self.ask(move |c| presence::everybody(c, console).boxed())
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
                self.ask(move |c| actions::news(c, record, version, now).boxed())
                    .await,
            ),
            Effect::Drafts => Msg::Drafts(self.drafts().await),
            Effect::KeepDraft(text) => {
                let kept = match self.keep(&text).await {
                    Ok(true) => InDatabase::Kept,
                    Ok(false) => InDatabase::Other,
                    Err(error) if error.is_outage() => InDatabase::Away,
                    Err(error) => InDatabase::Refused(failure(error)),
                };
                Msg::DraftKept(text.record, text.verb, kept)
            }
            Effect::SetAside { write, texts } => {
                Msg::SetAside(self.set_aside(write, texts).await.map_err(failure))
            }
            Effect::Recover => Msg::Recovered(self.recover().await),
            Effect::Macros => Msg::Macros(self.ask(|c| macros::all(c).boxed()).await),
            Effect::Roles => Msg::Roles(self.ask(|c| people::roles(c).boxed()).await),
            Effect::Copy(_)
            | Effect::Alarm(_)
            | Effect::Redraw
            | Effect::Suspend
            | Effect::Quit => return None,
        };
        Some(reply)
    }

    /// Asks the database, for as long as an answer is worth waiting for.
    async fn ask<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, DbError>>,
        F: Send + 'static,
    {
        self.db.call(READ, work).await.map_err(failure)
    }

    async fn attend(&self, at: Option<(RecordId, bool)>) -> bool {
        let console = self.console;
        self.ask(move |c| async move { presence::attend(c, console, at).await }.boxed())
            .await
            .is_ok()
    }

    async fn complete(
        &self,
        ask: Ask,
        typed: String,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let zone = self.terms.zone;
        self.ask(move |connection| {
            async move {
                let words = match ask {
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
                }?;
                if let Ask::Argument(ArgKind::ShippingOption, Some(order)) = ask {
                    return priced(connection, order, words, zone, now).await;
                }
                Ok(words
                    .into_iter()
                    .map(|word| (word, String::new()))
                    .collect())
            }
            .boxed()
        })
        .await
    }

    async fn find(&self, name: String) -> Result<RecordId, Failure> {
        self.ask(move |connection| {
            async move {
                match names::find(connection, &name).await {
                    Err(NameError::Db(error)) => Err(error),
                    found => Ok(found.map_err(failure)),
                }
            }
            .boxed()
        })
        .await
        .flatten()
    }

    async fn kept(&self) -> Result<Kept, Failure> {
        self.ask(|connection| {
            async move {
                Ok(Kept {
                    views: views::all(connection).await?,
                    columns: views::columns(connection).await?,
                })
            }
            .boxed()
        })
        .await
    }

    async fn record(&self, id: RecordId) -> Result<Option<RecordPage>, Failure> {
        let zone = self.terms.zone;
        self.ask(move |connection| {
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
    }

    /// Does an act. What is asked for again under the same number, because it met an outage, is the
    /// same act, and nothing is done twice.
    async fn act(
        &self,
        request: Request,
        step: Step,
        now: DateTime<Utc>,
    ) -> Result<Done, ActError> {
        let id = *self.acts().entry(request).or_insert_with(Uuid::now_v7);
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
            expected_version: (!step.verb.only_adds()).then_some(step.version),
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
        if !done.as_ref().is_err_and(ActError::is_outage) {
            self.acts().remove(&request);
        }
        done
    }

    fn acts(&self) -> MutexGuard<'_, BTreeMap<Request, Uuid>> {
        // Nothing that could panic half-way runs under this lock.
        self.acts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of these shipping options, those that an order could have instead of its own: what each costs, and
/// when the order would arrive.
async fn priced(
    connection: &mut PgConnection,
    order: RecordId,
    names: Vec<String>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String)>, DbError> {
    let choices = actions::options::choices(connection, order.id, now).await?;
    let fits = |choice: &&actions::options::Choice| !choice.present && choice.unfit.is_none();
    let priced = names.into_iter().filter_map(|name| {
        let mut fitting = choices.iter().filter(fits);
        let choice = fitting.find(|choice| choice.option.name == name)?;
        let price = money::shown(choice.price, &choice.option.currency);
        let means = choice.deliver_by.map_or(price.clone(), |at| {
            format!("{price}, arrives by {}", promises::arrival_day(at, zone))
        });
        Some((name, means))
    });
    Ok(priced.collect())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failure(error: impl ToString) -> Failure {
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
        Effect::Find { request, .. } => Msg::Found(*request, Err(failure)),
        Effect::Complete { request, .. } => Msg::Choices(*request, Err(failure)),
        Effect::Remember { .. } => Msg::Tick,
        Effect::Views => Msg::Kept(Err(failure)),
        Effect::KeepView { request, .. }
        | Effect::ThrowViewAway { request, .. }
        | Effect::KeepColumns { request, .. } => Msg::Keeping(*request, Err(failure)),
        Effect::Foretell { request, .. } => {
            Msg::Foretold(*request, Err(ActError::Unnoted(why.to_owned())))
        }
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
        Effect::Roles => Msg::Roles(Err(failure)),
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
