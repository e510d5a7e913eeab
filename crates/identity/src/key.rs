//! A key, which knows the one algorithm that it may be used with.

use ed25519_dalek::VerifyingKey as Ed25519Key;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::{Signature as P256Signature, VerifyingKey as P256Key, signature::Verifier};
use rsa::{Pkcs1v15Sign, PublicKey};
use sha2::{Digest, Sha256};

/// The algorithms that are accepted; `none` is not among them, and nothing can add it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
    Hs256,
}

impl Algorithm {
    /// The algorithm that a header's `alg` names; the names are compared exactly.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            "HS256" => Some(Self::Hs256),
            _ => None,
        }
    }
}

/// A key. Which algorithm it is used with is decided by its kind alone, never by a token.
pub(crate) enum Key {
    Rsa(PublicKey),
    P256(P256Key),
    Ed25519(Ed25519Key),
    Secret(Hmac<Sha256>),
}

/// How a SHA-256 digest is signed with RSA.
pub(crate) fn rs256() -> Pkcs1v15Sign {
    Pkcs1v15Sign::new::<Sha256>()
}

/// The keyed hash of HS256, nothing fed yet; `None` is not reached, since HMAC takes keys of any length.
pub(crate) fn hs256(secret: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::<Sha256>::new_from_slice(secret).ok()
}

impl Key {
    /// The one algorithm that the key may be used with.
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Secret(_) => Algorithm::Hs256,
        }
    }

    /// Whether it is the same public key. A secret is never compared.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rsa(one), Self::Rsa(other)) => one == other,
            (Self::P256(one), Self::P256(other)) => one == other,
            (Self::Ed25519(one), Self::Ed25519(other)) => one == other,
            _ => false,
        }
    }

    /// Whether the key has signed the message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => key.verify(rs256(), &Sha256::digest(message), signature).is_ok(),
            Self::P256(key) => {
                P256Signature::from_slice(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            // In constant time.
            Self::Secret(mac) => mac.clone().chain_update(message).verify_slice(signature).is_ok(),
        }
    }
}
