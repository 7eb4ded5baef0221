//! Fulfilments, the parts of an order that one location or supplier does, and the purchase orders
//! that ask suppliers for them.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::rows::{one_row, word};
use crate::domain::orders::FulfilmentState;

/// A fulfilment that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Primary key.
    pub id: i64,
    /// Who does it.
    pub location_id: i64,
    /// Whether that is a supplier.
    pub by_supplier: bool,
    /// How far it has come.
    pub state: FulfilmentState,
    /// Its lines.
    pub lines: Vec<PlanLine>,
}

/// Units of an order line in a fulfilment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanLine {
    /// The order line.
    pub order_line_id: i64,
    /// Units planned.
    pub quantity: i32,
    /// Units of them that have left.
    pub shipped: i32,
}

impl Plan {
    /// Whether nothing of it has left.
    pub fn untouched(&self) -> bool {
        self.lines.iter().all(|line| line.shipped == 0)
    }

    /// Units of an order line that it plans and that have not left.
    pub fn left(&self, order_line_id: i64) -> i32 {
        self.lines
            .iter()
            .filter(|line| line.order_line_id == order_line_id)
            .map(|line| line.quantity - line.shipped)
            .sum()
    }
}

/// An order's fulfilments that have not left whole, oldest first.
pub async fn of_order(connection: &mut PgConnection, order_id: i64) -> Result<Vec<Plan>, DbError> {
    let rows = sqlx::query!(
        r#"select f.id, f.location_id, p.supplier_id is not null as "by_supplier!", f.state,
                  l.order_line_id, l.quantity, l.shipped
           from fulfilments f
           join locations p on p.id = f.location_id
           join fulfilment_lines l on l.fulfilment_id = f.id
           where f.order_id = $1 and f.state in ('open', 'requested', 'accepted', 'inspecting', 'ready')
           order by f.id, l.id"#,
        order_id
    )
    .fetch_all(connection)
    .await?;
    let mut plans: Vec<Plan> = Vec::new();
    for row in rows {
        if plans.last().is_none_or(|plan| plan.id != row.id) {
            plans.push(Plan {
                id: row.id,
                location_id: row.location_id,
                by_supplier: row.by_supplier,
                state: word("fulfilments.state", row.id, &row.state)?,
                lines: Vec::new(),
            });
        }
        if let Some(plan) = plans.last_mut() {
            plan.lines.push(PlanLine {
                order_line_id: row.order_line_id,
                quantity: row.quantity,
                shipped: row.shipped,
            });
        }
    }
    Ok(plans)
}

/// The location of ours that an order was given to last, whatever became of that.
pub async fn own_location(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Option<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        "select f.location_id from fulfilments f join locations p on p.id = f.location_id
         where f.order_id = $1 and p.supplier_id is null order by f.id desc limit 1",
        order_id
    )
    .fetch_optional(connection)
    .await?)
}

/// Why a location does a part of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why<'a> {
    /// A person chose it: it stays there.
    RoutedByHand,
    /// For a reason that people are told.
    Because(&'a str),
    /// It was shipped from there.
    Shipped,
}

