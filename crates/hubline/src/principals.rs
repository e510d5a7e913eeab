//! Who may be what in operations, as this program writes and reads it.

use anyhow::{Context, Result};
use chrono::Utc;
use rollback::audit::{Event, Record, Subject};
use rollback::{Principal, canonical};
use store::operations::sql;
use tokio_postgres::Client;

/// Writes what a person may be, and that it has changed.
///
/// # Errors
///
/// When the database refuses.
pub async fn put(client: &Client, principal: &Principal) -> Result<()> {
    let event = Event::PrincipalChanged { principal: principal.clone() };
    let record = canonical::text(&Record { at: Utc::now(), actor: None, subject: Subject::default(), event })?;
    let roles: Vec<&str> = principal.roles.iter().map(|role| role.as_str()).collect();
    let scopes: Vec<&str> = principal.scopes.iter().map(|scope| scope.as_str()).collect();
    client
        .query_one(sql::PUT_PRINCIPAL, &[&principal.person.as_str(), &roles, &scopes, &principal.revoked, &record])
        .await
        .context("the principal was not written")?;
    Ok(())
}

/// Everybody.
///
/// # Errors
///
/// When the database cannot be read.
pub async fn list(client: &Client) -> Result<Vec<Principal>> {
    let row = client.query_one(sql::PRINCIPALS, &[]).await.context("cannot read the principals")?;
    Ok(serde_json::from_str(row.try_get(0)?)?)
}
