//! The console's state and how it changes: `update(&mut App, Msg, now) -> Vec<Effect>`. No IO, no
//! clock, no SQL: what is wanted from outside is asked for by an [`Effect`] and comes back as a
//! [`Msg`].

mod acting;
mod aside;
mod command_line;
mod completion;
mod connection;
mod copy;
mod dialog;
mod document;
mod drafts;
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
mod mouse;
mod msg;
mod next;
mod orders;
mod pages;
mod place;
mod presence;
mod shipments;
mod stock;
mod tabs;
mod tickets;
mod undo;
mod views;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

pub use aside::{Became, Recovered, Unsaved};
pub use command_line::{Candidate, REMEMBERED};
pub use completion::Offered;
pub use connection::Connection;
pub use dialog::{
    Arranging, Bulk, Choosing, CommandLine, Confirm, Conflict, Copyable, Dialog, FilterLine,
    Naming, Origin, Reading, Shelf,
};
pub use document::{Document, Line, Span, Tone, bad, cut, muted, plain, strong};
pub use drafts::{Drafts, Seen, digest};
pub use edit::Edit;
pub use facts::Context;
pub use form::{Field, Form, Value};
pub use geometry::Geometry;
pub use list::{List, PAGE, Row};
pub use msg::{
    Ask, Effect, Entry, Failure, Feed, InDatabase, Kept, Level, Msg, Reach, RecordPage, Request,
    Step, Window,
};
pub use place::{Journey, Page, Place};
pub use presence::Present;

use crate::console::input::Keymap;
use crate::domain::list::Counts;
use crate::domain::macros::Macro;
use crate::domain::people::Person;
use crate::domain::record::{Kind, Pane, Record, RecordId};
use crate::domain::views::View;
use aside::Aside;
use list::Fetch;
use next::Taking;
use undo::Past;

