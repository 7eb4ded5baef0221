//! What an act would come to, for the question before it is done.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::engine::{load, name};
use super::{ActError, Terms, options, orders, purchases, shipments};
use crate::domain::act::Args;
use crate::domain::record::{Kind, RecordId};
use crate::domain::verbs::Verb;

/// Whether there is more to say of an act than the record and the verb do.
pub fn foretells(verb: &Verb) -> bool {
    matches!(
        (verb.kind, verb.name),
        (Kind::Order, "set-option" | "cancel")
            | (Kind::Stock, "reorder" | "cancel-purchase" | "forget-work")
            | (Kind::Shipment, "send-again" | "write-off")
    )
}

/// What an act would come to, line by line, for the person who is asked about it.
///
/// # Errors
/// Why it would be refused, and the database's.
pub async fn foretell(
    connection: &mut PgConnection,
    verb: &Verb,
    record: RecordId,
    args: &Args,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Vec<String>, ActError> {
    // A colleague may have been first, and nobody is asked about what would be refused.
    let now_is = load(connection, record).await?;
    let now_is = now_is.ok_or_else(|| ActError::NotFound(name(record)))?;
    (verb.applies_to)(&now_is).map_err(ActError::Refused)?;
    match (verb.kind, verb.name) {
        (Kind::Order, "set-option") => {
            let wanted = args.get("to").map_or("", String::as_str);
            options::foretell(connection, record.id, wanted, terms.zone, now).await
        }
        (Kind::Order, "cancel") => Ok(orders::foretell_cancel(connection, record.id).await?),
        (Kind::Stock, "reorder") => purchases::foretell(connection, record.id, args, now).await,
        (Kind::Stock, "cancel-purchase") => {
            purchases::foretell_cancel(connection, record.id, args).await
        }
        (Kind::Stock, "forget-work") => {
            Ok(purchases::foretell_forget(connection, record.id).await?)
        }
        (Kind::Shipment, "send-again" | "write-off") => {
            Ok(shipments::foretell_settled(connection, record.id).await?)
        }
        _ => Ok(Vec::new()),
    }
}
