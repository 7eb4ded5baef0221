//! Taking the next: the nearest promise that this person may act on and nobody holds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use sqlx::postgres::PgConnection;
use tokio::time::sleep;
use uuid::Uuid;

use super::engine::{load, ring, transact};
use super::error::ActError;
use super::work::Terms;
use crate::domain::act::{Act, Args, Done};
use crate::domain::filter::{Field, Filter, Term, Test};
use crate::domain::list::{Anchor, ListQuery, Sort, Viewer};
use crate::domain::people::Person;
use crate::domain::record::{Kind, Pane, Record, RecordId};
use crate::domain::verbs;
use crate::store::db::Db;
use crate::store::{lists, people, presence};

/// Longest time for one try.
const LIMIT: Duration = Duration::from_secs(10);
/// How often it is tried where others got in the way.
const TRIES: u32 = 8;
/// How many promises are looked at at a time.
const PAGE: i64 = 20;

/// A record that somebody has taken to work on.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The record, as it is then.
    pub record: Record,
    /// The claim that was made; none where the record has no assignee and is held for a while.
    pub claim: Option<Done>,
}

/// Takes the record with the nearest promise that this person may act on and nobody holds; none if
/// there is none. Claim and search are one transaction: of many who ask at once, each takes another.
///
/// # Errors
/// The database could not be asked. After an unknown outcome, the act's id tells whether the claim
/// was made.
pub async fn take(
    db: &Db,
    id: Uuid,
    source: &str,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Option<Taken>, ActError> {
    let mut tries = 1;
    loop {
        let source = source.to_owned();
        let taken = db
            .transaction(LIMIT, move |connection| {
                async move { search(connection, id, &source, terms, now).await }.boxed()
            })
            .await;
        match taken {
            Ok(taken) => {
                if taken.is_some() {
                    ring(db).await;
                }
                return Ok(taken);
            }
            // Somebody did something with it between the look and the claim.
            Err(error) if tries < TRIES && lost_the_race(&error) => {
                sleep(Duration::from_millis(10) * tries).await;
                tries += 1;
            }
            Err(error) => {
                ring(db).await;
                return Err(error);
            }
        }
    }
}

fn lost_the_race(error: &ActError) -> bool {
    error.is_worth_a_retry() || matches!(error, ActError::Refused(_) | ActError::Conflict(_))
}

async fn search(
    connection: &mut PgConnection,
    id: Uuid,
    source: &str,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Option<Taken>, ActError> {
    let person = people::person(connection).await?;
    let query = free_for(&person);
    let viewer = Viewer {
        login: person.login,
        zone: terms.zone,
    };
    let mut anchor = Anchor::Start;
    loop {
        let page = lists::page(connection, &query, &viewer, &anchor, PAGE, now).await?;
        for row in &page.rows {
            let record = row.record.id();
            if !presence::try_to_take(connection, record).await? {
                continue;
            }
            if let Some(taken) = claim(connection, record, id, source, terms, now).await? {
                return Ok(Some(taken));
            }
        }
        match page.rows.last() {
            Some(last) if !page.complete => anchor = Anchor::After(last.key.clone()),
            _ => return Ok(None),
        }
    }
}

/// What nobody has, of the kinds that are this person's work.
fn free_for(person: &Person) -> ListQuery {
    let mut terms = vec![Term {
        negated: false,
        test: Test::Is(Field::Who, "nobody".to_owned()),
    }];
    for &kind in Kind::ALL {
        if !verbs::is_work_of(kind, person) {
            terms.push(Term {
                negated: true,
                test: Test::Kind(kind),
            });
        }
    }
    ListQuery {
        pane: Pane::Next,
        filter: Filter { terms },
        sort: Sort::default_of(Pane::Next),
    }
}

/// Makes it this person's; none where it is somebody's by now.
async fn claim(
    connection: &mut PgConnection,
    id: RecordId,
    act: Uuid,
    source: &str,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Option<Taken>, ActError> {
    let Some(record) = load(connection, id).await? else {
        return Ok(None);
    };
    if record.assignee().is_some() {
        return Ok(None);
    }
    let verb = verbs::claim(id.kind).filter(|verb| (verb.applies_to)(&record).is_ok());
    let Some(verb) = verb else {
        // A parcel has no assignee, and a failed inspection is not begun again.
        let free = presence::hold(connection, id).await?;
        return Ok(free.then_some(Taken {
            record,
            claim: None,
        }));
    };
    let act = Act {
        id: act,
        verb,
        record: id,
        expected_version: None,
        args: Args::new(),
        undoes: None,
    };
    let claim = transact(connection, &act, source, terms, now).await?;
    Ok(Some(Taken {
        record: load(connection, id).await?.unwrap_or(record),
        claim: Some(claim),
    }))
}
