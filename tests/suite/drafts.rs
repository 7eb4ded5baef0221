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

    /// The files there, but for locks, and one whose writing was broken off.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("a file").path());
        paths
            .filter(|path| {
                path.extension()
                    .is_none_or(|end| end != "new" && end != "lock")
            })
            .collect()
    }

    /// The same person writes something for the ticket on another machine.
    async fn elsewhere(&self, text: &'static str) {
        let ticket: i64 = self.shop.ask("select min(id) from tickets", |q| q).await;
        let colleague = self.shop.colleague(Role::Support);
        let kept = colleague.call(LIMIT, move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "select replace_draft('ticket', $1, 'reply', (select args from drafts()),
                                          jsonb_build_object('text', $2))",
                )
                .bind(ticket)
                .bind(text)
                .execute(connection)
                .await?;
                Ok(())
            })
        });
        kept.await.expect("a draft");
    }

    /// The database answers, and takes no draft.
    async fn refuses(&self) {
        let mut owner = self.shop.owner().await;
        sqlx::raw_sql(
            "create function no_room() returns trigger language plpgsql as
                $$ begin raise 'no room for drafts'; end $$;
             create trigger no_room before insert or update on draft
                for each row execute function no_room()",
        )
        .execute(&mut owner)
        .await
        .expect("a trigger");
    }

    /// It takes them again.
    async fn takes(&self) {
        let mut owner = self.shop.owner().await;
        sqlx::raw_sql("drop trigger no_room on draft")
            .execute(&mut owner)
            .await
            .expect("a trigger");
    }

    fn in_file(&self, text: &str) {
        until(LIMIT, "the text in the file", || {
            self.files().iter().any(|file| holds(file, text))
        });
    }

    /// What the database has.
    async fn draft(&self) -> Option<String> {
        self.shop
            .ask("select max(args ->> 'text') from draft", |q| q)
            .await
    }

    async fn kept(&self, text: &str) {
        database_says(text, async || self.draft().await.as_deref() == Some(text)).await;
    }
}

