//! Reservations: units of our own stock set aside for order lines.

use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::rows::one_row;

/// A stock level of ours, locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Primary key.
    pub id: i64,
    /// The product.
    pub product_id: i64,
    /// Where it lies.
    pub location_id: i64,
    /// Units that may be set aside.
    pub available: i32,
}

/// Units set aside for an order line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Primary key.
    pub id: i64,
    /// The order line.
    pub order_line_id: i64,
    /// The stock that it holds.
    pub stock_level_id: i64,
    /// Where that lies.
    pub location_id: i64,
    /// The name of that place.
    pub location: String,
    /// Units.
    pub quantity: i32,
}

/// Locks our own stock of these products, in the order of its primary keys so that two who do this
/// never wait for each other.
pub async fn lock_levels(
    connection: &mut PgConnection,
    products: &[i64],
) -> Result<Vec<Level>, DbError> {
    Ok(sqlx::query_as!(
        Level,
        r#"select s.id, s.product_id, s.location_id, s.on_hand - s.reserved as "available!"
           from stock_levels s join locations l on l.id = s.location_id
           where s.product_id = any ($1) and l.supplier_id is null
           order by s.id for no key update of s"#,
        products
    )
    .fetch_all(connection)
    .await?)
}

/// Sets units aside for a line, beside what it has there already. The ledger follows.
pub async fn add(
    connection: &mut PgConnection,
    order_line_id: i64,
    stock_level_id: i64,
    quantity: i32,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "insert into reservations (order_line_id, stock_level_id, quantity) values ($1, $2, $3)
         on conflict (order_line_id, stock_level_id)
         do update set quantity = reservations.quantity + excluded.quantity",
        order_line_id,
        stock_level_id,
        quantity,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the reservation")
}

/// What is set aside for an order, in the order of the stock's primary keys.
pub async fn of_order(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<Reservation>, DbError> {
    Ok(sqlx::query_as!(
        Reservation,
        "select r.id, r.order_line_id, r.stock_level_id, s.location_id, p.name as location, r.quantity
         from order_lines l
         join reservations r on r.order_line_id = l.id
         join stock_levels s on s.id = r.stock_level_id
         join locations p on p.id = s.location_id
         where l.order_id = $1 order by r.stock_level_id, r.id",
        order_id
    )
    .fetch_all(connection)
    .await?)
}

/// Gives everything back that is set aside for an order, one stock level after the other in the
/// order of their primary keys. Answers with the units.
pub async fn release_all(connection: &mut PgConnection, order_id: i64) -> Result<i64, DbError> {
    let mut units = 0;
    for reservation in of_order(connection, order_id).await? {
        let done = sqlx::query!(
            "delete from reservations where id = $1 and quantity = $2",
            reservation.id,
            reservation.quantity,
        )
        .execute(&mut *connection)
        .await?;
        one_row(&done, "the reservation")?;
        units += i64::from(reservation.quantity);
    }
    Ok(units)
}
