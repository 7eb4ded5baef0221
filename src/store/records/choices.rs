//! What a verb's arguments may be told.

use sqlx::postgres::PgConnection;

use crate::domain::record::{Kind, RecordId};
use crate::domain::verbs::ArgKind;
use crate::store::db::DbError;

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
        ArgKind::ShippingOption => {
            sqlx::query_scalar!(
                "select s.name
                 from orders o
                 join shipping_options s on s.currency = o.currency and s.id is distinct from o.shipping_option_id
                 cross join lateral (
                     select sum(p.weight_g::bigint * (l.ordered - l.cancelled))::bigint as weight
                     from order_lines l join products p on p.id = l.product_id
                     where l.order_id = o.id and l.requires_shipping) parcel
                 where o.id = $1 and s.name ilike $2
                   and option_refuses(s, o.currency, o.country, parcel.weight) is null
                 order by s.price, s.name limit 20",
                record.map_or(0, |record| record.id),
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
        | ArgKind::Time
        | ArgKind::Country => Vec::new(),
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
