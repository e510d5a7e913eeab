//! An issuer's key set, a JWKS of [RFC 7517].
//!
//! [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517

use std::ops::RangeInclusive;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey as Ed25519Key;
use p256::ecdsa::VerifyingKey as P256Key;
use rsa::{BoxedUint, PublicKey};
use serde::Deserialize;
use serde_json::Value;

use crate::key::{Algorithm, Key};

/// The most keys of a set: a few are in use, some more while they are exchanged.
const MOST_KEYS: usize = 64;

/// How many bits an RSA key has: the fewest are those of RFC 7518, section 3.3.
const RSA_BITS: RangeInclusive<usize> = 2048..=4096;

/// Why a key set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// It is not JSON of the right form.
    #[error("the key set can't be read")]
    Unreadable(#[from] serde_json::Error),
    /// Nothing could be verified with it.
    #[error("the key set has no key for RS256, ES256 or EdDSA")]
    Empty,
    /// It is far larger than any real one.
    #[error("the key set has more than {MOST_KEYS} keys")]
    TooMany,
}

/// Whether a text is a key set that something could be verified with.
///
/// # Errors
/// Says why it is not.
pub fn check_jwks(json: &str) -> Result<(), JwksError> {
    Jwks::parse(json).map(drop)
}

/// The usable keys of a set.
#[derive(Default)]
pub(crate) struct Jwks {
    keys: Vec<(Option<String>, Key)>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwks {
    /// Reads a set and leaves out what is for other purposes or algorithms, as the RFC asks.
    pub(crate) fn parse(json: &str) -> Result<Self, JwksError> {
        let document: Document = serde_json::from_str(json)?;
        if document.keys.len() > MOST_KEYS {
            return Err(JwksError::TooMany);
        }
        let keys: Vec<_> = document
            .keys
            .into_iter()
            .filter_map(|value| serde_json::from_value::<Jwk>(value).ok())
            .filter_map(|jwk| Some((jwk.kid.clone(), jwk.verifying_key()?)))
            .collect();
        if keys.is_empty() { Err(JwksError::Empty) } else { Ok(Self { keys }) }
    }

    /// The keys that may have signed a token with this header, by their `kid`.
    ///
    /// A set should name no two keys alike; where one does, each of them is as good as the other. A token without a
    /// `kid` is taken where there is no choice.
    pub(crate) fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let of_algorithm = move |key: &&(Option<String>, Key)| key.1.algorithm() == algorithm;
        let ambiguous = kid.is_none() && self.keys.iter().filter(of_algorithm).count() > 1;
        self.keys
            .iter()
            .filter(of_algorithm)
            .filter(move |(name, _)| !ambiguous && (kid.is_none() || name.as_deref() == kid))
            .map(|(_, key)| key)
    }

    /// Whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether each key of another set is here too, under the same name.
    pub(crate) fn has_all_of(&self, other: &Self) -> bool {
        other.keys.iter().all(|(name, key)| self.keys.iter().any(|(known, same)| known == name && same.is(key)))
    }

    /// Whether a key of this name is there, for whatever algorithm.
    pub(crate) fn names(&self, kid: &str) -> bool {
        self.keys.iter().any(|(name, _)| name.as_deref() == Some(kid))
    }
}

impl Jwk {
    /// The key, when it is for signatures by one of the algorithms here and keeps its rules.
    fn verifying_key(&self) -> Option<Key> {
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        if !for_signatures {
            return None;
        }
        // Symmetric keys (`oct`) are not taken from a set: a secret comes from the settings alone.
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", None) => self.rsa(),
            ("EC", Some("P-256")) => self.p256(),
            ("OKP", Some("Ed25519")) => self.ed25519(),
            _ => None,
        }?;
        self.alg.as_deref().is_none_or(|name| Algorithm::named(name) == Some(key.algorithm())).then_some(key)
    }

    fn rsa(&self) -> Option<Key> {
        let [modulus, exponent] =
            [&self.n, &self.e].map(|number| decoded(number).map(|bytes| BoxedUint::from_be_slice_vartime(&bytes)));
        PublicKey::new_with_size_limits(modulus?, exponent?, RSA_BITS).ok().map(Key::Rsa)
    }

    fn p256(&self) -> Option<Key> {
        // An uncompressed point of SEC 1: its mark, then both coordinates. Off the curve it is refused.
        let point = [vec![4], decoded(&self.x)?, decoded(&self.y)?].concat();
        P256Key::from_sec1_bytes(&point).ok().map(Key::P256)
    }

    fn ed25519(&self) -> Option<Key> {
        let bytes = decoded(&self.x)?;
        let key = Ed25519Key::from_bytes(bytes.as_slice().try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Key::Ed25519(key))
    }
}

fn decoded(text: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.as_ref()?).ok()
}
