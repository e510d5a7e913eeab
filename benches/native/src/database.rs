//! PostgreSQL, by the driver itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use store::{Database, DbValue, ParameterValue, StoreError};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use crate::values::{Parameter, columns};

/// More than there are lanes, so that a join does not wait behind a batch.
const CONNECTIONS: usize = 8;

/// Connections that are used in turn; statements of one connection wait for each other in the database.
pub struct Pool {
    connections: Vec<Connection>,
    next: AtomicUsize,
}

struct Connection {
    client: Client,
    /// Each statement is prepared once.
    prepared: Mutex<HashMap<String, Statement>>,
}

impl Pool {
    /// Connects.
    ///
    /// # Errors
    /// The database can't be reached.
    pub async fn connect(url: &str) -> Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) =
                tokio_postgres::connect(url, NoTls).await.context("no connection to PostgreSQL")?;
            // What goes wrong here, the statements report.
            tokio::spawn(connection);
            connections.push(Connection { client, prepared: Mutex::default() });
        }
        Ok(Self { connections, next: AtomicUsize::new(0) })
    }

    fn connection(&self) -> Result<&Connection, StoreError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        self.connections.get(turn).ok_or_else(|| StoreError::Unreachable("there is no connection".to_owned()))
    }
}

impl Connection {
    async fn prepare(&self, statement: &str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.prepared.lock().get(statement).cloned();
        if let Some(prepared) = known {
            return Ok(prepared);
        }
        let prepared = self.client.prepare(statement).await?;
        self.prepared.lock().insert(statement.to_owned(), prepared.clone());
        Ok(prepared)
    }
}

impl Database for Pool {
    async fn one_row(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Option<Vec<DbValue>>, StoreError> {
        let connection = self.connection()?;
        let prepared = connection.prepare(statement).await.map_err(failure)?;
        let parameters: Vec<_> = parameters.into_iter().map(Parameter).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|it| it as &(dyn ToSql + Sync)).collect();
        let row = connection.client.query_opt(&prepared, &parameters).await.map_err(failure)?;
        row.as_ref().map(columns).transpose()
    }
}

fn failure(error: tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        Some(refused) => StoreError::of_state(refused.code().code(), refused.message().to_owned()),
        None => StoreError::Unreachable(error.to_string()),
    }
}
