//! Shipping options, as CSV.

use std::io::Read;

use super::table::{Row, Table};
use super::{Fault, Rejection};
use crate::domain::calendar::LONGEST_WAY;
use crate::domain::countries;
use crate::domain::incoming::ShippingOption;

/// Characters of a name at most.
const LONGEST_NAME: usize = 100;

/// Reads shipping options with the columns `name`, `currency`, `price`, `transit_days_min`,
/// `transit_days_max`, and where there are any `free_over` (an amount), `countries` (ISO 3166 codes
/// with blanks between them; none for everywhere) and `max_weight_g`.
pub struct Options<R> {
    table: Table<R>,
}

impl<R: Read> Options<R> {
    /// Reads the header.
    pub fn open(source: R, file: &str) -> Result<Self, Fault> {
        let required = [
            "name",
            "currency",
            "price",
            "transit_days_min",
            "transit_days_max",
        ];
        Ok(Self {
            table: Table::open(source, file, &required)?,
        })
    }

    fn option(&self, row: &Row) -> Result<ShippingOption, Rejection> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        let table = &self.table;
        let currency = table.currency(row, "currency")?;
        table
            .within(row, "name", LONGEST_NAME)?
            .required(row, "price")?;
        let given = |column| !table.text(row, column).is_empty();
        let transit_days_min = table.count(row, "transit_days_min", 0..=LONGEST_WAY)?;
        Ok(ShippingOption {
            line: row.line,
            name: table.required(row, "name")?,
            currency,
            price: table.amount(row, "price", currency)?,
            free_over: given("free_over")
                .then(|| table.amount(row, "free_over", currency))
                .transpose()?,
            transit_days_min,
            transit_days_max: table.count(
                row,
                "transit_days_max",
                transit_days_min..=LONGEST_WAY,
            )?,
            countries: self.countries(row)?,
            max_weight_g: given("max_weight_g")
                .then(|| table.count(row, "max_weight_g", 1..=i32::MAX))
                .transpose()?,
        })
    }

    fn countries(&self, row: &Row) -> Result<Vec<String>, Rejection> {
        let words = self.table.text(row, "countries").split_whitespace();
        let codes: Option<Vec<String>> = words.map(countries::code).collect();
        codes.ok_or_else(|| {
            let reason =
                "expected country codes of ISO 3166-1 with blanks between them, such as PT ES";
            self.table.reject(row, "countries", reason)
        })
    }
}

impl<R: Read> Iterator for Options<R> {
    type Item = Result<ShippingOption, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.table.next_row()? {
            Ok(row) => row,
            Err(fault) => return Some(Err(fault)),
        };
        Some(self.option(&row).map_err(Fault::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn read(text: &str) -> Vec<Result<ShippingOption, Fault>> {
        Options::open(text.as_bytes(), "options.csv")
            .unwrap()
            .collect()
    }

    #[test]
    fn a_line_is_an_option() {
        let options = read(
            "name,currency,price,free_over,transit_days_min,transit_days_max,countries,max_weight_g\n\
             Express,EUR,14.90,,1,2,pt ES,20000\nSlow,JPY,800,0,9,9,,\n",
        );
        let express = ShippingOption {
            line: 2,
            name: "Express".into(),
            currency: Currency::from_code("EUR").unwrap(),
            price: 1490,
            free_over: None,
            transit_days_min: 1,
            transit_days_max: 2,
            countries: vec!["PT".into(), "ES".into()],
            max_weight_g: Some(20_000),
        };
        let slow = ShippingOption {
            line: 3,
            name: "Slow".into(),
            currency: Currency::from_code("JPY").unwrap(),
            price: 800,
            free_over: Some(0),
            transit_days_min: 9,
            transit_days_max: 9,
            countries: Vec::new(),
            max_weight_g: None,
        };
        let read: Vec<_> = options.into_iter().map(Result::unwrap).collect();
        assert_eq!(read, [express, slow]);
    }

    #[test]
    fn a_line_at_fault_names_its_field() {
        let options = read(
            "name,currency,price,transit_days_min,transit_days_max,countries,max_weight_g\n\
             ,EUR,1,1,2,,\nA,EURO,1,1,2,,\nA,EUR,,1,2,,\nA,EUR,1,3,2,,\nA,EUR,1,1,2,Spain,\n\
             A,EUR,1,1,2,,0\nA,EUR,1,1,900,,\n",
        );
        let faults: Vec<_> = options
            .into_iter()
            .filter_map(Result::err)
            .map(|fault| match fault {
                Fault::Rejected(rejection) => (rejection.line, rejection.field),
                Fault::Unreadable { .. } => panic!("{fault}"),
            })
            .collect();
        let expected = [
            (2, "name"),
            (3, "currency"),
            (4, "price"),
            (5, "transit_days_max"),
            (6, "countries"),
            (7, "max_weight_g"),
            (8, "transit_days_max"),
        ];
        assert_eq!(
            faults,
            expected.map(|(line, field)| (line, field.to_owned()))
        );
    }
}
