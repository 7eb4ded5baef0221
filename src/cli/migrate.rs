//! `packline migrate`: the only command that changes the schema.

use std::process::ExitCode;

use clap::Args;
use color_eyre::eyre::Result;

use super::database::Database;
use super::print;
use crate::config::Config;
use crate::store::db::{Db, Settings};
use crate::store::migrations;

/// Bring the schema of a shared database up to date.
#[derive(Debug, Args)]
pub(super) struct Migrate {}

impl Migrate {
    pub(super) async fn run(self, config: &Config) -> Result<ExitCode> {
        match &config.database_url.value {
            None => drop(Database::open(config, "migrate").await?),
            Some(url) => {
                let db = Db::connect(url.clone(), Settings::new("migrate")).await?;
                migrations::run(&mut db.session().await?).await?;
            }
        }
        print::line("the schema is up to date");
        Ok(ExitCode::SUCCESS)
    }
}
