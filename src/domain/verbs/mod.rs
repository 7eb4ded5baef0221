//! The one table of what a person can do.
//!
//! Menu, footer, help, command line, `packline act`, the README's table and the database's grants
//! all read it; a verb says itself whether it applies, so that help cannot lie.

mod inspections;
mod jobs;
mod mails;
mod orders;
mod shipments;
mod stock;
mod tickets;

pub use mails::{CAN_RESEND, CAN_STOP};

use std::fmt;

use super::countries;
use super::full::FullRecord;
use super::people::{Person, Role};
use super::record::{Kind, Record};

/// What a person can do with a record of one kind.
#[derive(Debug)]
pub struct Verb {
    /// The word to type, such as `hold`; unique within its kind.
    pub name: &'static str,
    /// The kind of record it acts on.
    pub kind: Kind,
    /// One line of help, without a full stop.
    pub help: &'static str,
    /// The key in the pane of its kind, where it is frequent.
    pub key: Option<char>,
    /// What it must or may be told.
    pub args: &'static [Arg],
    /// The roles that may; a supervisor may what a team may, an admin everything.
    pub roles: &'static [Role],
    /// Whether it asks before it acts.
    pub danger: Danger,
    /// What it writes in person; what follows from that is written by the database's triggers.
    pub writes: &'static [Write],
    /// Whether it applies to the record as it is seen, leaving roles aside.
    pub applies_to: fn(&Record) -> Result<(), Reason>,
}

/// What a verb is told.
#[derive(Debug)]
pub struct Arg {
    /// Its name, as in `--reason` and `reason=`.
    pub name: &'static str,
    /// What it may be.
    pub kind: ArgKind,
    /// Whether the verb does nothing without it.
    pub required: bool,
    /// One line of help, without a full stop.
    pub help: &'static str,
}

impl Arg {
    /// Whether a text will do: its value, or none for an optional argument left empty. What only
    /// the database knows is left to the act.
    ///
    /// # Errors
    /// What was expected, for the person.
    pub fn check(&self, text: &str) -> Result<Option<String>, String> {
        let text = text.trim();
        if text.is_empty() {
            return if self.required {
                Err(format!("expected {}", self.kind.expected()))
            } else {
                Ok(None)
            };
        }
        let number = text.parse::<i32>().ok();
        let good = match self.kind {
            ArgKind::Quantity => number.is_some_and(|number| number > 0),
            ArgKind::Count => number.is_some_and(|number| number >= 0),
            ArgKind::Change => number.is_some_and(|number| number != 0),
            ArgKind::OneOf(words) => words.contains(&text),
            ArgKind::Country => countries::code(text).is_some(),
            _ => true,
        };
        if good {
            Ok(Some(text.to_owned()))
        } else {
            Err(format!("expected {}", self.kind.expected()))
        }
    }
}

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// A line of text.
    Text,
    /// Text of several lines.
    LongText,
    /// A whole number of units, 1 or more.
    Quantity,
    /// A whole number of units, 0 or more.
    Count,
    /// A whole number of units other than 0, such as `-2`.
    Change,
    /// An instant: `2026-03-10 14:00`, `14:00`, `tomorrow`, or a span from now such as `2d`, `4h`.
    Time,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A member of staff, by login.
    Staff,
    /// One of our locations or a supplier, by name.
    Source,
    /// A carrier, by name.
    Carrier,
    /// A shipping option that has a price in the order's currency, by name.
    ShippingOption,
    /// An order, by number.
    Order,
    /// A check of the inspection, by name.
    Check,
    /// A country, by its two letters of ISO 3166-1.
    Country,
}

impl ArgKind {
    /// What was expected, for an error: “units, 1 or more”.
    pub fn expected(self) -> String {
        match self {
            Self::Text | Self::LongText => "some text".to_owned(),
            Self::Quantity => "a whole number of units, 1 or more".to_owned(),
            Self::Count => "a whole number of units, 0 or more".to_owned(),
            Self::Change => "a whole number of units, such as 3 or -2".to_owned(),
            Self::Time => "a time such as 14:00, tomorrow, 2d or 2026-03-10 14:00".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Staff => "a colleague's login".to_owned(),
            Self::Source => "the name of a location or a supplier".to_owned(),
            Self::Carrier => "a carrier's name".to_owned(),
            Self::ShippingOption => "a shipping option's name".to_owned(),
            Self::Order => "an order's number, such as #1042".to_owned(),
            Self::Check => "the name of a check of this inspection".to_owned(),
            Self::Country => countries::EXPECTED.to_owned(),
        }
    }
}

/// Whether a verb asks before it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// It acts at once.
    None,
    /// It says what will happen and waits for another key.
    Confirm,
}

