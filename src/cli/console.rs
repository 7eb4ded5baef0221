//! `packline` without a command: the console.

use std::process::ExitCode;

use color_eyre::eyre::Result;

use super::database::Database;
use super::{look, print};
use crate::config::Config;
use crate::console::{self, LeftBehind};
use crate::domain::text;
use crate::store::feed::Feed;

/// Opens the console on the database that the settings name.
///
/// # Errors
/// The database cannot be opened, or there is no terminal.
pub async fn run(config: &Config) -> Result<ExitCode> {
    // Mistakes in keys and colours are told before a server is started.
    look::options(config)?;
    open(Database::open(config, "packline console").await?, config).await
}

/// Opens the console on a database.
///
/// # Errors
/// There is no terminal.
pub async fn open(database: Database, config: &Config) -> Result<ExitCode> {
    let options = look::options(config)?;
    let feed = Feed::start(database.db.clone());
    let (db, person) = (database.db.clone(), database.person.clone());
    match Box::pin(console::run(db, feed, person, options)).await? {
        None => {}
        Some(LeftBehind::InFile(file)) => print::last_note(format_args!(
            "the database did not take all that you wrote: it is kept in {}, and offered at the next start",
            file.display()
        )),
        Some(LeftBehind::Nowhere { why, texts }) => {
            print::last_note(format_args!(
                "the database did not take all that you wrote, and this machine does not keep it: {}; here it is",
                text::plain(&why)
            ));
            for written in texts {
                print::last_note(format_args!("\n{} {}", written.verb, written.number));
                for (name, words) in written.args.iter().flatten() {
                    let lines: Vec<_> = text::plain_lines(words).collect();
                    print::last_note(format_args!("{name}: {}", lines.join("\n")));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
