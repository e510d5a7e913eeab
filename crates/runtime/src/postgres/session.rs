//! One connection to a server, and what is known about its state.

use std::error::Error as _;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::address::chain;
use super::prepared::{Fault, Prepared};
use super::tls::Tls;
use super::value::Parameter;
use super::wire::Wire;
use crate::bindings::postgres::{DbError, Error, QueryError, RowSet};

/// How long the server is asked to give a statement up that nobody waits for any more.
const CANCEL: Duration = Duration::from_secs(1);

/// Takes back what a session can be left with, as Spin does when a guest gives a connection back: cursors, settings, channels,
/// locks, temporary tables, the last values of sequences. A role that the connection's options took on is on again afterwards.
const CLEAN: &str = "close all; set session authorization default; reset role; reset all; unlisten *; \
    select pg_advisory_unlock_all(); discard temp; discard sequences";

/// What a session has to do with a guest who wants one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Tie {
    /// The guest had it last.
    Own,
    /// Nobody has had it.
    New,
    /// Somebody had it last who is gone.
    Left,
    /// Somebody had it last who may want it again.
    Others,
}

/// A connection: its client goes first, so that the wire takes leave when both are dropped.
pub(super) struct Session {
    prepared: Prepared,
    wire: Wire,
    tls: Option<Tls>,
    /// Whether a statement is under way, or was and its end was not seen.
    busy: bool,
    /// Whether its state is not that of a new connection, and can't be made so.
    spoiled: bool,
    /// Whose statements it ran last.
    guest: Option<Weak<Guest>>,
}

/// Whose statements a connection runs: what one of them leaves behind in a session is not for the next.
#[derive(Debug)]
pub(super) struct Guest;

impl Session {
    pub fn new(client: Client, wire: Wire, tls: Option<Tls>) -> Self {
        Self { prepared: Prepared::new(client), wire, tls, busy: false, spoiled: false, guest: None }
    }

    /// What it has to do with a guest.
    pub fn tie(&self, guest: &Arc<Guest>) -> Tie {
        match &self.guest {
            None => Tie::New,
            Some(last) if std::ptr::eq(last.as_ptr(), Arc::as_ptr(guest)) => Tie::Own,
            Some(last) if last.strong_count() == 0 => Tie::Left,
            Some(_) => Tie::Others,
        }
    }

    /// Makes it a guest's, as good as new. Nothing is asked of the server when the guest had it last, or nobody.
    pub async fn give(&mut self, guest: &Arc<Guest>) -> Result<(), Error> {
        if matches!(self.tie(guest), Tie::Left | Tie::Others) {
            self.busy = true;
            let cleaned = self.wire.carry(self.prepared.client().batch_execute(CLEAN)).await;
            self.settle(cleaned.map_err(Fault::Receiving))?;
        }
        self.guest = Some(Arc::downgrade(guest));
        Ok(())
    }

    /// Whether the next owner would find it as good as new.
    pub fn reusable(&self) -> bool {
        !self.busy && !self.spoiled && !self.prepared.client().is_closed()
    }

    /// Whether the server has not left since the last statement.
    pub fn is_open(&mut self) -> bool {
        self.wire.is_open()
    }

    /// Keeps the connection from anyone but its present owner.
    pub fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// Runs a statement for its rows, at most `most` bytes of them.
    pub async fn query(&mut self, sql: &str, parameters: &[Parameter], most: usize) -> Result<RowSet, Error> {
        self.busy = true;
        let outcome = self.wire.carry(self.prepared.query(sql, parameters, most)).await;
        self.settle(outcome)
    }

    /// Runs a statement for the number of rows that it touched.
    pub async fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> Result<u64, Error> {
        self.busy = true;
        let outcome = self.wire.carry(self.prepared.execute(sql, parameters)).await;
        self.settle(outcome)
    }

    /// Gives a statement up that takes too long, here and on the server.
    pub fn abandon(&mut self) {
        self.busy = true;
        let token = self.prepared.client().cancel_token();
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
        self.busy = self.prepared.client().is_closed() || error.as_db_error().is_some_and(|error| stale(error.code()));
        Err(refusal(&error).unwrap_or_else(|| own(chain(&error))))
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
