//! Sending: one message or a batch.

use serde::{Deserialize, Serialize};

use crate::{Message, NodeName, Parties, Refusal, ServiceRequestId, Status};
use chrono::{DateTime, Utc};

/// `POST /internal/messages`: what users of one relay want to send.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendRequest {
    /// The relay that asks; it delivers to its own connections by the answer, so it is not rung.
    #[serde(default)]
    pub node: Option<NodeName>,
    /// How long to wait for a conversation that another transaction holds, in milliseconds. After that its items are
    /// [`Outcome::Busy`], and the others are stored. Without it the whole batch waits for as long as the database lets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<i64>,
    /// The users' tokens.
    pub tokens: Vec<String>,
    /// What functions have vouched for of them, by the same places; none at the end means none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouchers: Vec<Option<String>>,
    /// What they want to send; each in its own user's name only.
    pub items: Vec<SendItem>,
}

impl SendRequest {
    /// The most items of a batch.
    pub const MOST: usize = 64;
}

/// One message that somebody wants to send, as their client gave it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendItem {
    /// Whose: a place in [`SendRequest::tokens`].
    pub token: usize,
    /// Where it shall go.
    pub service_request_id: String,
    /// The sender's own name for it.
    pub client_message_id: String,
    /// What it says.
    pub body: String,
}

/// The answer: an outcome for each item.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendAnswer {
    /// The database's history that has them; `None` when the database was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// In the order of the items.
    pub outcomes: Vec<Outcome>,
    /// By the places of [`SendRequest::tokens`], what the function vouches for and nobody has before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouchers: Vec<Option<String>>,
    /// The conversations that got new messages or hold repeated ones.
    pub conversations: Vec<SentConversation>,
}

/// What became of one item.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(from = "OutcomeFields", untagged)]
pub enum Outcome {
    /// It is stored.
    Stored {
        /// Whether by this very call; else an earlier one had stored it.
        new: bool,
        /// The message: of an earlier call what that one stored.
        message: Box<Message>,
    },
    /// It is not.
    Refused {
        /// Why.
        error: Refusal,
    },
    /// Not now: another transaction holds the conversation. Nothing of the item is stored.
    Busy {
        /// `true`: it names the outcome.
        busy: bool,
    },
}

impl Outcome {
    /// Another transaction holds the conversation.
    pub const BUSY: Self = Self::Busy { busy: true };
}

/// The members of an [`Outcome`]. Reading them directly spares the copy that serde makes to try one variant after the
/// other.
#[derive(Deserialize)]
struct OutcomeFields {
    #[serde(default)]
    new: bool,
    message: Option<Box<Message>>,
    error: Option<Refusal>,
    #[serde(default)]
    busy: bool,
}

impl From<OutcomeFields> for Outcome {
    fn from(fields: OutcomeFields) -> Self {
        match fields {
            OutcomeFields { error: Some(error), .. } => Self::Refused { error },
            OutcomeFields { message: Some(message), new, .. } => Self::Stored { new, message },
            OutcomeFields { busy: true, .. } => Self::BUSY,
            // A function of another version, perhaps: nobody knows what became of the item.
            _ => Self::Refused { error: crate::ErrorCode::Unavailable.refusal("the answer names no outcome") },
        }
    }
}

/// A conversation of a batch, as of the transaction that stored it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentConversation {
    /// The service request.
    pub id: ServiceRequestId,
    /// The number of its last change.
    pub version: i64,
    /// The number of its last message, which need not be one of the batch.
    pub last_seq: i64,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    #[serde(serialize_with = "crate::time::serialize_maybe")]
    pub closed_at: Option<DateTime<Utc>>,
    /// Its parties: nobody else gets the messages.
    pub parties: Parties,
    /// The nodes that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn an_outcome_is_a_message_or_an_error_or_to_come() {
        let message = serde_json::json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "serviceRequestId": "sr-1", "seq": 1, "senderId": "carla",
            "senderRole": "customer", "clientMessageId": "6fa459ea-ee8a-4ca4-894e-db77e160355e", "body": "hello",
            "sentAt": "2024-02-29T23:59:59.000000Z",
        });
        for json in [
            serde_json::json!({"new": true, "message": message}),
            serde_json::json!({"error": {"code": "closed", "detail": "closed"}}),
            serde_json::json!({"busy": true}),
        ] {
            let outcome: Outcome = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(serde_json::to_value(&outcome).unwrap(), json);
        }
    }

    #[test]
    fn no_outcome_is_an_unknown_one() {
        let outcome: Outcome = serde_json::from_str("{}").unwrap();
        assert!(matches!(outcome, Outcome::Refused { error } if error.code == ErrorCode::Unavailable));
    }

    #[test]
    fn an_item_is_what_the_client_gave() {
        let request: SendRequest = serde_json::from_str(
            r#"{"tokens":["t"],"items":[{"token":0,"serviceRequestId":"no good","clientMessageId":"","body":"\u0000"}]}"#,
        )
        .unwrap();
        assert!(request.node.is_none());
        assert_eq!(request.items[0].service_request_id, "no good");
    }
}
