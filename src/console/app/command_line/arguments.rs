//! The arguments on the command line.

use crate::domain::act::Args;
use crate::domain::verbs::{Arg, ArgKind, Verb};

/// An argument as it stands in a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// The byte offset at which its value begins.
    pub(super) at: usize,
}

/// The arguments as a verb takes them.
pub(super) fn args(said: Vec<Said>) -> Args {
    let pairs = said.into_iter();
    pairs
        .map(|said| (said.name.to_owned(), said.value))
        .collect()
}

/// The argument of this name, if it was said.
pub(super) fn said<'a>(said: &'a [Said], name: &str) -> Option<&'a Said> {
    said.iter().find(|said| said.name == name)
}

/// Where the last word of an argument line begins; a quotation is one word.
pub(super) fn last_token(text: &str) -> usize {
    let (mut from, mut quoted, mut before) = (0, false, ' ');
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if quoted => quoted = false,
            '"' if before.is_whitespace() || before == '=' => quoted = true,
            _ if letter.is_whitespace() && !quoted => from = at + letter.len_utf8(),
            _ => {}
        }
        before = letter;
    }
    from
}

/// Reads `name=value`, `name="several words"` and bare words, which fill the arguments in turn;
/// what is left over goes to the last of them if it is a text.
///
/// # Errors
/// The place of what is wrong, and what was expected.
pub(super) fn arguments(verb: &Verb, text: &str) -> Result<Vec<Said>, (usize, String)> {
    let mut read: Vec<Said> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        let at = text.len() - rest.len() + start;
        rest = &rest[start..];
        let open = || {
            verb.args
                .iter()
                .filter(|arg| said(&read, arg.name).is_none())
        };
        let (arg, from) = match (named(verb, rest), open().next()) {
            (Some((arg, _)), _) if said(&read, arg.name).is_some() => {
                return Err((at, format!("{} is said twice", arg.name)));
            }
            (Some(named), _) => named,
            (None, Some(next)) => (next, 0),
            (None, None) => return Err((at, one_too_many(verb, rest))),
        };
        let after = &rest[from..];
        let takes_all = matches!(
            arg.kind,
            ArgKind::Text | ArgKind::LongText | ArgKind::ShippingOption
        ) && from == 0
            && open().count() == 1;
        let (value, taken) = if let Some(quoted) = after.strip_prefix('"') {
            let Some(end) = quoted.find('"') else {
                return Err((at + from, "the quotation does not end".to_owned()));
            };
            (&quoted[..end], end + 2)
        } else if takes_all {
            (after.trim_end(), after.len())
        } else {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            (&after[..end], end)
        };
        let at = at + from;
        arg.check(value)
            .map_err(|why| (at, format!("{}: {why}", arg.name)))?;
        read.push(Said {
            name: arg.name,
            value: value.to_owned(),
            at,
        });
        rest = &after[taken..];
    }
    Ok(read)
}

/// The argument that a text names at its beginning, and where its value begins.
fn named(verb: &Verb, text: &str) -> Option<(&'static Arg, usize)> {
    let equals = text.find('=')?;
    Some((verb.arg(&text[..equals])?, equals + 1))
}

fn one_too_many(verb: &Verb, text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    match verb.args {
        [] => format!("{} takes no arguments", verb.name),
        _ => format!("“{word}” is one too many"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Kind;
    use crate::domain::verbs;

    fn read(kind: Kind, verb: &str, text: &str) -> Result<Vec<(String, String)>, (usize, String)> {
        let verb = verbs::find(kind, verb).unwrap();
        arguments(verb, text).map(|said| args(said).into_iter().collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "compared with what reading gives")]
    fn pairs(expected: &[(&str, &str)]) -> Result<Vec<(String, String)>, (usize, String)> {
        Ok(expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect())
    }

    #[test]
    fn arguments_are_read_by_name_or_in_turn() {
        let reason = pairs(&[("reason", "address unclear")]);
        assert_eq!(read(Kind::Order, "hold", "address unclear"), reason);
        assert_eq!(
            read(Kind::Order, "hold", "reason=\"address unclear\""),
            reason
        );
        assert_eq!(
            read(Kind::Stock, "adjust", "-2 broken in transit"),
            pairs(&[("quantity", "-2"), ("reason", "broken in transit")])
        );
        assert_eq!(
            read(
                Kind::Inspection,
                "fail-check",
                "severity=major item wrong colour"
            ),
            pairs(&[
                ("check", "item"),
                ("defect", "wrong colour"),
                ("severity", "major")
            ])
        );
    }

    #[test]
    fn a_wrong_argument_is_told_with_its_place() {
        let (at, why) = read(Kind::Stock, "adjust", "quantity=lots").unwrap_err();
        assert_eq!(at, 9);
        assert!(
            why.starts_with("quantity: expected a whole number"),
            "{why}"
        );
        assert_eq!(read(Kind::Order, "confirm", " now").unwrap_err().0, 1);
        assert_eq!(read(Kind::Order, "hold", "reason=\"a").unwrap_err().0, 7);
        let twice = read(Kind::Stock, "adjust", "quantity=1 quantity=2").unwrap_err();
        assert_eq!(twice, (11, "quantity is said twice".to_owned()));
    }

    #[test]
    fn an_argument_knows_its_place_in_the_line() {
        let verb = verbs::find(Kind::Shipment, "set-tracking").unwrap();
        let read = arguments(verb, "code=\"JD 01\"  Nobody").unwrap();
        assert_eq!(said(&read, "code").unwrap().at, 5);
        assert_eq!(said(&read, "carrier").unwrap().at, 14);
    }
}
