//! Saved views and chosen columns: what the pane shows, under a name or as one likes it.

use super::dialog::{Arranging, Dialog, Naming, Shelf};
use super::edit::Edit;
use super::messages::{Level, ONLY_READS};
use super::msg::{Effect, Failure, Kept, Request};
use super::{App, Knowledge};
use crate::console::input::{Chord, Command, Key};
use crate::domain::filter::Filter;
use crate::domain::people::Role;
use crate::domain::record::{Kind, Pane};
use crate::domain::views::{self, Look, View, titles};

impl App {
    /// The views of the pane where one is.
    pub fn views_here(&self) -> Vec<&View> {
        let pane = self.journey.pane();
        let here = |view: &&View| Pane::Of(view.look.kind) == pane;
        self.views.iter().filter(here).collect()
    }

    fn supervises(&self) -> bool {
        self.person.holds_any(&[Role::Supervisor])
    }

    /// The shelf of views; `w` once more names what is shown now.
    pub(super) fn begin_views(&mut self) {
        if self.journey.pane() == Pane::Next {
            let why = "views are of one kind of record: go to its pane first";
            return self.say_only(Level::Refused, why.to_owned());
        }
        // A colleague may have shared one: no feed tells of views.
        self.kept = Knowledge::Stale;
        self.dialog = Some(Dialog::Views(Box::new(Shelf {
            picked: 0,
            naming: None,
            asks: None,
        })));
    }

    pub(super) fn views_key(
        &mut self,
        mut shelf: Box<Shelf>,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        if shelf.naming.is_some() {
            return self.naming_key(shelf, chord, effects);
        }
        let views: Vec<View> = self.views_here().into_iter().cloned().collect();
        let last = views.len().saturating_sub(1);
        let picked = views.get(shelf.picked.min(last));
        if let Some(id) = shelf.asks.take() {
            match (chord.typed(), chord.key) {
                (Some('y' | 'Y'), _) => {
                    let request = self.request();
                    effects.push(Effect::ThrowViewAway { request, id });
                }
                (Some('n' | 'N'), _) | (_, Key::Esc) => {}
                _ => shelf.asks = Some(id),
            }
            self.dialog = Some(Dialog::Views(shelf));
            return;
        }
        let command = self.keymap.command(chord);
        match (chord.typed(), command) {
            (_, Some(Command::Views)) | (Some('n'), _) if self.settings.read_only => {
                self.say_only(Level::Refused, ONLY_READS.to_owned());
            }
            (_, Some(Command::Views)) | (Some('n'), _) => {
                let name = self.list_here().view.clone().unwrap_or_default();
                let shared = views::find(&self.views, self.kind_here(), &name)
                    .is_some_and(|view| view.shared && self.may_change(view));
                shelf.naming = Some(Naming {
                    edit: Edit::new(name),
                    shared,
                    error: None,
                    sending: None,
                });
            }
            (Some('x'), _) => match picked {
                Some(_) if self.settings.read_only => {
                    self.say_only(Level::Refused, ONLY_READS.to_owned());
                }
                Some(view) if self.may_change(view) => shelf.asks = Some(view.id),
                Some(view) => {
                    let why = format!("it is {}'s: they or a supervisor throw it away", view.owner);
                    self.say_only(Level::Refused, why);
                }
                None => {}
            },
            (_, Some(Command::Open | Command::Full)) => {
                if let Some(view) = picked {
                    return self.open_view(&view.clone());
                }
            }
            (_, Some(Command::Down)) => shelf.picked = (shelf.picked + 1).min(last),
            (_, Some(Command::Up)) => shelf.picked = shelf.picked.saturating_sub(1),
            (_, Some(Command::Top)) => shelf.picked = 0,
            (_, Some(Command::Bottom)) => shelf.picked = last,
            (_, Some(Command::Clear | Command::Quit | Command::Back)) => return,
            _ => {}
        }
        self.dialog = Some(Dialog::Views(shelf));
    }

    /// Whether the person may change a view.
    pub fn may_change(&self, view: &View) -> bool {
        view.is_changed_by(&self.person.login, self.supervises())
    }

