//! Saved views and columns.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::super::theme::Theme;
use super::super::{pane_view, select, table, write};
use super::boxes::{boxed, draw_edit, keys, line, unseen};
use crate::console::app::{
    App, Arranging, Geometry, Naming, Shelf, Span, Tone, bad, cut, muted, plain, strong,
};
use crate::domain::text;

/// The saved views of a pane.
pub(super) fn shelf(
    buffer: &mut Buffer,
    shelf: &Shelf,
    app: &App,
    g: &Geometry,
    theme: Theme,
) -> Option<Position> {
    if let Some(naming) = &shelf.naming {
        return Some(naming_box(buffer, naming, app, g, theme));
    }
    let views = app.views_here();
    let asked = views.iter().find(|view| shelf.asks == Some(view.id));
    let hints = match asked {
        Some(_) => keys(&[("y", "throw it away"), ("n", "no")]),
        None => keys(&[
            ("enter", "open"),
            ("n", "name what is shown"),
            ("x", "throw away"),
            ("esc", "close"),
        ]),
    };
    let title = match asked {
        Some(view) => format!("throw the view {} away?", view.name),
        None => format!("views of {}", app.kind_here().plural()),
    };
    let height = views.len().clamp(1, 12);
    let inner = boxed(buffer, g, &title, &hints, 66, height, theme);
    if views.is_empty() {
        let text = match &app.views_unread {
            Some(why) => bad(format!("They could not be read: {why}")),
            None => muted("None yet. A view is a filter, a sort and columns under a name."),
        };
        write(buffer, line(inner, 0), &[text], theme);
    }
    let picked = shelf.picked.min(views.len().saturating_sub(1));
    let top = (picked + 1).saturating_sub(inner.height as usize);
    let seen = views.iter().skip(top).take(inner.height as usize);
    for (row, view) in seen.enumerate() {
        let area = line(inner, row);
        let name = text::fit(&view.name, 24);
        let pad = " ".repeat(24 - text::width(&name));
        let whose = if !view.shared {
            "yours".to_owned()
        } else if view.owner == app.person.login {
            "yours, shared".to_owned()
        } else {
            format!("{}'s", view.owner)
        };
        let spans = vec![
            plain(if top + row == picked { "> " } else { "  " }),
            strong(format!("{name}{pad} ")),
            muted(format!("{:<14} ", text::fit(&whose, 14))),
            plain(if view.look.filter.is_empty() {
                "open work".to_owned()
            } else {
                format!("/{}", view.look.filter)
            }),
        ];
        write(buffer, area, &cut(spans, area.width as usize), theme);
        if top + row == picked {
            select(buffer, area, theme);
        }
    }
    let below = views.len().saturating_sub(top + inner.height as usize);
    unseen(buffer, inner, top, below, theme);
    None
}

pub(super) fn naming_box(
    buffer: &mut Buffer,
    naming: &Naming,
    app: &App,
    g: &Geometry,
    theme: Theme,
) -> Position {
    let list = app.list_here();
    let hints = if naming.sending.is_some() {
        vec![muted("being kept …")]
    } else {
        keys(&[
            ("enter", "keep it"),
            ("tab", "yours or shared"),
            ("esc", "back"),
        ])
    };
    let inner = boxed(buffer, g, "name what is shown", &hints, 60, 4, theme);
    let label = |text: &str| muted(format!("{text:<8}"));
    let underline = Style::new().add_modifier(Modifier::UNDERLINED);
    write(buffer, line(inner, 0), &[label("name")], theme);
    let value = Rect {
        x: inner.x + 8,
        width: inner.width.saturating_sub(8),
        ..line(inner, 0)
    };
    buffer.set_style(value, underline);
    let cursor = draw_edit(buffer, &naming.edit, value, underline);
    let (own, shared) = if naming.shared {
        (muted(" yours "), strong("[shared]"))
    } else {
        (strong("[yours]"), muted(" shared "))
    };
    write(buffer, line(inner, 1), &[label("for"), own, shared], theme);
    let filter = if list.filter_text.is_empty() {
        "open work".to_owned()
    } else {
        format!("/{}", list.filter_text)
    };
    let sort = list.query.sort;
    let arrow = if sort.descending { "↓" } else { "↑" };
    let shows = format!("{filter} · by {}{arrow}", sort.column);
    let spans = vec![label("shows"), plain(shows)];
    write(
        buffer,
        line(inner, 2),
        &cut(spans, inner.width as usize),
        theme,
    );
    let last = match &naming.error {
        Some(error) => vec![bad(format!("! {error}"))],
        None => match &list.columns {
            Some(columns) => vec![label(""), plain(columns.join(", "))],
            None => vec![],
        },
    };
    write(
        buffer,
        line(inner, 3),
        &cut(last, inner.width as usize),
        theme,
    );
    cursor
}

/// The columns of a pane, to choose from.
pub(super) fn columns(
    buffer: &mut Buffer,
    arranging: &Arranging,
    app: &App,
    g: &Geometry,
    theme: Theme,
) {
    let hints = keys(&[
        ("space", "show"),
        ("← →", "move"),
        ("enter", "keep"),
        ("d", "as it was"),
        ("esc", "close"),
    ]);
    let chosen = app.arranged(arranging);
    let kind = pane_view(app.journey.pane());
    let seen = table::fitting(kind, chosen.as_deref(), g.list.width);
    let height = arranging.rows.len().min(14);
    let inner = boxed(buffer, g, "columns", &hints, 56, height, theme);
    let top = (arranging.picked + 1).saturating_sub(inner.height as usize);
    let rows = arranging.rows.iter().skip(top).take(inner.height as usize);
    for (row, (title, shown)) in rows.enumerate() {
        let area = line(inner, row);
        let at_cursor = top + row == arranging.picked;
        let mut spans = vec![
            plain(if at_cursor { "> " } else { "  " }),
            plain(if *shown { "[x] " } else { "[ ] " }),
            if *shown { strong(title) } else { muted(title) },
        ];
        if *shown && !seen.contains(&title.as_str()) {
            spans.push(Span::new("  no room at this width", Tone::Warn));
        }
        write(buffer, area, &spans, theme);
        if at_cursor {
            select(buffer, area, theme);
        }
    }
    let below = arranging
        .rows
        .len()
        .saturating_sub(top + inner.height as usize);
    unseen(buffer, inner, top, below, theme);
}
