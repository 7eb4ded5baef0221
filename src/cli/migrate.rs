//! `packline migrate`: the only command that changes the schema.

use std::process::ExitCode;

use clap::Args;
use color_eyre::eyre::Result;

use super::database::{Database, may_write};
use super::print;
use crate::config::{Config, Source};
use crate::store::db::{Db, Settings};
use crate::store::{calendar, migrations};

/// Bring the schema of a shared database up to date, and its calendar to the shop's zone where the
/// settings name one
#[derive(Debug, Args)]
pub(super) struct Migrate {}

impl Migrate {
    pub(super) async fn run(self, config: &Config) -> Result<ExitCode> {
        may_write(config)?;
        match &config.database_url.value {
            None => drop(Database::open(config, "migrate").await?),
            Some(url) => {
                let db = Db::connect(url.clone(), Settings::new("migrate")).await?;
                let mut session = db.session().await?;
                migrations::run(&mut session).await?;
                if config.shop_time_zone.source != Source::Default {
                    calendar::set_zone(&mut session, config.shop_time_zone.value).await?;
                }
            }
        }
        print::line("the schema is up to date");
        Ok(ExitCode::SUCCESS)
    }
}
