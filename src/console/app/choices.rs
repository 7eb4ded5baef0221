//! What the database knows that a word could be: asked for where it is written, and offered there.

use super::App;
use super::dialog::Dialog;
use super::msg::{Ask, Effect, Request};

impl App {
    /// Asks what the focused field may be.
    pub(super) fn ask_choices(&mut self, effects: &mut Vec<Effect>) {
        let request = self.request();
        let Some(Dialog::Form(form)) = &mut self.dialog else {
            return;
        };
        let record = form.targets.first().map(|target| target.record);
        let focus = form.focus;
        if let Some(field) = form.fields.get_mut(focus)
            && field.has_choices()
        {
            field.asked = Some(request);
            effects.push(Effect::Complete {
                request,
                ask: Ask::Argument(field.arg.kind, record),
                typed: field.text(),
            });
        }
    }

    /// The database said what could be meant.
    pub(super) fn offer(&mut self, request: Request, choices: Vec<(String, String)>) {
        match &mut self.dialog {
            Some(Dialog::Form(form)) => {
                let mut fields = form.fields.iter_mut();
                if let Some(field) = fields.find(|field| field.asked == Some(request)) {
                    field.offer(choices.into_iter().map(|(word, _)| word).collect());
                }
            }
            Some(Dialog::Filter(line)) => {
                line.offered.take(request, choices);
            }
            Some(Dialog::Command(line)) => {
                line.offered.take(request, choices);
            }
            _ => {}
        }
    }
}
