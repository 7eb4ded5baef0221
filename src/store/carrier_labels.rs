//! Carriers' labels: wanting one, claiming what is due, and what became of it.
//!
//! The table is its own queue, as [`super::notices`] is.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::labels;
use super::rows::{address, word};
use crate::domain::carriers::{Bought, CarrierLabel, LabelState, Parcel, Rate};

/// Wants a label for a parcel, at once. `false` where it has one, or one is wanted already; a failed
/// one is tried again.
pub async fn want(connection: &mut PgConnection, shipment_id: i64) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "insert into carrier_labels (shipment_id) values ($1)
         on conflict (shipment_id) where state in ('wanted', 'bought', 'failed')
         do update set state = 'wanted', attempts = 0, wanted_at = clock_timestamp(),
             retry_at = clock_timestamp(), error = null
         where carrier_labels.state = 'failed'",
        shipment_id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A label that is ours to work on until the claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Primary key.
    pub id: i64,
    /// Which try to buy one it is: another once the last is known to have failed.
    pub purchase: i32,
    /// Its parcel.
    pub shipment_id: i64,
    /// The number of this attempt, from 1.
    pub attempt: i32,
    /// [`LabelState::Wanted`] or [`LabelState::Returning`].
    pub state: LabelState,
    /// What the provider calls the parcel, and the rate that was chosen.
    pub rated: Option<(String, Option<String>)>,
    /// Since when it has been wanted.
    pub since: DateTime<Utc>,
}

/// Claims labels that are due, those first that are due longest, until `until`. Never one that
/// another has.
pub async fn claim(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Claimed>, DbError> {
    sqlx::query!(
        "with due as (
             select id from carrier_labels
             where state in ('wanted', 'returning') and retry_at <= $1
             order by retry_at, id limit $3 for update skip locked)
         update carrier_labels l set attempts = attempts + 1, retry_at = $2
         from due where l.id = due.id
         returning l.id, purchase, shipment_id, attempts, state, provider_id, rate_id, wanted_at",
        now,
        until,
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Claimed {
            id: row.id,
            purchase: row.purchase,
            shipment_id: row.shipment_id,
            attempt: row.attempts,
            state: word("carrier_labels.state", row.id, &row.state)?,
            rated: row.provider_id.map(|id| (id, row.rate_id)),
            since: row.wanted_at,
        })
    })
    .collect()
}

/// The parcel of a label, as a carrier is told of it, with its address as the order has it; `None`
/// where nobody knows what it weighs.
pub async fn parcel(
    connection: &mut PgConnection,
    shipment_id: i64,
) -> Result<Option<(Parcel, Value)>, DbError> {
    let row = sqlx::query!(
        r#"select o.number, o.email, o.customer_name, o.shipping_address, o.deliver_by,
                  (select case when count(*) = count(t.weight_g)
                               then sum(t.weight_g::bigint * s.quantity)::bigint end
                   from shipment_lines s
                   join order_lines l on l.id = s.order_line_id
                   left join products t on t.id = l.product_id
                   where s.shipment_id = p.id) as weight_g
           from shipments p join orders o on o.id = p.order_id
           where p.id = $1"#,
        shipment_id
    )
    .fetch_one(connection)
    .await?;
    let mut to = address(
        "shipment's orders.shipping_address",
        shipment_id,
        row.shipping_address.clone(),
    )?;
    if to.name.is_empty() {
        to.name = row.customer_name;
    }
    let Some(weight_g) = row.weight_g else {
        return Ok(None);
    };
    let parcel = Parcel {
        reference: format!("{} SHP-{shipment_id}", row.number),
        to,
        email: row.email,
        weight_g,
        deliver_by: row.deliver_by,
    };
    Ok(Some((parcel, row.shipping_address)))
}

