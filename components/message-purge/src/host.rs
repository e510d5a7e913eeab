//! The synchronous functions of the host.

use spin_sdk::pg::wit::postgres;
use store::{Database, DbValue, ParameterValue, StoreError};

/// A connection whose calls are over when they return.
///
/// The SDK offers only the asynchronous half of the interface; this is the other half of the same bindings, so that the
/// types are those of the store.
pub(crate) struct Connection(postgres::Connection);

impl Connection {
    pub(crate) fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self(postgres::Connection::open(url)?))
    }
}

/// For statements that always answer with a row: without one a synchronous call of Spin 4.0 never returns.
impl Database for Connection {
    async fn one_row(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Option<Vec<DbValue>>, StoreError> {
        Ok(self.0.query(statement, &parameters)?.rows.into_iter().next())
    }
}
