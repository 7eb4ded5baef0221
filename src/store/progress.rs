//! What is true of an order on its way from intake to ready, and what the steps write.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::rows::one_row;
use crate::domain::orders::{FinancialStatus, FulfilmentState, Stage};
use crate::domain::progress::{Facts, Fulfilment, Line};
use crate::domain::routing::{Need, Offer, Part};
use crate::domain::words::UnknownWord;

/// An order that the worker moves, locked.
#[derive(Debug, Clone, PartialEq)]
pub struct Moving {
    /// Primary key.
    pub id: i64,
    /// The channel's number.
    pub number: String,
    /// When the customer placed it.
    pub placed_at: DateTime<Utc>,
    /// ISO 4217 code.
    pub currency: String,
    /// The customer's name.
    pub customer: String,
    /// The customer's mail address, where it may be one.
    pub email: Option<String>,
    /// The promise.
    pub ship_by: Option<DateTime<Utc>>,
    /// The promise.
    pub deliver_by: Option<DateTime<Utc>>,
    /// Days on the way at most, by its shipping option.
    pub transit_days: Option<i32>,
    /// What it was said to wait for.
    pub waiting_reason: Option<String>,
    /// What decides what is due.
    pub facts: Facts,
}

/// Locks an order and reads what is true of it.
pub async fn lock(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Moving>, DbError> {
    let locked = sqlx::query!("select id from orders where id = $1 for no key update", id)
        .fetch_optional(&mut *connection)
        .await?;
    if locked.is_none() {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"select o.number, o.placed_at, o.currency, o.customer_name, o.email, o.stage,
                  o.financial_status, o.ship_by, o.deliver_by, o.waiting_reason,
                  case when s.id is null then null
                       when s.currency <> o.currency
                           then format('%s has a price in %s', s.name, s.currency)
                       when s.countries <> '{}' and not coalesce(upper(o.country) = any (s.countries), false)
                           then format('%s does not serve %s', s.name, coalesce(o.country, 'an unknown country'))
                       when s.max_weight_g < (
                           select sum(t.weight_g::bigint * (l.ordered - l.cancelled))
                           from order_lines l join products t on t.id = l.product_id
                           where l.order_id = o.id and l.requires_shipping)
                           then format('%s takes %s g at most', s.name, s.max_weight_g) end as unfit_option,
                  o.covered_by_hand, o.promise_transit_days, s.transit_days_max as "transit_days?",
                  coalesce(o.shipping_address ->> 'address1', '') <> ''
                  or coalesce(o.shipping_address ->> 'city', '') <> '' as "has_address!",
                  exists (select from notices n where n.kind = 'order_confirmation'
                          and n.subject_kind = 'order' and n.subject_id = o.id) as "acknowledged!",
                  array(select distinct p.name from fulfilments f join locations p on p.id = f.location_id
                        where f.order_id = o.id and f.state = 'rejected' order by 1) as "rejected_by!",
                  (select count(*) from inspections i where i.order_id = o.id and i.fulfilment_id is null
                   and i.state in ('pending', 'failed')) as "open_inspections!"
           from orders o left join shipping_options s on s.id = o.shipping_option_id
           where o.id = $1"#,
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines = lines(connection, id).await?;
    let fulfilments = parts(connection, id, now).await?;
    let email = row.email.filter(|email| email.contains('@'));
    let stage: Stage = word(&row.stage, "stage of order", id)?;
    let financial_status: FinancialStatus =
        word(&row.financial_status, "financial_status of order", id)?;
    Ok(Some(Moving {
        id,
        number: row.number,
        placed_at: row.placed_at,
        currency: row.currency,
        ship_by: row.ship_by,
        deliver_by: row.deliver_by,
        transit_days: row.transit_days,
        waiting_reason: row.waiting_reason,
        facts: Facts {
            stage,
            financial_status,
            has_address: row.has_address,
            covered_by_hand: row.covered_by_hand,
            unfit_option: row.unfit_option,
            promised: row.ship_by.is_some(),
            promise_outdated: row.ship_by.is_some() && row.promise_transit_days != row.transit_days,
            to_be_acknowledged: email.is_some() && !row.acknowledged,
            lines,
            fulfilments,
            rejected_by: row.rejected_by,
            open_inspections: row.open_inspections,
        },
        customer: row.customer_name,
        email,
    }))
}

async fn lines(connection: &mut PgConnection, id: i64) -> Result<Vec<Line>, DbError> {
    Ok(sqlx::query_as!(
        Line,
        r#"select l.sku, l.product_id is not null as "known!", l.unallocated as "unallocated!", l.reserved,
                  greatest(l.reserved - planned.units, 0)::integer as "unplanned!",
                  case when l.unallocated > 0 then (
                      select coalesce(sum(s.on_hand - s.reserved), 0) from stock_levels s
                      join locations p on p.id = s.location_id
                      where s.product_id = l.product_id and p.supplier_id is null)
                  else 0 end as "free!",
                  l.unallocated > 0 and exists (
                      select from supplier_offers s where s.product_id = l.product_id
                      and not exists (select from fulfilments f join locations p on p.id = f.location_id
                                      where f.order_id = o.id and f.state = 'rejected'
                                        and p.supplier_id = s.supplier_id)) as "offered!"
           from order_lines l
           join orders o on o.id = l.order_id
           cross join lateral (
               select coalesce(sum(fl.quantity - fl.shipped), 0) as units
               from fulfilment_lines fl
               join fulfilments f on f.id = fl.fulfilment_id
               join locations p on p.id = f.location_id
               where fl.order_line_id = l.id and p.supplier_id is null
                 and f.state in ('open', 'accepted', 'inspecting', 'ready')) planned
           where l.order_id = $1 and l.requires_shipping order by l.position"#,
        id
    )
    .fetch_all(connection)
    .await?)
}

async fn parts(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Fulfilment>, DbError> {
    let rows = sqlx::query!(
        r#"select f.id, p.name, p.supplier_id is not null as "by_supplier!", f.state,
                  exists (select from purchase_orders b where b.fulfilment_id = f.id and b.state = 'draft'
                          and f.state in ('open', 'requested')) as "unsent!",
                  exists (select from purchase_orders b where b.fulfilment_id = f.id and b.state = 'sent'
                          and b.answer_due < $2) as "silent!",
                  (select count(*) from inspections i where i.fulfilment_id = f.id and i.state = 'pending')
                      as "pending!",
                  (select count(*) from inspections i where i.fulfilment_id = f.id and i.state = 'failed')
                      as "failed!",
                  (select count(*) from inspections i where i.fulfilment_id = f.id) as "inspections!",
                  p.supplier_id is null and f.state = 'ready' and not exists (
                      select from shipments s where s.fulfilment_id = f.id and s.state <> 'void') as "unpacked!"
           from fulfilments f join locations p on p.id = f.location_id
           where f.order_id = $1 and f.state in ('open', 'requested', 'accepted', 'inspecting', 'ready')
           order by f.id"#,
        id,
        now,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state: FulfilmentState = word(&row.state, "state of fulfilment", row.id)?;
            Ok(Fulfilment {
                id: row.id,
                location: row.name,
                by_supplier: row.by_supplier,
                state,
                unsent: row.unsent,
                silent: row.silent,
                inspections: (row.pending, row.failed, row.inspections),
                unpacked: row.unpacked,
            })
        })
        .collect()
}

fn word<T: std::str::FromStr<Err = UnknownWord>>(
    text: &str,
    what: &str,
    id: i64,
) -> Result<T, DbError> {
    text.parse().map_err(|error| {
        DbError::Other(sqlx::Error::ColumnDecode {
            index: format!("{what} {id}"),
            source: Box::new(error),
        })
    })
}

/// Says what an order waits for.
pub async fn set_waiting(
    connection: &mut PgConnection,
    id: i64,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set waiting_reason = $2 where id = $1",
        id,
        reason
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// Promises an order. The history keeps what was promised before, and why it changed.
pub async fn promise(
    connection: &mut PgConnection,
    id: i64,
    ship_by: Option<DateTime<Utc>>,
    deliver_by: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update orders set ship_by = $2, deliver_by = $3 where id = $1",
        id,
        ship_by,
        deliver_by,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the order")
}

/// The days until each line of an order can leave: 0 from our own stock, `None` where nobody has it.
pub async fn lead_days(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Vec<Option<i32>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select case when l.unallocated = 0 and l.requested = 0 then 0
                       else lead_days(l.product_id, greatest(l.unallocated, 1), o.placed_at, o.id) end
           from order_lines l join orders o on o.id = l.order_id
           where l.order_id = $1 and l.requires_shipping and l.ordered > l.cancelled
           order by l.position"#,
        id
    )
    .fetch_all(connection)
    .await?)
}

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

/// The lines of an order that nothing covers, with what suppliers offer that have not rejected it.
pub async fn needs(connection: &mut PgConnection, id: i64) -> Result<Vec<Need>, DbError> {
    let rows = sqlx::query!(
        r#"select l.id, l.product_id as "product_id!", l.sku, l.unallocated as "unallocated!",
                  s.supplier_id, p.id as location_id, p.name, s.unit_cost, s.currency, s.lead_time_days,
                  coalesce(k.shipped, 0) as "shipped!", coalesce(k.on_time, 0) as "on_time!",
                  coalesce(k.answered, 0) as "answered!", coalesce(k.accepted, 0) as "accepted!"
           from order_lines l
           join supplier_offers s on s.product_id = l.product_id
           join locations p on p.supplier_id = s.supplier_id
           left join supplier_scores k on k.supplier_id = s.supplier_id
           where l.order_id = $1 and l.unallocated > 0
             and not exists (select from fulfilments f where f.order_id = $1 and f.state = 'rejected'
                             and f.location_id = p.id)
           order by l.position, s.unit_cost, s.lead_time_days, s.supplier_id"#,
        id
    )
    .fetch_all(connection)
    .await?;
    let mut needs: Vec<Need> = Vec::new();
    for row in rows {
        if needs.last().is_none_or(|need| need.order_line_id != row.id) {
            needs.push(Need {
                order_line_id: row.id,
                product_id: row.product_id,
                sku: row.sku,
                units: row.unallocated,
                offers: Vec::new(),
            });
        }
        if let Some(need) = needs.last_mut() {
            need.offers.push(Offer {
                supplier_id: row.supplier_id,
                location_id: row.location_id,
                supplier: row.name,
                unit_cost: row.unit_cost,
                currency: row.currency,
                lead_time_days: row.lead_time_days,
                parcels: (row.shipped, row.on_time),
                answers: (row.answered, row.accepted),
            });
        }
    }
    Ok(needs)
}

/// Asks suppliers for parts of an order: a fulfilment and a purchase order for each, all at once.
pub async fn ask(
    connection: &mut PgConnection,
    order_id: i64,
    parts: &[Part],
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let locations: Vec<i64> = parts.iter().map(|part| part.location_id).collect();
    let reasons: Vec<&str> = parts.iter().map(|part| part.reason.as_str()).collect();
    // Keys rise in the order of the rows.
    let mut fulfilments = sqlx::query_scalar!(
        "insert into fulfilments (order_id, location_id, reason)
         select $1, location, reason
         from unnest($2::bigint[], $3::text[]) with ordinality as part (location, reason, n) order by n
         returning id",
        order_id,
        &locations,
        &reasons as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    fulfilments.sort_unstable();
    let (mut of, mut lines, mut units) = (Vec::new(), Vec::new(), Vec::new());
    for (part, fulfilment) in parts.iter().zip(&fulfilments) {
        for line in &part.lines {
            of.push(*fulfilment);
            lines.push(line.order_line_id);
            units.push(line.units);
        }
    }
    sqlx::query!(
        "insert into fulfilment_lines (fulfilment_id, order_line_id, quantity)
         select * from unnest($1::bigint[], $2::bigint[], $3::integer[])",
        &of,
        &lines,
        &units,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update fulfilments set state = 'requested', requested_at = $2 where id = any ($1)",
        &fulfilments,
        at,
    )
    .execute(&mut *connection)
    .await?;
    purchase(connection, parts, &fulfilments).await
}

/// Drafts the purchase orders for fulfilments that suppliers are asked for.
async fn purchase(
    connection: &mut PgConnection,
    parts: &[Part],
    fulfilments: &[i64],
) -> Result<(), DbError> {
    let suppliers: Vec<i64> = parts.iter().map(|part| part.supplier_id).collect();
    let currencies: Vec<&str> = parts.iter().map(|part| part.currency.as_str()).collect();
    let mut purchases = sqlx::query_scalar!(
        "insert into purchase_orders (supplier_id, fulfilment_id, currency)
         select supplier, fulfilment, currency
         from unnest($1::bigint[], $2::bigint[], $3::text[]) with ordinality
              as part (supplier, fulfilment, currency, n) order by n
         returning id",
        &suppliers,
        fulfilments,
        &currencies as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    purchases.sort_unstable();
    let (mut of, mut products) = (Vec::new(), Vec::new());
    let (mut units, mut costs) = (Vec::new(), Vec::new());
    for (part, purchase) in parts.iter().zip(&purchases) {
        for line in &part.lines {
            of.push(*purchase);
            products.push(line.product_id);
            units.push(line.units);
            costs.push(line.unit_cost);
        }
    }
    // A purchase order has a product once.
    sqlx::query!(
        "insert into purchase_order_lines (purchase_order_id, product_id, quantity, unit_cost)
         select purchase, product, sum(units), min(cost)
         from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[])
              as line (purchase, product, units, cost)
         group by purchase, product order by purchase, product",
        &of,
        &products,
        &units,
        &costs,
    )
    .execute(connection)
    .await?;
    Ok(())
}

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
                      join fulfilments f on f.id = fl.fulfilment_id
                      where fl.order_line_id = r.order_line_id and f.location_id = s.location_id
                        and f.state in ('open', 'accepted', 'inspecting', 'ready')), 0))::integer as "units!"
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

