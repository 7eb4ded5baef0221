//! Cells that several lists share.

use chrono::{DateTime, TimeDelta, Utc};

use crate::console::app::{Context, Span, Tone, facts};
use crate::domain::record::Record;
use crate::domain::text;

/// A name or title; something stands there even if nobody wrote any.
pub(super) fn name(text: &str) -> Span {
    if text.trim().is_empty() {
        Span::new("(none)", Tone::Muted)
    } else {
        Span::new(text, Tone::Plain)
    }
}

/// When, in six columns.
pub(super) fn stamp(at: Option<DateTime<Utc>>, ctx: Context) -> Span {
    match at {
        Some(at) => Span::new(facts::stamp(at, ctx.now, ctx.zone), Tone::Plain),
        None => Span::new("–", Tone::Muted),
    }
}

/// How long until then.
pub(super) fn due(at: Option<DateTime<Utc>>, ctx: Context) -> Span {
    match at {
        Some(at) => Span::new(facts::left(at, ctx.now), ctx.urgency(at)),
        None => Span::new("–", Tone::Muted),
    }
}

/// Columns of [`who`].
pub(super) const WHO: u16 = 7;

/// Who is at it, after a `✎` where one has written something for it and not sent it.
pub(super) fn who(record: &Record, ctx: Context) -> Span {
    if ctx.drafts.at(record.id()).next().is_none() {
        return others(record, ctx, WHO as usize);
    }
    let others = others(record, ctx, WHO as usize - "* ".len());
    Span::new(format!("✎ {}", others.text).trim_end(), Tone::Warn)
}

/// In so many columns: `ana ✎` writes something for it, `bo` has it, `(cy)` has it open.
fn others(record: &Record, ctx: Context, columns: usize) -> Span {
    let (id, room) = (record.id(), columns - 2);
    if let Some(who) = ctx.present.writing(id) {
        return Span::new(format!("{} ✎", text::fit(who, room)), Tone::Strong);
    }
    if let Some(who) = record.assignee().or_else(|| ctx.present.holding(id)) {
        return Span::new(who, Tone::Plain);
    }
    match ctx.present.looking(id) {
        Some(who) => Span::new(format!("({})", text::fit(who, room)), Tone::Muted),
        None => Span::new("", Tone::Plain),
    }
}

/// A number that is nearly always 0.
pub(super) fn few(number: i64) -> Span {
    match number {
        0 => Span::new("–", Tone::Muted),
        some => Span::new(some.to_string(), Tone::Plain),
    }
}

/// Its promise has passed.
pub(super) fn flagged_by_due(record: &Record, ctx: Context) -> bool {
    let late = |due| facts::since(due, ctx.now) > TimeDelta::zero();
    record.due_at().is_some_and(late)
}
