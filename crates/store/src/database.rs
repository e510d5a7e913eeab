//! What statements run on.

use spin_sdk::pg::{Connection, DbValue, ParameterValue};
use spin_sdk::wit_bindgen::StreamResult;

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
        // The raw rows, since the SDK's own would have every text copied out of them. The outcome is only known at the end,
        // and waits for whoever has not read so far; who has been told of the end may not ask again.
        let mut first = None;
        loop {
            let (outcome, mut row) = answer.rows().read(Vec::with_capacity(1)).await;
            first = first.or_else(|| row.pop());
            if !matches!(outcome, StreamResult::Complete(_)) {
                break;
            }
        }
        answer.result().await?;
        Ok(first)
    }
}
