//! The command line: every verb and every command of the frame by name.

use super::App;
use super::dialog::{CommandLine, Dialog};
use super::form::check;
use super::msg::Effect;
use crate::console::input::{Chord, Command, Key};
use crate::domain::act::Args;
use crate::domain::filter::Filter;
use crate::domain::list::SortColumn;
use crate::domain::verbs::{self, ArgKind, Verb};

/// Something that a name on the command line can mean.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name.
    pub name: &'static str,
    /// Its key, if it has one.
    pub key: String,
    /// One line of help.
    pub help: String,
    /// What it is told, such as `reason=…`.
    pub takes: String,
    /// Why it cannot be done now.
    pub blocked: Option<String>,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Verb(&'static Verb),
    Command(Command),
}

/// The commands that make no sense by name: those that move, and the command line itself.
const BY_KEY_ONLY: [Command; 11] = [
    Command::Down,
    Command::Up,
    Command::Top,
    Command::Bottom,
    Command::PageDown,
    Command::PageUp,
    Command::NextPane,
    Command::PreviousPane,
    Command::Open,
    Command::CommandLine,
    Command::Leave,
];

impl App {
    /// What the command line's first word can mean, the likeliest first.
    pub fn candidates(&self, text: &str) -> Vec<Candidate> {
        let word = first_word(text).0;
        let kind = self.kind_here();
        let record = self.selected_record();
        let mut scored = Vec::new();
        let here = verbs::of(kind).iter();
        let elsewhere = verbs::all().filter(|verb| verb.kind != kind);
        for verb in here.chain(elsewhere) {
            let Some(score) = score(word, verb.name) else {
                continue;
            };
            let blocked = if verb.kind == kind {
                match &record {
                    Some(record) => verb.applies(record, &self.person).err().map(|r| r.0),
                    None => Some("nothing is selected".to_owned()),
                }
            } else if verbs::find(kind, verb.name).is_some() {
                continue;
            } else {
                Some(format!("it is for {}", verb.kind.plural()))
            };
            let takes: Vec<String> = verb
                .args
                .iter()
                .map(|arg| {
                    if arg.required {
                        format!("{}=…", arg.name)
                    } else {
                        format!("[{}=…]", arg.name)
                    }
                })
                .collect();
            scored.push((
                (score, blocked.is_some(), scored.len()),
                Candidate {
                    name: verb.name,
                    key: verb
                        .key
                        .filter(|_| verb.kind == kind)
                        .map_or_else(String::new, String::from),
                    help: verb.help.to_owned(),
                    takes: takes.join(" "),
                    blocked,
                    what: What::Verb(verb),
                },
            ));
        }
        for command in Command::ALL {
            if BY_KEY_ONLY.contains(command) {
                continue;
            }
            if let Some(score) = score(word, command.as_str()) {
                let takes = match command {
                    Command::Filter => "words, field:value",
                    Command::Sort => "column, or -column",
                    _ => "",
                };
                scored.push((
                    (score, false, scored.len()),
                    Candidate {
                        name: command.as_str(),
                        key: self.keymap.shown(*command),
                        help: command.help().to_owned(),
                        takes: takes.to_owned(),
                        blocked: None,
                        what: What::Command(*command),
                    },
                ));
            }
        }
        scored.sort_by_key(|(order, _)| *order);
        scored.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// The command line takes a key.
    pub(super) fn command_key(
        &mut self,
        mut line: CommandLine,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        let candidates = self.candidates(line.edit.text());
        let last = candidates.len().saturating_sub(1);
        match chord.key {
            Key::Esc => return,
            Key::Up => line.picked = line.picked.saturating_sub(1),
            Key::Down => line.picked = (line.picked + 1).min(last),
            Key::Backspace if line.edit.text().is_empty() => return,
            Key::Tab => {
                if let Some(candidate) = candidates.get(line.picked.min(last)) {
                    complete(&mut line, candidate);
                }
            }
            Key::Enter => {
                let Some(candidate) = candidates.get(line.picked.min(last)) else {
                    let word = first_word(line.edit.text()).0;
                    line.error = Some((0, format!("nothing is called “{word}”")));
                    self.dialog = Some(Dialog::Command(line));
                    return;
                };
                match self.run(candidate, line.edit.text(), effects) {
                    Ok(()) => {}
                    Err(error) => {
                        line.error = Some(error);
                        self.dialog = Some(Dialog::Command(line));
                    }
                }
                return;
            }
            _ => {
                if line.edit.key(chord) {
                    line.picked = 0;
                    line.error = None;
                }
            }
        }
        self.dialog = Some(Dialog::Command(line));
    }

    /// Does what a line says. The error's place is a byte offset in the line.
    fn run(
        &mut self,
        candidate: &Candidate,
        text: &str,
        effects: &mut Vec<Effect>,
    ) -> Result<(), (usize, String)> {
        let (_, rest) = first_word(text);
        let at = text.len() - rest.len();
        match candidate.what {
            What::Verb(verb) => {
                if let Some(why) = &candidate.blocked {
                    return Err((0, format!("{}: {why}", verb.name)));
                }
                let args = arguments(verb, rest).map_err(|(place, why)| (at + place, why))?;
                self.begin(verb, &args, effects);
            }
            What::Command(Command::Filter) if !rest.is_empty() => {
                let pane = self.journey.pane();
                let filter =
                    Filter::parse(pane, rest).map_err(|error| (at + error.at, error.message))?;
                self.go_to_pane(pane);
                self.list_mut(pane).set_filter(rest.to_owned(), filter);
            }
            What::Command(Command::Sort) if !rest.is_empty() => {
                let pane = self.journey.pane();
                let (descending, name) = match rest.strip_prefix('-') {
                    Some(name) => (true, name),
                    None => (false, rest),
                };
                let columns = SortColumn::of(pane);
                let column = columns.iter().find(|column| column.as_str() == name);
                let Some(column) = column else {
                    let names: Vec<&str> = columns.iter().map(|c| c.as_str()).collect();
                    return Err((at, format!("expected one of {}", names.join(", "))));
                };
                self.go_to_pane(pane);
                self.list_mut(pane).sort_by(*column, descending);
            }
            What::Command(command) => {
                if !rest.is_empty() {
                    return Err((at, format!("{} takes nothing", command.as_str())));
                }
                self.command(command, effects);
            }
        }
        Ok(())
    }
}

/// The first word, and what follows it.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// How well a word means a name, lower is better; none if its letters are not in it in turn.
fn score(word: &str, name: &str) -> Option<usize> {
    if word.is_empty() || name.starts_with(word) {
        return Some(usize::from(word.len() < name.len() && !word.is_empty()));
    }
    let (mut at, mut score) = (0, 10);
    for letter in word.chars().flat_map(char::to_lowercase) {
        let found = name[at..].find(letter)?;
        let place = at + found;
        let begins = place == 0 || name.as_bytes()[place - 1] == b'-';
        score += if begins { 0 } else { found + 1 };
        at = place + letter.len_utf8();
    }
    Some(score)
}

/// Completes the name, then the names of arguments and the words that they take.
fn complete(line: &mut CommandLine, candidate: &Candidate) {
    let text = line.edit.text().to_owned();
    let (word, rest) = first_word(&text);
    if word != candidate.name {
        line.edit.set(format!("{} {rest}", candidate.name));
        return;
    }
    let What::Verb(verb) = candidate.what else {
        return;
    };
    let token = rest.rsplit(char::is_whitespace).next().unwrap_or_default();
    let kept = &text[..text.len() - token.len()];
    let kept = if kept.ends_with(' ') {
        kept.to_owned()
    } else {
        format!("{kept} ")
    };
    if let Some((name, begun)) = token.split_once('=') {
        if let Some(ArgKind::OneOf(words)) = verb.arg(name).map(|arg| arg.kind)
            && let Some(word) = words.iter().find(|word| word.starts_with(begun))
        {
            line.edit.set(format!("{kept}{name}={word} "));
        }
    } else if let Some(arg) = verb
        .args
        .iter()
        .find(|arg| arg.name.starts_with(token) && !rest.contains(&format!("{}=", arg.name)))
    {
        line.edit.set(format!("{kept}{}=", arg.name));
    }
}

/// Reads `name=value`, `name="several words"` and bare words, which fill the arguments in turn;
/// what is left over goes to the last of them if it is a text.
///
/// # Errors
/// The place of what is wrong, and what was expected.
fn arguments(verb: &Verb, text: &str) -> Result<Args, (usize, String)> {
    let mut args = Args::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        let at = text.len() - rest.len() + start;
        rest = &rest[start..];
        let named = rest.find('=').and_then(|equals| {
            let arg = verb.arg(&rest[..equals])?;
            Some((arg, equals + 1))
        });
        let Some((arg, value_from)) = named.or_else(|| {
            let next = verb.args.iter().find(|arg| !args.contains_key(arg.name))?;
            Some((next, 0))
        }) else {
            let word = rest.split_whitespace().next().unwrap_or_default();
            return Err((
                at,
                match verb.args {
                    [] => format!("{} takes no arguments", verb.name),
                    _ => format!("“{word}” is one too many"),
                },
            ));
        };
        let after = &rest[value_from..];
        let is_last_text = matches!(arg.kind, ArgKind::Text | ArgKind::LongText)
            && value_from == 0
            && verb
                .args
                .iter()
                .filter(|a| !args.contains_key(a.name))
                .count()
                == 1;
        let (value, taken) = if let Some(quoted) = after.strip_prefix('"') {
            let Some(end) = quoted.find('"') else {
                return Err((at + value_from, "the quotation does not end".to_owned()));
            };
            (&quoted[..end], end + 2)
        } else if is_last_text {
            (after.trim_end(), after.len())
        } else {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            (&after[..end], end)
        };
        match check(arg, value) {
            Ok(_) => args.insert(arg.name.to_owned(), value.to_owned()),
            Err(why) => return Err((at + value_from, format!("{}: {why}", arg.name))),
        };
        rest = &after[taken..];
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Kind;

    fn read(kind: Kind, verb: &str, text: &str) -> Result<Vec<(String, String)>, (usize, String)> {
        let verb = verbs::find(kind, verb).unwrap();
        arguments(verb, text).map(|args| args.into_iter().collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "compared with what reading gives")]
    fn pairs(expected: &[(&str, &str)]) -> Result<Vec<(String, String)>, (usize, String)> {
        Ok(expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect())
    }

    #[test]
    fn arguments_are_read_by_name_or_in_turn() {
        let reason = pairs(&[("reason", "address unclear")]);
        assert_eq!(read(Kind::Order, "hold", "address unclear"), reason);
        assert_eq!(
            read(Kind::Order, "hold", "reason=\"address unclear\""),
            reason
        );
        assert_eq!(
            read(Kind::Stock, "adjust", "-2 broken in transit"),
            pairs(&[("quantity", "-2"), ("reason", "broken in transit")])
        );
        assert_eq!(
            read(
                Kind::Inspection,
                "fail-check",
                "severity=major item wrong colour"
            ),
            pairs(&[
                ("check", "item"),
                ("defect", "wrong colour"),
                ("severity", "major")
            ])
        );
    }

    #[test]
    fn a_wrong_argument_is_told_with_its_place() {
        let (at, why) = read(Kind::Stock, "adjust", "quantity=lots").unwrap_err();
        assert_eq!(at, 9);
        assert!(
            why.starts_with("quantity: expected a whole number"),
            "{why}"
        );
        assert_eq!(read(Kind::Order, "confirm", " now").unwrap_err().0, 1);
        assert_eq!(read(Kind::Order, "hold", "reason=\"a").unwrap_err().0, 7);
    }

    #[test]
    fn letters_in_turn_are_enough_and_a_beginning_is_better() {
        assert!(score("srp", "set-reorder-point").is_some());
        assert!(score("rel", "release") < score("rel", "set-reorder-level"));
        assert_eq!(score("zz", "release"), None);
    }
}
