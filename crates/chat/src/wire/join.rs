//! Joining a service request on a node.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Message, NodeName, Parties, PartyPresence, ServiceRequestId, Status};

/// `POST /internal/join`: a connection of this node wants to follow a service request.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequest {
    /// The relay that asks, and is rung from now on.
    pub node: NodeName,
    /// The run of that relay: what an earlier run registered is void.
    pub incarnation: Uuid,
    /// The user's token.
    pub token: String,
    /// Which service request, as the client gave it.
    pub service_request_id: String,
    /// The last number that the client has; without it, it wants new messages only.
    #[serde(default)]
    pub after_seq: Option<i64>,
    /// The history that this number belongs to.
    #[serde(default)]
    pub epoch: Option<String>,
}

/// The answer, as of one moment: whatever is committed later rings the node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinAnswer {
    /// The service request.
    pub service_request_id: ServiceRequestId,
    /// Its last number.
    pub last_seq: i64,
    /// Numbers up to this one are gone: a cursor jumps over them.
    pub purged_through: i64,
    /// The database's history.
    pub epoch: String,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// The number of its last change.
    pub version: i64,
    /// Its parties as a client sees them, this user counted as connected.
    pub parties: Vec<PartyPresence>,
    /// Its parties.
    pub who: Parties,
    /// The first page after the client's number; empty when it wants new messages only.
    pub messages: Vec<Message>,
    /// Whether history has more after that page.
    pub has_more: bool,
    /// Whether the client's number belongs to another history, and counted as 0.
    pub replay: bool,
}