/// A purchase order that has not been sent, with what a mail to the supplier needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Primary key.
    pub id: i64,
    /// The supplier's name.
    pub supplier: String,
    /// Its mail address.
    pub email: Option<String>,
    /// Business hours within which it has agreed to answer.
    pub acceptance_hours: i32,
    /// ISO 4217 code of its costs.
    pub currency: String,
    /// What is asked for.
    pub lines: Vec<DraftLine>,
}

/// A product of a purchase order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLine {
    /// The product's SKU.
    pub sku: String,
    /// The product's title.
    pub title: String,
    /// Units.
    pub units: i32,
    /// Cost of one, in minor units of the purchase order's currency.
    pub unit_cost: i64,
}

/// What a customer ordered, for a letter.
#[derive(Debug, Clone, PartialEq)]
pub struct Ordered {
    /// Minor units of the order's currency.
    pub total: i64,
    /// The address, as the channel gave it.
    pub address: serde_json::Value,
    /// What was not cancelled.
    pub lines: Vec<OrderedLine>,
}

/// A line of what a customer ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedLine {
    /// The SKU as the channel gave it.
    pub sku: String,
    /// The title as the channel gave it.
    pub title: String,
    /// Units that were not cancelled.
    pub units: i32,
    /// What they cost, in minor units of the order's currency.
    pub amount: i64,
}

