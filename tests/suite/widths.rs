//! Columns as terminals count them: what the console sends, judged by emulators that are not ours.
//! They disagree on emoji sequences; whatever stands beside one must be in its place on each.

use alacritty_terminal::Term;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line, Point};
use alacritty_terminal::term::Config;
use alacritty_terminal::vte::ansi::Processor;
use packline::console::terminal::{Depth, Painter};
use packline::domain::text;
use ratatui::Terminal;
use ratatui::layout::Size;
use ratatui::style::{Modifier, Style};

const COLUMNS: u16 = 60;
const ROWS: u16 = 24;
/// Where a mark stands behind each text.
const MARK: u16 = 40;

/// What people are called and what they write, and how many columns it takes where all terminals
/// agree; none where they do not.
const TEXTS: [(&str, Option<u16>); 20] = [
    ("Ines Duarte", Some(11)),
    ("Reclamação – não recebi", Some(23)),
    ("山田 太郎", Some(9)),
    ("김민준 씨", Some(9)),
    ("ﾊﾝｶｸ", Some(4)),
    ("全角ＡＢＣ", Some(10)),
    ("Zoe\u{308} e\u{301}te\u{301}", Some(7)),
    ("Dvor\u{30c}a\u{301}k", Some(6)),
    ("สวัสดี", Some(4)),
    ("مرحبا", Some(5)),
    ("שלום", Some(4)),
    ("Ω ≈ ç √ ∫ … “”", Some(14)),
    ("👩 📦 ✅", Some(8)),
    ("👩‍👩‍👧 family", None),
    ("🏳️‍🌈 🇵🇹 flags", None),
    ("👍🏽 ok", None),
    ("❤️ ☎️ 1️⃣", None),
    ("क्षत्रिय हिन्दी", None),
    ("葛\u{e0100}城", Some(4)),
    ("می‌خواهم", Some(7)),
];

struct Window;

impl Dimensions for Window {
    fn total_lines(&self) -> usize {
        ROWS as usize
    }

    fn screen_lines(&self) -> usize {
        ROWS as usize
    }

    fn columns(&self) -> usize {
        COLUMNS as usize
    }
}

/// Two emulators that hear the same.
struct Judges {
    alacritty: Term<VoidListener>,
    parser: Processor,
    vt100: vt100::Parser,
}

