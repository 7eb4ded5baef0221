//! The form that asks for a verb's arguments.

mod field;

use chrono::{DateTime, TimeDelta, Utc};

pub use field::{Field, TEXT_ROWS, Value};

use super::msg::Request;
use crate::actions::{News, Since};
use crate::console::input::{Chord, Key};
use crate::domain::act::Args;
use crate::domain::macros;
use crate::domain::record::{Record, RecordId};
use crate::domain::text;
use crate::domain::verbs::{ArgKind, EMPTY, Verb};

/// The record that an act is for, as the person saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The record.
    pub record: RecordId,
    /// Its number.
    pub number: String,
    /// The version that was seen.
    pub version: i64,
}

impl Target {
    /// A record as it is shown.
    pub(super) fn of(record: &Record) -> Self {
        Self {
            record: record.id(),
            number: record.number(),
            version: record.version(),
        }
    }
}

/// A verb's arguments, being asked for.
#[derive(Debug, Clone)]
pub struct Form {
    /// What is to be done.
    pub verb: &'static Verb,
    /// With which records.
    pub targets: Vec<Target>,
    /// The records for which it does not apply, and why.
    pub skipped: Vec<(String, String)>,
    /// One for each argument.
    pub fields: Vec<Field>,
    /// Index of the field being filled in; one beyond them is the button that sends.
    pub focus: usize,
    /// The act that was sent with this and has not been answered.
    pub sending: Option<Request>,
    /// Why the act was not done, where that is no single field's fault.
    pub error: Option<String>,
    /// That is an outage, and over once the database is heard again.
    pub outage: bool,
    /// When what stands in it was written, where that was before it was opened.
    pub draft_of: Option<DateTime<Utc>>,
    /// The version of the record that says what stands in its fields, where that is known.
    pub(super) stands: Option<i64>,
    /// The request that reads it.
    pub(super) asked: Option<Request>,
    /// The first line on the screen of the record behind it, once that was scrolled.
    pub(super) behind: Option<usize>,
    /// What others have done to the record since it was opened.
    pub news: Vec<News>,
    /// The record's version with all of that, and since when it has been told of here.
    told: Option<(i64, DateTime<Utc>)>,
    /// There is more of that.
    pub(super) news_wanted: bool,
}

/// What stands in a form for so long has been seen.
const SEEN: TimeDelta = TimeDelta::milliseconds(400);

/// What a key did to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing beyond the form.
    None,
    /// The choices of the focused field are to be asked for.
    Ask,
    /// It is filled in.
    Submit,
    /// The person wants to be rid of it.
    Close,
}

impl Form {
    /// A form for a verb, filled in with what is known already.
    pub fn new(
        verb: &'static Verb,
        targets: Vec<Target>,
        skipped: Vec<(String, String)>,
        given: &Args,
    ) -> Self {
        let fields: Vec<Field> = verb
            .args
            .iter()
            .map(|arg| Field::new(arg, given.get(arg.name).map_or("", String::as_str)))
            .collect();
        let focus = fields.iter().position(Field::is_empty).unwrap_or(0);
        Self {
            verb,
            targets,
            skipped,
            fields,
            focus,
            sending: None,
            error: None,
            outage: false,
            draft_of: None,
            stands: None,
            asked: None,
            behind: None,
            news: Vec::new(),
            told: None,
            news_wanted: false,
        }
    }

    /// The draft that it is: for which record and verb, and what has been written. Nothing has
    /// where only words were chosen. None for a form that asks for no longer text.
    pub fn written(&self) -> Option<((RecordId, String), Args)> {
        let target = self.targets.first().filter(|_| self.has_button())?;
        let mut args = Args::new();
        if self.holds_text() {
            for field in self.fields.iter().filter(|field| !field.is_empty()) {
                args.insert(field.arg.name.to_owned(), field.text());
            }
        }
        Some(((target.record, self.verb.name.to_owned()), args))
    }

    /// What has been written in a form of which no draft is kept.
    pub(super) fn lines(&self) -> Option<((RecordId, String), Args)> {
        let target = self.targets.first().filter(|_| !self.has_button())?;
        let changed = self.fields.iter().filter(|field| field.is_changed());
        let args = changed.map(|field| (field.arg.name.to_owned(), field.text()));
        let args = args.filter(|_| self.holds_text()).collect();
        Some(((target.record, self.verb.name.to_owned()), args))
    }

