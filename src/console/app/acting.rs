//! From a verb to its act: on which records, with what it is told, and whether it is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::App;
use super::dialog::{Bulk, Confirm, Dialog, Origin, Waiting};
use super::drafts::Key;
use super::facts::count;
use super::form::{Form, Target};
use super::messages::Level;
use super::msg::{Effect, Request, Step};
use crate::actions::{ActError, foretells};
use crate::domain::act::Args;
use crate::domain::macros;
use crate::domain::record::{Record, RecordId};
use crate::domain::verbs::{Danger, Verb};

/// The argument that names a check.
const CHECK: &str = "check";

/// The records that a verb applies to, and those that it does not, each with the reason.
struct Able {
    targets: Vec<Target>,
    skipped: Vec<(String, String)>,
}

impl App {
    /// Begins what a key stands for. Where that can't be done, what is typed behind it was meant for
    /// what would have opened.
    pub(super) fn begin_by_key(&mut self, verb: &'static Verb, effects: &mut Vec<Effect>) {
        let Err(why) = self.begin(verb, &Args::new(), None, effects) else {
            return;
        };
        match self.targets().as_slice() {
            [only] => self.say_of((only.id(), &only.number()), Level::Refused, why),
            _ => self.say(Level::Refused, why),
        }
        self.drop_what_follows();
    }

    /// Begins to do something with the marked records, or the selected one.
    ///
    /// # Errors
    /// Why it can't be done, for the person.
    pub(super) fn begin(
        &mut self,
        verb: &'static Verb,
        given: &Args,
        origin: Option<Origin>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let Able { targets, skipped } = match self.able(verb) {
            Ok(able) => able,
            Err(why) if given.is_empty() && self.open_left(verb, &why, effects) => return Ok(()),
            Err(why) => return Err(why),
        };
        let mut given = given.clone();
        let mut is_guess = false;
        if let ([target], false) = (targets.as_slice(), given.contains_key(CHECK))
            && let Some(meant) = self.check_meant(verb, target.record)
        {
            given.insert(CHECK.to_owned(), meant.name);
            is_guess = !meant.is_pointed_at;
        }
        let given = &given;
        let complete = verb.args.iter().all(|arg| {
            let text = given.get(arg.name).map_or("", String::as_str);
            arg.check(text).is_ok() && (!given.is_empty() || arg.required)
        });
        if complete && !is_guess {
            self.submit(verb, targets, skipped, given, origin, effects);
        } else {
            self.open_form(verb, targets, skipped, given, effects);
        }
        Ok(())
    }

    /// The same, with texts that are to be seen before they are sent: each is put into the argument
    /// of its name, behind the draft where there is one.
    ///
    /// # Errors
    /// As [`App::begin`].
    pub(super) fn begin_writing(
        &mut self,
        verb: &'static Verb,
        given: &Args,
        texts: &[(&str, String)],
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let Able { targets, skipped } = self.able(verb)?;
        self.open_form(verb, targets, skipped, given, effects);
        if let Some(Dialog::Form(form)) = &mut self.dialog {
            for (name, text) in texts {
                form.put_in(name, text);
            }
        }
        Ok(())
    }

    fn open_form(
        &mut self,
        verb: &'static Verb,
        targets: Vec<Target>,
        skipped: Vec<(String, String)>,
        given: &Args,
        effects: &mut Vec<Effect>,
    ) {
        let form = Form::new(verb, targets, skipped, given);
        self.dialog = Some(Dialog::Form(Box::new(form)));
        self.fill_in_what_stands();
        self.fill_from_draft();
        self.ask_choices(effects);
    }

    /// Opens what was written for a verb that does not apply any more, with the reason: there it can be
    /// read, copied and thrown away. False where nothing was.
    fn open_left(&mut self, verb: &'static Verb, why: &str, effects: &mut Vec<Effect>) -> bool {
        let targets = self.targets();
        let [record] = targets.as_slice() else {
            return false;
        };
        if record.id().kind != verb.kind || self.settings.read_only || !self.may(verb) {
            return false;
        }
        let before = self.dialog.take();
        let form = Form::new(verb, vec![Target::of(record)], Vec::new(), &Args::new());
        self.dialog = Some(Dialog::Form(Box::new(form)));
        self.fill_from_draft();
        match &mut self.dialog {
            Some(Dialog::Form(form)) if form.holds_text() => {
                form.fail(None, why.to_owned());
                self.ask_choices(effects);
                true
            }
            _ => {
                self.dialog = before;
                false
            }
        }
    }

