//! What each key does, by what takes it: a dialog, or the page under it.

use chrono::TimeDelta;

use super::App;
use super::behind::SCROLL;
use super::closing::DISCARD;
use super::dialog::{Choosing, Dialog, Reading};
use super::edit::Edit;
use super::form::Outcome;
use super::macros;
use super::messages::Level;
use super::msg::Effect;
use super::place::{Page, Place, step};
use crate::console::input::{Chord, Command, Key};
use crate::domain::filter::Filter;
use crate::domain::list::SortColumn;
use crate::domain::record::Pane;

/// An answer that comes by itself takes keys once the fingers have rested for so long.
const REST: TimeDelta = TimeDelta::milliseconds(400);
impl App {
    pub(super) fn key(&mut self, chord: Chord, effects: &mut Vec<Effect>) {
        // These hold wherever one is; none of them can be typed.
        match self.keymap.command(chord) {
            Some(Command::Redraw) => return self.redraw(effects),
            Some(Command::Suspend) => return effects.push(Effect::Suspend),
            Some(Command::Leave) => {
                self.let_go();
                return self.leave(effects);
            }
            _ => {}
        }
        self.closed = None;
        self.drafts.leaving &= self.keymap.command(chord) == Some(Command::Quit);
        if self.waits(chord) || !self.is_meant() || self.is_early(chord) {
            return;
        }
        match self.dialog.take() {
            None => self.page_key(chord, effects),
            Some(dialog) => self.dialog_key(dialog, chord, effects),
        }
    }

    pub(super) fn paste(&mut self, text: &str, effects: &mut Vec<Effect>) {
        if !self.is_meant() || self.is_early_paste(text) {
            return;
        }
        match &mut self.dialog {
            Some(Dialog::Form(form)) => {
                form.paste(text);
                self.ask_choices(effects);
            }
            Some(Dialog::Filter(line)) => {
                line.edit.insert(text);
                self.refilter(effects);
            }
            Some(Dialog::Command(line)) => {
                let mut line = std::mem::take(line);
                line.edit.insert(text);
                self.command_written(line, effects);
            }
            Some(Dialog::Views(shelf)) => {
                if let Some(naming) = &mut shelf.naming {
                    naming.edit.insert(text);
                }
            }
            Some(Dialog::Macros(choosing)) => {
                choosing.edit.insert(text);
                choosing.picked = 0;
            }
            _ => {}
        }
    }

    /// Whether a key can be meant for what is open: an answer that came by itself, under fingers
    /// that were typing, takes none of theirs until they have rested.
    fn is_meant(&mut self) -> bool {
        let meant = self.listens();
        self.arrived = (!meant).then_some(self.now);
        if meant {
            self.early.rested();
        } else if self.early.has_dropped() || self.is_written_in() {
            self.drop_early(1);
        }
        meant
    }

    /// Whether what is open takes text: who types does not look whether it is taken.
    const fn is_written_in(&self) -> bool {
        matches!(
            self.dialog,
            Some(Dialog::Form(_) | Dialog::Command(_) | Dialog::Views(_))
        )
    }

    /// Opens what an answer says, and no key has asked for just now.
    pub(super) fn open_by_itself(&mut self, dialog: Dialog) {
        self.dialog = Some(dialog);
        self.arrived = Some(self.now);
    }

    /// Whether what is open takes keys: at once, where a key opened it.
    pub fn listens(&self) -> bool {
        self.arrived.is_none_or(|at| self.now - at >= REST)
    }

