//! Leaving service requests on a node.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{NodeName, ServiceRequestId, UserId};

/// `POST /internal/leave`: users of this node follow these service requests no longer, on any connection there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveRequest {
    /// The relay that asks.
    pub node: NodeName,
    /// The run of that relay.
    pub incarnation: Uuid,
    /// Who leaves what.
    pub left: Vec<Leave>,
}

/// One user leaves one service request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leave {
    /// The service request.
    pub service_request_id: ServiceRequestId,
    /// The user.
    pub user_id: UserId,
}

/// The answer: done. Later releases may say more.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeaveAnswer {}
