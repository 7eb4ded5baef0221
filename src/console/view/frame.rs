//! What stands round every page: header, tabs, rules, footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::theme::Theme;
use super::{select, write};
use crate::console::app::{
    App, Connection, Geometry, Level, Place, Span, Tone, cut, facts, muted, plain, strong,
};
use crate::console::input::Command;
use crate::domain::record::{Kind, Pane, RecordId};
use crate::domain::text;

fn width(spans: &[Span]) -> usize {
    spans.iter().map(Span::width).sum()
}

pub(super) fn header(buffer: &mut Buffer, area: Rect, app: &App, theme: Theme) {
    let role = match app.person.foremost_role() {
        _ if app.settings.read_only => "read only",
        Some(role) => role.as_str(),
        None => "no role",
    };
    let left = vec![
        plain(" "),
        strong("packline"),
        plain("  "),
        plain(&app.settings.shop),
    ];
    let truth = truth(app);
    let wide = area.width as usize;
    // The truth about the data always fits; then the person; then the shop.
    let truth_at = wide.saturating_sub(width(&truth) + 1).max(1);
    let least = text::width(" packline  ");
    let room = truth_at.saturating_sub(least + role.len() + 5);
    let login = text::fit(&app.person.login, room.max(3));
    let person = vec![plain(login), muted(" · "), plain(role)];
    let columns = width(&person);
    let latest = truth_at.saturating_sub(columns + 2);
    let middle = (wide.saturating_sub(columns) / 2)
        .max(width(&left) + 2)
        .min(latest);
    write(buffer, area, &cut(left, middle.saturating_sub(1)), theme);
    write(
        buffer,
        shifted(area, middle),
        &cut(person, truth_at - middle),
        theme,
    );
    write(buffer, shifted(area, truth_at), &truth, theme);
}

fn shifted(area: Rect, by: usize) -> Rect {
    let by = (by as u16).min(area.width);
    Rect {
        x: area.x + by,
        width: area.width - by,
        ..area
    }
}

/// What the header says about the data.
fn truth(app: &App) -> Vec<Span> {
    let zone = app.settings.zone;
    match &app.connection {
        Connection::Starting => vec![Span::new("◌ connecting", Tone::Warn)],
        Connection::Live => vec![
            Span::new("● live ", Tone::Good),
            plain(facts::time(app.now, zone)),
            muted(format!(" {}", facts::offset(app.now, zone))),
        ],
        Connection::Lost { since, heard, .. } => {
            let seconds = (app.now - *since).num_seconds().max(0);
            let as_of = match heard {
                Some(at) => format!("(as of {})", facts::time_of_day(*at, zone)),
                None => "(nothing read yet)".to_owned(),
            };
            let state = if app.connection.is_offline(app.now) {
                "○ offline".to_owned()
            } else {
                format!("◌ reconnecting {seconds} s")
            };
            vec![Span::new(format!("{state} {as_of}"), Tone::Bad)]
        }
    }
}

pub(super) fn tabs(buffer: &mut Buffer, area: Rect, app: &App, theme: Theme) {
    let here = app.journey.pane();
    for tab in app.tabs(area.width) {
        let place = Rect {
            x: area.x + tab.from,
            width: tab.to - tab.from,
            ..area
        };
        write(buffer, place, &tab.spans, theme);
        if tab.pane == Some(here) {
            select(buffer, place, theme);
        }
    }
}

/// The rule under the tabs: what the body shows.
pub(super) fn title(buffer: &mut Buffer, area: Rect, app: &App, g: &Geometry, theme: Theme) {
    let (left, right) = match app.journey.here() {
        Place::Pane(_) => (list_title(app), list_state(app, g)),
        Place::Record(_) => (trail(app), page_state(app, g)),
    };
    rule(buffer, area, &left, &right, theme);
}

fn list_title(app: &App) -> Vec<Span> {
    let list = app.list_here();
    if let Some(view) = &list.view {
        let mut spans = vec![strong(view)];
        if !list.filter_text.is_empty() {
            spans.push(muted(format!("  /{}", list.filter_text)));
        }
        return spans;
    }
    if list.filter_text.is_empty() {
        vec![plain(match list.pane() {
            Pane::Next => "every promise, the nearest first",
            Pane::Of(Kind::Order) => "open orders",
            Pane::Of(Kind::Stock) => "low or short",
            Pane::Of(Kind::Shipment) => "parcels under way",
            Pane::Of(Kind::Inspection) => "checks due or failed",
            Pane::Of(Kind::Ticket) => "open tickets",
        })]
    } else {
        vec![strong(format!("/{}", list.filter_text))]
    }
}