/// Plans units of order lines at a location, with the reason why there, and answers with the
/// fulfilment's primary key.
pub async fn insert(
    connection: &mut PgConnection,
    order_id: i64,
    location_id: i64,
    lines: &[(i64, i32)],
    why: Why<'_>,
) -> Result<i64, DbError> {
    let (reason, routed_by_hand) = match why {
        Why::RoutedByHand => (None, true),
        Why::Because(reason) => (Some(reason), false),
        Why::Shipped => (None, false),
    };
    let id = sqlx::query_scalar!(
        "insert into fulfilments (order_id, location_id, reason, routed_by_hand)
         values ($1, $2, $3, $4) returning id",
        order_id,
        location_id,
        reason,
        routed_by_hand,
    )
    .fetch_one(&mut *connection)
    .await?;
    let (line_ids, quantities): (Vec<i64>, Vec<i32>) = lines.iter().copied().unzip();
    sqlx::query!(
        "insert into fulfilment_lines (fulfilment_id, order_line_id, quantity)
         select $1, line, quantity from unnest($2::bigint[], $3::integer[]) as given (line, quantity)",
        id,
        &line_ids,
        &quantities,
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// Moves a fulfilment from one state to another.
pub async fn set_state(
    connection: &mut PgConnection,
    id: i64,
    from: FulfilmentState,
    to: FulfilmentState,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update fulfilments set state = $3 where id = $1 and state = $2",
        id,
        from.as_str(),
        to.as_str(),
    )
    .execute(connection)
    .await?;
    one_row(&done, "the fulfilment")
}

/// Cancels the plans of our own locations that count on units which are not set aside there and that
/// nothing covers: these are to be had elsewhere, and what is set aside is planned anew. Their drafts
/// become void; a plan whose parcel has its label stays.
pub async fn give_up_uncovered(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<(), DbError> {
    sqlx::query!(
        "with given_up as (
             update fulfilments f set state = 'cancelled'
             where f.order_id = $1 and f.state in ('open', 'accepted', 'inspecting', 'ready')
               and exists (select from locations p where p.id = f.location_id and p.supplier_id is null)
               and not exists (select from shipments s where s.fulfilment_id = f.id and s.state = 'labelled')
               and exists (
                   select from fulfilment_lines fl
                   join order_lines l on l.id = fl.order_line_id
                   where fl.fulfilment_id = f.id and l.unallocated > 0
                     and fl.quantity - fl.shipped > coalesce((
                         select sum(r.quantity) from reservations r
                         join stock_levels s on s.id = r.stock_level_id
                         where r.order_line_id = l.id and s.location_id = f.location_id), 0))
             returning f.id)
         update shipments set state = 'void'
         where state = 'draft' and fulfilment_id in (select id from given_up)",
        order_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A supplier is asked for it, to hand it over by then.
pub async fn request(
    connection: &mut PgConnection,
    id: i64,
    at: DateTime<Utc>,
    leaves_by: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update fulfilments set state = 'requested', requested_at = $2, leaves_by = $3
         where id = $1 and state = 'open'",
        id,
        at,
        leaves_by,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the fulfilment")
}

/// What a supplier asks for one unit of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The product.
    pub product_id: i64,
    /// Minor units of the currency.
    pub unit_cost: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Days from order to hand-over.
    pub lead_time_days: i32,
}

/// Which of these products a supplier offers.
pub async fn prices(
    connection: &mut PgConnection,
    supplier_id: i64,
    products: &[i64],
) -> Result<Vec<Price>, DbError> {
    Ok(sqlx::query_as!(
        Price,
        "select product_id, unit_cost, currency, lead_time_days from supplier_offers
         where supplier_id = $1 and product_id = any ($2)",
        supplier_id,
        products,
    )
    .fetch_all(connection)
    .await?)
}

/// Drafts a purchase order for a fulfilment: units and unit cost by product, in one currency.
pub async fn insert_purchase_order(
    connection: &mut PgConnection,
    supplier_id: i64,
    fulfilment_id: i64,
    currency: &str,
    lines: &[(i64, i32, i64)],
) -> Result<i64, DbError> {
    let id = sqlx::query_scalar!(
        "insert into purchase_orders (supplier_id, fulfilment_id, currency)
         values ($1, $2, $3) returning id",
        supplier_id,
        fulfilment_id,
        currency,
    )
    .fetch_one(&mut *connection)
    .await?;
    for (product_id, quantity, unit_cost) in lines {
        sqlx::query!(
            "insert into purchase_order_lines (purchase_order_id, product_id, quantity, unit_cost)
             values ($1, $2, $3, $4)",
            id,
            product_id,
            quantity,
            unit_cost,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(id)
}

/// Cancels the purchase orders of fulfilments, and answers with the suppliers that have had theirs
/// already and have no address: the others are told by mail.
pub async fn cancel_purchase_orders(
    connection: &mut PgConnection,
    fulfilments: &[i64],
) -> Result<Vec<String>, DbError> {
    let open = sqlx::query!(
        r#"select o.id, o.state, s.name, has_address(s) as "addressed!"
         from purchase_orders o join suppliers s on s.id = o.supplier_id
         where o.fulfilment_id = any ($1) and o.state in ('draft', 'sent', 'accepted')
         order by o.id for no key update of o"#,
        fulfilments
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<i64> = open.iter().map(|order| order.id).collect();
    sqlx::query!(
        "update purchase_orders set state = 'cancelled' where id = any ($1)",
        &ids
    )
    .execute(connection)
    .await?;
    Ok(open
        .into_iter()
        .filter(|order| order.state != "draft" && !order.addressed)
        .map(|order| order.name)
        .collect())
}

/// A supplier that was asked for a part of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The purchase order's number as the supplier knows it, without `PO-`.
    pub number: i64,
    /// The supplier's name.
    pub supplier: String,
    /// Whether it can be mailed to.
    pub addressed: bool,
    /// Whether it knows of the purchase order, by our mail or by its own answer.
    pub knows: bool,
}

/// The suppliers that were asked for an order's parts and are not done with them.
pub async fn asked(connection: &mut PgConnection, order_id: i64) -> Result<Vec<Asked>, DbError> {
    Ok(sqlx::query_as!(
        Asked,
        r#"select coalesce(o.in_place_of, o.id) as "number!", s.name as supplier, has_address(s) as "addressed!",
                  is_known(o) as "knows!"
         from fulfilments f
         join purchase_orders o on o.fulfilment_id = f.id
         join suppliers s on s.id = o.supplier_id
         where f.order_id = $1 and o.state in ('draft', 'sent', 'accepted')
           and f.state in ('open', 'requested', 'accepted', 'inspecting', 'ready')
         order by o.id"#,
        order_id
    )
    .fetch_all(connection)
    .await?)
}
