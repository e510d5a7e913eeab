//! Connection tokens: what a negotiation hands out and a connection presents.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha2::Sha256;

/// The bytes of a token: a random part, when it expires, and who vouches for both; while keys are being exchanged, a seal of
/// each.
const RANDOM: usize = 16;
const EXPIRY: usize = 8;
const SEAL: usize = 16;

/// Keeps the seals of tokens apart from everything else that is signed with the same key.
const PURPOSE: &[u8] = b"signalr connection token\0";

/// Makes and checks connection tokens.
///
/// A token carries its own proof: when it expires, and, under a MAC, for which user it was made. So negotiations take no
/// memory, and behind a load balancer a client may connect to another node than it has negotiated with.
pub struct ConnectionTokens {
    keys: Vec<Hmac<Sha256>>,
    /// Those that were used here, until they expire: each opens one connection.
    used: Mutex<HashMap<[u8; RANDOM], i64>>,
}

impl ConnectionTokens {
    /// Tokens under a key that all nodes behind a load balancer share, or under two while it is being exchanged: a token under
    /// either is taken. Of more than two keys the others say nothing.
    pub fn new<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = K>) -> Self {
        let keys = keys.into_iter().filter_map(|key| Hmac::new_from_slice(key.as_ref()).ok());
        let keys = keys.take(2).collect();
        Self { keys, used: Mutex::default() }
    }

    /// Tokens under a key of this process alone.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::new([rand::random::<[u8; 32]>()])
    }

    /// A new token for this user, which holds for so long: the id of the connection, which is the public part of it, and the
    /// whole.
    pub(crate) fn issue(&self, user: &str, lifetime: Duration, now: i64) -> (String, String) {
        let random: [u8; RANDOM] = rand::random();
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let expiry = now.saturating_add(lifetime).to_be_bytes();
        let mut id = Vec::with_capacity(RANDOM + EXPIRY + SEAL);
        id.extend_from_slice(&random);
        id.extend_from_slice(&expiry);
        let seals: Vec<_> = self.seals(&id, user).map(|seal| seal.finalize().into_bytes()).collect();
        for seal in seals {
            id.extend(seal.iter().take(SEAL));
        }
        (URL_SAFE_NO_PAD.encode(random), URL_SAFE_NO_PAD.encode(id))
    }

    /// Takes a token for a connection of this user. Whether it is one, made for them, not expired and not used before.
    pub(crate) fn redeem(&self, id: &str, user: &str, now: i64) -> bool {
        let Ok(id) = URL_SAFE_NO_PAD.decode(id) else { return false };
        let Some((signed, given)) = id.split_at_checked(RANDOM + EXPIRY) else { return false };
        let is_whole = given.len() == SEAL || given.len() == 2 * SEAL;
        let is_one = |seal: Hmac<Sha256>| {
            given.chunks_exact(SEAL).any(|given| seal.clone().verify_truncated_left(given).is_ok())
        };
        if !is_whole || !self.seals(signed, user).any(is_one) {
            return false;
        }
        let (Some(random), Some(expiry)) = (signed.first_chunk(), signed.last_chunk()) else { return false };
        let expiry = i64::from_be_bytes(*expiry);
        if expiry <= now {
            return false;
        }
        let mut used = self.used.lock();
        if used.len() >= 1024 && used.len() == used.capacity() {
            used.retain(|_, expiry| *expiry > now);
        }
        used.insert(*random, expiry).is_none()
    }

    fn seals(&self, signed: &[u8], user: &str) -> impl Iterator<Item = Hmac<Sha256>> {
        self.keys.iter().map(move |key| key.clone().chain_update(PURPOSE).chain_update(signed).chain_update(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(30);

    fn tokens() -> ConnectionTokens {
        under("key")
    }

    fn under(keys: &str) -> ConnectionTokens {
        ConnectionTokens::new(keys.split(','))
    }

    #[test]
    fn a_token_opens_one_connection_of_its_user() {
        let tokens = tokens();
        let (public, id) = tokens.issue("carla", LIFETIME, 1_000);
        assert_eq!(public.len(), 22);
        assert!(id.starts_with(&public[..20]) && id.len() > 50);
        assert!(!tokens.redeem(&id, "theo", 1_000), "another's");
        assert!(!tokens.redeem(&id, "carla", 1_030), "expired");
        assert!(tokens.redeem(&id, "carla", 1_029));
        assert!(!tokens.redeem(&id, "carla", 1_029), "used");
    }

    #[test]
    fn while_the_key_is_exchanged_a_node_takes_the_tokens_of_its_neighbours() {
        let keys = ["old", "new,old", "new"];
        for (issuer, redeemer) in keys.iter().flat_map(|issuer| keys.map(|redeemer| (*issuer, redeemer))) {
            let (_, id) = under(issuer).issue("carla", LIFETIME, 1_000);
            let share = issuer == redeemer || [issuer, redeemer].contains(&"new,old");
            let at = under(redeemer);
            assert_eq!(at.redeem(&id, "carla", 1_000), share, "{issuer} at {redeemer}");
            assert!(!at.redeem(&id, "carla", 1_000) && !at.redeem(&id, "theo", 1_000));
        }
    }

    #[test]
    fn no_other_text_is_a_token() {
        let tokens = tokens();
        let (public, id) = tokens.issue("carla", LIFETIME, 1_000);
        let other = under("other").issue("carla", LIFETIME, 1_000).1;
        let longer = format!("{id}A");
        for bad in ["", "x", "=", &public, &other, &longer, &id[1..], &"A".repeat(54)] {
            assert!(!tokens.redeem(bad, "carla", 1_000), "{bad}");
        }
        for index in 0..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[index] = if changed[index] == b'x' { b'y' } else { b'x' };
            // The last character of unpadded base64 has bits that mean nothing; a decoder refuses or ignores them.
            let changed = String::from_utf8(changed).unwrap();
            assert!(!tokens.redeem(&changed, "carla", 1_000), "{index}");
        }
    }

    #[test]
    fn what_has_expired_is_not_remembered() {
        let tokens = tokens();
        for now in 0..5_000 {
            let (_, id) = tokens.issue("carla", LIFETIME, now);
            assert!(tokens.redeem(&id, "carla", now));
        }
        assert!(tokens.used.lock().len() < 4_000);
    }
}
