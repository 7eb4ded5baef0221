//! The keymap: which chord calls which command of the frame, and which verb.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::chord::{Chord, Key};
use super::command::Command;
use crate::domain::mistakes::{Mistakes, line_of};
use crate::domain::record::Kind;
use crate::domain::verbs::{self, Danger, Verb};

/// The keymap that the program carries. The verbs' keys are in the verbs' own table.
const DEFAULT: &str = include_str!("../../../assets/keymap.toml");

/// Terminal multiplexers listen to the first two, and vim's users press the third to move.
const PRESSED_BY_HABIT: [Chord; 3] = [Chord::ctrl('a'), Chord::ctrl('b'), Chord::ctrl('d')];

/// The keys that answer a question.
const ANSWERS: [Chord; 4] = [
    Chord::char('y'),
    Chord::char('Y'),
    Chord::char('n'),
    Chord::char('N'),
];

/// Chords and what they call.
#[derive(Debug, Clone)]
pub struct Keymap {
    commands: BTreeMap<Chord, Command>,
    verbs: BTreeMap<(Kind, Chord), &'static Verb>,
}

/// What a chord is bound to, and on which line, where a file says so.
struct Bound {
    chord: Chord,
    what: What,
    line: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Command(Command),
    Verb(Kind, &'static str),
}

impl What {
    fn named(self) -> String {
        match self {
            Self::Command(command) => command.to_string(),
            Self::Verb(kind, verb) => format!("{verb} ({kind})"),
        }
    }

    /// Whether both are heard in one place.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Verb(one, _), Self::Verb(other, _)) => one == other,
            _ => true,
        }
    }
}

impl Keymap {
    /// The keymap that the program carries.
    ///
    /// # Errors
    /// It is wrong; a test says that it is not.
    pub fn built_in() -> Result<Self, Mistakes> {
        Self::read("")
    }

    /// The program's keymap with a person's over it. What their file names has the keys that it
    /// says, and no others; what it does not name keeps its own.
    ///
    /// # Errors
    /// Every mistake at once: what is no TOML, a command, verb or key that does not exist, a key
    /// that is bound twice, a dangerous verb where it would be called by habit.
    pub fn read(text: &str) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::new();
        let (_, mut bound) = bindings(DEFAULT, &mut mistakes);
        for verb in verbs::all() {
            bound.extend(verb.key.map(|key| Bound {
                chord: Chord::char(key),
                what: What::Verb(verb.kind, verb.name),
                line: None,
            }));
        }
        for own in &mut bound {
            own.line = None;
        }
        let (named, theirs) = bindings(text, &mut mistakes);
        bound.retain(|own| !named.contains_key(&own.what));
        bound.extend(theirs);
        let mut keymap = Self {
            commands: BTreeMap::new(),
            verbs: BTreeMap::new(),
        };
        for (index, one) in bound.iter().enumerate() {
            let line = one.line.unwrap_or(1);
            let same = |other: &&Bound| other.chord == one.chord && other.what.meets(one.what);
            if let Some(other) = bound[..index].iter().find(same) {
                let (chord, other) = (one.chord, other.what.named());
                mistakes.push(line, format!("{chord} is bound to {other} too"));
            }
            match one.what {
                What::Command(command) => {
                    keymap.commands.insert(one.chord, command);
                }
                What::Verb(kind, name) => {
                    let Some(verb) = verbs::of(kind).iter().find(|verb| verb.name == name) else {
                        continue;
                    };
                    if verb.danger == Danger::Confirm {
                        if PRESSED_BY_HABIT.contains(&one.chord) {
                            let mistake =
                                format!("{} is pressed by habit; {name} is not to be", one.chord);
                            mistakes.push(line, mistake);
                        }
                        if ANSWERS.contains(&one.chord) {
                            let mistake =
                                format!("{} answers the question that {name} asks", one.chord);
                            mistakes.push(line, mistake);
                        }
                    }
                    keymap.verbs.insert((kind, one.chord), verb);
                }
            }
        }
        for command in [
            Command::Down,
            Command::Up,
            Command::Quit,
            Command::Leave,
            Command::Help,
        ] {
            if keymap.chords(command).is_empty() {
                // Where its own keys are wrong, that is said already.
                let line = named.get(&What::Command(command)).copied().unwrap_or(1);
                if !mistakes.has(line) {
                    mistakes.push(line, format!("{command} has no key left"));
                }
            }
        }
        mistakes.or(keymap)
    }

    /// The command that a chord calls.
    pub fn command(&self, chord: Chord) -> Option<Command> {
        self.commands.get(&chord).copied()
    }

    /// The verb that a chord calls with a kind of record.
    pub fn verb(&self, kind: Kind, chord: Chord) -> Option<&'static Verb> {
        self.verbs.get(&(kind, chord)).copied()
    }

    /// The chords that call a command, the shortest first.
    pub fn chords(&self, command: Command) -> Vec<Chord> {
        let bound = self.commands.iter().filter(|(_, bound)| **bound == command);
        shortest_first(bound.map(|(chord, _)| *chord))
    }

    /// The chords that call a verb, the shortest first.
    pub fn verb_chords(&self, verb: &Verb) -> Vec<Chord> {
        let bound = self
            .verbs
            .iter()
            .filter(|((kind, _), bound)| *kind == verb.kind && bound.name == verb.name);
        shortest_first(bound.map(|((_, chord), _)| *chord))
    }

    /// The chord to show for a command; empty if it has none.
    pub fn shown(&self, command: Command) -> String {
        first(&self.chords(command))
    }

    /// The chord to show for a verb; empty if it has none.
    pub fn verb_shown(&self, verb: &Verb) -> String {
        first(&self.verb_chords(verb))
    }
}

