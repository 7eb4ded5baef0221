//! Writing a catalogue: products, suppliers, their offers, and counted stock.

use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use crate::domain::incoming::Item;
use crate::store::db::DbError;

/// A product that is there already.
pub struct Known {
    /// The stock keeping unit.
    pub sku: String,
    /// What the last catalogue said of it; `None` where no catalogue did.
    pub digest: Option<Vec<u8>>,
}

/// A line of a catalogue with what it says in short.
#[derive(Serialize)]
pub struct Counted<'a> {
    /// The line.
    #[serde(flatten)]
    pub item: &'a Item,
    /// Its digest in hexadecimal.
    pub digest: String,
}

/// The products among these, locked in the order of their keys.
pub async fn known(connection: &mut PgConnection, skus: &[String]) -> Result<Vec<Known>, DbError> {
    let rows = sqlx::query_as!(
        Known,
        "select sku, source_digest as digest from products
         where sku = any ($1) order by id for no key update",
        skus
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Writes suppliers and what they ask for a product. Answers which of the products now have
/// another offer than before.
pub async fn put_offers(
    connection: &mut PgConnection,
    items: &[&Item],
) -> Result<Vec<String>, DbError> {
    sqlx::query!(
        "insert into suppliers (name, email)
         select distinct on (supplier) supplier, supplier_email
         from jsonb_to_recordset($1) as i (supplier text, supplier_email text)
         order by supplier, supplier_email nulls last
         on conflict (name) do update set email = excluded.email
         where suppliers.email is distinct from excluded.email and excluded.email is not null",
        Json(items) as _
    )
    .execute(&mut *connection)
    .await?;
    let changed = sqlx::query_scalar!(
        "with changed as (
             insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
             select s.id, p.id, i.unit_cost, i.currency, i.lead_time_days
             from jsonb_to_recordset($1) as i
                 (sku text, supplier text, unit_cost bigint, currency text, lead_time_days integer)
             join suppliers s on s.name = i.supplier join products p on p.sku = i.sku
             order by p.id, s.id
             on conflict (supplier_id, product_id) do update
             set unit_cost = excluded.unit_cost, currency = excluded.currency,
                 lead_time_days = excluded.lead_time_days
             where (supplier_offers.unit_cost, supplier_offers.currency, supplier_offers.lead_time_days)
                   is distinct from (excluded.unit_cost, excluded.currency, excluded.lead_time_days)
             returning product_id)
         select p.sku from changed c join products p on p.id = c.product_id",
        Json(items) as _
    )
    .fetch_all(connection)
    .await?;
    Ok(changed)
}

/// A product that was written.
pub struct Written {
    /// The stock keeping unit.
    pub sku: String,
    /// Whether it was not there before.
    pub created: bool,
}

/// Writes products. Answers which were written: not those of which another import, that ran beside this
/// one, has just said the same.
pub async fn put_products(
    connection: &mut PgConnection,
    items: &[Counted<'_>],
) -> Result<Vec<Written>, DbError> {
    // A row that is updated was locked for that, and says by whom in xmax.
    let rows = sqlx::query_as!(
        Written,
        "insert into products (sku, title, weight_g, source_digest)
         select sku, title, weight_g, decode(digest, 'hex')
         from jsonb_to_recordset($1) as i (sku text, title text, weight_g integer, digest text)
         order by sku
         on conflict (sku) do update
         set title = excluded.title, weight_g = excluded.weight_g,
             source_digest = excluded.source_digest
         where products.source_digest is distinct from excluded.source_digest
         returning sku, xmax = 0 as \"created!\"",
        Json(items) as _
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The products among these of which fewer were counted in our own warehouse than are reserved there,
/// with the units that are. Locks their stock.
pub async fn below_reserved(
    connection: &mut PgConnection,
    items: &[Counted<'_>],
) -> Result<Vec<(String, i32)>, DbError> {
    let rows = sqlx::query!(
        "select p.sku, s.reserved
         from jsonb_to_recordset($1) as i (sku text, on_hand integer)
         join products p on p.sku = i.sku
         join stock_levels s on s.product_id = p.id
              and s.location_id = (select min(id) from locations where supplier_id is null)
         where s.catalogue_count is distinct from i.on_hand and i.on_hand < s.reserved
         order by s.id for no key update of s",
        Json(items) as _
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.sku, row.reserved))
        .collect())
}

/// Writes what was counted in our own warehouse. A count that differs from the last catalogue's is
/// an opening where nothing moved yet, else an adjustment to that count; a count that does not
/// differ leaves what was shipped and received since as it is.
pub async fn put_stock(
    connection: &mut PgConnection,
    items: &[Counted<'_>],
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into stock_levels (product_id, location_id, reorder_point)
         select p.id, l.id, i.reorder_point
         from jsonb_to_recordset($1) as i (sku text, reorder_point integer)
         join products p on p.sku = i.sku
         cross join (select min(id) as id from locations where supplier_id is null) l
         order by p.id
         on conflict (product_id, location_id) do update set reorder_point = excluded.reorder_point
         where stock_levels.reorder_point <> excluded.reorder_point",
        Json(items) as _
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into stock_movements (stock_level_id, kind, on_hand, reason)
         select s.id, case when s.catalogue_count is null and s.on_hand = 0 then 'opening' else 'adjust' end,
                i.on_hand - s.on_hand, 'counted for the catalogue'
         from jsonb_to_recordset($1) as i (sku text, on_hand integer)
         join products p on p.sku = i.sku
         join stock_levels s on s.product_id = p.id
              and s.location_id = (select min(id) from locations where supplier_id is null)
         where s.catalogue_count is distinct from i.on_hand and i.on_hand <> s.on_hand
         order by s.id",
        Json(items) as _
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update stock_levels s set catalogue_count = i.on_hand
         from jsonb_to_recordset($1) as i (sku text, on_hand integer)
         join products p on p.sku = i.sku
         where s.product_id = p.id and s.catalogue_count is distinct from i.on_hand
           and s.location_id = (select min(id) from locations where supplier_id is null)",
        Json(items) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}
