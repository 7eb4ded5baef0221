//! Whole screens of the console from known data, compared to the files in `screens/`.
//! `UPDATE_SCREENS=1` writes them anew; then read the difference.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use packline::actions::{ActError, Conflict, News, Since, Taken};
use packline::console::app::{
    App, Ask, Became, Dialog, Effect, Failure, Feed, InDatabase, Kept, Msg, RecordPage, Recovered,
    Settings, Unsaved, Window, update,
};
use packline::console::input::{Chord, Command, Key, Keymap};
use packline::console::terminal::Depth;
use packline::console::view::{self, Theme};
use packline::domain::act::{Done, Undo};
use packline::domain::filter::Field;
use packline::domain::full::{FullRecord, Inspection, Order, Ticket};
use packline::domain::inspections::{
    Check, CheckResult, Defect, InspectionState, InspectionSummary, Severity,
};
use packline::domain::list::{Count, Counts, HistoryEntry, ListRow, SortKey, SortValue, TabCount};
use packline::domain::macros::Macro;
use packline::domain::orders::{
    Address, Amounts, FinancialStatus, Fulfilment, FulfilmentState, OrderLine, OrderSummary,
    Payment, Stage,
};
use packline::domain::people::{Person, Role};
use packline::domain::presence::{Attendance, Doing};
use packline::domain::record::{Kind, Pane, Record, RecordId};
use packline::domain::shipments::{ShipmentState, ShipmentSummary};
use packline::domain::stock::StockSummary;
use packline::domain::tickets::{
    Clock, Message, MessageKind, Priority, TicketState, TicketSummary,
};
use packline::domain::tracking::TrackingStatus;
use packline::domain::verbs::{self, ArgKind, Danger};
use packline::domain::views::{View, titles};
use packline::store::db::DbError;
use packline::store::drafts::Draft;
use packline::store::lists::Refreshed;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use uuid::Uuid;

use crate::harness::screen;

