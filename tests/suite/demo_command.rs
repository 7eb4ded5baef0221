//! `packline demo` as a program: it says how to reach its shop, another one joins it and goes on
//! with the story when the first leaves, and a folder that makes no sense is refused by name.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use sqlx::Connection as _;

use crate::harness;

/// Longest wait for a line that a demo says, on a machine that does much else.
const LIMIT: Duration = Duration::from_mins(4);

/// A demo at work, and what it says.
struct Demo {
    process: Child,
    said: Receiver<String>,
}

impl Demo {
    fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut process = packline(data_dir)
            .args(["demo", "--no-console"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let (says, said) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = says.send(line);
            }
        });
        Self { process, said }
    }

    /// Waits for a line with these words in it.
    fn says(&self, words: &str) -> String {
        let end = Instant::now() + LIMIT;
        let mut so_far = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.said.recv_timeout(left).unwrap_or_else(|error| {
                panic!("no “{words}” ({error}) in:\n{}", so_far.join("\n"))
            });
            if line.contains(words) {
                return line;
            }
            so_far.push(line);
        }
    }

    fn leaves(mut self) {
        let pid = i32::try_from(self.process.id()).expect("a pid");
        harness::signal(pid, Signal::TERM);
        harness::until(LIMIT, "the demo ends", || {
            self.process.try_wait().expect("its status").is_some()
        });
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn packline(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packline"));
    command
        .env("PACKLINE_DATA_DIR", data_dir)
        .env("XDG_CONFIG_HOME", data_dir)
        .env_remove("PACKLINE_DATABASE_URL")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null());
    command
}

/// What the program printed, once it left with this exit status.
fn ran(url: &str, arguments: &[&str], status: i32) -> String {
    let output = packline(&std::env::temp_dir())
        .env("PACKLINE_DATABASE_URL", url)
        .args(arguments)
        .output()
        .expect("the program");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {err}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A number that the database tells.
fn number(url: &str, question: &'static str) -> i64 {
    let counting = async {
        let mut connection = sqlx::PgConnection::connect(url).await?;
        sqlx::query_scalar(question)
            .fetch_one(&mut connection)
            .await
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let number: Result<i64, sqlx::Error> = runtime.block_on(counting);
    number.expect("a number")
}

/// How much has been done in the shop.
const DEEDS: &str = "select count(*) from packline.activity";

#[test]
fn a_second_demo_joins_the_first_and_goes_on_with_its_story() {
    let dir = harness::scratch_dir();
    let data_dir = dir.path().join("data");
    // Two minutes of the story a second, so that it is not at its end too soon.
    let first = Demo::start(&data_dir, &["--speed", "120"]);
    // A server is made for it, and a terminal must not stay empty meanwhile.
    first.says("starting the local server in");
    let way_in = first.says("PACKLINE_DATABASE_URL");
    let url = way_in.split('\'').nth(1).expect("a URL in quotes");

    let second = Demo::start(&data_dir, &[]);
    second.says("joining it");
    second.says("PACKLINE_DATABASE_URL");
    first.leaves();
    second.says("the story goes on from here");
    let told = number(url, DEEDS);
    harness::until(LIMIT, "something happens in the shop", || {
        number(url, DEEDS) > told
    });

    // What the worker does is signed by the worker, whoever is at the keyboard.
    let signed =
        "select count(*) from packline.activity where source = 'worker' and who = 'worker'";
    harness::until(LIMIT, "the worker does something", || {
        number(url, signed) > 0
    });
    let others =
        "select count(*) from packline.activity where source = 'worker' and who <> 'worker'";
    assert_eq!(number(url, others), 0);

    // What scripts see of the same shop.
    let listed = ran(url, &["list", "orders", "--limit", "3", "--json"], 0);
    let rows: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rows.len(), 3, "{listed}");
    let number = rows[0]["number"].as_str().expect("a number");
    let shown: Value =
        serde_json::from_str(&ran(url, &["show", number, "--json"], 0)).expect("JSON");
    assert!(shown["record"].to_string().contains(number), "{shown}");
    let csv = ran(url, &["list", "tickets", "--limit", "2", "--csv"], 0);
    assert_eq!(csv.lines().count(), 3, "a head and two rows: {csv}");
    ran(url, &["show", "#no-such-order"], 1);
    ran(url, &["list", "orders", "--filter", "state:nonsense"], 2);
    let counts = ran(url, &["status"], 2);
    assert!(counts.contains("orders"), "{counts}");
    second.leaves();
}

#[test]
fn a_folder_that_makes_no_sense_is_refused_before_anything_starts() {
    let dir = harness::scratch_dir();
    let data_dir = dir.path().join("data");
    let nowhere = dir.path().join("nowhere");
    let output = packline(&data_dir)
        .args(["demo", "--no-console", "--from"])
        .arg(&nowhere)
        .output()
        .expect("the program");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("nowhere"), "{err}");
    assert!(!data_dir.join("cluster").exists(), "no server was made");
}
