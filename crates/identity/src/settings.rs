//! Whose tokens hold, and how they say who somebody is.

use std::{collections::HashMap, fmt};

use chat::Role;

use crate::{Ages, AgesError, ClaimPath, JwksError};

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
    /// The audience that a token must be for; [`Settings::ANY_AUDIENCE`] takes tokens that are meant for anybody.
    pub audience: Option<String>,
    /// The claim that holds the user's id, as [`ClaimPath`] reads it; `sub` when not set.
    pub user_claim: Option<String>,
    /// The claim that holds the roles, likewise; `role` when not set.
    pub role_claim: Option<String>,
    /// The claim that holds the service centre, likewise; `center` when not set.
    pub center_claim: Option<String>,
    /// A JSON object from the issuer's names of roles to the names here.
    pub role_map: Option<String>,
    /// How old keys of the `jwks_url` may be before they are asked for again, such as `5m`; see [`Ages`].
    pub jwks_refresh: Option<String>,
    /// How old they may be to be used at all, while the issuer is away, such as `24h`.
    pub jwks_stale: Option<String>,
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
    /// Keys of an issuer alone: whoever the issuer knows, for whatever purpose, would be let in.
    #[error(
        "jwks and jwks_url need jwt_issuer and jwt_audience too, or tokens that the issuer made for others hold here; \
         jwt_audience = \"any\" says that this is meant"
    )]
    Unbound,
    /// The issuer's key set has no address.
    #[error("jwks_url must look like https://issuer.example/keys")]
    JwksUrl,
    /// The issuer's keys can't age as they are told to.
    #[error(transparent)]
    Ages(#[from] AgesError),
    /// A claim that can't be one.
    #[error("{0} is no claim: it must be a name, names with dots between, or a JSON Pointer")]
    Claim(&'static str),
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

    /// The audience that stands for every one.
    pub const ANY_AUDIENCE: &str = "any";

    /// The audience that a token must be for, if it must be for one.
    pub(crate) fn audience(&self) -> Option<&str> {
        set(&self.audience).filter(|audience| *audience != Self::ANY_AUDIENCE)
    }

    /// The claim that holds the user's id.
    pub(crate) fn user_claim(&self) -> Result<ClaimPath, SettingsError> {
        claim(&self.user_claim, "sub", "user_claim")
    }

    /// The claim that holds the roles.
    pub(crate) fn role_claim(&self) -> Result<ClaimPath, SettingsError> {
        claim(&self.role_claim, "role", "role_claim")
    }

    /// The claim that holds the service centre.
    pub(crate) fn center_claim(&self) -> Result<ClaimPath, SettingsError> {
        claim(&self.center_claim, "center", "center_claim")
    }

    /// Where the issuer publishes its keys, if it does.
    ///
    /// # Errors
    /// Returns [`SettingsError::JwksUrl`] for what is no address of the web.
    pub fn jwks_url(&self) -> Result<Option<&str>, SettingsError> {
        let Some(url) = set(&self.jwks_url) else { return Ok(None) };
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = host.and_then(|rest| rest.split(['/', '?', '#']).next()).ok_or(SettingsError::JwksUrl)?;
        let is_clean = url.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !is_clean { Err(SettingsError::JwksUrl) } else { Ok(Some(url)) }
    }

    /// How the keys of that address age.
    pub(crate) fn ages(&self) -> Result<Ages, SettingsError> {
        Ok(Ages::parse(set(&self.jwks_refresh), set(&self.jwks_stale))?)
    }

    /// Whether every key set that is configured says whose tokens count, and for whom they must be.
    pub(crate) fn demand_bounds(&self) -> Result<(), SettingsError> {
        let has_keys = set(&self.jwks).is_some() || set(&self.jwks_url).is_some();
        let any = set(&self.audience) == Some(Self::ANY_AUDIENCE);
        let bound = set(&self.issuer).is_some() && self.audience().is_some();
        if has_keys && !any && !bound { Err(SettingsError::Unbound) } else { Ok(()) }
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

fn claim(setting: &Option<String>, usual: &str, name: &'static str) -> Result<ClaimPath, SettingsError> {
    ClaimPath::parse(set(setting).unwrap_or(usual)).ok_or(SettingsError::Claim(name))
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
            .field("user_claim", &self.user_claim)
            .field("role_claim", &self.role_claim)
            .field("center_claim", &self.center_claim)
            .field("role_map", &self.role_map)
            .field("jwks_refresh", &self.jwks_refresh)
            .field("jwks_stale", &self.jwks_stale)
            .finish()
    }
}
