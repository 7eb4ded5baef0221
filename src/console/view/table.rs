//! The one table behind every list: it builds only the rows that are seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::theme::Theme;
use crate::console::app::{Context, List, Row, Span, Tone};
use crate::domain::list::SortColumn;
use crate::domain::record::Record;
use crate::domain::text;

/// Columns before the first: the cursor, the mark, the flag, a space.
const GUTTER: u16 = 4;

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its title.
    pub(super) title: &'static str,
    /// How wide it is; a flexible one takes its share of what is left, and at least this.
    pub(super) width: u16,
    /// Its share of what is left; 0 for a column of fixed width.
    pub(super) share: u16,
    /// Aligned at its right: numbers and spans.
    pub(super) right: bool,
    /// The sort that it shows.
    pub(super) sort: Option<SortColumn>,
    /// Shown from so many columns of the list on.
    pub(super) from: u16,
}

/// A column of fixed width.
pub(super) const fn fixed(title: &'static str, width: u16) -> Column {
    Column {
        title,
        width,
        share: 0,
        right: false,
        sort: None,
        from: 0,
    }
}

/// A column that takes its share of what is left.
pub(super) const fn flex(title: &'static str, least: u16, share: u16) -> Column {
    Column {
        share,
        ..fixed(title, least)
    }
}

impl Column {
    /// Aligned at its right.
    pub(super) const fn right(self) -> Self {
        Self {
            right: true,
            ..self
        }
    }

    /// It shows a sort.
    pub(super) const fn sorts(self, by: SortColumn) -> Self {
        Self {
            sort: Some(by),
            ..self
        }
    }

    /// Shown only where there is room.
    pub(super) const fn from(self, columns: u16) -> Self {
        Self {
            from: columns,
            ..self
        }
    }
}

/// Columns too many for any window: those that are shown only where somebody chose them.
const NEVER: u16 = u16::MAX;

impl Column {
    /// Shown only where somebody chose it.
    pub(super) const fn chosen(self) -> Self {
        self.from(NEVER)
    }
}

/// What a kind of record shows in its list.
pub(super) struct Kind {
    /// The columns.
    pub(super) columns: &'static [Column],
    /// One cell for each column.
    pub(super) cells: fn(&Record, Context) -> Vec<Span>,
    /// Whether the row wants attention.
    pub(super) flagged: fn(&Record, Context) -> bool,
}

/// Draws a list with its titles.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    list: &List,
    kind: &Kind,
    ctx: Context,
    theme: Theme,
) {
    let shown = shown(kind.columns, list.columns.as_deref(), area.width);
    titles(buffer, area, list, kind.columns, &shown, theme);
    let rows = area.height.saturating_sub(1) as usize;
    let seen = list.rows.iter().enumerate().skip(list.top).take(rows);
    for (line, (index, row)) in (1_u16..).zip(seen) {
        let area = Rect::new(area.x, area.y + line, area.width, 1);
        let selected = index == list.selected_index();
        draw_row(
            buffer,
            area,
            row,
            selected,
            list.is_marked(index),
            kind,
            &shown,
            ctx,
            theme,
        );
    }
}

/// The titles of the columns that a list of so many columns of the screen has room for.
pub(super) fn fitting(kind: &Kind, chosen: Option<&[String]>, wide: u16) -> Vec<&'static str> {
    let shown = shown(kind.columns, chosen, wide).into_iter();
    shown.map(|(at, _)| kind.columns[at].title).collect()
}

/// A column that is shown: its index, and how wide it is.
type Shown = (usize, u16);

/// The columns that are shown, left to right: those that were chosen, as far as there is room for
/// them, or else those that the width has room for.
fn shown(columns: &[Column], chosen: Option<&[String]>, wide: u16) -> Vec<Shown> {
    let mut seen: Vec<usize> = match chosen {
        Some(titles) => titles
            .iter()
            .filter_map(|title| columns.iter().position(|column| column.title == title))
            .collect(),
        None => (0..columns.len())
            .filter(|at| columns[*at].from <= wide)
            .collect(),
    };
    let taken = |seen: &[usize]| GUTTER + seen.iter().map(|at| columns[*at].width + 1).sum::<u16>();
    while chosen.is_some() && seen.len() > 1 && taken(&seen) > wide + 1 {
        // First those that such a width would not have by itself.
        let spare = seen.iter().rposition(|at| columns[*at].from > wide);
        seen.remove(spare.unwrap_or(seen.len() - 1));
    }
    let mut left = wide.saturating_sub(taken(&seen));
    let mut shares: u16 = seen.iter().map(|at| columns[*at].share).sum();
    seen.into_iter()
        .map(|at| {
            let column = &columns[at];
            let more = (left * column.share).checked_div(shares).unwrap_or(0);
            left -= more;
            shares -= column.share;
            (at, column.width + more)
        })
        .collect()
}

