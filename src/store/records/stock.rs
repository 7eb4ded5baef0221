//! Everything about a product at a location.

use sqlx::postgres::PgConnection;

use crate::domain::full::Stock;
use crate::domain::stock::{Movement, Offer, OnOrder, WantedBy};
use crate::store::db::DbError;
use crate::store::rows::word;
use crate::store::{notices, stock};

/// Everything about a stock level; none where there is no such thing.
pub(super) async fn full(connection: &mut PgConnection, id: i64) -> Result<Option<Stock>, DbError> {
    let Some(summary) = stock::summary(connection, id).await? else {
        return Ok(None);
    };
    let offers = sqlx::query_as!(
        Offer,
        r#"select supplier.name as supplier, o.unit_cost, o.currency, o.lead_time_days
           from stock_levels s
           join supplier_offers o on o.product_id = s.product_id
           join suppliers supplier on supplier.id = o.supplier_id
           where s.id = $1
           order by o.currency <> buying_currency(), o.currency, o.unit_cost, o.lead_time_days, o.supplier_id
           limit 20"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let on_order = sqlx::query!(
        r#"select p.id, coalesce(p.in_place_of, p.id) as "number!", supplier.name as supplier, p.state,
                  l.quantity, l.received, l.unit_cost, p.currency, p.created_at, p.answer_due, p.reason,
                  n.state as "mail?", coalesce(n.sent_at, n.retry_at, n.held_until) as leaves_at
           from stock_levels s
           join locations place on place.id = s.location_id and place.supplier_id is null
           join purchase_orders p on p.fulfilment_id is null and p.state in ('draft', 'sent', 'accepted')
           join purchase_order_lines l on l.purchase_order_id = p.id and l.product_id = s.product_id
               and l.received < l.quantity
           join suppliers supplier on supplier.id = p.supplier_id
           left join notices n on n.kind = 'purchase_order' and n.subject_kind = 'purchase_order'
               and n.subject_id = p.id
           where s.id = $1 order by p.id limit 20"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|row| {
        Ok(OnOrder {
            number: row.number,
            supplier: row.supplier,
            state: word("purchase_orders.state", row.id, &row.state)?,
            quantity: row.quantity,
            received: row.received,
            unit_cost: row.unit_cost,
            currency: row.currency,
            created_at: row.created_at,
            answer_due: row.answer_due,
            mail: match row.mail {
                Some(state) => Some(word("notices.state", row.id, &state)?),
                None => None,
            },
            leaves_at: row.leaves_at,
            reason: row.reason,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let wanted_by = sqlx::query_as!(
        WantedBy,
        r#"select o.id as order_id, o.number, o.ship_by, l.unallocated as "units!", l.reserved
           from stock_levels s
           join order_lines l on l.product_id = s.product_id and (l.unallocated > 0 or l.reserved > 0)
           join orders o on o.id = l.order_id
           where s.id = $1
             and o.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
           order by o.due_at, o.id limit 50"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let movements = sqlx::query!(
        r#"select m.at, m.kind, m.on_hand, m.reserved, m.reason, m.who,
                  o.id as "order_id?", o.number as "number?"
           from stock_movements m
           left join order_lines l on l.id = m.order_line_id
           left join orders o on o.id = l.order_id
           where m.stock_level_id = $1 order by m.id desc limit 50"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|m| {
        Ok(Movement {
            at: m.at,
            kind: word("stock_movements.kind", id, &m.kind)?,
            on_hand: m.on_hand,
            reserved: m.reserved,
            order: m.order_id.zip(m.number),
            reason: m.reason,
            who: m.who,
        })
    })
    .collect::<Result<_, DbError>>()?;
    Ok(Some(Stock {
        summary,
        offers,
        on_order,
        wanted_by,
        movements,
        mails: notices::of_level(connection, id).await?,
    }))
}
