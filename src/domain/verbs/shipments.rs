//! What can be done with a parcel.

use super::super::carriers::LabelState;
use super::super::record::{Kind, Record};
use super::super::shipments::{Settled, ShipmentState, ShipmentSummary};
use super::{
    Arg, ArgKind, Danger, LET_GO, ORDER_STAFF, Reason, Verb, Write, jobs, optional, required,
    write, wrong_kind,
};

const TRACKING: &[Write] = &[write(
    "update (carrier_id, tracking_code, ship_date, state)",
    "shipments",
)];
const STATE: &[Write] = &[write("update (state, reason)", "shipments")];
const SETTLE: &[Write] = &[write("update (settled)", "shipments")];
const AGAIN: &[Write] = &[
    write("update (settled)", "shipments"),
    write(
        "update (again_at, covered_by_hand, ship_by, deliver_by)",
        "orders",
    ),
];
const DAMAGE: &[Write] = &[write("update (damaged_reason)", "shipments")];
const PRINT: &[Write] = &[
    write("update (prints, printed_for)", "shipments"),
    jobs::SETTLE,
];
const LABEL: &[Write] = &[
    write("insert", "carrier_labels"),
    write(
        "update (state, attempts, wanted_at, retry_at, error)",
        "carrier_labels",
    ),
];
const REASON: Arg = required("reason", ArgKind::Text, "how you know");