    /// Fills in what was written before.
    pub fn fill(&mut self, args: &Args, at: DateTime<Utc>) {
        for field in &mut self.fields {
            if let Some(text) = args.get(field.arg.name) {
                field.write(text);
            }
        }
        self.draft_of = Some(at);
    }

    /// Whether what has been written says nothing else than this, as far as it says anything.
    pub(super) fn agrees_with(&self, args: &Args) -> bool {
        let mut given = self.fields.iter().filter(|field| field.is_changed());
        given.all(|field| args.get(field.arg.name) == Some(&field.text()))
    }

    /// Takes what the record says in this version, for the fields in which nothing else has been
    /// written.
    pub(super) fn stand(&mut self, says: &[(&'static str, String)], version: i64) {
        self.stands = Some(version);
        for field in &mut self.fields {
            if let Some((_, text)) = says.iter().find(|(name, _)| *name == field.arg.name) {
                field.stand(text);
            }
        }
    }

    /// Takes what others have done to the record since it was opened.
    pub(super) fn tell(&mut self, since: Since, now: DateTime<Utc>) {
        let is_new = self.told.is_none_or(|(version, _)| version < since.version);
        if is_new && !since.news.is_empty() {
            self.told = Some((since.version, now));
        }
        self.news = since.news;
    }

    /// The records with the versions that the person has seen: what the form has told of for a
    /// moment counts as seen.
    pub(super) fn seen(&self, now: DateTime<Utc>) -> Vec<Target> {
        let mut targets = self.targets.clone();
        if let (Some((version, at)), Some(target)) = (self.told, targets.first_mut())
            && now - at >= SEEN
        {
            target.version = target.version.max(version);
        }
        targets
    }

    /// Whether it is for this record, and for others at most behind it.
    pub(super) fn is_for(&self, record: RecordId) -> bool {
        let first = self.targets.first();
        first.is_some_and(|target| target.record == record)
    }

    /// Whether it has a text that is kept once it is closed, and waits for no answer.
    pub fn is_kept(&self) -> bool {
        self.sending.is_none() && self.holds_text()
    }

    /// Whether a longer text is being written just now.
    pub fn is_writing(&self) -> bool {
        self.sending.is_none()
            && matches!(self.field().map(|field| &field.value), Some(Value::Text(_)))
    }

    /// The field of a macro that still stands in a text, and the argument that has it.
    pub fn unfilled(&self) -> Option<(&'static str, &'static str)> {
        self.fields.iter().find_map(|field| match field.value {
            Value::Text(_) => Some((field.arg.name, macros::unfilled(&field.text()).next()?)),
            _ => None,
        })
    }

    /// Whether it ends in a button; else enter in its last field sends it.
    pub fn has_button(&self) -> bool {
        self.fields
            .iter()
            .any(|field| matches!(field.value, Value::Text(_)))
    }

    /// Whether the button is focused.
    pub const fn at_button(&self) -> bool {
        self.focus == self.fields.len()
    }

    /// Whether closing it would lose words that somebody wrote.
    pub fn holds_text(&self) -> bool {
        self.fields.iter().any(|field| match &field.value {
            Value::Text(_) => !field.is_empty(),
            Value::Line(_) => {
                matches!(field.arg.kind, ArgKind::Text | ArgKind::Country) && field.is_changed()
            }
            Value::Word(_) => false,
        })
    }

    /// The field being filled in.
    pub fn field(&self) -> Option<&Field> {
        self.fields.get(self.focus)
    }

    /// The arguments, without what the record says already, if all is as expected; else the fields say
    /// what is wrong, and the first that is wrong is focused.
    pub fn args(&mut self) -> Option<Args> {
        let mut args = Args::new();
        let mut first = None;
        for (index, field) in self.fields.iter_mut().enumerate() {
            // What the record says already may be more than anybody would be let write now.
            if !field.stands.is_empty() && !field.is_changed() {
                field.error = None;
                continue;
            }
            let text = match field.text() {
                text if text.is_empty() && field.is_changed() => EMPTY.to_owned(),
                text => text,
            };
            match field.arg.check(&text) {
                Ok(Some(value)) => {
                    args.insert(field.arg.name.to_owned(), value);
                    field.error = None;
                }
                Ok(None) => field.error = None,
                Err(why) => {
                    field.error = Some(why);
                    first.get_or_insert(index);
                }
            }
        }
        match first {
            Some(index) => {
                self.focus = index;
                None
            }
            None => Some(args),
        }
    }

    /// Its act was sent.
    pub(super) fn sent(&mut self, request: Request) {
        self.sending = Some(request);
        self.error = None;
        self.outage = false;
    }

    /// The act was not done; `name` is the argument at fault.
    pub fn fail(&mut self, name: Option<&str>, why: String) {
        self.sending = None;
        let at = name.and_then(|name| self.fields.iter().position(|f| f.arg.name == name));
        match at {
            Some(at) => {
                self.focus = at;
                self.fields[at].error = Some(why);
            }
            None => self.error = Some(why),
        }
    }

    /// The database is heard again: what it did not get is still to be sent.
    pub fn back(&mut self) {
        if std::mem::take(&mut self.outage) {
            let why = "not sent; the database is back: ctrl-s sends it";
            self.error = Some(why.to_owned());
        }
    }

    /// Takes a key.
    pub fn key(&mut self, chord: Chord) -> Outcome {
        if self.sending.is_some() {
            return match chord.key {
                Key::Esc => Outcome::Close,
                _ => Outcome::None,
            };
        }
        if chord == Chord::ctrl('s') {
            return Outcome::Submit;
        }
        match chord.key {
            Key::Esc => return Outcome::Close,
            Key::BackTab => return self.go(self.focus.saturating_sub(1)),
            Key::Tab => {
                if let Some(field) = self.fields.get_mut(self.focus) {
                    field.take_picked();
                }
                let last = self.fields.len() - usize::from(!self.has_button());
                return self.go((self.focus + 1).min(last));
            }
            _ => {}
        }
        let last = self.fields.len().saturating_sub(1);
        if matches!(chord.key, Key::Char(_)) && !chord.ctrl && !chord.alt {
            self.leave_button();
        }
        let Some(field) = self.fields.get_mut(self.focus) else {
            return match chord.key {
                Key::Enter => Outcome::Submit,
                Key::Up => self.go(last),
                _ => Outcome::None,
            };
        };
        let multiline = matches!(field.value, Value::Text(_));
        match chord.key {
            Key::Enter if !multiline => {
                field.take_picked();
                if self.focus < last || self.has_button() {
                    self.go(self.focus + 1)
                } else {
                    Outcome::Submit
                }
            }
            Key::Up if !multiline && field.choices.is_empty() => {
                self.go(self.focus.saturating_sub(1))
            }
            Key::Down if !multiline && field.choices.is_empty() => {
                let last = self.fields.len() - usize::from(!self.has_button());
                self.go((self.focus + 1).min(last))
            }
            _ => {
                self.error = None;
                self.outage = false;
                if field.key(chord) {
                    Outcome::Ask
                } else {
                    Outcome::None
                }
            }
        }
    }

    /// What is typed at the button goes on in the last field.
    fn leave_button(&mut self) {
        self.focus = self.focus.min(self.fields.len().saturating_sub(1));
    }

    /// Takes pasted text.
    pub fn paste(&mut self, pasted: &str) {
        self.leave_button();
        let Some(field) = self.fields.get_mut(self.focus) else {
            return;
        };
        match &mut field.value {
            Value::Line(edit) => edit.insert(pasted),
            Value::Text(area) => {
                let lines: Vec<_> = text::plain_lines(pasted).collect();
                area.insert_str(lines.join("\n"));
            }
            Value::Word(_) => return,
        }
        field.error = None;
    }

    /// Puts a text into the argument of this name, at its cursor.
    pub(super) fn put_in(&mut self, name: &str, text: &str) {
        if let Some(at) = self.fields.iter().position(|field| field.arg.name == name) {
            self.focus = at;
            self.paste(text);
        }
    }

    fn go(&mut self, to: usize) -> Outcome {
        self.focus = to;
        if let Some(Value::Word(choice)) = self.fields.get_mut(to).map(|field| &mut field.value) {
            choice.begin();
        }
        Outcome::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Kind;
    use crate::domain::verbs;

    fn form(kind: Kind, verb: &str) -> Form {
        Form::new(
            verbs::find(kind, verb).unwrap(),
            vec![],
            vec![],
            &Args::new(),
        )
    }

    fn keys(form: &mut Form, text: &str) {
        for char in text.chars() {
            form.key(Chord::char(char));
        }
    }

    #[test]
    fn enter_goes_from_field_to_field_and_sends_at_the_last() {
        let mut form = form(Kind::Stock, "adjust");
        keys(&mut form, "-2");
        assert_eq!(form.key(Chord::plain(Key::Enter)), Outcome::Ask);
        keys(&mut form, "broken");
        assert_eq!(form.key(Chord::plain(Key::Enter)), Outcome::Submit);
        let args = form.args().unwrap();
        assert_eq!((&*args["quantity"], &*args["reason"]), ("-2", "broken"));
    }

    #[test]
    fn keys_go_by_the_rows_that_are_seen_and_by_pages_of_them() {
        let mut form = form(Kind::Order, "note");
        let words: Vec<String> = (0..120).map(|n| format!("word{n:03}")).collect();
        keys(&mut form, &words.join(" "));
        // 64 columns have eight words of seven and their blanks.
        form.key(Chord::plain(Key::Up));
        keys(&mut form, "<up>");
        assert!(form.fields[0].text().contains("word111<up>"));
        form.key(Chord::plain(Key::PageUp));
        keys(&mut form, "<page>");
        let text = form.fields[0].text();
        let row: usize = text[..text.find("<page>").unwrap()]
            .rsplit_once("word")
            .map(|(_, rest)| rest[..3].parse::<usize>().unwrap() / 8)
            .unwrap();
        assert_eq!(row, 111 / 8 - usize::from(TEXT_ROWS), "{text}");
        form.key(Chord::plain(Key::PageDown));
        form.key(Chord::plain(Key::PageDown));
        keys(&mut form, "<end>");
        assert!(form.fields[0].text().contains("<end>"));
        assert!(form.fields[0].text().find("<end>") > form.fields[0].text().find("word112"));
    }

    #[test]
    fn what_is_typed_at_the_button_goes_on_in_the_text() {
        let mut form = form(Kind::Ticket, "reply");
        keys(&mut form, "we ship");
        form.key(Chord::plain(Key::Tab));
        assert!(form.at_button());
        keys(&mut form, " today");
        form.key(Chord::plain(Key::Tab));
        form.paste(" by noon");
        assert_eq!(form.fields[0].text(), "we ship today by noon");
        form.key(Chord::plain(Key::Tab));
        assert_eq!(form.key(Chord::plain(Key::Enter)), Outcome::Submit);
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field() {
        let mut form = form(Kind::Stock, "adjust");
        keys(&mut form, "0");
        form.focus = 1;
        keys(&mut form, "x");
        assert_eq!(form.args(), None);
        assert_eq!(form.focus, 0);
        assert!(
            form.fields[0]
                .error
                .as_ref()
                .unwrap()
                .contains("such as 3 or -2")
        );
        assert_eq!(form.fields[1].error, None);
    }

    #[test]
    fn a_word_is_chosen_by_how_it_begins_and_no_other_text_chooses_one() {
        let mut form = form(Kind::Ticket, "resolve");
        keys(&mut form, "A");
        assert_eq!(form.fields[0].text(), "answered");
        keys(&mut form, "p");
        assert_eq!(form.fields[0].text(), "apology");
        form.key(Chord::plain(Key::Right));
        assert_eq!(form.fields[0].text(), "replace");
        keys(&mut form, "ref");
        assert_eq!(form.fields[0].text(), "refund");
        keys(&mut form, " ");
        assert_eq!(form.fields[0].text(), "exchange");

        keys(&mut form, "sent a new one");
        assert_eq!(form.fields[0].text(), "");
        let error = form.fields[0].error.clone().expect("a hint");
        assert!(error.contains("← and → choose"), "{error}");
        assert_eq!(form.args(), None, "a choice that nobody made");
        for _ in 0.."sent a new one".len() {
            form.key(Chord::plain(Key::Backspace));
        }
        assert_eq!(form.fields[0].error, None);
        keys(&mut form, "none");
        assert_eq!(form.fields[0].text(), "none");
    }

    #[test]
    fn a_long_text_keeps_its_lines_and_is_sent_by_the_button() {
        let mut form = form(Kind::Ticket, "reply");
        keys(&mut form, "Dear Ines,");
        assert_eq!(form.key(Chord::plain(Key::Enter)), Outcome::Ask);
        keys(&mut form, "sorry");
        assert!(form.holds_text());
        form.key(Chord::plain(Key::Tab));
        assert!(form.at_button());
        assert_eq!(form.key(Chord::plain(Key::Enter)), Outcome::Submit);
        assert_eq!(form.args().unwrap()["text"], "Dear Ines,\nsorry");
    }
}
