//! `packline demo`: a shop's fortnight on a private database, with now in the middle of it.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use color_eyre::eyre::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::ConnectOptions as _;
use tokio::time::Instant;

use super::database::{Database, data_dir};
use super::{console, import, print};
use crate::actions::demo::{Colleagues, DemoError, Folder, Source, Stage, Story};
use crate::actions::import::Summary;
use crate::config::Config;
use crate::domain::calendar::Calendar;
use crate::domain::text;
use crate::store::local::{FileLock, LocalError, LocalServer};

/// The demo's database on the private local server.
const DATABASE: &str = "demo";
/// The shop of the built-in folder.
const SHOP: &str = "Kittiwake Coffee & Kitchen";
/// Longest wait for another demo that loads.
const PATIENCE: Duration = Duration::from_mins(5);

/// Play a shop's fortnight on a private database, with now in the middle of it
///
/// The database is made anew at each start, unless another demo is open: then this one joins it.
/// A database URL from elsewhere is left alone.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Play this folder instead of the built-in one: orders.csv and, where there are any,
    /// catalog.csv, dispatches.csv, tracking.jsonl, mail/, acts.jsonl and anchor.txt, which holds
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
        let folder = match &self.from {
            None => Folder::built_in(),
            Some(dir) => Folder::read(dir)?,
        };
        let story = Story::read(folder, now, self.speed)?;
        let mut door = Door::open(data_dir(config)?).await?;
        let mut feed = None;
        // The shop goes on living, whoever only looks at it.
        let mut writing = config.clone();
        writing.read_only.value = false;
        let mut database = if door.alone {
            door.server.recreate_database(DATABASE).await?;
            let database = Database::local(&writing, DATABASE, "packline demo").await?;
            let (stage, story) = load(config, &door.server, &database, story).await?;
            if story.ahead() > 0 && self.speed > 0.0 {
                let aloud = self.no_console;
                let heard = move |source: Source, told: Result<&Summary, &DemoError>| match told {
                    Ok(summary) => report(summary, aloud),
                    Err(error) => say(format_args!("{} waits: {error}", source.file()), aloud),
                };
                feed = Some(tokio::spawn(story.feed(stage, begun, heard)));
            }
            database
        } else {
            print::note("another demo is open: joining it, with its folder and its speed");
            Database::local(&writing, DATABASE, "packline demo").await?
        };
        door.let_others_in()?;
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
        if self.no_console {
            print::note(format_args!("the database is at {}", database.db.url()));
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

/// Fills the demo's database with what lies before now.
async fn load(
    config: &Config,
    server: &LocalServer,
    database: &Database,
    mut story: Story,
) -> Result<(Stage, Story)> {
    let options = server.connect_options(DATABASE);
    let mut owner = options.connect().await?;
    let zone = config.shop_time_zone.value;
    let present = &database.person.login;
    let stage = Stage {
        db: database.db.clone(),
        colleagues: Colleagues::hire(&mut owner, &options, &story.people(), present).await?,
        calendar: Calendar::office(zone),
        zone,
    };
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}")?);
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
