//! What signs the users' tokens.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Grant, Settings, mint};
use rsa::PrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer as _};
use serde_json::json;

/// What signs the users' tokens: the server's secret, or an issuer's key.
pub enum Signer {
    /// HS256.
    Secret(Box<Settings>),
    /// RS256.
    Issuer(Box<Issuer>),
}

/// An issuer with one key.
pub struct Issuer {
    key: SigningKey<Sha256>,
    settings: Settings,
}

impl Signer {
    /// An issuer whose private key is in a file, PKCS #8 in DER.
    ///
    /// # Errors
    /// There is no such file, or no such key in it.
    pub fn from_file(file: &Path, settings: Settings) -> Result<Self> {
        let der = fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
        let key = PrivateKey::from_pkcs8_der(&der).with_context(|| format!("{} has no RSA key", file.display()))?;
        // `new` would sign without saying by which hash.
        Ok(Self::Issuer(Box::new(Issuer { key: SigningKey::<Sha256>::new(key), settings })))
    }

    /// A token that says so.
    ///
    /// # Errors
    /// The secret is too weak.
    pub fn sign(&self, grant: &Grant) -> Result<String> {
        match self {
            Self::Secret(settings) => Ok(mint(settings, grant)?),
            Self::Issuer(issuer) => Ok(issuer.sign(grant)),
        }
    }
}

impl Issuer {
    fn sign(&self, grant: &Grant) -> String {
        let roles: Vec<_> = grant.roles.iter().map(|role| role.as_str()).collect();
        let claims = json!({
            "iss": self.settings.issuer,
            "aud": self.settings.audience,
            "sub": grant.subject.as_str(),
            "role": roles,
            "center": grant.center.as_ref().map(|center| center.as_str()),
            "iat": grant.issued_at,
            "exp": grant.expires_at,
        });
        let mut token = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT","kid":"load"}"#);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let signature = self.key.sign(token.as_bytes()).to_bytes();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}