fn now() -> DateTime<Utc> {
    "2026-03-10T14:02:31Z".parse().expect("an instant")
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

fn order(id: i64, customer: &str, stage: Stage, due: i64) -> OrderSummary {
    OrderSummary {
        id,
        version: 3,
        number: format!("#{}", 1000 + id),
        channel: "web".into(),
        customer: customer.into(),
        placed_at: minutes(due - 26 * 60),
        stage,
        hold_reason: (stage == Stage::OnHold).then(|| "address unclear".into()),
        waiting_reason: None,
        unfit_option: None,
        alert: None,
        given_up: None,
        financial_status: FinancialStatus::Paid,
        ship_by: Some(minutes(due)),
        deliver_by: Some(minutes(due + 3 * 1440)),
        assignee: (id % 4 == 2).then(|| "bo".into()),
        currency: "EUR".into(),
        total: 4590 + id * 100,
        country: Some("PT".into()),
        has_address: true,
        tags: vec![],
        lines: 2,
        ordered: 3,
        reserved: 2,
        requested: 0,
        unmailed: 0,
        shipped: 0,
        delivered: 0,
        lost: 0,
        cancelled: 0,
        pending_inspections: 0,
        failed_inspections: i64::from(id == 42),
        open_tickets: 0,
        held_mails: 0,
        failed_mails: 0,
        stopped_mails: 0,
    }
}

fn orders() -> Vec<Record> {
    let names = [
        ("Ines Duarte", Stage::Processing, -123),
        ("C. O'Neill", Stage::Confirmed, 58),
        ("山田 太郎", Stage::OnHold, 177),
        ("Marta Kowalska-Wiśniewska of Gdańsk", Stage::New, 240),
        ("Zoë 👩‍👩‍👧 Family", Stage::Processing, 300),
        ("ev\u{1b}[2Jil\u{202e}", Stage::PartiallyShipped, 1500),
    ];
    (0..30_i64)
        .map(|index| {
            let (name, stage, due) = names[index as usize % names.len()];
            Record::Order(order(42 + index, name, stage, due + index / 6 * 60))
        })
        .collect()
}

fn stock() -> Vec<Record> {
    let level = |id: i64, sku: &str, title: &str, on_hand, reserved, wanted, demand_28d| {
        Record::Stock(StockSummary {
            overdue: None,
            coming: i64::from(id == 2),
            id,
            version: 1,
            sku: sku.into(),
            title: title.into(),
            location: "Main".into(),
            on_hand,
            reserved,
            reorder_point: 10,
            wanted,
            wanted_by: (id == 1).then(|| minutes(-123)),
            demand_28d,
            supplier: Some("Northwind Ceramics".into()),
            lead_time_days: Some(6),
            alert: None,
            given_up: (id == 2).then(|| "PO-7: the mail could not be written".into()),
            unmailed: i64::from(id == 2),
            held_mails: 0,
            failed_mails: 0,
            stopped_mails: 0,
            muted_until: (id == 3).then(|| minutes(2880)),
        })
    };
    vec![
        level(1, "MUG-BLUE-01", "Stoneware mug, cobalt", 12, 11, 9, 70),
        level(2, "LAMP-OAK", "Oak desk lamp", 4, 4, 0, 20),
        level(3, "TEA-LIGHT-50", "Tea lights, 50 pieces", 8, 0, 0, 0),
    ]
}

fn parcel(id: i64, status: TrackingStatus, heard: i64) -> ShipmentSummary {
    ShipmentSummary {
        id,
        version: 1,
        order_id: 42,
        order_number: "#1042".into(),
        customer: "Ines Duarte".into(),
        carrier: Some("DHL".into()),
        tracking_url: None,
        tracking_code: Some(format!("JD01460000{id:06}")),
        state: ShipmentState::HandedOver,
        tracking_status: status,
        tracking_status_raw: None,
        handed_over_at: Some(minutes(-3000)),
        last_event_at: Some(minutes(-heard)),
        eta: Some(minutes(1440)),
        delivered_at: None,
        due_at: Some(minutes(1440 - heard)),
        damaged: id == 9,
        country: Some("PT".into()),
        units: 2,
        label: None,
        given_up: None,
        waits: None,
        settled: None,
        stale_label: None,
    }
}

fn inspection() -> InspectionSummary {
    InspectionSummary {
        id: 77,
        version: 2,
        order_id: Some(42),
        order_number: Some("#1042".into()),
        subject: "Ines Duarte".into(),
        state: InspectionState::Failed,
        assignee: Some("cy".into()),
        started_at: Some(minutes(-60)),
        due_at: Some(minutes(-123)),
        checks: 4,
        passed: 3,
        failed: 1,
        defect: Some("wrong colour".into()),
    }
}

fn ticket(id: i64, due: i64) -> TicketSummary {
    TicketSummary {
        id,
        version: 1,
        subject: "Onde está a minha encomenda?".into(),
        customer: "Ines Duarte".into(),
        has_address: true,
        order_id: Some(42),
        order_number: Some("#1042".into()),
        state: TicketState::New,
        priority: if id == 5 {
            Priority::High
        } else {
            Priority::Normal
        },
        assignee: None,
        due_at: Some(minutes(due)),
        clock: Some(Clock::FirstResponse),
        snoozed_until: None,
        last_message_at: Some(minutes(-50)),
        messages: 1,
        held_mails: 0,
        failed_mails: 0,
    }
}

fn records(kind: Kind) -> Vec<Record> {
    match kind {
        Kind::Order => orders(),
        Kind::Stock => stock(),
        Kind::Shipment => vec![
            Record::Shipment(parcel(7, TrackingStatus::InTransit, 5000)),
            Record::Shipment(parcel(8, TrackingStatus::OutForDelivery, 40)),
            Record::Shipment(parcel(9, TrackingStatus::Failure, 300)),
            Record::Shipment(ShipmentSummary {
                state: ShipmentState::Labelled,
                ..parcel(10, TrackingStatus::PreTransit, 10)
            }),
            Record::Shipment(ShipmentSummary {
                state: ShipmentState::Lost,
                due_at: None,
                ..parcel(11, TrackingStatus::InTransit, 9000)
            }),
        ],
        Kind::Inspection => vec![Record::Inspection(inspection())],
        Kind::Ticket => vec![
            Record::Ticket(ticket(5, -20)),
            Record::Ticket(ticket(6, 130)),
        ],
    }
}

fn listed(pane: Pane) -> Vec<Record> {
    if let Some(kind) = pane.kind() {
        return records(kind);
    }
    let mut all: Vec<Record> = Kind::ALL.iter().flat_map(|kind| records(*kind)).collect();
    all.retain(|record| record.due_at().is_some());
    all.sort_by_key(|record| (record.due_at(), record.id()));
    all
}

fn row(record: Record, place: usize) -> ListRow {
    ListRow {
        key: SortKey {
            value: SortValue::Number(place as i64),
            id: record.id(),
        },
        record,
    }
}

fn address() -> Address {
    Address {
        name: "Ines Duarte".into(),
        address1: "Rua da Rosa 12, 3º".into(),
        city: "Lisboa".into(),
        zip: "1200-386".into(),
        country: "PT".into(),
        ..Address::default()
    }
}

fn full_order() -> FullRecord {
    let Record::Order(summary) = orders().remove(0) else {
        unreachable!()
    };
    let line = |id: i64, sku: &str, title: &str, ordered, reserved, available| OrderLine {
        id,
        position: id as i32,
        sku: sku.into(),
        title: title.into(),
        stock: Some(RecordId::new(Kind::Stock, id)),
        available,
        unit_price: 1530,
        ordered,
        reserved,
        requested: 0,
        shipped: 0,
        delivered: 0,
        cancelled: 0,
        return_requested: 0,
        returned: 0,
    };
    FullRecord::Order(Box::new(Order {
        summary,
        email: Some("ines@example.org".into()),
        phone: Some("+351 912 000 000".into()),
        shipping_address: address(),
        shipping_method: Some("Expedited".into()),
        amounts: Amounts {
            subtotal: 4590,
            shipping: 490,
            tax: 950,
            discount: 300,
        },
        note: Some("Please ring twice.".into()),
        failure: None,
        lines: vec![
            line(1, "MUG-BLUE-01", "Stoneware mug, cobalt", 2, 2, 1),
            line(
                2,
                "LAMP-OAK",
                "Oak desk lamp with linen shade and brass foot",
                1,
                0,
                0,
            ),
        ],
        fulfilments: vec![Fulfilment {
            id: 1,
            location: "Main".into(),
            by_supplier: false,
            state: FulfilmentState::Accepted,
            units: 3,
            reason: Some("from our own stock".into()),
        }],
        shipments: vec![parcel(7, TrackingStatus::InTransit, 5000)],
        inspections: vec![inspection()],
        tickets: vec![ticket(5, -20)],
        payments: vec![Payment {
            at: minutes(-1500),
            what: "payment".into(),
            detail: "card".into(),
            amount: 5730,
            currency: "EUR".into(),
            state: "captured".into(),
        }],
        notes: Vec::new(),
        mails: Vec::new(),
    }))
}

fn full_ticket() -> FullRecord {
    let message = |id, kind, from: &str, at, body: &str| Message {
        id,
        kind,
        at: minutes(at),
        from: from.into(),
        body: body.into(),
        mail: None,
        attachments: if id == 1 {
            vec![("photo.jpg".into(), 245_000)]
        } else {
            vec![]
        },
    };
    let Record::Order(about) = orders().remove(0) else {
        unreachable!()
    };
    FullRecord::Ticket(Box::new(Ticket {
        summary: ticket(5, -20),
        email: Some("ines@example.org".into()),
        resolution: None,
        messages: vec![
            message(
                1,
                MessageKind::Inbound,
                "ines@example.org",
                -500,
                "Bom dia,\n\nA minha encomenda #1042 ainda não chegou, e já passaram duas semanas \
                 desde que a fiz. Podem dizer-me onde está?\n\nObrigada\nInês",
            ),
            message(
                2,
                MessageKind::Note,
                "bo",
                -50,
                "Parcel silent since Friday.",
            ),
        ],
        order: Some(about),
        shipments: vec![parcel(7, TrackingStatus::InTransit, 5000)],
        other_tickets: vec![],
        mails: Vec::new(),
    }))
}

fn full_inspection() -> FullRecord {
    let check = |name: &str, instruction: &str, result| Check {
        name: name.into(),
        instruction: instruction.into(),
        result,
        checked_by: Some("cy".into()),
        checked_at: Some(minutes(-40)),
    };
    FullRecord::Inspection(Box::new(Inspection {
        summary: inspection(),
        checks: vec![
            check("item", "the right item, by SKU", CheckResult::Failed),
            check("quantity", "the right number of units", CheckResult::Passed),
            check(
                "condition",
                "no damage, nothing missing",
                CheckResult::Passed,
            ),
            check(
                "packaging",
                "packed to survive the carrier",
                CheckResult::Passed,
            ),
        ],
        defects: vec![Defect {
            check: "item".into(),
            severity: Severity::Major,
            description: "wrong colour".into(),
            at: minutes(-40),
            who: "cy".into(),
        }],
        waive_reason: None,
        lines: vec![],
    }))
}

/// The same while only its first check is done.
fn begun(inspection: InspectionSummary) -> InspectionSummary {
    InspectionSummary {
        state: InspectionState::Pending,
        passed: 0,
        ..inspection
    }
}

fn history() -> Vec<HistoryEntry> {
    vec![
        HistoryEntry {
            at: minutes(-30),
            who: "bo".into(),
            verb: Some("claim".into()),
            source: "console".into(),
            reason: None,
            changes: vec!["assignee: – → bo".into()],
        },
        HistoryEntry {
            at: minutes(-300),
            who: "ana".into(),
            verb: None,
            source: "import".into(),
            reason: None,
            changes: vec!["placed".into()],
        },
    ]
}

/// A console whose database answers at once with known data.
struct Desk {
    app: App,
    theme: Theme,
    now: DateTime<Utc>,
    acts: Vec<Effect>,
    views: Vec<View>,
    columns: BTreeMap<Kind, Vec<String>>,
    /// No list has any row.
    empty: bool,
    /// The database does not answer for now.
    silent: bool,
    /// What it was asked meanwhile.
    unanswered: Vec<Effect>,
    /// The inspection is still to be done: only the first of its checks is.
    open_checks: bool,
    /// So many more of them are done, each by an act; where this is told, rows that may have
    /// changed are read anew at once.
    passed: Option<usize>,
    /// Where this console last said that it is.
    attends: Option<(RecordId, bool)>,
}

/// What the database would know of a word.
fn known(ask: Ask, typed: &str) -> Vec<String> {
    let words: &[&str] = match ask {
        Ask::Value(_, Field::Carrier) | Ask::Argument(ArgKind::Carrier, _) => {
            &["CTT Expresso", "DHL"]
        }
        Ask::Value(_, Field::Who) => &["me", "nobody", "ana", "bo"],
        Ask::Said(..) => &["address unclear", "fraud check"],
        _ => &[],
    };
    let begins = |word: &&&str| word.to_lowercase().starts_with(&typed.to_lowercase());
    words
        .iter()
        .filter(begins)
        .map(|word| (*word).to_owned())
        .collect()
}

/// The stock level whose row the database gives and the program cannot read.
const UNREADABLE: i64 = 3;

impl Desk {
    fn new(columns: u16, rows: u16) -> Self {
        Self::with(columns, rows, false)
    }

    fn with(columns: u16, rows: u16, empty: bool) -> Self {
        let settings = Settings {
            shop: "demo-shop".into(),
            zone: chrono_tz::Europe::Berlin,
            read_only: false,
            log: Some("/home/ana/.local/share/packline/packline.log".into()),
            carriers: true,
            alarm_about: vec![Kind::Order],
        };
        let person = Person {
            login: "ana".into(),
            name: "Ana".into(),
            roles: vec![Role::Warehouse, Role::Support],
        };
        let keymap = Keymap::built_in().expect("the keymap");
        let mut desk = Self {
            app: App::new(settings, person, keymap, (columns, rows), now()),
            theme: Theme::full(),
            now: now(),
            acts: vec![],
            views: vec![],
            columns: BTreeMap::new(),
            empty,
            silent: false,
            unanswered: vec![],
            open_checks: false,
            passed: None,
            attends: None,
        };
        desk.send(Msg::Feed(Feed::Live));
        desk
    }

    fn send(&mut self, msg: Msg) {
        let mut todo = update(&mut self.app, msg, self.now);
        while let Some(effect) = todo.pop() {
            if self.silent {
                self.unanswered.push(effect);
            } else if let Some(reply) = self.answer(effect) {
                todo.extend(update(&mut self.app, reply, self.now));
            }
        }
    }

    /// The database answers again, also what it was asked before.
    fn speak(&mut self) {
        self.silent = false;
        for effect in std::mem::take(&mut self.unanswered) {
            if let Some(reply) = self.answer(effect) {
                self.send(reply);
            }
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Msg> {
        Some(match effect {
            Effect::Window { request, query, .. } => {
                let all = if self.empty {
                    vec![]
                } else {
                    listed(query.pane)
                };
                let all = all.into_iter().map(|record| match record {
                    Record::Inspection(inspection) if self.open_checks => {
                        Record::Inspection(begun(inspection))
                    }
                    record => record,
                });
                let all: Vec<Record> = all.collect();
                let rows = all.into_iter().zip(0..).map(|(r, i)| row(r, i));
                let window = Window {
                    rows: rows.collect(),
                    starts: true,
                    ends: true,
                };
                Msg::Window(query.pane, request, Ok(window))
            }
            Effect::Counts => {
                let tab = |open, urgent| TabCount {
                    open: Count(open),
                    urgent: Count(urgent),
                };
                Msg::Counts(Ok(Counts {
                    next: tab(190, 15),
                    orders: tab(128, 7),
                    stock: tab(12, 3),
                    shipments: tab(54, 3),
                    inspections: tab(9, 0),
                    tickets: tab(17, 2),
                    nothing_yet: false,
                    failing: None,
                }))
            }
            Effect::Record { request, id } if id == RecordId::new(Kind::Stock, UNREADABLE) => {
                let text = "stock level 3: column sku: unexpected null".to_owned();
                Msg::Record(id, request, Err(Failure { text }))
            }
            Effect::Record { request, id } => {
                let full = match id {
                    RecordId {
                        kind: Kind::Order,
                        id: 42,
                    } => Some(full_order()),
                    RecordId {
                        kind: Kind::Ticket,
                        id: 5,
                    } => Some(full_ticket()),
                    RecordId {
                        kind: Kind::Inspection,
                        ..
                    } => {
                        let FullRecord::Inspection(mut full) = full_inspection() else {
                            unreachable!()
                        };
                        if self.open_checks {
                            full.summary = begun(full.summary);
                            let passed = self.passed.unwrap_or(0);
                            full.summary.version += passed as i64;
                            for check in &mut full.checks[1 + passed..] {
                                check.result = CheckResult::Open;
                            }
                        }
                        Some(FullRecord::Inspection(full))
                    }
                    _ => None,
                };
                let page = full.map(|full| RecordPage {
                    full,
                    history: history(),
                });
                Msg::Record(id, request, Ok(page))
            }
            Effect::Rows {
                request,
                query,
                ids,
            } if self.passed.is_some() => {
                let rows = listed(query.pane).into_iter().zip(0..);
                let rows = rows.filter(|(record, _)| ids.contains(&record.id()));
                let rows = rows.map(|(mut record, place)| {
                    if let Record::Inspection(inspection) = &mut record {
                        *inspection = begun(inspection.clone());
                        inspection.version += self.passed.unwrap_or(0) as i64;
                    }
                    Refreshed {
                        id: record.id(),
                        row: Some(row(record, place)),
                        matches: true,
                    }
                });
                Msg::Rows(query.pane, request, Ok(rows.collect()))
            }
            Effect::Find { request, name } => {
                let records = Kind::ALL.iter().flat_map(|kind| records(*kind));
                let mut named = records.filter(|record| record.number() == name);
                let found = named.next().map(|record| record.id());
                let text = format!("{name} does not exist");
                Msg::Found(request, found.ok_or(Failure { text }))
            }
            Effect::Recover => Msg::Recovered(Ok(vec![])),
            Effect::Drafts => Msg::Drafts(Ok(vec![])),
            Effect::Macros => Msg::Macros(Ok(vec![])),
            Effect::Roles => return None,
            Effect::Presence => Msg::Presence(Ok(vec![])),
            Effect::Attend { at } => {
                self.attends = at;
                Msg::Attended(true)
            }
            Effect::Complete {
                request,
                ask,
                typed,
            } => {
                let known = known(ask, &typed).into_iter();
                let words = known.map(|word| (word, String::new())).collect();
                Msg::Choices(request, Ok(words))
            }
            Effect::Views => Msg::Kept(Ok(Kept {
                views: self.views.clone(),
                columns: self.columns.clone(),
            })),
            Effect::KeepView {
                request,
                name,
                shared,
                look,
            } => {
                let id = self.views.len() as i64 + 1;
                let owner = "ana".to_owned();
                self.views.push(View {
                    id,
                    name,
                    owner,
                    shared,
                    look,
                });
                Msg::Keeping(request, Ok(()))
            }
            Effect::ThrowViewAway { request, id } => {
                self.views.retain(|view| view.id != id);
                Msg::Keeping(request, Ok(()))
            }
            Effect::KeepColumns {
                request,
                kind,
                columns,
            } => {
                match columns {
                    Some(columns) => self.columns.insert(kind, columns),
                    None => self.columns.remove(&kind),
                };
                Msg::Keeping(request, Ok(()))
            }
            other => {
                self.acts.push(other);
                return None;
            }
        })
    }

    /// The fingers rest for as long as an answer that came by itself waits for.
    fn rest(&mut self) {
        self.now += TimeDelta::milliseconds(450);
    }

    /// Types: a character each, names of keys in angle brackets.
    fn keys(&mut self, text: &str) {
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            let (chord, taken) = match rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
                Some((name, _)) => (name.parse().expect("a key"), name.len() + 2),
                None if char == ' ' => (Chord::plain(Key::Char(' ')), 1),
                None => (Chord::char(char), char.len_utf8()),
            };
            self.send(Msg::Key(chord));
            rest = &rest[taken..];
        }
    }

    fn drawn(&self, theme: Theme) -> Buffer {
        let (columns, rows) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
        terminal
            .draw(|frame| drop(view::draw(frame, &self.app, theme)))
            .expect("a frame");
        terminal.backend().buffer().clone()
    }

    fn shown(&self) -> String {
        screen::shown(&self.drawn(self.theme))
    }

    /// Compares the screen to its file; in every theme it says the same, and can be read.
    #[track_caller]
    fn check(&self, name: &str) {
        screen::check(name, &self.shown());
        let bare = self.drawn(self.theme);
        screen::check_layers(&bare);
        for (theme, background) in [("dark", (0x1e, 0x1e, 0x1e)), ("light", (0xff, 0xff, 0xff))] {
            let theme = Theme::named(theme, Depth::True).expect("a theme");
            let theme = theme.with_unicode(self.theme.unicode);
            screen::check_readable(&self.drawn(theme), &bare, background);
        }
    }
}

#[test]
fn every_pane_at_both_sizes() {
    for (columns, rows) in [(80, 24), (140, 40)] {
        let mut desk = Desk::new(columns, rows);
        for (key, pane) in ('0'..).zip(Pane::ALL) {
            desk.keys(&key.to_string());
            desk.check(&format!("{}-{columns}", pane.name()));
        }
    }
}

#[test]
fn a_record_that_cannot_be_read_says_so() {
    let mut desk = Desk::new(80, 24);
    desk.keys("2Go");
    let shown = desk.shown();
    assert!(shown.contains("TEA-LIGHT-50"), "{shown}");
    assert!(
        shown.contains("could not be read: stock level 3"),
        "{shown}"
    );
    desk.keys("!");
    let shown = desk.shown();
    assert!(shown.contains("TEA-LIGHT-50: stock level 3"), "{shown}");
}

#[test]
fn escape_closes_a_form_and_keeps_its_text() {
    // Nothing was written.
    let mut desk = Desk::new(80, 24);
    desk.keys("5r<esc>");
    assert!(desk.app.dialog.is_none() && desk.app.said.is_none());
    // It is not called kept before it is.
    desk.keys("rsorry");
    assert!(desk.shown().contains("esc keep"), "{}", desk.shown());
    desk.acts.clear();
    desk.keys("<esc>");
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    assert!(desk.shown().contains("keeping it …"));
    let [Effect::KeepDraft(text)] = desk.acts.as_slice() else {
        panic!("a draft, not {:?}", desk.acts);
    };
    let (record, verb) = (text.record, text.verb.clone());
    desk.send(Msg::DraftKept(record, verb, InDatabase::Kept));
    let shown = desk.shown();
    assert!(
        shown.contains("kept as a draft: r opens it again"),
        "{shown}"
    );
    desk.keys("r");
    assert!(desk.shown().contains("sorry"), "{}", desk.shown());
    desk.keys("<esc>");
    let shown = desk.shown();
    assert!(
        shown.contains("kept as a draft: r opens it again"),
        "{shown}"
    );
    // It is thrown away by a key of its own, and another that answers.
    desk.keys("r<ctrl-x>");
    desk.check("reply-discard-80");
    desk.keys("y");
    assert!(desk.app.dialog.is_none());
    desk.keys("r");
    assert!(!desk.shown().contains("sorry"), "{}", desk.shown());
}

#[test]
fn without_the_database_a_draft_is_not_called_kept_by_it() {
    let mut desk = Desk::new(80, 24);
    desk.keys("5rsorry");
    let (heard, why) = (desk.now, "reset".to_owned());
    desk.send(Msg::Feed(Feed::Lost { heard, why }));
    desk.keys("<esc>");
    assert!(desk.shown().contains("keeping it …"), "{}", desk.shown());
    desk.now += TimeDelta::seconds(1);
    desk.send(Msg::Tick);
    assert!(matches!(desk.acts.last(), Some(Effect::SetAside { .. })));
    assert!(desk.shown().contains("keeping it …"), "{}", desk.shown());
    desk.send(Msg::SetAside(Ok(())));
    let shown = desk.shown();
    assert!(
        shown.contains("kept on this machine for now: r opens it again"),
        "{shown}"
    );
    // Nor does this machine keep it: that is asked about, and what leads out loses nothing.
    desk.keys("r, really");
    let failure = Failure {
        text: "no space".into(),
    };
    desk.now += TimeDelta::seconds(1);
    desk.send(Msg::Tick);
    desk.send(Msg::SetAside(Err(failure)));
    desk.keys("<esc>");
    let shown = desk.shown();
    assert!(
        shown.contains("Neither the database nor this machine"),
        "{shown}"
    );
    desk.keys("<esc>");
    assert!(desk.app.dialog.is_none());
    let shown = desk.shown();
    assert!(
        shown.contains("kept in this run of the console alone: r opens it"),
        "{shown}"
    );
    desk.keys("r");
    assert!(desk.shown().contains("sorry, really"), "{}", desk.shown());
}

#[test]
fn a_text_that_the_database_refuses_is_not_called_a_draft() {
    let mut desk = Desk::new(80, 24);
    desk.keys("5rsorry");
    desk.acts.clear();
    desk.keys("<esc>");
    let [Effect::KeepDraft(text)] = desk.acts.as_slice() else {
        panic!("a draft");
    };
    let (record, verb) = (text.record, text.verb.clone());
    let refused = InDatabase::Refused(Failure {
        text: "longer than 1 MB".into(),
    });
    desk.send(Msg::DraftKept(record, verb, refused));
    let shown = desk.shown();
    assert!(!shown.contains("kept as a draft"), "{shown}");
    assert!(shown.contains("longer than 1 MB"), "{shown}");
}

#[test]
fn escape_twice_leads_out_of_every_form() {
    let mut desk = Desk::new(80, 24);
    for verb in verbs::all().filter(|verb| !verb.args.is_empty()) {
        let pane = Pane::ALL
            .iter()
            .position(|pane| *pane == Pane::Of(verb.kind));
        desk.keys(&format!("{}:{} <enter>", pane.expect("a pane"), verb.name));
        if !matches!(desk.app.dialog, Some(Dialog::Form(_))) {
            desk.keys("<esc><esc>");
            continue;
        }
        desk.keys("some words<esc><esc>");
        assert!(desk.app.dialog.is_none(), "{}: {}", verb.name, desk.shown());
    }
}

#[test]
fn a_line_that_was_not_sent_is_there_again_until_it_is() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1haddress unclear");
    assert!(desk.shown().contains("esc keep"), "{}", desk.shown());
    desk.keys("<esc>");
    let shown = desk.shown();
    assert!(
        shown.contains("kept until you leave: h opens it again"),
        "{shown}"
    );
    // It is that record's and that verb's.
    desk.keys("jh");
    assert!(!desk.shown().contains("unclear"), "{}", desk.shown());
    desk.keys("<esc>kxno stock<esc>h");
    desk.check("line-again-80");
    // Several keys in a row get out, and lose as little.
    desk.keys(", by mail<esc><esc><esc>h");
    let shown = desk.shown();
    assert!(shown.contains("address unclear, by mail"), "{shown}");
    desk.keys("<ctrl-x>");
    desk.check("line-discard-80");
    desk.keys("y");
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    desk.keys("h");
    let shown = desk.shown();
    assert!(
        !shown.contains("unclear") && !shown.contains("draft"),
        "{shown}"
    );
    // What was sent is over; nothing is asked of the database for any of it.
    desk.keys("later<esc>h");
    assert!(desk.acts.is_empty(), "{:?}", desk.acts);
    desk.keys("<enter>");
    let request = sent(&mut desk);
    desk.send(Msg::Acted(request, Ok(was_done("held"))));
    desk.keys("h");
    assert!(!desk.shown().contains("later"), "{}", desk.shown());
    // What was emptied by hand is gone too.
    desk.keys("soon<esc>h<ctrl-u><esc>h");
    assert!(!desk.shown().contains("soon"), "{}", desk.shown());
    // Whoever does not wait for the answer has it again where the answer is no.
    desk.keys("now<enter><esc>");
    let request = sent(&mut desk);
    let refused = ActError::Refused(verbs::Reason("a parcel of it has left".into()));
    desk.send(Msg::Acted(request, Err(refused)));
    desk.keys("h");
    assert!(desk.shown().contains("now"), "{}", desk.shown());
}

