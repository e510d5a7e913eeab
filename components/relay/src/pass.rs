//! Connection ids: what a negotiation hands out and a connection presents.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat::UserId;
use chat::wire::Secrets;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha2::Sha256;

/// The bytes of an id: a random part, when it expires, and who vouches for both; while the key is being exchanged, a seal of each.
const RANDOM: usize = 16;
const EXPIRY: usize = 8;
const SEAL: usize = 16;

/// Keeps the seals of ids apart from everything else that is signed with the same key.
const PURPOSE: &[u8] = b"hubline connection id\0";

/// Makes and checks connection ids.
///
/// An id carries its own proof: when it expires, and, under a MAC, for which user it was made. So negotiations take no
/// memory, and behind a load balancer a client may connect to another node than it has negotiated with.
pub(crate) struct Passes {
    keys: Vec<Hmac<Sha256>>,
    lifetime: i64,
    /// Ids that were used here, until they expire: each opens one connection.
    used: Mutex<HashMap<[u8; RANDOM], i64>>,
}

impl Passes {
    /// Ids under these keys, valid for so many seconds. `None` for a key that can't be one.
    pub(crate) fn new(keys: &Secrets, lifetime: i64) -> Option<Self> {
        let keys = keys.all().map(|key| Hmac::new_from_slice(key.as_bytes()).ok()).collect::<Option<_>>()?;
        Some(Self { keys, lifetime, used: Mutex::default() })
    }

    /// A new id for this user: the public part of it, and the whole.
    pub(crate) fn issue(&self, user: &UserId, now: i64) -> (String, String) {
        let random: [u8; RANDOM] = rand::random();
        let expiry = now.saturating_add(self.lifetime).to_be_bytes();
        let mut id = Vec::with_capacity(RANDOM + EXPIRY + SEAL);
        id.extend_from_slice(&random);
        id.extend_from_slice(&expiry);
        let seals: Vec<_> = self.seals(&id, user).map(|seal| seal.finalize().into_bytes()).collect();
        for seal in seals {
            id.extend(seal.iter().take(SEAL));
        }
        (URL_SAFE_NO_PAD.encode(random), URL_SAFE_NO_PAD.encode(id))
    }

    /// Takes an id for a connection of this user. Whether it is one, made for them, not expired and not used before.
    pub(crate) fn redeem(&self, id: &str, user: &UserId, now: i64) -> bool {
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

    fn seals(&self, signed: &[u8], user: &UserId) -> impl Iterator<Item = Hmac<Sha256>> {
        self.keys
            .iter()
            .map(move |key| key.clone().chain_update(PURPOSE).chain_update(signed).chain_update(user.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes() -> Passes {
        under("key")
    }

    fn under(keys: &str) -> Passes {
        Passes::new(&Secrets::parse(keys).unwrap(), 30).unwrap()
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    #[test]
    fn an_id_opens_one_connection_of_its_user() {
        let passes = passes();
        let (public, id) = passes.issue(&user("carla"), 1_000);
        assert_eq!(public.len(), 22);
        assert!(id.starts_with(&public[..20]) && id.len() > 50);
        assert!(!passes.redeem(&id, &user("theo"), 1_000), "another's");
        assert!(!passes.redeem(&id, &user("carla"), 1_030), "expired");
        assert!(passes.redeem(&id, &user("carla"), 1_029));
        assert!(!passes.redeem(&id, &user("carla"), 1_029), "used");
    }

    #[test]
    fn while_the_key_is_exchanged_a_node_takes_the_ids_of_its_neighbours() {
        let keys = ["old", "new,old", "new"];
        for (issuer, redeemer) in keys.iter().flat_map(|issuer| keys.map(|redeemer| (*issuer, redeemer))) {
            let (_, id) = under(issuer).issue(&user("carla"), 1_000);
            let share = issuer == redeemer || [issuer, redeemer].contains(&"new,old");
            let at = under(redeemer);
            assert_eq!(at.redeem(&id, &user("carla"), 1_000), share, "{issuer} at {redeemer}");
            assert!(!at.redeem(&id, &user("carla"), 1_000) && !at.redeem(&id, &user("theo"), 1_000));
        }
    }

    #[test]
    fn no_other_text_is_an_id() {
        let passes = passes();
        let (public, id) = passes.issue(&user("carla"), 1_000);
        let other = under("other").issue(&user("carla"), 1_000).1;
        let longer = format!("{id}A");
        for bad in ["", "x", "=", &public, &other, &longer, &id[1..], &"A".repeat(54)] {
            assert!(!passes.redeem(bad, &user("carla"), 1_000), "{bad}");
        }
        for index in 0..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[index] = if changed[index] == b'x' { b'y' } else { b'x' };
            // The last character of unpadded base64 has bits that mean nothing; a decoder refuses or ignores them.
            let changed = String::from_utf8(changed).unwrap();
            assert!(!passes.redeem(&changed, &user("carla"), 1_000), "{index}");
        }
    }

    #[test]
    fn what_has_expired_is_not_remembered() {
        let passes = passes();
        for now in 0..5_000 {
            let (_, id) = passes.issue(&user("carla"), now);
            assert!(passes.redeem(&id, &user("carla"), now));
        }
        assert!(passes.used.lock().len() < 4_000);
    }
}
