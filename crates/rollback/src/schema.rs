//! Whether an image runs on the schema that the database has.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The versions of the schema that an image runs on, as its label states them: `12-15`, or `12` for just one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemaRange {
    first: u32,
    last: u32,
}

/// A label that states no range.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a range of schema versions must be like 12-15 or 12")]
pub struct SchemaRangeError;

/// Whether an image runs on the schema that the database has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SchemaFit {
    /// Its label says so.
    Fits,
    /// Its label says that it does not.
    Unfit,
    /// It has no label: somebody must say so.
    Unstated,
}

impl SchemaFit {
    /// Compares what an image states with what the database has.
    #[must_use]
    pub fn of(stated: Option<SchemaRange>, current: u32) -> Self {
        match stated {
            None => Self::Unstated,
            Some(range) if (range.first..=range.last).contains(&current) => Self::Fits,
            Some(_) => Self::Unfit,
        }
    }
}

impl fmt::Display for SchemaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for SchemaRange {
    type Err = SchemaRangeError;

    fn from_str(text: &str) -> Result<Self, SchemaRangeError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| {
            // Parsing alone would let a sign through.
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|_| digits).ok_or(SchemaRangeError)
        };
        let range = Self { first: number(first)?, last: number(last)? };
        if range.first <= range.last { Ok(range) } else { Err(SchemaRangeError) }
    }
}

impl TryFrom<String> for SchemaRange {
    type Error = SchemaRangeError;

    fn try_from(text: String) -> Result<Self, SchemaRangeError> {
        text.parse()
    }
}

impl From<SchemaRange> for String {
    fn from(range: SchemaRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_runs_on_what_its_label_states() {
        let range: SchemaRange = "12-15".parse().unwrap();
        assert_eq!(SchemaFit::of(Some(range), 12), SchemaFit::Fits);
        assert_eq!(SchemaFit::of(Some(range), 15), SchemaFit::Fits);
        assert_eq!(SchemaFit::of(Some(range), 16), SchemaFit::Unfit);
        assert_eq!(SchemaFit::of(Some("7".parse().unwrap()), 7), SchemaFit::Fits);
        assert_eq!(SchemaFit::of(None, 12), SchemaFit::Unstated);
    }

    #[test]
    fn a_label_that_states_no_range_is_an_error() {
        for bad in ["", "a", "15-12", "1-2-3", "-1", "1-", "+1"] {
            assert_eq!(bad.parse::<SchemaRange>(), Err(SchemaRangeError), "{bad}");
        }
    }
}
