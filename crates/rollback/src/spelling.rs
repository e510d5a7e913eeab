//! Closed sets of words, each spelled the same in JSON, in the database and in messages.

/// A text that is no word of its set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown {set}")]
pub struct UnknownWord {
    pub(crate) set: &'static str,
}

/// Declares an enum whose variants are words: one spelling everywhere, and a list of all of them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $set:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every one of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word, as JSON and the database spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or($crate::UnknownWord { set: $set })
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::UnknownWord;

    words! {
        /// For the test.
        Colour, "colour" {
            /// One.
            Red = "red",
            /// Another.
            DarkBlue = "dark_blue",
        }
    }

    #[test]
    fn a_word_reads_the_same_everywhere() {
        for colour in Colour::ALL {
            assert_eq!(colour.to_string().parse(), Ok(*colour));
            assert_eq!(serde_json::to_value(colour).unwrap(), colour.as_str());
            assert_eq!(serde_json::from_value::<Colour>(colour.as_str().into()).unwrap(), *colour);
        }
        assert_eq!("Red".parse::<Colour>(), Err(UnknownWord { set: "colour" }));
        assert_eq!(UnknownWord { set: "colour" }.to_string(), "unknown colour");
    }
}
