//! Suppliers' answers to purchase orders, as CSV.

use std::io::Read;

use super::table::{Row, Table};
use super::{Fault, Rejection};
use crate::domain::incoming::Acceptance;

/// Reads the file that went to the supplier with its purchase order, filled in: the columns
/// `Purchase order`, `SKU` and `Accepted`, which is 0 for what is rejected. Others are left alone.
pub struct Acceptances<R> {
    table: Table<R>,
}

impl<R: Read> Acceptances<R> {
    /// Reads the header.
    pub fn open(source: R, file: &str) -> Result<Self, Fault> {
        let required = ["Purchase order", "SKU", "Accepted"];
        Ok(Self {
            table: Table::open(source, file, &required)?,
        })
    }

    fn acceptance(&self, row: &Row) -> Result<Acceptance, Rejection> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        let table = &self.table;
        let name = table.required(row, "Purchase order")?;
        let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
        let purchase_order = digits
            .parse()
            .map_err(|_| table.reject(row, "Purchase order", "expected a number such as PO-7"))?;
        Ok(Acceptance {
            line: row.line,
            purchase_order,
            sku: table.required(row, "SKU")?,
            accepted: (table.count(row, "Accepted", 0..=1_000_000)).map_err(|_| {
                let found = table.text(row, "Accepted");
                let expected = "expected the units that will be sent, 0 for none";
                table.reject(row, "Accepted", format!("{expected}, found {found:?}"))
            })?,
        })
    }
}

impl<R: Read> Iterator for Acceptances<R> {
    type Item = Result<Acceptance, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.table.next_row()? {
            Ok(row) => row,
            Err(fault) => return Some(Err(fault)),
        };
        Some(self.acceptance(&row).map_err(Fault::from))
    }
}
