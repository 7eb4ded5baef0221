//! The terminal: taken over for the console, and given back as it was, however the console ends.

mod colour;
mod keyboard;
mod line;
mod outside;
mod paint;

use std::io::{self, IsTerminal, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, panic, thread};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::layout::{Position, Rect, Size};
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{QueueSelector, tcflush};

pub use self::colour::{Depth, contrast, rgb};
pub use self::keyboard::inputs;
pub use self::line::Line;
pub use self::outside::{Alarm, Outside};
pub use self::paint::{Canvas, Link, Painter};

/// Whether the terminal is to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The alternate screen, and where the terminal has none, an empty one; no wrapping at the last column,
/// so that a character that the terminal draws wider than others moves no line; pastes told apart from
/// keys.
const ENTER: &str = "\x1b[?1049h\x1b[0m\x1b[H\x1b[2J\x1b[?7l\x1b[?2004h";
/// Clicks and the wheel, in cells.
const MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
/// All of it back, also what a frame that broke off may have left: a link, a style, a synchronized
/// update that lasts. Where there is no other screen to go back to, the shell goes on in the last line.
const LEAVE: &str = "\x1b]8;;\x1b\\\x1b[0m\x1b[?2026l\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?7h\
    \x1b[999;1H\x1b[K\x1b[?1049l\x1b[?25h";

/// A terminal gets so long to take what is the last for it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The console's terminal.
pub type Screen = Terminal<Painter<Line>>;

/// What a terminal can do, and what it is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// How many colours it shows.
    pub depth: Depth,
    /// Whether it understands UTF-8; otherwise only ASCII is sent.
    pub unicode: bool,
    /// Whether it can follow links.
    pub links: bool,
    /// Whether the mouse is listened to.
    pub mouse: bool,
}

impl Capabilities {
    /// By what the environment says. The terminal itself is not asked: it may not answer, or so
    /// late that the answer is taken for keys.
    pub fn of(environment: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let unicode = locale.is_none_or(|locale| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let depth = Depth::of(set);
        // These show the sequence instead of passing over it.
        let term = set("TERM").unwrap_or_default();
        let simple = ["linux", "dumb", "vt", "screen", "cons25"];
        let links = !simple.iter().any(|name| term.starts_with(name)) || set("TMUX").is_some();
        Self {
            depth,
            unicode,
            links,
            mouse: false,
        }
    }

    /// By this process's environment.
    pub fn of_environment() -> Self {
        Self::of(|name| env::var(name).ok())
    }
}

/// Holds the terminal; dropped, gives it back.
#[derive(Debug)]
pub struct Taken {
    screen: Screen,
    mouse: bool,
}

impl Taken {
    /// Takes the terminal: raw mode, the alternate screen, pasted text told apart from keys. A
    /// panic of this thread ends the console, so it gives the terminal back before it is told; one
    /// of another thread, which the console survives, is told to `elsewhere`.
    ///
    /// # Errors
    /// Standard input or output is no terminal, or it cannot be written to.
    pub fn take(
        can: Capabilities,
        elsewhere: impl Fn(String) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the console needs a terminal; `packline list` and `packline act` do not",
            ));
        }
        if env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the console needs a terminal that can place text, and TERM is dumb; \
                 `packline list` and `packline act` need none",
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
        let mut line = Line::open()?;
        enter(&mut line, can.mouse)?;
        let painter = Painter::new(line, size, can.depth, can.links).unless(line::is_busy);
        Ok(Self {
            screen: Terminal::new(painter)?,
            mouse: can.mouse,
        })
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
        // As ctrl-z does in a terminal that is not raw, the whole job stops, not this process
        // alone. Not by SIGTSTP, which the loop listens to; nor by SIGSTOP, which would also stop a
        // job that no shell is there to continue.
        kill_current_process_group(Signal::TTOU)?;
        self.resume()
    }

    /// Takes the terminal again, after this program was stopped and others have had it. Where it is
    /// not this job's turn, the system stops the job here until it is.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn resume(&mut self) -> io::Result<()> {
        // Otherwise it is taken for raw still, whatever a shell has made of it.
        disable_raw_mode()?;
        enter(&mut Line::open()?, self.mouse)?;
        self.redraw()
    }

    /// Empties the screen, so that the next frame draws all of it.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn redraw(&mut self) -> io::Result<()> {
        // `Terminal::clear` would ask the terminal where its cursor is, and wait for an answer.
        let size = self.screen.size()?;
        self.screen.backend_mut().forget();
        self.screen.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter(line: &mut Line, mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    line.write_all(ENTER.as_bytes())?;
    if mouse {
        line.write_all(MOUSE.as_bytes())?;
    }
    Ok(())
}

/// Nothing can be done about a terminal that is gone, so failures pass.
fn give_back() {
    // Once: to leave the main screen a second time would move its cursor back over what was
    // written there since.
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    if let Ok(mut line) = Line::open() {
        // One failure may wait to be told, and has no one to be told to any more.
        let _ = line.write_all(LEAVE.as_bytes());
    }
    if !line::is_taken_within(PATIENCE) {
        // It shows nothing of this any more; what is left of it must not keep the program.
        let _ = tcflush(io::stdout(), QueueSelector::OFlush);
        line::is_taken_within(PATIENCE);
        line::forget();
    }
    let _ = disable_raw_mode();
}

/// How large the terminal is. One that does not know says nothing; the least that is usual is
/// taken then.
///
/// # Errors
/// There is no terminal.
pub fn size() -> io::Result<Size> {
    let size = rustix::termios::tcgetwinsize(io::stdout())?;
    Ok(match (size.ws_col, size.ws_row) {
        (0, _) | (_, 0) => Size::new(80, 24),
        (columns, rows) => Size::new(columns, rows),
    })
}
