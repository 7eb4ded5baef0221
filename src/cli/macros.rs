//! `packline macro`: the canned answers that people put into what they write.

use std::io::{self, Read as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use color_eyre::eyre::{Result, bail};

use super::database::{Database, may_write};
use super::print;
use crate::config::Config;
use crate::domain::macros::{self, Macro};
use crate::domain::text;
use crate::store;

/// The longest wait for the database.
const LIMIT: Duration = Duration::from_secs(10);

/// List the canned answers, or change them.
#[derive(Debug, Args)]
pub(super) struct Macros {
    #[command(subcommand)]
    command: Command,
}

/// What the name of a macro is; completions find by it where one is asked for.
pub(super) const NAME: &str = "What people call it";

#[derive(Debug, Subcommand)]
enum Command {
    /// List every macro with its text
    List {
        /// Only their names, a line each
        #[arg(long)]
        names: bool,
    },
    /// Store the text on standard input under a name; only an admin may
    Set {
        #[arg(help = NAME)]
        name: String,
    },
    /// Forget a macro; only an admin may
    Remove {
        #[arg(help = NAME)]
        name: String,
    },
    /// List the fields that a text can have, such as {customer}
    Fields,
}

impl Macros {
    pub(super) async fn run(self, config: &Config) -> Result<ExitCode> {
        if matches!(self.command, Command::Fields) {
            for (name, meaning) in macros::FIELDS {
                print::line(format_args!("{:<14} {meaning}", format!("{{{name}}}")));
            }
            return Ok(ExitCode::SUCCESS);
        }
        if matches!(self.command, Command::Set { .. } | Command::Remove { .. }) {
            may_write(config)?;
        }
        let database = Database::open(config, "macro").await?;
        match self.command {
            Command::Fields => {}
            Command::List { names } => {
                let all = database
                    .db
                    .call(LIMIT, |connection| Box::pin(store::macros::all(connection)))
                    .await?;
                for each in all {
                    print::line(text::plain(&each.name));
                    if names {
                        continue;
                    }
                    for line in text::plain_lines(&each.body) {
                        print::line(format_args!("  {line}").to_string().trim_end());
                    }
                }
            }
            Command::Set { name } => {
                let mut body = String::new();
                io::stdin().lock().read_to_string(&mut body)?;
                let body = body.trim().to_owned();
                if name.trim().is_empty() || body.is_empty() {
                    bail!("expected a name, and the text on standard input");
                }
                let new = Macro { name, body };
                database
                    .db
                    .call(LIMIT, move |connection| {
                        Box::pin(async move { store::macros::put(connection, &new).await })
                    })
                    .await?;
            }
            Command::Remove { name } => {
                let gone = name.clone();
                let was_there = database
                    .db
                    .call(LIMIT, move |connection| {
                        Box::pin(async move { store::macros::remove(connection, &gone).await })
                    })
                    .await?;
                if !was_there {
                    bail!("no macro is called “{}”", text::plain(&name));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
