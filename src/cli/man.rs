//! `packline man`: the manual page, from the same tables as the help and the README.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use color_eyre::eyre::Result;

use crate::config::KEYS;
use crate::console::input::{Command as Key, Keymap};
use crate::domain::record::Kind;
use crate::domain::verbs::{self, Danger};

/// Print the manual page: packline man | man -l -
#[derive(Debug, Args)]
pub(super) struct Manual {}

impl Manual {
    #[expect(clippy::unused_self, reason = "as the other commands")]
    pub(super) fn run(self, program: Command) -> Result<ExitCode> {
        io::stdout().write_all(&page(program)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The page in roff.
fn page(mut program: Command) -> Result<Vec<u8>> {
    program.build();
    let man = Man::new(program.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        let mut usage = format!("packline {}", command.get_name());
        for argument in command.get_positionals() {
            let _ = write!(usage, " {}", argument.get_id().as_str().to_uppercase());
        }
        roff.control("TP", []);
        roff.text([bold(usage)]);
        let about = command.get_long_about().or(command.get_about());
        roff.text([roman(about.map(ToString::to_string).unwrap_or_default())]);
        for argument in command
            .get_arguments()
            .filter(|argument| !argument.is_global_set())
        {
            let Some(long) = argument.get_long().filter(|long| *long != "help") else {
                continue;
            };
            roff.control("RS", []);
            roff.control("TP", []);
            roff.text([bold(format!("--{long}"))]);
            let help = argument.get_help().map(ToString::to_string);
            roff.text([roman(help.unwrap_or_default())]);
            roff.control("RE", []);
        }
    }
    roff.control("SH", ["KEYS"]);
    roff.text([roman(
        "In the console, unless keymap.toml beside the settings file says otherwise:",
    )]);
    let keymap = Keymap::built_in()?;
    for command in Key::ALL {
        let chords: Vec<String> = keymap
            .chords(*command)
            .iter()
            .map(ToString::to_string)
            .collect();
        entry(&mut roff, &chords.join(", "), command.help());
    }
    for kind in Kind::ALL {
        roff.control(
            "SH",
            [format!("VERBS WITH {}", kind.plural().to_uppercase()).as_str()],
        );
        for verb in verbs::of(*kind) {
            let key = keymap.verb_shown(verb);
            let name = if key.is_empty() {
                verb.name.to_owned()
            } else {
                format!("{} ({key})", verb.name)
            };
            let asks = match verb.danger {
                Danger::Confirm => "; asks first",
                Danger::None => "",
            };
            entry(
                &mut roff,
                &name,
                &format!("{}{asks} ({})", verb.help, verb.not_permitted()),
            );
        }
    }
    roff.control("SH", ["SETTINGS"]);
    roff.text([roman(
        "In packline/config.toml in the XDG configuration directory; packline config prints what is in force.",
    )]);
    for key in KEYS {
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!(" Default: {}.", key.default)
        };
        let name = format!("{}, {}", key.name, key.variable());
        entry(
            &mut roff,
            &name,
            &format!("{}{default}", key.help.replace('`', "")),
        );
    }
    roff.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn entry(roff: &mut Roff, name: &str, text: &str) {
    roff.control("TP", []);
    roff.text([bold(name)]);
    roff.text([roman(text)]);
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    /// As a terminal shows it, without roff's escapes.
    fn shown() -> String {
        let page = String::from_utf8(page(Cli::command()).unwrap()).unwrap();
        page.replace("\\-", "-")
            .replace("\\&", "")
            .replace("\\*(Aq", "'")
    }

    #[test]
    fn the_manual_tells_of_every_command_key_verb_and_setting() {
        let page = shown();
        let keymap = Keymap::built_in().unwrap();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!("packline {name}")), "{name}");
        }
        for command in Key::ALL {
            assert!(page.contains(command.help()), "{command}");
            assert!(!keymap.chords(*command).is_empty());
        }
        for verb in verbs::all() {
            assert!(page.contains(verb.help), "{}", verb.name);
        }
        for key in KEYS {
            assert!(
                page.contains(key.name) && page.contains(&key.variable()),
                "{}",
                key.name
            );
        }
    }
}
