//! What comes to the console, and what it wants done: the only ways in and out of its state.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actions::{ActError, Since, Taken};
use crate::console::input::{Chord, Input, Mouse};
use crate::domain::act::{Args, Done, Undo};
use crate::domain::filter::Field;
use crate::domain::full::FullRecord;
use crate::domain::list::{Counts, HistoryEntry, ListQuery, ListRow, SortKey};
use crate::domain::macros::Macro;
use crate::domain::people::Role;
use crate::domain::presence::Attendance;
use crate::domain::record::{Kind, Pane, RecordId};
use crate::domain::verbs::{ArgKind, Verb};
use crate::domain::views::{Look, View};
use crate::store::drafts::Draft;
use crate::store::lists::Refreshed;

/// The number of a request; its reply carries it, so that late replies are known as such.
pub type Request = u64;

/// The number of something that was done in this run and can be taken back; counted up.
pub type DeedNumber = u64;

/// What became of a draft that the database was to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InDatabase {
    /// It holds it.
    Kept,
    /// It holds another text, written elsewhere, that this one is not based on.
    Other,
    /// It did not answer.
    Away,
    /// It answers, and does not take it.
    Refused(Failure),
}

/// Something that happened.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted.
    Paste(String),
    /// The mouse was used.
    Mouse(Mouse),
    /// The window has so many columns and rows now.
    Resize(u16, u16),
    /// Time passed.
    Tick,
    /// The feed spoke.
    Feed(Feed),
    /// A part of a list.
    Window(Pane, Request, Result<Window, Failure>),
    /// Rows asked for by their keys.
    Rows(Pane, Request, Result<Vec<Refreshed>, Failure>),
    /// The tabs' counts.
    Counts(Result<Counts, Failure>),
    /// The record that a name means, or why it means none.
    Found(Request, Result<RecordId, Failure>),
    /// A record in full; none if there is no such record.
    Record(RecordId, Request, Result<Option<RecordPage>, Failure>),
    /// What a word could be, and what each means where that is known.
    Choices(Request, Result<Vec<(String, String)>, Failure>),
    /// What is kept: views, and the columns that the person chose.
    Kept(Result<Kept, Failure>),
    /// A view or the columns were kept, or a view was thrown away.
    Keeping(Request, Result<(), Failure>),
    /// What the act that is asked about would come to, line by line.
    Foretold(Request, Result<Vec<String>, ActError>),
    /// What an act did.
    Acted(Request, Result<Done, ActError>),
    /// Who is at which record.
    Presence(Result<Vec<Attendance>, Failure>),
    /// Others know where this person is, or could not be told.
    Attended(bool),
    /// The record that this person has taken next; none if there is none.
    Taken(Request, Result<Option<Box<Taken>>, ActError>),
    /// What others did to the record that a text is being written for.
    News(RecordId, Result<Since, Failure>),
    /// One's own drafts.
    Drafts(Result<Vec<Draft>, Failure>),
    /// Whether what has been written is kept as it was asked for.
    DraftKept(RecordId, String, InDatabase),
    /// What the database has not taken is in this machine's file, or is not.
    SetAside(Result<(), Failure>),
    /// What became of what earlier runs had set aside.
    Recovered(Result<Vec<Recovered>, Failure>),
    /// The macros that there are.
    Macros(Result<Vec<Macro>, Failure>),
    /// The roles that the person holds.
    Roles(Result<Vec<Role>, Failure>),
    /// A mistake in the program ended a task; what waited for it is answered with a failure.
    Panicked(String),
}

impl Msg {
    /// Whether the person is waiting to see what it does.
    pub const fn is_by_hand(&self) -> bool {
        matches!(
            self,
            Self::Key(_) | Self::Paste(_) | Self::Mouse(_) | Self::Resize(..)
        )
    }
}

impl From<Input> for Msg {
    fn from(input: Input) -> Self {
        match input {
            Input::Key(chord) => Self::Key(chord),
            Input::Paste(text) => Self::Paste(text),
            Input::Mouse(mouse) => Self::Mouse(mouse),
            Input::Resize(columns, rows) => Self::Resize(columns, rows),
        }
    }
}

/// What the change feed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// It hears the database.
    Live,
    /// These records have changed.
    Changed(Vec<RecordId>),
    /// Anything may have changed.
    Resync,
    /// Somebody has come to a record, or left one.
    Presence,
    /// It does not hear the database.
    Lost {
        /// When the database last spoke; what is shown is of then.
        heard: DateTime<Utc>,
        /// Why, as far as is known.
        why: String,
    },
}

/// Why a question to the database has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For the person.
    pub text: String,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The rows, in the list's order.
    pub rows: Vec<ListRow>,
    /// No row comes before them; not known where the part was asked for as what comes after.
    pub starts: bool,
    /// No row comes after them; not known where the part was asked for as what comes before.
    pub ends: bool,
}

/// A record with its history.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordPage {
    /// The record.
    pub full: FullRecord,
    /// Who did what when, newest first.
    pub history: Vec<HistoryEntry>,
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Its first rows.
    Start,
    /// Its last rows.
    End,
    /// Rows on both sides of a record, or the first rows if the list does not hold it.
    Around(RecordId),
    /// Rows on both sides of a record, or of the place where it was if the list no longer holds it.
    Keep(SortKey),
    /// Rows after a place.
    After(SortKey),
    /// Rows before a place.
    Before(SortKey),
}

