//! The console in a real terminal: it starts, draws, acts, and leaves the terminal as it was,
//! however it ends.

use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::until;
use crate::pty::{InTerminal, LIMIT, on_shop};
use crate::shop::Shop;

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
    console.shows("What can be done with");
    console.types("q");
    console.shows("#1000");
    console.types("q");
    assert!(console.ends().success());
    console.is_as_it_was();
}

/// What Linux' table of processes says of a process: its state, and the time that it has taken of a
/// core in hundredths of a second.
#[cfg(target_os = "linux")]
fn about(pid: Pid) -> (String, u64) {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks = fields[11..13]
        .iter()
        .filter_map(|field| field.parse::<u64>().ok());
    (fields[0].to_owned(), ticks.sum())
}

/// The console under a shell that controls jobs: what the shell does once it is stopped.
#[cfg(target_os = "linux")]
fn under_a_shell(shop: &Shop, script: &str) -> (InTerminal, Pid) {
    let mut shell = CommandBuilder::new("sh");
    let script = format!("set -m; \"$0\" \"$@\"; {script}");
    shell.args(["-c", &script]);
    let console = InTerminal::start(on_shop(shell, shop));
    console.shows("● live");
    console.shows("#1000");
    let shell = console.pid().as_raw_nonzero();
    let path = format!("/proc/{shell}/task/{shell}/children");
    let children = std::fs::read_to_string(path).expect("its children");
    let child = children.trim().parse().expect("one child");
    (console, Pid::from_raw(child).expect("a process"))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_from_outside_gives_the_terminal_back_as_the_key_does() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let (mut console, child) = under_a_shell(&shop, "echo suspended; read line; fg");
    kill_process(child, Signal::TSTP).expect("a signal");
    console.shows("suspended");
    let seen = console.screen();
    assert!(!seen.contains("#1000"), "the main screen is back:\n{seen}");
    assert!(!console.seen().parser.screen().alternate_screen());
    console.types("\n");
    console.shows("#1000");
    console.types("?");
    console.shows("What can be done with");
    console.types("q");
    console.shows("#1000");
    console.types("q");
    assert!(console.ends().success());
    console.is_as_it_was();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_it_by_force_has_it_whole_again() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    // An interactive shell makes the terminal its own again.
    let script = "stty sane; echo suspended; read line; fg";
    let (mut console, child) = under_a_shell(&shop, script);
    kill_process(child, Signal::STOP).expect("a signal");
    console.shows("suspended");
    console.types("\n");
    console.hides("suspended");
    console.shows("#1000");
    // Keys come one by one, and are not shown by the terminal.
    console.types("?");
    console.shows("What can be done with");
    console.types("q");
    console.shows("#1000");
    console.types("q");
    assert!(console.ends().success());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn in_the_background_it_neither_writes_nor_works() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let script = "stty sane; bg; echo behind; read line; fg";
    let (mut console, child) = under_a_shell(&shop, script);
    kill_process(child, Signal::STOP).expect("a signal");
    console.shows("behind");
    until(LIMIT, "it to be stopped again", || about(child).0 == "T");
    let (sent, (_, worked)) = (console.bytes().len(), about(child));
    std::thread::sleep(Duration::from_secs(2));
    let (state, now) = about(child);
    assert_eq!((state.as_str(), now), ("T", worked));
    assert_eq!(console.bytes().len(), sent, "{}", console.screen());
    console.types("\n");
    console.hides("behind");
    console.shows("#1000");
    console.types("q");
    assert!(console.ends().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_colours_the_selection_still_shows() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[("NO_COLOR", "1")]);
    console.shows("#1000");
    until(LIMIT, "a reversed row", || {
        let seen = console.seen();
        let screen = seen.parser.screen();
        (0..24).any(|y| {
            let cell = |x| screen.cell(y, x);
            cell(0).is_some_and(|cell| cell.contents() == ">" && cell.inverse())
        })
    });
    let seen = console.seen();
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
    let seen = console.seen();
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
        let can = packline::console::terminal::Capabilities::of_environment();
        let _taken = packline::console::terminal::Taken::take(can, elsewhere).expect("a terminal");
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
    command.env("TERM", "xterm-256color");
    // The message is looked for on the last screen.
    command.env("RUST_BACKTRACE", "0");
    let mut program = InTerminal::start(command);
    assert!(!program.ends().success());
    program.is_as_it_was();
    program.shows("as told");
    let screen = program.screen();
    assert!(!screen.contains("in passing"), "{screen}");
    let seen = program.seen();
    let taken = b"\x1b[?1049h";
    assert!(seen.bytes.windows(taken.len()).any(|bytes| bytes == taken));
}
