//! The chain of digests.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::{
    Digest,
    canonical::{self, CanonicalError},
};

/// A record in its place in the chain: what is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Link {
    /// Its place: 1, 2, 3 … without gaps.
    pub seq: u64,
    /// The digest of the link before it.
    pub previous: Digest,
    /// The record's canonical text.
    pub text: String,
    /// The digest of all that.
    pub hash: Digest,
}

/// Where the chain is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Broken {
    /// A link is missing, or one is there twice.
    #[error("link {expected} is missing: {found} is in its place")]
    Gap {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A link does not follow the one before it.
    #[error("link {seq} does not follow the one before it")]
    Unlinked {
        /// Which.
        seq: u64,
    },
    /// A link was changed.
    #[error("link {seq} was changed")]
    Changed {
        /// Which.
        seq: u64,
    },
}

/// The head of a chain: how long it is, and the digest of its last link.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Chain {
    /// How many links it has.
    pub length: u64,
    /// The digest of the last one.
    pub head: Digest,
}

impl Default for Chain {
    /// The chain before its first link.
    fn default() -> Self {
        Self { length: 0, head: Digest::of(b"hubline rollback audit 1") }
    }
}

impl Chain {
    /// Puts a record at the end of the chain.
    ///
    /// # Errors
    /// Returns [`CanonicalError`] for a record that JSON can't hold, which none is.
    pub fn append(&mut self, record: &Record) -> Result<Link, CanonicalError> {
        let (seq, previous, text) = (self.length.saturating_add(1), self.head, canonical::text(record)?);
        let hash = hash(seq, previous, &text);
        *self = Self { length: seq, head: hash };
        Ok(Link { seq, previous, text, hash })
    }

    /// Follows the chain over a link as it is stored.
    ///
    /// # Errors
    /// Returns [`Broken`], which says where the chain is broken and how.
    pub fn follow(&mut self, link: &Link) -> Result<(), Broken> {
        let expected = self.length.saturating_add(1);
        if link.seq != expected {
            return Err(Broken::Gap { expected, found: link.seq });
        }
        if link.previous != self.head {
            return Err(Broken::Unlinked { seq: link.seq });
        }
        if link.hash != hash(link.seq, link.previous, &link.text) {
            return Err(Broken::Changed { seq: link.seq });
        }
        *self = Self { length: link.seq, head: link.hash };
        Ok(())
    }

    /// Follows a whole chain from its beginning.
    ///
    /// # Errors
    /// As [`Chain::follow`].
    pub fn verify<'a>(links: impl IntoIterator<Item = &'a Link>) -> Result<Self, Broken> {
        let mut chain = Self::default();
        links.into_iter().try_for_each(|link| chain.follow(link))?;
        Ok(chain)
    }
}

fn hash(seq: u64, previous: Digest, text: &str) -> Digest {
    Digest::of_parts(&[previous.as_bytes(), &seq.to_be_bytes(), text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Event, Subject};

    fn record(reason: &str) -> Record {
        Record {
            at: "2024-05-01T10:00:00.123456789Z".parse().unwrap(),
            actor: Some("olaf".parse().unwrap()),
            subject: Subject {
                incident: Some("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()),
                run: None,
                drill: None,
            },
            event: Event::Escalated { reason: reason.parse().unwrap() },
        }
    }

    fn chain() -> Vec<Link> {
        let mut chain = Chain::default();
        ["one", "two", "three"].iter().map(|reason| chain.append(&record(reason)).unwrap()).collect()
    }

    #[test]
    fn an_untouched_chain_holds() {
        let links = chain();
        let verified = Chain::verify(&links).unwrap();
        assert_eq!((verified.length, verified.head), (3, links[2].hash));
        assert_eq!(Chain::verify(&[]).unwrap(), Chain::default());
    }

    #[test]
    fn it_can_be_followed_in_parts() {
        let links = chain();
        let mut head = Chain::verify(&links[..1]).unwrap();
        head.follow(&links[1]).unwrap();
        head.follow(&links[2]).unwrap();
        assert_eq!(head, Chain::verify(&links).unwrap());
    }

    #[test]
    fn a_changed_link_is_found() {
        let mut links = chain();
        links[1].text = links[1].text.replace("two", "too");
        assert_eq!(Chain::verify(&links), Err(Broken::Changed { seq: 2 }));
        // Whoever changes its hash too breaks the next one.
        links[1].hash = hash(2, links[1].previous, &links[1].text);
        assert_eq!(Chain::verify(&links), Err(Broken::Unlinked { seq: 3 }));
    }

    #[test]
    fn a_missing_a_doubled_and_a_swapped_link_are_found() {
        let gap = |expected, found| Err(Broken::Gap { expected, found });
        let mut missing = chain();
        missing.remove(1);
        assert_eq!(Chain::verify(&missing), gap(2, 3));
        let mut doubled = chain();
        doubled.insert(1, doubled[0].clone());
        assert_eq!(Chain::verify(&doubled), gap(2, 1));
        let mut swapped = chain();
        swapped.swap(0, 1);
        assert_eq!(Chain::verify(&swapped), gap(1, 2));
        let mut renumbered = chain();
        renumbered.remove(1);
        renumbered[1].seq = 2;
        assert_eq!(Chain::verify(&renumbered), Err(Broken::Unlinked { seq: 2 }));
    }

    #[test]
    fn a_cut_chain_holds_and_has_another_head() {
        let links = chain();
        assert_ne!(Chain::verify(&links[..2]).unwrap(), Chain::verify(&links).unwrap());
    }

    /// The bytes of the log must never come to mean something else: what was hashed years ago is verified today.
    #[test]
    fn the_format_stays() {
        let link = &chain()[0];
        let text = concat!(
            r#"{"actor":"olaf","at":"2024-05-01T10:00:00.123456789Z","event":{"reason":"one","type":"escalated"},"#,
            r#""subject":{"drill":null,"incident":"01890a5d-ac96-774b-bcce-b302099a8057","run":null}}"#,
        );
        assert_eq!(link.text, text);
        // By another program: sha256 over each part after its length in 8 bytes, big-endian.
        assert_eq!(link.hash.hex(), "b1d2c9c465df429c6b2a3a0f5285c9d1872efe2dd611007019166f1cee33935c");
    }
}
