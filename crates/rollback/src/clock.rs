//! The clocks of an incident: what took how long, and how much of what may be taken is left.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Kind, moment::after, point_in_time::RPO, spelling::words};

/// After how long without a decision people are reminded of it, counted from the alert.
pub const DECISION: TimeDelta = TimeDelta::minutes(10);

/// How much time must be left at most before the glass may be broken.
pub const BREAK_GLASS: TimeDelta = TimeDelta::minutes(10);

/// When what happened. What can happen more than once keeps the first time; but for changes the last one counts too, and a
/// pass counts until something changes or the alert fires again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moments {
    /// When the alert began to fire.
    pub alerted_at: DateTime<Utc>,
    /// When the incident was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was acknowledged.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When it was first decided what is done.
    pub decided_at: Option<DateTime<Utc>>,
    /// When a run was first approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// When something was first changed.
    pub first_change_at: Option<DateTime<Utc>>,
    /// When something was last changed.
    pub last_change_at: Option<DateTime<Utc>>,
    /// When a validation first passed since the last change.
    pub validated_at: Option<DateTime<Utc>>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
}

impl Moments {
    pub(crate) const fn new(alerted_at: DateTime<Utc>, opened_at: DateTime<Utc>) -> Self {
        Self {
            alerted_at,
            opened_at,
            acknowledged_at: None,
            decided_at: None,
            approved_at: None,
            first_change_at: None,
            last_change_at: None,
            validated_at: None,
            resolved_at: None,
        }
    }
}

/// One clock: from one moment to another, or still running.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Clock {
    /// How long, in seconds.
    pub seconds: i64,
    /// Whether it still runs.
    pub running: bool,
}

/// The clocks of an incident. A clock that has not begun is none.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Clocks {
    /// From the alert to the incident.
    pub detect: Clock,
    /// From the incident to its acknowledgement.
    pub acknowledge: Clock,
    /// From the alert to the decision.
    pub decide: Clock,
    /// From the decision to the approval.
    pub approve: Option<Clock>,
    /// From the first change to the last.
    pub execute: Option<Clock>,
    /// From the last change to the pass.
    pub validate: Option<Clock>,
    /// From the incident to the pass: what the recovery time objective bounds.
    pub recovery: Clock,
    /// From the alert to the pass: this incident's share in the mean time to recovery.
    pub restore: Clock,
}

impl Clocks {
    /// Reads the clocks.
    #[must_use]
    pub fn read(moments: &Moments, now: DateTime<Utc>) -> Self {
        let clock = |from: DateTime<Utc>, to: Option<DateTime<Utc>>| Clock {
            // Clocks of other machines may be ahead of ours; nothing takes less than no time.
            seconds: (to.unwrap_or(now) - from).num_seconds().max(0),
            running: to.is_none(),
        };
        let execute = moments.first_change_at.map(|first| clock(first, moments.last_change_at));
        Self {
            detect: clock(moments.alerted_at, Some(moments.opened_at)),
            acknowledge: clock(moments.opened_at, moments.acknowledged_at),
            decide: clock(moments.alerted_at, moments.decided_at),
            approve: moments.decided_at.map(|decided| clock(decided, moments.approved_at)),
            execute,
            validate: moments.last_change_at.map(|last| clock(last, moments.validated_at)),
            recovery: clock(moments.opened_at, moments.validated_at),
            restore: clock(moments.alerted_at, moments.validated_at),
        }
    }
}

/// Within which time the system must be back: the recovery time objective. While nothing is decided the shortest counts.
#[must_use]
pub const fn rto(kind: Option<Kind>) -> TimeDelta {
    match kind {
        None | Some(Kind::Application) => TimeDelta::minutes(30),
        Some(Kind::Database | Kind::Infrastructure) => TimeDelta::hours(4),
    }
}

words! {
    /// Something that people are told once, when a clock has come so far. None of it stops anything.
    Warning, "warning" {
        /// Nothing is decided [`DECISION`] after the alert.
        Undecided = "undecided",
        /// Half of the time to be back is spent.
        RtoHalf = "rto_50",
        /// Four fifths of the time to be back are spent.
        RtoMost = "rto_80",
        /// The time to be back is over.
        RtoBreached = "rto_breached",
        /// Half of the data that may be lost is lost, or would be.
        RpoHalf = "rpo_50",
        /// Four fifths of the data that may be lost are lost, or would be.
        RpoMost = "rpo_80",
        /// As much data as may not be lost is lost, or would be.
        RpoBreached = "rpo_breached",
    }
}

/// What part of a budget is spent, as far as people are told.
fn spent(seconds: i64, budget: TimeDelta, [half, most, breached]: [Warning; 3]) -> Vec<Warning> {
    let budget = budget.num_seconds();
    let reached = |percent: i64| seconds.saturating_mul(100) >= budget.saturating_mul(percent);
    [(50, half), (80, most), (100, breached)]
        .into_iter()
        .filter_map(|(percent, warning)| reached(percent).then_some(warning))
        .collect()
}

