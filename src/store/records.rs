//! Full views: everything about one record, its history, and what its verbs may be told.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::rows::{self, address, word};
use super::{carrier_labels, inspections, notices, orders, shipments, stock, tickets};
use crate::domain::full::{FullRecord, Inspection, Order, Shipment, Stock, Ticket};
use crate::domain::inspections::{Check, Defect, InspectionSummary};
use crate::domain::list::HistoryEntry;
use crate::domain::notices::{Subject, SubjectKind};
use crate::domain::orders::{Amounts, Fulfilment, Note, OrderLine, Payment};
use crate::domain::record::{Kind, RecordId};
use crate::domain::shipments::{ShipmentLine, ShipmentSummary, TrackingEvent};
use crate::domain::stock::{Movement, Offer, OnOrder, WantedBy};
use crate::domain::tickets::{Message, TicketSummary};
use crate::domain::verbs::ArgKind;

/// Everything about a record; none where it does not exist.
pub async fn full(
    connection: &mut PgConnection,
    record: RecordId,
) -> Result<Option<FullRecord>, DbError> {
    Ok(match record.kind {
        Kind::Order => order(connection, record.id)
            .await?
            .map(|r| FullRecord::Order(Box::new(r))),
        Kind::Stock => level(connection, record.id)
            .await?
            .map(|r| FullRecord::Stock(Box::new(r))),
        Kind::Shipment => shipment(connection, record.id)
            .await?
            .map(|r| FullRecord::Shipment(Box::new(r))),
        Kind::Inspection => inspection(connection, record.id)
            .await?
            .map(|r| FullRecord::Inspection(Box::new(r))),
        Kind::Ticket => ticket(connection, record.id)
            .await?
            .map(|r| FullRecord::Ticket(Box::new(r))),
    })
}

