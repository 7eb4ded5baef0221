//! The command line: every verb, every command of the frame and every saved view by name.

use super::App;
use super::completion::{Offered, quoted};
use super::dialog::{CommandLine, Dialog};
use super::form::check;
use super::msg::{Ask, Effect};
use crate::console::input::{Chord, Command, Key};
use crate::domain::act::Args;
use crate::domain::filter::Filter;
use crate::domain::list::SortColumn;
use crate::domain::record::Record;
use crate::domain::verbs::{self, ArgKind, Verb};
use crate::domain::views;

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
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Verb(&'static Verb),
    Command(Command),
    /// The saved view with this primary key.
    View(i64),
}

/// Lines of the command line that are remembered.
pub const REMEMBERED: usize = 500;

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
        scored.into_iter().map(|(_, candidate)| candidate).collect()
    }

    fn score_verbs(&self, word: &str, scored: &mut Vec<((usize, bool, usize), Candidate)>) {
        let kind = self.kind_here();
        let record = self.selected_record();
        let here = verbs::of(kind).iter();
        let elsewhere = verbs::all().filter(|verb| verb.kind != kind);
        for verb in here.chain(elsewhere) {
            let Some(score) = score(word, verb.name) else {
                continue;
            };
            let blocked = if verb.kind == kind {
                match &record {
                    Some(record) => self.applies(verb, record).err().map(|r| r.0),
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

    /// The command line takes a key.
    pub(super) fn command_key(
        &mut self,
        mut line: CommandLine,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        let candidates = self.candidates(line.edit.text());
        let last = candidates.len().saturating_sub(1);
        let offers = !line.offered.words.is_empty();
        let picking = line.offered.picked.is_some();
        match chord.key {
            Key::Esc => return,
            Key::Char('p') if chord.ctrl => return self.recall(line, true, effects),
            Key::Char('n') if chord.ctrl => return self.recall(line, false, effects),
            Key::Up if !picking && line.picked == 0 => return self.recall(line, true, effects),
            Key::Down if !picking && line.recalled.is_some() => {
                return self.recall(line, false, effects);
            }
            Key::Tab | Key::BackTab | Key::Down | Key::Up if offers => {
                let back = matches!(chord.key, Key::BackTab | Key::Up);
                line.offered.pick(&mut line.edit, back);
                line.error = None;
                let settled = line.offered.is_settled();
                self.dialog = Some(Dialog::Command(line));
                if settled {
                    self.offer_command(effects);
                }
                return;
            }
            Key::Up => line.picked = line.picked.saturating_sub(1),
            Key::Down => line.picked = (line.picked + 1).min(last),
            Key::Backspace if line.edit.text().is_empty() => return,
            Key::Tab => {
                if let Some(candidate) = candidates.get(line.picked.min(last)) {
                    line.picked = 0;
                    line.recalled = None;
                    line.edit.set(match candidate.what {
                        What::View(_) => format!("views {} ", quoted(&candidate.name)),
                        What::Verb(_) | What::Command(_) => format!("{} ", candidate.name),
                    });
                }
                self.dialog = Some(Dialog::Command(line));
                return self.offer_command(effects);
            }
            // What was picked waits for its value.
            Key::Enter if picking && line.edit.text().ends_with([':', '=', '<', '>']) => {
                self.dialog = Some(Dialog::Command(line));
                return self.offer_command(effects);
            }
            Key::Enter => {
                let Some(candidate) = candidates.get(line.picked.min(last)) else {
                    let word = first_word(line.edit.text()).0;
                    line.error = Some((0, format!("nothing is called “{word}”")));
                    self.dialog = Some(Dialog::Command(line));
                    return;
                };
                match self.run(candidate, line.edit.text(), effects) {
                    Ok(()) => self.remember(line.edit.text().trim(), candidate, effects),
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
                    line.recalled = None;
                    line.error = None;
                    self.dialog = Some(Dialog::Command(line));
                    return self.offer_command(effects);
                }
            }
        }
        self.dialog = Some(Dialog::Command(line));
    }

    /// Lines of earlier runs, the oldest first.
    pub fn recollect(&mut self, lines: Vec<String>) {
        self.said_before = lines;
    }

    /// A line said before, or the one after it again.
    fn recall(&mut self, mut line: CommandLine, older: bool, effects: &mut Vec<Effect>) {
        let last = self.said_before.len();
        let back = match (line.recalled, older) {
            (None, true) => 1,
            (Some(back), true) => (back + 1).min(last),
            (Some(back), false) => back - 1,
            (None, false) => 0,
        };
        if back == 0 {
            line.recalled = None;
            line.edit.set("");
        } else if let Some(said) = last
            .checked_sub(back)
            .and_then(|at| self.said_before.get(at))
        {
            line.recalled = Some(back);
            line.edit.set(said.clone());
        }
        line.error = None;
        line.picked = 0;
        self.dialog = Some(Dialog::Command(line));
        self.offer_command(effects);
    }

    /// Keeps a line that was understood, the name in it in full.
    fn remember(&mut self, text: &str, candidate: &Candidate, effects: &mut Vec<Effect>) {
        let rest = first_word(text).1;
        let line = match candidate.what {
            What::View(_) => format!("views {}", quoted(&candidate.name)),
            _ if rest.is_empty() => candidate.name.clone(),
            _ => format!("{} {rest}", candidate.name),
        };
        self.said_before.retain(|said| *said != line);
        self.said_before.push(line.clone());
        let excess = self.said_before.len().saturating_sub(REMEMBERED);
        self.said_before.drain(..excess);
        effects.push(Effect::Remember { line });
    }

    /// Says what the line's last word could be.
    pub(super) fn offer_command(&mut self, effects: &mut Vec<Effect>) {
        let Some(Dialog::Command(line)) = &self.dialog else {
            return;
        };
        let text = line.edit.text().to_owned();
        let offered = if line.edit.at_end() {
            self.offered_behind(&text, effects)
        } else {
            Offered::default()
        };
        if let Some(Dialog::Command(line)) = &mut self.dialog {
            line.offered = offered;
        }
    }

    fn offered_behind(&mut self, text: &str, effects: &mut Vec<Effect>) -> Offered {
        let (word, rest) = first_word(text);
        if text.trim_start().len() == word.len() {
            return Offered::default();
        }
        let candidates = self.candidates(text);
        let [candidate] = candidates.as_slice() else {
            return Offered::default();
        };
        let before = &text[..text.len() - rest.len()];
        let pane = self.journey.pane();
        let begins = |words: Vec<String>| {
            let typed = rest.trim_start_matches('"').to_lowercase();
            let words = words
                .into_iter()
                .filter(|word| word.to_lowercase().starts_with(&typed) && *word != rest)
                .map(|word| (quoted(&word), String::new()))
                .collect();
            Offered::these(before, words)
        };
        match candidate.what {
            What::Verb(verb) => self.offer_arguments(verb, before, rest, effects),
            What::Command(Command::Filter) => self.offer_of_filter(pane, before, rest, effects),
            What::Command(Command::Sort) => {
                let columns = SortColumn::of(pane).iter();
                let turned = SortColumn::of(pane).iter().map(|c| format!("-{c}"));
                begins(columns.map(ToString::to_string).chain(turned).collect())
            }
            What::Command(Command::Views) => begins(
                self.views_here()
                    .iter()
                    .map(|view| view.name.clone())
                    .collect(),
            ),
            What::Command(_) | What::View(_) => Offered::default(),
        }
    }

    /// What the argument being written could be, and the names of those still to come.
    fn offer_arguments(
        &mut self,
        verb: &'static Verb,
        before: &str,
        rest: &str,
        effects: &mut Vec<Effect>,
    ) -> Offered {
        let (given, token) = rest.split_at(last_token(rest));
        let filled = arguments(verb, given).unwrap_or_default();
        let named = token
            .split_once('=')
            .and_then(|(name, value)| Some((verb.arg(name)?, value)));
        let still = || {
            verb.args
                .iter()
                .filter(|arg| !filled.contains_key(arg.name))
        };
        let (arg, value, from) = match named {
            Some((arg, value)) => (Some(arg), value, rest.len() - value.len()),
            None => (still().next(), token, given.len()),
        };
        let mut words = Vec::new();
        if named.is_none() && verb.args.len() > 1 {
            words.extend(
                still()
                    .filter(|arg| arg.name.starts_with(token))
                    .map(|arg| (format!("{}=", arg.name), arg.help.to_owned())),
            );
        }
        let before = format!("{before}{}", &rest[..from]);
        let Some(arg) = arg else {
            return Offered::these(&before, words);
        };
        let typed = value.trim_start_matches('"').to_owned();
        let ask = match arg.kind {
            ArgKind::OneOf(known) => {
                let begin = known.iter().filter(|word| word.starts_with(&typed));
                words.splice(
                    ..0,
                    begin.map(|word| ((*word).to_owned(), arg.help.to_owned())),
                );
                return Offered::these(&before, words);
            }
            ArgKind::Time => {
                let known = ["tomorrow", "4h", "2d", "1w"];
                let begin = known.iter().filter(|word| word.starts_with(&typed));
                words.splice(..0, begin.map(|word| ((*word).to_owned(), String::new())));
                return Offered::these(&before, words);
            }
            ArgKind::Quantity | ArgKind::Count | ArgKind::Change => {
                return Offered::these(&before, words);
            }
            ArgKind::Text | ArgKind::LongText => Ask::Said(verb, arg.name),
            _ => {
                let record = self.targets().first().map(Record::id);
                Ask::Argument(arg.kind, record)
            }
        };
        let request = self.request();
        effects.push(Effect::Complete {
            request,
            ask,
            typed,
        });
        Offered::asked_after(&before, request, words)
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
            What::View(id) => {
                if let Some(view) = self.views.iter().find(|view| view.id == id).cloned() {
                    self.open_view(&view);
                }
            }
            What::Command(Command::Views) if !rest.is_empty() => {
                let name = rest.trim().trim_matches('"');
                let kind = self.kind_here();
                let Some(view) = views::find(&self.views, kind, name).cloned() else {
                    let names: Vec<&str> =
                        self.views_here().iter().map(|v| v.name.as_str()).collect();
                    let there = match names.as_slice() {
                        [] => format!("no view of {} is kept yet", kind.plural()),
                        names => format!("no view is called so; there are {}", names.join(", ")),
                    };
                    return Err((at, there));
                };
                self.open_view(&view);
            }
            What::Command(Command::Filter) if !rest.is_empty() => {
                let pane = self.journey.pane();
                let filter =
                    Filter::parse(pane, rest).map_err(|error| (at + error.at, error.message))?;
                self.go_to_pane(pane);
                self.list_mut(pane)
                    .set_filter(rest.trim_end().to_owned(), filter);
            }
            What::Command(Command::Sort) if !rest.is_empty() => {
                let pane = self.journey.pane();
                let (descending, name) = match rest.trim_end().strip_prefix('-') {
                    Some(name) => (true, name),
                    None => (false, rest.trim_end()),
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

/// Where the last word of an argument line begins; a quotation is one word.
fn last_token(text: &str) -> usize {
    let (mut from, mut quoted, mut before) = (0, false, ' ');
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if quoted => quoted = false,
            '"' if before.is_whitespace() || before == '=' => quoted = true,
            _ if letter.is_whitespace() && !quoted => from = at + letter.len_utf8(),
            _ => {}
        }
        before = letter;
    }
    from
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
