//! Labels: what is printed for a parcel, read at once.

use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::rows::address;
use crate::domain::labels::Label;
use crate::domain::shipments::ShipmentLine;
use crate::domain::tracking;

/// What can be printed for a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printable {
    /// What our label and its slip say.
    pub label: Label,
    /// The carrier's own label, in ZPL, where one was bought.
    pub bought: Option<String>,
}

/// What can be printed for a parcel; `None` where there is no such parcel. `from` is the address
/// that it is sent from.
pub async fn printable(
    connection: &mut PgConnection,
    shipment_id: i64,
    from: Vec<String>,
) -> Result<Option<Printable>, DbError> {
    let Some(head) = sqlx::query!(
        r#"select o.number, o.shipping_address, o.customer_name, o.note,
                  coalesce((select s.name from shipping_options s where s.id = o.shipping_option_id),
                           o.shipping_method) as shipping_method,
                  (select zpl from carrier_labels b
                   where b.shipment_id = p.id and b.state = 'bought') as zpl,
                  c.name as "carrier?", c.tracking_url as "tracking_url?", p.tracking_code,
                  (select count(*) from shipments s
                   where s.order_id = p.order_id and s.id <= p.id
                     and (s.state <> 'void' or s.id = p.id)) as "place!",
                  (select count(*) from shipments s
                   where s.order_id = p.order_id and (s.state <> 'void' or s.id = p.id)) as "of!"
           from shipments p
           join orders o on o.id = p.order_id
           left join carriers c on c.id = p.carrier_id
           where p.id = $1"#,
        shipment_id,
    )
    .fetch_optional(&mut *connection)
    .await?
    else {
        return Ok(None);
    };
    let contents = sqlx::query!(
        r#"select l.sku, l.title, s.quantity, t.weight_g as "weight_g?"
           from shipment_lines s
           join order_lines l on l.id = s.order_line_id
           left join products t on t.id = l.product_id
           where s.shipment_id = $1 order by l.position"#,
        shipment_id,
    )
    .fetch_all(connection)
    .await?;
    let mut to = address(
        "shipment's orders.shipping_address",
        shipment_id,
        head.shipping_address,
    )?;
    if to.name.is_empty() {
        to.name = head.customer_name;
    }
    let tracking_link = head
        .tracking_url
        .as_deref()
        .zip(head.tracking_code.as_deref())
        .and_then(|(address, code)| tracking::link(address, code));
    let label = Label {
        parcel: format!("SHP-{shipment_id}"),
        order: head.number,
        from,
        to,
        carrier: head.carrier,
        service: head.shipping_method,
        tracking_code: head.tracking_code,
        tracking_link,
        number: head.place,
        of: head.of,
        weight_g: contents
            .iter()
            .map(|line| Some(i64::from(line.weight_g?) * i64::from(line.quantity)))
            .sum(),
        lines: contents
            .into_iter()
            .map(|line| ShipmentLine {
                sku: line.sku,
                title: line.title,
                quantity: line.quantity,
            })
            .collect(),
        note: head.note,
    };
    Ok(Some(Printable {
        label,
        bought: head.zpl,
    }))
}

/// Has a parcel's label printed.
pub async fn enqueue(connection: &mut PgConnection, parcel: i64) -> Result<(), DbError> {
    sqlx::query!("select enqueue('label', 'shipment', $1)", parcel)
        .fetch_one(connection)
        .await?;
    Ok(())
}
