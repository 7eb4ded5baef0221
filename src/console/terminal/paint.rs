//! Frames as a terminal's bytes.
//!
//! A frame in which nothing changed sends nothing. What a frame sends goes out as one write, within
//! one synchronized update. Terminals disagree on how wide emoji sequences are, so nothing is left
//! to their arithmetic: behind each such character the cursor is put where it belongs, and what a
//! wider drawing may have covered is drawn again.

use std::fmt::Write as _;
use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthChar as _;

use super::colour::{Depth, Ground};
use crate::domain::text;

/// Begin and end of a synchronized update, so that no terminal shows half a frame
/// (<https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036>). Terminals that
/// do not know it pass over it.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// Cells that lead to a page of the web, where the terminal can follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The cells.
    pub area: Rect,
    /// The page's address.
    pub url: String,
}

/// What the loop draws on: cells, and what a terminal does beside showing them.
pub trait Canvas: Backend {
    /// The links of the frame that is drawn next.
    fn links(&mut self, links: Vec<Link>);

    /// Sends a sequence that draws nothing, with the next frame.
    fn send(&mut self, sequence: &str);

    /// Whether it still has to do with the frame before: another would only wait behind it.
    fn is_busy(&self) -> bool {
        false
    }
}

impl Canvas for TestBackend {
    fn links(&mut self, _: Vec<Link>) {}

    fn send(&mut self, _: &str) {}
}

/// Draws on a terminal.
#[derive(Debug)]
pub struct Painter<W> {
    out: W,
    /// How large the terminal is.
    size: fn() -> io::Result<Size>,
    /// Whether what was written is still on its way.
    busy: fn() -> bool,
    depth: Depth,
    /// Whether links are sent.
    follows: bool,
    links: Vec<Link>,
    /// Cells whose link came or went with this frame.
    relinked: Vec<Rect>,
    /// What the frame sends.
    frame: String,
    /// What the terminal shows.
    shown: Buffer,
    /// Where the terminal's cursor is, as far as is known.
    at: Option<Position>,
    /// How the terminal draws now, as far as is known.
    pen: Option<Pen>,
    /// The link that is open.
    link: Option<usize>,
    /// Whether the terminal shows its cursor, as far as is known.
    visible: Option<bool>,
    /// Where the cursor is to be seen.
    cursor: Option<Position>,
}

