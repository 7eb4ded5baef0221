//! The filter and the command line, with what they offer.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::super::theme::Theme;
use super::super::{blank, select, write};
use super::boxes::draw_edit;
use crate::console::app::{
    App, Candidate, CommandLine, Document, Edit, FilterLine, Geometry, Offered, Span, Tone, bad,
    cut, muted, plain, strong,
};
use crate::domain::text;

pub(super) fn filter(
    buffer: &mut Buffer,
    line: &FilterLine,
    g: &Geometry,
    theme: Theme,
) -> Position {
    let error = line.error.as_ref();
    let wrong = error.map(|error| (error.at, error.message.as_str()));
    let above = complaint(buffer, line.edit.text(), wrong, g, theme);
    offers(buffer, &line.offered, &[strong("filter")], &above, theme);
    prompt(buffer, "/", &line.edit, wrong, g, theme)
}

/// What the last word could be, over the line that is being written; nothing where nothing could.
pub(super) fn offers(
    buffer: &mut Buffer,
    offered: &Offered,
    title: &[Span],
    g: &Geometry,
    theme: Theme,
) {
    let count = offered.words.len().min(CANDIDATES).min(room(g));
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
    super::super::frame::rule(buffer, above, title, &right, theme);
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
            select(buffer, area, theme);
            buffer.set_string(area.x, area.y, ">", theme.selected());
        }
    }
}

/// A line being written in place of the footer.
pub(super) fn prompt(
    buffer: &mut Buffer,
    sign: &str,
    edit: &Edit,
    wrong: Option<(usize, &str)>,
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
    if let Some((before, wrong)) = wrong.and_then(|(at, _)| edit.text().split_at_checked(at))
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

/// What is wrong with the line in the footer, over the place where it is wrong; answers the window
/// without the lines that this takes beside the rule's.
pub(super) fn complaint(
    buffer: &mut Buffer,
    line: &str,
    wrong: Option<(usize, &str)>,
    g: &Geometry,
    theme: Theme,
) -> Geometry {
    let mut above = *g;
    let Some((at, why)) = wrong else {
        return above;
    };
    let place = 1 + text::width(line.get(..at).unwrap_or(line));
    let wide = g.rule.width as usize;
    let columns = text::width(why);
    // Behind the place or, where it would not fit there, before it, or else on lines of its own.
    let (x, lines) = if place + 2 + columns <= wide {
        (place, vec![vec![bad("↓ "), bad(why)]])
    } else if columns + 1 < place {
        (place - columns - 1, vec![vec![bad(why), bad(" ↓")]])
    } else {
        let mut says = Document::default();
        says.flow(vec![bad(why)]);
        let lines = says.lines(wide.saturating_sub(2)).into_iter();
        let mut lines: Vec<_> = lines.map(|line| line.spans).collect();
        // What can be chosen keeps a row.
        let most = room(g).saturating_sub(1).max(1);
        if lines.len() > most {
            lines.truncate(most);
            let last = &mut lines[most - 1];
            *last = cut(std::mem::take(last), wide.saturating_sub(4));
            last.push(bad(" …"));
        }
        (1, lines)
    };
    above.rule.y = g.rule.y.saturating_sub(lines.len() as u16 - 1);
    for (y, spans) in (above.rule.y..).zip(&lines) {
        let row = Rect { y, ..g.rule };
        blank(buffer, row);
        let area = Rect {
            x: x as u16,
            width: row.width.saturating_sub(x as u16),
            ..row
        };
        write(buffer, area, spans, theme);
    }
    above
}

/// Candidates on the screen.
pub(super) const CANDIDATES: usize = 8;

/// As many as there is room for under the title.
fn room(g: &Geometry) -> usize {
    g.rule.y.saturating_sub(g.body.y) as usize
}

pub(super) fn command_line(
    buffer: &mut Buffer,
    shown: &CommandLine,
    app: &App,
    g: &Geometry,
    theme: Theme,
) -> Position {
    let candidates = app.candidates(shown.edit.text());
    let error = shown.error.as_ref();
    let wrong = error.map(|(at, why)| (*at, why.as_str()));
    let above = complaint(buffer, shown.edit.text(), wrong, g, theme);
    if let ([only], false) = (candidates.as_slice(), shown.offered.words.is_empty()) {
        let title = [
            strong("command"),
            muted(" › "),
            strong(&only.name),
            plain(format!(" {}", only.takes)),
        ];
        offers(buffer, &shown.offered, &title, &above, theme);
        return prompt(buffer, ":", &shown.edit, wrong, g, theme);
    }
    let count = candidates.len().clamp(1, CANDIDATES).min(room(&above));
    let picked = shown.row(&candidates);
    let top = picked.map_or(0, |row| (row + 1).saturating_sub(count));
    let first = above.rule.y.saturating_sub(count as u16);
    let more = candidates.len().saturating_sub(top + count);
    let heading = Rect {
        y: first.saturating_sub(1),
        ..g.rule
    };
    blank(buffer, heading);
    let left = [strong("command")];
    let right = if more > 0 {
        vec![plain(format!("{more} more"))]
    } else {
        vec![]
    };
    super::super::frame::rule(buffer, heading, &left, &right, theme);
    for row in 0..count {
        let area = Rect {
            y: first + row as u16,
            ..g.rule
        };
        blank(buffer, area);
        match candidates.get(top + row) {
            Some(candidate) => {
                write(buffer, area, &candidate_spans(candidate, g), theme);
                if Some(top + row) == picked {
                    select(buffer, area, theme);
                    buffer.set_string(area.x, area.y, ">", theme.selected());
                }
            }
            None => write(buffer, area, &[muted("  nothing is called so")], theme),
        }
    }
    if shown.sending.is_some() {
        let state = [muted("being done …")];
        super::super::frame::rule(buffer, g.rule, &state, &[], theme);
    }
    prompt(buffer, ":", &shown.edit, wrong, g, theme)
}

pub(super) fn candidate_spans(candidate: &Candidate, g: &Geometry) -> Vec<Span> {
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
