//! Text that others wrote, made safe to show: on a terminal, in a title, in a log.
//!
//! Customers, suppliers, carriers and mail can write anything, terminal sequences and reversed
//! text included. What could act on a terminal, or hide or reorder what is read, becomes a visible
//! sign; what people write in any script stays as it is.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Stands for a character that must not act and has no picture of its own.
const REPLACEMENT: char = '\u{FFFD}';

/// One line of text that can do nothing but be read.
///
/// C0 controls and DEL become their pictures of the Unicode block "Control Pictures" (`␛` for
/// ESC, `␊` for a line feed). C1 controls, bidirectional marks, embeddings, overrides and
/// isolates, line and paragraph separators, tags and other invisible characters become `�`.
/// Joiners stay between characters of scripts that need them and within emoji; variation selectors
/// stay after what they vary.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    let mut changed = false;
    while let Some(char) = rest.next() {
        let shown = shown(before, char, rest.peek().copied());
        changed |= shown != char;
        clean.push(shown);
        before = Some(char);
    }
    if changed {
        Cow::Owned(clean)
    } else {
        Cow::Borrowed(text)
    }
}

/// The lines of a longer text, each made [`plain`], with a tab widened to four columns.
pub fn plain_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(|line| {
        if line.contains('\t') {
            Cow::Owned(plain(&line.replace('\t', "    ")).into_owned())
        } else {
            plain(line)
        }
    })
}

/// What a cell that is none may begin with, for a spreadsheet to take it as a formula (OWASP, “CSV
/// Injection”).
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// A cell of a table that spreadsheets open: [`plain`], and with a leading `'` where it begins like a
/// formula, unless it is a plain number or a time left.
pub fn cell(text: &str) -> String {
    let plain = plain(text);
    let harmless = plain.strip_prefix('-').is_some_and(|rest| {
        rest.chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'd' | 'h' | 'm'))
    });
    if plain.starts_with(FORMULA) && !harmless {
        format!("'{plain}")
    } else {
        plain.into_owned()
    }
}

/// The text of such a cell when it comes back: without the `'` before what begins like a formula.
pub fn from_cell(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if text.starts_with(FORMULA) => text,
        _ => cell,
    }
}

/// How many terminal columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text made [`plain`] and cut to a number of terminal columns, with `…` where it was cut.
/// Never splits what is read as one character; the result may be a column short where a wide
/// character would not fit.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    let text = plain(text);
    if text.width() <= columns {
        return text;
    }
    let mut cut = String::new();
    let mut left = columns.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let Some(rest) = left.checked_sub(grapheme.width()) else {
            break;
        };
        left = rest;
        cut.push_str(grapheme);
    }
    if columns > 0 {
        cut.push('…');
    }
    Cow::Owned(cut)
}

/// The text made [`plain`], in lines of at most so many terminal columns: broken at spaces, and
/// within a word only where it is longer than a line. An empty text is one empty line.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in plain(text).split(' ') {
        let width = word.width();
        if used > 0 && used + 1 + width > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for grapheme in word.graphemes(true) {
            let width = grapheme.width();
            if used > 0 && used + width > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(grapheme);
            used += width;
        }
    }
    lines.push(line);
    lines
}

/// The character to show for one that stands between two others.
fn shown(before: Option<char>, char: char, after: Option<char>) -> char {
    match char {
        '\0'..='\x1F' => char::from_u32(0x2400 + u32::from(char)).unwrap_or(REPLACEMENT),
        '\x7F' => '\u{2421}',
        '\u{200C}' | '\u{200D}' if joins(before) && joins(after) => char,
        '\u{FE00}'..='\u{FE0F}' if varies(before) => char,
        '\u{E0100}'..='\u{E01EF}' if joins(before) => char,
        _ if hidden(char) => REPLACEMENT,
        _ => char,
    }
}

/// Whether a joiner beside this character is part of normal writing: Arabic and what follows it in
/// Unicode (Indic scripts, emoji), never Latin, Greek or Cyrillic, where it can only deceive.
fn joins(char: Option<char>) -> bool {
    char.is_some_and(|char| char >= '\u{0590}' && (!hidden(char) || char == '\u{FE0F}'))
}