/// Keeps what the provider calls the parcel, the address that it was told and the chosen rate, before
/// anything is bought. `false` where the claim had ended.
pub async fn rated(
    connection: &mut PgConnection,
    claimed: &Claimed,
    provider_id: &str,
    address: &Value,
    rate: &Rate,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update carrier_labels
         set provider_id = $3, rate_id = $4, carrier = $5, service = $6, price = $7, currency = $8,
             address = $9
         where id = $1 and attempts = $2 and state = 'wanted'",
        claimed.id,
        claimed.attempt,
        provider_id,
        rate.id,
        rate.carrier,
        rate.service,
        rate.price.minor,
        rate.price.currency.code(),
        address,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The label is ours: its parcel gets carrier and code, is labelled, and where `prints` its label is
/// printed. Where the parcel got another meanwhile, this one goes back. `false` where the claim had
/// ended.
///
/// The parcel must be locked.
pub async fn bought(
    connection: &mut PgConnection,
    claimed: &Claimed,
    bought: &Bought,
    ship_date: NaiveDate,
    prints: bool,
) -> Result<bool, DbError> {
    sqlx::query!(
        "insert into carriers (name) select $1::text
         where not exists (select from carriers where lower(name) = lower($1))
         on conflict do nothing",
        bought.carrier
    )
    .execute(&mut *connection)
    .await?;
    let done = sqlx::query!(
        "update carrier_labels
         set state = 'bought', tracking_code = $3, zpl = $4, error = null
         where id = $1 and attempts = $2 and state = 'wanted'",
        claimed.id,
        claimed.attempt,
        bought.tracking_code,
        bought.zpl,
    )
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let labelled = sqlx::query!(
        "update shipments
         set carrier_id = (select id from carriers where lower(name) = lower($2)),
             tracking_code = $3, ship_date = $4, state = 'labelled'
         where id = $1 and state = 'draft'",
        claimed.shipment_id,
        bought.carrier,
        bought.tracking_code,
        ship_date,
    )
    .execute(&mut *connection)
    .await?;
    if labelled.rows_affected() == 0 {
        sqlx::query!(
            "update carrier_labels set state = 'returning', attempts = 0, retry_at = clock_timestamp()
             where id = $1",
            claimed.id
        )
        .execute(connection)
        .await?;
    } else if prints {
        labels::enqueue(connection, claimed.shipment_id).await?;
    }
    Ok(true)
}

/// It was given back, or there was nothing to give back. `false` as for [`rated`].
pub async fn returned(connection: &mut PgConnection, claimed: &Claimed) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update carrier_labels set state = 'returned', error = null
         where id = $1 and attempts = $2 and state = 'returning'",
        claimed.id,
        claimed.attempt,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It is tried again then. `false` as for [`rated`].
pub async fn retry(
    connection: &mut PgConnection,
    claimed: &Claimed,
    at: DateTime<Utc>,
    error: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update carrier_labels set retry_at = $3, error = $4
         where id = $1 and attempts = $2 and state in ('wanted', 'returning')",
        claimed.id,
        claimed.attempt,
        at,
        error,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It will not be sold, and nothing was paid: a person decides. The next try is another purchase, of
/// what is offered then. `false` as for [`rated`].
pub async fn refused(
    connection: &mut PgConnection,
    claimed: &Claimed,
    error: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update carrier_labels
         set state = 'failed', error = $3, purchase = purchase + 1, provider_id = null, rate_id = null
         where id = $1 and attempts = $2 and state = 'wanted'",
        claimed.id,
        claimed.attempt,
        error,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It is given up without knowing whether it was paid for: a person decides. The next try is the same
/// purchase, and finds what was bought; so does giving it back. `false` as for [`rated`].
pub async fn give_up(
    connection: &mut PgConnection,
    claimed: &Claimed,
    error: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "update carrier_labels set state = 'failed', error = $3
         where id = $1 and attempts = $2 and state = 'wanted'",
        claimed.id,
        claimed.attempt,
        error,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The newest label of a parcel.
pub async fn of_shipment(
    connection: &mut PgConnection,
    shipment_id: i64,
) -> Result<Option<CarrierLabel>, DbError> {
    let row = sqlx::query!(
        "select id, state, carrier, service, price, currency, attempts, retry_at, error
         from carrier_labels where shipment_id = $1 order by id desc limit 1",
        shipment_id
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(CarrierLabel {
            state: word("carrier_labels.state", row.id, &row.state)?,
            carrier: row.carrier,
            service: row.service,
            price: row.price,
            currency: row.currency,
            attempts: row.attempts,
            retry_at: row.retry_at,
            error: row.error,
        })
    })
    .transpose()
}