    fn naming_key(&mut self, mut shelf: Box<Shelf>, chord: Chord, effects: &mut Vec<Effect>) {
        let Some(naming) = &mut shelf.naming else {
            return;
        };
        match chord.key {
            Key::Esc => shelf.naming = None,
            Key::Tab | Key::BackTab if naming.sending.is_none() => {
                naming.shared = !naming.shared;
                naming.error = None;
            }
            Key::Enter if naming.sending.is_none() => {
                let (text, shared) = (naming.edit.text().to_owned(), naming.shared);
                match self.namable(&text, shared) {
                    Err(why) => naming.error = Some(why),
                    Ok((name, look)) => {
                        let request = self.request();
                        naming.sending = Some(request);
                        effects.push(Effect::KeepView {
                            request,
                            name,
                            shared,
                            look,
                        });
                    }
                }
            }
            _ => {
                if naming.sending.is_none() && naming.edit.key(chord) {
                    naming.error = None;
                }
            }
        }
        self.dialog = Some(Dialog::Views(shelf));
    }

    /// What is shown now, if it can be kept under a name.
    fn namable(&self, text: &str, shared: bool) -> Result<(String, Look), String> {
        let name = views::name(text)?;
        let list = self.list_here();
        let Pane::Of(kind) = list.pane() else {
            return Err("views are of one kind of record".to_owned());
        };
        let taken = self.views.iter().find(|view| {
            view.shared
                && shared
                && view.look.kind == kind
                && view.name.to_lowercase() == name.to_lowercase()
        });
        if let Some(view) = taken.filter(|view| !self.may_change(view)) {
            return Err(format!("{} shares one of this name", view.owner));
        }
        let look = Look {
            kind,
            filter: list.filter_text.clone(),
            sort: list.query.sort,
            columns: list.columns.clone(),
        };
        Ok((name.to_owned(), look))
    }

    /// Shows what a view says.
    pub(super) fn open_view(&mut self, view: &View) {
        let pane = Pane::Of(view.look.kind);
        match Filter::parse(pane, &view.look.filter) {
            Ok(filter) => {
                self.go_to_pane(pane);
                let list = self.list_mut(pane);
                list.set_filter(view.look.filter.clone(), filter);
                list.sort_by(view.look.sort.column, view.look.sort.descending);
                list.columns.clone_from(&view.look.columns);
                list.view = Some(view.name.clone());
            }
            Err(wrong) => {
                let why = format!("view {}: {} in “{}”", view.name, wrong, view.look.filter);
                self.say(Level::Refused, why);
            }
        }
    }

    /// The view is left: the pane shows open work in its own way again.
    pub(super) fn close_view(&mut self) {
        let pane = self.journey.pane();
        let own = pane
            .kind()
            .and_then(|kind| self.columns.get(&kind).cloned());
        let list = self.list_mut(pane);
        if list.view.take().is_some() {
            list.columns = own;
            let sort = crate::domain::list::Sort::default_of(pane);
            list.sort_by(sort.column, sort.descending);
        }
    }

    /// What is kept was read.
    pub(super) fn take_kept(&mut self, result: Result<Kept, Failure>) {
        if self.kept == Knowledge::Asked {
            self.kept = Knowledge::Known;
        }
        match result {
            Ok(kept) => {
                self.views_unread = None;
                self.views = kept.views;
                for (kind, columns) in &kept.columns {
                    let list = self.list_mut(*kind);
                    if list.view.is_none() && list.columns.is_none() {
                        list.columns = known(*kind, columns);
                    }
                }
                self.columns = kept.columns;
            }
            Err(failure) => {
                self.log(Level::Error, format!("views: {}", failure.text));
                self.views_unread = Some(failure.text);
            }
        }
    }

    /// Something was kept, or thrown away.
    pub(super) fn kept(&mut self, request: Request, result: Result<(), Failure>) {
        self.kept = Knowledge::Stale;
        let waiting = match &mut self.dialog {
            Some(Dialog::Views(shelf)) => shelf
                .naming
                .as_mut()
                .filter(|naming| naming.sending == Some(request)),
            _ => None,
        };
        match (result, waiting) {
            (Ok(()), Some(naming)) => {
                let name = naming.edit.text().trim().to_owned();
                self.dialog = None;
                self.list_here_mut().view = Some(name.clone());
                self.say(Level::Info, format!("kept as view {name}"));
            }
            (Ok(()), None) => {}
            (Err(failure), Some(naming)) => {
                naming.sending = None;
                naming.error = Some(failure.text);
                self.arrived = Some(self.now);
            }
            (Err(failure), None) => {
                self.say(Level::Error, format!("not kept: {}", failure.text));
            }
        }
    }