    /// Closes what is open, or ends the program; asks before a text is lost.
    fn leave(&mut self, effects: &mut Vec<Effect>) {
        self.arrived = None;
        match self.dialog.take() {
            None => self.quit(effects),
            Some(Dialog::Macros(choosing)) => self.dialog = Some(Dialog::Form(choosing.form)),
            Some(Dialog::Form(form)) if form.holds_text() => {
                self.dialog = Some(Dialog::Discard(form));
            }
            Some(Dialog::Discard(form)) => self.dialog = Some(Dialog::Discard(form)),
            Some(Dialog::Confirm(confirm)) => self.dialog = confirm.origin.map(Dialog::from),
            Some(Dialog::Conflict(conflict)) => self.dialog = conflict.origin.map(Dialog::from),
            Some(Dialog::Bulk(mut bulk)) if bulk.current.is_some() => {
                bulk.stopped = true;
                self.dialog = Some(Dialog::Bulk(bulk));
            }
            Some(Dialog::Bulk(bulk)) => self.dialog = bulk.origin.map(Dialog::from),
            Some(Dialog::Filter(line)) => self.unfilter(line.before),
            Some(_) => {}
        }
    }

    fn dialog_key(&mut self, dialog: Dialog, chord: Chord, effects: &mut Vec<Effect>) {
        match dialog {
            Dialog::Menu { picked } => self.menu_key(picked, chord, effects),
            Dialog::Form(form) if chord == macros::KEY && form.is_writing() => {
                self.dialog = Some(Dialog::Macros(Box::new(Choosing {
                    form,
                    edit: Edit::default(),
                    picked: 0,
                })));
            }
            Dialog::Form(form) if chord == DISCARD && form.is_kept() => {
                self.dialog = Some(Dialog::Discard(form));
            }
            Dialog::Macros(choosing) => self.choosing_key(choosing, chord),
            Dialog::Form(mut form) if SCROLL.contains(&chord) => {
                self.scroll_behind(&mut form, chord);
                self.dialog = Some(Dialog::Form(form));
            }
            Dialog::Form(mut form) => match form.key(chord) {
                Outcome::None => self.dialog = Some(Dialog::Form(form)),
                Outcome::Ask => {
                    self.dialog = Some(Dialog::Form(form));
                    self.ask_choices(effects);
                }
                Outcome::Submit => self.submit_form(form, effects),
                Outcome::Close => self.close(form),
            },
            Dialog::Confirm(confirm) => match (chord.typed(), chord.key) {
                // What would be refused is not asked about.
                (Some('y' | 'Y'), _) if confirm.asked.is_none() => {
                    self.confirmed(*confirm, effects);
                }
                (Some('n' | 'N'), _) | (_, Key::Esc) => {
                    self.dialog = confirm.origin.map(Dialog::from);
                }
                _ => self.dialog = Some(Dialog::Confirm(confirm)),
            },
            Dialog::Discard(form) => self.discard_key(form, chord),
            Dialog::Bulk(mut bulk) => {
                let running = bulk.current.is_some();
                match self.keymap.command(chord) {
                    Some(Command::Clear) if running => bulk.stopped = true,
                    // Where nothing was done, what was written is there again.
                    Some(Command::Clear | Command::Open | Command::Quit) if !running => {
                        self.dialog = bulk.origin.map(Dialog::from);
                        return;
                    }
                    Some(Command::Down) => bulk.top += 1,
                    Some(Command::Up) => bulk.top = bulk.top.saturating_sub(1),
                    _ => {}
                }
                bulk.top = bulk.top.min(bulk.results.len().saturating_sub(1));
                self.dialog = Some(Dialog::Bulk(bulk));
            }
            Dialog::Conflict(conflict) => match chord.key {
                Key::Esc | Key::Enter => self.dialog = conflict.origin.map(Dialog::from),
                _ => self.dialog = Some(Dialog::Conflict(conflict)),
            },
            Dialog::Filter(line) => self.filter_key(line, chord, effects),
            Dialog::Views(shelf) => self.views_key(shelf, chord, effects),
            Dialog::Columns(arranging) => self.columns_key(arranging, chord, effects),
            Dialog::Command(line) => self.command_key(line, chord, effects),
            Dialog::Copy { things, picked } => self.copy_key(things, picked, chord, effects),
            Dialog::Reading { what, top, cursor } => self.reading_key(what, (cursor, top), chord),
        }
    }

