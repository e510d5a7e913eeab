//! Quarters of the calendar year, in UTC.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::moment::before;

/// A quarter of a calendar year, in UTC, spelled `2024-Q2`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quarter {
    year: i32,
    number: u32,
}

/// A text that names no quarter.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a quarter must be like 2024-Q2")]
pub struct QuarterError;

impl Quarter {
    /// The quarter that a moment is in.
    #[must_use]
    pub fn of(moment: DateTime<Utc>) -> Self {
        Self { year: moment.year(), number: moment.month0() / 3 + 1 }
    }

    /// The quarter before.
    #[must_use]
    pub const fn previous(self) -> Self {
        match self.number {
            1 => Self { year: self.year.saturating_sub(1), number: 4 },
            number => Self { year: self.year, number: number - 1 },
        }
    }

    /// The quarter after.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.number {
            4 => Self { year: self.year.saturating_add(1), number: 1 },
            number => Self { year: self.year, number: number + 1 },
        }
    }

    /// Its first moment; the beginning or the end of the calendar when it is beyond that.
    #[must_use]
    pub fn begins_at(self) -> DateTime<Utc> {
        let beyond = if self.year < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        NaiveDate::from_ymd_opt(self.year, (self.number - 1) * 3 + 1, 1)
            .map_or(beyond, |day| day.and_time(NaiveTime::MIN).and_utc())
    }

    /// Its last moment, to the second.
    #[must_use]
    pub fn ends_at(self) -> DateTime<Utc> {
        before(self.next().begins_at(), TimeDelta::seconds(1))
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.year, self.number)
    }
}

impl FromStr for Quarter {
    type Err = QuarterError;

    fn from_str(text: &str) -> Result<Self, QuarterError> {
        let (year, number) = text.split_once("-Q").ok_or(QuarterError)?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(number, 1) {
            return Err(QuarterError);
        }
        match (year.parse(), number.parse()) {
            (Ok(year), Ok(number @ 1..=4)) => Ok(Self { year, number }),
            _ => Err(QuarterError),
        }
    }
}

impl TryFrom<String> for Quarter {
    type Error = QuarterError;

    fn try_from(text: String) -> Result<Self, QuarterError> {
        text.parse()
    }
}

impl From<Quarter> for String {
    fn from(quarter: Quarter) -> Self {
        quarter.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_year_has_four() {
        for (moment, quarter) in [
            ("2024-01-01T00:00:00Z", "2024-Q1"),
            ("2024-03-31T23:59:59Z", "2024-Q1"),
            ("2024-04-01T00:00:00Z", "2024-Q2"),
            ("2024-12-31T23:59:59Z", "2024-Q4"),
        ] {
            assert_eq!(Quarter::of(time(moment)).to_string(), quarter);
            assert_eq!(quarter.parse(), Ok(Quarter::of(time(moment))));
        }
    }

    #[test]
    fn they_follow_each_other() {
        let last: Quarter = "2023-Q4".parse().unwrap();
        assert_eq!(last.next().to_string(), "2024-Q1");
        assert_eq!(last.next().previous(), last);
        assert_eq!(last.begins_at(), time("2023-10-01T00:00:00Z"));
        assert_eq!(last.ends_at(), time("2023-12-31T23:59:59Z"));
    }

    #[test]
    fn the_calendar_has_ends() {
        for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let quarter = Quarter::of(end);
            assert!(quarter.previous().begins_at() <= quarter.next().ends_at());
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for bad in ["", "2024", "2024-Q0", "2024-Q5", "24-Q1", "2024-Q11", "2024-q1", "+024-Q1"] {
            assert_eq!(bad.parse::<Quarter>(), Err(QuarterError), "{bad}");
        }
    }
}
