//! Deleting history past its retention.

use std::time::Duration;

use spin_sdk::pg::ParameterValue;

use crate::{Database, StoreError, query::one_row, sql};

/// How much one statement may delete.
///
/// Small enough that it takes milliseconds: nothing waits for it, no time limit ends it, and a crash undoes little.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Batch {
    /// The most messages; the database takes at most 20,000.
    pub messages: i64,
    /// The most service requests; the database takes at most 2,000.
    pub service_requests: i64,
}

/// What a batch has done; the database keeps a record of each number that went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Purged {
    /// How many service requests it worked on. None: there was nothing to do, or nothing that others are not at.
    pub taken: i64,
    /// How many of those are done with: nothing is left but their row, which names nobody.
    pub finished: i64,
    /// How many messages it deleted.
    pub messages: i64,
    /// Whether it took nothing, though something is due: others are at that.
    pub busy: bool,
    /// How long the database was at it: without the way there and back, and without what the caller waited for its own turn.
    pub took: Duration,
}

/// Deletes one batch of what is due, the longest overdue first.
///
/// To be repeated until it takes nothing. Several may run at once, and none does the work of another.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say. What was not committed is due still.
pub async fn purge(db: &impl Database, most: Batch) -> Result<Purged, StoreError> {
    let parameters = vec![ParameterValue::Int64(most.messages), ParameterValue::Int64(most.service_requests)];
    let mut row = one_row(db, sql::PURGE, parameters).await?.ok_or_else(|| StoreError::shape("row"))?;
    Ok(Purged {
        taken: row.int8()?,
        finished: row.int8()?,
        messages: row.int8()?,
        busy: row.boolean()?,
        took: Duration::from_micros(row.int8()?.try_into().unwrap_or(0)),
    })
}

/// How retention stands, as the database knows it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Retention {
    /// How many service requests are due: past their retention, and not purged. Counted up to 100,000.
    pub due: i64,
    /// For how many seconds the oldest of them has been due; 0 when none is.
    pub overdue_seconds: i64,
}

/// Asks how retention stands.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn retention(db: &impl Database) -> Result<Retention, StoreError> {
    let mut row = one_row(db, sql::RETENTION, Vec::new()).await?.ok_or_else(|| StoreError::shape("row"))?;
    Ok(Retention { due: row.int8()?, overdue_seconds: row.int8()? / 1_000_000 })
}
