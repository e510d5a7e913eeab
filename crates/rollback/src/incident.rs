//! An incident: from the alert to the lesson.

mod event;
mod state;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use event::IncidentEvent;
pub use state::IncidentState;

use crate::{
    Decision, DrillId, IllegalTransition, IncidentId, Kind, Mark, Person, RunId, Target, Version,
    alert::{AlertName, Fingerprint},
    clock::{Moments, Warning},
    run::Run,
    spelling::words,
    validation::Validation,
};

words! {
    /// How far an incident's run has come.
    Standing, "standing" {
        /// It has changed nothing yet.
        Preparing = "preparing",
        /// It is under way.
        Executing = "executing",
        /// It has stopped half-way, and nobody has attested yet.
        Stopped = "stopped",
    }
}

/// The run that an incident has. It has one at a time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CurrentRun {
    /// Which.
    pub id: RunId,
    /// Of which kind.
    pub kind: Kind,
    /// How far it has come.
    pub standing: Standing,
}

/// The last run of an incident that was executed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Executed {
    /// Which.
    pub id: RunId,
    /// Of which kind.
    pub kind: Kind,
    /// Whose approvals let it begin.
    pub approvers: BTreeSet<Person>,
}

/// What is known of the alert.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Firing {
    /// When it was last said to fire; none for an incident that no alert opened.
    pub fired_at: Option<DateTime<Utc>>,
    /// When it was last said, or seen, not to.
    pub cleared_at: Option<DateTime<Utc>>,
    /// How often it was said to fire.
    pub count: u32,
}

impl Firing {
    /// Whether it fires, as far as is known.
    #[must_use]
    pub fn fires(self) -> bool {
        self.fired_at.is_some_and(|fired| self.cleared_at.is_none_or(|cleared| cleared <= fired))
    }
}

/// How much data a rollback of a database gives up, in seconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// From the point in time to the incident.
    pub asked_seconds: Option<i64>,
    /// From the last heartbeat of the restored database to the last of its source.
    pub measured_seconds: Option<i64>,
}

impl Loss {
    /// The larger of the two.
    #[must_use]
    pub fn worst(self) -> Option<i64> {
        self.asked_seconds.max(self.measured_seconds)
    }
}

/// That a rule was broken on purpose. It is shown until a review has named it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BreakGlass {
    /// In which run.
    pub run: RunId,
    /// By whom, why and when.
    #[serde(flatten)]
    pub mark: Mark,
    /// Whether a review has named it.
    pub reviewed: bool,
}

/// What opens an incident.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewIncident {
    /// Its identifier.
    pub id: IncidentId,
    /// Where, and whether in earnest.
    pub target: Target,
    /// Which alert: at most one incident that is not over has the same, in the same environment.
    pub fingerprint: Fingerprint,
    /// The alert's name.
    pub name: AlertName,
    /// When the alert began to fire.
    pub alerted_at: DateTime<Utc>,
    /// Whether the alert fires; not when a drill opens the incident.
    pub firing: bool,
    /// The incident of the same alert that was over before.
    pub previous: Option<IncidentId>,
    /// The drill that it belongs to.
    pub drill: Option<DrillId>,
}

/// An incident.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    id: IncidentId,
    pub(crate) version: Version,
    target: Target,
    fingerprint: Fingerprint,
    name: AlertName,
    previous: Option<IncidentId>,
    drill: Option<DrillId>,
    state: IncidentState,
    pub(crate) moments: Moments,
    pub(crate) firing: Firing,
    pub(crate) escalation: Option<Mark>,
    pub(crate) decision: Option<Decision>,
    pub(crate) dismissal: Option<Mark>,
    pub(crate) run: Option<CurrentRun>,
    pub(crate) executed: Option<Executed>,
    pub(crate) validation: Option<Validation>,
    pub(crate) loss: Loss,
    pub(crate) warned: BTreeSet<Warning>,
    pub(crate) break_glass: Vec<BreakGlass>,
}

impl Incident {
    pub(crate) fn new(new: NewIncident, now: DateTime<Utc>) -> Self {
        Self {
            id: new.id,
            version: Version::default(),
            target: new.target,
            fingerprint: new.fingerprint,
            name: new.name,
            previous: new.previous,
            drill: new.drill,
            state: IncidentState::Open,
            moments: Moments::new(new.alerted_at, now),
            firing: Firing { fired_at: new.firing.then_some(now), cleared_at: None, count: u32::from(new.firing) },
            escalation: None,
            decision: None,
            dismissal: None,
            run: None,
            executed: None,
            validation: None,
            loss: Loss::default(),
            warned: BTreeSet::new(),
            break_glass: Vec::new(),
        }
    }

    /// Which incident it is.
    #[must_use]
    pub const fn id(&self) -> IncidentId {
        self.id
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

    /// The alert that it is about.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The alert's name.
    #[must_use]
    pub const fn name(&self) -> &AlertName {
        &self.name
    }

    /// The incident of the same alert that was over before.
    #[must_use]
    pub const fn previous(&self) -> Option<IncidentId> {
        self.previous
    }

    /// The drill that it belongs to.
    #[must_use]
    pub const fn drill(&self) -> Option<DrillId> {
        self.drill
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> IncidentState {
        self.state
    }

    /// When what happened.
    #[must_use]
    pub const fn moments(&self) -> &Moments {
        &self.moments
    }

    /// What is known of the alert.
    #[must_use]
    pub const fn firing(&self) -> Firing {
        self.firing
    }

    /// Who paged the commander, if somebody did: from then on a commander decides.
    #[must_use]
    pub const fn escalation(&self) -> Option<&Mark> {
        self.escalation.as_ref()
    }

    /// What was decided last.
    #[must_use]
    pub const fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// Who has proposed to dismiss it, or has dismissed it.
    #[must_use]
    pub const fn dismissal(&self) -> Option<&Mark> {
        self.dismissal.as_ref()
    }

    /// The run that it has now.
    #[must_use]
    pub const fn run(&self) -> Option<CurrentRun> {
        self.run
    }

    /// The last run that was executed.
    #[must_use]
    pub const fn executed(&self) -> Option<&Executed> {
        self.executed.as_ref()
    }

    /// The last validation.
    #[must_use]
    pub const fn validation(&self) -> Option<&Validation> {
        self.validation.as_ref()
    }

    /// How much data is given up.
    #[must_use]
    pub const fn loss(&self) -> Loss {
        self.loss
    }

    /// What people have been warned of.
    #[must_use]
    pub const fn warned(&self) -> &BTreeSet<Warning> {
        &self.warned
    }

    /// Which rules were broken on purpose.
    #[must_use]
    pub fn break_glass(&self) -> &[BreakGlass] {
        &self.break_glass
    }

    /// Moves the incident on.
    pub(crate) fn transition(&mut self, event: IncidentEvent) -> Result<(), IllegalTransition> {
        self.state = self.state.next(event)?;
        Ok(())
    }

    /// Notes that something has changed the environment: what was proven before is not proven any more.
    pub(crate) fn changed(&mut self, now: DateTime<Utc>) {
        self.moments.validated_at = None;
        self.moments.first_change_at.get_or_insert(now);
        self.moments.last_change_at = Some(now);
    }

    pub(crate) fn set_standing(&mut self, run: &Run, standing: Standing) {
        self.run = Some(CurrentRun { id: run.id(), kind: run.kind(), standing });
    }
}