pub(super) const VERBS: &[Verb] = &[
    Verb {
        name: "set-tracking",
        kind: Kind::Shipment,
        help: "set or correct carrier and tracking code",
        key: Some('t'),
        args: &[
            required("carrier", ArgKind::Carrier, "who has it"),
            required("code", ArgKind::Text, "the carrier's code for it"),
        ],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: TRACKING,
        applies_to: |record| {
            on(record, |parcel| {
                if parcel.state.is_open() {
                    Ok(())
                } else {
                    Reason::because(format!("it is {}", parcel.state.label()))
                }
            })
        },
    },
    Verb {
        name: "clear-tracking",
        kind: Kind::Shipment,
        help: "take carrier and code off: it has no label after all",
        key: None,
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: TRACKING,
        applies_to: |record| {
            on(record, |parcel| match (parcel.state, parcel.label) {
                (ShipmentState::Labelled, Some(LabelState::Bought)) => {
                    Reason::because("its label was bought: void gives it back")
                }
                (ShipmentState::Labelled, _) => Ok(()),
                (ShipmentState::Draft, _) => Reason::because("it has no label"),
                (state, _) => Reason::because(format!("it is {}", state.label())),
            })
        },
    },
    Verb {
        name: "unclaim",
        kind: Kind::Shipment,
        help: "let others have it",
        key: Some('M'),
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: &[LET_GO],
        applies_to: |record| on(record, |_| Ok(())),
    },
    Verb {
        name: "deliver",
        kind: Kind::Shipment,
        help: "mark it delivered",
        key: Some('d'),
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: STATE,
        applies_to: |record| {
            on(record, |parcel| match (parcel.state, parcel.settled) {
                // It may arrive after all.
                (ShipmentState::Lost, None) => Ok(()),
                (ShipmentState::Lost, Some(settled)) => already(settled),
                _ => handed_over(record),
            })
        },
    },
    Verb {
        name: "lose",
        kind: Kind::Shipment,
        help: "mark it lost",
        key: Some('l'),
        args: &[REASON],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: STATE,
        applies_to: handed_over,
    },
    Verb {
        name: "send-again",
        kind: Kind::Shipment,
        help: "send what was in it again, from stock or a supplier",
        key: None,
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: AGAIN,
        applies_to: undecided,
    },
    Verb {
        name: "write-off",
        kind: Kind::Shipment,
        help: "nothing is sent in its place: the customer was paid back",
        key: None,
        args: &[required("reason", ArgKind::Text, "why, for colleagues")],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: SETTLE,
        applies_to: undecided,
    },
    Verb {
        name: "damage",
        kind: Kind::Shipment,
        help: "note that it arrived damaged",
        key: Some('x'),
        args: &[required("reason", ArgKind::Text, "what is damaged")],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: DAMAGE,
        applies_to: |record| {
            on(record, |parcel| match parcel.state {
                ShipmentState::HandedOver | ShipmentState::Delivered if !parcel.damaged => Ok(()),
                ShipmentState::HandedOver | ShipmentState::Delivered => {
                    Reason::because("it is noted as damaged already")
                }
                state => Reason::because(format!("it is {}", state.label())),
            })
        },
    },
    Verb {
        name: "print",
        kind: Kind::Shipment,
        help: "print its label or its packing slip",
        key: Some('p'),
        args: &[
            optional(
                "what",
                ArgKind::OneOf(&["label", "slip"]),
                "the label, unless you say slip",
            ),
            optional(
                "file",
                ArgKind::Text,
                "into this file instead of to the printer",
            ),
        ],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: PRINT,
        applies_to: |record| {
            on(record, |parcel| match parcel.state {
                ShipmentState::Void => Reason::because("it is void"),
                _ => Ok(()),
            })
        },
    },
    Verb {
        name: "buy-label",
        kind: Kind::Shipment,
        help: "buy the carrier's label, or try again",
        key: None,
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::None,
        writes: LABEL,
        applies_to: |record| {
            on(record, |parcel| match (parcel.state, parcel.label) {
                (ShipmentState::Draft, None | Some(LabelState::Failed | LabelState::Returned)) => {
                    Ok(())
                }
                (ShipmentState::Draft, _) => Reason::because("its label is being bought"),
                (state, _) => Reason::because(format!("it is {}", state.label())),
            })
        },
    },
    Verb {
        name: "hand-over",
        kind: Kind::Shipment,
        help: "the carrier has taken it",
        key: Some('h'),
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: STATE,
        applies_to: |record| {
            on(record, |parcel| match parcel.state {
                ShipmentState::Labelled => Ok(()),
                ShipmentState::Draft => {
                    Reason::because("it has no label: set-tracking says who carries it")
                }
                state => Reason::because(format!("it is {}", state.label())),
            })
        },
    },
    Verb {
        name: "void",
        kind: Kind::Shipment,
        help: "it will not leave; a label that was bought goes back",
        key: None,
        args: &[],
        roles: ORDER_STAFF,
        danger: Danger::Confirm,
        writes: STATE,
        applies_to: |record| {
            on(record, |parcel| match parcel.state {
                ShipmentState::Draft | ShipmentState::Labelled => Ok(()),
                state => Reason::because(format!("it is {}", state.label())),
            })
        },
    },
    jobs::retry(Kind::Shipment, ORDER_STAFF, |record| {
        on(record, |parcel| {
            jobs::was_given_up(parcel.given_up.as_ref())
        })
    }),
    jobs::forget(Kind::Shipment, ORDER_STAFF, |record| {
        on(record, |parcel| {
            jobs::was_given_up(parcel.given_up.as_ref())
        })
    }),
];

fn handed_over(record: &Record) -> Result<(), Reason> {
    on(record, |parcel| match parcel.state {
        ShipmentState::HandedOver => Ok(()),
        state => Reason::because(format!("it is {}", state.label())),
    })
}

fn undecided(record: &Record) -> Result<(), Reason> {
    on(record, |parcel| {
        match (parcel.undecided(), parcel.settled) {
            (Some(_), _) => Ok(()),
            (None, Some(settled)) => already(settled),
            (None, None) => Reason::because(format!("it is {}", parcel.state.label())),
        }
    })
}

fn already(settled: Settled) -> Result<(), Reason> {
    let what = settled.as_str().replace('_', " ");
    Reason::because(format!("it is {what} already"))
}

fn on(
    record: &Record,
    applies: impl FnOnce(&ShipmentSummary) -> Result<(), Reason>,
) -> Result<(), Reason> {
    match record {
        Record::Shipment(parcel) => applies(parcel),
        _ => wrong_kind(),
    }
}
