//! One step of a run: what stands on record about it, and how that moves on.

mod character;
mod event;
mod failure;
mod name;
mod status;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use character::{Character, Nature, Phase, Repeat};
pub use event::{Finding, StepEvent};
pub use failure::{Failure, FailureCode};
pub use name::{ApplicationStep, DatabaseStep, InfrastructureStep, Rollout, StepName};
pub use status::StepStatus;

use crate::{Digest, Reference, Refusal, moment::after};

/// How often the outcome of a step may turn out unknown before a person must look.
pub const TRIES: u32 = 10;

/// For how long a step must be seen to have left no trace before it may be sent again: lists of workflow runs lag.
const ABSENCE: TimeDelta = TimeDelta::minutes(3);

/// A stretch of time throughout which a step was seen to have left no trace.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Absence {
    /// When it was first looked for.
    pub since: DateTime<Utc>,
    /// When it was last looked for.
    pub until: DateTime<Utc>,
}

impl Absence {
    /// Whether it lasted long enough to prove that the step did not happen.
    #[must_use]
    pub fn is_proof(self) -> bool {
        self.until - self.since >= ABSENCE
    }
}

/// What stands on record about a step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    name: StepName,
    status: StepStatus,
    attempt: u32,
    tries: u32,
    intended_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    operation: Option<Reference>,
    absence: Option<Absence>,
    failure: Option<Failure>,
    evidence: Vec<Digest>,
}

impl Step {
    /// A step that has not begun.
    #[must_use]
    pub const fn new(name: StepName) -> Self {
        Self {
            name,
            status: StepStatus::Pending,
            attempt: 1,
            tries: 0,
            intended_at: None,
            ended_at: None,
            operation: None,
            absence: None,
            failure: None,
            evidence: Vec::new(),
        }
    }

    /// Which step it is.
    #[must_use]
    pub const fn name(&self) -> &StepName {
        &self.name
    }

    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> StepStatus {
        self.status
    }

    /// Which attempt this is, from 1. Part of its idempotency key.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the intent of this attempt was put on record.
    #[must_use]
    pub const fn intended_at(&self) -> Option<DateTime<Utc>> {
        self.intended_at
    }

    /// When it must have ended; none while it has not begun or has ended.
    #[must_use]
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        match self.status {
            StepStatus::Pending | StepStatus::Done | StepStatus::Failed => None,
            _ => self.intended_at.map(|at| after(at, self.name.character().deadline)),
        }
    }

    /// What the other side calls it.
    #[must_use]
    pub const fn operation(&self) -> Option<&Reference> {
        self.operation.as_ref()
    }

    /// Since when it is seen to have left no trace.
    #[must_use]
    pub const fn absence(&self) -> Option<Absence> {
        self.absence
    }

    /// Why it failed.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What proves how it ended, by digest.
    #[must_use]
    pub fn evidence(&self) -> &[Digest] {
        &self.evidence
    }

    /// Whether it has ended well.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.status == StepStatus::Done
    }

    /// Whether its outcome has been unknown so often that a person must look.
    #[must_use]
    pub const fn is_beyond_tries(&self) -> bool {
        self.tries >= TRIES
    }

    /// The step after an event.
    ///
    /// # Errors
    /// Returns a [`Refusal`] when the event can't happen to the step as it stands, or a guard of its own forbids it: only a
    /// decision is done without being sent, a step is sent again only as its [`Repeat`] allows, and a deadline must have
    /// passed to be late.
    pub(crate) fn apply(&self, event: &StepEvent, by_a_person: bool, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let mut next = self.clone();
        next.status = self.status.next(event)?;
        match event {
            StepEvent::Intend => next.intended_at = Some(now),
            StepEvent::Send { .. } => {}
            StepEvent::Accept { operation } => {
                next.operation = Some(operation.clone());
                next.absence = None;
            }
            StepEvent::Succeed { evidence } => {
                self.guard_sent()?;
                next.ended_at = Some(now);
                next.evidence.extend_from_slice(evidence);
            }
            StepEvent::Fail { failure, evidence } => {
                next.ended_at = Some(now);
                next.failure = Some(failure.clone());
                next.evidence.extend_from_slice(evidence);
            }
            StepEvent::Lose | StepEvent::Reconcile { finding: Finding::Unclear } => {
                next.tries = self.tries.saturating_add(1);
                next.absence = None;
            }
            StepEvent::Reconcile { finding: Finding::Absent } => {
                next.absence = Some(Absence { since: self.absence.map_or(now, |absence| absence.since), until: now });
            }
            StepEvent::Repeat => {
                self.guard_repeat(by_a_person)?;
                next.attempt = self.attempt.saturating_add(1);
                next.absence = None;
                if by_a_person {
                    next.intended_at = Some(now);
                    next.tries = 0;
                }
            }
            StepEvent::RunLate => self.guard_late(now)?,
        }
        Ok(next)
    }

    fn guard_sent(&self) -> Result<(), Refusal> {
        let unsent = self.status == StepStatus::IntentRecorded;
        if unsent && self.name.character().nature != Nature::Decision {
            return Err(Refusal::NeverSent { step: self.name.clone() });
        }
        Ok(())
    }

    fn guard_repeat(&self, by_a_person: bool) -> Result<(), Refusal> {
        match self.name.character().repeat {
            Repeat::Freely => Ok(()),
            Repeat::OnceAbsent if by_a_person && self.absence.is_some_and(Absence::is_proof) => Ok(()),
            Repeat::OnceAbsent => Err(Refusal::NotProvenAbsent { step: self.name.clone() }),
            Repeat::Never => Err(Refusal::NeverRepeated { step: self.name.clone() }),
        }
    }

    fn guard_late(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        match self.deadline() {
            Some(deadline) if now >= deadline => Ok(()),
            _ => Err(Refusal::NotLate { step: self.name.clone() }),
        }
    }
}

#[cfg(test)]
mod tests;
