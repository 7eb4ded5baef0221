//! CSV as spreadsheets and shops write it: columns in any order, with or without a byte order
//! mark, `\n` or `\r\n`, quoted newlines, `;` or tabs where a locale prefers them.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

use chrono::{DateTime, Datelike as _, Utc};
use csv::{ByteRecord, ReaderBuilder};

use super::{Fault, Rejection};
use crate::domain::money::{Currency, Money};
use crate::domain::text;

/// The longest record, in bytes. A quote that is opened and never closed swallows what follows it;
/// this bounds how much.
const LONGEST: usize = 1 << 20;

/// The years that a time may be of: any other is a slip of the pen, or of a spreadsheet.
const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;

/// A CSV source with its header read.
pub(super) struct Table<R> {
    file: String,
    columns: HashMap<String, usize>,
    names: Vec<String>,
    reader: csv::Reader<Meter<BufReader<R>>>,
    done: bool,
}

/// One record, with the line on which it starts.
pub(super) struct Row {
    /// The line in the source, from 1.
    pub(super) line: u64,
    cells: Vec<String>,
    /// Why the record cannot be used at all.
    pub(super) problem: Option<Rejection>,
}

impl<R: Read> Table<R> {
    /// Reads the header and demands columns of it. Names match whatever their case.
    pub(super) fn open(source: R, file: &str, required: &[&str]) -> Result<Self, Fault> {
        let mut source = BufReader::new(source);
        let start = source.fill_buf().map_err(|error| unreadable(file, error))?;
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            let reason = "expected UTF-8, this is UTF-16: save the file as \"CSV UTF-8\"";
            return Err(Rejection::new(file, 1, "", "", reason).into());
        }
        let delimiter = delimiter(start);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(Meter {
                source,
                left: LONGEST,
                last: b'\n',
                ended: false,
            });
        let mut table = Self {
            file: file.to_owned(),
            columns: HashMap::new(),
            names: Vec::new(),
            reader,
            done: false,
        };
        let Some(header) = table.next_row().transpose()? else {
            let reason = format!("expected a header with {}", required.join(", "));
            return Err(Rejection::new(file, 1, "", "", reason).into());
        };
        if let Some(problem) = header.problem {
            return Err(problem.into());
        }
        for (at, name) in header.cells.into_iter().enumerate() {
            let name = name.trim().to_owned();
            let key = name.to_lowercase();
            if !key.is_empty() && table.columns.insert(key, at).is_some() {
                let reason = "expected each column once";
                return Err(Rejection::new(file, 1, &name, &name, reason).into());
            }
            table.names.push(name);
        }
        for column in required {
            if !table.columns.contains_key(&column.to_lowercase()) {
                let reason = format!("expected a column named {column}");
                return Err(Rejection::new(file, 1, column, "", reason).into());
            }
        }
        Ok(table)
    }

    /// The next record that is not blank.
    pub(super) fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        let mut record = ByteRecord::new();
        while !self.done {
            self.reader.get_mut().left = LONGEST;
            match self.reader.read_byte_record(&mut record) {
                Ok(true) if record.iter().all(<[u8]>::is_empty) => {}
                Ok(true) => return Some(Ok(self.row(&record))),
                Ok(false) => self.done = true,
                Err(error) => {
                    self.done = true;
                    return Some(Err(self.failure(error)));
                }
            }
        }
        None
    }

    fn failure(&self, error: csv::Error) -> Fault {
        let line = self.reader.position().line();
        match error.into_kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                // Where the next record starts is anybody's guess.
                let reason = "expected a record under 1 MiB: is a quote left open here?";
                super::stopped(&self.file, line, reason)
            }
            csv::ErrorKind::Io(error) => unreadable(&self.file, error),
            other => unreadable(&self.file, io::Error::other(format!("{other:?}"))),
        }
    }

    /// The line on which a record starts, from the line on which it ends: the reader's own position
    /// is that of the blank lines before the record.
    fn line_of(&self, record: &ByteRecord) -> u64 {
        let within = record.as_slice().split(|byte| *byte == b'\n').count() as u64 - 1;
        let terminator = u64::from(!self.reader.get_ref().ends_open());
        self.reader.position().line() - within - terminator
    }

    fn row(&self, record: &ByteRecord) -> Row {
        let line = self.line_of(record);
        let mut problem = None;
        let mut reject = |at: usize, value: &str, reason: String| {
            let name = self.names.get(at).map_or("", String::as_str);
            problem.get_or_insert_with(|| Rejection::new(&self.file, line, name, value, reason));
        };
        let mut cells = Vec::with_capacity(record.len());
        for (at, bytes) in record.iter().enumerate() {
            let cell = String::from_utf8_lossy(bytes);
            if std::str::from_utf8(bytes).is_err() {
                reject(
                    at,
                    &cell,
                    "expected UTF-8: save the file as \"CSV UTF-8\"".to_owned(),
                );
            } else if cell.contains('\0') {
                reject(at, &cell, "expected text without NUL characters".to_owned());
            } else if at >= self.names.len() && !self.names.is_empty() && !cell.is_empty() {
                reject(
                    at,
                    &cell,
                    format!("expected {} fields as in the header", self.names.len()),
                );
            }
            cells.push(cell.into_owned());
        }
        // Spreadsheets leave out empty cells at the end of a line; a file cut off in transfer also
        // ends early, but without its last newline or inside a quote.
        let cut_off = record.len() < self.names.len()
            && self.reader.get_ref().ended
            && (self.reader.get_ref().ends_open() || record.as_slice().contains(&b'\n'));
        if cut_off {
            let last = cells.last().cloned().unwrap_or_default();
            reject(
                record.len() - 1,
                &last,
                "the file ends in the middle of this line".to_owned(),
            );
        }
        Row {
            line,
            cells,
            problem,
        }
    }

    /// The text of a column without the blanks round it and without what keeps a spreadsheet from
    /// taking it as a formula, empty where the source has no such column.
    pub(super) fn text<'r>(&self, row: &'r Row, column: &str) -> &'r str {
        let at = self.columns.get(&column.to_lowercase());
        at.and_then(|at| row.cells.get(*at))
            .map_or("", |cell| text::from_cell(cell.trim()))
    }

    /// Like [`Self::text`], with `None` for empty.
    pub(super) fn optional(&self, row: &Row, column: &str) -> Option<String> {
        Some(self.text(row, column))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    /// The text of a column that must not be empty.
    pub(super) fn required(&self, row: &Row, column: &str) -> Result<String, Rejection> {
        self.optional(row, column)
            .ok_or_else(|| self.reject(row, column, "expected a value, found none"))
    }

    /// Demands that the text of a column is at most so many characters.
    pub(super) fn within(&self, row: &Row, column: &str, most: usize) -> Result<&Self, Rejection> {
        if self.text(row, column).chars().nth(most).is_some() {
            let reason = format!("expected at most {most} characters");
            return Err(self.reject(row, column, reason));
        }
        Ok(self)
    }

    /// A whole number within bounds.
    pub(super) fn count(
        &self,
        row: &Row,
        column: &str,
        bounds: std::ops::RangeInclusive<i32>,
    ) -> Result<i32, Rejection> {
        let number = self
            .text(row, column)
            .parse()
            .ok()
            .filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            let reason = format!(
                "expected a whole number from {} to {}",
                bounds.start(),
                bounds.end()
            );
            self.reject(row, column, reason)
        })
    }

    /// An ISO 4217 code.
    pub(super) fn currency(&self, row: &Row, column: &str) -> Result<Currency, Rejection> {
        Currency::from_code(self.text(row, column)).ok_or_else(|| {
            self.reject(
                row,
                column,
                "expected a currency code of ISO 4217 such as EUR",
            )
        })
    }

    /// An amount of at least zero in minor units; empty is zero.
    pub(super) fn amount(
        &self,
        row: &Row,
        column: &str,
        currency: Currency,
    ) -> Result<i64, Rejection> {
        let text = self.text(row, column);
        if text.is_empty() {
            return Ok(0);
        }
        let money = Money::parse(text, currency)
            .map_err(|error| self.reject(row, column, error.to_string()))?;
        if money.minor < 0 {
            return Err(self.reject(row, column, "expected an amount of at least zero"));
        }
        Ok(money.minor)
    }

    /// A time with its offset, in UTC; `None` where empty.
    pub(super) fn time(&self, row: &Row, column: &str) -> Result<Option<DateTime<Utc>>, Rejection> {
        let text = self.text(row, column);
        if text.is_empty() {
            return Ok(None);
        }
        let reason = "expected a time with its offset such as 2026-01-31 14:05:00 +0100";
        let time = time(text).ok_or_else(|| self.reject(row, column, reason))?;
        if !YEARS.contains(&time.year()) {
            let reason = format!("expected a year from {} to {}", YEARS.start(), YEARS.end());
            return Err(self.reject(row, column, reason));
        }
        Ok(Some(time))
    }

    /// A rejection of one field of a record.
    pub(super) fn reject(&self, row: &Row, column: &str, reason: impl Into<String>) -> Rejection {
        Rejection::new(&self.file, row.line, column, self.text(row, column), reason)
    }
}

