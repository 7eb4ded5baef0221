//! The list of parcels.

use chrono::TimeDelta;

use super::lists::{WHO, due, flagged_by_due, name, stamp, who};
use super::table::{Column, Kind, fixed, flex};
use crate::console::app::{Context, Span, Tone, facts};
use crate::domain::list::SortColumn;
use crate::domain::record::Record;
use crate::domain::shipments::{ShipmentState, ShipmentSummary};

pub(super) const KIND: Kind = Kind {
    columns: COLUMNS,
    cells,
    flagged: |record, ctx| {
        flagged_by_due(record, ctx)
            || matches!(record, Record::Shipment(p) if p.damaged || p.state == ShipmentState::Lost)
    },
};

const COLUMNS: &[Column] = &[
    fixed("number", 8).sorts(SortColumn::Number),
    fixed("order", 8).from(69),
    flex("customer", 10, 2).sorts(SortColumn::Name).from(46),
    flex("carrier", 7, 1).from(77),
    fixed("code", 16).from(102),
    fixed("status", 16).sorts(SortColumn::State),
    fixed("heard", 6).right().from(53),
    fixed("eta", 6).right().from(60),
    fixed("left", 5).right().sorts(SortColumn::Due),
    fixed("who", WHO).from(86),
    fixed("to", 2).chosen(),
    fixed("units", 5).right().chosen(),
    fixed("handed", 6).right().chosen(),
];

fn cells(record: &Record, ctx: Context) -> Vec<Span> {
    let Record::Shipment(parcel) = record else {
        return vec![];
    };
    let heard = match parcel.last_event_at {
        Some(at) => match facts::since(at, ctx.now) {
            silence if silence < TimeDelta::zero() => Span::new("now", Tone::Plain),
            silence => Span::new(facts::span(silence), Tone::Plain),
        },
        None => Span::new("never", Tone::Muted),
    };
    vec![
        Span::new(format!("SHP-{}", parcel.id), Tone::Plain),
        Span::new(&parcel.order_number, Tone::Plain),
        name(&parcel.customer),
        Span::new(parcel.carrier.as_deref().unwrap_or("–"), Tone::Plain),
        Span::new(parcel.tracking_code.as_deref().unwrap_or("–"), Tone::Muted),
        status(parcel),
        heard,
        stamp(parcel.eta, ctx),
        due(parcel.due_at, ctx),
        who(record, ctx),
        Span::new(parcel.country.as_deref().unwrap_or_default(), Tone::Muted),
        Span::new(parcel.units.to_string(), Tone::Plain),
        stamp(parcel.handed_over_at, ctx),
    ]
}

/// The carrier's word while it has the parcel, the merchant's otherwise.
fn status(parcel: &ShipmentSummary) -> Span {
    match parcel.state {
        ShipmentState::HandedOver if !parcel.damaged => facts::status(
            parcel.tracking_status,
            parcel.tracking_status_raw.as_deref(),
        ),
        _ => facts::parcel_state(parcel),
    }
}
