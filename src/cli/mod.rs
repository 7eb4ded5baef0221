//! Floor 5: one file a subcommand. Reads arguments, prints, sets the exit status.

pub mod console;
pub mod database;
mod migrate;
mod print;
mod staff;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use color_eyre::eyre::Result;

use crate::config::{Config, Given};

/// The operations console for order fulfilment.
///
/// Without a command, opens the console.
#[derive(Debug, Parser)]
#[command(name = "packline", version, max_term_width = 100)]
pub struct Cli {
    /// The database, as postgres://USER@HOST/DATABASE; without one, a private local server
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The settings file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the schema of a shared database up to date
    Migrate(migrate::Migrate),
    /// Say who works here, and as what
    Staff(staff::Staff),
}

/// Runs the program.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let environment = |name: &str| -> Option<OsString> { std::env::var_os(name) };
    let config = Config::load(&Given {
        file: cli.config,
        flags: cli
            .database_url
            .map(|url| ("--database-url", "database.url", url))
            .into_iter()
            .collect(),
        environment: &environment,
    })?;
    match cli.command {
        Some(Command::Migrate(migrate)) => migrate.run(&config).await,
        Some(Command::Staff(staff)) => staff.run(&config).await,
        None => console::run(&config).await,
    }
}
