//! `packline config`: what is in force, and from where.

use std::process::ExitCode;

use clap::Args;
use color_eyre::eyre::{Result, eyre};
use serde_json::json;

use super::{look, print};
use crate::config::{Config, Source};
use crate::domain::text;

/// Say which settings are in force and where each comes from; check keymap and theme too
///
/// What it prints is a settings file; a value that is only the default stands behind a #.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

impl Settings {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let entries = config.entries();
        if self.json {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value, source)| {
                    json!({
                        "key": key.name,
                        "value": value,
                        "from": source.to_string(),
                        "default": key.default,
                        "expected": key.expects,
                        "help": key.help,
                        "variable": key.variable(),
                    })
                })
                .collect();
            print::json(&entries)?;
        } else {
            for (key, value, source) in entries {
                let sign = match source {
                    Source::Default => "# ",
                    _ => "",
                };
                let value = toml::Value::String(value);
                print::line(text::plain(&format!(
                    "{sign}{} = {value}  # {source}",
                    key.name
                )));
            }
        }
        let keymap = look::keymap(config).map(drop);
        let theme = look::theme(config, |name| std::env::var(name).ok()).map(drop);
        let mistakes: Vec<String> = [keymap, theme]
            .into_iter()
            .filter_map(Result::err)
            .flatten()
            .collect();
        if mistakes.is_empty() {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(eyre!("{}", mistakes.join("\n")))
        }
    }
}
