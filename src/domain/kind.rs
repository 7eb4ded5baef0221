//! What kinds of record there are, and what names and numbers them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::words::words;

words! {
    /// The kinds of record that have a pane, in the order of the panes' keys.
    pub enum Kind {
        /// An order and its fulfilments; pane 1.
        Order = "order",
        /// A product at a location; pane 2.
        Stock = "stock",
        /// A parcel; pane 3.
        Shipment = "shipment",
        /// An inspection; pane 4.
        Inspection = "inspection",
        /// A ticket; pane 5.
        Ticket = "ticket",
    }
}

impl Kind {
    /// The name of the list, as `packline list` takes it.
    pub const fn plural(self) -> &'static str {
        match self {
            Kind::Order => "orders",
            Kind::Stock => "stock",
            Kind::Shipment => "shipments",
            Kind::Inspection => "inspections",
            Kind::Ticket => "tickets",
        }
    }

    /// The kind that a list's name means.
    pub fn from_plural(word: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.plural() == word)
    }

    /// What the pane's tab says.
    pub const fn title(self) -> &'static str {
        match self {
            Kind::Order => "Orders",
            Kind::Stock => "Stock",
            Kind::Shipment => "Shipments",
            Kind::Inspection => "QC",
            Kind::Ticket => "Tickets",
        }
    }
}

/// A list of the console and of `packline list`: what a pane shows, in the order of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    /// Every promise of every kind, the nearest first; pane 0.
    Next,
    /// The records of one kind.
    Of(Kind),
}

impl Pane {
    /// Every pane.
    pub const ALL: &'static [Self] = &[
        Self::Next,
        Self::Of(Kind::Order),
        Self::Of(Kind::Stock),
        Self::Of(Kind::Shipment),
        Self::Of(Kind::Inspection),
        Self::Of(Kind::Ticket),
    ];

    /// The kind of its records, where they are all of one.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Next => None,
            Self::Of(kind) => Some(kind),
        }
    }

    /// The name of the list, as `packline list` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Of(kind) => kind.plural(),
        }
    }

    /// What the pane's tab says.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Next => "Next",
            Self::Of(kind) => kind.title(),
        }
    }
}

impl From<Kind> for Pane {
    fn from(kind: Kind) -> Self {
        Self::Of(kind)
    }
}

/// A record of the database: its kind and its primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordId {
    /// The kind of record.
    pub kind: Kind,
    /// Its primary key.
    pub id: i64,
}

impl RecordId {
    /// The record of this kind with this primary key.
    pub const fn new(kind: Kind, id: i64) -> Self {
        Self { kind, id }
    }
}

/// A record's name as a person types it: `#1042` or `web/#1042`, `SHP-7`, `INS-7`, `TKT-7`, a
/// SKU or `SKU@location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordName {
    /// An order's number, with its channel where two channels share the number.
    Order {
        /// The channel's name, if given.
        channel: Option<String>,
        /// The number as the channel prints it, such as `#1042`.
        number: String,
    },
    /// A product's stock, with the location where it lies in several.
    Stock {
        /// The product's SKU.
        sku: String,
        /// The location's name, if given.
        location: Option<String>,
    },
    /// `SHP-7`.
    Shipment(i64),
    /// `INS-7`.
    Inspection(i64),
    /// `TKT-7`.
    Ticket(i64),
}

impl FromStr for RecordName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some((prefix, digits)) = text.split_once('-')
            && let Ok(id) = digits.parse::<i64>()
        {
            match prefix.to_ascii_uppercase().as_str() {
                "SHP" => return Ok(Self::Shipment(id)),
                "INS" => return Ok(Self::Inspection(id)),
                "TKT" => return Ok(Self::Ticket(id)),
                _ => {}
            }
        }
        if text.starts_with('#') {
            return Ok(Self::Order {
                channel: None,
                number: text.to_owned(),
            });
        }
        if let Some((channel, number)) = text.split_once('/')
            && !channel.is_empty()
            && number.starts_with('#')
        {
            return Ok(Self::Order {
                channel: Some(channel.to_owned()),
                number: number.to_owned(),
            });
        }
        Ok(match text.split_once('@') {
            Some((sku, location)) if !sku.is_empty() && !location.is_empty() => Self::Stock {
                sku: sku.to_owned(),
                location: Some(location.to_owned()),
            },
            _ => Self::Stock {
                sku: text.to_owned(),
                location: None,
            },
        })
    }
}

impl RecordName {
    /// The kind of record that the name means.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Order { .. } => Kind::Order,
            Self::Stock { .. } => Kind::Stock,
            Self::Shipment(_) => Kind::Shipment,
            Self::Inspection(_) => Kind::Inspection,
            Self::Ticket(_) => Kind::Ticket,
        }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order {
                channel: None,
                number,
            } => f.write_str(number),
            Self::Order {
                channel: Some(channel),
                number,
            } => write!(f, "{channel}/{number}"),
            Self::Stock {
                sku,
                location: None,
            } => f.write_str(sku),
            Self::Stock {
                sku,
                location: Some(location),
            } => write!(f, "{sku}@{location}"),
            Self::Shipment(id) => write!(f, "SHP-{id}"),
            Self::Inspection(id) => write!(f, "INS-{id}"),
            Self::Ticket(id) => write!(f, "TKT-{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_type_them() {
        let cases = [
            ("#1042", Kind::Order),
            ("web/#1042", Kind::Order),
            ("SHP-7", Kind::Shipment),
            ("ins-7", Kind::Inspection),
            ("TKT-7", Kind::Ticket),
            ("85123A", Kind::Stock),
            ("SHP-X", Kind::Stock),
            ("85123A@Main", Kind::Stock),
        ];
        for (text, kind) in cases {
            let Ok(name) = text.parse::<RecordName>();
            assert_eq!(name.kind(), kind, "{text}");
            assert_eq!(name.to_string().to_lowercase(), text.to_lowercase());
        }
    }
}
