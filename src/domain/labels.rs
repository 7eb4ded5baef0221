//! What a parcel's label and its packing slip say.

use super::orders::Address;
use super::shipments::ShipmentLine;

/// The words that the verb `print` takes for what to print.
pub const LABEL: &str = "label";
/// As [`LABEL`].
pub const SLIP: &str = "slip";

/// Everything that is printed for one parcel. Texts are as others wrote them; whoever prints them
/// makes them safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The parcel's own number, such as `SHP-7`.
    pub parcel: String,
    /// The order's number, such as `#1042`.
    pub order: String,
    /// The lines of the address that it is sent from, the shop's name first.
    pub from: Vec<String>,
    /// Where it goes.
    pub to: Address,
    /// The carrier's name.
    pub carrier: Option<String>,
    /// The shipping option, as the customer chose it.
    pub service: Option<String>,
    /// The carrier's code for it.
    pub tracking_code: Option<String>,
    /// Where it can be followed.
    pub tracking_link: Option<String>,
    /// Which of the order's parcels it is, from 1.
    pub number: i64,
    /// How many parcels the order has so far.
    pub of: i64,
    /// What is in it weighs this many grams; `None` where a product's weight is not known.
    pub weight_g: Option<i64>,
    /// What is in it.
    pub lines: Vec<ShipmentLine>,
    /// The customer's note.
    pub note: Option<String>,
}

impl Label {
    /// What others wrote on the label: the address, the carrier and the service. What we write ourselves, the
    /// sender and numbers, we see before we buy a printer.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = self.to.lines();
        texts.push(self.to.phone.clone());
        texts.extend(self.carrier.iter().chain(&self.service).cloned());
        texts
    }

    /// The weight in kilograms, rounded up to ten grams: `1.25 kg`.
    pub fn weight(&self) -> Option<String> {
        self.weight_g.map(|grams| {
            let hundredths = grams.max(0).saturating_add(9) / 10;
            format!("{}.{:02} kg", hundredths / 100, hundredths % 100)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_rounded_up() {
        let weight = |weight_g| {
            Label {
                parcel: String::new(),
                order: String::new(),
                from: Vec::new(),
                to: Address::default(),
                carrier: None,
                service: None,
                tracking_code: None,
                tracking_link: None,
                number: 1,
                of: 1,
                weight_g,
                lines: Vec::new(),
                note: None,
            }
            .weight()
        };
        assert_eq!(weight(Some(1241)).as_deref(), Some("1.25 kg"));
        assert_eq!(weight(Some(0)).as_deref(), Some("0.00 kg"));
        assert_eq!(weight(None), None);
    }
}
