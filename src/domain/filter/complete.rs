//! What could be meant by the word that a filter is being given.

use super::parse::{field, pieces};
use super::table::{self, Field, Takes};
use crate::domain::kind::Pane;

/// What could stand at the end of a filter instead of its last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Byte offset from which on the text is replaced.
    pub from: usize,
    /// What could stand there.
    pub offers: Offers,
}

/// What could stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offers {
    /// One of these, each with what it means.
    These(Vec<(String, String)>),
    /// What the database knows for the field; each value is to be written behind the prefix.
    Values {
        /// The field.
        field: Field,
        /// How the value begins so far.
        typed: String,
    },
}

/// What could be meant by the last word of a text: fields and words by their beginnings, then the
/// field's values. Nothing where a word begins like none of them.
pub fn complete(pane: impl Into<Pane>, text: &str) -> Completion {
    let pane = pane.into();
    let last = pieces(text)
        .pop()
        .filter(|last| last.open || (last.end == text.len() && !(last.quoted)));
    let Some(last) = last else {
        return Completion {
            from: text.len(),
            offers: Offers::These(names(pane, "")),
        };
    };
    let Some((name, _)) = last.field else {
        let offers = if last.quoted {
            Vec::new()
        } else {
            names(pane, last.value)
        };
        return Completion {
            from: last.value_at,
            offers: Offers::These(offers),
        };
    };
    let offers = match field(name).and_then(|field| table::find(pane, field)) {
        Some(entry) => values(pane, entry.field, entry.takes, last.value),
        None => Offers::These(Vec::new()),
    };
    Completion {
        from: last.value_at,
        offers,
    }
}

/// Fields, and words without one, that begin so.
fn names(pane: Pane, typed: &str) -> Vec<(String, String)> {
    let typed = typed.to_lowercase();
    let fields = table::entries(pane).map(|entry| {
        let sign = match entry.takes {
            Takes::Amount | Takes::Units | Takes::Span => ">",
            _ => ":",
        };
        (
            format!("{}{sign}", entry.field),
            format!("{} · {}", entry.help, entry.example),
        )
    });
    let words = table::WORDS
        .iter()
        .filter(|(_, panes, _)| panes.contains(&pane))
        .map(|(word, _, help)| ((*word).to_owned(), (*help).to_owned()));
    let states = table::said_states(pane).into_iter().map(|state| {
        let meaning = format!("the same as state:{state}");
        (state.to_owned(), meaning)
    });
    let all = words.chain(fields);
    // All states too would bury what they hide behind.
    let all: Vec<_> = if typed.is_empty() {
        all.collect()
    } else {
        all.chain(states).collect()
    };
    all.into_iter()
        .filter(|(name, _)| name.starts_with(&typed) && *name != typed)
        .collect()
}

fn values(pane: Pane, field: Field, takes: Takes, typed: &str) -> Offers {
    let begins = typed.to_lowercase();
    let these = |words: &[(&str, &str)]| {
        Offers::These(
            words
                .iter()
                .filter(|(word, _)| word.starts_with(&begins))
                .map(|(word, meaning)| ((*word).to_owned(), (*meaning).to_owned()))
                .collect(),
        )
    };
    let plain = |words: &[&'static str]| words.iter().map(|word| (*word, "")).collect::<Vec<_>>();
    match takes {
        Takes::State => {
            // By the schema's word too, where somebody begins with it.
            let said = table::said_states(pane);
            let named = table::states(pane).into_iter();
            let unsaid = named.filter(|state| !typed.is_empty() && !said.contains(state));
            these(&plain(
                &said.iter().copied().chain(unsaid).collect::<Vec<_>>(),
            ))
        }
        Takes::Word(words) => these(&plain(words)),
        Takes::Span => these(&[
            ("1h", "an hour"),
            ("1d", "a day"),
            ("2d", ""),
            ("1w", "a week"),
        ]),
        Takes::Day => these(&[("today", ""), ("yesterday", ""), ("7d", "seven days ago")]),
        Takes::Amount | Takes::Units => Offers::These(Vec::new()),
        Takes::Login | Takes::Name | Takes::Whole | Takes::Country | Takes::Beginning => {
            Offers::Values {
                field,
                typed: typed.to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kind::Kind;

    fn offered(kind: Kind, text: &str) -> (usize, Vec<String>) {
        let completion = complete(kind, text);
        let words = match completion.offers {
            Offers::These(words) => words.into_iter().map(|(word, _)| word).collect(),
            Offers::Values { field, typed } => vec![format!("{field}? {typed}")],
        };
        (completion.from, words)
    }

    #[test]
    fn fields_words_and_values_are_offered() {
        let (at, words) = offered(Kind::Order, "late c");
        assert_eq!(at, 5);
        assert_eq!(
            words,
            [
                "country:",
                "channel:",
                "carrier:",
                "confirmed",
                "closed",
                "cancelled"
            ]
        );
        assert_eq!(offered(Kind::Order, "-sta"), (1, vec!["state:".to_owned()]));
        assert_eq!(
            offered(Kind::Order, "x state:p"),
            (
                8,
                vec!["processing".to_owned(), "partially_shipped".to_owned()]
            )
        );
        let held = |text| offered(Kind::Order, text).1;
        assert_eq!(held("state:hel"), ["held"]);
        assert_eq!(held("state:on"), ["on_hold"]);
        assert!(held("state:").contains(&"held".to_owned()));
        assert!(!held("state:").contains(&"on_hold".to_owned()));
        assert_eq!(
            offered(Kind::Order, "tag:\"a b"),
            (4, vec!["tag? a b".to_owned()])
        );
        assert_eq!(
            offered(Kind::Order, "late "),
            (5, offered(Kind::Order, "").1)
        );
        assert_eq!(offered(Kind::Order, "duarte"), (0, vec![]));
    }
}
