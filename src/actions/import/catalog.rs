//! Importing a catalogue.
//!
//! The first line of a SKU tells of the product, its supplier and the stock; a further line with
//! another supplier tells of one more offer.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use sqlx::postgres::PgConnection;

use super::{Failed, Import, Run, Summary, Verdict};
use crate::domain::incoming::Item;
use crate::intake::catalog::Items;
use crate::intake::{Fault, Rejection, digest, hex};
use crate::store::db::DbError;
use crate::store::import::catalog::{
    Counted, below_reserved, known, put_offers, put_products, put_stock,
};

/// Imports a catalogue; see [`crate::intake::catalog`] for its columns.
pub async fn import(run: Run<'_>, source: impl Read + Send, file: &str) -> Result<Summary, Failed> {
    match Items::open(source, file) {
        Ok(items) => put(run, items, file).await,
        Err(fault) => super::unopened(fault),
    }
}

/// As [`import`], of lines that were read before.
pub(in crate::actions) async fn put(
    run: Run<'_>,
    items: impl Iterator<Item = Result<Item, Fault>> + Send,
    file: &str,
) -> Result<Summary, Failed> {
    let mut seen = Seen::default();
    let lines = items.map(|item| item.and_then(|item| seen.line(file, item)));
    super::run(
        run,
        Catalog {
            file: file.to_owned(),
        },
        lines,
    )
    .await
}

/// A line of a catalogue.
struct Line {
    item: Item,
    /// Whether the SKU stood further up, with another supplier.
    further: bool,
}

/// Which SKUs and suppliers stood further up, as hashes: sixteen bytes a line.
#[derive(Default)]
struct Seen {
    skus: HashSet<u64>,
    offers: HashSet<u64>,
    hasher: RandomState,
}

impl Seen {
    fn line(&mut self, file: &str, item: Item) -> Result<Line, Fault> {
        if !self
            .offers
            .insert(self.hasher.hash_one((&item.sku, &item.supplier)))
        {
            let reason = "expected each SKU of a supplier once; it also stands further up";
            return Err(Rejection::new(file, item.line, "sku", &item.sku, reason).into());
        }
        let further = !self.skus.insert(self.hasher.hash_one(&item.sku));
        Ok(Line { item, further })
    }
}

struct Catalog {
    file: String,
}

impl Catalog {
    /// A count that would leave reserved units without goods.
    fn below(&self, item: &Item, reserved: i32) -> Rejection {
        let reason = format!("expected at least the {reserved} that are reserved");
        let count = item.on_hand.to_string();
        Rejection::new(&self.file, item.line, "on_hand", &count, &reason)
    }
}

impl Import for Catalog {
    type Value = Line;

    const BATCH: usize = 500;

    async fn write(
        &self,
        connection: &mut PgConnection,
        lines: &[Line],
    ) -> Result<Vec<Verdict>, DbError> {
        let skus: Vec<_> = lines.iter().map(|line| line.item.sku.clone()).collect();
        let known: HashMap<_, _> = known(connection, &skus)
            .await?
            .into_iter()
            .map(|product| (product.sku, product.digest))
            .collect();
        let digests: Vec<_> = lines.iter().map(|line| digest(&line.item)).collect();
        let same = |at: usize| {
            let before = known.get(&lines[at].item.sku).and_then(Option::as_deref);
            before == Some(digests[at].as_slice())
        };
        let fresh: Vec<_> = (0..lines.len())
            .filter(|at| !lines[*at].further && !same(*at))
            .collect();
        let mut products: Vec<_> = fresh
            .iter()
            .map(|at| Counted {
                item: &lines[*at].item,
                digest: hex(&digests[*at]),
            })
            .collect();
        let short: HashMap<_, _> = below_reserved(connection, &products)
            .await?
            .into_iter()
            .collect();
        let is_short = |at: usize| !lines[at].further && short.contains_key(&lines[at].item.sku);
        products.retain(|product| !short.contains_key(&product.item.sku));
        let offers: Vec<_> = (0..lines.len())
            .filter(|at| lines[*at].further || fresh.contains(at) && !is_short(*at))
            .map(|at| &lines[at].item)
            .collect();
        let written: HashMap<_, _> = if products.is_empty() {
            HashMap::new()
        } else {
            put_products(connection, &products)
                .await?
                .into_iter()
                .map(|product| (product.sku, product.created))
                .collect()
        };
        let moved = if offers.is_empty() {
            Vec::new()
        } else {
            put_offers(connection, &offers).await?
        };
        if !products.is_empty() {
            put_stock(connection, &products).await?;
        }
        let verdict = |at: usize| {
            let line = &lines[at];
            if is_short(at) {
                return Verdict::Rejected(vec![self.below(&line.item, short[&line.item.sku])]);
            }
            if line.further {
                return if moved.contains(&line.item.sku) {
                    Verdict::Updated
                } else {
                    Verdict::Unchanged
                };
            }
            match written.get(&line.item.sku) {
                None => Verdict::Unchanged,
                Some(true) => Verdict::Created,
                Some(false) => Verdict::Updated,
            }
        };
        Ok((0..lines.len()).map(verdict).collect())
    }

    fn line(&self, line: &Line) -> u64 {
        line.item.line
    }

    fn file<'v>(&'v self, _: &'v Line) -> &'v str {
        &self.file
    }

    fn refused(&self, line: &Line, reason: &str) -> Vec<Rejection> {
        vec![Rejection::new(
            &self.file,
            line.item.line,
            "",
            &line.item.sku,
            reason,
        )]
    }

    /// A further offer follows its product, so that one statement never writes a row twice.
    fn apart(&self, batch: &[Line], line: &Line) -> bool {
        line.further && batch.iter().any(|other| other.item.sku == line.item.sku)
    }
}
