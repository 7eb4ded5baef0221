//! Shopify's `orders_export` CSV.
//!
//! One line of the file is one line of an order; the fields of the order itself stand on its first
//! line only, and the lines of an order follow one another under the same `Name`
//! (<https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders>).
//! Amounts are checked for what the format promises: exact decimals of the currency, a refund within
//! the total, a discount within its line. That lines, postage and taxes add up to the total is no
//! promise: taxes may be included, and tips, duties and rounding have no column of their own.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use super::table::{Row, Table};
use super::{Fault, LONGEST_ADDRESS, LONGEST_NUMBER, LONGEST_REFERENCE, LONGEST_SKU, Rejection};
use crate::domain::incoming::{Line, Order};
use crate::domain::money::{Currency, Money};
use crate::domain::orders::Address;
use crate::domain::orders::FinancialStatus::{
    self, Authorized, Paid, PartiallyPaid, PartiallyRefunded, Pending, Refunded, Voided,
};
use crate::domain::words::UnknownWord;

/// The most lines that one order may have; Shopify's own limit is 500.
const MOST_LINES: usize = 10_000;

/// The columns that name a payment, the best first.
const PAYMENT_REFERENCE: [&str; 3] = ["Payment Reference", "Payment ID", "Payment References"];

/// The most characters of what an order is found by.
const LONGEST: [(&str, usize); 6] = [
    ("Name", LONGEST_NUMBER),
    ("Id", LONGEST_NUMBER),
    ("Email", LONGEST_ADDRESS),
    (PAYMENT_REFERENCE[0], LONGEST_REFERENCE),
    (PAYMENT_REFERENCE[1], LONGEST_REFERENCE),
    (PAYMENT_REFERENCE[2], LONGEST_REFERENCE),
];

/// Reads orders, one at a time, each whole or not at all.
///
/// Lines of an order that stand apart (a file sorted by another column) would be half an order, so
/// a `Name` that comes back is rejected. Remembering the names costs eight bytes an order.
pub struct Orders<R> {
    table: Table<R>,
    /// The first line of the next order.
    ahead: Option<Row>,
    failed: Option<Fault>,
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl<R: Read> Orders<R> {
    /// Reads the header. `file` is the name for rejections.
    pub fn open(source: R, file: &str) -> Result<Self, Fault> {
        let required = [
            "Name",
            "Financial Status",
            "Currency",
            "Subtotal",
            "Total",
            "Created at",
            "Lineitem quantity",
            "Lineitem name",
            "Lineitem price",
            "Lineitem sku",
        ];
        Ok(Self {
            table: Table::open(source, file, &required)?,
            ahead: None,
            failed: None,
            seen: HashSet::new(),
            hasher: RandomState::new(),
        })
    }

    /// The first line of the next order.
    fn first(&mut self) -> Option<Row> {
        self.ahead.take().or_else(|| self.pull())
    }

    /// The next line of the file; a file that fails is remembered for when the order is done.
    fn pull(&mut self) -> Option<Row> {
        if self.failed.is_some() {
            return None;
        }
        match self.table.next_row()? {
            Ok(row) => Some(row),
            Err(fault) => {
                self.failed = Some(fault);
                None
            }
        }
    }

    /// Reads the lines of one order from its first. The lines are always consumed, so that a
    /// rejected order takes all of its lines with it.
    fn order(&mut self, first: &Row) -> Result<Order, Rejection> {
        let name = self.table.text(first, "Name").to_owned();
        let mut order = self.head(first);
        self.add_line(&mut order, first, first);
        while let Some(row) = self.pull() {
            if self.table.text(&row, "Name") != name {
                self.ahead = Some(row);
                break;
            }
            self.add_line(&mut order, first, &row);
        }
        if self.failed.is_some() && order.is_ok() {
            let reason = "the file fails before this order is known to be complete";
            return Err(self.table.reject(first, "Name", reason));
        }
        if !self.seen.insert(self.hasher.hash_one(&name)) {
            let reason = "expected the lines of an order together; it also stands further up";
            return Err(self.table.reject(first, "Name", reason));
        }
        order
    }

    /// What an order's first line says.
    fn head(&self, row: &Row) -> Result<Order, Rejection> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        let table = &self.table;
        for (column, most) in LONGEST {
            table.within(row, column, most)?;
        }
        let number = table.required(row, "Name")?;
        let currency = table.currency(row, "Currency")?;
        let amount = |column| table.amount(row, column, currency);
        table.required(row, "Total")?;
        let total = amount("Total")?;
        let refunded = amount("Refunded Amount")?;
        if refunded > total {
            let most = Money::new(total, currency);
            let reason = format!("expected at most the total of {most}");
            return Err(table.reject(row, "Refunded Amount", reason));
        }
        let financial_status = self.financial_status(row)?;
        if refunded > 0 && !matches!(financial_status, PartiallyRefunded | Refunded) {
            let reason = "expected a refund only where the financial status tells of one";
            return Err(table.reject(row, "Refunded Amount", reason));
        }
        let outstanding = amount("Outstanding Balance")?;
        let placed_at = table
            .time(row, "Created at")?
            .ok_or_else(|| table.reject(row, "Created at", "expected a value, found none"))?;
        Ok(Order {
            line: row.line,
            external_id: self.external_id(row)?.unwrap_or_else(|| number.clone()),
            number,
            email: match table.optional(row, "Email") {
                Some(email) if email.contains(['\r', '\n']) => {
                    return Err(table.reject(row, "Email", "expected one line"));
                }
                email => email,
            },
            phone: Some(unquoted(table.text(row, "Phone")))
                .filter(|phone| !phone.is_empty())
                .map(str::to_owned),
            billing: self.address(row, "Billing"),
            shipping: self.address(row, "Shipping"),
            currency,
            subtotal: amount("Subtotal")?,
            postage: amount("Shipping")?,
            tax: amount("Taxes")?,
            discount: amount("Discount Amount")?,
            discount_code: table.optional(row, "Discount Code"),
            total,
            captured: match financial_status {
                Paid | PartiallyRefunded | Refunded => total,
                PartiallyPaid => total.saturating_sub(outstanding).max(0),
                Pending | Authorized | Voided => 0,
            },
            refunded,
            financial_status,
            fulfillment_status: table.optional(row, "Fulfillment Status"),
            payment_method: table.optional(row, "Payment Method"),
            payment_reference: PAYMENT_REFERENCE
                .into_iter()
                .find_map(|column| table.optional(row, column)),
            shipping_method: table.optional(row, "Shipping Method"),
            notes: table.optional(row, "Notes"),
            tags: table
                .text(row, "Tags")
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            placed_at,
            paid_at: table.time(row, "Paid at")?,
            cancelled_at: table.time(row, "Cancelled at")?,
            lines: Vec::new(),
        })
    }

