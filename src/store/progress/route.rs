//! Asking suppliers for what our own stock does not cover.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::domain::routing::{Elsewhere, Need, Offer, Part};
use crate::store::db::DbError;

/// The lines of an order that nothing covers, with the offers that compete of suppliers that have not
/// turned it down.
pub async fn needs(connection: &mut PgConnection, id: i64) -> Result<Vec<Need>, DbError> {
    let rows = sqlx::query!(
        r#"select l.id, l.product_id as "product_id!", l.sku, l.unallocated as "unallocated!",
                  s.supplier_id as "supplier_id!", p.id as location_id, p.name,
                  s.unit_cost as "unit_cost!", s.currency as "currency!", s.lead_time_days as "lead_time_days!",
                  coalesce(k.shipped, 0) as "shipped!", coalesce(k.on_time, 0) as "on_time!",
                  coalesce(k.answered, 0) as "answered!", coalesce(k.accepted, 0) as "accepted!",
                  has_address(a) as "addressed!"
           from order_lines l
           join orders o on o.id = l.order_id
           cross join lateral competing_offers(l.product_id, o.currency, array(
               select n.supplier_id from fulfilments f join locations n on n.id = f.location_id
               join fulfilment_lines fl on fl.fulfilment_id = f.id
               where fl.order_line_id = l.id and f.state = 'rejected' and n.supplier_id is not null)) s
           join locations p on p.supplier_id = s.supplier_id
           join suppliers a on a.id = s.supplier_id
           left join supplier_scores k on k.supplier_id = s.supplier_id
           where l.order_id = $1 and l.unallocated > 0
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
                addressed: row.addressed,
            });
        }
    }
    Ok(needs)
}

/// Asks suppliers for parts of an order: a fulfilment and a purchase order for each, all at once.
/// Each part has the time by which it should leave, where one can be told.
pub async fn ask(
    connection: &mut PgConnection,
    order_id: i64,
    parts: &[(Part, Option<DateTime<Utc>>)],
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let (parts, leave): (Vec<&Part>, Vec<Option<DateTime<Utc>>>) = parts
        .iter()
        .map(|(part, leaves_by)| (part, *leaves_by))
        .unzip();
    let locations: Vec<i64> = parts.iter().map(|part| part.location_id).collect();
    let reasons: Vec<&str> = parts.iter().map(|part| part.reason.as_str()).collect();
    // Keys rise in the order of the rows.
    let mut fulfilments = sqlx::query_scalar!(
        "insert into fulfilments (order_id, location_id, reason, leaves_by)
         select $1, location, reason, leaves_by
         from unnest($2::bigint[], $3::text[], $4::timestamptz[]) with ordinality
              as part (location, reason, leaves_by, n) order by n
         returning id",
        order_id,
        &locations,
        &reasons as _,
        &leave as _,
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
    purchase(connection, &parts, &fulfilments).await
}

/// Drafts the purchase orders for fulfilments that suppliers are asked for.
async fn purchase(
    connection: &mut PgConnection,
    parts: &[&Part],
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

/// What others that can be written to have of a part that a supplier leaves unanswered, line by line;
/// lines of one product want its units together. A supplier that has accepted some of it keeps it all:
/// no line is answered then.
pub async fn elsewhere(
    connection: &mut PgConnection,
    order_id: i64,
    fulfilment_id: i64,
) -> Result<Vec<Elsewhere>, DbError> {
    Ok(sqlx::query_as!(
        Elsewhere,
        r#"select (sum(fl.quantity - fl.shipped) over (partition by l.product_id))::integer as "units!",
                  free_units(l.product_id, o.placed_at, o.id) as "free!",
                  (select min(s.lead_time_days) from competing_offers(l.product_id, o.currency,
                       p.supplier_id || array(
                           select n.supplier_id from fulfilments r join locations n on n.id = r.location_id
                           join fulfilment_lines asked on asked.fulfilment_id = r.id
                           where asked.order_line_id = l.id and r.state = 'rejected' and n.supplier_id is not null)) s
                   join suppliers a on a.id = s.supplier_id where has_address(a))
                      as lead_days,
                  (select s.lead_time_days from supplier_offers s
                   where s.product_id = l.product_id and s.supplier_id = p.supplier_id) as "silent_lead_days?"
           from fulfilments f
           join locations p on p.id = f.location_id
           join orders o on o.id = f.order_id
           join fulfilment_lines fl on fl.fulfilment_id = f.id
           join order_lines l on l.id = fl.order_line_id
           where f.order_id = $1 and f.id = $2 and f.state = 'requested'
             and not exists (select from purchase_orders b where b.fulfilment_id = f.id and b.state = 'accepted')
           order by fl.id"#,
        order_id,
        fulfilment_id,
    )
    .fetch_all(connection)
    .await?)
}
