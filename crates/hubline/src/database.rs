//! The database as this program itself uses it: as its owner to migrate, and to read figures.

use anyhow::{Context, Result};
use tokio_postgres::Client;

/// Connects to a database.
///
/// # Errors
///
/// When the address is unusable or nobody answers there. The error does not show the address, which holds a password.
pub async fn connect(url: &str) -> Result<Client> {
    runtime::connect(url).await.context("cannot connect to the database")
}
