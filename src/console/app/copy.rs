//! Copying what people need elsewhere, and the parcels that a screen speaks of.

use super::App;
use super::dialog::{Copyable, Dialog, Reading};
use super::messages::Level;
use super::msg::Effect;
use crate::console::input::{Chord, Command, Key};
use crate::domain::full::FullRecord;
use crate::domain::orders::Address;
use crate::domain::record::{Kind, Pane, Record};
use crate::domain::shipments::ShipmentSummary;

/// More bytes than this are not put on a clipboard: terminals cut them off or refuse them.
const LARGEST: usize = 64 * 1024;

impl App {
    /// The parcels that what is on the screen speaks of.
    pub fn parcels(&self) -> Vec<&ShipmentSummary> {
        let page = self.journey.page().or(self.detail.as_ref());
        let mut parcels: Vec<&ShipmentSummary> = page
            .and_then(|page| page.shown.as_ref())
            .map(|shown| parcels(&shown.full))
            .unwrap_or_default();
        if self.journey.page().is_none() && self.journey.pane() == Pane::Of(Kind::Shipment) {
            let rows = self.list_here().rows.iter();
            parcels.extend(rows.filter_map(|row| match &row.record {
                Record::Shipment(parcel) => Some(parcel),
                _ => None,
            }));
        }
        parcels
    }

    /// What can be copied of the selected record: what is known of it already.
    fn copyable(&self) -> Vec<Copyable> {
        let mut things = Vec::new();
        let mut add = |what, text: &str| {
            let text = text.trim();
            if !text.is_empty() && !things.iter().any(|thing: &Copyable| thing.text == text) {
                let text = text.to_owned();
                things.push(Copyable { what, text });
            }
        };
        let Some(record) = self.selected_record() else {
            return things;
        };
        add("number", &record.number());
        let page = self.journey.page().or(self.detail.as_ref());
        let full = page
            .filter(|page| page.id == record.id())
            .and_then(|page| page.shown.as_ref())
            .map(|shown| &shown.full);
        let mut seen: Vec<&ShipmentSummary> = match &record {
            Record::Shipment(parcel) => vec![parcel],
            _ => Vec::new(),
        };
        seen.extend(full.map(parcels).unwrap_or_default());
        for parcel in seen {
            add(
                "tracking code",
                parcel.tracking_code.as_deref().unwrap_or_default(),
            );
            add("tracking page", &parcel.tracking_page().unwrap_or_default());
        }
        match &record {
            Record::Order(order) => add("customer", &order.customer),
            Record::Shipment(parcel) => {
                add("order", &parcel.order_number);
                add("customer", &parcel.customer);
            }
            Record::Stock(stock) => add("title", &stock.title),
            Record::Ticket(ticket) => add("subject", &ticket.subject),
            Record::Inspection(_) => {}
        }
        match full {
            Some(FullRecord::Order(order)) => {
                add("address", &one_line(&order.shipping_address));
                add("mail", order.email.as_deref().unwrap_or_default());
                add("telephone", order.phone.as_deref().unwrap_or_default());
            }
            Some(FullRecord::Shipment(parcel)) => add("address", &one_line(&parcel.address)),
            Some(FullRecord::Ticket(ticket)) => {
                add("mail", ticket.email.as_deref().unwrap_or_default());
            }
            _ => {}
        }
        things
    }

    /// Copies, or asks what.
    pub(super) fn begin_copy(&mut self, effects: &mut Vec<Effect>) {
        let mut things = self.copyable();
        things.truncate(9);
        match things.as_slice() {
            [] => self.say_only(Level::Refused, "nothing is selected".to_owned()),
            [only] => {
                let only = only.clone();
                self.copy(&only, effects);
            }
            _ => self.dialog = Some(Dialog::Copy { things, picked: 0 }),
        }
    }

    fn copy(&mut self, thing: &Copyable, effects: &mut Vec<Effect>) {
        if thing.text.len() > LARGEST {
            let why = format!(
                "not copied: more than {} kB, which terminals cut off or refuse",
                LARGEST / 1024
            );
            self.say(Level::Refused, why);
            let (what, text) = (thing.what, thing.text.clone());
            return self.read(Reading::Text { what, text });
        }
        // Not every terminal lets programs near its clipboard, and none says so: what is shown can
        // be selected.
        self.say_only(
            Level::Info,
            format!("copied {}: {}", thing.what, thing.text),
        );
        effects.push(Effect::Copy(thing.text.clone()));
    }

    pub(super) fn copy_key(
        &mut self,
        things: Vec<Copyable>,
        picked: usize,
        chord: Chord,
        effects: &mut Vec<Effect>,
    ) {
        let last = things.len() - 1;
        let digit = chord.typed().and_then(|char| char.to_digit(10));
        if let Some(digit) = digit {
            // A number that is not listed is nobody's: least of all a pane's, under the box.
            return match (digit as usize)
                .checked_sub(1)
                .and_then(|at| things.get(at))
            {
                Some(thing) => self.copy(thing, effects),
                None => self.dialog = Some(Dialog::Copy { things, picked }),
            };
        }
        let picked = match (self.keymap.command(chord), chord.key) {
            (_, Key::Esc) | (Some(Command::Clear | Command::Quit | Command::Back), _) => return,
            (_, Key::Enter) | (Some(Command::Copy), _) => {
                return self.copy(&things[picked], effects);
            }
            (Some(Command::Down), _) => (picked + 1).min(last),
            (Some(Command::Up), _) => picked.saturating_sub(1),
            _ => picked,
        };
        self.dialog = Some(Dialog::Copy { things, picked });
    }
}

fn parcels(full: &FullRecord) -> Vec<&ShipmentSummary> {
    match full {
        FullRecord::Order(order) => order.shipments.iter().collect(),
        FullRecord::Shipment(parcel) => vec![&parcel.summary],
        FullRecord::Ticket(ticket) => ticket.shipments.iter().collect(),
        FullRecord::Stock(_) | FullRecord::Inspection(_) => Vec::new(),
    }
}

fn one_line(address: &Address) -> String {
    let parts = [
        &address.name,
        &address.company,
        &address.address1,
        &address.address2,
        &address.zip,
        &address.city,
        &address.province,
        &address.country,
    ];
    let parts: Vec<&str> = parts
        .into_iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(", ")
}
