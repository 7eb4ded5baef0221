//! Text that customers, suppliers, carriers and mail could have written to act on a terminal, in
//! every field that holds text: through every screen in a real terminal, and out by every export.
//! What is judged is bytes, by a parser that is not ours.

use packline::domain::people::Role;
use vte::{Params, Parser, Perform};

use crate::act_command::packline;
use crate::harness;
use crate::pty::{InTerminal, on_shop};
use crate::shop::Shop;

/// What could act: sequences of 7 and 8 bits, a clipboard, a title, a link, a question to the
/// terminal, turned text, characters without a picture, lines, and more marks on a letter than
/// anyone reads.
fn corpus() -> Vec<String> {
    [
        "\u{1b}[2J\u{1b}[1;1HOWNED",
        "\u{1b}]0;owned\u{7}",
        "\u{1b}]52;c;ZXZpbA==\u{7}",
        "\u{1b}]8;;https://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\",
        "\u{1b}P+q544e\u{1b}\\\u{1b}[c\u{1b}[6n",
        "\u{9b}31m\u{9d}0;x\u{9c}\u{85}",
        "\u{202e}gpj.exe\u{2066}x\u{200f}",
        "one\ntwo\r\nthree\tfour\u{b}\u{c}\u{2028}",
        "\u{feff}\u{200b}pay\u{ad}pal\u{e0041}\u{7f}\u{8}\u{7}",
        "\u{1b}[?1049l\u{1b}[?25h\u{1b}c\u{e}",
        "=cmd|'/c calc'!A1",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        "n\u{1b}[31m".repeat(512),
        format!("a{}", "\u{301}".repeat(400)),
    ])
    .collect()
}

/// Every text of the shop is hostile that the schema lets be; what it refuses is tried piece by
/// piece.
const WRITTEN: &[&str] = &[
    "update orders set customer_name = $1",
    "update orders set number = '#' || id || $1",
    "update orders set note = $1",
    "update orders set shipping_method = $1",
    "update orders set tags = array[$1]",
    "update orders set phone = $1",
    "update orders set shipping_address = jsonb_build_object('name', $1::text, 'address1', $1::text, 'city', $1::text)",
    "update orders set hold_reason = $1 where id = 2",
    "update order_lines set title = $1",
    "update products set title = $1",
    "update products set sku = $1 where id = 4",
    "update suppliers set name = $1 where id = 1",
    "update locations set name = $1 where id = 1",
    "update carriers set name = $1 where id = 1",
    "update carriers set tracking_url = $1 where id = 1",
    "update shipments set tracking_code = $1",
    "update shipments set tracking_status_raw = $1",
    "update tracking_events set message = $1, location = $1, status_raw = $1",
    "update tickets set subject = $1",
    "update tickets set customer_name = $1",
    "insert into messages (ticket_id, kind, sender, body, mailbox, message_id)
        values (1, 'inbound', 'ines@example.org', $1, 'help', md5($1))",
    "insert into order_notes (order_id, body) select id, $1 from orders",
    "update order_notes set body = $1",
    "update inspections set waive_reason = $1",
    "update staff set name = $1",
    "insert into saved_views (kind, name, owner, shared, filter, sort_column, columns)
        values ('order', $1, 'x', true, '', 'due', array[$1, 'number'])",
    "insert into saved_views (kind, name, owner, shared, filter, sort_column)
        select 'order', btrim(left(regexp_replace($1, '[[:cntrl:]]', '', 'g'), 40)), 'x', true, $1, 'due'",
    "insert into list_columns (login, kind, columns)
        select rolname, 'order', array[$1, 'number', 'tags'] from pg_roles where rolname like 'support\\_%'",
    "insert into macro (name, body) values (left($1, 60), $1)",
];

/// A shop that holds the text wherever it may; says how many of the statements could write.
async fn shop(text: &str) -> (Shop, usize) {
    let shop = Shop::open().await;
    let order = shop.order(&[("MUG", 2), ("TOWEL", 1)]).await;
    shop.order(&[("BOWL", 2)]).await;
    shop.done(order, "reserve", &[]).await;
    shop.ticket().await;
    shop.done(order, "inspect", &[]).await;
    let third = shop.order(&[("MUG", 1)]).await;
    shop.done(third, "reserve", &[]).await;
    shop.done(
        third,
        "ship",
        &[("carrier", "DHL"), ("tracking", "JD0146000012")],
    )
    .await;
    let mut owner = shop.owner().await;
    // As another program with all rights would: triggers stay.
    let mut written = 0;
    for statement in WRITTEN {
        let done = sqlx::query(*statement).bind(text).execute(&mut owner).await;
        written += usize::from(done.is_ok());
    }
    (shop, written)
}

/// Watches what a terminal is told to do.
#[derive(Default)]
struct Watch {
    wrong: Vec<String>,
    /// Signs that stand for what was written, and may not act.
    signs: usize,
}

impl Watch {
    fn over(bytes: &[u8]) -> Self {
        let mut watch = Self::default();
        Parser::new().advance(&mut watch, bytes);
        watch
    }
}

