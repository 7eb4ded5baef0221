//! A pane's list: a window of rows that follows the selection and keeps itself current.

mod marks;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::msg::{Reach, Request, Window};
use crate::domain::filter::Filter;
use crate::domain::list::{ListQuery, ListRow, Sort, SortColumn, SortKey};
use crate::domain::record::{Pane, Record, RecordId};
use crate::store::lists::Refreshed;

/// Rows that are kept at most.
pub(super) const WINDOW: usize = 600;
/// Rows that are asked for at once.
pub const PAGE: i64 = 200;
/// So near to an end of the window, more is asked for.
const NEAR: usize = 80;
/// More changes than this, and the list is read anew.
const MANY: usize = 200;
/// For so long a changed row is marked.
pub(super) const CHANGED_FOR: TimeDelta = TimeDelta::seconds(4);

/// A row and what the console knows of it beyond the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The record.
    pub record: Record,
    /// Its place.
    pub key: SortKey,
    /// It has left the list, or the database, and stays only while it is selected.
    pub left: bool,
    /// When it last changed under one's eyes, and what it was before; nothing if it came new.
    pub changed: Option<(DateTime<Utc>, Option<Record>)>,
}

impl Row {
    fn new(row: ListRow) -> Self {
        Self {
            record: row.record,
            key: row.key,
            left: false,
            changed: None,
        }
    }
}

/// What the list wants read next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// A part of it.
    Window(Reach),
    /// These rows.
    Rows(Vec<RecordId>),
}

/// Why a list is read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reload {
    /// Rows may have changed unseen: the selection stays, come what may.
    Resync,
    /// The person asked for other rows or another order: the selection stays if it is among them.
    Asked,
    /// The person went to the first row.
    Top,
    /// The person went to the last row.
    Bottom,
}

/// A pane's list.
#[derive(Debug, Clone)]
pub struct List {
    /// The filter as it was typed.
    pub filter_text: String,
    /// The saved view that was opened, by name.
    pub view: Option<String>,
    /// The chosen columns, left to right; none for those that the pane shows by itself.
    pub columns: Option<Vec<String>>,
    /// What is asked for.
    pub query: ListQuery,
    /// The window, in the list's order.
    pub rows: Vec<Row>,
    /// The window begins with the list's first row.
    pub starts: bool,
    /// The window ends with the list's last row.
    pub ends: bool,
    /// Index of the first row on the screen.
    pub top: usize,
    /// The rows marked, wherever they are.
    pub marks: BTreeMap<RecordId, Record>,
    /// Where a range of marks begins.
    pub range: Option<RecordId>,
    /// It has been read at least once.
    pub loaded: bool,
    /// Why it could not be read.
    pub error: Option<String>,
    selected: usize,
    reload: Option<Reload>,
    changes: BTreeSet<RecordId>,
    under_way: Option<(Request, Fetch, Option<Reload>)>,
}

impl List {
    /// A pane's list before it is read.
    pub fn new(pane: Pane) -> Self {
        Self {
            filter_text: String::new(),
            view: None,
            columns: None,
            query: ListQuery {
                pane,
                filter: Filter::default(),
                sort: Sort::default_of(pane),
            },
            rows: Vec::new(),
            starts: true,
            ends: true,
            top: 0,
            marks: BTreeMap::new(),
            range: None,
            loaded: false,
            error: None,
            selected: 0,
            reload: Some(Reload::Resync),
            changes: BTreeSet::new(),
            under_way: None,
        }
    }

    /// Which list it is.
    pub const fn pane(&self) -> Pane {
        self.query.pane
    }

    /// Index of the selected row.
    pub const fn selected_index(&self) -> usize {
        self.selected
    }

    /// The selected row.
    pub fn selected(&self) -> Option<&Row> {
        self.rows.get(self.selected)
    }

    /// The row of a record, if the window holds it.
    pub fn row(&self, id: RecordId) -> Option<&Row> {
        self.rows.iter().find(|row| row.key.id == id)
    }