/// A privilege that a verb needs on a table, in the words of `GRANT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// Such as `insert` or `update (assignee)`.
    pub privilege: &'static str,
    /// The table.
    pub table: &'static str,
}

/// Why a verb does not apply, as a sentence for the person, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub String);

impl Reason {
    /// A refusal for this reason.
    ///
    /// # Errors
    /// Always.
    pub fn because(text: impl Into<String>) -> Result<(), Self> {
        Err(Self(text.into()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Verb {
    /// Whether the person may do this to the record as it is seen.
    ///
    /// # Errors
    /// The reason why not, for the person: the role first, then the record's state.
    pub fn applies(&self, record: &Record, person: &Person) -> Result<(), Reason> {
        if !self.is_permitted_to(person) {
            return Reason::because(self.not_permitted());
        }
        (self.applies_to)(record)
    }

    /// Whether the person's roles allow it; an admin's allow everything.
    pub fn is_permitted_to(&self, person: &Person) -> bool {
        person.holds_any(self.roles) || person.roles.contains(&Role::Admin)
    }

    /// Whether the shop's settings have what it takes, whatever the record and the person:
    /// `carriers` says whether anybody sells labels here.
    ///
    /// # Errors
    /// The setting that is missing, for the person.
    pub fn provided(&self, carriers: bool) -> Result<(), Reason> {
        if self.writes.contains(&write("insert", "carrier_labels")) && !carriers {
            return Reason::because("nobody sells labels here: carrier.url is not set");
        }
        Ok(())
    }

    /// Who may, for a person who may not: `only support or a supervisor may`. The worker is no
    /// person to ask, and an admin may everything.
    pub fn not_permitted(&self) -> String {
        let teams: Vec<&str> = Role::Supervisor
            .includes()
            .iter()
            .filter(|team| self.roles.contains(team))
            .map(|team| team.as_str())
            .collect();
        if teams.is_empty() {
            "only a supervisor may".to_owned()
        } else {
            format!("only {} or a supervisor may", teams.join(", "))
        }
    }

    /// Whether it lets others have what one has made one's own, or took as the next.
    pub fn gives_back(&self) -> bool {
        give_back(self.kind).is_some_and(|verb| verb.name == self.name)
    }

    /// Whether it takes nothing from anybody, whatever others have done meanwhile: it writes down
    /// what somebody knows.
    pub fn only_adds(&self) -> bool {
        matches!(self.name, "note" | "log-call")
    }

    /// What the record says already where the verb's arguments would say something else, by their
    /// names: a person changes that. None for a verb that changes nothing of the kind.
    pub fn stands(&self, full: &FullRecord) -> Option<Vec<(&'static str, String)>> {
        match (self.name, full) {
            ("set-address", FullRecord::Order(order)) => {
                let mut address = order.shipping_address.clone();
                let fields = address.fields().into_iter();
                Some(
                    fields
                        .map(|(name, field)| (name, std::mem::take(field)))
                        .collect(),
                )
            }
            _ => None,
        }
    }

    /// Whether it changes what the record says already: see [`Verb::stands`].
    pub fn changes_what_stands(&self) -> bool {
        self.name == "set-address"
    }

    /// Whether it lays a mail ready.
    pub fn mails(&self) -> bool {
        self.writes.contains(&write("insert", "notices"))
    }

    /// The argument of this name.
    pub fn arg(&self, name: &str) -> Option<&'static Arg> {
        self.args.iter().find(|arg| arg.name == name)
    }
}

/// Every verb, kind by kind, the frequent ones first.
pub fn all() -> impl Iterator<Item = &'static Verb> {
    [
        orders::VERBS,
        stock::VERBS,
        shipments::VERBS,
        inspections::VERBS,
        tickets::VERBS,
    ]
    .into_iter()
    .flatten()
}

/// The verbs of one kind of record.
pub fn of(kind: Kind) -> &'static [Verb] {
    match kind {
        Kind::Order => orders::VERBS,
        Kind::Stock => stock::VERBS,
        Kind::Shipment => shipments::VERBS,
        Kind::Inspection => inspections::VERBS,
        Kind::Ticket => tickets::VERBS,
    }
}

/// The verb that makes a record of this kind one's own, where the record can say whose it is.
pub fn claim(kind: Kind) -> Option<&'static Verb> {
    match kind {
        Kind::Inspection => find(kind, "start"),
        _ => find(kind, "claim"),
    }
}

/// The verb that lets others have what one has made one's own, or took as the next.
pub fn give_back(kind: Kind) -> Option<&'static Verb> {
    match kind {
        Kind::Inspection => find(kind, "unstart"),
        _ => find(kind, "unclaim"),
    }
}

