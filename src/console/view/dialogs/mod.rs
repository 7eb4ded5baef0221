//! What stands over the page.

mod boxes;
mod copy;
mod form;
mod lines;
mod views;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use self::boxes::{boxed, inside, keys, line, unseen};
use self::form::{form, form_title, macros};
use self::lines::{command_line, filter};
use self::views::{columns, shelf};
use super::theme::Theme;
use super::{blank, page_lines, select, write};
use crate::console::app::{
    App, Bulk, Confirm, Conflict, Dialog, Document, Form, Geometry, Line, Reading, Rest, Span,
    Tone, bad, cut, facts, menu_row, muted, plain, strong,
};
use crate::console::input::Command;
use crate::domain::text;
use crate::domain::verbs::{Danger, Verb};

/// Columns inside the boxes of a question and of a conflict.
const CONFIRM: u16 = 60;
const CONFLICT: u16 = 68;

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
        Dialog::Form(shown) => return form(buffer, shown, app, g, theme),
        Dialog::Macros(shown) => return Some(macros(buffer, shown, app, g, theme)),
        Dialog::Confirm(shown) => confirm(buffer, shown, g, theme),
        Dialog::Bulk(shown) => bulk(buffer, shown, app, g, theme),
        Dialog::Conflict(shown) => conflict(buffer, shown, app, g, theme),
        Dialog::Discard(shown) => discard(buffer, shown, app, g, theme),
        Dialog::Filter(line) => return Some(filter(buffer, line, g, theme)),
        Dialog::Views(shown) => return shelf(buffer, shown, app, g, theme),
        Dialog::Columns(shown) => columns(buffer, shown, app, g, theme),
        Dialog::Command(line) => return Some(command_line(buffer, line, app, g, theme)),
        Dialog::Copy { things, picked } => copy::draw(buffer, things, *picked, g, theme),
        Dialog::Reading { what, top, cursor } => {
            reading(buffer, what, (*cursor, *top), app, g, theme);
        }
    }
    None
}