/// Counts are asked for again no sooner than after this.
const COUNT_PAUSE: TimeDelta = TimeDelta::milliseconds(250);
/// Counts change with time alone: what was on time is late.
const COUNT_AGE: TimeDelta = TimeDelta::seconds(30);
/// Lists are read again after so long: a promise passes, a snooze or a mute ends, and no change
/// tells of it.
const READ_AGE: TimeDelta = TimeDelta::minutes(1);
/// For so long a message stands over the footer.
const SAID_FOR: TimeDelta = TimeDelta::seconds(10);
/// Messages kept.
const MESSAGES: usize = 1000;

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
    aside: Aside,
    macros: Vec<Macro>,
    macros_asked: bool,
    /// The next record, while it is being taken.
    taking: Option<Taking>,
    /// When an answer came that opened something by itself, or the last key that it did not take.
    arrived: Option<DateTime<Utc>>,
    /// The views that the person sees.
    pub views: Vec<View>,
    /// The columns that the person chose.
    pub columns: BTreeMap<Kind, Vec<String>>,
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
            aside: Aside::default(),
            macros: Vec::new(),
            macros_asked: false,
            taking: None,
            arrived: None,
            views: Vec::new(),
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

    pub(crate) fn list_mut(&mut self, pane: impl Into<Pane>) -> &mut List {
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

    /// When and where pages are read.
    pub const fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            zone: self.settings.zone,
            present: &self.present,
        }
    }

    /// The record where one is, as a page.
    pub fn page_document(&self) -> Document {
        match self.journey.page() {
            Some(page) => {
                let (shown, error) = (page.shown.as_ref(), page.error.as_deref());
                pages::page(page.record().as_ref(), shown, error, self.context())
            }
            None => Document::default(),
        }
    }

    /// The same, laid out.
    pub fn page_lines(&self, columns: usize) -> Vec<Line> {
        self.page_document().lines(columns)
    }

    /// The selected row's record as a page: at once from the row, the rest when it is read.
    pub fn detail_document(&self) -> Document {
        let Some(row) = self.list_here().selected() else {
            return Document::default();
        };
        let page = self
            .detail
            .as_ref()
            .filter(|page| page.id == row.record.id());
        let shown = page.and_then(|page| page.shown.as_ref());
        let error = page.and_then(|page| page.error.as_deref());
        pages::page(Some(&row.record), shown, error, self.context())
    }

    /// What a record's page says first, as it is now.
    pub fn head_of(&self, record: &Record) -> Document {
        pages::page(Some(record), None, None, self.context())
    }

    /// Whether `u` has something to take back.
    pub const fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    const fn request(&mut self) -> Request {
        self.requests += 1;
        self.requests
    }

    /// Tells the person something, and keeps it among the messages.
    fn say(&mut self, level: Level, text: String) {
        self.log(level, text.clone());
        self.say_only(level, text);
    }

    fn say_only(&mut self, level: Level, text: String) {
        self.said = Some(Entry {
            at: self.now,
            level,
            text,
        });
    }

    fn log(&mut self, level: Level, text: String) {
        self.messages.push(Entry {
            at: self.now,
            level,
            text,
        });
        let excess = self.messages.len().saturating_sub(MESSAGES);
        self.messages.drain(..excess);
    }

    /// A record may have changed.
    fn touch(&mut self, id: RecordId) {
        self.list_mut(id.kind).changed(id);
        self.list_mut(Pane::Next).changed(id);
        for page in self.journey.pages_mut().chain(self.detail.as_mut()) {
            if page.id == id {
                page.touch();
            }
        }
        if let Some(Dialog::Form(form)) = &mut self.dialog {
            form.news_wanted |= form
                .targets
                .first()
                .is_some_and(|target| target.record == id);
        }
        self.count_again = true;
    }

    fn resync(&mut self) {
        self.resynced_at = self.now;
        self.retry();
        for list in &mut self.lists {
            list.resync();
        }
        for page in self.journey.pages_mut().chain(self.detail.as_mut()) {
            page.touch();
        }
        self.present.touch();
        self.drafts.ask();
        self.aside.search_again();
        self.macros_asked = false;
        self.count_again = true;
        self.kept = Knowledge::Stale;
    }

    fn fed(&mut self, feed: Feed) {
        match feed {
            Feed::Live => {
                if matches!(self.connection, Connection::Lost { .. }) {
                    self.say(Level::Info, "the database is back".to_owned());
                }
                self.connection = Connection::Live;
                self.retry();
                self.drafts.retry();
                if let Some(Dialog::Form(form)) = &mut self.dialog {
                    form.back();
                }
            }
            Feed::Changed(records) => {
                for id in records {
                    self.touch(id);
                }
            }
            Feed::Resync => self.resync(),
            Feed::Presence => self.present.touch(),
            Feed::Lost { heard, why } => {
                let heard = match &self.connection {
                    Connection::Live => Some(heard),
                    Connection::Starting => None,
                    // A failed try to reconnect is no news.
                    Connection::Lost { heard, .. } => *heard,
                };
                if self.connection == Connection::Live {
                    self.log(Level::Error, format!("the database is not heard: {why}"));
                }
                let since = match self.connection {
                    Connection::Lost { since, .. } => since,
                    Connection::Live | Connection::Starting => heard.unwrap_or(self.now),
                };
                self.connection = Connection::Lost { since, heard, why };
            }
        }
    }

    /// Asks again what had no answer.
    fn retry(&mut self) {
        for list in &mut self.lists {
            list.retry();
        }
        for page in self.journey.pages_mut().chain(self.detail.as_mut()) {
            page.retry();
        }
    }

    fn tick(&mut self) {
        self.present.age(self.now);
        for list in &mut self.lists {
            list.age(self.now);
        }
        if self.connection == Connection::Live {
            self.retry();
            if self.now - self.resynced_at >= READ_AGE {
                self.resync();
            }
        }
        if self.counted_at.is_none_or(|at| self.now - at > COUNT_AGE) {
            self.count_again = true;
        }
        let now = self.now;
        self.said.take_if(|said| now - said.at > SAID_FOR);
    }

    /// Asks for whatever is needed to show the truth, now that a message has been taken.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        self.note_writing();
        self.settle_aside(effects);
        if !self.is_heard() {
            return;
        }
        self.settle_drafts(effects);
        let attends = self.attends();
        self.present.settle(attends, self.now, effects);
        if !std::mem::replace(&mut self.macros_asked, true) {
            effects.push(Effect::Macros);
        }
        if let Some(Dialog::Form(form)) = &mut self.dialog
            && form.sending.is_none()
            && let Some(target) = form.targets.first()
            && std::mem::take(&mut form.news_wanted)
        {
            let (record, version) = (target.record, target.version);
            effects.push(Effect::News { record, version });
        }
        let pane = self.journey.pane();
        let request = self.requests + 1;
        let list = self.list_mut(pane);
        if let Some(fetch) = list.fetch(request) {
            let query = list.query.clone();
            self.requests = request;
            effects.push(match fetch {
                Fetch::Window(reach) => Effect::Window {
                    request,
                    query,
                    reach,
                },
                Fetch::Rows(ids) => Effect::Rows {
                    request,
                    query,
                    ids,
                },
            });
        }
        let in_pane = self.journey.page().is_none();
        let selected = self.list(pane).selected().map(|row| row.record.id());
        if in_pane && self.detail.as_ref().map(|page| page.id) != selected {
            self.detail = selected.map(Page::new);
        }
        let request = self.requests + 1;
        let page = if in_pane {
            self.detail.as_mut()
        } else {
            self.journey.page_mut()
        };
        if let Some(page) = page
            && page.fetch(request)
        {
            let id = page.id;
            self.requests = request;
            effects.push(Effect::Record { request, id });
        }
        if self.kept == Knowledge::Stale {
            self.kept = Knowledge::Asked;
            effects.push(Effect::Views);
        }
        let rested = self.counted_at.is_none_or(|at| self.now - at > COUNT_PAUSE);
        if self.count_again && !self.counting && rested {
            self.count_again = false;
            self.counting = true;
            effects.push(Effect::Counts);
        }
    }

    /// Takes the tabs' counts; where more is urgent than before, whoever asked for it is told.
    fn counted(&mut self, counts: Counts, effects: &mut Vec<Effect>) {
        if let Some(before) = &self.counts {
            let more: Vec<String> = self
                .settings
                .alarm_about
                .iter()
                .filter(|kind| {
                    let urgent = |counts: &Counts| counts.of(Pane::Of(**kind)).urgent.0;
                    urgent(&counts) > urgent(before)
                })
                .map(|kind| {
                    let urgent = counts.of(Pane::Of(*kind)).urgent;
                    format!("{urgent} {}", kind.plural())
                })
                .collect();
            if !more.is_empty() {
                effects.push(Effect::Alarm(format!("urgent: {}", more.join(", "))));
            }
        }
        self.counts = Some(counts);
    }

    /// Whether something on the screen goes with time: a message, the mark of a change, how long
    /// the database has not been heard.
    pub fn is_fading(&self) -> bool {
        self.said.is_some()
            || matches!(self.connection, Connection::Lost { .. })
            || self.lists.iter().any(List::is_fading)
    }

    /// Whether the database is heard, as far as is known.
    const fn is_heard(&self) -> bool {
        !matches!(self.connection, Connection::Lost { .. })
    }

    /// When the state wants to be told the time, if sooner than in a second.
    pub fn wants_tick(&self) -> bool {
        let asks = (self.count_again && !self.counting)
            || self.present.wants_tick()
            || self.drafts.wants_tick();
        // While the database is not heard nothing is asked of it, however long that takes.
        let asks = if self.is_heard() {
            asks
        } else {
            self.aside.wants_tick(&self.drafts)
        };
        asks || !self.listens()
    }

    /// The database said what could be meant.
    fn offer(&mut self, request: Request, choices: Vec<String>) {
        match &mut self.dialog {
            Some(Dialog::Form(form)) => {
                let mut fields = form.fields.iter_mut();
                if let Some(field) = fields.find(|field| field.asked == Some(request)) {
                    field.offer(choices);
                }
            }
            Some(Dialog::Filter(line)) => {
                line.offered.take(request, choices);
            }
            Some(Dialog::Command(line)) => {
                line.offered.take(request, choices);
            }
            _ => {}
        }
    }

    fn clamp(&mut self) {
        let Some(g) = self.geometry() else { return };
        for list in &mut self.lists {
            list.keep_visible(g.list_rows());
        }
        let lines = self.page_lines(g.page_columns());
        if let Some(page) = self.journey.page_mut() {
            page.clamp(&lines, g.page_rows());
        }
    }
}

