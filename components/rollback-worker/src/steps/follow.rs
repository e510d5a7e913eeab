//! Following workflow runs to their end.

use chrono::TimeDelta;
use rollback::{
    Reference, Report,
    step::{FailureCode, StepName},
};

use super::Scene;
use crate::{
    desk::Halt,
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
        let name = self.fact("run");
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
        let (code, place) = match github::failed_step(self.desk, &self.fact("jobs"), repository, id.as_str())? {
            Some(step) => (cause(&step, failed), format!("at the step {step}")),
            None => (failed, "before any of its steps".to_owned()),
        };
        Err(Halt::fail(code, &format!("the workflow run {} ended with {how} {place}", run.id)))
    }

    /// Waits for a workflow run, and lets it through when it waits at the gate before the environment. The step is taken only
    /// after the approvals: nobody has to be asked again.
    fn wait_for(&self, run: &WorkflowRun, repository: &str, id: &Reference, name: &str) -> Halt {
        let gated = self.desk.place.targets.github.as_ref().is_some_and(|github| github.gate);
        if !gated || !run.is_waiting() {
            return Halt::again(PAUSE, &[name]);
        }
        let gate = self.fact("gate");
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

/// What the step that failed says about the cause. The workflows of `deploy/github` name their steps so.
fn cause(step: &str, otherwise: FailureCode) -> FailureCode {
    let step = step.to_ascii_lowercase();
    let says = |word: &str| step.contains(word);
    match otherwise {
        FailureCode::WorkflowFailed if says("roll") => FailureCode::RolloutFailed,
        FailureCode::PlanFailed if says("drift") => FailureCode::PlanDrifted,
        FailureCode::ApplyFailed if says("stale") => FailureCode::PlanStale,
        otherwise => otherwise,
    }
}
