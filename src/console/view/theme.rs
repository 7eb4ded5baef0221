//! Colours and signs. Nothing is told by colour alone, so a theme may have none.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

use crate::console::app::Tone;

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Whether colours may be used; bold, dim and reverse always may.
    pub colour: bool,
    /// Whether the terminal understands UTF-8; otherwise only ASCII is sent.
    pub unicode: bool,
}

impl Theme {
    /// Colours of the terminal's own palette, and Unicode.
    pub const fn full() -> Self {
        Self {
            colour: true,
            unicode: true,
        }
    }

    /// The style of a tone. The terminal's own sixteen colours, so that it fits its background.
    pub const fn tone(self, tone: Tone) -> Style {
        let style = Style::new();
        match tone {
            Tone::Plain => style,
            Tone::Muted => style.add_modifier(Modifier::DIM),
            Tone::Strong | Tone::Heading => style.add_modifier(Modifier::BOLD),
            Tone::Good => self.coloured(style, Color::Green),
            Tone::Warn => self.coloured(style, Color::Yellow),
            Tone::Bad => self.coloured(style, Color::Red),
            Tone::Link => self
                .coloured(style, Color::Cyan)
                .add_modifier(Modifier::UNDERLINED),
        }
    }

    const fn coloured(self, style: Style, colour: Color) -> Style {
        if self.colour { style.fg(colour) } else { style }
    }

    /// What is selected.
    pub const fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Rules, frames, titles of columns.
    pub const fn frame(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Turns what has been drawn into what the terminal can show.
    pub fn finish(self, buffer: &mut Buffer) {
        if self.unicode {
            return;
        }
        for cell in &mut buffer.content {
            let symbol = cell.symbol();
            if !symbol.is_ascii() {
                let ascii = match symbol {
                    "─" | "–" | "—" => "-",
                    "│" | "▏" => "|",
                    "┌" | "┐" | "└" | "┘" | "├" | "┤" => "+",
                    "●" => "*",
                    "◌" | "○" => "o",
                    "⚑" => "!",
                    "×" => "x",
                    "·" => ".",
                    "…" => "~",
                    "→" | "›" => ">",
                    "↑" => "^",
                    "↓" => "v",
                    "“" | "”" => "\"",
                    "’" | "‘" => "'",
                    other if other.width() > 1 => "??",
                    _ => "?",
                };
                cell.set_symbol(ascii);
            }
        }
    }
}
