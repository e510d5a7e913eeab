//! One move in the making.

use chrono::{DateTime, Utc};

use crate::{
    Context, Digest, Incident, IncidentEvent, Refusal, Run, RunEvent,
    audit::Event,
    quorum,
    quorum::{Question, Quorum},
};

/// One move in the making: what is changed so far, and what has happened. A refusal drops it.
pub(super) struct Turn<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) incident: Incident,
    pub(super) run: Option<Run>,
    pub(super) spent_plan: Option<Digest>,
    events: Vec<Event>,
}

/// What a move comes to.
pub(super) struct Moved {
    pub(super) incident: Incident,
    pub(super) run: Option<Run>,
    pub(super) spent_plan: Option<Digest>,
    pub(super) events: Vec<Event>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(incident: Incident, run: Option<Run>, context: &'a Context<'a>) -> Self {
        Self { context, incident, run, spent_plan: None, events: Vec::new() }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.context.now
    }

    /// When the environment was last changed, by this incident's runs or another's.
    pub(super) fn last_change(&self) -> Option<DateTime<Utc>> {
        self.incident.moments().last_change_at.max(self.context.changed_elsewhere_at)
    }

    pub(super) fn happened(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(super) fn run(&self) -> Result<&Run, Refusal> {
        self.run.as_ref().ok_or(Refusal::NoRun)
    }

    pub(super) fn run_mut(&mut self) -> Result<&mut Run, Refusal> {
        self.run.as_mut().ok_or(Refusal::NoRun)
    }

    /// Moves the incident on.
    pub(super) fn move_incident(&mut self, event: IncidentEvent) -> Result<(), Refusal> {
        Ok(self.incident.transition(event)?)
    }

    /// Moves the run on.
    pub(super) fn move_run(&mut self, event: RunEvent) -> Result<(), Refusal> {
        let now = self.now();
        Ok(self.run_mut()?.transition(event, now)?)
    }

    /// Ends a run that has changed nothing: the incident is without one again.
    pub(super) fn close_run(&mut self) -> Result<(), Refusal> {
        self.incident.run = None;
        self.move_incident(IncidentEvent::CloseRun)
    }

    /// Counts the run's approvals as they hold now.
    pub(super) fn quorum(&self) -> Result<Quorum, Refusal> {
        let run = self.run()?;
        let question = Question {
            kind: run.kind(),
            digest: run.previewed()?.digest(),
            requester: run.requester(),
            decider: self.incident.decision().map(|decision| &decision.decider),
            principals: self.context.principals,
            now: self.now(),
        };
        Ok(quorum::count(run.approvals(), &question))
    }

    /// What the move comes to. Whatever changed has a new version.
    pub(super) fn finish(mut self, incident: &Incident, run: Option<&Run>) -> Moved {
        if self.incident != *incident {
            self.incident.version = self.incident.version.next();
        }
        let run_changed = self.run.as_ref() != run;
        if let Some(run) = self.run.as_mut().filter(|_| run_changed) {
            run.version = run.version.next();
        }
        let Self { incident, run, spent_plan, events, context: _ } = self;
        Moved { incident, run, spent_plan, events }
    }
}
