//! What was found about a token, for a while.

use std::{collections::HashMap, sync::Arc};

use crate::{Identity, token};

/// How long a finding counts at most, in seconds: a key that its issuer withdraws is honoured no longer.
const LIFETIME: i64 = 300;

/// Remembers whose a token is, keyed by the whole token and nothing less: those who share an instance share nothing else.
///
/// Bounded by the memory that it takes, for tokens have from some hundred bytes to some thousand. There are two generations, and
/// when the younger is full, the older goes. What is in use moves to the younger, so what is forgotten has not been asked for
/// lately; users who come in turn are all remembered when they fit into one generation.
pub struct Cache {
    young: HashMap<Box<str>, Entry>,
    old: HashMap<Box<str>, Entry>,
    /// About how many bytes the younger generation takes.
    bytes: usize,
    /// The most bytes of a generation.
    generation: usize,
}

/// About how many bytes an entry takes besides its token: whose it is, and its place in the table.
const ENTRY: usize = 256;

struct Entry {
    identity: Arc<Identity>,
    until: i64,
}

impl Cache {
    /// As much as an instance of a function may give away: more than ten thousand users in turn, with tokens of a kilobyte.
    pub const BYTES: usize = 24 << 20;

    /// An empty cache that will take at most about so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, generation: bytes / 2 }
    }

    /// Whose this token is, if it was checked lately and has not expired.
    pub fn get(&mut self, token: &str, now: i64) -> Option<Arc<Identity>> {
        if let Some(entry) = self.young.get(token) {
            return entry.at(now);
        }
        let (token, entry) = self.old.remove_entry(token)?;
        let identity = entry.at(now)?;
        self.put(token, entry);
        Some(identity)
    }

    /// Remembers whose this token is.
    pub fn insert(&mut self, token: &str, identity: Arc<Identity>, now: i64) {
        let until = identity.expires_at.min(now.saturating_add(LIFETIME));
        if now < until && token.len() <= token::LONGEST {
            self.put(token.into(), Entry { identity, until });
        }
    }

    /// Forgets everything: a key was withdrawn, and what it had proven is not proven any more.
    pub fn clear(&mut self) {
        (self.young, self.old, self.bytes) = (HashMap::new(), HashMap::new(), 0);
    }

    fn put(&mut self, token: Box<str>, entry: Entry) {
        let bytes = token.len() + ENTRY;
        if self.bytes + bytes > self.generation {
            (self.old, self.bytes) = (std::mem::take(&mut self.young), 0);
        }
        self.bytes += bytes;
        self.young.insert(token, entry);
    }
}

impl Entry {
    fn at(&self, now: i64) -> Option<Arc<Identity>> {
        (now < self.until).then(|| Arc::clone(&self.identity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for so many short tokens.
    fn cache(tokens: usize) -> Cache {
        Cache::new(tokens * (ENTRY + 4))
    }

    fn identity(subject: &str, expires_at: i64) -> Arc<Identity> {
        Arc::new(Identity { subject: subject.parse().unwrap(), roles: Vec::new(), center: None, expires_at })
    }

    #[test]
    fn a_finding_counts_five_minutes_and_never_past_the_end_of_its_token() {
        let mut cache = cache(8);
        cache.insert("long", identity("a", 10_000), 1_000);
        cache.insert("short", identity("b", 1_010), 1_000);
        cache.insert("over", identity("c", 1_000), 1_000);
        assert_eq!(cache.get("long", 1_299).unwrap().subject.as_str(), "a");
        assert!(cache.get("long", 1_300).is_none());
        assert_eq!(cache.get("short", 1_009).unwrap().subject.as_str(), "b");
        assert!(cache.get("short", 1_010).is_none());
        assert!(cache.get("over", 1_000).is_none());
    }

    #[test]
    fn it_forgets_when_told_to() {
        let mut cache = cache(2);
        cache.insert("a", identity("a", 10_000), 0);
        cache.insert("b", identity("b", 10_000), 0);
        cache.clear();
        assert!(cache.get("a", 0).is_none() && cache.get("b", 0).is_none());
    }

    #[test]
    fn a_use_does_not_prolong_a_finding() {
        let mut cache = cache(4);
        cache.insert("a", identity("a", 10_000), 0);
        for (index, now) in (0..=299).step_by(23).enumerate() {
            cache.insert(&format!("filler {index}"), identity("f", 10_000), now);
            assert!(cache.get("a", now).is_some());
        }
        assert!(cache.get("a", 300).is_none());
    }

    #[test]
    fn it_is_keyed_by_the_whole_token() {
        let mut cache = cache(8);
        cache.insert("header.claims.signature", identity("a", 10_000), 0);
        for other in ["header.claims.signaturf", "header.claims.", "header.claims.signature ", ""] {
            assert!(cache.get(other, 0).is_none());
        }
    }

    #[test]
    fn users_who_come_in_turn_are_remembered_when_they_fit_into_a_generation() {
        let mut cache = Cache::new(Cache::BYTES);
        let token = |user: usize| format!("{user:0>900}");
        for user in 0..10_000 {
            cache.insert(&token(user), identity("u", 10_000), 0);
        }
        assert!((0..20_000).all(|turn| cache.get(&token(turn % 10_000), 1).is_some()));
    }

    #[test]
    fn long_tokens_take_the_place_of_more_short_ones() {
        let mut cache = Cache::new(1 << 20);
        for user in 0..1_000 {
            cache.insert(&format!("{user:0>8000}"), identity("u", 10_000), 0);
            let held = cache.young.iter().chain(&cache.old).map(|(token, _)| token.len()).sum::<usize>();
            assert!(held <= 1 << 20, "{held}");
        }
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_in_use() {
        let mut cache = cache(100);
        cache.insert("kept", identity("k", 10_000), 0);
        for index in 0..10_000 {
            cache.insert(&index.to_string(), identity("f", 10_000), 0);
            assert!(cache.get("kept", 0).is_some());
            assert!(cache.young.len() + cache.old.len() <= 100);
        }
        cache.insert(&"x".repeat(token::LONGEST + 1), identity("f", 10_000), 0);
        assert!(cache.get(&"x".repeat(token::LONGEST + 1), 0).is_none());
    }
}
