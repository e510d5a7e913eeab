//! The books that the worker keeps: claims, commits, and what is the case.

use chrono::{DateTime, Utc};
use rollback::{
    Case, Change, Person,
    alert::Labels,
    audit::{Event, Record, Subject},
    canonical,
};
use serde_json::{Map, Value, json};
use store::{
    Database, StoreError,
    operations::{self, Commit},
};

pub use store::operations::{Claim, Drills, Snapshot, Then, claim, claim_of, drills};

use crate::desk::Evidence;

/// What is the case now.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn snapshot<D: Database>(db: &D, case: &Case) -> Result<Snapshot, StoreError> {
    operations::snapshot(db, Some(case.incident().id()), case.run().map(rollback::Run::id), None).await
}

/// The labels of the alert that an incident is about, as they last came.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn labels<D: Database>(db: &D, case: &Case) -> Result<Option<Labels>, StoreError> {
    operations::labels(db, case.incident().id()).await
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is committed.
    Committed,
    /// Somebody else was first: what was decided on is not the case any more.
    Conflict,
    /// Somebody else has the job by now.
    Fenced,
}

/// Commits what was decided under a claim, whole or not at all. `decided` are the changes, one after the other, with what
/// they were decided on; `more` are further members of the commit.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say; then it is not known whether it is committed.
pub async fn commit<D: Database>(
    db: &D,
    claim: &Claim,
    decided: Option<(&Snapshot, &[Change])>,
    evidence: &[Evidence],
    more: Map<String, Value>,
    then: Then,
) -> Result<Outcome, StoreError> {
    let mut commit = Commit::new();
    if let Some((snapshot, changes)) = decided {
        commit.decide(snapshot.reading(), changes)?;
    }
    evidence.iter().for_each(|piece| commit.evidence(piece));
    commit.extend(more);
    commit.under(claim, then);
    match commit.send(db).await? {
        operations::Outcome::Committed(_) => Ok(Outcome::Committed),
        operations::Outcome::Conflict => Ok(Outcome::Conflict),
        operations::Outcome::Fenced => Ok(Outcome::Fenced),
        // Only people's commands have a key.
        operations::Outcome::Repeated(_) => Err(StoreError::Unexpected("an answer to nobody".into())),
    }
}

/// A record of the audit log, with whom it is told to.
///
/// # Errors
/// Returns [`StoreError`] for a record that JSON can't hold, which none is.
pub fn record(at: DateTime<Utc>, actor: Option<Person>, subject: Subject, event: Event) -> Result<Value, StoreError> {
    let audience = event.audience();
    let text = canonical::text(&Record { at, actor, subject, event });
    let text = text.map_err(|_| StoreError::Unexpected("no canonical form".into()))?;
    Ok(json!({"text": text, "audience": audience}))
}
