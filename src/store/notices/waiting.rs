//! What mail waits for: a person, another try, or its turn.
//!
//! What servers say names the mail's recipient, so that no two of them say the same: it is left out where
//! mails are counted by what they wait for.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;

use crate::store::db::DbError;

/// How many notices wait for a person.
pub async fn count_failed(connection: &mut PgConnection) -> Result<i64, DbError> {
    Ok(
        sqlx::query_scalar!(r#"select count(*) as "count!" from notices where state = 'failed'"#)
            .fetch_one(connection)
            .await?,
    )
}

/// Mails that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedFor {
    /// The channel that their orders came by; `our stock` and `tickets` for what is no order's.
    pub channel: String,
    /// What the server said.
    pub cause: String,
    /// How many.
    pub count: i64,
    /// What the first three are about, as people call it: orders, tickets and SKUs.
    pub about: Vec<String>,
}

/// Why mails failed, by channel; what most of them failed for first.
pub async fn failed_for(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<FailedFor>, DbError> {
    Ok(sqlx::query_as!(
        FailedFor,
        r#"select failed.channel as "channel!", failed.cause as "cause!", failed.count as "count!",
                  array(select coalesce(
                            (select o.number from orders o where o.id = n.order_id),
                            case n.subject_kind
                                when 'ticket' then 'TKT-' || n.subject_id
                                when 'purchase_order' then 'PO-' || n.subject_id || coalesce(' of ' || (
                                    select string_agg(p.sku, ', ' order by l.id)
                                    from purchase_order_lines l join products p on p.id = l.product_id
                                    where l.purchase_order_id = n.subject_id), '') end,
                            n.subject_kind || ' ' || n.subject_id)
                        from notices n where n.id = any (failed.ids[1:3]) order by n.id) as "about!"
           from (select channel, cause, count(*) as count, array_agg(id order by id) as ids
                 from (select n.id, coalesce(c.name, case n.subject_kind when 'ticket' then 'tickets'
                                                                          else 'our stock' end) as channel,
                              regexp_replace(regexp_replace(coalesce(n.error, ''), '^[0-9]+ attempts, the last: ', ''),
                                             '<?[^[:space:]<>:]+@[^[:space:]<>:]+>?', '…', 'g') as cause
                       from notices n
                       left join orders o on o.id = n.order_id
                       left join channels c on c.id = o.channel_id
                       where n.state = 'failed') one
                 group by channel, cause order by count(*) desc, channel, cause limit $1) failed
           order by failed.count desc, failed.channel, failed.cause"#,
        limit
    )
    .fetch_all(connection)
    .await?)
}

/// Mails that were tried and are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PutOff {
    /// How many.
    pub count: i64,
    /// Since when the first of them is due.
    pub since: DateTime<Utc>,
    /// What the latest attempt failed with.
    pub error: String,
}

/// The mails that are put off, if any is.
pub async fn put_off(connection: &mut PgConnection) -> Result<Option<PutOff>, DbError> {
    Ok(sqlx::query_as!(
        PutOff,
        r#"select count(*) as "count!", min(held_until) as "since!",
                  (array_agg(error order by updated_at desc, id desc))[1] as "error!"
           from notices where state = 'queued' and error is not null having count(*) > 0"#
    )
    .fetch_optional(connection)
    .await?)
}

/// Mails that were tried and are tried again, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOffFor {
    /// What the server said, or that there is no way to it.
    pub cause: String,
    /// How many.
    pub count: i64,
    /// When the first and the last of them are tried again.
    pub until: (DateTime<Utc>, DateTime<Utc>),
}

/// Why mails are put off; what puts off most of them first.
pub async fn put_off_for(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<PutOffFor>, DbError> {
    let rows = sqlx::query!(
        r#"select cause as "cause!", count(*) as "count!", min(until) as "first!", max(until) as "last!"
           from (select regexp_replace(error, '<?[^[:space:]<>:]+@[^[:space:]<>:]+>?', '…', 'g') as cause,
                        coalesce(retry_at, held_until) as until
                 from notices where state = 'queued' and error is not null) one
           group by cause order by count(*) desc, cause limit $1"#,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| PutOffFor {
            cause: row.cause,
            count: row.count,
            until: (row.first, row.last),
        })
        .collect())
}

/// Mails that wait for their turn at one mail host, which gets only so many in a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// The host, in small letters.
    pub host: String,
    /// How many, with those that are due behind them.
    pub count: i64,
}

/// The mail hosts that take no more just now: some mail to them was put back untried. Those with most
/// mail first.
pub async fn limited(
    connection: &mut PgConnection,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Limited>, DbError> {
    Ok(sqlx::query_as!(
        Limited,
        r#"select host as "host!", count(*) as "count!"
           from (select lower(trim(trailing '> ' from split_part(recipient, '@', -1))) as host,
                        state = 'queued' and attempts = 0 and retry_at > held_until as put_back
                 from notices
                 where state in ('held', 'queued') and error is null and not sending
                   and (held_until <= $2) and not is_kept_back(notices)) one
           group by host having bool_or(put_back) order by count(*) desc, host limit $1"#,
        limit,
        now,
    )
    .fetch_all(connection)
    .await?)
}
