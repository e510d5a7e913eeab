//! What is to be done.

use rollback::{Change, IncidentId, RunId, audit::Event};
use serde_json::{Value, json};

/// What is to be done, and about what. There is one job about a thing: putting it there again wakes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Job {
    /// Go on with a run.
    Step(IncidentId, RunId),
    /// Go through the validation of an incident.
    Validation(IncidentId),
    /// Look around an alert.
    Triage(IncidentId),
    /// Let time pass for an incident.
    Clock(IncidentId),
}

impl Job {
    /// What is to be done after a change.
    pub(super) fn after(change: &Change) -> Vec<Self> {
        let (incident, mut jobs) = (change.case.incident(), Vec::new());
        if change.events.iter().any(|event| matches!(event, Event::IncidentOpened { .. })) {
            jobs.push(Self::Clock(incident.id()));
            jobs.push(Self::Triage(incident.id()));
        }
        if change.events.iter().any(|event| matches!(event, Event::ValidationStarted { .. })) {
            jobs.push(Self::Validation(incident.id()));
        }
        if let Some(run) = change.case.run().filter(|run| run.state().is_live()) {
            jobs.push(Self::Step(incident.id(), run.id()));
        }
        jobs
    }

    pub(super) fn key(self) -> String {
        match self {
            Self::Step(_, run) => format!("step:{run}"),
            Self::Validation(incident) => format!("validation:{incident}"),
            Self::Triage(incident) => format!("triage:{incident}"),
            Self::Clock(incident) => format!("clock:{incident}"),
        }
    }

    pub(super) fn to_json(self) -> Value {
        let (kind, incident, run) = match self {
            Self::Step(incident, run) => ("step", incident, Some(run)),
            Self::Validation(incident) => ("validation", incident, None),
            Self::Triage(incident) => ("triage", incident, None),
            Self::Clock(incident) => ("clock", incident, None),
        };
        json!({
            "kind": kind, "incident": incident, "run": run, "key": self.key(), "seconds": 0, "payload": {}, "wake": true,
        })
    }
}
