//! The row of panes: where each stands and what it says, for the view that draws it and the mouse
//! that hits it.

use super::App;
use super::document::{Span, Tone, muted, plain, strong};
use crate::console::input::Command;
use crate::domain::list::Count;
use crate::domain::record::{Kind, Pane};

/// A tab, or what stands between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The pane that it opens; none between tabs.
    pub pane: Option<Pane>,
    /// Its first column.
    pub from: u16,
    /// The column behind its last.
    pub to: u16,
    /// What it says.
    pub spans: Vec<Span>,
}

/// How the tabs are written.
struct Shape {
    joint: &'static str,
    counts: Counts,
    names: Names,
}

/// How much is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Whole,
    /// In three characters.
    Short,
    /// Only what is late.
    Urgent,
    None,
}

/// How much of the panes' names is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Whole,
    /// All but the longest.
    Shorter,
    Shortest,
}

const fn shape(joint: &'static str, counts: Counts, names: Names) -> Shape {
    Shape {
        joint,
        counts,
        names,
    }
}

/// As much as fits: whole first, then closer together, then shorter counts, then names, then fewer
/// counts.
const SHAPES: [Shape; 7] = [
    shape(" │ ", Counts::Whole, Names::Whole),
    shape("│", Counts::Whole, Names::Whole),
    shape("│", Counts::Short, Names::Whole),
    shape("│", Counts::Short, Names::Shorter),
    shape("│", Counts::Short, Names::Shortest),
    shape("│", Counts::Urgent, Names::Shortest),
    shape("│", Counts::None, Names::Shortest),
];

fn width(spans: &[Span]) -> usize {
    spans.iter().map(Span::width).sum()
}

impl App {
    /// The tabs in a window of so many columns.
    pub fn tabs(&self, columns: u16) -> Vec<Tab> {
        let mut pieces = Vec::new();
        for shape in &SHAPES {
            pieces = self.tab_pieces(shape);
            let wide: usize = pieces.iter().map(|(_, spans)| width(spans)).sum();
            if wide < columns as usize {
                break;
            }
        }
        let mut at = 1_u16.min(columns);
        pieces
            .into_iter()
            .map(|(pane, spans)| {
                let from = at;
                at = (at + width(&spans) as u16).min(columns);
                Tab {
                    pane,
                    from,
                    to: at,
                    spans,
                }
            })
            .collect()
    }

    /// The pane whose tab is at a column.
    pub(super) fn tab_at(&self, column: u16) -> Option<Pane> {
        let tabs = self.tabs(self.size.0);
        let hit = tabs.iter().find(|tab| (tab.from..tab.to).contains(&column));
        hit.and_then(|tab| tab.pane)
    }

    fn tab_pieces(&self, shape: &Shape) -> Vec<(Option<Pane>, Vec<Span>)> {
        let mut pieces = Vec::new();
        for (index, pane) in Pane::ALL.iter().enumerate() {
            if index > 0 {
                pieces.push((None, vec![muted(shape.joint)]));
            }
            let key = self.keymap.shown(Command::of_pane(*pane));
            let title = match (shape.names, pane) {
                (Names::Shorter | Names::Shortest, Pane::Of(Kind::Shipment)) => "Shp",
                (Names::Whole | Names::Shorter, pane) => pane.title(),
                (Names::Shortest, Pane::Next) => "Nxt",
                (Names::Shortest, Pane::Of(Kind::Order)) => "Ord",
                (Names::Shortest, Pane::Of(Kind::Stock)) => "Stk",
                (Names::Shortest, Pane::Of(Kind::Inspection)) => "QC",
                (Names::Shortest, Pane::Of(Kind::Ticket)) => "Tkt",
            };
            let count = |count: Count| match (shape.counts, count.0) {
                (Counts::Short | Counts::Urgent, 1000..) => "1k+".to_owned(),
                _ => count.to_string(),
            };
            let mut spans = vec![muted(format!("{key} ")), strong(title)];
            if let Some(counts) = &self.counts {
                let of = counts.of(*pane);
                if matches!(shape.counts, Counts::Whole | Counts::Short) {
                    spans.push(plain(format!(" {}", count(of.open))));
                }
                if of.urgent.0 > 0 && shape.counts != Counts::None {
                    let urgent = format!(" ⚑{}", count(of.urgent));
                    spans.push(Span::new(urgent, Tone::Bad));
                }
            }
            pieces.push((Some(*pane), spans));
        }
        pieces
    }
}
