//! Setting our own stock aside: for one order, and for those that wait for a product.

use sqlx::postgres::PgConnection;

use crate::store::db::DbError;

/// A line that wants our own stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanting {
    /// The order line.
    pub id: i64,
    /// Its product.
    pub product_id: i64,
    /// Units that nothing covers.
    pub unallocated: i32,
    /// Units that earlier orders leave free.
    pub free: i64,
}

/// The products of an order that nothing covers and of which our stock has free units.
pub async fn wanted_products(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select distinct s.product_id
           from order_lines l
           join stock_levels s on s.product_id = l.product_id
           join locations p on p.id = s.location_id
           where l.order_id = $1 and l.unallocated > 0 and p.supplier_id is null and s.on_hand > s.reserved"#,
        order_id
    )
    .fetch_all(connection)
    .await?)
}

/// The lines of an order that want one of these products. To be asked after the products' stock
/// levels were locked.
pub async fn wanting(
    connection: &mut PgConnection,
    id: i64,
    products: &[i64],
) -> Result<Vec<Wanting>, DbError> {
    Ok(sqlx::query_as!(
        Wanting,
        r#"select l.id, l.product_id as "product_id!", l.unallocated as "unallocated!",
                  free_units(l.product_id, o.placed_at, o.id) as "free!"
           from order_lines l join orders o on o.id = l.order_id
           where l.order_id = $1 and l.unallocated > 0 and l.product_id = any ($2)
           order by l.position"#,
        id,
        products,
    )
    .fetch_all(connection)
    .await?)
}

/// Sets units aside for lines, many at once: line, stock level, units.
pub async fn reserve(
    connection: &mut PgConnection,
    takes: &[(i64, i64, i32)],
) -> Result<(), DbError> {
    let lines: Vec<i64> = takes.iter().map(|take| take.0).collect();
    let levels: Vec<i64> = takes.iter().map(|take| take.1).collect();
    let units: Vec<i32> = takes.iter().map(|take| take.2).collect();
    sqlx::query!(
        "insert into reservations (order_line_id, stock_level_id, quantity)
         select line, level, units
         from unnest($1::bigint[], $2::bigint[], $3::integer[]) as take (line, level, units)
         order by level, line
         on conflict (order_line_id, stock_level_id)
         do update set quantity = reservations.quantity + excluded.quantity",
        &lines,
        &levels,
        &units,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Orders that wait for a product and may have it, oldest promise first.
pub async fn waiting_for(
    connection: &mut PgConnection,
    product_id: i64,
    limit: i64,
) -> Result<Vec<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        "select o.id from order_lines l join orders o on o.id = l.order_id
         where l.product_id = $1 and l.unallocated > 0 and comes_first(o) and o.stage <> 'new'
         group by o.id order by o.ship_by nulls last, o.id limit $2",
        product_id,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Locks these orders by primary key, and answers with the lines of theirs that want the product:
/// oldest promise first, line by line.
pub async fn lock_waiting(
    connection: &mut PgConnection,
    product_id: i64,
    orders: &[i64],
) -> Result<Vec<(i64, i32)>, DbError> {
    sqlx::query!(
        "select id from orders where id = any ($1) order by id for no key update",
        orders
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(sqlx::query!(
        r#"select l.id, l.unallocated as "unallocated!"
           from order_lines l join orders o on o.id = l.order_id
           where o.id = any ($1) and l.product_id = $2 and l.unallocated > 0
             and comes_first(o) and o.stage <> 'new'
           order by o.ship_by nulls last, o.id, l.position"#,
        orders,
        product_id,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| (row.id, row.unallocated))
    .collect())
}

/// Looks at a product's backorders again.
pub async fn enqueue_backorders(
    connection: &mut PgConnection,
    product_id: i64,
) -> Result<(), DbError> {
    sqlx::query!("select enqueue('backorders', 'product', $1)", product_id)
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Looks again at the orders that want units of a product which nothing covers.
pub async fn enqueue_uncovered(
    connection: &mut PgConnection,
    product_id: i64,
) -> Result<(), DbError> {
    sqlx::query!(
        "select enqueue('order', 'order', waiting.order_id)
         from (select distinct l.order_id
               from order_lines l join orders o on o.id = l.order_id
               where l.product_id = $1 and l.unallocated > 0
                 and o.stage in ('confirmed', 'processing', 'partially_shipped')
               order by l.order_id) waiting",
        product_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}
