//! What is to be done.

use std::fmt;

use rollback::{Change, IncidentId, RunId, audit::Event};
use serde::Deserialize;
use serde_json::{Value, json};

/// Of which kind a job is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub enum JobKind {
    /// Going on with a run.
    Step,
    /// Going through a validation.
    Validation,
    /// Looking around an alert.
    Triage,
    /// Letting time pass.
    Clock,
    /// Telling people. The database makes it with the record that they are told of.
    Notify,
    /// Asking for the alerts that a notification has left out.
    Alerts,
    /// Reminding people of drills. The migrations make the only one.
    Drill,
    /// One that this version does not know.
    Unknown(String),
}

impl JobKind {
    const KNOWN: [Self; 7] =
        [Self::Step, Self::Validation, Self::Triage, Self::Clock, Self::Notify, Self::Alerts, Self::Drill];

    /// The kind in a word, as the database has it.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        match self {
            Self::Step => "step",
            Self::Validation => "validation",
            Self::Triage => "triage",
            Self::Clock => "clock",
            Self::Notify => "notify",
            Self::Alerts => "alerts",
            Self::Drill => "drill",
            Self::Unknown(word) => word.as_str(),
        }
    }
}

impl From<String> for JobKind {
    fn from(word: String) -> Self {
        Self::KNOWN.into_iter().find(|kind| kind.as_str() == word).unwrap_or(Self::Unknown(word))
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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

    const fn kind(self) -> JobKind {
        match self {
            Self::Step(..) => JobKind::Step,
            Self::Validation(_) => JobKind::Validation,
            Self::Triage(_) => JobKind::Triage,
            Self::Clock(_) => JobKind::Clock,
        }
    }

    /// The incident, and the run where it is about one.
    const fn about(self) -> (IncidentId, Option<RunId>) {
        match self {
            Self::Step(incident, run) => (incident, Some(run)),
            Self::Validation(incident) | Self::Triage(incident) | Self::Clock(incident) => (incident, None),
        }
    }

    pub(super) fn key(self) -> String {
        let kind = self.kind();
        match self.about() {
            (_, Some(run)) => format!("{kind}:{run}"),
            (incident, None) => format!("{kind}:{incident}"),
        }
    }

    pub(super) fn to_json(self) -> Value {
        let (kind, (incident, run)) = (self.kind(), self.about());
        json!({
            "kind": kind.as_str(), "incident": incident, "run": run, "key": self.key(), "seconds": 0, "payload": {},
            "wake": true,
        })
    }
}