/// A time as Shopify's exports and RFC 3339 write it. A time without an offset is nobody's time.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let with_offset = text
        .strip_suffix(" UTC")
        .map(|naive| format!("{naive} +0000"));
    let text = with_offset.as_deref().unwrap_or(text);
    DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z")
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .map(|time| time.to_utc())
        .ok()
}

/// What separates the fields, seen in the header: most of `,`, `;` and tab outside quotes.
fn delimiter(start: &[u8]) -> u8 {
    let header = start
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    let count = |delimiter: u8| header.split(|byte| *byte == delimiter).count();
    // The last of equals wins: the comma.
    b"\t;,"
        .iter()
        .copied()
        .max_by_key(|delimiter| count(*delimiter))
        .unwrap_or(b',')
}

fn unreadable(file: &str, error: io::Error) -> Fault {
    Fault::Unreadable {
        file: file.to_owned(),
        error,
    }
}

/// Measures what one record consumes and fails when it is too much; makes `\r\n` and `\r` a `\n`, so
/// that every line is counted once; remembers how the source ended.
struct Meter<R> {
    source: R,
    left: usize,
    last: u8,
    ended: bool,
}

impl<R> Meter<R> {
    /// Whether the source has ended without a newline.
    fn ends_open(&self) -> bool {
        self.ended && !matches!(self.last, b'\n' | b'\r')
    }
}

