//! From the text of a filter to its terms, or to the place that is wrong.

use chrono::{Datelike as _, NaiveDate, TimeDelta};

use super::table::{self, Entry, Field, Reach, Takes};
use super::{Compare, Day, Filter, Term, Test};
use crate::domain::countries;
use crate::domain::kind::{Kind, Pane, RecordName};

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Byte offset of the wrong word in the text.
    pub at: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

fn wrong<T>(at: usize, message: impl Into<String>) -> Result<T, FilterError> {
    Err(FilterError {
        at,
        message: message.into(),
    })
}

/// A term as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Byte offset in the text.
    pub(super) at: usize,
    /// Written with a leading `-`.
    pub(super) negated: bool,
    /// Field and operator, if it has them; the operator's text and what it compares.
    pub(super) field: Option<(&'a str, &'a str)>,
    /// The value, or the word, without quotes.
    pub(super) value: &'a str,
    /// Where the value begins, its quote included.
    pub(super) value_at: usize,
    /// It stands in quotes.
    pub(super) quoted: bool,
    /// Its quotation has no end.
    pub(super) open: bool,
    /// Where the next term may begin.
    pub(super) end: usize,
}

/// The pieces of a text. A quotation stands for a whole word or a whole value.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(|c: char| !c.is_whitespace()) {
        let piece = piece(text, from + start);
        from = piece.end;
        found.push(piece);
    }
    found
}

fn piece(text: &str, at: usize) -> Piece<'_> {
    let rest = &text[at..];
    let negated =
        rest.len() > 1 && rest.starts_with('-') && !rest[1..].starts_with(char::is_whitespace);
    let body_at = at + usize::from(negated);
    let body = &text[body_at..];
    let letters = body
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(body.len());
    let (name, after) = body.split_at(letters);
    let sign = [":", "<=", ">=", "<", ">", "="]
        .into_iter()
        .find(|sign| after.starts_with(sign))
        .filter(|_| !name.is_empty());
    let (field, value_at) = match sign {
        Some(sign) => (
            Some((name, &after[..sign.len()])),
            body_at + letters + sign.len(),
        ),
        None => (None, body_at),
    };
    let value = &text[value_at..];
    let (value, quoted, open, end) = if let Some(inner) = value.strip_prefix('"') {
        match inner.find('"') {
            Some(length) => (&inner[..length], true, false, value_at + length + 2),
            None => (inner, true, true, text.len()),
        }
    } else {
        let length = value.find(char::is_whitespace).unwrap_or(value.len());
        (&value[..length], false, false, value_at + length)
    };
    Piece {
        at,
        negated,
        field,
        value,
        value_at,
        quoted,
        open,
        end,
    }
}

pub(super) fn field(name: &str) -> Option<Field> {
    name.to_ascii_lowercase().parse().ok()
}

/// Words and fields that a filter may have: each is looked for in every row.
const MOST: usize = 64;

/// See [`Filter::parse`].
pub(super) fn filter(pane: Pane, text: &str) -> Result<Filter, FilterError> {
    let pieces = pieces(text);
    if let Some(first) = pieces.get(MOST) {
        return wrong(first.at, format!("at most {MOST} words and fields"));
    }
    let mut terms = Vec::with_capacity(pieces.len());
    for piece in &pieces {
        if piece.open {
            return wrong(piece.value_at, "the quotation does not end");
        }
        if text[piece.end..].starts_with(|c: char| !c.is_whitespace()) {
            return wrong(piece.end, "after a quotation a space was expected");
        }
        terms.push(Term {
            negated: piece.negated,
            test: test(pane, piece)?,
        });
    }
    let filter = Filter { terms };
    if filter.wants_closed() {
        for (piece, term) in pieces.iter().zip(&filter.terms) {
            let entry = looks_at(&term.test).and_then(|field| table::find(pane, field));
            if let Some(entry) = entry.filter(|entry| entry.reach == Reach::Open) {
                let why = format!("{} finds open work only, not what is closed", entry.field);
                return wrong(piece.at, why);
            }
        }
    }
    Ok(filter)
}

/// The field that a test looks at, if it has one.
const fn looks_at(test: &Test) -> Option<Field> {
    match test {
        Test::Is(field, _)
        | Test::Units(field, ..)
        | Test::Span(field, ..)
        | Test::Day(field, ..) => Some(*field),
        Test::Amount(..) => Some(Field::Amount),
        Test::Word(_)
        | Test::Number(_)
        | Test::Late
        | Test::All
        | Test::Snoozed
        | Test::Kind(_) => None,
    }
}

