//! Closing a form. What was written in it stays kept, and no single key loses any of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::App;
use super::dialog::Dialog;
use super::drafts::Key as Draft;
use super::form::Form;
use super::messages::Level;
use crate::console::input::{Chord, Key};
use crate::domain::act::Args;
use crate::domain::record::RecordId;
use crate::domain::verbs::Verb;

/// The key that throws away what is being written; it asks first.
pub const DISCARD: Chord = Chord::ctrl('x');

/// Where the text of a form would be once it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The database has it as a draft.
    Draft,
    /// It is on its way there, or into this machine's file.
    Going,
    /// This machine's file has it until the database takes it.
    Here,
    /// This run of the console alone has it: neither takes it.
    Run,
    /// This run of the console has it, once the form is closed: no draft is kept of a line.
    Line,
}

/// What was written in forms that no draft is kept of, and when they were closed.
pub(super) type Lines = BTreeMap<Draft, (Args, DateTime<Utc>)>;

/// A form that was closed before the database had all of its text.
#[derive(Debug, Clone)]
pub(super) struct Closed {
    key: (RecordId, String),
    /// How it is opened again.
    again: String,
    /// What was said of it; while that stands, what becomes of the text takes its place.
    said: String,
}

impl App {
    /// Where the text of this form would be.
    pub fn rest(&self, form: &Form) -> Rest {
        form.written()
            .map_or(Rest::Line, |(key, _)| self.rest_of(&key))
    }

    fn rest_of(&self, key: &(RecordId, String)) -> Rest {
        if !self.drafts.is_waiting(key) {
            Rest::Draft
        } else if self.aside.has(&self.drafts, key) {
            Rest::Here
        } else if self.is_heard() && !self.drafts.is_refused(key) {
            Rest::Going
        } else if self.aside.is_failing() {
            Rest::Run
        } else {
            Rest::Going
        }
    }

    /// The person wants to be rid of a form: what nothing would keep is asked about.
    pub(super) fn close(&mut self, form: Box<Form>) {
        self.keep_lines(&form);
        if form.sending.is_some() || !form.holds_text() {
            return;
        }
        match self.rest(&form) {
            Rest::Run => self.dialog = Some(Dialog::Discard(form)),
            Rest::Draft | Rest::Going | Rest::Here | Rest::Line => self.put_by(&form),
        }
    }

    /// Keeps what stands in a form of which no draft is kept; that nothing is written in it, too.
    fn keep_lines(&mut self, form: &Form) {
        match form.lines() {
            Some((key, args)) if !args.is_empty() => {
                self.lines.insert(key, (args, self.now));
            }
            Some((key, _)) if form.targets.len() == 1 => {
                self.lines.remove(&key);
            }
            _ => {}
        }
    }

    /// Closes a form whose text is kept, and says where.
    fn put_by(&mut self, form: &Form) {
        let opens = self.opens(form.verb);
        let again = match form.targets.as_slice() {
            [_, _, ..] => format!("{opens} opens it again at {} alone", form.targets[0].number),
            _ => format!("{opens} opens it again"),
        };
        let Some((key, _)) = form.written() else {
            self.keep_lines(form);
            return self.say_only(level(Rest::Line), told(Rest::Line, &again));
        };
        self.drafts.hurry(&key, self.now);
        let rest = self.rest_of(&key);
        let said = told(rest, &again);
        self.say_only(level(rest), said.clone());
        self.closed = Some(Closed { key, again, said });
    }

    /// What a person presses or says for a verb.
    pub(super) fn opens(&self, verb: &Verb) -> String {
        match self.keymap.verb_shown(verb) {
            key if key.is_empty() => format!(":{}", verb.name),
            key => key,
        }
    }

    /// Says what has become of the text of a form that was closed a moment ago, while the person
    /// still reads of it.
    pub(super) fn follow_closed(&mut self) {
        let Some(closed) = self.closed.take() else {
            return;
        };
        let stands = self
            .said
            .as_ref()
            .is_some_and(|said| said.text == closed.said);
        if !stands {
            return;
        }
        let rest = self.rest_of(&closed.key);
        let said = told(rest, &closed.again);
        if said != closed.said {
            self.say_only(level(rest), said.clone());
        }
        if rest != Rest::Draft {
            self.closed = Some(Closed { said, ..closed });
        }
    }

    /// A key to the question whether a text is to be thrown away.
    pub(super) fn discard_key(&mut self, form: Box<Form>, chord: Chord) {
        match (chord.typed(), chord.key) {
            (Some('y' | 'Y'), _) => {
                if let Some((key, _)) = form.written() {
                    self.drafts.forget(key, self.now);
                } else if let Some((key, _)) = form.lines() {
                    self.lines.remove(&key);
                }
            }
            // Whoever presses it again and again wants to get out, and loses only what was never
            // kept.
            (_, Key::Esc) => self.put_by(&form),
            (Some('n' | 'N'), _) => self.dialog = Some(Dialog::Form(form)),
            _ => self.dialog = Some(Dialog::Discard(form)),
        }
    }
}

fn level(rest: Rest) -> Level {
    match rest {
        Rest::Draft | Rest::Going | Rest::Here | Rest::Line => Level::Info,
        Rest::Run => Level::Error,
    }
}

fn told(rest: Rest, again: &str) -> String {
    match rest {
        Rest::Draft => format!("kept as a draft: {again}"),
        Rest::Going => "keeping it …".to_owned(),
        Rest::Here => format!("kept on this machine for now: {again}"),
        Rest::Run => format!("kept in this run of the console alone: {again}"),
        Rest::Line => format!("kept until you leave: {again}"),
    }
}
