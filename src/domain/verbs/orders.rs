//! What can be done with an order.

use super::super::orders::{OrderSummary, Stage, cannot_ship};
use super::super::record::{Kind, Record};
use super::{
    Arg, ArgKind, Danger, EVERY_TEAM, ORDER_STAFF, Reason, Verb, WAREHOUSE, Write, jobs, mails,
    optional, required, write, wrong_kind,
};

const STAGE: &[Write] = &[write("update (confirmed_at)", "orders")];
const HOLD: &[Write] = &[write("update (hold_reason)", "orders")];
const ASSIGN: &[Write] = &[write("update (assignee)", "orders")];
const RESERVE: &[Write] = &[
    write("update (covered_by_hand)", "orders"),
    write("update (state)", "shipments"),
    write("update (state)", "fulfilments"),
    write("insert", "reservations"),
    write("update (quantity)", "reservations"),
    write("delete", "reservations"),
];
const ROUTE: &[Write] = &[
    write("update (covered_by_hand)", "orders"),
    write("insert", "fulfilments"),
    write("update (state, requested_at, leaves_by)", "fulfilments"),
    write("update (state)", "shipments"),
    write("insert", "fulfilment_lines"),
    write("insert", "purchase_orders"),
    write("insert", "purchase_order_lines"),
];
const ANSWER: &[Write] = &[
    write(
        "update (state, reason, answered_at, sent_at)",
        "purchase_orders",
    ),
    write("insert", "purchase_orders"),
    write("insert", "purchase_order_lines"),
    write("insert", "fulfilments"),
    write("insert", "fulfilment_lines"),
    write("update (state, requested_at)", "fulfilments"),
];
pub(super) const MARK_SENT: &[Write] = &[write(
    "update (state, sent_at, answer_due)",
    "purchase_orders",
)];
const OPTION: &[Write] = &[write("update (shipping_option_id, deliver_by)", "orders")];
const ADDRESS: &[Write] = &[write(
    "update (shipping_address, channel_address)",
    "orders",
)];
const SHIP: &[Write] = &[
    write("insert", "fulfilments"),
    write("update (state)", "fulfilments"),
    write("insert", "fulfilment_lines"),
    write("insert", "shipments"),
    write(
        "update (state, carrier_id, tracking_code, ship_date)",
        "shipments",
    ),
    write("insert", "shipment_lines"),
];
const CANCEL: &[Write] = &[
    write("update (cancelled_at, cancel_reason)", "orders"),
    write("update (cancelled)", "order_lines"),
    write("delete", "reservations"),
    write("update (state)", "fulfilments"),
    write("update (state)", "purchase_orders"),
    write("update (state)", "shipments"),
];
const NOTE: &[Write] = &[write("insert", "order_notes")];
const INSPECT: &[Write] = &[
    write("insert", "inspections"),
    write("insert", "inspection_checks"),
];

const REASON: Arg = required("reason", ArgKind::Text, "why, for colleagues");
pub(super) const SUPPLIER: Arg = optional(
    "supplier",
    ArgKind::Source,
    "which, where several were asked",
);

