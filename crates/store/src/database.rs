//! What statements run on.

use spin_sdk::pg::{Connection, DbValue, ParameterValue};

use crate::StoreError;

/// Runs statements: a function's [`Connection`], or the driver of a native program such as a test.
pub trait Database {
    /// Runs a statement that answers with at most one row, and waits for its outcome.
    fn one_row(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> impl Future<Output = Result<Option<Vec<DbValue>>, StoreError>>;
}

impl Database for Connection {
    async fn one_row(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Option<Vec<DbValue>>, StoreError> {
        let mut answer = self.query(statement, parameters).await?;
        // The raw rows, since the SDK's own would have every text copied out of them.
        let first = answer.rows().next().await;
        // The outcome is only known at the end, and waits for whoever has not read so far.
        while answer.rows().next().await.is_some() {}
        answer.result().await?;
        Ok(first)
    }
}
