//! Names: of service requests, users, service centres and nodes.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is no name of its kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be {rule}")]
pub struct IdError {
    rule: &'static str,
}

/// The most characters in the name of a service request or node.
const TOKEN_LENGTH: usize = 64;

/// The most characters in the name of a user or service centre.
const SUBJECT_LENGTH: usize = 128;

const TOKEN_RULE: &str = "1 to 64 of A-Z a-z 0-9 . _ -";
const SUBJECT_RULE: &str = "1 to 128 characters without control characters";

fn is_token(text: &str) -> bool {
    (1..=TOKEN_LENGTH).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_subject(text: &str) -> bool {
    // The count of bytes comes first: it bounds the walk over the characters.
    !text.is_empty()
        && text.len() <= SUBJECT_LENGTH * 4
        && text.chars().count() <= SUBJECT_LENGTH
        && !text.chars().any(char::is_control)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident, $rule:ident) => {
        $(#[$doc])*
        ///
        /// Cheap to clone: clones share one text.
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text when it keeps the rule.
            ///
            /// # Errors
            /// Returns [`IdError`], which says the rule.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if $check(text) { Ok(Self(Arc::from(text))) } else { Err(IdError { rule: $rule }) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // Equality and hash of the name are those of its text, so maps can be asked with a `&str`.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($rule)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

name! {
    /// The name that its owner gave a service request: 1–64 of `A–Z a–z 0–9 . _ -`.
    ServiceRequestId, is_token, TOKEN_RULE
}

name! {
    /// A user: the subject of their token, 1–128 characters.
    UserId, is_subject, SUBJECT_RULE
}

name! {
    /// A service centre, as the tokens of its people name it.
    CenterId, is_subject, SUBJECT_RULE
}

name! {
    /// A node: one relay. Its alphabet is narrow because it names a Redis channel.
    NodeName, is_token, TOKEN_RULE
}

impl From<CenterId> for UserId {
    /// A service centre takes part like a user; both names keep the same rule.
    fn from(center: CenterId) -> Self {
        Self(center.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_request_is_named_with_a_narrow_alphabet() {
        for good in ["a", "SR-2024.001_x", &"x".repeat(64)] {
            assert_eq!(ServiceRequestId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a/b", "ä", "a\n", "\0", &"x".repeat(65), "%41"] {
            assert!(ServiceRequestId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_user_is_named_with_1_to_128_characters() {
        for good in ["a", "auth0|abc", "Jürgen", &"ü".repeat(128)] {
            assert_eq!(UserId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\tb", "a\0", &"x".repeat(129), &"x".repeat(100_000)] {
            assert!(UserId::parse(bad).is_err());
        }
    }

    #[test]
    fn json_keeps_the_rule() {
        assert_eq!(serde_json::from_str::<NodeName>("\"a\"").unwrap().to_string(), "a");
        let error = serde_json::from_str::<NodeName>("\"a b\"").unwrap_err();
        assert!(error.to_string().starts_with("must be 1 to 64 of"), "{error}");
        assert!(serde_json::from_str::<NodeName>("1").is_err());
        assert_eq!(serde_json::to_string(&NodeName::parse("a").unwrap()).unwrap(), "\"a\"");
    }
}
