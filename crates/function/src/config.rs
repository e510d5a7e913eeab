//! What a function is told by the manifest.

use identity::Settings;
use spin_sdk::variables::{self, Error};

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
    /// Signs the events that ring relays.
    pub delivery_key: Option<String>,
    /// Whose tokens hold.
    pub identity: Settings,
}

impl Config {
    /// Asks the host for every variable.
    pub(crate) async fn read() -> Result<Self, Error> {
        Ok(Self {
            database_url: variable("database_url").await?,
            purge_database_url: variable("purge_database_url").await?,
            operations_database_url: variable("operations_database_url").await?,
            redis_url: variable("redis_url").await?,
            relay_key: variable("relay_key").await?,
            alert_token: variable("alert_token").await?,
            delivery_key: variable("delivery_key").await?,
            identity: Settings {
                jwks_url: variable("jwks_url").await?,
                jwks: variable("jwks").await?,
                secret: variable("jwt_secret").await?,
                issuer: variable("jwt_issuer").await?,
                audience: variable("jwt_audience").await?,
                role_claim: variable("role_claim").await?,
                role_map: variable("role_map").await?,
            },
        })
    }
}

async fn variable(name: &str) -> Result<Option<String>, Error> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(Error::Undefined(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
