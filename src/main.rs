//! The `packline` program: arguments and error hooks, then [`packline::cli`].

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use packline::cli::{self, Cli};
use packline::domain::text;
use packline::store::local;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(report) => {
            // For people: what went wrong and why, not where in the program.
            let mut message = String::new();
            for cause in report.chain().map(ToString::to_string) {
                if message.contains(&cause) {
                    continue;
                }
                for line in cause.lines() {
                    message.push_str(if message.is_empty() {
                        "packline: "
                    } else {
                        "\n  "
                    });
                    message.push_str(&text::plain(line));
                }
            }
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> color_eyre::Result<ExitCode> {
    // An argument that is no UTF-8 may be a path; where it must be text the parser refuses it.
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [word, data_dir, linger, durability] = &arguments[..]
        && word == local::SUPERVISE
    {
        return supervise(
            Path::new(data_dir),
            &linger.to_string_lossy(),
            &durability.to_string_lossy(),
        );
    }
    color_eyre::install()?;
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    #[expect(clippy::disallowed_methods, reason = "the shell asks the clock")]
    let now = chrono::Utc::now();
    let ended = runtime.block_on(cli::run(cli, now));
    // A disk that never answers keeps no program alive whose work is done.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// This process watches over the local server until nobody uses it.
fn supervise(data_dir: &Path, linger: &str, durability: &str) -> color_eyre::Result<ExitCode> {
    let linger = Duration::from_millis(linger.parse()?);
    let durability = durability.parse().map_err(color_eyre::Report::msg)?;
    local::supervise(data_dir, linger, durability)?;
    Ok(ExitCode::SUCCESS)
}
