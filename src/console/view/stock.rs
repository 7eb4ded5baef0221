//! The list of stock.

use super::lists::{WHO, few, name, who};
use super::table::{Column, Kind, fixed, flex};
use crate::console::app::{Context, Span, Tone};
use crate::domain::list::SortColumn;
use crate::domain::record::Record;
use crate::domain::when;

pub(super) const KIND: Kind = Kind {
    columns: COLUMNS,
    cells,
    flagged: |record, _| matches!(record, Record::Stock(stock) if stock.short() > 0),
};

const COLUMNS: &[Column] = &[
    fixed("sku", 12).sorts(SortColumn::Number),
    flex("product", 14, 2).sorts(SortColumn::Name),
    fixed("free", 5).right().sorts(SortColumn::Amount).from(50),
    fixed("held", 5).right().from(64),
    fixed("short", 5).right(),
    fixed("reorder", 7).right().from(58),
    fixed("cover", 6).right().sorts(SortColumn::Cover).from(44),
    flex("supplier", 7, 1).from(72),
    fixed("lead", 4).right().from(90),
    fixed("where", 10).from(100),
    fixed("who", WHO).from(81),
    fixed("wanted", 6).right().chosen(),
    fixed("on hand", 7).right().chosen(),
    fixed("28 days", 7).right().chosen(),
];

fn cells(record: &Record, ctx: Context) -> Vec<Span> {
    let Record::Stock(stock) = record else {
        return vec![];
    };
    let short = match stock.short() {
        0 => Span::new("–", Tone::Muted),
        short => Span::new(short.to_string(), Tone::Bad),
    };
    let cover = match stock.days_of_cover() {
        Some(days) if days <= i64::from(stock.lead_time_days.unwrap_or(7)) => {
            Span::new(format!("{days}d"), Tone::Warn)
        }
        Some(days) => Span::new(format!("{days}d"), Tone::Plain),
        None => Span::new("–", Tone::Muted),
    };
    let reorder = match stock.muted_until {
        Some(until) => {
            let until = when::stamp(until, ctx.now, ctx.zone);
            Span::new(format!("m{until}"), Tone::Muted)
        }
        None if stock.is_low() => Span::new(format!("<={}", stock.reorder_point), Tone::Warn),
        None => Span::new(stock.reorder_point.to_string(), Tone::Plain),
    };
    vec![
        Span::new(&stock.sku, Tone::Plain),
        name(&stock.title),
        Span::new(stock.available().to_string(), Tone::Plain),
        Span::new(stock.reserved.to_string(), Tone::Plain),
        short,
        reorder,
        cover,
        Span::new(stock.supplier.as_deref().unwrap_or("–"), Tone::Plain),
        match stock.lead_time_days {
            Some(days) => Span::new(format!("{days}d"), Tone::Plain),
            None => Span::new("–", Tone::Muted),
        },
        Span::new(&stock.location, Tone::Muted),
        who(record, ctx),
        few(stock.wanted),
        Span::new(stock.on_hand.to_string(), Tone::Plain),
        few(stock.demand_28d),
    ]
}
