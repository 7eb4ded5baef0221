//! How an act is done: the same way for every verb.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::arguments::{Given, storable};
use super::error::{ActError, Conflict, told, what};
use super::work::{Terms, Work};
use super::{inspections, orders, shipments, stock, tickets};
use crate::domain::act::{Act, Done};
use crate::domain::people::{Person, Role};
use crate::domain::record::{Kind, Record, RecordId};
use crate::domain::verbs;
use crate::store::acts::{self, Deed, StoredAct};
use crate::store::db::{Db, DbError};
use crate::store::{drafts, feed, people};

/// Longest time for one try.
const LIMIT: Duration = Duration::from_secs(20);
/// How often an act is tried where others got in the way.
const TRIES: u32 = 4;
/// How long to ask for an act whose COMMIT was not answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two questions, and for each to be answered.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(250);
const QUESTION: Duration = Duration::from_secs(2);

/// What an act says that it comes through where a person writes it by hand.
const CONSOLE: &str = "console";

/// How many of the newest deeds of others a conflict tells of.
const TOLD: usize = 5;

/// Does an act: one transaction, once.
///
/// `source` says what it comes through (`console`, `act`, `demo`, `worker`); times that people
/// type are read in the zone of `terms`, the shop's. Where others got in the way it is tried again, and where
/// the outcome of its COMMIT was lost, the database is asked for it.
///
/// # Errors
/// Why it was not done. [`ActError::Db`] with [`DbError::Unknown`] when it could not be found out
/// whether it was.
pub async fn act(
    db: &Db,
    act: Act,
    source: &str,
    terms: impl Into<Terms>,
    now: DateTime<Utc>,
) -> Result<Done, ActError> {
    storable(&act)?;
    let terms = terms.into();
    let mut tries = 1;
    let mut doubt: Option<Doubt> = None;
    loop {
        // Boxed: a whole transaction is too much for the stacks of those who wait for it.
        match Box::pin(attempt(db, act.clone(), source, terms, now)).await {
            Ok(done) => {
                if !done.repeated || doubt.is_some() {
                    ring(db).await;
                }
                return Ok(done);
            }
            Err(error) if error.is_worth_a_retry() && tries < TRIES => {
                sleep(Duration::from_millis(20) * tries).await;
                tries += 1;
                continue;
            }
            Err(ActError::Db(DbError::Unknown(cause))) => {
                doubt.get_or_insert_with(|| Doubt {
                    cause,
                    end: Instant::now() + PATIENCE,
                });
            }
            Err(ActError::Db(_)) if doubt.is_some() => {}
            Err(error) => {
                // An earlier try may have been stored.
                if doubt.is_some() {
                    ring(db).await;
                }
                return Err(error);
            }
        }
        let Some(Doubt { cause, end }) = &doubt else {
            continue;
        };
        // Its id tells. Where it is not there, it is tried again: the id does nothing twice, and
        // the record's lock waits for a first try that the server has not finished yet.
        match asked(db, act.id, *end).await {
            Some(Some(stored)) => {
                ring(db).await;
                return repeated(stored, &act);
            }
            Some(None) if Instant::now() < *end => {}
            _ => {
                ring(db).await;
                return Err(ActError::Db(DbError::Unknown(cause.clone())));
            }
        }
    }
}

/// Tells everybody to look, wherever something may have been stored. Whoever does not hear the bell
/// looks by itself a moment later.
pub(super) async fn ring(db: &Db) {
    let _ = feed::ring(db).await;
}

/// A COMMIT whose outcome did not come back.
struct Doubt {
    cause: String,
    /// When to give up asking.
    end: Instant,
}

/// Compensates an act: does what its [`Done::undo`] says, as an act of its own with `new_id`.
/// The record may have changed since by the same person's hand only; the compensating verb must
/// apply to it as it is.
///
/// # Errors
/// As [`act`]; refused where it cannot be undone or was undone, not permitted where it is
/// somebody else's, a conflict where somebody else has done something since.
pub async fn undo(
    db: &Db,
    act_id: Uuid,
    new_id: Uuid,
    source: &str,
    terms: impl Into<Terms>,
    now: DateTime<Utc>,
) -> Result<Done, ActError> {
    let stored = db
        .call(LIMIT, move |connection| {
            acts::find(connection, act_id).boxed()
        })
        .await?
        .ok_or_else(|| ActError::NotFound(format!("the act {act_id}")))?;
    let undo = (stored.done.undo).ok_or_else(|| ActError::refused("it cannot be undone"))?;
    let verb = verbs::find(stored.record.kind, &undo.verb)
        .ok_or_else(|| ActError::NotFound(format!("the verb “{}”", undo.verb)))?;
    let compensation = Act {
        id: new_id,
        verb,
        record: stored.record,
        expected_version: None,
        args: undo.args,
        undoes: Some(act_id),
    };
    act(db, compensation, source, terms, now).await
}