const fn index(pane: Pane) -> usize {
    match pane {
        Pane::Next => 0,
        Pane::Of(kind) => 1 + kind as usize,
    }
}

/// Takes a message: changes the state, answers with what is to be done outside.
pub fn update(app: &mut App, msg: Msg, now: DateTime<Utc>) -> Vec<Effect> {
    app.now = now;
    let mut effects = Vec::new();
    let rows = app.geometry().map_or(1, |g| g.list_rows());
    match msg {
        Msg::Key(chord) => {
            app.said = None;
            app.key(chord, &mut effects);
        }
        Msg::Paste(text) => app.paste(&text, &mut effects),
        Msg::Mouse(mouse) => app.mouse(mouse, &mut effects),
        Msg::Resize(columns, rows) => {
            app.size = (columns, rows);
            app.clamp();
        }
        Msg::Tick => app.tick(),
        Msg::Feed(feed) => app.fed(feed),
        Msg::Window(pane, request, result) => {
            let list = app.list_mut(pane);
            match result {
                Ok(window) => {
                    list.window(request, window, rows);
                }
                Err(failure) => {
                    if list.failed(request, &failure.text) {
                        app.log(Level::Error, format!("{}: {}", pane.name(), failure.text));
                    }
                }
            }
        }
        Msg::Rows(pane, request, result) => {
            let list = app.list_mut(pane);
            match result {
                Ok(refreshed) => {
                    list.refresh(request, refreshed, now, rows);
                }
                Err(failure) => {
                    if list.failed(request, &failure.text) {
                        app.log(Level::Error, format!("{}: {}", pane.name(), failure.text));
                    }
                }
            }
        }
        Msg::Counts(result) => {
            app.counting = false;
            app.counted_at = Some(now);
            match result {
                Ok(counts) => app.counted(counts, &mut effects),
                Err(failure) => app.log(Level::Error, format!("counts: {}", failure.text)),
            }
        }
        Msg::Record(id, request, result) => {
            let mut failed = result.as_ref().err().map(|failure| failure.text.clone());
            let mut result = Some(result.map_err(|failure| failure.text));
            for page in app.journey.pages_mut().chain(app.detail.as_mut()) {
                if page.id == id
                    && let Some(read) = result.take()
                {
                    let again = read.clone();
                    if !page.take(request, read) {
                        result = Some(again);
                    }
                }
            }
            if let Some(why) = failed.take_if(|_| result.is_none()) {
                let number = app
                    .record(id)
                    .map_or_else(|| id.kind.to_string(), Record::number);
                app.log(Level::Error, format!("{number}: {why}"));
            }
            app.clamp();
        }
        Msg::Choices(request, result) => {
            if let Ok(choices) = result {
                app.offer(request, choices);
            }
        }
        Msg::Presence(result) => {
            let me = app.person.login.clone();
            app.present.take(result.ok(), &me, now);
        }
        Msg::Attended(arrived) => app.present.told_others(arrived),
        Msg::Taken(request, result) => app.taken(request, result, &mut effects),
        Msg::Foretold(request, lines) => app.foretold(request, lines),
        Msg::News(record, result) => {
            if let (Some(Dialog::Form(form)), Ok(news)) = (&mut app.dialog, result)
                && form
                    .targets
                    .first()
                    .is_some_and(|target| target.record == record)
            {
                form.news = news;
            }
        }
        Msg::Drafts(Ok(read)) => app.drafts_read(read),
        Msg::Drafts(Err(failure)) => app.log(Level::Error, format!("drafts: {}", failure.text)),
        Msg::DraftKept(record, verb, what) => app.draft_kept(record, verb, what),
        Msg::SetAside(result) => app.was_set_aside(result),
        Msg::Recovered(result) => app.recovered(result),
        Msg::Macros(result) => {
            if let Ok(read) = result {
                app.macros = read;
            }
        }
        Msg::Kept(result) => app.take_kept(result),
        Msg::Keeping(request, result) => app.kept(request, result),
        Msg::Acted(request, result) => app.acted(request, result, &mut effects),
        Msg::Panicked(what) => app.say(Level::Error, format!("a mistake in the program: {what}")),
    }
    app.settle(&mut effects);
    effects
}
