//! Deleting history past its retention.

use chat::ServiceRequestId;
use spin_sdk::pg::ParameterValue;

use crate::{Database, StoreError, columns::parsed, query::one_row, sql};

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
    let parameters = vec![ParameterValue::Int64(PURGE_BATCH)];
    let Some(mut row) = one_row(db, sql::PURGE, parameters).await? else { return Ok(None) };
    let Some(service_request_id) = row.maybe_text()? else { return Ok(None) };
    Ok(Some(Purged {
        service_request_id: parsed(&service_request_id)?,
        messages: row.int8()?,
        first_seq: row.int8()?,
        last_seq: row.int8()?,
    }))
}
