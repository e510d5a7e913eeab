//! What a second person says after manual intervention.

use super::turn::Turn;
use crate::{Actor, Attestation, Digest, IncidentEvent, Reason, Refusal, RunEvent, audit::Event};

impl Turn<'_> {
    /// Attests to the state of the system: what was unclear is clear. The run is over, and whatever comes next is a new run
    /// or a validation. Guards: the run was executed and has stopped; who attests neither asked for it nor let it begin;
    /// there is evidence.
    pub(super) fn attest(&mut self, by: &Actor, statement: Reason, evidence: Vec<Digest>) -> Result<(), Refusal> {
        let at = self.now();
        let was_stopped = self.run()?.is_stopped();
        self.move_run(RunEvent::Attest)?;
        if !was_stopped {
            return Err(Refusal::NothingToAttest);
        }
        let run = self.run_mut()?;
        if *run.requester() == by.person || run.executed_by.as_ref() == Some(&by.person) {
            return Err(Refusal::SelfAttestation);
        }
        if evidence.is_empty() {
            return Err(Refusal::NoEvidence);
        }
        run.attestation = Some(Attestation {
            person: by.person.clone(),
            statement: statement.clone(),
            evidence: evidence.clone(),
            at,
        });
        self.move_incident(IncidentEvent::Attest)?;
        self.incident.run = None;
        // Hands were laid on the environment: what follows has to be proven from here on.
        self.incident.changed(at);
        self.happened(Event::Attested { statement, evidence });
        Ok(())
    }
}
