//! Whose tokens hold, and how they say who somebody is.

use std::{collections::HashMap, fmt};

use chat::Role;

use crate::JwksError;

/// Whose tokens hold, and how they say who somebody is. An empty text counts as not set.
#[derive(Clone, Default)]
pub struct Settings {
    /// Where the issuer publishes its keys. Nothing here fetches it: it says that keys may come later.
    pub jwks_url: Option<String>,
    /// The issuer's keys.
    pub jwks: Option<String>,
    /// The secret of tokens that are signed with HS256, of at least [`Settings::SECRET_BYTES`].
    pub secret: Option<String>,
    /// The one issuer that is accepted.
    pub issuer: Option<String>,
    /// The audience that a token must be for.
    pub audience: Option<String>,
    /// The claim that holds the roles; `role` when not set.
    pub role_claim: Option<String>,
    /// A JSON object from the issuer's names of roles to the names here.
    pub role_map: Option<String>,
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nothing could ever be verified.
    #[error("no keys of tokens are configured: set jwks_url, jwks or jwt_secret")]
    NoKeys,
    /// A secret that could be guessed.
    #[error("jwt_secret must have at least {} bytes", Settings::SECRET_BYTES)]
    WeakSecret,
    /// The inline key set is unusable.
    #[error("jwks is unusable")]
    Jwks(#[from] JwksError),
    /// The map of roles is no JSON object of texts.
    #[error("role_map must be a JSON object from names of roles to names of roles")]
    RoleMap(#[source] serde_json::Error),
    /// The map of roles leads to a role that does not exist.
    #[error("role_map names the unknown role `{0}`")]
    UnknownRole(String),
}

impl Settings {
    /// The fewest bytes of a secret: RFC 7518 asks for as many as the hash has.
    pub const SECRET_BYTES: usize = 32;

    /// The claim that holds the roles.
    #[must_use]
    pub fn role_claim(&self) -> &str {
        set(&self.role_claim).unwrap_or("role")
    }

    /// The secret, when one is set that is long enough.
    pub(crate) fn secret(&self) -> Result<Option<&[u8]>, SettingsError> {
        match set(&self.secret) {
            Some(secret) if secret.len() < Self::SECRET_BYTES => Err(SettingsError::WeakSecret),
            secret => Ok(secret.map(str::as_bytes)),
        }
    }

    /// The issuer's names of roles.
    pub(crate) fn role_map(&self) -> Result<HashMap<String, Role>, SettingsError> {
        let Some(json) = set(&self.role_map) else { return Ok(HashMap::new()) };
        let names: HashMap<String, String> = serde_json::from_str(json).map_err(SettingsError::RoleMap)?;
        names
            .into_iter()
            .map(|(theirs, ours)| match ours.parse() {
                Ok(role) => Ok((theirs, role)),
                Err(_) => Err(SettingsError::UnknownRole(ours)),
            })
            .collect()
    }
}

/// A setting that is there and not empty.
pub(crate) fn set(setting: &Option<String>) -> Option<&str> {
    setting.as_deref().filter(|text| !text.is_empty())
}

impl fmt::Debug for Settings {
    /// Shows everything but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("jwks_url", &self.jwks_url)
            .field("jwks", &self.jwks)
            .field("secret", &self.secret.as_ref().map(|_| "hidden"))
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("role_claim", &self.role_claim)
            .field("role_map", &self.role_map)
            .finish()
    }
}
