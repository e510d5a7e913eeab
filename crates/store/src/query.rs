//! Parameters, and running a statement.

use spin_sdk::pg::ParameterValue;

use crate::{Database, StoreError, columns::Columns};

/// Runs a statement that answers with at most one row.
pub(crate) async fn one_row(
    db: &impl Database,
    statement: &str,
    parameters: Vec<ParameterValue>,
) -> Result<Option<Columns>, StoreError> {
    Ok(db.one_row(statement, parameters).await?.map(Columns::new))
}

/// A text, or null.
pub(crate) fn text(value: Option<impl AsRef<str>>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, |value| ParameterValue::Str(value.as_ref().to_owned()))
}

/// An int8, or null.
pub(crate) fn int8(value: Option<i64>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, ParameterValue::Int64)
}

/// A `text[]`.
pub(crate) fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ParameterValue {
    ParameterValue::ArrayStr(values.into_iter().map(|value| value.map(|value| value.as_ref().to_owned())).collect())
}

/// An `int8[]`.
pub(crate) fn int8s(values: impl IntoIterator<Item = i64>) -> ParameterValue {
    ParameterValue::ArrayInt64(values.into_iter().map(Some).collect())
}

/// An `int4[]`.
pub(crate) fn int4s(values: impl IntoIterator<Item = i32>) -> ParameterValue {
    ParameterValue::ArrayInt32(values.into_iter().map(Some).collect())
}
