//! What may be out of date is asked for again: lists, pages and counts that a change or time alone
//! has passed by.

use chrono::TimeDelta;

use super::connection::Connection;
use super::dialog::Dialog;
use super::list::{Fetch, List};
use super::messages::SAID_FOR;
use super::msg::Effect;
use super::place::Page;
use super::{App, Knowledge};
use crate::domain::list::Counts;
use crate::domain::record::{Pane, RecordId};
use crate::domain::when;

/// Counts are asked for again no sooner than after this.
const COUNT_PAUSE: TimeDelta = TimeDelta::milliseconds(250);
/// Some of what they tell of is no record, and no change tells of it: a job that fails.
const COUNT_AGE: TimeDelta = TimeDelta::seconds(20);

impl App {
    /// A record may have changed.
    pub(super) fn touch(&mut self, id: RecordId) {
        self.list_mut(id.kind).changed(id);
        self.list_mut(Pane::Next).changed(id);
        for page in self.journey.pages_mut().chain(self.detail.as_mut()) {
            if page.id == id {
                page.touch();
            }
        }
        if let Some(Dialog::Form(form)) = &mut self.dialog {
            form.news_wanted |= form.is_for(id);
        }
        self.count_again = true;
    }

    /// Everything may have changed.
    pub(super) fn resync(&mut self) {
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
        self.roles = Knowledge::Stale;
        self.count_again = true;
        self.kept = Knowledge::Stale;
    }

    /// Asks again what had no answer.
    pub(super) fn retry(&mut self) {
        for list in &mut self.lists {
            list.retry();
        }
        for page in self.journey.pages_mut().chain(self.detail.as_mut()) {
            page.retry();
        }
    }

    /// Time passed.
    pub(super) fn tick(&mut self) {
        self.present.age(self.now);
        for list in &mut self.lists {
            list.age(self.now);
        }
        if self.connection == Connection::Live {
            self.retry();
            // With each minute that the clock shows: a promise passes, a snooze or a mute ends, and
            // no change tells of it.
            if when::minute(self.now) != when::minute(self.resynced_at) {
                self.resync();
            }
        }
        if self.counted_at.is_none_or(|at| self.now - at > COUNT_AGE) {
            self.count_again = true;
        }
        let now = self.now;
        self.said.take_if(|said| now - said.at > SAID_FOR);
        self.tell_early();
    }

    /// Asks for whatever is needed to show the truth, now that a message has been taken.
    pub(super) fn settle(&mut self, effects: &mut Vec<Effect>) {
        self.fill_in_what_stands();
        self.note_writing();
        self.settle_aside(effects);
        self.follow_closed();
        if !self.is_heard() {
            return;
        }
        self.settle_drafts(effects);
        let attends = self.attends();
        self.present.settle(attends, self.now, effects);
        if !std::mem::replace(&mut self.macros_asked, true) {
            effects.push(Effect::Macros);
        }
        if self.roles == Knowledge::Stale {
            self.roles = Knowledge::Asked;
            effects.push(Effect::Roles);
        }
        self.ask_news(effects);
        self.ask_what_stands(effects);
        self.ask_list(effects);
        self.ask_page(effects);
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

    /// What others did to the record that the form is for.
    fn ask_news(&mut self, effects: &mut Vec<Effect>) {
        if let Some(Dialog::Form(form)) = &mut self.dialog
            && form.sending.is_none()
            && let Some(target) = form.targets.first()
            && std::mem::take(&mut form.news_wanted)
        {
            let (record, version) = (target.record, target.version);
            effects.push(Effect::News { record, version });
        }
    }

    /// The rows of the list where one is.
    fn ask_list(&mut self, effects: &mut Vec<Effect>) {
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
    }

    /// The record where one is, or the one beside the list.
    fn ask_page(&mut self, effects: &mut Vec<Effect>) {
        let in_pane = self.journey.page().is_none();
        let selected = self.list_here().selected().map(|row| row.record.id());
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
    }

    /// Takes the tabs' counts; where more is urgent than before, whoever asked for it is told.
    pub(super) fn counted(&mut self, counts: Counts, effects: &mut Vec<Effect>) {
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
        self.said.is_some() || !self.is_heard() || self.lists.iter().any(List::is_fading)
    }

    /// When the state wants to be told the time, if sooner than in a second.
    pub fn wants_tick(&self) -> bool {
        let asks = (self.count_again && !self.counting)
            || self.present.wants_tick()
            || self.drafts.wants_tick()
            || self.early.wants_tick();
        // While the database is not heard nothing is asked of it, however long that takes.
        let asks = if self.is_heard() {
            asks
        } else {
            self.aside.wants_tick(&self.drafts)
        };
        asks || !self.listens()
    }
}