    /// Which of the marked records, or the selected one, a verb applies to, and why not to the
    /// others.
    ///
    /// # Errors
    /// Why to none, for the person.
    fn able(&self, verb: &Verb) -> Result<Able, String> {
        let records = self.targets();
        if records.is_empty() {
            return Err(format!("{}: nothing is selected", verb.name));
        }
        if records.iter().all(|record| record.id().kind != verb.kind) {
            return Err(format!("{} is for {}", verb.name, verb.kind.plural()));
        }
        let mut targets = Vec::new();
        let mut skipped = Vec::new();
        for record in &records {
            match self.applies(verb, record) {
                Ok(()) => targets.push(Target::of(record)),
                Err(reason) => skipped.push((record.number(), reason.0)),
            }
        }
        if targets.is_empty() {
            return Err(match skipped.as_slice() {
                [(number, reason)] => format!("can't {} {number}: {reason}", verb.name),
                _ => format!(
                    "{} applies to none of the {} marked",
                    verb.name,
                    skipped.len()
                ),
            });
        }
        Ok(Able { targets, skipped })
    }

    /// The form is filled in.
    pub(super) fn submit_form(&mut self, mut form: Box<Form>, effects: &mut Vec<Effect>) {
        if let ([_], Some((arg, field))) = (form.targets.as_slice(), form.unfilled()) {
            form.fail(Some(arg), format!("{{{field}}} is still to be filled in"));
            self.dialog = Some(Dialog::Form(form));
            return;
        }
        match form.args() {
            None => self.dialog = Some(Dialog::Form(form)),
            Some(args) => {
                let (targets, skipped) = (form.seen(self.now), form.skipped.clone());
                let (verb, origin) = (form.verb, Origin::Form(form));
                self.submit(verb, targets, skipped, &args, Some(origin), effects);
            }
        }
    }

    fn submit(
        &mut self,
        verb: &'static Verb,
        targets: Vec<Target>,
        mut skipped: Vec<(String, String)>,
        args: &Args,
        origin: Option<Origin>,
        effects: &mut Vec<Effect>,
    ) {
        let several = targets.len() > 1;
        let asks = verb.danger == Danger::Confirm
            || (several && (verb.mails() || !matches!(origin, Some(Origin::Form(_)))));
        let detail = self.consequences(verb, &targets, args);
        let mut steps = Vec::new();
        for target in targets {
            let filled = if several {
                self.filled_for(target.record, verb, args)
            } else {
                Ok(args.clone())
            };
            match filled {
                Ok(args) => steps.push(Step {
                    verb,
                    record: target.record,
                    number: target.number,
                    version: target.version,
                    args,
                    takes_back: None,
                }),
                Err(why) => skipped.push((target.number, why)),
            }
        }
        if steps.is_empty() {
            return self.fits_none(&skipped, origin);
        }
        let names = numbers(steps.iter().map(|step| step.number.as_str()), verb);
        let says = format!("{} {names}", verb.name);
        if asks {
            let asked = self.foretell(&steps, effects);
            self.dialog = Some(Dialog::Confirm(Box::new(Confirm {
                says,
                detail,
                steps,
                skipped,
                origin,
                asked,
                undoes: None,
            })));
        } else {
            self.send(says, steps, skipped, origin, effects);
        }
    }

    /// What was written can be said of none of the records: it is there again.
    fn fits_none(&mut self, skipped: &[(String, String)], origin: Option<Origin>) {
        let why = skipped.last().map_or_else(String::new, |(number, why)| {
            format!("fits none of them; {number}: {why}")
        });
        match origin {
            Some(Origin::Form(mut form)) => {
                form.fail(None, why);
                self.dialog = Some(Dialog::Form(form));
            }
            line => {
                self.dialog = line.map(Dialog::from);
                self.say(Level::Refused, why);
            }
        }
    }

    /// Asks what a single act would come to, where there is more to say of it than is known here.
    fn foretell(&mut self, steps: &[Step], effects: &mut Vec<Effect>) -> Option<Request> {
        let [step] = steps else { return None };
        foretells(step.verb).then(|| {
            let request = self.request();
            let step = step.clone();
            effects.push(Effect::Foretell { request, step });
            request
        })
    }

