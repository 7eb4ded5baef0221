//! The bytes that a terminal sends, as keys, pastes and the mouse.
//!
//! What terminals answer to questions (colours, attributes, cursor positions, whoever asked and
//! however late) is told apart from what a person types, and dropped. Sequences are those of xterm
//! (<https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>), of the Linux console and rxvt where
//! those differ, and the `CSI u` keys that some terminals send unasked
//! (<https://sw.kovidgoyal.net/kitty/keyboard-protocol/>).

use std::time::Duration;

use super::chord::{Chord, Key};
use super::event::{Input, Mouse, MouseKind};

/// After so long an escape stands alone: it was the key. Over slow lines a sequence may arrive in
/// pieces, so not at once.
const ESCAPE: Duration = Duration::from_millis(40);
/// After so long the rest of a begun answer or paste no longer comes.
const REST: Duration = Duration::from_secs(1);
/// The longest sequence of a key or the mouse.
const SEQUENCE: usize = 64;
/// The longest answer that is waited for.
const ANSWER: usize = 64 * 1024;
/// The longest paste; what comes after is another.
const PASTE: usize = 4 * 1024 * 1024;

const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Turns bytes into inputs, however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What has not made a whole yet.
    pending: Vec<u8>,
    /// Bytes of `pending` that are known to hold no end of the paste.
    searched: usize,
    /// The last that came was an escape that was given up.
    escaped: bool,
}

/// What the beginning of the pending bytes is.
enum Piece {
    /// A whole of so many bytes; nothing for what the console does not listen to.
    Whole(usize, Option<Input>),
    /// More is to come.
    Part,
}

fn whole(bytes: usize, key: Option<Chord>) -> Piece {
    Piece::Whole(bytes, key.map(Input::Key))
}

impl Decoder {
    /// Takes bytes, and tells every whole input to `heard`.
    pub fn take(&mut self, bytes: &[u8], mut heard: impl FnMut(Input)) {
        if std::mem::take(&mut self.escaped) && goes_on(bytes) {
            self.pending.push(0x1b);
        }
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while at < self.pending.len() {
            let searched = if at == 0 { self.searched } else { 0 };
            match piece(&self.pending[at..], searched) {
                Piece::Whole(length, input) => {
                    at += length.max(1);
                    input.into_iter().for_each(&mut heard);
                }
                Piece::Part => break,
            }
        }
        self.pending.drain(..at);
        // Not searched again when more comes: a long paste costs its length once.
        self.searched = if self.pending.starts_with(PASTE_BEGINS) {
            self.pending.len().saturating_sub(PASTE_ENDS.len())
        } else {
            0
        };
    }

    /// How long the rest of what has begun may take; nothing where nothing has.
    pub fn patience(&self) -> Option<Duration> {
        match self.pending.as_slice() {
            [] => None,
            [0x1b, b'[' | b']' | b'P' | b'_' | b'^' | b'X'] => Some(REST),
            [0x1b] | [0x1b, _] => Some(ESCAPE),
            _ => Some(REST),
        }
    }

    /// The rest has not come: takes what there is for what it is.
    pub fn give_up(&mut self, mut heard: impl FnMut(Input)) {
        let pending = std::mem::take(&mut self.pending);
        self.searched = 0;
        match pending.as_slice() {
            [0x1b] => {
                self.escaped = true;
                heard(Input::Key(Chord::plain(Key::Esc)));
            }
            [0x1b, char] => heard(Input::Key(Chord {
                alt: true,
                ..Chord::char(char::from(*char))
            })),
            // A line that was cut in the middle of a paste, or a terminal that forgets its end.
            pasted if pasted.starts_with(PASTE_BEGINS) => {
                heard(paste(&pasted[PASTE_BEGINS.len()..]));
            }
            _ => {}
        }
    }
}

/// Whether bytes that come at once go on with an answer whose escape came alone: nobody types so fast.
fn goes_on(bytes: &[u8]) -> bool {
    match bytes {
        [b']', digit, ..]
        | [b'[', b'?' | b'>' | b'=', digit, ..]
        | [b'P', digit, b'$' | b'+', ..] => digit.is_ascii_digit(),
        [b'P', b'>', b'|', ..] => true,
        _ => false,
    }
}

