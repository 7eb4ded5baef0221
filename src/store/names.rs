//! Which record a name means.

use sqlx::postgres::PgConnection;

use super::db::DbError;
use crate::domain::record::{RecordId, RecordName};

/// Why a name does not mean one record.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing has this name.
    #[error("{0} does not exist")]
    Missing(RecordName),
    /// Several records have this name.
    #[error("{name} could be {}", candidates.join(" or "))]
    Ambiguous {
        /// The name.
        name: RecordName,
        /// Names that each mean one of them; at most 10.
        candidates: Vec<String>,
    },
    /// The database could not be asked.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for NameError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

/// A record that a name may mean, and the name that means it alone.
struct Candidate {
    id: i64,
    full_name: String,
}

/// The record that a name means. SKUs and the names of channels and locations are also found in
/// other letters than they are written in.
pub async fn resolve(
    connection: &mut PgConnection,
    name: &RecordName,
) -> Result<RecordId, NameError> {
    let mut candidates = match name {
        RecordName::Order { channel, number } => {
            sqlx::query_as!(
                Candidate,
                r#"select o.id, c.name || '/' || o.number as "full_name!"
                   from orders o join channels c on c.id = o.channel_id
                   where o.number = $1 and ($2::text is null or lower(c.name) = lower($2))
                   order by c.name limit 10"#,
                number,
                channel.as_deref(),
            )
            .fetch_all(connection)
            .await?
        }
        RecordName::Stock { sku, location } => {
            let found = sqlx::query!(
                r#"select s.id, p.sku, p.sku || '@' || l.name as "full_name!"
                   from products p join stock_levels s on s.product_id = p.id
                   join locations l on l.id = s.location_id
                   where lower(p.sku) = lower($1) and ($2::text is null or lower(l.name) = lower($2))
                   order by p.sku, l.name limit 10"#,
                sku,
                location.as_deref(),
            )
            .fetch_all(connection)
            .await?;
            let exact = found.iter().any(|row| row.sku == *sku);
            found
                .into_iter()
                .filter(|row| !exact || row.sku == *sku)
                .map(|row| Candidate {
                    id: row.id,
                    full_name: row.full_name,
                })
                .collect()
        }
        RecordName::Shipment(id) => by_key(
            sqlx::query_scalar!("select id from shipments where id = $1", id)
                .fetch_optional(connection)
                .await?,
        ),
        RecordName::Inspection(id) => by_key(
            sqlx::query_scalar!("select id from inspections where id = $1", id)
                .fetch_optional(connection)
                .await?,
        ),
        RecordName::Ticket(id) => by_key(
            sqlx::query_scalar!("select id from tickets where id = $1", id)
                .fetch_optional(connection)
                .await?,
        ),
    };
    match (candidates.pop(), candidates.is_empty()) {
        (None, _) => Err(NameError::Missing(name.clone())),
        (Some(only), true) => Ok(RecordId::new(name.kind(), only.id)),
        (Some(last), false) => {
            candidates.push(last);
            Err(NameError::Ambiguous {
                name: name.clone(),
                candidates: candidates.into_iter().map(|c| c.full_name).collect(),
            })
        }
    }
}

/// The record that somebody means who types no more than its name: an order also without the sign
/// before its number.
pub async fn find(connection: &mut PgConnection, text: &str) -> Result<RecordId, NameError> {
    let Ok(name) = text.parse::<RecordName>();
    let found = resolve(connection, &name).await;
    if !matches!(name, RecordName::Stock { .. }) || !matches!(found, Err(NameError::Missing(_))) {
        return found;
    }
    for number in [text.to_owned(), format!("#{text}")] {
        let channel = None;
        let order = resolve(connection, &RecordName::Order { channel, number }).await;
        if !matches!(order, Err(NameError::Missing(_))) {
            return order;
        }
    }
    found
}

/// The records whose whole number this is, in whatever letters; of a SKU none. Several orders have
/// one number where channels share it.
pub async fn numbered(
    connection: &mut PgConnection,
    number: &RecordName,
) -> Result<Vec<i64>, DbError> {
    let found = match number {
        RecordName::Order { channel, number } => {
            sqlx::query_scalar!(
                "select o.id from orders o join channels c on c.id = o.channel_id
                 where o.number in ($1, upper($1)) and ($2::text is null or lower(c.name) = lower($2))",
                number,
                channel.as_deref(),
            )
            .fetch_all(connection)
            .await?
        }
        RecordName::Stock { .. } => Vec::new(),
        RecordName::Shipment(_) | RecordName::Inspection(_) | RecordName::Ticket(_) => {
            match resolve(connection, number).await {
                Ok(record) => vec![record.id],
                Err(NameError::Db(error)) => return Err(error),
                Err(_) => Vec::new(),
            }
        }
    };
    Ok(found)
}

fn by_key(id: Option<i64>) -> Vec<Candidate> {
    let candidate = |id| Candidate {
        id,
        full_name: String::new(),
    };
    id.map(candidate).into_iter().collect()
}
