//! From the alert to somebody who takes the incident up, or says that it is none.

use super::turn::Turn;
use crate::{Actor, DismissalCause, IncidentEvent, Mark, Reason, Refusal, audit::Event};

impl Turn<'_> {
    /// The alert fires, again. What was proven is not proven any more.
    pub(super) fn fire(&mut self) -> Result<(), Refusal> {
        let now = self.now();
        self.move_incident(IncidentEvent::Fire)?;
        let incident = &mut self.incident;
        incident.firing.fired_at = Some(now);
        incident.firing.count = incident.firing.count.saturating_add(1);
        incident.moments.validated_at = None;
        let count = incident.firing.count;
        self.happened(Event::AlertFired { count });
        Ok(())
    }

    /// The alert has cleared. That is evidence, and moves nothing.
    pub(super) fn clear(&mut self) -> Result<(), Refusal> {
        self.move_incident(IncidentEvent::Clear)?;
        self.incident.firing.cleared_at = Some(self.now());
        self.happened(Event::AlertCleared);
        Ok(())
    }

    pub(super) fn acknowledge(&mut self) -> Result<(), Refusal> {
        self.move_incident(IncidentEvent::Acknowledge)?;
        self.incident.moments.acknowledged_at = Some(self.now());
        self.happened(Event::Acknowledged);
        Ok(())
    }

    /// Pages the commander. The first time counts: from then on a commander decides.
    pub(super) fn escalate(&mut self, by: &Actor, reason: Reason) -> Result<(), Refusal> {
        let at = self.now();
        self.move_incident(IncidentEvent::Escalate)?;
        self.incident.escalation.get_or_insert_with(|| Mark { person: by.person.clone(), reason: reason.clone(), at });
        self.happened(Event::Escalated { reason });
        Ok(())
    }

    /// Calls the incident none. Guards: no run was executed and none is live; while the alert fires only as a false
    /// positive, and by two commanders.
    pub(super) fn dismiss(&mut self, by: &Actor, cause: DismissalCause, reason: Reason) -> Result<(), Refusal> {
        let mark = Mark { person: by.person.clone(), reason: reason.clone(), at: self.now() };
        if !self.incident.firing().fires() {
            self.move_incident(IncidentEvent::Dismiss)?;
            self.guard_no_run()?;
            self.incident.dismissal = Some(mark);
            self.happened(Event::Dismissed { cause, reason });
            return Ok(());
        }
        self.move_incident(IncidentEvent::ProposeDismissal)?;
        self.guard_no_run()?;
        if cause != DismissalCause::FalsePositive {
            return Err(Refusal::AlertFires);
        }
        match self.incident.dismissal() {
            None => {
                self.incident.dismissal = Some(mark);
                self.happened(Event::DismissalProposed { cause, reason });
                Ok(())
            }
            Some(first) if first.person == by.person => Err(Refusal::SecondCommander),
            Some(_) => {
                self.happened(Event::Dismissed { cause, reason });
                self.move_incident(IncidentEvent::Dismiss)
            }
        }
    }

    fn guard_no_run(&self) -> Result<(), Refusal> {
        self.guard_run_over()?;
        if self.incident.executed().is_some() { Err(Refusal::WasExecuted) } else { Ok(()) }
    }

    /// Guards that the incident has no run that is not over.
    pub(super) fn guard_run_over(&self) -> Result<(), Refusal> {
        match self.incident.run() {
            Some(run) => Err(Refusal::RunNotOver { run: run.id }),
            None => Ok(()),
        }
    }
}
