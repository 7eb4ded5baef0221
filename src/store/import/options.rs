//! Writing shipping options.

use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use crate::domain::incoming::ShippingOption;
use crate::store::db::DbError;

/// An option that was not there so before.
pub struct Written {
    /// Its name.
    pub name: String,
    /// ISO 4217 code of its price.
    pub currency: String,
    /// Whether it was not there at all.
    pub created: bool,
}

/// Writes options, and answers with those that differ from before.
pub async fn put(
    connection: &mut PgConnection,
    options: &[ShippingOption],
) -> Result<Vec<Written>, DbError> {
    // A row that was inserted has no xmax.
    Ok(sqlx::query_as!(
        Written,
        r#"insert into shipping_options as s (name, currency, price, free_over, transit_days_min,
                                              transit_days_max, countries, max_weight_g)
           select name, currency, price, free_over, transit_days_min, transit_days_max, countries, max_weight_g
           from jsonb_to_recordset($1) as o (
               name text, currency text, price bigint, free_over bigint, transit_days_min integer,
               transit_days_max integer, countries text[], max_weight_g integer)
           order by name, currency
           on conflict (name, currency) do update
           set price = excluded.price, free_over = excluded.free_over,
               transit_days_min = excluded.transit_days_min, transit_days_max = excluded.transit_days_max,
               countries = excluded.countries, max_weight_g = excluded.max_weight_g
           where (s.price, s.free_over, s.transit_days_min, s.transit_days_max, s.countries, s.max_weight_g)
                 is distinct from (excluded.price, excluded.free_over, excluded.transit_days_min,
                                   excluded.transit_days_max, excluded.countries, excluded.max_weight_g)
           returning name, currency, (xmax = 0) as "created!""#,
        Json(options) as _
    )
    .fetch_all(connection)
    .await?)
}
