//! A service request, as the platform and its parties see it.

use serde::{Deserialize, Serialize};

use crate::{Report, ServiceRequestId};

/// The answer to `PUT` and `GET /v1/service-requests/{id}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRequest {
    /// The service request.
    pub id: ServiceRequestId,
    /// What its owner has reported of it.
    #[serde(flatten)]
    pub report: Report,
    /// The number of its last message.
    pub last_seq: i64,
    /// The database's history.
    pub epoch: String,
}
