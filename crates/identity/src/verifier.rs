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
    /// Takes the settings. With a `jwks_url` alone, every token of that issuer is an [`TokenError::UnknownKey`]: a
    /// [`KeySet`](crate::KeySet) knows those keys.
    ///
    /// # Errors
    /// Returns [`SettingsError`] for settings that could never verify a token, or that contradict themselves.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let jwks = set(&settings.jwks).map(Jwks::parse).transpose()?;
        let secret = settings.secret()?.and_then(hs256).map(Key::Secret);
        if jwks.is_none() && secret.is_none() && settings.jwks_url()?.is_none() {
            return Err(SettingsError::NoKeys);
        }
        settings.demand_bounds()?;
        Ok(Self { jwks: jwks.unwrap_or_default(), secret, rules: ClaimRules::new(settings)? })
    }

    /// Replaces the key set, and answers whether a key of the old one is gone. The old one stays when the new one is unusable.
    ///
    /// # Errors
    /// Returns [`JwksError`] for what is no key set, or has no usable key.
    pub(crate) fn set_jwks(&mut self, json: &str) -> Result<bool, JwksError> {
        let fresh = Jwks::parse(json)?;
        let withdrawn = !fresh.has_all_of(&self.jwks);
        self.jwks = fresh;
        Ok(withdrawn)
    }

    /// Whether there is a secret.
    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether there is a key set.
    pub(crate) fn has_jwks(&self) -> bool {
        !self.jwks.is_empty()
    }

    /// Checks a token at this time, in seconds since 1970.
    ///
    /// # Errors
    /// Returns the first reason for which the token proves nothing. [`TokenError::UnknownKey`] may be cured by a fresh key
    /// set: see [`KeySet`](crate::KeySet).
    pub fn verify(&self, token: &str, now: i64) -> Result<Identity, TokenError> {
        self.verify_by(&self.jwks, token, now, false)
    }

    /// The same for one whose signature by the key that it names was found to be right before.
    pub(crate) fn verify_vouched(&self, token: &str, now: i64) -> Result<Identity, TokenError> {
        self.verify_by(&self.jwks, token, now, true)
    }

    /// The same as if there were no key set.
    pub(crate) fn verify_without_jwks(&self, token: &str, now: i64) -> Result<Identity, TokenError> {
        self.verify_by(&Jwks::default(), token, now, false)
    }

    fn verify_by(&self, jwks: &Jwks, token: &str, now: i64, vouched: bool) -> Result<Identity, TokenError> {
        let token = Token::parse(token)?;
        let signed = match token.algorithm {
            Algorithm::Hs256 => {
                let secret = self.secret.as_ref().ok_or(TokenError::Algorithm)?;
                secret.has_signed(token.message, &token.signature)
            }
            algorithm => {
                let mut keys = jwks.candidates(token.kid.as_deref(), algorithm).peekable();
                if keys.peek().is_none() {
                    // A key that is there for another algorithm is not fetched again, nor used.
                    let known = token.kid.as_deref().is_some_and(|kid| jwks.names(kid));
                    return Err(if known { TokenError::Algorithm } else { TokenError::UnknownKey });
                }
                vouched || keys.any(|key| key.has_signed(token.message, &token.signature))
            }
        };
        if signed { self.rules.read(&token.claims, now) } else { Err(TokenError::Signature) }
    }
}
