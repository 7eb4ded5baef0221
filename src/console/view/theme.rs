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
        // The second cell of a wide character has nothing of its own.
        let mut behind_wide = false;
        for cell in &mut buffer.content {
            if std::mem::take(&mut behind_wide) {
                cell.set_symbol("?");
                continue;
            }
            let symbol = cell.symbol();
            if !symbol.is_ascii() {
                behind_wide = symbol.width() > 1;
                let ascii = match symbol {
                    "─" | "–" | "—" => "-",
                    "│" | "▏" => "|",
                    "┌" | "┐" | "└" | "┘" | "├" | "┤" => "+",
                    "●" | "✎" => "*",
                    "◌" | "○" => "o",
                    "⚑" => "!",
                    "×" => "x",
                    "·" => ".",
                    "…" => "~",
                    "→" | "›" => ">",
                    "←" => "<",
                    "↑" => "^",
                    "↓" => "v",
                    "“" | "”" => "\"",
                    "’" | "‘" => "'",
                    other => other.chars().next().map_or("?", letter),
                };
                cell.set_symbol(ascii);
            }
        }
    }
}

/// The Latin letter under a mark, of Unicode's blocks Latin-1 Supplement and Latin Extended-A; a
/// question mark for what is no such letter.
fn letter(char: char) -> &'static str {
    match char {
        // A letter with its marks behind it.
        letter if letter.is_ascii_alphabetic() => {
            let at = letter as usize - if letter.is_ascii_uppercase() { 65 } else { 71 };
            &LETTERS[at..=at]
        }
        'À'..='Æ' | 'Ā' | 'Ă' | 'Ą' => "A",
        'à'..='æ' | 'ā' | 'ă' | 'ą' => "a",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'Ð' | 'Ď' | 'Đ' => "D",
        'ð' | 'ď' | 'đ' => "d",
        'È'..='Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => "E",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'Ĥ' | 'Ħ' => "H",
        'ĥ' | 'ħ' => "h",
        'Ì'..='Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' => "I",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'Ĵ' => "J",
        'ĵ' => "j",
        'Ķ' => "K",
        'ķ' => "k",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' => "N",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'Ō' | 'Ŏ' | 'Ő' | 'Œ' => "O",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'œ' => "o",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'ß' | 'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'Ţ' | 'Ť' | 'Ŧ' | 'Ț' => "T",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'Ù'..='Ü' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'Ŵ' => "W",
        'ŵ' => "w",
        'Ý' | 'Ŷ' | 'Ÿ' => "Y",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        _ => "?",
    }
}

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn without_unicode_every_cell_holds_one_ascii_character() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 1));
        buffer.set_string(0, 0, "Łódź e\u{301}Z\u{30c} 山田│ö €", Style::new());
        let theme = Theme {
            colour: true,
            unicode: false,
        };
        theme.finish(&mut buffer);
        let shown: Vec<&str> = buffer
            .content
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect();
        assert!(shown.iter().all(|symbol| symbol.len() == 1), "{shown:?}");
        assert_eq!(shown.concat().trim_end(), "Lodz eZ ????|o ?");
    }
}
