//! The books that the worker keeps: claims, commits, and what is the case.

use rollback::{Case, Change, alert::Labels};
use store::{Database, StoreError, operations};

pub use store::operations::{Claim, Commit, Drills, JobKind, Snapshot, Then, claim, claim_of, drills};

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
/// they were decided on; `commit` is what else is committed with them.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say; then it is not known whether it is committed.
pub async fn commit<D: Database>(
    db: &D,
    claim: &Claim,
    decided: Option<(&Snapshot, &[Change])>,
    evidence: &[Evidence],
    mut commit: Commit,
    then: Then,
) -> Result<Outcome, StoreError> {
    if let Some((snapshot, changes)) = decided {
        commit.decide(snapshot.reading(), changes)?;
    }
    evidence.iter().for_each(|piece| commit.evidence(piece));
    commit.under(claim, then);
    match commit.send(db).await? {
        operations::Outcome::Committed(_) => Ok(Outcome::Committed),
        operations::Outcome::Conflict => Ok(Outcome::Conflict),
        operations::Outcome::Fenced => Ok(Outcome::Fenced),
        // Only people's commands have a key.
        operations::Outcome::Repeated(_) => Err(StoreError::Unexpected("an answer to nobody".into())),
    }
}
