//! Alertmanager's webhook, version 4.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Alert, AlertStatus, Fingerprint, Labels, Notification, named};
use crate::NameError;

/// Why a body is no notification. Alertmanager retries none of these, so whoever answers with one must log it loudly.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It is not the JSON that Alertmanager sends.
    #[error("the body is not a notification of Alertmanager")]
    Unreadable(#[from] serde_json::Error),
    /// It is of another version.
    #[error("the notification is of version {0:?}, not \"4\"")]
    Version(String),
    /// An alert has no fingerprint.
    #[error("an alert is not identified")]
    Unidentified(#[from] NameError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    version: String,
    receiver: String,
    group_key: String,
    #[serde(default)]
    group_labels: Labels,
    #[serde(default)]
    truncated_alerts: u32,
    alerts: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    status: AlertStatus,
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    fingerprint: String,
}

impl Item {
    fn into_alert(self) -> Result<Alert, NameError> {
        Ok(Alert {
            fingerprint: Fingerprint::parse(self.fingerprint)?,
            name: named(&self.labels)?,
            status: self.status,
            labels: self.labels,
            annotations: self.annotations,
            starts_at: self.starts_at,
            // While an alert fires Alertmanager gives the beginning of its calendar, or a guess.
            ends_at: (self.status == AlertStatus::Resolved).then_some(self.ends_at),
        })
    }
}

/// Reads a notification. Of two alerts with one fingerprint the firing one counts.
///
/// # Errors
/// Returns [`WebhookError`] for a body of another shape or version, or with an alert that has no fingerprint.
pub fn read(body: &[u8]) -> Result<Notification, WebhookError> {
    let body: Body = serde_json::from_slice(body)?;
    if body.version != "4" {
        return Err(WebhookError::Version(body.version));
    }
    let mut alerts: BTreeMap<Fingerprint, Alert> = BTreeMap::new();
    for item in body.alerts {
        let alert = item.into_alert()?;
        let known = alerts.get(&alert.fingerprint);
        if known.is_none_or(|known| known.status == AlertStatus::Resolved) {
            alerts.insert(alert.fingerprint.clone(), alert);
        }
    }
    Ok(Notification {
        receiver: body.receiver,
        group: body.group_key,
        labels: body.group_labels,
        alerts: alerts.into_values().collect(),
        truncated: body.truncated_alerts.into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn item(fingerprint: &str, status: &str) -> Value {
        json!({
            "status": status,
            "labels": {"alertname": "HighAPILatency", "severity": "critical"},
            "annotations": {"summary": "p95 is 0.65 s"},
            "startsAt": "2024-05-01T10:00:00.123456789Z",
            "endsAt": if status == "firing" { "0001-01-01T00:00:00Z" } else { "2024-05-01T10:30:00Z" },
            "generatorURL": "http://prometheus/graph",
            "fingerprint": fingerprint,
        })
    }

    fn body(alerts: &[Value]) -> Value {
        json!({
            "version": "4",
            "receiver": "hubline",
            "status": "firing",
            "groupKey": "{}:{alertname=\"HighAPILatency\"}",
            "groupLabels": {"alertname": "HighAPILatency"}, "commonLabels": {}, "commonAnnotations": {},
            "externalURL": "http://alertmanager",
            "truncatedAlerts": 3,
            "notification_reason": "first notification",
            "alerts": alerts,
        })
    }

    fn read(body: &Value) -> Result<Notification, WebhookError> {
        super::read(body.to_string().as_bytes())
    }

    #[test]
    fn a_notification_is_read() {
        let notification = read(&body(&[item("ab12", "firing"), item("cd34", "resolved")])).unwrap();
        assert_eq!((notification.truncated, notification.labels["alertname"].as_str()), (3, "HighAPILatency"));
        let [firing, resolved] = &notification.alerts[..] else { panic!("two alerts") };
        assert_eq!((firing.name.as_str(), firing.ends_at), ("HighAPILatency", None));
        assert_eq!(resolved.ends_at, Some("2024-05-01T10:30:00Z".parse().unwrap()));
    }

    #[test]
    fn of_one_fingerprint_the_firing_one_counts() {
        for order in [["firing", "resolved"], ["resolved", "firing"]] {
            let notification = read(&body(&order.map(|status| item("ab12", status)))).unwrap();
            assert_eq!(notification.alerts.len(), 1);
            assert_eq!(notification.alerts[0].status, AlertStatus::Firing);
        }
    }

    #[test]
    fn an_alert_without_a_name_is_still_one() {
        let mut alert = item("ab12", "firing");
        alert["labels"].as_object_mut().unwrap().remove("alertname");
        assert_eq!(read(&body(&[alert.clone()])).unwrap().alerts[0].name.as_str(), "unnamed");
        for (odd, name) in [("a\nb", "a b".to_owned()), (&"ä".repeat(300), "ä".repeat(256))] {
            alert["labels"]["alertname"] = json!(odd);
            assert_eq!(read(&body(&[alert.clone()])).unwrap().alerts[0].name.as_str(), name);
        }
    }

    #[test]
    fn anything_else_is_named() {
        let mut other = body(&[]);
        other["version"] = json!("5");
        assert_eq!(read(&other).unwrap_err().to_string(), "the notification is of version \"5\", not \"4\"");
        assert!(matches!(read(&json!({"text": "hello"})), Err(WebhookError::Unreadable(_))));
        assert!(matches!(super::read(b"{"), Err(WebhookError::Unreadable(_))));
        assert!(matches!(read(&body(&[item("", "firing")])), Err(WebhookError::Unidentified(_))));
    }
}
