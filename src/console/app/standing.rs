//! What the record says already, in the form that changes it: it stands there to begin with, and
//! follows the record where nobody has written anything else.

use super::App;
use super::dialog::Dialog;
use super::msg::{Effect, Failure, RecordPage, Request};
use super::place::summary;
use crate::domain::full::FullRecord;

impl App {
    /// Puts into the form that is open what is known here of its record.
    pub(super) fn fill_in_what_stands(&mut self) {
        let Some(Dialog::Form(form)) = &mut self.dialog else {
            return;
        };
        let [target] = form.targets.as_slice() else {
            return;
        };
        let pages = self.journey.page().into_iter().chain(self.detail.as_ref());
        let shown = pages
            .filter(|page| page.id == target.record)
            .find_map(|page| page.shown.as_ref());
        if form.sending.is_none()
            && let Some(RecordPage { full, .. }) = shown
        {
            let version = summary(full).version();
            if form.stands.is_none_or(|known| known < version)
                && let Some(says) = form.verb.stands(full)
            {
                form.stand(&says, version);
            }
        }
    }

    /// Asks for it where nothing is known of the record here.
    pub(super) fn ask_what_stands(&mut self, effects: &mut Vec<Effect>) {
        let request = self.requests + 1;
        if let Some(Dialog::Form(form)) = &mut self.dialog
            && let [target] = form.targets.as_slice()
            && form.verb.changes_what_stands()
            && form.stands.is_none()
            && form.asked.is_none()
        {
            form.asked = Some(request);
            let id = target.record;
            self.requests = request;
            effects.push(Effect::Record { request, id });
        }
    }

    /// It was read, or could not be; says whether that was what had been asked for.
    pub(super) fn stands(
        &mut self,
        request: Request,
        result: &Result<Option<RecordPage>, Failure>,
    ) -> bool {
        let Some(Dialog::Form(form)) = &mut self.dialog else {
            return false;
        };
        if form.asked != Some(request) {
            return false;
        }
        let says = |full: &FullRecord| Some((form.verb.stands(full)?, summary(full).version()));
        match result {
            Ok(page) => {
                if let Some((says, version)) = page.as_ref().and_then(|page| says(&page.full)) {
                    form.stand(&says, version);
                }
            }
            Err(Failure { text }) => {
                form.error = Some(format!("what it says now could not be read: {text}"));
            }
        }
        true
    }
}
