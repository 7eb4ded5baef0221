//! The table of what a filter can ask for. Parser, completion, `?` and the README all read it.

use crate::domain::kind::{Kind, Pane};
use crate::domain::words::words;
use crate::domain::{inspections, orders, shipments, tickets, tracking};

words! {
    /// What a `field:value` term looks at.
    pub enum Field {
        /// How far the record has come.
        State = "state",
        /// Who has it.
        Who = "who",
        /// The kind of record, where a list holds several.
        Kind = "kind",
        /// A tag of the order.
        Tag = "tag",
        /// A parcel's carrier.
        Carrier = "carrier",
        /// The carrier's own word for where a parcel is.
        Tracking = "tracking",
        /// Who makes or delivers the goods.
        Supplier = "supplier",
        /// Where the goods lie.
        Location = "location",
        /// By way of which channel it came.
        Channel = "channel",
        /// Where it goes.
        Country = "country",
        /// The shipping option.
        Option = "option",
        /// An article.
        Sku = "sku",
        /// How soon a ticket must be answered.
        Priority = "priority",
        /// The order's total.
        Amount = "amount",
        /// Units that nobody has reserved.
        Free = "free",
        /// How long ago it began.
        Age = "age",
        /// How long ago a carrier last said anything.
        Silent = "silent",
        /// The day on which the order was placed.
        Placed = "placed",
        /// The day on which the record was made.
        Created = "created",
    }
}

/// What a field's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A state of the kind, see [`states`].
    State,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A login, `me` or `nobody`.
    Login,
    /// Part of a name that the database knows.
    Name,
    /// The whole of a word that the database knows.
    Whole,
    /// A country's code.
    Country,
    /// How a SKU begins.
    Beginning,
    /// An amount in the order's own currency, compared with `<` and `>` too.
    Amount,
    /// A number of units, compared.
    Units,
    /// A span such as `2d`, compared with `<` or `>`.
    Span,
    /// A day, compared.
    Day,
}

/// Where a term finds without reading what it skips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Among open work only.
    Open,
    /// In all of history: an index leads there.
    All,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The field.
    pub field: Field,
    /// The lists that have it.
    pub panes: &'static [Pane],
    /// What its value may be.
    pub takes: Takes,
    /// Where it finds.
    pub reach: Reach,
    /// What it finds, for help, without a full stop.
    pub help: &'static str,
    /// How it is written.
    pub example: &'static str,
}

const NEXT: Pane = Pane::Next;
const ORDERS: Pane = Pane::Of(Kind::Order);
const STOCK: Pane = Pane::Of(Kind::Stock);
const SHIPMENTS: Pane = Pane::Of(Kind::Shipment);
const INSPECTIONS: Pane = Pane::Of(Kind::Inspection);
const TICKETS: Pane = Pane::Of(Kind::Ticket);

const fn entry(
    field: Field,
    panes: &'static [Pane],
    takes: Takes,
    reach: Reach,
    example: &'static str,
    help: &'static str,
) -> Entry {
    Entry {
        field,
        panes,
        takes,
        reach,
        help,
        example,
    }
}

/// The words for a ticket's priority.
const PRIORITIES: &[&str] = &["low", "normal", "high", "urgent"];
/// The ways by which a customer asks.
const WAYS: &[&str] = &["mail", "phone", "chat"];

