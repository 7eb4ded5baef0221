//! What can be done with an inspection.

use super::super::inspections::{InspectionState, InspectionSummary};
use super::super::record::{Kind, Record};
use super::{
    Arg, ArgKind, Danger, LET_GO, QUALITY, Reason, SUPERVISOR, Verb, Write, required, write,
    wrong_kind,
};

const START: &[Write] = &[write("update (assignee, started_at)", "inspections")];
const CHECK: &[Write] = &[write("update (result)", "inspection_checks")];
const DEFECT: &[Write] = &[
    write("update (result)", "inspection_checks"),
    write("insert", "defects"),
];
const STATE: &[Write] = &[write("update (state)", "inspections")];
const REWORK: &[Write] = &[
    write("update (state)", "inspections"),
    write("update (result)", "inspection_checks"),
];
const LEAVE: &[Write] = &[START[0], LET_GO];
const WAIVE: &[Write] = &[write("update (state, waive_reason)", "inspections")];
const WHICH: Arg = required("check", ArgKind::Check, "which check");

pub(super) const VERBS: &[Verb] = &[
    Verb {
        name: "start",
        kind: Kind::Inspection,
        help: "begin, and make it yours",
        key: Some('m'),
        args: &[],
        roles: QUALITY,
        danger: Danger::None,
        writes: START,
        applies_to: |record| {
            on(record, |inspection| {
                match (inspection.state, &inspection.assignee) {
                    (InspectionState::Pending, None) => Ok(()),
                    (InspectionState::Pending, Some(who)) => {
                        Reason::because(format!("{who} has it"))
                    }
                    (state, _) => Reason::because(format!("it is {state}")),
                }
            })
        },
    },
    Verb {
        name: "unstart",
        kind: Kind::Inspection,
        help: "let others have it",
        key: Some('M'),
        args: &[],
        roles: QUALITY,
        danger: Danger::None,
        writes: LEAVE,
        applies_to: |record| {
            on(record, |inspection| {
                match (inspection.state, &inspection.assignee) {
                    // One that failed has no assignee: it can only have been taken as the next.
                    (InspectionState::Pending, Some(_)) | (InspectionState::Failed, None) => Ok(()),
                    (InspectionState::Pending, None) => Reason::because("nobody has it"),
                    (state, _) => Reason::because(format!("it is {state}")),
                }
            })
        },
    },
    Verb {
        name: "pass-check",
        kind: Kind::Inspection,
        help: "a check is good",
        key: Some('p'),
        args: &[WHICH],
        roles: QUALITY,
        danger: Danger::None,
        writes: CHECK,
        applies_to: pending,
    },
    Verb {
        name: "fail-check",
        kind: Kind::Inspection,
        help: "a check is not good: record the defect",
        key: Some('f'),
        args: &[
            WHICH,
            required("defect", ArgKind::Text, "what is wrong"),
            required(
                "severity",
                ArgKind::OneOf(&["minor", "major", "critical"]),
                "how bad it is",
            ),
        ],
        roles: QUALITY,
        danger: Danger::None,
        writes: DEFECT,
        applies_to: pending,
    },
    Verb {
        name: "clear-check",
        kind: Kind::Inspection,
        help: "take a check's result back",
        key: None,
        args: &[WHICH],
        roles: QUALITY,
        danger: Danger::None,
        writes: CHECK,
        applies_to: pending,
    },
    Verb {
        name: "finish",
        kind: Kind::Inspection,
        help: "every check is done: passed if all are good, else failed",
        key: Some('d'),
        args: &[],
        roles: QUALITY,
        danger: Danger::None,
        writes: STATE,
        applies_to: |record| {
            pending(record)?;
            on(record, |inspection| {
                let open = inspection.checks - inspection.passed - inspection.failed;
                if open > 0 && inspection.failed == 0 {
                    Reason::because(format!("{open} of {} checks are open", inspection.checks))
                } else {
                    Ok(())
                }
            })
        },
    },
    Verb {
        name: "rework",
        kind: Kind::Inspection,
        help: "the defects were put right: check again",
        key: Some('r'),
        args: &[],
        roles: QUALITY,
        danger: Danger::None,
        writes: REWORK,
        applies_to: failed,
    },
    Verb {
        name: "waive",
        kind: Kind::Inspection,
        help: "let it go although it failed",
        key: Some('x'),
        args: &[required("reason", ArgKind::Text, "why it may go")],
        roles: SUPERVISOR,
        danger: Danger::Confirm,
        writes: WAIVE,
        applies_to: failed,
    },
];

fn pending(record: &Record) -> Result<(), Reason> {
    on(record, |inspection| match inspection.state {
        InspectionState::Pending => Ok(()),
        state => Reason::because(format!("it is {state}")),
    })
}

fn failed(record: &Record) -> Result<(), Reason> {
    on(record, |inspection| match inspection.state {
        InspectionState::Failed => Ok(()),
        _ => Reason::because("it has not failed"),
    })
}

fn on(
    record: &Record,
    applies: impl FnOnce(&InspectionSummary) -> Result<(), Reason>,
) -> Result<(), Reason> {
    match record {
        Record::Inspection(inspection) => applies(inspection),
        _ => wrong_kind(),
    }
}