fn piece(bytes: &[u8], searched: usize) -> Piece {
    // Terminals that answer in eight bits begin with one control character of C1 instead of an
    // escape and a letter, by itself or in UTF-8.
    if let Some((length, letter)) = c1(bytes) {
        return begun(bytes, length, letter);
    }
    match bytes[0] {
        0x1b => match bytes.get(1) {
            None => Piece::Part,
            Some(b'[') if bytes.starts_with(PASTE_BEGINS) => pasted(bytes, searched),
            Some(letter @ (b'[' | b'O' | b']' | b'P' | b'_' | b'^' | b'X')) => {
                begun(bytes, 2, *letter)
            }
            Some(0x1b) => whole(1, Some(Chord::plain(Key::Esc))),
            Some(_) if c1(&bytes[1..]).is_some() => whole(1, Some(Chord::plain(Key::Esc))),
            Some(_) => match character(&bytes[1..]) {
                Piece::Whole(length, Some(Input::Key(chord))) => {
                    whole(length + 1, Some(Chord { alt: true, ..chord }))
                }
                Piece::Whole(length, _) => whole(length + 1, None),
                Piece::Part => Piece::Part,
            },
        },
        _ => character(bytes),
    }
}

/// What follows a beginning of so many bytes: that of escape and this letter.
fn begun(bytes: &[u8], from: usize, letter: u8) -> Piece {
    match letter {
        b'[' => sequence(bytes, from),
        b'O' => match bytes.get(from) {
            None => Piece::Part,
            Some(last) => whole(from + 1, function(*last).map(Chord::plain)),
        },
        _ => answer(bytes, from),
    }
}

/// A control character of C1 that begins something: its bytes, and the letter that stands for it
/// behind an escape.
fn c1(bytes: &[u8]) -> Option<(usize, u8)> {
    let (length, byte) = match bytes {
        [0xc2, byte, ..] => (2, *byte),
        [byte, ..] => (1, *byte),
        [] => return None,
    };
    let letter = byte.checked_sub(0x40)?;
    (byte >= 0x80 && matches!(letter, b'[' | b'O' | b']' | b'P' | b'_' | b'^' | b'X'))
        .then_some((length, letter))
}

/// A character, or what a key with control sends.
fn character(bytes: &[u8]) -> Piece {
    let control = |char| {
        whole(
            1,
            Some(Chord {
                ctrl: true,
                ..Chord::char(char)
            }),
        )
    };
    let length = match bytes[0] {
        b'\r' => return whole(1, Some(Chord::plain(Key::Enter))),
        b'\t' => return whole(1, Some(Chord::plain(Key::Tab))),
        // Some terminals send backspace as the control character ctrl-h.
        0x7f | 0x08 => return whole(1, Some(Chord::plain(Key::Backspace))),
        0 => return control(' '),
        byte @ 1..0x1b => return control(char::from(byte - 1 + b'a')),
        byte @ 0x1c..0x20 => return control(char::from(byte - 0x1c + b'\\')),
        0x1b | 0x20..0x7f => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        // No beginning of a character in UTF-8.
        _ => return whole(1, None),
    };
    let Some(char) = bytes.get(..length) else {
        // What follows may show already that this is none.
        let continues = bytes[1..].iter().all(|byte| (0x80..0xc0).contains(byte));
        return if continues {
            Piece::Part
        } else {
            whole(1, None)
        };
    };
    match str::from_utf8(char)
        .ok()
        .and_then(|char| char.chars().next())
    {
        // The C1 controls are keys of nobody.
        Some(char) => whole(length, (!char.is_control()).then_some(Chord::char(char))),
        None => whole(1, None),
    }
}