fn menu(buffer: &mut Buffer, picked: Option<&Verb>, app: &App, g: &Geometry, theme: Theme) {
    let items = app.menu();
    let picked = picked.and_then(|verb| menu_row(verb, &items));
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
    let top = picked.map_or(0, |row| (at(row) + 1).saturating_sub(height));
    for (index, (verb, why)) in items.iter().enumerate() {
        let Some(row) = at(index).checked_sub(top).filter(|row| *row < height) else {
            continue;
        };
        let area = line(inner, row);
        let key = format!("{:<1}", app.keymap.verb_shown(verb));
        let spans = match why {
            None => vec![
                plain(if Some(index) == picked { "> " } else { "  " }),
                strong(key),
                plain(format!("  {:<names$}  ", verb.name)),
                muted(match verb.danger {
                    Danger::Confirm => "(asks) ",
                    Danger::None => "",
                }),
                plain(verb.help),
            ],
            Some(why) => vec![
                plain(if Some(index) == picked { "> " } else { "  " }),
                muted(key),
                muted(format!("  {:<names$}  ", verb.name)),
                muted(if app.may(verb) { "not now: " } else { "" }),
                muted(why),
            ],
        };
        let spans = cut(spans, area.width as usize);
        write(buffer, area, &spans, theme);
        if Some(index) == picked {
            select(buffer, area, theme);
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
    unseen(
        buffer,
        inner,
        top,
        lines.saturating_sub(top + height),
        theme,
    );
    if gap == 1
        && let Some(row) = able.checked_sub(top)
        && row < height
    {
        let rule = "─".repeat(inner.width as usize);
        buffer.set_string(inner.x, inner.y + row as u16, rule, theme.frame());
    }
}

fn confirm(buffer: &mut Buffer, confirm: &Confirm, g: &Geometry, theme: Theme) {
    let mut says = Document::default();
    for line in &confirm.detail {
        says.flow(vec![plain(line)]);
    }
    if let [_, _, ..] = confirm.steps.as_slice() {
        let numbers = confirm.steps.iter().map(|step| step.number.as_str());
        says.flow(vec![plain(facts::named(numbers))]);
    }
    if confirm.asked.is_some() {
        says.flow(vec![muted("what it comes to …")]);
    }
    let skipped = &confirm.skipped;
    for (number, why) in skipped.iter().take(facts::NAMED) {
        says.flow(vec![Span::new(format!("not {number}: {why}"), Tone::Warn)]);
    }
    if skipped.len() > facts::NAMED {
        let others = format!("nor {} others", skipped.len() - facts::NAMED);
        says.flow(vec![Span::new(others, Tone::Warn)]);
    }
    let lines = says.lines(inside(g, CONFIRM));
    let hints = if confirm.asked.is_some() {
        keys(&[("n", "no")])
    } else {
        keys(&[("y", "yes, do it"), ("n", "no")])
    };
    let title = format!("{}?", confirm.says);
    let inner = boxed(buffer, g, &title, &hints, CONFIRM, lines.len(), theme);
    written(buffer, inner, &lines, theme);
}

/// Lines from the top of a box, as many as it has room for.
fn written(buffer: &mut Buffer, inner: Rect, lines: &[Line], theme: Theme) {
    let below = lines.len().saturating_sub(inner.height as usize);
    unseen(buffer, inner, 0, below, theme);
    for (index, spans) in lines.iter().enumerate().take(inner.height as usize) {
        write(buffer, line(inner, index), &spans.spans, theme);
    }
}

fn bulk(buffer: &mut Buffer, bulk: &Bulk, app: &App, g: &Geometry, theme: Theme) {
    let running = bulk.current.is_some();
    let done = bulk.results.len();
    let mut title = format!("{} · {done} of {}", bulk.says, bulk.total);
    let failed = bulk.results.iter().filter(|(_, how)| how.is_err()).count();
    if failed > 0 {
        title = format!("{title}, {failed} not done");
    }
    let hints = match (running, bulk.stopped) {
        (true, false) if bulk.waiting.is_some() => {
            let mut spans = vec![Span::new("waits for the database", Tone::Warn), plain("  ")];
            spans.extend(keys(&[("esc", "stop")]));
            spans
        }
        (true, false) => keys(&[("esc", "stop after this one")]),
        (true, true) => vec![muted("stopping …")],
        _ if !app.listens() => vec![],
        (false, true) => {
            let mut spans = vec![Span::new("stopped", Tone::Warn), plain("  ")];
            spans.extend(keys(&[("esc", "close")]));
            spans
        }
        (false, false) => keys(&[("j k", "move"), ("esc", "close")]),
    };
    let height = bulk.total.clamp(1, 14);
    let inner = boxed(buffer, g, &title, &hints, 72, height, theme);
    let height = inner.height as usize;
    let top = if running {
        done.saturating_sub(height)
    } else {
        bulk.top.min(done.saturating_sub(height))
    };
    unseen(buffer, inner, top, done.saturating_sub(top + height), theme);
    let results = bulk.results.iter().skip(top).take(height);
    for (index, (number, how)) in results.enumerate() {
        // However long a number is, what became of the record is seen.
        let number = strong(format!("{:<9} ", text::fit(number, facts::NAME)));
        let spans = match how {
            Ok(summary) => vec![number, plain(summary)],
            Err(why) => vec![number, bad(format!("not done: {why}"))],
        };
        let spans = cut(spans, inner.width as usize);
        write(buffer, line(inner, index), &spans, theme);
    }
}

fn conflict(buffer: &mut Buffer, conflict: &Conflict, app: &App, g: &Geometry, theme: Theme) {
    let mut says = Document::default();
    let what = format!("{} was not done: somebody was faster.", conflict.verb);
    says.flow(vec![plain(what)]);
    if conflict.since.is_empty() {
        says.flow(vec![muted("It has changed since you saw it.")]);
    }
    for line in &conflict.since {
        says.flow(vec![strong("  "), strong(line)]);
    }
    let mut lines = says.lines(inside(g, CONFLICT));
    if let Some(record) = app.record(conflict.record)
        && record.version() >= conflict.version
    {
        let mut now = Document::default();
        now.flow(vec![plain("It is now:")]);
        lines.extend(now.lines(inside(g, CONFLICT)));
        let document = app.head_of(record);
        lines.extend(
            document
                .lines(inside(g, CONFLICT) - 2)
                .into_iter()
                .map(|mut line| {
                    line.spans.insert(0, plain("  "));
                    line
                }),
        );
    }
    let hints = if !app.listens() {
        vec![]
    } else if conflict.origin.is_some() {
        keys(&[("enter", "back to what you wrote")])
    } else {
        keys(&[(
            "enter",
            "look at it, then try again if it still makes sense",
        )])
    };
    let title = format!("{} has changed", conflict.number);
    let inner = boxed(buffer, g, &title, &hints, CONFLICT, lines.len(), theme);
    written(buffer, inner, &lines, theme);
}

fn discard(buffer: &mut Buffer, form: &Form, app: &App, g: &Geometry, theme: Theme) {
    let (away, back) = (("y", "throw it away"), ("n", "go on writing"));
    let (text, hints) = match app.rest(form) {
        Rest::Line => (
            "What you wrote has not been sent.",
            keys(&[("esc", "keep until you leave"), away, back]),
        ),
        Rest::Run => (
            "Neither the database nor this machine keeps it.",
            keys(&[("esc", "keep until you leave"), away, back]),
        ),
        Rest::Draft | Rest::Going | Rest::Here => (
            "What you wrote has not been sent.",
            keys(&[("esc", "keep it as a draft"), away, back]),
        ),
    };
    let title = format!("{}: throw the text away?", form_title(form));
    let inner = boxed(buffer, g, &title, &hints, 58, 1, theme);
    write(buffer, line(inner, 0), &[plain(text)], theme);
}

fn reading(
    buffer: &mut Buffer,
    what: &Reading,
    (cursor, top): (usize, usize),
    app: &App,
    g: &Geometry,
    theme: Theme,
) {
    blank(buffer, g.body);
    blank(buffer, g.title);
    let lines = app.reading(what).lines(g.page_columns());
    let title = match what {
        Reading::Help => "help",
        Reading::Messages => "messages of this run",
        Reading::Text { what, .. } => what,
    };
    let below = lines.len().saturating_sub(top + g.page_rows());
    let right: Vec<Span> = super::frame::unseen(top, below).into_iter().collect();
    super::frame::rule(buffer, g.title, &[strong(title)], &right, theme);
    let leads = lines.iter().any(|line| line.link.is_some());
    page_lines(buffer, g, &lines, top, leads.then_some(cursor), theme);
    let keymap = &app.keymap;
    let link = lines.get(cursor).and_then(|line| line.link);
    let opens = link.map(|_| (keymap.shown(Command::Open), "open the record"));
    let hints = [
        (keymap.shown(Command::Down), "down"),
        (keymap.shown(Command::Up), "up"),
        (keymap.shown(Command::PageDown), "page"),
        (keymap.shown(Command::Clear), "close"),
    ];
    let hints: Vec<(&str, &str)> = (opens.iter().chain(&hints))
        .map(|(key, word)| (key.as_str(), *word))
        .collect();
    let mut spans = vec![plain(" ")];
    spans.extend(keys(&hints));
    write(buffer, g.footer, &spans, theme);
}
