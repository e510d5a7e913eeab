//! The people who may be something.

use rollback::{Principal, audit::Record, canonical};

use super::{
    sql,
    statement::{ask, text, texts, value},
};
use crate::{Database, DbValue, ParameterValue, StoreError};

/// The people who may be something, or might.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn principals<D: Database>(db: &D) -> Result<Vec<Principal>, StoreError> {
    ask(db, sql::PRINCIPALS, Vec::new()).await
}

/// Says what a person may be, and answers the number of its record. For the owner only.
///
/// # Errors
/// Returns [`StoreError`] when the database refuses or can't say.
pub async fn put_principal<D: Database>(db: &D, principal: &Principal, record: &Record) -> Result<i64, StoreError> {
    let record = canonical::text(record).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    let parameters = vec![
        text(&principal.person),
        texts(&principal.roles),
        texts(&principal.scopes),
        ParameterValue::Boolean(principal.revoked),
        text(record),
    ];
    match value(db, sql::PUT_PRINCIPAL, parameters).await? {
        Some(DbValue::Int64(seq)) => Ok(seq),
        _ => Err(StoreError::shape("number")),
    }
}
