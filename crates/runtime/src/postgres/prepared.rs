//! Statements that are prepared once.

use std::collections::HashMap;
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt};
use tokio_postgres::{Client, Statement};

use super::value::{Cell, Parameter, data_type};
use crate::bindings::postgres::{Column, DbValue, RowSet};

/// Prepared statements kept for one connection; an application has a few dozen.
const STATEMENTS: usize = 256;

/// The client of a connection, and what it has prepared.
pub(super) struct Prepared {
    client: Client,
    statements: HashMap<String, Statement>,
}

/// What stops a statement.
pub(super) enum Fault {
    /// It could not be sent: unless the server or the connection says so, a parameter is at fault.
    Sending(tokio_postgres::Error),
    /// Its rows could not be read: unless the server or the connection says so, a value is at fault.
    Receiving(tokio_postgres::Error),
    /// It has more rows than are allowed.
    TooMuch(usize),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Receiving(error)
    }
}

impl Prepared {
    pub fn new(client: Client) -> Self {
        Self { client, statements: HashMap::new() }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs a statement for its rows, at most `most` bytes of them.
    pub async fn query(&mut self, sql: &str, parameters: &[Parameter], most: usize) -> Result<RowSet, Fault> {
        let statement = self.statement(sql).await?;
        let columns = statement
            .columns()
            .iter()
            .map(|column| Column { name: column.name().to_owned(), data_type: data_type(column.type_()) })
            .collect();
        let mut stream = pin!(self.client.query_raw(&statement, parameters).await.map_err(Fault::Sending)?);
        let mut rows = Vec::new();
        let mut size = 0;
        while let Some(row) = stream.try_next().await? {
            size += row.raw_size_bytes();
            if size > most {
                return Err(Fault::TooMuch(most));
            }
            let cell = |index| Ok(row.try_get::<_, Cell>(index)?.0);
            rows.push((0..row.len()).map(cell).collect::<Result<Vec<DbValue>, tokio_postgres::Error>>()?);
        }
        Ok(RowSet { columns, rows })
    }

    /// Runs a statement for the number of rows that it touched.
    pub async fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> Result<u64, Fault> {
        let statement = self.statement(sql).await?;
        let mut stream = pin!(self.client.query_raw(&statement, parameters).await.map_err(Fault::Sending)?);
        // `execute` on a statement that returns rows: they are read past, not kept.
        while let Some(row) = stream.next().await {
            row?;
        }
        Ok(stream.rows_affected().unwrap_or(0))
    }

    async fn statement(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await.map_err(Fault::Sending)?;
        if self.statements.len() == STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}
