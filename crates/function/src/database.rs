//! The database, as an instance keeps it at hand.

use std::{cell::RefCell, time::Duration};

use chat::{ErrorCode, Refusal};
use store::{Connection, Role, StoreError, demand_role};

use crate::{misconfigured::misconfigured, within};

/// How long one waits for the database in all: longer than a statement may take, and shorter than a request.
const PATIENCE: Duration = Duration::from_millis(3100);

/// How many connections are kept for the next requests. Spin gives an instance no more requests at once.
const MOST_KEPT: usize = 16;

/// Connections that no statement is running on. A host may tie a handle to one connection of its pool, on which statements
/// would wait for each other: so each statement has a handle of its own, and they are used again.
pub(crate) struct Database {
    url: Option<String>,
    role: Role,
    kept: RefCell<Vec<Connection>>,
}

impl Database {
    /// The database at this address, where the function is meant to work as that role.
    pub(crate) fn new(url: Option<String>, role: Role) -> Self {
        Self { url, role, kept: RefCell::new(Vec::new()) }
    }

    /// Runs one statement. A connection is kept after an answer, whatever the answer is, and never after a doubt.
    async fn once<T>(
        &self,
        url: &str,
        statement: &impl AsyncFn(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.kept.borrow_mut().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => self.open(url).await?,
        };
        let answer = statement(&connection).await;
        if !matches!(answer, Err(StoreError::Unreachable(_))) && self.kept.borrow().len() < MOST_KEPT {
            self.kept.borrow_mut().push(connection);
        }
        answer
    }

    /// A new connection, which serves nobody before it is known as whom it works.
    async fn open(&self, url: &str) -> Result<Connection, StoreError> {
        let connection = Connection::open(url).await?;
        demand_role(&connection, self.role).await?;
        Ok(connection)
    }

    /// Runs one statement, and once more when that may help: so it has to be one that does nothing twice.
    ///
    /// # Errors
    /// Returns [`ErrorCode::Unavailable`] when the database can't say; the outcome is not known.
    pub(crate) async fn run<T>(
        &self,
        statement: impl AsyncFn(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, Refusal> {
        let Some(url) = &self.url else {
            return Err(misconfigured(&"the address of the database is not set"));
        };
        let attempts = async {
            match self.once(url, &statement).await {
                Err(error) if error.is_worth_a_retry() => {
                    eprintln!("once more: {error}");
                    // Connections that were kept are likely as broken as this one.
                    self.kept.borrow_mut().clear();
                    self.once(url, &statement).await
                }
                answer => answer,
            }
        };
        match within(PATIENCE, attempts).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => {
                eprintln!("{error}");
                Err(Refusal::from(&error))
            }
            None => {
                eprintln!("the database has not answered in {PATIENCE:?}");
                Err(ErrorCode::Unavailable.refusal("the database has not answered in time; the outcome is not known"))
            }
        }
    }
}
