//! A service request, as the platform and its parties see it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{CenterId, Parties, ServiceRequestId, Status, UserId, time};

/// The answer to `PUT` and `GET /v1/service-requests/{id}`.
///
/// Once its history is purged it names nobody; see [`parties`](Self::parties).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRequest {
    /// The service request.
    pub id: ServiceRequestId,
    /// The customer; `None` when the history is purged.
    pub customer_id: Option<UserId>,
    /// The assigned technician; `None` while there is none, too.
    pub technician_id: Option<UserId>,
    /// The service centre; `None` when the history is purged.
    pub service_center_id: Option<CenterId>,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    #[serde(serialize_with = "time::serialize_maybe")]
    pub closed_at: Option<DateTime<Utc>>,
    /// Where the last report stands in the order that its owner gives them; `None` when none has said.
    pub revision: Option<i64>,
    /// How often what is reported has changed; a part of the [`tag`](Self::tag).
    #[serde(skip)]
    pub reports: i64,
    /// The number of its last message.
    pub last_seq: i64,
    /// The database's history.
    pub epoch: String,
}

impl ServiceRequest {
    /// Who talks in it; `None` when the history is purged.
    #[must_use]
    pub fn parties(&self) -> Option<Parties> {
        let (customer_id, service_center_id) = (self.customer_id.clone()?, self.service_center_id.clone()?);
        Some(Parties { customer_id, technician_id: self.technician_id.clone(), service_center_id })
    }

    /// The opaque part of its entity tag, another one whenever anything of it is: `epoch.reports.lastSeq`.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{}.{}.{}", self.epoch, self.reports, self.last_seq)
    }

    /// What of such a tag stands for the report. Who reports does not mind the messages that came meanwhile.
    #[must_use]
    pub fn reported(tag: &str) -> &str {
        tag.rsplit_once('.').map_or(tag, |(reported, _)| reported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_report_and_what_was_said_since() {
        let request: ServiceRequest = serde_json::from_value(serde_json::json!({
            "id": "a", "customerId": null, "technicianId": null, "serviceCenterId": null, "status": "closed",
            "closedAt": null, "revision": 7, "lastSeq": 12, "epoch": "e-1",
        }))
        .unwrap();
        assert_eq!(request.parties(), None);
        assert_eq!(ServiceRequest { reports: 3, ..request }.tag(), "e-1.3.12");
        assert_eq!(ServiceRequest::reported("e-1.3.12"), "e-1.3");
        for other in ["", "7", "*"] {
            assert_eq!(ServiceRequest::reported(other), other);
        }
    }
}
