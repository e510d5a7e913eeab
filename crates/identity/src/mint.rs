//! Tokens of our own, for development and tests: real ones come from the platform's issuer.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chat::{CenterId, Role, UserId};
use hmac::Mac;
use serde_json::{Map, Value};

use crate::{Settings, SettingsError, key::hs256, settings::set};

/// What a token shall say.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The user.
    pub subject: UserId,
    /// What they are.
    pub roles: Vec<Role>,
    /// The service centre that they belong to, if any.
    pub center: Option<CenterId>,
    /// From when it holds, in seconds since 1970.
    pub issued_at: i64,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// There is nothing to sign with.
    #[error("no jwt_secret is configured to sign tokens with")]
    NoSecret,
    /// The secret is unusable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// Signs a token with HS256 that a [`Verifier`](crate::Verifier) of the same settings accepts.
///
/// # Errors
/// Returns [`MintError`] when the settings have no usable secret.
pub fn mint(settings: &Settings, grant: &Grant) -> Result<String, MintError> {
    let secret = settings.secret()?.ok_or(MintError::NoSecret)?;
    let roles = match grant.roles.as_slice() {
        [role] => role.as_str().into(),
        roles => Value::Array(roles.iter().map(|role| role.as_str().into()).collect()),
    };
    let mut claims = Map::new();
    settings.role_claim()?.put(&mut claims, roles);
    if let Some(center) = &grant.center {
        settings.center_claim()?.put(&mut claims, center.as_str().into());
    }
    settings.user_claim()?.put(&mut claims, grant.subject.as_str().into());
    claims.insert("iat".into(), grant.issued_at.into());
    claims.insert("exp".into(), grant.expires_at.into());
    if let Some(issuer) = set(&settings.issuer) {
        claims.insert("iss".into(), issuer.into());
    }
    if let Some(audience) = settings.audience() {
        claims.insert("aud".into(), audience.into());
    }

    let mut token = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(Value::Object(claims).to_string(), &mut token);
    let mac = hs256(secret).ok_or(MintError::NoSecret)?.chain_update(&token).finalize();
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(mac.into_bytes(), &mut token);
    Ok(token)
}
