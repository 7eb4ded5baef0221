//! Standard output and standard error, for commands that print.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints a line on standard output. A reader that has gone away (`| head`) is no failure.
pub(super) fn line(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints a line on standard error.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
