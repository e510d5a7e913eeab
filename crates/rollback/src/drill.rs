//! Drills: each kind of rollback is rehearsed in staging once a quarter.

mod quarter;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use quarter::{Quarter, QuarterError};

use crate::{DrillId, IncidentId, Kind, Target, moment::after};

/// How often people are reminded of a drill that is overdue.
pub const REMINDER: TimeDelta = TimeDelta::days(7);

/// A drill: an incident that nobody had, with a run that is real but for its environment.
///
/// It names no environment: [`Drill::target`] is staging, and so are the incident, the run, the digest and the credentials.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drill {
    /// Which drill it is.
    pub id: DrillId,
    /// The kind that is rehearsed.
    pub kind: Kind,
    /// The incident that it is done under.
    pub incident: IncidentId,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When its incident was resolved after a run of this kind had succeeded; none before.
    pub done_at: Option<DateTime<Utc>>,
    /// How long the recovery took, in seconds, from the incident to the pass of its validation.
    pub recovery_seconds: Option<i64>,
}

impl Drill {
    /// Where drills are.
    #[must_use]
    pub const fn target(&self) -> Target {
        Target::drill()
    }
}

/// How a quarter's drill of one kind stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum DrillStanding {
    /// It is to be done by the end of this quarter.
    Due {
        /// The last moment.
        by: DateTime<Utc>,
    },
    /// It was not done in the quarter before, nor since.
    Overdue {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It was done this quarter.
    Done {
        /// The first one.
        drill: DrillId,
        /// How long its recovery took, in seconds.
        recovery_seconds: i64,
    },
}

/// How the drill of one kind stands in the quarter of `now`. A quarter that Hubline was not there for from its first day
/// on asks for none.
#[must_use]
pub fn standing(kind: Kind, drills: &[Drill], installed_at: DateTime<Utc>, now: DateTime<Utc>) -> DrillStanding {
    let quarter = Quarter::of(now);
    let done_in = |quarter: Quarter| {
        drills
            .iter()
            .filter(|drill| drill.kind == kind)
            .filter_map(|drill| Some((drill.done_at?, drill.id, drill.recovery_seconds?)))
            .filter(|(done_at, ..)| Quarter::of(*done_at) == quarter)
            .min_by_key(|(done_at, ..)| *done_at)
    };
    if let Some((_, drill, recovery_seconds)) = done_in(quarter) {
        return DrillStanding::Done { drill, recovery_seconds };
    }
    let last = quarter.previous();
    if installed_at <= last.begins_at() && done_in(last).is_none() {
        DrillStanding::Overdue { since: quarter.begins_at() }
    } else {
        DrillStanding::Due { by: quarter.ends_at() }
    }
}

/// Whether people are to be reminded: the drill is overdue, and they were not reminded within [`REMINDER`].
#[must_use]
pub fn is_reminder_due(standing: &DrillStanding, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    matches!(standing, DrillStanding::Overdue { .. }) && last.is_none_or(|last| now >= after(last, REMINDER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Mode};

    fn time(text: &str) -> DateTime<Utc> {
        format!("{text}T12:00:00Z").parse().unwrap()
    }

    fn drill(kind: Kind, done: Option<&str>) -> Drill {
        Drill {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            kind,
            incident: "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap(),
            started_at: time("2024-01-01"),
            done_at: done.map(time),
            recovery_seconds: done.map(|_| 600),
        }
    }

    fn word(drills: &[Drill], installed: &str, now: &str) -> &'static str {
        match standing(Kind::Database, drills, time(installed), time(now)) {
            DrillStanding::Due { .. } => "due",
            DrillStanding::Overdue { .. } => "overdue",
            DrillStanding::Done { .. } => "done",
        }
    }

    #[test]
    fn it_is_due_then_done_then_due_again() {
        let done = [drill(Kind::Database, Some("2024-02-10"))];
        assert_eq!(word(&[], "2024-01-01", "2024-02-01"), "due");
        assert_eq!(word(&done, "2024-01-01", "2024-03-31"), "done");
        assert_eq!(word(&done, "2024-01-01", "2024-04-01"), "due");
        assert_eq!(word(&done, "2023-01-01", "2024-07-01"), "overdue");
    }

    #[test]
    fn a_late_drill_puts_it_right() {
        assert_eq!(word(&[], "2023-09-30", "2024-04-02"), "overdue");
        assert_eq!(word(&[drill(Kind::Database, Some("2024-04-03"))], "2023-09-30", "2024-04-04"), "done");
    }

    #[test]
    fn another_kind_and_an_unfinished_drill_do_not_count() {
        let drills = [drill(Kind::Application, Some("2024-02-10")), drill(Kind::Database, None)];
        assert_eq!(word(&drills, "2024-01-01", "2024-03-01"), "due");
    }

    #[test]
    fn a_quarter_that_had_begun_asks_for_none() {
        assert_eq!(word(&[], "2024-01-02", "2024-04-02"), "due");
        assert_eq!(word(&[], "2024-01-02", "2024-07-02"), "overdue");
    }

    #[test]
    fn people_are_reminded_weekly() {
        let overdue = standing(Kind::Database, &[], time("2023-09-30"), time("2024-04-02"));
        assert!(is_reminder_due(&overdue, None, time("2024-04-02")));
        assert!(!is_reminder_due(&overdue, Some(time("2024-04-02")), time("2024-04-08")));
        assert!(is_reminder_due(&overdue, Some(time("2024-04-02")), time("2024-04-09")));
        let due = standing(Kind::Database, &[], time("2024-04-01"), time("2024-04-02"));
        assert!(!is_reminder_due(&due, None, time("2024-04-02")));
    }

    #[test]
    fn a_drill_is_in_staging() {
        let target = drill(Kind::Database, None).target();
        assert_eq!((target.environment(), target.mode()), (Environment::Staging, Mode::Drill));
    }
}
