//! `packline demo`: a shop's fortnight on a private database, with now in the middle of it.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use color_eyre::eyre::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, sleep};

use super::database::{Database, data_dir};
use super::mail::mail_folder;
use super::worker::Hand;
use super::{console, import, print};
use crate::actions::demo::{Colleagues, DemoError, Folder, Source, Stage, Story, WORKER};
use crate::actions::import::Summary;
use crate::config::Config;
use crate::domain::calendar::Calendar;
use crate::domain::text;
use crate::store::db::Db;
use crate::store::local::{FileLock, LocalError, LocalServer};
use crate::store::{calendar, jobs};

/// The demo's database on the private local server.
const DATABASE: &str = "demo";
/// The shop of the built-in folder.
const SHOP: &str = "Kittiwake Coffee & Kitchen";
/// Time between two orders that the worker takes up of those that are there at the start: slow enough
/// to be watched.
const PACE: Duration = Duration::from_secs(3);
/// Longest time for a question to the database.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for another demo that loads.
const PATIENCE: Duration = Duration::from_mins(5);

/// How often one who joined looks whether the story wants a teller.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Play a shop's fortnight on a private database, with now in the middle of it
///
/// The database is made anew at each start, unless another demo is open: then this one joins it,
/// and goes on with the story when the other ends.
/// A database URL from elsewhere is left alone.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Play this folder instead of the built-in one: orders.csv and, where there are any,
    /// options.csv, catalog.csv, dispatches.csv, tracking.jsonl, mail/, acts.jsonl and anchor.txt, which holds
    /// the instant that is to be now (without it, two thirds of the orders lie before now)
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// How many times faster than real time it goes on; with 0 it stands still
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    speed: f64,
    /// Be this colleague: ana (support), bo (warehouse), cleo (supervisor) or dmitri (quality)
    #[arg(long = "as", value_name = "LOGIN")]
    person: Option<String>,
    /// Open no console; end with the folder, or at ctrl-c
    #[arg(long)]
    no_console: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed| (0.0..=1e9).contains(speed))
        .ok_or_else(|| "expected a number such as 1, 0.5 or 60".to_owned())
}

impl Demo {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        let begun = Instant::now();
        // Before the server: a folder that makes no sense needs none.
        let telling = Telling {
            from: self.from.as_deref().map(std::path::absolute).transpose()?,
            begun: now,
            speed: self.speed,
        };
        let story = telling.story()?;
        let data_dir = data_dir(config)?;
        let starting = format!("starting the local server in {}", data_dir.display());
        let mut door = print::waiting(starting, Door::open(data_dir.clone())).await?;
        let aloud = self.no_console;
        let mut feed = None;
        // The shop goes on living, whoever only looks at it.
        let mut writing = config.clone();
        writing.read_only.value = false;
        let mut database = if door.alone {
            print::waiting(
                "making the demo's database anew",
                door.server.recreate_database(DATABASE),
            )
            .await?;
            let database = Database::local(&writing, DATABASE, "packline demo").await?;
            let options = door.server.connect_options(DATABASE);
            let (stage, story) = load(config, &options, &database, story).await?;
            telling.write(&data_dir)?;
            if self.speed > 0.0 {
                database
                    .db
                    .call(LIMIT, |connection| Box::pin(jobs::pace(connection, PACE)))
                    .await?;
            }
            if story.ahead() > 0 && self.speed > 0.0 {
                let teller = Telling::teller(&data_dir)?;
                feed = Some(tokio::spawn(async move {
                    story.feed(stage, begun, hearing(aloud)).await;
                    drop(teller);
                }));
            }
            database
        } else {
            print::note("another demo is open: joining it, with its folder and its speed");
            let database = Database::local(&writing, DATABASE, "packline demo").await?;
            let successor = Successor {
                options: door.server.connect_options(DATABASE),
                db: database.db.clone(),
                present: database.person.login.clone(),
                zone: config.shop_time_zone.value,
                data_dir,
                now,
                begun,
                aloud,
            };
            feed = Some(tokio::spawn(async move {
                if let Err(error) = successor.take_over().await {
                    say(format_args!("the story stops here: {error:#}"), aloud);
                }
            }));
            database
        };
        door.let_others_in()?;
        let hand = if self.speed > 0.0 {
            let config = worker_settings(config, self.from.is_none())?;
            Some(Hand::hire(&config, &database.handle_as(WORKER, "worker")?)?)
        } else {
            None
        };
        let present = config
            .read_only
            .value
            .then(|| database.person.login.clone());
        if let Some(login) = self.person.as_ref().or(present.as_ref()) {
            database = database
                .become_person(config, login, "packline demo")
                .await
                .wrap_err_with(|| format!("nobody in the demo is {}", text::plain(login)))?;
        }
        // It ends with the program, wherever it is: it may be killed at any time.
        if let Some(hand) = hand {
            tokio::spawn(async move { Box::pin(hand.work()).await });
        }
        print::note(format_args!(
            "this shop: export PACKLINE_DATABASE_URL='{}'",
            database.db.url()
        ));
        if self.no_console {
            match feed {
                Some(feed) => tokio::select! {
                    ended = feed => ended?,
                    interrupt = tokio::signal::ctrl_c() => interrupt?,
                },
                None if door.alone => {}
                None => tokio::signal::ctrl_c().await?,
            }
            database.db.close().await;
            return Ok(ExitCode::SUCCESS);
        }
        let mut config = config.clone();
        if self.from.is_none() && config.shop_name.value.is_empty() {
            SHOP.clone_into(&mut config.shop_name.value);
        }
        // The feed ends with the program.
        console::open(database, &config).await
    }
}

