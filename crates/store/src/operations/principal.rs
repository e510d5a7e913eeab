//! The people who may be something.

use rollback::Principal;

use super::{sql, statement::ask};
use crate::{Database, StoreError};

/// The people who may be something, or might.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn principals<D: Database>(db: &D) -> Result<Vec<Principal>, StoreError> {
    ask(db, sql::PRINCIPALS, Vec::new()).await
}