#[test]
fn an_address_stands_in_its_form_and_only_what_is_changed_is_sent() {
    let args = |desk: &mut Desk| {
        let (_, _, args) = under_way(desk);
        let args: Vec<String> = args.iter().map(|(name, v)| format!("{name}={v}")).collect();
        args.join(" ")
    };
    for (columns, rows) in [(80, 24), (140, 40)] {
        let mut desk = Desk::new(columns, rows);
        desk.keys("1:set-address <enter>");
        desk.check(&format!("set-address-{columns}"));
        // Nothing was written.
        desk.keys("<esc>");
        assert!(desk.app.dialog.is_none() && desk.app.said.is_none());
        desk.keys(":set-address <enter><tab><tab><tab><tab><ctrl-u>Porto<tab><ctrl-u>");
        desk.keys("<tab><tab><ctrl-u>");
        desk.check(&format!("set-address-changed-{columns}"));
        // An order must go somewhere.
        for wrong in ["", "-", "Portugal", "UK"] {
            desk.keys(&format!("<ctrl-u>{wrong}<ctrl-s>"));
            assert!(desk.asked().is_empty(), "{wrong}: {}", desk.shown());
            let shown = desk.shown();
            assert!(
                shown.contains("expected a country's two letters of ISO 3166-1"),
                "{wrong}: {shown}"
            );
        }
        desk.check(&format!("set-address-wrong-{columns}"));
        desk.keys("<ctrl-u>es<ctrl-s>");
        assert_eq!(args(&mut desk), "city=Porto country=es zip=-");
    }
}

#[test]
fn why_an_address_was_not_changed_has_its_rows_whatever_stands_above() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1:set-address <enter>");
    let news = |what: &str| News {
        what: what.into(),
        at: minutes(-1),
    };
    let since = Since {
        version: 4,
        news: vec![news("bo: note"), news("bo: claim")],
    };
    desk.send(Msg::News(RecordId::new(Kind::Order, 42), Ok(since)));
    desk.keys("<tab><tab><tab><tab><ctrl-u>Porto<ctrl-s>");
    let (request, ..) = under_way(&mut desk);
    let why = "a parcel of it has left, and what is to go with it cannot go elsewhere any more";
    let refused = ActError::Refused(verbs::Reason(why.into()));
    desk.send(Msg::Acted(request, Err(refused)));
    desk.check("set-address-refused-80");
    desk.rest();
    // Whichever field is written in: it is seen, and so is the refusal.
    for _ in 0..9 {
        let Some(Dialog::Form(form)) = &desk.app.dialog else {
            panic!("{}", desk.shown());
        };
        let label = format!("> {}", form.fields[form.focus].arg.name);
        let shown = desk.shown();
        assert!(shown.contains(&label), "{label}: {shown}");
        assert!(
            shown.contains("a parcel of it has left"),
            "{label}: {shown}"
        );
        assert!(shown.contains("any more"), "{label}: {shown}");
        desk.keys("<tab>");
    }
}

#[test]
fn an_address_follows_its_record_where_nothing_was_written() {
    // The row beside which the record is read is another.
    let mut desk = Desk::new(80, 24);
    desk.keys("1 jjj");
    desk.silent = true;
    desk.keys(":set-address <enter><tab><tab><tab><tab>Porto");
    assert!(!desk.shown().contains("Rua da Rosa"), "{}", desk.shown());
    desk.speak();
    let shown = desk.shown();
    assert!(shown.contains("Rua da Rosa"), "{shown}");
    assert!(shown.contains("was Lisboa"), "{shown}");
    desk.keys("<ctrl-s>");
    let (_, _, args) = under_way(&mut desk);
    assert_eq!(args, BTreeMap::from([("city".into(), "Porto".into())]));
    // What is meant for several is nobody's address.
    let mut desk = Desk::new(80, 24);
    desk.keys("1 j :set-address <enter>");
    assert!(!desk.shown().contains("Rua da Rosa"), "{}", desk.shown());
}

#[test]
fn what_becomes_of_a_lost_parcel_is_asked_with_its_units() {
    let inside = ["2 × MUG-BLUE-01 Stoneware mug, cobalt"];
    let mut desk = Desk::new(80, 24);
    desk.keys("3G:send-again<enter>");
    desk.foretold(&inside);
    desk.check("send-again-80");
    desk.keys("n<esc>:write-off refunded<enter>");
    desk.foretold(&inside);
    desk.check("write-off-80");
}

#[test]
fn a_refusal_takes_no_key_that_was_on_its_way_before_it() {
    let refused = || ActError::Refused(verbs::Reason("a parcel of it has left".into()));
    for command in ["1hstop<enter>", "1:hold stop<enter>"] {
        let mut desk = Desk::new(80, 24);
        desk.keys(command);
        let (request, ..) = under_way(&mut desk);
        desk.send(Msg::Acted(request, Err(refused())));
        desk.keys("j<enter>");
        desk.send(Msg::Paste("xx".into()));
        let shown = desk.shown();
        assert!(shown.contains("a parcel of it has left"), "{shown}");
        let told = shown.contains("3 keys typed ahead dropped");
        assert!(told || command.contains(':'), "{shown}");
        assert!(desk.asked().is_empty(), "{shown}");
        desk.rest();
        desk.keys("<end>ped<enter>");
        let (_, _, args) = under_way(&mut desk);
        assert_eq!(&*args["reason"], "stopped");
    }
    // What a number means is answered by the database too.
    let mut desk = Desk::new(80, 24);
    desk.keys(":#9999<enter>");
    desk.keys("x");
    let shown = desk.shown();
    assert!(
        shown.contains(":#9999 ") || shown.contains(":#9999\n"),
        "{shown}"
    );
}

#[test]
fn a_refusal_is_not_covered_by_what_nobody_asked_for() {
    let mut desk = Desk::new(80, 24);
    let lost = |desk: &Desk| Feed::Lost {
        heard: desk.now,
        why: "reset".to_owned(),
    };
    desk.keys("5");
    desk.send(Msg::Feed(lost(&desk)));
    desk.keys("u");
    assert!(desk.shown().contains("nothing to undo"), "{}", desk.shown());
    desk.send(Msg::Feed(Feed::Live));
    let shown = desk.shown();
    assert!(shown.contains("nothing to undo"), "{shown}");
    desk.keys("!");
    let shown = desk.shown();
    assert!(shown.contains("the database is back"), "{shown}");
    desk.keys("<esc>");
    // Once it is over, and where nothing was refused, it is told.
    desk.send(Msg::Feed(lost(&desk)));
    desk.send(Msg::Feed(Feed::Live));
    let shown = desk.shown();
    assert!(shown.contains("the database is back"), "{shown}");
}

#[test]
fn what_may_be_done_follows_the_roles_that_one_has() {
    let mut desk = Desk::new(80, 24);
    desk.now += TimeDelta::minutes(1);
    let effects = update(&mut desk.app, Msg::Tick, desk.now);
    let asks = effects.iter().any(|effect| matches!(effect, Effect::Roles));
    assert!(asks, "with the minute: {effects:?}");
    desk.send(Msg::Roles(Ok(vec![Role::Viewer])));
    let shown = desk.shown();
    assert!(shown.contains("your role is viewer now"), "{shown}");
    assert!(shown.contains("ana · viewer"), "{shown}");
    desk.keys("h");
    let shown = desk.shown();
    assert!(
        shown.contains("can't hold #1042: only warehouse, support"),
        "{shown}"
    );
    desk.send(Msg::Roles(Ok(vec![])));
    let shown = desk.shown();
    assert!(shown.contains("you have no role any more"), "{shown}");
    desk.send(Msg::Roles(Ok(vec![Role::Warehouse])));
    desk.keys("h");
    assert!(desk.shown().contains("hold #1042"), "{}", desk.shown());
}

#[test]
fn every_key_does_something_or_says_why_not() {
    // What moves does nothing at an end, and what goes where one is leaves one there.
    let moves = |command: Command| {
        command.pane().is_some()
            || matches!(
                command,
                Command::Down
                    | Command::Up
                    | Command::PageDown
                    | Command::PageUp
                    | Command::Top
                    | Command::Bottom
            )
    };
    let places = [
        ("list", false, ""),
        ("record", false, "o"),
        ("empty list", true, ""),
    ];
    for pane in 0..Pane::ALL.len() {
        for (name, empty, keys) in places {
            for command in Command::ALL.iter().filter(|command| !moves(**command)) {
                let mut desk = Desk::with(80, 24, empty);
                desk.keys(&format!("{pane}{keys}"));
                desk.app.said = None;
                desk.acts.clear();
                let before = desk.shown();
                let Some(chord) = desk.app.keymap.chords(*command).first().copied() else {
                    continue;
                };
                desk.send(Msg::Key(chord));
                assert!(
                    desk.shown() != before || !desk.acts.is_empty(),
                    "{} in pane {pane}, {name}:\n{before}",
                    command.as_str()
                );
            }
        }
    }
}

#[test]
fn a_key_that_does_nothing_says_so() {
    for key in [
        "z", "<alt-x>", "<f2>", "<delete>", "<insert>", "<ctrl-a>", "<ctrl-b>", "<ctrl-e>",
        "<ctrl-r>", "<ctrl-w>", "<left>", "<right>",
    ] {
        for place in ["1", "1o"] {
            let mut desk = Desk::new(80, 24);
            desk.keys(&format!("{place}{key}"));
            let shown = desk.shown();
            assert!(
                shown.contains("does nothing here; ? shows the keys"),
                "{key}:\n{shown}"
            );
        }
    }
    let mut desk = Desk::new(80, 24);
    desk.keys("<f1>");
    assert!(matches!(desk.app.dialog, Some(Dialog::Reading { .. })));
    desk.keys("<esc><f5>");
    assert!(matches!(desk.acts.as_slice(), [.., Effect::Redraw]));
}

#[test]
fn keys_wait_for_the_rows_that_they_are_meant_for() {
    let mut desk = Desk::new(80, 24);
    desk.silent = true;
    desk.keys("5jrDear Ines");
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    desk.now += TimeDelta::milliseconds(500);
    desk.send(Msg::Tick);
    let shown = desk.shown();
    assert!(shown.contains("waits for the list of tickets"), "{shown}");
    desk.speak();
    let shown = desk.shown();
    assert!(shown.contains(" reply TKT-6 "), "{shown}");
    assert!(shown.contains("Dear Ines"), "{shown}");
    // What is shown is not what was asked for.
    desk.keys("<esc><esc>");
    desk.silent = true;
    desk.keys("/late<enter>r");
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    // Nobody is kept waiting who does not want to.
    desk.keys("<esc>");
    desk.speak();
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    // Nor for what will not come.
    let mut desk = Desk::new(80, 24);
    desk.silent = true;
    desk.keys("5r");
    let Some(Effect::Window { request, query, .. }) = desk.unanswered.first().cloned() else {
        panic!("a list: {:?}", desk.unanswered);
    };
    let text = "no answer".to_owned();
    desk.send(Msg::Window(query.pane, request, Err(Failure { text })));
    let shown = desk.shown();
    assert!(shown.contains("reply: nothing is selected"), "{shown}");
}

