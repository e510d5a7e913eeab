//! Secrets of repositories and environments: sealed here, so that only GitHub can open them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use rollback::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{GitHub, GithubError, read, rejection};
use crate::{Entropy, Method, Rejection, Request, Response, Secret, address};

/// Where secrets and variables are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SecretPlace<'a> {
    /// The repository.
    pub repository: &'a str,
    /// The environment of it; none for the repository itself.
    pub environment: Option<&'a str>,
}

impl SecretPlace<'_> {
    /// The path of `secrets` or `variables`.
    pub(super) fn path(&self, what: &str) -> String {
        match self.environment {
            Some(environment) => format!("environments/{}/{what}", address::escaped(environment)),
            None => format!("actions/{what}"),
        }
    }
}

/// The key that secrets of a place are sealed with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PublicKey {
    /// What GitHub calls it.
    pub key_id: String,
    /// The key: base64 of 32 bytes.
    pub key: String,
}

/// A sealed secret. What is inside can't be told from it, so it may be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed {
    /// The key that it was sealed with.
    pub key_id: String,
    /// The sealed bytes in base64.
    pub text: String,
    /// The digest of the sealed bytes: what is kept as evidence of what was sent.
    pub digest: Digest,
}

impl PublicKey {
    /// Seals a secret, as libsodium's `crypto_box_seal` does.
    ///
    /// # Errors
    /// Returns [`GithubError`] for a key that is none.
    pub fn seal(&self, secret: &Secret, mut chance: Entropy) -> Result<Sealed, GithubError> {
        let garbled = || GithubError::from(Rejection::garbled("a public key that is none"));
        let bytes: [u8; 32] =
            BASE64_STANDARD.decode(&self.key).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(garbled)?;
        let sealed = crypto_box::PublicKey::from(bytes).seal(&mut chance, secret.expose().as_bytes());
        let sealed = sealed.map_err(|_| garbled())?;
        let (text, digest) = (BASE64_STANDARD.encode(&sealed), Digest::of(&sealed));
        Ok(Sealed { key_id: self.key_id.clone(), text, digest })
    }
}

/// What came of writing a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretWrite {
    /// It is new.
    Created,
    /// It was there, and has a new value.
    Updated,
}

impl GitHub {
    /// The key that secrets are sealed with. Read the answer with [`read_public_key`].
    #[must_use]
    pub fn public_key(&self, place: SecretPlace<'_>) -> Request {
        self.of(Method::Get, place.repository, &format!("{}/public-key", place.path("secrets")))
    }

    /// Writes a secret. Sent again it is the same. Read the answer with [`read_secret_write`].
    #[must_use]
    pub fn write_secret(&self, place: SecretPlace<'_>, name: &str, sealed: &Sealed) -> Request {
        let path = format!("{}/{}", place.path("secrets"), address::escaped(name));
        let body = json!({"encrypted_value": sealed.text, "key_id": sealed.key_id});
        self.of(Method::Put, place.repository, &path).json(&body)
    }

    /// When a secret was written: all that GitHub tells of one. Read the answer with [`read_secret_update`].
    #[must_use]
    pub fn secret(&self, place: SecretPlace<'_>, name: &str) -> Request {
        self.of(Method::Get, place.repository, &format!("{}/{}", place.path("secrets"), address::escaped(name)))
    }
}

/// Reads the answer to [`GitHub::public_key`].
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_public_key(response: &Response) -> Result<PublicKey, GithubError> {
    read(response, 200)
}

/// Reads the answer to [`GitHub::write_secret`].
///
/// # Errors
/// Returns [`GithubError`]. A 422 may mean that GitHub has a new key: fetch it and seal again.
pub fn read_secret_write(response: &Response) -> Result<SecretWrite, GithubError> {
    match response.status {
        201 => Ok(SecretWrite::Created),
        204 => Ok(SecretWrite::Updated),
        _ => Err(rejection(response).into()),
    }
}

/// Reads the answer to [`GitHub::secret`]: when it was last written, none when there is no such secret.
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_secret_update(response: &Response) -> Result<Option<DateTime<Utc>>, GithubError> {
    #[derive(Deserialize)]
    struct Found {
        updated_at: DateTime<Utc>,
    }
    if response.status == 404 {
        return Ok(None);
    }
    Ok(Some(read::<Found>(response, 200)?.updated_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::tests::github;

    const PLACE: SecretPlace<'static> = SecretPlace { repository: "team/deploy", environment: Some("production") };

    #[test]
    fn only_the_holder_of_the_key_opens_it() {
        let private = crypto_box::SecretKey::from([9; 32]);
        let key = PublicKey { key_id: "k1".to_owned(), key: BASE64_STANDARD.encode(private.public_key().as_bytes()) };
        let sealed = key.seal(&"host=a password=canary".into(), Entropy::from([1; 32])).unwrap();
        let bytes = BASE64_STANDARD.decode(&sealed.text).unwrap();
        assert_eq!(private.unseal(&bytes).unwrap(), b"host=a password=canary");
        assert_eq!(sealed.digest, Digest::of(&bytes));
        let again = key.seal(&"host=a password=canary".into(), Entropy::from([2; 32])).unwrap();
        assert_ne!(again.text, sealed.text, "the same secret does not look the same");
    }

    #[test]
    fn a_key_that_is_none_seals_nothing() {
        for bad in ["", "!!", "AAAA"] {
            let key = PublicKey { key_id: "k1".to_owned(), key: bad.to_owned() };
            assert!(key.seal(&"canary".into(), Entropy::from([1; 32])).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_of_an_environment_have_their_own_place() {
        let repository = SecretPlace { environment: None, ..PLACE };
        assert!(github().secret(PLACE, "DB").url.ends_with("/repos/team/deploy/environments/production/secrets/DB"));
        assert!(github().public_key(repository).url.ends_with("/repos/team/deploy/actions/secrets/public-key"));
    }

    #[test]
    fn each_answer_has_its_name() {
        let write = |status| read_secret_write(&Response::for_test(status, &[], "{}"));
        assert_eq!(write(201), Ok(SecretWrite::Created));
        assert_eq!(write(204), Ok(SecretWrite::Updated));
        assert!(write(422).is_err());
        let found = json!({"name": "DB", "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-05-01T10:00:00Z"});
        assert!(read_secret_update(&Response::of_json(200, &found)).unwrap().is_some());
        assert_eq!(read_secret_update(&Response::of_json(404, &json!({"message": "Not Found"}))), Ok(None));
    }
}
