//! Joining a service request on a node.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Attendance, Message, NodeName, Parties, ServiceRequestId, Status, time};

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
    /// What a function has vouched for of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<String>,
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
    /// The first number that is kept: what came before is deleted, and a cursor before it jumps there.
    pub first_seq: i64,
    /// Its last number; one less than the first when nothing is kept.
    pub last_seq: i64,
    /// The database's history.
    pub epoch: String,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    #[serde(serialize_with = "time::serialize_maybe")]
    pub closed_at: Option<DateTime<Utc>>,
    /// The number of its last change.
    pub version: i64,
    /// Its parties.
    pub who: Parties,
    /// Those of them that are on other nodes.
    pub elsewhere: Attendance,
    /// The first page after the client's number; empty when it wants new messages only.
    pub messages: Vec<Message>,
    /// Whether history has more after that page.
    pub has_more: bool,
    /// Whether the client's number counted as 0, because it is of another history than the database's: it came with
    /// another epoch, or is beyond the last one.
    pub restarted: bool,
    /// What the function vouches for of the token, unless somebody has before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<String>,
}
