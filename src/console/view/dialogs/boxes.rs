//! What every dialog is drawn with: a box, its keys, its lines.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::super::frame;
use super::super::theme::Theme;
use super::super::{blank, write};
use crate::console::app::{Document, Edit, Geometry, Span, cut, muted, plain, strong};
use crate::domain::text;

/// Columns inside a box that would have so many, in this window.
pub(super) fn inside(g: &Geometry, columns: u16) -> usize {
    columns.min(g.body.width.saturating_sub(6)) as usize
}

/// The window with no more of its body than a box of so many lines takes at its foot.
pub(super) fn foot(g: &Geometry, lines: usize) -> Geometry {
    let height = (lines as u16 + 2).min(g.body.height);
    Geometry {
        body: Rect {
            y: g.body.bottom() - height,
            height,
            ..g.body
        },
        ..*g
    }
}

/// A box that leaves less than this beside it stands alone in its rows: what would be left of them
/// makes no sense.
const BESIDE: u16 = 12;

/// An empty box in the middle of the body for so many lines, with a title and a last line that
/// says the keys; answers its inside. It is wider where its keys ask for that. A title that does
/// not fit in the frame stands under it, whole.
pub(super) fn boxed(
    buffer: &mut Buffer,
    g: &Geometry,
    title: &str,
    keys: &[Span],
    columns: u16,
    lines: usize,
    theme: Theme,
) -> Rect {
    let wanted: usize = keys.iter().map(Span::width).sum();
    let columns = columns.max(wanted as u16 + 2);
    let width = (columns + 4).min(g.body.width.saturating_sub(2));
    let mut heading = Document::default();
    if text::width(title) > (width as usize).saturating_sub(6) {
        heading.flow(vec![strong(title)]);
    }
    let heading = heading.lines(inside(g, columns));
    let height = ((heading.len() + lines) as u16 + 2).min(g.body.height + 1);
    let area = Rect {
        x: (g.body.width - width) / 2,
        y: g.body.y + (g.body.height + 1 - height) / 2,
        width,
        height,
    };
    let cleared = if g.body.width - width <= BESIDE {
        Rect {
            x: g.body.x,
            width: g.body.width,
            ..area
        }
    } else {
        area
    };
    blank(buffer, cleared);
    let inner = (width - 2) as usize;
    let style = theme.frame();
    let side = "─".repeat(inner);
    buffer.set_string(area.x, area.y, format!("┌{side}┐"), style);
    buffer.set_string(area.x, area.bottom() - 1, format!("└{side}┘"), style);
    for y in area.y + 1..area.bottom() - 1 {
        buffer.set_string(area.x, y, "│", style);
        buffer.set_string(area.right() - 1, y, "│", style);
    }
    if heading.is_empty() {
        let title = [plain(" "), strong(title), plain(" ")];
        let place = Rect::new(area.x + 2, area.y, width.saturating_sub(4), 1);
        write(buffer, place, &title, theme);
    }
    if !keys.is_empty() {
        let mut padded = vec![plain(" ")];
        padded.extend(keys.iter().cloned());
        padded.push(plain(" "));
        let place = Rect::new(area.x + 2, area.bottom() - 1, width.saturating_sub(4), 1);
        write(buffer, place, &cut(padded, place.width as usize), theme);
    }
    let inner = Rect::new(area.x + 2, area.y + 1, width - 4, height - 2);
    for (row, spans) in heading.iter().enumerate().take(inner.height as usize) {
        write(buffer, line(inner, row), &spans.spans, theme);
    }
    let taken = (heading.len() as u16).min(inner.height);
    Rect {
        y: inner.y + taken,
        height: inner.height - taken,
        ..inner
    }
}

/// Says over the right end of this area how many lines are out of sight above and below.
pub(super) fn unseen(buffer: &mut Buffer, area: Rect, above: usize, below: usize, theme: Theme) {
    if let Some(more) = frame::unseen(above, below) {
        let more = [plain(" "), more, plain(" ")];
        let width = more.iter().map(Span::width).sum::<usize>() as u16;
        let place = Rect {
            x: area.right().saturating_sub(width),
            y: area.y.saturating_sub(1),
            width: width.min(area.width),
            height: 1,
        };
        write(buffer, place, &more, theme);
    }
}

/// Hints: a key and what it does, and so on.
pub(super) fn keys(hints: &[(&str, &str)]) -> Vec<Span> {
    let mut spans = Vec::new();
    for (key, word) in hints {
        if !spans.is_empty() {
            spans.push(plain("  "));
        }
        spans.push(strong(key));
        spans.push(muted(format!(" {word}")));
    }
    spans
}

pub(super) fn line(area: Rect, index: usize) -> Rect {
    Rect {
        y: area.y + index as u16,
        height: 1,
        ..area
    }
}

/// A line being written, scrolled so that its cursor shows, with a sign where it goes on; answers
/// where the cursor is.
pub(super) fn draw_edit(buffer: &mut Buffer, edit: &Edit, area: Rect, style: Style) -> Position {
    let (before, after) = edit.halves();
    let wide = area.width as usize;
    let room = wide.saturating_sub(1);
    let (before, after) = (text::plain(before), text::plain(after));
    // Back from the cursor as far as there is room, however long the line is.
    let (mut from, mut columns) = (before.len(), 0);
    let mut pieces = before.grapheme_indices(true).rev().peekable();
    while let Some((at, grapheme)) = pieces.next() {
        let sign = usize::from(pieces.peek().is_some());
        columns += text::width(grapheme);
        if columns + sign > room {
            break;
        }
        from = at;
    }
    let sign = if from > 0 { "…" } else { "" };
    let seen = format!("{sign}{}", &before[from..]);
    let line = format!("{seen}{after}");
    buffer.set_stringn(area.x, area.y, text::fit(&line, wide), wide, style);
    Position::new(area.x + text::width(&seen) as u16, area.y)
}
