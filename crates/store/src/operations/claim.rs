//! Work that was taken on.

use serde::Deserialize;
use serde_json::Value;

use super::{
    job::JobKind,
    snapshot::{Snapshot, View},
    sql,
    statement::{ask_maybe, texts},
};
use crate::{Database, ParameterValue, StoreError};

/// A job that was claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Of which kind it is.
    pub kind: JobKind,
    /// What it is about.
    pub payload: Value,
    /// What the turn before has noted.
    pub notes: Value,
    /// What is the case.
    pub snapshot: Snapshot,
    pub(super) job: i64,
    pub(super) fence: i64,
}

/// What becomes of a job.
#[derive(Clone, Debug)]
pub enum Then {
    /// Whoever has it goes on with it.
    Keep,
    /// It is due again.
    Again {
        /// In how many seconds.
        seconds: f64,
        /// What the next turn wants to know.
        notes: Option<Value>,
    },
    /// It is done.
    Done,
}

/// Takes the next job that is due, for so many seconds. People are told first, and what nobody has looked at yet comes before
/// the steps of runs.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn claim<D: Database>(db: &D, seconds: i64) -> Result<Option<Claim>, StoreError> {
    take(db, seconds, ParameterValue::DbNull).await
}

/// The same for whoever does nothing but jobs of these kinds.
///
/// # Errors
/// As [`claim`].
pub async fn claim_of<D: Database>(db: &D, seconds: i64, kinds: &[JobKind]) -> Result<Option<Claim>, StoreError> {
    take(db, seconds, texts(kinds)).await
}

async fn take<D: Database>(db: &D, seconds: i64, kinds: ParameterValue) -> Result<Option<Claim>, StoreError> {
    #[derive(Deserialize)]
    struct Claimed {
        job: i64,
        fence: i64,
        kind: JobKind,
        payload: Value,
        notes: Value,
        snapshot: View,
    }
    let claimed: Option<Claimed> = ask_maybe(db, sql::CLAIM, vec![ParameterValue::Int64(seconds), kinds]).await?;
    Ok(claimed.map(|Claimed { job, fence, kind, payload, notes, snapshot }| Claim {
        kind,
        payload,
        notes,
        snapshot: snapshot.into(),
        job,
        fence,
    }))
}
