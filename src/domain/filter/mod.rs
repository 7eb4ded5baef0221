//! The filter language of every list: words and `field:value` terms, the same in the console, in
//! `packline list --filter` and in saved views.

mod complete;
mod parse;
mod table;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

pub use complete::{Completion, Offers, complete};
pub use parse::FilterError;
pub use table::{Entry, Field, Reach, TABLE, Takes, WORDS, entries, find, said_states, states};

use super::calendar::at_local;
use super::kind::{Kind, Pane, RecordName};

/// Which of its records a list shows: every term must hold.
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
    /// A word that can be a whole number, such as `TKT-3`: the record that has it and no other, or
    /// a word like every other where none has.
    Number(RecordName),
    /// `late`: its promise has passed.
    Late,
    /// `all`: also what is closed, not only open work.
    All,
    /// `snoozed`: out of sight until later.
    Snoozed,
    /// `kind:ticket`, where a list holds several.
    Kind(Kind),
    /// `field:value`: a state by the word of the schema, a login, `me` or `nobody`, or a name.
    Is(Field, String),
    /// `amount>99.90`, in thousandths of the currency's major unit.
    Amount(Compare, i64),
    /// `free<5`.
    Units(Field, Compare, i64),
    /// `age>2d`: an instant that lies longer ago, or less long.
    Span(Field, Compare, TimeDelta),
    /// `placed>=yesterday`, by days of the shop's zone.
    Day(Field, Compare, Day),
}

/// How a value is compared with the one that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `:` or `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Compare {
    /// The sign, which SQL shares.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }
}

/// A day as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// This one.
    On(NaiveDate),
    /// So many days before today; today is 0.
    Ago(u64),
}

impl Day {
    /// The instants at which the day begins and the next one does, in a zone.
    pub fn bounds(self, zone: Tz, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let day = match self {
            Self::On(day) => day,
            Self::Ago(days) => now
                .with_timezone(&zone)
                .date_naive()
                .checked_sub_days(Days::new(days))
                .unwrap_or(NaiveDate::MIN),
        };
        let start = |day: NaiveDate| at_local(zone, day.and_time(chrono::NaiveTime::MIN));
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        (start(day), start(next))
    }
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

impl Filter {
    /// Reads a filter for a list.
    ///
    /// # Errors
    /// The first field or value that is not known, with its place.
    pub fn parse(pane: impl Into<Pane>, text: &str) -> Result<Self, FilterError> {
        parse::filter(pane.into(), text)
    }

    /// Whether it asks for records that are closed: by `all`, or by a state that open work has not.
    pub fn wants_closed(&self) -> bool {
        self.terms.iter().any(|term| {
            !term.negated
                && match &term.test {
                    Test::All => true,
                    Test::Is(Field::State, state) => CLOSED_STATES.contains(&state.as_str()),
                    _ => false,
                }
        })
    }

    /// Whether it asks for this state.
    pub fn names_state(&self, wanted: &str) -> bool {
        self.terms.iter().any(|term| {
            !term.negated && matches!(&term.test, Test::Is(Field::State, state) if state == wanted)
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
