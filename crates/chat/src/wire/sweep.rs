//! The sweep: each relay asks now and then what has changed, so that nothing depends on a ring that was lost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Attendance, NodeName, Parties, Role, ServiceRequestId, Status, UserId, time};

/// `POST /internal/sweep`: what this node holds, each with what it knows of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepRequest {
    /// The relay that asks; it counts as alive from now on.
    pub node: NodeName,
    /// The run of that relay: what an earlier run registered is void.
    pub incarnation: Uuid,
    /// Service requests, and what is known of them there.
    pub conversations: Vec<Held>,
    /// Who follows them there and is not registered, as an earlier answer has shown: registered before anything is compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
    /// Which part of the node's registrations to list, whatever the node holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
}

/// A service request that a node holds, and what it knows of it. In JSON an array of the members, for there are many.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "HeldMembers", into = "HeldMembers")]
pub struct Held {
    /// The service request.
    pub id: ServiceRequestId,
    /// Its version as known there.
    pub version: i64,
    /// The parties that follow it there.
    pub here: Attendance,
    /// The parties that are about to, who may be registered or not.
    pub coming: Attendance,
    /// The parties that are on other nodes, as known there.
    pub elsewhere: Attendance,
}

type HeldMembers = (ServiceRequestId, i64, Attendance, Attendance, Attendance);

impl From<HeldMembers> for Held {
    fn from((id, version, here, coming, elsewhere): HeldMembers) -> Self {
        Self { id, version, here, coming, elsewhere }
    }
}

impl From<Held> for HeldMembers {
    fn from(Held { id, version, here, coming, elsewhere }: Held) -> Self {
        (id, version, here, coming, elsewhere)
    }
}

/// A user who follows a service request on a node.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Follower {
    /// The service request.
    pub service_request_id: ServiceRequestId,
    /// The user.
    pub user_id: UserId,
    /// As what they take part.
    pub role: Role,
}

/// A part of a node's registrations, in an order of the database's own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Inventory {
    /// Where the part before ended; 0 for the first one.
    pub after: i64,
    /// About how many to list.
    pub most: i64,
}

/// The answer: what differs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepAnswer {
    /// The database's history.
    pub epoch: String,
    /// The service requests of which something is otherwise than the node knows.
    pub changed: Vec<SweepChange>,
    /// Registrations of the node: those of the inventory, and of service requests that have too many. Whoever does not follow
    /// there any longer is to be taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registered: Vec<(ServiceRequestId, UserId)>,
    /// Where the inventory goes on; `None` at its end, and when none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<i64>,
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
    #[serde(serialize_with = "time::serialize_maybe")]
    pub closed_at: Option<DateTime<Utc>>,
    /// Its parties; `None` when it has vanished: nobody gets anything of it.
    pub who: Option<Parties>,
    /// The parties that are registered for this node.
    pub here: Attendance,
    /// The parties that are on other nodes.
    pub elsewhere: Attendance,
}

impl SweepChange {
    /// The version of what a restored database does not have.
    pub const VANISHED: i64 = -1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_an_array_of_its_members() {
        let held = Held {
            id: "sr-1".parse().unwrap(),
            version: 17,
            here: Attendance::of(Role::Customer),
            coming: Attendance::NOBODY,
            elsewhere: Attendance::of(Role::Technician),
        };
        let json = serde_json::to_string(&held).unwrap();
        assert_eq!(json, r#"["sr-1",17,1,0,2]"#);
        assert_eq!(serde_json::from_str::<Held>(&json).unwrap(), held);
    }
}
