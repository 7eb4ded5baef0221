//! Keeps what is being written: in the database, or in this machine's file until the next run can
//! give it to the database.

use std::io;
use std::path::PathBuf;

use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};

use super::{Performer, READ, failure};
use crate::console::app::{Failure, Recovered, Unsaved};
use crate::console::aside;
use crate::store::db::DbError;
use crate::store::drafts::{self, Draft};

impl Performer {
    pub(super) async fn drafts(&self) -> Result<Vec<Draft>, Failure> {
        self.ask(|c| drafts::own(c).boxed()).await
    }

    pub(super) async fn set_aside(&self, write: u64, texts: Vec<Unsaved>) -> io::Result<()> {
        let Some(aside) = self.aside.clone() else {
            return Ok(());
        };
        let written = tokio::task::spawn_blocking(move || aside.write(write, &texts));
        written.await.map_err(io::Error::other)?
    }

    /// Gives the database what earlier consoles of this login could not give it any more.
    pub(super) async fn recover(&self) -> Result<Vec<Recovered>, Failure> {
        let Some(aside) = self.aside.clone() else {
            return Ok(Vec::new());
        };
        let there = self.ask(|c| {
            async move { Ok((drafts::database(c).await?, drafts::own(c).await?)) }.boxed()
        });
        let (database, there) = there.await?;
        let database = aside.database.get_or_init(|| database).clone();
        let left = {
            let aside = aside.clone();
            tokio::task::spawn_blocking(move || aside.left(&database)).await
        };
        let left = left.map_err(failure)?;
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
                older = Some(aside.keep_older(text).map_err(failure)?);
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
    pub(super) async fn keep(&self, text: &Unsaved) -> Result<(), DbError> {
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
}
