//! Suppliers' answers to purchase orders, as CSV.

use std::io::Read;

use super::table::{Row, Table};
use super::{Fault, Rejection};
use crate::domain::incoming::{Acceptance, Accepted};

/// What suppliers write, in any case, where they send all that they were asked for.
const ALL: [&str; 4] = ["yes", "y", "all", "accepted"];
/// What they write where they send nothing.
const NONE: [&str; 4] = ["no", "n", "none", "rejected"];

/// Reads the file that went to the supplier with its purchase order, filled in: the columns
/// `Purchase order`, `SKU` and `Accepted`: units, 0 for what is rejected, or a word that says the same
/// of all of them. Others are left alone.
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
        let purchase_order = number(&name)
            .ok_or_else(|| table.reject(row, "Purchase order", "expected a number such as PO-7"))?;
        Ok(Acceptance {
            line: row.line,
            purchase_order,
            sku: table.required(row, "SKU")?,
            accepted: self.accepted(row)?,
        })
    }

    fn accepted(&self, row: &Row) -> Result<Accepted, Rejection> {
        let table = &self.table;
        let found = table.text(row, "Accepted");
        let is_among = |words: &[&str]| words.iter().any(|word| found.eq_ignore_ascii_case(word));
        if is_among(&ALL) {
            return Ok(Accepted::All);
        }
        if is_among(&NONE) {
            return Ok(Accepted::Units(0));
        }
        let units = table.count(row, "Accepted", 0..=1_000_000);
        units.map(Accepted::Units).map_err(|_| {
            let expected = "expected the units that will be sent, or yes or no for all of them";
            table.reject(row, "Accepted", format!("{expected}, found {found:?}"))
        })
    }
}

/// The number of a purchase order: `PO-7`, in any case, or `7`.
pub fn number(name: &str) -> Option<i64> {
    let digits = match name.split_at_checked(3) {
        Some((prefix, digits)) if prefix.eq_ignore_ascii_case("PO-") => digits,
        _ => name,
    };
    // `parse` would take a sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_numbers_or_words_for_all_and_none() {
        let accepted = |said: &str| {
            let text = format!("Purchase order,SKU,Accepted\nPO-1,A,{said}\n");
            let mut answers = Acceptances::open(text.as_bytes(), "a.csv").unwrap();
            let answer = answers.next().unwrap();
            answer
                .map(|answer| answer.accepted)
                .map_err(|fault| fault.to_string())
        };
        for all in ["yes", "Y", " ALL ", "Accepted"] {
            assert_eq!(accepted(all), Ok(Accepted::All), "{all}");
        }
        for none in ["no", "N", "None", "REJECTED", "0"] {
            assert_eq!(accepted(none), Ok(Accepted::Units(0)), "{none}");
        }
        assert_eq!(accepted("3"), Ok(Accepted::Units(3)));
        for unclear in ["", "yes 2", "maybe", "-1", "x"] {
            let found = accepted(unclear).unwrap_err();
            let expected = "a.csv:2: Accepted: expected the units that will be sent, \
                            or yes or no for all of them, found ";
            assert!(found.starts_with(expected), "{unclear}: {found}");
        }
    }

    #[test]
    fn only_a_purchase_order_s_own_number_is_one() {
        for name in ["PO-19", "po-19", " Po-19 ", "19"] {
            let text = format!("Purchase order,SKU,Accepted\n{name},A,2\n");
            let mut answers = Acceptances::open(text.as_bytes(), "a.csv").unwrap();
            assert_eq!(
                answers.next().unwrap().unwrap().purchase_order,
                19,
                "{name}"
            );
        }
        for name in [
            "ABC19", "#1042", "PO-", "PO-+19", "-19", "PO19", "PO-19a", "SHP-19",
        ] {
            let text = format!("Purchase order,SKU,Accepted\n{name},A,2\n");
            let mut answers = Acceptances::open(text.as_bytes(), "a.csv").unwrap();
            assert_eq!(
                answers.next().unwrap().unwrap_err().to_string(),
                "a.csv:2: Purchase order: expected a number such as PO-7",
                "{name}"
            );
        }
    }
}
