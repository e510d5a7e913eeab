//! The audit log.

use rollback::{Digest, audit::Link};
use serde::Deserialize;

use super::{sql, statement::ask};
use crate::{Database, ParameterValue, StoreError};

/// Links of the audit log, and where it ends.
#[derive(Clone, Debug, Deserialize)]
pub struct AuditPage {
    /// The links, in their order.
    pub links: Vec<Link>,
    /// How many there are in all.
    pub length: u64,
    /// The digest of the last one of all.
    pub head: Option<Digest>,
}

/// The links after a number, at most so many.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn audit_page<D: Database>(db: &D, after: u64, most: i64) -> Result<AuditPage, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    ask(db, sql::AUDIT_PAGE, vec![ParameterValue::Int64(after), ParameterValue::Int64(most)]).await
}