/// Reads what a customer ordered.
pub async fn ordered(connection: &mut PgConnection, order_id: i64) -> Result<Ordered, DbError> {
    let order = sqlx::query!(
        "select total, shipping_address from orders where id = $1",
        order_id
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines = sqlx::query_as!(
        OrderedLine,
        r#"select sku, title, ordered - cancelled as "units!",
                  unit_price * (ordered - cancelled) as "amount!"
           from order_lines where order_id = $1 and ordered > cancelled order by position"#,
        order_id
    )
    .fetch_all(connection)
    .await?;
    Ok(Ordered {
        total: order.total,
        address: order.shipping_address,
        lines,
    })
}

/// Locks a purchase order for our own stock that was not sent yet.
pub async fn stock_draft(connection: &mut PgConnection, id: i64) -> Result<Option<Draft>, DbError> {
    let rows = sqlx::query_as!(
        DraftRow,
        "select b.id, b.currency, s.name, s.email, s.acceptance_hours, p.sku, p.title, l.quantity,
                l.unit_cost
         from purchase_orders b
         join suppliers s on s.id = b.supplier_id
         join purchase_order_lines l on l.purchase_order_id = b.id
         join products p on p.id = l.product_id
         where b.id = $1 and b.fulfilment_id is null and b.state = 'draft'
         order by l.id for no key update of b",
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(folded(rows).pop())
}

/// The purchase orders of an order's living fulfilments that were not sent, oldest first.
pub async fn drafts(connection: &mut PgConnection, order_id: i64) -> Result<Vec<Draft>, DbError> {
    let rows = sqlx::query_as!(
        DraftRow,
        "select b.id, b.currency, s.name, s.email, s.acceptance_hours, p.sku, p.title, l.quantity,
                l.unit_cost
         from fulfilments f
         join purchase_orders b on b.fulfilment_id = f.id
         join suppliers s on s.id = b.supplier_id
         join purchase_order_lines l on l.purchase_order_id = b.id
         join products p on p.id = l.product_id
         where f.order_id = $1 and f.state in ('open', 'requested') and b.state = 'draft'
         order by b.id, l.id",
        order_id
    )
    .fetch_all(connection)
    .await?;
    Ok(folded(rows))
}

/// A line of a purchase order that was not sent, with what is said of the whole.
struct DraftRow {
    id: i64,
    currency: String,
    name: String,
    email: Option<String>,
    acceptance_hours: i32,
    sku: String,
    title: String,
    quantity: i32,
    unit_cost: i64,
}

/// The purchase orders that the lines belong to, in the order of the lines.
fn folded(rows: Vec<DraftRow>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for row in rows {
        if drafts.last().is_none_or(|draft| draft.id != row.id) {
            drafts.push(Draft {
                id: row.id,
                supplier: row.name,
                email: row.email,
                acceptance_hours: row.acceptance_hours,
                currency: row.currency,
                lines: Vec::new(),
            });
        }
        if let Some(draft) = drafts.last_mut() {
            draft.lines.push(DraftLine {
                sku: row.sku,
                title: row.title,
                units: row.quantity,
                unit_cost: row.unit_cost,
            });
        }
    }
    drafts
}

/// Purchase orders have been sent, each to be answered by then.
pub async fn set_sent(
    connection: &mut PgConnection,
    sent: &[(i64, DateTime<Utc>)],
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let (ids, due): (Vec<i64>, Vec<DateTime<Utc>>) = sent.iter().copied().unzip();
    sqlx::query!(
        "update purchase_orders p set state = 'sent', sent_at = $3, answer_due = sent.due
         from unnest($1::bigint[], $2::timestamptz[]) as sent (id, due)
         where p.id = sent.id and p.state = 'draft'",
        &ids,
        &due,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What decides whether goods are inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The product's SKU.
    pub sku: String,
    /// The share that the plan asks for, in percent.
    pub percent: i16,
    /// Defects found in its orders within the last 90 days.
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
                                  select s.supplier_id from supplier_offers s where s.product_id = l.product_id
                                  order by s.unit_cost, s.lead_time_days, s.supplier_id limit 1))
                            order by i.product_id nulls last, i.supplier_id nulls last limit 1), 0::smallint) as "percent!",
                  (select count(*) from defects d
                   join inspections i on i.id = d.inspection_id
                   join order_lines dl on dl.order_id = i.order_id
                   where d.at > $2::timestamptz and dl.product_id = l.product_id) as "defects!"
           from fulfilment_lines fl join order_lines l on l.id = fl.order_line_id
           where fl.fulfilment_id = $1 and l.product_id is not null
           order by l.product_id"#,
        fulfilment_id,
        since,
    )
    .fetch_all(connection)
    .await?)
}

