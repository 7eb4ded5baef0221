//! What reaches beyond the window: the clipboard, the bell, notifications.

use std::fmt::Write as _;

use crate::domain::text;

/// What stands between the program and the terminal that its user looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Between {
    #[default]
    Nothing,
    Tmux,
    Screen,
}

/// How new urgent work is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Alarm {
    /// By the bell.
    pub bell: bool,
    /// By a notification on the desktop.
    pub desktop: bool,
}

/// Writes what reaches beyond the window, and keeps it until the next frame.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    between: Between,
    /// Whether the terminal knows notifications by rxvt's sequence, not iTerm's.
    rxvt: bool,
    alarm: Alarm,
    waiting: String,
}

impl Outside {
    /// By what the environment says of the terminal.
    pub fn of(environment: impl Fn(&str) -> Option<String>, alarm: Alarm) -> Self {
        let set = |name| environment(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let between = if set("TMUX").is_some() {
            Between::Tmux
        } else if term.starts_with("screen") {
            Between::Screen
        } else {
            Between::Nothing
        };
        let rxvt = term.starts_with("rxvt") || set("VTE_VERSION").is_some();
        Self {
            between,
            rxvt,
            alarm,
            waiting: String::new(),
        }
    }

    /// Puts a text on the clipboard, where the terminal lets programs (OSC 52).
    pub fn copy(&mut self, text: &str) {
        let text = text::plain(text);
        let sequence = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
        if self.between == Between::Tmux {
            // With `set-clipboard on` tmux takes it itself; else it may let it pass.
            self.waiting.push_str(&sequence);
        }
        self.pass(&sequence);
    }

    /// Tells of something new, as its user asked for.
    pub fn alarm(&mut self, text: &str) {
        if self.alarm.desktop {
            let text = text::plain(text);
            let sequence = if self.rxvt {
                format!("\x1b]777;notify;Packline;{}\x1b\\", text.replace(';', ","))
            } else {
                format!("\x1b]9;Packline: {text}\x1b\\")
            };
            self.pass(&sequence);
        }
        if self.alarm.bell {
            self.waiting.push('\x07');
        }
    }

    /// What is to be sent with the next frame.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.waiting)
    }

    /// Sends a sequence through what stands between. tmux hands on what is wrapped where
    /// `allow-passthrough` is on, screen always, in pieces.
    fn pass(&mut self, sequence: &str) {
        match self.between {
            Between::Nothing => self.waiting.push_str(sequence),
            Between::Tmux => {
                let doubled = sequence.replace('\x1b', "\x1b\x1b");
                let _ = write!(self.waiting, "\x1bPtmux;{doubled}\x1b\\");
            }
            Between::Screen => {
                // Nothing but ASCII where it is cut: a clipboard's base64.
                let chars: Vec<char> = sequence.chars().collect();
                for piece in chars.chunks(250) {
                    self.waiting.push_str("\x1bP");
                    // The end of a string would end what wraps it.
                    self.waiting
                        .push_str(&piece.iter().collect::<String>().replace("\x1b\\", "\x07"));
                    self.waiting.push_str("\x1b\\");
                }
            }
        }
    }
}

/// Base 64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            if digit <= group.len() {
                let index = (bits >> (18 - 6 * digit)) & 63;
                text.push(char::from(DIGITS[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(set: &'static [(&'static str, &'static str)]) -> Outside {
        let alarm = Alarm {
            bell: true,
            desktop: true,
        };
        Outside::of(
            |name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            },
            alarm,
        )
    }

    #[test]
    fn base_64_is_as_the_standard_gives_it() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn a_copy_goes_to_the_clipboard_through_what_stands_between() {
        let mut plain = outside(&[("TERM", "xterm-256color")]);
        plain.copy("#1042");
        assert_eq!(plain.take(), "\x1b]52;c;IzEwNDI=\x07");
        assert_eq!(plain.take(), "");
        let mut tmux = outside(&[("TERM", "tmux-256color"), ("TMUX", "/tmp/tmux,1,0")]);
        tmux.copy("#1042");
        assert_eq!(
            tmux.take(),
            "\x1b]52;c;IzEwNDI=\x07\x1bPtmux;\x1b\x1b]52;c;IzEwNDI=\x07\x1b\\"
        );
        let mut screen = outside(&[("TERM", "screen.xterm-256color")]);
        screen.copy(&"x".repeat(300));
        let sent = screen.take();
        assert_eq!(sent.matches("\x1bP").count(), 2);
        assert!(
            sent.starts_with("\x1bP\x1b]52;c;eHh4") && sent.ends_with("\x07\x1b\\"),
            "{sent:?}"
        );
        // What was copied acts on no terminal when it is pasted.
        plain.copy("x\x1b[2J\nrm -rf\n");
        let pasted = "x\u{241b}[2J\u{240a}rm -rf\u{240a}";
        assert_eq!(
            plain.take(),
            format!("\x1b]52;c;{}\x07", base64(pasted.as_bytes()))
        );
    }

    #[test]
    fn new_work_is_told_as_the_terminal_knows_it() {
        let mut iterm = outside(&[("TERM", "xterm-256color")]);
        iterm.alarm("2 orders are late\x07\x1b]0;x");
        assert_eq!(
            iterm.take(),
            "\x1b]9;Packline: 2 orders are late\u{2407}\u{241b}]0;x\x1b\\\x07"
        );
        let mut vte = outside(&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")]);
        vte.alarm("1 order is late; 1 ticket");
        assert_eq!(
            vte.take(),
            "\x1b]777;notify;Packline;1 order is late, 1 ticket\x1b\\\x07"
        );
    }
}
