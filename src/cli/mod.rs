//! Floor 5: one file a subcommand. Reads arguments, prints, sets the exit status.

mod act;
mod carrier;
mod completions;
pub mod console;
pub mod database;
mod demo;
mod import;
mod jobs;
mod kept;
mod list;
mod log;
mod look;
mod macros;
pub mod mail;
mod man;
mod migrate;
mod print;
mod print_label;
mod quote;
mod settings;
mod show;
mod staff;
mod status;
mod terms;
mod verbs;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{CommandFactory as _, Parser, Subcommand};
use color_eyre::eyre::Result;

use crate::config::{Config, Given};

/// The operations console for order fulfilment.
///
/// Without a command, opens the console.
#[derive(Debug, Parser)]
#[command(name = "packline", version, max_term_width = 100)]
pub struct Cli {
    /// The database, as `postgres://USER@HOST/DATABASE`; without one, a private local server
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The settings file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do nothing, only look
    #[arg(long, global = true)]
    read_only: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List records: open work, or what a filter asks for
    List(list::List),
    /// Show everything about one record
    Show(show::Show),
    /// Do something with records, as in the console
    Act(Box<act::Act>),
    /// List what can be done, with which records, by whom
    Verbs(verbs::Verbs),
    /// Print the label or the packing slip of parcels
    Print(print_label::PrintLabel),
    /// Say how many records are open, late and breaching
    Status(status::Status),
    /// Bring in what channels, suppliers, carriers and customers send
    Import(import::Import),
    /// Move orders by themselves: confirm, promise, reserve, ask suppliers, alert
    Worker(worker::Worker),
    /// Show the worker's jobs that were given up, or let them try again
    Jobs(jobs::Jobs),
    /// Say by when a product would leave and arrive if it were ordered now
    Quote(quote::Quote),
    /// Say how many parcels left by their promise, by week and by who shipped them
    Kept(kept::Kept),
    /// Play a shop's fortnight on a private database, with now in the middle of it
    Demo(demo::Demo),
    /// Bring the schema of a shared database up to date
    Migrate(migrate::Migrate),
    /// Say who works here, and as what
    Staff(staff::Staff),
    /// Say which settings are in force, and from where
    Config(settings::Settings),
    /// Print what a shell needs to complete the arguments
    Completions(completions::Completions),
    /// Print the manual page
    Man(man::Manual),
    /// List the canned answers, or change them
    Macro(macros::Macros),
}

/// Exit status for arguments that make no sense.
const USAGE: u8 = 2;

/// Runs the program.
pub async fn run(cli: Cli, now: DateTime<Utc>) -> Result<ExitCode> {
    let environment = |name: &str| -> Option<OsString> { std::env::var_os(name) };
    let config = Config::load(&Given {
        file: cli.config,
        flags: [
            cli.database_url
                .map(|url| ("--database-url", "database.url", url)),
            cli.read_only
                .then(|| ("--read-only", "read_only", "true".to_owned())),
        ]
        .into_iter()
        .flatten()
        .collect(),
        environment: &environment,
    })?;
    log::begin(&config);
    let code = match cli.command {
        Some(Command::List(list)) => list.run(&config, now).await,
        Some(Command::Show(show)) => show.run(&config, now).await,
        Some(Command::Act(act)) => act.run(&config, now).await,
        Some(Command::Verbs(verbs)) => verbs.run(&config),
        Some(Command::Print(print)) => print.run(&config, now).await,
        Some(Command::Status(status)) => status.run(&config, now).await,
        Some(Command::Import(import)) => import.run(&config, now).await,
        Some(Command::Worker(worker)) => Box::pin(worker.run(&config)).await,
        Some(Command::Jobs(jobs)) => jobs.run(&config, now).await,
        Some(Command::Quote(quote)) => quote.run(&config, now).await,
        Some(Command::Kept(kept)) => kept.run(&config, now).await,
        Some(Command::Demo(demo)) => Box::pin(demo.run(&config, now)).await,
        Some(Command::Migrate(migrate)) => migrate.run(&config).await,
        Some(Command::Staff(staff)) => staff.run(&config).await,
        Some(Command::Config(settings)) => settings.run(&config),
        Some(Command::Completions(completions)) => completions.run(Cli::command()),
        Some(Command::Man(man)) => man.run(Cli::command()),
        Some(Command::Macro(macros)) => macros.run(&config).await,
        None => console::run(&config).await,
    }?;
    Ok(if print::is_lost() {
        ExitCode::FAILURE
    } else {
        code
    })
}
