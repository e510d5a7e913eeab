//! What is done about the incident.

use super::turn::Turn;
use crate::{Actor, Decision, IncidentEvent, Kind, Reason, Refusal, Role, Strategy, audit::Event};

impl Turn<'_> {
    /// Decides. Guard: once the incident is escalated, by a commander.
    pub(super) fn decide(&mut self, by: &Actor, strategy: Strategy, reason: Reason) -> Result<(), Refusal> {
        let at = self.now();
        self.move_incident(IncidentEvent::Decide)?;
        if self.incident.escalation().is_some() && !self.context.holds(by, Role::Commander) {
            return Err(Refusal::CommanderDecides);
        }
        self.incident.decision = Some(Decision { strategy, reason: reason.clone(), decider: by.person.clone(), at });
        self.incident.moments.decided_at.get_or_insert(at);
        self.happened(Event::Decided { strategy, reason });
        Ok(())
    }

    /// Guards that the decision that holds is for this kind of rollback.
    pub(super) fn guard_decided(&self, kind: Kind) -> Result<(), Refusal> {
        match self.incident.decision() {
            Some(decision) if decision.strategy.kind() == Some(kind) => Ok(()),
            _ => Err(Refusal::Undecided(kind)),
        }
    }
}
