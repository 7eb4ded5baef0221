//! What is done with an inspection.

use super::error::ActError;
use super::holds::give_back;
use super::work::{Outcome, Work, unknown_verb};
use crate::domain::inspections::{CheckResult, InspectionState, InspectionSummary};
use crate::store::inspections;

pub(super) async fn perform(
    work: &mut Work<'_>,
    inspection: &InspectionSummary,
) -> Result<Outcome, ActError> {
    let id = inspection.id;
    match work.act.verb.name {
        "start" => {
            inspections::set_inspector(work.connection, id, Some(work.who), Some(work.now)).await?;
            let leave = format!("leave INS-{id} to others");
            Ok(Outcome::new("started").undone_by("unstart", [], leave))
        }
        "unstart" if inspection.assignee.is_none() => give_back(work).await,
        "unstart" => {
            inspections::set_inspector(work.connection, id, None, None).await?;
            Ok(Outcome::new("left to others"))
        }
        "pass-check" => pass_check(work, id).await,
        "fail-check" => fail_check(work, id).await,
        "clear-check" => clear_check(work, id).await,
        "finish" => finish(work, inspection).await,
        "rework" => {
            let (from, to) = (InspectionState::Failed, InspectionState::Pending);
            inspections::set_state(work.connection, id, from, to).await?;
            let again = inspections::reopen_failed(work.connection, id).await?;
            Ok(Outcome::new(format!(
                "to be checked again: {again} of {} checks",
                inspection.checks
            )))
        }
        "waive" => {
            let reason = work.given.text("reason")?;
            inspections::waive(work.connection, id, reason).await?;
            Ok(Outcome::new(format!("waived: {reason}")))
        }
        _ => Err(unknown_verb(work.act)),
    }
}

async fn pass_check(work: &mut Work<'_>, id: i64) -> Result<Outcome, ActError> {
    let (name, before) = check(work, id).await?;
    if before == CheckResult::Passed {
        return Err(ActError::refused(format!("{name} has passed already")));
    }
    inspections::set_result(work.connection, id, &name, before, CheckResult::Passed).await?;
    Ok(cleared(Outcome::new(format!("{name} passed")), id, name))
}

async fn fail_check(work: &mut Work<'_>, id: i64) -> Result<Outcome, ActError> {
    let (name, before) = check(work, id).await?;
    let defect = work.given.text("defect")?;
    let severity = work.given.word("severity")?;
    // A check that failed may have a second defect.
    if before != CheckResult::Failed {
        inspections::set_result(work.connection, id, &name, before, CheckResult::Failed).await?;
    }
    inspections::insert_defect(work.connection, id, &name, severity, defect).await?;
    let outcome = Outcome::new(format!("{name} failed, {severity}: {defect}"));
    Ok(cleared(outcome, id, name))
}

/// What was found stays noted; only the result is taken back.
fn cleared(outcome: Outcome, id: i64, check: String) -> Outcome {
    let says = format!("take back the result of {check} of INS-{id}");
    outcome.undone_by("clear-check", [("check", check)], says)
}

async fn clear_check(work: &mut Work<'_>, id: i64) -> Result<Outcome, ActError> {
    let (name, before) = check(work, id).await?;
    if before == CheckResult::Open {
        return Err(ActError::refused(format!("{name} has no result")));
    }
    inspections::set_result(work.connection, id, &name, before, CheckResult::Open).await?;
    let outcome = Outcome::new(format!("took back that {name} {before}"));
    Ok(if before == CheckResult::Passed {
        let says = format!("pass {name} of INS-{id}");
        outcome.undone_by("pass-check", [("check", name)], says)
    } else {
        outcome
    })
}

async fn finish(work: &mut Work<'_>, inspection: &InspectionSummary) -> Result<Outcome, ActError> {
    let to = if inspection.failed > 0 {
        InspectionState::Failed
    } else {
        InspectionState::Passed
    };
    inspections::set_state(work.connection, inspection.id, inspection.state, to).await?;
    Ok(Outcome::new(match to {
        InspectionState::Failed => format!(
            "failed: {} of {} checks",
            inspection.failed, inspection.checks
        ),
        _ => format!("passed all {} checks", inspection.checks),
    }))
}

/// The check that is meant, and its result so far.
async fn check(work: &mut Work<'_>, id: i64) -> Result<(String, CheckResult), ActError> {
    let name = work.given.text("check")?;
    inspections::check(work.connection, id, name)
        .await?
        .ok_or_else(|| ActError::NotFound(format!("the check “{name}”")))
}
