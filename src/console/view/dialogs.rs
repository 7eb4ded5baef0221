//! What stands over the page.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::Widget;
use unicode_segmentation::UnicodeSegmentation as _;

use super::theme::Theme;
use super::{blank, page_lines, write};
use crate::console::app::{
    App, Arranging, Bulk, Candidate, CommandLine, Confirm, Conflict, Dialog, Document, Edit, Field,
    FilterLine, Form, Geometry, Naming, Offered, Reading, Shelf, Span, Tone, Value, cut,
};
use crate::console::input::Command;
use crate::domain::text;
use crate::domain::verbs::{ArgKind, Danger};

fn plain(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Plain)
}

fn muted(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Muted)
}

fn strong(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Strong)
}

fn bad(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Bad)
}

/// Draws a dialog; answers where the text cursor is, if a text is being written.
pub(super) fn draw(
    buffer: &mut Buffer,
    dialog: &Dialog,
    app: &App,
    g: &Geometry,
    theme: Theme,
) -> Option<Position> {
    match dialog {
        Dialog::Menu { picked } => menu(buffer, *picked, app, g, theme),
        Dialog::Form(shown) => return form(buffer, shown, g, theme),
        Dialog::Confirm(shown) => confirm(buffer, shown, g, theme),
        Dialog::Bulk(shown) => bulk(buffer, shown, g, theme),
        Dialog::Conflict(shown) => conflict(buffer, shown, app, g, theme),
        Dialog::Discard(shown) => discard(buffer, shown, g, theme),
        Dialog::Filter(line) => return Some(filter(buffer, line, g, theme)),
        Dialog::Views(shown) => return shelf(buffer, shown, app, g, theme),
        Dialog::Columns(shown) => columns(buffer, shown, g, theme),
        Dialog::Command(line) => return Some(command_line(buffer, line, app, g, theme)),
        Dialog::Copy { things, picked } => super::copy::draw(buffer, things, *picked, g, theme),
        Dialog::Reading { what, top } => reading(buffer, *what, *top, app, g, theme),
    }
    None
}

