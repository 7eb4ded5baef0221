//! Shipments (parcels): their summaries, and what acts read and write of them.

use chrono::NaiveDate;
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::{self, Columns, one_row};
use crate::domain::shipments::{Settled, ShipmentState, ShipmentSummary};

/// A parcel as its list shows it: a `select` that ends where conditions may follow. The parcel is
/// `p`, its order `parent`, its carrier `carrier` (none for a draft); [`from_row`] reads its rows.
pub const SELECT: &str = "
    select p.id, p.version, p.order_id, parent.number as order_number,
           parent.customer_name as customer, carrier.name as carrier, carrier.tracking_url,
           p.tracking_code, p.state, p.settled,
           p.tracking_status, p.tracking_status_raw, p.handed_over_at, p.last_event_at, p.eta,
           p.delivered_at, nullif(p.due_at, '9999-12-31 00:00+00') as due_at,
           p.damaged_reason is not null as damaged, parent.country, packed.units,
           (select state from carrier_labels where shipment_id = p.id order by id desc limit 1) as label,
           (select a.reason from alerts a where a.kind = 'dead_job' and a.subject_kind = 'shipment'
            and a.subject_id = p.id and a.cleared_at is null) as given_up,
           case when p.state in ('draft', 'labelled')
                then coalesce('on hold: ' || parent.hold_reason, parent.waiting_reason) end as waits,
           (select a.reason from alerts a where a.kind = 'stale_label' and a.subject_kind = 'shipment'
            and a.subject_id = p.id and a.cleared_at is null) as stale_label
    from shipments p
    join orders parent on parent.id = p.order_id
    left join carriers carrier on carrier.id = p.carrier_id
    cross join lateral (
        select coalesce(sum(quantity), 0) as units
        from shipment_lines where shipment_id = p.id) packed ";

/// Reads a row of [`SELECT`].
///
/// # Errors
/// Which column of which parcel does not fit.
pub fn from_row(row: &PgRow) -> Result<ShipmentSummary, DbError> {
    let columns = Columns::of("shipment", row)?;
    Ok(ShipmentSummary {
        id: columns.id,
        version: columns.get("version")?,
        order_id: columns.get("order_id")?,
        order_number: columns.get("order_number")?,
        customer: columns.get("customer")?,
        carrier: columns.get("carrier")?,
        tracking_url: columns.get("tracking_url")?,
        tracking_code: columns.get("tracking_code")?,
        state: columns.word("state")?,
        settled: columns.optional_word("settled")?,
        tracking_status: columns.word("tracking_status")?,
        tracking_status_raw: columns.get("tracking_status_raw")?,
        handed_over_at: columns.get("handed_over_at")?,
        last_event_at: columns.get("last_event_at")?,
        eta: columns.get("eta")?,
        delivered_at: columns.get("delivered_at")?,
        due_at: columns.get("due_at")?,
        damaged: columns.get("damaged")?,
        country: columns.get("country")?,
        units: columns.get("units")?,
        label: columns.optional_word("label")?,
        given_up: columns.get("given_up")?,
        waits: columns.get("waits")?,
        stale_label: columns.get("stale_label")?,
    })
}

/// The parcel with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<ShipmentSummary>, DbError> {
    rows::one(connection, SELECT, "p.id = $1", id, from_row).await
}

/// Locks a parcel's order and then the parcel, if it exists.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    sqlx::query!(
        "select id from orders where id = (select order_id from shipments where id = $1) for no key update",
        id
    )
    .fetch_optional(&mut *connection)
    .await?;
    Ok(sqlx::query_scalar!(
        "select id from shipments where id = $1 for no key update",
        id
    )
    .fetch_optional(connection)
    .await?
    .is_some())
}

/// What a carrier calls a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking<'a> {
    /// The carrier's primary key.
    pub carrier_id: i64,
    /// The carrier's code.
    pub code: &'a str,
    /// The local day on which the code was used; codes are recycled.
    pub ship_date: NaiveDate,
}

/// Makes an empty parcel of a fulfilment, and answers with its primary key.
pub async fn insert(
    connection: &mut PgConnection,
    order_id: i64,
    fulfilment_id: i64,
    tracking: &Tracking<'_>,
) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        "insert into shipments (order_id, fulfilment_id, carrier_id, tracking_code, ship_date)
         values ($1, $2, $3, $4, $5) returning id",
        order_id,
        fulfilment_id,
        tracking.carrier_id,
        tracking.code,
        tracking.ship_date,
    )
    .fetch_one(connection)
    .await?)
}

/// A parcel of a fulfilment that has its label and has not left.
pub async fn labelled(
    connection: &mut PgConnection,
    fulfilment_id: i64,
) -> Result<Option<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        "select id from shipments where fulfilment_id = $1 and state = 'labelled' order by id limit 1",
        fulfilment_id
    )
    .fetch_optional(connection)
    .await?)
}

