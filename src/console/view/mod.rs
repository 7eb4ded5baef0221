//! Draws the state and changes nothing.

mod dialogs;
mod frame;
mod inspections;
mod links;
mod lists;
mod next;
mod orders;
mod shipments;
mod stock;
mod table;
mod theme;
mod tickets;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

pub use theme::{Part, THEMES, Theme};

use super::app::{App, Context, Document, Geometry, Line, Place, Span, Tone, facts};
use super::input::Command;
use super::terminal::Link;
use crate::domain::record::{Kind, Pane, Record};
use crate::domain::text;

/// What a frame has beside its cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Where the text cursor is, if a text is being written.
    pub cursor: Option<Position>,
    /// What leads to a page of the web.
    pub links: Vec<Link>,
}

/// Draws the whole window.
pub fn draw(frame: &mut Frame, app: &App, theme: Theme) -> Drawn {
    let area = frame.area();
    let Some(g) = Geometry::of(area.width, area.height) else {
        let mut why = Document::default();
        why.flow(vec![Span::new(
            "The window is too small: 40×12 at least.",
            Tone::Plain,
        )]);
        let lines = why.lines(area.width as usize);
        for (line, row) in lines.iter().zip(area.rows()) {
            write(frame.buffer_mut(), row, &line.spans, theme);
        }
        theme.finish(frame.buffer_mut());
        return Drawn::default();
    };
    let buffer = frame.buffer_mut();
    frame::header(buffer, g.header, app, theme);
    frame::tabs(buffer, g.tabs, app, theme);
    frame::title(buffer, g.title, app, &g, theme);
    let unseen = match app.journey.here() {
        Place::Pane(shown) => pane(buffer, *shown, app, &g, theme),
        Place::Record(_) => {
            record(buffer, app, &g, theme);
            0
        }
    };
    // A dialog takes the keys, and says itself which.
    let cursor = if let Some(dialog) = &app.dialog {
        frame::said(buffer, g.rule, app, 0, theme);
        dialogs::draw(buffer, dialog, app, &g, theme)
    } else {
        frame::said(buffer, g.rule, app, unseen, theme);
        frame::footer(buffer, g.footer, app, theme);
        None
    };
    let links = links::find(buffer, app, &g);
    theme.finish(buffer);
    Drawn { cursor, links }
}

const fn pane_view(pane: Pane) -> &'static table::Kind {
    match pane {
        Pane::Next => &next::KIND,
        Pane::Of(Kind::Order) => &orders::KIND,
        Pane::Of(Kind::Stock) => &stock::KIND,
        Pane::Of(Kind::Shipment) => &shipments::KIND,
        Pane::Of(Kind::Inspection) => &inspections::KIND,
        Pane::Of(Kind::Ticket) => &tickets::KIND,
    }
}

/// What a list of a kind shows of a record in the columns of these titles.
pub fn cells(kind: Kind, titles: &[String], record: &Record, ctx: Context) -> Vec<String> {
    let view = pane_view(Pane::Of(kind));
    let cells = (view.cells)(record, ctx);
    let columns = titles.iter().map(|title| {
        let at = view.columns.iter().position(|column| column.title == title);
        let cell = at.and_then(|at| cells.get(at));
        cell.map(|cell| cell.text.clone()).unwrap_or_default()
    });
    columns.collect()
}

/// A list and its detail; answers how many lines of the detail are not seen.
fn pane(buffer: &mut Buffer, pane: Pane, app: &App, g: &Geometry, theme: Theme) -> usize {
    let list = app.list(pane);
    table::draw(buffer, g.list, list, pane_view(pane), app.context(), theme);
    if list.rows.is_empty() {
        empty(buffer, app, g, theme);
    }
    if g.is_beside() {
        for y in g.divider.top()..g.divider.bottom() {
            buffer.set_string(g.divider.x, y, "│", theme.frame());
        }
    } else {
        frame::rule(
            buffer,
            g.divider,
            &[],
            &facts::dotted(frame::at_selected(app)),
            theme,
        );
    }
    detail(buffer, app, g, theme)
}

/// What to do with a database that has just been made.
const NOTHING_YET: &str = "\
There is nothing here yet. In a shell,

packline demo                               shows a shop at work
packline import catalog FILE                brings in products and stock
packline import orders FILE --channel NAME  brings in orders";