/// A sequence that begins with `ESC [`, or with what stands for it.
fn sequence(bytes: &[u8], from: usize) -> Piece {
    let body = &bytes[from..];
    // The Linux console's F1 to F5.
    if body.first() == Some(&b'[') {
        return match body.get(1) {
            None => Piece::Part,
            Some(last @ b'A'..=b'E') => {
                whole(from + 2, Some(Chord::plain(Key::F(last - b'A' + 1))))
            }
            Some(_) => whole(from + 1, None),
        };
    }
    let Some(length) = body.iter().position(|byte| !(0x20..0x40).contains(byte)) else {
        return if body.len() < SEQUENCE {
            Piece::Part
        } else {
            whole(bytes.len(), None)
        };
    };
    let last = body[length];
    if !(0x40..0x7f).contains(&last) {
        // Broken off by something else, which is taken by itself.
        return whole(from + length, None);
    }
    let taken = from + length + 1;
    let text = str::from_utf8(&body[..length]).unwrap_or_default();
    match (text.strip_prefix('<'), last) {
        (Some(text), b'M' | b'm') => Piece::Whole(taken, mouse(text, last).map(Input::Mouse)),
        _ => whole(taken, key(text, last)),
    }
}

/// The numbers of a sequence; of a number with sub-parameters, the first.
fn numbers(text: &str) -> Vec<u32> {
    text.split(';')
        .map(|number| {
            let first = number.split(':').next().unwrap_or_default();
            first.parse().unwrap_or(0)
        })
        .collect()
}

/// A key by its sequence's parameters and last byte; nothing for an answer.
fn key(text: &str, last: u8) -> Option<Chord> {
    if !text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
    {
        return None;
    }
    let numbers = numbers(text);
    let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
    let mut held = number(1);
    let key = match last {
        b'A'..=b'D' | b'F' | b'H' | b'P' | b'Q' | b'S' => function(last)?,
        // With numbers it is where the cursor is.
        b'R' if text.is_empty() => Key::F(3),
        b'Z' => Key::BackTab,
        b'~' if number(0) == 27 => {
            // xterm's modifyOtherKeys.
            character_key(number(2))?
        }
        b'~' => match number(0) {
            1 | 7 => Key::Home,
            2 => Key::Insert,
            3 => Key::Delete,
            4 | 8 => Key::End,
            5 => Key::PageUp,
            6 => Key::PageDown,
            number @ 11..=15 => Key::F(number as u8 - 10),
            number @ 17..=21 => Key::F(number as u8 - 11),
            number @ 23..=24 => Key::F(number as u8 - 12),
            _ => return None,
        },
        b'u' => character_key(number(0))?,
        _ => return None,
    };
    held = held.saturating_sub(1);
    let (shift, alt, ctrl) = (held & 1 != 0, held & 2 != 0, held & 4 != 0);
    let key = match key {
        Key::Tab if shift => Key::BackTab,
        Key::Char(char) if shift => Key::Char(char.to_uppercase().next().unwrap_or(char)),
        key => key,
    };
    Some(Chord { key, ctrl, alt })
}

/// A key by its character's code.
fn character_key(code: u32) -> Option<Key> {
    match code {
        13 => Some(Key::Enter),
        9 => Some(Key::Tab),
        27 => Some(Key::Esc),
        8 | 127 => Some(Key::Backspace),
        // From here on the protocol names keys that have no character.
        57_344..=63_743 => None,
        code => char::from_u32(code)
            .filter(|char| !char.is_control())
            .map(Key::Char),
    }
}

fn function(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'M' => Key::Enter,
        b'P'..=b'S' => Key::F(last - b'P' + 1),
        _ => return None,
    })
}

/// The mouse in xterm's SGR form: button; column; row, from 1.
fn mouse(text: &str, last: u8) -> Option<Mouse> {
    let numbers = numbers(text);
    let [button, column, row] = numbers.as_slice() else {
        return None;
    };
    let kind = match (button, last) {
        (0, b'M') => MouseKind::Click,
        (64, b'M') => MouseKind::WheelUp,
        (65, b'M') => MouseKind::WheelDown,
        _ => return None,
    };
    let cell = |number: u32| u16::try_from(number.saturating_sub(1)).ok();
    Some(Mouse {
        kind,
        column: cell(*column)?,
        row: cell(*row)?,
    })
}

