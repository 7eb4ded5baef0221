//! What can be copied of a record.

use ratatui::buffer::Buffer;

use super::super::theme::Theme;
use super::super::{select, write};
use super::boxes::{boxed, keys, line};
use crate::console::app::{Copyable, Geometry, Span, Tone, cut};

pub(super) fn draw(
    buffer: &mut Buffer,
    things: &[Copyable],
    picked: usize,
    g: &Geometry,
    theme: Theme,
) {
    let hints = keys(&[("1-9", "copy it"), ("enter", "copy"), ("esc", "close")]);
    let inner = boxed(buffer, g, "copy", &hints, 66, things.len(), theme);
    for (index, thing) in things.iter().enumerate().take(inner.height as usize) {
        let area = line(inner, index);
        let sign = if index == picked { ">" } else { " " };
        let spans = vec![
            Span::new(format!("{sign} {} ", index + 1), Tone::Strong),
            Span::new(format!("{:<14} ", thing.what), Tone::Muted),
            Span::new(&thing.text, Tone::Plain),
        ];
        write(buffer, area, &cut(spans, area.width as usize), theme);
        if index == picked {
            select(buffer, area, theme);
        }
    }
}