fn list_state(app: &App, g: &Geometry) -> Vec<Span> {
    let list = app.list_here();
    let mut parts = Vec::new();
    match &app.connection {
        Connection::Lost {
            heard: Some(at), ..
        } => parts.push(Span::new(
            format!("as of {}", facts::time_of_day(*at, app.settings.zone)),
            Tone::Bad,
        )),
        _ if list.error.is_some() => parts.push(Span::new("could not be read, see !", Tone::Bad)),
        _ if list.is_reloading() => parts.push(muted("reading")),
        _ => {}
    }
    match list.marked() {
        0 => {}
        marked => parts.push(strong(format!("{marked} marked"))),
    }
    if g.is_beside() {
        parts.extend(at_selected(app));
    }
    let sort = list.query.sort;
    parts.push(muted(format!(
        "by {}{}",
        sort.column,
        if sort.descending { "↓" } else { "↑" }
    )));
    let below = list.rows.len().saturating_sub(list.top + g.list_rows());
    if below > 0 || !list.ends {
        let sign = if list.ends { "" } else { "+" };
        parts.push(plain(format!("{below}{sign} more")));
    }
    facts::dotted(parts)
}

/// So many lines are out of sight above and below.
pub(super) fn unseen(above: usize, below: usize) -> Option<Span> {
    Some(plain(match (above, below) {
        (0, 0) => return None,
        (0, below) => format!("{below} more"),
        (above, 0) => format!("↑ {above} more"),
        (above, below) => format!("↑ {above}, ↓ {below} more"),
    }))
}

fn trail(app: &App) -> Vec<Span> {
    let mut spans = vec![muted(app.journey.pane().title())];
    let ids = app.journey.trail();
    let last = ids.len().saturating_sub(1);
    for (index, id) in ids.iter().enumerate() {
        let name = match (index == last, app.selected_record(), app.record(*id)) {
            (true, Some(record), _) => record.number(),
            (_, _, Some(record)) => record.number(),
            _ => match id.kind {
                Kind::Order | Kind::Stock => id.kind.to_string(),
                Kind::Shipment => format!("SHP-{}", id.id),
                Kind::Inspection => format!("INS-{}", id.id),
                Kind::Ticket => format!("TKT-{}", id.id),
            },
        };
        spans.push(muted(" › "));
        spans.push(if index == last {
            strong(name)
        } else {
            muted(name)
        });
    }
    spans
}

fn page_state(app: &App, g: &Geometry) -> Vec<Span> {
    let mut parts = Vec::new();
    if let Connection::Lost {
        heard: Some(at), ..
    } = &app.connection
    {
        parts.push(Span::new(
            format!("as of {}", facts::time_of_day(*at, app.settings.zone)),
            Tone::Bad,
        ));
    }
    if let Some(page) = app.journey.page() {
        parts.extend(drafts(app, page.id));
        parts.extend(app.present.told(page.id, &app.person.login));
        let lines = app.page_lines(g.page_columns()).len();
        let below = lines.saturating_sub(page.top + g.page_rows());
        parts.extend(unseen(page.top, below));
    }
    facts::dotted(parts)
}

/// What one has written for a record and not sent.
fn drafts(app: &App, id: RecordId) -> impl Iterator<Item = Span> {
    let zone = app.settings.zone;
    app.drafts.at(id).map(move |draft| {
        let at = facts::time_of_day(draft.at, zone);
        Span::new(format!("{} of {at} not sent", draft.verb), Tone::Warn)
    })
}

/// What others do at the selected record, and what one has not sent.
pub(super) fn at_selected(app: &App) -> Vec<Span> {
    let Some(record) = app.selected_record() else {
        return Vec::new();
    };
    let mut parts: Vec<Span> = drafts(app, record.id()).collect();
    parts.extend(app.present.told(record.id(), &app.person.login));
    parts
}

/// A rule with something to say at its ends.
pub(super) fn rule(buffer: &mut Buffer, area: Rect, left: &[Span], right: &[Span], theme: Theme) {
    let line = "─".repeat(area.width as usize);
    buffer.set_stringn(area.x, area.y, line, area.width as usize, theme.frame());
    let padded = |spans: &[Span]| {
        let mut padded = vec![plain(" ")];
        padded.extend(spans.iter().cloned());
        padded.push(plain(" "));
        padded
    };
    let taken = if right.is_empty() {
        0
    } else {
        let spans = padded(right);
        let columns = width(&spans) + 1;
        let at = (area.width as usize).saturating_sub(columns);
        write(buffer, shifted(area, at), &spans, theme);
        columns
    };
    if !left.is_empty() {
        let room = (area.width as usize).saturating_sub(taken + 2);
        let spans = cut(padded(left), room);
        write(buffer, shifted(area, 1), &spans, theme);
    }
}

/// Stands in a message before what one can do about it.
const HINT: &str = " · ";

/// A message in so many columns. What one can do about it stands at its end and stays whole as far
/// as it leaves room for the beginning of what happened.
fn shortened(said: &str, room: usize) -> String {
    let hinted = (text::width(said) > room).then(|| said.rsplit_once(HINT));
    let Some((what, hint)) = hinted.flatten() else {
        return text::fit(said, room).into_owned();
    };
    let hint = text::fit(hint, room / 2);
    let what = text::fit(
        what,
        room.saturating_sub(text::width(HINT) + text::width(&hint)),
    );
    format!("{what}{HINT}{hint}")
}