    fn reading_key(&mut self, what: Reading, (mut cursor, mut top): (usize, usize), chord: Chord) {
        let Some(g) = self.geometry() else { return };
        let height = g.page_rows();
        let lines = self.reading(&what).lines(g.page_columns());
        let end = lines.len() as isize;
        let half = (height / 2) as isize;
        let by = match self.keymap.command(chord) {
            Some(Command::Down) => 1,
            Some(Command::Up) => -1,
            Some(Command::PageDown | Command::Mark) => half,
            Some(Command::PageUp) => -half,
            Some(Command::Top) => -end,
            Some(Command::Bottom) => end,
            Some(Command::Open) => {
                if let Some(id) = lines.get(cursor).and_then(|line| line.link) {
                    self.journey.go(Place::Record(Box::new(Page::new(id))));
                    return;
                }
                if what != Reading::Messages {
                    return;
                }
                self.leads_nowhere();
                0
            }
            Some(
                Command::Clear | Command::Quit | Command::Back | Command::Help | Command::Messages,
            ) => return,
            _ => 0,
        };
        if lines.iter().any(|line| line.link.is_some()) {
            step((&mut cursor, &mut top), &lines, by, height);
        } else {
            let lowest = lines.len().saturating_sub(height);
            top = top.saturating_add_signed(by).min(lowest);
        }
        self.dialog = Some(Dialog::Reading { what, top, cursor });
    }

    pub(super) fn page_key(&mut self, chord: Chord, effects: &mut Vec<Effect>) {
        if let Some(command) = self.keymap.command(chord) {
            return self.command(command, effects);
        }
        if let Some(verb) = self.keymap.verb(self.kind_here(), chord) {
            self.begin_by_key(verb, effects);
        } else {
            // With alt it may have been escape and a key, over a slow line.
            let help = self.keymap.shown(Command::Help);
            let why = format!("{chord} does nothing here; {help} shows the keys");
            self.say_only(Level::Refused, why);
        }
    }

    /// Does what a command of the frame says.
    pub(super) fn command(&mut self, command: Command, effects: &mut Vec<Effect>) {
        if let Some(pane) = command.pane() {
            return self.go_to_pane(pane);
        }
        match command {
            Command::NextPane => self.turn_pane(1),
            Command::PreviousPane => self.turn_pane(Pane::ALL.len() - 1),
            Command::Back | Command::HistoryBack => {
                if !self.journey.back() {
                    self.say_only(Level::Info, "this is where you began".to_owned());
                }
            }
            Command::HistoryForward => {
                if !self.journey.forth() {
                    self.say_only(Level::Info, "this is where you came last".to_owned());
                }
            }
            Command::Actions => {
                if self.targets().is_empty() {
                    self.say_only(Level::Refused, "nothing is selected".to_owned());
                } else {
                    self.open_menu();
                }
            }
            Command::Undo => self.begin_undo(),
            Command::Copy => self.begin_copy(effects),
            Command::CommandLine => self.open_command_line(),
            Command::Help => self.read(Reading::Help),
            Command::Messages => self.read(Reading::Messages),
            Command::Redraw => self.redraw(effects),
            Command::Suspend => effects.push(Effect::Suspend),
            Command::Take => self.take_next(effects),
            Command::Quit => self.quit(effects),
            Command::Leave => self.leave(effects),
            _ if self.journey.page().is_some() => self.record_command(command),
            _ => self.list_command(command, effects),
        }
    }

    /// Draws everything anew, and reads it anew too.
    fn redraw(&mut self, effects: &mut Vec<Effect>) {
        self.resync();
        effects.push(Effect::Redraw);
    }

    pub(super) fn read(&mut self, what: Reading) {
        let first = self.geometry().and_then(|g| {
            let lines = self.reading(&what).lines(g.page_columns());
            let mut seen = lines.iter().take(g.page_rows());
            seen.position(|line| line.link.is_some())
        });
        let (top, cursor) = (0, first.unwrap_or(0));
        self.dialog = Some(Dialog::Reading { what, top, cursor });
    }

