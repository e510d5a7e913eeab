//! From enough approvals to the first step.

use super::turn::Turn;
use crate::{
    Actor, Digest, IncidentEvent, Refusal, RunEvent,
    audit::Event,
    incident::{Executed, Standing},
    step::{InfrastructureStep, StepEvent, StepName},
};

impl Turn<'_> {
    /// Lets the run begin. Guards: the preview is the one that is meant, and not too old; enough approvals hold now, by
    /// people who may approve now; the decision still is for this kind; nothing else holds the environment; rollbacks are
    /// not halted; the plan is not spent. What would run now is compared with it when the first step leaves.
    pub(super) fn execute(&mut self, by: &Actor, digest: Digest) -> Result<(), Refusal> {
        let now = self.now();
        self.move_run(RunEvent::Execute)?;
        self.move_incident(IncidentEvent::ExecuteRun)?;
        self.context.guard_running()?;

        let run = self.run()?;
        let preview = run.previewed_as(digest)?;
        if preview.is_expired(now) {
            return Err(Refusal::PreviewExpired);
        }
        self.context.guard_unspent(preview.recipe().plan())?;
        self.guard_decided(run.kind())?;
        self.context.guard_neighbours(run.kind())?;
        let quorum = self.quorum()?;
        if let Some(missing) = quorum.missing {
            return Err(Refusal::NotApproved(missing));
        }

        let executed = Executed { id: run.id(), kind: run.kind(), approvers: quorum.counted.into_iter().collect() };
        let approvers = executed.approvers.clone();
        let run = self.run_mut()?;
        run.executed_at = Some(now);
        run.executed_by = Some(by.person.clone());
        let run = self.run()?.clone();
        self.incident.set_standing(&run, Standing::Executing);
        self.incident.executed = Some(executed);
        self.happened(Event::Executed { digest, approvers });
        self.close_approval_step(digest)
    }

    /// The approvals are a step of their own where a plan is applied, and that step is done when they were counted.
    fn close_approval_step(&mut self, digest: Digest) -> Result<(), Refusal> {
        let step = StepName::Infrastructure(InfrastructureStep::Approve);
        if self.run()?.step(&step).is_err() {
            return Ok(());
        }
        self.step(&step, &StepEvent::Intend)?;
        self.step(&step, &StepEvent::Succeed { evidence: vec![digest] })
    }
}
