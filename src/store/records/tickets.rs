//! Everything about a ticket.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::related::{shipments_where, tickets_where};
use crate::domain::full::Ticket;
use crate::domain::notices::{Subject, SubjectKind};
use crate::domain::tickets::Message;
use crate::store::db::DbError;
use crate::store::rows::word;
use crate::store::{notices, orders, tickets};

/// Everything about a ticket; none where there is no such thing.
pub(super) async fn full(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<Ticket>, DbError> {
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