    /// Whether it is being read anew, so that what is shown may be something else soon.
    pub fn is_reloading(&self) -> bool {
        self.reload.is_some() || matches!(self.under_way, Some((_, _, Some(_))))
    }

    /// Whether the rows that the person asked for last are still to come: those that are shown, if
    /// any, are others.
    pub fn is_awaited(&self) -> bool {
        let under_way = self.under_way.as_ref().and_then(|(_, _, reload)| *reload);
        let mut reloads = self.reload.iter().chain(&under_way);
        self.error.is_none() && (!self.loaded || reloads.any(|reload| *reload != Reload::Resync))
    }

    /// Whether it shows this record as it was before this version, and will not for long.
    pub fn is_behind(&self, id: RecordId, version: i64) -> bool {
        let is_read = self.reload.is_some() || self.under_way.is_some();
        let mut rows = self.rows.iter().filter(|row| row.key.id == id);
        self.error.is_none()
            && (is_read || self.changes.contains(&id))
            && rows.any(|row| row.record.version() < version)
    }

    // What the person does.

    /// Filters; the text and what it means.
    pub fn set_filter(&mut self, text: String, filter: Filter) {
        self.filter_text = text;
        if self.query.filter != filter {
            self.query.filter = filter;
            self.error = None;
            self.reload = Some(Reload::Asked);
        }
    }

    /// Sorts by the next column.
    pub fn sort_next(&mut self) {
        let columns = SortColumn::of(self.pane());
        let at = columns
            .iter()
            .position(|column| *column == self.query.sort.column);
        self.set_sort(Sort {
            column: columns[at.map_or(0, |at| (at + 1) % columns.len())],
            descending: false,
        });
    }

    /// Sorts by a column.
    pub fn sort_by(&mut self, column: SortColumn, descending: bool) {
        self.set_sort(Sort { column, descending });
    }

    /// Sorts the other way round.
    pub fn sort_reverse(&mut self) {
        self.set_sort(Sort {
            descending: !self.query.sort.descending,
            ..self.query.sort
        });
    }

    fn set_sort(&mut self, sort: Sort) {
        self.query.sort = sort;
        self.error = None;
        self.reload = Some(Reload::Asked);
    }

    /// Moves the selection by so many rows.
    pub fn step(&mut self, rows: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.select(self.selected.saturating_add_signed(rows).min(last));
    }

    /// To the first row of the list.
    pub fn to_top(&mut self) {
        self.select(0);
        if !self.starts {
            self.reload = Some(Reload::Top);
        }
    }

    /// To the last row of the list.
    pub fn to_bottom(&mut self) {
        self.select(self.rows.len().saturating_sub(1));
        if !self.ends {
            self.reload = Some(Reload::Bottom);
        }
    }

    fn select(&mut self, index: usize) {
        let before = self.selected;
        self.selected = index;
        if before != index && self.rows.get(before).is_some_and(|row| row.left) {
            self.rows.remove(before);
            if before < index {
                self.selected -= 1;
            }
        }
    }

    // What the database says.

    /// A record has changed.
    pub fn changed(&mut self, id: RecordId) {
        if self.reload != Some(Reload::Resync) {
            self.changes.insert(id);
            if self.changes.len() > MANY {
                self.resync();
            }
        }
    }

    /// Anything may have changed.
    pub fn resync(&mut self) {
        self.changes.clear();
        self.reload.get_or_insert(Reload::Resync);
    }