/// An empty box in the middle of the body for so many lines, with a title and a last line that
/// says the keys; answers its inside.
pub(super) fn boxed(
    buffer: &mut Buffer,
    g: &Geometry,
    title: &str,
    keys: &[Span],
    columns: u16,
    lines: usize,
    theme: Theme,
) -> Rect {
    let width = (columns + 4).min(g.body.width.saturating_sub(2));
    let height = (lines as u16 + 2).min(g.body.height + 1);
    let area = Rect {
        x: (g.body.width - width) / 2,
        y: g.body.y + (g.body.height + 1 - height) / 2,
        width,
        height,
    };
    blank(buffer, area);
    let inner = (width - 2) as usize;
    let style = theme.frame();
    let side = "─".repeat(inner);
    buffer.set_string(area.x, area.y, format!("┌{side}┐"), style);
    buffer.set_string(area.x, area.bottom() - 1, format!("└{side}┘"), style);
    for y in area.y + 1..area.bottom() - 1 {
        buffer.set_string(area.x, y, "│", style);
        buffer.set_string(area.right() - 1, y, "│", style);
    }
    let heading = format!(" {} ", text::fit(title, inner.saturating_sub(4)));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    buffer.set_string(area.x + 2, area.y, heading, bold);
    if !keys.is_empty() {
        let mut padded = vec![plain(" ")];
        padded.extend(keys.iter().cloned());
        padded.push(plain(" "));
        let place = Rect::new(area.x + 2, area.bottom() - 1, width.saturating_sub(4), 1);
        write(buffer, place, &padded, theme);
    }
    Rect::new(area.x + 2, area.y + 1, width - 4, height - 2)
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

fn menu(buffer: &mut Buffer, picked: usize, app: &App, g: &Geometry, theme: Theme) {
    let items = app.menu();
    let targets = app.targets();
    let title = match targets.as_slice() {
        [only] => only.number(),
        many => format!("{} {}", many.len(), app.kind_here().plural()),
    };
    let others = app.menu_of_others();
    let names = items
        .iter()
        .map(|(verb, _)| verb.name.len())
        .max()
        .unwrap_or(0);
    let able = items.iter().filter(|(_, why)| why.is_none()).count();
    let gap = usize::from(able > 0 && (able < items.len() || others.is_some()));
    let hints = keys(&[("enter", "do it"), ("esc", "close")]);
    let lines = items.len() + gap + usize::from(others.is_some());
    let inner = boxed(buffer, g, &title, &hints, 72, lines, theme);
    let height = inner.height as usize;
    let at = |index: usize| if index >= able { index + gap } else { index };
    let top = (at(picked) + 1).saturating_sub(height);
    for (index, (verb, why)) in items.iter().enumerate() {
        let Some(row) = at(index).checked_sub(top).filter(|row| *row < height) else {
            continue;
        };
        let area = line(inner, row);
        let key = format!("{:<1}", app.keymap.verb_shown(verb));
        let spans = match why {
            None => vec![
                plain(if index == picked { "> " } else { "  " }),
                strong(key),
                plain(format!("  {:<names$}  ", verb.name)),
                muted(match verb.danger {
                    Danger::Confirm => "(asks) ",
                    Danger::None => "",
                }),
                plain(verb.help),
            ],
            Some(why) => vec![
                plain(if index == picked { "> " } else { "  " }),
                muted(key),
                muted(format!("  {:<names$}  ", verb.name)),
                muted(if app.may(verb) { "not now: " } else { "" }),
                muted(why),
            ],
        };
        let spans = cut(spans, area.width as usize);
        write(buffer, area, &spans, theme);
        if index == picked {
            buffer.set_style(area, theme.selected());
        }
    }
    if let Some(others) = others
        && let Some(row) = (items.len() + gap).checked_sub(top)
        && row < height
    {
        write(
            buffer,
            line(inner, row),
            &[muted(format!("  {others}"))],
            theme,
        );
    }
    if gap == 1
        && let Some(row) = able.checked_sub(top)
        && row < height
    {
        let rule = "─".repeat(inner.width as usize);
        buffer.set_string(inner.x, inner.y + row as u16, rule, theme.frame());
    }
}

fn form_title(form: &Form) -> String {
    match form.targets.as_slice() {
        [only] => format!("{} {}", form.verb.name, only.number),
        many => format!(
            "{} {} {}",
            form.verb.name,
            many.len(),
            form.verb.kind.plural()
        ),
    }
}

/// Rows of the box in which a long text is written.
const TEXT_ROWS: usize = 8;
/// Columns inside the box of a form, where there are as many.
const FORM: u16 = 66;

fn form(buffer: &mut Buffer, form: &Form, g: &Geometry, theme: Theme) -> Option<Position> {
    let mut errors = Document::default();
    if let Some(error) = &form.error {
        errors.flow(vec![bad(format!("! {error}"))]);
    }
    let errors = errors.lines(FORM.min(g.body.width.saturating_sub(6)) as usize);
    let height: usize = form
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| 2 + field_rows(field, index == form.focus))
        .sum::<usize>()
        + errors.len()
        + usize::from(!form.skipped.is_empty())
        + 1;
    let hints = if form.sending.is_some() {
        vec![muted("being done …")]
    } else if form.has_button() {
        keys(&[("ctrl-s", "do it"), ("tab", "next"), ("esc", "close")])
    } else if form.fields.len() == 1 {
        keys(&[("enter", "do it"), ("esc", "close")])
    } else {
        keys(&[
            ("enter", "next, then do it"),
            ("tab", "next"),
            ("esc", "close"),
        ])
    };
    let inner = boxed(buffer, g, &form_title(form), &hints, FORM, height, theme);
    let mut row = 0;
    let mut cursor = None;
    write(buffer, line(inner, row), &[muted(form.verb.help)], theme);
    row += 1;
    if !form.skipped.is_empty() {
        let text = format!("not for {}: {}", form.skipped.len(), form.skipped[0].1);
        write(
            buffer,
            line(inner, row),
            &[Span::new(text, Tone::Warn)],
            theme,
        );
        row += 1;
    }
    for (index, field) in form.fields.iter().enumerate() {
        if row + 2 > inner.height as usize {
            break;
        }
        let focused = index == form.focus && form.sending.is_none();
        let area = Rect {
            y: inner.y + row as u16,
            height: inner.height - row as u16,
            ..inner
        };
        let (rows, at) = draw_field(buffer, field, focused, area, theme);
        cursor = cursor.or(at);
        row += rows;
    }
    for (index, error) in errors.iter().enumerate() {
        if row + index < inner.height as usize {
            write(buffer, line(inner, row + index), &error.spans, theme);
        }
    }
    if form.has_button() {
        let place = Rect {
            x: inner.right().saturating_sub(10),
            y: inner.bottom(),
            width: 9,
            height: 1,
        };
        write(buffer, place, &[strong("[ do it ]")], theme);
        if form.at_button() {
            buffer.set_style(place, theme.selected());
        }
    }
    cursor
}

