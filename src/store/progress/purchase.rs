//! Purchase orders that are not sent yet, and sending them.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::store::db::DbError;
use crate::store::rows::one_row;

/// A purchase order that has not been sent, with what a mail to the supplier needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Primary key.
    pub id: i64,
    /// The number by which the supplier knows it, without `PO-`: that of the one which it has accepted
    /// in part, where this one is that part.
    pub number: i64,
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

/// Locks a purchase order for our own stock that was not sent yet and whose supplier has an address.
pub async fn stock_draft(connection: &mut PgConnection, id: i64) -> Result<Option<Draft>, DbError> {
    let rows = sqlx::query_as!(
        DraftRow,
        r#"select b.id, coalesce(b.in_place_of, b.id) as "number!", b.currency, s.name, s.email, s.acceptance_hours, p.sku, p.title, l.quantity,
                l.unit_cost
         from purchase_orders b
         join suppliers s on s.id = b.supplier_id
         join purchase_order_lines l on l.purchase_order_id = b.id
         join products p on p.id = l.product_id
         where b.id = $1 and b.fulfilment_id is null and b.state = 'draft' and has_address(s)
         order by l.id for no key update of b"#,
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(folded(rows).pop())
}

/// The purchase orders of an order's living fulfilments that were not sent and whose suppliers have an
/// address, oldest first.
pub async fn drafts(connection: &mut PgConnection, order_id: i64) -> Result<Vec<Draft>, DbError> {
    let rows = sqlx::query_as!(
        DraftRow,
        r#"select b.id, coalesce(b.in_place_of, b.id) as "number!", b.currency, s.name, s.email, s.acceptance_hours, p.sku, p.title, l.quantity,
                l.unit_cost
         from fulfilments f
         join purchase_orders b on b.fulfilment_id = f.id
         join suppliers s on s.id = b.supplier_id
         join purchase_order_lines l on l.purchase_order_id = b.id
         join products p on p.id = l.product_id
         where f.order_id = $1 and f.state in ('open', 'requested') and b.state = 'draft' and has_address(s)
         order by b.id, l.id"#,
        order_id
    )
    .fetch_all(connection)
    .await?;
    Ok(folded(rows))
}

/// A line of a purchase order that was not sent, with what is said of the whole.
struct DraftRow {
    id: i64,
    number: i64,
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
                number: row.number,
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

/// The mails of purchase orders are laid ready: they are answered once those have left.
pub async fn set_planned(
    connection: &mut PgConnection,
    ids: &[i64],
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "update purchase_orders set state = 'sent', sent_at = $2 where id = any ($1) and state = 'draft'",
        ids,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks a purchase order, and answers with the business hours within which its supplier has agreed
/// to answer; none where it is not awaited.
pub async fn unanswered_hours(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<i32>, DbError> {
    Ok(sqlx::query_scalar!(
        "select s.acceptance_hours
         from purchase_orders b join suppliers s on s.id = b.supplier_id
         where b.id = $1 and b.state = 'sent' for no key update of b",
        id
    )
    .fetch_optional(connection)
    .await?)
}

/// A purchase order's mail has left, to be answered by then.
pub async fn has_left(
    connection: &mut PgConnection,
    id: i64,
    due: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "update purchase_orders set sent_at = $2, answer_due = $3 where id = $1 and state = 'sent'",
        id,
        at,
        due,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Purchase orders have been sent by hand, each to be answered by then. What was to bring them by mail is
/// stopped by trigger.
pub async fn set_sent(
    connection: &mut PgConnection,
    sent: &[(i64, DateTime<Utc>)],
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let (ids, due): (Vec<i64>, Vec<DateTime<Utc>>) = sent.iter().copied().unzip();
    sqlx::query!(
        "update purchase_orders p set state = 'sent', sent_at = $3, answer_due = sent.due
         from unnest($1::bigint[], $2::timestamptz[]) as sent (id, due)
         where p.id = sent.id and (p.state = 'draft' or p.state = 'sent' and p.answer_due is null)",
        &ids,
        &due,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A purchase order that was cancelled, and what is not to be sent any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// With the units that had not left.
    pub rest: Draft,
    /// Whether some had.
    pub begun: bool,
    /// The order that it was for; none for our own stock.
    pub order_id: Option<i64>,
}

/// A purchase order that was cancelled; none where it was not, or nothing of it was left to be sent.
pub async fn cancelled(
    connection: &mut PgConnection,
    purchase_order_id: i64,
) -> Result<Option<Cancelled>, DbError> {
    let rows = sqlx::query_as!(
        DraftRow,
        r#"select b.id, coalesce(b.in_place_of, b.id) as "number!", b.currency, s.name, s.email,
                  s.acceptance_hours, p.sku, p.title,
                  (l.quantity - units_sent(b, l.product_id))::integer as "quantity!", l.unit_cost
           from purchase_orders b
           join suppliers s on s.id = b.supplier_id
           join purchase_order_lines l on l.purchase_order_id = b.id
           join products p on p.id = l.product_id
           where b.id = $1 and b.state = 'cancelled' and l.quantity > units_sent(b, l.product_id)
           order by l.id"#,
        purchase_order_id
    )
    .fetch_all(&mut *connection)
    .await?;
    let Some(rest) = folded(rows).pop() else {
        return Ok(None);
    };
    let of = sqlx::query!(
        r#"select exists (
               select from purchase_orders b join purchase_order_lines l on l.purchase_order_id = b.id
               where (b.id = $1 or b.in_place_of = $1) and units_sent(b, l.product_id) > 0) as "begun!",
             (select f.order_id from purchase_orders b join fulfilments f on f.id = b.fulfilment_id
              where b.id = $2) as order_id"#,
        rest.number,
        rest.id,
    )
    .fetch_one(connection)
    .await?;
    Ok(Some(Cancelled {
        rest,
        begun: of.begun,
        order_id: of.order_id,
    }))
}

/// Takes a fulfilment back from its supplier, with its purchase orders. One that was `asked` has turned
/// it down by that, the other is still to be asked. The order is locked by the caller.
pub async fn recall(
    connection: &mut PgConnection,
    fulfilment_id: i64,
    asked: bool,
    reason: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "update purchase_orders set state = 'cancelled', reason = $2
         where fulfilment_id = $1 and state in ('draft', 'sent')",
        fulfilment_id,
        reason,
    )
    .execute(&mut *connection)
    .await?;
    let done = sqlx::query!(
        "update fulfilments set state = case when $3 then 'rejected' else 'cancelled' end, reason = $2
         where id = $1 and state = 'requested'",
        fulfilment_id,
        reason,
        asked,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the fulfilment")
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

/// Looks again at the orders whose suppliers have not answered in time about a product, or cannot be
/// asked, those that waited longest first: others may have it now.
pub async fn enqueue_unanswered(
    connection: &mut PgConnection,
    product_id: i64,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<(), DbError> {
    sqlx::query!(
        "select enqueue('order', 'order', silent.order_id)
         from (select order_id
               from (select l.order_id
                     from order_lines l
                     join fulfilment_lines fl on fl.order_line_id = l.id
                     join fulfilments f on f.id = fl.fulfilment_id
                     join purchase_orders b on b.fulfilment_id = f.id
                     where l.product_id = $1 and l.requested > 0 and is_unanswered(b, f, $2)
                     group by l.order_id order by min(b.answer_due), l.order_id limit $3) oldest
               order by order_id) silent",
        product_id,
        now,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// A purchase order whose supplier was told another address than its order has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misaddressed {
    /// The purchase order.
    pub draft: Draft,
    /// Whether the supplier knows of it without the mail that asks for it.
    pub known: bool,
    /// Whether a mail about the other address has not left and can be stopped.
    pub untold: bool,
    /// Whether the supplier knows the present address, as long as that mail does not leave.
    pub knows: bool,
}

/// The purchase orders for an order whose suppliers were told another address than it has now and have
/// not sent all of it, oldest first, locked. The order is locked by the caller.
pub async fn misaddressed(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<Vec<Misaddressed>, DbError> {
    let facts = sqlx::query!(
        r#"select b.id, is_known(b) as "known!", untold.mail as "untold!",
                  untold.mail and coalesce(
                      address_said(b.known_address) = address_said(o.shipping_address), false) as "knows!"
           from fulfilments f
           join orders o on o.id = f.order_id
           join purchase_orders b on b.fulfilment_id = f.id
           cross join lateral (
               select exists (select from notices n
                              where n.kind = 'address_changed' and n.subject_kind = 'purchase_order'
                                and n.subject_id = b.id
                                and (n.state in ('held', 'failed') or n.state = 'queued' and not n.sending)) as mail
           ) untold
           where f.order_id = $1 and f.state in ('requested', 'accepted', 'inspecting', 'ready')
             and b.state in ('sent', 'accepted')
             and coalesce(address_said(b.told_address) <> address_said(o.shipping_address), true)
           for no key update of b"#,
        order_id
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<i64> = facts.iter().map(|row| row.id).collect();
    let rows = sqlx::query_as!(
        DraftRow,
        r#"select b.id, coalesce(b.in_place_of, b.id) as "number!", b.currency, s.name, s.email,
                  s.acceptance_hours, p.sku, p.title, l.quantity, l.unit_cost
           from purchase_orders b
           join suppliers s on s.id = b.supplier_id
           join purchase_order_lines l on l.purchase_order_id = b.id
           join products p on p.id = l.product_id
           where b.id = any ($1)
           order by b.id, l.id"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let known = |draft: Draft| {
        let row = facts.iter().find(|row| row.id == draft.id)?;
        Some(Misaddressed {
            known: row.known,
            untold: row.untold,
            knows: row.knows,
            draft,
        })
    };
    Ok(folded(rows).into_iter().filter_map(known).collect())
}

/// The supplier of a purchase order has been told where its order goes now; or it knows no other
/// address any more.
pub async fn set_readdressed(
    connection: &mut PgConnection,
    purchase: &Misaddressed,
) -> Result<(), DbError> {
    let done = sqlx::query!(
        "update purchase_orders b
         set told_address = o.shipping_address,
             known_address = case when $3 then null when $2 then b.known_address else b.told_address end
         from fulfilments f join orders o on o.id = f.order_id
         where b.id = $1 and f.id = b.fulfilment_id",
        purchase.draft.id,
        purchase.untold,
        purchase.knows,
    )
    .execute(connection)
    .await?;
    one_row(&done, "the purchase order")
}
