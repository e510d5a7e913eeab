//! The event that rings a relay.

use std::fmt;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{Message, NodeName, Parties, ServiceRequestId, Status, UserId};

/// What has changed, told to one node.
///
/// It travels through Redis and a function that can't read keys, so it carries a MAC: who can write to Redis forges
/// nothing. It may come late, twice or never; the receiver goes by numbers and versions alone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The node that it is for; another node takes no notice.
    pub to: NodeName,
    /// When it was made, in milliseconds since 1970.
    pub at: i64,
    /// The history of the database that it comes from.
    pub epoch: String,
    /// The conversations that have changed.
    pub conversations: Vec<EventConversation>,
}

/// What has changed in one conversation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventConversation {
    /// The service request.
    pub id: ServiceRequestId,
    /// The number of its last change, as of the same transaction.
    pub version: i64,
    /// Its parties, as of the same transaction: nobody else gets these messages.
    pub who: Parties,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// The new messages, in ascending order.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// Who has come or gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presence: Vec<Presence>,
}

/// Somebody has come or gone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// Who.
    pub user_id: UserId,
    /// Whether they are there now.
    pub online: bool,
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

/// What stands between the MAC and the JSON.
const SEPARATOR: u8 = b'.';

impl Event {
    /// The event with its MAC: `lower-hex(HMAC-SHA256(key, json)) "." json`.
    ///
    /// # Errors
    /// Returns an error of the JSON writer, which none of these types gives cause for.
    pub fn sign(&self, key: &DeliveryKey) -> Result<Vec<u8>, serde_json::Error> {
        let json = serde_json::to_vec(self)?;
        let mut signed = hex::encode(key.mac(&json).finalize().into_bytes()).into_bytes();
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

/// The secret that functions sign events with and relays check them by.
#[derive(Clone)]
pub struct DeliveryKey(Hmac<Sha256>);

/// A key that keeps nobody out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the delivery key is empty")]
pub struct EmptyKey;

impl DeliveryKey {
    /// Takes a secret of any length but none.
    ///
    /// # Errors
    /// Returns [`EmptyKey`] for an empty secret: whoever forgot to set it would otherwise take anybody's events.
    pub fn new(secret: &[u8]) -> Result<Self, EmptyKey> {
        if secret.is_empty() {
            return Err(EmptyKey);
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| EmptyKey)
    }

    /// The JSON of a signed event, when the MAC is this key's. The MACs are compared in constant time.
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
        let given = hex::decode(given).map_err(|_| EventError::Forged)?;
        self.mac(json).verify_slice(&given).map_err(|_| EventError::Forged)?;
        Ok(json)
    }

    fn mac(&self, json: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(json)
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
            "to": "a", "at": 1_700_000_000_000_i64, "epoch": "e1",
            "conversations": [{
                "id": "sr-1", "version": 7, "status": "closed", "closedAt": "2024-01-01T00:00:00Z",
                "who": {"customerId": "carla", "technicianId": null, "serviceCenterId": "north"},
                "messages": [], "presence": [{"userId": "carla", "online": true}],
            }],
        }))
        .unwrap()
    }

    fn key(secret: &str) -> DeliveryKey {
        DeliveryKey::new(secret.as_bytes()).unwrap()
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
        let mac = key("Jefe").mac(b"what do ya want for nothing?").finalize().into_bytes();
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
    fn a_key_keeps_somebody_out_and_itself_in() {
        assert_eq!(DeliveryKey::new(b"").unwrap_err(), EmptyKey);
        assert_eq!(format!("{:?}", key("secret")), "DeliveryKey(…)");
    }
}
