//! Saved views: a filter, a sort and columns under a name, one's own or everybody's.

use serde::Serialize;

use super::kind::Kind;
use super::list::Sort;

/// The most characters of a view's name.
pub const LONGEST_NAME: usize = 40;

/// What a list shows: everything of a view but its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// The kind of record.
    pub kind: Kind,
    /// The filter, as it was typed.
    pub filter: String,
    /// In which order.
    pub sort: Sort,
    /// The columns' titles, left to right; none for those that the pane shows by itself.
    pub columns: Option<Vec<String>>,
}

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Primary key.
    pub id: i64,
    /// Its name; unique among a person's own, and among those that are shared.
    pub name: String,
    /// The login that made it.
    pub owner: String,
    /// Everybody sees it.
    pub shared: bool,
    /// What it shows.
    #[serde(flatten)]
    pub look: Look,
}

impl View {
    /// Whether somebody of this login may change it or throw it away: its author, and a supervisor
    /// where it is shared.
    pub fn is_changed_by(&self, login: &str, supervises: bool) -> bool {
        self.owner == login || (self.shared && supervises)
    }
}

/// The columns of a kind's list: each title, and whether the pane shows it by itself where there
/// is room.
pub const fn titles(kind: Kind) -> &'static [(&'static str, bool)] {
    match kind {
        Kind::Order => &[
            ("number", true),
            ("placed", true),
            ("customer", true),
            ("to", true),
            ("stage", true),
            ("units", true),
            ("total", true),
            ("ship by", true),
            ("left", true),
            ("who", true),
            ("channel", false),
            ("tags", false),
            ("hold", false),
            ("paid", false),
            ("deliver", false),
            ("checks", false),
            ("tickets", false),
        ],
        Kind::Stock => &[
            ("sku", true),
            ("product", true),
            ("free", true),
            ("held", true),
            ("short", true),
            ("reorder", true),
            ("cover", true),
            ("supplier", true),
            ("lead", true),
            ("where", true),
            ("wanted", false),
            ("on hand", false),
            ("28 days", false),
        ],
        Kind::Shipment => &[
            ("number", true),
            ("order", true),
            ("customer", true),
            ("carrier", true),
            ("code", true),
            ("status", true),
            ("heard", true),
            ("eta", true),
            ("left", true),
            ("to", false),
            ("units", false),
            ("handed", false),
        ],
        Kind::Inspection => &[
            ("number", true),
            ("blocks", true),
            ("what", true),
            ("state", true),
            ("checks", true),
            ("defect", true),
            ("ship by", true),
            ("left", true),
            ("who", true),
            ("begun", false),
        ],
        Kind::Ticket => &[
            ("number", true),
            ("subject", true),
            ("customer", true),
            ("about", true),
            ("state", true),
            ("prio", true),
            ("clock", true),
            ("left", true),
            ("who", true),
            ("said", false),
            ("mails", false),
        ],
    }
}

/// A name as it is kept: without spaces at its ends.
///
/// # Errors
/// What was expected, for the person.
pub fn name(text: &str) -> Result<&str, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("expected a name".to_owned());
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(format!(
            "expected a name of at most {LONGEST_NAME} characters"
        ));
    }
    Ok(name)
}

/// The view that a name means, whatever its case: one's own before a shared one.
pub fn find<'a>(views: &'a [View], kind: Kind, name: &str) -> Option<&'a View> {
    let wanted = name.trim().to_lowercase();
    let mut named = views
        .iter()
        .filter(|view| view.look.kind == kind && view.name.to_lowercase() == wanted);
    let first = named.next()?;
    if first.shared {
        Some(named.find(|view| !view.shared).unwrap_or(first))
    } else {
        Some(first)
    }
}
