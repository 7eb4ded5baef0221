//! Tickets: their summaries, and what acts read and write of them.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgRow};

use super::db::DbError;
use super::rows::Columns;
use crate::domain::tickets::TicketSummary;

/// A ticket as its list shows it: a `select` that ends where conditions may follow. The ticket is
/// `t` and its order `parent` (none where no order is linked); [`from_row`] reads its rows.
pub const SELECT: &str = "
    select t.id, t.version, t.subject, coalesce(nullif(t.customer_name, ''), t.email, '') as customer,
           t.order_id, parent.number as order_number, t.state, t.priority, t.assignee,
           nullif(t.due_at, '9999-12-31 00:00+00') as due_at,
           case t.due_at when '9999-12-31 00:00+00' then null
                when t.first_response_due then 'first_response'
                when t.next_response_due then 'next_response'
                when t.resolution_due then 'resolution' end as clock,
           t.snoozed_until, said.last as last_message_at, said.messages
    from tickets t
    left join orders parent on parent.id = t.order_id
    cross join lateral (
        select count(*) as messages, max(at) as last
        from messages where ticket_id = t.id) said ";

/// Reads a row of [`SELECT`].
///
/// # Errors
/// Which column of which ticket does not fit.
pub fn from_row(row: &PgRow) -> Result<TicketSummary, DbError> {
    let columns = Columns::of("ticket", row)?;
    Ok(TicketSummary {
        id: columns.id,
        version: columns.get("version")?,
        subject: columns.get("subject")?,
        customer: columns.get("customer")?,
        order_id: columns.get("order_id")?,
        order_number: columns.get("order_number")?,
        state: columns.word("state")?,
        priority: columns.word("priority")?,
        assignee: columns.get("assignee")?,
        due_at: columns.get("due_at")?,
        clock: columns.optional_word("clock")?,
        snoozed_until: columns.get("snoozed_until")?,
        last_message_at: columns.get("last_message_at")?,
        messages: columns.get("messages")?,
    })
}

/// The ticket with this primary key.
pub async fn summary(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<TicketSummary>, DbError> {
    sqlx::query(AssertSqlSafe(format!("{SELECT} where t.id = $1")))
        .bind(id)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(from_row)
        .transpose()
}