/// Rows that a field takes beyond its label and its one line.
fn field_rows(field: &Field, focused: bool) -> usize {
    let value = match field.value {
        Value::Text(_) => TEXT_ROWS - 1,
        _ => 0,
    };
    let choices = if focused {
        field.choices.len().min(6)
    } else {
        0
    };
    value + choices
}

fn draw_field(
    buffer: &mut Buffer,
    field: &Field,
    focused: bool,
    area: Rect,
    theme: Theme,
) -> (usize, Option<Position>) {
    let need = if field.arg.required {
        ""
    } else {
        " (optional)"
    };
    let label = vec![
        if focused { strong("> ") } else { plain("  ") },
        strong(field.arg.name),
        muted(need),
        match &field.error {
            Some(error) => bad(format!("  ! {error}")),
            None => muted(format!("  {}", field.arg.help)),
        },
    ];
    let label = cut(label, area.width as usize);
    write(buffer, line(area, 0), &label, theme);
    let mut rows = 2;
    let mut cursor = None;
    let value = Rect {
        x: area.x + 2,
        width: area.width.saturating_sub(2),
        ..line(area, 1)
    };
    match &field.value {
        Value::Line(edit) => {
            let underline = Style::new().add_modifier(Modifier::UNDERLINED);
            buffer.set_style(value, underline);
            let at = draw_edit(buffer, edit, value, underline);
            if focused {
                cursor = Some(at);
            }
        }
        Value::Word(picked) => {
            if let ArgKind::OneOf(words) = field.arg.kind {
                let mut spans = Vec::new();
                for (index, word) in words.iter().enumerate() {
                    if *picked == Some(index) {
                        spans.push(strong(format!("[{word}]")));
                    } else {
                        spans.push(muted(format!(" {word} ")));
                    }
                }
                write(buffer, value, &spans, theme);
            }
        }
        Value::Text(text) => {
            let height = (TEXT_ROWS as u16).min(area.height.saturating_sub(1));
            let place = Rect { height, ..value };
            let mut text = text.clone();
            text.set_cursor_line_style(Style::new());
            text.set_cursor_style(if focused {
                Style::new().add_modifier(Modifier::REVERSED)
            } else {
                Style::new()
            });
            (&*text).render(place, buffer);
            for y in place.top()..place.bottom() {
                buffer.set_string(area.x, y, "│", theme.frame());
            }
            rows += TEXT_ROWS - 1;
        }
    }
    if focused {
        let shown = field.choices.iter().take(6);
        for (index, choice) in shown.enumerate() {
            if rows >= area.height as usize {
                break;
            }
            let picked = field.picked == Some(index);
            let sign = if picked { "  > " } else { "    " };
            let place = line(area, rows);
            write(buffer, place, &[plain(sign), plain(choice)], theme);
            if picked {
                buffer.set_style(place, theme.selected());
            }
            rows += 1;
        }
    }
    (rows, cursor)
}

