//! A verb's arguments being written, and macros for its text.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::Widget;
use ratatui_textarea::CursorMove;

use super::super::theme::Theme;
use super::super::{blank, frame, page_lines, select, write};
use super::boxes::{boxed, draw_edit, foot, inside, keys, line, unseen};
use crate::console::app::{
    App, Choosing, DISCARD, Document, Field, Form, Geometry, Line, Span, TEXT_ROWS, Tone, Value,
    bad, cut, facts, macros, muted, plain, strong,
};
use crate::domain::text;
use crate::domain::verbs::ArgKind;

pub(super) fn form_title(form: &Form) -> String {
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

/// What does it, in the frame of a form with a long text.
const BUTTON: &str = "[ do it ]";
/// Rows of a field: its label, and the first line of its value.
const FIELD: usize = 2;
/// Columns inside the box of a form, where there are as many.
pub(super) const FORM: u16 = 66;

pub(super) fn form(
    buffer: &mut Buffer,
    form: &Form,
    app: &App,
    g: &Geometry,
    theme: Theme,
) -> Option<Position> {
    let wide = inside(g, FORM);
    let head = above_the_fields(form, app).lines(wide);
    let mut errors = Document::default();
    if let Some(error) = &form.error {
        errors.flow(vec![bad(format!("! {error}"))]);
    }
    let errors = errors.lines(wide);
    let height: usize = form
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| FIELD + field_rows(field, index == form.focus, wide))
        .sum::<usize>()
        + head.len()
        + errors.len();
    let close = ("esc", if form.is_kept() { "keep" } else { "close" });
    let hints = if form.sending.is_some() {
        vec![muted("being done …")]
    } else if let Some(Value::Word(_)) = form.field().map(|field| &field.value) {
        let does = if form.has_button() || form.fields.len() > 1 {
            ("tab", "next")
        } else {
            ("enter", "do it")
        };
        keys(&[("← →", "or its first letters: choose"), does, close])
    } else if form.is_kept() && form.has_button() {
        let (macros, discard) = (macros::KEY.to_string(), DISCARD.to_string());
        keys(&[
            ("ctrl-s", "do it"),
            close,
            (&macros, "macro"),
            (&discard, "discard"),
        ])
    } else if form.has_button() {
        let macros = macros::KEY.to_string();
        keys(&[
            ("ctrl-s", "do it"),
            (&macros, "macro"),
            ("ctrl-u", "undo"),
            close,
        ])
    } else if form.fields.len() == 1 {
        keys(&[("enter", "do it"), close])
    } else if form.verb.changes_what_stands() {
        keys(&[("enter", "next"), ("ctrl-s", "do it"), close])
    } else {
        keys(&[("enter", "next, then do it"), ("tab", "next"), close])
    };
    let hints = if form.has_button() {
        cut(hints, wide.saturating_sub(BUTTON.len() + 3))
    } else {
        hints
    };
    let place = if form.has_button() {
        let place = foot(g, height);
        behind(buffer, form, app, g, place.body.y, theme);
        place
    } else {
        *g
    };
    let title = form_title(form);
    let inner = boxed(buffer, &place, &title, &hints, FORM, height, theme);
    // Where not all has room, why it was not done comes first, then the field that is written in.
    let height = inner.height as usize;
    let bottom = height - errors.len().min(height.saturating_sub(FIELD));
    let mut row = head.len().min(bottom.saturating_sub(FIELD));
    let mut cursor = None;
    for (index, spans) in head.iter().enumerate().take(row) {
        write(buffer, line(inner, index), &spans.spans, theme);
    }
    let first = first_field(form, bottom - row, wide);
    let mut below = 0;
    for (index, field) in form.fields.iter().enumerate().skip(first) {
        if row + FIELD > bottom {
            below = form.fields.len() - index;
            break;
        }
        let focused = index == form.focus && form.sending.is_none();
        let area = Rect {
            y: inner.y + row as u16,
            height: (bottom - row) as u16,
            ..inner
        };
        let (rows, at) = draw_field(buffer, field, focused, area, theme);
        cursor = cursor.or(at);
        row += rows;
    }
    unseen(buffer, inner, first, below, theme);
    let row = row.min(bottom);
    for (index, error) in errors.iter().enumerate().take(height - row) {
        write(buffer, line(inner, row + index), &error.spans, theme);
    }
    if form.has_button() {
        let place = Rect {
            x: inner.right().saturating_sub(BUTTON.len() as u16 + 1),
            y: inner.bottom(),
            width: BUTTON.len() as u16,
            height: 1,
        };
        write(buffer, place, &[strong(BUTTON)], theme);
        if form.at_button() {
            select(buffer, place, theme);
        }
    }
    cursor
}

