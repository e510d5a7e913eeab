//! The chain that ties the messages of a conversation together.
//!
//! Each message's link is made of the one before it, of the digest of its body, and of who said it when. Who changes,
//! moves or removes a message has to change every later link as well. Only the digest of a body is in the chain: bodies
//! can be erased, and what is left still verifies.

use sha2::{Digest, Sha256};

use crate::Message;

/// A digest or a link: 32 bytes of SHA-256.
pub type Hash = [u8; 32];

/// The digest of a body.
#[must_use]
pub fn digest(body: &str) -> Hash {
    Sha256::digest(body).into()
}

/// The link of a message, after the link of the message before it (empty for the first), with the digest of its body.
///
/// The database computes the same, when it stores a message.
#[must_use]
pub fn link(before: &[u8], digest: &Hash, message: &Message) -> Hash {
    let Message { id, seq, sender_id, sender_role, client_message_id, sent_at, .. } = message;
    // The sender comes last, being the only part that may have spaces in it.
    let header = format!("{seq} {id} {client_message_id} {} {sender_role} {sender_id}", sent_at.timestamp_micros());
    Sha256::new().chain_update(before).chain_update(digest).chain_update(header).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        serde_json::from_value(serde_json::json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "serviceRequestId": "sr-1", "seq": 1, "senderId": "carla",
            "senderRole": "customer", "clientMessageId": "6fa459ea-ee8a-4ca4-894e-db77e160355e", "body": "hello",
            "sentAt": "2024-02-29T23:59:59Z",
        }))
        .unwrap()
    }

    #[test]
    fn every_part_is_in_the_link() {
        let digest = digest("hello");
        let link_of = |message: &Message| link(b"before", &digest, message);
        let original = link_of(&message());
        assert_eq!(original, link_of(&Message { body: "erased".into(), ..message() }), "the body by its digest only");
        for changed in [
            Message { seq: 2, ..message() },
            Message { id: uuid::Uuid::nil(), ..message() },
            Message { client_message_id: uuid::Uuid::nil(), ..message() },
            Message { sent_at: message().sent_at + chrono::TimeDelta::microseconds(1), ..message() },
            Message { sender_role: crate::Role::Technician, ..message() },
            Message { sender_id: "carl".parse().unwrap(), ..message() },
        ] {
            assert_ne!(original, link_of(&changed), "{changed:?}");
        }
        assert_ne!(original, link(b"other", &digest, &message()));
        assert_ne!(original, link(b"before", &super::digest("hallo"), &message()));
    }
}
