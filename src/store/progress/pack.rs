//! From what is set aside to a parcel: the plan of the pick, the sample that is inspected, the
//! draft of the parcel.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::store::db::DbError;

/// Units that are set aside and that no fulfilment of ours plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplanned {
    /// Where they lie.
    pub location_id: i64,
    /// The order line.
    pub order_line_id: i64,
    /// Units.
    pub units: i32,
}

/// What is set aside for an order and not planned, by location and line.
pub async fn unplanned(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<Unplanned>, DbError> {
    Ok(sqlx::query_as!(
        Unplanned,
        r#"select s.location_id, r.order_line_id,
                  (sum(r.quantity) - coalesce((
                      select sum(fl.quantity - fl.shipped) from fulfilment_lines fl
                      where fl.order_line_id = r.order_line_id and (
                          select f.location_id = s.location_id
                             and f.state in ('open', 'accepted', 'inspecting', 'ready')
                          from fulfilments f where f.id = fl.fulfilment_id)), 0))::integer as "units!"
           from order_lines l
           join reservations r on r.order_line_id = l.id
           join stock_levels s on s.id = r.stock_level_id
           where l.order_id = $1
           group by s.location_id, r.order_line_id order by s.location_id, r.order_line_id"#,
        order_id
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .filter(|part| part.units > 0)
    .collect())
}

/// What decides whether goods are inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The product's SKU.
    pub sku: String,
    /// The share that the plan asks for, in percent.
    pub percent: i16,
    /// Defects found in its orders and its stock, since the day that was asked about.
    pub defects: i64,
}

/// The products of a fulfilment with what the plan says of them: a row for the product goes before
/// one for its cheapest supplier, and that before the one for all.
pub async fn samples(
    connection: &mut PgConnection,
    fulfilment_id: i64,
    since: DateTime<Utc>,
) -> Result<Vec<Sample>, DbError> {
    Ok(sqlx::query_as!(
        Sample,
        r#"select l.sku, coalesce((select i.percent from inspection_plans i
                            where (i.product_id is null or i.product_id = l.product_id)
                              and (i.supplier_id is null or i.supplier_id = (
                                  select s.supplier_id from competing_offers(l.product_id, o.currency) s limit 1))
                            order by i.product_id nulls last, i.supplier_id nulls last limit 1), 0::smallint) as "percent!",
                  coalesce((select sum(d.defects) from daily_defects d
                            where d.product_id = l.product_id
                              and d.day >= ($2::timestamptz at time zone 'UTC')::date), 0)::bigint as "defects!"
           from fulfilment_lines fl
           join order_lines l on l.id = fl.order_line_id
           join orders o on o.id = l.order_id
           where fl.fulfilment_id = $1 and l.product_id is not null
           order by l.product_id"#,
        fulfilment_id,
        since,
    )
    .fetch_all(connection)
    .await?)
}

/// Packs a fulfilment that is ready: a draft parcel with what is reserved for it at its location.
/// Answers with its primary key, or nothing where nothing is reserved.
pub async fn pack(
    connection: &mut PgConnection,
    order_id: i64,
    fulfilment_id: i64,
) -> Result<Option<i64>, DbError> {
    let packed = sqlx::query!(
        "select r.order_line_id, r.stock_level_id, least(r.quantity, fl.quantity - fl.shipped) as \"quantity!\"
         from fulfilments f
         join fulfilment_lines fl on fl.fulfilment_id = f.id
         join reservations r on r.order_line_id = fl.order_line_id
         join stock_levels s on s.id = r.stock_level_id and s.location_id = f.location_id
         where f.id = $1 and f.state = 'ready' and fl.quantity > fl.shipped
         order by r.stock_level_id, r.order_line_id",
        fulfilment_id
    )
    .fetch_all(&mut *connection)
    .await?;
    if packed.is_empty() {
        return Ok(None);
    }
    let parcel = sqlx::query_scalar!(
        "insert into shipments (order_id, fulfilment_id) values ($1, $2) returning id",
        order_id,
        fulfilment_id,
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines: Vec<i64> = packed.iter().map(|part| part.order_line_id).collect();
    let levels: Vec<i64> = packed.iter().map(|part| part.stock_level_id).collect();
    let units: Vec<i32> = packed.iter().map(|part| part.quantity).collect();
    sqlx::query!(
        "insert into shipment_lines (shipment_id, order_line_id, stock_level_id, quantity)
         select $1, line, level, units
         from unnest($2::bigint[], $3::bigint[], $4::integer[]) as packed (line, level, units)",
        parcel,
        &lines,
        &levels,
        &units,
    )
    .execute(connection)
    .await?;
    Ok(Some(parcel))
}
