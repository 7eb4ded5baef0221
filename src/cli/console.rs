//! `packline` without a command: the console.

use std::process::ExitCode;

use color_eyre::eyre::Result;

use super::database::Database;
use crate::config::{Config, state_dir};
use crate::console::{self, ConsoleOptions};
use crate::store::feed::Feed;

/// Opens the console on the database that the settings name.
///
/// # Errors
/// The database cannot be opened, or there is no terminal.
pub async fn run(config: &Config) -> Result<ExitCode> {
    open(Database::open(config, "packline console").await?, config).await
}

/// Opens the console on a database.
///
/// # Errors
/// There is no terminal.
pub async fn open(database: Database, config: &Config) -> Result<ExitCode> {
    let feed = Feed::start(database.db.clone());
    let options = ConsoleOptions {
        shop: config.shop_name.value.clone(),
        zone: config.shop_time_zone.value,
        history: Some(state_dir(&|name| std::env::var_os(name)).join("history")),
    };
    console::run(database.db.clone(), feed, database.person.clone(), options).await?;
    Ok(ExitCode::SUCCESS)
}
