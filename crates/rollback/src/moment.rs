//! Points in time and the distances between them, without overflow.

use chrono::{DateTime, TimeDelta, Utc};

/// So much after a moment; the end of the calendar when that is beyond it.
pub(crate) fn after(moment: DateTime<Utc>, delta: TimeDelta) -> DateTime<Utc> {
    moment.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// So much before a moment; the beginning of the calendar when that is before it.
pub(crate) fn before(moment: DateTime<Utc>, delta: TimeDelta) -> DateTime<Utc> {
    moment.checked_sub_signed(delta).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_has_ends() {
        let hour = TimeDelta::hours(1);
        assert_eq!(after(DateTime::<Utc>::MAX_UTC, hour), DateTime::<Utc>::MAX_UTC);
        assert_eq!(before(DateTime::<Utc>::MIN_UTC, hour), DateTime::<Utc>::MIN_UTC);
        assert_eq!(before(after(DateTime::UNIX_EPOCH, hour), hour), DateTime::UNIX_EPOCH);
    }
}