    /// What an act would come to is known.
    ///
    /// What would be refused is not asked about: one is where it was written, with the reason.
    pub(super) fn foretold(&mut self, request: Request, lines: Result<Vec<String>, ActError>) {
        let mut confirm = match self.dialog.take() {
            Some(Dialog::Confirm(confirm)) if confirm.asked == Some(request) => confirm,
            other => {
                self.dialog = other;
                return;
            }
        };
        confirm.asked = None;
        match (lines, confirm.steps.first()) {
            (Ok(lines), _) => confirm.detail.extend(lines),
            (Err(error @ (ActError::BadArgument { .. } | ActError::Refused(_))), Some(step)) => {
                return self.would_be_refused(&step.clone(), error, confirm.origin);
            }
            (Err(error), _) => confirm.detail.push(format!("what it comes to: {error}")),
        }
        self.dialog = Some(Dialog::Confirm(confirm));
    }

    /// What will happen, for the question before a dangerous act.
    fn consequences(&self, verb: &Verb, targets: &[Target], args: &Args) -> Vec<String> {
        let mut detail = vec![verb.help.to_owned()];
        if let [only] = targets
            && let Some(Record::Order(order)) = self.record(only.record)
        {
            detail.push(format!(
                "{} · {}, {} reserved, {} shipped",
                order.customer,
                count(order.ordered, "unit", "units"),
                order.reserved,
                order.shipped
            ));
        }
        let parcels = targets
            .iter()
            .filter_map(|target| match self.record(target.record) {
                Some(Record::Shipment(parcel)) => Some(parcel),
                _ => None,
            });
        match parcels.collect::<Vec<_>>().as_slice() {
            [] => {}
            [parcel] => detail.push(format!(
                "{} · {}, {}",
                parcel.customer,
                parcel.order_number,
                count(parcel.units, "unit", "units")
            )),
            all => {
                let units = all.iter().map(|parcel| parcel.units).sum();
                detail.push(format!("{} in all", count(units, "unit", "units")));
            }
        }
        detail.extend(args.iter().map(|(name, value)| {
            let line = value.lines().next().unwrap_or_default();
            format!("{name}: {line}")
        }));
        let fields: BTreeSet<&str> = args
            .values()
            .flat_map(|text| macros::unfilled(text))
            .collect();
        if targets.len() > 1 && !fields.is_empty() {
            let fields: Vec<String> = fields.iter().map(|name| format!("{{{name}}}")).collect();
            detail.push(format!("filled in for each: {}", fields.join(", ")));
        }
        detail
    }

    /// Does it: one act at once, several one after the other.
    pub(super) fn send(
        &mut self,
        says: String,
        mut steps: Vec<Step>,
        skipped: Vec<(String, String)>,
        origin: Option<Origin>,
        effects: &mut Vec<Effect>,
    ) {
        if steps.len() == 1 && skipped.is_empty() {
            let Some(step) = steps.pop() else { return };
            let request = self.request();
            self.sent.insert(request, step.clone());
            self.dialog = origin.map(|origin| origin.sent(request).into());
            effects.push(Effect::Act { request, step });
            return;
        }
        let total = steps.len() + skipped.len();
        if let Some(Origin::Form(form)) = &origin
            && let Some(((record, _), written)) = form.written()
            && !written.is_empty()
            && steps.first().is_some_and(|step| step.record == record)
        {
            // The draft is that record's, and goes with its act: the text is kept until the end.
            steps.rotate_left(1);
        }
        steps.reverse();
        for (number, reason) in &skipped {
            self.log(Level::Refused, format!("{says}, {number}: {reason}"));
        }
        let results = skipped
            .into_iter()
            .map(|(number, reason)| (number, Err(reason)))
            .collect();
        self.dialog = Some(Dialog::Bulk(Box::new(Bulk {
            says,
            todo: steps,
            refused: Vec::new(),
            results,
            total,
            current: None,
            waiting: None,
            outages: 0,
            stopped: false,
            undo: Vec::new(),
            origin,
            top: 0,
        })));
        self.next_of_bulk(effects);
    }

