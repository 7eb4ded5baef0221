//! The packing slip that goes into a parcel: plain text of 80 columns, for any printer.

use std::fmt::Write as _;

use crate::domain::labels::Label;
use crate::domain::text;

/// Columns of a line.
const WIDTH: usize = 80;
/// Columns of a quantity and of a SKU, with what separates them from the next.
const QUANTITY: usize = 6;
const SKU: usize = 20;

/// A packing slip: from whom, to whom, and what is in the parcel, with boxes to tick.
pub fn slip(label: &Label) -> String {
    let mut slip = String::new();
    let mut put = |line: &str| {
        slip.push_str(line.trim_end());
        slip.push('\n');
    };
    for line in &label.from {
        put(&text::fit(line, WIDTH));
    }
    put("");
    let left = text::fit(&format!("Order {}", label.order), WIDTH / 2).into_owned();
    let right = format!("{}, parcel {} of {}", label.parcel, label.number, label.of);
    let gap = WIDTH
        .saturating_sub(text::width(&left) + text::width(&right))
        .max(2);
    put(&format!("{left}{}{right}", " ".repeat(gap)));
    let way: Vec<&str> = [&label.carrier, &label.service, &label.tracking_code]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if !way.is_empty() {
        put(&text::fit(&way.join(", "), WIDTH));
    }
    put("");
    put("To");
    for line in label.to.lines() {
        for line in text::wrapped(&line, WIDTH - 4) {
            put(&format!("    {line}"));
        }
    }
    put("");
    put(&format!("{:>QUANTITY$}  {:<SKU$}Item", "Units", "SKU"));
    put(&"-".repeat(WIDTH));
    for line in &label.lines {
        let sku = padded(&line.sku, SKU);
        let lines = text::wrapped(&line.title, WIDTH - QUANTITY - 2 - SKU - 5);
        let mut titles = lines.iter();
        let first = titles.next().map_or("", String::as_str);
        let title = padded(first, WIDTH - QUANTITY - 2 - SKU - 4);
        put(&format!("{:>QUANTITY$}  {sku}{title} [ ]", line.quantity));
        for title in titles {
            put(&format!("{:QUANTITY$}  {:SKU$}{title}", "", ""));
        }
    }
    put(&"-".repeat(WIDTH));
    let units: i64 = label
        .lines
        .iter()
        .map(|line| i64::from(line.quantity))
        .sum();
    let mut total = format!("{units:>QUANTITY$}  in all");
    if let Some(weight) = label.weight() {
        let _ = write!(total, ", {weight}");
    }
    put(&total);
    if let Some(note) = &label.note {
        put("");
        put("The customer's note");
        for line in text::plain_lines(note) {
            for line in text::wrapped(&line, WIDTH - 4) {
                put(&format!("    {line}"));
            }
        }
    }
    slip
}

/// Text in so many columns, a space at its end at least.
fn padded(words: &str, columns: usize) -> String {
    let fitted = text::fit(words, columns - 1);
    let gap = columns - text::width(&fitted);
    format!("{fitted}{}", " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::orders::Address;
    use crate::domain::shipments::ShipmentLine;

    fn parcel() -> Label {
        let line = |sku: &str, title: &str, quantity| ShipmentLine {
            sku: sku.to_owned(),
            title: title.to_owned(),
            quantity,
        };
        Label {
            parcel: "SHP-7".to_owned(),
            order: "#1042".to_owned(),
            from: vec![
                "Loja & Filhos".to_owned(),
                "Rua Direita 1, 1100 Lisboa".to_owned(),
            ],
            to: Address {
                name: "山田 太郎".to_owned(),
                address1: "東京都千代田区丸の内".to_owned(),
                country: "JP".to_owned(),
                ..Address::default()
            },
            carrier: Some("Correios".to_owned()),
            service: None,
            tracking_code: Some("RR123456785PT".to_owned()),
            tracking_link: None,
            number: 1,
            of: 2,
            weight_g: Some(1_240),
            lines: vec![
                line("MUG-1", "Mug, blue", 2),
                line(
                    "POT-9",
                    "Teapot of cast iron with a sieve of steel and a lid that keeps tight",
                    11,
                ),
            ],
            note: Some("Please leave it\nwith the neighbour\u{1b}[2J".to_owned()),
        }
    }

    #[test]
    fn a_slip_reads_from_top_to_bottom() {
        let expected = "\
Loja & Filhos
Rua Direita 1, 1100 Lisboa

Order #1042                                                 SHP-7, parcel 1 of 2
Correios, RR123456785PT

To
    山田 太郎
    東京都千代田区丸の内
    JP

 Units  SKU                 Item
--------------------------------------------------------------------------------
     2  MUG-1               Mug, blue                                        [ ]
    11  POT-9               Teapot of cast iron with a sieve of steel and a  [ ]
                            lid that keeps tight
--------------------------------------------------------------------------------
    13  in all, 1.24 kg

The customer's note
    Please leave it
    with the neighbour␛[2J
";
        assert_eq!(slip(&parcel()), expected);
    }

    #[test]
    fn no_line_is_too_long_and_nothing_acts() {
        let long = "x\u{202e}\u{7}".repeat(70);
        let mut parcel = parcel();
        parcel.to.name.clone_from(&long);
        parcel.order.clone_from(&long);
        parcel.from.push(long.clone());
        parcel.carrier = Some(long.clone());
        parcel.note = Some(long.clone());
        for line in &mut parcel.lines {
            line.title.clone_from(&long);
            line.sku.clone_from(&long);
        }
        let slip = slip(&parcel);
        for line in slip.lines() {
            assert!(text::width(line) <= WIDTH, "{line}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}
