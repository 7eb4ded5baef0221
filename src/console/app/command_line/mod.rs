//! The command line: every verb, every command of the frame and every saved view by name.

mod arguments;
mod candidates;

use self::arguments::{Said, args, arguments, last_token, said};
pub use self::candidates::Candidate;
use super::completion::{Offered, quoted};
use super::dialog::{CommandLine, Dialog, Origin, What};
use super::edit::Edit;
use super::msg::{Ask, Effect, Request};
use super::{App, facts};
use crate::console::input::{Chord, Command, Key};
use crate::domain::filter::Filter;
use crate::domain::list::SortColumn;
use crate::domain::record::Record;
use crate::domain::verbs::{ArgKind, Verb};
use crate::domain::views;

/// Lines of the command line that are remembered.
pub const REMEMBERED: usize = 500;

impl App {
    /// Opens the command line.
    pub(super) fn open_command_line(&mut self) {
        let mut line = Box::<CommandLine>::default();
        self.pick_first(&mut line);
        self.dialog = Some(Dialog::Command(line));
    }

    /// Picks the likeliest of what the line can mean.
    fn pick_first(&self, line: &mut CommandLine) {
        let candidates = self.candidates(line.edit.text());
        line.picked = candidates.first().map(|candidate| candidate.what);
    }

