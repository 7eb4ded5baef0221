//! Standard output and standard error, for commands that print.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use tokio::time::timeout;

use crate::domain::text;

/// So long nobody wonders.
const MOMENT: Duration = Duration::from_millis(400);

/// Whether something did not get out, on a disk that is full for example.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a line on standard output. A reader that has gone away (`| head`) is no failure; any other
/// is remembered for [`is_lost`].
pub(super) fn line(text: impl Display) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        note(format_args!("packline: cannot write: {error}"));
    }
}

/// Prints a value on standard output as one line of JSON that a terminal can be shown.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<()> {
    line(escaped(&serde_json::to_string(value)?));
    Ok(())
}

/// Prints a line on standard error.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The same as the last thing that the program does: a terminal that takes nothing does not keep it.
pub(super) fn last_note(text: impl Display) {
    let stderr = io::stderr();
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: MOMENT.subsec_nanos().into(),
    };
    let mut polled = [PollFd::new(&stderr, PollFlags::OUT)];
    if poll(&mut polled, Some(&moment)) != Ok(0) {
        note(text);
    }
}

/// Waits for something, and says on standard error what for where that takes longer than a moment:
/// nobody is to wonder whether the program still does anything.
pub(super) async fn waiting<T>(what: impl Display, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = timeout(MOMENT, &mut work).await {
        return done;
    }
    note(format_args!("{what} …"));
    work.await
}

/// Whether a line for standard output was lost.
pub(super) fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// JSON in which what could act on a terminal, or hide or reorder what is read, is written as
/// `\uXXXX` (RFC 8259, section 7). It says the same: such characters stand within strings only.
fn escaped(json: &str) -> Cow<'_, str> {
    if matches!(text::plain(json), Cow::Borrowed(_)) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    let mut bytes = [0; 4];
    for char in json.chars() {
        if matches!(text::plain(char.encode_utf8(&mut bytes)), Cow::Borrowed(_)) {
            escaped.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_and_acts_on_no_terminal() {
        let text = "d\u{fc}rer \u{202e}gpj.exe \u{7f}\u{9b}2J \u{e0041} \u{1b}[2J \u{1f440}";
        let json = serde_json::to_string(text).expect("JSON");
        let shown = escaped(&json);
        assert_eq!(
            shown,
            "\"d\u{fc}rer \\u202egpj.exe \\u007f\\u009b2J \\udb40\\udc41 \\u001b[2J \u{1f440}\""
        );
        assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
        assert_eq!(escaped("{\"a\":\"\u{e9}\"}"), "{\"a\":\"\u{e9}\"}");
    }
}