/// A terminal's answer: `ESC ]`, `ESC P` and the like, up to BEL, `ESC \` or what stands for that.
fn answer(bytes: &[u8], from: usize) -> Piece {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (0x07 | 0x9c, _) => return whole(at + 1, None),
            (0xc2, Some(0x9c)) | (0x1b, Some(b'\\')) => return whole(at + 2, None),
            (0x1b | 0xc2, None) => return Piece::Part,
            // Broken off by another sequence, or by a person who wants to get out.
            (0x1b | 0x03, _) => return whole(at, None),
            _ => {}
        }
        // The bytes of one character are not looked at by themselves.
        at += match character(&bytes[at..]) {
            Piece::Whole(length, _) => length.max(1),
            Piece::Part => return Piece::Part,
        };
    }
    if bytes.len() < ANSWER {
        Piece::Part
    } else {
        whole(bytes.len(), None)
    }
}

fn pasted(bytes: &[u8], searched: usize) -> Piece {
    let text = PASTE_BEGINS.len();
    let from = searched.max(text);
    let end = bytes[from.min(bytes.len())..]
        .windows(PASTE_ENDS.len())
        .position(|window| window == PASTE_ENDS)
        .map(|at| at + from);
    match end {
        Some(end) => Piece::Whole(end + PASTE_ENDS.len(), Some(paste(&bytes[text..end]))),
        None if bytes.len() < PASTE => Piece::Part,
        None => Piece::Whole(bytes.len(), Some(paste(&bytes[text..]))),
    }
}

