//! The console in a real terminal: it starts, draws, acts, and leaves the terminal as it was,
//! however it ends.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use packline::domain::people::Role;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::ConnectOptions as _;

use crate::harness::until;
use crate::shop::Shop;

/// The program.
pub(crate) const CONSOLE: &str = env!("CARGO_BIN_EXE_packline");

const LIMIT: Duration = Duration::from_secs(30);

/// A command that opens the console on a shop's database: the console itself, or what starts it.
pub(crate) fn on_shop(mut command: CommandBuilder, shop: &Shop) -> CommandBuilder {
    let login = shop.login(Role::Support);
    let url = shop.database.options.clone().username(&login);
    if command
        .get_argv()
        .first()
        .is_some_and(|program| program != CONSOLE)
    {
        command.arg(CONSOLE);
    }
    command.arg("--database-url");
    command.arg(url.to_url_lossy().as_str());
    command.env("LC_ALL", "C.UTF-8");
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
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
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

impl InTerminal {
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
    fn console(shop: &Shop, environment: &[(&str, &str)]) -> Self {
        let mut command = on_shop(CommandBuilder::new(CONSOLE), shop);
        for (name, value) in environment {
            command.env(name, value);
        }
        Self::start(command)
    }

    fn screen(&self) -> String {
        let seen = self.seen.lock().expect("no panic while reading");
        seen.parser.screen().contents()
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("keys");
        self.keys.flush().expect("keys");
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let end = Instant::now() + LIMIT;
        while !self.screen().contains(text) {
            assert!(Instant::now() < end, "no “{text}”:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(1));
        }
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
    fn is_as_it_was(&self) {
        until(LIMIT, "the main screen, and a cursor", || {
            let seen = self.seen.lock().expect("no panic while reading");
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

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_acts_and_leaves_the_terminal_as_it_was() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("● live");
    console.shows("#1000");
    console.types("h");
    console.shows("hold #1000");
    console.types("address unclear\r");
    console.shows("held: address unclear");
    console.types("q");
    assert!(console.ends().success());
    console.is_as_it_was();
    let held: bool = shop
        .ask("select stage = 'on_hold' from orders", |question| question)
        .await;
    assert!(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_it_and_a_line_that_is_cut() {
    let shop = Shop::open().await;
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("● live");
    kill_process(console.pid(), Signal::TERM).expect("a signal");
    assert!(console.ends().success());
    console.is_as_it_was();

    let mut console = InTerminal::console(&shop, &[]);
    console.shows("● live");
    kill_process(console.pid(), Signal::HUP).expect("a signal");
    console.ends();

    let mut console = InTerminal::console(&shop, &[]);
    console.shows("● live");
    console.types("\x03");
    assert!(
        console.ends().success(),
        "ctrl-c leaves where no text is lost"
    );
    console.is_as_it_was();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_suspended_and_comes_back() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    // Under a shell that controls jobs: a process whose group has none cannot be stopped.
    let mut shell = CommandBuilder::new("sh");
    let script = "set -m; \"$0\" \"$@\"; echo suspended; read line; fg";
    shell.args(["-c", script]);
    let mut console = InTerminal::start(on_shop(shell, &shop));
    console.shows("#1000");
    console.types("\x1a");
    console.shows("suspended");
    let seen = console.screen();
    assert!(!seen.contains("#1000"), "the main screen is back:\n{seen}");
    console.types("\r");
    console.shows("#1000");
    console.types("?");
    console.shows("Keys everywhere");
    console.types("q");
    console.shows("#1000");
    console.types("q");
    assert!(console.ends().success());
    console.is_as_it_was();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_colours_the_selection_still_shows() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[("NO_COLOR", "1")]);
    console.shows("#1000");
    until(LIMIT, "a reversed row", || {
        let seen = console.seen.lock().expect("no panic while reading");
        let screen = seen.parser.screen();
        (0..24).any(|y| {
            let cell = |x| screen.cell(y, x);
            cell(0).is_some_and(|cell| cell.contents() == ">" && cell.inverse())
        })
    });
    let seen = console.seen.lock().expect("no panic while reading");
    let screen = seen.parser.screen();
    for y in 0..24 {
        for x in 0..80 {
            let cell = screen.cell(y, x).expect("a cell");
            assert_eq!(cell.fgcolor(), vt100::Color::Default, "{y} {x}");
        }
    }
    drop(seen);
    console.types("q");
    console.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_utf_8_only_ascii_is_sent() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[("LC_ALL", "C")]);
    console.shows("* live");
    console.shows("#1000");
    console.types("q");
    console.ends();
    let seen = console.seen.lock().expect("no panic while reading");
    assert!(seen.bytes.is_ascii());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_on_the_screen_at_once() {
    let shop = Shop::open().await;
    for _ in 0..8 {
        shop.order(&[("MUG", 1)]).await;
    }
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("#1007");
    let mut times = Vec::new();
    for round in 0..40 {
        let (key, row) = if round % 2 == 0 {
            ("j", "#1001")
        } else {
            ("k", "#1000")
        };
        let start = Instant::now();
        console.types(key);
        loop {
            let screen = console.screen();
            if screen
                .lines()
                .any(|line| line.starts_with('>') && line.contains(row))
            {
                break;
            }
            assert!(start.elapsed() < LIMIT, "{screen}");
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(start.elapsed());
    }
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    // Far above what it takes, far below what a lost wake-up costs, on a machine that is busy.
    assert!(
        median < Duration::from_millis(150),
        "median {median:?}, worst {worst:?}"
    );
}

/// Not a test: what the next one runs in a terminal.
#[test]
fn panics_with_the_terminal_taken() {
    if std::env::var_os("PANIC_IN_TERMINAL").is_some() {
        let (sender, told) = std::sync::mpsc::channel();
        let elsewhere = move |what| sender.send(what).expect("a test");
        let _taken = packline::console::terminal::Taken::take(elsewhere).expect("a terminal");
        std::thread::spawn(|| panic!("in passing"))
            .join()
            .expect_err("a panic");
        let what = told.recv_timeout(LIMIT).expect("it is told");
        assert!(what.contains("in passing"), "{what}");
        panic!("as told");
    }
}

#[test]
fn a_panic_gives_the_terminal_back_and_is_told_there() {
    let mut command = CommandBuilder::new(std::env::current_exe().expect("this program"));
    command.args([
        "--exact",
        "terminal::panics_with_the_terminal_taken",
        "--nocapture",
    ]);
    command.env("PANIC_IN_TERMINAL", "1");
    // The message is looked for on the last screen.
    command.env("RUST_BACKTRACE", "0");
    let mut program = InTerminal::start(command);
    assert!(!program.ends().success());
    program.is_as_it_was();
    program.shows("as told");
    let screen = program.screen();
    assert!(!screen.contains("in passing"), "{screen}");
    let seen = program.seen.lock().expect("no panic while reading");
    let taken = b"\x1b[?1049h";
    assert!(seen.bytes.windows(taken.len()).any(|bytes| bytes == taken));
}