/// Whether records of this kind are this person's work: whether they may do the foremost of what
/// is done with them, which is the first of its verbs. Many may leave a note.
pub fn is_work_of(kind: Kind, person: &Person) -> bool {
    of(kind)
        .first()
        .is_some_and(|verb| verb.is_permitted_to(person))
}

/// The verb of this name for this kind of record.
pub fn find(kind: Kind, name: &str) -> Option<&'static Verb> {
    of(kind).iter().find(|verb| verb.name == name)
}

/// What an optional argument is told where a field that it stands for is to be empty.
pub const EMPTY: &str = "-";

const WAREHOUSE: &[Role] = &[Role::Warehouse, Role::Worker];
const SUPPORT: &[Role] = &[Role::Support, Role::Worker];
const QUALITY: &[Role] = &[Role::Quality, Role::Worker];
const SUPERVISOR: &[Role] = &[Role::Supervisor];
const ORDER_STAFF: &[Role] = &[Role::Warehouse, Role::Support, Role::Worker];
const EVERY_TEAM: &[Role] = &[Role::Warehouse, Role::Quality, Role::Support, Role::Worker];

/// Giving back what was taken as the next and has no assignee.
const LET_GO: Write = write("delete", "hold");

const fn write(privilege: &'static str, table: &'static str) -> Write {
    Write { privilege, table }
}

const fn required(name: &'static str, kind: ArgKind, help: &'static str) -> Arg {
    Arg {
        name,
        kind,
        required: true,
        help,
    }
}

const fn optional(name: &'static str, kind: ArgKind, help: &'static str) -> Arg {
    Arg {
        name,
        kind,
        required: false,
        help,
    }
}

/// The act is about a record of another kind than the one given: the caller's mistake, told as
/// any other reason.
fn wrong_kind() -> Result<(), Reason> {
    Reason::because("it is for another kind of record")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_keys_are_unique_within_a_kind() {
        for kind in Kind::ALL {
            let verbs = of(*kind);
            let names: BTreeSet<_> = verbs.iter().map(|verb| verb.name).collect();
            assert_eq!(names.len(), verbs.len(), "two {kind} verbs share a name");
            let keys: Vec<_> = verbs.iter().filter_map(|verb| verb.key).collect();
            let distinct: BTreeSet<_> = keys.iter().collect();
            assert_eq!(distinct.len(), keys.len(), "two {kind} verbs share a key");
            assert!(verbs.iter().all(|verb| verb.kind == *kind));
        }
    }

    #[test]
    fn no_verb_takes_a_key_of_the_frame() {
        const FRAME: &str = "jkgGvosSwCau:/?!qny[]";
        for verb in all() {
            if let Some(key) = verb.key {
                assert!(
                    !FRAME.contains(key),
                    "{} {} takes {key}",
                    verb.kind,
                    verb.name
                );
            }
        }
    }

    #[test]
    fn who_may_is_said_of_people() {
        let said = |kind, name| find(kind, name).unwrap().not_permitted();
        let cases = [
            (Kind::Order, "reserve", "only warehouse or a supervisor may"),
            (Kind::Ticket, "reply", "only support or a supervisor may"),
            (
                Kind::Order,
                "release",
                "only warehouse, support or a supervisor may",
            ),
            (Kind::Inspection, "waive", "only a supervisor may"),
        ];
        for (kind, name, wanted) in cases {
            assert_eq!(said(kind, name), wanted, "{kind} {name}");
        }
    }

    #[test]
    fn each_team_has_work_of_its_own() {
        use Kind::{Inspection, Order, Shipment, Stock, Ticket};
        let cases: [(Role, &[Kind]); 5] = [
            (Role::Viewer, &[]),
            (Role::Warehouse, &[Order, Stock, Shipment]),
            (Role::Quality, &[Inspection]),
            (Role::Support, &[Order, Shipment, Ticket]),
            (Role::Admin, Kind::ALL),
        ];
        for (role, expected) in cases {
            let person = Person {
                login: "ana".into(),
                name: "Ana".into(),
                roles: vec![role],
            };
            let work: Vec<Kind> = (Kind::ALL.iter().copied())
                .filter(|kind| is_work_of(*kind, &person))
                .collect();
            assert_eq!(work, expected, "{role}");
        }
    }

    #[test]
    fn every_verb_says_who_may_and_what_it_writes() {
        for verb in all() {
            assert!(!verb.roles.is_empty(), "{} {}", verb.kind, verb.name);
            assert!(!verb.writes.is_empty(), "{} {}", verb.kind, verb.name);
            assert!(!verb.help.ends_with('.'), "{} {}", verb.kind, verb.name);
        }
    }
}
