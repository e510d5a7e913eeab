//! The proof that the system is stable: without it no incident is resolved.

mod check;
mod judge;
mod policy;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use check::{Check, CheckResult, MandatoryCheck, SmokeName, Verdict};
pub use judge::{AlertSight, Measurement, Metrics, Pods, Smoke, alert, metrics, pods, smoke};
pub use policy::{Loosened, Policy, Tightening};

use crate::{Digest, Person, ValidationId, moment::after};

/// For how long the worker may take: the longest window and some turns. Then the validation is inconclusive.
pub const DEADLINE: TimeDelta = TimeDelta::minutes(30);

/// One validation of an incident.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    id: ValidationId,
    started_at: DateTime<Utc>,
    started_by: Person,
    policy: Digest,
    required: BTreeSet<Check>,
    fresh_seconds: u32,
    finished_at: Option<DateTime<Utc>>,
    verdict: Option<Verdict>,
    results: Vec<CheckResult>,
}

impl Validation {
    pub(crate) fn start(
        id: ValidationId,
        policy: &Policy,
        digest: Digest,
        started_by: Person,
        started_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            started_at,
            started_by,
            policy: digest,
            required: policy.required(),
            fresh_seconds: policy.fresh_seconds(),
            finished_at: None,
            verdict: None,
            results: Vec::new(),
        }
    }

    /// The validation with its results and its verdict. `passable` says whether it may pass at all: that nothing has
    /// changed since it began, and that the alert does not fire.
    pub(crate) fn finish(mut self, results: Vec<CheckResult>, passable: bool, now: DateTime<Utc>) -> Self {
        let verdict = match check::overall(&self.required, &results) {
            Verdict::Pass if !passable => Verdict::Inconclusive,
            verdict => verdict,
        };
        self.finished_at = Some(now);
        self.verdict = Some(verdict);
        self.results = results;
        self
    }

    /// Which validation it is.
    #[must_use]
    pub const fn id(&self) -> ValidationId {
        self.id
    }

    /// When it began.
    #[must_use]
    pub const fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// Who began it.
    #[must_use]
    pub const fn started_by(&self) -> &Person {
        &self.started_by
    }

    /// The policy that it follows, by digest.
    #[must_use]
    pub const fn policy(&self) -> Digest {
        self.policy
    }

    /// The checks that it needs.
    #[must_use]
    pub const fn required(&self) -> &BTreeSet<Check> {
        &self.required
    }

    /// When it ended, if it has.
    #[must_use]
    pub const fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.finished_at
    }

    /// Its verdict, if it has ended.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// What each check came to.
    #[must_use]
    pub fn results(&self) -> &[CheckResult] {
        &self.results
    }

    /// Whether the worker has taken too long.
    #[must_use]
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        self.finished_at.is_none() && now >= after(self.started_at, DEADLINE)
    }

    /// Whether it proves anything now: it has passed, it began after the last change, and it is not too old.
    #[must_use]
    pub fn is_proof(&self, last_change: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        let fresh = TimeDelta::seconds(i64::from(self.fresh_seconds.min(policy::FRESH_SECONDS)));
        self.verdict == Some(Verdict::Pass)
            && last_change.is_none_or(|change| self.started_at > change)
            && self.finished_at.is_some_and(|finished| finished <= now && now <= after(finished, fresh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn at(minutes: i64) -> DateTime<Utc> {
        NOW + TimeDelta::minutes(minutes)
    }

    fn results(verdict: Verdict) -> Vec<CheckResult> {
        MandatoryCheck::ALL
            .iter()
            .map(|check| CheckResult::new(Check::Mandatory(*check), verdict, "measured", None))
            .collect()
    }

    fn finished(verdict: Verdict, passable: bool) -> Validation {
        let policy = Policy::default();
        let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        Validation::start(id, &policy, policy.digest().unwrap(), "olaf".parse().unwrap(), NOW).finish(
            results(verdict),
            passable,
            at(2),
        )
    }

    #[test]
    fn it_proves_something_when_all_passed_after_the_last_change_and_not_long_ago() {
        let passed = finished(Verdict::Pass, true);
        assert!(passed.is_proof(None, at(2)));
        assert!(passed.is_proof(Some(at(-1)), at(17)));
        assert!(!passed.is_proof(Some(at(-1)), at(18)), "too old");
        assert!(!passed.is_proof(Some(NOW), at(3)), "the change was not before it began");
        assert!(!passed.is_proof(Some(at(1)), at(3)), "a change meanwhile");
        assert!(!passed.is_proof(None, at(1)), "from the future");
    }

    #[test]
    fn nothing_but_a_pass_proves_anything() {
        for verdict in [Verdict::Fail, Verdict::Inconclusive] {
            assert!(!finished(verdict, true).is_proof(None, at(2)));
        }
        assert_eq!(finished(Verdict::Pass, false).verdict(), Some(Verdict::Inconclusive));
        assert_eq!(finished(Verdict::Fail, false).verdict(), Some(Verdict::Fail));
    }

    #[test]
    fn an_unfinished_one_is_late_after_its_deadline() {
        let policy = Policy::default();
        let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let running = Validation::start(id, &policy, policy.digest().unwrap(), "olaf".parse().unwrap(), NOW);
        assert!(!running.is_proof(None, NOW));
        assert!(!running.is_late(at(29)));
        assert!(running.is_late(at(30)));
        assert!(!running.finish(results(Verdict::Pass), true, at(2)).is_late(at(30)));
    }
}
