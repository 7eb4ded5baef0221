//! What can be done with a product at a location.

use super::super::record::{Kind, Record};
use super::super::stock::StockSummary;
use super::orders::{MARK_SENT, SUPPLIER, can_mark_sent};
use super::{
    ArgKind, Danger, LET_GO, Reason, Verb, WAREHOUSE, Write, jobs, mails, optional, required,
    write, wrong_kind,
};

const MOVE: &[Write] = &[write("insert", "stock_movements")];
const RECEIVE: &[Write] = &[
    write("insert", "stock_movements"),
    write("update (received)", "purchase_order_lines"),
    write("update (state, answered_at)", "purchase_orders"),
];
const REORDER: &[Write] = &[
    write("insert", "purchase_orders"),
    write("insert", "purchase_order_lines"),
];
const CANCEL_PURCHASE: &[Write] = &[write("update (state, reason)", "purchase_orders")];
const FORGET: &[Write] = &[jobs::SETTLE, CANCEL_PURCHASE[0]];
const LEVEL: &[Write] = &[write("update (reorder_point, muted_until)", "stock_levels")];

pub(super) const VERBS: &[Verb] = &[
    Verb {
        name: "adjust",
        kind: Kind::Stock,
        help: "correct the count by so many units",
        key: Some('c'),
        args: &[
            required(
                "quantity",
                ArgKind::Change,
                "units to add, or to take away with a minus",
            ),
            required("reason", ArgKind::Text, "why the count was wrong"),
        ],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: MOVE,
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "unclaim",
        kind: Kind::Stock,
        help: "let others have it",
        key: Some('M'),
        args: &[],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: &[LET_GO],
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "receive",
        kind: Kind::Stock,
        help: "book units that arrived",
        key: Some('r'),
        args: &[
            required("quantity", ArgKind::Quantity, "units that arrived"),
            optional("reason", ArgKind::Text, "delivery note or remark"),
        ],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: RECEIVE,
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "reorder",
        kind: Kind::Stock,
        help: "order from a supplier as many as demand and lead time ask for",
        key: Some('b'),
        args: &[
            optional("quantity", ArgKind::Quantity, "another number of units"),
            optional(
                "from",
                ArgKind::Source,
                "another supplier than the cheapest",
            ),
        ],
        roles: WAREHOUSE,
        danger: Danger::Confirm,
        writes: REORDER,
        applies_to: offered,
    },
    Verb {
        name: "cancel-purchase",
        kind: Kind::Stock,
        help: "cancel what is on order for it and has not arrived; the supplier is told",
        key: None,
        args: &[
            required("reason", ArgKind::Text, "why it is not wanted any more"),
            optional(
                "purchase",
                ArgKind::Text,
                "its number, where there are several",
            ),
        ],
        roles: WAREHOUSE,
        danger: Danger::Confirm,
        writes: CANCEL_PURCHASE,
        applies_to: |record| {
            on(record, |stock| match stock.coming {
                0 => Reason::because("nothing of it is on order"),
                _ => Ok(()),
            })
        },
    },
    Verb {
        name: "mark-sent",
        kind: Kind::Stock,
        help: "note that its purchase orders went out by other means than by mail",
        key: None,
        args: &[SUPPLIER],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: MARK_SENT,
        applies_to: |record| on(record, |stock| can_mark_sent(stock.unmailed)),
    },
    Verb {
        name: "set-reorder-point",
        kind: Kind::Stock,
        help: "say at how many units it is low",
        key: Some('p'),
        args: &[required("quantity", ArgKind::Count, "units")],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: LEVEL,
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "mute",
        kind: Kind::Stock,
        help: "do not show it as low until then",
        key: Some('m'),
        args: &[required("until", ArgKind::Time, "when to show it again")],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: LEVEL,
        applies_to: |record| {
            on(record, |stock| {
                if stock.muted_until.is_some() {
                    Reason::because("it is muted already")
                } else {
                    Ok(())
                }
            })
        },
    },
    Verb {
        name: "unmute",
        kind: Kind::Stock,
        help: "show it as low again",
        key: None,
        args: &[],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: LEVEL,
        applies_to: |record| {
            on(record, |stock| {
                if stock.muted_until.is_none() {
                    Reason::because("it is not muted")
                } else {
                    Ok(())
                }
            })
        },
    },
    mails::stop(Kind::Stock, WAREHOUSE, None, |record| {
        on(record, |stock| {
            mails::can_stop(stock.held_mails, stock.failed_mails)
        })
    }),
    mails::resend(Kind::Stock, WAREHOUSE, |record| {
        on(record, |stock| {
            mails::can_resend(stock.failed_mails, stock.stopped_mails)
        })
    }),
    jobs::retry(Kind::Stock, WAREHOUSE, |record| {
        on(record, |stock| jobs::was_given_up(stock.given_up.as_ref()))
    }),
    Verb {
        help: "say that what the worker gave up is done, or need not be; a purchase order is cancelled",
        danger: Danger::Confirm,
        writes: FORGET,
        ..jobs::forget(Kind::Stock, WAREHOUSE, |record| {
            on(record, |stock| jobs::was_given_up(stock.given_up.as_ref()))
        })
    },
];

fn offered(record: &Record) -> Result<(), Reason> {
    on(record, |stock| match stock.supplier {
        None => Reason::because("no supplier offers it"),
        Some(_) => Ok(()),
    })
}

fn on(
    record: &Record,
    applies: impl FnOnce(&StockSummary) -> Result<(), Reason>,
) -> Result<(), Reason> {
    match record {
        Record::Stock(stock) => applies(stock),
        _ => wrong_kind(),
    }
}