/// The record that the text is for, in the rows above this one: what is answered is read while the
/// answer is written.
fn behind(buffer: &mut Buffer, form: &Form, app: &App, g: &Geometry, end: u16, theme: Theme) {
    let mut above = *g;
    above.body.height = end - g.body.y;
    let Some((lines, top)) = app.behind(form, g.page_columns()) else {
        return;
    };
    if above.page_rows() == 0 {
        return;
    }
    blank(buffer, g.body);
    page_lines(buffer, &above, &lines, top, None, theme);
    let target = &form.targets[0];
    let mut right = app.present.told(target.record, &app.person.login);
    right.push(muted("alt-↑↓ scroll"));
    let below = lines.len().saturating_sub(top + above.page_rows());
    right.extend(frame::unseen(top, below));
    let left = [strong(&target.number)];
    blank(buffer, g.title);
    frame::rule(buffer, g.title, &left, &facts::dotted(right), theme);
}

/// The first field that is shown in so many rows: where not all of them fit, those above make room for
/// the focused one.
fn first_field(form: &Form, room: usize, wide: usize) -> usize {
    // At the button the last one stays in sight.
    let focus = form.focus.min(form.fields.len().saturating_sub(1));
    let errors = (form.fields.get(focus)).map_or(0, |field| field_errors(field, wide).len());
    let fits = |first: &usize| {
        let above = form.fields[*first..].iter().take(focus - first);
        above
            .map(|field| FIELD + field_rows(field, false, wide))
            .sum::<usize>()
            + FIELD
            + errors
            <= room
    };
    (0..focus).find(fits).unwrap_or(focus)
}

/// So many of the newest things that others did are told of above a text.
pub(super) const NEWS: usize = 3;

/// What the verb does and not for which records, that the text is a draft, and what others have
/// done to the record meanwhile.
fn above_the_fields(form: &Form, app: &App) -> Document {
    let zone = app.settings.zone;
    let mut says = Document::default();
    says.flow(vec![muted(form.verb.help)]);
    if let [(_, why), ..] = form.skipped.as_slice() {
        let text = format!("not for {}: {why}", form.skipped.len());
        says.flow(vec![Span::new(text, Tone::Warn)]);
    }
    if let Some(at) = form.draft_of {
        let at = facts::time_of_day(at, zone);
        says.flow(vec![Span::new(format!("your draft of {at}"), Tone::Warn)]);
    }
    let newest = form.news.len().saturating_sub(NEWS);
    for news in &form.news[newest..] {
        let at = facts::time_of_day(news.at, zone);
        says.flow(vec![bad(format!("! {at} ")), strong(&news.what)]);
    }
    says
}

/// Macros on the screen.
pub(super) const MACROS: usize = 6;
/// Lines of a macro that are shown before it is taken.
pub(super) const PREVIEW: usize = 9;

/// The macros, and the text that enter puts in.
pub(super) fn macros(
    buffer: &mut Buffer,
    shown: &Choosing,
    app: &App,
    g: &Geometry,
    theme: Theme,
) -> Position {
    let found = app.fitting_macros(shown);
    let picked = shown.picked.min(found.len().saturating_sub(1));
    let hints = keys(&[("enter", "put it in"), ("↑↓", "move"), ("esc", "back")]);
    let rows = found.len().clamp(1, MACROS);
    let height = 1 + rows + 1 + PREVIEW;
    let inner = boxed(buffer, g, "macros", &hints, FORM, height, theme);
    write(buffer, line(inner, 0), &[strong("/")], theme);
    let place = Rect {
        x: inner.x + 1,
        width: inner.width - 1,
        ..line(inner, 0)
    };
    let cursor = draw_edit(buffer, &shown.edit, place, Style::new());
    if found.is_empty() {
        let none = if shown.edit.text().is_empty() {
            "there are none yet; `packline macro set NAME` adds one"
        } else {
            "none has these words"
        };
        write(buffer, line(inner, 1), &[muted(none)], theme);
        return cursor;
    }
    let top = (picked + 1).saturating_sub(rows);
    unseen(buffer, line(inner, 1), top, found.len() - top - rows, theme);
    for (row, each) in found.iter().skip(top).take(rows).enumerate() {
        let place = line(inner, 1 + row);
        let is_picked = top + row == picked;
        let sign = if is_picked { "> " } else { "  " };
        let mut spans = vec![plain(sign), plain(each.name)];
        if !each.lacks.is_empty() {
            let lacks: Vec<String> = each
                .lacks
                .iter()
                .map(|name| format!("{{{name}}}"))
                .collect();
            let text = format!("  lacks {}", lacks.join(", "));
            spans.push(Span::new(text, Tone::Warn));
        }
        let spans = cut(spans, inner.width as usize);
        write(buffer, place, &spans, theme);
        if is_picked {
            select(buffer, place, theme);
        }
    }
    let rule = "─".repeat(inner.width as usize);
    let at = line(inner, 1 + rows);
    buffer.set_string(at.x, at.y, rule, theme.frame());
    let mut preview = Document::default();
    preview.text(&found[picked].text);
    let lines = preview.lines(inner.width as usize);
    let room = (inner.height as usize).saturating_sub(rows + 2);
    unseen(
        buffer,
        line(inner, rows + 2),
        0,
        lines.len().saturating_sub(room),
        theme,
    );
    for (row, spans) in lines.iter().take(room).enumerate() {
        write(buffer, line(inner, rows + 2 + row), &spans.spans, theme);
    }
    cursor
}