/// How a cell is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl<W: Write> Painter<W> {
    /// Draws on what this writer leads to.
    pub fn new(out: W, size: fn() -> io::Result<Size>, depth: Depth, follows: bool) -> Self {
        let whole = size().unwrap_or_default();
        Self {
            out,
            size,
            busy: || false,
            depth,
            follows,
            links: Vec::new(),
            relinked: Vec::new(),
            frame: String::new(),
            shown: Buffer::empty(Rect::from((Position::ORIGIN, whole))),
            at: None,
            pen: None,
            link: None,
            visible: None,
            cursor: None,
        }
    }

    /// The same; nothing is to be drawn while this says that the terminal has not taken it yet.
    #[must_use]
    pub fn unless(self, busy: fn() -> bool) -> Self {
        Self { busy, ..self }
    }

    /// Forgets what the terminal shows: others have drawn on it.
    pub fn forget(&mut self) {
        self.at = None;
        self.pen = None;
        self.visible = None;
    }

    fn move_to(&mut self, x: u16, y: u16) {
        match self.at {
            Some(at) if at.x == x && at.y == y => return,
            Some(at) if at.y == y => write(&mut self.frame, format_args!("\x1b[{}G", x + 1)),
            _ => write(&mut self.frame, format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
        self.at = Some(Position::new(x, y));
    }

    fn style(&mut self, cell: &Cell) {
        let colour = |colour, ground| self.depth.colour(colour, ground);
        let pen = Pen {
            fg: colour(cell.fg, Ground::Fore),
            bg: colour(cell.bg, Ground::Back),
            modifier: cell.modifier,
        };
        if self.pen == Some(pen) {
            return;
        }
        self.frame.push_str("\x1b[0");
        for (modifier, code) in [
            (Modifier::BOLD, 1),
            (Modifier::DIM, 2),
            (Modifier::ITALIC, 3),
            (Modifier::UNDERLINED, 4),
            (Modifier::REVERSED, 7),
            (Modifier::CROSSED_OUT, 9),
        ] {
            if pen.modifier.contains(modifier) {
                write(&mut self.frame, format_args!(";{code}"));
            }
        }
        super::colour::select(&mut self.frame, pen.fg, Ground::Fore);
        super::colour::select(&mut self.frame, pen.bg, Ground::Back);
        self.frame.push('m');
        self.pen = Some(pen);
    }

    /// Opens the link that a cell belongs to, or closes the one that it does not.
    fn lead(&mut self, x: u16, y: u16) {
        let position = Position::new(x, y);
        let link = self
            .links
            .iter()
            .position(|link| link.area.contains(position));
        if link == self.link {
            return;
        }
        let url = link.map_or("", |link| self.links[link].url.as_str());
        write(&mut self.frame, format_args!("\x1b]8;;{url}\x1b\\"));
        self.link = link;
    }

    /// Draws again what is shown already, and what that may cover in turn.
    fn put_again(&mut self, area: Rect) {
        for y in area.top()..area.bottom() {
            let (mut x, mut end) = (area.left(), area.right());
            while x < end.min(self.shown.area.right()) {
                let cell = self.shown[(x, y)].clone();
                self.put(x, y, &cell);
                end = end.max(x + at_most(cell.symbol()));
                x += (text::width(cell.symbol()) as u16).max(1);
            }
        }
    }

    fn put(&mut self, x: u16, y: u16, cell: &Cell) {
        // The last gate: whatever came so far, no terminal sequence is sent as text.
        let symbol = text::plain(cell.symbol());
        let columns = text::width(&symbol) as u16;
        let mut chars = symbol.chars();
        let (first, alone) = (chars.next().unwrap_or(' '), chars.next().is_none());
        self.move_to(x, y);
        self.style(cell);
        self.lead(x, y);
        if !alone && columns > 1 {
            // Where it is drawn narrower, what was there before would show beside it.
            for _ in 0..columns {
                self.frame.push(' ');
            }
            self.at = Some(Position::new(x + columns, y));
            self.move_to(x, y);
        }
        self.frame.push_str(&symbol);
        // At the last column terminals differ on where the cursor is.
        let fits = x + columns < self.shown.area.right();
        self.at = (alone && is_agreed(first) && fits).then(|| Position::new(x + columns, y));
    }
}

/// Whether all terminals agree on how many columns the character takes: Latin letters, and what
/// frames and sentences are made of.
const fn is_agreed(char: char) -> bool {
    matches!(char, '\u{20}'..'\u{300}' | '\u{2010}'..'\u{2060}' | '\u{2500}'..'\u{2580}')
}

/// The most columns that a terminal may take for what is read as one character, if it draws each
/// part by itself; 0 where all agree.
fn at_most(symbol: &str) -> u16 {
    if symbol.chars().nth(1).is_none() {
        return 0;
    }
    let seen = symbol
        .chars()
        .filter(|char| char.width().is_some_and(|width| width > 0));
    seen.count() as u16 * 2
}

fn write(to: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = to.write_fmt(text);
}

impl<W: Write> Canvas for Painter<W> {
    fn links(&mut self, mut links: Vec<Link>) {
        if self.follows {
            // What an address can do beside being one ends here, wherever it came from.
            links.retain(|link| link.url.bytes().all(|byte| (0x21..0x7f).contains(&byte)));
            let gone = self.links.iter().filter(|link| !links.contains(link));
            let come = links.iter().filter(|link| !self.links.contains(link));
            self.relinked = gone.chain(come).map(|link| link.area).collect();
            self.links = links;
        }
    }

    fn send(&mut self, sequence: &str) {
        self.frame.push_str(sequence);
    }

    fn is_busy(&self) -> bool {
        (self.busy)()
    }
}

impl<W: Write> Backend for Painter<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut again = Vec::new();
        for (x, y, cell) in content {
            self.put(x, y, cell);
            let columns = (text::width(cell.symbol()) as u16).max(1);
            // As far as it may be drawn, and what it stands on now may have been.
            let mut reach = x + at_most(cell.symbol());
            for under in x..x + columns {
                let Some(kept) = self.shown.cell_mut((under, y)) else {
                    break;
                };
                let wide = text::width(kept.symbol()) as u16;
                reach = reach.max(under + wide.max(at_most(kept.symbol())));
                if under == x {
                    kept.clone_from(cell);
                } else {
                    kept.reset();
                }
            }
            if reach > x + columns {
                again.push(Rect::new(x + columns, y, reach - x - columns, 1));
            }
        }
        again.append(&mut self.relinked);
        for area in again {
            self.put_again(area.intersection(self.shown.area));
        }
        if self.link.take().is_some() {
            self.frame.push_str("\x1b]8;;\x1b\\");
        }
        if self.pen.is_some() {
            // Nothing that is sent otherwise takes on the last cell's style.
            self.style(&Cell::default());
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.cursor = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.cursor = self.cursor.or(Some(Position::ORIGIN));
        Ok(())
    }

    /// Where it was put last; the terminal is not asked, for it may not answer.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = self.cursor.map(|_| position.into());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    /// All of it: the console has the whole window.
    fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
        let size = (self.size)()?;
        self.shown = Buffer::empty(Rect::from((Position::ORIGIN, size)));
        self.frame.push_str("\x1b[0m\x1b[2J");
        self.forget();
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        (self.size)()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: (self.size)()?,
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.visible != Some(self.cursor.is_some()) {
            let shown = if self.cursor.is_some() { 'h' } else { 'l' };
            write(&mut self.frame, format_args!("\x1b[?25{shown}"));
            self.visible = Some(self.cursor.is_some());
        }
        if let Some(cursor) = self.cursor {
            self.move_to(cursor.x, cursor.y);
        }
        if self.frame.is_empty() {
            return Ok(());
        }
        let frame = format!("{BEGIN}{}{END}", self.frame);
        self.frame.clear();
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }
}
