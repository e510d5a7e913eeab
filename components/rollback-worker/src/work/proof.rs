//! Turns of a validation and of a triage: questions whose answer may be that there is none.

use chrono::TimeDelta;
use rollback::{IncidentState, Report};
use store::{Database, StoreError};

use super::{Office, Transport};
use crate::{
    desk::{Call, Desk, Evidence, Halt, Keep},
    fact::{Fact, FactName},
    ledger::{self, Claim, Commit, Then},
    trouble::Trouble,
    turn::Notes,
    validation::{Findings, validate},
};

/// How often a question is asked before there is no answer to it.
const TRIES: u32 = 3;

/// How long to wait when the environment is not configured.
const UNCONFIGURED: TimeDelta = TimeDelta::seconds(60);

impl<D: Database, T: Transport> Office<'_, D, T> {
    /// One turn of a validation.
    pub(super) async fn validate(&self, claim: Claim) -> Result<(), StoreError> {
        let mut notes: Notes = serde_json::from_value(claim.notes.clone()).unwrap_or_default();
        let Some(case) = claim.snapshot.case.clone() else { return self.finish(&claim, Then::Done).await };
        let incident = case.incident();
        let validation = incident.validation().filter(|validation| validation.finished_at().is_none());
        let Some(validation) = validation.filter(|_| incident.state() == IncidentState::Validating) else {
            return self.finish(&claim, Then::Done).await;
        };
        let place = match self.settings.of(incident.target()) {
            Ok(place) => place,
            Err(error) => {
                // Without a configuration nothing can be told, and that is what is reported.
                eprintln!("{error}");
                let report = Report::Validated { id: validation.id(), results: Vec::new() };
                return self.conclude(&claim, report, &[]).await;
            }
        };
        // The job of an earlier validation of the same incident has left its facts.
        if notes.about != Some(validation.id().uuid()) {
            notes = Notes { about: Some(validation.id().uuid()), ..Notes::default() };
        }
        let labels = ledger::labels(self.db, &case).await?;
        let last_change = incident.moments().last_change_at.max(claim.snapshot.changed_elsewhere_at);
        let desk = Desk::new(claim.snapshot.now, place, self.memory, &notes.facts);
        let outcome = validate(incident, case.run(), labels.as_ref(), validation, last_change, &desk);
        let id = validation.id();
        match outcome {
            Ok(Findings { results, evidence }) => {
                self.conclude(&claim, Report::Validated { id, results }, &evidence).await
            }
            Err(Halt::Ask(call)) => self.question(&claim, *call, notes).await,
            Err(Halt::Wait { after, forget }) => {
                notes.forget(&forget);
                self.again(&claim, after, &notes).await
            }
            Err(Halt::Fail(failure)) => {
                eprintln!("the validation {id} can't be gone through: {}", failure.detail);
                self.conclude(&claim, Report::Validated { id, results: Vec::new() }, &[]).await
            }
        }
    }

    /// Reports the end of a validation.
    async fn conclude(&self, claim: &Claim, report: Report, evidence: &[Evidence]) -> Result<(), StoreError> {
        if self.commit(claim, &claim.snapshot, &[report], evidence, Then::Done).await? {
            return Ok(());
        }
        // The validation is over by itself, or is another one by now.
        self.finish(claim, Then::Done).await
    }

    /// One turn of a triage.
    pub(super) async fn triage(&self, claim: Claim) -> Result<(), StoreError> {
        let mut notes: Notes = serde_json::from_value(claim.notes.clone()).unwrap_or_default();
        let Some(case) = claim.snapshot.case.clone() else { return self.finish(&claim, Then::Done).await };
        let incident = case.incident();
        let place = match self.settings.of(incident.target()) {
            Ok(place) => place,
            Err(error) => {
                eprintln!("{error}");
                return self.again(&claim, UNCONFIGURED, &notes).await;
            }
        };
        let labels = ledger::labels(self.db, &case).await?.unwrap_or_default();
        let named = ["application", "app", "service"].iter().find_map(|name| labels.get(*name));
        let named = named.and_then(|name| name.parse().ok());
        let named = named.filter(|name| place.targets.application(name).is_some());
        let desk = Desk::new(claim.snapshot.now, place, self.memory, &notes.facts);
        match crate::triage::triage(incident, named, &desk) {
            Ok(triage) => {
                let evidence = desk.proof();
                let mut commit = Commit::new();
                commit.triage(incident.id(), &triage)?;
                ledger::commit(self.db, &claim, None, &evidence, commit, Then::Done).await.map(drop)
            }
            Err(Halt::Ask(call)) => self.question(&claim, *call, notes).await,
            Err(Halt::Wait { after, forget }) => {
                notes.forget(&forget);
                self.again(&claim, after, &notes).await
            }
            Err(Halt::Fail(failure)) => {
                eprintln!("the triage of {} can't be gone through: {}", incident.id(), failure.detail);
                self.finish(&claim, Then::Done).await
            }
        }
    }

    /// Asks a question whose answer may be that there is none.
    async fn question(&self, claim: &Claim, call: Call, mut notes: Notes) -> Result<(), StoreError> {
        let now = claim.snapshot.now;
        let trouble = match self.call(&call) {
            Ok((status, read)) => {
                let evidence = self.keep(&call, status, read, &mut notes, now);
                return self.note(claim, &notes, &evidence).await;
            }
            Err(trouble) => trouble,
        };
        eprintln!("{}: {}", call.keep, trouble.failure().detail);
        notes.tries = notes.tries.saturating_add(1);
        let pause = match &trouble {
            Trouble::Passing { retry_after, .. } if notes.tries < TRIES => {
                Some(retry_after.unwrap_or(TimeDelta::seconds(1)).min(TimeDelta::seconds(30)))
            }
            Trouble::Refused(_) if notes.tries < TRIES => {
                let environment = claim.snapshot.case.as_ref().map(|case| case.incident().target().environment());
                // An old token may have been revoked; a new one is fetched where one is.
                environment.filter(|place| self.memory.forget(*place)).map(|_| TimeDelta::seconds(1))
            }
            _ => None,
        };
        if let Some(pause) = pause {
            return self.again(claim, pause, &notes).await;
        }
        // No answer is an answer here: the check that needs it is inconclusive, the evidence says that it was not seen.
        notes.tries = 0;
        let name = match call.keep {
            Keep::Record(name) => name,
            // Whatever needs the token has no answer either; it is found out call by call.
            Keep::Memory(environment, secret) => FactName::silent(environment, &secret),
        };
        notes.facts.insert(name, Fact::silence(now, call.request.subject()));
        self.note(claim, &notes, &[]).await
    }
}
