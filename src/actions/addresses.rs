//! Where an order goes: changing it, and telling the suppliers that were told otherwise.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;

use super::error::ActError;
use super::letters::{self, Desk, StepError};
use super::work::{Outcome, Work};
use crate::domain::orders::{Address, OrderSummary};
use crate::domain::verbs::EMPTY;
use crate::store::addresses as store;
use crate::store::{calendar, jobs, orders, progress};

/// Sends an order elsewhere: what is not said stays as it is.
pub(super) async fn set(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let before = store::current(work.connection, order.id).await?;
    let mut after = before.clone();
    let mut said = Map::new();
    let mut back = Vec::new();
    for (name, field) in after.fields() {
        let was = std::mem::take(field);
        *field = match work.given.optional_text(name) {
            None => was.clone(),
            Some(EMPTY) => String::new(),
            Some(text) => text.to_owned(),
        };
        if *field != was {
            said.insert(name.to_owned(), Value::String(field.clone()));
            back.push((
                name,
                if was.is_empty() {
                    EMPTY.to_owned()
                } else {
                    was
                },
            ));
        }
    }
    if said.is_empty() {
        return Err(ActError::refused("that is its address already"));
    }
    // What is taken back may have been incomplete before.
    if before.is_complete() && !after.is_complete() && work.act.undoes.is_none() {
        let emptied = if said.contains_key("city") {
            "city"
        } else {
            "address1"
        };
        let expected = "a street or a town: an address needs one of them";
        return Err(ActError::argument(emptied, expected));
    }
    store::set(work.connection, order.id, &Value::Object(said)).await?;
    let shown = |address: &Address| address.lines().join(", ");
    let outcome = Outcome::new(format!("goes to {}", shown(&after))).undone_by(
        "set-address",
        back,
        format!("send {} to {} again", order.number, shown(&before)),
    );
    Ok(if after.is_complete() {
        outcome
    } else {
        outcome.but("the address is still incomplete: it needs a street or a town")
    })
}

/// Tells the suppliers of an order that were told another address than it has now, unless they have
/// sent it; what was to be told of another address, and has not left, is stopped. Where one has no mail
/// address, a note on the order asks people to, and it is told when it has one.
///
/// # Errors
/// Nothing has been written then.
pub async fn follow(
    connection: &mut PgConnection,
    order_id: i64,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Result<(), StepError> {
    if !progress::lock(connection, order_id).await? {
        return Ok(());
    }
    jobs::announce(connection, "tell the new address", "").await?;
    let told_otherwise = progress::misaddressed(connection, order_id).await?;
    if told_otherwise.is_empty() {
        return Ok(());
    }
    let business = calendar::load(connection, now).await?;
    let zone = business.calendar.zone();
    let order = progress::facts(connection, order_id, now).await?;
    for purchase in told_otherwise {
        let draft = &purchase.draft;
        if purchase.knows {
            letters::keep_address(connection, draft.id).await?;
            progress::set_readdressed(connection, &purchase).await?;
        } else if desk
            .readdress(connection, draft, purchase.known, &order, zone, now)
            .await?
        {
            progress::set_readdressed(connection, &purchase).await?;
        } else {
            let note = format!(
                "PO-{}: {} has no mail address and must be told that the order goes elsewhere now",
                draft.number, draft.supplier
            );
            orders::insert_note(connection, order_id, &note).await?;
        }
    }
    Ok(())
}
