//! What a name on the command line can mean.

use super::first_word;
use crate::console::app::App;
use crate::console::app::dialog::What;
use crate::console::input::Command;
use crate::domain::record::RecordName;
use crate::domain::verbs;

/// Something that a name on the command line can mean.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its key, if it has one.
    pub key: String,
    /// One line of help.
    pub help: String,
    /// What it is told, such as `reason=…`.
    pub takes: String,
    /// Why it cannot be done now.
    pub blocked: Option<String>,
    pub(super) what: What,
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
    /// What the command line can mean, the likeliest first. Once a name stands there in full and
    /// is followed by a space, it means that alone.
    pub fn candidates(&self, text: &str) -> Vec<Candidate> {
        let word = first_word(text).0;
        let mut scored = Vec::new();
        self.score_verbs(word, &mut scored);
        for command in Command::ALL {
            if BY_KEY_ONLY.contains(command) {
                continue;
            }
            if let Some(score) = score(word, command.as_str()) {
                let takes = match command {
                    Command::Filter => "words, field:value",
                    Command::Sort => "column, or -column",
                    Command::Views => "[name]",
                    _ => "",
                };
                scored.push((
                    (score, false, scored.len()),
                    Candidate {
                        name: command.as_str().to_owned(),
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
        let said_in_full = text.trim_start().len() > word.len();
        if let Some(at) = scored
            .iter()
            .position(|(_, candidate)| said_in_full && candidate.name == word)
        {
            return vec![scored.swap_remove(at).1];
        }
        // A view's name can hold spaces.
        let whole = text.trim().to_lowercase();
        for view in self.views.iter().filter(|_| !whole.is_empty()) {
            if let Some(score) = score(&whole, &view.name.to_lowercase()) {
                let filter = if view.look.filter.is_empty() {
                    String::new()
                } else {
                    format!(": /{}", view.look.filter)
                };
                scored.push((
                    (score, false, scored.len()),
                    Candidate {
                        name: view.name.clone(),
                        key: String::new(),
                        help: format!("view of {}{filter}", view.look.kind.plural()),
                        takes: String::new(),
                        blocked: None,
                        what: What::View(view.id),
                    },
                ));
            }
        }
        scored.sort_by_key(|(order, _)| *order);
        let mut candidates: Vec<_> = scored.into_iter().map(|(_, found)| found).collect();
        if let Some(help) = opens(word, candidates.is_empty()) {
            let record = Candidate {
                name: word.to_owned(),
                key: String::new(),
                help,
                takes: String::new(),
                blocked: None,
                what: What::Record,
            };
            candidates.insert(0, record);
        }
        candidates
    }

    fn score_verbs(&self, word: &str, scored: &mut Vec<((usize, bool, usize), Candidate)>) {
        let kind = self.kind_here();
        let targets = self.targets();
        let here = verbs::of(kind).iter();
        let elsewhere = verbs::all().filter(|verb| verb.kind != kind);
        for verb in here.chain(elsewhere) {
            let Some(score) = score(word, verb.name) else {
                continue;
            };
            let blocked = if verb.kind == kind && targets.is_empty() {
                Some("nothing is selected".to_owned())
            } else if verb.kind == kind {
                self.why_not(verb, &targets)
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
                    name: verb.name.to_owned(),
                    key: if verb.kind == kind {
                        self.keymap.verb_shown(verb)
                    } else {
                        String::new()
                    },
                    help: verb.help.to_owned(),
                    takes: takes.join(" "),
                    blocked,
                    what: What::Verb(verb),
                },
            ));
        }
    }
}

/// What a word opens that is a record's number; `alone` where it can mean nothing else.
fn opens(word: &str, alone: bool) -> Option<String> {
    let Ok(name) = word.parse::<RecordName>();
    match name {
        RecordName::Stock { .. } => (alone && word.contains(|c: char| c.is_ascii_digit()))
            .then(|| "open what has this number or SKU".to_owned()),
        // Of a number, so far only its sign.
        RecordName::Order { number, .. } if number == "#" => None,
        name => Some(format!("open this {}, also a closed one", name.kind())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_turn_are_enough_and_a_beginning_is_better() {
        assert!(score("srp", "set-reorder-point").is_some());
        assert!(score("rel", "release") < score("rel", "set-reorder-level"));
        assert_eq!(score("zz", "release"), None);
    }
}
