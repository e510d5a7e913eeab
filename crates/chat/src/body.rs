//! What a message says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a message says: 1–4,000 characters after trimming, kept as sent.
///
/// A character is a Unicode scalar value. Control characters are refused, apart from tab and newline: they do nothing
/// for a reader, and the database takes no NUL.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Body(String);

/// Why a text is no body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More than [`Body::LENGTH`] characters are left after trimming.
    #[error("must have at most 4000 characters")]
    TooLong,
    /// A control character other than tab and newline.
    #[error("must not contain control characters other than tab and newline")]
    Control,
}

impl Body {
    /// The most characters of a body, white space around it aside.
    pub const LENGTH: usize = 4_000;

    /// Takes the text when it keeps the rule.
    ///
    /// # Errors
    /// Returns the first rule that it breaks.
    pub fn parse(text: impl Into<String>) -> Result<Self, BodyError> {
        let text = text.into();
        if text.chars().any(|char| char.is_control() && !matches!(char, '\t' | '\n')) {
            return Err(BodyError::Control);
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(BodyError::Empty);
        }
        // A text of no more bytes has no more characters, so most are never counted.
        if trimmed.len() > Self::LENGTH && trimmed.chars().count() > Self::LENGTH {
            return Err(BodyError::TooLong);
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Body {
    type Error = BodyError;

    fn try_from(text: String) -> Result<Self, BodyError> {
        Self::parse(text)
    }
}

impl From<Body> for String {
    fn from(body: Body) -> Self {
        body.0
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_as_sent() {
        for good in ["x", "  hello \n", "a\tb\nc", "häßlich 👩‍🔧", "\u{202e}x"] {
            assert_eq!(Body::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn its_length_is_counted_in_characters_after_trimming() {
        assert!(Body::parse("x".repeat(4_000)).is_ok());
        assert!(Body::parse("👍".repeat(4_000)).is_ok());
        assert!(Body::parse(format!("  {}\n\n", "x".repeat(4_000))).is_ok());
        assert_eq!(Body::parse("x".repeat(4_001)), Err(BodyError::TooLong));
        assert_eq!(Body::parse("👍".repeat(4_001)), Err(BodyError::TooLong));
        for blank in ["", " ", "\n\t", "\u{a0}\u{2003}"] {
            assert_eq!(Body::parse(blank), Err(BodyError::Empty), "{blank:?}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for bad in ["a\0", "\r\n", "a\rb", "\u{1b}[0m", "\u{7f}", "\u{85}", "\u{9b}"] {
            assert_eq!(Body::parse(bad), Err(BodyError::Control), "{bad:?}");
        }
    }
}
