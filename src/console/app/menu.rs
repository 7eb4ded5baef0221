//! What can be done here, and why not: the menu of a record's verbs.

use super::dialog::Dialog;
use super::messages::{Level, ONLY_READS};
use super::msg::Effect;
use super::{App, Knowledge};
use crate::console::input::{Chord, Command};
use crate::domain::people::Role;
use crate::domain::record::Record;
use crate::domain::verbs::{self, Reason, Verb};

/// More verbs than this that are for others, and the menu tells of them in one line.
const TOLD_ONE_BY_ONE: usize = 2;

impl App {
    /// Whether a verb can be done with a record here, by this person.
    pub(super) fn applies(&self, verb: &Verb, record: &Record) -> Result<(), Reason> {
        if self.settings.read_only {
            return Reason::because(ONLY_READS);
        }
        verb.provided(self.settings.carriers)?;
        verb.applies(record, &self.person)?;
        // Who took what has no assignee, no record says.
        if record.assignee().is_none() && verb.gives_back() {
            return match self.present.holding(record.id()) {
                Some(who) if who == self.person.login => Ok(()),
                Some(who) => Reason::because(format!("{who} has it")),
                None => Reason::because("nobody has it"),
            };
        }
        Ok(())
    }

    /// Why a verb can be done with none of these records, if it can't.
    pub(super) fn why_not(&self, verb: &Verb, targets: &[Record]) -> Option<String> {
        let reasons: Vec<_> = targets
            .iter()
            .filter_map(|record| self.applies(verb, record).err())
            .collect();
        match reasons.as_slice() {
            all if all.len() < targets.len() => None,
            _ if !self.may(verb) => Some(verb.not_permitted()),
            [only] => Some(only.0.clone()),
            _ => Some("applies to none of the marked".to_owned()),
        }
    }

    /// Whether the person's roles allow a verb.
    pub fn may(&self, verb: &Verb) -> bool {
        verb.is_permitted_to(&self.person)
    }

    /// The roles were read: what may be done follows them at once, and who has others now is told.
    pub(super) fn roles_read(&mut self, roles: Vec<Role>) {
        self.roles = Knowledge::Known;
        if self.person.roles == roles {
            return;
        }
        let before = std::mem::replace(&mut self.person.roles, roles);
        let roles = &self.person.roles;
        let named: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let now = match named.as_slice() {
            [] => "you have no role any more: only an administrator can give you one".to_owned(),
            [only] => format!("your role is {only} now"),
            several => format!("your roles are {} now", several.join(", ")),
        };
        if before.iter().any(|role| !roles.contains(role)) {
            self.say(Level::Refused, now);
        } else {
            self.tell(now);
        }
    }

    /// The verbs that are for others, where these are so many that one line tells of them all.
    fn of_others(&self) -> Vec<&'static Verb> {
        let others: Vec<_> = verbs::of(self.kind_here())
            .iter()
            .filter(|verb| !self.may(verb))
            .collect();
        if others.len() > TOLD_ONE_BY_ONE {
            others
        } else {
            Vec::new()
        }
    }

    /// What the menu says of the verbs that are for others and not in it: `12 more are for support`.
    pub fn menu_of_others(&self) -> Option<String> {
        let others = self.of_others();
        let mut roles: Vec<&str> = Vec::new();
        for role in others.iter().flat_map(|verb| verb.roles) {
            if !roles.contains(&role.as_str()) {
                roles.push(role.as_str());
            }
        }
        let roles = match roles.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => "an admin".to_owned(),
        };
        let more = if others.len() < verbs::of(self.kind_here()).len() {
            " more"
        } else {
            ""
        };
        (!others.is_empty()).then(|| format!("{}{more} are for {roles}", others.len()))
    }

    /// What can be done here, each with the reason if it can't: what can, first. Without what
    /// [`App::menu_of_others`] tells of.
    pub fn menu(&self) -> Vec<(&'static Verb, Option<String>)> {
        let targets = self.targets();
        let others = self.of_others();
        let mut menu: Vec<_> = verbs::of(self.kind_here())
            .iter()
            .filter(|verb| !others.iter().any(|other| other.name == verb.name))
            .map(|verb| (verb, self.why_not(verb, &targets)))
            .collect();
        menu.sort_by_key(|(_, why)| why.is_some());
        menu
    }

    pub(super) fn open_menu(&mut self) {
        let picked = self.menu().first().map(|(verb, _)| *verb);
        self.dialog = Some(Dialog::Menu { picked });
    }

    pub(super) fn menu_key(
        &mut self,
        picked: Option<&'static Verb>,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        let menu = self.menu();
        let last = menu.len().saturating_sub(1);
        let row = picked.and_then(|verb| menu_row(verb, &menu));
        if let Some(verb) = self.keymap.verb(self.kind_here(), chord) {
            return self.begin_by_key(verb, effects);
        }
        let row = match self.keymap.command(chord) {
            Some(Command::Down) => row.map_or(0, |row| (row + 1).min(last)),
            Some(Command::Up) => row.map_or(0, |row| row.saturating_sub(1)),
            Some(Command::Top) => 0,
            Some(Command::Bottom) => last,
            // Also where it cannot be done by now: then it says why.
            Some(Command::Open) => {
                if let Some(verb) = picked {
                    self.begin_by_key(verb, effects);
                }
                return;
            }
            Some(Command::Clear | Command::Actions | Command::Quit | Command::Back) => return,
            // Who has seen enough goes on to another pane.
            Some(command) if command.pane().is_some() => return self.command(command, effects),
            _ => {
                self.dialog = Some(Dialog::Menu { picked });
                return;
            }
        };
        let picked = menu.get(row).map(|(verb, _)| *verb);
        self.dialog = Some(Dialog::Menu { picked });
    }
}

/// Where a verb stands in a menu, if it does.
pub fn menu_row(verb: &Verb, menu: &[(&Verb, Option<String>)]) -> Option<usize> {
    let same = |other: &Verb| (other.kind, other.name) == (verb.kind, verb.name);
    menu.iter().position(|(other, _)| same(other))
}
