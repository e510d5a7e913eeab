//! What the passing of time does by itself.

use super::turn::Turn;
use crate::{
    IncidentEvent, IncidentState, Kind, Preview, Refusal, RunEvent, RunState,
    audit::Event,
    clock::warnings,
    step::{Step, StepEvent},
};

impl Turn<'_> {
    /// Lets everything expire, lapse and run late that has, and warns of what people are to be warned of.
    pub(super) fn tick(&mut self) -> Result<(), Refusal> {
        if self.incident.state().is_closed() {
            return Ok(());
        }
        self.tick_run()?;
        self.tick_validation()?;
        self.warn();
        Ok(())
    }

    fn tick_run(&mut self) -> Result<(), Refusal> {
        let now = self.now();
        let Some(run) = &self.run else {
            return Ok(());
        };
        let waits = matches!(run.state(), RunState::Previewed | RunState::AwaitingApproval | RunState::Approved);
        if waits && run.preview().is_some_and(|preview: &Preview| preview.is_expired(now)) {
            self.move_run(RunEvent::Expire)?;
            self.happened(Event::Expired);
            return self.close_run();
        }
        if run.state() == RunState::Approved && self.quorum()?.missing.is_some() {
            self.happened(Event::ApprovalsLapsed);
            return self.move_run(RunEvent::Lapse);
        }
        let late = |step: &&Step| step.deadline().is_some_and(|deadline| now >= deadline);
        if let Some(step) = run.current_step().filter(late) {
            let name = step.name().clone();
            return self.step(&name, &StepEvent::RunLate);
        }
        Ok(())
    }

    fn tick_validation(&mut self) -> Result<(), Refusal> {
        let now = self.now();
        let last_change = self.last_change();
        let Some(validation) = self.incident.validation() else {
            return Ok(());
        };
        let id = validation.id();
        match self.incident.state() {
            // Without results nothing can be told.
            IncidentState::Validating if validation.is_late(now) => self.finish_validation(id, Vec::new()),
            IncidentState::Validated if !validation.is_proof(last_change, now) => {
                self.happened(Event::ValidationLapsed { id });
                self.move_incident(IncidentEvent::Lapse)
            }
            _ => Ok(()),
        }
    }

    fn warn(&mut self) {
        let incident = &self.incident;
        let decided: Option<Kind> = incident.decision().and_then(|decision| decision.strategy.kind());
        let due = warnings(incident.moments(), decided, incident.loss().worst(), self.now());
        for warning in due {
            if self.incident.warned.insert(warning) {
                self.happened(Event::Warned { warning });
            }
        }
    }
}
