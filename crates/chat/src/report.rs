//! A service request, as its owner reports it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    CenterId, FieldError, Parties, Refusal, Status, UserId,
    draft::{object, required_text},
    time,
};

/// A service request, as its owner reports it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Who talks in it.
    #[serde(flatten)]
    pub parties: Parties,
    /// Whether it takes messages.
    pub status: Status,
    /// When its owner closed it; without it, a closing counts from when it is recorded.
    #[serde(serialize_with = "time::serialize_maybe")]
    pub closed_at: Option<DateTime<Utc>>,
    /// Where it stands among the reports of this service request, from 0: none undoes a later one. `None` when its owner
    /// gives them no order.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// The fields of a report as a client sent them, before any is known to be there or to be of its type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReportForm {
    customer_id: Value,
    technician_id: Value,
    service_center_id: Value,
    status: Value,
    closed_at: Value,
    revision: Value,
}

impl ReportForm {
    /// Reads the JSON object of a report.
    ///
    /// # Errors
    /// Returns [`ErrorCode::Malformed`](crate::ErrorCode::Malformed) for what is no JSON object.
    pub fn from_json(json: &[u8]) -> Result<Self, Refusal> {
        object(json)
    }

    /// Checks the fields. That `closedAt` is not in the future is for the database to check, by its clock.
    ///
    /// # Errors
    /// Returns a refusal that names every field which is missing or breaks its rule.
    pub fn check(self) -> Result<Report, Refusal> {
        let customer = required_text("customerId", self.customer_id).and_then(|text| parsed("customerId", &text));
        let technician = optional_text("technicianId", self.technician_id)
            .and_then(|text| text.map(|text| parsed::<UserId>("technicianId", &text)).transpose());
        let center =
            required_text("serviceCenterId", self.service_center_id).and_then(|text| parsed("serviceCenterId", &text));
        let status = required_text("status", self.status).and_then(|text| parsed::<Status>("status", &text));
        let closed_at = optional_text("closedAt", self.closed_at)
            .and_then(|text| text.map(|text| parsed_time("closedAt", &text)).transpose())
            .and_then(|time| match (&status, time) {
                (Ok(Status::Open), Some(_)) => Err(FieldError::new("closedAt", "must be absent while open")),
                (_, time) => Ok(time),
            });
        let revision = optional_revision("revision", &self.revision);
        match (customer, technician, center, status, closed_at, revision) {
            (Ok(customer_id), Ok(technician_id), Ok(service_center_id), Ok(status), Ok(closed_at), Ok(revision)) => {
                let parties = Parties { customer_id, technician_id, service_center_id };
                Ok(Report { parties, status, closed_at, revision })
            }
            (customer, technician, center, status, closed_at, revision) => {
                let errors: [Option<FieldError>; 6] = [
                    customer.err(),
                    technician.err(),
                    center.map(|_: CenterId| ()).err(),
                    status.err(),
                    closed_at.err(),
                    revision.err(),
                ];
                Err(Refusal::invalid(errors.into_iter().flatten().collect()))
            }
        }
    }
}

/// An integer from 0. `12.0` is 12, as in JSON Schema: some writers know no integers.
fn optional_revision(field: &str, value: &Value) -> Result<Option<i64>, FieldError> {
    // Beyond this a float stands for several integers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |float: f64| (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i64);
    match value.as_i64().or_else(|| value.as_f64().filter(|_| !value.is_u64()).and_then(whole)) {
        Some(revision) if revision >= 0 => Ok(Some(revision)),
        None if value.is_null() => Ok(None),
        _ => Err(FieldError::new(field, "must be an integer from 0 to 9223372036854775807")),
    }
}

fn optional_text(field: &str, value: Value) -> Result<Option<String>, FieldError> {
    if value.is_null() { Ok(None) } else { required_text(field, value).map(Some) }
}

fn parsed<T: std::str::FromStr<Err: ToString>>(field: &str, text: &str) -> Result<T, FieldError> {
    text.parse().map_err(|error: T::Err| FieldError::new(field, error))
}

fn parsed_time(field: &str, text: &str) -> Result<DateTime<Utc>, FieldError> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| FieldError::new(field, "must be a time as in RFC 3339"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<Report, Vec<String>> {
        ReportForm::from_json(json.as_bytes())
            .and_then(ReportForm::check)
            .map_err(|refusal| refusal.errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn a_report_keeps_every_rule() {
        let report = check(
            r#"{"customerId":"carla","serviceCenterId":"north","technicianId":"theo","status":"closed",
                "closedAt":"2024-02-29T12:00:00+01:00"}"#,
        )
        .unwrap();
        assert_eq!(report.parties.technician_id.unwrap().as_str(), "theo");
        assert_eq!(report.closed_at.unwrap().to_rfc3339(), "2024-02-29T11:00:00+00:00");
        let open = check(r#"{"customerId":"c","serviceCenterId":"n","status":"open","closedAt":null}"#).unwrap();
        assert_eq!((open.status, open.closed_at, open.parties.technician_id), (Status::Open, None, None));
    }

    #[test]
    fn every_field_at_fault_is_named() {
        assert_eq!(check("{}").unwrap_err(), ["customerId", "serviceCenterId", "status"]);
        assert_eq!(
            check(r#"{"customerId":1,"serviceCenterId":"","technicianId":[],"status":"Open","closedAt":"today"}"#)
                .unwrap_err(),
            ["customerId", "technicianId", "serviceCenterId", "status", "closedAt"]
        );
        let open_and_closed =
            r#"{"customerId":"c","serviceCenterId":"n","status":"open","closedAt":"2024-01-01T00:00:00Z"}"#;
        assert_eq!(check(open_and_closed).unwrap_err(), ["closedAt"]);
        assert!(check("[]").unwrap_err().is_empty());
    }

    #[test]
    fn a_revision_is_an_integer_from_0() {
        let with = |revision: &str| {
            let rest = r#""customerId":"c","serviceCenterId":"n","status":"open""#;
            check(&format!("{{{rest},\"revision\":{revision}}}")).map(|report| report.revision)
        };
        for (good, revision) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("12.0", Some(12)),
            ("1e3", Some(1_000)),
            ("9223372036854775807", Some(i64::MAX)),
            ("null", None),
        ] {
            assert_eq!(with(good).unwrap(), revision, "{good}");
        }
        let wrong = [
            "-1",
            "1.5",
            "-0.5",
            "9223372036854775808",
            "18446744073709551615",
            "1e19",
            "1e300",
            "\"7\"",
            "true",
            "[]",
        ];
        for bad in wrong {
            assert_eq!(with(bad).unwrap_err(), ["revision"], "{bad}");
        }
    }
}