#[test]
fn a_record_is_opened_by_its_number() {
    let mut desk = Desk::new(80, 24);
    desk.keys(":TKT-6");
    let shown = desk.shown();
    assert!(shown.contains("open this ticket"), "{shown}");
    desk.keys("<enter>");
    let place = desk.app.journey.page().map(|page| page.id);
    assert_eq!(place, Some(RecordId::new(Kind::Ticket, 6)));
    desk.keys(":TKT-7<enter>");
    let shown = desk.shown();
    assert!(shown.contains("TKT-7 does not exist"), "{shown}");
    assert!(shown.contains(":TKT-7"), "{shown}");
}

#[test]
fn a_view_that_was_shared_just_now_is_there() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1");
    desk.views.push(View {
        id: 9,
        name: "Of bo".into(),
        owner: "bo".into(),
        shared: true,
        look: packline::domain::views::Look {
            kind: Kind::Order,
            filter: "late".into(),
            sort: packline::domain::list::Sort::default_of(Pane::Of(Kind::Order)),
            columns: None,
        },
    });
    desk.keys("w");
    assert!(desk.shown().contains("Of bo"), "{}", desk.shown());
}

#[test]
fn whoever_fills_in_a_form_is_writing() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1h");
    let here = (RecordId::new(Kind::Order, 42), true);
    assert_eq!(desk.attends, Some(here));
}

#[test]
fn what_a_form_has_told_of_counts_as_seen() {
    let order = RecordId::new(Kind::Order, 42);
    let held = |since_told: i64| {
        let mut desk = Desk::new(80, 24);
        desk.keys("1hlater");
        let what = "bo: claim".to_owned();
        let since = Since {
            version: 5,
            news: vec![News { what, at: now() }],
        };
        desk.send(Msg::News(order, Ok(since)));
        desk.now += TimeDelta::milliseconds(since_told);
        desk.keys("<enter>");
        match desk.acts.pop() {
            Some(Effect::Act { step, .. }) => step.version,
            other => panic!("a hold: {other:?}"),
        }
    };
    assert_eq!(held(1000), 5);
    // Nobody has read it yet.
    assert_eq!(held(50), 3);
}

#[test]
fn a_check_is_done_by_a_key_on_its_line() {
    let mut desk = Desk::new(80, 24);
    desk.open_checks = true;
    desk.app.person.roles = vec![Role::Quality];
    desk.keys("4o");
    desk.keys("jjjp");
    let lines = desk.shown();
    let line = lines
        .lines()
        .find(|line| line.starts_with("> "))
        .expect("a cursor");
    let acts = desk.acts.iter().filter_map(|act| match act {
        Effect::Act { step, .. } => Some(step.args["check"].clone()),
        _ => None,
    });
    let acts: Vec<String> = acts.collect();
    assert!(
        acts.len() == 1 && line.contains(&acts[0]),
        "{acts:?}\n{lines}"
    );
    // Elsewhere the first that is open is proposed.
    let mut desk = Desk::new(80, 24);
    desk.open_checks = true;
    desk.app.person.roles = vec![Role::Quality];
    desk.keys("4p");
    let shown = desk.shown();
    assert!(
        shown.contains("pass-check") && shown.contains("quantity"),
        "{shown}"
    );
    desk.keys("<enter>");
    let passed =
        |act: &Effect| matches!(act, Effect::Act { step, .. } if step.args["check"] == "quantity");
    assert!(desk.acts.iter().any(passed), "{:?}", desk.acts);
    desk.keys("<esc>fwrong colour");
    let shown = desk.shown();
    assert!(
        shown.contains("wrong colour") && shown.contains("quantity"),
        "{shown}"
    );
}

#[test]
fn a_complaint_longer_than_the_window_leaves_room_for_what_there_is() {
    for (columns, rows) in [(40, 12), (80, 24)] {
        let mut desk = Desk::new(columns, rows);
        let macros = (0..80).map(|n| Macro {
            name: format!("{n} {}", "a long name ".repeat(4)),
            body: "Hello".into(),
        });
        desk.send(Msg::Macros(Ok(macros.collect())));
        desk.keys("5:reply macro:none<enter>");
        let screen = desk.shown();
        assert!(screen.contains("no macro is called so"), "{screen}");
        assert!(screen.contains("76 more") || rows == 12, "{screen}");
        assert!(screen.contains("reply"), "{screen}");
    }
}

#[test]
fn a_console_that_only_reads_says_so() {
    let mut desk = Desk::new(80, 24);
    desk.app.settings.read_only = true;
    let screen = desk.shown();
    assert!(screen.contains("ana · read only"), "{screen}");
    desk.keys("a");
    let screen = desk.shown();
    assert!(screen.contains("this console only reads"), "{screen}");
    // Nothing can be typed that would be refused in the end.
    desk.keys("<esc>");
    for keys in ["ww", "wn", "h", "x", "n", "u", "5r"] {
        desk.keys(keys);
        let screen = desk.shown();
        assert!(
            screen.contains("this console only reads"),
            "{keys}: {screen}"
        );
        let types = matches!(desk.app.dialog, Some(Dialog::Form(_)))
            || matches!(&desk.app.dialog, Some(Dialog::Views(shelf)) if shelf.naming.is_some());
        assert!(!types, "{keys}: {screen}");
        desk.rest();
        if desk.app.dialog.is_some() {
            desk.keys("<esc>");
        }
        desk.keys("1");
    }
    desk.keys(":hold ");
    desk.check("command-read-only-80");
    assert!(desk.acts.is_empty(), "{:?}", desk.acts);
}

#[test]
fn records_in_full() {
    let mut desk = Desk::new(80, 24);
    desk.keys("o");
    desk.check("order-full-80");
    desk.keys("G");
    desk.check("order-full-end-80");
    desk.keys("1<tab><tab><tab><enter>");
    desk.check("inspection-full-80");
    let mut desk = Desk::new(140, 40);
    desk.keys("5o");
    desk.check("ticket-full-140");
}

#[test]
fn what_can_be_done_and_why_not() {
    let mut desk = Desk::new(80, 24);
    desk.keys("a");
    desk.check("menu-80");
    desk.keys("<esc>h");
    desk.check("form-80");
    desk.keys("address<enter>");
    assert!(
        matches!(&desk.acts[..], [Effect::Act { step, .. }] if step.verb.name == "hold"
            && step.version == 3 && step.args["reason"] == "address")
    );
    let mut desk = Desk::new(80, 24);
    desk.keys("xno longer wanted<enter>");
    desk.foretold(&["PO-21 does not leave to Burren Mill"]);
    desk.check("confirm-80");
    desk.keys("x<enter>");
    assert!(desk.acts.is_empty(), "only y confirms");
    desk.keys("y");
    assert_eq!(desk.acts.len(), 1);
}

/// A colleague sets the stage of #1043, which the list has as its second row.
fn meanwhile(desk: &mut Desk, stage: Stage) {
    let mut changed = order(43, "C. O'Neill", stage, 58);
    changed.version = 4;
    let request = changes(desk, 43);
    let rows = vec![Refreshed {
        id: RecordId::new(Kind::Order, 43),
        row: Some(row(Record::Order(changed), 1)),
        matches: true,
    }];
    desk.send(Msg::Rows(Pane::Of(Kind::Order), request, Ok(rows)));
}

#[test]
fn what_is_picked_stays_picked_whatever_others_do() {
    let marked = |desk: &Desk, what: &str| {
        let shown = desk.shown();
        let mut lines = shown.lines().skip(2).map(|line| {
            let line = line.trim_start_matches([' ', '│']);
            line.split_whitespace()
                .take(3)
                .collect::<Vec<_>>()
                .join(" ")
        });
        assert!(lines.any(|line| line.starts_with(what)), "{what}: {shown}");
    };
    // Enter on what cannot be done any more says why.
    let mut desk = Desk::new(80, 24);
    desk.keys("1ja");
    marked(&desk, "> h hold");
    meanwhile(&mut desk, Stage::OnHold);
    marked(&desk, "> h hold");
    desk.keys("<enter>");
    assert!(desk.asked().is_empty(), "{}", desk.shown());
    let shown = desk.shown();
    assert!(shown.contains("can't hold #1043: "), "{shown}");
    desk.rest();
    // What moves is done where it stands by then.
    desk.keys("a");
    marked(&desk, "> l release");
    meanwhile(&mut desk, Stage::Confirmed);
    marked(&desk, "> l release");
    meanwhile(&mut desk, Stage::OnHold);
    desk.keys("<enter>");
    let (_, number, _) = under_way(&mut desk);
    assert_eq!(number, "#1043");
    // So on the command line, where nothing was chosen by hand.
    for typed in ["", "re"] {
        let mut desk = Desk::new(80, 24);
        desk.keys("1j:");
        desk.keys(typed);
        let shown = desk.shown();
        let first = shown.lines().rev().find(|line| line.starts_with("> "));
        let first = first.and_then(|line| line.split_whitespace().nth(1));
        let first = first.expect("a candidate").to_owned();
        meanwhile(&mut desk, Stage::OnHold);
        marked(&desk, &format!("> {first}"));
        assert!(desk.app.candidates(typed)[0].name != first);
        desk.keys("<enter>");
        assert!(desk.asked().is_empty(), "{}", desk.shown());
        let shown = desk.shown();
        assert!(shown.contains(&format!("can't {first} #1043: ")), "{shown}");
    }
    // Whoever types on picks anew.
    let mut desk = Desk::new(80, 24);
    desk.keys("1j:re");
    meanwhile(&mut desk, Stage::OnHold);
    desk.keys("l");
    marked(&desk, "> release");
    desk.keys("<enter>");
    let (_, number, _) = under_way(&mut desk);
    assert_eq!(number, "#1043");
}

#[test]
fn several_records_at_once() {
    let mut desk = Desk::new(80, 24);
    desk.keys("vjjjh");
    desk.check("form-marked-80");
}

#[test]
fn an_act_on_many_shows_each_result_and_can_be_stopped_between_two() {
    let mut desk = Desk::new(80, 24);
    desk.keys("vjjjhstocktaking<enter>");
    let Some(Effect::Act { request, step }) = desk.acts.pop() else {
        panic!("the first act, alone");
    };
    assert!(desk.acts.is_empty() && step.number == "#1042");
    desk.keys("<esc>");
    assert!(desk.shown().contains("stopping …"), "{}", desk.shown());
    let done = Done {
        id: Uuid::from_u128(1),
        summary: "held: stocktaking".into(),
        warning: None,
        version: 4,
        repeated: false,
        undo: None,
    };
    desk.send(Msg::Acted(request, Ok(done)));
    desk.check("bulk-stopped-80");
    let more = |effect: &Effect| matches!(effect, Effect::Act { .. });
    assert!(!desk.acts.iter().any(more), "the rest is left alone");
    assert_eq!(
        desk.app.list(Pane::Of(Kind::Order)).marked(),
        2,
        "and stays marked"
    );
    desk.keys("<esc>!");
    desk.check("bulk-messages-80");
}

#[test]
fn what_was_written_for_many_is_there_again_where_nothing_was_done() {
    let mut desk = Desk::new(80, 24);
    desk.keys("vjhstocktaking<enter>");
    let mut refused = 0;
    while let Some(Effect::Act { request, .. }) = desk.acts.pop() {
        refused += 1;
        let why = ActError::Refused(verbs::Reason("its parcel has left".into()));
        desk.send(Msg::Acted(request, Err(why)));
    }
    assert_eq!(refused, 2);
    assert!(desk.shown().contains("0 of 2 done"), "{}", desk.shown());
    desk.now += TimeDelta::seconds(1);
    desk.keys("<esc>");
    let screen = desk.shown();
    assert!(screen.contains("hold 2 orders"), "{screen}");
    assert!(screen.contains("stocktaking"), "{screen}");
}

#[test]
fn writing() {
    let mut desk = Desk::new(80, 24);
    desk.keys("5rBom dia Inês,<enter><enter>já vamos ver.");
    desk.check("reply-80");
    // What is answered stands above it, and is scrolled while one writes.
    let letter = "ines@example.org · 06:42";
    assert!(desk.shown().contains(letter), "{}", desk.shown());
    desk.keys("<alt-down>");
    assert!(!desk.shown().contains(letter), "{}", desk.shown());
    desk.keys(&"<alt-up>".repeat(20));
    assert!(desk.shown().contains("answer by 14:42"), "{}", desk.shown());
    assert!(desk.shown().contains("já vamos ver."), "{}", desk.shown());
    desk.keys("<ctrl-c>");
    assert!(desk.shown().contains("throw the text away?"));
    desk.keys("n<ctrl-s>");
    assert_eq!(desk.acts.len(), 1);
}

#[test]
fn a_long_text_says_how_much_of_it_is_out_of_sight() {
    let mut desk = Desk::new(80, 24);
    let lines: Vec<String> = (1..=12).map(|line| format!("line {line}")).collect();
    desk.keys(&format!("5r{}", lines.join("<enter>")));
    desk.check("reply-long-80");
    // What is in sight stays so until the cursor leaves it.
    desk.keys(&"<up>".repeat(9));
    let screen = desk.shown();
    assert!(screen.contains(" ↑ 2, ↓ 2 more "), "{screen}");
    desk.keys("<up><up><up><up>");
    let screen = desk.shown();
    assert!(screen.contains(" 4 more "), "{screen}");
    let mut desk = Desk::new(80, 24);
    desk.theme.unicode = false;
    desk.keys("oG");
    let screen = desk.shown();
    assert!(screen.contains(" ^ ") && !screen.contains('↑'), "{screen}");
}