    /// The command line takes a key.
    pub(super) fn command_key(
        &mut self,
        mut line: Box<CommandLine>,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        let candidates = self.candidates(line.edit.text());
        let last = candidates.len().saturating_sub(1);
        let row = line.row(&candidates);
        let pick = |row: usize| candidates.get(row).map(|candidate| candidate.what);
        let offers = !line.offered.words.is_empty();
        let picking = line.offered.picked.is_some();
        match chord.key {
            Key::Esc => return,
            Key::Char('p') if chord.ctrl => return self.recall(line, true, effects),
            Key::Char('n') if chord.ctrl => return self.recall(line, false, effects),
            Key::Up if !picking && row.is_none_or(|row| row == 0) => {
                return self.recall(line, true, effects);
            }
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
            Key::Up => line.picked = pick(row.map_or(0, |row| row.saturating_sub(1))),
            Key::Down => line.picked = pick(row.map_or(0, |row| (row + 1).min(last))),
            Key::Backspace if line.edit.text().is_empty() => return,
            Key::Tab => {
                if let Some(candidate) = row.and_then(|row| candidates.get(row)) {
                    line.recalled = None;
                    line.edit.set(match candidate.what {
                        What::View(_) => format!("views {} ", quoted(&candidate.name)),
                        What::Verb(_) | What::Command(_) | What::Record => {
                            format!("{} ", candidate.name)
                        }
                    });
                    self.pick_first(&mut line);
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
                let Some(candidate) = row.and_then(|row| candidates.get(row)) else {
                    let word = first_word(line.edit.text()).0;
                    let why = if candidates.is_empty() {
                        format!("nothing is called “{word}”")
                    } else {
                        format!("“{word}” can mean something else now: pick it")
                    };
                    line.complain(0, why);
                    self.dialog = Some(Dialog::Command(line));
                    return;
                };
                match self.run(candidate, &line, effects) {
                    Ok(()) => self.remember(line.edit.text().trim(), candidate, effects),
                    Err((at, why)) => {
                        line.complain(at, why);
                        self.dialog = Some(Dialog::Command(line));
                    }
                }
                return;
            }
            _ => {
                if line.edit.key(chord) {
                    return self.command_written(line, effects);
                }
            }
        }
        self.dialog = Some(Dialog::Command(line));
    }

    /// Something was written into the line.
    pub(super) fn command_written(
        &mut self,
        mut line: Box<CommandLine>,
        effects: &mut Vec<Effect>,
    ) {
        line.recalled = None;
        line.error = None;
        self.pick_first(&mut line);
        self.dialog = Some(Dialog::Command(line));
        self.offer_command(effects);
    }

    /// Lines of earlier runs, the oldest first.
    pub fn recollect(&mut self, lines: Vec<String>) {
        self.said_before = lines;
    }

    /// A line said before, or the one after it again; after the last one, what was being written.
    fn recall(&mut self, mut line: Box<CommandLine>, older: bool, effects: &mut Vec<Effect>) {
        let last = self.said_before.len();
        let back = match (line.recalled, older) {
            (None, true) => 1,
            (Some(back), true) => (back + 1).min(last),
            (Some(back), false) => back - 1,
            (None, false) => {
                self.dialog = Some(Dialog::Command(line));
                return;
            }
        };
        if back == 0 {
            line.recalled = None;
            line.edit = std::mem::take(&mut line.written);
        } else if let Some(said) = last
            .checked_sub(back)
            .and_then(|at| self.said_before.get(at))
        {
            let edit = std::mem::replace(&mut line.edit, Edit::new(said.clone()));
            if line.recalled.replace(back).is_none() {
                line.written = edit;
            }
        }
        line.error = None;
        self.pick_first(&mut line);
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
        let blocked = self.blocked(&text);
        if let Some(Dialog::Command(line)) = &mut self.dialog {
            line.offered = offered;
            if let Some(why) = blocked {
                line.offered = Offered::default();
                line.error = Some((0, why));
            }
        }
    }

    /// Why nothing need be told to a verb whose name stands there in full.
    fn blocked(&self, text: &str) -> Option<String> {
        let candidates = self.candidates(text);
        let [Candidate { blocked, .. }] = candidates.as_slice() else {
            return None;
        };
        let in_full = text.trim_start().len() > first_word(text).0.len();
        blocked.clone().filter(|_| in_full)
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
            What::Command(_) | What::View(_) | What::Record => Offered::default(),
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
        let filled = args(arguments(verb, given).unwrap_or_default());
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
            ArgKind::Quantity | ArgKind::Count | ArgKind::Change | ArgKind::Country => {
                return Offered::these(&before, words);
            }
            ArgKind::LongText => {
                let macros = self.macros_called(&typed).into_iter();
                words.extend(macros.map(|(name, begins)| (quoted(&name), begins)));
                Ask::Said(verb, arg.name)
            }
            ArgKind::Text => Ask::Said(verb, arg.name),
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

    /// Takes out of the arguments those that name a macro: its text is to be seen before it is
    /// sent.
    fn take_macros(
        &self,
        verb: &Verb,
        read: &mut Vec<Said>,
    ) -> Result<Vec<(&'static str, String)>, (usize, String)> {
        let mut texts = Vec::new();
        for said in std::mem::take(read) {
            let long = verb.arg(said.name).map(|arg| arg.kind) == Some(ArgKind::LongText);
            let named = if long {
                self.macro_named(&said.value)
                    .map_err(|why| (said.at, why))?
            } else {
                None
            };
            match named {
                Some(text) => texts.push((said.name, text)),
                None => read.push(said),
            }
        }
        Ok(texts)
    }

    /// Does what a line says. The error's place is a byte offset in the line.
    fn run(
        &mut self,
        candidate: &Candidate,
        line: &CommandLine,
        effects: &mut Vec<Effect>,
    ) -> Result<(), (usize, String)> {
        let text = line.edit.text();
        let (_, rest) = first_word(text);
        let at = text.len() - rest.len();
        match candidate.what {
            What::Verb(verb) => {
                let mut read = arguments(verb, rest).map_err(|(place, why)| (at + place, why))?;
                let texts = (self.take_macros(verb, &mut read))
                    .map_err(|(place, why)| (at + place, why))?;
                if !texts.is_empty() {
                    let given = args(read);
                    return self
                        .begin_writing(verb, &given, &texts, effects)
                        .map_err(|why| (0, why));
                }
                let origin = Origin::Line(Box::new(line.clone()));
                self.begin(verb, &args(read), Some(origin), effects)
                    .map_err(|why| (0, why))?;
            }
            What::View(id) => {
                if let Some(view) = self.views.iter().find(|view| view.id == id).cloned() {
                    self.open_view(&view);
                }
            }
            What::Record if !rest.is_empty() => {
                return Err((at, "nothing follows a number".to_owned()));
            }
            What::Record => self.find(candidate.name.clone(), line, effects),
            What::Command(Command::Views) if !rest.is_empty() => {
                let name = rest.trim().trim_matches('"');
                let kind = self.kind_here();
                let Some(view) = views::find(&self.views, kind, name).cloned() else {
                    let names: Vec<&str> =
                        self.views_here().iter().map(|v| v.name.as_str()).collect();
                    let there = match names.as_slice() {
                        [] => format!("no view of {} is kept yet", kind.plural()),
                        names => {
                            let there = facts::named(names.iter().copied());
                            format!("no view is called so; there are {there}")
                        }
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

impl CommandLine {
    /// The row of what enter takes; none where it is not offered any more.
    pub fn row(&self, candidates: &[Candidate]) -> Option<usize> {
        let picked = self.picked?;
        let mut candidates = candidates.iter();
        candidates.position(|candidate| candidate.what.is(picked))
    }

    /// Says what is wrong and where, the cursor behind the word that is.
    pub(super) fn complain(&mut self, at: usize, why: String) {
        let word = self.edit.text()[at..].split_whitespace().next();
        self.edit.go_to(at + word.map_or(0, str::len));
        self.offered = Offered::default();
        self.error = Some((at, why));
    }

    /// It was sent and not done; `name` is the argument at fault.
    pub(super) fn fail(&mut self, verb: &Verb, name: Option<&str>, why: String) {
        self.sending = None;
        let text = self.edit.text();
        let rest = first_word(text).1;
        let read = arguments(verb, rest).unwrap_or_default();
        let at = name.map(|name| match said(&read, name) {
            Some(argument) => text.len() - rest.len() + argument.at,
            None => text.len(),
        });
        self.complain(at.unwrap_or(0), why);
    }

    /// Its act was sent.
    pub(super) fn sent(&mut self, request: Request) {
        self.error = None;
        self.offered = Offered::default();
        self.sending = Some(request);
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
