//! What a message says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a message says: 1–4,000 characters after trimming, kept as sent but for its control characters.
///
/// A character is a Unicode scalar value. Every line ends with a newline, however the sender ends lines; control characters
/// but tab and newline do nothing for a reader and are dropped. A NUL is refused: no text has one, and the database takes
/// none.
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
    /// A NUL.
    #[error("must not contain the character U+0000")]
    Nul,
}

impl Body {
    /// The most characters of a body, white space around it aside.
    pub const LENGTH: usize = 4_000;

    /// Takes the text when it keeps the rule; lengths count after its control characters are seen to.
    ///
    /// # Errors
    /// Returns the first rule that it breaks.
    pub fn parse(text: impl Into<String>) -> Result<Self, BodyError> {
        let mut text = text.into();
        if text.chars().any(is_foreign) {
            if text.contains('\0') {
                return Err(BodyError::Nul);
            }
            text = clean(&text);
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

/// Whether a text with this character is stored as another text.
fn is_foreign(char: char) -> bool {
    char.is_control() && !matches!(char, '\t' | '\n')
}

/// The text with newlines for its line ends, and without the other control characters.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => cleaned.push('\n'),
            foreign if is_foreign(foreign) => {}
            char => cleaned.push(char),
        }
    }
    cleaned
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
    fn lines_end_with_a_newline_and_other_control_characters_are_dropped() {
        for (sent, kept) in [
            ("a\r\nb", "a\nb"),
            ("a\rb", "a\nb"),
            ("a\n\rb", "a\n\nb"),
            ("a\r\r\n\r", "a\n\n\n"),
            ("a\r\u{1b}\nb", "a\n\nb"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred[0m"),
            ("a\u{7f}\u{85}\u{9b}\u{8}b", "ab"),
            ("\tx\n", "\tx\n"),
        ] {
            assert_eq!(Body::parse(sent).unwrap().as_str(), kept, "{sent:?}");
        }
        assert_eq!(Body::parse("\r\n"), Err(BodyError::Empty));
        assert_eq!(Body::parse("\u{1}\u{2}"), Err(BodyError::Empty));
    }

    #[test]
    fn what_is_dropped_does_not_count() {
        assert!(Body::parse("x\r\n".repeat(2_000)).is_ok());
        assert!(Body::parse(format!("{}\u{1}", "x".repeat(4_000))).is_ok());
        assert_eq!(Body::parse(format!("{}\r\nx", "x".repeat(4_000))), Err(BodyError::TooLong));
    }

    #[test]
    fn a_nul_is_refused() {
        for bad in ["\0", "a\0", "a\r\n\0"] {
            assert_eq!(Body::parse(bad), Err(BodyError::Nul), "{bad:?}");
        }
    }
}
