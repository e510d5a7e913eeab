//! Why a relay can't be set up.

use chat::wire::SecretsError;

/// Why a relay can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No node has such a name.
    #[error("the node's name is unusable")]
    Node(#[from] chat::IdError),
    /// No key to check events with.
    #[error("delivery_key is unusable")]
    DeliveryKey(#[source] SecretsError),
    /// No key that opens the functions' internal routes.
    #[error("relay_key is unusable")]
    RelayKey(#[source] SecretsError),
    /// A key with characters that can't be shown to the functions.
    #[error("relay_key can't stand in a header")]
    RelayKeyCharacters(#[from] http::header::InvalidHeaderValue),
    /// Tokens can't be checked.
    #[error("the settings of tokens are unusable")]
    Tokens(#[from] identity::SettingsError),
    /// An allowed origin is none.
    #[error("`{0}` is no origin: it must look like https://app.example.com, capacitor://localhost, file:// or null")]
    Origin(String),
    /// A trusted proxy is none.
    #[error(
        "`{0}` is no address of a proxy: trusted_proxies takes addresses and networks, like 10.0.0.7 and 10.0.0.0/8"
    )]
    Proxy(String),
}