    /// The columns, to choose from.
    pub(super) fn begin_columns(&mut self) {
        let list = self.list_here();
        let Pane::Of(kind) = list.pane() else {
            let why =
                "this list shows what every kind has; a kind's own pane has columns to choose";
            return self.say_only(Level::Refused, why.to_owned());
        };
        let shown = list.columns.clone().unwrap_or_else(|| by_itself(kind));
        let mut rows: Vec<(String, bool)> = shown.into_iter().map(|title| (title, true)).collect();
        for (title, _) in titles(kind) {
            if !rows.iter().any(|row| row.0 == *title) {
                rows.push(((*title).to_owned(), false));
            }
        }
        self.dialog = Some(Dialog::Columns(Box::new(Arranging { rows, picked: 0 })));
    }

    pub(super) fn columns_key(
        &mut self,
        mut arranging: Box<Arranging>,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        let last = arranging.rows.len().saturating_sub(1);
        let at = arranging.picked;
        let command = self.keymap.command(chord);
        match (chord.typed(), chord.key, command) {
            (_, Key::Left, _) | (Some('K'), ..) if at > 0 => {
                arranging.rows.swap(at, at - 1);
                arranging.picked -= 1;
            }
            (_, Key::Right, _) | (Some('J'), ..) if at < last => {
                arranging.rows.swap(at, at + 1);
                arranging.picked += 1;
            }
            (Some('d'), ..) => {
                self.arrange(None, effects);
                return;
            }
            (.., Some(Command::Mark)) => {
                let showing = arranging.rows.iter().filter(|row| row.1).count();
                // A list without columns would show nothing.
                if showing > 1 || !arranging.rows[at].1 {
                    arranging.rows[at].1 = !arranging.rows[at].1;
                }
            }
            (.., Some(Command::Down)) => arranging.picked = (at + 1).min(last),
            (.., Some(Command::Up)) => arranging.picked = at.saturating_sub(1),
            (.., Some(Command::Open | Command::Columns)) => {
                let columns = self.arranged(&arranging);
                self.arrange(columns, effects);
                return;
            }
            (.., Some(Command::Clear | Command::Quit | Command::Back)) => return,
            _ => {}
        }
        self.dialog = Some(Dialog::Columns(arranging));
    }

    /// The columns that are being chosen; none where they are those that the pane shows by itself.
    pub fn arranged(&self, arranging: &Arranging) -> Option<Vec<String>> {
        let columns = arranging.shown();
        (columns != by_itself(self.kind_here())).then_some(columns)
    }

    /// Shows these columns, and keeps them where no view is open; a view keeps its own when it is
    /// named again.
    fn arrange(&mut self, columns: Option<Vec<String>>, effects: &mut Vec<Effect>) {
        let Pane::Of(kind) = self.journey.pane() else {
            return;
        };
        let list = self.list_mut(kind);
        list.columns.clone_from(&columns);
        if list.view.is_none() {
            match &columns {
                Some(columns) => self.columns.insert(kind, columns.clone()),
                None => self.columns.remove(&kind),
            };
            if self.settings.read_only {
                let why = format!("shown, and not kept for the next time: {ONLY_READS}");
                return self.say_only(Level::Refused, why);
            }
            let request = self.request();
            effects.push(Effect::KeepColumns {
                request,
                kind,
                columns,
            });
        }
    }
}

/// The columns that a pane shows where nobody chose any.
fn by_itself(kind: Kind) -> Vec<String> {
    let by_itself = titles(kind).iter().filter(|title| title.1);
    by_itself.map(|title| title.0.to_owned()).collect()
}

/// Those of the titles that this program knows, if any.
fn known(kind: Kind, columns: &[String]) -> Option<Vec<String>> {
    let known = |title: &&String| titles(kind).iter().any(|known| known.0 == **title);
    let columns: Vec<String> = columns.iter().filter(known).cloned().collect();
    (!columns.is_empty()).then_some(columns)
}