    fn financial_status(&self, row: &Row) -> Result<FinancialStatus, Rejection> {
        match self.table.text(row, "Financial Status") {
            // A hold that ran out and one that was let go come to the same: nothing will be paid.
            "expired" => Ok(Voided),
            word => word.parse().map_err(|error: UnknownWord| {
                let reason = format!("expected one of {}", error.expected.join(", "));
                self.table.reject(row, "Financial Status", reason)
            }),
        }
    }

    /// Shopify's own key. A spreadsheet that saved it as `2.52863E+14` has lost it.
    fn external_id(&self, row: &Row) -> Result<Option<String>, Rejection> {
        let id = self.table.optional(row, "Id");
        let rounded = |id: &String| id.contains(['+', '.']);
        if id.as_ref().is_some_and(rounded) {
            let reason = "expected whole digits: a spreadsheet has rounded this number";
            return Err(self.table.reject(row, "Id", reason));
        }
        Ok(id)
    }

    fn add_line(&self, order: &mut Result<Order, Rejection>, first: &Row, row: &Row) {
        let Ok(open) = order else { return };
        match self.line(open, first, row) {
            Ok(line) => open.lines.push(line),
            Err(rejection) => *order = Err(rejection),
        }
    }

    fn line(&self, order: &Order, first: &Row, row: &Row) -> Result<Line, Rejection> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        let table = &self.table;
        for column in ["Id", "Created at", "Total"] {
            let text = table.text(row, column);
            if !text.is_empty() && text != table.text(first, column) {
                let reason = format!("expected one order under the name {}", order.number);
                return Err(table.reject(row, column, reason));
            }
        }
        if order.lines.len() == MOST_LINES {
            let reason = format!("expected at most {MOST_LINES} lines in an order");
            return Err(table.reject(row, "Name", reason));
        }
        table.within(row, "Lineitem sku", LONGEST_SKU)?;
        let quantity = table.count(row, "Lineitem quantity", 1..=1_000_000)?;
        table.required(row, "Lineitem price")?;
        let unit_price = table.amount(row, "Lineitem price", order.currency)?;
        let discount = table.amount(row, "Lineitem discount", order.currency)?;
        self.line_total(row, unit_price, quantity, discount, order.currency)?;
        Ok(Line {
            line: row.line,
            position: order.lines.len() as i32 + 1,
            sku: table.text(row, "Lineitem sku").to_owned(),
            title: table.required(row, "Lineitem name")?,
            quantity,
            unit_price,
            discount,
            requires_shipping: self.requires_shipping(row)?,
            vendor: table.optional(row, "Vendor"),
        })
    }

    /// Demands that a line costs an amount that can be held, and at least nothing.
    fn line_total(
        &self,
        row: &Row,
        unit_price: i64,
        quantity: i32,
        discount: i64,
        currency: Currency,
    ) -> Result<(), Rejection> {
        let gross = Money::new(unit_price, currency)
            .checked_mul(i64::from(quantity))
            .ok_or_else(|| {
                self.table
                    .reject(row, "Lineitem price", "expected a smaller amount")
            })?;
        if discount > gross.minor {
            let reason = format!("expected at most the line's {gross}");
            return Err(self.table.reject(row, "Lineitem discount", reason));
        }
        Ok(())
    }

    fn requires_shipping(&self, row: &Row) -> Result<bool, Rejection> {
        let column = "Lineitem requires shipping";
        // Spreadsheets write TRUE.
        match self.table.text(row, column).to_ascii_lowercase().as_str() {
            "" | "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.table.reject(row, column, "expected true or false")),
        }
    }

    fn address(&self, row: &Row, kind: &str) -> Address {
        let text = |column: &str| self.table.text(row, &format!("{kind} {column}"));
        let owned = |column: &str| text(column).to_owned();
        let address1 = match text("Address1") {
            "" => owned("Street"),
            address1 => address1.to_owned(),
        };
        Address {
            name: owned("Name"),
            company: owned("Company"),
            address1,
            address2: owned("Address2"),
            zip: unquoted(text("Zip")).to_owned(),
            city: owned("City"),
            province: owned("Province"),
            country: owned("Country"),
            phone: unquoted(text("Phone")).to_owned(),
        }
    }
}

