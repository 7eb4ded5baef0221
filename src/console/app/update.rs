//! Takes what comes to the console, each message to where it belongs.

use chrono::{DateTime, Utc};

use super::App;
use super::dialog::Dialog;
use super::messages::Level;
use super::msg::{Effect, Failure, Msg, RecordPage, Request};
use crate::domain::record::{Pane, Record, RecordId};

/// Takes a message: changes the state, answers with what is to be done outside.
pub fn update(app: &mut App, msg: Msg, now: DateTime<Utc>) -> Vec<Effect> {
    app.now = now;
    let mut effects = Vec::new();
    let rows = app.geometry().map_or(1, |g| g.list_rows());
    match msg {
        Msg::Key(chord) => {
            app.said = None;
            app.key(chord, &mut effects);
        }
        Msg::Paste(text) => app.paste(&text, &mut effects),
        Msg::Mouse(mouse) => app.mouse(mouse, &mut effects),
        Msg::Resize(columns, rows) => {
            app.size = (columns, rows);
            app.clamp();
        }
        Msg::Tick => app.tick(),
        Msg::Feed(feed) => app.fed(feed),
        Msg::Window(pane, request, result) => match result {
            Ok(window) => {
                app.list_mut(pane).window(request, window, rows);
            }
            Err(failure) => app.list_failed(pane, request, &failure),
        },
        Msg::Rows(pane, request, result) => match result {
            Ok(refreshed) => {
                app.list_mut(pane).refresh(request, refreshed, now, rows);
            }
            Err(failure) => app.list_failed(pane, request, &failure),
        },
        Msg::Counts(result) => {
            app.counting = false;
            app.counted_at = Some(now);
            match result {
                Ok(counts) => app.counted(counts, &mut effects),
                Err(failure) => app.log(Level::Error, format!("counts: {}", failure.text)),
            }
        }
        Msg::Record(id, request, result) => app.record_read(id, request, result),
        Msg::Found(request, result) => app.found(request, result),
        Msg::Choices(request, result) => {
            if let Ok(choices) = result {
                app.offer(request, choices);
            }
        }
        Msg::Presence(result) => {
            let me = app.person.login.clone();
            app.present.take(result.ok(), &me, now);
        }
        Msg::Attended(arrived) => app.present.told_others(arrived),
        Msg::Taken(request, result) => app.taken(request, result, &mut effects),
        Msg::Foretold(request, lines) => app.foretold(request, lines),
        Msg::News(record, result) => {
            if let (Some(Dialog::Form(form)), Ok(since)) = (&mut app.dialog, result)
                && form.is_for(record)
            {
                form.tell(since, now);
            }
        }
        Msg::Drafts(Ok(read)) => app.drafts_read(read),
        Msg::Drafts(Err(failure)) => app.log(Level::Error, format!("drafts: {}", failure.text)),
        Msg::DraftKept(record, verb, what) => app.draft_kept(record, &verb, what),
        Msg::SetAside(result) => app.was_set_aside(result),
        Msg::Recovered(result) => app.recovered(result),
        Msg::Macros(result) => {
            if let Ok(read) = result {
                app.macros = read;
            }
        }
        Msg::Roles(result) => {
            if let Ok(roles) = result {
                app.roles_read(roles);
            }
        }
        Msg::Kept(result) => app.take_kept(result),
        Msg::Keeping(request, result) => app.kept(request, result),
        Msg::Acted(request, result) => app.acted(request, result, &mut effects),
        Msg::Panicked(what) => app.say(Level::Error, format!("a mistake in the program: {what}")),
    }
    app.go_on_with_bulk(&mut effects);
    app.take_early(&mut effects);
    app.settle(&mut effects);
    effects
}

impl App {
    /// A list could not be read.
    fn list_failed(&mut self, pane: Pane, request: Request, failure: &Failure) {
        if self.list_mut(pane).failed(request, &failure.text) {
            self.log(Level::Error, format!("{}: {}", pane.name(), failure.text));
        }
    }

    /// A record was read in full, or could not be.
    fn record_read(
        &mut self,
        id: RecordId,
        request: Request,
        result: Result<Option<RecordPage>, Failure>,
    ) {
        if self.stands(request, &result) {
            return;
        }
        let Some(page) = self
            .journey
            .pages_mut()
            .chain(self.detail.as_mut())
            .find(|page| page.id == id && page.waits_for(request))
        else {
            return;
        };
        let failed = result.as_ref().err().map(|failure| failure.text.clone());
        page.take(result.map_err(|failure| failure.text));
        if let Some(why) = failed {
            let number = self
                .record(id)
                .map_or_else(|| id.kind.to_string(), Record::number);
            self.log_of((id, &number), Level::Error, format!("{number}: {why}"));
        }
        self.clamp();
    }
}
