//! A message, as clients see it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::{Role, ServiceRequestId, UserId};

/// A message, as clients see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Names the message anywhere: a UUID of version 7.
    pub id: Uuid,
    /// The service request that it belongs to.
    pub service_request_id: ServiceRequestId,
    /// Its place there: 1, 2, 3 … without gaps.
    pub seq: i64,
    /// Who sent it.
    pub sender_id: UserId,
    /// As what they sent it.
    pub sender_role: Role,
    /// The sender's own name for it, by which a repeated send is known.
    pub client_message_id: Uuid,
    /// What it says. Plain text here and not [`Body`](crate::Body): what was stored under an older rule stays readable.
    pub body: String,
    /// When the database took it.
    #[serde(serialize_with = "in_one_piece")]
    pub sent_at: DateTime<Utc>,
}

/// Writes a time as [`chrono`] does by itself, at once: messages are written a lot, and piece by piece each piece is
/// searched for what to escape.
fn in_one_piece<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_members_of_the_contract() {
        let json = serde_json::json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057",
            "serviceRequestId": "sr-1",
            "seq": 1,
            "senderId": "carla",
            "senderRole": "customer",
            "clientMessageId": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
            "body": "hello",
            "sentAt": "2024-02-29T23:59:59.123456Z",
        });
        let message: Message = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&message).unwrap(), json);
        for time in ["2024-02-29T23:59:59Z", "2024-02-29T23:59:59.120Z", "0001-01-01T00:00:00.000001Z"] {
            let sent_at: DateTime<Utc> = time.parse().unwrap();
            let written = serde_json::to_value(Message { sent_at, ..message.clone() }).unwrap();
            assert_eq!((&written["sentAt"], serde_json::json!(sent_at)), (&time.into(), time.into()));
        }
    }
}
