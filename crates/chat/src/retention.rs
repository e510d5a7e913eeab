//! How long history is kept.
//!
//! While a service request is open, and for one calendar year after the later of the closing as reported and the moment
//! that the server recorded it. Whoever reports a closing late, or backdates it, shortens nothing.

use chrono::{DateTime, Months, Utc};

/// How many calendar months history outlives the closing.
const KEPT: Months = Months::new(12);

/// When history may go; `None` for never, beyond the calendar.
///
/// In UTC, to the microsecond. A closing on 29 February counts to 28 February: the last day of the same month.
#[must_use]
pub fn due_at(closed_at: DateTime<Utc>, recorded_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    closed_at.max(recorded_at).checked_add_months(KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_calendar_year_after_the_later_moment() {
        let table = [
            ("2023-05-01T10:00:00Z", "2023-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
            // Reported late, or backdated.
            ("2020-01-01T00:00:00Z", "2023-05-01T10:00:00.000001Z", "2024-05-01T10:00:00.000001Z"),
            // Reported by a clock that is ahead of the server's.
            ("2023-05-01T10:00:01Z", "2023-05-01T10:00:00Z", "2024-05-01T10:00:01Z"),
            // A leap year is a calendar year too.
            ("2024-02-28T12:00:00Z", "2024-02-28T12:00:00Z", "2025-02-28T12:00:00Z"),
            ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z", "2025-02-28T12:00:00Z"),
            ("2023-02-28T12:00:00Z", "2023-02-28T12:00:00Z", "2024-02-28T12:00:00Z"),
            ("2023-03-01T00:00:00Z", "2023-03-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            ("2023-12-31T23:59:59Z", "2023-12-31T23:59:59Z", "2024-12-31T23:59:59Z"),
        ];
        for (closed, recorded, due) in table {
            assert_eq!(due_at(time(closed), time(recorded)), Some(time(due)), "{closed} {recorded}");
        }
    }

    #[test]
    fn beyond_the_calendar_it_is_never_due() {
        assert_eq!(due_at(DateTime::<Utc>::MAX_UTC, time("2024-01-01T00:00:00Z")), None);
    }
}
