//! Purchase orders: those for our own stock, and what suppliers answer. What an answer means for an
//! order follows by trigger.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::fulfilments::Asked as Told;
use super::rows::one_row;

/// What a supplier offers for a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The supplier.
    pub supplier_id: i64,
    /// Its name.
    pub supplier: String,
    /// The product.
    pub product_id: i64,
    /// Cost of one unit, in minor units of the currency.
    pub unit_cost: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// What a supplier offers for the product of a stock level, or the best offer of all.
pub async fn offer(
    connection: &mut PgConnection,
    level: i64,
    supplier_id: Option<i64>,
) -> Result<Option<Offer>, DbError> {
    Ok(sqlx::query_as!(
        Offer,
        r#"select o.supplier_id as "supplier_id!", p.name as supplier, o.product_id as "product_id!",
                  o.unit_cost as "unit_cost!", o.currency as "currency!"
           from (select s.product_id,
                        coalesce($2, (select b.supplier_id
                                      from competing_offers(s.product_id, buying_currency()) b limit 1)) as from_id
                 from stock_levels s where s.id = $1) wanted
           join supplier_offers o on o.product_id = wanted.product_id and o.supplier_id = wanted.from_id
           join suppliers p on p.id = o.supplier_id"#,
        level,
        supplier_id,
    )
    .fetch_optional(connection)
    .await?)
}

