//! Scripts: which letters a text is written in, and which a printer's font has.

use unicode_script::{Script, ScriptExtension, UnicodeScript as _};

/// A set of scripts of the Unicode Standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scripts(ScriptExtension);

impl Scripts {
    /// Every script there is.
    pub fn all() -> Self {
        Self(ScriptExtension::default())
    }

    /// The scripts of these names, in any case: those of the Unicode Standard (UAX #24), such as `Latin`
    /// or `Old_Italic`, or alone `all`. `None` where one is no such name, or there is none.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut names = names.into_iter().peekable();
        let first = names.peek()?;
        if first.eq_ignore_ascii_case("all") {
            return names.nth(1).is_none().then(Self::all);
        }
        let mut union: Option<ScriptExtension> = None;
        for name in names {
            let script = ScriptExtension::from(script(name)?);
            union = Some(union.map_or(script, |union| union.union(script)));
        }
        union.map(Self)
    }

    /// The names of those that this set lacks of a text's scripts, in the order of the text. Digits, signs and
    /// whatever else belongs to no one script are not counted.
    pub fn lacks(self, text: &str) -> Vec<&'static str> {
        let mut names = Vec::new();
        for char in text.chars() {
            let script = char.script();
            if matches!(script, Script::Common | Script::Inherited | Script::Unknown)
                || self.0.contains_script(script)
            {
                continue;
            }
            let name = script.full_name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The names as [`Scripts::named`] reads them.
    pub fn names(self) -> Vec<String> {
        if self == Self::all() {
            return vec!["all".to_owned()];
        }
        let names = self.0.iter().map(Script::full_name);
        names.map(str::to_ascii_lowercase).collect()
    }
}

fn script(name: &str) -> Option<Script> {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at_checked(1)?;
        Some(first.to_ascii_uppercase() + &rest.to_ascii_lowercase())
    });
    let name = words.collect::<Option<Vec<_>>>()?.join("_");
    let script = Script::from_full_name(&name)?;
    let own = !matches!(script, Script::Common | Script::Inherited | Script::Unknown);
    own.then_some(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn font(names: &str) -> Scripts {
        Scripts::named(names.split_whitespace()).expect(names)
    }

    #[test]
    fn what_a_font_lacks_is_named_once_in_the_order_of_the_text() {
        let latin = font("latin greek cyrillic");
        for (text, lacks) in [
            ("Łódź, ul. Żwirki 7/9 – 2º", &[][..]),
            ("Αθήνα, Київ", &[]),
            (
                "東京都 丸の内 1-9-2 タワー",
                &["Han", "Hiragana", "Katakana"],
            ),
            ("شارع الملك 5", &["Arabic"]),
            ("12 – 34 ☎ +81", &[]),
        ] {
            assert_eq!(latin.lacks(text), lacks, "{text}");
        }
        assert_eq!(
            font("latin han HIRAGANA").lacks("丸の内タワー"),
            ["Katakana"]
        );
        assert!(Scripts::all().lacks("東京 شارع").is_empty());
    }

    #[test]
    fn names_are_those_of_the_standard_in_any_case() {
        let scripts = font("Latin OLD_italic han");
        assert_eq!(font(&scripts.names().join(" ")), scripts);
        assert_eq!(font("ALL"), Scripts::all());
        assert_eq!(Scripts::all().names(), ["all"]);
        for wrong in ["", "japanese", "latin klingon", "all latin", "common", "_"] {
            assert_eq!(Scripts::named(wrong.split_whitespace()), None, "{wrong}");
        }
    }
}
