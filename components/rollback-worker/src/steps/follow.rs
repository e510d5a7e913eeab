//! Following workflow runs to their end.

use chrono::TimeDelta;
use rollback::{
    Reference, Report,
    step::{FailureCode, StepName},
};

use super::Scene;
use crate::{
    desk::Halt,
    fact::{FactName, Item},
    outside::github::{self, RunState, WorkflowRun},
};

/// How long to wait between two looks, in seconds. A webhook ends the wait early.
const PAUSE: i64 = 5;

/// How long a workflow run may go on waiting at a gate before it is let through again.
const GATE: TimeDelta = TimeDelta::minutes(1);

impl Scene<'_> {
    /// The operation of an earlier step.
    pub(super) fn operation_of(&self, name: &StepName) -> Option<&Reference> {
        self.run.steps().iter().find(|step| step.name() == name).and_then(rollback::step::Step::operation)
    }

    /// The workflow run, when it has ended well. One that was run again by hand is another attempt: it is not the one that
    /// was dispatched.
    pub(super) fn follow(&self, repository: &str, id: &Reference, failed: FailureCode) -> Result<WorkflowRun, Halt> {
        let name = self.fact(Item::Run);
        let run = github::run(self.desk, &name, repository, id.as_str())?;
        let how = match run.state() {
            RunState::UnderWay => return Err(self.wait_for(&run, repository, id, &name)),
            RunState::Succeeded => return Ok(run),
            RunState::RunAgain(attempt) => {
                let detail = format!("the workflow run {} was run again by hand, attempt {attempt}", run.id);
                return Err(Halt::fail(failed, &detail));
            }
            RunState::Failed(how) => how,
        };
        let (code, place) = match github::failed_step(self.desk, &self.fact(Item::Jobs), repository, id.as_str())? {
            Some(step) => (cause(&step, failed), format!("at the step {step}")),
            None => (failed, "before any of its steps".to_owned()),
        };
        Err(Halt::fail(code, &format!("the workflow run {} ended with {how} {place}", run.id)))
    }

    /// Waits for a workflow run, and lets it through when it waits at the gate before the environment. The step is taken only
    /// after the approvals: nobody has to be asked again.
    fn wait_for(&self, run: &WorkflowRun, repository: &str, id: &Reference, name: &FactName) -> Halt {
        let gated = self.desk.place.targets.github.as_ref().is_some_and(|github| github.gate);
        if !gated || !run.is_waiting() {
            return Halt::again(PAUSE, &[name]);
        }
        let gate = self.fact(Item::Gate);
        let comment = format!("the run {} of Hubline is approved", self.run.id());
        match github::let_through(self.desk, &gate, repository, id.as_str(), &comment) {
            Err(halt) => halt,
            // Another job of the run may come to the gate later.
            Ok(_) if self.desk.known_at(&gate).is_some_and(|at| self.desk.now - at > GATE) => {
                Halt::again(PAUSE, &[name, &gate])
            }
            Ok(_) => Halt::again(PAUSE, &[name]),
        }
    }

    /// Follows the workflow run of this very step.
    pub(super) fn follow_own(&self, failed: FailureCode) -> Result<Vec<Report>, Halt> {
        let Some(id) = self.step.operation() else {
            return Err(Halt::fail(failed, "there is no workflow run to follow"));
        };
        let repository = self.repository()?;
        self.follow(&repository, id, failed).map(|_| Vec::new())
    }

    /// Follows the deployment that an earlier step has dispatched.
    pub(super) fn await_deployment(&self, dispatch: &StepName) -> Result<Vec<Report>, Halt> {
        let failed = match self.step.name() {
            StepName::Database(_) => FailureCode::RedeploymentFailed,
            _ => FailureCode::WorkflowFailed,
        };
        let Some(id) = self.operation_of(dispatch) else {
            return Err(Halt::fail(failed, "there is no workflow run to follow"));
        };
        let repository = self.repository()?;
        self.follow(&repository, id, failed).map(|_| Vec::new())
    }
}

/// A step of a workflow whose failure says more than that the workflow has failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum TellingStep {
    /// The deployment did not get ready, and the release before it was brought back.
    Rollout,
    /// Somebody has applied since the plan was made; nothing was changed.
    StalePlan,
}

impl TellingStep {
    const ALL: [Self; 2] = [Self::Rollout, Self::StalePlan];

    /// Its name in the workflows of `deploy/github`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rollout => "Wait for the rollout",
            Self::StalePlan => "Refuse a stale plan",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }
}

/// What the step that failed says about the cause.
fn cause(step: &str, otherwise: FailureCode) -> FailureCode {
    match (TellingStep::named(step), otherwise) {
        (Some(TellingStep::Rollout), FailureCode::WorkflowFailed) => FailureCode::RolloutFailed,
        (Some(TellingStep::StalePlan), FailureCode::ApplyFailed) => FailureCode::PlanStale,
        (_, otherwise) => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_that_tell_something_are_steps_of_the_workflows() {
        let deploy = include_str!("../../../../deploy/github/deploy.yml");
        let apply = include_str!("../../../../deploy/github/terraform-apply.yml");
        for (step, workflow) in [(TellingStep::Rollout, deploy), (TellingStep::StalePlan, apply)] {
            let line = format!("- name: {}", step.as_str());
            assert!(workflow.lines().any(|own| own.trim() == line), "{line}");
        }
    }

    #[test]
    fn a_step_tells_the_cause_in_its_own_workflow_only() {
        let (rollout, stale) = (TellingStep::Rollout.as_str(), TellingStep::StalePlan.as_str());
        assert_eq!(cause(rollout, FailureCode::WorkflowFailed), FailureCode::RolloutFailed);
        assert_eq!(cause(stale, FailureCode::ApplyFailed), FailureCode::PlanStale);
        assert_eq!(cause(rollout, FailureCode::RedeploymentFailed), FailureCode::RedeploymentFailed);
        assert_eq!(cause(stale, FailureCode::PlanFailed), FailureCode::PlanFailed);
        assert_eq!(cause("Roll the image out", FailureCode::WorkflowFailed), FailureCode::WorkflowFailed);
    }
}
