//! What is wrong with a file that a person wrote: all of it at once, each with its line.

use std::fmt;

/// Every mistake in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(Vec<(usize, String)>);

impl Mistakes {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// One more: the line, from 1, and what is wrong with it.
    pub fn push(&mut self, line: usize, mistake: impl Into<String>) {
        self.0.push((line, mistake.into()));
    }

    /// Whether something on this line is wrong already.
    pub fn has(&self, line: usize) -> bool {
        self.0.iter().any(|(known, _)| *known == line)
    }

    /// The value, if there is no mistake.
    ///
    /// # Errors
    /// These mistakes, in the order of their lines.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            self.0.sort();
            Err(self)
        }
    }

    /// Each with its line.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0
            .iter()
            .map(|(line, mistake)| (*line, mistake.as_str()))
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (line, mistake)) in self.iter().enumerate() {
            let joint = if index == 0 { "" } else { "\n" };
            write!(f, "{joint}line {line}: {mistake}")?;
        }
        Ok(())
    }
}

/// The line, from 1, on which this byte of a text is.
pub fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
