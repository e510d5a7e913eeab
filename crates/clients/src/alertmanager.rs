//! Alertmanager: the alerts of a group whose notification was cut short.
//!
//! A notification says how many alerts it leaves out and not which. Whoever receives one asks for all that its receiver is
//! told of, and takes in those that it does not know.

use chrono::{DateTime, Utc};
use rollback::alert::{self, Alert, AlertStatus, Labels};
use serde::Deserialize;

use crate::{Rejection, Request, Response, Secret, Words, address, fault::faults};

/// Where Alertmanager is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Alertmanager {
    api: String,
    token: Option<Secret>,
}

/// Why Alertmanager gave no answer that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AlertmanagerError {
    /// It did not take the request.
    #[error(transparent)]
    Rejected(Rejection),
    /// An alert has no fingerprint.
    #[error("an alert is not identified{0}")]
    Unidentified(Words),
}

faults!(AlertmanagerError, "alertmanager", {
    Self::Unidentified(_) => ("unidentified", crate::Retry::Never, Garbled),
});

impl Alertmanager {
    /// Alertmanager at this address, and the bearer token that it asks for, if it does.
    #[must_use]
    pub fn new(api: &str, token: Option<Secret>) -> Self {
        Self { api: api.to_owned(), token }
    }

    /// The alerts that fire, have these labels and are for this receiver. Those that are silenced or inhibited are not among
    /// them: a notification would not tell of them either. Read the answer with [`read_alerts`].
    #[must_use]
    pub fn alerts(&self, receiver: &str, labels: &Labels) -> Request {
        let matchers: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        let filters = matchers.iter().map(|matcher| ("filter", matcher.as_str()));
        let receiver = literal(receiver);
        let shown = [("active", "true"), ("silenced", "false"), ("inhibited", "false"), ("unprocessed", "false")];
        let query = address::pairs(shown.into_iter().chain([("receiver", receiver.as_str())]).chain(filters));
        Request::get(address::under(&self.api, &format!("api/v2/alerts?{query}"))).maybe_bearer(self.token.as_ref())
    }
}

/// An expression that matches this text and no other: Alertmanager takes the receiver for one.
fn literal(text: &str) -> String {
    let mut expression = String::new();
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            expression.push('\\');
        }
        expression.push(character);
    }
    expression
}

/// A value as it stands in a matcher.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Reads the answer to [`Alertmanager::alerts`].
///
/// # Errors
/// Returns [`AlertmanagerError`].
pub fn read_alerts(response: &Response) -> Result<Vec<Alert>, AlertmanagerError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Found {
        fingerprint: String,
        labels: Labels,
        #[serde(default)]
        annotations: Labels,
        starts_at: DateTime<Utc>,
    }
    if response.status != 200 {
        // It says what is wrong as a JSON text, or as an object with a message.
        let words = response.json::<String>().unwrap_or_default();
        return Err(Rejection::of(response, &words).into());
    }
    let unidentified = |error: rollback::NameError| AlertmanagerError::Unidentified(Words::new(&error.to_string()));
    let found: Vec<Found> = response.json()?;
    found
        .into_iter()
        .map(|found| {
            Ok(Alert {
                fingerprint: found.fingerprint.parse().map_err(unidentified)?,
                name: alert::named(&found.labels).map_err(unidentified)?,
                status: AlertStatus::Firing,
                labels: found.labels,
                annotations: found.annotations,
                starts_at: found.starts_at,
                ends_at: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Fault;

    #[test]
    fn it_is_asked_for_the_alerts_of_a_group() {
        let labels = Labels::from([("alertname".to_owned(), "High\"Latency\\".to_owned())]);
        let request = Alertmanager::new("http://alertmanager:9093", None).alerts("hubline.ops", &labels);
        assert_eq!(
            request.url,
            "http://alertmanager:9093/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false\
             &receiver=hubline%5C.ops&filter=alertname%3D%22High%5C%22Latency%5C%5C%22"
        );
    }

    #[test]
    fn its_alerts_are_those_of_a_notification() {
        let found = json!([{"annotations": {"summary": "p95 is 0.65 s"}, "endsAt": "2024-05-01T10:04:00.000Z",
            "fingerprint": "00112233445566aa", "receivers": [{"name": "hubline"}], "startsAt": "2024-05-01T10:00:00.000Z",
            "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"}, "updatedAt": "2024-05-01T10:00:00.000Z",
            "generatorURL": "http://prometheus/graph", "labels": {"alertname": "HighAPILatency", "severity": "critical"}}]);
        let alerts = read_alerts(&Response::of_json(200, &found)).unwrap();
        assert_eq!(alerts[0].name.as_str(), "HighAPILatency");
        assert_eq!((alerts[0].status, alerts[0].ends_at), (AlertStatus::Firing, None));
    }

    #[test]
    fn each_error_has_its_name() {
        let bad = read_alerts(&Response::of_json(400, &json!("bad matcher format: x"))).unwrap_err();
        assert_eq!(bad.to_string(), "the request is not taken (400): bad matcher format: x");
        let nameless = json!([{"fingerprint": "", "labels": {}, "startsAt": "2024-05-01T10:00:00Z"}]);
        assert_eq!(read_alerts(&Response::of_json(200, &nameless)).unwrap_err().code(), "unidentified");
    }
}
