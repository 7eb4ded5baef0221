//! `packline staff`: who works here, and as what.

use std::io::{self, BufRead as _};
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use color_eyre::eyre::{Result, bail};

use super::database::{Database, may_write};
use super::print;
use crate::config::Config;
use crate::domain::people::Role;
use crate::domain::text;
use crate::store::people;

/// Say who works here, and as what.
#[derive(Debug, Args)]
pub(super) struct Staff {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a login and give it roles, or give an existing member other roles
    Add(Add),
    /// List everybody
    List {
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// The database login, such as ana
    login: String,
    /// A role; repeat it for several
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role_words())]
    roles: Vec<Role>,
    /// The name that colleagues see
    #[arg(long)]
    name: Option<String>,
    /// Read a password for the login from standard input
    #[arg(long)]
    password_stdin: bool,
}

/// Reads a role, and lists them all in the help.
fn role_words() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.as_str()))
        .try_map(|word| word.parse::<Role>())
}

impl Staff {
    pub(super) async fn run(self, config: &Config) -> Result<ExitCode> {
        if matches!(self.command, Command::Add(_)) {
            may_write(config)?;
        }
        let database = Database::open(config, "staff").await?;
        let mut connection = database.db.session().await?;
        match self.command {
            Command::Add(add) => {
                let password = if add.password_stdin {
                    Some(read_password()?)
                } else {
                    None
                };
                let name = add.name.as_deref().unwrap_or(&add.login);
                people::add(
                    &mut connection,
                    &add.login,
                    name,
                    &add.roles,
                    password.as_deref(),
                )
                .await?;
                let roles: Vec<&str> = add.roles.iter().map(|role| role.as_str()).collect();
                print::line(format_args!("{} is {}", add.login, roles.join(", ")));
            }
            Command::List { json } => {
                let members = people::members(&mut connection).await?;
                if json {
                    print::json(&members)?;
                } else {
                    for member in members {
                        print::line(format_args!(
                            "{:<16} {:<24} {}",
                            text::plain(&member.login),
                            text::plain(&member.name),
                            member.roles.join(", ")
                        ));
                    }
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read_password() -> Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("--password-stdin: expected a password on standard input");
    }
    Ok(password.to_owned())
}
