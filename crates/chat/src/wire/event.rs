//! The event that rings a relay.

use std::fmt;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::wire::{Secrets, SecretsError};
use crate::{Message, NodeName, Parties, ServiceRequestId, Status, time};

/// What has changed, told to one node.
///
/// It travels through Redis and a function that can't read keys, so it carries a MAC: who can write to Redis forges
/// nothing. It may come late, twice or never; the receiver goes by numbers and versions alone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The node that it is for; another node takes no notice.
    pub to: NodeName,
    /// The history of the database that it comes from.
    pub epoch: String,
    /// The conversations that have changed.
    pub conversations: Vec<EventConversation>,
    /// The conversations in which somebody has come or gone. Who, the receiver asks: an answer of the database is in order
    /// with its other answers, and what travels by rings is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presence: Vec<ServiceRequestId>,
}

/// What has changed in one conversation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventConversation {
    /// The service request.
    pub id: ServiceRequestId,
    /// The number of its last change, as of the same transaction.
    pub version: i64,
    /// The number of its last message, as of the same transaction. The messages below may be older ones that were sent again.
    pub last_seq: i64,
    /// Its parties, as of the same transaction: nobody else gets these messages.
    pub who: Parties,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    #[serde(serialize_with = "time::serialize_maybe")]
    pub closed_at: Option<DateTime<Utc>>,
    /// Messages that are new, or that somebody has sent again, in ascending order.
    #[serde(default)]
    pub messages: Vec<Message>,
}

/// Why bytes are no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// No MAC of this key: made by somebody else, or changed on the way.
    #[error("the event is not signed with the delivery key")]
    Forged,
    /// Signed, and yet no event that this version knows.
    #[error("the event can't be read")]
    Unreadable(#[source] serde_json::Error),
}

/// What stands between the MACs and the JSON.
const SEPARATOR: u8 = b'.';

/// What stands between two MACs.
const COMMA: u8 = b',';

impl Event {
    /// The event with its MAC: `lower-hex(HMAC-SHA256(key, json)) "." json`. While the key is being exchanged there are two,
    /// `new "," old`: whoever knows either can check it.
    ///
    /// # Errors
    /// Returns an error of the JSON writer, which none of these types gives cause for.
    pub fn sign(&self, key: &DeliveryKey) -> Result<Vec<u8>, serde_json::Error> {
        let json = serde_json::to_vec(self)?;
        let macs: Vec<_> = key.macs(&json).map(|mac| hex::encode(mac.finalize().into_bytes())).collect();
        let mut signed = macs.join(",").into_bytes();
        signed.reserve_exact(1 + json.len());
        signed.push(SEPARATOR);
        signed.extend_from_slice(&json);
        Ok(signed)
    }

    /// Reads a signed event. Nothing is read before its MAC is checked.
    ///
    /// # Errors
    /// Returns [`EventError::Forged`] for bytes without the MAC of this key, [`EventError::Unreadable`] for bytes that
    /// have it and are no event.
    pub fn open(key: &DeliveryKey, signed: &[u8]) -> Result<Self, EventError> {
        let json = key.open(signed)?;
        serde_json::from_slice(json).map_err(EventError::Unreadable)
    }
}

/// The secret that functions sign events with and relays check them by; while it is being exchanged, both.
#[derive(Clone)]
pub struct DeliveryKey(Vec<Hmac<Sha256>>);

impl DeliveryKey {
    /// Takes a secret of any length but none, or two with a comma between: see [`Secrets`].
    ///
    /// # Errors
    /// Returns [`SecretsError`] for an empty secret: whoever forgot to set it would otherwise take anybody's events.
    pub fn new(secrets: &str) -> Result<Self, SecretsError> {
        let secrets = Secrets::parse(secrets)?;
        let keys = secrets.all().map(|secret| Hmac::new_from_slice(secret.as_bytes()));
        // An HMAC takes keys of any length.
        Ok(Self(keys.collect::<Result<_, _>>().map_err(|_| SecretsError::Empty)?))
    }