impl Judges {
    fn new() -> Self {
        Self {
            alacritty: Term::new(Config::default(), &Window, VoidListener),
            parser: Processor::new(),
            vt100: vt100::Parser::new(
                ROWS.try_into().expect("rows"),
                COLUMNS.try_into().expect("columns"),
                0,
            ),
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        // As the console does when it takes the terminal.
        self.parser.advance(&mut self.alacritty, b"\x1b[?7l");
        self.parser.advance(&mut self.alacritty, bytes);
        self.vt100.process(b"\x1b[?7l");
        self.vt100.process(bytes);
    }

    /// The characters in a cell, for each judge.
    fn at(&self, x: u16, y: u16) -> [String; 2] {
        let cell = &self.alacritty.grid()[Point::new(Line(i32::from(y)), Column(x as usize))];
        let mut alacritty = cell.c.to_string();
        alacritty.extend(cell.zerowidth().unwrap_or_default());
        let vt100 = self
            .vt100
            .screen()
            .cell(y, x)
            .map(|cell| cell.contents().to_owned());
        [alacritty, vt100.unwrap_or_default()]
    }

    /// The columns of the cursor, for each judge.
    fn cursors(&self) -> [u16; 2] {
        let (_, column) = self.vt100.screen().cursor_position();
        [self.alacritty.grid().cursor.point.column.0 as u16, column]
    }
}

#[test]
fn a_text_takes_as_many_columns_as_terminals_give_it() {
    for (shown, columns) in TEXTS {
        assert_eq!(text::plain(shown), shown, "it is what people write");
        let Some(columns) = columns else { continue };
        let mut judges = Judges::new();
        judges.hear(shown.as_bytes());
        assert_eq!(text::width(shown) as u16, columns, "{shown}");
        assert_eq!(judges.cursors(), [columns; 2], "{shown}");
    }
}

/// A terminal that is drawn on by the console's own painter.
fn painted(frames: &[&dyn Fn(&mut ratatui::Frame)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let size = || Ok(Size::new(COLUMNS, ROWS));
    let painter = Painter::new(&mut bytes, size, Depth::True, false);
    let mut terminal = Terminal::new(painter).expect("a terminal");
    for frame in frames {
        terminal.draw(|to| frame(to)).expect("a frame");
    }
    drop(terminal);
    bytes
}

#[track_caller]
fn marks_are_in_their_columns(judges: &Judges, rows: usize) {
    for (y, (shown, _)) in (0..).zip(TEXTS).take(rows) {
        for (judge, at) in ["alacritty", "vt100"].iter().zip(judges.at(MARK, y)) {
            assert_eq!(at, "│", "{judge}, beside {shown}");
        }
        // Nothing of a wide drawing is left between the text and the mark.
        for x in text::width(shown) as u16..MARK {
            for (judge, at) in ["alacritty", "vt100"].iter().zip(judges.at(x, y)) {
                assert!(
                    at.trim().is_empty(),
                    "{judge}, behind {shown}: {at:?} at {x}"
                );
            }
        }
    }
}

#[test]
fn what_stands_behind_a_text_is_in_its_column_on_every_terminal() {
    let rows = |frame: &mut ratatui::Frame| {
        for (y, (shown, _)) in (0..).zip(TEXTS) {
            frame.buffer_mut().set_string(0, y, shown, Style::new());
            frame.buffer_mut().set_string(MARK, y, "│", Style::new());
        }
    };
    let mut judges = Judges::new();
    judges.hear(&painted(&[&rows]));
    marks_are_in_their_columns(&judges, TEXTS.len());

    // The text alone changes: nothing behind it is sent by itself.
    let styled = |frame: &mut ratatui::Frame| {
        rows(frame);
        for (y, (shown, _)) in (0..).zip(TEXTS) {
            let style = Style::new().add_modifier(Modifier::BOLD);
            frame.buffer_mut().set_string(0, y, shown, style);
        }
    };
    let mut judges = Judges::new();
    judges.hear(&painted(&[&rows, &styled]));
    marks_are_in_their_columns(&judges, TEXTS.len());

    // Each row takes the next one's text, wide characters over narrow ones and back.
    let turned = |frame: &mut ratatui::Frame| {
        for y in 0..TEXTS.len() {
            let (shown, _) = TEXTS[(y + 1) % TEXTS.len()];
            frame
                .buffer_mut()
                .set_string(0, y as u16, shown, Style::new());
            frame
                .buffer_mut()
                .set_string(MARK, y as u16, "│", Style::new());
        }
    };
    let mut judges = Judges::new();
    judges.hear(&painted(&[&rows, &turned, &rows]));
    marks_are_in_their_columns(&judges, TEXTS.len());
}

#[test]
fn at_the_last_column_nothing_wraps() {
    let narrow = |frame: &mut ratatui::Frame| {
        for (y, (shown, _)) in (0..).zip(TEXTS) {
            let x = COLUMNS - (text::width(shown) as u16).min(COLUMNS);
            frame.buffer_mut().set_string(x, y, shown, Style::new());
            frame.buffer_mut().set_string(0, y, "│", Style::new());
        }
    };
    let mut judges = Judges::new();
    judges.hear(&painted(&[&narrow, &narrow]));
    for (y, (shown, _)) in (0..).zip(TEXTS) {
        for at in judges.at(0, y) {
            assert_eq!(at, "│", "{shown}");
        }
    }
}

#[test]
fn the_cursor_is_where_the_next_character_comes() {
    for (shown, _) in TEXTS {
        let columns = text::width(shown) as u16;
        let written = |frame: &mut ratatui::Frame| {
            frame.buffer_mut().set_string(0, 3, shown, Style::new());
            frame.set_cursor_position((columns, 3));
        };
        let mut judges = Judges::new();
        judges.hear(&painted(&[&written]));
        assert_eq!(judges.cursors(), [columns; 2], "{shown}");
    }
}
