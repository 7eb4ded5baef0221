//! Inspections, their checks and defects.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::words::words;

words! {
    /// How an inspection stands. Pending or failed blocks the hand-over of what it inspects.
    pub enum InspectionState {
        /// Not finished.
        Pending = "pending",
        /// All checks passed.
        Passed = "passed",
        /// A check failed.
        Failed = "failed",
        /// It failed, and a supervisor let it go, with a reason.
        Waived = "waived",
        /// Its order, or the part of it that it was for, was cancelled before it was finished.
        Cancelled = "cancelled",
    }
}

impl InspectionState {
    /// Whether it blocks a parcel.
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Pending | Self::Failed)
    }
}

words! {
    /// The result of one check.
    pub enum CheckResult {
        /// Not looked at yet.
        Open = "open",
        /// Good.
        Passed = "passed",
        /// Not good; a defect says why.
        Failed = "failed",
    }
}

words! {
    /// How bad a defect is, in the words of acceptance sampling (ISO 2859-1).
    pub enum Severity {
        /// Would not be noticed in use.
        Minor = "minor",
        /// Makes the product less useful.
        Major = "major",
        /// Unsafe, or not the product that was ordered.
        Critical = "critical",
    }
}

/// The checks of an inspection before shipping, where the product names no others.
pub const STANDARD_CHECKS: [(&str, &str); 4] = [
    ("item", "the right item, by SKU"),
    ("quantity", "the right number of units"),
    ("condition", "no damage, nothing missing"),
    ("packaging", "packed to survive the carrier"),
];

/// An inspection as its list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InspectionSummary {
    /// Primary key; its number is `INS-` and this.
    pub id: i64,
    /// Rises with every change.
    pub version: i64,
    /// The order whose goods it inspects.
    pub order_id: Option<i64>,
    /// That order's number.
    pub order_number: Option<String>,
    /// What is inspected: a product's title, or the customer's name.
    pub subject: String,
    /// How it stands.
    pub state: InspectionState,
    /// Who inspects.
    pub assignee: Option<String>,
    /// When somebody began.
    pub started_at: Option<DateTime<Utc>>,
    /// When what it blocks must leave.
    pub due_at: Option<DateTime<Utc>>,
    /// How many checks it has.
    pub checks: i64,
    /// How many passed.
    pub passed: i64,
    /// How many failed.
    pub failed: i64,
    /// The first defect, in the words of who found it.
    pub defect: Option<String>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its short name, as verbs take it.
    pub name: String,
    /// What to look for.
    pub instruction: String,
    /// Its result.
    pub result: CheckResult,
    /// Who looked.
    pub checked_by: Option<String>,
    /// When.
    pub checked_at: Option<DateTime<Utc>>,
}

/// Something wrong that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// The check that found it.
    pub check: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub description: String,
    /// When it was found.
    pub at: DateTime<Utc>,
    /// Who found it.
    pub who: String,
}
