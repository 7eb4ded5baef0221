//! What is written while the database is away outlives the program, however that ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use packline::domain::people::Role;
use rustix::process::{Signal, kill_process};

use crate::harness::until;
use crate::network::Line;
use crate::pty::{InTerminal, on_database};
use crate::shop::{LIMIT, Shop};

/// A shop with a ticket, reached by a line that can be cut, by somebody with a state directory.
struct Away {
    shop: Shop,
    line: Line,
    state: tempfile::TempDir,
}

impl Away {
    async fn open() -> Self {
        let shop = Shop::open().await;
        shop.ticket().await;
        Self {
            line: Line::to(&shop.database),
            state: tempfile::tempdir().expect("a directory"),
            shop,
        }
    }

    fn console(&self) -> InTerminal {
        let who = self.shop.database.options.get_username();
        let url = self.line.url.replacen(
            &format!("postgres://{who}@"),
            &format!("postgres://{}@", self.shop.login(Role::Support)),
            1,
        );
        let mut command = on_database(InTerminal::program(), &url);
        command.env("XDG_STATE_HOME", self.state.path());
        let console = InTerminal::start(command);
        console.shows("● live");
        console
    }

    /// A console in which the answer to the ticket is being written.
    fn writing(&self) -> InTerminal {
        let mut console = self.console();
        answer(&mut console);
        console
    }

    fn folder(&self) -> PathBuf {
        self.state.path().join("packline/drafts")
    }

    /// The files there, but for one whose writing was broken off.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("a file").path());
        paths
            .filter(|path| path.extension().is_none_or(|end| end != "new"))
            .collect()
    }

    /// What the database has.
    async fn draft(&self) -> Option<String> {
        self.shop
            .ask("select max(args ->> 'text') from draft", |q| q)
            .await
    }

    async fn kept(&self, text: &str) {
        let end = tokio::time::Instant::now() + LIMIT;
        while self.draft().await.as_deref() != Some(text) {
            assert!(
                tokio::time::Instant::now() < end,
                "{:?}",
                self.draft().await
            );
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

fn answer(console: &mut InTerminal) {
    console.types("5");
    console.shows("Kaputte Tasse");
    console.types("r");
    console.shows("the answer");
}

fn holds(file: &Path, text: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|held| held.contains(text))
}

/// Ends a console in which a text was written.
type End = fn(&Away, &mut InTerminal);

const ENDS: &[(&str, End)] = &[
    ("TERM", |_, console| {
        kill_process(console.pid(), Signal::TERM).expect("a process");
    }),
    ("HUP", |_, console| {
        kill_process(console.pid(), Signal::HUP).expect("a process");
    }),
    ("KILL", |away, console| {
        until(LIMIT, "the file", || {
            away.files().iter().any(|file| holds(file, "the last word"))
        });
        kill_process(console.pid(), Signal::KILL).expect("a process");
    }),
    ("quit", |_, console| {
        console.types("\x1b");
        console.shows("throw the text away?");
        console.types("k");
        console.shows("will be kept as a draft");
        console.types("q");
        console.shows("once more leaves; what you wrote is kept here");
        console.types("q");
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_without_the_database_outlives_the_program() {
    for (name, end) in ENDS {
        let away = Away::open().await;
        let mut console = away.writing();
        console.types("Dear Ines");
        console.shows("Dear Ines");
        away.kept("Dear Ines").await;
        assert!(away.files().is_empty(), "the database has it");
        away.line.cut();
        console.shows("reconnecting");
        console.types(", the last word");
        console.shows("the last word");
        end(&away, &mut console);
        console.ends();
        assert_eq!(away.draft().await.as_deref(), Some("Dear Ines"), "{name}");
        let files = away.files();
        let [file] = files.as_slice() else {
            panic!("{name}: one file, not {files:?}");
        };
        assert!(holds(file, "Dear Ines, the last word"), "{name}");
        assert!(!holds(file, "postgres"), "{name}: no URL, and no password");
        let mode = fs::metadata(file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        if *name == "quit" {
            console.shows("the database did not take all that you wrote");
        }

        away.line.release();
        let mut console = away.console();
        console.shows("not sent yet: reply TKT-1 (");
        console.shows(", written while the database was away)");
        answer(&mut console);
        console.shows("Dear Ines, the last word");
        assert_eq!(
            away.draft().await.as_deref(),
            Some("Dear Ines, the last word")
        );
        assert!(away.files().is_empty(), "{name}: it is taken once");
        // And once only.
        console.types("\x1b");
        console.shows("throw the text away?");
        console.types("y");
        console.shows("Kaputte Tasse");
        console.rests();
        console.types("q");
        console.ends();
        assert_eq!(away.draft().await, None, "{name}");
        assert!(away.files().is_empty(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_draft_stays_and_the_older_text_is_in_a_file() {
    let away = Away::open().await;
    let mut console = away.writing();
    away.line.cut();
    console.shows("reconnecting");
    console.types("from here");
    console.shows("from here");
    kill_process(console.pid(), Signal::TERM).expect("a process");
    console.ends();

    // Elsewhere the same person writes something else.
    away.line.release();
    let elsewhere = away.shop.colleague(Role::Support);
    let ticket: i64 = away.shop.ask("select min(id) from tickets", |q| q).await;
    elsewhere
        .call(LIMIT, move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "select keep_draft('ticket', $1, 'reply', '{\"text\": \"from there\"}')",
                )
                .bind(ticket)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
        .expect("a draft");

    let mut console = away.console();
    console.shows("an older text is in a file, see !");
    console.types("!");
    console.shows("the newer text is offered; the older is in");
    console.types("\x1b");
    console.hides("the newer text is offered");
    answer(&mut console);
    console.shows("from there");
    assert_eq!(away.draft().await.as_deref(), Some("from there"));
    let files = away.files();
    let [file] = files.as_slice() else {
        panic!("one file, not {files:?}");
    };
    assert!(file.extension().is_some_and(|end| end == "txt"), "{file:?}");
    assert!(holds(file, "from here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_back_leaves_no_file() {
    let away = Away::open().await;
    let mut console = away.writing();
    away.line.hold();
    // Nothing says yet that it does not answer.
    console.types("Dear Ines");
    until(LIMIT, "the file", || {
        away.files().iter().any(|file| holds(file, "Dear Ines"))
    });
    away.line.release();
    away.kept("Dear Ines").await;
    until(LIMIT, "no file", || away.files().is_empty());
}