fn test(pane: Pane, piece: &Piece<'_>) -> Result<Test, FilterError> {
    let Some((name, sign)) = piece.field else {
        return word(pane, piece);
    };
    let known: Vec<&str> = table::entries(pane)
        .map(|entry| entry.field.as_str())
        .collect();
    let Some(entry) = field(name).and_then(|field| table::find(pane, field)) else {
        return wrong(
            piece.at + usize::from(piece.negated),
            format!("no field “{name}”; there are {}", known.join(", ")),
        );
    };
    value(pane, entry, sign, piece)
}

fn word(pane: Pane, piece: &Piece<'_>) -> Result<Test, FilterError> {
    let text = piece.value;
    if piece.quoted {
        return if text.is_empty() {
            wrong(piece.value_at, "nothing stands between the quotes")
        } else {
            Ok(Test::Word(text.to_owned()))
        };
    }
    Ok(match text.to_lowercase().as_str() {
        "late" => Test::Late,
        "all" if piece.negated && pane != Pane::Next => {
            return wrong(piece.at, "all cannot be turned round");
        }
        "all" if pane != Pane::Next => Test::All,
        "snoozed" if pane == Pane::Of(Kind::Ticket) => Test::Snoozed,
        _ => match table::state(pane, text) {
            Some(state) => Test::Is(Field::State, state.to_owned()),
            None => number(pane, text).map_or_else(|| Test::Word(text.to_owned()), Test::Number),
        },
    })
}

/// The name that a word is, where it can be the whole number of a record of the list. A SKU is not
/// meant so: whoever writes one looks for all that begin with it too.
fn number(pane: Pane, text: &str) -> Option<RecordName> {
    let Ok(name) = text.parse::<RecordName>();
    let name = match name {
        // Not every channel writes the sign before its numbers.
        RecordName::Stock { .. }
            if text.contains(|c: char| c.is_ascii_digit()) && !text.contains('"') =>
        {
            RecordName::Order {
                channel: None,
                number: text.to_owned(),
            }
        }
        RecordName::Stock { .. } => return None,
        name => name,
    };
    (pane.kind().is_none_or(|kind| kind == name.kind())).then_some(name)
}

fn value(pane: Pane, entry: &Entry, sign: &str, piece: &Piece<'_>) -> Result<Test, FilterError> {
    let (text, at, field) = (piece.value, piece.value_at, entry.field);
    let compare = match sign {
        "<" => Compare::Less,
        "<=" => Compare::AtMost,
        ">=" => Compare::AtLeast,
        ">" => Compare::More,
        _ => Compare::Equal,
    };
    let compares = matches!(
        entry.takes,
        Takes::Amount | Takes::Units | Takes::Span | Takes::Day
    );
    let sign_at = at - sign.len();
    if !compares && compare != Compare::Equal {
        return wrong(
            sign_at,
            format!("{field} takes a colon, as in {}", entry.example),
        );
    }
    if text.is_empty() {
        return wrong(at, format!("{field}{sign} needs {}", expected(pane, entry)));
    }
    let misfit = || wrong(at, format!("expected {}", expected(pane, entry)));
    let word = text.to_lowercase().replace('-', "_");
    match entry.takes {
        Takes::State => match table::state(pane, text) {
            Some(state) => Ok(Test::Is(field, state.to_owned())),
            None => misfit(),
        },
        Takes::Word(_) if field == Field::Kind => {
            match word.parse().ok().or_else(|| Kind::from_plural(&word)) {
                Some(kind) => Ok(Test::Kind(kind)),
                None => misfit(),
            }
        }
        Takes::Word(words) => match words.iter().find(|known| **known == word) {
            Some(known) => Ok(Test::Is(field, (*known).to_owned())),
            None => misfit(),
        },
        Takes::Login | Takes::Name | Takes::Whole | Takes::Beginning => {
            Ok(Test::Is(field, text.to_owned()))
        }
        Takes::Country => match countries::code(text) {
            Some(code) => Ok(Test::Is(field, code)),
            None => misfit(),
        },
        Takes::Amount => match thousandths(text) {
            Some(amount) => Ok(Test::Amount(compare, amount)),
            None => misfit(),
        },
        Takes::Units => match text.parse::<i64>() {
            Ok(units) if units.abs() <= 1_000_000_000 => Ok(Test::Units(field, compare, units)),
            _ => misfit(),
        },
        Takes::Span if compare == Compare::Equal => wrong(
            sign_at,
            format!("{field} takes < or >, as in {}", entry.example),
        ),
        Takes::Span => match span(text) {
            Some(span) => Ok(Test::Span(field, compare, span)),
            None => misfit(),
        },
        Takes::Day => match day(text) {
            Some(day) => Ok(Test::Day(field, compare, day)),
            None => misfit(),
        },
    }
}

