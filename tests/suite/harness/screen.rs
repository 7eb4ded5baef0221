//! Screens as text, and the files that they are compared to.

use std::fmt::Write as _;

use std::fs;
use std::path::PathBuf;

use packline::domain::text;
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

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
