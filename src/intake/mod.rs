//! Floor 2: formats in. Each file turns one foreign format into values, or into an error that names
//! file, line, field and what was expected.
//!
//! A parser is an iterator over one source: it holds one value at a time, however long the source.
//! What it cannot accept it yields as a [`Fault::Rejected`] and goes on; a [`Fault::Unreadable`]
//! is the last thing that it yields.

pub mod acceptances;
pub mod catalog;
pub mod dispatches;
pub mod easypost;
pub mod macros;
pub mod mail;
pub mod options;
pub mod shopify;
mod table;

use std::io;

use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The most characters of an order's or parcel's number, or of a key of a channel.
const LONGEST_NUMBER: usize = 100;
/// The most characters of a SKU.
const LONGEST_SKU: usize = 200;
/// The most characters of a mail address: 64 before the @ and 255 after it (RFC 5321).
const LONGEST_ADDRESS: usize = 320;
/// The most characters of a payment's reference; Shopify joins several in one field.
const LONGEST_REFERENCE: usize = 255;

/// How many characters of a rejected value are quoted.
const QUOTED: usize = 200;

/// One thing of a source that was not accepted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The source, as the person named it.
    pub file: String,
    /// The line where the field stands, from 1.
    pub line: u64,
    /// The column or key, empty where the whole line is at fault.
    pub field: String,
    /// What stood there, cut to 200 characters. Untrusted: clean it before showing it.
    pub value: String,
    /// What was expected.
    pub reason: String,
}

impl Rejection {
    /// A rejection of one field.
    pub fn new(file: &str, line: u64, field: &str, value: &str, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            field: field.to_owned(),
            value: value.chars().take(QUOTED).collect(),
            reason: reason.into(),
        }
    }
}

/// Why a parser has no value to give.
#[derive(Debug, Error)]
pub enum Fault {
    /// This one is refused; the next may be fine.
    #[error("{}:{}: {}: {}", .0.file, .0.line, .0.field, .0.reason)]
    Rejected(Rejection),
    /// The source itself fails; nothing follows.
    #[error("cannot read {file}: {error}")]
    Unreadable {
        /// The source, as the person named it.
        file: String,
        /// What the operating system said.
        error: io::Error,
    },
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// The end of a source that cannot be read beyond a line.
fn stopped(file: &str, line: u64, reason: &str) -> Fault {
    let error = format!("stopped at line {line}: {reason} What came before is kept");
    Fault::Unreadable {
        file: file.to_owned(),
        error: io::Error::other(error),
    }
}

/// The SHA-256 of what a value says. Two values with the same digest would write the same rows, so
/// an import compares digests to tell `unchanged` from `updated`. Where a value stood in its source
/// is not part of what it says.
pub fn digest(value: &impl Serialize) -> [u8; 32] {
    /// Feeds the serializer's output straight to the hash.
    struct Sink(Sha256);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut sink = Sink(Sha256::new());
    serde_json::to_writer(&mut sink, value).expect("a value of this program has string keys only");
    sink.0.finalize().into()
}

/// Bytes in hexadecimal, as `decode(…, 'hex')` of the database reads them.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