    /// What to read now, if anything; `request` is its number then.
    pub fn fetch(&mut self, request: Request) -> Option<Fetch> {
        if self.error.is_some() {
            return None;
        }
        if let Some(mut reload) = self.reload.take() {
            // What the person wants is still to come.
            if let (Reload::Resync, Some((_, _, Some(wanted)))) = (reload, &self.under_way) {
                reload = *wanted;
            }
            let reach = match (reload, self.selected()) {
                (Reload::Top, _) | (_, None) => Reach::Start,
                (Reload::Bottom, _) => Reach::End,
                (Reload::Resync, Some(row)) => Reach::Keep(row.key.clone()),
                // Its place is that of another order.
                (Reload::Asked, Some(row)) => Reach::Around(row.key.id),
            };
            // What changes from now on may be missing in the reply and is asked for after it.
            self.changes.clear();
            let fetch = Fetch::Window(reach);
            self.under_way = Some((request, fetch.clone(), Some(reload)));
            return Some(fetch);
        }
        if self.under_way.is_some() || !self.loaded {
            return None;
        }
        let fetch = if !self.changes.is_empty() {
            Fetch::Rows(std::mem::take(&mut self.changes).into_iter().collect())
        } else if !self.ends && self.selected + NEAR >= self.rows.len() {
            Fetch::Window(Reach::After(self.rows.last()?.key.clone()))
        } else if !self.starts && self.selected < NEAR {
            Fetch::Window(Reach::Before(self.rows.first()?.key.clone()))
        } else {
            return None;
        };
        self.under_way = Some((request, fetch.clone(), None));
        Some(fetch)
    }

    /// A request has no answer. Nothing more is asked until [`List::retry`]. Says whether anybody
    /// still waited for it.
    pub fn failed(&mut self, request: Request, why: &str) -> bool {
        let Some((_, fetch, reload)) = self.under_way.take_if(|wanted| wanted.0 == request) else {
            return false;
        };
        self.error = Some(why.to_owned());
        self.reload = self.reload.or(reload);
        if let Fetch::Rows(ids) = fetch {
            self.changes.extend(ids);
        }
        true
    }

    /// Asks again after a failure.
    pub fn retry(&mut self) {
        self.error = None;
    }

    /// Takes a part of the list; says whether it was still wanted.
    pub fn window(&mut self, request: Request, window: Window, height: usize) -> bool {
        let wanted = self.under_way.take_if(|wanted| wanted.0 == request);
        let Some((_, Fetch::Window(reach), reload)) = wanted else {
            return false;
        };
        self.error = None;
        let line = self.selected.saturating_sub(self.top);
        match reach {
            Reach::After(_) => {
                self.rows.extend(window.rows.into_iter().map(Row::new));
                self.ends = window.ends;
                let excess = self.rows.len().saturating_sub(WINDOW);
                let cut = excess.min(self.selected.saturating_sub(NEAR * 2));
                if cut > 0 {
                    self.rows.drain(..cut);
                    self.selected -= cut;
                    self.top = self.top.saturating_sub(cut);
                    self.starts = false;
                }
            }
            Reach::Before(_) => {
                let added = window.rows.len();
                self.rows.splice(..0, window.rows.into_iter().map(Row::new));
                self.starts = window.starts;
                self.selected += added;
                self.top += added;
                let keep = WINDOW.max(self.selected + NEAR * 2);
                if self.rows.len() > keep {
                    self.rows.truncate(keep);
                    self.ends = false;
                }
            }
            Reach::Start | Reach::End | Reach::Around(_) | Reach::Keep(_) => {
                let before = self.rows.get(self.selected).cloned();
                self.rows = window.rows.into_iter().map(Row::new).collect();
                self.starts = window.starts;
                self.ends = window.ends;
                self.loaded = true;
                self.reselect(before, reload, line);
            }
        }
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.selected.min(last);
        self.keep_visible(height);
        true
    }

    fn reselect(&mut self, before: Option<Row>, reload: Option<Reload>, line: usize) {
        let last = self.rows.len().saturating_sub(1);
        let found = before
            .as_ref()
            .and_then(|old| self.rows.iter().position(|row| row.key.id == old.key.id));
        self.selected = match (reload, found, before) {
            (Some(Reload::Top), ..) => 0,
            (Some(Reload::Bottom), ..) => last,
            (_, Some(index), _) => index,
            (Some(Reload::Resync), None, Some(mut old)) => {
                old.left = true;
                let at = self.place_of(&old.key);
                self.rows.insert(at, old);
                at
            }
            _ => 0,
        };
        self.top = self.selected.saturating_sub(line);
    }

