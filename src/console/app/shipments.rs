//! What a parcel's page says.

use super::document::{Document, Row, Span, Tone, bad, link, muted, plain, strong};
use super::facts::{
    Context, NAME, SENTENCE, address, checks, count, dotted, lines, money, name, parcel_state,
    sentence, status, ticket_table, whole,
};
use crate::domain::carriers::{CarrierLabel, LabelState};
use crate::domain::full::Shipment;
use crate::domain::shipments::ShipmentSummary;
use crate::domain::when;

pub(super) fn head(document: &mut Document, parcel: &ShipmentSummary, ctx: Context) {
    document.flow(dotted(vec![
        strong(format!("SHP-{}", parcel.id)),
        parcel_state(parcel),
        plain(format!("order {}", name(&parcel.order_number).text)),
        name(&parcel.customer),
        name(parcel.country.as_deref().unwrap_or_default()),
        plain(count(parcel.units, "unit", "units")),
    ]));
    document.flow(dotted(vec![
        name(parcel.carrier.as_deref().unwrap_or("no carrier")),
        name(parcel.tracking_code.as_deref().unwrap_or("no code")),
        status(
            parcel.tracking_status,
            parcel.tracking_status_raw.as_deref(),
        ),
        match parcel.handed_over_at {
            Some(at) => plain(format!("handed over {}", ctx.moment(at))),
            None => plain(""),
        },
    ]));
    for reason in [&parcel.given_up, &parcel.stale_label]
        .into_iter()
        .flatten()
    {
        document.flow(vec![bad(sentence(reason))]);
    }
    if let Some(reason) = parcel.undecided() {
        document.flow(vec![bad(reason)]);
    }
    if let Some(reason) = &parcel.waits {
        document.flow(vec![bad(format!("its order waits: {reason}"))]);
    }
    let mut pieces = vec![match (parcel.delivered_at, parcel.last_event_at) {
        (Some(at), _) => Span::new(format!("arrived {}", ctx.moment(at)), Tone::Good),
        (None, Some(at)) => plain(format!("last heard {}", when::ago(at, ctx.now))),
        (None, None) => muted("the carrier has said nothing yet"),
    }];
    if parcel.state.is_open() {
        pieces.push(match parcel.eta {
            Some(eta) => plain(format!("expected {}", ctx.moment(eta))),
            None => muted("no ETA"),
        });
        if let Some(due) = parcel.due_at {
            pieces.push(ctx.promise("look by", due));
        }
    }
    document.flow(dotted(pieces));
}

/// How far the carrier's label has come, what it costs, and what stands in its way.
fn carrier_label(label: &CarrierLabel, ctx: Context) -> Vec<Span> {
    let price = label.price.zip(label.currency.as_deref());
    dotted(vec![
        match label.state {
            LabelState::Bought => Span::new("bought", Tone::Good),
            LabelState::Failed => bad("failed: buy-label or ship it by hand"),
            LabelState::Wanted | LabelState::Returning if label.attempts > 0 => plain(format!(
                "{}, tried again {}",
                label.state,
                ctx.moment(label.retry_at)
            )),
            state => plain(state.as_str()),
        },
        plain(label.carrier.as_deref().unwrap_or_default()),
        plain(label.service.as_deref().unwrap_or_default()),
        plain(price.map_or_else(String::new, |(minor, currency)| money(minor, currency))),
        bad(label.error.as_deref().unwrap_or_default()),
    ])
}

pub(super) fn body(document: &mut Document, parcel: &Shipment, ctx: Context) {
    document.heading("Contents");
    document.fact_to(
        parcel.order(),
        "order",
        dotted(vec![
            link(&parcel.summary.order_number),
            plain(&parcel.summary.customer),
        ]),
    );
    let known = |fact: &Option<String>| fact.clone().unwrap_or_default();
    let summary = &parcel.summary;
    whole(document, "carrier", &known(&summary.carrier), NAME);
    whole(document, "code", &known(&summary.tracking_code), NAME);
    whole(document, "given up", &known(&summary.given_up), SENTENCE);
    if let Some(location) = &parcel.location {
        document.fact("shipped by", vec![plain(location)]);
    }
    address(document, &parcel.address);
    if let Some(label) = &parcel.carrier_label {
        document.fact("label", carrier_label(label, ctx));
    }
    lines(document, &parcel.lines);
    if !parcel.events.is_empty() {
        document.heading("What the carrier said");
        let rows = parcel.events.iter().map(|event| Row {
            cells: vec![
                ctx.entry(event.at),
                status(event.status, event.status_raw.as_deref()).into(),
                plain(&event.message).into(),
                muted(&event.location).into(),
            ],
            link: None,
        });
        document.table(2, rows.collect());
    }
    checks(document, &parcel.inspections);
    ticket_table(document, "Tickets of the order", &parcel.tickets, ctx);
}
