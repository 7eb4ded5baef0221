//! What became of an act: it was done, was not, or somebody was faster.

use super::dialog::{Conflict, Dialog, Origin, Waiting};
use super::drafts::pause;
use super::messages::Level;
use super::msg::{Effect, Request, Step, Undoable};
use super::{App, Knowledge};
use crate::actions::ActError;
use crate::domain::act::Done;
use crate::domain::verbs;
use crate::store::db::DbError;

impl App {
    /// An act was answered.
    pub(super) fn acted(
        &mut self,
        request: Request,
        result: Result<Done, ActError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(step) = self.sent.remove(&request) else {
            return;
        };
        // What it did is shown at once, whether or not the feed has told of it yet.
        self.touch(step.record);
        let in_bulk =
            matches!(&self.dialog, Some(Dialog::Bulk(bulk)) if bulk.current == Some(request));
        match result {
            Ok(done) => self.succeeded(request, &step, done, in_bulk),
            Err(error) if in_bulk && error.is_outage() => {
                return self.wait_with_bulk(step, &error);
            }
            Err(error) => self.refused(request, &step, error, in_bulk),
        }
        if in_bulk {
            self.next_of_bulk(effects);
        }
    }

    /// The database does not answer: what is still to be done of several acts waits for it.
    fn wait_with_bulk(&mut self, step: Step, error: &ActError) {
        let why = told(error);
        if let Some(Dialog::Bulk(bulk)) = &mut self.dialog {
            let first = bulk.outages == 0;
            bulk.waiting = Some(Waiting {
                again: self.now + pause(bulk.outages),
                doubt: matches!(error, ActError::Db(DbError::Unknown(_))).then(|| why.clone()),
                step,
            });
            bulk.outages += 1;
            if first {
                let text = format!("{} waits for the database: {why}", bulk.says);
                self.log(Level::Error, text);
            }
        }
    }

    fn succeeded(&mut self, request: Request, step: &Step, done: Done, in_bulk: bool) {
        self.was_done(step.record, done.version);
        self.lines.remove(&(step.record, step.verb.name.to_owned()));
        let told = done.told();
        let undoable = done
            .undo
            .filter(|_| step.takes_back.is_none())
            .map(|undo| Undoable {
                did: format!("{} {}", step.verb.name, step.number),
                at: self.now,
                act: Some(done.id),
                record: step.record,
                number: step.number.clone(),
                version: done.version,
                undo,
                wrote: (step.verb.mails()).then(|| (step.verb.name.to_owned(), step.args.clone())),
            });
        let mut text = format!("{} {told}", step.number);
        if let Some(undone) = &step.takes_back
            && let Some((verb, args)) = &undone.wrote
            && self.drafts.again(
                (undone.record, verb.clone()),
                &undone.number,
                args,
                self.now,
            )
        {
            let of = verbs::find(undone.record.kind, verb);
            let opens = of.map_or_else(String::new, |verb| self.opens(verb));
            text = format!("{text}; {opens} opens its text again");
        }
        if in_bulk {
            // Its line stays to be read when the box is closed.
            self.log_of((step.record, &step.number), Level::Info, text.clone());
        }
        if let (true, Some(Dialog::Bulk(bulk))) = (in_bulk, &mut self.dialog) {
            bulk.undo.extend(undoable);
            bulk.results.push((step.number.clone(), Ok(told)));
            bulk.outages = 0;
            return;
        }
        if let Some(undoable) = &undoable {
            text = format!("{text} · u: {}", undoable.undo.says);
        }
        if step.takes_back.is_none() {
            let what = format!("{} {}", step.verb.name, step.number);
            self.past
                .done(what, undoable.into_iter().collect(), self.now);
        }
        if step.verb.gives_back() {
            // What was taken as the next is nobody's now.
            self.present.touch();
            self.past.given_back(step.record);
        }
        if let Some(Origin::Form(form)) = self.answered(request)
            && let Some((key, _)) = form.written()
        {
            self.drafts.forget(key, self.now);
        }
        self.say_of((step.record, &step.number), Level::Info, text);
    }

