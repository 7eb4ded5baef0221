//! How the console behaves towards its terminal: what it sends and when, what it takes for keys,
//! and that a line that is cut ends it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use packline::domain::people::Role;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use sqlx::ConnectOptions as _;

use crate::act_command::packline;
use crate::harness::until;
use crate::network::Line;
use crate::pty::{InTerminal, LIMIT, fingers_rest, on_database, on_shop};
use crate::shop::{Shop, now};

/// Begins every frame.
const FRAME: &str = "\x1b[?2026h";

/// A settings file, and what may be beside it.
fn settings(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("config.toml"), text).expect("a file");
    dir
}

/// The console with a settings file.
fn with_settings(shop: &Shop, dir: &tempfile::TempDir, environment: &[(&str, &str)]) -> InTerminal {
    let path = dir.path().join("config.toml").display().to_string();
    let mut all = vec![("PACKLINE_CONFIG", path.as_str())];
    all.extend(environment);
    InTerminal::console(shop, &all)
}

/// Time that a process has taken of a core, from Linux' table of processes.
#[cfg(target_os = "linux")]
fn worked(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let fields: Vec<u64> = after
        .split(' ')
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let ticks = fields.get(11).unwrap_or(&0) + fields.get(12).unwrap_or(&0);
    // USER_HZ is 100 on every Linux that runs today.
    Duration::from_millis(ticks * 10)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_console_sends_nothing_and_rests() {
    use chrono::Timelike as _;

    let shop = Shop::open().await;
    for _ in 0..30 {
        shop.order(&[("MUG", 1)]).await;
    }
    until(Duration::from_secs(70), "a minute that lasts", || {
        (10..40).contains(&now().second())
    });
    // At a record, which others are told of again and again; and at a list, whose promises end in
    // the middle of minutes.
    let mut reader = InTerminal::console(&shop, &[]);
    let lister = InTerminal::console(&shop, &[]);
    for console in [&reader, &lister] {
        console.shows("● live");
        console.shows("#1000");
    }
    reader.types("o");
    reader.shows("Orders › #1000");
    reader.rests();
    let consoles = [&reader, &lister];
    let begun = now();
    // What they were told at their start has been drawn by the next minute.
    until(Duration::from_secs(70), "the next minute", || {
        now().minute() != begun.minute()
    });
    let sent = |consoles: [&InTerminal; 2]| consoles.map(|console| console.bytes().len());
    let frames = consoles.map(|console| console.sent(FRAME));
    until(LIMIT, "the clock", || {
        let clock = now().format("● live %H:%M").to_string();
        consoles
            .iter()
            .all(|console| console.screen().contains(&clock))
    });
    std::thread::sleep(Duration::from_secs(2));
    for (console, before) in consoles.iter().zip(frames) {
        // One, where the database answers in time.
        let drawn = console.sent(FRAME) - before;
        assert!((1..=3).contains(&drawn), "{drawn}\n{}", console.screen());
    }
    let pids = consoles.map(|console| console.pid().as_raw_nonzero().get() as u32);
    let (before, worked_before) = (sent(consoles), pids.map(worked));
    let start = Instant::now();
    // Past the time at which a minute has gone by since they began.
    until(Duration::from_secs(70), "most of a minute", || {
        now().second() >= begun.second() + 15
    });
    for (console, (after, before)) in consoles.iter().zip(sent(consoles).iter().zip(before)) {
        assert_eq!(after - before, 0, "{}", console.screen());
    }
    for (pid, before) in pids.into_iter().zip(worked_before) {
        let share =
            worked(pid).saturating_sub(before).as_secs_f64() / start.elapsed().as_secs_f64();
        // A build without optimization takes some times what the bench measures.
        assert!(share < 0.02, "{:.2} % of a core", share * 100.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_few_frames_and_no_key_is_lost() {
    let shop = Shop::open().await;
    for _ in 0..30 {
        shop.order(&[("MUG", 1)]).await;
    }
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("● live");
    console.shows("#1000");
    console.rests();
    let (frames, start) = (console.sent(FRAME), Instant::now());
    let mut owner = shop.owner().await;
    for round in 0..20 {
        console.types("j");
        sqlx::query("update orders set note = $1 where id % 3 = 0")
            .bind(round.to_string())
            .execute(&mut owner)
            .await
            .expect("changes");
    }
    until(LIMIT, "the row that twenty keys lead to", || {
        let screen = console.screen();
        screen
            .lines()
            .any(|line| line.starts_with('>') && line.contains("#1020"))
    });
    let most = start.elapsed().as_millis() as usize / 16 + 2;
    let drawn = console.sent(FRAME) - frames;
    assert!(drawn <= most, "{drawn} frames in {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_sizes_ends_in_the_last_one() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("#1000");
    console.rests();
    let (frames, start) = (console.sent(FRAME), Instant::now());
    for round in 0..300 {
        console.resize(60 + round % 80, 20 + round % 20);
    }
    console.resize(140, 40);
    until(LIMIT, "a screen of the last size", || {
        let screen = console.screen();
        let lines: Vec<&str> = screen.lines().collect();
        lines.len() == 40 && lines[39].contains("enter open") && lines[2].chars().count() == 140
    });
    let most = start.elapsed().as_millis() as usize / 16 + 2;
    let drawn = console.sent(FRAME) - frames;
    assert!(drawn <= most, "{drawn} frames in {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_asked_nothing_and_its_late_answers_are_not_typed() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("#1000");
    console.types("/mu");
    console.types("\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\");
    console.types("\x1b]10;rgb:ffff/ffff/ffff\x07\x1b[?62;22c\x1b[24;80R");
    console.types("\u{9b}?62;22c\u{9d}11;rgb:1e1e/1e1e/1e1e\u{9c}");
    console.types("g");
    console.shows("/mug");
    console.types("\x1b");
    console.shows("open orders");
    // A paste is text: it presses nothing.
    console.types("\x1b[200~q\rq\x1b[201~");
    console.types("/\x1b[200~mug\rq\x1b[201~");
    console.shows("/mug");
    for question in [
        "\x1b[c",
        "\x1b[6n",
        "\x1b]11;?",
        "\x1b]10;?",
        "\x1b[>c",
        "\x1b[?u",
    ] {
        assert_eq!(console.sent(question), 0, "{question:?}");
    }
}

/// Whoever ignores SIGHUP, as under `nohup`, is not told that the line is gone; whoever does not
/// look spins on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_line_ends_it_although_it_ignores_the_signal() {
    let shop = Shop::open().await;
    let mut shell = CommandBuilder::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    let command = on_shop(shell, &shop);
    let pair = native_pty_system()
        .openpty(PtySize::default())
        .expect("a terminal");
    let mut child = pair.slave.spawn_command(command).expect("the program");
    drop(pair.slave);
    let mut output = pair.master.try_clone_reader().expect("its output");
    let (sender, live) = channel();
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..length]);
            if String::from_utf8_lossy(&seen).contains("live") {
                break;
            }
        }
        // The line goes with its last reader.
        drop(output);
        let _ = sender.send(());
    });
    live.recv_timeout(LIMIT).expect("a console");
    drop(pair.master);
    let cut = Instant::now();
    until(Duration::from_secs(5), "the end of the program", || {
        child.try_wait().expect("a child").is_some()
    });
    assert!(
        cut.elapsed() < Duration::from_secs(3),
        "{:?}",
        cut.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theme_is_shown_in_the_colours_that_there_are() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let dark = settings("theme = 'dark'\n");
    for (environment, sent, not) in [
        (("COLORTERM", "truecolor"), ";38;2;", ";38;5;"),
        (("TERM", "xterm-256color"), ";38;5;", ";38;2;"),
        (("TERM", "xterm"), "\x1b[0;7m", ";38;"),
        (("NO_COLOR", "1"), "\x1b[0;7m", ";38;"),
    ] {
        let mut console = with_settings(&shop, &dark, &[environment]);
        console.shows("#1000");
        console.shows("● live");
        assert!(console.sent(sent) > 0, "{environment:?}");
        assert_eq!(console.sent(not), 0, "{environment:?}");
        // Whatever colours there are, the selected row has its sign.
        let screen = console.screen();
        assert!(screen.lines().any(|line| line.starts_with('>')), "{screen}");
        console.types("q");
        console.ends();
    }
    // The terminal says that it is light.
    let auto = settings("");
    let light = [("COLORFGBG", "0;15"), ("COLORTERM", "truecolor")];
    let console = with_settings(&shop, &auto, &light);
    console.shows("● live");
    until(LIMIT, "the light theme's green", || {
        console.sent(";38;2;22;112;54") > 0
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mouse_is_listened_to_where_one_asked_for_it() {
    let shop = Shop::open().await;
    for _ in 0..5 {
        shop.order(&[("MUG", 1)]).await;
    }
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("#1004");
    console.types("q");
    console.ends();
    assert_eq!(console.sent("\x1b[?1000h"), 0);

    let mouse = settings("mouse = true\n");
    let mut console = with_settings(&shop, &mouse, &[]);
    console.shows("#1004");
    assert_eq!(console.sent("\x1b[?1000h"), 1);
    let selected = |console: &InTerminal, number: &str| {
        until(LIMIT, number, || {
            let screen = console.screen();
            screen
                .lines()
                .any(|line| line.starts_with('>') && line.contains(number))
        });
    };
    // The third row, by a click; back by the wheel.
    console.types("\x1b[<0;20;7M\x1b[<0;20;7m");
    selected(&console, "#1002");
    console.types("\x1b[<64;20;7M");
    selected(&console, "#1000");
    // What is selected already is opened.
    console.types("\x1b[<0;20;5M\x1b[<0;20;5m");
    console.shows("Orders › #1000");
    let tab = {
        let screen = console.screen();
        let tabs = screen.lines().nth(1).expect("the tabs").to_owned();
        let before = tabs.find("3 Shipments").expect("a tab");
        tabs[..before].chars().count() + 3
    };
    console.types(&format!("\x1b[<0;{tab};2M"));
    console.shows("parcels under way");
    console.types("q");
    console.ends();
    console.is_as_it_was();
    assert_eq!(console.sent("\x1b[?1000l"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_to_the_terminals_clipboard_and_is_shown() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("#1000");
    console.types("y");
    console.shows("1 number");
    console.types("1");
    console.shows("copied number: #1000");
    until(LIMIT, "the clipboard's sequence", || {
        console.sent("\x1b]52;c;IzEwMDA=\x07") == 1
    });
    // Through tmux, whether it takes it or lets it pass.
    let mut console = InTerminal::console(&shop, &[("TMUX", "/tmp/tmux-0/default,1,0")]);
    console.shows("#1000");
    console.types("y1");
    until(LIMIT, "the wrapped sequence", || {
        console.sent("\x1bPtmux;\x1b\x1b]52;c;IzEwMDA=\x07\x1b\\") == 1
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracking_code_leads_to_its_carrier() {
    const OPENED: &str =
        "\x1b]8;;https://www.dhl.com/global-en/home/tracking.html?tracking-id=JD0146000012\x1b\\";
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 1)]).await;
    shop.done(order, "reserve", &[]).await;
    shop.done(
        order,
        "ship",
        &[("carrier", "DHL"), ("tracking", "JD0146000012")],
    )
    .await;
    let mut console = InTerminal::console(&shop, &[]);
    console.shows("● live");
    console.types("3");
    console.shows("JD0146000012");
    until(LIMIT, "a link", || console.sent(OPENED) > 0);
    assert_eq!(
        console.sent("\x1b]8;;https"),
        console.sent("\x1b]8;;\x1b\\"),
        "each ends"
    );
    // Not where the terminal would show the sequence, nor where one does not want it.
    for (name, value) in [("TERM", "linux"), ("PACKLINE_LINKS", "false")] {
        let mut console = InTerminal::console(&shop, &[(name, value)]);
        console.shows("● live");
        console.types("3");
        console.shows("JD0146000012");
        console.rests();
        assert_eq!(console.sent("\x1b]8;"), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_only_reads_does_nothing() {
    let shop = Shop::open().await;
    shop.order(&[("MUG", 1)]).await;
    let mut console = InTerminal::console(&shop, &[("PACKLINE_READ_ONLY", "true")]);
    console.shows("● live");
    console.shows("#1000");
    for key in ["h", "u", "n"] {
        console.types(key);
        console.shows("this console only reads");
        fingers_rest();
    }
    console.types("q");
    assert!(console.ends().success());
    // What it shows is its own; what would be kept for the next time is not.
    let mut console = InTerminal::console(&shop, &[("PACKLINE_READ_ONLY", "true")]);
    console.shows("#1000");
    console.types("C \r");
    console.shows("not kept for the next time: this console only reads");
    console.types("o");
    console.shows("Orders › #1000");
    console.types("q");
    console.ends();
    for words in [
        ["macro", "set", "foo", "--read-only"].as_slice(),
        &["macro", "remove", "foo", "--read-only"],
        &["staff", "add", "zoe", "--role", "viewer", "--read-only"],
        &["jobs", "--retry-all", "--read-only"],
        &["migrate", "--read-only"],
        &["worker", "--once", "--read-only"],
        &["import", "mail", "/dev/null", "--read-only"],
    ] {
        let ran = packline(&shop, Role::Admin, words).await;
        let why = "only reading is allowed here: see read_only in packline config";
        assert!(ran.err.contains(why), "{words:?}: {}", ran.err);
        assert_ne!(ran.status, 0, "{words:?}");
    }
    // And the database would not let it.
    let words = ["act", "hold", "#1000", "--reason", "no", "--read-only"];
    let ran = packline(&shop, Role::Support, &words).await;
    assert_eq!(ran.status, 5, "{}", ran.out);
    let held: bool = shop
        .ask("select stage = 'on_hold' from orders", |question| question)
        .await;
    assert!(!held);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_keys_and_colours_are_told_at_once_with_their_lines() {
    let shop = Shop::open().await;
    let dir = settings("theme = 'mine'\n");
    fs::write(
        dir.path().join("keymap.toml"),
        "[keys]\nfly = 'f'\n[orders]\nhold = 'j'\n",
    )
    .expect("a file");
    fs::create_dir(dir.path().join("themes")).expect("a directory");
    let theme = dir.path().join("themes/mine.toml");
    fs::write(&theme, "base = 'dark'\nbad = { fg = 'crimson' }\n").expect("a file");
    let url = shop
        .database
        .options
        .clone()
        .username(&shop.login(Role::Support))
        .to_url_lossy();
    let run = |command: &str| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_packline"));
        program
            .args(command.split(' ').filter(|word| !word.is_empty()))
            .env("PACKLINE_DATABASE_URL", url.as_str())
            .env("PACKLINE_CONFIG", dir.path().join("config.toml"));
        program.output().expect("the program")
    };
    for command in ["", "config"] {
        let output = run(command);
        assert!(!output.status.success());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        for expected in [
            "keymap.toml:2: no command is called “fly”",
            "keymap.toml:4: j is bound to down too",
            "mine.toml:2: bad: no colour",
        ] {
            assert!(told.contains(expected), "{expected}\nis not in\n{told}");
        }
    }
    fs::write(dir.path().join("keymap.toml"), "[orders]\nhold = 'H'\n").expect("a file");
    fs::write(&theme, "base = 'dark'\nbad = { fg = '#ff0000' }\n").expect("a file");
    let output = run("config");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}");
    let from = dir.path().join("config.toml").display().to_string();
    assert!(
        told.contains(&format!("theme = \"mine\"  # {from}:1")),
        "{told}"
    );
    assert!(told.contains("# mouse = \"false\"  # default"), "{told}");
    assert!(told.contains("database.url = \"postgres://"), "{told}");
    // The keys are in force, and shown.
    let verbs = String::from_utf8_lossy(&run("verbs").stdout).into_owned();
    assert!(verbs.contains("  H  hold --reason TEXT "), "{verbs}");
    shop.order(&[("MUG", 1)]).await;
    let mut console = with_settings(&shop, &dir, &[]);
    console.shows("#1000");
    console.shows("H hold");
    console.types("H");
    console.shows("hold #1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_cannot_place_text_is_told_what_can_be_used_there() {
    let shop = Shop::open().await;
    let mut console = InTerminal::console(&shop, &[("TERM", "dumb")]);
    assert!(!console.ends().success());
    console.shows("TERM is dumb");
    console.shows("`packline list`");
    assert_eq!(console.sent("\x1b[?1049h"), 0);
}

/// A terminal that takes nothing, as over a line that hangs: what ends the console ends it, and what
/// was written is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_takes_nothing_keeps_no_signal_from_ending_it() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, Signal, kill_process};

    let shop = Shop::open().await;
    shop.ticket().await;
    for signal in [Signal::TERM, Signal::HUP] {
        let line = Line::to(&shop.database);
        let (_, rest) = line.url.split_once('@').expect("a user");
        let url = format!("postgres://{}@{rest}", shop.login(Role::Support));
        let state = tempfile::tempdir().expect("a directory");
        let mut command = on_database(InTerminal::program(), &url);
        command.env("XDG_STATE_HOME", state.path());
        let pair = native_pty_system()
            .openpty(PtySize::default())
            .expect("a terminal");
        let mut child = pair.slave.spawn_command(command).expect("the program");
        let mut output = pair.master.try_clone_reader().expect("its output");
        let mut keys = pair.master.take_writer().expect("its input");
        let mut seen = vt100::Parser::default();
        let mut shows = |text: &str| {
            let mut buffer = [0; 8192];
            while !seen.screen().contents().contains(text) {
                let length = output.read(&mut buffer).expect("its output");
                seen.process(&buffer[..length]);
            }
        };
        shows("● live");
        keys.write_all(b"5").expect("keys");
        shows("TKT-1");
        keys.write_all(b"r").expect("keys");
        shows("reply TKT-1");
        line.cut();
        keys.write_all(b"Oh no").expect("keys");
        shows("Oh no");
        // From now on nobody reads.
        let slave = pair.master.tty_name().expect("a name");
        let slave = fs::File::options()
            .write(true)
            .open(slave)
            .expect("a terminal");
        until(LIMIT, "a terminal that is full", || {
            keys.write_all(b"\x0c").expect("keys");
            let moment = Timespec {
                tv_sec: 0,
                tv_nsec: 200_000_000,
            };
            let mut polled = [PollFd::new(&slave, PollFlags::OUT)];
            poll(&mut polled, Some(&moment)) == Ok(0)
        });
        let pid = child.process_id().expect("a process") as i32;
        kill_process(Pid::from_raw(pid).expect("a process"), signal).expect("a signal");
        let told = Instant::now();
        until(Duration::from_secs(10), "the end of the program", || {
            child.try_wait().expect("a child").is_some()
        });
        assert!(
            told.elapsed() < Duration::from_secs(4),
            "{:?}",
            told.elapsed()
        );
        let status = child.wait().expect("a child");
        assert!(status.success(), "{status:?}");
        let kept = fs::read_dir(state.path().join("packline/drafts"))
            .expect("a directory")
            .any(|file| {
                let file = file.expect("a file").path();
                fs::read_to_string(file).is_ok_and(|text| text.contains("Oh no"))
            });
        assert!(kept, "what was written");
    }
}
