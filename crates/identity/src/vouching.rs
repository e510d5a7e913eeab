//! What functions tell each other of a token, by way of a relay that can tell nothing itself.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The fewest bytes of a key: as many as an output of SHA-256 has, which is what RFC 2104 recommends.
const SHORTEST: usize = 32;

/// Vouches for tokens: whoever has found that an issuer has signed one spares the next, who knows the same key, to find out.
///
/// A voucher is the HMAC-SHA256 of the whole token in base64url. It says that the signature is right and nothing else: whether
/// the issuer still has the key, what the claims are and whether they hold is looked at each time. The key is exchanged when
/// the issuer's keys are, so what one of those has proven is vouched for no longer than it is published.
#[derive(Clone)]
pub struct Vouching(Hmac<Sha256>);

impl Vouching {
    /// Vouches with this key; `None` if it is too short to be one.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        let long_enough = key.len() >= SHORTEST;
        long_enough.then(|| Hmac::new_from_slice(key.as_bytes()).ok().map(Self)).flatten()
    }

    /// What whoever knows the key takes as proof that the token's signature is right.
    #[must_use]
    pub fn vouch(&self, token: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.clone().chain_update(token).finalize().into_bytes())
    }

    /// Whether this is the voucher of this token. The comparison tells nothing by its time.
    #[must_use]
    pub fn holds(&self, token: &str, voucher: &str) -> bool {
        let Ok(voucher) = URL_SAFE_NO_PAD.decode(voucher) else { return false };
        self.0.clone().chain_update(token).verify_slice(&voucher).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_voucher_is_of_one_token_and_of_one_key() {
        let vouching = Vouching::new(KEY).unwrap();
        let voucher = vouching.vouch("header.claims.signature");
        assert!(vouching.holds("header.claims.signature", &voucher));
        for other in ["header.claims.signaturf", "header.claims.", ""] {
            assert!(!vouching.holds(other, &voucher), "{other}");
        }
        let later = Vouching::new(&KEY.to_uppercase()).unwrap();
        assert!(!later.holds("header.claims.signature", &voucher));
        for bad in ["", "!", &voucher[1..], &voucher[..42], &format!("{voucher}A"), &format!("{voucher}=")] {
            assert!(!vouching.holds("header.claims.signature", bad), "{bad}");
        }
    }

    #[test]
    fn a_short_key_vouches_for_nothing() {
        assert!(Vouching::new(&KEY[1..]).is_none());
    }
}
