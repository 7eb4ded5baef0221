//! The filter language of every list: words and `field:value` terms.

use super::record::{Kind, Pane};

/// Which records of a kind a list shows: every term must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// The terms, in the order they were typed.
    pub terms: Vec<Term>,
}

/// One term of a filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Written with a leading `-`: it must not hold.
    pub negated: bool,
    /// What must hold.
    pub test: Test,
}

/// What a term tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Number, name, SKU or tracking code contains the word, whatever its case.
    Word(String),
    /// `late`: its promise has passed.
    Late,
    /// `all`: also what is closed, not only open work.
    All,
    /// `snoozed`: out of sight until later.
    Snoozed,
    /// `state:WORD`, by the word of the schema.
    State(String),
    /// `who:LOGIN`, `who:me`, `who:nobody`.
    Who(String),
    /// `carrier:NAME`.
    Carrier(String),
    /// `tag:WORD`.
    Tag(String),
    /// `kind:WORD`, where a list holds several.
    Kind(Kind),
}

/// States in which nothing is left to do, of every kind.
const CLOSED_STATES: &[&str] = &[
    "shipped",
    "delivered",
    "closed",
    "cancelled",
    "lost",
    "returned_to_sender",
    "void",
    "passed",
    "waived",
    "resolved",
    "merged",
];

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Byte offset of the wrong word in the text.
    pub at: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Filter {
    /// Reads a filter for a list.
    ///
    /// # Errors
    /// The first field or value that is not known, with its place.
    pub fn parse(pane: impl Into<Pane>, text: &str) -> Result<Self, FilterError> {
        let pane = pane.into();
        let mut terms = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            let at = text.len() - rest.len() + start;
            let word = &rest[start..];
            let end = word.find(char::is_whitespace).unwrap_or(word.len());
            terms.push(term(pane, &word[..end], at)?);
            rest = &word[end..];
        }
        Ok(Self { terms })
    }

    /// Whether it asks for records that are closed: by `all`, or by a state that open work has not.
    pub fn wants_closed(&self) -> bool {
        self.terms.iter().any(|term| {
            !term.negated
                && match &term.test {
                    Test::All => true,
                    Test::State(state) => CLOSED_STATES.contains(&state.as_str()),
                    _ => false,
                }
        })
    }

    /// Whether it asks for this state.
    pub fn names_state(&self, wanted: &str) -> bool {
        self.terms.iter().any(|term| {
            !term.negated && matches!(&term.test, Test::State(state) if state == wanted)
        })
    }

    /// Whether it asks for what is snoozed.
    pub fn names_snoozed(&self) -> bool {
        self.terms
            .iter()
            .any(|term| !term.negated && term.test == Test::Snoozed)
    }

    /// Whether it lets every open record through.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

fn term(pane: Pane, word: &str, at: usize) -> Result<Term, FilterError> {
    let (negated, body) = match word.strip_prefix('-') {
        Some(body) if !body.is_empty() => (true, body),
        _ => (false, word),
    };
    let value_at = |field: &str| at + usize::from(negated) + field.len() + 1;
    let test = match body.split_once(':') {
        None if body == "late" => Test::Late,
        None if body == "all" && pane != Pane::Next => Test::All,
        None if body == "snoozed" && pane == Pane::Of(Kind::Ticket) => Test::Snoozed,
        None => Test::Word(body.to_owned()),
        Some((field, "")) => {
            return Err(FilterError {
                at: value_at(field),
                message: format!("{field}: needs a value"),
            });
        }
        Some(("state", value)) if fields(pane).contains(&"state") => {
            let words = states(pane);
            let wanted = value.to_lowercase().replace('-', "_");
            let known = match wanted.as_str() {
                "held" if words.contains(&"on_hold") => Some("on_hold"),
                other => words.iter().copied().find(|word| *word == other),
            };
            match known {
                Some(state) => Test::State(state.to_owned()),
                None => {
                    return Err(FilterError {
                        at: value_at("state"),
                        message: format!("state: is one of {}", words.join(", ")),
                    });
                }
            }
        }
        Some(("who", value)) if fields(pane).contains(&"who") => Test::Who(value.to_owned()),
        Some(("carrier", value)) if fields(pane).contains(&"carrier") => {
            Test::Carrier(value.to_owned())
        }
        Some(("tag", value)) if fields(pane).contains(&"tag") => Test::Tag(value.to_owned()),
        Some(("kind", value)) if pane == Pane::Next => {
            let wanted = value.to_lowercase();
            let named = |kind: &&Kind| kind.as_str() == wanted || kind.plural() == wanted;
            let Some(kind) = Kind::ALL.iter().find(named) else {
                let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                return Err(FilterError {
                    at: value_at("kind"),
                    message: format!("kind: is one of {}", words.join(", ")),
                });
            };
            Test::Kind(*kind)
        }
        Some((field, _)) => {
            return Err(FilterError {
                at,
                message: format!("no field “{field}”; there are {}", fields(pane).join(", ")),
            });
        }
    };
    Ok(Term { negated, test })
}

/// The fields that a list's filter knows.
pub fn fields(pane: impl Into<Pane>) -> &'static [&'static str] {
    let Some(kind) = pane.into().kind() else {
        return &["kind", "who"];
    };
    match kind {
        Kind::Order => &["state", "who", "tag"],
        Kind::Stock => &["state"],
        Kind::Shipment => &["state", "carrier"],
        Kind::Inspection | Kind::Ticket => &["state", "who"],
    }
}

/// The words that `state:` takes in a list.
pub fn states(pane: impl Into<Pane>) -> Vec<&'static str> {
    use super::{inspections, orders, shipments, tickets};
    let Some(kind) = pane.into().kind() else {
        return Vec::new();
    };
    match kind {
        Kind::Order => orders::Stage::ALL
            .iter()
            .map(|state| state.as_str())
            .collect(),
        Kind::Stock => vec!["low", "short", "muted"],
        Kind::Shipment => shipments::ShipmentState::ALL
            .iter()
            .map(|s| s.as_str())
            .collect(),
        Kind::Inspection => inspections::InspectionState::ALL
            .iter()
            .map(|s| s.as_str())
            .collect(),
        Kind::Ticket => tickets::TicketState::ALL
            .iter()
            .map(|s| s.as_str())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_fields_are_told_apart() {
        let filter = Filter::parse(Kind::Order, "duarte -state:held late who:me").expect("valid");
        assert_eq!(filter.terms.len(), 4);
        assert_eq!(filter.terms[0].test, Test::Word("duarte".into()));
        assert!(filter.terms[1].negated);
        assert_eq!(filter.terms[1].test, Test::State("on_hold".into()));
        assert_eq!(filter.terms[2].test, Test::Late);
        assert_eq!(filter.terms[3].test, Test::Who("me".into()));
    }

    #[test]
    fn a_kind_takes_its_own_fields_and_no_other() {
        for kind in Kind::ALL {
            let values = [
                ("state", states(*kind)[0]),
                ("who", "me"),
                ("carrier", "dhl"),
                ("tag", "gift"),
            ];
            for (field, value) in values {
                let taken = Filter::parse(*kind, &format!("{field}:{value}")).is_ok();
                assert_eq!(taken, fields(*kind).contains(&field), "{kind} {field}");
            }
        }
    }

    #[test]
    fn an_error_says_where() {
        let error = Filter::parse(Kind::Order, "a  state:flying").expect_err("no such state");
        assert_eq!(error.at, 9);
        assert!(error.message.contains("on_hold"), "{error}");
        let error = Filter::parse(Kind::Stock, "colour:red").expect_err("no such field");
        assert_eq!(error.at, 0);
    }
}
