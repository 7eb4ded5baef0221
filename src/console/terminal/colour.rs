//! How many colours a terminal has, and the nearest of them to the one that is wanted.

use std::fmt::Write as _;

use ratatui::style::Color;

/// How many colours a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, dim, underlined and reversed all the same.
    None,
    /// The sixteen that its user has chosen.
    Sixteen,
    /// xterm's 256.
    Palette,
    /// Every colour.
    True,
}

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    Fore,
    Back,
}

impl Depth {
    /// By what the environment says. `NO_COLOR` (<https://no-color.org>) and `TERM=dumb` mean none;
    /// `COLORTERM` (<https://github.com/termstandard/colors>) and the names of terminals tell the rest.
    pub fn of(environment: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| environment(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        if set("NO_COLOR").is_some() || term == "dumb" || term.starts_with("vt") {
            return Self::None;
        }
        let colorterm = set("COLORTERM").unwrap_or_default();
        if colorterm == "truecolor" || colorterm == "24bit" || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") || is_modern(&term) {
            Self::Palette
        } else {
            Self::Sixteen
        }
    }

    /// The colour that the terminal can show for this one.
    pub(super) fn colour(self, colour: Color, ground: Ground) -> Color {
        match (self, colour) {
            (Self::None, _) => Color::Reset,
            (Self::Palette, Color::Rgb(red, green, blue)) => {
                Color::Indexed(nearest(red, green, blue, 16..=255))
            }
            (Self::Sixteen, Color::Rgb(red, green, blue)) => sixteenth(red, green, blue, ground),
            (Self::Sixteen, Color::Indexed(index @ 16..)) => {
                let (red, green, blue) = components(index);
                sixteenth(red, green, blue, ground)
            }
            (_, colour) => colour,
        }
    }
}

/// Terminals whose name in `TERM` does not tell how many colours they have.
fn is_modern(term: &str) -> bool {
    [
        "alacritty",
        "foot",
        "xterm-kitty",
        "xterm-ghostty",
        "wezterm",
        "contour",
    ]
    .iter()
    .any(|name| term.starts_with(name))
}

/// One of the sixteen, whose true look nobody but the terminal's user knows: a colour's hue counts,
/// and whether it is bright. As a background black and white are left to the terminal.
fn sixteenth(red: u8, green: u8, blue: u8, ground: Ground) -> Color {
    /// From so far apart on red, green and blue make a hue.
    const HUE: u8 = 48;
    /// From here on a colour is bright.
    const BRIGHT: u8 = 0xd8;
    let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
    if ground == Ground::Back {
        return match nearest(red, green, blue, 0..=15) {
            0 | 15 => Color::Reset,
            index => Color::Indexed(index),
        };
    }
    if most - least < HUE {
        return Color::Indexed(match most {
            0..0x40 => 0,
            0x40..0xb0 => 8,
            0xb0..0xf0 => 7,
            _ => 15,
        });
    }
    // As bright and as pure as the six that have a hue.
    let pure = |part: u8| ((u16::from(part - least) * 205) / u16::from(most - least)) as u8;
    let index = nearest(pure(red), pure(green), pure(blue), 1..=6);
    Color::Indexed(index + if most >= BRIGHT { 8 } else { 0 })
}

/// The nearest colour of a part of xterm's palette, by weighted distance
/// (<https://www.compuphase.com/cmetric.htm>).
fn nearest(red: u8, green: u8, blue: u8, among: std::ops::RangeInclusive<u8>) -> u8 {
    let square = |a: u8, b: u8| (i32::from(a) - i32::from(b)).pow(2);
    among
        .min_by_key(|index| {
            let (r, g, b) = components(*index);
            let mean = i32::midpoint(i32::from(red), i32::from(r));
            (512 + mean) * square(red, r) + 1024 * square(green, g) + (767 - mean) * square(blue, b)
        })
        .unwrap_or(7)
}

