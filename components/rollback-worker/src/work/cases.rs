//! Deciding on what is the case, and committing it.

use chrono::TimeDelta;
use rollback::{Case, Change, Refusal, Report};
use store::{Database, StoreError};

use super::{ATTEMPTS, Office, Transport};
use crate::{
    desk::Evidence,
    ledger::{self, Claim, Commit, Outcome, Snapshot, Then},
    turn::Notes,
};

/// How often time is looked at for an incident that is not over.
const TICK: TimeDelta = TimeDelta::seconds(5);

/// So much later, with these notes.
pub(super) fn later(after: TimeDelta, notes: &Notes) -> Then {
    let seconds = after.to_std().map_or(0.0, |after| after.as_secs_f64());
    Then::Again { seconds, notes: serde_json::to_value(notes).ok() }
}

/// What several reports come to, one after the other.
fn reported(snapshot: &Snapshot, reports: &[Report]) -> Result<Vec<Change>, Refusal> {
    let mut case = snapshot.case.clone().ok_or(Refusal::NoRun)?;
    let mut changes = Vec::new();
    for report in reports {
        let change = case.report(report.clone(), &snapshot.context())?;
        case = change.case.clone();
        changes.push(change);
    }
    Ok(changes)
}

impl<D: Database, T: Transport> Office<'_, D, T> {
    /// What is the case now.
    pub(super) async fn look(&self, case: &Case) -> Result<Snapshot, StoreError> {
        ledger::snapshot(self.db, case).await
    }

    /// Ends the turn.
    pub(super) async fn finish(&self, claim: &Claim, then: Then) -> Result<(), StoreError> {
        // Who was overtaken has nothing to say any more.
        ledger::commit(self.db, claim, None, &[], Commit::new(), then).await.map(drop)
    }

    /// Ends the turn until so much later.
    pub(super) async fn again(&self, claim: &Claim, after: TimeDelta, notes: &Notes) -> Result<(), StoreError> {
        self.finish(claim, later(after, notes)).await
    }

    /// Puts on record what came to be known.
    pub(super) async fn note(&self, claim: &Claim, notes: &Notes, evidence: &[Evidence]) -> Result<(), StoreError> {
        let then = later(TimeDelta::zero(), notes);
        ledger::commit(self.db, claim, None, evidence, Commit::new(), then).await.map(drop)
    }

    /// Commits reports. When somebody else has committed in between, they are decided on again. Whether they are committed:
    /// they may be refused, and the worker may have been overtaken.
    pub(super) async fn commit(
        &self,
        claim: &Claim,
        snapshot: &Snapshot,
        reports: &[Report],
        evidence: &[Evidence],
        then: Then,
    ) -> Result<bool, StoreError> {
        let Some(case) = snapshot.case.as_ref() else { return Ok(false) };
        let mut current = snapshot.clone();
        for _ in 0..ATTEMPTS {
            let changes = match reported(&current, reports) {
                Ok(changes) => changes,
                Err(refusal) => {
                    eprintln!("a report about {} is refused: {refusal}", case.incident().id());
                    return Ok(false);
                }
            };
            let decided = Some((&current, changes.as_slice()));
            match ledger::commit(self.db, claim, decided, evidence, Commit::new(), then.clone()).await? {
                Outcome::Committed => return Ok(true),
                Outcome::Fenced => return Ok(false),
                Outcome::Conflict => current = self.look(case).await?,
            }
        }
        Ok(false)
    }

    /// Lets time pass for an incident.
    pub(super) async fn tick(&self, claim: Claim) -> Result<(), StoreError> {
        let Some(case) = claim.snapshot.case.clone() else { return self.finish(&claim, Then::Done).await };
        if case.incident().state().is_closed() {
            return self.finish(&claim, Then::Done).await;
        }
        let then = Then::Again { seconds: TICK.as_seconds_f64(), notes: None };
        let mut current = claim.snapshot.clone();
        for _ in 0..ATTEMPTS {
            let Some(case) = &current.case else { break };
            match case.tick(&current.context()) {
                Ok(None) => break,
                Ok(Some(change)) => {
                    let decided = Some((&current, std::slice::from_ref(&change)));
                    match ledger::commit(self.db, &claim, decided, &[], Commit::new(), then.clone()).await? {
                        Outcome::Conflict => current = self.look(case).await?,
                        Outcome::Committed | Outcome::Fenced => return Ok(()),
                    }
                }
                Err(refusal) => {
                    eprintln!("the clocks of {} can't go on: {refusal}", case.incident().id());
                    break;
                }
            }
        }
        self.finish(&claim, then).await
    }
}