/// A line being written, scrolled so that its cursor shows; answers where that is.
fn draw_edit(buffer: &mut Buffer, edit: &Edit, area: Rect, style: Style) -> Position {
    let (before, after) = edit.halves();
    let room = area.width.saturating_sub(1) as usize;
    let (before, after) = (text::plain(before), text::plain(after));
    // Back from the cursor as far as there is room, however long the line is.
    let (mut from, mut columns) = (before.len(), 0);
    for (at, grapheme) in before.grapheme_indices(true).rev() {
        columns += text::width(grapheme);
        if columns > room {
            break;
        }
        from = at;
    }
    let shown = format!("{}{after}", &before[from..]);
    buffer.set_stringn(area.x, area.y, &shown, area.width as usize, style);
    Position::new(area.x + text::width(&before[from..]) as u16, area.y)
}

fn confirm(buffer: &mut Buffer, confirm: &Confirm, g: &Geometry, theme: Theme) {
    let mut lines: Vec<Vec<Span>> = confirm
        .detail
        .iter()
        .map(|line| vec![plain(line)])
        .collect();
    if let [_, _, ..] = confirm.steps.as_slice() {
        let numbers: Vec<&str> = confirm.steps.iter().map(|s| s.number.as_str()).collect();
        lines.push(vec![plain(numbers.join(", "))]);
    }
    for (number, why) in confirm.skipped.iter().take(4) {
        lines.push(vec![Span::new(format!("not {number}: {why}"), Tone::Warn)]);
    }
    let hints = keys(&[("y", "yes, do it"), ("n", "no")]);
    let title = format!("{}?", confirm.says);
    let inner = boxed(buffer, g, &title, &hints, 60, lines.len(), theme);
    for (index, spans) in lines.into_iter().enumerate().take(inner.height as usize) {
        let spans = cut(spans, inner.width as usize);
        write(buffer, line(inner, index), &spans, theme);
    }
}

fn bulk(buffer: &mut Buffer, bulk: &Bulk, g: &Geometry, theme: Theme) {
    let running = bulk.current.is_some();
    let done = bulk.results.len();
    let title = format!("{} · {done} of {}", bulk.says, bulk.total);
    let hints = match (running, bulk.stopped) {
        (true, false) => keys(&[("esc", "stop after this one")]),
        (true, true) => vec![muted("stopping …")],
        (false, true) => {
            let mut spans = vec![Span::new("stopped", Tone::Warn), plain("  ")];
            spans.extend(keys(&[("esc", "close")]));
            spans
        }
        (false, false) => keys(&[("j k", "move"), ("esc", "close")]),
    };
    let height = bulk.total.clamp(1, 14);
    let inner = boxed(buffer, g, &title, &hints, 66, height, theme);
    let height = inner.height as usize;
    let top = if running {
        done.saturating_sub(height)
    } else {
        bulk.top.min(done.saturating_sub(height))
    };
    let results = bulk.results.iter().skip(top).take(height);
    for (index, (number, how)) in results.enumerate() {
        let spans = match how {
            Ok(summary) => vec![strong(format!("{number:<9} ")), plain(summary)],
            Err(why) => vec![
                strong(format!("{number:<9} ")),
                bad(format!("not done: {why}")),
            ],
        };
        let spans = cut(spans, inner.width as usize);
        write(buffer, line(inner, index), &spans, theme);
    }
}

