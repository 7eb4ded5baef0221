//! The list of inspections.

use super::lists::{WHO, due, flagged_by_due, name, stamp, who};
use super::table::{Column, Kind, fixed, flex};
use crate::console::app::{Context, Span, Tone, facts};
use crate::domain::inspections::InspectionState;
use crate::domain::list::SortColumn;
use crate::domain::record::Record;

pub(super) const KIND: Kind = Kind {
    columns: COLUMNS,
    cells,
    flagged: |record, ctx| {
        flagged_by_due(record, ctx)
            || matches!(record, Record::Inspection(i) if i.state == InspectionState::Failed)
    },
};

const COLUMNS: &[Column] = &[
    fixed("number", 8).sorts(SortColumn::Number),
    fixed("blocks", 9),
    flex("what", 11, 1).from(56),
    fixed("state", 7).sorts(SortColumn::State),
    fixed("checks", 6).from(79),
    flex("defect", 7, 1).from(72),
    fixed("ship by", 7).right().from(64),
    fixed("left", 5).right().sorts(SortColumn::Due),
    fixed("who", WHO).from(44),
    fixed("begun", 6).right().chosen(),
];

fn cells(record: &Record, ctx: Context) -> Vec<Span> {
    let Record::Inspection(inspection) = record else {
        return vec![];
    };
    let done = inspection.passed + inspection.failed;
    vec![
        Span::new(format!("INS-{}", inspection.id), Tone::Plain),
        Span::new(
            inspection.order_number.as_deref().unwrap_or("–"),
            Tone::Plain,
        ),
        name(&inspection.subject),
        facts::inspection_state(inspection),
        Span::new(format!("{done}/{}", inspection.checks), Tone::Plain),
        match &inspection.defect {
            Some(defect) => Span::new(defect, Tone::Bad),
            None => Span::new("–", Tone::Muted),
        },
        stamp(inspection.due_at, ctx),
        due(inspection.due_at, ctx),
        who(record, ctx),
        stamp(inspection.started_at, ctx),
    ]
}
