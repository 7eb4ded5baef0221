//! Keeps what is being written: in the database, or in this machine's file until the next run can
//! give it to the database.

use std::io;
use std::path::PathBuf;

use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};

use super::{Performer, READ, failure};
use crate::console::app::{Became, Failure, Recovered, Unsaved, digest};
use crate::console::aside::{self, Aside, Verdict};
use crate::domain::act::Args;
use crate::store::acts;
use crate::store::db::DbError;
use crate::store::drafts::{self, Draft};

/// So often a draft is looked at that changes at the same moment.
const TRIES: usize = 3;

impl Performer {
    pub(super) async fn drafts(&self) -> Result<Vec<Draft>, Failure> {
        self.ask(|c| drafts::own(c).boxed()).await
    }

    pub(super) async fn set_aside(&self, write: u64, texts: Vec<Unsaved>) -> io::Result<()> {
        let Some(aside) = self.aside.clone() else {
            return nowhere(&texts);
        };
        let written = tokio::task::spawn_blocking(move || aside.write(write, &texts));
        written.await.map_err(io::Error::other)?
    }

    /// Gives the database what earlier consoles of this login could not give it any more. Where it
    /// does not answer, everything stays where it was, and doing it again does nothing twice.
    pub(super) async fn recover(&self) -> Result<Vec<Recovered>, Failure> {
        let Some(aside) = self.aside.clone() else {
            return Ok(Vec::new());
        };
        let database = self.ask(|c| drafts::database(c).boxed()).await?;
        let database = aside.database.get_or_init(|| database).clone();
        let left = {
            let aside = aside.clone();
            tokio::task::spawn_blocking(move || aside.left(&database)).await
        };
        let left = left.map_err(failure)?.map_err(failure)?;
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

    /// Has the database hold a draft as it was written, or none, in place of what was seen here or
    /// of nothing; says whether it does. What was written elsewhere meanwhile stays.
    pub(super) async fn keep(&self, text: &Unsaved) -> Result<bool, DbError> {
        let text = text.clone();
        self.db
            .call(READ, move |c| {
                async move {
                    let draft = (text.record, text.verb.as_str());
                    for _ in 0..TRIES {
                        let there = drafts::one(c, draft).await?;
                        let verdict = match &there {
                            None if text.args.is_some() => Verdict::Put,
                            there => aside::judge(&text, there.as_ref()),
                        };
                        match verdict {
                            Verdict::Forget => return Ok(true),
                            Verdict::Copy => return Ok(false),
                            Verdict::Put => {
                                let args = text.args.as_ref();
                                if drafts::replace(c, draft, there.as_ref(), args).await? {
                                    return Ok(true);
                                }
                            }
                        }
                    }
                    Ok(false)
                }
                .boxed()
            })
            .await
    }

    /// Sets these texts aside before the end.
    ///
    /// # Errors
    /// Why they could not be.
    pub fn set_last_words_aside(&self, texts: &[Unsaved]) -> Result<(), Failure> {
        let set = match &self.aside {
            Some(aside) => aside.write(aside::LAST, texts),
            None => nowhere(texts),
        };
        set.map_err(|error| {
            tracing::error!("what was written last is not kept: {error}");
            failure(error)
        })
    }

    /// Gives the database what was written last, and tells others that this console is no longer
    /// at any record. Says whether it took all of it.
    pub async fn leave(&self, texts: &[Unsaved]) -> bool {
        let keeping = texts.iter().map(|text| self.keep(text));
        let (kept, _) = join(join_all(keeping), self.attend(None)).await;
        let taken = kept.iter().all(|kept| matches!(kept, Ok(true)));
        if taken {
            // What cannot be removed is put where it belongs already.
            let _ = self.set_last_words_aside(&[]);
        }
        taken
    }

    /// What is left of what was written last, where the database did not take it.
    pub fn left_behind(
        &self,
        texts: Vec<Unsaved>,
        set_aside: Result<(), Failure>,
        taken: bool,
    ) -> Option<LeftBehind> {
        let written = texts.into_iter().filter(|text| text.args.is_some());
        let lost: Vec<Unsaved> = written.filter(|_| !taken).collect();
        match set_aside {
            Err(Failure { text: why }) if !lost.is_empty() => {
                Some(LeftBehind::Nowhere { why, texts: lost })
            }
            _ => {
                let file = self.aside.as_ref()?.file();
                file.exists().then_some(LeftBehind::InFile(file))
            }
        }
    }
}

/// What the database did not take of what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftBehind {
    /// This file has it, and the next start puts it where it belongs.
    InFile(PathBuf),
    /// Nothing has it but this program, which ends.
    Nowhere {
        /// Why no file has it.
        why: String,
        /// The texts.
        texts: Vec<Unsaved>,
    },
}

/// Nothing is kept where there is no place for it.
fn nowhere(texts: &[Unsaved]) -> io::Result<()> {
    if texts.is_empty() {
        return Ok(());
    }
    let why = "there is no folder for it";
    Err(io::Error::new(io::ErrorKind::NotFound, why))
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
