//! Telling what a person wrote from the mail that it quotes.
//!
//! Nothing that the person may have written is ever taken for a quote: where answers stand between
//! quoted lines, all of it is the answer.

/// How mail programs introduce the whole mail below, in the languages of our customers.
const SEPARATORS: [&str; 8] = [
    "original message",
    "forwarded message",
    "mensagem original",
    "mensaje original",
    "message d'origine",
    "messaggio originale",
    "ursprüngliche nachricht",
    "oorspronkelijk bericht",
];

/// The words by which they name whom they quote: "On Monday, Ann wrote:".
const ATTRIBUTIONS: [&str; 7] = [
    "wrote",
    "escreveu",
    "escribió",
    "a écrit",
    "ha scritto",
    "schrieb",
    "schreef",
];

/// Splits a body into what is new and what it quotes; either may be empty.
pub(super) fn split(body: &str) -> (String, String) {
    let lines: Vec<&str> = body.lines().collect();
    if let Some(at) = lines.iter().position(|line| is_separator(line)) {
        let new = join(&lines[..at]);
        // A mail that is nothing but a forwarded one says what is in it.
        return if new.is_empty() {
            (body.to_owned(), String::new())
        } else {
            (new, join(&lines[at..]))
        };
    }
    let Some(start) = lines.iter().position(|line| line.starts_with('>')) else {
        return (body.to_owned(), String::new());
    };
    let last = lines
        .iter()
        .rposition(|line| line.starts_with('>'))
        .unwrap_or(start);
    let between = lines[start..=last]
        .iter()
        .any(|line| !line.starts_with('>') && !blank(line));
    if between {
        return (body.to_owned(), String::new());
    }
    let start = attribution(&lines[..start]).unwrap_or(start);
    let above = join(&lines[..start]);
    let below = join(&lines[last + 1..]);
    let new = [above, below]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>();
    if new.is_empty() {
        return (body.to_owned(), String::new());
    }
    (new.join("\n\n"), join(&lines[start..=last]))
}

/// Where the lines above a quote start to introduce it: "On Monday,\nAnn wrote:".
fn attribution(above: &[&str]) -> Option<usize> {
    let end = above.iter().rposition(|line| !blank(line))?;
    let last = above[end].trim().to_lowercase();
    let tells = last.ends_with(':') && ATTRIBUTIONS.iter().any(|word| last.contains(word));
    if !tells {
        return None;
    }
    // The sentence may have been wrapped, once.
    let wrapped = end.checked_sub(1).filter(|at| {
        let line = above[*at].trim();
        let starts = ["On ", "Em ", "El ", "Le ", "Il ", "Am ", "Op "];
        starts.iter().any(|start| line.starts_with(start))
    });
    Some(wrapped.unwrap_or(end))
}

fn is_separator(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("--") && {
        let line = line.to_lowercase();
        SEPARATORS.iter().any(|separator| line.contains(separator))
    }
}

fn blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn join(lines: &[&str]) -> String {
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::split;

    fn pair(new: &str, quoted: &str) -> (String, String) {
        (new.to_owned(), quoted.to_owned())
    }

    #[test]
    fn an_answer_above_is_told_from_the_quote_below() {
        let body =
            "Still nothing.\n\nOn Mon, 1 Jan 2026,\nShop wrote:\n> It is on its way.\n>\n> Shop";
        let quoted = "On Mon, 1 Jan 2026,\nShop wrote:\n> It is on its way.\n>\n> Shop";
        assert_eq!(split(body), pair("Still nothing.", quoted));
    }

    #[test]
    fn an_answer_below_the_quote_is_kept() {
        assert_eq!(
            split("> Which colour?\n\nBlue."),
            pair("Blue.", "> Which colour?")
        );
    }

    #[test]
    fn answers_between_quoted_lines_are_never_cut() {
        let body = "> Which colour?\nBlue.\n> Which size?\nL";
        assert_eq!(split(body), pair(body, ""));
    }

    #[test]
    fn a_whole_mail_below_a_separator_is_quoted() {
        let body = "Danke!\n\n-----Ursprüngliche Nachricht-----\nVon: Shop\nGuten Tag";
        let quoted = "-----Ursprüngliche Nachricht-----\nVon: Shop\nGuten Tag";
        assert_eq!(split(body), pair("Danke!", quoted));
    }

    #[test]
    fn a_mail_that_is_all_quote_is_its_own_text() {
        for body in [
            "> one\n> two",
            "---------- Forwarded message ---------\nHello",
            "plain",
        ] {
            assert_eq!(split(body), pair(body, ""));
        }
    }
}
