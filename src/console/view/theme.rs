//! How things look: colours, which a theme's file says, and signs. Nothing is told by colour alone,
//! so a terminal may have none.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};
use unicode_width::UnicodeWidthStr;

use crate::console::app::Tone;
use crate::console::terminal::Depth;
use crate::domain::mistakes::{Mistakes, line_of};
use crate::domain::words::words;

words! {
    /// What a theme gives a look to.
    pub enum Part {
        /// Ordinary text.
        Plain = "plain",
        /// Less important than its neighbours.
        Muted = "muted",
        /// More important than its neighbours, and keys.
        Strong = "strong",
        /// What begins a section.
        Heading = "heading",
        /// As it should be.
        Good = "good",
        /// Soon a problem.
        Warn = "warn",
        /// A problem.
        Bad = "bad",
        /// What leads to another record.
        Link = "link",
        /// What is selected.
        Selected = "selected",
        /// Rules and frames: nothing that is read.
        Frame = "frame",
    }
}

/// The themes that the program carries, by name; the first is the base of all others.
pub const THEMES: [(&str, &str); 3] = [
    (
        "terminal",
        include_str!("../../../assets/themes/terminal.toml"),
    ),
    ("dark", include_str!("../../../assets/themes/dark.toml")),
    ("light", include_str!("../../../assets/themes/light.toml")),
];

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Whether the terminal understands UTF-8; otherwise only ASCII is sent.
    pub unicode: bool,
    styles: [Style; Part::ALL.len()],
}

/// What a theme's file calls the looks for a terminal of sixteen colours.
const SIXTEEN: &str = "sixteen";

impl Theme {
    /// Colours of the terminal's own palette, and Unicode.
    pub fn full() -> Self {
        Self::named("terminal", Depth::True).unwrap_or_else(|| unreachable!("it is in the table"))
    }

    /// A theme that the program carries, for a terminal of so many colours.
    pub fn named(name: &str, depth: Depth) -> Option<Self> {
        let (_, text) = THEMES.iter().find(|(known, _)| *known == name)?;
        Self::parse(text, depth).ok()
    }

    /// Reads a theme's file, for a terminal of so many colours.
    ///
    /// # Errors
    /// Every mistake at once: what is no TOML, a part or property that there is not, a colour that
    /// none is called.
    pub fn parse(text: &str, depth: Depth) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::new();
        let (table, broken) = DeTable::parse_recoverable(text);
        for mistake in broken {
            let at = mistake.span().map_or(0, |span| span.start);
            mistakes.push(line_of(text, at), mistake.message());
        }
        let mut theme = Self {
            unicode: true,
            styles: [Style::new(); Part::ALL.len()],
        };
        if let Some(base) = table.get_ref().get("base") {
            let name = base.get_ref().as_str().unwrap_or_default();
            match THEMES.iter().find(|(known, _)| *known == name) {
                Some((_, base)) if *base != text => theme = Self::parse(base, depth)?,
                _ => mistakes.push(
                    line_of(text, base.span().start),
                    format!("base: expected one of {}", names().join(", ")),
                ),
            }
        } else if text != THEMES[0].1 {
            theme = Self::parse(THEMES[0].1, depth)?;
        }
        let sixteen = table.get_ref().get(SIXTEEN);
        let looks = table.get_ref().iter().filter(|(key, _)| {
            let name = key.get_ref().as_ref();
            name != "base" && name != SIXTEEN
        });
        for (key, value) in looks {
            let base = |part| theme.part(part);
            if let Some((part, look)) = look(text, key, value, base, &mut mistakes) {
                theme.styles[part as usize] = look;
            }
        }
        match sixteen.map(Spanned::get_ref) {
            Some(DeValue::Table(looks)) => {
                for (key, value) in looks {
                    let base = |_| Style::new();
                    if let Some((part, look)) = look(text, key, value, base, &mut mistakes)
                        && depth == Depth::Sixteen
                    {
                        theme.styles[part as usize] = look;
                    }
                }
            }
            Some(_) => mistakes.push(
                line_of(text, sixteen.map_or(0, |value| value.span().start)),
                format!("{SIXTEEN}: expected a table, as [{SIXTEEN}] begins one"),
            ),
            None => {}
        }
        mistakes.or(theme)
    }

    /// The same for a terminal that understands UTF-8 or not.
    #[must_use]
    pub const fn with_unicode(mut self, unicode: bool) -> Self {
        self.unicode = unicode;
        self
    }

    /// How a part looks.
    pub const fn part(self, part: Part) -> Style {
        self.styles[part as usize]
    }

    /// The style of a tone.
    pub const fn tone(self, tone: Tone) -> Style {
        self.part(match tone {
            Tone::Plain => Part::Plain,
            Tone::Muted => Part::Muted,
            Tone::Strong => Part::Strong,
            Tone::Heading => Part::Heading,
            Tone::Good => Part::Good,
            Tone::Warn => Part::Warn,
            Tone::Bad => Part::Bad,
            Tone::Link => Part::Link,
        })
    }

    /// What is selected.
    pub const fn selected(self) -> Style {
        self.part(Part::Selected)
    }

    /// Rules and frames.
    pub const fn frame(self) -> Style {
        self.part(Part::Frame)
    }

    /// Turns what has been drawn into what the terminal can show.
    pub fn finish(self, buffer: &mut Buffer) {
        // Whatever was drawn without a colour has that of ordinary text.
        let plain = self.part(Part::Plain);
        for cell in &mut buffer.content {
            if cell.fg == Color::Reset {
                cell.fg = plain.fg.unwrap_or_default();
            }
            if cell.bg == Color::Reset {
                cell.bg = plain.bg.unwrap_or_default();
            }
        }
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

/// The names of the themes that the program carries.
fn names() -> Vec<&'static str> {
    THEMES.iter().map(|(name, _)| *name).collect()
}

