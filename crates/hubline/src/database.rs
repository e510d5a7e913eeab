//! The database as this program itself uses it: as its owner to migrate, and to see whether it answers.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::Mutex;
use tokio_postgres::Client;

/// Connects to a database.
///
/// # Errors
///
/// When the address is unusable or nobody answers there. The error does not show the address, which holds a password.
pub async fn connect(url: &str) -> Result<Client> {
    runtime::connect(url).await.context("cannot connect to the database")
}

/// A connection that is kept to see whether the database answers.
#[derive(Clone)]
pub struct Pulse {
    url: Arc<str>,
    client: Arc<Mutex<Option<Client>>>,
}

impl Pulse {
    /// Watches a database.
    pub fn new(url: &str) -> Self {
        Self { url: url.into(), client: Arc::default() }
    }

    /// Whether it answers.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn check(self) -> Result<()> {
        let mut kept = self.client.lock().await;
        // Taken out: a check that fails or is given up half-way leaves no connection behind.
        let client = match kept.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => connect(&self.url).await?,
        };
        client.simple_query("").await.context("the database does not answer")?;
        *kept = Some(client);
        Ok(())
    }
}