/// Why a list shows nothing, and what to do about it.
fn empty(buffer: &mut Buffer, app: &App, g: &Geometry, theme: Theme) {
    let list = app.list_here();
    let text = if let Some(error) = &list.error {
        error.clone()
    } else if !list.loaded {
        "reading …".to_owned()
    } else if app.counts.as_ref().is_some_and(|counts| counts.nothing_yet) {
        NOTHING_YET.to_owned()
    } else if list.filter_text.is_empty() {
        match list.pane() {
            Pane::Next => "No promise is open.",
            Pane::Of(Kind::Order) => {
                "No open orders. `packline import orders FILE` brings some in."
            }
            Pane::Of(Kind::Stock) => "Nothing is low or short.",
            Pane::Of(Kind::Shipment) => "No parcels under way.",
            Pane::Of(Kind::Inspection) => "No checks due.",
            Pane::Of(Kind::Ticket) => "No open tickets.",
        }
        .to_owned()
    } else {
        let clear = app.keymap.shown(Command::Clear);
        let all = match list.pane() {
            Pane::Next => ".",
            Pane::Of(_) => "; `all` also shows what is closed.",
        };
        format!("Nothing matches. {clear} drops the filter{all}")
    };
    for (line, y) in text.lines().zip(g.list.y + 2..g.list.bottom()) {
        let area = Rect {
            x: g.list.x + 4,
            y,
            width: g.list.width.saturating_sub(4),
            height: 1,
        };
        write(buffer, area, &[Span::new(line, Tone::Muted)], theme);
    }
}

fn detail(buffer: &mut Buffer, app: &App, g: &Geometry, theme: Theme) -> usize {
    let document = app.detail_document();
    let area = Rect {
        x: g.detail.x + 1,
        width: g.detail.width.saturating_sub(2),
        ..g.detail
    };
    let mut lines = document.lines(area.width as usize);
    if !g.is_beside() {
        // Few lines: none of them empty.
        lines.retain(|line| !line.spans.is_empty());
    }
    let height = area.height as usize;
    for (y, line) in (area.y..).zip(lines.iter().take(height)) {
        write(
            buffer,
            Rect {
                y,
                height: 1,
                ..area
            },
            &line.spans,
            theme,
        );
    }
    lines.len().saturating_sub(height)
}

fn record(buffer: &mut Buffer, app: &App, g: &Geometry, theme: Theme) {
    let Some(page) = app.journey.page() else {
        return;
    };
    if page.record().is_none() || page.missing {
        let text = match (&page.error, page.missing) {
            (Some(why), _) => why.as_str(),
            (None, true) => "There is no such record any more.",
            (None, false) => "reading …",
        };
        let area = Rect {
            x: 2,
            height: 1,
            ..g.body
        };
        return write(buffer, area, &[Span::new(text, Tone::Muted)], theme);
    }
    let lines = app.page_lines(g.page_columns());
    page_lines(buffer, g, &lines, page.top, Some(page.cursor), theme);
}

/// The lines of a page from one on, with a cursor at one of them.
fn page_lines(
    buffer: &mut Buffer,
    g: &Geometry,
    lines: &[Line],
    top: usize,
    cursor: Option<usize>,
    theme: Theme,
) {
    let seen = lines.iter().enumerate().skip(top).take(g.page_rows());
    for (y, (index, line)) in (g.body.y..).zip(seen) {
        let area = Rect {
            x: g.body.x + 2,
            y,
            width: g.body.width.saturating_sub(3),
            height: 1,
        };
        write(buffer, area, &line.spans, theme);
        if cursor == Some(index) {
            let sign = Style::new().add_modifier(Modifier::BOLD);
            buffer.set_string(g.body.x, y, ">", sign);
            if line.link.is_some() {
                let line = Rect {
                    x: g.body.x,
                    width: g.body.width,
                    ..area
                };
                select(buffer, line, theme);
            }
        }
    }
}

/// Spans from the left of an area, in no look but their own: over a rule that is dim they are not.
/// What does not fit is cut.
fn write(buffer: &mut Buffer, area: Rect, spans: &[Span], theme: Theme) {
    let mut x = area.x;
    for span in spans {
        let room = area.right().saturating_sub(x);
        if room == 0 {
            break;
        }
        let style = Style::reset().patch(theme.tone(span.tone));
        (x, _) = buffer.set_stringn(x, area.y, &span.text, room as usize, style);
    }
}

/// Lays the bar of what is selected over an area. No look of what stands there shines through:
/// reversed, colours would be patches, and muted text would be lost in it.
fn select(buffer: &mut Buffer, area: Rect, theme: Theme) {
    buffer.set_style(area, Style::reset().patch(theme.selected()));
}

/// Empties an area. A wide character that begins in the column before it and reaches into it goes
/// too: a terminal that drew it would leave out the column that it covers.
fn blank(buffer: &mut Buffer, area: Rect) {
    if let Some(x) = area.x.checked_sub(1) {
        for y in area.top()..area.bottom() {
            if let Some(cell) = buffer.cell_mut((x, y))
                && text::width(cell.symbol()) > 1
            {
                cell.set_symbol(" ");
            }
        }
    }
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
        }
    }
}
