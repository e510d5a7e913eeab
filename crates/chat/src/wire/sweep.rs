//! The sweep: each relay asks now and then what has changed, so that nothing depends on a ring that was lost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{NodeName, Parties, ServiceRequestId, Status};

/// `POST /internal/sweep`: what this node holds, each with the version that it knows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepRequest {
    /// The relay that asks; it counts as alive from now on.
    pub node: NodeName,
    /// The run of that relay: what an earlier run registered is void.
    pub incarnation: Uuid,
    /// Service requests, and their versions as known there.
    pub conversations: Vec<(ServiceRequestId, i64)>,
}

/// The answer: what differs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepAnswer {
    /// The database's history.
    pub epoch: String,
    /// The service requests whose version is another one.
    pub changed: Vec<SweepChange>,
}

/// A service request as it is now.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepChange {
    /// The service request.
    pub id: ServiceRequestId,
    /// The number of its last change; [`SweepChange::VANISHED`] when this history does not have it.
    pub version: i64,
    /// Its last number.
    pub last_seq: i64,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// Its parties; `None` when it has vanished: nobody gets anything of it.
    pub who: Option<Parties>,
}

impl SweepChange {
    /// The version of what a restored database does not have.
    pub const VANISHED: i64 = -1;
}