    /// The JSON of a signed event, when a MAC is that of a key. The MACs are compared in constant time.
    ///
    /// # Errors
    /// Returns [`EventError::Forged`] for any other bytes.
    pub fn open<'a>(&self, signed: &'a [u8]) -> Result<&'a [u8], EventError> {
        let at = signed.iter().position(|byte| *byte == SEPARATOR).ok_or(EventError::Forged)?;
        let (given, rest) = signed.split_at_checked(at).ok_or(EventError::Forged)?;
        let json = rest.get(1..).ok_or(EventError::Forged)?;
        // Upper-case digits would be a second spelling of one event.
        if given.iter().any(u8::is_ascii_uppercase) {
            return Err(EventError::Forged);
        }
        // Nobody signs with more than two, and nobody is made to try more.
        let given: Result<Vec<_>, _> = given.split(|byte| *byte == COMMA).take(2).map(hex::decode).collect();
        let given = given.map_err(|_| EventError::Forged)?;
        let is_one = |mac: Hmac<Sha256>| given.iter().any(|given| mac.clone().verify_slice(given).is_ok());
        if self.macs(json).any(is_one) { Ok(json) } else { Err(EventError::Forged) }
    }

    fn macs(&self, json: &[u8]) -> impl Iterator<Item = Hmac<Sha256>> {
        self.0.iter().map(move |key| key.clone().chain_update(json))
    }
}

impl fmt::Debug for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliveryKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        serde_json::from_value(serde_json::json!({
            "to": "a", "epoch": "e1", "presence": ["sr-2"],
            "conversations": [{
                "id": "sr-1", "version": 7, "lastSeq": 4, "status": "closed", "closedAt": "2024-01-01T00:00:00Z",
                "who": {"customerId": "carla", "technicianId": null, "serviceCenterId": "north"},
                "messages": [],
            }],
        }))
        .unwrap()
    }

    fn key(secret: &str) -> DeliveryKey {
        DeliveryKey::new(secret).unwrap()
    }

    #[test]
    fn what_one_signs_the_other_opens() {
        let signed = event().sign(&key("secret")).unwrap();
        assert_eq!(signed[64], b'.');
        assert_eq!(Event::open(&key("secret"), &signed).unwrap(), event());
    }

    #[test]
    fn it_is_hmac_sha256_as_anybody_computes_it() {
        // RFC 4231, test case 2.
        let mac = key("Jefe").macs(b"what do ya want for nothing?").next().unwrap().finalize().into_bytes();
        assert_eq!(hex::encode(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn what_is_changed_or_signed_by_another_key_is_forged() {
        let signed = event().sign(&key("secret")).unwrap();
        for at in 0..signed.len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            assert!(matches!(Event::open(&key("secret"), &changed), Err(EventError::Forged)), "byte {at}");
        }
        let json = serde_json::to_string(&event()).unwrap();
        for forged in [String::new(), ".".into(), json.clone(), format!(".{json}"), format!("00.{json}")] {
            assert!(matches!(Event::open(&key("secret"), forged.as_bytes()), Err(EventError::Forged)));
        }
        let upper = [signed[..64].to_ascii_uppercase(), signed[64..].to_vec()].concat();
        assert!(matches!(Event::open(&key("secret"), &upper), Err(EventError::Forged)));
        assert!(matches!(Event::open(&key("other"), &signed), Err(EventError::Forged)));
    }

    #[test]
    fn while_a_key_is_exchanged_whoever_has_either_opens_what_either_signs() {
        let parts = ["old", "new,old", "new"].map(key);
        for (signer, name) in parts.iter().zip(["old", "both", "new"]) {
            let signed = event().sign(signer).unwrap();
            for (opener, other) in parts.iter().zip(["old", "both", "new"]) {
                let opened = Event::open(opener, &signed);
                assert_eq!(opened.is_ok(), name == other || [name, other].contains(&"both"), "{name} to {other}");
            }
            assert!(matches!(Event::open(&key("third"), &signed), Err(EventError::Forged)));
        }
        // One right MAC among many is no better than none: the third is not looked at.
        let signed = event().sign(&key("new,old")).unwrap();
        let wrong = [b"00,".repeat(2), signed].concat();
        assert!(matches!(Event::open(&key("old"), &wrong), Err(EventError::Forged)));
    }

    #[test]
    fn a_key_keeps_somebody_out_and_itself_in() {
        assert_eq!(DeliveryKey::new("").unwrap_err(), SecretsError::Empty);
        assert_eq!(DeliveryKey::new("a,b,c").unwrap_err(), SecretsError::TooMany);
        assert_eq!(format!("{:?}", key("secret")), "DeliveryKey(…)");
    }
}
