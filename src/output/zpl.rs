//! A parcel's label in ZPL II: 4×6 inches at 203 dots an inch, with the printer's own Code 128, QR
//! code and Unicode font, so that a label is a few hundred bytes and as sharp as the printer.
//!
//! Commands as in Zebra's *ZPL II Programming Guide*: `^CI28` reads UTF-8, `^PA` lays out text from
//! right to left and joins Arabic, `^FH` reads `_5E` for a character by its bytes. What a customer
//! typed can never become a command: `^`, `~`, `_` and controls are written by their bytes. Lines
//! are broken here and not by `^FB`, for which `\` is special and which prints a line too many over
//! the last one.

use std::fmt::Write as _;

use crate::domain::labels::Label;
use crate::domain::text;

/// The Unicode font that printers carry (Swiss 721). Resident fonts have Latin and the scripts of eastern
/// Europe; others are loaded into the printer (Zebra's *Software Integrator Guide* P1026208-001,
/// “International Fonts”), such as `E:ANMDJ.TTF` for Chinese, Japanese and Korean. Some firmware has more
/// in it: who knows theirs does, says so in the setting `print.scripts`.
pub const DEFAULT_FONT: &str = "E:TT0003M_.FNT";

/// Dots: 4×6 inches at 203 an inch.
const WIDTH: usize = 812;
const LENGTH: usize = 1218;
const MARGIN: usize = 36;
const INNER: usize = WIDTH - 2 * MARGIN;

/// The quiet zones of Code 128: ten modules on either side (ISO/IEC 15417).
const QUIET: usize = 20;

/// One dot of a 203 dpi head is too thin a module to be read.
const THINNEST: usize = 2;

/// A label as a document for the printer.
///
/// `font` is the printer's name of a font, such as [`DEFAULT_FONT`]; what such a name cannot hold
/// is left out of it.
pub fn label(label: &Label, font: &str) -> String {
    let mut zpl = Zpl::new(font);
    sender(&mut zpl, label);
    service(&mut zpl, label);
    zpl.rule(214);
    recipient(&mut zpl, label);
    zpl.rule(650);
    barcode(&mut zpl, label);
    zpl.rule(934);
    footer(&mut zpl, label);
    zpl.end()
}

fn sender(zpl: &mut Zpl, label: &Label) {
    zpl.block(MARGIN, 30, 440, 170, &[26, 22, 18], &label.from);
}

fn service(zpl: &mut Zpl, label: &Label) {
    let (left, width) = (500, WIDTH - MARGIN - 500);
    let lines = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    zpl.block(left, 30, width, 80, &[40, 32, 26], &lines(&label.carrier));
    zpl.block(left, 114, width, 56, &[26, 22], &lines(&label.service));
    let mut count = format!("{} / {}", label.number, label.of);
    if let Some(weight) = label.weight() {
        let _ = write!(count, "   {weight}");
    }
    zpl.line(left, 176, 28, &count);
}

fn recipient(zpl: &mut Zpl, label: &Label) {
    let mut lines = label.to.lines();
    if !label.to.phone.is_empty() {
        lines.push(label.to.phone.clone());
    }
    zpl.block(MARGIN, 236, INNER, 400, &[52, 44, 36, 30, 24, 20], &lines);
}

/// Code 128 of the tracking code, as wide as fits; without a code that one can hold, nothing.
fn barcode(zpl: &mut Zpl, label: &Label) {
    let Some(code) = &label.tracking_code else {
        return;
    };
    if let Some(modules) = code_128(code)
        && let module = (WIDTH / (modules + QUIET)).min(4)
        && module >= THINNEST
    {
        let left = (WIDTH - modules * module) / 2;
        let _ = writeln!(
            zpl.text,
            "^FO{left},674^BY{module}^BCN,180,N,N,N,A^FH^FD{}^FS",
            escaped(code)
        );
    }
    let code = [code.clone()];
    zpl.block(MARGIN, 870, INNER, 60, &[40, 30, 22, 18], &code);
}

/// Modules of Code 128 at most, `None` for what it cannot hold.
///
/// The printer packs by itself (mode A of `^BC`, in which the data is plain ASCII): two digits a
/// symbol at the end at least, where there are four or more, and one other character a symbol.
fn code_128(code: &str) -> Option<usize> {
    if code.is_empty() || !code.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let digits = code.bytes().rev().take_while(u8::is_ascii_digit).count() & !1;
    let symbols = match code.len() - digits {
        0 => digits / 2,
        head if digits >= 4 => head + 1 + digits / 2,
        _ => code.len(),
    };
    // Start, check and stop, of 11, 11 and 13 modules; every symbol has 11.
    Some(35 + 11 * symbols)
}

