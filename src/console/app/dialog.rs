//! What stands over the page and takes the keys. One at a time, so that two cannot be written
//! down.

use chrono::{DateTime, Utc};

use super::completion::Offered;
use super::edit::Edit;
use super::form::Form;
use super::msg::{DeedNumber, Request, Step, Undoable};
use crate::console::input::Command;
use crate::domain::filter::FilterError;
use crate::domain::record::RecordId;
use crate::domain::verbs::Verb;

/// What stands over the page.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// What can be done with the record.
    Menu {
        /// The verb at the cursor, wherever it stands by now.
        picked: Option<&'static Verb>,
    },
    /// A verb's arguments.
    Form(Box<Form>),
    /// Something is about to be done: is it meant?
    Confirm(Box<Confirm>),
    /// An act on several records.
    Bulk(Box<Bulk>),
    /// Somebody was faster.
    Conflict(Box<Conflict>),
    /// A text would be put away: is it to be kept?
    Discard(Box<Form>),
    /// A macro is being chosen for a text.
    Macros(Box<Choosing>),
    /// The filter being written.
    Filter(Box<FilterLine>),
    /// The command line.
    Command(Box<CommandLine>),
    /// What is to be copied.
    Copy {
        /// What can be.
        things: Vec<Copyable>,
        /// Index of the one at the cursor.
        picked: usize,
    },
    /// The saved views.
    Views(Box<Shelf>),
    /// The columns, to choose from.
    Columns(Box<Arranging>),
    /// Help, messages, or a text.
    Reading {
        /// Which.
        what: Reading,
        /// The first line on the screen.
        top: usize,
        /// The line of the cursor, where lines of it lead anywhere.
        cursor: usize,
    },
}

/// Something that can be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copyable {
    /// What it is.
    pub what: &'static str,
    /// The text.
    pub text: String,
}

/// A macro, being chosen for the text in a form.
#[derive(Debug, Clone)]
pub struct Choosing {
    /// The form, to go back to.
    pub form: Box<Form>,
    /// Words that the macro has.
    pub edit: Edit,
    /// Index of the macro that enter takes.
    pub picked: usize,
}

/// What is read over the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// What the keys do here.
    Help,
    /// What happened in this run.
    Messages,
    /// What is too long to be copied, to be selected by hand.
    Text {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
    },
}

/// Something that is about to be done.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// What will happen, for the person.
    pub says: String,
    /// More about it, line by line.
    pub detail: Vec<String>,
    /// The acts.
    pub steps: Vec<Step>,
    /// The records left out, and why.
    pub skipped: Vec<(String, String)>,
    /// What it was written in.
    pub origin: Option<Origin>,
    /// The request for more about it that is still to be answered.
    pub asked: Option<Request>,
    /// It takes back what was done under this number, whatever is done meanwhile.
    pub undoes: Option<DeedNumber>,
}

/// An act on several records, one after the other.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// What is being done, for the title.
    pub says: String,
    /// The acts still to be done, the next one last.
    pub todo: Vec<Step>,
    /// The acts that were refused.
    pub refused: Vec<Step>,
    /// One line for each record done: its number, and how it went; once all is over, what was not
    /// done first.
    pub results: Vec<(String, Result<String, String>)>,
    /// How many there are in all.
    pub total: usize,
    /// The act that is under way.
    pub current: Option<Request>,
    /// It met an outage, and is to be sent again.
    pub waiting: Option<Waiting>,
    /// How often in a row it met one.
    pub outages: u32,
    /// The person stopped it.
    pub stopped: bool,
    /// What takes it back.
    pub undo: Vec<Undoable>,
    /// What it was written in, until it is done.
    pub origin: Option<Origin>,
    /// The first result on the screen.
    pub top: usize,
}

/// An act on one of several records that waits until the database is heard again.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The act.
    pub step: Step,
    /// It is sent again then, or as soon as the database is back.
    pub again: DateTime<Utc>,
    /// Why it is not known whether it was done, where that is so.
    pub doubt: Option<String>,
}

/// An act that somebody else's was in the way of.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// What was to be done.
    pub verb: &'static str,
    /// With which record.
    pub record: RecordId,
    /// Its number.
    pub number: String,
    /// What others did since, oldest first.
    pub since: Vec<String>,
    /// The version that is seen now.
    pub version: i64,
    /// What it was written in.
    pub origin: Option<Origin>,
}

/// What an act was written in: where one is again if it is not done, with all that one wrote.
#[derive(Debug, Clone)]
pub enum Origin {
    /// The form of its verb.
    Form(Box<Form>),
    /// The command line.
    Line(Box<CommandLine>),
}

impl Origin {
    /// The form, if it is one.
    pub fn form(&self) -> Option<&Form> {
        match self {
            Self::Form(form) => Some(form),
            Self::Line(_) => None,
        }
    }

    /// The same, its act sent.
    pub(super) fn sent(mut self, request: Request) -> Self {
        match &mut self {
            Self::Form(form) => form.sent(request),
            Self::Line(line) => line.sent(request),
        }
        self
    }
}

impl From<Origin> for Dialog {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Form(form) => Self::Form(form),
            Origin::Line(line) => Self::Command(line),
        }
    }
}

/// The filter being written.
#[derive(Debug, Clone)]
pub struct FilterLine {
    /// The text.
    pub edit: Edit,
    /// What it was before, to go back to.
    pub before: String,
    /// What is wrong with it.
    pub error: Option<FilterError>,
    /// What its last word could be.
    pub offered: Offered,
}

/// The saved views of a pane.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// Index of the view at the cursor.
    pub picked: usize,
    /// What is shown is being given a name.
    pub naming: Option<Naming>,
    /// This view is about to be thrown away: is it meant?
    pub asks: Option<i64>,
}

/// A view that is being given a name.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The name.
    pub edit: Edit,
    /// Everybody shall see it.
    pub shared: bool,
    /// Why it cannot be kept so.
    pub error: Option<String>,
    /// It was sent to be kept and has not been answered.
    pub sending: Option<Request>,
}

/// The columns of a pane, being chosen.
#[derive(Debug, Clone)]
pub struct Arranging {
    /// Their titles, left to right, and whether each is shown.
    pub rows: Vec<(String, bool)>,
    /// Index of the one at the cursor.
    pub picked: usize,
}

impl Arranging {
    /// Those that are shown, left to right.
    pub fn shown(&self) -> Vec<String> {
        let shown = self.rows.iter().filter(|row| row.1);
        shown.map(|row| row.0.clone()).collect()
    }
}

/// What a name on the command line can mean.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Verb(&'static Verb),
    Command(Command),
    /// The saved view with this primary key.
    View(i64),
    /// The record of this name.
    Record,
}

impl What {
    /// Whether both are the same.
    pub(super) fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Verb(one), Self::Verb(other)) => {
                (one.kind, one.name) == (other.kind, other.name)
            }
            (Self::Command(one), Self::Command(other)) => one == other,
            (Self::View(one), Self::View(other)) => one == other,
            (Self::Record, Self::Record) => true,
            _ => false,
        }
    }
}

/// The command line.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// The text.
    pub edit: Edit,
    /// What enter takes, wherever it stands by now; none while nothing is offered.
    pub(super) picked: Option<What>,
    /// What is wrong with the text, and where in it.
    pub error: Option<(usize, String)>,
    /// What its last word could be.
    pub offered: Offered,
    /// It is the line that was said so many lines ago.
    pub recalled: Option<usize>,
    /// What was written before that line took its place.
    pub written: Edit,
    /// The act that it asked for was sent and has not been answered.
    pub sending: Option<Request>,
}
