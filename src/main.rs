//! The `packline` program: arguments and error hooks, then [`packline::cli`].

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use packline::store::local;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [local::SUPERVISE, data_dir, linger, durability] = arguments[..] {
        let watched = linger
            .parse()
            .ok()
            .zip(durability.parse().ok())
            .is_some_and(|(linger, durability)| {
                local::supervise(
                    Path::new(data_dir),
                    Duration::from_millis(linger),
                    durability,
                )
                .is_ok()
            });
        return if watched {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    ExitCode::SUCCESS
}