/// Waits until the database says so.
async fn database_says(what: &str, says: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + LIMIT;
    while !says().await {
        assert!(
            tokio::time::Instant::now() < end,
            "{what}: not within {LIMIT:?}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
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
        console.shows("kept on this machine for now: r opens it again");
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
        until(LIMIT, "no file, as the database has it", || {
            away.files().is_empty()
        });
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
        until(LIMIT, "no file, as it is taken once", || {
            away.files().is_empty()
        });
        // And once only.
        console.types("\x18");
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
async fn another_draft_stays_and_the_text_is_in_a_file() {
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
    away.elsewhere("from there").await;

    let mut console = away.console();
    console.shows("a file has more, see !");
    console.types("!");
    console.shows("the database holds another text");
    console.types("\x1b");
    console.hides("the database holds another text");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_is_told_once_and_kept_here() {
    let away = Away::open().await;
    let mut console = away.writing();
    away.refuses().await;
    console.types("Dear Ines");
    console.shows("the database does not keep what you write: no room for drafts");
    away.in_file("Dear Ines");
    // Another console that begins leaves a living one's file where it is.
    let mut other = away.console();
    other.rests();
    other.types("q");
    other.ends();
    away.in_file("Dear Ines");
    console.types(", and more");
    away.in_file("Dear Ines, and more");
    kill_process(console.pid(), Signal::KILL).expect("a process");
    console.ends();

    // The next start finds no room either, says so, and loses nothing.
    let mut console = away.console();
    console.shows("what was written stays in");
    console.rests();
    console.types("q");
    console.ends();
    away.in_file("Dear Ines, and more");
    away.takes().await;
    let _console = away.console();
    away.kept("Dear Ines, and more").await;
    until(LIMIT, "no file", || away.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_room_again_gets_what_it_refused() {
    let away = Away::open().await;
    let mut console = away.writing();
    away.refuses().await;
    console.types("Dear Ines");
    console.shows("no room for drafts");
    away.takes().await;
    away.kept("Dear Ines").await;
    console.shows("the database keeps what you wrote");
    until(LIMIT, "no file", || away.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_thrown_away_without_the_database_is_not_what_was_written_elsewhere() {
    let away = Away::open().await;
    let mut console = away.writing();
    console.types("from here");
    away.kept("from here").await;
    console.rests();
    away.line.cut();
    console.shows("reconnecting");
    console.types("\x18");
    console.shows("throw the text away?");
    console.types("y");
    console.hides("throw the text away?");
    kill_process(console.pid(), Signal::TERM).expect("a process");
    console.ends();
    away.elsewhere("from there").await;
    away.line.release();
    let console = away.console();
    console.shows("not sent yet: reply TKT-1 (");
    assert_eq!(away.draft().await.as_deref(), Some("from there"));
    until(LIMIT, "no file", || away.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_not_offered_although_its_answer_was_lost() {
    let away = Away::open().await;
    let mut console = away.writing();
    away.refuses().await;
    console.types("Dear Ines");
    away.in_file("Dear Ines");
    away.line.hold_at_commit();
    console.types("\x13");
    let sent = "select count(*) from act where verb = 'reply'";
    database_says("the act is done", async || {
        away.shop.ask::<i64>(sent, |q| q).await > 0
    })
    .await;
    kill_process(console.pid(), Signal::KILL).expect("a process");
    console.ends();
    away.in_file("Dear Ines");

    away.line.release();
    away.takes().await;
    let console = away.console();
    console.shows("reply TKT-1 was sent before the program ended");
    assert_eq!(away.draft().await, None);
    until(LIMIT, "no file", || away.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_told_and_drafts_are_offered_all_the_same() {
    let away = Away::open().await;
    away.elsewhere("from there").await;
    fs::create_dir_all(away.state.path().join("packline")).expect("a folder");
    fs::write(away.folder(), "in the way").expect("a file");
    let mut console = away.console();
    console.shows("texts that were kept on this machine:");
    console.types("!");
    console.shows("draft  not sent yet: reply TKT-1 (");
    console.types("\x1b");
    console.hides("texts that were kept");
    answer(&mut console);
    console.shows("from there");
    away.line.cut();
    console.shows("reconnecting");
    console.types("X");
    console.shows("is not kept without the database");
    fs::remove_file(away.folder()).expect("no file in the way");
    console.shows("is kept on this machine again");
    until(LIMIT, "the file", || !away.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_lives_through_an_outage_leaves_what_was_written_elsewhere() {
    let away = Away::open().await;
    let mut console = away.writing();
    console.types("from here");
    away.kept("from here").await;
    away.line.cut();
    console.shows("reconnecting");
    console.types(", and more");
    away.in_file("from here, and more");
    away.elsewhere("from there").await;
    away.line.release();
    console.shows("reply TKT-1: another text was written elsewhere");
    console.shows("from here, and more");
    assert_eq!(away.draft().await.as_deref(), Some("from there"));
    away.in_file("from here, and more");
    // What is sent is one's own, and the other stays.
    console.types("\x13");
    console.shows("answered");
    assert_eq!(away.draft().await.as_deref(), Some("from there"));
    console.types("r");
    console.shows("from there");
    until(LIMIT, "no file", || away.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_are_not_written_over_what_was_written_elsewhere() {
    let away = Away::open().await;
    let mut console = away.writing();
    console.types("from here");
    away.kept("from here").await;
    console.rests();
    away.elsewhere("from there").await;
    console.types(", in the last moment");
    console.shows("in the last moment");
    kill_process(console.pid(), Signal::TERM).expect("a process");
    console.ends();
    assert_eq!(away.draft().await.as_deref(), Some("from there"));
    away.in_file("from here, in the last moment");
    console.shows("the database did not take all that you wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_kept_nowhere_is_said_at_the_end() {
    let away = Away::open().await;
    let mut console = away.writing();
    fs::create_dir_all(away.state.path().join("packline")).expect("a folder");
    fs::remove_dir_all(away.folder()).ok();
    fs::write(away.folder(), "in the way").expect("a file");
    // Nothing says that it does not answer.
    away.line.hold();
    console.types("Dear Ines");
    console.shows("Dear Ines");
    kill_process(console.pid(), Signal::TERM).expect("a process");
    console.ends();
    console.shows("this machine does not keep it");
    console.shows("reply TKT-1");
    console.shows("text: Dear Ines");
}
