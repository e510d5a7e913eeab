//! How a run goes from step to step, and how it ends.

use super::turn::Turn;
use crate::{
    Digest, IncidentEvent, IncidentState, Refusal, RunEvent, RunState, Stop,
    audit::Event,
    incident::Standing,
    point_in_time::RPO,
    recipe::Recipe,
    step::{DatabaseStep, FailureCode, Finding, InfrastructureStep, Nature, Step, StepEvent, StepName, StepStatus},
};

impl Turn<'_> {
    /// Something happened to a step.
    pub(super) fn step(&mut self, name: &StepName, event: &StepEvent) -> Result<(), Refusal> {
        self.move_step(name, event, false)
    }

    /// An operator lets a step be sent again that provably did not happen.
    pub(super) fn retry(&mut self, name: &StepName) -> Result<(), Refusal> {
        self.move_step(name, &StepEvent::Repeat, true)
    }

    /// Notes the measured loss of data. Guard: it is measured by the step that does.
    pub(super) fn measure_loss(&mut self, seconds: i64) -> Result<(), Refusal> {
        self.move_run(RunEvent::MoveStep)?;
        let verify = StepName::Database(DatabaseStep::VerifyData);
        if self.run()?.current_step().map(Step::name) != Some(&verify) {
            return Err(Refusal::OutOfOrder { step: verify });
        }
        self.incident.loss.measured_seconds = Some(seconds.max(0));
        self.happened(Event::LossMeasured { seconds });
        Ok(())
    }

    /// Moves a step, and with it the run and the incident. Guards: it is the first step that is not done; and before
    /// anything leaves, those of [`Turn::guard_leaving`].
    fn move_step(&mut self, name: &StepName, event: &StepEvent, by_a_person: bool) -> Result<(), Refusal> {
        self.move_run(RunEvent::MoveStep)?;
        let before = self.run()?.step(name)?.clone();
        if self.run()?.current_step() != Some(&before) {
            return Err(Refusal::OutOfOrder { step: name.clone() });
        }
        match event {
            StepEvent::Intend | StepEvent::Send { .. } | StepEvent::Repeat => self.guard_leaving(&before, event)?,
            StepEvent::Succeed { .. } => self.guard_loss(name)?,
            _ => {}
        }
        let after = before.apply(event, by_a_person, self.now())?;
        self.happened(moved(&before, &after, event));
        self.note_change(&before, event)?;
        self.run_mut()?.replace_step(after.clone());
        self.follow(&after, event)
    }

    /// Guards what may leave. Steps that touch the environment: nothing has stopped the incident, rollbacks are not halted,
    /// and what is there now is still what was approved. A plan: it is not spent, and is spent by leaving.
    fn guard_leaving(&mut self, step: &Step, event: &StepEvent) -> Result<(), Refusal> {
        let character = step.name().character();
        if character.nature != Nature::Effect {
            return Ok(());
        }
        let state = self.incident.state();
        if state != IncidentState::RollingBack {
            return Err(Refusal::Stopped(state.as_str()));
        }
        self.context.guard_running()?;
        if let StepEvent::Send { observed } = event {
            let observed: Digest = observed.ok_or(Refusal::AnotherDigest)?;
            self.run()?.previewed_as(observed)?;
        }
        if *step.name() == StepName::Infrastructure(InfrastructureStep::Apply) {
            let plan = self.run()?.previewed()?.recipe().plan();
            self.context.guard_unspent(plan)?;
            if matches!(event, StepEvent::Send { .. }) {
                self.spent_plan = plan;
            }
        }
        Ok(())
    }

    /// Guards that nothing connects to a restored database whose loss is not known, or is larger than people accepted.
    fn guard_loss(&self, name: &StepName) -> Result<(), Refusal> {
        if *name != StepName::Database(DatabaseStep::VerifyData) {
            return Ok(());
        }
        let seconds = self.incident.loss().measured_seconds.ok_or(Refusal::LossNotMeasured)?;
        let accepted = match self.run()?.previewed()?.recipe() {
            Recipe::Database(recipe) => recipe.accept_loss.is_some(),
            Recipe::Application(_) | Recipe::Infrastructure(_) => false,
        };
        if seconds < RPO.num_seconds() || accepted { Ok(()) } else { Err(Refusal::LossNotAccepted { seconds }) }
    }

    /// Notes that the environment may have changed: whenever something has left, and for as long as it is under way.
    fn note_change(&mut self, before: &Step, event: &StepEvent) -> Result<(), Refusal> {
        let has_left = match before.status() {
            StepStatus::Pending | StepStatus::IntentRecorded => matches!(event, StepEvent::Send { .. }),
            _ => true,
        };
        if !has_left || !before.name().character().nature.changes_something() {
            return Ok(());
        }
        let now = self.now();
        self.run_mut()?.first_effect_at.get_or_insert(now);
        self.incident.changed(now);
        Ok(())
    }

    /// Draws the consequences for the run and the incident.
    fn follow(&mut self, step: &Step, event: &StepEvent) -> Result<(), Refusal> {
        let late = *event == StepEvent::RunLate;
        match step.status() {
            StepStatus::Done => self.finish_step(),
            StepStatus::Failed => self.stop(step, stop_by_failure(step)),
            StepStatus::Unknown if late || step.is_beyond_tries() => self.stop(step, Stop::Unclear),
            _ => Ok(()),
        }
    }

    fn finish_step(&mut self) -> Result<(), Refusal> {
        let left = self.run()?.left();
        self.move_run(RunEvent::FinishStep { left })?;
        let run = self.run()?;
        if run.state() != RunState::Succeeded {
            return Ok(());
        }
        let kind = run.kind();
        self.happened(Event::RunSucceeded { kind });
        self.incident.run = None;
        self.move_incident(IncidentEvent::FinishRun)
    }

    /// Stops the run, and with it everything, until a second person has attested; but a run that was never executed has
    /// changed nothing and just ends.
    fn stop(&mut self, step: &Step, stop: Stop) -> Result<(), Refusal> {
        self.move_run(RunEvent::Stop(stop))?;
        let run = self.run()?.clone();
        let (name, failure) = (step.name().clone(), step.failure().cloned());
        let executed = run.executed_at().is_some();
        self.happened(match (run.state(), failure) {
            (RunState::Rejected, Some(failure)) => Event::RunBlocked { step: name, failure },
            (RunState::Failed, Some(failure)) => Event::RunFailed { step: name, failure, executed },
            (_, failure) => Event::ManualNeeded { step: name, failure },
        });
        if executed {
            self.incident.set_standing(&run, Standing::Stopped);
            self.move_incident(IncidentEvent::StopRun)
        } else {
            self.close_run()
        }
    }
}

/// How a failed step stops its run. An apply that failed may have done half of its work.
fn stop_by_failure(step: &Step) -> Stop {
    let is_apply = *step.name() == StepName::Infrastructure(InfrastructureStep::Apply);
    match step.failure().map(|failure| failure.code) {
        Some(FailureCode::PlanBlocked | FailureCode::PlanDrifted) => Stop::Blocked,
        _ if is_apply => Stop::Unclear,
        _ => Stop::Failed,
    }
}

fn moved(before: &Step, after: &Step, event: &StepEvent) -> Event {
    let (mut operation, mut finding, mut evidence) = (None, None::<Finding>, Vec::new());
    match event {
        StepEvent::Accept { operation: accepted } => operation = Some(accepted.clone()),
        StepEvent::Reconcile { finding: found } => finding = Some(*found),
        StepEvent::Succeed { evidence: proof } | StepEvent::Fail { evidence: proof, .. } => evidence = proof.clone(),
        _ => {}
    }
    Event::StepMoved {
        step: after.name().clone(),
        attempt: after.attempt(),
        from: before.status(),
        to: after.status(),
        operation,
        finding,
        evidence,
    }
}
