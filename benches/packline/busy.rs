//! A console at a million orders while a hundred of them change each second, and the same console
//! left alone: what it sends, what it takes of a core, what it holds in memory.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::connect;
use crate::harness::TestDatabase;
use crate::report::{Samples, table};
use crate::screen::Screen;

/// A key that is held repeats as often as this, on most machines.
const REPEAT: Duration = Duration::from_millis(33);
/// Presses of the key.
const KEYS: usize = 200;
/// Changes of open orders, each second.
const CHANGES: u64 = 100;
/// How long the console is left alone.
const IDLE: Duration = Duration::from_secs(40);
const SIZE: (u16, u16) = (140, 40);

pub(crate) async fn run(database: &TestDatabase, orders: u32) {
    let stop = Arc::new(AtomicBool::new(false));
    let mut connection = connect(database).await;
    let stopped = Arc::clone(&stop);
    let changing = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(1000 / CHANGES));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut round = 0_i64;
        while !stopped.load(Ordering::Relaxed) {
            ticks.tick().await;
            round += 1;
            // Orders at the head of the list, where they are seen.
            sqlx::query(
                "update packline.orders set note = $1::text
                 where id = (select id from packline.orders where due_at is not null and closed_at is null
                             order by due_at offset $1 % 100 limit 1)",
            )
            .bind(round)
            .execute(&mut connection)
            .await
            .expect("a change");
        }
        round
    });
    let url = database.url.clone();
    let (held, mut screen) = tokio::task::spawn_blocking(move || held(&url))
        .await
        .expect("a terminal");
    stop.store(true, Ordering::Relaxed);
    let changes = changing.await.expect("changes");
    let idle = tokio::task::spawn_blocking(move || idle(&mut screen))
        .await
        .expect("a terminal");
    let [median, p99] = held.keys.told();
    let rows = [
        [
            "keys lost".to_owned(),
            held.lost.to_string(),
            "0".to_owned(),
        ],
        ["key to frame, median".to_owned(), median, String::new()],
        [
            "key to frame, p99".to_owned(),
            p99,
            "16 ms and the line".to_owned(),
        ],
        [
            "bytes a frame".to_owned(),
            held.bytes_per_frame.to_string(),
            String::new(),
        ],
        [
            "of a core, while it is held".to_owned(),
            format!("{:.1} %", held.share * 100.0),
            String::new(),
        ],
        [
            "bytes, idle".to_owned(),
            idle.bytes.to_string(),
            "0 within a minute".to_owned(),
        ],
        [
            "of a core, idle".to_owned(),
            format!("{:.2} %", idle.share * 100.0),
            "0.2 %".to_owned(),
        ],
        [
            "resident memory".to_owned(),
            format!("{:.1} MB", idle.memory as f64 / 1e6),
            "25 MB".to_owned(),
        ],
    ];
    table(
        "A console in use, and left alone",
        &format!(
            "{orders} orders, {changes} changes of those in sight while `j` is held for {KEYS} presses, {} × {}; \
             then {} s of nothing, within one minute",
            SIZE.0,
            SIZE.1,
            IDLE.as_secs()
        ),
        ["", "", "at most"],
        &rows,
    );
}

struct Held {
    keys: Samples,
    lost: usize,
    bytes_per_frame: usize,
    share: f64,
}

fn held(url: &str) -> (Held, Screen) {
    let program = env!("CARGO_BIN_EXE_packline");
    let mut screen = Screen::start(program, &["--database-url", url], (SIZE.1, SIZE.0));
    screen.shows("● live");
    screen.send("1");
    screen.shows("customer");
    // From the first row on.
    screen.send("g");
    std::thread::sleep(Duration::from_secs(2));
    let (bytes, frames, work) = (screen.bytes(), screen.frames(), worked(&screen));
    let start = Instant::now();
    let mut keys = Samples::default();
    let mut steps = 0;
    for _ in 0..KEYS {
        let pressed = Instant::now();
        keys.push(screen.answers("j"));
        steps += 1;
        std::thread::sleep(REPEAT.saturating_sub(pressed.elapsed()));
    }
    let lasted = start.elapsed().as_secs_f64();
    let share = (worked(&screen).saturating_sub(work)).as_secs_f64() / lasted;
    screen.settle(Duration::from_millis(300));
    let drawn = (screen.frames() - frames).max(1);
    // As many steps back lead to the first row, unless one was lost; more do nothing.
    for _ in 0..KEYS {
        screen.send("k");
    }
    screen.settle(Duration::from_millis(500));
    let at_first = screen.line_with_cursor() == Some(SIZE_OF_HEAD);
    let held = Held {
        keys,
        lost: KEYS - steps + usize::from(!at_first),
        bytes_per_frame: (screen.bytes() - bytes) / drawn,
        share,
    };
    (held, screen)
}

/// Lines over the first row of a list.
const SIZE_OF_HEAD: usize = 4;

struct Idle {
    bytes: usize,
    share: f64,
    memory: usize,
}

fn idle(screen: &mut Screen) -> Idle {
    // What fades has faded, and the minute's change of the clock is over.
    screen.settle(Duration::from_secs(12));
    let minute = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.expect("after 1970").as_secs() % 60
    };
    while minute() > 60 - IDLE.as_secs() - 3 || minute() < 2 {
        std::thread::sleep(Duration::from_millis(500));
    }
    screen.settle(Duration::from_millis(500));
    let (bytes, work, start) = (screen.bytes(), worked(screen), Instant::now());
    std::thread::sleep(IDLE);
    screen.settle(Duration::from_millis(1));
    Idle {
        bytes: screen.bytes() - bytes,
        share: worked(screen).saturating_sub(work).as_secs_f64() / start.elapsed().as_secs_f64(),
        memory: resident(screen),
    }
}

/// Time that the program has taken of a core, from Linux' table of processes; none elsewhere.
fn worked(screen: &Screen) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", screen.pid())).unwrap_or_default();
    let fields: Vec<u64> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let ticks = fields.get(11).unwrap_or(&0) + fields.get(12).unwrap_or(&0);
    // USER_HZ is 100 on every Linux that runs today.
    Duration::from_millis(ticks * 10)
}

/// Bytes of memory that the program holds, the binary's own pages included.
fn resident(screen: &Screen) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", screen.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}
