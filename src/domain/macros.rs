//! Canned answers and the fields in them.

use std::collections::BTreeMap;

/// An answer that is given again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Macro {
    /// What people call it.
    pub name: String,
    /// Its text, with fields such as `{customer}`.
    pub body: String,
}

/// The fields that a macro may have, and what stands for each.
pub const FIELDS: &[(&str, &str)] = &[
    ("customer", "the customer's name"),
    ("first-name", "the first word of it"),
    ("order", "the order's number"),
    ("promise", "the day by which it shall ship or arrive"),
    ("carrier", "who carries the parcel"),
    ("tracking", "the parcel's tracking code"),
    ("me", "who answers"),
    ("shop", "the shop's name"),
];

/// The text with its fields filled in. A field of which nothing is known stays as it is, so that
/// whoever writes sees it.
pub fn filled(body: &str, values: &BTreeMap<&'static str, String>) -> String {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        let field = rest[1..].find('}').map(|end| &rest[1..=end]);
        if let Some((name, value)) = field.and_then(|name| Some((name, values.get(name)?))) {
            text.push_str(value);
            rest = &rest[name.len() + 2..];
        } else {
            text.push('{');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text
}

/// The fields of a macro that still stand in a text.
pub fn unfilled(text: &str) -> impl Iterator<Item = &'static str> {
    FIELDS
        .iter()
        .map(|(name, _)| *name)
        .filter(move |name| text.contains(&format!("{{{name}}}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_stays_to_be_seen() {
        let values = BTreeMap::from([
            ("customer", "Ines {order} Duarte".to_owned()),
            ("order", "#1042".to_owned()),
        ]);
        let body = "Dear {customer}, {order} {tracking} {unknown} { {order}} {";
        assert_eq!(
            filled(body, &values),
            "Dear Ines {order} Duarte, #1042 {tracking} {unknown} { #1042} {"
        );
        let left: Vec<_> = unfilled("Dear {customer}, {order}").collect();
        assert_eq!(left, ["customer", "order"]);
        assert_eq!(unfilled("a {set}, {} and }").next(), None);
    }
}