/// Something that was done to a record while somebody was at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Who and what: `bo: hold (address unclear)`.
    pub what: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What was done to a record after a version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The version that the record had reached at least with it.
    pub version: i64,
    /// What, oldest first; the newest few.
    pub news: Vec<News>,
}

/// What was done to a record after the version that somebody saw.
///
/// # Errors
/// The database could not be asked.
pub async fn news(
    connection: &mut PgConnection,
    record: RecordId,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Since, DbError> {
    // Asked first, so that nothing can have made it that is not told.
    let reached = acts::version(connection, record).await?;
    let deeds = acts::since(connection, record, version).await?;
    let newest = deeds.len().saturating_sub(TOLD);
    let told = deeds[newest..].iter().map(|deed| News {
        what: what(deed),
        at: now - TimeDelta::milliseconds((deed.seconds_ago * 1000.0) as i64),
    });
    Ok(Since {
        version: reached.unwrap_or(version),
        news: told.collect(),
    })
}

/// Asks for an act until the database answers or the time is over; `None` if it did not answer.
async fn asked(db: &Db, id: Uuid, end: Instant) -> Option<Option<StoredAct>> {
    timeout_at(end, async {
        loop {
            let answer = db
                .call(QUESTION, move |connection| {
                    acts::find(connection, id).boxed()
                })
                .await;
            if let Ok(found) = answer {
                return found;
            }
            sleep(BETWEEN_QUESTIONS).await;
        }
    })
    .await
    .ok()
}

/// The answer to an act that was done before.
fn repeated(stored: StoredAct, act: &Act) -> Result<Done, ActError> {
    if stored.verb != act.verb.name || stored.record != act.record || stored.args != act.args {
        return Err(ActError::refused("this id was used for another act"));
    }
    Ok(Done {
        repeated: true,
        ..stored.done
    })
}

async fn attempt(
    db: &Db,
    act: Act,
    source: &str,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Done, ActError> {
    let source = source.to_owned();
    db.transaction(LIMIT, move |connection| {
        async move { transact(connection, &act, &source, terms, now).await }.boxed()
    })
    .await
}

pub(super) async fn transact(
    connection: &mut PgConnection,
    act: &Act,
    source: &str,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Done, ActError> {
    acts::announce(connection, act, source).await?;
    let person = people::person(connection).await?;
    permitted(act, &person)?;
    let exists = !needs_lock(act) || lock(connection, act.record).await?;
    // Asked under the lock: a first try of the same act is either over or not begun.
    if let Some(stored) = acts::find(connection, act.id).await? {
        return repeated(stored, act);
    }
    let record = if exists {
        load(connection, act.record).await?
    } else {
        None
    };
    let record = record.ok_or_else(|| ActError::NotFound(name(act.record)))?;
    match act.undoes {
        Some(undone) => check_undone(connection, act, undone, &record, &person).await?,
        None => check_version(connection, act, record.version()).await?,
    }
    (act.verb.provided(terms.carriers)).map_err(ActError::Refused)?;
    (act.verb.applies_to)(&record).map_err(ActError::Refused)?;
    let given = Given::read(connection, act, terms.zone, now).await?;
    let mut work = Work {
        connection,
        act,
        given,
        who: &person.login,
        terms,
        now,
    };
    let outcome = match &record {
        Record::Order(order) => orders::perform(&mut work, order).await?,
        Record::Stock(level) => stock::perform(&mut work, level).await?,
        Record::Shipment(parcel) => shipments::perform(&mut work, parcel).await?,
        Record::Inspection(inspection) => inspections::perform(&mut work, inspection).await?,
        Record::Ticket(ticket) => tickets::perform(&mut work, ticket).await?,
    };
    let done = Done {
        id: act.id,
        summary: outcome.summary,
        warning: outcome.warning,
        version: acts::version(connection, act.record)
            .await?
            .unwrap_or_else(|| record.version()),
        repeated: false,
        undo: outcome.undo,
    };
    acts::finish(connection, act, source, &done).await?;
    if source == CONSOLE {
        // What was written at the console has been sent: with it or not at all.
        drafts::sent(connection, (act.record, act.verb.name), &act.args).await?;
    }
    Ok(done)
}

pub(super) fn permitted(act: &Act, person: &Person) -> Result<(), ActError> {
    if act.verb.is_permitted_to(person) {
        Ok(())
    } else {
        Err(ActError::NotPermitted(act.verb.not_permitted()))
    }
}

/// A note is added beside whatever else happens to the record: it needs no lock, for which its
/// author would have to be allowed to change the record.
fn needs_lock(act: &Act) -> bool {
    act.verb.name != "note"
}

async fn lock(connection: &mut PgConnection, record: RecordId) -> Result<bool, DbError> {
    use crate::store::{inspections, orders, shipments, stock, tickets};
    match record.kind {
        Kind::Order => orders::lock(connection, record.id).await,
        Kind::Stock => stock::lock(connection, record.id).await,
        Kind::Shipment => shipments::lock(connection, record.id).await,
        Kind::Inspection => inspections::lock(connection, record.id).await,
        Kind::Ticket => tickets::lock(connection, record.id).await,
    }
}

pub(super) async fn load(
    connection: &mut PgConnection,
    record: RecordId,
) -> Result<Option<Record>, DbError> {
    use crate::store::{inspections, orders, shipments, stock, tickets};
    let id = record.id;
    Ok(match record.kind {
        Kind::Order => orders::summary(connection, id).await?.map(Record::Order),
        Kind::Stock => stock::summary(connection, id).await?.map(Record::Stock),
        Kind::Shipment => shipments::summary(connection, id)
            .await?
            .map(Record::Shipment),
        Kind::Inspection => inspections::summary(connection, id)
            .await?
            .map(Record::Inspection),
        Kind::Ticket => tickets::summary(connection, id).await?.map(Record::Ticket),
    })
}

/// What to call a record that is not there.
pub(super) fn name(record: RecordId) -> String {
    match record.kind {
        Kind::Shipment => format!("SHP-{}", record.id),
        Kind::Inspection => format!("INS-{}", record.id),
        Kind::Ticket => format!("TKT-{}", record.id),
        kind @ (Kind::Order | Kind::Stock) => format!("the {kind} with id {}", record.id),
    }
}

async fn check_version(
    connection: &mut PgConnection,
    act: &Act,
    version: i64,
) -> Result<(), ActError> {
    match act.expected_version {
        Some(expected) if expected != version => {
            let deeds = acts::since(connection, act.record, expected).await?;
            Err(conflict(version, &deeds))
        }
        _ => Ok(()),
    }
}

/// What somebody is told whose act meets a record that others have changed.
fn conflict(version: i64, deeds: &[Deed]) -> ActError {
    let newest = deeds.len().saturating_sub(TOLD);
    ActError::Conflict(Conflict {
        version,
        since: deeds[newest..].iter().map(told).collect(),
    })
}

/// A compensation fits the act that it undoes, is the first, and takes nothing away that somebody
/// else has done since: it was theirs to do.
async fn check_undone(
    connection: &mut PgConnection,
    act: &Act,
    undone: Uuid,
    record: &Record,
    person: &Person,
) -> Result<(), ActError> {
    let stored = acts::find(connection, undone)
        .await?
        .ok_or_else(|| ActError::NotFound(format!("the act {undone}")))?;
    if stored.undone_by.is_some() {
        return Err(ActError::refused("it was undone already"));
    }
    let fits = stored.record == act.record
        && (stored.done.undo).is_some_and(|undo| undo.verb == act.verb.name);
    if !fits {
        return Err(ActError::refused("it cannot be undone so"));
    }
    if stored.who != person.login && !person.holds_any(&[Role::Supervisor, Role::Admin]) {
        let may = format!("only {} or a supervisor may undo it", stored.who);
        return Err(ActError::NotPermitted(may));
    }
    if record.version() > stored.done.version {
        let deeds = acts::since_act(connection, act.record, undone).await?;
        // Where the history does not tell who changed it, it was not this person's act.
        if deeds.is_empty() || deeds.iter().any(|deed| deed.who != person.login) {
            return Err(conflict(record.version(), &deeds));
        }
    }
    Ok(())
}
