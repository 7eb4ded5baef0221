//! What an order's page says.

use super::document::{Document, Row, Span, Tone, link, muted, plain, right, strong};
use super::facts::{
    Context, NAME, SENTENCE, address, checks, count, dotted, money, name, parcels, sentence, stage,
    ticket_table, whole, whose,
};
use super::mails::{mails, waiting};
use crate::domain::full::Order;
use crate::domain::orders::{FulfilmentState, OrderSummary, Stage, cannot_ship};

pub(super) fn head(document: &mut Document, order: &OrderSummary, ctx: Context) {
    document.flow(dotted(vec![
        strong(name(&order.number).text),
        stage(order),
        name(&order.customer),
        name(order.country.as_deref().unwrap_or_default()),
        whose(order.assignee.as_deref()),
    ]));
    let mut promise = vec![match (order.stage, order.ship_by, order.deliver_by) {
        (Stage::Shipped, _, Some(due)) => ctx.promise("arrives by", due),
        (stage, Some(due), _) if stage.is_open() => ctx.promise("ship by", due),
        (stage, None, _) if stage.is_open() => muted("no promise"),
        _ => muted(""),
    }];
    promise.push(plain(progress(order)));
    promise.push(plain(format!(
        "{} {}",
        money(order.total, &order.currency),
        order.financial_status.label()
    )));
    document.flow(dotted(promise));
    if order.held_mails + order.failed_mails + order.stopped_mails > 0 {
        document.flow(waiting(
            order.held_mails,
            order.failed_mails,
            order.stopped_mails,
        ));
    }
    if order.stage.is_open() {
        let reasons = cannot_ship(order);
        if reasons.is_empty() {
            document.flow(vec![Span::new("can ship now", Tone::Good)]);
        } else {
            let mut spans = vec![Span::new("can't ship: ", Tone::Bad)];
            let reasons = reasons.iter().map(|reason| plain(sentence(reason)));
            spans.extend(dotted(reasons.collect()));
            document.flow(spans);
        }
    } else if let Some(alert) = &order.alert {
        document.flow(vec![Span::new(alert, Tone::Bad)]);
    }
}

/// How many units are how far: `3 units: 2 reserved, 1 shipped`.
fn progress(order: &OrderSummary) -> String {
    let parts: Vec<String> = [
        (order.reserved, "reserved"),
        (order.requested, "with a supplier"),
        (order.shipped - order.delivered - order.lost, "under way"),
        (order.delivered, "delivered"),
        (order.lost, "lost"),
        (order.cancelled, "cancelled"),
    ]
    .into_iter()
    .filter(|(units, _)| *units > 0)
    .map(|(units, what)| format!("{units} {what}"))
    .collect();
    let units = count(order.ordered, "unit", "units");
    if parts.is_empty() {
        units
    } else {
        format!("{units}: {}", parts.join(", "))
    }
}

pub(super) fn body(document: &mut Document, order: &Order, ctx: Context) {
    let summary = &order.summary;
    if let Some(failure) = &order.failure {
        let tries = count(failure.attempts.into(), "try", "tries");
        document.flow(dotted(vec![
            Span::new(format!("the worker fails: {}", failure.error), Tone::Bad),
            muted(format!(
                "{tries}, the next {}",
                ctx.moment(failure.next_try)
            )),
        ]));
    }
    document.heading("Lines");
    let rows = order.lines.iter().map(|line| {
        let open = line.ordered - line.shipped - line.cancelled;
        let lacking = i64::from(open - line.reserved - line.requested);
        let state = if line.cancelled == line.ordered {
            muted("cancelled")
        } else if line.delivered > 0 && open == 0 {
            Span::new("delivered", Tone::Good)
        } else if open == 0 {
            Span::new("shipped", Tone::Good)
        } else if lacking == 0 {
            plain("covered")
        } else if line.available >= lacking {
            plain(format!("{lacking} to reserve"))
        } else if line.stock.is_some() {
            Span::new(
                format!("{} short", lacking - line.available.max(0)),
                Tone::Bad,
            )
        } else {
            Span::new("not ours", Tone::Warn)
        };
        Row {
            cells: vec![
                right(plain(format!("{} ×", line.ordered))),
                match line.stock {
                    Some(_) => link(&line.sku).into(),
                    None => plain(&line.sku).into(),
                },
                plain(&line.title).into(),
                state.into(),
                right(plain(money(line.unit_price, &summary.currency))),
            ],
            link: line.stock,
        }
    });
    document.table(2, rows.collect());

    if !order.fulfilments.is_empty() {
        document.heading("Fulfilments");
        let rows = order.fulfilments.iter().map(|part| {
            let tone = match part.state {
                FulfilmentState::Rejected => Tone::Bad,
                FulfilmentState::Shipped | FulfilmentState::Delivered => Tone::Good,
                FulfilmentState::Cancelled => Tone::Muted,
                _ => Tone::Plain,
            };
            Row {
                cells: vec![
                    Span::new(part.state.as_str(), tone).into(),
                    right(plain(count(part.units, "unit", "units"))),
                    plain(&part.location).into(),
                    muted(if part.by_supplier {
                        "supplier"
                    } else {
                        "own stock"
                    })
                    .into(),
                ],
                link: None,
            }
        });
        document.table(2, rows.collect());
        for part in order.fulfilments.iter().filter(|part| part.by_supplier) {
            if let Some(reason) = &part.reason {
                document.flow(vec![muted(reason)]);
            }
        }
    }
    parcels(document, &order.shipments, ctx);
    checks(document, &order.inspections);
    ticket_table(document, "Tickets", &order.tickets, ctx);

    if !order.notes.is_empty() {
        document.heading("Notes");
        for note in &order.notes {
            document.flow(dotted(vec![strong(&note.who), muted(ctx.moment(note.at))]));
            document.text(&note.text);
        }
    }

    document.heading("Customer");
    whole(document, "order", &summary.number, NAME);
    for reason in cannot_ship(summary) {
        whole(document, "can't ship", &reason, SENTENCE);
    }
    document.fact(
        "customer",
        dotted(vec![
            plain(&summary.customer),
            plain(order.email.as_deref().unwrap_or_default()),
            plain(order.phone.as_deref().unwrap_or_default()),
        ]),
    );
    address(document, &order.shipping_address);
    if let Some(method) = &order.shipping_method {
        document.fact("shipping", vec![plain(method)]);
    }
    document.fact(
        "placed",
        dotted(vec![
            plain(ctx.moment(summary.placed_at)),
            plain(&summary.channel),
            plain(summary.tags.join(", ")),
        ]),
    );
    if let Some(note) = &order.note {
        document.fact("note", vec![plain(note)]);
    }

    document.heading("Money");
    let amounts = &order.amounts;
    let parts = [
        ("goods", amounts.subtotal),
        ("shipping", amounts.shipping),
        ("tax", amounts.tax),
        ("discount", -amounts.discount),
    ];
    let mut pieces: Vec<Span> = parts
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|(what, amount)| plain(format!("{what} {}", money(amount, &summary.currency))))
        .collect();
    pieces.push(strong(format!(
        "total {}",
        money(summary.total, &summary.currency)
    )));
    document.flow(dotted(pieces));
    let rows = order.payments.iter().map(|payment| Row {
        cells: vec![
            ctx.entry(payment.at),
            plain(&payment.what).into(),
            plain(&payment.state).into(),
            plain(&payment.detail).into(),
            right(plain(money(payment.amount, &payment.currency))),
        ],
        link: None,
    });
    document.table(3, rows.collect());
    mails(document, &order.mails, ctx);
}
