//! What an inspection's page says.

use super::App;
use super::document::{Document, Line, Row, Span, Tone, bad, link, muted, plain, strong};
use super::facts::{
    Context, NAME, SENTENCE, dotted, inspection_state, lines, name, sentence, tally, whole, whose,
};
use crate::domain::full::{FullRecord, Inspection};
use crate::domain::inspections::{Check, CheckResult, InspectionSummary};
use crate::domain::record::{Kind, RecordId};
use crate::domain::verbs::{ArgKind, Verb};
use crate::domain::when;

/// The heading over the checks, each of which takes one line.
const CHECKS: &str = "Checks";

/// The check that a key means.
pub(super) struct Meant {
    /// Its name.
    pub(super) name: String,
    /// The cursor is on it; else it is the next that is likely.
    pub(super) is_pointed_at: bool,
}

impl App {
    /// The check that a verb of checks means without being told: the one at the cursor, else the
    /// first that is still to be done.
    pub(super) fn check_meant(&self, verb: &Verb, record: RecordId) -> Option<Meant> {
        if !verb.args.iter().any(|arg| arg.kind == ArgKind::Check) {
            return None;
        }
        let open = self.journey.page();
        let page = open
            .or(self.detail.as_ref())
            .filter(|page| page.id == record)?;
        let FullRecord::Inspection(inspection) = &page.shown.as_ref()?.full else {
            return None;
        };
        let at_cursor = || {
            let columns = self.geometry()?.page_columns();
            check_at(inspection, &self.page_lines(columns), open?.cursor)
        };
        let pointed_at = at_cursor();
        let mut checks = inspection.checks.iter();
        let meant = pointed_at.or_else(|| checks.find(|c| c.result == CheckResult::Open))?;
        Some(Meant {
            name: meant.name.clone(),
            is_pointed_at: pointed_at.is_some(),
        })
    }
}

/// The check that stands in this line of the page.
fn check_at<'a>(inspection: &'a Inspection, lines: &[Line], at: usize) -> Option<&'a Check> {
    let is_heading = |span: &Span| span.tone == Tone::Heading && span.text == CHECKS;
    let heading = (lines.iter()).position(|line| line.spans.first().is_some_and(is_heading))?;
    inspection.checks.get(at.checked_sub(heading + 1)?)
}

pub(super) fn head(document: &mut Document, inspection: &InspectionSummary, ctx: Context) {
    document.flow(dotted(vec![
        strong(format!("INS-{}", inspection.id)),
        inspection_state(inspection),
        name(&inspection.subject),
        whose(inspection.assignee.as_deref()),
    ]));
    let mut pieces = vec![plain(tally(inspection))];
    if let Some(number) = &inspection.order_number {
        let number = name(number).text;
        pieces.push(plain(if inspection.state.blocks() {
            format!("blocks {number}")
        } else {
            format!("for {number}")
        }));
    }
    if let Some(due) = inspection.due_at
        && inspection.state.blocks()
    {
        pieces.push(ctx.promise("must leave by", due));
    }
    document.flow(dotted(pieces));
    if let Some(defect) = &inspection.defect {
        document.flow(vec![bad("defect: "), plain(sentence(defect))]);
    } else if let Some(at) = inspection.started_at {
        document.flow(vec![muted(format!("begun {}", when::ago(at, ctx.now)))]);
    }
}

pub(super) fn body(document: &mut Document, inspection: &Inspection, ctx: Context) {
    document.heading(CHECKS);
    let rows = inspection.checks.iter().map(|check| {
        let result = match check.result {
            CheckResult::Open => muted("[ ] open"),
            CheckResult::Passed => Span::new("[+] passed", Tone::Good),
            CheckResult::Failed => bad("[x] failed"),
        };
        let who = match (&check.checked_by, check.checked_at) {
            (Some(who), Some(at)) => format!("{who}, {}", when::ago(at, ctx.now)),
            (Some(who), None) => who.clone(),
            _ => String::new(),
        };
        Row {
            cells: vec![
                result.into(),
                strong(&check.name).into(),
                plain(&check.instruction).into(),
                muted(who).into(),
            ],
            link: None,
        }
    });
    document.table(2, rows.collect());
    if !inspection.defects.is_empty() {
        document.heading("Defects");
        let rows = inspection.defects.iter().map(|defect| Row {
            cells: vec![
                ctx.entry(defect.at),
                plain(&defect.who).into(),
                bad(defect.severity.as_str()).into(),
                plain(&defect.check).into(),
                plain(&defect.description).into(),
            ],
            link: None,
        });
        document.table(4, rows.collect());
    }
    if let Some(reason) = &inspection.waive_reason {
        document.fact("waived", vec![plain(reason)]);
    }
    document.heading("What it inspects");
    let summary = &inspection.summary;
    whole(document, "subject", &summary.subject, NAME);
    if let Some(defect) = &summary.defect {
        whole(document, "defect", defect, SENTENCE);
    }
    if let (Some(id), Some(number)) = (
        inspection.summary.order_id,
        &inspection.summary.order_number,
    ) {
        document.fact_to(RecordId::new(Kind::Order, id), "order", vec![link(number)]);
    }
    lines(document, &inspection.lines);
}