/// What people are to be told, had they not been told yet: while the system is not back, and about the larger of the data
/// loss that was asked for and the one that was measured, in seconds.
#[must_use]
pub fn warnings(moments: &Moments, kind: Option<Kind>, loss: Option<i64>, now: DateTime<Utc>) -> Vec<Warning> {
    let mut due = Vec::new();
    if moments.decided_at.is_none() && now >= after(moments.alerted_at, DECISION) {
        due.push(Warning::Undecided);
    }
    let recovery = Clocks::read(moments, now).recovery.seconds;
    due.extend(spent(recovery, rto(kind), [Warning::RtoHalf, Warning::RtoMost, Warning::RtoBreached]));
    if let Some(loss) = loss {
        due.extend(spent(loss, RPO, [Warning::RpoHalf, Warning::RpoMost, Warning::RpoBreached]));
    }
    due
}

/// Whether so little of the recovery time of an application is left that the glass may be broken.
#[must_use]
pub fn may_break_glass(moments: &Moments, now: DateTime<Utc>) -> bool {
    now > after(moments.opened_at, rto(Some(Kind::Application)) - BREAK_GLASS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn moments() -> Moments {
        Moments::new(at(0), at(1))
    }

    fn stopped(minutes: i64) -> Clock {
        Clock { seconds: minutes * 60, running: false }
    }

    #[test]
    fn each_clock_runs_from_and_to_its_moments() {
        let moments = Moments {
            acknowledged_at: Some(at(3)),
            decided_at: Some(at(7)),
            approved_at: Some(at(12)),
            first_change_at: Some(at(13)),
            last_change_at: Some(at(18)),
            validated_at: Some(at(21)),
            resolved_at: Some(at(25)),
            ..moments()
        };
        let clocks = Clocks::read(&moments, at(60));
        assert_eq!(clocks.detect, stopped(1));
        assert_eq!(clocks.acknowledge, stopped(2));
        assert_eq!(clocks.decide, stopped(7));
        assert_eq!(clocks.approve, Some(stopped(5)));
        assert_eq!(clocks.execute, Some(stopped(5)));
        assert_eq!(clocks.validate, Some(stopped(3)));
        assert_eq!(clocks.recovery, stopped(20));
        assert_eq!(clocks.restore, stopped(21));
    }

    #[test]
    fn clocks_run_until_they_stop() {
        let clocks = Clocks::read(&moments(), at(5));
        assert_eq!(clocks.acknowledge, Clock { seconds: 240, running: true });
        assert_eq!((clocks.approve, clocks.execute, clocks.validate), (None, None, None));
        let early = Clocks::read(&Moments::new(at(9), at(5)), at(5));
        assert_eq!(early.detect, stopped(0));
    }

    fn told(minutes: i64, kind: Option<Kind>) -> Vec<Warning> {
        warnings(&Moments { decided_at: kind.map(|_| at(2)), ..moments() }, kind, None, at(minutes))
    }

    #[test]
    fn people_are_warned_at_half_at_four_fifths_and_at_the_end() {
        let application = Some(Kind::Application);
        assert_eq!(told(15, application), []);
        assert_eq!(told(16, application), [Warning::RtoHalf]);
        assert_eq!(told(25, application), [Warning::RtoHalf, Warning::RtoMost]);
        assert_eq!(told(31, application), [Warning::RtoHalf, Warning::RtoMost, Warning::RtoBreached]);
        assert_eq!(told(120, Some(Kind::Database)), []);
        assert_eq!(told(121, Some(Kind::Database)), [Warning::RtoHalf]);
    }

    #[test]
    fn people_are_warned_of_what_is_undecided() {
        assert_eq!(told(9, None), []);
        assert_eq!(told(10, None), [Warning::Undecided]);
    }

    #[test]
    fn nobody_is_warned_of_time_when_the_system_is_back() {
        let back = Moments { decided_at: Some(at(2)), validated_at: Some(at(11)), ..moments() };
        assert_eq!(warnings(&back, Some(Kind::Application), None, at(600)), []);
    }

    #[test]
    fn people_are_warned_of_data_loss() {
        let told = |loss| warnings(&Moments { decided_at: Some(at(2)), ..moments() }, None, Some(loss), at(2));
        assert_eq!(told(449), []);
        assert_eq!(told(450), [Warning::RpoHalf]);
        assert_eq!(told(720), [Warning::RpoHalf, Warning::RpoMost]);
        assert_eq!(told(900), [Warning::RpoHalf, Warning::RpoMost, Warning::RpoBreached]);
        assert_eq!(told(i64::MAX).len(), 3);
    }

    #[test]
    fn the_glass_may_be_broken_in_the_last_ten_minutes_and_after() {
        assert!(!may_break_glass(&moments(), at(21)));
        assert!(may_break_glass(&moments(), at(22)));
        assert!(may_break_glass(&moments(), at(600)));
    }
}