fn shortest_first(chords: impl Iterator<Item = Chord>) -> Vec<Chord> {
    let mut chords: Vec<Chord> = chords.collect();
    chords.sort_by_key(|chord| chord.to_string().len());
    chords
}

fn first(chords: &[Chord]) -> String {
    chords.first().map_or_else(String::new, Chord::to_string)
}

/// What a file names and what it binds, as far as it makes sense.
fn bindings(text: &str, mistakes: &mut Mistakes) -> (BTreeMap<What, usize>, Vec<Bound>) {
    let (file, broken) = DeTable::parse_recoverable(text);
    for mistake in broken {
        let at = mistake.span().map_or(0, |span| span.start);
        mistakes.push(line_of(text, at), mistake.message());
    }
    let (mut named, mut bound) = (BTreeMap::new(), Vec::new());
    for (key, value) in file.get_ref() {
        let line = line_of(text, key.span().start);
        let name = key.get_ref().as_ref();
        let kind = Kind::ALL.iter().find(|kind| kind.plural() == name);
        let table = match value.get_ref() {
            DeValue::Table(table) if kind.is_some() || name == "keys" => table,
            _ => {
                let kinds: Vec<String> = Kind::ALL
                    .iter()
                    .map(|kind| format!("[{}]", kind.plural()))
                    .collect();
                mistakes.push(
                    line,
                    format!(
                        "{name} is no table of keys; there are [keys], {}",
                        kinds.join(", ")
                    ),
                );
                continue;
            }
        };
        for (key, chords) in table {
            let line = line_of(text, key.span().start);
            let name = key.get_ref().as_ref();
            let what = match kind {
                None => name.parse().ok().map(What::Command),
                Some(kind) => {
                    let verb = verbs::of(*kind).iter().find(|verb| verb.name == name);
                    verb.map(|verb| What::Verb(*kind, verb.name))
                }
            };
            let Some(what) = what else {
                let what = if kind.is_some() { "verb" } else { "command" };
                mistakes.push(line, format!("no {what} is called “{name}”"));
                continue;
            };
            named.insert(what, line);
            // A line that is broken says no more.
            if mistakes.has(line) {
                continue;
            }
            let chords = chord_list(text, line, chords, mistakes);
            bound.extend(chords.into_iter().map(|(line, chord)| Bound {
                chord,
                what,
                line: Some(line),
            }));
        }
    }
    bound.sort_by_key(|bound| bound.line);
    (named, bound)
}