pub(super) const VERBS: &[Verb] = &[
    Verb {
        name: "confirm",
        kind: Kind::Order,
        help: "say that payment and address will do",
        key: Some('c'),
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: STAGE,
        applies_to: |record| {
            on(record, |order| match order.stage {
                Stage::New => match order.financial_status.stops() {
                    None => has_address(order),
                    Some(why) => Reason::because(why),
                },
                stage => Reason::because(format!("it is {} already", stage.label())),
            })
        },
    },
    Verb {
        name: "hold",
        kind: Kind::Order,
        help: "stop it until somebody releases it",
        key: Some('h'),
        args: &[REASON],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: HOLD,
        applies_to: |record| {
            on(record, |order| match order.stage {
                Stage::New | Stage::Confirmed | Stage::Processing => Ok(()),
                stage => Reason::because(format!("it is {}", stage.label())),
            })
        },
    },
    Verb {
        name: "release",
        kind: Kind::Order,
        help: "end the hold; it goes on where it was",
        key: Some('l'),
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: HOLD,
        applies_to: |record| {
            on(record, |order| match order.stage {
                Stage::OnHold => Ok(()),
                _ => Reason::because("it is not on hold"),
            })
        },
    },
    Verb {
        name: "reserve",
        kind: Kind::Order,
        help: "set stock aside for every line, as far as there is any",
        key: Some('r'),
        args: &[],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: RESERVE,
        applies_to: |record| {
            on(record, |order| {
                under_way(order)?;
                if order.unallocated() == 0 {
                    return Reason::because("every unit is covered already");
                }
                Ok(())
            })
        },
    },
    Verb {
        name: "unreserve",
        kind: Kind::Order,
        help: "give its reserved stock back",
        key: None,
        args: &[],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: RESERVE,
        applies_to: |record| {
            on(record, |order| {
                if order.reserved == 0 {
                    return Reason::because("no stock is reserved for it");
                }
                Ok(())
            })
        },
    },
    Verb {
        name: "route",
        kind: Kind::Order,
        help: "give what is not covered yet to a supplier or one of our locations",
        key: Some('t'),
        args: &[required("to", ArgKind::Source, "the supplier or location")],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: ROUTE,
        applies_to: |record| {
            on(record, |order| {
                under_way(order)?;
                if order.unallocated() == 0 {
                    return Reason::because("every unit is covered already");
                }
                Ok(())
            })
        },
    },
    Verb {
        name: "inspect",
        kind: Kind::Order,
        help: "ask for an inspection before it ships",
        key: Some('i'),
        args: &[],
        roles: EVERY_TEAM,
        danger: Danger::None,
        writes: INSPECT,
        applies_to: |record| {
            on(record, |order| {
                if !order.stage.is_open() {
                    return Reason::because(format!("it is {}", order.stage.label()));
                }
                if order.pending_inspections + order.failed_inspections > 0 {
                    return Reason::because("an inspection is open already");
                }
                Ok(())
            })
        },
    },
    Verb {
        name: "ship",
        kind: Kind::Order,
        help: "hand over one parcel with everything that is reserved",
        key: Some('p'),
        args: &[
            required("carrier", ArgKind::Carrier, "who takes it"),
            required(
                "tracking",
                ArgKind::Text,
                "the carrier's code for the parcel",
            ),
        ],
        roles: WAREHOUSE,
        danger: Danger::Confirm,
        writes: SHIP,
        applies_to: |record| {
            on(record, |order| {
                under_way(order)?;
                if order.reserved == 0 {
                    return Reason::because("no stock is reserved for it");
                }
                if order.pending_inspections + order.failed_inspections > 0
                    || !order.financial_status.is_good()
                    || order.unfit_option.is_some()
                {
                    return Reason::because(cannot_ship(order).join("; "));
                }
                Ok(())
            })
        },
    },
    Verb {
        name: "cancel",
        kind: Kind::Order,
        help: "cancel every unit that has not been shipped",
        key: Some('x'),
        args: &[REASON],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: CANCEL,
        applies_to: |record| {
            on(record, |order| {
                if order.stage.is_open() {
                    Ok(())
                } else {
                    Reason::because(format!("it is {}", order.stage.label()))
                }
            })
        },
    },
    Verb {
        name: "note",
        kind: Kind::Order,
        help: "leave a note for colleagues",
        key: Some('e'),
        args: &[required("text", ArgKind::LongText, "the note")],
        roles: EVERY_TEAM,
        danger: Danger::None,
        writes: NOTE,
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "claim",
        kind: Kind::Order,
        help: "make it yours",
        key: Some('m'),
        args: &[],
        roles: EVERY_TEAM,
        danger: Danger::None,
        writes: ASSIGN,
        applies_to: |record| {
            on(record, |order| match &order.assignee {
                None => Ok(()),
                Some(who) => Reason::because(format!("{who} has it")),
            })
        },
    },
    Verb {
        name: "unclaim",
        kind: Kind::Order,
        help: "let others have it",
        key: Some('M'),
        args: &[],
        roles: EVERY_TEAM,
        danger: Danger::None,
        writes: ASSIGN,
        applies_to: |record| {
            on(record, |order| match order.assignee {
                Some(_) => Ok(()),
                None => Reason::because("nobody has it"),
            })
        },
    },
    Verb {
        name: "assign",
        kind: Kind::Order,
        help: "give it to a colleague",
        key: Some('d'),
        args: &[required("to", ArgKind::Staff, "who gets it")],
        roles: EVERY_TEAM,
        danger: Danger::None,
        writes: ASSIGN,
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "accept",
        kind: Kind::Order,
        help: "note that a supplier accepted what it was asked for",
        key: None,
        args: &[SUPPLIER],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: ANSWER,
        applies_to: with_a_supplier,
    },
    Verb {
        name: "reject",
        kind: Kind::Order,
        help: "note that a supplier rejects it, or sends no more of it; the next one is asked",
        key: None,
        args: &[
            required("reason", ArgKind::Text, "what the supplier said"),
            SUPPLIER,
        ],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: ANSWER,
        applies_to: with_a_supplier,
    },
    Verb {
        name: "short",
        kind: Kind::Order,
        help: "note that a supplier has too few of a product; the next one is asked for the rest",
        key: None,
        args: &[
            required("sku", ArgKind::Text, "the product"),
            required(
                "quantity",
                ArgKind::Count,
                "units that the supplier sends in all",
            ),
            SUPPLIER,
        ],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: ANSWER,
        applies_to: with_a_supplier,
    },
    Verb {
        name: "mark-sent",
        kind: Kind::Order,
        help: "note that its purchase orders went out by other means than by mail",
        key: None,
        args: &[SUPPLIER],
        roles: WAREHOUSE,
        danger: Danger::None,
        writes: MARK_SENT,
        applies_to: |record| on(record, |order| can_mark_sent(order.unmailed)),
    },
    Verb {
        name: "set-option",
        kind: Kind::Order,
        help: "give it another shipping option",
        key: None,
        args: &[required(
            "to",
            ArgKind::ShippingOption,
            "the shipping option, by name",
        )],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: OPTION,
        applies_to: |record| {
            on(record, |order| {
                if order.stage.is_open() && order.shipped == 0 {
                    Ok(())
                } else {
                    Reason::because(format!("it is {}", order.stage.label()))
                }
            })
        },
    },
    Verb {
        name: "set-address",
        kind: Kind::Order,
        help: "send it elsewhere; what is left out stays, - empties",
        key: None,
        args: &[
            optional("name", ArgKind::Text, "the person"),
            optional("company", ArgKind::Text, "the company"),
            optional("address1", ArgKind::Text, "street and number"),
            optional("address2", ArgKind::Text, "what else belongs to them"),
            optional("city", ArgKind::Text, "the town"),
            optional("zip", ArgKind::Text, "the postcode"),
            optional("province", ArgKind::Text, "state, county or province"),
            optional("country", ArgKind::Country, "two letters, such as PT"),
            optional("phone", ArgKind::Text, "a telephone number for the carrier"),
        ],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: ADDRESS,
        applies_to: |record| {
            on(record, |order| {
                if order.stage.is_open() {
                    Ok(())
                } else {
                    Reason::because(format!("it is {}", order.stage.label()))
                }
            })
        },
    },
    mails::stop(Kind::Order, ORDER_STAFF, None, |record| {
        on(record, |order| {
            mails::can_stop(order.held_mails, order.failed_mails)
        })
    }),
    mails::resend(Kind::Order, ORDER_STAFF, |record| {
        on(record, |order| {
            mails::can_resend(order.failed_mails, order.stopped_mails)
        })
    }),
    jobs::retry(Kind::Order, ORDER_STAFF, |record| {
        on(record, |order| jobs::was_given_up(order.given_up.as_ref()))
    }),
    jobs::forget(Kind::Order, ORDER_STAFF, |record| {
        on(record, |order| jobs::was_given_up(order.given_up.as_ref()))
    }),
];