/// Something to be done outside.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Read a part of a list.
    Window {
        /// For the reply.
        request: Request,
        /// Which list.
        query: ListQuery,
        /// Which part.
        reach: Reach,
    },
    /// Read rows by their keys.
    Rows {
        /// For the reply.
        request: Request,
        /// Which list.
        query: ListQuery,
        /// Which rows.
        ids: Vec<RecordId>,
    },
    /// Count for the tabs.
    Counts,
    /// Read a record in full, with its history.
    Record {
        /// For the reply.
        request: Request,
        /// Which.
        id: RecordId,
    },
    /// Find the record that a name means.
    Find {
        /// For the reply.
        request: Request,
        /// The name as it was typed.
        name: String,
    },
    /// Read what a word could be.
    Complete {
        /// For the reply.
        request: Request,
        /// What is asked for.
        ask: Ask,
        /// How it begins.
        typed: String,
    },
    /// Keep a line of the command line for other runs.
    Remember {
        /// The line.
        line: String,
    },
    /// Read the views and the chosen columns.
    Views,
    /// Keep what is shown under a name.
    KeepView {
        /// For the reply.
        request: Request,
        /// The name.
        name: String,
        /// Everybody shall see it.
        shared: bool,
        /// What is shown.
        look: Look,
    },
    /// Throw a view away.
    ThrowViewAway {
        /// For the reply.
        request: Request,
        /// Its primary key.
        id: i64,
    },
    /// Keep the columns of a pane.
    KeepColumns {
        /// For the reply.
        request: Request,
        /// The pane's kind.
        kind: Kind,
        /// Their titles; none for those that it shows by itself.
        columns: Option<Vec<String>>,
    },
    /// Read what an act would come to.
    Foretell {
        /// For the reply.
        request: Request,
        /// What.
        step: Step,
    },
    /// Do it.
    Act {
        /// For the reply.
        request: Request,
        /// What.
        step: Step,
    },
    /// Put a text on the clipboard.
    Copy(String),
    /// Tell the person, who may look elsewhere, of something new.
    Alarm(String),
    /// Read who is at which record.
    Presence,
    /// Tell others at which record this person is, and whether they write something for it.
    Attend {
        /// None, if at no record.
        at: Option<(RecordId, bool)>,
    },
    /// Take the next that this person may act on and nobody holds.
    Take {
        /// For the reply.
        request: Request,
    },
    /// Read what others did to a record after a version.
    News {
        /// Which record.
        record: RecordId,
        /// The version that the person saw.
        version: i64,
    },
    /// Read one's own drafts.
    Drafts,
    /// Have the database hold a draft, or no longer.
    KeepDraft(Unsaved),
    /// Have this machine's file hold what the database has not taken, and nothing else.
    SetAside {
        /// Counted up: what was asked for later counts.
        write: u64,
        /// The texts; none leaves no file.
        texts: Vec<Unsaved>,
    },
    /// Put where it belongs what earlier runs have set aside.
    Recover,
    /// Read the macros.
    Macros,
    /// Read the person's roles.
    Roles,
    /// Draw the whole screen anew.
    Redraw,
    /// Give the terminal back to the shell until it is wanted again.
    Suspend,
    /// End.
    Quit,
}

/// What a word that is being written belongs to.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// A value of a filter's field.
    Value(Pane, Field),
    /// An argument of this kind, for this record.
    Argument(ArgKind, Option<RecordId>),
    /// A text for this argument of a verb: what was said before.
    Said(&'static Verb, &'static str),
}

/// What a person keeps.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// The views that they see.
    pub views: Vec<View>,
    /// The columns that they chose.
    pub columns: BTreeMap<Kind, Vec<String>>,
}

/// One act on one record.
#[derive(Debug, Clone)]
pub struct Step {
    /// What to do.
    pub verb: &'static Verb,
    /// With which record.
    pub record: RecordId,
    /// That record's number.
    pub number: String,
    /// The version that the person saw.
    pub version: i64,
    /// What the verb is told.
    pub args: Args,
    /// The act that this one takes back.
    pub takes_back: Option<Box<Undoable>>,
}

/// An act that can be taken back.
#[derive(Debug, Clone)]
pub struct Undoable {
    /// What was done, such as `hold #1042`.
    pub did: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The act; none for what was only taken for a while.
    pub act: Option<Uuid>,
    /// Its record.
    pub record: RecordId,
    /// That record's number.
    pub number: String,
    /// The version that it left.
    pub version: i64,
    /// What takes it back.
    pub undo: Undo,
    /// The verb and what was written for it, where that does not reach anybody once it is taken
    /// back.
    pub wrote: Option<(String, Args)>,
}

/// A draft as the database holds it, by its digest; none where it holds none. It tells whether the
/// database still holds what a text is based on, and no clock has to.
pub type Seen = Option<String>;

/// What somebody wrote, or took away, and the database has not been heard to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsaved {
    /// The record that the act is for.
    pub record: RecordId,
    /// That record's number, to be read.
    pub number: String,
    /// The verb's name.
    pub verb: String,
    /// What has been written of its arguments; none where the draft was sent or thrown away.
    pub args: Option<Args>,
    /// When it was last written at, by this machine's clock.
    pub at: DateTime<Utc>,
    /// What the database may have held then: only that may be written over.
    pub seen: Vec<Seen>,
    /// The acts that it was sent with and whose answer may not have come.
    pub acts: Vec<Uuid>,
}

/// What became of a text that an earlier run had set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The record that the act is for.
    pub record: RecordId,
    /// That record's number.
    pub number: String,
    /// The verb's name.
    pub verb: String,
    /// What.
    pub became: Became,
}

/// What a text that an earlier run had set aside is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// The draft; it was last written at then.
    Draft(DateTime<Utc>),
    /// It had been sent.
    Sent,
    /// The database holds something else by now; this is in that file.
    Copy(PathBuf),
    /// It could not be put anywhere, and stays where it was.
    Left {
        /// In that file.
        file: PathBuf,
        /// Why.
        why: String,
    },
}
