//! What could be meant by the word being written: offered under the filter and the command line.

use super::edit::Edit;
use super::msg::Request;

/// What could stand at the end of a line instead of its last word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// Each word, and what it means.
    pub words: Vec<(String, String)>,
    /// The one that was picked last; it stands in the line.
    pub picked: Option<usize>,
    /// The line before one was picked, up to where the words go.
    before: String,
    /// The database was asked for the words.
    asked: Option<Request>,
}

impl Offered {
    /// These words, behind this beginning of the line.
    pub fn these(before: &str, words: Vec<(String, String)>) -> Self {
        Self {
            words,
            before: before.to_owned(),
            ..Self::default()
        }
    }

    /// What the database is being asked for.
    pub fn asked(before: &str, request: Request) -> Self {
        Self {
            before: before.to_owned(),
            asked: Some(request),
            ..Self::default()
        }
    }

    /// The same, with words that are known already; they come after those that are not.
    pub fn asked_after(before: &str, request: Request, words: Vec<(String, String)>) -> Self {
        Self {
            words,
            ..Self::asked(before, request)
        }
    }

    /// Takes what the database answered; says whether it was waited for.
    pub fn take(&mut self, request: Request, words: Vec<(String, String)>) -> bool {
        if self.asked.take_if(|asked| *asked == request).is_none() || self.picked.is_some() {
            return false;
        }
        let found = (words.into_iter()).map(|(word, means)| (quoted(&word), means));
        self.words.splice(..0, found);
        true
    }

    /// Picks the next word, or the one before, and writes it into the line; says whether there was
    /// one. A word that is the only one is final, and more can be offered behind it.
    pub fn pick(&mut self, edit: &mut Edit, back: bool) -> bool {
        let last = match self.words.len() {
            0 => return false,
            count => count - 1,
        };
        let picked = match (self.picked, back) {
            (None, false) => 0,
            (None, true) => last,
            (Some(at), false) if at == last => 0,
            (Some(at), false) => at + 1,
            (Some(at), true) => at.checked_sub(1).unwrap_or(last),
        };
        self.picked = Some(picked);
        let word = &self.words[picked].0;
        // A field waits for its value; everything else is done.
        let space = if last == 0 && !word.ends_with([':', '=', '<', '>']) {
            " "
        } else {
            ""
        };
        edit.set(format!("{}{word}{space}", self.before));
        true
    }

    /// Whether the word that stands in the line was the only one.
    pub fn is_settled(&self) -> bool {
        self.picked.is_some() && self.words.len() == 1
    }
}

/// A word as it is written in a line: in quotes where it holds a space.
pub(super) fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) && !word.contains('"') {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<(String, String)> {
        words
            .iter()
            .map(|word| ((*word).to_owned(), String::new()))
            .collect()
    }

    #[test]
    fn picking_goes_round_and_writes_into_the_line() {
        let mut edit = Edit::new("late c");
        let mut offered = Offered::these("late ", words(&["country:", "carrier:"]));
        let mut seen = vec![];
        for back in [false, false, false, true] {
            assert!(offered.pick(&mut edit, back));
            seen.push(edit.text().to_owned());
        }
        let expected = [
            "late country:",
            "late carrier:",
            "late country:",
            "late carrier:",
        ];
        assert_eq!(seen, expected);
        assert!(!Offered::default().pick(&mut edit, false));
    }

    #[test]
    fn the_only_word_is_final() {
        let mut edit = Edit::new("carrier:d");
        let mut offered = Offered::asked("carrier:", 7);
        assert!(!offered.take(6, words(&["UPS"])));
        assert!(offered.take(7, words(&["DHL Express"])));
        assert!(offered.pick(&mut edit, false));
        assert_eq!(edit.text(), "carrier:\"DHL Express\" ");
        assert!(offered.is_settled());
    }
}