fn conflict(buffer: &mut Buffer, conflict: &Conflict, app: &App, g: &Geometry, theme: Theme) {
    let mut lines = vec![vec![plain(format!(
        "{} was not done: somebody was faster.",
        conflict.verb
    ))]];
    if conflict.since.is_empty() {
        lines.push(vec![muted("It has changed since you saw it.")]);
    }
    for line in &conflict.since {
        lines.push(vec![strong("  "), strong(line)]);
    }
    if let Some(record) = app.record(conflict.record)
        && record.version() >= conflict.version
    {
        lines.push(vec![plain("It is now:")]);
        let document = app.head_of(record);
        lines.extend(document.lines(64).into_iter().map(|line| {
            let mut spans = vec![plain("  ")];
            spans.extend(line.spans);
            spans
        }));
    }
    let hints = if conflict.form.is_some() {
        keys(&[("enter", "back to what you wrote")])
    } else {
        keys(&[(
            "enter",
            "look at it, then try again if it still makes sense",
        )])
    };
    let title = format!("{} has changed", conflict.number);
    let inner = boxed(buffer, g, &title, &hints, 68, lines.len(), theme);
    for (index, spans) in lines.into_iter().enumerate().take(inner.height as usize) {
        let spans = cut(spans, inner.width as usize);
        write(buffer, line(inner, index), &spans, theme);
    }
}

fn discard(buffer: &mut Buffer, form: &Form, g: &Geometry, theme: Theme) {
    let hints = keys(&[("y", "throw it away"), ("n", "go on writing")]);
    let title = format!("{}: throw the text away?", form_title(form));
    let inner = boxed(buffer, g, &title, &hints, 56, 1, theme);
    let text = "What you wrote has not been sent.";
    write(buffer, line(inner, 0), &[plain(text)], theme);
}

fn filter(buffer: &mut Buffer, line: &FilterLine, g: &Geometry, theme: Theme) -> Position {
    offers(buffer, &line.offered, &[strong("filter")], g, theme);
    if let Some(error) = &line.error {
        complaint(buffer, line.edit.text(), error.at, &error.message, g, theme);
    }
    let wrong = line.error.as_ref().map(|error| error.at);
    prompt(buffer, "/", &line.edit, wrong, g, theme)
}

/// What the last word could be, over the line that is being written; nothing where nothing could.
fn offers(buffer: &mut Buffer, offered: &Offered, title: &[Span], g: &Geometry, theme: Theme) {
    let count = offered.words.len().min(CANDIDATES);
    if count == 0 {
        return;
    }
    let picked = offered.picked.unwrap_or(0);
    let top = (picked + 1).saturating_sub(count);
    let first = g.rule.y.saturating_sub(count as u16);
    let above = Rect {
        y: first.saturating_sub(1),
        ..g.rule
    };
    blank(buffer, above);
    let more = offered.words.len().saturating_sub(top + count);
    let right = if more > 0 {
        vec![plain(format!("{more} more"))]
    } else {
        vec![strong("tab"), muted(" picks")]
    };
    super::frame::rule(buffer, above, title, &right, theme);
    let widest = offered.words.iter().map(|(word, _)| text::width(word));
    let explained = offered.words.iter().any(|(_, meaning)| !meaning.is_empty());
    let most = if explained { 30 } else { g.rule.width as usize };
    let column = widest.max().unwrap_or(0).min(most.saturating_sub(2));
    for (row, (word, meaning)) in offered.words.iter().skip(top).take(count).enumerate() {
        let area = Rect {
            y: first + row as u16,
            ..g.rule
        };
        blank(buffer, area);
        let word = text::fit(word, column);
        let pad = " ".repeat(column.saturating_sub(text::width(&word)));
        let spans = vec![
            plain("  "),
            strong(format!("{word}{pad}")),
            muted(format!("  {meaning}")),
        ];
        write(buffer, area, &cut(spans, g.rule.width as usize), theme);
        if offered.picked == Some(top + row) {
            buffer.set_style(area, theme.selected());
            buffer.set_string(area.x, area.y, ">", theme.selected());
        }
    }
    super::frame::rule(buffer, g.rule, &[], &[], theme);
}

