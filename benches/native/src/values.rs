//! Parameters and columns between the store's types and the driver's.

use std::error::Error;

use bytes::BytesMut;
use store::{DbValue, ParameterValue, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A parameter of a statement.
#[derive(Debug)]
pub struct Parameter(pub ParameterValue);

impl ToSql for Parameter {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            ParameterValue::Boolean(value) => value.to_sql_checked(ty, out),
            ParameterValue::Int32(value) => value.to_sql_checked(ty, out),
            ParameterValue::Int64(value) => value.to_sql_checked(ty, out),
            ParameterValue::Str(value) => value.to_sql_checked(ty, out),
            ParameterValue::ArrayInt32(values) => values.to_sql_checked(ty, out),
            ParameterValue::ArrayInt64(values) => values.to_sql_checked(ty, out),
            ParameterValue::ArrayStr(values) => values.to_sql_checked(ty, out),
            ParameterValue::DbNull => Ok(IsNull::Yes),
            other => Err(format!("no statement of the benchmark takes {other:?}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Known only with the value: each is checked when it is written.
        true
    }

    to_sql_checked!();
}

/// The columns of a row.
///
/// # Errors
/// A column of a type that no statement answers with.
pub fn columns(row: &Row) -> Result<Vec<DbValue>, StoreError> {
    row.columns().iter().enumerate().map(|(place, column)| value(row, place, column.type_())).collect()
}

fn value(row: &Row, place: usize, ty: &Type) -> Result<DbValue, StoreError> {
    match *ty {
        Type::BOOL => read(row, place, DbValue::Boolean),
        Type::INT4 => read(row, place, DbValue::Int32),
        Type::INT8 => read(row, place, DbValue::Int64),
        Type::TEXT => read(row, place, DbValue::Str),
        Type::INT4_ARRAY => read(row, place, DbValue::ArrayInt32),
        Type::INT8_ARRAY => read(row, place, DbValue::ArrayInt64),
        Type::TEXT_ARRAY => read(row, place, DbValue::ArrayStr),
        ref other => Err(StoreError::Unexpected(format!("a column of the type {other}"))),
    }
}

fn read<'a, T: FromSql<'a>>(row: &'a Row, place: usize, value: fn(T) -> DbValue) -> Result<DbValue, StoreError> {
    let read = row.try_get::<_, Option<T>>(place).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    Ok(read.map_or(DbValue::DbNull, value))
}