/// Whether a variation selector after this character is normal: keycaps, symbols, ideographs.
fn varies(char: Option<char>) -> bool {
    char.is_some_and(|char| {
        matches!(char, '#' | '*' | '0'..='9' | '©' | '®') || (char >= '\u{1000}' && !hidden(char))
    })
}

/// Controls, and what Unicode calls format characters, separators of lines or default ignorable:
/// none of them has a glyph. From `DerivedCoreProperties.txt` and `UnicodeData.txt`, Unicode 16.
fn hidden(char: char) -> bool {
    matches!(char,
        '\0'..='\x1F' | '\x7F'..='\u{9F}'
        | '\u{AD}' | '\u{34F}' | '\u{61C}'
        | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_becomes_a_sign() {
        assert_eq!(plain("a\x1b[2Jb"), "a␛[2Jb");
        assert_eq!(plain("\x1b]0;owned\x07"), "␛]0;owned␇");
        assert_eq!(plain("a\r\nb\tc\x7F"), "a␍␊b␉c␡");
        assert_eq!(plain("\u{9b}31m"), "�31m");
    }

    #[test]
    fn what_hides_or_turns_text_round_becomes_a_sign() {
        assert_eq!(plain("in\u{202e}gpj.exe"), "in�gpj.exe");
        assert_eq!(plain("\u{2067}x\u{2069}"), "�x�");
        assert_eq!(plain("pay\u{200b}pal\u{ad}\u{2028}\u{feff}"), "pay�pal���");
        assert_eq!(plain("a\u{200d}b"), "a�b");
        assert_eq!(plain("hi\u{e0041}"), "hi�");
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "Reclamação – não recebi",
            "山田 太郎",
            "e\u{301}",
            "👩‍👩‍👧 ❤️ 1️⃣ 🏳️‍🌈",
            "می‌خواهم",
            "क्‍ष",
            "葛\u{e0100}",
        ] {
            assert!(
                matches!(plain(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn lines_are_split_before_they_are_cleaned() {
        let lines: Vec<_> = plain_lines("one\r\n\ttwo\x1b\n").collect();
        assert_eq!(lines, ["one", "    two␛"]);
    }

    #[test]
    fn a_cut_counts_columns_not_characters() {
        assert_eq!(fit("山田太郎", 8), "山田太郎");
        assert_eq!(fit("山田太郎", 7), "山田太…");
        assert_eq!(fit("山田太郎", 6), "山田…");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 1), "…");
        assert_eq!(fit("abcd", 0), "");
    }

    #[test]
    fn lines_are_broken_at_spaces_and_long_words_where_they_must() {
        assert_eq!(wrapped("Av. 12, 3.º Esq.", 11), ["Av. 12, 3.º", "Esq."]);
        assert_eq!(wrapped("丸の内一丁目 9", 6), ["丸の内", "一丁目", "9"]);
        assert_eq!(wrapped("a abcdefgh", 4), ["a", "abcd", "efgh"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    proptest! {
        #[test]
        fn broken_lines_fit_and_lose_nothing_but_spaces(text in "[\\PC ]{0,80}", columns in 4_usize..40) {
            let lines = wrapped(&text, columns);
            prop_assert!(lines.iter().all(|line| line.width() <= columns), "{:?}", lines);
            prop_assert_eq!(lines.concat().replace(' ', ""), plain(&text).replace(' ', ""));
        }

        #[test]
        fn no_text_keeps_a_control_or_outgrows_its_columns(
            text in any::<String>(),
            columns in 0_usize..40,
        ) {
            let clean = plain(&text);
            prop_assert!(!clean.chars().any(char::is_control));
            prop_assert_eq!(plain(&clean), clean.as_ref());
            prop_assert!(width(&fit(&text, columns)) <= columns);
        }
    }

    #[test]
    fn a_cell_never_becomes_a_formula_and_comes_back_as_it_was() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("-2+cmd|' /C calc'!A0", "'-2+cmd|' /C calc'!A0"),
            ("-2h03", "-2h03"),
            ("#1042", "#1042"),
            ("'604-8081", "'604-8081"),
        ] {
            assert_eq!(cell(text), expected);
            assert_eq!(from_cell(expected), text);
        }
    }
}
