//! A rollback run: from what was asked for to what was done.

mod event;
mod state;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use event::{Left, RunEvent, Stop};
pub use state::RunState;

use crate::{
    Approval, Digest, IllegalTransition, IncidentId, Kind, Person, Preview, Reading, Reason, Refusal, Request, RunId,
    RunbookVersion, Target, Version,
    preview::Frame,
    recipe::Recipe,
    step::{DatabaseStep, InfrastructureStep, Phase, Step, StepName},
};

/// What a second person says about the state of the system after manual intervention.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attestation {
    /// Who.
    pub person: Person,
    /// What they did and saw.
    pub statement: Reason,
    /// What they saw, by digest.
    pub evidence: Vec<Digest>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A rollback run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    id: RunId,
    incident: IncidentId,
    pub(crate) version: Version,
    target: Target,
    request: Request,
    requester: Person,
    runbook: RunbookVersion,
    opened_at: DateTime<Utc>,
    state: RunState,
    steps: Vec<Step>,
    pub(crate) preview: Option<Preview>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) executed_at: Option<DateTime<Utc>>,
    pub(crate) executed_by: Option<Person>,
    pub(crate) first_effect_at: Option<DateTime<Utc>>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) attestation: Option<Attestation>,
}

/// Who asks for a run, for which incident, where, and by which page of the runbook.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) id: RunId,
    pub(crate) incident: IncidentId,
    pub(crate) target: Target,
    pub(crate) requester: Person,
    pub(crate) runbook: RunbookVersion,
    pub(crate) at: DateTime<Utc>,
}

impl Run {
    pub(crate) fn new(origin: Origin, request: Request) -> Self {
        let Origin { id, incident, target, requester, runbook, at } = origin;
        Self {
            id,
            incident,
            version: Version::default(),
            target,
            steps: request.steps().into_iter().map(Step::new).collect(),
            request,
            requester,
            runbook,
            opened_at: at,
            state: RunState::Draft,
            preview: None,
            readings: Vec::new(),
            approvals: Vec::new(),
            executed_at: None,
            executed_by: None,
            first_effect_at: None,
            ended_at: None,
            attestation: None,
        }
    }

    /// Which run it is.
    #[must_use]
    pub const fn id(&self) -> RunId {
        self.id
    }

    /// The incident that it belongs to.
    #[must_use]
    pub const fn incident(&self) -> IncidentId {
        self.incident
    }

