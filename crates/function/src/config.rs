//! What a function is told by the manifest.

use chat::Refusal;
use identity::Settings;
use spin_sdk::variables::{self, Error};

use crate::misconfigured::misconfigured;

/// What a function is told by the manifest. A variable that its component does not have, or that is empty, is not set.
#[derive(Clone, Default)]
pub struct Config {
    /// Where the database is, and with which role.
    pub database_url: Option<String>,
    /// Where the database is, with the role that may purge.
    pub purge_database_url: Option<String>,
    /// Where the database of operations is, for a function that has no other.
    pub operations_database_url: Option<String>,
    /// Where Redis is.
    pub redis_url: Option<String>,
    /// Opens internal routes.
    pub relay_key: Option<String>,
    /// The tokens of Alertmanager's receiver, with commas between them: two hold while one is renewed.
    pub alert_token: Option<String>,
    /// What one user may do, where that is not what users may do everywhere.
    pub user_limits: Option<String>,
    /// Signs the events that ring relays.
    pub delivery_key: Option<String>,
    /// Whose tokens hold.
    pub identity: Settings,
}

impl Config {
    /// Asks the host for every variable.
    pub(crate) async fn read() -> Result<Self, Error> {
        Ok(Self {
            database_url: told("database_url").await?,
            purge_database_url: told("purge_database_url").await?,
            operations_database_url: told("operations_database_url").await?,
            redis_url: told("redis_url").await?,
            relay_key: told("relay_key").await?,
            alert_token: told("alert_token").await?,
            user_limits: told("user_limits").await?,
            delivery_key: told("delivery_key").await?,
            identity: Settings {
                jwks_url: told("jwks_url").await?,
                jwks: told("jwks").await?,
                secret: told("jwt_secret").await?,
                issuer: told("jwt_issuer").await?,
                audience: told("jwt_audience").await?,
                user_claim: told("user_claim").await?,
                role_claim: told("role_claim").await?,
                center_claim: told("center_claim").await?,
                role_map: told("role_map").await?,
                jwks_refresh: told("jwks_refresh").await?,
                jwks_stale: told("jwks_stale").await?,
            },
        })
    }
}

/// A variable that one component alone has; none when it is not set.
///
/// # Errors
/// Returns a refusal when the host can't tell.
pub async fn variable(name: &str) -> Result<Option<String>, Refusal> {
    told(name).await.map_err(|error| misconfigured(&error))
}

async fn told(name: &str) -> Result<Option<String>, Error> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(Error::Undefined(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
