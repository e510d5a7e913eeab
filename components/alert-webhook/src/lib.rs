//! Alerts in: `POST /ops/alerts`, Alertmanager's webhook in its version 4.
//!
//! Everything is committed before the answer, and whatever can't be committed is answered with 503: Alertmanager sends that
//! again, and nothing else. Nothing is looked into here; that is the worker's, who is rung.

use chat::{ErrorCode, FieldError, Refusal};
use function::{Answer, Instance, Request, answer, body, demand_alert_token, path};
use http::{Method, StatusCode};
use rollback::alert::{self, Labels, Notification, WebhookError};
use serde_json::json;
use store::operations::take_in;

function::serve!(crate::handle);

/// Answers a request.
pub async fn handle(request: Request) -> Answer {
    route(request).await.into()
}

async fn route(request: Request) -> Result<Answer, Refusal> {
    match (path::segments(request.uri().path()).as_slice(), request.method()) {
        (["ops", "alerts"], &Method::POST) => receive(request).await,
        (["ops", "alerts"], _) => Ok(answer::method_not_allowed("POST")),
        _ => Err(ErrorCode::NotFound.refusal("there is nothing at this address")),
    }
}

async fn receive(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_alert_token(&instance.config, request.headers())?;
    let notification = read(&body::read_internal(request).await?)?;
    if notification.truncated > 0 {
        eprintln!("a notification of {} leaves {} alerts out", notification.group, notification.truncated);
    }
    let incidents = instance.database(async |db| take_in(db, &notification, uuid::Uuid::now_v7).await).await?;
    if !incidents.is_empty() || notification.truncated > 0 {
        instance.ring_operations();
    }
    Ok(answer::json(StatusCode::OK, &json!({"incidents": incidents})))
}

/// Reads a notification. Alertmanager does not send again what is refused here, so it is said aloud.
fn read(body: &[u8]) -> Result<Notification, Refusal> {
    let mut notification = alert::read(body).map_err(|error| {
        eprintln!("a notification is lost: {error}");
        match error {
            WebhookError::Unreadable(_) => ErrorCode::Malformed.refusal(error.to_string()),
            WebhookError::Version(_) => Refusal::invalid(vec![FieldError::new("version", error)]),
            WebhookError::Unidentified(_) => Refusal::invalid(vec![FieldError::new("alerts", error)]),
        }
    })?;
    for alert in &mut notification.alerts {
        alert.labels = storable(&alert.labels);
        alert.annotations = storable(&alert.annotations);
    }
    notification.labels = storable(&notification.labels);
    for text in [&mut notification.group, &mut notification.receiver] {
        *text = without_nul(text);
    }
    Ok(notification)
}

/// Labels as the database's JSON can hold them. No label may make an alert be lost, and names may be any text, too.
fn storable(labels: &Labels) -> Labels {
    labels.iter().map(|(name, value)| (without_nul(name), without_nul(value))).collect()
}

/// A text without the one character that the database can't hold.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_notification_is_refused_by_name() {
        assert_eq!(read(b"{").unwrap_err().code, ErrorCode::Malformed);
        let other = json!({"version": "5", "receiver": "a", "groupKey": "b", "alerts": []}).to_string();
        assert_eq!(read(other.as_bytes()).unwrap_err().errors[0].field, "version");
        let alert = json!({
            "status": "firing", "labels": {"alertname": "a", "no\u{0}te": "x\u{0}y"}, "fingerprint": "ab",
            "startsAt": "2024-05-01T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
        });
        let odd = json!({"version": "4", "receiver": "a", "groupKey": "b", "alerts": [alert]}).to_string();
        assert_eq!(read(odd.as_bytes()).unwrap().alerts[0].labels["no\u{fffd}te"], "x\u{fffd}y");
        let empty = json!({"version": "4", "receiver": "a", "groupKey": "b", "alerts": []}).to_string();
        assert!(read(empty.as_bytes()).unwrap().alerts.is_empty());
    }
}