#[test]
fn undo_and_giving_back_stand_in_a_narrow_footer() {
    let mut desk = Desk::new(80, 24);
    desk.app.person.login = "bo".into();
    desk.keys("haddress unclear<enter>");
    let request = sent(&mut desk);
    let undo = Undo {
        verb: "release".into(),
        args: BTreeMap::new(),
        says: "release #1042".into(),
    };
    let long = "held, because the customer wrote that the address of the parcel is not clear";
    desk.send(Msg::Acted(request, Ok(acted(long, Some(undo)))));
    let screen = desk.shown();
    for hint in ["u undo", "M unclaim", "? help", "… · u: release #1042 "] {
        assert!(screen.contains(hint), "no {hint}:\n{screen}");
    }
}

#[test]
fn the_command_line_completes_macros_and_shows_them_before_they_are_sent() {
    let mut desk = Desk::new(80, 24);
    let macros = [
        ("late parcel", "Dear {first-name},\nit will come."),
        ("thanks", "Thank you."),
    ];
    let macros = macros.map(|(name, body)| Macro {
        name: name.into(),
        body: body.into(),
    });
    desk.send(Msg::Macros(Ok(macros.into())));
    desk.keys("5:reply la");
    desk.check("command-macros-80");
    desk.keys("<tab><enter>");
    let screen = desk.shown();
    assert!(screen.contains("Dear Ines,"), "{screen}");
    assert!(screen.contains("it will come."), "{screen}");
    assert!(
        desk.acts
            .iter()
            .all(|effect| !matches!(effect, Effect::Act { .. }))
    );
    // It goes behind what was written before.
    desk.keys("<esc>:reply macro:thanks<enter>");
    let screen = desk.shown();
    assert!(screen.contains("it will come.Thank you."), "{screen}");
    desk.keys("<esc>:reply macro:none<enter>");
    let screen = desk.shown();
    assert!(screen.contains("there are late parcel, thanks"), "{screen}");
}

#[test]
fn labels_are_bought_only_where_somebody_sells_them() {
    let why = "nobody sells labels here";
    for carriers in [true, false] {
        let mut desk = Desk::new(80, 24);
        desk.app.settings.carriers = carriers;
        desk.keys("3:buy-label");
        assert_eq!(desk.shown().contains(why), !carriers, "{}", desk.shown());
        desk.keys("<esc>a");
        assert!(desk.shown().contains("buy-label"), "{}", desk.shown());
        assert_eq!(desk.shown().contains(why), !carriers, "{}", desk.shown());
    }
}

#[test]
fn filter_and_command_line() {
    let mut desk = Desk::new(80, 24);
    desk.keys("/late state:flying");
    desk.check("filter-wrong-80");
    desk.keys("<esc>:");
    desk.check("command-80");
    desk.keys("hld");
    desk.check("command-fuzzy-80");
    desk.keys("<esc>:adjust");
    desk.check("command-elsewhere-80");
}

#[test]
fn what_is_wrong_hides_nothing_that_is_offered() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1/state:");
    desk.check("filter-needs-80");
}

#[test]
fn in_a_narrow_window_what_matters_least_gives_way() {
    for columns in [60, 40] {
        let mut desk = Desk::new(columns, 15);
        for (key, pane) in ('0'..).zip(Pane::ALL) {
            desk.keys(&key.to_string());
            let shown = desk.shown();
            assert!(
                shown.contains("│5 Tkt"),
                "{columns}, {}: {shown}",
                pane.name()
            );
        }
        desk.keys("r");
        desk.check(&format!("reply-{columns}"));
        desk.keys("<esc>1");
        desk.check(&format!("orders-{columns}"));
    }
}

#[test]
fn a_line_too_long_for_its_place_says_that_it_goes_on() {
    let mut desk = Desk::new(80, 24);
    let last = |desk: &Desk| desk.shown().lines().last().unwrap_or_default().to_owned();
    desk.keys(&format!("1/{}end", "word ".repeat(20)));
    assert!(last(&desk).starts_with("/…"), "{}", last(&desk));
    assert!(last(&desk).ends_with("word end"), "{}", last(&desk));
    desk.keys("<home>");
    assert!(last(&desk).starts_with("/word word"), "{}", last(&desk));
    assert!(last(&desk).ends_with('…'), "{}", last(&desk));
}

#[test]
fn what_is_wrong_with_a_field_stands_under_it() {
    let mut desk = Desk::new(80, 24);
    desk.keys("5z<enter>");
    desk.check("form-wrong-80");
}

#[test]
fn a_filter_says_what_could_be_meant() {
    let mut desk = Desk::new(80, 24);
    desk.keys("/");
    desk.check("filter-offers-80");
    desk.keys("late c");
    desk.keys("<tab><tab>");
    assert_eq!(desk.app.list(Kind::Order).filter_text, "late");
    desk.keys("<tab><enter>");
    desk.check("filter-values-80");
    desk.keys("<tab>");
    assert_eq!(
        desk.app.list(Kind::Order).filter_text,
        "late carrier:\"CTT Expresso\""
    );
    desk.keys("<enter>");
    assert!(desk.app.dialog.is_none());
}

#[test]
fn the_command_line_completes_remembers_and_explains() {
    let mut desk = Desk::new(80, 24);
    desk.passed = Some(0);
    desk.keys(":hol<tab>");
    desk.check("command-reasons-80");
    desk.keys("<tab><enter>");
    let held = |effect: &Effect| matches!(effect, Effect::Act { step, .. } if step.args["reason"] == "address unclear");
    let kept = |effect: &Effect| matches!(effect, Effect::Remember { line } if line == "hold \"address unclear\"");
    assert!(
        desk.acts.iter().any(held) && desk.acts.iter().any(kept),
        "{:?}",
        desk.acts
    );
    let (request, ..) = under_way(&mut desk);
    desk.send(Msg::Acted(request, Ok(acted("held", None))));
    desk.keys(":sort price<enter>");
    desk.check("command-wrong-80");
    desk.keys("<esc>:<up>");
    let said = desk.shown();
    assert!(said.contains(":hold \"address unclear\""), "{said}");
    desk.keys("<down>so<tab>-a<tab><enter>");
    let sort = desk.app.list(Kind::Order).query.sort;
    assert!(sort.descending, "{sort:?}");
    assert!(desk.app.dialog.is_none());
}

#[test]
fn what_is_being_written_comes_back_from_the_lines_said_before() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1:sort -age<enter>:sort -due<enter>");
    let line = |desk: &Desk| {
        let shown = desk.shown();
        let last = shown.lines().last().unwrap_or_default();
        last.trim_end().to_owned()
    };
    desk.keys(":hold the customer asked");
    let written = line(&desk);
    assert_eq!(written, ":hold the customer asked");
    for back in [
        "<up><down>",
        "<up><up><down><down>",
        "<ctrl-n>",
        "<ctrl-p><ctrl-n><ctrl-n>",
    ] {
        desk.keys(back);
        assert_eq!(line(&desk), written, "{back}");
    }
    desk.keys("<up>");
    assert_ne!(line(&desk), written);
    desk.keys("<down> us<enter>");
    let (_, _, args) = under_way(&mut desk);
    assert_eq!(&*args["reason"], "the customer asked us");
}

/// The request of the act that was sent last.
impl Desk {
    fn asks_what_it_comes_to(&self) -> bool {
        (self.acts.iter()).any(|effect| matches!(effect, Effect::Foretell { .. }))
    }

    /// Answers the question what the act comes to.
    fn foretold(&mut self, lines: &[&str]) {
        let at = (self.acts.iter()).position(|effect| matches!(effect, Effect::Foretell { .. }));
        let Effect::Foretell { request, .. } = self.acts.remove(at.expect("a question")) else {
            unreachable!("it was found as one")
        };
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.send(Msg::Foretold(request, Ok(lines)));
    }
}

fn sent(desk: &mut Desk) -> u64 {
    let sent = desk.acts.drain(..).rev().find_map(|effect| match effect {
        Effect::Act { request, .. } => Some(request),
        _ => None,
    });
    sent.expect("an act")
}

fn wrong(name: &str, expected: &str) -> ActError {
    ActError::BadArgument {
        name: name.into(),
        expected: expected.into(),
    }
}

fn acted(summary: &str, undo: Option<Undo>) -> Done {
    Done {
        id: Uuid::from_u128(1),
        summary: summary.into(),
        warning: None,
        version: 4,
        repeated: false,
        undo,
    }
}

#[test]
fn a_wrong_argument_is_explained_where_it_stands_and_nothing_typed_is_lost() {
    let a_time = ArgKind::Time.expected();
    for (columns, rows) in [(80, 24), (140, 40)] {
        let mut desk = Desk::new(columns, rows);
        desk.keys("3:set-tracking Nobody JD01<enter>");
        assert!(desk.shown().contains("being done …"), "{}", desk.shown());
        let request = sent(&mut desk);
        let error = wrong("carrier", "a carrier's name");
        desk.send(Msg::Acted(request, Err(error)));
        desk.check(&format!("command-refused-{columns}"));
        // The cursor is behind the wrong word.
        desk.rest();
        desk.keys("<ctrl-w>DHL <enter>");
        let step = desk.acts.iter().find_map(|effect| match effect {
            Effect::Act { step, .. } => Some(step),
            _ => None,
        });
        let args = &step.expect("an act").args;
        assert_eq!((&*args["carrier"], &*args["code"]), ("DHL", "JD01"));
        let request = sent(&mut desk);
        desk.send(Msg::Acted(request, Ok(acted("set", None))));
        assert!(desk.app.dialog.is_none());

        // An explanation that is longer than its line.
        let mut desk = Desk::new(columns, rows);
        desk.keys("2:mute until=someday<enter>");
        let request = sent(&mut desk);
        desk.send(Msg::Acted(request, Err(wrong("until", &a_time))));
        desk.check(&format!("command-explained-{columns}"));
    }
}

#[test]
fn a_line_comes_back_from_its_question_and_from_what_the_record_refuses() {
    let mut desk = Desk::new(80, 24);
    desk.keys(":cancel no longer wanted<enter>n");
    let screen = desk.shown();
    assert!(screen.contains(":cancel no longer wanted"), "{screen}");
    desk.acts.clear();
    desk.keys("<enter>");
    desk.foretold(&[]);
    desk.keys("y");
    let request = sent(&mut desk);
    let refused = ActError::Refused(verbs::Reason("a parcel of it has left".into()));
    desk.send(Msg::Acted(request, Err(refused)));
    let screen = desk.shown();
    assert!(screen.contains("a parcel of it has left"), "{screen}");
    assert!(screen.contains(":cancel no longer wanted"), "{screen}");
    desk.rest();
    desk.keys("<esc>:release<enter>");
    let screen = desk.shown();
    assert!(screen.contains("can't release #1042"), "{screen}");
    assert!(screen.contains(":release"), "{screen}");
}

#[test]
fn whoever_does_not_wait_for_the_answer_to_a_line_goes_on() {
    let mut desk = Desk::new(80, 24);
    desk.keys(":claim<enter>");
    desk.keys("<esc>j:claim<enter><esc>j");
    assert!(desk.app.dialog.is_none());
    let at = desk.app.list(Kind::Order).selected_index();
    assert_eq!(at, 2);
    let request = sent(&mut desk);
    let error = wrong("x", "y");
    desk.send(Msg::Acted(request, Err(error)));
    assert!(
        desk.shown().contains("can't claim #1043"),
        "{}",
        desk.shown()
    );
}

#[test]
fn undo_says_which_act_it_takes_back_and_which_it_cannot() {
    for (columns, rows) in [(80, 24), (140, 40)] {
        let mut desk = Desk::new(columns, rows);
        desk.keys("haddress unclear<enter>");
        let request = sent(&mut desk);
        let undo = Undo {
            verb: "release".into(),
            args: BTreeMap::new(),
            says: "release #1042".into(),
        };
        desk.send(Msg::Acted(request, Ok(acted("held", Some(undo)))));
        desk.now += TimeDelta::minutes(3);
        desk.keys("jexyz<ctrl-s>");
        let request = sent(&mut desk);
        desk.send(Msg::Acted(request, Ok(acted("noted", None))));
        desk.keys("u");
        desk.check(&format!("undo-older-{columns}"));
        desk.keys("y");
        let request = sent(&mut desk);
        let refused = ActError::Refused(verbs::Reason("it is not on hold".into()));
        desk.send(Msg::Acted(request, Err(refused)));
        // What was refused for good is not asked about again, and the last act is still that.
        desk.keys("u");
        let screen = desk.shown();
        let last = "your last act, note #1043 (15:05), can't be undone";
        assert!(screen.contains(last), "{screen}");
    }
    let mut desk = Desk::new(80, 24);
    desk.keys("exyz<ctrl-s>");
    let request = sent(&mut desk);
    desk.send(Msg::Acted(request, Ok(acted("noted", None))));
    desk.keys("u");
    let screen = desk.shown();
    let lasting = "your last act, note #1042 (15:02), can't be undone";
    assert!(screen.contains(lasting), "{screen}");
}