/// Drafts a purchase order for our own stock; the worker sends it. Answers with its primary key.
pub async fn insert(
    connection: &mut PgConnection,
    offer: &Offer,
    quantity: i32,
) -> Result<i64, DbError> {
    let id = sqlx::query_scalar!(
        "insert into purchase_orders (supplier_id, currency) values ($1, $2) returning id",
        offer.supplier_id,
        offer.currency,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into purchase_order_lines (purchase_order_id, product_id, quantity, unit_cost)
         values ($1, $2, $3, $4)",
        id,
        offer.product_id,
        quantity,
        offer.unit_cost,
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// Counts units that arrived at a stock level against what was ordered for our own stock, the oldest
/// purchase order first. One that has arrived whole was accepted, whether or not the supplier said so.
pub async fn receive(
    connection: &mut PgConnection,
    level: i64,
    units: i32,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let open = sqlx::query!(
        "select l.id, l.purchase_order_id, l.quantity - l.received as \"missing!\"
         from stock_levels s
         join purchase_order_lines l on l.product_id = s.product_id and l.received < l.quantity
         join purchase_orders p on p.id = l.purchase_order_id
         where s.id = $1 and p.fulfilment_id is null and p.state in ('sent', 'accepted')
         order by p.id for no key update of p, l",
        level
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut left = units;
    for line in open {
        let arrived = left.min(line.missing);
        if arrived <= 0 {
            break;
        }
        left -= arrived;
        sqlx::query!(
            "update purchase_order_lines set received = received + $2 where id = $1",
            line.id,
            arrived,
        )
        .execute(&mut *connection)
        .await?;
        for (from, to) in [("sent", "accepted"), ("accepted", "received")] {
            sqlx::query!(
                "update purchase_orders set state = $3, answered_at = coalesce(answered_at, $4)
                 where id = $1 and state = $2 and not exists (
                     select from purchase_order_lines where purchase_order_id = $1 and received < quantity)",
                line.purchase_order_id,
                from,
                to,
                at,
            )
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

/// An order's purchase orders of which units are still to be sent, those first that wait for an answer:
/// of one supplier's location, or of all. The order is locked by the caller.
pub async fn owed(
    connection: &mut PgConnection,
    order_id: i64,
    location_id: Option<i64>,
) -> Result<Vec<(i64, String)>, DbError> {
    Ok(sqlx::query!(
        "select b.id, s.name
         from fulfilments f
         join purchase_orders b on b.fulfilment_id = f.id
         join suppliers s on s.id = b.supplier_id
         where f.order_id = $1 and b.state in ('sent', 'accepted')
           and f.state in ('requested', 'accepted', 'inspecting', 'ready')
           and ($2::bigint is null or f.location_id = $2)
         order by b.state = 'accepted', b.id",
        order_id,
        location_id,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| (row.id, row.name))
    .collect())
}

/// A purchase order that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// Primary key.
    pub id: i64,
    /// The supplier's name.
    pub supplier: String,
    /// Business hours within which it has agreed to answer.
    pub acceptance_hours: i32,
}

/// The purchase orders of an order that no mail brings, locked, oldest first: of one supplier's
/// location, or of all. Their suppliers have no address, the worker gave its work for the order up, or
/// their mails were refused or stopped.
pub async fn unsent_of_order(
    connection: &mut PgConnection,
    order_id: i64,
    location_id: Option<i64>,
) -> Result<Vec<Unsent>, DbError> {
    Ok(sqlx::query_as!(
        Unsent,
        "select b.id, s.name as supplier, s.acceptance_hours
         from fulfilments f
         join purchase_orders b on b.fulfilment_id = f.id
         join suppliers s on s.id = b.supplier_id
         where f.order_id = $1 and ($2::bigint is null or f.location_id = $2) and is_unmailed(b)
         order by b.id for no key update of b",
        order_id,
        location_id,
    )
    .fetch_all(connection)
    .await?)
}

/// As [`unsent_of_order`], for our own stock of a product, of one supplier or of all.
pub async fn unsent_of_level(
    connection: &mut PgConnection,
    level: i64,
    supplier_id: Option<i64>,
) -> Result<Vec<Unsent>, DbError> {
    Ok(sqlx::query_as!(
        Unsent,
        "select b.id, s.name as supplier, s.acceptance_hours
         from purchase_orders b
         join suppliers s on s.id = b.supplier_id
         where b.fulfilment_id is null and b.state in ('draft', 'sent') and ($2::bigint is null or s.id = $2)
           and exists (select from purchase_order_lines l join stock_levels t on t.product_id = l.product_id
                       where l.purchase_order_id = b.id and t.id = $1)
           and is_unmailed(b)
         order by b.id for no key update of b",
        level,
        supplier_id,
    )
    .fetch_all(connection)
    .await?)
}

/// The purchase orders for our own stock of a product that the worker could not send and gave up,
/// oldest first.
pub async fn given_up_of_level(
    connection: &mut PgConnection,
    level: i64,
) -> Result<Vec<Unsent>, DbError> {
    Ok(sqlx::query_as!(
        Unsent,
        "select b.id, s.name as supplier, s.acceptance_hours
         from alerts a
         join purchase_orders b on b.id = a.subject_id
         join purchase_order_lines l on l.purchase_order_id = b.id
         join stock_levels t on t.product_id = l.product_id
         join suppliers s on s.id = b.supplier_id
         where a.kind = 'dead_job' and a.subject_kind = 'purchase_order' and a.cleared_at is null
           and b.fulfilment_id is null and b.state = 'draft' and t.id = $1
         order by b.id",
        level,
    )
    .fetch_all(connection)
    .await?)
}

/// Cancels [`given_up_of_level`], and answers with those that were.
pub async fn cancel_given_up(
    connection: &mut PgConnection,
    level: i64,
    reason: &str,
) -> Result<Vec<Unsent>, DbError> {
    let mut cancelled = given_up_of_level(connection, level).await?;
    let ids: Vec<i64> = cancelled.iter().map(|purchase| purchase.id).collect();
    // The worker may have been told meanwhile to try one again, and have sent it.
    let done = sqlx::query_scalar!(
        "update purchase_orders set state = 'cancelled', reason = $2
         where id = any ($1) and state = 'draft' returning id",
        &ids,
        reason,
    )
    .fetch_all(connection)
    .await?;
    cancelled.retain(|purchase| done.contains(&purchase.id));
    Ok(cancelled)
}

/// What was ordered of a product for our own stock and has not all arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    /// Primary key.
    pub id: i64,
    /// Units that have not arrived.
    pub units: i32,
    /// Who is told where it is cancelled.
    pub asked: Told,
}

/// The purchase orders for our own stock of a product that have not all arrived, oldest first.
pub async fn coming(connection: &mut PgConnection, level: i64) -> Result<Vec<Coming>, DbError> {
    Ok(sqlx::query!(
        r#"select b.id, coalesce(b.in_place_of, b.id) as "number!", s.name, has_address(s) as "addressed!",
                  is_known(b) as "knows!", (l.quantity - l.received) as "units!"
           from stock_levels t
           join locations place on place.id = t.location_id and place.supplier_id is null
           join purchase_order_lines l on l.product_id = t.product_id and l.received < l.quantity
           join purchase_orders b on b.id = l.purchase_order_id
           join suppliers s on s.id = b.supplier_id
           where t.id = $1 and b.fulfilment_id is null and b.state in ('draft', 'sent', 'accepted')
           order by coalesce(b.in_place_of, b.id), b.id"#,
        level,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| Coming {
        id: row.id,
        units: row.units,
        asked: Told {
            number: row.number,
            supplier: row.name,
            addressed: row.addressed,
            knows: row.knows,
        },
    })
    .collect())
}

/// Cancels a purchase order for our own stock; a supplier that knows of it is told by the worker.
pub async fn cancel(connection: &mut PgConnection, id: i64, reason: &str) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update purchase_orders set state = 'cancelled', reason = $2
         where id = $1 and fulfilment_id is null and state in ('draft', 'sent', 'accepted')",
        id,
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the purchase order")
}

/// A purchase order, locked after its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Primary key.
    pub id: i64,
    /// The number by which the supplier knows it, without `PO-`: that of the one which it has accepted
    /// in part, where this one is that part.
    pub number: i64,
    /// How far it has come.
    pub state: String,
    /// The supplier.
    pub supplier_id: i64,
    /// ISO 4217 code of its costs.
    pub currency: String,
    /// The part of an order that it is for; none for our own stock.
    pub fulfilment_id: Option<i64>,
    /// When the supplier answered, where it has.
    pub answered_at: Option<DateTime<Utc>>,
    /// What its number asks for.
    pub lines: Vec<AskedLine>,
}

/// A product of a purchase order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedLine {
    /// The product.
    pub product_id: i64,
    /// Its SKU.
    pub sku: String,
    /// Units that the supplier has sent.
    pub sent: i32,
    /// Units that it is to send yet.
    pub open: i32,
}

impl AskedLine {
    /// Units that the supplier sends in all, as far as it is known.
    pub const fn units(&self) -> i32 {
        self.sent + self.open
    }
}

/// Locks a purchase order's order and then itself, if it exists. Where its supplier has accepted it in
/// part, that part is meant: the supplier knows no other number.
pub async fn lock(connection: &mut PgConnection, id: i64) -> Result<Option<Asked>, DbError> {
    sqlx::query!(
        "select id from orders where id = (
             select f.order_id from purchase_orders p join fulfilments f on f.id = p.fulfilment_id
             where p.id = $1) for no key update",
        id
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = sqlx::query!(
        r#"select id, coalesce(in_place_of, id) as "number!", state, supplier_id, currency, fulfilment_id,
                  answered_at
           from purchase_orders
           where id = (
               select p.id from purchase_orders asked
               join purchase_orders p on p.id = coalesce(asked.in_place_of, asked.id)
                   or p.in_place_of = coalesce(asked.in_place_of, asked.id)
               where asked.id = $1
               order by p.state in ('rejected', 'cancelled'), p.id = $1 desc limit 1)
           for no key update"#,
        id
    )
    .fetch_optional(&mut *connection)
    .await?
    else {
        return Ok(None);
    };
    let lines = sqlx::query_as!(
        AskedLine,
        r#"select l.product_id, p.sku,
                  (select coalesce(sum(units_sent(b, l.product_id)), 0) from purchase_orders b
                   where b.id = $2 or b.in_place_of = $2)::integer as "sent!",
                  coalesce(mine.quantity - units_sent(m, l.product_id), 0)::integer as "open!"
           from purchase_order_lines l
           join products p on p.id = l.product_id
           join purchase_orders m on m.id = $1
           left join purchase_order_lines mine on mine.purchase_order_id = m.id and mine.product_id = l.product_id
           where l.purchase_order_id = $2 order by l.id"#,
        row.id,
        row.number,
    )
    .fetch_all(connection)
    .await?;
    Ok(Some(Asked {
        id: row.id,
        number: row.number,
        state: row.state,
        supplier_id: row.supplier_id,
        currency: row.currency,
        fulfilment_id: row.fulfilment_id,
        answered_at: row.answered_at,
        lines,
    }))
}

/// Writes the answer to a purchase order that was sent. What was accepted may be rejected all the same.
pub async fn answer(
    connection: &mut PgConnection,
    id: i64,
    state: &str,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update purchase_orders set state = $2, reason = $3, answered_at = clock_timestamp()
         where id = $1 and (state = 'sent' or state = 'accepted' and $2 = 'rejected')",
        id,
        state,
        reason,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the purchase order")
}

/// Gives the units that a supplier keeps and has not sent to it anew, accepted: a purchase order in the
/// place of the one that was rejected, and, where that was for an order, a fulfilment in the place of its
/// own.
pub async fn keep_part(
    connection: &mut PgConnection,
    asked: &Asked,
    kept: &[(i64, i32)],
) -> Result<(), DbError> {
    let (products, units): (Vec<i64>, Vec<i32>) = kept.iter().copied().unzip();
    let fulfilment = match asked.fulfilment_id {
        Some(before) => Some(keep_fulfilment(connection, before, &products, &units).await?),
        None => None,
    };
    let purchase = sqlx::query_scalar!(
        "insert into purchase_orders (supplier_id, fulfilment_id, currency, in_place_of)
         values ($1, $2, $3, $4) returning id",
        asked.supplier_id,
        fulfilment,
        asked.currency,
        asked.number,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into purchase_order_lines (purchase_order_id, product_id, quantity, unit_cost)
         select $1, k.product, k.units, l.unit_cost
         from unnest($3::bigint[], $4::integer[]) as k (product, units)
         join purchase_order_lines l on l.purchase_order_id = $2 and l.product_id = k.product",
        purchase,
        asked.id,
        &products,
        &units,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update purchase_orders set state = 'sent', sent_at = clock_timestamp() where id = $1",
        purchase
    )
    .execute(&mut *connection)
    .await?;
    let whence = format!("what was accepted of PO-{}", asked.number);
    answer(connection, purchase, "accepted", Some(&whence)).await?;
    if let Some(accepted_at) = asked.answered_at {
        // That it can send less than it said gives it no more time.
        sqlx::query!(
            "update purchase_orders set answered_at = $2 where id = $1",
            purchase,
            accepted_at,
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// A fulfilment with the units that are kept, requested, in the place of one that was rejected.
async fn keep_fulfilment(
    connection: &mut PgConnection,
    before: i64,
    products: &[i64],
    units: &[i32],
) -> Result<i64, DbError> {
    let fulfilment = sqlx::query_scalar!(
        "insert into fulfilments (order_id, location_id, reason, leaves_by, routed_by_hand)
         select order_id, location_id, 'the supplier accepted a part', leaves_by, routed_by_hand
         from fulfilments where id = $1
         returning id",
        before
    )
    .fetch_one(&mut *connection)
    .await?;
    // A product may be on two lines: the first line is served first.
    sqlx::query!(
        "insert into fulfilment_lines (fulfilment_id, order_line_id, quantity)
         select $1, line, least(quantity, kept - before) from (
             select fl.order_line_id as line, fl.quantity, k.units as kept,
                    (sum(fl.quantity) over (partition by k.product order by fl.id) - fl.quantity)::integer as before
             from (select id, fulfilment_id, order_line_id, quantity - shipped as quantity
                   from fulfilment_lines where shipped < quantity) fl
             join order_lines l on l.id = fl.order_line_id
             join unnest($3::bigint[], $4::integer[]) as k (product, units) on k.product = l.product_id
             where fl.fulfilment_id = $2) served
         where kept > before",
        fulfilment,
        before,
        products,
        units,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update fulfilments set state = 'requested', requested_at = clock_timestamp() where id = $1",
        fulfilment
    )
    .execute(connection)
    .await?;
    Ok(fulfilment)
}
