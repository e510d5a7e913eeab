//! Times as everybody writes and reads them here.
//!
//! RFC 3339 in UTC, always with six digits and `Z`: readers that know one shape only, such as a date formatter of Swift,
//! read every time or none.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

/// The one spelling of a time: `2024-02-29T23:59:59.120000Z`. What is finer than a microsecond is cut off.
#[must_use]
pub fn spell(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Writes a time, for serde's `serialize_with`. In one piece: piece by piece each would be searched for what to escape.
///
/// # Errors
/// Returns what the serializer does.
pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&spell(*time))
}

/// Writes a time that may be missing, for serde's `serialize_with`.
///
/// # Errors
/// Returns what the serializer does.
pub fn serialize_maybe<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_the_same_shape() {
        for (time, spelled) in [
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000000Z"),
            ("2024-02-29T23:59:59.12Z", "2024-02-29T23:59:59.120000Z"),
            ("2024-02-29T23:59:59.123456789Z", "2024-02-29T23:59:59.123456Z"),
            ("2024-03-01T01:00:00+01:00", "2024-03-01T00:00:00.000000Z"),
            ("0001-01-01T00:00:00.000001Z", "0001-01-01T00:00:00.000001Z"),
        ] {
            assert_eq!(spell(time.parse().unwrap()), spelled);
        }
    }
}
