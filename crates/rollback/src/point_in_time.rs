//! Which point in time a database is restored to, and what it gives up.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    moment::before,
    step::{Failure, FailureCode},
};

/// How much data may be given up: the recovery point objective.
pub const RPO: TimeDelta = TimeDelta::minutes(15);

/// How far before the incident a point in time is proposed: the first sign comes a little after the cause.
pub const MARGIN: TimeDelta = TimeDelta::minutes(1);

/// How far behind the present the backups may be: what was written last may not be in them yet.
pub const LAG: TimeDelta = TimeDelta::minutes(5);

/// What bounds the choice of a point in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// The earliest time that the backups hold.
    pub earliest: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
    /// When the incident began: the bad data must not come back.
    pub incident_at: DateTime<Utc>,
    /// Whether a larger loss than [`RPO`] may be asked for. Both approvers then take it upon them.
    pub loss_accepted: bool,
}

/// Proposes a point in time, shortly before the incident, and as early as the backups are sure to hold it.
///
/// # Errors
/// As [`check`].
pub fn propose(window: &Window) -> Result<DateTime<Utc>, Failure> {
    let point = before(window.incident_at, MARGIN).min(before(window.now, LAG));
    check(point, window)?;
    Ok(point)
}

/// Checks a point in time.
///
/// # Errors
/// [`FailureCode::OutsideWindow`] before the earliest backup, within the lag of the present, or after the incident;
/// [`FailureCode::BeyondRpo`] when it gives up [`RPO`] or more and the loss is not accepted.
pub fn check(point: DateTime<Utc>, window: &Window) -> Result<(), Failure> {
    let outside = |detail: String| Err(Failure::new(FailureCode::OutsideWindow, &detail));
    let latest = before(window.now, LAG);
    if point < window.earliest {
        return outside(format!("the backups begin at {}", window.earliest));
    }
    if point > latest {
        return outside(format!("the backups are sure up to {latest}"));
    }
    if point > window.incident_at {
        return outside(format!("the incident began at {}", window.incident_at));
    }
    let given_up = window.incident_at - point;
    if given_up >= RPO && !window.loss_accepted {
        let detail = format!("{} s would be given up, less than {} s may", given_up.num_seconds(), RPO.num_seconds());
        return Err(Failure::new(FailureCode::BeyondRpo, &detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        format!("2024-05-01T{text}Z").parse().unwrap()
    }

    fn window() -> Window {
        Window {
            earliest: time("02:00:00"),
            now: time("10:20:00"),
            incident_at: time("10:00:00"),
            loss_accepted: false,
        }
    }

    fn code(point: &str, window: &Window) -> Option<FailureCode> {
        check(time(point), window).err().map(|failure| failure.code)
    }

    #[test]
    fn it_is_proposed_shortly_before_the_incident() {
        assert_eq!(propose(&window()).unwrap(), time("09:59:00"));
    }

    #[test]
    fn it_is_proposed_where_the_backups_are_sure() {
        assert_eq!(propose(&Window { now: time("10:02:00"), ..window() }).unwrap(), time("09:57:00"));
        let young = Window { earliest: time("09:59:30"), ..window() };
        assert_eq!(propose(&young).unwrap_err().code, FailureCode::OutsideWindow);
    }

    #[test]
    fn each_bound_holds() {
        assert_eq!(code("10:00:00", &window()), None);
        assert_eq!(code("10:00:01", &window()), Some(FailureCode::OutsideWindow));
        assert_eq!(code("09:45:01", &window()), None);
        assert_eq!(code("09:45:00", &window()), Some(FailureCode::BeyondRpo));
        assert_eq!(code("01:59:59", &window()), Some(FailureCode::OutsideWindow));
        assert_eq!(code("09:56:00", &Window { now: time("10:00:30"), ..window() }), Some(FailureCode::OutsideWindow));
    }

    #[test]
    fn an_accepted_loss_lifts_only_the_objective() {
        let accepted = Window { loss_accepted: true, ..window() };
        assert_eq!(code("02:00:00", &accepted), None);
        assert_eq!(code("01:00:00", &accepted), Some(FailureCode::OutsideWindow));
        assert_eq!(code("10:00:01", &accepted), Some(FailureCode::OutsideWindow));
    }
}