impl Perform for Watch {
    fn print(&mut self, char: char) {
        self.signs += usize::from(matches!(char, '\u{2400}'..='\u{2421}' | '\u{fffd}'));
        let hidden = matches!(
            char,
            '\u{80}'..='\u{9f}'
                | '\u{ad}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        );
        if hidden || char.is_control() {
            self.wrong.push(format!("printed {char:?}"));
        }
    }

    fn execute(&mut self, byte: u8) {
        self.wrong.push(format!("executed {byte:#x}"));
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, action: char) {
        self.wrong
            .push(format!("a device control string {action:?}"));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        let texts: Vec<_> = params
            .iter()
            .map(|param| String::from_utf8_lossy(param))
            .collect();
        match texts
            .iter()
            .map(AsRef::as_ref)
            .collect::<Vec<&str>>()
            .as_slice()
        {
            ["8", "", ""] => {}
            ["8", "", url] if url.starts_with("https://www.dhl.com/") => {}
            other => self
                .wrong
                .push(format!("an operating system command {other:?}")),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _: bool, action: char) {
        let first = params.iter().next().map_or(0, |param| param[0]);
        let allowed = match (intermediates, action) {
            (b"", 'H' | 'G' | 'm') => true,
            (b"", 'J') => first == 2,
            // At the end, for a terminal without a second screen.
            (b"", 'K') => first == 0,
            (b"?", 'h' | 'l') => [7, 25, 1000, 1006, 1049, 2004, 2026].contains(&first),
            _ => false,
        };
        if !allowed {
            self.wrong.push(format!(
                "a control sequence {intermediates:?} {params:?} {action:?}"
            ));
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        // The end of a string.
        if !(intermediates.is_empty() && byte == b'\\') {
            self.wrong
                .push(format!("an escape {intermediates:?} {byte:?}"));
        }
    }
}

/// Panes, records in full, dialogs, views and columns, macros, acts that are done, refused and
/// taken back, help, messages, the filter and the command line.
const WALK: [&str; 57] = [
    "0", "j", "j", "o", "G", BACK, "1", "w", ESC, "C", "j", ESC, "j", "k", "o", "G", "g", "a", ESC,
    "y", ESC, "h", ESC, "e", ESC, BACK, "m", "l", "u", "n", "!", ESC, "2", "o", "G", BACK, "3",
    "o", "G", "y", "2", BACK, "4", "o", BACK, "5", "o", "G", "r", "\x14", ESC, ESC, ":views ", ESC,
    "!", ESC, "?",
];
/// Escape as a sequence of its own, which the next key cannot become a part of.
const ESC: &str = "\x1b[27u";
const BACK: &str = "\x7f";

#[tokio::test(flavor = "multi_thread")]
async fn no_screen_lets_it_act() {
    for text in corpus() {
        let (shop, written) = shop(&text).await;
        assert!(
            written > 4,
            "{text:?} was written by {written} statements only"
        );
        let data = harness::scratch_dir();
        let mut program = on_shop(InTerminal::program(), &shop);
        program.env("PACKLINE_DATA_DIR", data.path());
        program.env("PACKLINE_LOG_LEVEL", "debug");
        let mut console = InTerminal::start(program);
        console.shows("● live");
        console.shows("3 Shipments");
        for keys in WALK {
            console.types(keys);
            console.rests();
        }
        console.types(ESC);
        console.types("/\x1b[200~");
        // A terminal ends the paste where the text does.
        console.types(&text.replace("\x1b[201~", ""));
        console.types("\x1b[201~");
        console.rests();
        console.types(ESC);
        console.types("\x03");
        console.ends();
        let watch = Watch::over(&console.bytes());
        // What was copied by `y` `2` is ours: it is what a person asked for.
        let wrong: Vec<&String> = watch
            .wrong
            .iter()
            .filter(|wrong| !wrong.starts_with("an operating system command [\"52\", \"c\", "))
            .filter(|wrong| *wrong != "executed 0x7")
            .collect();
        assert!(wrong.is_empty(), "{text:?}: {wrong:?}");
        if text.contains(|char: char| char.is_control()) {
            assert!(watch.signs > 0, "{text:?} is not to be seen");
        }
        // The log is read in terminals too.
        let log = std::fs::read(data.path().join("packline.log")).expect("a log");
        assert!(!log.is_empty());
        let lines: Vec<u8> = log.into_iter().filter(|byte| *byte != b'\n').collect();
        let watch = Watch::over(&lines);
        assert_eq!(watch.wrong, Vec::<String>::new(), "{text:?} in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_export_lets_it_act() {
    for text in corpus() {
        let (shop, _) = shop(&text).await;
        let number: String = shop
            .ask(
                "select number from orders order by id limit 1",
                |question| question,
            )
            .await;
        let mut runs: Vec<Vec<String>> = Vec::new();
        for kind in ["orders", "stock", "shipments", "inspections", "tickets"] {
            for form in [None, Some("--csv"), Some("--json")] {
                let words = ["list", kind].into_iter().chain(form);
                runs.push(words.map(str::to_owned).collect());
            }
        }
        for name in [number.as_str(), "SHP-1", "INS-1", "TKT-1", "MUG"] {
            runs.push(vec!["show".into(), name.into()]);
            runs.push(vec!["show".into(), name.into(), "--json".into()]);
        }
        runs.push(
            ["act", "hold", &number, "--reason", &text]
                .map(str::to_owned)
                .to_vec(),
        );
        runs.push(vec!["status".into()]);
        for run in runs {
            let words: Vec<&str> = run.iter().map(String::as_str).collect();
            let ran = packline(&shop, Role::Admin, &words).await;
            for printed in [&ran.out, &ran.err] {
                let lines = printed.replace(['\n', '\r'], "");
                assert!(
                    !printed.contains('\r') || words.contains(&"--csv"),
                    "{words:?} of {text:?}"
                );
                let watch = Watch::over(lines.as_bytes());
                assert_eq!(watch.wrong, Vec::<String>::new(), "{words:?} of {text:?}");
            }
            if words.contains(&"--csv") {
                let mut reader = csv::Reader::from_reader(ran.out.as_bytes());
                for record in reader.records() {
                    for field in &record.expect("CSV") {
                        assert!(
                            !field.starts_with(['=', '@']),
                            "a spreadsheet runs {field:?}"
                        );
                    }
                }
            }
        }
    }
}