#[test]
fn the_next_is_taken_once_however_often_its_key_is_pressed() {
    let mut desk = Desk::new(80, 24);
    let taken = |desk: &Desk| {
        let acts = desk.acts.iter();
        acts.filter(|effect| matches!(effect, Effect::Take { .. }))
            .count()
    };
    desk.keys("nn");
    desk.now += TimeDelta::seconds(3);
    desk.keys("n:take-next<enter>");
    assert_eq!(taken(&desk), 1);
    let Effect::Take { request } = desk.acts.remove(0) else {
        panic!("{:?}", desk.acts);
    };
    desk.keys("<esc>");
    desk.send(Msg::Taken(request, Ok(None)));
    assert!(desk.shown().contains("nothing is left"), "{}", desk.shown());
    desk.keys("n");
    assert_eq!(taken(&desk), 1, "and again once it was answered");
}

#[test]
fn a_title_that_does_not_fit_stands_whole_under_the_frame() {
    let mut desk = Desk::new(80, 24);
    let name = "山田太郎さんの注文".repeat(4);
    desk.keys(&format!("/late<enter>ww{name}<enter>wx"));
    desk.check("views-long-80");
}

#[test]
fn a_view_is_named_opened_shared_and_thrown_away() {
    let mut desk = Desk::new(80, 24);
    desk.keys("/late<enter>Sw");
    desk.check("views-none-80");
    let text = "the server is away".to_owned();
    desk.send(Msg::Kept(Err(Failure { text })));
    let shown = desk.shown();
    assert!(
        shown.contains("could not be read: the server is away"),
        "{shown}"
    );
    assert!(!shown.contains("None yet"), "{shown}");
    desk.keys("<esc>w");
    desk.keys("wLate ones<tab>");
    desk.check("views-naming-80");
    desk.keys("<enter>");
    assert!(
        desk.shown().contains("kept as view Late ones"),
        "{}",
        desk.shown()
    );
    desk.keys("<esc>/held<enter>wwHeld<enter><esc>w");
    desk.check("views-80");
    desk.send(Msg::Resize(140, 40));
    desk.check("views-140");
    desk.send(Msg::Resize(80, 24));
    desk.keys("<esc>:late o<enter>");
    let list = desk.app.list(Kind::Order);
    assert_eq!(
        (list.filter_text.as_str(), list.query.sort.descending),
        ("late", true)
    );
    desk.check("view-open-80");
    desk.keys("<esc>");
    let list = desk.app.list(Kind::Order);
    assert_eq!(
        (list.filter_text.as_str(), list.query.sort.descending),
        ("", false)
    );
    desk.keys("wxy");
    assert_eq!(desk.views.len(), 1);
}

#[test]
fn columns_are_chosen_moved_and_kept() {
    let mut desk = Desk::new(140, 40);
    desk.keys("C");
    desk.check("columns-140");
    let mut desk = Desk::new(80, 24);
    desk.keys("C");
    desk.check("columns-80");
    desk.keys("<enter>");
    assert!(desk.columns.is_empty(), "nothing was chosen");
    desk.keys("Cj <right>");
    desk.check("columns-no-room-80");
    desk.keys("G");
    desk.keys("<enter>");
    desk.check("columns-chosen-80");
    assert_eq!(
        desk.columns[&Kind::Order],
        [
            "number", "customer", "to", "stage", "units", "total", "ship by", "left", "who"
        ]
    );
    desk.keys("Cd");
    assert!(desk.columns.is_empty());
}

#[test]
fn every_column_of_the_domain_has_a_place_in_its_list() {
    for (key, kind) in ('1'..).zip(Kind::ALL) {
        for (title, _) in titles(*kind) {
            let mut desk = Desk::new(80, 24);
            desk.columns.insert(*kind, vec![(*title).to_owned()]);
            desk.send(Msg::Feed(Feed::Resync));
            desk.keys(&key.to_string());
            let screen = desk.shown();
            let heads = screen.lines().nth(3).expect("the titles");
            assert!(heads.trim().starts_with(title), "{kind} {title}: {heads}");
        }
    }
}

#[test]
fn help_and_messages() {
    let mut desk = Desk::new(80, 24);
    desk.keys("?");
    desk.check("help-80");
    desk.app.person.roles = vec![Role::Support];
    for _ in 0..12 {
        let cut = |line: &str| line.contains('…') && !line.contains("┌");
        let screen = desk.shown();
        let page: Vec<&str> = screen.lines().skip(3).collect();
        assert!(!page.iter().any(|line| cut(line)), "{screen}");
        desk.keys("<ctrl-d>");
    }
    desk.keys("<esc>l");
    desk.rest();
    desk.keys("!");
    desk.check("messages-80");
}

#[test]
fn a_message_leads_to_its_record() {
    let mut desk = Desk::new(80, 24);
    let draft = |id: i64, verb: &str| Draft {
        record: RecordId::new(Kind::Ticket, id),
        number: format!("TKT-{id}"),
        verb: verb.into(),
        args: [("text".to_owned(), "Dear Ines".to_owned())].into(),
        at: minutes(-4),
    };
    // They are told of when they are read first, and where a file of this machine had some.
    let found = Recovered {
        record: RecordId::new(Kind::Ticket, 6),
        number: "TKT-6".into(),
        verb: "note".into(),
        became: Became::Draft(minutes(-4)),
    };
    desk.silent = true;
    desk.send(Msg::Recovered(Ok(vec![found])));
    desk.silent = false;
    desk.unanswered.clear();
    let drafts = vec![draft(5, "reply"), draft(6, "note")];
    desk.send(Msg::Drafts(Ok(drafts)));
    desk.keys("1hlater<enter>");
    let request = sent(&mut desk);
    desk.send(Msg::Acted(request, Ok(was_done("held"))));
    desk.keys("!");
    desk.check("messages-links-80");
    // A newer one does not take the cursor's place.
    desk.keys("j");
    desk.send(Msg::Panicked("none".into()));
    let shown = desk.shown();
    assert!(
        shown.contains("> 15:02:31  draft  not sent yet: reply TKT-5"),
        "{shown}"
    );
    desk.keys("<enter>");
    let here = desk.app.journey.page().map(|page| page.id);
    assert_eq!(here, Some(RecordId::new(Kind::Ticket, 5)));
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    // A line that leads nowhere says so, and the messages stay.
    desk.keys("!g<enter>");
    let shown = desk.shown();
    assert!(shown.contains("this line leads nowhere"), "{shown}");
    assert!(shown.contains("messages of this run"), "{shown}");
    desk.keys("<esc>");
    let here = desk.app.journey.page().map(|page| page.id);
    assert_eq!(here, Some(RecordId::new(Kind::Ticket, 5)));
}

#[test]
fn lost_and_changed() {
    let mut desk = Desk::new(80, 24);
    desk.now += TimeDelta::seconds(12);
    desk.send(Msg::Feed(Feed::Lost {
        heard: now(),
        why: "the server closed it".into(),
    }));
    desk.check("lost-80");
    desk.now += TimeDelta::seconds(60);
    desk.send(Msg::Tick);
    assert!(
        desk.shown().contains("○ offline (as of 15:02:31)"),
        "{}",
        desk.shown()
    );

    let mut desk = Desk::new(80, 24);
    desk.keys("j");
    let mut changed = order(43, "C. O'Neill", Stage::OnHold, 58);
    changed.version = 4;
    changed.assignee = Some("bo".into());
    let request = changes(&mut desk, 43);
    let rows = vec![Refreshed {
        id: RecordId::new(Kind::Order, 43),
        row: Some(row(Record::Order(changed), 1)),
        matches: false,
    }];
    desk.send(Msg::Rows(Pane::Of(Kind::Order), request, Ok(rows)));
    desk.check("left-the-list-80");
    desk.keys("k");
    assert!(!desk.shown().contains("#1043"), "it goes when one moves on");
}

/// Tells of a change; answers the number of the request that it leads to.
fn changes(desk: &mut Desk, id: i64) -> u64 {
    let changed = Feed::Changed(vec![RecordId::new(Kind::Order, id)]);
    let effects = update(&mut desk.app, Msg::Feed(changed), desk.now);
    effects
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Rows { request, ids, .. } if ids == [RecordId::new(Kind::Order, id)] => {
                Some(request)
            }
            _ => None,
        })
        .expect("the changed row is asked for, and nothing else")
}

#[test]
fn without_unicode_all_is_ascii() {
    let mut desk = Desk::new(80, 24);
    desk.theme.unicode = false;
    desk.check("orders-ascii-80");
    let screen = desk.shown().replace('◁', "");
    assert!(screen.is_ascii(), "{screen}");
}

#[test]
fn time_alone_reads_the_list_again() {
    let mut desk = Desk::new(80, 24);
    let windows = |desk: &mut Desk, seconds| {
        desk.now += TimeDelta::seconds(seconds);
        let effects = update(&mut desk.app, Msg::Tick, desk.now);
        let windows = effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Window { .. }));
        windows.count()
    };
    // When the minute that the clock shows is another, and not before.
    assert_eq!(windows(&mut desk, 28), 0);
    assert_eq!(windows(&mut desk, 1), 1);
    assert_eq!(windows(&mut desk, 59), 0);
    assert_eq!(windows(&mut desk, 1), 1);
}

#[test]
fn what_only_time_changes_is_another_with_the_clock() {
    let mut desk = Desk::new(140, 40);
    let begun = desk.shown();
    // Promises end at the 31st second of their minutes.
    desk.now += TimeDelta::seconds(27);
    desk.send(Msg::Tick);
    assert_eq!(desk.shown(), begun);
    desk.now += TimeDelta::seconds(2);
    desk.send(Msg::Tick);
    let screen = desk.shown();
    assert!(screen.contains("15:03 UTC+1"), "{screen}");
    assert!(screen.contains("-2h04"), "{screen}");
}

#[test]
fn a_filter_on_its_way_to_a_term_keeps_the_list() {
    let mut desk = Desk::new(80, 24);
    desk.keys("/late state:");
    assert_eq!(desk.app.list(Kind::Order).filter_text, "late");
    desk.keys("held");
    assert_eq!(desk.app.list(Kind::Order).filter_text, "late state:held");
}

#[test]
fn a_long_line_shows_where_its_cursor_is() {
    let mut desk = Desk::new(80, 24);
    desk.keys("/");
    desk.send(Msg::Paste("é".repeat(100_000)));
    desk.keys("x");
    let screen = desk.shown();
    let line = screen.lines().last().expect("a line");
    assert!(line.ends_with("éx"), "{line}");
    assert_eq!(line.chars().count(), 79, "{line}");
}

#[test]
fn verbs_for_others_take_one_line() {
    let mut desk = Desk::new(80, 24);
    desk.app.person.roles = vec![Role::Viewer];
    desk.keys("a");
    let screen = desk.shown();
    assert!(screen.contains("are for warehouse"), "{screen}");
    assert!(!screen.contains("not now"), "{screen}");
}

#[test]
fn a_small_window_says_so_in_full() {
    let desk = Desk::new(20, 5);
    let screen = desk.shown();
    let words: Vec<&str> = screen.split_whitespace().collect();
    assert_eq!(words.join(" "), "The window is too small: 40×12 at least.");
}

#[test]
fn an_act_that_was_not_sent_waits_in_its_form_for_the_connection() {
    let mut desk = Desk::new(80, 24);
    desk.keys("haddress<enter>");
    let Some(Effect::Act { request, .. }) = desk.acts.pop() else {
        panic!("an act");
    };
    let error = ActError::Db(DbError::Closed);
    desk.send(Msg::Acted(request, Err(error)));
    let told = "not sent: no connection; ctrl-s tries again";
    assert!(desk.shown().contains(told), "{}", desk.shown());
    desk.send(Msg::Feed(Feed::Live));
    let told = "not sent; the database is back: ctrl-s sends it";
    desk.now += TimeDelta::seconds(30);
    desk.send(Msg::Tick);
    assert!(desk.shown().contains(told), "{}", desk.shown());
    desk.keys("<ctrl-s>");
    assert!(!desk.shown().contains("not sent"), "{}", desk.shown());
    let mut acts = desk.acts.iter();
    assert!(acts.any(|effect| matches!(effect, Effect::Act { .. })));
}

/// An act that was done.
fn was_done(summary: &str) -> Done {
    Done {
        id: Uuid::from_u128(1),
        summary: summary.into(),
        warning: None,
        version: 4,
        repeated: false,
        undo: None,
    }
}

impl Desk {
    /// The acts that were asked for since the last time.
    fn asked(&mut self) -> Vec<(u64, String)> {
        let acts = std::mem::take(&mut self.acts).into_iter();
        acts.filter_map(|effect| match effect {
            Effect::Act { request, step } => Some((request, step.number)),
            _ => None,
        })
        .collect()
    }

    /// The one that is under way was not: the database is away.
    fn meets_an_outage(&mut self, request: u64, error: DbError) {
        self.send(Msg::Acted(request, Err(ActError::Db(error))));
        assert!(self.asked().is_empty(), "nothing goes on without it");
        let (heard, why) = (self.now, "reset".to_owned());
        self.send(Msg::Feed(Feed::Lost { heard, why }));
        self.now += TimeDelta::seconds(60);
        self.send(Msg::Tick);
        assert!(self.asked().is_empty(), "nor with time");
        let screen = self.shown();
        assert!(screen.contains("waits for the database"), "{screen}");
    }
}

