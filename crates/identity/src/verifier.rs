//! The check of a token from its first byte to its last.

#[cfg(test)]
mod tests;

use crate::{
    Identity, JwksError, Settings, SettingsError, TokenError,
    claims::ClaimRules,
    jwks::Jwks,
    key::{Algorithm, Key, hs256},
    settings::set,
    token::Token,
};

/// Checks tokens against the keys and rules of its [`Settings`].
pub struct Verifier {
    jwks: Jwks,
    secret: Option<Key>,
    rules: ClaimRules,
}

impl Verifier {
    /// Takes the settings. With a `jwks_url` alone, every token of that issuer is an [`TokenError::UnknownKey`] until the
    /// first [`Verifier::set_jwks`].
    ///
    /// # Errors
    /// Returns [`SettingsError`] for settings that could never verify a token, or that contradict themselves.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let jwks = set(&settings.jwks).map(Jwks::parse).transpose()?;
        let secret = settings.secret()?.and_then(hs256).map(Key::Secret);
        if jwks.is_none() && secret.is_none() && set(&settings.jwks_url).is_none() {
            return Err(SettingsError::NoKeys);
        }
        Ok(Self { jwks: jwks.unwrap_or_default(), secret, rules: ClaimRules::new(settings)? })
    }

    /// Replaces the key set. The old one stays when the new one is unusable.
    ///
    /// # Errors
    /// Returns [`JwksError`] for what is no key set, or has no usable key.
    pub fn set_jwks(&mut self, json: &str) -> Result<(), JwksError> {
        self.jwks = Jwks::parse(json)?;
        Ok(())
    }

    /// Checks a token at this time, in seconds since 1970.
    ///
    /// # Errors
    /// Returns the first reason for which the token proves nothing. [`TokenError::UnknownKey`] may be cured by a fresh key
    /// set.
    pub fn verify(&self, token: &str, now: i64) -> Result<Identity, TokenError> {
        let token = Token::parse(token)?;
        let signed = match token.algorithm {
            Algorithm::Hs256 => {
                let secret = self.secret.as_ref().ok_or(TokenError::Algorithm)?;
                secret.has_signed(token.message, &token.signature)
            }
            algorithm => {
                let mut keys = self.jwks.candidates(token.kid.as_deref(), algorithm).peekable();
                if keys.peek().is_none() {
                    // A key that is there for another algorithm is not fetched again, nor used.
                    let known = token.kid.as_deref().is_some_and(|kid| self.jwks.names(kid));
                    return Err(if known { TokenError::Algorithm } else { TokenError::UnknownKey });
                }
                keys.any(|key| key.has_signed(token.message, &token.signature))
            }
        };
        if signed { self.rules.read(&token.claims, now) } else { Err(TokenError::Signature) }
    }
}
