//! The terminal: taken over for the console, and given back as it was, however the console ends.

use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, panic, thread};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, style};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use rustix::process::{Signal, kill_current_process_group};

use super::view::Theme;

/// Begin and end of a synchronized update, so that no terminal shows half a frame
/// (<https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036>). Terminals that
/// do not know it pass over it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Whether the terminal is to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The console's terminal.
pub type Screen = Terminal<CrosstermBackend<Frames<Stdout>>>;

/// Collects what is written until it is flushed, and sends it as one synchronized update in one
/// write.
#[derive(Debug)]
pub struct Frames<W> {
    out: W,
    frame: Vec<u8>,
}

impl<W> Frames<W> {
    /// Collects for this writer.
    pub const fn new(out: W) -> Self {
        Self {
            out,
            frame: Vec::new(),
        }
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.frame.is_empty() {
            self.frame.extend_from_slice(BEGIN);
        }
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.frame.is_empty() {
            self.frame.extend_from_slice(END);
            let sent = self.out.write_all(&self.frame);
            self.frame.clear();
            sent?;
        }
        self.out.flush()
    }
}

/// Holds the terminal; dropped, gives it back.
#[derive(Debug)]
pub struct Taken {
    screen: Screen,
}

impl Taken {
    /// Takes the terminal: raw mode, the alternate screen, pasted text told apart from keys. A
    /// panic of this thread ends the console, so it gives the terminal back before it is told; one
    /// of another thread, which the console survives, is told to `elsewhere`.
    ///
    /// # Errors
    /// Standard input or output is no terminal, or it cannot be written to.
    pub fn take(elsewhere: impl Fn(String) + Send + Sync + 'static) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the console needs a terminal; `packline list` and `packline act` do not",
            ));
        }
        HOOK.call_once(|| {
            let tell = panic::take_hook();
            let owner = thread::current().id();
            panic::set_hook(Box::new(move |info| {
                if TAKEN.load(Ordering::SeqCst) && thread::current().id() != owner {
                    elsewhere(info.to_string());
                } else {
                    give_back();
                    tell(info);
                }
            }));
        });
        enter()?;
        let screen = Terminal::new(CrosstermBackend::new(Frames::new(io::stdout())))?;
        Ok(Self { screen })
    }

    /// Where to draw.
    pub const fn screen(&mut self) -> &mut Screen {
        &mut self.screen
    }

    /// Gives the terminal to the shell and stops until the shell says to go on.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // As ctrl-z does in a terminal that is not raw: the whole job stops, not this process
        // alone.
        kill_current_process_group(Signal::TSTP)?;
        enter()?;
        self.redraw()
    }

    /// Empties the screen, so that the next frame draws all of it.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn redraw(&mut self) -> io::Result<()> {
        // `Terminal::clear` would ask the terminal where its cursor is, and wait for an answer.
        let size = self.screen.size()?;
        self.screen.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)
}

/// Nothing can be done about a terminal that is gone, so failures pass.
fn give_back() {
    // Once: to leave the main screen a second time would move its cursor back over what was
    // written there since.
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Whether the terminal is still there; a line that was cut is not.
pub fn is_there() -> bool {
    rustix::termios::tcgetattr(io::stdin()).is_ok()
}

/// What the terminal can show, by what the environment says.
pub fn theme() -> Theme {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let colour = set("NO_COLOR").is_none();
    if !colour {
        // Crossterm would drop bold and reverse together with the colours, and with them the
        // selection. The theme leaves the colours out by itself.
        style::force_color_output(true);
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let unicode = locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    Theme { colour, unicode }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_synchronized_write() {
        let mut frames = Frames::new(Vec::new());
        frames.write_all(b"one").unwrap();
        frames.write_all(b" two").unwrap();
        frames.flush().unwrap();
        frames.flush().unwrap();
        assert_eq!(frames.out, b"\x1b[?2026hone two\x1b[?2026l");
    }
}