fn footer(zpl: &mut Zpl, label: &Label) {
    let link = label
        .tracking_link
        .as_ref()
        .or(label.tracking_code.as_ref());
    if let Some(link) = link
        && let Some(dots) = qr_module(link.len())
    {
        let _ = writeln!(
            zpl.text,
            "^FO{MARGIN},956^BQN,2,{dots}^FH^FDMA,{}^FS",
            escaped(link)
        );
    }
    let (left, width) = (320, WIDTH - MARGIN - 320);
    let order = [label.order.clone()];
    zpl.block(left, 966, width, 100, &[48, 40, 32, 24], &order);
    zpl.line(left, 1076, 32, &label.parcel);
}

/// Dots for a module of a QR code of level M with so many bytes, so that it stays below 240 dots;
/// `None` where it would be too fine. Capacities as in ISO/IEC 18004, table 7.
fn qr_module(bytes: usize) -> Option<usize> {
    const CAPACITY: [usize; 13] = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331];
    let version = 1 + CAPACITY.iter().position(|capacity| bytes <= *capacity)?;
    Some((240 / (17 + 4 * version)).min(8))
}

/// A document in the making.
struct Zpl {
    text: String,
}

impl Zpl {
    fn new(font: &str) -> Self {
        let font: String = font
            .chars()
            .filter(|char| char.is_ascii_alphanumeric() || "_.-:".contains(*char))
            .collect();
        Self {
            text: format!("^XA\n^CI28\n^PA1,1,1,1\n^PW{WIDTH}\n^LL{LENGTH}\n^LH0,0\n^CWU,{font}\n"),
        }
    }

    fn rule(&mut self, top: usize) {
        let _ = writeln!(self.text, "^FO{MARGIN},{top}^GB{INNER},3,3^FS");
    }

    /// One line of text.
    fn line(&mut self, left: usize, top: usize, size: usize, text: &str) {
        let text = escaped(text);
        if !text.is_empty() {
            let _ = writeln!(
                self.text,
                "^FO{left},{top}^AUN,{size},{size}^FH^FD{text}^FS"
            );
        }
    }

    /// Lines in a box, in the largest of these sizes in which they fit. What does not fit in the
    /// smallest ends with `…`.
    fn block(
        &mut self,
        left: usize,
        top: usize,
        width: usize,
        height: usize,
        sizes: &[usize],
        lines: &[String],
    ) {
        let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
        for (index, &size) in sizes.iter().enumerate() {
            let step = size + size / 6;
            let room = (height / step).max(1);
            let columns = columns(width, size);
            let mut broken: Vec<String> = lines
                .iter()
                .flat_map(|line| text::wrapped(line, columns))
                .collect();
            if broken.len() > room {
                if index + 1 < sizes.len() {
                    continue;
                }
                broken.truncate(room);
                if let Some(last) = broken.last_mut() {
                    *last = text::fit(&format!("{last} …"), columns).into_owned();
                }
            }
            for (place, line) in broken.iter().enumerate() {
                self.line(left, top + place * step, size, line);
            }
            return;
        }
    }

    fn end(mut self) -> String {
        self.text.push_str("^XZ\n");
        self.text
    }
}

/// Terminal columns that fit in so many dots: a Latin letter takes about half its size, a capital
/// up to two thirds, an ideograph (two columns) the whole of it. Counted so that capitals fit.
fn columns(width: usize, size: usize) -> usize {
    (width * 5 / (size * 3)).max(4)
}

/// Text as a label can show it: without what acts, hides or reorders, for which a printer's font
/// has no picture.
fn printable(text: &str) -> String {
    let plain = text::plain(text);
    let mut printable = String::with_capacity(plain.len());
    for char in plain.chars() {
        match char {
            '\u{2400}'..='\u{2421}' => printable.push(' '),
            '\u{FFFD}' => {}
            _ => printable.push(char),
        }
    }
    printable.trim().to_owned()
}

/// Field data for `^FH^FD`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '^' | '~' | '_' => {
                let _ = write!(escaped, "_{:02X}", u32::from(char));
            }
            char if char.is_control() => escaped.push(' '),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
