//! Macros: canned answers, chosen by name and put into the text at its cursor.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::App;
use super::dialog::{Choosing, Dialog};
use super::form::Form;
use crate::console::input::{Chord, Key};
use crate::domain::full::FullRecord;
use crate::domain::macros::{self, Macro};
use crate::domain::record::{Record, RecordId};
use crate::domain::shipments::ShipmentSummary;

/// The key that lists the macros while a text is being written.
pub const KEY: Chord = Chord::ctrl('t');

impl App {
    /// The macros whose name or text has all of these words.
    pub fn macros_like(&self, words: &str) -> Vec<&Macro> {
        let words = words.to_lowercase();
        self.macros
            .iter()
            .filter(|each| {
                let text = format!("{} {}", each.name, each.body).to_lowercase();
                words.split_whitespace().all(|word| text.contains(word))
            })
            .collect()
    }

    /// A macro's text as it would stand in a form.
    pub fn macro_text(&self, each: &Macro, form: &Form) -> String {
        let record = form.targets.first().map(|target| target.record);
        let values = record.map(|record| self.macro_values(record));
        macros::filled(&each.body, &values.unwrap_or_default())
    }

    /// The list of macros takes a key.
    pub(super) fn choosing_key(&mut self, mut choosing: Box<Choosing>, chord: Chord) {
        let found = self.macros_like(choosing.edit.text());
        let last = found.len().saturating_sub(1);
        match chord.key {
            Key::Esc => self.dialog = Some(Dialog::Form(choosing.form)),
            Key::Enter => {
                let text = found
                    .get(choosing.picked.min(last))
                    .map(|each| self.macro_text(each, &choosing.form));
                if let Some(text) = text {
                    choosing.form.paste(&text);
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

    /// What is known for the fields of a macro, from the record that is answered.
    fn macro_values(&self, id: RecordId) -> BTreeMap<&'static str, String> {
        let mut values = BTreeMap::new();
        values.insert("me", self.person.login.clone());
        values.insert("shop", self.settings.shop.clone());
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
