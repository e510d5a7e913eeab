//! The driver of these tests, in the place of a function's connection.

use std::{error::Error, ops::Deref};

use bytes::BytesMut;
use store::{Database, DbValue, ParameterValue, StoreError};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

/// A connection that the store's functions run on, and that tests ask in SQL as well.
pub struct Client(tokio_postgres::Client);

impl Client {
    pub fn new(client: tokio_postgres::Client) -> Self {
        Self(client)
    }

    /// The only value of the only row.
    pub async fn value<T: for<'a> FromSql<'a>>(&self, statement: &str) -> T {
        self.query_one(statement, &[]).await.unwrap().get(0)
    }
}

impl Deref for Client {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Database for Client {
    async fn one_row(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Option<Vec<DbValue>>, StoreError> {
        let parameters: Vec<_> = parameters.into_iter().map(Parameter).collect();
        let parameters: Vec<_> = parameters.iter().map(|it| it as &(dyn ToSql + Sync)).collect();
        let row = self.query_opt(statement, &parameters).await.map_err(failure)?;
        row.as_ref().map(columns).transpose()
    }
}

/// What the host of a function would tell it.
pub fn failure(error: tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        Some(refused) => StoreError::of_state(refused.code().code(), refused.message().to_owned()),
        None => StoreError::Unreachable(error.to_string()),
    }
}

/// A parameter, of the types only that every host of functions has.
#[derive(Debug)]
struct Parameter(ParameterValue);

impl ToSql for Parameter {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            ParameterValue::Boolean(value) => value.to_sql_checked(ty, out),
            ParameterValue::Int64(value) => value.to_sql_checked(ty, out),
            ParameterValue::Str(value) => value.to_sql_checked(ty, out),
            ParameterValue::ArrayInt32(values) => values.to_sql_checked(ty, out),
            ParameterValue::ArrayInt64(values) => values.to_sql_checked(ty, out),
            ParameterValue::ArrayStr(values) => values.to_sql_checked(ty, out),
            ParameterValue::DbNull => Ok(IsNull::Yes),
            other => panic!("no statement takes {other:?}"),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Known only with the value: each is checked when it is written.
        true
    }

    to_sql_checked!();
}

fn columns(row: &Row) -> Result<Vec<DbValue>, StoreError> {
    row.columns().iter().enumerate().map(|(place, column)| value(row, place, column.type_())).collect()
}

fn value(row: &Row, place: usize, ty: &Type) -> Result<DbValue, StoreError> {
    match *ty {
        Type::BOOL => read(row, place, DbValue::Boolean),
        Type::INT8 => read(row, place, DbValue::Int64),
        Type::TEXT => read(row, place, DbValue::Str),
        Type::INT4_ARRAY => read(row, place, DbValue::ArrayInt32),
        Type::INT8_ARRAY => read(row, place, DbValue::ArrayInt64),
        Type::TEXT_ARRAY => read(row, place, DbValue::ArrayStr),
        ref other => panic!("no statement answers with {other}"),
    }
}

fn read<'a, T: FromSql<'a>>(row: &'a Row, place: usize, value: fn(T) -> DbValue) -> Result<DbValue, StoreError> {
    let read = row.try_get::<_, Option<T>>(place).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    Ok(read.map_or(DbValue::DbNull, value))
}
