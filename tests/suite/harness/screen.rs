//! Screens as text, and the files that they are compared to.

use std::fmt::Write as _;

use std::fs;
use std::path::PathBuf;

use packline::console::terminal::{contrast, rgb};
use packline::domain::text;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// What is on a screen, a line each; how many columns of it are reversed stands at its right.
///
/// # Panics
///
/// If a control character has reached the screen.
pub(crate) fn shown(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut screen = String::new();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut covered = 0;
        for x in area.left()..area.right() {
            let cell = &buffer[(x, y)];
            if covered > 0 {
                covered -= 1;
                continue;
            }
            let symbol = cell.symbol();
            assert!(
                !symbol.chars().any(char::is_control),
                "a control character reached the screen: {symbol:?}"
            );
            line.push_str(symbol);
            covered = text::width(symbol).saturating_sub(1);
        }
        screen.push_str(line.trim_end());
        let reversed = (area.left()..area.right())
            .filter(|x| buffer[(*x, y)].modifier.contains(Modifier::REVERSED))
            .count();
        if reversed > 0 {
            let _ = write!(screen, "  ◁{reversed}");
        }
        screen.push('\n');
    }
    screen
}

/// Says that a screen is as another one that has no colours but its terminal's own, and that all of
/// it can be read on this background.
///
/// # Panics
///
/// If it says something else, or a word can hardly be read.
#[track_caller]
pub(crate) fn check_readable(buffer: &Buffer, bare: &Buffer, background: (u8, u8, u8)) {
    for (position, cell) in bare.area.positions().map(|at| (at, &buffer[at])) {
        let symbol = cell.symbol();
        assert_eq!(symbol, bare[position].symbol(), "at {position}");
        // What is dim, or has no colour, is as the terminal's user has chosen.
        let Some(front) = rgb(cell.fg) else { continue };
        if symbol.trim().is_empty() || cell.modifier.contains(Modifier::DIM) {
            continue;
        }
        let is_frame =
            symbol.starts_with(|char| matches!(char, '\u{2500}'..'\u{2580}' | '-' | '|' | '+'));
        let contrast = contrast(front, rgb(cell.bg).unwrap_or(background));
        let least = if is_frame { 3.0 } else { 4.5 };
        assert!(
            contrast >= least,
            "{symbol} at {position} has a contrast of {contrast:.1}:\n{}",
            shown(bare)
        );
    }
}

/// Says that nothing shines through what is drawn over it: what is reversed is a bar without
/// patches of other colours, and what is strong or in a colour is not dim.
///
/// # Panics
///
/// If something reversed has a colour, or something dim is strong or has one.
#[track_caller]
pub(crate) fn check_layers(bare: &Buffer) {
    for (position, cell) in bare.area.positions().map(|at| (at, &bare[at])) {
        // A row that left its list is dim from end to end.
        let is_gone = bare[(1, position.y)].symbol() == "×";
        let is_dim = cell.modifier.contains(Modifier::DIM) && !cell.symbol().trim().is_empty();
        assert!(
            !is_dim
                || is_gone
                || (cell.fg == Color::Reset && !cell.modifier.contains(Modifier::BOLD)),
            "{} at {position} is dim:\n{}",
            cell.symbol(),
            shown(bare)
        );
        assert!(
            !cell.modifier.contains(Modifier::REVERSED) || cell.fg == Color::Reset,
            "{} at {position} is a patch in the bar:\n{}",
            cell.symbol(),
            shown(bare)
        );
    }
}

/// Compares a screen to its file in `tests/suite/screens`. With `UPDATE_SCREENS=1` it is written
/// there instead.
///
/// # Panics
///
/// Where they differ.
#[track_caller]
pub(crate) fn check(name: &str, shown: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/suite/screens")
        .join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        fs::write(&path, shown).expect("the screen's file");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == expected,
        "{name} is not as in {}:\n{shown}\nexpected:\n{expected}",
        path.display()
    );
}
