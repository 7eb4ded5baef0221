//! Countries, by the codes of ISO 3166-1.

use iso_country::Country;

/// What a country is, for an error.
pub const EXPECTED: &str = "a country's two letters of ISO 3166-1, such as PT";

/// Kosovo has no code of its own yet; shops, carriers and the European Union write this one, which
/// the standard leaves to its users.
const KOSOVO: &str = "XK";

/// A country's code in capitals, however it was typed; none where no country has it.
pub fn code(typed: &str) -> Option<String> {
    let code = typed.trim().to_ascii_uppercase();
    (!code.is_empty() && code.parse::<Country>().is_ok() || code == KOSOVO).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_that_of_a_country_whatever_its_case() {
        for (typed, known) in [
            ("PT", Some("PT")),
            (" pt ", Some("PT")),
            ("ss", Some("SS")),
            ("XK", Some("XK")),
            // Reserved, withdrawn, in use elsewhere, or nothing at all.
            ("UK", None),
            ("AN", None),
            ("EU", None),
            ("ZZ", None),
            ("PRT", None),
            ("Portugal", None),
            ("-", None),
            ("ÞÞ", None),
            ("", None),
        ] {
            assert_eq!(code(typed).as_deref(), known, "{typed}");
        }
    }

    #[test]
    fn the_list_is_that_of_the_standard() {
        let letters = 'A'..='Z';
        let codes = letters.flat_map(|a| ('A'..='Z').map(move |b| format!("{a}{b}")));
        assert_eq!(codes.filter(|each| code(each).is_some()).count(), 249 + 1);
    }
}