/// Orders that wait for a product and may have it, oldest promise first.
pub async fn waiting_for(
    connection: &mut PgConnection,
    product_id: i64,
    limit: i64,
) -> Result<Vec<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        "select o.id from order_lines l join orders o on o.id = l.order_id
         where l.product_id = $1 and l.unallocated > 0 and not o.covered_by_hand
           and o.stage in ('confirmed', 'processing', 'partially_shipped')
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
           where o.id = any ($1) and l.product_id = $2 and l.unallocated > 0 and not o.covered_by_hand
             and o.stage in ('confirmed', 'processing', 'partially_shipped')
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

/// Looks at an order again.
pub async fn enqueue(connection: &mut PgConnection, order_id: i64) -> Result<(), DbError> {
    sqlx::query!("select enqueue('order', 'order', $1)", order_id)
        .fetch_one(connection)
        .await?;
    Ok(())
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

/// Looks at an order again when the next of its suppliers should have answered.
pub async fn enqueue_silence(
    connection: &mut PgConnection,
    order_id: i64,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "select enqueue('silence', 'order', $1, greatest(next.due, clock_timestamp() + interval '1 s'))
         from (select min(b.answer_due) as due from fulfilments f
               join purchase_orders b on b.fulfilment_id = f.id
               where f.order_id = $1 and b.state = 'sent' and b.answer_due > $2) next
         where next.due is not null",
        order_id,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(())
}

/// Forgets the look at an order that this transaction itself has made due: it has just looked.
pub async fn looked(connection: &mut PgConnection, order_id: i64) -> Result<(), DbError> {
    sqlx::query!(
        "delete from jobs where dedupe_key = 'order:' || $1::bigint and lease_until is null
         and dead_at is null and xmin = pg_current_xact_id()::xid",
        order_id
    )
    .execute(connection)
    .await?;
    Ok(())
}
