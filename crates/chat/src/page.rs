//! Which part of a conversation is read.

/// Which part of a conversation is read; without a cursor, its newest part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page {
    /// Only what comes after this number.
    pub after: Option<i64>,
    /// Only what comes before this number.
    pub before: Option<i64>,
    /// The most messages to read.
    pub limit: i64,
}

/// Why a query names no page.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageError {
    /// A cursor that is no number of a message.
    #[error("must be a whole number of at least 0")]
    Cursor,
    /// A limit outside 1 to [`Page::MOST`].
    #[error("must be a whole number from 1 to 200")]
    Limit,
}

impl Page {
    /// The most messages of a page.
    pub const MOST: i64 = 200;

    /// The messages of a page when the caller names no limit.
    pub const USUAL: i64 = 50;

    /// The largest page after a number.
    #[must_use]
    pub fn after(seq: i64) -> Self {
        Self { after: Some(seq), before: None, limit: Self::MOST }
    }

    /// Reads a cursor from the text of a query.
    ///
    /// # Errors
    /// Returns [`PageError::Cursor`] for what is no whole number of at least 0.
    pub fn parse_cursor(text: &str) -> Result<i64, PageError> {
        digits(text).ok_or(PageError::Cursor)
    }

    /// Reads a limit from the text of a query.
    ///
    /// # Errors
    /// Returns [`PageError::Limit`] for what is no whole number from 1 to [`Page::MOST`].
    pub fn parse_limit(text: &str) -> Result<i64, PageError> {
        digits(text).filter(|limit| (1..=Self::MOST).contains(limit)).ok_or(PageError::Limit)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, before: None, limit: Self::USUAL }
    }
}

/// A whole number in plain digits; the standard parser would take a sign as well.
fn digits(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_whole_number() {
        assert_eq!(Page::parse_cursor("0"), Ok(0));
        assert_eq!(Page::parse_cursor("9223372036854775807"), Ok(i64::MAX));
        for bad in ["", "-1", "+1", "1.0", "1e3", " 1", "x", "9223372036854775808", "٣"] {
            assert_eq!(Page::parse_cursor(bad), Err(PageError::Cursor), "{bad:?}");
        }
    }

    #[test]
    fn a_limit_is_from_1_to_200() {
        assert_eq!(Page::parse_limit("1"), Ok(1));
        assert_eq!(Page::parse_limit("200"), Ok(200));
        for bad in ["0", "201", "", "-5", "ten"] {
            assert_eq!(Page::parse_limit(bad), Err(PageError::Limit), "{bad:?}");
        }
    }
}