    /// How often it has changed.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Where, and whether in earnest.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// What was asked for.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The kind of rollback.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.request.kind()
    }

    /// Who asked for it.
    #[must_use]
    pub const fn requester(&self) -> &Person {
        &self.requester
    }

    /// The version of the runbook that it follows.
    #[must_use]
    pub const fn runbook(&self) -> &RunbookVersion {
        &self.runbook
    }

    /// When it was asked for.
    #[must_use]
    pub const fn opened_at(&self) -> DateTime<Utc> {
        self.opened_at
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> RunState {
        self.state
    }

    /// Its steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Exactly what it would do, once that is known.
    #[must_use]
    pub const fn preview(&self) -> Option<&Preview> {
        self.preview.as_ref()
    }

    /// Who has opened which preview.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Who has approved.
    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// When it began, if it has.
    #[must_use]
    pub const fn executed_at(&self) -> Option<DateTime<Utc>> {
        self.executed_at
    }

    /// When it first changed something, if it has.
    #[must_use]
    pub const fn first_effect_at(&self) -> Option<DateTime<Utc>> {
        self.first_effect_at
    }

    /// When it ended, if it has.
    #[must_use]
    pub const fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.ended_at
    }

    /// What a second person said after manual intervention.
    #[must_use]
    pub const fn attestation(&self) -> Option<&Attestation> {
        self.attestation.as_ref()
    }

    /// Whether it has stopped and waits for a person to attest.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        matches!(self.state, RunState::Failed | RunState::NeedsManual) && self.executed_at.is_some()
    }

    /// Whether nothing else of its kind may run in its environment: it is live, or has stopped and nobody has attested.
    #[must_use]
    pub const fn holds_environment(&self) -> bool {
        self.state.is_live() || self.is_stopped()
    }

    /// The first step that is not done: the only one that may move. None when the run waits for people, or has ended.
    #[must_use]
    pub fn current_step(&self) -> Option<&Step> {
        let phase = match self.state {
            RunState::Draft => Phase::Preparation,
            RunState::Executing | RunState::Verifying => Phase::Execution,
            _ => return None,
        };
        self.next_step().filter(|step| step.name().character().phase == phase)
    }

    /// The idempotency key under which a step is sent: what an outside system, or whoever looks for the step's trace,
    /// knows it by.
    ///
    /// A restore's key is the new server's name and an apply's the plan's digest: they are the same whoever asks.
    #[must_use]
    pub fn key(&self, step: &Step) -> String {
        let (run, name, attempt) = (self.id, step.name(), step.attempt());
        match (name, self.preview.as_ref().map(Preview::recipe)) {
            (StepName::Database(DatabaseStep::Restore), Some(Recipe::Database(recipe))) => recipe.restored.to_string(),
            (StepName::Database(DatabaseStep::UpdateSecret), Some(Recipe::Database(recipe))) => {
                format!("{run}:{name}:{}:{}", recipe.secret, self.target.environment())
            }
            (StepName::Infrastructure(InfrastructureStep::Apply), Some(Recipe::Infrastructure(recipe))) => {
                recipe.plan.to_string()
            }
            _ => match self.request.application() {
                Some(application) => format!("{run}:{name}:{application}:{attempt}"),
                None => format!("{run}:{name}:{attempt}"),
            },
        }
    }

    /// Moves the run on.
    pub(crate) fn transition(&mut self, event: RunEvent, now: DateTime<Utc>) -> Result<(), IllegalTransition> {
        self.state = self.state.next(event)?;
        if !self.state.is_live() && self.ended_at.is_none() {
            self.ended_at = Some(now);
        }
        Ok(())
    }

    pub(crate) fn next_step(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.is_done())
    }

    pub(crate) fn step(&self, name: &StepName) -> Result<&Step, Refusal> {
        self.steps.iter().find(|step| step.name() == name).ok_or_else(|| Refusal::NoSuchStep { step: name.clone() })
    }

    pub(crate) fn replace_step(&mut self, step: Step) {
        if let Some(place) = self.steps.iter_mut().find(|other| other.name() == step.name()) {
            *place = step;
        }
    }

    /// What is left when the steps that are done are done.
    pub(crate) fn left(&self) -> Left {
        let mut left = self.steps.iter().filter(|step| !step.is_done()).peekable();
        if left.peek().is_none() {
            Left::Nothing
        } else if left.any(|step| step.name().character().nature.changes_something()) {
            Left::Effects
        } else {
            Left::Checks
        }
    }

    /// The run's preview.
    pub(crate) fn previewed(&self) -> Result<&Preview, Refusal> {
        self.preview.as_ref().ok_or(Refusal::NotPreviewed)
    }

    /// The run's preview, if this is its digest.
    pub(crate) fn previewed_as(&self, digest: Digest) -> Result<&Preview, Refusal> {
        let preview = self.previewed()?;
        if preview.digest() == digest { Ok(preview) } else { Err(Refusal::AnotherDigest) }
    }

    pub(crate) fn has_read(&self, person: &Person, digest: Digest) -> bool {
        self.readings.iter().any(|reading| reading.person == *person && reading.digest == digest)
    }

    pub(crate) fn frame(&self) -> Frame {
        Frame {
            run: self.id,
            target: self.target,
            steps: self.steps.iter().map(|step| step.name().clone()).collect(),
            runbook: self.runbook.clone(),
        }
    }
}
