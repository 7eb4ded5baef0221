//! The program in a real terminal, seen through an emulator that is not ours, and every byte that
//! it sent.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use packline::domain::people::Role;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Pid;
use sqlx::ConnectOptions as _;

use crate::harness::until;
use crate::shop::Shop;

/// The program.
const CONSOLE: &str = env!("CARGO_BIN_EXE_packline");

pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A command that opens the console on a shop's database: the console itself, or what starts it.
pub(crate) fn on_shop(command: CommandBuilder, shop: &Shop) -> CommandBuilder {
    let login = shop.login(Role::Support);
    let url = shop.database.options.clone().username(&login);
    on_database(command, url.to_url_lossy().as_str())
}

/// The same, on the database that this URL leads to.
pub(crate) fn on_database(mut command: CommandBuilder, url: &str) -> CommandBuilder {
    if command
        .get_argv()
        .first()
        .is_some_and(|program| program != CONSOLE)
    {
        command.arg(CONSOLE);
    }
    command.arg("--database-url");
    command.arg(url);
    command.env("LC_ALL", "C.UTF-8");
    command.env("TERM", "xterm-256color");
    for name in ["NO_COLOR", "COLORTERM", "COLORFGBG", "TMUX", "VTE_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// A program in a terminal of its own.
pub(crate) struct InTerminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    before: String,
}

/// What a terminal shows, by an emulator that is not ours, and every byte that it got.
pub(crate) struct Seen {
    pub(crate) parser: vt100::Parser,
    pub(crate) bytes: Vec<u8>,
}

/// Waits for as long as keys behind a refusal are dropped: what ends that is the time alone.
pub(crate) fn fingers_rest() {
    std::thread::sleep(Duration::from_millis(600));
}

impl InTerminal {
    /// The console, to be started.
    pub(crate) fn program() -> CommandBuilder {
        CommandBuilder::new(CONSOLE)
    }

    pub(crate) fn start(command: CommandBuilder) -> Self {
        let size = PtySize {
            rows: 24,
            cols: 80,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let before = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(command).expect("the program");
        let mut output = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its input");
        let seen = Arc::new(Mutex::new(Seen {
            parser: vt100::Parser::default(),
            bytes: Vec::new(),
        }));
        let to = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                let mut seen = to.lock().expect("no panic while reading");
                seen.parser.process(&buffer[..length]);
                seen.bytes.extend_from_slice(&buffer[..length]);
            }
        });
        // The other end stays open, as a shell keeps it, so that the terminal can be looked at
        // after the program has ended.
        std::mem::forget(pair.slave);
        Self {
            master: pair.master,
            child,
            keys,
            seen,
            before,
        }
    }

    /// The console on a shop's database.
    pub(crate) fn console(shop: &Shop, environment: &[(&str, &str)]) -> Self {
        let mut command = on_shop(Self::program(), shop);
        for (name, value) in environment {
            command.env(name, value);
        }
        Self::start(command)
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic while reading")
    }

    pub(crate) fn screen(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// Every byte so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// How often these bytes were sent.
    pub(crate) fn sent(&self, wanted: &str) -> usize {
        let bytes = self.bytes();
        bytes
            .windows(wanted.len())
            .filter(|bytes| *bytes == wanted.as_bytes())
            .count()
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("keys");
        self.keys.flush().expect("keys");
    }

    /// Waits until everything typed so far has been answered and read.
    #[track_caller]
    pub(crate) fn rests(&mut self) {
        const CLEARED: &str = "\x1b[2J";
        let before = self.sent(CLEARED);
        self.types("\x0c");
        until(LIMIT, "the screen, drawn anew", || {
            self.sent(CLEARED) > before && !self.screen().contains("reading")
        });
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = PtySize {
            rows,
            cols: columns,
            ..PtySize::default()
        };
        self.seen().parser.screen_mut().set_size(
            rows.try_into().expect("rows"),
            columns.try_into().expect("columns"),
        );
        self.master.resize(size).expect("a size");
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let end = Instant::now() + LIMIT;
        while !self.screen().contains(text) {
            assert!(Instant::now() < end, "no “{text}”:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        until(LIMIT, "another screen", || !self.screen().contains(text));
    }

    pub(crate) fn pid(&self) -> Pid {
        let id = self.child.process_id().expect("a process");
        Pid::from_raw(id as i32).expect("a process")
    }

    #[track_caller]
    pub(crate) fn ends(&mut self) -> portable_pty::ExitStatus {
        let mut status = None;
        until(LIMIT, "the end of the program", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("a status")
    }

    /// The terminal is as before the program: its modes, the main screen, a cursor.
    #[track_caller]
    pub(crate) fn is_as_it_was(&self) {
        until(LIMIT, "the main screen, and a cursor", || {
            let seen = self.seen();
            let screen = seen.parser.screen();
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        assert_eq!(format!("{:?}", self.master.get_termios()), self.before);
    }
}

impl Drop for InTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
