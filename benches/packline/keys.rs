//! From a key to the frame that answers it: through the console's own loop, and through a real
//! terminal, against a terminal that only echoes.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use chrono::Utc;
use futures_util::{StreamExt as _, stream};
use packline::console::app::{self, App, Settings};
use packline::console::effects::Performer;
use packline::console::input::{Chord, Input, Keymap};
use packline::console::run::Console;
use packline::console::terminal::{Depth, Outside, Painter};
use packline::console::view::Theme;
use packline::domain::people::Person;
use packline::domain::people::Role;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::handle;
use crate::harness::TestDatabase;
use crate::report::{Samples, table};
use crate::screen::Screen;

const ROUNDS: usize = 300;
/// Longer than a frame lasts, so that no key waits for the frame before it.
const PAUSE: Duration = Duration::from_millis(23);
const LIMIT: Duration = Duration::from_secs(10);
const SIZE: (u16, u16) = (140, 40);

pub(crate) async fn run(young: &TestDatabase, old: &TestDatabase, orders: u32, fewer: u32) {
    let echo = tokio::task::spawn_blocking(echo).await.expect("an echo");
    let few = in_process(young).await;
    let many = in_process(old).await;
    let url = old.url.clone();
    let terminal = tokio::task::spawn_blocking(move || through_terminal(&url))
        .await
        .expect("a terminal");
    let row = |what: String, samples: &Samples, other: &Samples| {
        let [median, p99] = samples.told();
        [what, median, p99, samples.against(other)]
    };
    table(
        "Key to frame",
        &format!(
            "{ROUNDS} times `j` in the list of orders, {} × {}",
            SIZE.0, SIZE.1
        ),
        ["", "median", "p99", "ratio"],
        &[
            row(format!("the loop, {fewer} orders"), &few, &few),
            row(
                format!("the loop, {orders} orders, against it"),
                &many,
                &few,
            ),
            row("a terminal that echoes".to_owned(), &echo, &echo),
            row(
                format!("the program in a terminal, {orders} orders, against it"),
                &terminal,
                &echo,
            ),
        ],
    );
}

/// Tells when a frame has been written.
struct Frames(UnboundedSender<Instant>);

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nobody listens any more once the measurement is over.
        let _ = self.0.send(Instant::now());
        Ok(())
    }
}

async fn in_process(database: &TestDatabase) -> Samples {
    let db = handle(database, 4).await;
    let (replies, received) = unbounded_channel();
    let performer = Performer::new(db, "ana".to_owned(), chrono_tz::Tz::UTC, replies);
    let person = Person {
        login: "ana".to_owned(),
        name: "Ana".to_owned(),
        roles: vec![Role::Admin],
    };
    let settings = Settings {
        shop: "Bench".to_owned(),
        zone: chrono_tz::Tz::UTC,
        read_only: false,
        log: None,
        carriers: true,
        alarm_about: vec![],
    };
    let keymap = Keymap::built_in().expect("the keymap");
    let mut console = Console {
        app: App::new(settings, person, keymap, SIZE, Utc::now()),
        theme: Theme::full(),
        replies: received,
        feed: Box::pin(stream::iter([app::Feed::Live, app::Feed::Resync]).chain(stream::pending())),
        perform: move |effect, now| performer.perform(effect, now),
        clock: Utc::now,
        outside: Outside::default(),
        drawn: None,
        told: None,
    };
    let (frame, mut frames) = unbounded_channel();
    let (press, mut inputs) = unbounded_channel();
    let options = TerminalOptions {
        viewport: Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1)),
    };
    let size = || Ok(Size::new(SIZE.0, SIZE.1));
    let painter = Painter::new(Frames(frame), size, Depth::Palette, true);
    let mut terminal = Terminal::with_options(painter, options).expect("a terminal");
    let measured = async {
        settle(&mut frames).await;
        let mut samples = Samples::default();
        for _ in 0..ROUNDS {
            while frames.try_recv().is_ok() {}
            let sent = Instant::now();
            press
                .send(Input::Key(Chord::char('j')))
                .expect("the loop runs");
            let drawn = timeout(LIMIT, frames.recv())
                .await
                .expect("a frame in time")
                .expect("the loop runs");
            samples.push(drawn.saturating_duration_since(sent));
            sleep(PAUSE).await;
        }
        samples
    };
    tokio::select! {
        samples = measured => samples,
        _ = console.drive(&mut terminal, &mut inputs) => unreachable!("nobody pressed q"),
    }
}

/// Waits until no frame comes: everything was read.
async fn settle(frames: &mut UnboundedReceiver<Instant>) {
    while timeout(Duration::from_millis(600), frames.recv())
        .await
        .is_ok()
    {}
}

fn through_terminal(url: &str) -> Samples {
    let program = env!("CARGO_BIN_EXE_packline");
    let mut screen = Screen::start(program, &["--database-url", url], (SIZE.1, SIZE.0));
    screen.shows("Customer");
    screen.settle(Duration::from_millis(600));
    keys(&mut screen)
}

fn echo() -> Samples {
    let mut screen = Screen::start("cat", &[], (SIZE.1, SIZE.0));
    keys(&mut screen)
}

fn keys(screen: &mut Screen) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        samples.push(screen.answers("j"));
        std::thread::sleep(PAUSE);
    }
    samples
}
