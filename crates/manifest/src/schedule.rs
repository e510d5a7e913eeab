//! When a cron trigger fires.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// A cron expression of six fields, seconds first, in UTC.
#[derive(Debug, Clone)]
pub struct Schedule(Cron);

impl Schedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is no cron expression of six fields, or never fires.
    pub fn parse(expression: &str) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|error| format!("cron expression `{expression}`: {error}"))?;
        let schedule = Self(cron);
        match schedule.next_after(Utc::now()) {
            Some(_) => Ok(schedule),
            None => Err(format!("cron expression `{expression}` never fires")),
        }
    }

    /// The first moment later than `moment` at which it fires.
    #[must_use]
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.find_next_occurrence(&moment, false).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, moment: &str) -> String {
        let moment = moment.parse().unwrap();
        Schedule::parse(expression).unwrap().next_after(moment).unwrap().to_rfc3339()
    }

    #[test]
    fn fires_later_than_the_moment_asked_for() {
        assert_eq!(next("0 0 3 * * *", "2026-08-01T02:59:59Z"), "2026-08-01T03:00:00+00:00");
        assert_eq!(next("0 0 3 * * *", "2026-08-01T03:00:00Z"), "2026-08-02T03:00:00+00:00");
        assert_eq!(next("*/2 * * * * *", "2026-08-01T03:00:00.5Z"), "2026-08-01T03:00:02+00:00");
        assert_eq!(next("0 0 0 29 2 *", "2026-08-01T03:00:00Z"), "2028-02-29T00:00:00+00:00");
    }

    #[test]
    fn refuses_what_is_no_schedule() {
        for expression in ["", "0 3 * * *", "0 0 3 * * * 2030", "61 0 3 * * *", "0 0 0 31 2 *", "daily"] {
            assert!(Schedule::parse(expression).is_err(), "{expression}");
        }
    }
}