/// Chords with their lines; a single one may stand without brackets.
fn chord_list(
    text: &str,
    line: usize,
    value: &Spanned<DeValue<'_>>,
    mistakes: &mut Mistakes,
) -> Vec<(usize, Chord)> {
    let single = std::slice::from_ref(value);
    let values = match value.get_ref() {
        DeValue::Array(values) => values.iter(),
        _ => single.iter(),
    };
    let mut chords = Vec::new();
    for value in values {
        let DeValue::String(name) = value.get_ref() else {
            mistakes.push(line, "expected keys in quotes, such as [\"j\", \"down\"]");
            continue;
        };
        let line = line_of(text, value.span().start);
        match name.parse::<Chord>() {
            // Terminals send the same for both.
            Ok(chord) if chord == Chord::ctrl('i') || chord == Chord::ctrl('m') => {
                mistakes.push(line, format!("{chord} is the same key as tab or enter"));
            }
            Ok(chord) if chord.key == Key::Char('h') && chord.ctrl => {
                mistakes.push(line, "ctrl-h is the same key as backspace");
            }
            Ok(chord) => chords.push((line, chord)),
            Err(error) => mistakes.push(line, error.to_string()),
        }
    }
    chords
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
        for verb in verbs::all() {
            let key = verb.key.map_or_else(String::new, String::from);
            assert_eq!(keymap.verb_shown(verb), key, "{}", verb.name);
        }
    }

    #[test]
    fn what_a_persons_file_names_has_the_keys_that_it_says() {
        let text = "[keys]\ndown = [\"j\", \"ctrl-n\"]\nundo = \"U\"\n[orders]\nhold = [\"H\", \"alt-h\"]\n";
        let keymap = Keymap::read(text).unwrap();
        let hold = keymap.verb(Kind::Order, Chord::char('H')).unwrap();
        assert_eq!(hold.name, "hold");
        assert_eq!(keymap.verb_shown(hold), "H");
        assert!(keymap.verb(Kind::Order, Chord::char('h')).is_none());
        assert_eq!(keymap.command(Chord::ctrl('n')), Some(Command::Down));
        assert_eq!(keymap.command(Chord::plain(Key::Down)), None);
        assert_eq!(keymap.command(Chord::char('u')), None);
        assert_eq!(keymap.shown(Command::Up), "k");
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let mistakes = Keymap::read(
            "[keys]\ndown = [\"j\", \"jump\"]\nfly = [\"f7\"]\nup = [\"j\"]\nundo = [\"h\"]\n\
             [orders]\ncancel = [\"ctrl-d\"]\nshpi = [\"p\"]\nship = [\"y\"]\nnote = 7\n\
             [parcels]\nhelp =\n",
        )
        .unwrap_err();
        let told = mistakes.to_string();
        for expected in [
            "line 2: no key is called “jump”",
            "line 3: no command is called “fly”",
            "line 4: j is bound to down too",
            "line 5: h is bound to hold (order) too",
            "line 7: ctrl-d is bound to page-down too",
            "line 7: ctrl-d is pressed by habit; cancel is not to be",
            "line 8: no verb is called “shpi”",
            "line 9: y answers the question that ship asks",
            "line 9: y is bound to copy too",
            "line 10: expected keys in quotes",
            "line 11: parcels is no table of keys; there are [keys], [orders]",
        ] {
            assert!(told.contains(expected), "{expected}\nis not in\n{told}");
        }
        assert_eq!(mistakes.iter().last().unwrap().0, 12, "{told}");
        let mistakes = Keymap::read("[keys]\nquit = []\n").unwrap_err();
        assert_eq!(mistakes.to_string(), "line 2: quit has no key left");
    }

    /// Nobody does harm with a key that another program taught their fingers, nor with the same key
    /// twice: what is dangerous asks, and its own key is no answer.
    #[test]
    fn nothing_dangerous_is_pressed_by_habit() {
        let keymap = Keymap::built_in().unwrap();
        for chord in [Chord::ctrl('a'), Chord::ctrl('b')] {
            assert_eq!(keymap.command(chord), None, "{chord}");
        }
        assert_eq!(keymap.command(Chord::ctrl('d')), Some(Command::PageDown));
        for verb in verbs::all() {
            for chord in keymap.verb_chords(verb) {
                assert!(!PRESSED_BY_HABIT.contains(&chord), "{}: {chord}", verb.name);
                let asks = verb.danger == Danger::Confirm;
                assert!(
                    !(asks && ANSWERS.contains(&chord)),
                    "{}: {chord}",
                    verb.name
                );
            }
        }
    }
}
