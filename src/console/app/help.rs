//! Help, as a page.

use super::App;
use super::dialog::Reading;
use super::document::{Document, Row, plain, strong};
use crate::console::input::Command;
use crate::domain::filter;
use crate::domain::list::SortColumn;
use crate::domain::verbs::{self, Danger};

impl App {
    /// The page that is read over the others.
    pub fn reading(&self, what: &Reading) -> Document {
        match what {
            Reading::Help => self.help(),
            Reading::Messages => self.messages(),
            Reading::Text { text, .. } => {
                let mut document = Document::default();
                document.text(text);
                document
            }
        }
    }

    fn help(&self) -> Document {
        let (kind, pane) = (self.kind_here(), self.journey.pane());
        let mut document = Document::default();
        document.heading(&format!("What can be done with {}", kind.plural()));
        let rows = verbs::of(kind).iter().map(|verb| {
            let help = if !self.may(verb) {
                format!("{}; {}", verb.help, verb.not_permitted())
            } else if verb.danger == Danger::Confirm {
                format!("{}; asks first", verb.help)
            } else {
                verb.help.to_owned()
            };
            Row {
                cells: vec![
                    strong(self.keymap.verb_shown(verb)).into(),
                    plain(verb.name).into(),
                    plain(help).into(),
                ],
                link: None,
            }
        });
        document.wrapped_table(2, rows.collect());
        document.heading("Keys everywhere");
        let rows = Command::ALL.iter().map(|command| {
            let chords: Vec<String> = self
                .keymap
                .chords(*command)
                .iter()
                .map(|chord| arrow(&chord.to_string()))
                .collect();
            Row {
                cells: vec![
                    strong(chords.join(" ")).into(),
                    plain(command.help()).into(),
                ],
                link: None,
            }
        });
        document.wrapped_table(1, rows.collect());
        document.heading("Filter");
        document.flow(vec![plain(
            "Words match a part of a number, name, SKU or tracking code. A whole number that a \
             record has means it alone: TKT-3. A state's name is the state: held; in \"quotes\" both \
             are words. A leading - turns a term round. Tab completes.",
        )]);
        let words = filter::WORDS
            .iter()
            .filter(|(_, panes, _)| panes.contains(&pane))
            .map(|(word, _, help)| (*word, *help));
        let fields = filter::entries(pane).map(|entry| (entry.example, entry.help));
        let rows = words.chain(fields).map(|(example, help)| Row {
            cells: vec![strong(example).into(), plain(help).into()],
            link: None,
        });
        document.wrapped_table(1, rows.collect());
        let states = filter::said_states(pane);
        if !states.is_empty() {
            document.fact("states", vec![plain(states.join(", "))]);
        }
        let columns: Vec<&str> = SortColumn::of(pane).iter().map(|c| c.as_str()).collect();
        document.fact("sort by", vec![plain(columns.join(", "))]);
        document.heading("While you write");
        for (key, does) in [
            ("ctrl-s", "do it"),
            ("ctrl-t", "put in a macro: a canned answer"),
            ("ctrl-u", "undo what you wrote last"),
            ("ctrl-r", "do it again"),
            ("esc", "close; what you wrote is there again"),
            ("alt-↑↓", "scroll the record behind it"),
            ("ctrl-x", "throw it away; asks first"),
        ] {
            document.fact(key, vec![plain(does)]);
        }
        document.flow(vec![plain(
            "A longer text is kept as you type. After a lost line or a crash it is offered again; a \
             line only until you leave.",
        )]);
        document.heading("Signs");
        for (sign, meaning) in [
            (">", "the selected row"),
            ("+", "a marked row"),
            ("▏", "it changed a moment ago; what changed is underlined"),
            (
                "×",
                "it is no longer in this list and goes when you move on",
            ),
            ("⚑", "late: its promise has passed, or it failed"),
            ("bo", "in the column who: has it"),
            ("ana ✎", "is writing something for it"),
            ("(cy)", "has it open"),
            ("✎", "before them: what you wrote for it is not sent"),
        ] {
            document.fact(sign, vec![plain(meaning)]);
        }
        document
    }
}

/// A key's name, an arrow as its sign.
fn arrow(key: &str) -> String {
    match key {
        "up" => "↑",
        "down" => "↓",
        "left" => "←",
        "right" => "→",
        other => other,
    }
    .to_owned()
}