async fn order(connection: &mut PgConnection, id: i64) -> Result<Option<Order>, DbError> {
    let Some(summary) = orders::summary(connection, id).await? else {
        return Ok(None);
    };
    let head = sqlx::query!(
        r#"select o.email, o.phone, o.shipping_address, o.shipping_method, o.note,
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

async fn level(connection: &mut PgConnection, id: i64) -> Result<Option<Stock>, DbError> {
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
        r#"select p.id, supplier.name as supplier, p.state, l.quantity, l.received, l.unit_cost,
                  p.currency, p.created_at, p.answer_due
           from stock_levels s
           join locations place on place.id = s.location_id and place.supplier_id is null
           join purchase_orders p on p.fulfilment_id is null and p.state in ('draft', 'sent', 'accepted')
           join purchase_order_lines l on l.purchase_order_id = p.id and l.product_id = s.product_id
               and l.received < l.quantity
           join suppliers supplier on supplier.id = p.supplier_id
           where s.id = $1 order by p.id limit 20"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|row| {
        Ok(OnOrder {
            purchase_id: row.id,
            supplier: row.supplier,
            state: word("purchase_orders.state", row.id, &row.state)?,
            quantity: row.quantity,
            received: row.received,
            unit_cost: row.unit_cost,
            currency: row.currency,
            created_at: row.created_at,
            answer_due: row.answer_due,
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
    }))
}

async fn shipment(connection: &mut PgConnection, id: i64) -> Result<Option<Shipment>, DbError> {
    let Some(summary) = shipments::summary(connection, id).await? else {
        return Ok(None);
    };
    let head = sqlx::query!(
        r#"select place.name, o.shipping_address
           from shipments p
           join orders o on o.id = p.order_id
           join fulfilments f on f.id = p.fulfilment_id
           join locations place on place.id = f.location_id
           where p.id = $1"#,
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    let lines = sqlx::query_as!(
        ShipmentLine,
        r#"select l.sku, l.title, s.quantity
           from shipment_lines s join order_lines l on l.id = s.order_line_id
           where s.shipment_id = $1 order by l.position"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let events = sqlx::query!(
        r#"select at, status, status_raw, message, location
           from tracking_events where shipment_id = $1 order by at desc, id desc limit 100"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|event| {
        Ok(TrackingEvent {
            at: event.at,
            status: word("tracking_events.status", id, &event.status)?,
            status_raw: event.status_raw,
            message: event.message,
            location: event.location,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let order_id = summary.order_id;
    Ok(Some(Shipment {
        location: Some(head.name),
        lines,
        events,
        inspections: inspections_where(connection, "i.order_id = $1 order by i.id", order_id)
            .await?,
        tickets: tickets_where(connection, "t.order_id = $1 order by t.id", order_id).await?,
        address: address("orders.shipping_address", order_id, head.shipping_address)?,
        carrier_label: carrier_labels::of_shipment(connection, id).await?,
        summary,
    }))
}

async fn inspection(connection: &mut PgConnection, id: i64) -> Result<Option<Inspection>, DbError> {
    let Some(summary) = inspections::summary(connection, id).await? else {
        return Ok(None);
    };
    let waive_reason =
        sqlx::query_scalar!("select waive_reason from inspections where id = $1", id)
            .fetch_one(&mut *connection)
            .await?;
    let checks = sqlx::query!(
        r#"select name, instruction, result, checked_by, checked_at
           from inspection_checks where inspection_id = $1 order by position"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|check| {
        Ok(Check {
            name: check.name,
            instruction: check.instruction,
            result: word("inspection_checks.result", id, &check.result)?,
            checked_by: check.checked_by,
            checked_at: check.checked_at,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let defects = sqlx::query!(
        r#"select check_name, severity, description, at, who
           from defects where inspection_id = $1 order by at desc, id desc"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|defect| {
        Ok(Defect {
            check: defect.check_name,
            severity: word("defects.severity", id, &defect.severity)?,
            description: defect.description,
            at: defect.at,
            who: defect.who,
        })
    })
    .collect::<Result<_, DbError>>()?;
    let lines = sqlx::query_as!(
        ShipmentLine,
        r#"select l.sku, l.title, l.ordered - l.shipped - l.cancelled as "quantity!"
           from inspections i join order_lines l on l.order_id = i.order_id
           where i.id = $1 and l.ordered > l.shipped + l.cancelled and l.requires_shipping
           order by l.position"#,
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(Some(Inspection {
        summary,
        checks,
        defects,
        waive_reason,
        lines,
    }))
}

async fn ticket(connection: &mut PgConnection, id: i64) -> Result<Option<Ticket>, DbError> {
    let Some(summary) = tickets::summary(connection, id).await? else {
        return Ok(None);
    };
    let head = sqlx::query!(
        "select email, customer_id, resolution from tickets where id = $1",
        id
    )
    .fetch_one(&mut *connection)
    .await?;
    let mut messages = sqlx::query!(
        r#"select m.id, m.kind, m.at, m.sender, m.who, m.body,
                  coalesce((select array_agg(a.name order by a.id) from attachments a
                            where a.message_id = m.id), '{}') as "names!",
                  coalesce((select array_agg(a.size order by a.id) from attachments a
                            where a.message_id = m.id), '{}') as "sizes!",
                  (select state from notices n
                   where n.kind = 'ticket_reply' and n.subject_kind = 'ticket'
                     and n.subject_id = m.ticket_id and n.occasion = m.id::text) as mail
           from messages m where m.ticket_id = $1 order by m.at desc, m.id desc limit 200"#,
        id
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|message| {
        Ok(Message {
            id: message.id,
            kind: word("messages.kind", message.id, &message.kind)?,
            at: message.at,
            from: if message.sender.is_empty() {
                message.who
            } else {
                message.sender
            },
            body: message.body,
            mail: message
                .mail
                .map(|state| word("notices.state", message.id, &state))
                .transpose()?,
            attachments: message.names.into_iter().zip(message.sizes).collect(),
        })
    })
    .collect::<Result<Vec<_>, DbError>>()?;
    messages.reverse();
    let (order, shipments) = match summary.order_id {
        Some(order) => (
            orders::summary(connection, order).await?,
            shipments_where(connection, "p.order_id = $1 order by p.id", order).await?,
        ),
        None => (None, Vec::new()),
    };
    let other_tickets = match (head.customer_id, &head.email) {
        (Some(customer), _) => {
            let newest = "t.customer_id = $1 order by t.id desc limit 21";
            tickets_where(connection, newest, customer).await?
        }
        (None, Some(email)) => {
            let sql = format!(
                "{} where lower(t.email) = lower($1) order by t.id desc limit 21",
                tickets::SELECT
            );
            let rows = sqlx::query(AssertSqlSafe(sql))
                .bind(email)
                .fetch_all(&mut *connection);
            rows.await?
                .iter()
                .map(tickets::from_row)
                .collect::<Result<_, _>>()?
        }
        (None, None) => Vec::new(),
    };
    let subject = Subject::new(SubjectKind::Ticket, id);
    Ok(Some(Ticket {
        mails: notices::of_subject(connection, subject).await?,
        email: head.email,
        resolution: match &head.resolution {
            Some(resolution) => Some(word("tickets.resolution", id, resolution)?),
            None => None,
        },
        messages,
        order,
        shipments,
        other_tickets: other_tickets
            .into_iter()
            .filter(|other| other.id != id)
            .take(20)
            .collect(),
        summary,
    }))
}

async fn shipments_where(
    connection: &mut PgConnection,
    condition: &str,
    key: i64,
) -> Result<Vec<ShipmentSummary>, DbError> {
    rows::all(
        connection,
        shipments::SELECT,
        condition,
        key,
        shipments::from_row,
    )
    .await
}

async fn inspections_where(
    connection: &mut PgConnection,
    condition: &str,
    key: i64,
) -> Result<Vec<InspectionSummary>, DbError> {
    rows::all(
        connection,
        inspections::SELECT,
        condition,
        key,
        inspections::from_row,
    )
    .await
}

async fn tickets_where(
    connection: &mut PgConnection,
    condition: &str,
    key: i64,
) -> Result<Vec<TicketSummary>, DbError> {
    rows::all(
        connection,
        tickets::SELECT,
        condition,
        key,
        tickets::from_row,
    )
    .await
}

/// Writes of one program that are this near are told as one.
const SAME_BREATH: TimeDelta = TimeDelta::seconds(1);

/// Rows of activity that are read to tell a record's history.
const HISTORY_ROWS: i64 = 400;

/// What was done to a record, newest first: one entry for each act, and one for each write that
/// was not an act. Times are told by the clock of `zone`, the shop's.
pub async fn history(
    connection: &mut PgConnection,
    record: RecordId,
    limit: usize,
    zone: Tz,
) -> Result<Vec<HistoryEntry>, DbError> {
    let rows = sqlx::query!(
        r#"select at, entity, operation, changes, act_id, verb, reason, source, who
           from activity where kind = $1 and record_id = $2
           order by at desc, id desc limit $3"#,
        record.kind.as_str(),
        record.id,
        HISTORY_ROWS,
    )
    .fetch_all(connection)
    .await?;
    let mut entries: Vec<HistoryEntry> = Vec::new();
    let mut last_act = None;
    for row in rows {
        // Whatever its login: nobody was at a keyboard.
        let who = match row.source.as_str() {
            "worker" => "worker".to_owned(),
            _ => row.who,
        };
        let phrases = phrases(&row.entity, &row.operation, &row.changes, zone);
        if let Some(entry) = entries.last_mut()
            && row.act_id == last_act
            && (row.act_id.is_some()
                || is_same_write(entry, &who, &row.source, row.reason.as_deref(), row.at))
        {
            // Newest first: what an act did first is found last.
            entry.changes.splice(0..0, phrases);
            entry.at = row.at;
            continue;
        }
        if entries.len() == limit {
            break;
        }
        last_act = row.act_id;
        entries.push(HistoryEntry {
            at: row.at,
            who,
            verb: row.verb,
            source: row.source,
            reason: row.reason,
            changes: phrases,
        });
    }
    Ok(entries)
}

/// Whether a write that is not an act belongs to what the entry tells of: the same person and
/// reason in the same breath.
fn is_same_write(
    entry: &HistoryEntry,
    who: &str,
    source: &str,
    reason: Option<&str>,
    at: DateTime<Utc>,
) -> bool {
    entry.who == who
        && entry.source == source
        && entry.reason.as_deref() == reason
        && entry.at - at < SAME_BREATH
}

/// Columns that follow from others: no news to a person.
const DERIVED: &[&str] = &[
    "id",
    "unallocated",
    "due_at",
    "processing_at",
    "confirmed_at",
    "last_event_at",
    "handed_over_at",
    "checked_by",
    "checked_at",
    "finished_at",
    "started_at",
    "resolved_at",
    "ship_date",
    "requested_at",
];

/// Parts of a record that other phrases tell of: a reservation is told by its line's counter.
const UNTOLD: &[&str] = &["clock_events", "reservations", "fulfilment_lines"];

/// What a row of activity says, in phrases such as `stage: confirmed → on hold`.
fn phrases(entity: &str, operation: &str, changes: &Value, zone: Tz) -> Vec<String> {
    if UNTOLD.contains(&entity) {
        return Vec::new();
    }
    match (operation, changes) {
        ("insert", Value::Object(fields)) => match fields.get("rows").and_then(Value::as_u64) {
            Some(rows) => vec![format!("{} added", parts(entity, rows))],
            None => vec!["created".to_owned()],
        },
        ("delete", Value::Array(rows)) => {
            vec![format!("{} removed", parts(entity, rows.len() as u64))]
        }
        (_, Value::Object(fields)) => fields
            .iter()
            .filter_map(|(name, change)| phrase(name, change, zone))
            .collect(),
        (_, Value::Array(rows)) => {
            let mut all = BTreeSet::new();
            for row in rows {
                if let Value::Object(fields) = row {
                    all.extend(
                        fields
                            .iter()
                            .filter_map(|(name, change)| phrase(name, change, zone)),
                    );
                }
            }
            all.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// So many parts of a record, as people call them: `note`, `23 lines`. Tables are named after many
/// of what they hold.
fn parts(entity: &str, count: u64) -> String {
    let many = match entity {
        "order_lines" | "fulfilment_lines" | "shipment_lines" | "return_lines" => "lines",
        "order_notes" => "notes",
        "inspection_checks" => "checks",
        other => other,
    };
    match count {
        1 => many.strip_suffix('s').unwrap_or(many).replace('_', " "),
        _ => format!("{count} {}", many.replace('_', " ")),
    }
}

/// What became of a column; nothing where a person sees no difference.
fn phrase(name: &str, change: &Value, zone: Tz) -> Option<String> {
    if DERIVED.contains(&name) {
        return None;
    }
    let [old, new] = change.as_array()?.as_slice() else {
        return None;
    };
    let shown = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) if text.is_empty() => "–".to_owned(),
        Value::String(text) => match to_the_minute(text, zone) {
            Some(at) => at,
            None if WORDS.contains(&name) => text.replace('_', " "),
            None => text.clone(),
        },
        other => other.to_string(),
    };
    let (old, new) = (shown(old), shown(new));
    (old != new).then(|| format!("{}: {old} → {new}", name.replace('_', " ")))
}

/// Columns that hold a word of ours; what people wrote elsewhere stays as they wrote it.
const WORDS: &[&str] = &[
    "stage",
    "state",
    "status",
    "financial_status",
    "tracking_status",
    "result",
    "resolution",
    "severity",
    "priority",
    "kind",
];

/// An instant as a row of JSON holds it, to the minute and by the shop's clock.
fn to_the_minute(text: &str, zone: Tz) -> Option<String> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    let local = at.with_timezone(&zone);
    Some(local.format("%Y-%m-%d %H:%M").to_string())
}
/// Values that an argument may take, those first that begin with what was typed; at most 20.
pub async fn choices(
    connection: &mut PgConnection,
    kind: ArgKind,
    typed: &str,
    record: Option<RecordId>,
) -> Result<Vec<String>, DbError> {
    let pattern = format!(
        "{}%",
        typed
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_")
    );
    let found = match kind {
        ArgKind::Staff => sqlx::query_scalar!(
            "select login from staff where login ilike $1 or name ilike $1 order by login limit 20",
            pattern
        )
        .fetch_all(connection)
        .await?,
        ArgKind::Carrier => {
            sqlx::query_scalar!(
                "select name from carriers where name ilike $1 order by name limit 20",
                pattern
            )
            .fetch_all(connection)
            .await?
        }
        ArgKind::Source => sources(connection, &pattern, record).await?,
        ArgKind::Order => {
            sqlx::query_scalar!(
                r#"select number from orders
                   where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                     and number like $1 order by number collate "C" limit 20"#,
                pattern
            )
            .fetch_all(connection)
            .await?
        }
        ArgKind::Check => {
            sqlx::query_scalar!(
                r#"select name from inspection_checks
                   where inspection_id = $1 and name ilike $2 order by position"#,
                record.map_or(0, |record| record.id),
                pattern
            )
            .fetch_all(connection)
            .await?
        }
        ArgKind::OneOf(words) => words
            .iter()
            .filter(|word| word.starts_with(typed))
            .map(|word| (*word).to_owned())
            .collect(),
        ArgKind::Text
        | ArgKind::LongText
        | ArgKind::Quantity
        | ArgKind::Count
        | ArgKind::Change
        | ArgKind::Time => Vec::new(),
    };
    Ok(found)
}

/// Where an order's goods may come from: suppliers that offer something it lacks, by how much of
/// it they offer, then our own locations.
async fn sources(
    connection: &mut PgConnection,
    pattern: &str,
    record: Option<RecordId>,
) -> Result<Vec<String>, DbError> {
    let order = record
        .filter(|record| record.kind == Kind::Order)
        .map(|record| record.id);
    Ok(sqlx::query_scalar!(
        r#"select place.name
           from locations place
           left join lateral (
               select count(*) as lines
               from order_lines l join supplier_offers offer on offer.product_id = l.product_id
               where l.order_id = $2 and l.unallocated > 0 and offer.supplier_id = place.supplier_id
           ) offered on true
           where place.name ilike $1 and (place.supplier_id is null or $2::bigint is null or offered.lines > 0)
           order by offered.lines desc, place.name limit 20"#,
        pattern,
        order
    )
    .fetch_all(connection)
    .await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn history_is_told_to_people() {
        let told =
            |entity, operation, changes| phrases(entity, operation, &changes, Tz::Europe__Berlin);
        let cases = [
            (
                "order_notes",
                "insert",
                json!({"rows": 1}),
                vec!["note added"],
            ),
            (
                "messages",
                "insert",
                json!({"rows": 1}),
                vec!["message added"],
            ),
            (
                "order_lines",
                "insert",
                json!({"rows": 23}),
                vec!["23 lines added"],
            ),
            ("clock_events", "insert", json!({"rows": 2}), vec![]),
            ("orders", "insert", json!({}), vec!["created"]),
            (
                "orders",
                "update",
                json!({
                    "stage": ["confirmed", "on_hold"],
                    "ship_by": [null, "2026-11-23T12:00:07.25+00:00"],
                    "due_at": [null, "2026-11-23T12:00:07.25+00:00"],
                    "deliver_by": ["2026-11-23T12:00:07+00:00", "2026-11-23T12:00:08+00:00"],
                    "email": [null, ""],
                    "note": [null, "see_below"],
                }),
                vec![
                    "note: – → see_below",
                    "ship by: – → 2026-11-23 13:00",
                    "stage: confirmed → on hold",
                ],
            ),
        ];
        for (entity, operation, changes, wanted) in cases {
            assert_eq!(told(entity, operation, changes), wanted, "{entity}");
        }
    }
}