    /// Takes rows that were asked for by their keys; says whether they were still wanted.
    pub fn refresh(
        &mut self,
        request: Request,
        rows: Vec<Refreshed>,
        now: DateTime<Utc>,
        height: usize,
    ) -> bool {
        if self
            .under_way
            .take_if(|wanted| wanted.0 == request)
            .is_none()
        {
            return false;
        }
        self.error = None;
        let line = self.selected.saturating_sub(self.top);
        let selected = self.selected().map(|row| row.key.id);
        for fresh in rows {
            self.put(fresh, selected, now);
        }
        if let Some(id) = selected {
            match self.rows.iter().position(|row| row.key.id == id) {
                Some(index) => self.selected = index,
                None => self.reload = Some(Reload::Resync),
            }
        }
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
        self.top = self.selected.saturating_sub(line);
        self.keep_visible(height);
        true
    }

    fn put(&mut self, fresh: Refreshed, selected: Option<RecordId>, now: DateTime<Utc>) {
        let at = self.rows.iter().position(|row| row.key.id == fresh.id);
        let is_selected = selected == Some(fresh.id);
        let Some(row) = fresh.row else {
            self.marks.remove(&fresh.id);
            if let Some(at) = at {
                if is_selected {
                    self.rows[at].left = true;
                } else {
                    self.rows.remove(at);
                }
            }
            return;
        };
        if let Some(mark) = self.marks.get_mut(&fresh.id) {
            *mark = row.record.clone();
        }
        let before = at.map(|at| self.rows.remove(at));
        let changed = match &before {
            Some(old) if old.record == row.record => old.changed.clone(),
            Some(old) => Some((now, Some(old.record.clone()))),
            None => Some((now, None)),
        };
        let mut new = Row {
            changed,
            ..Row::new(row)
        };
        if fresh.matches {
            let place = self.place_of(&new.key);
            let inside = (place > 0 || self.starts) && (place < self.rows.len() || self.ends);
            if inside || (self.rows.is_empty() && self.starts) {
                self.rows.insert(place, new);
            } else if is_selected {
                // It has moved out of the window: the window follows it.
                new.left = false;
                self.rows.insert(place, new);
                self.reload = Some(Reload::Resync);
            }
        } else if let (true, Some(at), Some(old)) = (is_selected, at, before) {
            // It stays where it was until one moves on, with what it has become.
            new.left = true;
            new.key = old.key;
            self.rows.insert(at, new);
        }
    }

    fn place_of(&self, key: &SortKey) -> usize {
        self.rows
            .partition_point(|row| self.order(&row.key, key) == Ordering::Less)
    }

    fn order(&self, a: &SortKey, b: &SortKey) -> Ordering {
        if self.query.sort.descending {
            b.cmp(a)
        } else {
            a.cmp(b)
        }
    }

    /// Scrolls as little as needed to show the selection in a pane of so many rows.
    pub fn keep_visible(&mut self, height: usize) {
        let height = height.max(1);
        let lowest = (self.selected + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.selected);
        // No empty lines below the last row while rows above could fill them.
        self.top = self.top.min(self.rows.len().saturating_sub(height));
    }

    /// Whether a row still shows that it changed.
    pub fn is_fading(&self) -> bool {
        self.rows.iter().any(|row| row.changed.is_some())
    }

    /// Forgets marks of change that are old.
    pub fn age(&mut self, now: DateTime<Utc>) {
        for row in &mut self.rows {
            row.changed.take_if(|(at, _)| now - *at > CHANGED_FOR);
        }
    }
}

#[cfg(test)]
mod tests;
