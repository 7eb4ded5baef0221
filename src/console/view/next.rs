//! The list of every promise, whatever breaks it.

use super::lists::{WHO, due, name, stamp, who};
use super::table::{Column, Kind, fixed, flex};
use crate::console::app::{Context, Span, Tone};
use crate::domain::list::SortColumn;
use crate::domain::record::Record;

pub(super) const KIND: Kind = Kind {
    columns: COLUMNS,
    cells,
    flagged: super::lists::flagged_by_due,
};

const COLUMNS: &[Column] = &[
    fixed("kind", 10).from(78),
    fixed("number", 12),
    flex("about", 16, 1),
    fixed("promise", 11).from(67),
    fixed("by", 6).right().from(47),
    fixed("left", 6).right().sorts(SortColumn::Due),
    fixed("who", WHO).from(55),
];

fn cells(record: &Record, ctx: Context) -> Vec<Span> {
    vec![
        Span::new(record.id().kind.as_str(), Tone::Muted),
        Span::new(record.number(), Tone::Plain),
        name(&record.about()),
        Span::new(record.promise().unwrap_or("–"), Tone::Plain),
        stamp(record.due_at(), ctx),
        due(record.due_at(), ctx),
        who(record, ctx),
    ]
}