/// Every field, in the order in which help shows them. A field may stand twice where kinds take
/// other values for it.
pub const TABLE: &[Entry] = &[
    entry(
        Field::State,
        &[ORDERS],
        Takes::State,
        Reach::All,
        "state:held",
        "in this state, which is also what the bare word finds: held",
    ),
    entry(
        Field::State,
        &[STOCK],
        Takes::State,
        Reach::All,
        "state:short",
        "in this state, which is also what the bare word finds: short",
    ),
    entry(
        Field::State,
        &[SHIPMENTS],
        Takes::State,
        Reach::All,
        "state:labelled",
        "in this state, which is also what the bare word finds: labelled",
    ),
    entry(
        Field::State,
        &[INSPECTIONS],
        Takes::State,
        Reach::All,
        "state:failed",
        "in this state, which is also what the bare word finds: failed",
    ),
    entry(
        Field::State,
        &[TICKETS],
        Takes::State,
        Reach::All,
        "state:pending",
        "in this state, which is also what the bare word finds: pending",
    ),
    entry(
        Field::Who,
        &[NEXT, ORDERS, INSPECTIONS, TICKETS],
        Takes::Login,
        Reach::All,
        "who:me",
        "whose it is: a login, me or nobody",
    ),
    entry(
        Field::Kind,
        &[NEXT],
        Takes::Word(KINDS),
        Reach::Open,
        "kind:ticket",
        "promises of this kind of record",
    ),
    entry(
        Field::Age,
        &[ORDERS, SHIPMENTS, INSPECTIONS, TICKETS],
        Takes::Span,
        Reach::All,
        "age>2d",
        "since it was placed, packed, asked for or opened: m, h, d or w",
    ),
    entry(
        Field::Placed,
        &[ORDERS],
        Takes::Day,
        Reach::All,
        "placed>=yesterday",
        "the day it was placed: 2026-03-10, today, or 7d ago",
    ),
    entry(
        Field::Created,
        &[SHIPMENTS, INSPECTIONS, TICKETS],
        Takes::Day,
        Reach::All,
        "created:today",
        "the day it came to be: 2026-03-10, today, or 7d ago",
    ),
    entry(
        Field::Amount,
        &[ORDERS],
        Takes::Amount,
        Reach::All,
        "amount>=99.90",
        "the total, in the order's own currency",
    ),
    entry(
        Field::Tag,
        &[ORDERS],
        Takes::Whole,
        Reach::All,
        "-tag:gift",
        "the channel's tag, whatever its case",
    ),
    entry(
        Field::Country,
        &[ORDERS],
        Takes::Country,
        Reach::All,
        "country:PT",
        "where it goes, by its two letters of ISO 3166-1",
    ),
    entry(
        Field::Country,
        &[SHIPMENTS],
        Takes::Country,
        Reach::Open,
        "country:PT",
        "where it goes, by its two letters of ISO 3166-1",
    ),
    entry(
        Field::Channel,
        &[ORDERS],
        Takes::Name,
        Reach::All,
        "channel:web",
        "where it was bought",
    ),
    entry(
        Field::Option,
        &[ORDERS],
        Takes::Name,
        Reach::Open,
        "option:express",
        "the shipping option",
    ),
    entry(
        Field::Carrier,
        &[ORDERS],
        Takes::Name,
        Reach::Open,
        "carrier:dhl",
        "a parcel of it goes with this carrier",
    ),
    entry(
        Field::Supplier,
        &[ORDERS],
        Takes::Name,
        Reach::Open,
        "supplier:\"north wind\"",
        "a part of it is this supplier's to send",
    ),
    entry(
        Field::Sku,
        &[ORDERS],
        Takes::Beginning,
        Reach::Open,
        "sku:mug",
        "it has an article whose SKU begins so",
    ),
    entry(
        Field::Sku,
        &[STOCK],
        Takes::Beginning,
        Reach::All,
        "sku:mug",
        "the SKU begins so",
    ),
    entry(
        Field::Supplier,
        &[STOCK],
        Takes::Name,
        Reach::All,
        "supplier:northwind",
        "the supplier with the cheapest offer",
    ),
    entry(
        Field::Location,
        &[STOCK],
        Takes::Name,
        Reach::All,
        "location:main",
        "where it lies",
    ),
    entry(
        Field::Free,
        &[STOCK],
        Takes::Units,
        Reach::All,
        "free<5",
        "units that nobody has reserved",
    ),
    entry(
        Field::Carrier,
        &[SHIPMENTS],
        Takes::Name,
        Reach::All,
        "carrier:dhl",
        "the carrier",
    ),
    entry(
        Field::Tracking,
        &[SHIPMENTS],
        Takes::Word(TRACKING),
        Reach::All,
        "tracking:failure",
        "what the carrier says",
    ),
    entry(
        Field::Silent,
        &[SHIPMENTS],
        Takes::Span,
        Reach::Open,
        "silent>3d",
        "since the carrier last said anything: m, h, d or w",
    ),
    entry(
        Field::Priority,
        &[TICKETS],
        Takes::Word(PRIORITIES),
        Reach::Open,
        "priority:urgent",
        "how soon it must be answered",
    ),
    entry(
        Field::Channel,
        &[TICKETS],
        Takes::Word(WAYS),
        Reach::Open,
        "channel:phone",
        "how the customer asked",
    ),
];

/// The words for a parcel's tracking status.
const TRACKING: &[&str] = &tracking_words();

const fn tracking_words() -> [&'static str; tracking::TrackingStatus::ALL.len()] {
    let all = tracking::TrackingStatus::ALL;
    let mut words = [""; tracking::TrackingStatus::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        words[at] = all[at].as_str();
        at += 1;
    }
    words
}

/// Words without a field: what each finds, and in which lists.
pub const WORDS: &[(&str, &[Pane], &str)] = &[
    (
        "late",
        Pane::ALL,
        "its promise has passed; of stock, orders want more than there is",
    ),
    (
        "all",
        &[ORDERS, STOCK, SHIPMENTS, INSPECTIONS, TICKETS],
        "also what is closed, where words must be whole: a number, a mail address, a code",
    ),
    ("snoozed", &[TICKETS], "out of sight until later"),
];

/// The kinds of record, as `kind:` takes them.
const KINDS: &[&str] = &["order", "stock", "shipment", "inspection", "ticket"];

/// The fields that a list's filter knows.
pub fn entries(pane: impl Into<Pane>) -> impl Iterator<Item = &'static Entry> {
    let pane = pane.into();
    TABLE
        .iter()
        .filter(move |entry| entry.panes.contains(&pane))
}

/// A list's line for a field.
pub fn find(pane: impl Into<Pane>, field: Field) -> Option<&'static Entry> {
    entries(pane).find(|entry| entry.field == field)
}

/// The words that `state:` takes in a list, as the schema has them.
pub fn states(pane: impl Into<Pane>) -> Vec<&'static str> {
    let Some(kind) = pane.into().kind() else {
        return Vec::new();
    };
    match kind {
        Kind::Order => orders::Stage::ALL.iter().map(|s| s.as_str()).collect(),
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

/// The same as people say them: on hold is held.
pub fn said_states(pane: impl Into<Pane>) -> Vec<&'static str> {
    let said = |state| if state == ON_HOLD { HELD } else { state };
    states(pane).into_iter().map(said).collect()
}

/// The state that people call held.
const ON_HOLD: &str = orders::Stage::OnHold.as_str();
const HELD: &str = "held";

/// The state that somebody means by a word: `held` and `on-hold` are `on_hold`.
pub(super) fn state(pane: Pane, word: &str) -> Option<&'static str> {
    let wanted = word.to_lowercase().replace(['-', ' '], "_");
    let wanted = if wanted == HELD { ON_HOLD } else { &wanted };
    states(pane).into_iter().find(|state| *state == wanted)
}
