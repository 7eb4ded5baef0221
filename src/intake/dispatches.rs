//! Suppliers' dispatch files, as CSV.

use std::io::Read;

use super::table::{Row, Table};
use super::{Fault, LONGEST_NUMBER, LONGEST_SKU, Rejection};
use crate::domain::incoming::Dispatch;

/// Reads a dispatch file with the columns `Order`, `SKU`, `Quantity`, `Tracking company`,
/// `Tracking number`, `Shipped at`, and where it is known `Supplier`.
pub struct Dispatches<R> {
    table: Table<R>,
}

impl<R: Read> Dispatches<R> {
    /// Reads the header.
    pub fn open(source: R, file: &str) -> Result<Self, Fault> {
        let required = [
            "Order",
            "SKU",
            "Quantity",
            "Tracking company",
            "Tracking number",
            "Shipped at",
        ];
        Ok(Self {
            table: Table::open(source, file, &required)?,
        })
    }

    fn dispatch(&self, row: &Row) -> Result<Dispatch, Rejection> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        let table = &self.table;
        table
            .within(row, "SKU", LONGEST_SKU)?
            .within(row, "Tracking number", LONGEST_NUMBER)?
            .required(row, "Shipped at")?;
        let missing = || table.reject(row, "Shipped at", "expected a time");
        Ok(Dispatch {
            line: row.line,
            order: table.required(row, "Order")?,
            sku: table.required(row, "SKU")?,
            quantity: table.count(row, "Quantity", 1..=1_000_000)?,
            supplier: table.optional(row, "Supplier"),
            carrier: table.required(row, "Tracking company")?,
            tracking_number: table.required(row, "Tracking number")?,
            shipped_at: table.time(row, "Shipped at")?.ok_or_else(missing)?,
        })
    }
}

impl<R: Read> Iterator for Dispatches<R> {
    type Item = Result<Dispatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.table.next_row()? {
            Ok(row) => row,
            Err(fault) => return Some(Err(fault)),
        };
        Some(self.dispatch(&row).map_err(Fault::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_and_a_bad_one_named() {
        let text = "Order,SKU,Quantity,Supplier,Tracking company,Tracking number,Shipped at\n\
                    #7,A,2,S,Correios,OL1,2016-10-10 16:00:43 -0300\n\
                    #7,A,0,S,Correios,OL1,2016-10-10 16:00:43 -0300\n\
                    #7,A,1,S,Correios,OL1,10/10/2016\n";
        let mut dispatches = Dispatches::open(text.as_bytes(), "d.csv").unwrap();
        let first = dispatches.next().unwrap().unwrap();
        assert_eq!(
            (first.order.as_str(), first.sku.as_str(), first.quantity),
            ("#7", "A", 2)
        );
        assert_eq!(first.shipped_at.to_rfc3339(), "2016-10-10T19:00:43+00:00");
        let faults: Vec<_> = dispatches
            .map(|item| item.unwrap_err().to_string())
            .collect();
        assert_eq!(
            faults,
            [
                "d.csv:3: Quantity: expected a whole number from 1 to 1000000",
                "d.csv:4: Shipped at: expected a time with its offset such as \
                 2026-01-31 14:05:00 +0100",
            ]
        );
    }
}
