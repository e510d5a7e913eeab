//! One connection to a server, and what is known about its state.

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::stream::StreamExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use super::address::chain;
use super::tls::Tls;
use super::value::{Cell, Parameter, data_type};
use crate::bindings::postgres::{Column, DbError, DbValue, Error, QueryError, RowSet};

/// Prepared statements kept for one connection; an application has a few dozen.
const STATEMENTS: usize = 256;

/// How long the server is asked to give a statement up that nobody waits for any more.
const CANCEL: Duration = Duration::from_secs(1);

/// A connection and its prepared statements.
pub(super) struct Session {
    client: Client,
    tls: Option<Tls>,
    statements: HashMap<String, Statement>,
    /// Whether a statement is under way, or was and its end was not seen.
    busy: bool,
    /// Whether its state is not that of a new connection.
    spoiled: bool,
}

impl Session {
    pub fn new(client: Client, tls: Option<Tls>) -> Self {
        Self { client, tls, statements: HashMap::new(), busy: false, spoiled: false }
    }

    /// Whether the next owner would find it as good as new.
    pub fn reusable(&self) -> bool {
        !self.busy && !self.spoiled && !self.client.is_closed()
    }

    /// Keeps the connection from anyone but its present owner.
    pub fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// Runs a statement for its rows, at most `most` bytes of them.
    pub async fn query(&mut self, sql: &str, parameters: &[Parameter], most: usize) -> Result<RowSet, Error> {
        self.busy = true;
        let outcome = self.rows(sql, parameters, most).await;
        self.settle(outcome)
    }

    /// Runs a statement for the number of rows that it touched.
    pub async fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> Result<u64, Error> {
        self.busy = true;
        let outcome = self.touched(sql, parameters).await;
        self.settle(outcome)
    }

    /// Gives a statement up that takes too long, here and on the server.
    pub fn abandon(&mut self) {
        self.busy = true;
        let token = self.client.cancel_token();
        let tls = self.tls.clone();
        tokio::spawn(async move {
            let cancelled = tokio::time::timeout(CANCEL, async {
                match tls {
                    Some(tls) => token.cancel_query(tls).await,
                    None => token.cancel_query(tokio_postgres::NoTls).await,
                }
            });
            if !matches!(cancelled.await, Ok(Ok(()))) {
                tracing::debug!("an abandoned statement could not be cancelled");
            }
        });
    }

    async fn rows(&mut self, sql: &str, parameters: &[Parameter], most: usize) -> Result<RowSet, Fault> {
        let statement = self.prepared(sql).await?;
        let columns = statement
            .columns()
            .iter()
            .map(|column| Column { name: column.name().to_owned(), data_type: data_type(column.type_()) })
            .collect();
        let mut stream = std::pin::pin!(self.client.query_raw(&statement, parameters).await.map_err(Fault::Sending)?);
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

    async fn touched(&mut self, sql: &str, parameters: &[Parameter]) -> Result<u64, Fault> {
        let statement = self.prepared(sql).await?;
        let mut stream = std::pin::pin!(self.client.query_raw(&statement, parameters).await.map_err(Fault::Sending)?);
        // `execute` on a statement that returns rows: they are read past, not kept.
        while let Some(row) = stream.next().await {
            row?;
        }
        Ok(stream.rows_affected().unwrap_or(0))
    }

    async fn prepared(&mut self, sql: &str) -> Result<Statement, Fault> {
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

    /// Notes how a statement ended, and puts an error into the guest's words.
    fn settle<T>(&mut self, outcome: Result<T, Fault>) -> Result<T, Error> {
        let fault = match outcome {
            Ok(value) => {
                self.busy = false;
                return Ok(value);
            }
            Err(fault) => fault,
        };
        let (error, own) = match fault {
            // The rest of the rows is still on its way: the connection is of no use to anyone.
            Fault::TooMuch(most) => {
                return Err(Error::QueryFailed(QueryError::Text(format!("the result is larger than {most} bytes"))));
            }
            Fault::Sending(error) => (error, Error::BadParameter as fn(String) -> Error),
            Fault::Receiving(error) => (error, Error::ValueConversionFailed as fn(String) -> Error),
        };
        self.busy = self.client.is_closed() || error.as_db_error().is_some_and(|error| stale(error.code()));
        Err(refusal(&error).unwrap_or_else(|| own(chain(&error))))
    }
}

/// What stops a statement.
enum Fault {
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

/// Errors after which a fresh connection helps: a cached plan or a prepared statement is no longer valid, the server is
/// going away, or it has become one that cannot write.
fn stale(code: &SqlState) -> bool {
    [
        SqlState::FEATURE_NOT_SUPPORTED,
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ]
    .contains(code)
}

/// What the server or the connection has to say, in the guest's words.
fn refusal(error: &tokio_postgres::Error) -> Option<Error> {
    if let Some(db) = error.as_db_error() {
        return Some(match *db.code() {
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
                Error::ConnectionFailed(db.to_string())
            }
            _ => Error::QueryFailed(QueryError::DbError(details(db))),
        });
    }
    let broken = |error: &io::Error| error.kind() != io::ErrorKind::InvalidInput;
    let source = error.source().and_then(|source| source.downcast_ref());
    (error.is_closed() || source.is_some_and(broken)).then(|| Error::ConnectionFailed(chain(error)))
}

fn details(error: &tokio_postgres::error::DbError) -> DbError {
    let line = error.line().map(|line| line.to_string());
    let extras = [
        ("column", error.column()),
        ("constraint", error.constraint()),
        ("routine", error.routine()),
        ("hint", error.hint()),
        ("table", error.table()),
        ("datatype", error.datatype()),
        ("schema", error.schema()),
        ("file", error.file()),
        ("line", line.as_deref()),
        ("where_", error.where_()),
    ];
    DbError {
        as_text: error.to_string(),
        severity: error.severity().to_owned(),
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().map(str::to_owned),
        extras: extras.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect(),
    }
}
