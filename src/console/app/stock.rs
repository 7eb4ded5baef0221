//! What the page of a product at a location says.

use super::document::{Document, Row, Span, Tone, bad, link, muted, plain, right, strong};
use super::facts::{Context, NAME, count, dotted, is_long, money, name, sentence, whole};
use super::mails::{mails, waiting};
use crate::domain::full::Stock;
use crate::domain::notices::NoticeState;
use crate::domain::record::{Kind, RecordId};
use crate::domain::stock::{OnOrder, PurchaseState, StockSummary};

pub(super) fn head(document: &mut Document, stock: &StockSummary, ctx: Context) {
    document.flow(dotted(vec![
        strong(name(&stock.sku).text),
        name(&stock.title),
        name(&stock.location),
    ]));
    document.flow(dotted(vec![
        plain(format!("{} on hand", stock.on_hand)),
        plain(format!("{} reserved", stock.reserved)),
        strong(format!("{} available", stock.available())),
        if stock.short() > 0 {
            Span::new(
                format!("{} short for open orders", stock.short()),
                Tone::Bad,
            )
        } else if stock.wanted > 0 {
            plain(format!("{} wanted by open orders", stock.wanted))
        } else {
            plain("")
        },
    ]));
    if let Some(alert) = stock.standing_alert() {
        document.flow(vec![Span::new(
            format!("low: {}", sentence(alert)),
            Tone::Warn,
        )]);
    }
    if let Some(overdue) = &stock.overdue {
        document.flow(vec![Span::new(sentence(overdue), Tone::Warn)]);
    }
    if let Some(reason) = &stock.given_up {
        document.flow(vec![bad(sentence(reason))]);
    }
    if stock.held_mails + stock.failed_mails + stock.stopped_mails > 0 {
        document.flow(waiting(
            stock.held_mails,
            stock.failed_mails,
            stock.stopped_mails,
        ));
    }
    let mut pieces = vec![if stock.is_low() {
        Span::new(
            format!("low: reorder point {}", stock.reorder_point),
            Tone::Warn,
        )
    } else {
        plain(format!("reorder point {}", stock.reorder_point))
    }];
    pieces.push(match stock.days_of_cover() {
        Some(days) if days < 0 => Span::new(
            format!(
                "open orders want {} more than there is, {} sold in 4 weeks",
                count(-days, "day's sales", "days' sales"),
                stock.demand_28d
            ),
            Tone::Warn,
        ),
        Some(days) => plain(format!(
            "{} of cover, {} sold in 4 weeks",
            count(days, "day", "days"),
            stock.demand_28d
        )),
        None => muted("none sold in 4 weeks"),
    });
    if let Some(supplier) = &stock.supplier {
        let supplier = name(supplier).text;
        pieces.push(plain(match stock.lead_time_days {
            Some(days) => format!("{supplier}, {}", count(i64::from(days), "day", "days")),
            None => supplier,
        }));
    }
    if let Some(until) = stock.muted_until {
        pieces.push(muted(format!("muted until {}", ctx.moment(until))));
    }
    document.flow(dotted(pieces));
}

pub(super) fn body(document: &mut Document, stock: &Stock, ctx: Context) {
    if !stock.wanted_by.is_empty() {
        document.heading("Wanted by");
        let rows = stock.wanted_by.iter().map(|order| Row {
            cells: vec![
                link(&order.number).into(),
                match order.units {
                    0 => plain(""),
                    units => Span::new(format!("wants {units}"), Tone::Warn),
                }
                .into(),
                match order.reserved {
                    0 => plain(""),
                    units => plain(format!("holds {units}")),
                }
                .into(),
                match order.ship_by {
                    Some(due) => ctx.promise("ship by", due),
                    None => muted("no promise"),
                }
                .into(),
            ],
            link: Some(RecordId::new(Kind::Order, order.order_id)),
        });
        document.table(3, rows.collect());
    }
    if !stock.on_order.is_empty() {
        document.heading("On order");
        let rows = stock.on_order.iter().map(|purchase| Row {
            cells: vec![
                plain(format!("PO-{}", purchase.number)).into(),
                plain(&purchase.supplier).into(),
                right(plain(match purchase.received {
                    0 => purchase.quantity.to_string(),
                    received => format!("{received} of {}", purchase.quantity),
                })),
                right(plain(money(
                    purchase
                        .unit_cost
                        .saturating_mul(i64::from(purchase.quantity)),
                    &purchase.currency,
                ))),
                ctx.entry(purchase.created_at),
                standing(purchase, ctx).into(),
            ],
            link: None,
        });
        document.table(1, rows.collect());
    }
    if !stock.offers.is_empty() {
        document.heading("Offers");
        let rows = stock.offers.iter().map(|offer| Row {
            cells: vec![
                plain(&offer.supplier).into(),
                right(plain(money(offer.unit_cost, &offer.currency))),
                right(plain(count(i64::from(offer.lead_time_days), "day", "days"))),
            ],
            link: None,
        });
        document.table(0, rows.collect());
    }
    if !stock.movements.is_empty() {
        document.heading("Movements");
        let rows = stock.movements.iter().map(|movement| Row {
            cells: vec![
                ctx.entry(movement.at),
                plain(&movement.who).into(),
                plain(movement.kind.as_str()).into(),
                right(signed(movement.on_hand, "on hand")),
                right(signed(movement.reserved, "reserved")),
                match (&movement.order, &movement.reason) {
                    (Some((_, number)), _) => link(number),
                    (None, Some(reason)) => plain(reason),
                    (None, None) => plain(""),
                }
                .into(),
            ],
            link: movement
                .order
                .as_ref()
                .map(|(id, _)| RecordId::new(Kind::Order, *id)),
        });
        document.table(5, rows.collect());
    }
    let summary = &stock.summary;
    let supplier = summary.supplier.as_deref().unwrap_or_default();
    let names = [
        ("product", summary.sku.as_str()),
        ("title", &summary.title),
        ("location", &summary.location),
        ("supplier", supplier),
    ];
    if names.iter().any(|(_, name)| is_long(name, NAME)) {
        document.heading("Names in full");
    }
    for (label, name) in names {
        whole(document, label, name, NAME);
    }
    mails(document, &stock.mails, ctx);
}

/// How a purchase order stands: a supplier that was not asked owes no answer.
fn standing(purchase: &OnOrder, ctx: Context) -> Span {
    match (purchase.state, purchase.mail, purchase.answer_due) {
        (PurchaseState::Draft, ..) => plain("not sent yet"),
        (PurchaseState::Sent, Some(NoticeState::Failed), _) => bad("its mail failed"),
        (PurchaseState::Sent, Some(NoticeState::Cancelled), _) => bad("its mail was stopped"),
        (PurchaseState::Sent, Some(NoticeState::Held | NoticeState::Queued), _) => {
            match purchase.leaves_at {
                Some(at) => plain(format!("leaves {}", ctx.moment(at))),
                None => plain("not sent yet"),
            }
        }
        (PurchaseState::Sent, _, Some(due)) => ctx.promise("answer by", due),
        (state, ..) => match &purchase.reason {
            Some(reason) => plain(format!("{}: {reason}", state.as_str())),
            None => plain(state.as_str()),
        },
    }
}

fn signed(units: i32, what: &str) -> Span {
    if units == 0 {
        plain("")
    } else {
        plain(format!("{units:+} {what}"))
    }
}