/// The rule over the footer: the last message, else what of the worker's work fails, and what the detail
/// has no room for.
pub(super) fn said(buffer: &mut Buffer, area: Rect, app: &App, unseen: usize, theme: Theme) {
    let spans = match &app.said {
        Some(said) => {
            let tone = match said.level {
                Level::Info | Level::Unsent => Tone::Strong,
                Level::Refused => Tone::Warn,
                Level::Error => Tone::Bad,
            };
            let room = (area.width as usize).saturating_sub(4);
            vec![Span::new(shortened(&said.text, room), tone)]
        }
        None => failing(app).into_iter().collect(),
    };
    let more = if unseen > 0 && app.said.is_none() {
        let key = app.keymap.shown(Command::Full);
        vec![muted(format!("{unseen} more, {key} opens in full"))]
    } else {
        vec![]
    };
    rule(buffer, area, &spans, &more, theme);
}

/// What of the worker's work fails again and again. No record shows it, so it stands on every page, for
/// as long as it is so.
fn failing(app: &App) -> Option<Span> {
    let why = app.counts.as_ref()?.failing.as_ref()?;
    let told = format!("⚑ the worker: {}", text::plain(why));
    Some(Span::new(told, Tone::Bad))
}

/// The keys that matter here, then those of the verbs that apply.
pub(super) fn footer(buffer: &mut Buffer, area: Rect, app: &App, theme: Theme) {
    let in_page = app.journey.page().is_some();
    let commands: &[(Command, &str)] = if in_page {
        &[
            (Command::Open, "follow"),
            (Command::Back, "back"),
            (Command::Actions, "act"),
            (Command::Help, "help"),
        ]
    } else {
        &[
            (Command::Open, "open"),
            (Command::Actions, "act"),
            (Command::Filter, "filter"),
            (Command::Help, "help"),
        ]
    };
    let mut hints: Vec<Hint> = commands
        .iter()
        .map(|(command, word)| Hint::new(app.keymap.shown(*command), word))
        .collect();
    if app.can_undo() {
        hints.push(Hint::new(app.keymap.shown(Command::Undo), "undo"));
    }
    let frame = hints.len();
    // Where not all have room, that one can give back what is one's own counts more than other
    // verbs.
    let is_own = app.selected_record().is_some_and(|record| {
        let who = (record.assignee()).or_else(|| app.present.holding(record.id()));
        who == Some(&app.person.login)
    });
    let mut given_back = Vec::new();
    for (verb, why) in app.menu() {
        let key = app.keymap.verb_shown(verb);
        if !key.is_empty() && why.is_none() {
            if is_own && verb.gives_back() {
                given_back.push(hints.len());
            }
            hints.push(Hint::new(key, verb.name));
        }
    }
    let by_weight: Vec<usize> = (0..frame)
        .chain(given_back.iter().copied())
        .chain((frame..hints.len()).filter(|index| !given_back.contains(index)))
        .collect();
    let mut room = (area.width as usize).saturating_sub(1);
    let mut has_room = vec![false; hints.len()];
    for (place, index) in by_weight.into_iter().enumerate() {
        let joint = if place == frame { JOINT.len() } else { 0 };
        let columns = joint + hints[index].columns();
        if columns >= room {
            break;
        }
        has_room[index] = true;
        room -= (columns + 2).min(room);
    }
    let mut x = area.x + 1;
    let mut parted = false;
    for (index, Hint { key, word }) in hints.iter().enumerate() {
        if !has_room[index] {
            continue;
        }
        if index >= frame && !std::mem::replace(&mut parted, true) {
            buffer.set_string(x, area.y, "│", theme.frame());
            x += JOINT.len() as u16;
        }
        buffer.set_string(x, area.y, key, Style::new().add_modifier(Modifier::BOLD));
        let at = x + text::width(key) as u16 + 1;
        buffer.set_string(at, area.y, word, theme.tone(Tone::Muted));
        x = at + text::width(word) as u16 + 2;
    }
}

/// Stands between the keys of the frame and those of the verbs.
const JOINT: &str = "| ";

/// A key and what it does.
struct Hint {
    key: String,
    word: String,
}

impl Hint {
    fn new(key: String, word: &str) -> Self {
        Self {
            key,
            word: word.to_owned(),
        }
    }

    fn columns(&self) -> usize {
        text::width(&self.key) + 1 + text::width(&self.word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_too_long_keeps_what_one_can_do_about_it() {
        let said = "#1042 on hold: the address is not clear at all · u: release #1042";
        assert_eq!(shortened(said, 80), said);
        assert_eq!(
            shortened(said, 40),
            "#1042 on hold: the a… · u: release #1042"
        );
        assert_eq!(
            shortened("nothing can be done about this", 10),
            "nothing c…"
        );
        assert!(text::width(&shortened(said, 20)) <= 20);
    }
}
