//! Closed vocabularies: an enum whose words are the same in the schema, on the screen and on the
//! command line.

/// Declares an enum with one word per variant, and its conversions to and from that word.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value, in the order of its life.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in the schema, on the screen and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::words::UnknownWord;

            fn from_str(word: &str) -> Result<Self, $crate::domain::words::UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::domain::words::UnknownWord {
                        word: word.to_owned(),
                        expected: &[$($word),+],
                    }),
                }
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> Self {
                value.as_str()
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::domain::words::UnknownWord;

            fn try_from(word: String) -> Result<Self, $crate::domain::words::UnknownWord> {
                word.parse()
            }
        }
    };
}
pub(crate) use words;

/// A word that is not one of a closed vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{word}” is not one of {}", expected.join(", "))]
pub struct UnknownWord {
    /// The word that was given.
    pub word: String,
    /// The words that would have done.
    pub expected: &'static [&'static str],
}
