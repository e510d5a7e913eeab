//! Asking a statement of operations.

use serde::de::DeserializeOwned;

use crate::{Database, DbValue, ParameterValue, StoreError};

/// The one value of the one row.
pub(super) async fn value<D: Database>(
    db: &D,
    statement: &str,
    parameters: Vec<ParameterValue>,
) -> Result<Option<DbValue>, StoreError> {
    let row = db.one_row(statement, parameters).await?;
    Ok(row.and_then(|row| row.into_iter().next()))
}

/// What a statement answers, if it answers.
pub(super) async fn ask_maybe<D: Database, T: DeserializeOwned>(
    db: &D,
    statement: &str,
    parameters: Vec<ParameterValue>,
) -> Result<Option<T>, StoreError> {
    match value(db, statement, parameters).await? {
        None | Some(DbValue::DbNull) => Ok(None),
        Some(DbValue::Str(text)) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| StoreError::Unexpected(format!("an answer of another shape: {error}"))),
        Some(_) => Err(StoreError::shape("text")),
    }
}

/// What a statement answers.
pub(super) async fn ask<D: Database, T: DeserializeOwned>(
    db: &D,
    statement: &str,
    parameters: Vec<ParameterValue>,
) -> Result<T, StoreError> {
    ask_maybe(db, statement, parameters).await?.ok_or_else(|| StoreError::shape("answer"))
}

/// A text.
pub(super) fn text(value: impl ToString) -> ParameterValue {
    ParameterValue::Str(value.to_string())
}

/// A text, or null.
pub(super) fn maybe(value: Option<impl ToString>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, text)
}

/// Texts.
pub(super) fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> ParameterValue {
    ParameterValue::ArrayStr(values.into_iter().map(|value| Some(value.to_string())).collect())
}
