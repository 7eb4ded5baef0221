//! `packline completions SHELL`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;
use color_eyre::eyre::Result;

use super::macros;

/// Print what a shell needs to complete packline's arguments
///
/// Bash: packline completions bash > ~/.local/share/bash-completion/completions/packline
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

/// Asks the program itself for names, where the shell lets a script do that.
const BASH_NAMES: &str = include_str!("../../assets/completions/names.bash");
const FISH_NAMES: &str = include_str!("../../assets/completions/names.fish");
const ZSH_NAMES: &str = include_str!("../../assets/completions/names.zsh");

impl Completions {
    pub(super) fn run(&self, program: Command) -> Result<ExitCode> {
        let script = script(self.shell, program)?;
        io::stdout().write_all(script.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a shell reads to complete the arguments.
fn script(shell: Shell, mut program: Command) -> Result<String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "packline", &mut script);
    let script = String::from_utf8(script)?;
    Ok(match shell {
        Shell::Bash => script + BASH_NAMES,
        Shell::Fish => script + FISH_NAMES,
        // A function that zsh loads by itself runs at the script's end.
        Shell::Zsh => script
            .replacen(
                "autoload -U is-at-least\n",
                &format!("autoload -U is-at-least\n{ZSH_NAMES}"),
                1,
            )
            .replace(
                &format!(":name -- {}:_default", macros::NAME),
                &format!(":name -- {}:_packline_macros", macros::NAME),
            ),
        _ => script,
    })
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::process;

    use clap::{CommandFactory as _, ValueEnum as _};

    use super::*;
    use crate::cli::Cli;

    /// Runs a shell; none where it is not installed.
    fn run(shell: &str, arguments: &[&str]) -> Option<process::Output> {
        match process::Command::new(shell).args(arguments).output() {
            Ok(output) => Some(output),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("{shell}: {error}"),
        }
    }

    #[test]
    fn every_shell_gets_a_script_that_it_takes() {
        let place = tempfile::tempdir().unwrap();
        for shell in Shell::value_variants() {
            let script = script(*shell, Cli::command()).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell} {command}");
            }
            let path = place.path().join(shell.to_string());
            std::fs::write(&path, &script).unwrap();
            let path = path.to_str().unwrap();
            let checked = match shell {
                Shell::Bash | Shell::Zsh => run(&shell.to_string(), &["-n", path]),
                Shell::Fish => run("fish", &["--no-execute", path]),
                _ => None,
            };
            if let Some(output) = checked {
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{output:?}"
                );
            }
        }
    }

    #[test]
    fn names_of_macros_are_asked_for() {
        let fish = script(Shell::Fish, Cli::command()).unwrap();
        assert!(
            fish.contains("__fish_packline_using_subcommand macro"),
            "{fish}"
        );
        let zsh = script(Shell::Zsh, Cli::command()).unwrap();
        assert_eq!(zsh.matches(":_packline_macros").count(), 2, "{zsh}");
        assert!(zsh.contains("_packline_macros() {"), "{zsh}");
    }

    #[test]
    fn bash_completes_a_macro_s_name_and_runs_nothing_that_stands_in_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("packline.bash");
        std::fs::write(&path, script(Shell::Bash, Cli::command()).unwrap()).unwrap();
        let program = format!(
            r#"source '{}'
               packline() {{ printf '%s\n' 'late parcel' 'later $(echo run)' thanks; }}
               complete_at() {{
                   COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
                   _packline_with_names packline "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
                   printf '%s\n' "${{COMPREPLY[@]}}"
               }}
               complete_at packline macro remove 'late'
               complete_at packline --read-only macro set 'late\ p'
               complete_at packline macro re"#,
            path.display()
        );
        let Some(output) = run("bash", &["--norc", "-c", &program]) else {
            return;
        };
        let told = String::from_utf8(output.stdout).unwrap();
        let expected = [
            r"late\ parcel",
            r"later\ \$\(echo\ run\)",
            r"late\ parcel",
            "remove",
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    }
}