#[test]
fn an_act_on_many_waits_for_the_database_and_goes_on_with_the_same_act() {
    let mut desk = Desk::new(80, 24);
    desk.keys("vjjecall back<ctrl-s>");
    let [(first, number)] = desk.asked().try_into().expect("one act");
    // The draft is the first record's, and goes with its act.
    assert_eq!(number, "#1043");
    desk.send(Msg::Acted(first, Ok(was_done("noted: call back"))));
    let [(second, number)] = desk.asked().try_into().expect("one act");
    assert_eq!(number, "#1044");
    desk.meets_an_outage(second, DbError::Unknown("reset".into()));
    desk.send(Msg::Feed(Feed::Live));
    let again = desk.asked();
    assert_eq!(again, [(second, "#1044".to_owned())], "and nothing twice");
    desk.send(Msg::Acted(second, Ok(was_done("noted: call back"))));
    let [(third, _)] = desk.asked().try_into().expect("one act");
    // The feed need not have noticed: then time tells.
    desk.send(Msg::Acted(third, Err(ActError::Db(DbError::Closed))));
    assert!(desk.asked().is_empty());
    desk.now += TimeDelta::seconds(2);
    desk.send(Msg::Tick);
    assert_eq!(desk.asked(), [(third, "#1042".to_owned())]);
    desk.send(Msg::Acted(third, Ok(was_done("noted: call back"))));
    let screen = desk.shown();
    assert!(screen.contains("note 3 orders: 3 of 3 done"), "{screen}");
    desk.now += TimeDelta::seconds(1);
    desk.keys("<esc>");
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    assert_eq!(desk.app.list(Kind::Order).marked(), 0);
}

#[test]
fn what_an_act_on_many_did_not_reach_stays_marked_and_so_does_the_text() {
    let mut desk = Desk::new(80, 24);
    desk.keys("vjjjecall back<ctrl-s>");
    let [(first, _)] = desk.asked().try_into().expect("one act");
    desk.send(Msg::Acted(first, Ok(was_done("noted: call back"))));
    let [(second, number)] = desk.asked().try_into().expect("one act");
    assert_eq!(number, "#1044");
    let why = ActError::Refused(verbs::Reason("it is closed".into()));
    desk.send(Msg::Acted(second, Err(why)));
    let [(third, number)] = desk.asked().try_into().expect("one act");
    assert_eq!(number, "#1045");
    desk.meets_an_outage(third, DbError::Unknown("reset".into()));
    desk.keys("<esc>");
    let screen = desk.shown();
    // What was not done is read first, and counted.
    let [doubtful, refused, done] =
        ["#1045     not", "#1044     not", "#1043     noted"].map(|line| {
            screen
                .find(line)
                .unwrap_or_else(|| panic!("no {line}:\n{screen}"))
        });
    assert!(doubtful < refused && refused < done, "{screen}");
    assert!(screen.contains("3 of 4, 2 not done"), "{screen}");
    assert!(screen.contains("perhaps done, perhaps not"), "{screen}");
    assert_eq!(desk.app.list(Kind::Order).marked(), 3);
    desk.now += TimeDelta::seconds(1);
    desk.keys("<esc>");
    // Not for the one that may have it.
    let screen = desk.shown();
    assert!(screen.contains("note 2 orders"), "{screen}");
    assert!(screen.contains("call back"), "{screen}");
}

#[test]
fn more_urgent_work_of_a_kind_that_was_asked_for_is_told() {
    let mut desk = Desk::new(80, 24);
    let told = |desk: &mut Desk, orders: i64, tickets: i64| {
        let mut counts = desk.app.counts.clone().expect("counts");
        counts.orders.urgent = Count(orders);
        counts.tickets.urgent = Count(tickets);
        desk.acts.clear();
        desk.send(Msg::Counts(Ok(counts)));
        desk.acts.iter().find_map(|effect| match effect {
            Effect::Alarm(text) => Some(text.clone()),
            _ => None,
        })
    };
    assert_eq!(told(&mut desk, 7, 5), None, "tickets were not asked for");
    assert_eq!(told(&mut desk, 9, 5).as_deref(), Some("urgent: 9 orders"));
    assert_eq!(told(&mut desk, 9, 5), None, "it is told once");
    assert_eq!(told(&mut desk, 2, 5), None);
}

#[test]
fn what_can_be_copied_is_offered_and_copied() {
    let mut desk = Desk::new(80, 24);
    desk.keys("y");
    desk.check("copy-80");
    desk.keys("2");
    let copied: Vec<&str> = desk
        .acts
        .iter()
        .filter_map(|effect| match effect {
            Effect::Copy(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(copied, ["JD01460000000007"]);
    assert!(
        desk.shown()
            .contains("copied tracking code: JD01460000000007")
    );
}

#[test]
fn what_is_too_long_for_a_clipboard_is_shown_instead() {
    let mut desk = Desk::new(80, 24);
    let request = changes(&mut desk, 42);
    let long = order(42, &"Ines ".repeat(20_000), Stage::Processing, -123);
    let rows = vec![Refreshed {
        id: RecordId::new(Kind::Order, 42),
        row: Some(row(Record::Order(long), 0)),
        matches: true,
    }];
    desk.send(Msg::Rows(Pane::Of(Kind::Order), request, Ok(rows)));
    desk.keys("y");
    let at = desk.shown().lines().find_map(|line| {
        let (before, _) = line.split_once('│')?.1.split_once(" customer ")?;
        before.trim_end().chars().next_back()
    });
    desk.keys(&at.expect("the customer can be copied").to_string());
    assert!(!desk.acts.iter().any(|act| matches!(act, Effect::Copy(_))));
    desk.check("copy-too-long-80");
    desk.keys("<esc>");
    let screen = desk.shown();
    assert!(screen.contains("#1043"), "{screen}");
}

#[test]
fn nothing_wakes_a_console_that_has_nothing_to_ask_or_nobody_to_ask_it() {
    let mut desk = Desk::new(80, 24);
    desk.keys("0o");
    for _ in 0..120 {
        desk.now += TimeDelta::seconds(1);
        desk.send(Msg::Tick);
        assert!(!desk.app.is_fading());
        // Counts that are asked for again wait for their pause, and no longer.
        let waits = desk.app.wants_tick();
        desk.now += TimeDelta::milliseconds(300);
        desk.send(Msg::Tick);
        assert!(!desk.app.wants_tick(), "{waits}");
    }
    desk.send(Msg::Feed(Feed::Lost {
        heard: desk.now,
        why: "the server closed it".into(),
    }));
    for _ in 0..120 {
        desk.now += TimeDelta::seconds(1);
        desk.send(Msg::Tick);
        assert!(!desk.app.wants_tick());
    }
}

#[test]
fn what_is_written_without_a_database_is_not_forgotten() {
    let mut desk = Desk::new(80, 24);
    desk.keys("5");
    desk.send(Msg::Feed(Feed::Lost {
        heard: now(),
        why: "the server closed it".into(),
    }));
    desk.keys("rDear Ines<esc>k");
    let words = desk.app.last_words();
    assert!(
        matches!(&words[..], [Unsaved { args: Some(args), .. }] if args["text"] == "Dear Ines"),
        "{words:?}"
    );
    desk.keys("r");
    assert!(desk.shown().contains("Dear Ines"), "{}", desk.shown());
}

/// What a person would type into a form for this.
fn typed_for(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::OneOf(_) => "<right>",
        ArgKind::Quantity | ArgKind::Count | ArgKind::Change => "1",
        ArgKind::Time => "2d",
        _ => "DHL",
    }
}

#[test]
fn danger_is_confirmed_by_another_key_than_called_it() {
    let dangerous = verbs::all().filter(|verb| verb.danger == Danger::Confirm);
    let mut seen = 0;
    for verb in dangerous {
        let mut desk = Desk::new(80, 24);
        desk.app.person.roles = vec![Role::Admin];
        let at = records(verb.kind)
            .iter()
            .position(|record| (verb.applies_to)(record).is_ok())
            .unwrap_or_else(|| panic!("{} applies to nothing here", verb.name));
        let pane = Pane::Of(verb.kind);
        let key = Pane::ALL.iter().position(|each| *each == pane);
        desk.keys(&key.expect("a pane").to_string());
        desk.keys(&"j".repeat(at));
        // By name, where it is too rare for a key.
        let (called, key) = match verb.key {
            Some(key) => (key.to_string(), key.to_string()),
            None => (format!(":{}<enter>", verb.name), "<enter>".to_owned()),
        };
        desk.keys(&called);
        for arg in verb.args {
            desk.keys(typed_for(arg.kind));
            desk.keys("<enter>");
        }
        let asks = |desk: &Desk| matches!(desk.app.dialog, Some(Dialog::Confirm(_)));
        assert!(asks(&desk), "{}: {:?}", verb.name, desk.app.dialog);
        assert_ne!(key, "y");
        desk.keys(&key);
        desk.keys("<enter><space><tab>adxpdq");
        assert!(asks(&desk), "{}", verb.name);
        let done = |desk: &Desk| {
            let acts = desk.acts.iter();
            acts.filter(|effect| matches!(effect, Effect::Act { .. }))
                .count()
        };
        assert_eq!(done(&desk), 0, "{}", verb.name);
        if desk.asks_what_it_comes_to() {
            desk.keys("y");
            assert_eq!(done(&desk), 0, "{}: it may be refused", verb.name);
            desk.foretold(&[]);
        }
        desk.keys("y");
        assert_eq!(done(&desk), 1, "{}", verb.name);
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} verbs ask");
}

fn conflict() -> ActError {
    ActError::Conflict(Conflict {
        version: 9,
        since: vec!["bo: claim, 3 s ago".into()],
    })
}

#[test]
fn no_answer_opens_over_what_is_being_typed() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1jm");
    let Some(Effect::Act { request, .. }) = desk.acts.pop() else {
        panic!("a claim: {:?}", desk.acts);
    };
    desk.keys("/ine");
    desk.send(Msg::Acted(request, Err(conflict())));
    desk.keys("s");
    assert_eq!(desk.app.list(Kind::Order).filter_text, "ines");
    assert!(desk.shown().contains("/ines"), "{}", desk.shown());
    desk.keys("<enter>!");
    assert!(desk.shown().contains("bo: claim"), "{}", desk.shown());
}

#[test]
fn an_answer_that_comes_by_itself_takes_no_key_that_was_not_meant_for_it() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1hlater<enter>");
    let Some(Effect::Act { request, .. }) = desk.acts.pop() else {
        panic!("a hold: {:?}", desk.acts);
    };
    desk.send(Msg::Acted(request, Err(conflict())));
    let stands = |desk: &Desk| matches!(desk.app.dialog, Some(Dialog::Conflict(_)));
    assert!(stands(&desk));
    for _ in 0..5 {
        desk.now += TimeDelta::milliseconds(250);
        desk.keys("<enter>");
        assert!(stands(&desk), "an impatient key has closed it unread");
    }
    desk.rest();
    desk.keys("<enter>");
    assert!(matches!(desk.app.dialog, Some(Dialog::Form(_))));
    assert!(desk.shown().contains("later"), "{}", desk.shown());
}

/// The one act that is under way: its request, its record's number and its arguments.
fn under_way(desk: &mut Desk) -> (u64, String, BTreeMap<String, String>) {
    let acts = std::mem::take(&mut desk.acts).into_iter();
    let acts = acts.filter_map(|effect| match effect {
        Effect::Act { request, step } => Some((request, step.number, step.args)),
        _ => None,
    });
    let [act] = acts.collect::<Vec<_>>().try_into().expect("one act");
    act
}

#[test]
fn what_is_typed_while_an_act_is_under_way_waits_for_its_answer() {
    let mut desk = Desk::new(80, 24);
    desk.passed = Some(0);
    desk.keys("1jhstop<enter>khpay by call");
    desk.send(Msg::Paste(" later".into()));
    desk.keys("<enter>");
    let (request, number, args) = under_way(&mut desk);
    assert_eq!((&*number, &*args["reason"]), ("#1043", "stop"));
    desk.now += TimeDelta::milliseconds(500);
    desk.send(Msg::Tick);
    let shown = desk.shown();
    assert!(shown.contains("keys wait for the answer"), "{shown}");
    desk.send(Msg::Acted(request, Ok(acted("held", None))));
    let (request, number, args) = under_way(&mut desk);
    assert_eq!((&*number, &*args["reason"]), ("#1042", "pay by call later"));
    desk.send(Msg::Acted(request, Ok(acted("held", None))));
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    assert!(desk.asked().is_empty(), "{}", desk.shown());
}

#[test]
fn each_of_several_checks_passed_at_one_go_is_another() {
    let mut desk = Desk::new(80, 24);
    desk.open_checks = true;
    desk.passed = Some(0);
    desk.app.person.roles = vec![Role::Quality];
    desk.keys("4p<enter>p<enter>p<enter>");
    let mut checks = Vec::new();
    for (passed, version) in (1..).zip(3..6) {
        let (request, _, args) = under_way(&mut desk);
        checks.push(args["check"].clone());
        desk.passed = Some(passed);
        let done = Done {
            version,
            ..acted("passed", None)
        };
        desk.send(Msg::Acted(request, Ok(done)));
    }
    assert_eq!(checks, ["quantity", "condition", "packaging"]);
    assert!(desk.asked().is_empty(), "{}", desk.shown());
}

#[test]
fn what_was_typed_behind_an_act_that_was_refused_is_dropped_with_a_word() {
    let refused = || ActError::Refused(verbs::Reason("a parcel of it has left".into()));
    for error in [refused(), conflict()] {
        let mut desk = Desk::new(80, 24);
        desk.keys("1jhstop<enter>khpay<enter>");
        let (request, ..) = under_way(&mut desk);
        desk.send(Msg::Acted(request, Err(error)));
        let shown = desk.shown();
        assert!(shown.contains("6 keys typed ahead dropped"), "{shown}");
        // The fingers have not noticed yet.
        desk.keys("x<enter>");
        let shown = desk.shown();
        assert!(shown.contains("8 keys typed ahead dropped"), "{shown}");
        assert!(desk.asked().is_empty(), "{}", desk.shown());
        assert_eq!(desk.app.list(Kind::Order).selected_index(), 1);
        desk.rest();
        if matches!(desk.app.dialog, Some(Dialog::Conflict(_))) {
            desk.keys("<enter>");
        }
        desk.keys("ped<enter>");
        let (_, number, args) = under_way(&mut desk);
        assert_eq!((&*number, &*args["reason"]), ("#1043", "stopped"));
    }
}

