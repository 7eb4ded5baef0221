//! Importing shipping options.

use std::collections::HashSet;
use std::io::Read;

use sqlx::postgres::PgConnection;

use super::{Failed, Import, Run, Summary, Verdict};
use crate::domain::incoming::ShippingOption;
use crate::intake::options::Options;
use crate::intake::{Fault, Rejection};
use crate::store::db::DbError;
use crate::store::import::options as store;

/// Imports shipping options; see [`crate::intake::options`] for the columns. An option is known by
/// its name and currency; what the file does not name stays as it is.
pub async fn import(run: Run<'_>, source: impl Read + Send, file: &str) -> Result<Summary, Failed> {
    let options = match Options::open(source, file) {
        Ok(options) => options,
        Err(fault) => return super::unopened(fault),
    };
    let mut seen = HashSet::new();
    let options = options.map(|option| {
        let option = option?;
        if seen.insert((option.name.clone(), option.currency.code())) {
            return Ok(option);
        }
        let reason = "expected each option once a currency; it also stands further up";
        Err(Fault::from(Rejection::new(
            file,
            option.line,
            "name",
            &option.name,
            reason,
        )))
    });
    let importer = ShippingOptions {
        file: file.to_owned(),
    };
    super::run(run, importer, options).await
}

struct ShippingOptions {
    file: String,
}

impl Import for ShippingOptions {
    type Value = ShippingOption;

    const BATCH: usize = 100;

    async fn write(
        &self,
        connection: &mut PgConnection,
        options: &[ShippingOption],
    ) -> Result<Vec<Verdict>, DbError> {
        let written = store::put(connection, options).await?;
        let verdict = |option: &ShippingOption| {
            let same = |written: &&store::Written| {
                written.name == option.name && written.currency == option.currency.code()
            };
            match written.iter().find(same) {
                None => Verdict::Unchanged,
                Some(written) if written.created => Verdict::Created,
                Some(_) => Verdict::Updated,
            }
        };
        Ok(options.iter().map(verdict).collect())
    }

    fn line(&self, option: &ShippingOption) -> u64 {
        option.line
    }

    fn file<'v>(&'v self, _: &'v ShippingOption) -> &'v str {
        &self.file
    }

    fn refused(&self, option: &ShippingOption, reason: &str) -> Vec<Rejection> {
        vec![Rejection::new(
            &self.file,
            option.line,
            "name",
            &option.name,
            reason,
        )]
    }
}