fn on(
    record: &Record,
    applies: impl FnOnce(&OrderSummary) -> Result<(), Reason>,
) -> Result<(), Reason> {
    match record {
        Record::Order(order) => applies(order),
        _ => wrong_kind(),
    }
}

/// Whether a purchase order waits that no mail brings: one that can be mailed is the worker's, until it
/// gives it up, or the mail is refused or stopped.
pub(super) fn can_mark_sent(unmailed: i64) -> Result<(), Reason> {
    match unmailed {
        0 => Reason::because(
            "no purchase order of it waits for its supplier's address, was refused or stopped, or was given up",
        ),
        _ => Ok(()),
    }
}

fn with_a_supplier(record: &Record) -> Result<(), Reason> {
    on(record, |order| {
        if order.requested == 0 {
            return Reason::because("no supplier was asked for it");
        }
        Ok(())
    })
}

/// What is to be shipped has somewhere to go.
fn has_address(order: &OrderSummary) -> Result<(), Reason> {
    if order.has_address || order.ordered == 0 {
        Ok(())
    } else {
        Reason::because("the address is incomplete: set-address")
    }
}

/// Goods may be taken for it: confirmed, processing or partly shipped.
fn under_way(order: &OrderSummary) -> Result<(), Reason> {
    match order.stage {
        Stage::Confirmed | Stage::Processing | Stage::PartiallyShipped => Ok(()),
        Stage::New => Reason::because("it is not confirmed"),
        stage => Reason::because(format!("it is {}", stage.label())),
    }
}
