//! What GitHub tells.

use rollback::RunId;

use super::{
    sql,
    statement::{maybe, text, value},
};
use crate::{Database, DbValue, StoreError};

/// Takes in a delivery of GitHub, and wakes the run that it is about, or all that are being worked on when that can't be
/// told. Whether it is new.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn deliver<D: Database>(db: &D, delivery: &str, run: Option<RunId>) -> Result<bool, StoreError> {
    match value(db, sql::DELIVER, vec![text(delivery), maybe(run)]).await? {
        Some(DbValue::Boolean(is_new)) => Ok(is_new),
        _ => Err(StoreError::shape("boolean")),
    }
}