impl<R: BufRead> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        loop {
            let input = self.source.fill_buf()?;
            if input.is_empty() {
                self.ended = true;
                return Ok(0);
            }
            let taken = input.len().min(buffer.len());
            let mut written = 0;
            for byte in &input[..taken] {
                let second_half = *byte == b'\n' && self.last == b'\r';
                if !second_half {
                    buffer[written] = if *byte == b'\r' { b'\n' } else { *byte };
                    written += 1;
                }
                self.last = *byte;
            }
            self.source.consume(taken);
            self.left = self.left.saturating_sub(taken);
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Vec<(u64, Vec<String>, Option<String>)> {
        let mut table = Table::open(text, "t.csv", &["a", "b"]).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = table.next_row() {
            let row = row.unwrap();
            let cells = ["a", "b"]
                .map(|name| table.text(&row, name).to_owned())
                .to_vec();
            rows.push((row.line, cells, row.problem.map(|problem| problem.reason)));
        }
        rows
    }

    fn refusal(text: &[u8]) -> Rejection {
        match Table::open(text, "t.csv", &["a", "b"]).err() {
            Some(Fault::Rejected(rejection)) => rejection,
            other => panic!("expected a rejection, not {other:?}"),
        }
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        for newline in ["\n", "\r\n", "\r"] {
            let text = ["b,a", "2,1", "\"x", "y\",3", "", ",", "", "5,4", "7,6"].join(newline);
            let lines: Vec<_> = rows(text.as_bytes()).into_iter().map(|row| row.0).collect();
            assert_eq!(lines, [2, 3, 8, 9], "{newline:?}");
        }
    }

    #[test]
    fn a_mark_a_semicolon_and_capitals_are_no_obstacle() {
        let expected = vec![(2, vec!["1".to_owned(), "2,5".to_owned()], None)];
        assert_eq!(rows(b"\xEF\xBB\xBFA;B;c\n 1 ;2,5;x\n"), expected);
        assert_eq!(rows(b"c\tB\tA\nx\t2,5\t1\n"), expected);
        assert_eq!(rows(b"\xEF\xBB\xBF\"a\",\"b\"\n1,\"2,5\"\n"), expected);
    }

    #[test]
    fn a_bad_header_names_what_is_missing() {
        assert_eq!(refusal(b"a,c\n1,2\n").field, "b");
        assert_eq!(refusal(b"a,b,A\n").reason, "expected each column once");
        assert_eq!(refusal(b"").reason, "expected a header with a, b");
        assert!(refusal(b"\xFF\xFEa\0,\0b\0").reason.contains("UTF-16"));
    }

    #[test]
    fn a_bad_record_says_so_and_the_next_is_read() {
        let rows = rows(b"a,b\n\xE9,1\n1,2,3\n\0,4\n5\n6,7\n");
        let reasons: Vec<_> = rows.iter().map(|row| row.2.as_deref()).collect();
        assert_eq!(
            reasons,
            [
                Some("expected UTF-8: save the file as \"CSV UTF-8\""),
                Some("expected 2 fields as in the header"),
                Some("expected text without NUL characters"),
                None,
                None,
            ]
        );
    }

    #[test]
    fn a_file_cut_off_says_so() {
        for text in ["a,b\n1,2\n12", "a,b\n1,2\n\"12,3\n4,5\n"] {
            let last = rows(text.as_bytes()).pop().unwrap();
            assert_eq!(
                last.2.as_deref(),
                Some("the file ends in the middle of this line")
            );
        }
        assert_eq!(rows(b"a,b\n1,2").pop().unwrap().2, None);
    }

    #[test]
    fn an_open_quote_does_not_swallow_the_file_into_memory() {
        let endless = io::repeat(b'x');
        let mut table = Table::open(b"a,b\n1,\"".chain(endless), "t.csv", &["a", "b"]).unwrap();
        let Some(Err(fault @ Fault::Unreadable { .. })) = table.next_row() else {
            panic!("the rest of the source is not read, so this is no mere rejection")
        };
        assert!(fault.to_string().contains("stopped at line 2"), "{fault}");
        assert!(table.next_row().is_none());
    }

    #[test]
    fn a_time_needs_its_offset() {
        let noon = "2026-01-31T12:00:00Z".parse::<DateTime<Utc>>().ok();
        assert_eq!(time("2026-01-31 09:00:00 -0300"), noon);
        assert_eq!(time("2026-01-31 12:00:00 UTC"), noon);
        assert_eq!(time("2026-01-31T13:00:00+01:00"), noon);
        assert_eq!(time("2026-01-31 12:00:00"), None);
        assert_eq!(time("31/01/2026 12:00"), None);
    }
}
