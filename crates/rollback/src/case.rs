//! An incident with its run, and every move that can be made with them.
//!
//! This is the only way in: a command of a person, a report of the worker, or the passing of time goes in together with
//! what is the case now, and out comes a [`Change`] to be committed whole, or a [`Refusal`] and nothing has changed. So a run
//! never moves without its incident knowing.

mod approval;
mod attestation;
mod command;
mod decision;
mod execution;
mod preparation;
mod progress;
mod tick;
mod triage;
mod turn;
mod validation;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use command::{About, Command, Report};
use turn::{Moved, Turn};

use crate::{Actor, Context, Digest, Incident, NewIncident, Person, Refusal, Run, Version, audit::Event};

/// An incident, and the run that is concerned.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Case {
    incident: Incident,
    run: Option<Run>,
}

/// What a move comes to. All of it is committed in one transaction, or none of it happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The incident and the run as they are now, with new versions where they changed.
    pub case: Case,
    /// Who moved; none when no person did.
    pub actor: Option<Person>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The plan that is spent from now on, whatever comes of it. It must be unique among all that ever were.
    pub spent_plan: Option<Digest>,
}

impl Case {
    /// Puts an incident and its run together: the run that it has now, or an earlier one that is asked about.
    ///
    /// # Errors
    /// Returns [`Refusal::NoRun`] when the run is another incident's.
    pub fn new(incident: Incident, run: Option<Run>) -> Result<Self, Refusal> {
        match run {
            Some(run) if run.incident() != incident.id() => Err(Refusal::NoRun),
            run => Ok(Self { incident, run }),
        }
    }

    /// The incident.
    #[must_use]
    pub const fn incident(&self) -> &Incident {
        &self.incident
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Opens an incident: by an alert, or by whoever starts a drill.
    #[must_use]
    pub fn open(new: NewIncident, actor: Option<&Person>, now: DateTime<Utc>) -> Change {
        let event = Event::IncidentOpened {
            target: new.target,
            fingerprint: new.fingerprint.clone(),
            name: new.name.clone(),
            previous: new.previous,
        };
        let mut incident = Incident::new(new, now);
        incident.version = incident.version.next();
        Change { case: Self { incident, run: None }, actor: actor.cloned(), events: vec![event], spent_plan: None }
    }

    /// Makes the move that a person commands. `expected` is the version that they have seen of what the command is
    /// [about](Command::about).
    ///
    /// # Errors
    /// Returns a [`Refusal`] when the person may not, the version is another, the state does not allow it, or a guard does
    /// not; in this order.
    pub fn command(
        &self,
        command: Command,
        by: &Actor,
        expected: Option<Version>,
        context: &Context<'_>,
    ) -> Result<Change, Refusal> {
        context.authorise(by, command.movement())?;
        self.guard_version(command.about(), expected)?;
        let mut turn = self.turn(context);
        match command {
            Command::Acknowledge => turn.acknowledge(),
            Command::Escalate { reason } => turn.escalate(by, reason),
            Command::Decide { strategy, reason } => turn.decide(by, strategy, reason),
            Command::Dismiss { cause, reason } => turn.dismiss(by, cause, reason),
            Command::Validate { id, policy } => turn.validate(by, id, &policy),
            Command::Resolve => turn.resolve(),
            Command::Review { review, broken_glass } => turn.review(review, &broken_glass),
            Command::OpenRun { id, request, runbook } => turn.open_run(by, id, request, runbook),
            Command::OpenPreview => turn.open_preview(by),
            Command::Submit { digest, acknowledged } => turn.submit(digest, acknowledged),
            Command::Approve { digest, acknowledged, break_glass } => {
                turn.approve(by, digest, acknowledged, break_glass)
            }
            Command::Reject { reason } => turn.reject(reason),
            Command::Execute { digest } => turn.execute(by, digest),
            Command::Cancel { reason } => turn.cancel(reason),
            Command::Retry { step } => turn.retry(&step),
            Command::Attest { statement, evidence } => turn.attest(by, statement, evidence),
        }?;
        Ok(self.change(turn, Some(&by.person)))
    }

    /// Takes in what is reported without a person.
    ///
    /// # Errors
    /// Returns a [`Refusal`] when the state or a guard does not allow it.
    pub fn report(&self, report: Report, context: &Context<'_>) -> Result<Change, Refusal> {
        let mut turn = self.turn(context);
        match report {
            Report::Fire => turn.fire(),
            Report::Clear => turn.clear(),
            Report::Preview { recipe, policy } => turn.preview(recipe, policy),
            Report::Step { step, event } => turn.step(&step, &event),
            Report::Loss { seconds } => turn.measure_loss(seconds),
            Report::Validated { id, results } => turn.finish_validation(id, results),
        }?;
        Ok(self.change(turn, None))
    }

    /// Lets time pass: what has expired, lapsed or run late, and what people are to be warned of. None when there is
    /// nothing of that sort, so it may be called as often as anyone likes.
    ///
    /// # Errors
    /// Returns a [`Refusal`] when the incident and the run do not fit each other.
    pub fn tick(&self, context: &Context<'_>) -> Result<Option<Change>, Refusal> {
        let mut turn = self.turn(context);
        turn.tick()?;
        let change = self.change(turn, None);
        Ok((!change.events.is_empty()).then_some(change))
    }

    fn turn<'c>(&self, context: &'c Context<'c>) -> Turn<'c> {
        Turn::new(self.incident.clone(), self.run.clone(), context)
    }

    fn change(&self, turn: Turn<'_>, actor: Option<&Person>) -> Change {
        let Moved { incident, run, spent_plan, events } = turn.finish(&self.incident, self.run.as_ref());
        Change { case: Self { incident, run }, actor: actor.cloned(), events, spent_plan }
    }

    fn guard_version(&self, about: About, expected: Option<Version>) -> Result<(), Refusal> {
        let actual = match about {
            About::Incident => self.incident.version(),
            About::Run => self.run.as_ref().ok_or(Refusal::NoRun)?.version(),
        };
        match expected {
            Some(expected) if expected != actual => Err(Refusal::Stale { expected, actual }),
            _ => Ok(()),
        }
    }
}