/// What is wrong with a field, where that is too long to stand behind its name.
fn field_errors(field: &Field, wide: usize) -> Vec<Line> {
    let mut says = Document::default();
    if let Some(error) = &field.error
        && BESIDE + text::width(field.arg.name) + text::width(error) > wide
    {
        says.flow(vec![bad(format!("! {error}"))]);
    }
    let mut lines = says.lines(wide.saturating_sub(2));
    for line in &mut lines {
        line.spans.insert(0, plain("  "));
    }
    lines
}

/// Columns of a label round its name and the error beside it.
const BESIDE: usize = "> ".len() + " (optional)".len() + "  ! ".len();

/// Rows that a field takes beyond its label and its one line.
fn field_rows(field: &Field, focused: bool, wide: usize) -> usize {
    let value = match field.value {
        Value::Text(_) => TEXT_ROWS as usize - 1,
        _ => 0,
    };
    let choices = if focused {
        field.choices.len().min(6)
    } else {
        0
    };
    value + choices + field_errors(field, wide).len()
}

pub(super) fn draw_field(
    buffer: &mut Buffer,
    field: &Field,
    focused: bool,
    area: Rect,
    theme: Theme,
) -> (usize, Option<Position>) {
    let need = if field.arg.required || !field.stands.is_empty() {
        ""
    } else {
        " (optional)"
    };
    let was = !field.stands.is_empty() && field.is_changed();
    let errors = field_errors(field, area.width as usize);
    let label = vec![
        if focused { strong("> ") } else { plain("  ") },
        strong(field.arg.name),
        muted(need),
        match &field.error {
            Some(error) if errors.is_empty() => bad(format!("  ! {error}")),
            _ if was => muted(format!("  was {}", field.stands)),
            _ => muted(format!("  {}", field.arg.help)),
        },
    ];
    let label = cut(label, area.width as usize);
    write(buffer, line(area, 0), &label, theme);
    let mut rows = FIELD;
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
        Value::Word(choice) => {
            if let ArgKind::OneOf(words) = field.arg.kind {
                let mut spans = Vec::new();
                for (index, word) in words.iter().enumerate() {
                    if choice.at == Some(index) {
                        spans.push(strong(format!("[{word}]")));
                    } else {
                        spans.push(muted(format!(" {word} ")));
                    }
                }
                write(buffer, value, &spans, theme);
            }
        }
        Value::Text(text) => {
            let room = area.height.saturating_sub(1 + errors.len() as u16);
            let height = TEXT_ROWS.min(room.max(1));
            let place = Rect { height, ..value };
            // The area itself, not a copy: it keeps how its lines wrap and what is in sight for the
            // keys that follow.
            (&**text).render(place, buffer);
            if !focused {
                for position in place.positions() {
                    buffer[position].modifier.remove(Modifier::REVERSED);
                }
            }
            for y in place.top()..place.bottom() {
                buffer.set_string(area.x, y, "│", theme.frame());
            }
            let above = text.scroll_offset().0 as usize;
            let mut text = text.clone();
            text.move_cursor(CursorMove::Bottom);
            text.move_cursor(CursorMove::End);
            let lines = text.screen_cursor().row + 1;
            let below = lines.saturating_sub(above + height as usize);
            unseen(buffer, place, above, below, theme);
            rows += height as usize - 1;
        }
    }
    for spans in &errors {
        if rows < area.height as usize {
            write(buffer, line(area, rows), &spans.spans, theme);
        }
        rows += 1;
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
                select(buffer, place, theme);
            }
            rows += 1;
        }
    }
    (rows, cursor)
}