/// The saved views of a pane.
fn shelf(
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
        let text = "None yet. A view is a filter, a sort and columns under a name.";
        write(buffer, line(inner, 0), &[muted(text)], theme);
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
            buffer.set_style(area, theme.selected());
        }
    }
    None
}

fn naming_box(
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
fn columns(buffer: &mut Buffer, arranging: &Arranging, g: &Geometry, theme: Theme) {
    let hints = keys(&[
        ("space", "show"),
        ("← →", "move"),
        ("enter", "keep"),
        ("d", "as it was"),
        ("esc", "close"),
    ]);
    let height = arranging.rows.len().min(14);
    let inner = boxed(buffer, g, "columns", &hints, 56, height, theme);
    let top = (arranging.picked + 1).saturating_sub(inner.height as usize);
    let seen = arranging.rows.iter().skip(top).take(inner.height as usize);
    for (row, (title, shown)) in seen.enumerate() {
        let area = line(inner, row);
        let at_cursor = top + row == arranging.picked;
        let spans = [
            plain(if at_cursor { "> " } else { "  " }),
            plain(if *shown { "[x] " } else { "[ ] " }),
            if *shown { strong(title) } else { muted(title) },
        ];
        write(buffer, area, &spans, theme);
        if at_cursor {
            buffer.set_style(area, theme.selected());
        }
    }
}

/// A line being written in place of the footer.
fn prompt(
    buffer: &mut Buffer,
    sign: &str,
    edit: &Edit,
    wrong: Option<usize>,
    g: &Geometry,
    theme: Theme,
) -> Position {
    blank(buffer, g.footer);
    write(buffer, g.footer, &[strong(sign)], theme);
    let area = Rect {
        x: g.footer.x + 1,
        width: g.footer.width - 1,
        ..g.footer
    };
    let cursor = draw_edit(buffer, edit, area, Style::new());
    // The place that is wrong, while the line is short enough not to scroll.
    if let Some((before, wrong)) = wrong.and_then(|at| edit.text().split_at_checked(at))
        && text::width(edit.text()) < area.width as usize
    {
        let word = wrong.split_whitespace().next().unwrap_or(" ");
        let x = area.x + text::width(before) as u16;
        let width = (text::width(word) as u16).min(area.right().saturating_sub(x));
        let style = theme.tone(Tone::Bad).add_modifier(Modifier::UNDERLINED);
        buffer.set_style(Rect { x, width, ..area }, style);
    }
    cursor
}

/// What is wrong with the line in the footer, over the place where it is wrong.
fn complaint(buffer: &mut Buffer, line: &str, at: usize, why: &str, g: &Geometry, theme: Theme) {
    blank(buffer, g.rule);
    let place = 1 + text::width(line.get(..at).unwrap_or(line));
    let wide = g.rule.width as usize;
    let message = text::fit(why, wide.saturating_sub(3)).into_owned();
    let columns = text::width(&message);
    // Before the place where it would not fit behind it.
    let (x, spans) = if place + 2 + columns <= wide {
        (place, vec![bad("↓ "), bad(&message)])
    } else if columns + 1 < place {
        (place - columns - 1, vec![bad(&message), bad(" ↓")])
    } else {
        (0, vec![bad(&message)])
    };
    let area = Rect {
        x: x as u16,
        width: g.rule.width.saturating_sub(x as u16),
        ..g.rule
    };
    write(buffer, area, &spans, theme);
}

/// Candidates on the screen.
const CANDIDATES: usize = 8;

fn command_line(
    buffer: &mut Buffer,
    shown: &CommandLine,
    app: &App,
    g: &Geometry,
    theme: Theme,
) -> Position {
    let candidates = app.candidates(shown.edit.text());
    let wrong = shown.error.as_ref().map(|(at, _)| *at);
    if let ([only], false) = (candidates.as_slice(), shown.offered.words.is_empty()) {
        let title = [
            strong("command"),
            muted(" › "),
            strong(&only.name),
            plain(format!(" {}", only.takes)),
        ];
        offers(buffer, &shown.offered, &title, g, theme);
        if let Some((at, why)) = &shown.error {
            complaint(buffer, shown.edit.text(), *at, why, g, theme);
        }
        return prompt(buffer, ":", &shown.edit, wrong, g, theme);
    }
    let count = candidates.len().clamp(1, CANDIDATES);
    let picked = shown.picked.min(candidates.len().saturating_sub(1));
    let top = (picked + 1).saturating_sub(count);
    let first = g.rule.y.saturating_sub(count as u16);
    let more = candidates.len().saturating_sub(top + count);
    let above = Rect {
        y: first.saturating_sub(1),
        ..g.rule
    };
    blank(buffer, above);
    let left = [strong("command")];
    let right = if more > 0 {
        vec![plain(format!("{more} more"))]
    } else {
        vec![]
    };
    super::frame::rule(buffer, above, &left, &right, theme);
    for row in 0..count {
        let area = Rect {
            y: first + row as u16,
            ..g.rule
        };
        blank(buffer, area);
        match candidates.get(top + row) {
            Some(candidate) => {
                write(buffer, area, &candidate_spans(candidate, g), theme);
                if top + row == picked {
                    buffer.set_style(area, theme.selected());
                    buffer.set_string(area.x, area.y, ">", theme.selected());
                }
            }
            None => write(buffer, area, &[muted("  nothing is called so")], theme),
        }
    }
    super::frame::rule(buffer, g.rule, &[], &[], theme);
    if let Some((at, why)) = &shown.error {
        complaint(buffer, shown.edit.text(), *at, why, g, theme);
    }
    prompt(buffer, ":", &shown.edit, wrong, g, theme)
}

fn candidate_spans(candidate: &Candidate, g: &Geometry) -> Vec<Span> {
    let name = format!("  {:<18}", text::fit(&candidate.name, 18));
    let key = format!("{:<10}", candidate.key);
    let spans = match &candidate.blocked {
        Some(why) => vec![muted(name), muted(key), muted(format!("not now: {why}"))],
        None if candidate.takes.is_empty() => {
            vec![plain(name), strong(key), plain(&candidate.help)]
        }
        None => vec![
            plain(name),
            strong(key),
            plain(format!("{}  ", candidate.takes)),
            muted(&candidate.help),
        ],
    };
    cut(spans, g.rule.width as usize)
}

fn reading(buffer: &mut Buffer, what: Reading, top: usize, app: &App, g: &Geometry, theme: Theme) {
    blank(buffer, g.body);
    blank(buffer, g.title);
    let lines = app.reading(what).lines(g.page_columns());
    let title = match what {
        Reading::Help => "help",
        Reading::Messages => "messages of this run",
    };
    let below = lines.len().saturating_sub(top + g.page_rows());
    let right = if below > 0 {
        vec![plain(format!("{below} more"))]
    } else {
        vec![]
    };
    super::frame::rule(buffer, g.title, &[strong(title)], &right, theme);
    page_lines(buffer, g, &lines, top, None, theme);
    blank(buffer, g.footer);
    let keymap = &app.keymap;
    let hints = [
        (keymap.shown(Command::Down), "down"),
        (keymap.shown(Command::Up), "up"),
        (keymap.shown(Command::PageDown), "page"),
        (keymap.shown(Command::Clear), "close"),
    ];
    let hints: Vec<(&str, &str)> = hints
        .iter()
        .map(|(key, word)| (key.as_str(), *word))
        .collect();
    let mut spans = vec![plain(" ")];
    spans.extend(keys(&hints));
    write(buffer, g.footer, &spans, theme);
}
