//! The keymap: which chord calls which command of the frame.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;

use super::chord::Chord;
use super::command::Command;
use crate::domain::verbs;

/// The keymap that the program carries.
const DEFAULT: &str = include_str!("../../../assets/keymap.toml");

/// Chords and the commands they call.
#[derive(Debug, Clone)]
pub struct Keymap {
    commands: BTreeMap<Chord, Command>,
}

/// What is wrong with a keymap: every mistake, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeymapError {
    /// The line, from 1, and what is wrong with it.
    pub mistakes: Vec<(usize, String)>,
}

impl fmt::Display for KeymapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (line, mistake)) in self.mistakes.iter().enumerate() {
            let joint = if index == 0 { "" } else { "\n" };
            write!(f, "{joint}line {line}: {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for KeymapError {}

type Table = BTreeMap<Spanned<String>, Vec<Spanned<String>>>;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keys: Table,
}

impl Keymap {
    /// The keymap that the program carries.
    pub fn built_in() -> Result<Self, KeymapError> {
        Self::parse(DEFAULT)
    }

    /// Reads a keymap.
    ///
    /// # Errors
    /// Every mistake at once: a command or key that does not exist, a key that is bound twice or
    /// is a verb's.
    pub fn parse(text: &str) -> Result<Self, KeymapError> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|error| KeymapError {
            mistakes: vec![(
                error.span().map_or(1, |span| line(span.start)),
                error.message().to_owned(),
            )],
        })?;
        let mut mistakes = Vec::new();
        let mut commands = BTreeMap::new();
        for (name, chords) in &file.keys {
            let Ok(command) = name.get_ref().parse::<Command>() else {
                let mistake = format!("no command is called “{}”", name.get_ref());
                mistakes.push((line(name.span().start), mistake));
                continue;
            };
            for chord in chords {
                let at = line(chord.span().start);
                match chord.get_ref().parse::<Chord>() {
                    Err(error) => mistakes.push((at, error.to_string())),
                    Ok(key) => {
                        if let Some(verb) =
                            verbs::all().find(|verb| verb.key.is_some() && verb.key == key.typed())
                        {
                            let (kind, verb) = (verb.kind, verb.name);
                            mistakes.push((at, format!("{key} is the key of {verb} ({kind})")));
                        }
                        if let Some(other) = commands.insert(key, command) {
                            mistakes.push((at, format!("{key} is bound to {other} too")));
                        }
                    }
                }
            }
        }
        if mistakes.is_empty() {
            Ok(Self { commands })
        } else {
            mistakes.sort();
            Err(KeymapError { mistakes })
        }
    }

    /// The command that a chord calls.
    pub fn command(&self, chord: Chord) -> Option<Command> {
        self.commands.get(&chord).copied()
    }

    /// The chords that call a command, the shortest first.
    pub fn chords(&self, command: Command) -> Vec<Chord> {
        let mut chords: Vec<Chord> = self
            .commands
            .iter()
            .filter(|(_, bound)| **bound == command)
            .map(|(chord, _)| *chord)
            .collect();
        chords.sort_by_key(|chord| chord.to_string().len());
        chords
    }

    /// The chord to show for a command; empty if it has none.
    pub fn shown(&self, command: Command) -> String {
        self.chords(command)
            .first()
            .map_or_else(String::new, Chord::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_keymap_binds_every_command() {
        let keymap = Keymap::built_in().unwrap();
        for command in Command::ALL {
            assert!(!keymap.chords(*command).is_empty(), "{command}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let error = Keymap::parse(
            "[keys]\ndown = [\"j\", \"jump\"]\nfly = [\"f7\"]\nup = [\"j\"]\nundo = [\"h\"]\n",
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: no key is called “jump”\n\
             line 3: no command is called “fly”\n\
             line 4: j is bound to down too\n\
             line 5: h is the key of hold (order)"
        );
    }

    #[test]
    fn nothing_is_bound_where_multiplexers_listen() {
        let keymap = Keymap::built_in().unwrap();
        for chord in [Chord::ctrl('a'), Chord::ctrl('b')] {
            assert_eq!(keymap.command(chord), None, "{chord}");
        }
    }
}
