//! The README's pictures: screens of the demo, drawn from the program's own cells.
//! `UPDATE_PICTURES=1 cargo test pictures` draws them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use packline::actions::demo::{Folder, Story};
use packline::console::app::{Msg, update};
use packline::console::terminal::{Depth, rgb};
use packline::console::view::{self, Theme};
use packline::domain::text;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::console::Desk;
use crate::demo::{anchor, load, stage};
use crate::harness::{dedicated_server, screen};

/// How often a console may have heard more than it shows, before its picture is taken as it is.
const TRIES: usize = 20;

/// A cell in pixels, and the size of the letters in it.
const CELL: (f64, f64) = (8.4, 18.0);
const LETTERS: f64 = 14.0;
/// Round the screen.
const MARGIN: f64 = 12.0;

/// What is behind the text, and its colour where the theme leaves it to the terminal.
struct Paper {
    theme: &'static str,
    back: (u8, u8, u8),
    fore: (u8, u8, u8),
}

const PAPERS: [Paper; 2] = [
    Paper {
        theme: "dark",
        back: (0x16, 0x19, 0x1f),
        fore: (0xd5, 0xd9, 0xe0),
    },
    Paper {
        theme: "light",
        back: (0xff, 0xff, 0xff),
        fore: (0x24, 0x29, 0x2f),
    },
];

/// The pictures: a name, and the keys that lead there from the start, each with what is seen once
/// it has been read, its parts divided by `…`.
const PICTURES: [(&str, &[(&str, &str)]); 2] = [
    ("next", &[("0", "Lines")]),
    (
        "ticket",
        &[
            ("5", "Conversation"),
            ("<enter>", "Tickets › TKT-…Conversation…Parcels"),
        ],
    ),
];

fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The colours of a cell: fore, and back where it is not the paper's.
fn colours(cell: &Cell, paper: &Paper) -> (String, Option<String>) {
    let colour = |colour: Color| rgb(colour);
    let (fore, back) = (colour(cell.fg), colour(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        (
            hex(back.unwrap_or(paper.back)),
            Some(hex(fore.unwrap_or(paper.fore))),
        )
    } else {
        (hex(fore.unwrap_or(paper.fore)), back.map(hex))
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What stands between gaps, each with the columns before it: no gap depends on how wide a letter is.
fn pieces(run: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for piece in run.split("  ") {
        let shown = piece.trim();
        if !shown.is_empty() {
            let before = piece.len() - piece.trim_start().len();
            pieces.push((text::width(&run[..at]) + before, shown));
        }
        at += piece.len() + 2;
    }
    pieces
}

/// A screen as SVG. Each run of cells of one look is told how wide it is, so that columns hold
/// whatever letters the reader's machine has.
fn svg(buffer: &Buffer, paper: &Paper, title: &str) -> String {
    let area = buffer.area;
    let (wide, high) = (
        f64::from(area.width) * CELL.0 + 2.0 * MARGIN,
        f64::from(area.height) * CELL.1 + 2.0 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {high:.0}\" role=\"img\" \
         aria-label=\"{title}\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
         font-size=\"{LETTERS}\" xml:space=\"preserve\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        hex(paper.back)
    );
    for y in 0..area.height {
        let top = MARGIN + f64::from(y) * CELL.1;
        let mut x = 0;
        while x < area.width {
            let cell = &buffer[(x, y)];
            let look = |cell: &Cell| (colours(cell, paper), cell.modifier);
            let (fore, back) = colours(cell, paper);
            // A wide character stands alone.
            let mut run = String::new();
            let mut end = x;
            while end < area.width && look(&buffer[(end, y)]) == look(cell) {
                let columns = (text::width(buffer[(end, y)].symbol()) as u16).max(1);
                if columns > 1 && end > x {
                    break;
                }
                run.push_str(buffer[(end, y)].symbol());
                end += columns;
                if columns > 1 {
                    break;
                }
            }
            let left = MARGIN + f64::from(x) * CELL.0;
            let across = f64::from(end - x) * CELL.0;
            if let Some(back) = back {
                let height = CELL.1;
                writeln!(
                    svg,
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{across:.1}\" height=\"{height}\" fill=\"{back}\"/>"
                )
                .expect("a string");
            }
            let mut style = String::new();
            if cell.modifier.contains(Modifier::BOLD) {
                style.push_str(" font-weight=\"bold\"");
            }
            if cell.modifier.contains(Modifier::UNDERLINED) {
                style.push_str(" text-decoration=\"underline\"");
            }
            if cell.modifier.contains(Modifier::DIM) {
                style.push_str(" opacity=\"0.65\"");
            }
            let base = top + CELL.1 * 0.74;
            for (columns, piece) in pieces(&run) {
                let left = left + columns as f64 * CELL.0;
                let length = text::width(piece) as f64 * CELL.0;
                let piece = escaped(piece);
                writeln!(
                    svg,
                    "<text x=\"{left:.1}\" y=\"{base:.1}\" fill=\"{fore}\"{style} textLength=\"{length:.1}\" \
                     lengthAdjust=\"spacingAndGlyphs\">{piece}</text>"
                )
                .expect("a string");
            }
            x = end.max(x + 1);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Whether a screen shows all parts of what is wanted, and waits for nothing.
fn settled(screen: &str, wanted: &str) -> bool {
    wanted.split('…').all(|part| screen.contains(part)) && !screen.contains("reading")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_are_the_programs_own_screens() {
    let server = dedicated_server();
    let (_database, there) = stage(&server).await;
    let mut story = Story::read(Folder::built_in(), anchor(), 0.0).expect("the folder");
    load(&mut story, &there).await;
    for (name, steps) in PICTURES {
        for paper in &PAPERS {
            let mut desk = Desk::open(there.db.clone(), (100, 30), anchor).await;
            desk.console.app.person.login = "ana".into();
            desk.console.app.settings.zone = chrono_tz::UTC;
            desk.console.app.settings.shop = "Kittiwake Coffee".into();
            desk.console.theme = Theme::named(paper.theme, Depth::True).expect("a theme");
            desk.shows("● live").await;
            desk.shows("1 Orders 1").await;
            for (keys, seen) in steps {
                desk.types(keys);
                desk.until(seen, |screen| settled(screen, seen)).await;
            }
            let title = format!("Packline, {name}");
            let wanted = steps.last().map_or("", |(_, seen)| seen);
            // The console may have heard more since it drew the screen that was waited for.
            let mut terminal = Terminal::new(TestBackend::new(100, 30)).expect("a terminal");
            for _ in 0..TRIES {
                // Whoever drew the picture before is not to be seen in this one.
                let app = &mut desk.console.app;
                drop(update(app, Msg::Presence(Ok(Vec::new())), anchor()));
                // From nothing: what a wide character covers stays in a test's buffer.
                terminal = Terminal::new(TestBackend::new(100, 30)).expect("a terminal");
                let console = &desk.console;
                terminal
                    .draw(|frame| drop(view::draw(frame, &console.app, console.theme)))
                    .expect("a frame");
                if settled(&screen::shown(terminal.backend().buffer()), wanted) {
                    break;
                }
                desk.until(wanted, |screen| settled(screen, wanted)).await;
            }
            let drawn = svg(terminal.backend().buffer(), paper, &title);
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("assets/screens/{name}-{}.svg", paper.theme));
            if std::env::var_os("UPDATE_PICTURES").is_some() {
                fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
                fs::write(&path, drawn).expect("the picture");
                continue;
            }
            let kept = fs::read_to_string(&path).unwrap_or_default();
            let differs: Vec<_> = kept
                .lines()
                .zip(drawn.lines())
                .filter(|(kept, drawn)| kept != drawn)
                .take(5)
                .collect();
            assert!(
                kept == drawn,
                "{} is not current: UPDATE_PICTURES=1 cargo test pictures\n{differs:#?}",
                path.display()
            );
        }
    }
}