/// The settings that the demo's worker has: a shop that is made up mails nobody.
fn worker_settings(config: &Config, built_in: bool) -> Result<Config> {
    let mut config = config.clone();
    config.smtp_url.value = Some(mail_folder(&config)?);
    if built_in && config.shop_name.value.is_empty() {
        SHOP.clone_into(&mut config.shop_name.value);
    }
    Ok(config)
}

/// What is told and since when: known to everybody inside, so that another can go on with it.
#[derive(Debug, Serialize, Deserialize)]
struct Telling {
    /// The folder; none for the built-in one.
    from: Option<PathBuf>,
    /// The instant at which the story's anchor lies.
    begun: DateTime<Utc>,
    speed: f64,
}

impl Telling {
    fn story(&self) -> Result<Story> {
        let folder = match &self.from {
            None => Folder::built_in(),
            Some(dir) => Folder::read(dir)?,
        };
        Ok(Story::read(folder, self.begun, self.speed)?)
    }

    fn file(data_dir: &Path) -> PathBuf {
        data_dir.join("demo.json")
    }

    fn write(&self, data_dir: &Path) -> Result<()> {
        let file = Self::file(data_dir);
        std::fs::write(&file, serde_json::to_vec(self)?)
            .wrap_err_with(|| format!("writing {}", file.display()))
    }

    fn read(data_dir: &Path) -> Result<Self> {
        let file = Self::file(data_dir);
        let wrong = || format!("reading {}", file.display());
        serde_json::from_slice(&std::fs::read(&file).wrap_err_with(wrong)?).wrap_err_with(wrong)
    }

    /// The right to tell it, which one has at a time; none while somebody else has it.
    fn teller(data_dir: &Path) -> Result<Option<FileLock>, LocalError> {
        FileLock::try_exclusive(&data_dir.join("demo.teller.lock"))
    }
}

/// One who joined a demo, and goes on with its story when its teller has left.
struct Successor {
    options: PgConnectOptions,
    db: Db,
    /// The login at the keyboard.
    present: String,
    zone: Tz,
    data_dir: PathBuf,
    /// The present, when this program had begun.
    now: DateTime<Utc>,
    begun: Instant,
    aloud: bool,
}

