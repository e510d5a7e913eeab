//! A message, as clients see it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Role, ServiceRequestId, UserId, time};

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
    #[serde(serialize_with = "time::serialize")]
    pub sent_at: DateTime<Utc>,
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
        let written = serde_json::to_value(Message { sent_at: "2024-03-01T00:00:00Z".parse().unwrap(), ..message });
        assert_eq!(written.unwrap()["sentAt"], "2024-03-01T00:00:00.000000Z");
    }
}
