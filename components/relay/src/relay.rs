//! The relay's front door.

use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;

use crate::{Config, Functions};

/// One node's relay; clones are the same relay.
#[derive(Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

struct Inner {
    _config: Config,
    _functions: Arc<dyn Functions>,
}

/// Why a relay can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A key is missing.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// No node has such a name.
    #[error("the node's name is unusable")]
    Node(#[from] chat::IdError),
    /// Tokens can't be checked.
    #[error("the settings of tokens are unusable")]
    Tokens(#[from] identity::SettingsError),
    /// An allowed origin is none.
    #[error("`{0}` is no origin: it must look like https://app.example.com")]
    Origin(String),
    /// The system's certificates can't be read, and the issuer's keys are to be fetched.
    #[error("the issuer of tokens can't be reached safely: {0}")]
    Certificates(String),
}

impl Relay {
    /// A relay that asks these functions.
    ///
    /// # Errors
    /// Settings that can't work are refused.
    pub fn new(config: Config, functions: Arc<dyn Functions>) -> Result<Self, SetupError> {
        if config.delivery_key.is_empty() {
            return Err(SetupError::Empty("the delivery key"));
        }
        Ok(Self { inner: Arc::new(Inner { _config: config, _functions: functions }) })
    }

    /// The hub, for the public listener: `/hubs/chat` and `/hubs/chat/negotiate`.
    pub fn hub(&self) -> Router {
        Router::new().with_state(self.inner.clone())
    }

    /// Where the functions deliver events, for the internal listener: `/internal/events`.
    pub fn events(&self) -> Router {
        Router::new().with_state(self.inner.clone())
    }

    /// Does the relay's regular work, such as the sweep, until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        stop.cancelled().await;
    }

    /// Takes no new connection, finishes what is under way and sends every client elsewhere.
    pub async fn drain(&self) {}

    /// What the relay counts, as Prometheus text.
    pub fn metrics(&self) -> String {
        String::new()
    }
}