fn paste(bytes: &[u8]) -> Input {
    // Terminals send a carriage return for each end of a line.
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    Input::Paste(text.replace('\r', "\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is heard when the bytes come at once, and then nothing.
    fn heard(bytes: &[u8]) -> Vec<Input> {
        let mut inputs = Vec::new();
        let mut decoder = Decoder::default();
        decoder.take(bytes, |input| inputs.push(input));
        decoder.give_up(|input| inputs.push(input));
        inputs
    }

    /// The same as keys are written.
    fn keys(bytes: &[u8]) -> String {
        let keys: Vec<String> = heard(bytes)
            .iter()
            .map(|input| match input {
                Input::Key(chord) => chord.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        keys.join(" ")
    }

    #[test]
    fn keys_are_what_terminals_send_for_them() {
        for (bytes, expected) in [
            (&b"jG/"[..], "j G /"),
            ("é山👩".as_bytes(), "é 山 👩"),
            (b"\x04\x0c\x1a\x03", "ctrl-d ctrl-l ctrl-z ctrl-c"),
            (b"\r\t\x7f\x08 ", "enter tab backspace backspace space"),
            (b"\x1b", "esc"),
            (b"\x1b\x1b", "esc esc"),
            (b"\x1bx\x1b\xc3\xa9", "alt-x alt-é"),
            (b"\x1b[A\x1bOB\x1b[1;5C", "up down ctrl-right"),
            (b"\x1b[H\x1b[4~\x1b[5~\x1b[6~", "home end pageup pagedown"),
            (b"\x1bOP\x1b[15~\x1b[24~\x1b[[C", "f1 f5 f12 f3"),
            (b"\x1b[Z\x1b[9;2u", "shift-tab shift-tab"),
            (b"\x1b[100;5u\x1b[27;5;108~", "ctrl-d ctrl-l"),
            (b"\x1b[27u\x1b[13;1:1u", "esc enter"),
            // A sequence that breaks off is nothing; what follows counts.
            (b"\x1b[\x1b]", "alt-]"),
        ] {
            assert_eq!(keys(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_terminals_answer_is_not_typed() {
        for answer in [
            &b"\x1b]11;rgb:0000/0000/0000\x07"[..],
            b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
            b"\x1b[?62;22c",
            b"\x1b[>41;370;0c",
            b"\x1b[24;80R",
            b"\x1b[0n",
            b"\x1b[?2026;2$y",
            b"\x1bP>|XTerm(370)\x1b\\",
            b"\x1bP1+r524742\x1b\\",
            b"\x1b_Gi=31;OK\x1b\\",
            b"\x1b[I\x1b[O",
            b"\x1b[?1u",
            b"\x9c\x85\xff",
            // In eight bits, and the same characters in UTF-8.
            b"\x9b?62;22c",
            b"\x9b24;80R",
            b"\x9d11;rgb:0000/0000/0000\x9c",
            b"\x9d11;rgb:0000/0000/0000\x07",
            b"\x90>|XTerm(370)\x9c",
            "\u{9b}?62;22c".as_bytes(),
            "\u{9d}10;rgb:ffff/ffff/ffff\u{9c}".as_bytes(),
            "\u{9d}2;✜ \u{9c}".as_bytes(),
            "\u{90}1+r524742\u{9c}\u{85}".as_bytes(),
            b"\x8fz",
            "\u{9b}\u{85}".as_bytes(),
        ] {
            let mut bytes = b"a".to_vec();
            bytes.extend(answer);
            bytes.push(b'b');
            assert_eq!(keys(&bytes), "a b", "{}", answer.escape_ascii());
        }
        // Its end never comes.
        assert_eq!(keys(b"\x1b]11;rgb:00"), "");
        // A person gets out.
        assert_eq!(keys(b"\x1b]11;rgb:00\x03q"), "ctrl-c q");
    }

    #[test]
    fn a_paste_is_text_whatever_it_holds() {
        let text = "q\x1b[A\x03 one\ntwo\n";
        assert_eq!(
            heard(b"\x1b[200~q\x1b[A\x03 one\r\ntwo\r\x1b[201~j"),
            [Input::Paste(text.into()), Input::Key(Chord::char('j'))]
        );
        assert_eq!(heard(b"\x1b[200~half"), [Input::Paste("half".into())]);
        // In pieces, its end cut through the middle.
        let mut inputs = Vec::new();
        let mut decoder = Decoder::default();
        let piece = "0123456789".repeat(1000);
        decoder.take(PASTE_BEGINS, |input| inputs.push(input));
        for _ in 0..100 {
            decoder.take(piece.as_bytes(), |input| inputs.push(input));
        }
        decoder.take(b"\x1b[20", |input| inputs.push(input));
        assert_eq!(inputs, []);
        decoder.take(b"1~", |input| inputs.push(input));
        assert_eq!(inputs, [Input::Paste(piece.repeat(100))]);
        assert_eq!(decoder.patience(), None);
    }

    #[test]
    fn the_mouse_is_a_click_or_the_wheel() {
        let at = |kind| {
            Input::Mouse(Mouse {
                kind,
                column: 9,
                row: 299,
            })
        };
        assert_eq!(
            heard(b"\x1b[<0;10;300M\x1b[<0;10;300m\x1b[<64;10;300M\x1b[<65;10;300M\x1b[<2;1;1M"),
            [
                at(MouseKind::Click),
                at(MouseKind::WheelUp),
                at(MouseKind::WheelDown)
            ]
        );
    }

    #[test]
    fn an_answer_is_no_typing_however_late_the_rest_comes() {
        let mut decoder = Decoder::default();
        let mut heard = Vec::new();
        for rest in [
            &b"]11;rgb:1e1e/1e1e/1e1e\x1b\\"[..],
            b"[?62;22;52c",
            b"P1$r0m\x1b\\",
        ] {
            decoder.take(b"\x1b", |input| heard.push(input));
            decoder.give_up(|input| heard.push(input));
            decoder.take(rest, |input| heard.push(input));
            assert_eq!(heard, [Input::Key(Chord::plain(Key::Esc))]);
            heard.clear();
        }
        // What is typed after the key is typed.
        decoder.take(b"\x1b", |_| {});
        decoder.give_up(|_| {});
        decoder.take(b"]", |input| heard.push(input));
        assert_eq!(heard, [Input::Key(Chord::char(']'))]);
        decoder.take(b"\x1b]", |_| {});
        assert_eq!(decoder.patience(), Some(REST));
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_they_say_the_same(
            bytes in proptest::collection::vec(
                prop_oneof![
                    any::<u8>(),
                    Just(0x1b), Just(b'['), Just(b']'), Just(b'~'), Just(b';'), Just(b'2'), Just(b'0'),
                ],
                0..60,
            ),
            cuts in proptest::collection::vec(1_usize..8, 0..60),
        ) {
            let mut inputs = Vec::new();
            let mut decoder = Decoder::default();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                decoder.take(now, |input| inputs.push(input));
                rest = later;
            }
            decoder.take(rest, |input| inputs.push(input));
            decoder.give_up(|input| inputs.push(input));
            prop_assert_eq!(inputs, heard(&bytes));
        }
    }
}
