//! Jobs `order` and `silence`: an order takes the steps that are due. Job `purchase`: a purchase order for
//! our own stock is sent. Job `recall`: one that was cancelled is taken back. Job `address`: suppliers
//! hear that an order goes elsewhere.

use sqlx::postgres::PgConnection;

use super::Terms;
use crate::actions::addresses;
use crate::actions::letters::StepError;
use crate::actions::progress::{self, Moved};
use crate::store::progress as store;

pub(super) async fn handle(
    connection: &mut PgConnection,
    order_id: i64,
    terms: &Terms,
) -> Result<(), StepError> {
    match progress::advance(connection, order_id, &terms.desk, terms.now).await? {
        // Not every step changes the order itself, which would enqueue the next look.
        Moved::Step(_) => Ok(store::enqueue(connection, order_id).await?),
        Moved::Waits => Ok(store::looked(connection, order_id).await?),
        Moved::Gone => Ok(()),
    }
}

/// A purchase order for our own stock is sent.
pub(super) async fn handle_purchase(
    connection: &mut PgConnection,
    purchase_order_id: i64,
    terms: &Terms,
) -> Result<(), StepError> {
    progress::purchase(connection, purchase_order_id, &terms.desk, terms.now).await
}

/// A supplier is told that a purchase order is cancelled.
pub(super) async fn handle_recall(
    connection: &mut PgConnection,
    purchase_order_id: i64,
    terms: &Terms,
) -> Result<(), StepError> {
    progress::take_back(connection, purchase_order_id, &terms.desk, terms.now).await
}

/// The time that a supplier had to answer is over: the order says so, unless the answer has come.
pub(super) async fn handle_silence(
    connection: &mut PgConnection,
    order_id: i64,
    terms: &Terms,
) -> Result<(), StepError> {
    handle(connection, order_id, terms).await?;
    Ok(store::enqueue_silence(connection, order_id, terms.now).await?)
}

/// The suppliers that were told another address are told the new one.
pub(super) async fn handle_address(
    connection: &mut PgConnection,
    order_id: i64,
    terms: &Terms,
) -> Result<(), StepError> {
    addresses::follow(connection, order_id, &terms.desk, terms.now).await
}
