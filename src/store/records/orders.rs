//! Everything about an order.

use sqlx::postgres::PgConnection;

use super::related::{inspections_where, shipments_where, tickets_where};
use crate::domain::full::Order;
use crate::domain::orders::{Amounts, Fulfilment, Note, OrderLine, Payment};
use crate::domain::record::{Kind, RecordId};
use crate::store::db::DbError;
use crate::store::rows::{address, word};
use crate::store::{jobs, notices, orders};

/// Everything about an order; none where there is no such thing.
pub(super) async fn full(connection: &mut PgConnection, id: i64) -> Result<Option<Order>, DbError> {
    let Some(summary) = orders::summary(connection, id).await? else {
        return Ok(None);
    };
    let head = sqlx::query!(
        r#"select o.email, o.phone, o.shipping_address, o.note,
                  coalesce((select s.name from shipping_options s where s.id = o.shipping_option_id),
                           o.shipping_method) as shipping_method,
                  o.subtotal, o.shipping, o.tax, o.discount
           from orders o where o.id = $1"#,
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines = sqlx::query!(
        r#"select l.id, l.position, l.sku, l.title, l.unit_price, l.ordered, l.reserved, l.requested,
                  l.shipped, l.delivered, l.cancelled, l.return_requested, l.returned,
                  own.id as "level?", coalesce(own.on_hand - own.reserved, 0) as "available!"
           from order_lines l
           left join lateral (
               select s.id, s.on_hand, s.reserved
               from stock_levels s join locations p on p.id = s.location_id
               where s.product_id = l.product_id and p.supplier_id is null
               order by s.on_hand - s.reserved desc, s.id limit 1) own on true
           where l.order_id = $1 order by l.position"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|l| OrderLine {
        id: l.id,
        position: l.position,
        sku: l.sku,
        title: l.title,
        stock: l.level.map(|level| RecordId::new(Kind::Stock, level)),
        available: i64::from(l.available),
        unit_price: l.unit_price,
        ordered: l.ordered,
        reserved: l.reserved,
        requested: l.requested,
        shipped: l.shipped,
        delivered: l.delivered,
        cancelled: l.cancelled,
        return_requested: l.return_requested,
        returned: l.returned,
    })
    .collect();
    let fulfilments = sqlx::query!(
        r#"select f.id, p.name, p.supplier_id is not null as "by_supplier!", f.state,
                  coalesce(f.reason, case when f.routed_by_hand then 'routed by hand' end) as reason,
                  (select coalesce(sum(quantity), 0) from fulfilment_lines where fulfilment_id = f.id) as "units!"
           from fulfilments f join locations p on p.id = f.location_id
           where f.order_id = $1 order by f.id"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|f| {
        Ok(Fulfilment {
            id: f.id,
            location: f.name,
            by_supplier: f.by_supplier,
            state: word("fulfilments.state", f.id, &f.state)?,
            units: f.units,
            reason: f.reason,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let payments = sqlx::query_as!(
        Payment,
        r#"select at as "at!", what as "what!", detail as "detail!", amount as "amount!",
                  currency as "currency!", state as "state!"
           from (select at, 'payment' as what, method as detail, amount, currency, 'captured' as state
                 from payments where order_id = $1
                 union all
                 select r.at, 'refund', r.reason, -r.amount, p.currency, r.state
                 from refunds r join payments p on p.id = r.payment_id where r.order_id = $1) money
           order by 1, 2"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let notes = sqlx::query_as!(
        Note,
        "select at, who, text from order_notes
         where order_id = $1 order by at desc, id desc limit 100",
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(Some(Order {
        email: head.email,
        phone: head.phone,
        shipping_address: address("orders.shipping_address", id, head.shipping_address)?,
        shipping_method: head.shipping_method,
        amounts: Amounts {
            subtotal: head.subtotal,
            shipping: head.shipping,
            tax: head.tax,
            discount: head.discount,
        },
        note: head.note,
        failure: jobs::failure_of_order(connection, id).await?,
        lines,
        fulfilments,
        shipments: shipments_where(connection, "p.order_id = $1 order by p.id", id).await?,
        inspections: inspections_where(connection, "i.order_id = $1 order by i.id", id).await?,
        tickets: tickets_where(connection, "t.order_id = $1 order by t.id", id).await?,
        mails: notices::of_order(connection, id).await?,
        payments,
        notes,
        summary,
    }))
}
