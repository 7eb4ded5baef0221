//! The list of orders.

use super::lists::{WHO, due, few, flagged_by_due, name, stamp, who};
use super::table::{Column, Kind, fixed, flex};
use crate::console::app::{Context, Span, Tone, facts};
use crate::domain::list::SortColumn;
use crate::domain::orders::{OrderSummary, Stage};
use crate::domain::record::Record;

pub(super) const KIND: Kind = Kind {
    columns: COLUMNS,
    cells,
    flagged: |record, ctx| {
        flagged_by_due(record, ctx)
            || matches!(record, Record::Order(order) if order.failed_inspections > 0)
    },
};

const COLUMNS: &[Column] = &[
    fixed("number", 9).sorts(SortColumn::Number),
    fixed("placed", 6).sorts(SortColumn::Age).from(77),
    flex("customer", 14, 1).sorts(SortColumn::Name),
    fixed("to", 2).from(90),
    fixed("stage", 12).sorts(SortColumn::State).from(47),
    fixed("units", 6).right().from(70),
    fixed("total", 12)
        .right()
        .sorts(SortColumn::Amount)
        .from(100),
    fixed("ship by", 7).right().from(63),
    fixed("left", 5).right().sorts(SortColumn::Due),
    fixed("who", WHO).from(55),
    fixed("channel", 8).chosen(),
    fixed("tags", 12).chosen(),
    flex("hold", 12, 1).chosen(),
    fixed("paid", 10).chosen(),
    fixed("deliver", 7).right().chosen(),
    fixed("checks", 8).chosen(),
    fixed("tickets", 7).right().chosen(),
];

fn cells(record: &Record, ctx: Context) -> Vec<Span> {
    let Record::Order(order) = record else {
        return vec![];
    };
    vec![
        Span::new(&order.number, Tone::Plain),
        stamp(Some(order.placed_at), ctx),
        name(&order.customer),
        Span::new(order.country.as_deref().unwrap_or_default(), Tone::Muted),
        stage(order),
        covered(order),
        Span::new(facts::money(order.total, &order.currency), Tone::Plain),
        stamp(order.due_at(), ctx),
        due(order.due_at(), ctx),
        who(record, ctx),
        Span::new(&order.channel, Tone::Plain),
        Span::new(order.tags.join(" "), Tone::Plain),
        Span::new(order.hold_reason.as_deref().unwrap_or_default(), Tone::Warn),
        Span::new(order.financial_status.as_str(), Tone::Plain),
        stamp(order.deliver_by, ctx),
        checked(order),
        few(order.open_tickets),
    ]
}

/// The stage, and that a new order waits for its money.
fn stage(order: &OrderSummary) -> Span {
    if order.stage == Stage::New && !order.financial_status.is_good() {
        Span::new("new, unpaid", Tone::Warn)
    } else {
        facts::stage(order)
    }
}

/// What inspections say: what failed before what is to be done.
fn checked(order: &OrderSummary) -> Span {
    match (order.failed_inspections, order.pending_inspections) {
        (0, 0) => Span::new("–", Tone::Muted),
        (0, due) => Span::new(format!("{due} due"), Tone::Plain),
        (failed, _) => Span::new(format!("{failed} failed"), Tone::Bad),
    }
}

/// Units covered, of those still to leave: `2/3`.
fn covered(order: &OrderSummary) -> Span {
    let open = order.ordered - order.shipped - order.cancelled;
    if !order.stage.is_open() {
        return Span::new(order.ordered.to_string(), Tone::Muted);
    }
    let tone = if order.unallocated() > 0 {
        Tone::Warn
    } else {
        Tone::Plain
    };
    Span::new(format!("{}/{open}", open - order.unallocated()), tone)
}