#[test]
fn a_question_is_not_answered_by_what_was_typed_before_it() {
    let mut desk = Desk::new(80, 24);
    desk.passed = Some(0);
    desk.keys("1jhstop<enter>k:cancel no longer wanted<enter>y");
    let (request, ..) = under_way(&mut desk);
    desk.send(Msg::Acted(request, Ok(acted("held", None))));
    if desk.asks_what_it_comes_to() {
        desk.foretold(&[]);
    }
    desk.keys("y");
    let asks = matches!(desk.app.dialog, Some(Dialog::Confirm(_)));
    assert!(asks, "{}", desk.shown());
    assert!(desk.shown().contains("2 keys typed"), "{}", desk.shown());
    // Whoever does not want to wait need not.
    let mut desk = Desk::new(80, 24);
    desk.keys("1hstop<enter>jh<esc>");
    let (request, ..) = under_way(&mut desk);
    desk.send(Msg::Acted(request, Ok(acted("held", None))));
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    assert_eq!(desk.app.list(Kind::Order).selected_index(), 0);
}

#[test]
fn what_was_typed_for_what_a_refusal_kept_from_opening_does_nothing_else() {
    let mut desk = Desk::new(80, 24);
    desk.keys("1jjhjust a moment<enter>");
    let shown = desk.shown();
    assert!(shown.contains("can't hold #1044: it is on hold"), "{shown}");
    assert!(shown.contains("14 keys typed after it dropped"), "{shown}");
    assert_eq!(desk.app.list(Kind::Order).selected_index(), 2);
    assert!(desk.app.dialog.is_none() && desk.asked().is_empty());
    desk.rest();
    // The message leads to what it is about.
    desk.keys("k!<enter>");
    let page = desk.app.journey.page().map(|page| page.id);
    assert_eq!(page.map(|id| id.id), Some(44), "{}", desk.shown());
}

#[test]
fn what_is_written_on_the_command_line_behind_an_act_is_judged_by_how_that_went() {
    let mut desk = Desk::new(80, 24);
    desk.passed = Some(0);
    desk.keys("1jjl:hold again<enter>");
    let (request, number, _) = under_way(&mut desk);
    assert_eq!(number, "#1044");
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    let done = acted("released", None);
    desk.send(Msg::Acted(request, Ok(done)));
    assert!(desk.shown().contains(":hold again"), "{}", desk.shown());
}

#[test]
fn what_was_written_can_be_read_and_thrown_away_when_it_can_be_sent_no_more() {
    let mut desk = Desk::new(80, 24);
    desk.passed = Some(0);
    desk.keys("1jhstop it<esc>");
    let shown = desk.shown();
    assert!(
        shown.contains("until you leave: h opens it again"),
        "{shown}"
    );
    meanwhile(&mut desk, Stage::OnHold);
    for opened in ["h", ":hold<enter>"] {
        desk.keys(opened);
        let shown = desk.shown();
        assert!(shown.contains("stop it"), "{opened}: {shown}");
        assert!(shown.contains("it is on hold"), "{opened}: {shown}");
        desk.keys("<esc>");
    }
    desk.keys("h<ctrl-u><esc>");
    desk.keys("h");
    let shown = desk.shown();
    assert!(desk.app.dialog.is_none(), "{shown}");
    assert!(shown.contains("can't hold #1043: it is on hold"), "{shown}");
}

#[test]
fn a_question_that_a_colleague_has_answered_is_told_and_takes_no_key() {
    let mut desk = Desk::new(80, 24);
    desk.keys("3Ga");
    let menu = desk.app.menu();
    let place = menu.iter().position(|(verb, _)| verb.name == "send-again");
    desk.keys(&"j".repeat(place.expect("a place in the menu")));
    desk.keys("<enter>");
    let asked = desk.acts.iter().find_map(|effect| match effect {
        Effect::Foretell { request, .. } => Some(*request),
        _ => None,
    });
    let request = asked.expect("what it comes to");
    let refused = ActError::Refused(verbs::Reason("it is cancelled".into()));
    desk.send(Msg::Foretold(request, Err(refused)));
    desk.keys("y");
    let shown = desk.shown();
    assert!(
        shown.contains("it is cancelled; 1 key typed after it dropped"),
        "{shown}"
    );
}

#[test]
fn who_reads_the_messages_stays_at_one_when_the_oldest_go() {
    let mut desk = Desk::new(80, 24);
    let refuse = |desk: &mut Desk, times: usize| {
        for _ in 0..times {
            desk.keys("l");
            desk.rest();
        }
    };
    desk.keys("1");
    refuse(&mut desk, 1000);
    desk.keys("j");
    refuse(&mut desk, 1);
    desk.keys("k");
    refuse(&mut desk, 3);
    desk.keys("!jjj");
    let text = "the server is away".to_owned();
    desk.send(Msg::Kept(Err(Failure { text })));
    desk.keys("<enter>");
    let page = desk.app.journey.page().map(|page| page.id.id);
    assert_eq!(page, Some(43), "{}", desk.shown());
}

/// What takes an act on an order back.
fn undo(verb: &str, says: &str) -> Undo {
    Undo {
        verb: verb.into(),
        args: BTreeMap::new(),
        says: says.into(),
    }
}

/// #1042 was held and can be released again; the cursor is on #1044, which is on hold.
fn held_before() -> Desk {
    let mut desk = Desk::new(80, 24);
    desk.passed = Some(0);
    desk.keys("1hstop<enter>");
    let (request, ..) = under_way(&mut desk);
    let done = acted("held", Some(undo("release", "release #1042")));
    desk.send(Msg::Acted(request, Ok(done)));
    desk.keys("jj");
    desk
}

#[test]
fn undo_behind_an_act_that_is_under_way_means_that_act() {
    for typed in ["lu", "luy"] {
        let mut desk = held_before();
        desk.keys(typed);
        let (request, number, _) = under_way(&mut desk);
        assert_eq!(number, "#1044");
        desk.now += TimeDelta::seconds(2);
        desk.send(Msg::Tick);
        assert!(desk.app.dialog.is_none(), "{}", desk.shown());
        assert!(desk.shown().contains("for the answer"), "{}", desk.shown());
        let done = acted("released", Some(undo("hold", "hold #1044 again")));
        desk.send(Msg::Acted(request, Ok(done)));
        let shown = desk.shown();
        assert!(shown.contains("hold #1044 again?"), "{shown}");
        assert!(shown.contains("your last act: release #1044"), "{shown}");
        assert!(desk.asked().is_empty(), "{shown}");
        let dropped = shown.contains("1 key typed ahead dropped");
        assert_eq!(dropped, typed == "luy", "{shown}");
        desk.rest();
        desk.keys("y");
        let (request, number, _) = under_way(&mut desk);
        assert_eq!(number, "#1044");
        desk.send(Msg::Acted(request, Ok(acted("held", None))));
        desk.keys("u");
        let shown = desk.shown();
        assert!(shown.contains("your last act: hold #1042"), "{shown}");
    }
}

#[test]
fn a_question_takes_back_what_it_names_whatever_was_done_since() {
    let mut desk = held_before();
    desk.keys("n");
    let Some(Effect::Take { request }) = desk.acts.pop() else {
        panic!("the next: {:?}", desk.acts);
    };
    desk.now += TimeDelta::seconds(3);
    desk.keys("u");
    assert!(desk.shown().contains("release #1042?"), "{}", desk.shown());
    let taken = Taken {
        record: orders().remove(1),
        claim: None,
    };
    desk.send(Msg::Taken(request, Ok(Some(Box::new(taken)))));
    desk.keys("y");
    let (request, number, _) = under_way(&mut desk);
    assert_eq!(number, "#1042");
    desk.send(Msg::Acted(request, Ok(acted("released", None))));
    desk.keys("u");
    let shown = desk.shown();
    assert!(shown.contains("your last act: take #1043"), "{shown}");
}

#[test]
fn text_behind_an_act_without_a_form_is_no_command() {
    // What follows is written once the act is done.
    let mut desk = Desk::new(80, 24);
    desk.passed = Some(0);
    desk.keys("1jmhfoo<enter>");
    let (request, number, _) = under_way(&mut desk);
    assert_eq!(number, "#1043");
    desk.send(Msg::Acted(request, Ok(acted("claimed", None))));
    let (_, number, args) = under_way(&mut desk);
    assert_eq!((&*number, &*args["reason"]), ("#1043", "foo"));
    // And not at all where it was refused.
    let refused = || ActError::Refused(verbs::Reason("bo has it".into()));
    for error in [refused(), conflict()] {
        let mut desk = Desk::new(80, 24);
        desk.keys("1jmhfoo<enter>");
        let (request, ..) = under_way(&mut desk);
        desk.send(Msg::Acted(request, Err(error)));
        desk.keys("q");
        let shown = desk.shown();
        assert!(shown.contains("6 keys typed"), "{shown}");
        assert!(desk.asked().is_empty(), "{shown}");
        let written = matches!(desk.app.dialog, Some(Dialog::Form(_)));
        assert!(!written, "{shown}");
    }
}

#[test]
fn nobody_who_only_looks_waits_for_an_act_nor_anybody_for_one_that_an_outage_took() {
    let mut desk = held_before();
    desk.keys("m");
    let held = "j".repeat(8);
    desk.keys(&held);
    assert_eq!(desk.app.list(Kind::Order).selected_index(), 10);
    desk.keys("3");
    assert_eq!(desk.app.journey.pane(), Pane::Of(Kind::Shipment));
    desk.keys("1u");
    assert!(desk.app.dialog.is_none(), "{}", desk.shown());
    let (heard, why) = (desk.now, "reset".to_owned());
    desk.send(Msg::Feed(Feed::Lost { heard, why }));
    let shown = desk.shown();
    assert!(shown.contains("claim #1044 is not answered yet"), "{shown}");
    desk.keys("h");
    let open = matches!(desk.app.dialog, Some(Dialog::Form(_)));
    assert!(open, "{}", desk.shown());
}

#[test]
fn a_paste_is_text_whatever_keys_it_looks_like() {
    let mut desk = Desk::new(80, 24);
    desk.keys("5r");
    desk.send(Msg::Paste("q\ny\n\u{3}\u{1b}[A".into()));
    desk.keys("!");
    let written = match &desk.app.dialog {
        Some(Dialog::Form(form)) => form.fields[0].text(),
        other => panic!("{other:?}"),
    };
    assert_eq!(written, "q\ny\n␃␛[A!");
    desk.keys("<ctrl-u><ctrl-u>");
    let undone = match &desk.app.dialog {
        Some(Dialog::Form(form)) => form.fields[0].text(),
        other => panic!("{other:?}"),
    };
    assert_eq!(undone, "", "undone in the text, not outside it");
    desk.keys("<ctrl-r>");
    assert!(desk.shown().contains("│ y"), "{}", desk.shown());
    // Nothing of it is an act.
    assert!(
        !desk
            .acts
            .iter()
            .any(|act| matches!(act, Effect::Act { .. }))
    );
}

#[test]
fn others_at_work() {
    let there = |who: &str, id, doing| Attendance {
        who: who.into(),
        record: RecordId::new(Kind::Order, id),
        doing,
        seconds: 15.0,
    };
    let everybody = vec![
        there("bo", 43, Doing::Writing),
        there("margarethe", 44, Doing::Looking),
        there("margarethe", 45, Doing::Writing),
    ];
    let mut desk = Desk::new(80, 24);
    desk.send(Msg::Presence(Ok(everybody)));
    desk.keys("j");
    desk.check("others-80");
    desk.keys("o");
    assert!(desk.shown().contains("✎ bo is writing"), "{}", desk.shown());
    desk.now += TimeDelta::seconds(16);
    desk.send(Msg::Presence(Err(Failure {
        text: "no answer".into(),
    })));
    desk.send(Msg::Tick);
    assert!(!desk.shown().contains("is writing"), "{}", desk.shown());
}

#[test]
fn a_draft_what_others_did_and_macros() {
    let ticket = RecordId::new(Kind::Ticket, 5);
    let mut desk = Desk::new(80, 24);
    desk.send(Msg::Drafts(Ok(vec![Draft {
        record: ticket,
        number: "TKT-5".into(),
        verb: "reply".into(),
        args: [("text".to_owned(), "Dear Ines,\nI am".to_owned())].into(),
        at: minutes(-4),
    }])));
    let macros = [
        (
            "late parcel",
            "Dear {first-name},\n\n{order} will {promise}. {carrier}",
        ),
        ("thanks", "Thank you.\n{me}, {shop}"),
    ];
    let macros = macros.map(|(name, body)| Macro {
        name: name.into(),
        body: body.into(),
    });
    desk.send(Msg::Macros(Ok(macros.into())));
    desk.keys("5");
    desk.check("draft-80");
    desk.keys("r sorry.");
    desk.send(Msg::News(
        ticket,
        Ok(Since {
            version: 2,
            news: vec![News {
                what: "bo: reply".into(),
                at: minutes(-1),
            }],
        }),
    ));
    desk.check("reply-draft-80");
    desk.keys("<ctrl-t>");
    desk.check("macros-80");
    desk.keys("<esc>");
    assert!(desk.shown().contains("I am sorry."), "{}", desk.shown());
    // Of the other ticket's order less is known.
    for (columns, rows) in [(140, 40), (80, 24)] {
        desk.send(Msg::Resize(columns, rows));
        desk.keys("<esc>kjr<ctrl-t>");
        desk.check(&format!("macros-lacking-{columns}"));
        desk.keys("<esc><esc>k");
    }
}
