//! `packline import`: what channels, suppliers, carriers and customers send.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use color_eyre::eyre::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::database::{Database, may_write};
use super::print;
use crate::actions::import::{self, Failed, Run, Stop, Summary};
use crate::config::Config;
use crate::domain::calendar::Calendar;
use crate::domain::text;
use crate::intake::Rejection;
use crate::store::people;

/// Where some of a source was rejected and the rest is kept.
const SOME_REJECTED: u8 = 3;
/// The limit of a call to the database beside the import's own.
const LIMIT: Duration = Duration::from_secs(30);
/// The shell's status for a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Bring in what channels, suppliers, carriers and customers send
///
/// A second run of the same source changes nothing. The exit status is 0 where all was accepted,
/// 3 where some was rejected and the rest is kept, 1 where the import failed or was stopped.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    source: Source,
    /// Print the summary as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Source {
    /// Products, their suppliers and counted stock, as CSV
    Catalog {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Shipping options, as CSV
    Options {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Orders, as Shopify's `orders_export` CSV
    Orders {
        /// The file; - for standard input
        file: PathBuf,
        /// The sales channel; made where it is not there yet
        #[arg(long, value_name = "NAME", value_parser = channel_name)]
        channel: String,
    },
    /// Suppliers' answers to purchase orders, as CSV
    Acceptances {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// What a supplier has sent, as CSV
    Dispatches {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Carriers' events, as EasyPost's tracker.updated in JSON or JSON lines
    Tracking {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Mail of customers
    Mail {
        /// Files and folders of mail; - for one mail on standard input
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

fn channel_name(name: &str) -> Result<String, String> {
    let sound = !name.is_empty()
        && !name.starts_with(char::is_whitespace)
        && !name.contains(['/', '#'])
        && !name.contains(char::is_control);
    sound
        .then(|| name.to_owned())
        .ok_or_else(|| "expected a name without / and #".to_owned())
}

impl Import {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        may_write(config)?;
        let calendar = Calendar::office(config.shop_time_zone.value);
        let bar = self.source.bar(self.json)?;
        // Before the database is opened: a source that is not there needs none.
        let input = self.source.input(&bar)?;
        let database = Database::open(config, "import").await?;
        let (who, (privilege, table, column)) = self.source.for_whom();
        let may = (database.db)
            .call(LIMIT, move |connection| {
                Box::pin(people::may_write(connection, privilege, table, column))
            })
            .await?;
        if !may {
            bail!(
                "not permitted: only {who} may import {}",
                self.source.word()
            );
        }
        let stop = Stop::default();
        let interrupts = tokio::spawn(interrupts(stop.clone(), bar.clone()));
        let start = Instant::now();
        let mut progress = |summary: &Summary| {
            let rate = summary.read as f64 / start.elapsed().as_secs_f64().max(0.001);
            let rejected = match summary.rejected.len() {
                0 => String::new(),
                count => format!(", {count} rejected"),
            };
            bar.set_message(format!(
                "{} read{rejected}, {rate:.0} a second",
                summary.read
            ));
            if matches!(self.source, Source::Mail { .. }) {
                bar.set_position(summary.read);
            }
        };
        let run = Run {
            db: &database.db,
            stop: &stop,
            progress: &mut progress,
        };
        let file = self.source.name();
        let done = match &self.source {
            Source::Catalog { .. } => import::catalog::import(run, input, &file).await,
            Source::Options { .. } => import::options::import(run, input, &file).await,
            Source::Orders { channel, .. } => {
                import::orders::import(run, input, &file, channel).await
            }
            Source::Acceptances { .. } => import::acceptances::import(run, input, &file).await,
            Source::Dispatches { .. } => import::dispatches::import(run, input, &file, now).await,
            Source::Tracking { .. } => import::tracking::import(run, input, &file, now).await,
            Source::Mail { paths } => {
                import::mail::import(run, paths.clone(), input, calendar, now).await
            }
        };
        interrupts.abort();
        bar.finish_and_clear();
        database.db.close().await;
        match done {
            Ok(summary) => {
                self.print(&summary)?;
                Ok(status(&summary))
            }
            Err(Failed { done, error }) => {
                self.print(&done)?;
                Err(*error).wrap_err_with(|| format!("{file} was not read to its end"))
            }
        }
    }

    fn print(&self, summary: &Summary) -> Result<()> {
        if self.json {
            print::json(summary)?;
            return Ok(());
        }
        for rejection in &summary.rejected {
            print::note(rejected(rejection));
        }
        if let Some(place) = &summary.stopped {
            print::note(format_args!(
                "stopped after {}; run it again for the rest",
                text::plain(place)
            ));
        }
        let Summary {
            read,
            created,
            updated,
            unchanged,
            rejected,
            ..
        } = summary;
        let rejected = rejected.len();
        print::line(format_args!(
            "{read} read: {created} created, {updated} updated, {unchanged} unchanged, \
             {rejected} rejected"
        ));
        Ok(())
    }
}

fn status(summary: &Summary) -> ExitCode {
    if summary.stopped.is_some() {
        ExitCode::FAILURE
    } else if summary.rejected.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOME_REJECTED)
    }
}

/// One line for a person: `orders.csv:12: Currency: expected …, found EUX`.
pub(super) fn rejected(rejection: &Rejection) -> String {
    let Rejection {
        file,
        line,
        field,
        value,
        reason,
    } = rejection;
    let field = if field.is_empty() {
        String::new()
    } else {
        format!("{field}: ")
    };
    let found = if value.is_empty() {
        String::new()
    } else {
        format!(" (found {value})")
    };
    let text = format!("{file}:{line}: {field}{reason}{found}");
    text::plain(&text).into_owned()
}

impl Source {
    const fn word(&self) -> &'static str {
        match self {
            Self::Catalog { .. } => "the catalogue",
            Self::Options { .. } => "shipping options",
            Self::Orders { .. } => "orders",
            Self::Acceptances { .. } => "acceptances",
            Self::Dispatches { .. } => "dispatches",
            Self::Tracking { .. } => "tracking",
            Self::Mail { .. } => "mail",
        }
    }

    /// Who may import it, and what they alone may write: privilege, table and column.
    const fn for_whom(&self) -> (&'static str, (&'static str, &'static str, &'static str)) {
        const SHOP: &str = "an admin or the worker";
        const WAREHOUSE: &str = "warehouse, a supervisor, an admin or the worker";
        match self {
            Self::Catalog { .. } => (SHOP, ("insert", "products", "sku")),
            Self::Options { .. } => (SHOP, ("insert", "shipping_options", "name")),
            // The web shop places orders, and knows nothing of what an import has promised.
            Self::Orders { .. } => (SHOP, ("insert", "unsettled_promises", "file")),
            Self::Tracking { .. } => (SHOP, ("insert", "tracking_events", "status")),
            Self::Mail { .. } => (SHOP, ("insert", "attachments", "name")),
            Self::Acceptances { .. } => (WAREHOUSE, ("update", "purchase_orders", "answered_at")),
            Self::Dispatches { .. } => (WAREHOUSE, ("update", "shipments", "handed_over_at")),
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Catalog { file }
            | Self::Options { file }
            | Self::Orders { file, .. }
            | Self::Acceptances { file }
            | Self::Dispatches { file }
            | Self::Tracking { file } => Some(file),
            Self::Mail { .. } => None,
        }
    }

    /// Files and folders of mail.
    fn folders(&self) -> &[PathBuf] {
        match self {
            Self::Mail { paths } => paths,
            _ => &[],
        }
    }

    fn name(&self) -> String {
        self.path()
            .map_or_else(|| "mail".to_owned(), |path| path.display().to_string())
    }

    /// What `-` and the file stand for, counted by the bar as it is read.
    fn input(&self, bar: &ProgressBar) -> Result<Box<dyn Read + Send>> {
        match self.path() {
            Some(path) if path != Path::new("-") => {
                let file =
                    File::open(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
                Ok(Box::new(bar.wrap_read(file)))
            }
            _ => {
                for path in self.folders().iter().filter(|path| *path != Path::new("-")) {
                    path.metadata()
                        .wrap_err_with(|| format!("cannot read {}", path.display()))?;
                }
                Ok(Box::new(io::stdin()))
            }
        }
    }

    /// How far the import is, on a terminal: by bytes of a file, by mails of folders.
    fn bar(&self, json: bool) -> Result<ProgressBar> {
        if json || !io::stderr().is_terminal() {
            return Ok(ProgressBar::hidden());
        }
        let length = match self {
            Self::Mail { paths } => Some(paths.iter().map(|path| mails(path)).sum()),
            _ => self
                .path()
                .and_then(|path| path.metadata().ok())
                .filter(std::fs::Metadata::is_file)
                .map(|file| file.len()),
        };
        let Some(length) = length else {
            return Ok(ProgressBar::new_spinner());
        };
        let style = "{wide_bar} {percent}%, {eta} left  {msg}";
        Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(style)?))
    }
}

/// How many mails a path is likely to hold.
fn mails(path: &Path) -> u64 {
    std::fs::read_dir(path).map_or(1, |folder| folder.count() as u64)
}

/// The first Ctrl-C stops the import between two of its transactions, the second at once.
async fn interrupts(stop: Stop, bar: ProgressBar) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if stop.requested() {
            std::process::exit(INTERRUPTED);
        }
        stop.request();
        bar.suspend(|| print::note("stopping; once more to stop at once"));
    }
}