    fn refused(&mut self, request: Request, step: &Step, error: ActError, in_bulk: bool) {
        let why = told(&error);
        if let Some(undoable) = &step.takes_back {
            let for_good = matches!(error, ActError::Refused(_) | ActError::BadArgument { .. });
            self.past.not_undone((**undoable).clone(), !for_good);
        }
        self.log_refused(step, &why);
        if let (true, Some(Dialog::Bulk(bulk))) = (in_bulk, &mut self.dialog) {
            bulk.results.push((step.number.clone(), Err(why)));
            let mut step = step.clone();
            if let ActError::Conflict(conflict) = error {
                step.version = conflict.version;
            }
            bulk.refused.push(step);
            bulk.outages = 0;
            return;
        }
        if matches!(error, ActError::NotPermitted(_)) {
            // The roles are others than those that are known here.
            self.roles = Knowledge::Stale;
        }
        let origin = self.answered(request);
        self.say_refused(step, error, origin);
        self.drop_waiting();
    }

    fn log_refused(&mut self, step: &Step, why: &str) {
        let text = format!("{} {}: {why}", step.verb.name, step.number);
        self.log_of((step.record, &step.number), Level::Refused, text);
    }

    /// Says in place of a question why what it would ask about is not done; what is typed behind it was
    /// meant for the question.
    pub(super) fn would_be_refused(
        &mut self,
        step: &Step,
        error: ActError,
        origin: Option<Origin>,
    ) {
        self.log_refused(step, &told(&error));
        self.say_refused(step, error, origin);
        if self.dialog.is_none() {
            self.drop_what_follows();
        }
    }

    /// Says why something was not done, or would not be, where it was written.
    fn say_refused(&mut self, step: &Step, error: ActError, origin: Option<Origin>) {
        let why = told(&error);
        match (error, origin) {
            (ActError::Conflict(conflict), mut origin) if self.dialog.is_none() => {
                match &mut origin {
                    Some(Origin::Form(form)) => {
                        form.sending = None;
                        for target in &mut form.targets {
                            target.version = conflict.version;
                        }
                    }
                    Some(Origin::Line(line)) => line.sending = None,
                    None => {}
                }
                self.open_by_itself(Dialog::Conflict(Box::new(Conflict {
                    verb: step.verb.name,
                    record: step.record,
                    number: step.number.clone(),
                    since: conflict.since,
                    version: conflict.version,
                    origin,
                })));
            }
            (error, Some(Origin::Form(mut form))) => {
                match error {
                    ActError::BadArgument { name, expected } => {
                        form.fail(Some(&name), format!("expected {expected}"));
                    }
                    ActError::Db(error) if error.is_outage() => {
                        form.fail(None, format!("{why}; ctrl-s tries again"));
                        form.outage = true;
                    }
                    _ => form.fail(None, why),
                }
                self.open_by_itself(Dialog::Form(form));
            }
            (error, Some(Origin::Line(mut line))) => {
                let name = match &error {
                    ActError::BadArgument { name, .. } => Some(name.as_str()),
                    _ => None,
                };
                line.fail(step.verb, name, why);
                self.open_by_itself(Dialog::Command(line));
            }
            (_, None) => self.say_only(
                Level::Refused,
                format!("can't {} {}: {why}", step.verb.name, step.number),
            ),
        }
    }

    /// Closes what an act was sent from, if it still waits for the answer.
    fn answered(&mut self, request: Request) -> Option<Origin> {
        match self.dialog.take() {
            Some(Dialog::Form(form)) if form.sending == Some(request) => Some(Origin::Form(form)),
            Some(Dialog::Command(line)) if line.sending == Some(request) => {
                Some(Origin::Line(line))
            }
            other => {
                self.dialog = other;
                None
            }
        }
    }
}

/// Why an act was not done, and above all whether it was.
fn told(error: &ActError) -> String {
    match error {
        ActError::Db(DbError::Connect(_) | DbError::Closed) => "not sent: no connection".to_owned(),
        ActError::Db(error @ (DbError::Lost(_) | DbError::Deadline(_))) => {
            format!("not done: {error}")
        }
        ActError::Db(DbError::Unknown(why)) => {
            format!("perhaps done, perhaps not: {why}; look at the record before you try again")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_that_met_an_outage_says_whether_it_was_done() {
        let attempts = Vec::new();
        let refused = DbError::Connect(crate::store::db::ConnectError { attempts });
        assert_eq!(told(&ActError::Db(refused)), "not sent: no connection");
        let lost = told(&ActError::Db(DbError::Lost("reset".into())));
        assert!(lost.starts_with("not done: "), "{lost}");
        let unknown = told(&ActError::Db(DbError::Unknown("reset".into())));
        assert!(
            unknown.starts_with("perhaps done, perhaps not: "),
            "{unknown}"
        );
    }
}