/// One part and its look, which says what differs from its base.
fn look(
    text: &str,
    key: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
    base: impl Fn(Part) -> Style,
    mistakes: &mut Mistakes,
) -> Option<(Part, Style)> {
    let line = line_of(text, key.span().start);
    let name = key.get_ref().as_ref();
    let part = match name.parse::<Part>() {
        Ok(part) => part,
        Err(error) => {
            mistakes.push(line, error.to_string());
            return None;
        }
    };
    let DeValue::Table(properties) = value.get_ref() else {
        // A line that is broken says no more.
        if !mistakes.has(line) {
            mistakes.push(line, format!("{name}: expected {{ fg = …, bold = … }}"));
        }
        return None;
    };
    let mut style = base(part);
    for (key, value) in properties {
        let line = line_of(text, key.span().start);
        if let Err(mistake) = property(&mut style, key.get_ref(), value.get_ref()) {
            mistakes.push(line, format!("{name}: {mistake}"));
        }
    }
    Some((part, style))
}

/// Sets one property of a look.
fn property(style: &mut Style, name: &str, value: &DeValue<'_>) -> Result<(), String> {
    let modifier = match name {
        "fg" => {
            style.fg = Some(colour(value)?);
            return Ok(());
        }
        "bg" => {
            style.bg = Some(colour(value)?);
            return Ok(());
        }
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underlined" => Modifier::UNDERLINED,
        "reversed" => Modifier::REVERSED,
        _ => {
            return Err(format!(
                "{name} is none of fg, bg, bold, dim, italic, underlined, reversed"
            ));
        }
    };
    *style = match value {
        DeValue::Boolean(true) => style.add_modifier(modifier),
        DeValue::Boolean(false) => Style {
            add_modifier: style.add_modifier - modifier,
            ..*style
        },
        _ => return Err(format!("{name}: expected true or false")),
    };
    Ok(())
}

