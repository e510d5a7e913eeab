//! Commands that may arrive twice.

use crate::{Digest, Person, name::names};

names! {
    /// A key that a client gives a command, so that sending it twice is sending it once. It is the client's own: two people
    /// may use the same.
    IdempotencyKey, "an idempotency key", "1 to 128 visible ASCII characters",
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a command with a key is, given the request that the same person first sent with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// The first with this key.
    First,
    /// The same again: it gets the first one's answer.
    Again,
    /// Another one: the key is taken.
    Taken,
}

/// The digest of a request, by which it is known again: who sent it, what it does to what, and its body as it came.
#[must_use]
pub fn request_digest(person: &Person, method: &str, path: &str, body: &[u8]) -> Digest {
    Digest::of_parts(&[person.as_str().as_bytes(), method.as_bytes(), path.as_bytes(), body])
}

/// Compares a request with the first one that came with the same key.
#[must_use]
pub fn arrival(first: Option<Digest>, request: Digest) -> Arrival {
    match first {
        None => Arrival::First,
        Some(first) if first == request => Arrival::Again,
        Some(_) => Arrival::Taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_again_is_known_and_another_body_is_not_the_same() {
        let person: Person = "olaf".parse().unwrap();
        let request = request_digest(&person, "POST", "/ops/incidents/1/acknowledge", b"{}");
        assert_eq!(arrival(None, request), Arrival::First);
        assert_eq!(arrival(Some(request), request), Arrival::Again);
        for other in [
            request_digest(&person, "POST", "/ops/incidents/1/acknowledge", b"{ }"),
            request_digest(&person, "POST", "/ops/incidents/2/acknowledge", b"{}"),
            request_digest(&"ada".parse().unwrap(), "POST", "/ops/incidents/1/acknowledge", b"{}"),
        ] {
            assert_eq!(arrival(Some(request), other), Arrival::Taken);
        }
    }

    #[test]
    fn a_key_is_visible() {
        assert!(IdempotencyKey::parse("a-1:Z").is_ok());
        for bad in ["", "a b", "ä", "a\n", &"x".repeat(129)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad}");
        }
    }
}
