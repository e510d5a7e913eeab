//! Deleting history past its retention.

use chat::ServiceRequestId;
use spin_sdk::pg::{DbValue, ParameterValue};

use crate::{Database, StoreError, columns::Columns, query::one_row, sql};

/// The most messages that one statement deletes: some milliseconds of work, so that nothing waits for it and a crash
/// undoes little.
pub const PURGE_BATCH: i64 = 1_000;

/// A batch that was deleted; the database keeps a record of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Purged {
    /// Of which service request.
    pub service_request_id: ServiceRequestId,
    /// How many messages.
    pub messages: i64,
    /// The first number.
    pub first_seq: i64,
    /// The last number.
    pub last_seq: i64,
}

/// Deletes one batch of messages that are due; `None` when nothing is, or when others are at what is.
///
/// To be repeated while there is something. Several may run at once, and none does the work of another.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say. What was not committed is due still.
pub async fn purge(db: &impl Database) -> Result<Option<Purged>, StoreError> {
    one_row(db, sql::PURGE, purge_parameters()).await?.map(read).transpose()
}

/// The parameters of [`sql::PURGE`], for a world whose calls are synchronous: what [`purge`] does, in two halves.
#[must_use]
pub fn purge_parameters() -> Vec<ParameterValue> {
    vec![ParameterValue::Int64(PURGE_BATCH)]
}

/// Reads the rows that [`sql::PURGE`] answered.
///
/// # Errors
/// Returns [`StoreError`] when they have another shape.
pub fn purge_answer(rows: Vec<Vec<DbValue>>) -> Result<Option<Purged>, StoreError> {
    rows.into_iter().next().map(|row| read(Columns::new(row))).transpose()
}

fn read(mut row: Columns) -> Result<Purged, StoreError> {
    Ok(Purged {
        service_request_id: row.parsed()?,
        messages: row.int8()?,
        first_seq: row.int8()?,
        last_seq: row.int8()?,
    })
}