fn titles(
    buffer: &mut Buffer,
    area: Rect,
    list: &List,
    columns: &[Column],
    shown: &[Shown],
    theme: Theme,
) {
    let mut x = area.x + GUTTER;
    for (at, width) in shown {
        let column = &columns[*at];
        let sort = list.query.sort;
        let sorted = column.sort == Some(sort.column);
        let mut title = column.title.to_owned();
        let mut style = theme.tone(Tone::Muted);
        if sorted {
            title.push(if sort.descending { '↓' } else { '↑' });
            style = Style::new().add_modifier(Modifier::BOLD);
        }
        put(buffer, x, area.y, *width, &title, column.right, style);
        x += width + 1;
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "a row is drawn with all that its list knows"
)]
fn draw_row(
    buffer: &mut Buffer,
    area: Rect,
    row: &Row,
    selected: bool,
    marked: bool,
    kind: &Kind,
    shown: &[Shown],
    ctx: Context,
    theme: Theme,
) {
    let base = match (selected, row.left) {
        (true, false) => theme.selected(),
        (true, true) => theme.selected().add_modifier(Modifier::DIM),
        (false, true) => Style::new().add_modifier(Modifier::DIM),
        (false, false) => Style::new(),
    };
    buffer.set_style(area, base);
    let toned = |tone: Tone| {
        // On the reversed bar colours would be patches; the words say it too.
        if selected {
            base
        } else {
            base.patch(theme.tone(tone))
        }
    };
    let cursor = if selected { ">" } else { " " };
    buffer.set_stringn(area.x, area.y, cursor, 1, base);
    let (sign, tone) = match (row.left, marked, &row.changed) {
        (true, ..) => ("×", Tone::Muted),
        (_, true, _) => ("+", Tone::Strong),
        (_, _, Some(_)) => ("▏", Tone::Warn),
        _ => (" ", Tone::Plain),
    };
    buffer.set_stringn(area.x + 1, area.y, sign, 1, toned(tone));
    if (kind.flagged)(&row.record, ctx) {
        buffer.set_stringn(area.x + 2, area.y, "⚑", 1, toned(Tone::Bad));
    }
    let cells = (kind.cells)(&row.record, ctx);
    let before = row
        .changed
        .as_ref()
        .and_then(|(_, before)| before.as_ref())
        .map(|before| (kind.cells)(before, ctx));
    let mut x = area.x + GUTTER;
    for &(at, width) in shown {
        let Some(cell) = cells.get(at) else {
            continue;
        };
        let mut style = toned(cell.tone);
        if before
            .as_ref()
            .is_some_and(|before| before[at].text != cell.text)
        {
            style = style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        }
        put(
            buffer,
            x,
            area.y,
            width,
            &cell.text,
            kind.columns[at].right,
            style,
        );
        x += width + 1;
    }
}

/// Text in a column, cut and aligned.
fn put(buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, right: bool, style: Style) {
    let text = text::fit(text, width as usize);
    let taken = text::width(&text) as u16;
    let x = if right {
        x + width.saturating_sub(taken)
    } else {
        x
    };
    let room = buffer.area.right().saturating_sub(x).min(width);
    buffer.set_stringn(x, y, &text, room as usize, style);
}

#[cfg(test)]
mod tests {
    use super::super::pane_view;
    use super::*;
    use crate::domain::record::Pane;

    #[test]
    fn the_columns_of_every_list_have_room_in_every_window() {
        for pane in Pane::ALL {
            for wide in 40..=250 {
                let shown = shown(pane_view(*pane).columns, None, wide);
                let taken = GUTTER + shown.iter().map(|(_, width)| width + 1).sum::<u16>();
                assert!(taken <= wide + 1, "{pane:?} takes {taken} of {wide}");
                let titles = shown
                    .iter()
                    .map(|(at, _)| pane_view(*pane).columns[*at].title);
                assert!(
                    titles
                        .clone()
                        .any(|title| title == "left" || title == "short")
                );
            }
        }
    }

    #[test]
    fn columns_share_what_is_left_to_the_last_one() {
        const COLUMNS: &[Column] = &[
            fixed("a", 8),
            flex("b", 10, 2),
            flex("c", 5, 1),
            fixed("d", 6).from(100),
        ];
        let sum = |shown: &[Shown]| shown.iter().map(|(_, width)| width).sum::<u16>();
        let some = shown(COLUMNS, None, 80);
        assert_eq!(some.len(), 3);
        assert_eq!(GUTTER + sum(&some) + 3, 80);
        let all = shown(COLUMNS, None, 100);
        assert_eq!(GUTTER + sum(&all) + 4, 100);
        let chosen = ["d", "a", "nothing"].map(str::to_owned);
        assert_eq!(shown(COLUMNS, Some(&chosen), 80), [(3, 6), (0, 8)]);
        assert_eq!(shown(COLUMNS, Some(&chosen), 12), [(0, 8)]);
    }
}