/// The text without the `'` that keeps a spreadsheet from reading a postal code as a number.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('\'').unwrap_or(text)
}

impl<R: Read> Iterator for Orders<R> {
    type Item = Result<Order, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first() {
            return Some(self.order(&first).map_err(Fault::from));
        }
        self.failed.take().map(Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the columns that the tests need, out of Shopify's order.
    fn export(lines: &[&str]) -> String {
        let header = "Lineitem sku,Lineitem name,Lineitem quantity,Lineitem price,\
                      Lineitem discount,Name,Id,Currency,Financial Status,Subtotal,Shipping,Total,\
                      Refunded Amount,Created at,Cancelled at,Email,Shipping Zip,Notes,Tags";
        std::iter::once(header)
            .chain(lines.iter().copied())
            .collect::<Vec<_>>()
            .join("\r\n")
    }

    fn read(text: &str) -> Vec<Result<Order, Rejection>> {
        let orders = Orders::open(text.as_bytes(), "orders.csv").unwrap();
        let rejection = |fault| match fault {
            Fault::Rejected(rejection) => rejection,
            Fault::Unreadable { .. } => panic!("{fault}"),
        };
        orders.map(|order| order.map_err(rejection)).collect()
    }

    fn refusal(lines: &[&str]) -> (u64, String, String) {
        let refused = read(&export(lines))
            .into_iter()
            .find_map(Result::err)
            .unwrap();
        (refused.line, refused.field, refused.reason)
    }

    const FIRST: &str = "A,Lamp,2,10.50,1.00,#1,77,EUR,paid,20.00,4.90,24.90,0.00,\
                         2026-01-31 14:05:00 +0100,,ann@example.com,'01234,\"two\nlines\",\"a, b\"";
    const SECOND: &str = "B,Bulb,1,0,,#1,,,,,,,,,,,,,";

    #[test]
    fn the_first_line_is_the_order_and_every_line_is_one_of_its_lines() {
        let orders = read(&export(&[FIRST, SECOND]));
        let [Ok(order)] = orders.as_slice() else {
            panic!("{orders:?}")
        };
        assert_eq!(
            (
                order.line,
                order.number.as_str(),
                order.external_id.as_str()
            ),
            (2, "#1", "77")
        );
        assert_eq!(
            (order.subtotal, order.postage, order.total),
            (2_000, 490, 2_490)
        );
        assert_eq!(order.placed_at.to_rfc3339(), "2026-01-31T13:05:00+00:00");
        assert_eq!(order.shipping.zip, "01234");
        assert_eq!(order.notes.as_deref(), Some("two\nlines"));
        assert_eq!(order.tags, ["a", "b"]);
        let lines: Vec<_> = order
            .lines
            .iter()
            .map(|line| {
                (
                    line.line,
                    line.position,
                    &*line.sku,
                    line.quantity,
                    line.unit_price,
                )
            })
            .collect();
        assert_eq!(lines, [(2, 1, "A", 2, 1_050), (4, 2, "B", 1, 0)]);
    }

    #[test]
    fn orders_without_mail_are_told_apart_by_name() {
        let anonymous = FIRST.replace("ann@example.com", "");
        let other = anonymous.replace("#1,77", "#2,78");
        let orders = read(&export(&[&anonymous, SECOND, &other]));
        let lines: Vec<_> = orders
            .iter()
            .map(|order| order.as_ref().unwrap().lines.len())
            .collect();
        assert_eq!(lines, [2, 1]);
    }

    #[test]
    fn the_currency_decides_how_many_decimals_a_price_may_have() {
        let yen = |price: &str| {
            FIRST
                .replace("EUR", "JPY")
                .replace("10.50,1.00", price)
                .replace("20.00,4.90,24.90", "2000,490.00,2490")
        };
        let order = read(&export(&[&yen("1050.00,")])).remove(0).unwrap();
        assert_eq!((order.lines[0].unit_price, order.total), (1_050, 2_490));
        let (line, field, reason) = refusal(&[&yen("1050.50,")]);
        assert_eq!((line, field.as_str()), (2, "Lineitem price"));
        assert_eq!(reason, "expected at most 0 decimals in JPY");
    }

    #[test]
    fn a_bad_line_rejects_its_order_whole_and_the_next_is_read() {
        let other = FIRST.replace("#1,77", "#2,78");
        let bad = SECOND.replace("Bulb,1,", "Bulb,one,");
        let orders = read(&export(&[FIRST, &bad, SECOND, &other]));
        let [Err(rejection), Ok(next)] = orders.as_slice() else {
            panic!("{orders:?}")
        };
        let expected = Rejection::new(
            "orders.csv",
            4,
            "Lineitem quantity",
            "one",
            "expected a whole number from 1 to 1000000",
        );
        assert_eq!(rejection, &expected);
        assert_eq!(next.number, "#2");
    }

    #[test]
    fn half_an_order_elsewhere_is_rejected() {
        let other = FIRST.replace("#1,77", "#2,78");
        let orders = read(&export(&[FIRST, &other, SECOND]));
        assert!(matches!(orders.as_slice(), [Ok(_), Ok(_), Err(_)]));
        let again = read(&export(&[FIRST, &other, FIRST]));
        let refused = again.into_iter().last().unwrap().unwrap_err();
        assert!(refused.reason.contains("further up"), "{refused:?}");
    }

    #[test]
    fn what_cannot_be_true_is_named() {
        let field = |from: &str, to: &str| refusal(&[&FIRST.replace(from, to)]).1;
        assert_eq!(field("24.90,0.00", "24.90,25.00"), "Refunded Amount");
        assert_eq!(field("24.90,0.00", "24.90,5.00"), "Refunded Amount");
        assert_eq!(field("10.50,1.00", "10.50,21.01"), "Lineitem discount");
        assert_eq!(field("EUR", "EUX"), "Currency");
        assert_eq!(field(",paid,", ",Paid!,"), "Financial Status");
        assert_eq!(field(" +0100", ""), "Created at");
        assert_eq!(field("#1,77", "#1,2.5E+14"), "Id");
        assert_eq!(field("Lamp,2", "Lamp,0"), "Lineitem quantity");
        assert_eq!(field("20.00,", "-20.00,"), "Subtotal");
        assert_eq!(field("2026-01-31", "9999-01-31"), "Created at");
        assert_eq!(field("2026-01-31", "0206-01-31"), "Created at");
        let late = FIRST.replace("+0100,,", "+0100,2999-01-01 00:00:00 +0000,");
        assert_eq!(refusal(&[&late]).1, "Cancelled at");
        assert_eq!(field("#1", &"#".repeat(101)), "Name");
        assert_eq!(field("77", &"7".repeat(101)), "Id");
        assert_eq!(field("ann@", &"@".repeat(320)), "Email");
        assert_eq!(
            field("A,", &format!("{},", "A".repeat(201))),
            "Lineitem sku"
        );
        assert_eq!(refusal(&[FIRST, &FIRST.replace("77", "78")]).1, "Id");
    }

    #[test]
    fn the_columns_that_a_file_must_have_are_named() {
        let text = export(&[]).replace("Currency,", "Money,");
        let Err(Fault::Rejected(rejection)) = Orders::open(text.as_bytes(), "o.csv") else {
            panic!("the column is missing")
        };
        assert_eq!((rejection.line, rejection.field.as_str()), (1, "Currency"));
    }
}
