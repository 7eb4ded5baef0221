//! Macros: canned answers, chosen by name and put into the text at its cursor.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::dialog::{Choosing, Dialog};
use super::{App, facts};
use crate::console::input::{Chord, Key};
use crate::domain::act::Args;
use crate::domain::full::FullRecord;
use crate::domain::macros::{self, Macro};
use crate::domain::record::{Record, RecordId};
use crate::domain::shipments::ShipmentSummary;
use crate::domain::verbs::{ArgKind, Verb};

/// The key that lists the macros while a text is being written.
pub const KEY: Chord = Chord::ctrl('t');

/// Stands on the command line before the name of a macro that an argument is to be.
const PREFIX: &str = "macro:";

/// A macro with what is known of the record filled in.
#[derive(Debug)]
pub struct Fitted<'a> {
    /// The macro's name.
    pub name: &'a str,
    /// Its text as it would stand in the form.
    pub text: String,
    /// The fields of which nothing is known.
    pub lacks: Vec<&'static str>,
}

impl App {
    /// The macros whose name or text has all of the words that were typed, as they would stand in
    /// the form: first those that lack nothing.
    pub fn fitting_macros(&self, choosing: &Choosing) -> Vec<Fitted<'_>> {
        let words = choosing.edit.text().to_lowercase();
        let targets: Vec<RecordId> = (choosing.form.targets.iter())
            .map(|target| target.record)
            .collect();
        let later = targets.len() != 1;
        let values = self.values_for(&targets);
        let mut found: Vec<Fitted> = self
            .macros
            .iter()
            .filter(|each| {
                let text = format!("{} {}", each.name, each.body).to_lowercase();
                words.split_whitespace().all(|word| text.contains(word))
            })
            .map(|each| {
                let text = macros::filled(&each.body, &values);
                Fitted {
                    name: &each.name,
                    lacks: macros::unfilled(&text).filter(|_| !later).collect(),
                    text,
                }
            })
            .collect();
        found.sort_by_key(|fitted| !fitted.lacks.is_empty());
        found
    }

    /// The list of macros takes a key.
    pub(super) fn choosing_key(&mut self, mut choosing: Box<Choosing>, chord: Chord) {
        let found = self.fitting_macros(&choosing);
        let last = found.len().saturating_sub(1);
        match chord.key {
            Key::Esc => self.dialog = Some(Dialog::Form(choosing.form)),
            Key::Enter => {
                if let Some(fitted) = found.get(choosing.picked.min(last)) {
                    choosing.form.paste(&fitted.text);
                    self.dialog = Some(Dialog::Form(choosing.form));
                } else {
                    self.dialog = Some(Dialog::Macros(choosing));
                }
            }
            Key::Up => {
                choosing.picked = choosing.picked.min(last).saturating_sub(1);
                self.dialog = Some(Dialog::Macros(choosing));
            }
            Key::Down => {
                choosing.picked = (choosing.picked + 1).min(last);
                self.dialog = Some(Dialog::Macros(choosing));
            }
            _ => {
                if choosing.edit.key(chord) {
                    choosing.picked = 0;
                }
                self.dialog = Some(Dialog::Macros(choosing));
            }
        }
    }

    /// The arguments of an act on several records as they are for one of them: the fields that
    /// stand in its texts are filled in with what is known of that record.
    ///
    /// # Errors
    /// Which field nothing is known of, for the person.
    pub(super) fn filled_for(
        &self,
        id: RecordId,
        verb: &Verb,
        args: &Args,
    ) -> Result<Args, String> {
        let values = self.macro_values(id);
        let mut filled = args.clone();
        for arg in verb.args.iter().filter(|arg| arg.kind == ArgKind::LongText) {
            if let Some(text) = filled.get_mut(arg.name) {
                *text = macros::filled(text, &values);
                if let Some(field) = macros::unfilled(text).next() {
                    return Err(format!("nothing is known for {{{field}}}"));
                }
            }
        }
        Ok(filled)
    }

    /// What is known for the fields of a macro that is meant for these records. What differs from
    /// one to the next is filled in for each once it is sent.
    fn values_for(&self, records: &[RecordId]) -> BTreeMap<&'static str, String> {
        match records {
            [only] => self.macro_values(*only),
            _ => self.common_values(),
        }
    }

    /// The macros whose names begin so, as the command line takes them, with how they begin.
    pub(super) fn macros_called(&self, typed: &str) -> Vec<(String, String)> {
        let typed = typed.strip_prefix(PREFIX).unwrap_or(typed).to_lowercase();
        let begins = |each: &&Macro| each.name.to_lowercase().starts_with(&typed);
        self.macros
            .iter()
            .filter(begins)
            .map(|each| {
                let line = each.body.lines().next().unwrap_or_default();
                (format!("{PREFIX}{}", each.name), line.to_owned())
            })
            .collect()
    }

    /// The text of the macro that an argument of the command line names, as it is for the records
    /// that the keys act on; none where it names none.
    ///
    /// # Errors
    /// There is no such macro.
    pub(super) fn macro_named(&self, value: &str) -> Result<Option<String>, String> {
        let Some(name) = value.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let Some(found) = self.macros.iter().find(|each| each.name == name.trim()) else {
            let names: Vec<&str> = self.macros.iter().map(|each| each.name.as_str()).collect();
            return Err(match names.as_slice() {
                [] => "there are no macros yet".to_owned(),
                names => {
                    let there = facts::named(names.iter().copied());
                    format!("no macro is called so; there are {there}")
                }
            });
        };
        let records: Vec<RecordId> = self.targets().iter().map(Record::id).collect();
        let values = self.values_for(&records);
        Ok(Some(macros::filled(&found.body, &values)))
    }

    /// What stands for the same whichever record is answered.
    fn common_values(&self) -> BTreeMap<&'static str, String> {
        let mut values = BTreeMap::from([
            ("me", self.person.name.clone()),
            ("shop", self.settings.shop.clone()),
        ]);
        values.retain(|_, value| !value.trim().is_empty());
        values
    }

    /// What is known for the fields of a macro, from the record that is answered.
    fn macro_values(&self, id: RecordId) -> BTreeMap<&'static str, String> {
        let mut values = self.common_values();
        let page = self.journey.page().into_iter().chain(self.detail.as_ref());
        let full = page
            .filter(|page| page.id == id)
            .find_map(|page| page.shown.as_ref())
            .map(|shown| &shown.full);
        match (full, self.record(id)) {
            (Some(FullRecord::Ticket(ticket)), _) => {
                customer(&mut values, &ticket.summary.customer);
                if let Some(order) = &ticket.order {
                    values.insert("order", order.number.clone());
                    self.promise(&mut values, order.due_at());
                }
                self.parcel(&mut values, &ticket.shipments);
            }
            (Some(FullRecord::Order(order)), _) => {
                customer(&mut values, &order.summary.customer);
                values.insert("order", order.summary.number.clone());
                self.promise(&mut values, order.summary.due_at());
                self.parcel(&mut values, &order.shipments);
            }
            (_, Some(Record::Ticket(ticket))) => {
                customer(&mut values, &ticket.customer);
                if let Some(order) = &ticket.order_number {
                    values.insert("order", order.clone());
                }
            }
            (_, Some(Record::Order(order))) => {
                customer(&mut values, &order.customer);
                values.insert("order", order.number.clone());
                self.promise(&mut values, order.due_at());
            }
            (_, Some(Record::Shipment(parcel))) => {
                customer(&mut values, &parcel.customer);
                values.insert("order", parcel.order_number.clone());
                self.parcel(&mut values, std::slice::from_ref(parcel));
            }
            _ => {}
        }
        values.retain(|_, value| !value.trim().is_empty());
        values
    }

    fn promise(&self, values: &mut BTreeMap<&'static str, String>, due: Option<DateTime<Utc>>) {
        // A day that is over is no promise: whoever writes says another.
        if let Some(due) = due.filter(|due| *due > self.now) {
            let day = due.with_timezone(&self.settings.zone).format("%A %-d %B");
            values.insert("promise", day.to_string());
        }
    }

    /// The newest parcel; where it has left, its arrival is what is promised.
    fn parcel(&self, values: &mut BTreeMap<&'static str, String>, parcels: &[ShipmentSummary]) {
        let Some(parcel) = parcels.iter().max_by_key(|parcel| parcel.id) else {
            return;
        };
        if let Some(carrier) = &parcel.carrier {
            values.insert("carrier", carrier.clone());
        }
        if let Some(code) = &parcel.tracking_code {
            values.insert("tracking", code.clone());
        }
        self.promise(values, parcel.eta);
    }
}

fn customer(values: &mut BTreeMap<&'static str, String>, name: &str) {
    values.insert("customer", name.to_owned());
    let first = name.split_whitespace().next().unwrap_or_default();
    values.insert("first-name", first.to_owned());
}
