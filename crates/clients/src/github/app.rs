//! An App and the tokens of its installations: an hour long, for named repositories, with the permissions of one use.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use rsa::{Pkcs1v15Sign, PrivateKey, pkcs1::DecodeRsaPrivateKey, pkcs8::DecodePrivateKey};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{GithubError, plain, read};
use crate::{Entropy, Method, Request, Response, Secret, address};

/// How long before now a token is said to be made: our clock may be ahead of GitHub's.
const AHEAD: i64 = 60;

/// How long a token of the App itself lasts; GitHub takes ten minutes at most, by its own clock.
const LASTS: i64 = 9 * 60;

/// The private key of an App.
pub struct AppKey(PrivateKey);

/// A key that can't be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AppKeyError {
    /// It is no RSA key as GitHub gives it.
    #[error("the key of the App must be an RSA key in PEM, as GitHub gives it")]
    Unreadable,
    /// It does not sign.
    #[error("the key of the App does not sign")]
    Unusable,
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey")
    }
}

impl AppKey {
    /// Reads a key: PEM, PKCS #1 as GitHub gives it or PKCS #8.
    ///
    /// # Errors
    /// Returns [`AppKeyError::Unreadable`].
    pub fn parse(pem: &Secret) -> Result<Self, AppKeyError> {
        let pem = pem.expose().trim();
        let key = PrivateKey::from_pkcs1_pem(pem).or_else(|_| PrivateKey::from_pkcs8_pem(pem));
        key.map(Self).map_err(|_| AppKeyError::Unreadable)
    }

    /// A token of the App itself, `issuer` being its client id or number. It asks for installations' tokens and nothing else.
    ///
    /// The chance blinds the key: what an observer could learn from how long it takes is of no use.
    ///
    /// # Errors
    /// Returns [`AppKeyError::Unusable`].
    pub fn token(&self, issuer: &str, now: DateTime<Utc>, mut chance: Entropy) -> Result<Secret, AppKeyError> {
        let now = now.timestamp();
        let claims = json!({"iat": now.saturating_sub(AHEAD), "exp": now.saturating_add(LASTS), "iss": issuer});
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(&claims.to_string()));
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        let signature = self.0.sign_with_rng(&mut chance, scheme, &Sha256::digest(&signed));
        let signature = signature.map_err(|_| AppKeyError::Unusable)?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

/// What a token may do. Each use asks for its own, and no more.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Permissions(BTreeMap<&'static str, &'static str>);

impl Permissions {
    /// Nothing yet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Workflows may be dispatched, runs and artifacts read.
    #[must_use]
    pub fn dispatch(self) -> Self {
        self.with("actions", "write")
    }

    /// Runs and artifacts may be read.
    #[must_use]
    pub fn read_runs(mut self) -> Self {
        self.0.entry("actions").or_insert("read");
        self
    }

    /// Commits may be read.
    #[must_use]
    pub fn read_commits(self) -> Self {
        self.with("contents", "read")
    }

    /// Secrets and variables of a repository may be written.
    #[must_use]
    pub fn write_secrets(self) -> Self {
        self.with("secrets", "write").with("actions_variables", "write")
    }

    /// Secrets and variables of an environment may be written.
    #[must_use]
    pub fn write_environment_secrets(self) -> Self {
        self.with("environments", "write")
    }

    /// Deployments may be let through the gate before an environment.
    #[must_use]
    pub fn review_deployments(self) -> Self {
        self.with("deployments", "write")
    }

    fn with(mut self, name: &'static str, access: &'static str) -> Self {
        self.0.insert(name, access);
        self
    }