/// Red, green and blue of xterm's palette: sixteen, a cube of six each way, and 24 greys.
fn components(index: u8) -> (u8, u8, u8) {
    const FIRST: [(u8, u8, u8); 16] = [
        (0, 0, 0),
        (205, 0, 0),
        (0, 205, 0),
        (205, 205, 0),
        (0, 0, 238),
        (205, 0, 205),
        (0, 205, 205),
        (229, 229, 229),
        (127, 127, 127),
        (255, 0, 0),
        (0, 255, 0),
        (255, 255, 0),
        (92, 92, 255),
        (255, 0, 255),
        (0, 255, 255),
        (255, 255, 255),
    ];
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..16 => FIRST[usize::from(index)],
        16..232 => {
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        _ => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// Red, green and blue of a colour, those of the sixteen as xterm has them; nothing for what the
/// terminal's user has chosen.
pub fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
    match colour {
        Color::Reset => None,
        Color::Rgb(red, green, blue) => Some((red, green, blue)),
        other => index(other).map(components),
    }
}

/// How well the one can be read on the other, from 1 to 21
/// (<https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio>); text wants 4.5, a frame 3.
pub fn contrast(one: (u8, u8, u8), other: (u8, u8, u8)) -> f64 {
    let luminance = |(red, green, blue)| {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The number of a colour in xterm's palette.
const fn index(colour: Color) -> Option<u8> {
    Some(match colour {
        Color::Reset | Color::Rgb(..) => return None,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(index) => index,
    })
}

/// Adds to a `CSI … m` what selects a colour; it has begun with a reset.
pub(super) fn select(to: &mut String, colour: Color, ground: Ground) {
    let by = match ground {
        Ground::Fore => 0,
        Ground::Back => 10,
    };
    let written = match (colour, index(colour)) {
        (Color::Rgb(red, green, blue), _) => write!(to, ";{};2;{red};{green};{blue}", 38 + by),
        (_, Some(index @ 0..8)) => write!(to, ";{}", 30 + by + index),
        (_, Some(index @ 8..16)) => write!(to, ";{}", 82 + by + index),
        (_, Some(index)) => write!(to, ";{};5;{index}", 38 + by),
        (_, None) => Ok(()),
    };
    // A string takes everything.
    let _ = written;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(set: &[(&str, &str)]) -> Depth {
        Depth::of(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        assert_eq!(depth(&[("TERM", "xterm")]), Depth::Sixteen);
        assert_eq!(depth(&[("TERM", "linux")]), Depth::Sixteen);
        assert_eq!(depth(&[("TERM", "xterm-256color")]), Depth::Palette);
        assert_eq!(depth(&[("TERM", "foot")]), Depth::Palette);
        let colorterm = ("COLORTERM", "truecolor");
        assert_eq!(depth(&[("TERM", "xterm-256color"), colorterm]), Depth::True);
        assert_eq!(depth(&[("TERM", "xterm-direct")]), Depth::True);
        assert_eq!(depth(&[("TERM", "dumb"), colorterm]), Depth::None);
        assert_eq!(depth(&[("NO_COLOR", "1"), colorterm]), Depth::None);
        assert_eq!(depth(&[("NO_COLOR", ""), colorterm]), Depth::True);
    }

    #[test]
    fn a_colour_is_shown_by_the_nearest_that_there_is() {
        let shown = |depth: Depth, colour| {
            let mut text = String::new();
            select(&mut text, depth.colour(colour, Ground::Fore), Ground::Fore);
            text
        };
        let brick = Color::Rgb(200, 30, 20);
        assert_eq!(shown(Depth::True, brick), ";38;2;200;30;20");
        assert_eq!(shown(Depth::Palette, brick), ";38;5;160");
        assert_eq!(shown(Depth::Sixteen, brick), ";31");
        assert_eq!(shown(Depth::None, brick), "");
        assert_eq!(shown(Depth::Sixteen, Color::Indexed(231)), ";97");
        // The light theme's green and brown, and the dark one's red.
        assert_eq!(shown(Depth::Sixteen, Color::Rgb(0x16, 0x70, 0x36)), ";32");
        assert_eq!(shown(Depth::Sixteen, Color::Rgb(0x8a, 0x5a, 0x00)), ";33");
        assert_eq!(shown(Depth::Sixteen, Color::Rgb(0xff, 0x7a, 0x70)), ";91");
        assert_eq!(shown(Depth::True, Color::LightRed), ";91");
        assert_eq!(shown(Depth::Palette, Color::Rgb(8, 8, 8)), ";38;5;232");
        let black = Depth::Sixteen.colour(Color::Rgb(10, 10, 12), Ground::Back);
        assert_eq!(black, Color::Reset);
    }
}