fn colour(value: &DeValue<'_>) -> Result<Color, String> {
    const NAMES: [&str; 8] = [
        "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
    ];
    let named = |name: &str| NAMES.iter().zip(0..).find(|(known, _)| **known == name);
    let found = match value {
        DeValue::Integer(number) => number.to_string().parse().ok().map(Color::Indexed),
        DeValue::String(text) => {
            if let Some(digits) = text.strip_prefix('#') {
                let number = u32::from_str_radix(digits, 16).ok();
                number.filter(|_| digits.len() == 6).map(Color::from_u32)
            } else if let Some(bright) = text.strip_prefix("bright-") {
                named(bright).map(|(_, index)| Color::Indexed(index + 8))
            } else {
                named(text).map(|(_, index)| Color::Indexed(index))
            }
        }
        _ => None,
    };
    found.ok_or_else(|| {
        format!(
            "no colour; expected {} or bright- before one, 0 to 255, or \"#rrggbb\"",
            NAMES.join(", ")
        )
    })
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
    use crate::console::terminal::{contrast, rgb};

    #[test]
    fn every_theme_gives_every_part_a_look() {
        for (name, text) in THEMES {
            let theme = Theme::parse(text, Depth::True)
                .unwrap_or_else(|mistakes| panic!("{name}: {mistakes}"));
            assert_eq!(Theme::named(name, Depth::True), Some(theme));
            for part in Part::ALL {
                assert!(text.contains(&format!("\n{part} = ")), "{name}: {part}");
            }
        }
    }

    #[test]
    fn every_part_can_be_read_on_its_background() {
        let check = |name: &str, theme: Theme, background: (u8, u8, u8)| {
            for part in Part::ALL {
                let style = theme.part(*part);
                // What names no colour has those that the terminal's user reads.
                let Some(front) = style.fg.and_then(rgb) else {
                    continue;
                };
                let back = style.bg.and_then(rgb).unwrap_or(background);
                let contrast = contrast(front, back);
                let least = if *part == Part::Frame { 3.0 } else { 4.5 };
                assert!(contrast >= least, "{name}: {part} has {contrast:.1}");
            }
        };
        let (black, white) = ((0, 0, 0), (0xff, 0xff, 0xff));
        for (name, usual, plainest) in
            [("dark", (0x1e, 0x1e, 0x1e), black), ("light", white, white)]
        {
            let theme = Theme::named(name, Depth::True).unwrap();
            assert!(Part::ALL.iter().all(|part| theme.part(*part).fg.is_some()));
            check(name, theme, usual);
            let sixteen = Theme::named(name, Depth::Sixteen).unwrap();
            check(&format!("{name} in sixteen"), sixteen, plainest);
        }
    }

    #[test]
    fn where_there_are_sixteen_colours_none_is_guessed_from_a_finer_one() {
        for name in ["dark", "light"] {
            let theme = Theme::named(name, Depth::Sixteen).unwrap();
            for part in Part::ALL {
                let style = theme.part(*part);
                for colour in [style.fg, style.bg].into_iter().flatten() {
                    assert!(matches!(colour, Color::Indexed(0..16)), "{name}: {part}");
                }
            }
        }
        let text = "base = \"light\"\nwarn = { fg = \"#8a5a00\" }\n[sixteen]\nbad = { fg = 5 }\n";
        let light = Theme::named("light", Depth::Sixteen).unwrap();
        let theme = Theme::parse(text, Depth::Sixteen).unwrap();
        let brown = Style::new().fg(Color::Rgb(0x8a, 0x5a, 0));
        assert_eq!(theme.part(Part::Warn), brown);
        assert_eq!(theme.part(Part::Bad), Style::new().fg(Color::Indexed(5)));
        assert_eq!(theme.part(Part::Link), light.part(Part::Link));
        let fine = Theme::parse(text, Depth::True).unwrap();
        let light = Theme::named("light", Depth::True).unwrap();
        assert_eq!(fine.part(Part::Bad), light.part(Part::Bad));
    }

    #[test]
    fn a_theme_says_what_differs_from_its_base() {
        let theme = Theme::parse(
            "base = \"dark\"\nbad = { fg = \"bright-red\", bold = true }\n",
            Depth::True,
        )
        .unwrap();
        let dark = Theme::named("dark", Depth::True).unwrap();
        let bad = Style::new()
            .fg(Color::Indexed(9))
            .add_modifier(Modifier::BOLD);
        assert_eq!(theme.part(Part::Bad), bad);
        assert_eq!(theme.part(Part::Good), dark.part(Part::Good));
        let theme = Theme::parse("good = { fg = 28, bg = \"#102030\" }", Depth::True).unwrap();
        let good = Style::new()
            .fg(Color::Indexed(28))
            .bg(Color::Rgb(16, 32, 48));
        assert_eq!(theme.part(Part::Good), good);
        assert_eq!(theme.part(Part::Muted), Theme::full().part(Part::Muted));
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let mistakes = Theme::parse(
            "base = \"solarized\"\nbad = { fg = \"crimson\", blink = true }\n\
             sky = { fg = \"blue\" }\ngood = \"green\"\nwarn = { bold = 1 }\nmuted =\n",
            Depth::True,
        )
        .unwrap_err();
        let lines: Vec<usize> = mistakes.iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2, 2, 3, 4, 5, 6], "{mistakes}");
        let text = mistakes.to_string();
        assert!(
            text.contains("line 2: bad: no colour; expected black, red"),
            "{text}"
        );
        assert!(text.contains("line 2: bad: blink is none of fg"), "{text}");
        let mistakes = Theme::parse("sixteen = 8\n", Depth::True)
            .unwrap_err()
            .to_string();
        assert_eq!(
            mistakes,
            "line 1: sixteen: expected a table, as [sixteen] begins one"
        );
        let mistakes =
            Theme::parse("[sixteen]\nsky = {}\nbad = { fg = 300 }\n", Depth::True).unwrap_err();
        let lines: Vec<usize> = mistakes.iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [2, 3], "{mistakes}");
    }

    #[test]
    fn without_unicode_every_cell_holds_one_ascii_character() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 1));
        buffer.set_string(0, 0, "Łódź e\u{301}Z\u{30c} 山田│ö €", Style::new());
        let theme = Theme::full().with_unicode(false);
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
