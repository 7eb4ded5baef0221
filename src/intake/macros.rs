//! Macros from a file: TOML with one text a name.

use std::collections::BTreeMap;
use std::io;

use super::{Fault, Rejection};
use crate::domain::macros::Macro;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    macros: BTreeMap<String, String>,
}

/// Reads `[macros]` with `"name" = "text"`, by name.
///
/// # Errors
/// The first line that is no such thing, or a file that is no text.
pub fn read(bytes: &[u8], file: &str) -> Result<Vec<Macro>, Fault> {
    let text = str::from_utf8(bytes).map_err(|error| Fault::Unreadable {
        file: file.to_owned(),
        error: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    let read: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text[..at].matches('\n').count() as u64 + 1;
        Rejection::new(file, line, "macros", "", error.message())
    })?;
    Ok(read
        .macros
        .into_iter()
        .map(|(name, body)| Macro {
            name,
            body: body.trim().to_owned(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let good = b"[macros]\n\"b\" = '''\nDear {customer},\nyes'''\na = \"no\"\n";
        let read = read(good, "macros.toml").unwrap();
        let names: Vec<&str> = read.iter().map(|each| each.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(read[1].body, "Dear {customer},\nyes");
        let error = super::read(b"[macros]\na = \"no\"\nb = 7\n", "macros.toml").unwrap_err();
        assert!(error.to_string().starts_with("macros.toml:3: "), "{error}");
    }
}
