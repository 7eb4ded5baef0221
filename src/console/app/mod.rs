//! The console's state and how it changes: `update(&mut App, Msg, now) -> Vec<Effect>`. No IO, no
//! clock, no SQL: what is wanted from outside is asked for by an [`Effect`] and comes back as a
//! [`Msg`].

mod acted;
mod acting;
mod aside;
mod behind;
mod choices;
mod closing;
mod command_line;
mod completion;
mod connection;
mod copy;
mod dialog;
mod document;
mod drafts;
mod early;
mod edit;
pub mod facts;
mod filtering;
mod form;
mod geometry;
mod help;
mod inspections;
mod keys;
mod list;
pub mod macros;
mod mails;
mod menu;
mod messages;
mod mouse;
mod msg;
mod next;
mod orders;
mod pages;
mod place;
mod presence;
mod refresh;
mod shipments;
mod standing;
mod stock;
mod tabs;
mod tickets;
mod undo;
mod update;
mod views;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

pub use closing::{DISCARD, Rest};
pub use command_line::{Candidate, REMEMBERED};
pub use completion::Offered;
pub use connection::Connection;
pub use dialog::{
    Arranging, Bulk, Choosing, CommandLine, Confirm, Conflict, Copyable, Dialog, FilterLine,
    Naming, Origin, Reading, Shelf, Waiting,
};
pub use document::{Document, Line, Span, Tone, bad, cut, muted, plain, strong};
pub use drafts::{Drafts, digest};
pub use edit::Edit;
pub use facts::Context;
pub use form::{Field, Form, TEXT_ROWS, Value};
pub use geometry::Geometry;
pub use list::{List, PAGE, Row};
pub use menu::menu_row;
pub use messages::{Entry, Level};
pub use msg::{
    Ask, Became, DeedNumber, Effect, Failure, Feed, InDatabase, Kept, Msg, Reach, RecordPage,
    Recovered, Request, Seen, Step, Unsaved, Window,
};
pub use place::{Journey, Page, Place};
pub use presence::Present;
pub use update::update;

use crate::console::input::Keymap;
use crate::domain::list::Counts;
use crate::domain::macros::Macro;
use crate::domain::people::Person;
use crate::domain::record::{Kind, Pane, Record, RecordId};
use crate::domain::views::View;
use aside::Aside;
use closing::{Closed, Lines};
use early::Early;
use next::Taking;
use undo::Past;

/// What does not change while the console runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The shop's name, for the header.
    pub shop: String,
    /// The zone that times are told in.
    pub zone: Tz,
    /// Whether nothing may be done, only looked at.
    pub read_only: bool,
    /// The file that the program logs to, if it does.
    pub log: Option<PathBuf>,
    /// Whether carriers' labels can be bought.
    pub carriers: bool,
    /// The kinds of records whose new urgent work is told by an alarm.
    pub alarm_about: Vec<Kind>,
}

/// How well something that is read once is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    /// It is to be read.
    Stale,
    /// It is being read.
    Asked,
    /// It was read, and nothing has changed it since.
    Known,
}

/// The console's state.
#[derive(Debug)]
pub struct App {
    /// What does not change.
    pub settings: Settings,
    /// Who is at the keyboard.
    pub person: Person,
    /// The keys.
    pub keymap: Keymap,
    /// When the last message came.
    pub now: DateTime<Utc>,
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// Whether the database is heard.
    pub connection: Connection,
    /// The tabs' counts, once known.
    pub counts: Option<Counts>,
    /// Where one is and has been.
    pub journey: Journey,
    /// The record beside or below the list.
    pub detail: Option<Page>,
    /// What stands over the page.
    pub dialog: Option<Dialog>,
    /// What happened in this run, oldest first.
    pub messages: Vec<Entry>,
    /// What stands over the footer.
    pub said: Option<Entry>,
    /// Who is at which record.
    pub present: Present,
    /// What was written and not sent.
    pub drafts: Drafts,
    closed: Option<Closed>,
    /// What was written in forms that no draft is kept of, and not sent: this run alone has it.
    lines: Lines,
    aside: Aside,
    macros: Vec<Macro>,
    macros_asked: bool,
    /// How well the person's roles are known.
    roles: Knowledge,
    /// The next record, while it is being taken.
    taking: Option<Taking>,
    /// Keys that came before there was anything for them.
    early: Early,
    /// When an answer came that opened something by itself, or the last key that it did not take.
    arrived: Option<DateTime<Utc>>,
    /// The views that the person sees.
    pub views: Vec<View>,
    /// Why these are not all, where they could not be read.
    pub views_unread: Option<String>,
    /// The columns that the person chose.
    pub columns: BTreeMap<Kind, Vec<String>>,
    /// How well those two are known.
    kept: Knowledge,
    /// Lines of the command line, the oldest first.
    said_before: Vec<String>,
    lists: Vec<List>,
    past: Past,
    /// Acts that have not been answered.
    sent: BTreeMap<Request, Step>,
    requests: Request,
    counting: bool,
    count_again: bool,
    counted_at: Option<DateTime<Utc>>,
    /// When everything was last taken for out of date.
    resynced_at: DateTime<Utc>,
}