    fn turn_pane(&mut self, by: usize) {
        let here = self.journey.pane();
        let at = Pane::ALL.iter().position(|pane| *pane == here).unwrap_or(0);
        self.go_to_pane(Pane::ALL[(at + by) % Pane::ALL.len()]);
    }

    pub(super) fn go_to_pane(&mut self, pane: Pane) {
        self.journey.go(Place::Pane(pane));
    }

    fn list_command(&mut self, command: Command, effects: &mut Vec<Effect>) {
        let Some(g) = self.geometry() else { return };
        let height = g.list_rows();
        let half = (height / 2).max(1) as isize;
        if let Some(why) = self.does_nothing(command) {
            return self.say_only(Level::Info, why);
        }
        let list = self.list_here_mut();
        match command {
            Command::Down => list.step(1),
            Command::Up => list.step(-1),
            Command::PageDown => list.step(half),
            Command::PageUp => list.step(-half),
            Command::Top => list.to_top(),
            Command::Bottom => list.to_bottom(),
            Command::Open | Command::Full => {
                if let Some(row) = list.selected() {
                    let page = Page::of(row.record.clone());
                    self.journey.go(Place::Record(Box::new(page)));
                }
            }
            Command::Mark => list.toggle_mark(),
            Command::MarkRange => list.toggle_range(),
            Command::Clear if list.clear_marks() => {}
            Command::Clear => {
                list.set_filter(String::new(), Filter::default());
                self.close_view();
            }
            Command::Sort => list.sort_next(),
            Command::Reverse => list.sort_reverse(),
            Command::Filter => self.begin_filter(effects),
            Command::Views => self.begin_views(),
            Command::Columns => self.begin_columns(),
            _ => {}
        }
        self.list_here_mut().keep_visible(height);
    }

    /// Why a command would change nothing in this list, where that is not plain to see.
    fn does_nothing(&self, command: Command) -> Option<String> {
        let list = self.list_here();
        match command {
            Command::Open | Command::Full | Command::Mark | Command::MarkRange
                if list.selected().is_none() =>
            {
                Some("nothing is selected".to_owned())
            }
            Command::Sort if SortColumn::of(list.pane()).len() == 1 => {
                let reverse = self.keymap.shown(Command::Reverse);
                Some(format!(
                    "here all are by the minutes that are left; {reverse} turns them round"
                ))
            }
            Command::Clear if !list.has_marks() && list.filter_text.is_empty() => {
                Some("there are no marks and no filter to drop".to_owned())
            }
            _ => None,
        }
    }

    fn leads_nowhere(&mut self) {
        self.say_only(Level::Info, "this line leads nowhere".to_owned());
    }

    fn record_command(&mut self, command: Command) {
        let Some(g) = self.geometry() else { return };
        let height = g.page_rows();
        let lines = self.page_lines(g.page_columns());
        let half = (height / 2).max(1) as isize;
        let Some(page) = self.journey.page_mut() else {
            return;
        };
        let end = lines.len() as isize;
        match command {
            Command::Down => page.step(&lines, 1, height),
            Command::Up => page.step(&lines, -1, height),
            Command::PageDown => page.step(&lines, half, height),
            Command::PageUp => page.step(&lines, -half, height),
            Command::Top => page.step(&lines, -end, height),
            Command::Bottom => page.step(&lines, end, height),
            Command::Open => {
                if let Some(id) = lines.get(page.cursor).and_then(|line| line.link) {
                    self.journey.go(Place::Record(Box::new(Page::new(id))));
                } else {
                    self.leads_nowhere();
                }
            }
            Command::Clear => {
                self.journey.back();
            }
            Command::Full => self.say_only(Level::Info, "this is the record in full".to_owned()),
            _ => {
                let name = command.as_str();
                self.say_only(Level::Refused, format!("{name} is for lists"));
            }
        }
    }
}
