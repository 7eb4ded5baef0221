//! Cells that several lists share.

use chrono::{DateTime, Utc};

use crate::console::app::{Context, Span, Tone, facts};
use crate::domain::record::Record;

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

/// A number that is nearly always 0.
pub(super) fn few(number: i64) -> Span {
    match number {
        0 => Span::new("–", Tone::Muted),
        some => Span::new(some.to_string(), Tone::Plain),
    }
}

/// Who has it.
pub(super) fn who(assignee: Option<&str>) -> Span {
    Span::new(assignee.unwrap_or_default(), Tone::Plain)
}

/// Its promise has passed.
pub(super) fn flagged_by_due(record: &Record, ctx: Context) -> bool {
    record.due_at().is_some_and(|due| due < ctx.now)
}
