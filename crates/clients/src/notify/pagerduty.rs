//! PagerDuty, by its Events API v2.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NotifyError;
use crate::{Method, Rejection, Request, Response, Secret, Words, address};

/// The longest key of an incident.
const KEY: usize = 255;

/// The longest summary.
const SUMMARY: usize = 1_024;

/// Where PagerDuty is, and which service of it is told.
#[derive(Clone, Debug)]
pub struct PagerDuty {
    api: String,
    routing_key: Secret,
}

/// What becomes of the page.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PageAction {
    /// Somebody is called, unless the same key has called already.
    Trigger,
    /// Somebody is at it.
    Acknowledge,
    /// It is over.
    Resolve,
}

/// How urgent it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PageSeverity {
    /// The worst.
    Critical,
    /// Something is wrong.
    Error,
    /// Something may go wrong.
    Warning,
    /// For information.
    Info,
}

/// An address to follow.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Link {
    /// Where it leads.
    pub href: String,
    /// What it says.
    pub text: String,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What becomes of it.
    pub action: PageAction,
    /// What makes two pages one: the incident.
    pub key: String,
    /// What a person reads first.
    pub summary: String,
    /// What it is about: the environment, the application.
    pub source: String,
    /// How urgent it is.
    pub severity: PageSeverity,
    /// More, as an object.
    pub details: Value,
    /// Where to look.
    pub links: Vec<Link>,
}

impl PagerDuty {
    /// PagerDuty at this address (`https://events.pagerduty.com`), and the key of the service that is told.
    #[must_use]
    pub fn new(api: &str, routing_key: Secret) -> Self {
        Self { api: api.to_owned(), routing_key }
    }

    /// Sends a page. The same key again is the same page.
    #[must_use]
    pub fn send(&self, page: &Page) -> Request {
        let mut event = serde_json::json!({
            "routing_key": self.routing_key.expose(),
            "event_action": page.action,
            "dedup_key": cut(&page.key, KEY),
        });
        if let (PageAction::Trigger, Some(event)) = (page.action, event.as_object_mut()) {
            let payload = serde_json::json!({
                "summary": cut(&page.summary, SUMMARY),
                "source": page.source,
                "severity": page.severity,
                "custom_details": page.details,
            });
            event.insert("payload".to_owned(), payload);
            event.insert("links".to_owned(), serde_json::json!(page.links));
            event.insert("client".to_owned(), "Hubline".into());
        }
        Request::new(Method::Post, address::under(&self.api, "v2/enqueue")).hiding(&self.routing_key).json(&event)
    }
}

/// Reads the answer to [`PagerDuty::send`].
///
/// # Errors
/// Returns [`NotifyError`]. A key that PagerDuty does not know is [`NotifyError::NotTaken`], as every event that it will not
/// have: it says 400 to all of them.
pub fn read_page(response: &Response) -> Result<(), NotifyError> {
    #[derive(Default, Deserialize)]
    struct Said {
        #[serde(default)]
        message: String,
        #[serde(default)]
        errors: Vec<String>,
    }
    if response.status == 202 {
        return Ok(());
    }
    let said: Said = response.json().unwrap_or_default();
    let words = format!("{} {}", said.message, said.errors.join(", "));
    Err(match response.status {
        400 => NotifyError::NotTaken(Words::new(&words)),
        _ => Rejection::of(response, &words).into(),
    })
}

/// At most so many characters of a text.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Fault, Retry};

    fn page(action: PageAction) -> Page {
        Page {
            action,
            key: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            summary: "x".repeat(2_000),
            source: "production".to_owned(),
            severity: PageSeverity::Critical,
            details: json!({"state": "open"}),
            links: vec![Link { href: "https://hubline.example/operations".to_owned(), text: "incident".to_owned() }],
        }
    }

    fn body(action: PageAction) -> Value {
        let request = PagerDuty::new("https://events.pagerduty.com", "canary-key".into()).send(&page(action));
        assert_eq!(request.url, "https://events.pagerduty.com/v2/enqueue");
        assert!(!format!("{request:?}").contains("canary"));
        serde_json::from_slice(&request.body).unwrap()
    }

    #[test]
    fn a_page_has_the_incident_as_its_key() {
        let event = body(PageAction::Trigger);
        assert_eq!(event["dedup_key"], "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(event["payload"]["severity"], "critical");
        assert_eq!(event["payload"]["summary"].as_str().unwrap().len(), 1_024);
        assert_eq!(event["links"][0]["text"], "incident");
        assert_eq!(body(PageAction::Resolve).get("payload"), None);
    }

    #[test]
    fn each_answer_has_its_name() {
        let accepted = json!({"status": "success", "message": "Event processed", "dedup_key": "a"});
        assert_eq!(read_page(&Response::of_json(202, &accepted)), Ok(()));
        let invalid = json!({"status": "invalid event", "message": "Event object is invalid",
            "errors": ["'routing_key' is invalid"]});
        let error = read_page(&Response::of_json(400, &invalid)).unwrap_err();
        assert_eq!((error.code(), error.retry()), ("not_taken", Retry::Never));
        assert!(error.to_string().contains("'routing_key' is invalid"));
        for status in [429, 500] {
            let error = read_page(&Response::for_test(status, &[], "")).unwrap_err();
            assert_eq!(error.retry(), Retry::Later(None), "{status}");
        }
    }
}
