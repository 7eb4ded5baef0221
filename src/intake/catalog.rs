//! The catalogue: products, their suppliers and first stock, as CSV.

use std::io::Read;

use super::table::{Row, Table};
use super::{Fault, LONGEST_ADDRESS, LONGEST_SKU, Rejection};
use crate::domain::calendar::LONGEST_LEAD;
use crate::domain::incoming::Item;

/// Reads a catalogue with the columns `sku`, `title`, `supplier`, `unit_cost`, `currency`, and
/// where they are known `supplier_email`, `lead_time_days`, `on_hand`, `reorder_point`, `weight_g`.
pub struct Items<R> {
    table: Table<R>,
}

impl<R: Read> Items<R> {
    /// Reads the header.
    pub fn open(source: R, file: &str) -> Result<Self, Fault> {
        let required = ["sku", "title", "supplier", "unit_cost", "currency"];
        Ok(Self {
            table: Table::open(source, file, &required)?,
        })
    }

    fn item(&self, row: &Row) -> Result<Item, Rejection> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        let table = &self.table;
        let count = |column, most| match table.text(row, column) {
            "" => Ok(0),
            _ => table.count(row, column, 0..=most),
        };
        let currency = table.currency(row, "currency")?;
        table
            .within(row, "sku", LONGEST_SKU)?
            .within(row, "supplier_email", LONGEST_ADDRESS)?
            .required(row, "unit_cost")?;
        Ok(Item {
            line: row.line,
            sku: table.required(row, "sku")?,
            title: table.required(row, "title")?,
            supplier: table.required(row, "supplier")?,
            supplier_email: table.optional(row, "supplier_email"),
            unit_cost: table.amount(row, "unit_cost", currency)?,
            currency,
            lead_time_days: count("lead_time_days", LONGEST_LEAD)?,
            on_hand: count("on_hand", i32::MAX)?,
            reorder_point: count("reorder_point", i32::MAX)?,
            weight_g: Some(count("weight_g", i32::MAX)?).filter(|grams| *grams > 0),
        })
    }
}

impl<R: Read> Iterator for Items<R> {
    type Item = Result<Item, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.table.next_row()? {
            Ok(row) => row,
            Err(fault) => return Some(Err(fault)),
        };
        Some(self.item(&row).map_err(Fault::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn read(text: &str) -> Vec<Result<Item, Fault>> {
        Items::open(text.as_bytes(), "catalog.csv")
            .unwrap()
            .collect()
    }

    #[test]
    fn a_line_is_a_product_with_its_supplier_and_stock() {
        let items = read(
            "currency,unit_cost,sku,title,supplier,supplier_email,lead_time_days,on_hand,\
             reorder_point,weight_g\nGBP,0.47,10002,GLOBE,S 05,o@s05.example,3,13,33,763\n",
        );
        let expected = Item {
            line: 2,
            sku: "10002".into(),
            title: "GLOBE".into(),
            supplier: "S 05".into(),
            supplier_email: Some("o@s05.example".into()),
            unit_cost: 47,
            currency: Currency::from_code("GBP").unwrap(),
            lead_time_days: 3,
            on_hand: 13,
            reorder_point: 33,
            weight_g: Some(763),
        };
        assert_eq!(items.into_iter().next().unwrap().unwrap(), expected);
    }

    #[test]
    fn a_lead_time_of_years_is_a_mistake() {
        let items = read(
            "sku,title,supplier,unit_cost,currency,lead_time_days\n\
             A,a,s,1,EUR,730\nB,b,s,1,EUR,731\n",
        );
        assert!(items[0].is_ok());
        assert_eq!(
            items[1].as_ref().map_err(ToString::to_string),
            Err("catalog.csv:3: lead_time_days: expected a whole number from 0 to 730".to_owned())
        );
    }

    #[test]
    fn a_line_at_fault_names_its_field() {
        let items = read(
            "sku,title,supplier,unit_cost,currency,on_hand\n\
             A,a,s,1.005,EUR,1\nB,b,s,1,EUR,-2\n,c,s,1,EUR,3\nD,d,s,1,EURO,4\nE,e,s,,EUR,5\nF,f,s,1,EUR,\n",
        );
        let faults: Vec<_> = items
            .into_iter()
            .filter_map(Result::err)
            .map(|fault| match fault {
                Fault::Rejected(rejection) => (rejection.line, rejection.field),
                Fault::Unreadable { .. } => panic!("{fault}"),
            })
            .collect();
        let expected = [
            (2, "unit_cost"),
            (3, "on_hand"),
            (4, "sku"),
            (5, "currency"),
            (6, "unit_cost"),
        ];
        assert_eq!(
            faults,
            expected.map(|(line, field)| (line, field.to_owned()))
        );
    }
}
