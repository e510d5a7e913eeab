//! The database, with calls that are over when they return.

use futures_util::FutureExt;
use spin_sdk::pg::wit::postgres;
use store::{Database, DbValue, ParameterValue, Role, StoreError, demand_role};

/// A connection. The SDK offers only the asynchronous half of the interface; this is the other half of the same bindings,
/// so that the types are those of the store.
pub(crate) struct Connection(postgres::Connection);

impl Connection {
    /// A new connection, which does nothing before it is known as whom it works.
    pub(crate) fn open(url: &str) -> Result<Self, StoreError> {
        let connection = Self(postgres::Connection::open(url)?);
        // Every call is over when it returns, so there is nothing to wait for.
        let known = demand_role(&connection, Role::Operations).now_or_never();
        known.ok_or_else(|| StoreError::Unexpected("the database made a call wait".into()))??;
        Ok(connection)
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
