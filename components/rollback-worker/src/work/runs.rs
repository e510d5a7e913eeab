//! A turn of a run.

use chrono::TimeDelta;
use rollback::{
    Case, Digest, Report,
    step::{Finding, StepEvent},
};
use store::{Database, StoreError};

use super::{Office, Transport, cases::later};
use crate::{
    desk::{Call, Desk, Evidence, Keep, Read},
    fact::{Fact, Group, Topic},
    ledger::{Claim, Snapshot, Then},
    trouble::Trouble,
    turn::{self, Action, Notes, Setback, Taken},
};

/// How long to wait before what was lost is looked for: lists lag.
const LOST: TimeDelta = TimeDelta::seconds(5);

/// How long to wait between two looks that found nothing.
const ABSENT: TimeDelta = TimeDelta::seconds(15);

/// How long to wait when a report is refused: rollbacks are halted, or the run has been stopped meanwhile.
const REFUSED: TimeDelta = TimeDelta::seconds(15);

/// How long to wait for people, at most.
const ASLEEP: TimeDelta = TimeDelta::seconds(60);

/// How long to wait when the environment is not configured.
const UNCONFIGURED: TimeDelta = TimeDelta::seconds(60);

impl<D: Database, T: Transport> Office<'_, D, T> {
    pub(super) async fn run(&self, claim: Claim) -> Result<(), StoreError> {
        let mut notes: Notes = serde_json::from_value(claim.notes.clone()).unwrap_or_default();
        let Some(case) = claim.snapshot.case.clone() else { return self.finish(&claim, Then::Done).await };
        let place = match self.settings.of(case.incident().target()) {
            Ok(place) => place,
            Err(error) => {
                eprintln!("{error}");
                return self.again(&claim, UNCONFIGURED, &notes).await;
            }
        };
        let desk = Desk::new(claim.snapshot.now, place, self.memory, &notes.facts);
        match turn::next(&case, &desk) {
            // The run waits for people: what is known stays, and whoever moves it wakes the job.
            Action::Rest if case.run().is_some_and(|run| run.state().is_live()) => {
                self.again(&claim, ASLEEP, &notes).await
            }
            Action::Rest => self.finish(&claim, Then::Done).await,
            Action::Wait(after, forget) => {
                drop(desk);
                notes.forget(&forget);
                notes.tries = 0;
                self.again(&claim, after, &notes).await
            }
            Action::Report(reports, evidence) => {
                drop(desk);
                self.report(&claim, &claim.snapshot, reports, evidence, notes, TimeDelta::zero()).await
            }
            Action::Ask(call) => {
                drop(desk);
                self.ask(&claim, &case, *call, notes).await
            }
            Action::Send(call, observed) => {
                drop(desk);
                self.send(&claim, &case, *call, observed, notes).await
            }
        }
    }

    /// Asks, and puts on record what is answered.
    async fn ask(&self, claim: &Claim, case: &Case, call: Call, mut notes: Notes) -> Result<(), StoreError> {
        let environment = case.incident().target().environment();
        match self.call(&call) {
            Ok((status, read)) => {
                let evidence = self.keep(&call, status, read, &mut notes, claim.snapshot.now);
                self.note(claim, &notes, &evidence).await
            }
            Err(trouble) => {
                let Some(step) = case.run().and_then(rollback::Run::current_step) else {
                    // The preview's own questions: there is no step that could fail.
                    return self.again(claim, REFUSED, &notes).await;
                };
                eprintln!("{} of {}: {}", call.keep, step.name(), trouble.failure().detail);
                match turn::troubled(step, &mut notes, trouble, || self.memory.forget(environment)) {
                    Setback::Again(after) => self.again(claim, after, &notes).await,
                    Setback::Report(event, after) => {
                        let reports = vec![Report::Step { step: step.name().clone(), event }];
                        self.report(claim, &claim.snapshot, reports, Vec::new(), notes, after).await
                    }
                }
            }
        }
    }

    /// Makes a call and reads its answer.
    pub(super) fn call(&self, call: &Call) -> Result<(u16, Read), Trouble> {
        let response = self.wire.call(&call.request).map_err(|silence| Trouble::of(&silence))?;
        Ok((response.status, (call.read)(&response)?))
    }

    /// Keeps what was read where it belongs. What is more evidence than the fact itself comes back.
    pub(super) fn keep(
        &self,
        call: &Call,
        status: u16,
        read: Read,
        notes: &mut Notes,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Vec<Evidence> {
        notes.tries = 0;
        let asked = call.request.subject();
        let name = match &call.keep {
            Keep::Record(name) => name.clone(),
            Keep::Memory(environment, name) => {
                let secret = read.value.as_str().unwrap_or_default().to_owned();
                self.memory.put(*environment, name.clone(), secret.into(), read.lasts, now);
                return Vec::new();
            }
        };
        notes.renewed = false;
        let evidence: Vec<Evidence> =
            read.evidence.into_iter().map(|bytes| Evidence::new("application/json", bytes, &asked)).collect();
        let digest = evidence.first().map(|evidence| evidence.digest);
        notes.facts.insert(name, Fact { at: now, asked, status, value: read.value, evidence: digest });
        evidence
    }

    /// Puts it on record that the step leaves, sends it, and commits what came of it. In between it may have arrived, and
    /// whoever finds the step so assumes nothing.
    async fn send(
        &self,
        claim: &Claim,
        case: &Case,
        call: Call,
        observed: Option<Digest>,
        notes: Notes,
    ) -> Result<(), StoreError> {
        let Some(step) = case.run().and_then(rollback::Run::current_step) else {
            return self.finish(claim, Then::Done).await;
        };
        let leaves = Report::Step { step: step.name().clone(), event: StepEvent::Send { observed } };
        if !self.commit(claim, &claim.snapshot, &[leaves], &[], Then::Keep).await? {
            // Halted, stopped, or overtaken: nothing has left.
            return self.again(claim, REFUSED, &notes).await;
        }
        let action = match self.wire.call(&call.request).map_err(|silence| Trouble::of(&silence)).and_then(|response| {
            let read = (call.read)(&response)?;
            Ok((response.status, read))
        }) {
            Ok((status, read)) => match serde_json::from_value::<Taken>(read.value.clone()) {
                Ok(taken) => {
                    let fact = Fact {
                        at: claim.snapshot.now,
                        asked: call.request.subject(),
                        status,
                        value: read.value,
                        evidence: None,
                    };
                    turn::sent(step, taken, vec![fact.to_evidence()])
                }
                Err(_) => turn::missed(step, &Trouble::garbled("the answer has another shape")),
            },
            Err(trouble) => {
                eprintln!("{} of {}: {}", call.keep, step.name(), trouble.failure().detail);
                turn::missed(step, &trouble)
            }
        };
        let Action::Report(reports, evidence) = action else { return Ok(()) };
        let snapshot = self.look(case).await?;
        self.report(claim, &snapshot, reports, evidence, notes, TimeDelta::zero()).await
    }

    /// Commits reports, and looks at the run again when it is time: after a while at least.
    async fn report(
        &self,
        claim: &Claim,
        snapshot: &Snapshot,
        reports: Vec<Report>,
        evidence: Vec<Evidence>,
        mut notes: Notes,
        at_least: TimeDelta,
    ) -> Result<(), StoreError> {
        let mut after = at_least;
        for report in &reports {
            if let Report::Step { step, event } = report {
                let traced = matches!(event, StepEvent::Lose | StepEvent::Reconcile { .. } | StepEvent::Repeat);
                if traced {
                    notes.forget(&[Group::Topic(Topic::Look(step.clone()))]);
                }
                after = match event {
                    StepEvent::Lose => LOST,
                    StepEvent::Reconcile { finding: Finding::Absent } => ABSENT,
                    _ => after,
                };
            }
        }
        let then = later(after, &notes);
        if self.commit(claim, snapshot, &reports, &evidence, then).await? {
            return Ok(());
        }
        self.again(claim, REFUSED, &notes).await
    }
}