/// What a field's value must be, for an error.
fn expected(pane: Pane, entry: &Entry) -> String {
    match entry.takes {
        Takes::State => format!("one of {}", table::said_states(pane).join(", ")),
        Takes::Word(words) => format!("one of {}", words.join(", ")),
        Takes::Login => "a login, me or nobody".to_owned(),
        Takes::Name => "a part of its name".to_owned(),
        Takes::Whole => "a word".to_owned(),
        Takes::Country => countries::EXPECTED.to_owned(),
        Takes::Beginning => "how it begins".to_owned(),
        Takes::Amount => "an amount such as 99.90".to_owned(),
        Takes::Units => "a whole number of units".to_owned(),
        Takes::Span => "a span such as 30m, 4h, 2d or 1w".to_owned(),
        Takes::Day => "a day such as 2026-03-10, today, yesterday or 7d".to_owned(),
    }
}

/// An amount with at most three decimals, which is what the finest currencies have (ISO 4217).
fn thousandths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || part.len() > 3 || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<3}").parse().ok()
}

/// `30m`, `4h`, `2d`, `1w`.
fn span(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().next_back()?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let number = (0..=100_000).contains(&number).then_some(number)?;
    Some(match unit {
        'm' => TimeDelta::minutes(number),
        'h' => TimeDelta::hours(number),
        'd' => TimeDelta::days(number),
        'w' => TimeDelta::weeks(number),
        _ => return None,
    })
}

