//! The README's tables are printed from the program's own. `UPDATE_README=1 cargo test readme`
//! writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use packline::config::KEYS;
use packline::console::input::{Command, Keymap};
use packline::domain::filter::{Reach, TABLE, WORDS};
use packline::domain::record::{Kind, Pane};
use packline::domain::verbs::{self, Danger};

#[test]
fn the_tables_are_the_programs_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).expect("README.md");
    let mut text_now = text.clone();
    for (mark, table) in [
        ("settings", settings()),
        ("keys", keys()),
        ("filters", filters()),
        ("verbs", verb_table()),
    ] {
        text_now = with_table(&text_now, mark, &table);
    }
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, text_now).expect("README.md");
        return;
    }
    assert!(
        text == text_now,
        "README.md is not current: UPDATE_README=1 cargo test readme"
    );
}

/// The text with the table that follows a mark replaced.
fn with_table(text: &str, mark: &str, table: &str) -> String {
    let mark = format!("<!-- {mark} -->\n");
    let (before, after) = text.split_once(&mark).expect("the mark");
    let rest = after.trim_start_matches('\n');
    let rest = rest.lines().skip_while(|line| line.starts_with('|'));
    let rest: Vec<&str> = rest.skip_while(|line| line.is_empty()).collect();
    format!("{before}{mark}\n{table}\n{}\n", rest.join("\n"))
}

fn verb_table() -> String {
    let mut table =
        "| with | verb | key | what it does | who |\n|---|---|---|---|---|\n".to_owned();
    for kind in Kind::ALL {
        for verb in verbs::of(*kind) {
            let key = verb.key.map(|key| format!("`{key}`")).unwrap_or_default();
            let asks = if verb.danger == Danger::Confirm {
                " (asks first)"
            } else {
                ""
            };
            let roles: Vec<&str> = verb
                .roles
                .iter()
                .map(|role| role.as_str())
                .filter(|role| *role != "worker")
                .collect();
            writeln!(
                table,
                "| {} | `{}` | {key} | {}{asks} | {} |",
                kind.plural(),
                verb.name,
                verb.help,
                roles.join(", ")
            )
            .expect("a string");
        }
    }
    table
}

fn keys() -> String {
    let keymap = Keymap::built_in().expect("the keymap");
    let mut table = "| key | command | what it does |\n|---|---|---|\n".to_owned();
    for command in Command::ALL {
        let chords: Vec<String> = keymap
            .chords(*command)
            .iter()
            .map(|chord| format!("`{chord}`"))
            .collect();
        let (chords, help) = (chords.join(" "), command.help());
        writeln!(table, "| {chords} | `{command}` | {help} |").expect("a string");
    }
    table
}

fn filters() -> String {
    let named = |panes: &[Pane]| {
        if panes == Pane::ALL {
            return "all".to_owned();
        }
        let panes: Vec<&str> = panes.iter().map(|pane| pane.name()).collect();
        panes.join(", ")
    };
    let mut table = "| write | for | what it finds |\n|---|---|---|\n".to_owned();
    let words = WORDS
        .iter()
        .map(|(word, panes, help)| (*word, *panes, (*help).to_owned()));
    let fields = TABLE.iter().map(|entry| {
        let open = match entry.reach {
            Reach::Open => " (open work only)",
            Reach::All => "",
        };
        (entry.example, entry.panes, format!("{}{open}", entry.help))
    });
    for (example, panes, help) in words.chain(fields) {
        writeln!(table, "| `{example}` | {} | {help} |", named(panes)).expect("a string");
    }
    table
}

fn settings() -> String {
    let mut table = "| key | default | what it is |\n|---|---|---|\n".to_owned();
    for key in KEYS {
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", key.default)
        };
        writeln!(table, "| `{}` | {default} | {} |", key.name, key.help).expect("a string");
    }
    table
}