    /// Does the next of several acts; says how they went once none is left.
    pub(super) fn next_of_bulk(&mut self, effects: &mut Vec<Effect>) {
        let request = self.request();
        let Some(Dialog::Bulk(bulk)) = &mut self.dialog else {
            return;
        };
        let next = if bulk.stopped { None } else { bulk.todo.pop() };
        if let Some(step) = next {
            bulk.current = Some(request);
            self.sent.insert(request, step.clone());
            effects.push(Effect::Act { request, step });
            return;
        }
        bulk.current = None;
        self.arrived = Some(self.now);
        // What was not done is read first.
        bulk.results.sort_by_key(|(_, how)| how.is_ok());
        let done = bulk.results.iter().filter(|(_, how)| how.is_ok()).count();
        let text = format!("{}: {done} of {} done", bulk.says, bulk.total);
        let (says, undo) = (bulk.says.clone(), std::mem::take(&mut bulk.undo));
        let mut doubtful = None;
        if let Some(Waiting { step, doubt, .. }) = bulk.waiting.take() {
            match doubt {
                Some(why) => {
                    bulk.results.insert(0, (step.number, Err(why)));
                    doubtful = Some(step.record);
                }
                None => bulk.todo.push(step),
            }
        }
        let left: BTreeMap<RecordId, i64> = (bulk.todo.iter().chain(&bulk.refused))
            .map(|step| (step.record, step.version))
            .collect();
        if done > 0 || doubtful.is_some() {
            let gone = bulk.keep_text_for(&left);
            // Where nobody knows, the database does.
            if let Some(key) = gone.filter(|_| doubtful.is_none()) {
                self.drafts.forget(key, self.now);
            }
        }
        if done > 0 {
            self.past.done(says, undo, self.now);
        }
        // What was not done stays marked, to go on with.
        let marked: BTreeSet<RecordId> = left.into_keys().chain(doubtful).collect();
        let pane = self.journey.pane();
        self.list_mut(pane).keep_marks(&marked);
        self.say(Level::Info, text);
    }

    /// Sends again what waits for the database, where that is heard or it is time to try; where the
    /// person stopped it, it is over.
    pub(super) fn go_on_with_bulk(&mut self, effects: &mut Vec<Effect>) {
        let (now, heard) = (self.now, self.is_heard());
        let Some(Dialog::Bulk(bulk)) = &mut self.dialog else {
            return;
        };
        if bulk.stopped && bulk.waiting.is_some() {
            return self.next_of_bulk(effects);
        }
        let due = |waiting: &mut Waiting| heard && now >= waiting.again;
        if let Some(request) = bulk.current
            && let Some(Waiting { step, .. }) = bulk.waiting.take_if(due)
        {
            self.sent.insert(request, step.clone());
            effects.push(Effect::Act { request, step });
        }
    }

    /// The question was answered with yes.
    pub(super) fn confirmed(&mut self, confirm: Confirm, effects: &mut Vec<Effect>) {
        if let Some(deed) = confirm.undoes {
            self.past.undone(deed);
        }
        self.send(
            confirm.says,
            confirm.steps,
            confirm.skipped,
            confirm.origin,
            effects,
        );
    }
}

impl Bulk {
    /// A text that was written for several records stays for those that it has not reached, each
    /// with the version that is seen now. Answers the draft that is no more.
    fn keep_text_for(&mut self, left: &BTreeMap<RecordId, i64>) -> Option<Key> {
        let Some(Origin::Form(mut form)) = self.origin.take() else {
            return None;
        };
        let (before, _) = form.written()?;
        form.targets
            .retain(|target| left.contains_key(&target.record));
        form.skipped.clear();
        for target in &mut form.targets {
            target.version = left[&target.record];
        }
        let (now, _) = form.written().unzip();
        if now.is_some() {
            self.origin = Some(Origin::Form(form));
        }
        Some(before).filter(|before| now.as_ref() != Some(before))
    }
}

/// `#1042`, or `3 orders: #1042, #1043, #1044`.
fn numbers<'a>(numbers: impl Iterator<Item = &'a str>, verb: &Verb) -> String {
    let numbers: Vec<&str> = numbers.collect();
    match numbers.as_slice() {
        [only] => (*only).to_owned(),
        many => format!("{} {}", many.len(), verb.kind.plural()),
    }
}