impl Successor {
    async fn take_over(self) -> Result<()> {
        let teller = loop {
            match Telling::teller(&self.data_dir)? {
                Some(teller) => break teller,
                None => sleep(BETWEEN_LOOKS).await,
            }
        };
        let telling = Telling::read(&self.data_dir)?;
        let present = self.now + self.begun.elapsed();
        let elapsed = (present - telling.begun).to_std().unwrap_or_default();
        let mut story = telling.story()?;
        let stage = stage(&story, &self.options, self.db, &self.present, self.zone).await?;
        story.skip(elapsed);
        let begun = Instant::now().checked_sub(elapsed);
        let begun = begun.unwrap_or_else(Instant::now);
        say("the story goes on from here", self.aloud);
        story.feed(stage, begun, hearing(self.aloud)).await;
        drop(teller);
        Ok(())
    }
}

/// Says what became of each moment, where something is to be said.
fn hearing(aloud: bool) -> impl FnMut(Source, Result<&Summary, &DemoError>) + Send {
    move |source, told| match told {
        Ok(summary) => report(summary, aloud),
        Err(error) => say(format_args!("{} waits: {error}", source.file()), aloud),
    }
}

/// The way into the demo's database. The first who comes makes it, the others wait and join.
struct Door {
    server: LocalServer,
    /// Whether nobody else is inside.
    alone: bool,
    /// Shared by everybody inside, once they are let in.
    lock: PathBuf,
    inside: Option<FileLock>,
    /// Held by one at a time, on the way in.
    entering: Option<FileLock>,
}

impl Door {
    async fn open(data_dir: PathBuf) -> Result<Self> {
        let door = tokio::task::spawn_blocking(move || {
            let server = LocalServer::open(&data_dir)?;
            let entering = FileLock::exclusive(&data_dir.join("demo.start.lock"), PATIENCE)?;
            let lock = data_dir.join("demo.lock");
            let alone = FileLock::try_exclusive(&lock)?;
            Ok::<_, LocalError>(Self {
                server,
                alone: alone.is_some(),
                inside: match alone {
                    Some(alone) => Some(alone),
                    None => Some(FileLock::shared(&lock, PATIENCE)?),
                },
                lock,
                entering: Some(entering),
            })
        });
        Ok(door.await??)
    }

    /// The database stands: others may come in.
    fn let_others_in(&mut self) -> Result<()> {
        // Nobody can be quicker than the one who is on the way in.
        self.inside = None;
        self.inside = Some(FileLock::shared(&self.lock, PATIENCE)?);
        self.entering = None;
        Ok(())
    }
}

/// Where a story is told, with its people.
async fn stage(
    story: &Story,
    options: &PgConnectOptions,
    db: Db,
    present: &str,
    zone: Tz,
) -> Result<Stage> {
    let mut owner = options.connect().await?;
    Ok(Stage {
        db,
        colleagues: Colleagues::hire(&mut owner, options, &story.people(), present).await?,
        calendar: Calendar::office(zone),
        zone,
    })
}

/// Fills the demo's database with what lies before now.
async fn load(
    config: &Config,
    options: &PgConnectOptions,
    database: &Database,
    mut story: Story,
) -> Result<(Stage, Story)> {
    let zone = config.shop_time_zone.value;
    let (db, present) = (database.db.clone(), &database.person.login);
    let stage = stage(&story, options, db, present, zone).await?;
    database
        .db
        .call(LIMIT, move |connection| {
            Box::pin(calendar::set_zone(connection, zone))
        })
        .await?;
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}")?);
    bar.set_message("loading the shop's fortnight");
    bar.enable_steady_tick(Duration::from_millis(100));
    let told = story
        .load(&stage, &mut |source, summary| {
            bar.set_message(format!("loading {}: {}", source.file(), summary.read));
        })
        .await;
    bar.finish_and_clear();
    let mut words = Vec::new();
    for (source, summary) in told? {
        words.push(format!("{} of {}", summary.read, source.file()));
        report(&summary, true);
    }
    print::note(format_args!(
        "loaded {}; {} to come",
        words.join(", "),
        story.ahead()
    ));
    Ok((stage, story))
}

/// Says what was not accepted.
fn report(summary: &Summary, aloud: bool) {
    for rejection in &summary.rejected {
        say(import::rejected(rejection), aloud);
    }
}

/// Says something, in the log where the terminal belongs to the console.
fn say(text: impl Display, aloud: bool) {
    if aloud {
        print::note(text);
    } else {
        tracing::warn!("{text}");
    }
}