/// Puts units of an order line into a parcel, from our stock.
pub async fn insert_line(
    connection: &mut PgConnection,
    id: i64,
    order_line_id: i64,
    stock_level_id: i64,
    quantity: i32,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "insert into shipment_lines (shipment_id, order_line_id, stock_level_id, quantity)
         values ($1, $2, $3, $4)",
        id,
        order_line_id,
        stock_level_id,
        quantity,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the parcel")
}

/// Moves a parcel to its next state.
pub async fn set_state(
    connection: &mut PgConnection,
    id: i64,
    from: ShipmentState,
    to: ShipmentState,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update shipments set state = $3, reason = coalesce($4, reason) where id = $1 and state = $2",
        id,
        from.as_str(),
        to.as_str(),
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the parcel")
}

/// Decides what becomes of a parcel that was lost or came back. The schema counts its units.
pub async fn settle(connection: &mut PgConnection, id: i64, to: Settled) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update shipments set settled = $2
         where id = $1 and state in ('lost', 'returned_to_sender') and settled is null",
        id,
        to.as_str(),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the parcel")
}

/// Sets carrier and code of an open parcel; it keeps the day on which it was sent, if there is one.
pub async fn set_tracking(
    connection: &mut PgConnection,
    id: i64,
    tracking: &Tracking<'_>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update shipments
         set carrier_id = $2, tracking_code = $3, ship_date = coalesce(ship_date, $4)
         where id = $1 and state in ('draft', 'labelled', 'handed_over')",
        id,
        tracking.carrier_id,
        tracking.code,
        tracking.ship_date,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the parcel")
}

/// Takes carrier and code off a parcel that has a label and has not left: it has none again.
pub async fn clear_tracking(connection: &mut PgConnection, id: i64) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update shipments set state = 'draft', carrier_id = null, tracking_code = null, ship_date = null
         where id = $1 and state = 'labelled'",
        id
    )
    .execute(connection)
    .await?;
    one_row(&done, "the parcel")
}

/// Notes what is damaged in it.
pub async fn set_damaged(
    connection: &mut PgConnection,
    id: i64,
    reason: &str,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update shipments set damaged_reason = $2 where id = $1 and damaged_reason is null",
        id,
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the parcel")
}

/// Notes that its `label` or its slip was printed once more; the label for where its order goes now.
pub async fn count_print(
    connection: &mut PgConnection,
    id: i64,
    label: bool,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update shipments
         set prints = prints + 1,
             printed_for = case when $2 then (select shipping_address from orders where id = order_id)
                                else printed_for end
         where id = $1",
        id,
        label,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the parcel")
}

/// A parcel that was packed and has neither label nor left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Primary key.
    pub id: i64,
    /// The fulfilment that it is a parcel of.
    pub fulfilment_id: i64,
    /// Whether that fulfilment was cancelled.
    pub fulfilment_is_over: bool,
    /// Order line and units, by order line.
    pub lines: Vec<(i64, i32)>,
}

/// The draft parcels of an order, oldest first.
pub async fn drafts(connection: &mut PgConnection, order_id: i64) -> Result<Vec<Draft>, DbError> {
    let rows = sqlx::query!(
        r#"select s.id, s.fulfilment_id, f.state = 'cancelled' as "over!", l.order_line_id, l.quantity
           from shipments s
           join fulfilments f on f.id = s.fulfilment_id
           join shipment_lines l on l.shipment_id = s.id
           where s.order_id = $1 and s.state = 'draft' order by s.id, l.order_line_id"#,
        order_id
    )
    .fetch_all(connection)
    .await?;
    let mut drafts: Vec<Draft> = Vec::new();
    for row in rows {
        if drafts.last().is_none_or(|draft| draft.id != row.id) {
            drafts.push(Draft {
                id: row.id,
                fulfilment_id: row.fulfilment_id,
                fulfilment_is_over: row.over,
                lines: Vec::new(),
            });
        }
        if let Some(draft) = drafts.last_mut() {
            draft.lines.push((row.order_line_id, row.quantity));
        }
    }
    Ok(drafts)
}

/// Makes these parcels void, which have not left.
pub async fn void(connection: &mut PgConnection, ids: &[i64]) -> Result<(), DbError> {
    sqlx::query!(
        "update shipments set state = 'void' where id = any ($1) and state in ('draft', 'labelled')",
        ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes void what was packed for an order and has not left: the primary keys of those parcels.
pub async fn void_packed(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<i64>, DbError> {
    let packed = sqlx::query_scalar!(
        "select id from shipments where order_id = $1 and state in ('draft', 'labelled')
         order by id for no key update",
        order_id
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "update shipments set state = 'void' where id = any ($1)",
        &packed
    )
    .execute(connection)
    .await?;
    Ok(packed)
}