impl App {
    /// The state at the beginning, in the pane of orders.
    pub fn new(
        settings: Settings,
        person: Person,
        keymap: Keymap,
        size: (u16, u16),
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            settings,
            person,
            keymap,
            now,
            size,
            connection: Connection::Starting,
            counts: None,
            journey: Journey::new(Pane::Of(Kind::Order)),
            detail: None,
            dialog: None,
            messages: Vec::new(),
            said: None,
            present: Present::default(),
            drafts: Drafts::default(),
            closed: None,
            lines: Lines::new(),
            aside: Aside::default(),
            macros: Vec::new(),
            macros_asked: false,
            roles: Knowledge::Stale,
            taking: None,
            early: Early::default(),
            arrived: None,
            views: Vec::new(),
            views_unread: None,
            columns: BTreeMap::new(),
            kept: Knowledge::Stale,
            said_before: Vec::new(),
            lists: Pane::ALL.iter().map(|pane| List::new(*pane)).collect(),
            past: Past::default(),
            sent: BTreeMap::new(),
            requests: 0,
            counting: false,
            count_again: true,
            counted_at: None,
            resynced_at: now,
        }
    }

    /// A pane's list.
    pub fn list(&self, pane: impl Into<Pane>) -> &List {
        &self.lists[index(pane.into())]
    }

    fn list_mut(&mut self, pane: impl Into<Pane>) -> &mut List {
        &mut self.lists[index(pane.into())]
    }

    /// The list of the pane where one is, or from where one came.
    pub fn list_here(&self) -> &List {
        self.list(self.journey.pane())
    }

    fn list_here_mut(&mut self) -> &mut List {
        self.list_mut(self.journey.pane())
    }

    /// The kind of record that the keys act on.
    pub fn kind_here(&self) -> Kind {
        let selected = || self.list_here().selected().map(|row| row.record.id().kind);
        match (self.journey.page(), self.journey.pane()) {
            (Some(page), _) => page.id.kind,
            (None, Pane::Of(kind)) => kind,
            (None, Pane::Next) => selected().unwrap_or(Kind::Order),
        }
    }

    /// The record that the keys act on, marks aside.
    pub fn selected_record(&self) -> Option<Record> {
        match self.journey.page() {
            Some(page) => page.record(),
            None => self.list_here().selected().map(|row| row.record.clone()),
        }
    }

    /// The records that the keys act on.
    pub fn targets(&self) -> Vec<Record> {
        match self.journey.page() {
            Some(page) => page.record().into_iter().collect(),
            None => self.list_here().targets().into_iter().cloned().collect(),
        }
    }

    /// The newest that is known of a record.
    pub fn record(&self, id: RecordId) -> Option<&Record> {
        let lists = [self.list(id.kind), self.list(Pane::Next)];
        let rows = lists.into_iter().filter_map(|list| list.row(id));
        rows.map(|row| &row.record)
            .max_by_key(|record| record.version())
    }

    /// Whether `u` has something to take back.
    pub const fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    const fn request(&mut self) -> Request {
        self.requests += 1;
        self.requests
    }
}

const fn index(pane: Pane) -> usize {
    match pane {
        Pane::Next => 0,
        Pane::Of(kind) => 1 + kind as usize,
    }
}