    /// The first permission that a grant lacks.
    fn lacking(&self, granted: &BTreeMap<String, String>) -> Option<String> {
        let enough = |asked: &str, got: &str| got == asked || got == "admin" || (asked == "read" && got == "write");
        let mut lacking =
            self.0.iter().filter(|(name, asked)| !granted.get(**name).is_some_and(|got| enough(asked, got)));
        lacking.next().map(|(name, access)| format!("{name}: {access}"))
    }
}

/// The token of an installation.
#[derive(Clone, Debug)]
pub struct InstallationToken {
    /// The token. Nothing is to be assumed of its length or form.
    pub token: Secret,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
}

/// Asks for the token of an installation: for these repositories of its owner (`team/deploy` or just `deploy`), with these
/// permissions.
#[must_use]
pub fn installation_token(
    api: &str,
    app_token: &Secret,
    installation: u64,
    repositories: &[&str],
    permissions: &Permissions,
) -> Request {
    let names: Vec<_> = repositories.iter().map(|name| name.rsplit('/').next().unwrap_or_default()).collect();
    plain(Method::Post, address::under(api, &format!("app/installations/{installation}/access_tokens")))
        .bearer(app_token)
        .json(&json!({"repositories": names, "permissions": permissions.0}))
}

/// Reads the answer to [`installation_token`].
///
/// # Errors
/// Returns [`GithubError`], [`GithubError::PermissionMissing`] when the App was not granted what its use asks for.
pub fn read_installation_token(
    response: &Response,
    permissions: &Permissions,
) -> Result<InstallationToken, GithubError> {
    #[derive(Deserialize)]
    struct Granted {
        token: Secret,
        expires_at: DateTime<Utc>,
        #[serde(default)]
        permissions: BTreeMap<String, String>,
    }
    if response.status == 422 {
        // It says 422 when more is asked for than the installation has.
        return Err(GithubError::PermissionMissing(super::said(response)));
    }
    let granted: Granted = read(response, 201)?;
    match permissions.lacking(&granted.permissions) {
        Some(lacking) => Err(GithubError::PermissionMissing(lacking)),
        None => Ok(InstallationToken { token: granted.token, expires_at: granted.expires_at }),
    }
}

#[cfg(test)]
mod tests {
    use rsa::{
        pkcs1::{EncodeRsaPrivateKey, LineEnding},
        pkcs8::EncodePrivateKey,
    };
    use serde_json::Value;

    use super::*;

    fn key() -> PrivateKey {
        PrivateKey::new(&mut Entropy::from([7; 32]), 1_024).unwrap()
    }

    fn claims(token: &str) -> Value {
        let middle = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap()
    }

    #[test]
    fn a_token_of_the_app_is_short_and_its_signature_right() {
        let key = key();
        let pem = key.to_pkcs1_pem(LineEnding::LF).unwrap().to_string();
        let app = AppKey::parse(&format!("\n{pem}\n").into()).unwrap();
        let now = "2024-05-01T10:00:00Z".parse().unwrap();
        let token = app.token("Iv1.abc", now, Entropy::from([1; 32])).unwrap();
        assert_eq!(claims(token.expose()), json!({"iat": 1_714_557_540, "exp": 1_714_558_140, "iss": "Iv1.abc"}));
        let (signed, signature) = token.expose().rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        key.to_public_key().verify(scheme, &Sha256::digest(signed), &signature).unwrap();
    }

    #[test]
    fn both_forms_of_pem_are_read_and_nothing_else() {
        let pem = key().to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
        assert!(AppKey::parse(&pem.into()).is_ok());
        for bad in ["", "canary", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"] {
            let error = AppKey::parse(&bad.into()).unwrap_err();
            assert!(!error.to_string().contains("canary"));
        }
    }

    #[test]
    fn each_use_asks_for_its_own_permissions() {
        let permissions = Permissions::none().dispatch().read_runs();
        let request = installation_token("https://api.github.com", &"jwt".into(), 42, &["team/deploy"], &permissions);
        assert_eq!(request.url, "https://api.github.com/app/installations/42/access_tokens");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, json!({"repositories": ["deploy"], "permissions": {"actions": "write"}}));
    }

    #[test]
    fn a_token_that_may_do_less_is_named_so() {
        let long = format!("ghs_123456_{}", "x".repeat(600));
        let granted = |permissions: &Value| {
            let body = json!({"token": long, "expires_at": "2024-05-01T11:00:00Z", "permissions": permissions});
            read_installation_token(&Response::of_json(201, &body), &Permissions::none().dispatch())
        };
        assert_eq!(granted(&json!({"actions": "write"})).unwrap().token.expose(), long);
        let lacking = GithubError::PermissionMissing("actions: write".to_owned());
        assert_eq!(granted(&json!({"actions": "read"})).unwrap_err(), lacking);
        assert_eq!(granted(&json!({})).unwrap_err(), lacking);
        let body = json!({"message": "The permissions requested are not granted to this installation."});
        let error = read_installation_token(&Response::of_json(422, &body), &Permissions::none()).unwrap_err();
        assert!(matches!(error, GithubError::PermissionMissing(_)));
    }
}