fn day(text: &str) -> Option<Day> {
    match text {
        "today" => return Some(Day::Ago(0)),
        "yesterday" => return Some(Day::Ago(1)),
        _ => {}
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse().ok()) {
        return (days <= 36_500).then_some(Day::Ago(days));
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (1900..9999).contains(&date.year()).then_some(Day::On(date))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(kind: Kind, text: &str) -> Vec<Test> {
        let filter = Filter::parse(kind, text).unwrap_or_else(|error| panic!("{text}: {error}"));
        filter.terms.into_iter().map(|term| term.test).collect()
    }

    #[test]
    fn a_filter_of_more_words_than_a_person_types_is_refused_where_it_gets_too_long() {
        let text = "word ".repeat(MOST);
        assert_eq!(tests(Kind::Order, &text).len(), MOST);
        let (at, why) = error(Kind::Order, &format!("{text}more"));
        assert_eq!(
            (at, why.as_str()),
            (text.len(), "at most 64 words and fields")
        );
    }

    fn error(kind: Kind, text: &str) -> (usize, String) {
        let error = Filter::parse(kind, text).expect_err(text);
        (error.at, error.message)
    }

    fn is(field: Field, value: &str) -> Test {
        Test::Is(field, value.to_owned())
    }

    #[test]
    fn words_and_fields_are_told_apart() {
        let text = "duarte -state:held late carrier:dhl age>2d who:me -tag:x";
        let filter = Filter::parse(Kind::Order, text).unwrap();
        let negated: Vec<usize> = (0..7).filter(|at| filter.terms[*at].negated).collect();
        assert_eq!(negated, [1, 6]);
        assert_eq!(
            tests(Kind::Order, text),
            [
                Test::Word("duarte".into()),
                is(Field::State, "on_hold"),
                Test::Late,
                is(Field::Carrier, "dhl"),
                Test::Span(Field::Age, Compare::More, TimeDelta::days(2)),
                is(Field::Who, "me"),
                is(Field::Tag, "x"),
            ]
        );
    }

    #[test]
    fn a_bare_state_is_a_state_and_a_quoted_one_a_word() {
        assert_eq!(tests(Kind::Order, "Held"), [is(Field::State, "on_hold")]);
        assert_eq!(tests(Kind::Order, "on-hold"), [is(Field::State, "on_hold")]);
        assert_eq!(
            tests(Kind::Order, "state:\"on hold\""),
            [is(Field::State, "on_hold")]
        );
        assert_eq!(tests(Kind::Order, "\"held\""), [Test::Word("held".into())]);
        assert_eq!(tests(Kind::Ticket, "held"), [Test::Word("held".into())]);
        assert!(
            Filter::parse(Kind::Order, "cancelled")
                .unwrap()
                .wants_closed()
        );
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(
            tests(
                Kind::Order,
                "-\"ines d\" supplier:\"north wind\" \"a<b\" 5\" -"
            ),
            [
                Test::Word("ines d".into()),
                is(Field::Supplier, "north wind"),
                Test::Word("a<b".into()),
                Test::Word("5\"".into()),
                Test::Word("-".into()),
            ]
        );
        assert_eq!(error(Kind::Order, "x tag:\"gift").0, 6);
        assert_eq!(error(Kind::Order, "\"a\"b").0, 3);
        assert_eq!(error(Kind::Order, "x \"\"").0, 2);
    }

    #[test]
    fn values_are_compared() {
        assert_eq!(
            tests(Kind::Order, "amount>=99.9 amount<1000 amount:0.125"),
            [
                Test::Amount(Compare::AtLeast, 99_900),
                Test::Amount(Compare::Less, 1_000_000),
                Test::Amount(Compare::Equal, 125),
            ]
        );
        let day = NaiveDate::from_ymd_opt(2026, 3, 10).unwrap();
        assert_eq!(
            tests(Kind::Order, "placed:2026-03-10 placed>yesterday placed<=7d"),
            [
                Test::Day(Field::Placed, Compare::Equal, Day::On(day)),
                Test::Day(Field::Placed, Compare::More, Day::Ago(1)),
                Test::Day(Field::Placed, Compare::AtMost, Day::Ago(7)),
            ]
        );
        assert_eq!(
            tests(Kind::Stock, "free<-5"),
            [Test::Units(Field::Free, Compare::Less, -5)]
        );
    }

    #[test]
    fn an_error_says_where_and_what_was_expected() {
        let (at, why) = error(Kind::Order, "a  state:flying");
        assert_eq!(at, 9);
        assert!(why.contains("held") && !why.contains("on_hold"), "{why}");
        let cases = [
            (
                Kind::Stock,
                "colour:red",
                0,
                "no field “colour”; there are state, sku",
            ),
            (Kind::Stock, "-who:me", 1, "no field “who”"),
            (Kind::Order, "late -total>=50", 6, "no field “total”"),
            (Kind::Order, "agee>2d", 0, "no field “agee”"),
            (
                Kind::Order,
                "late age:2d",
                8,
                "age takes < or >, as in age>2d",
            ),
            (Kind::Order, "age>2x", 4, "expected a span such as 30m"),
            (Kind::Order, "tag>x", 3, "tag takes a colon"),
            (
                Kind::Order,
                "country:portugal",
                8,
                "expected a country's two letters",
            ),
            (
                Kind::Shipment,
                "-country:uk",
                9,
                "expected a country's two letters",
            ),
            (Kind::Order, "amount>1.2345", 7, "expected an amount"),
            (Kind::Order, "placed:march", 7, "expected a day such as"),
            (Kind::Order, "tag:", 4, "tag: needs a word"),
            (Kind::Order, "all sku:mug", 4, "sku finds open work only"),
            (Kind::Order, "-all", 0, "all cannot be turned round"),
        ];
        for (kind, text, place, begin) in cases {
            let (at, why) = error(kind, text);
            assert_eq!(at, place, "{text}: {why}");
            assert!(why.starts_with(begin), "{text}: {why}");
        }
    }

    #[test]
    fn every_example_of_the_table_is_understood_by_its_kinds_alone() {
        for entry in table::TABLE {
            for pane in Pane::ALL {
                let understood = Filter::parse(*pane, entry.example).is_ok();
                let known = table::find(*pane, entry.field);
                if entry.panes.contains(pane) {
                    assert!(understood, "{pane:?} {}", entry.example);
                }
                assert!(known.is_some() || !understood, "{pane:?} {}", entry.example);
            }
        }
    }

    #[test]
    fn a_day_is_that_of_the_zone() {
        let now = "2026-03-10T23:30:00Z".parse().unwrap();
        let (from, to) = Day::Ago(0).bounds(chrono_tz::Europe::Berlin, now);
        assert_eq!(from.to_rfc3339(), "2026-03-10T23:00:00+00:00");
        assert_eq!(to - from, TimeDelta::hours(24));
    }
}
