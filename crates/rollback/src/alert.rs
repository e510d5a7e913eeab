//! Alerts, and what each does.
//!
//! A critical alert that fires opens an incident, or is attached to the one that it has: at most one incident that is not
//! over has the same fingerprint in the same environment. When that incident is over, the alert opens another, linked to it.
//! A resolved alert never moves an incident: that it has cleared is evidence. Whatever is not critical is recorded: no
//! incident, no run.

mod label;
mod webhook;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

pub use label::{Labels, environment, is_critical};
pub use webhook::{WebhookError, read};

use crate::{
    Digest, Environment, IncidentId, NameError,
    name::{is_line, names},
    spelling::words,
};

names! {
    /// What identifies an alert: the digest of its labels, as Alertmanager writes it.
    Fingerprint, "a fingerprint", "1 to 64 of a-z 0-9 -",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }
}

names! {
    /// The name of an alert, as its rule names it.
    AlertName, "an alert's name", "1 to 256 characters without control characters", |text| is_line(text, NAME)
}

/// The most characters of an alert's name.
const NAME: usize = 256;

/// The name of an alert with these labels. A rule may be named by any text, and no name may make an alert be lost: what can't
/// stand on a line is left out.
///
/// # Errors
/// Returns [`NameError`] for none: even an alert without a name has one.
pub fn named(labels: &Labels) -> Result<AlertName, NameError> {
    let label = labels.get("alertname").map_or("", String::as_str);
    let line: String = label.chars().map(|each| if each.is_control() { ' ' } else { each }).take(NAME).collect();
    AlertName::parse(if line.is_empty() { "unnamed".to_owned() } else { line })
}

words! {
    /// Whether an alert fires.
    AlertStatus, "alert status" {
        /// It fires.
        Firing = "firing",
        /// It fires no more.
        Resolved = "resolved",
    }
}

/// One alert of a notification.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// What identifies it.
    pub fingerprint: Fingerprint,
    /// Its name.
    pub name: AlertName,
    /// Whether it fires.
    pub status: AlertStatus,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
    /// When it began to fire. May move: Alertmanager merges episodes that overlap.
    pub starts_at: DateTime<Utc>,
    /// When it ended; none while it fires.
    pub ends_at: Option<DateTime<Utc>>,
}

/// One notification: the alerts of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// The receiver that it was sent to.
    pub receiver: String,
    /// The group.
    pub group: String,
    /// The labels that its alerts share, and that make it the group that it is.
    pub labels: Labels,
    /// The alerts, each fingerprint once.
    pub alerts: Vec<Alert>,
    /// How many alerts of the group are not in it. Alertmanager says which when it is asked.
    pub truncated: u64,
}

impl Notification {
    /// Where it is from: what its labels say, or where they do not say it, its first alert.
    #[must_use]
    pub fn environment(&self) -> Environment {
        let says = |labels: &&Labels| labels.contains_key("environment") || labels.contains_key("env");
        let all = [&self.labels].into_iter().chain(self.alerts.iter().map(|alert| &alert.labels));
        all.into_iter().find(says).map_or(Environment::Production, environment)
    }

    /// What identifies the event that an alert of this notification is, whoever sends it and how often: two replicas of
    /// Alertmanager, and one that retries, send the same event.
    ///
    /// Times count to the millisecond: when Alertmanager is asked it says no more of them than that.
    #[must_use]
    pub fn event_key(&self, alert: &Alert) -> Digest {
        let spelled = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let ends_at = alert.ends_at.map(spelled).unwrap_or_default();
        Digest::of_parts(&[
            self.receiver.as_bytes(),
            alert.fingerprint.as_str().as_bytes(),
            alert.status.as_str().as_bytes(),
            spelled(alert.starts_at).as_bytes(),
            ends_at.as_bytes(),
        ])
    }
}

/// The incidents that have an alert's fingerprint, in its environment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Known {
    /// The one that is not over.
    pub open: Option<IncidentId>,
    /// The last one that is.
    pub last_closed: Option<IncidentId>,
}

/// What an alert does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Consequence {
    /// It opens an incident.
    Open {
        /// Where.
        environment: Environment,
        /// The incident of the same alert that was over before.
        previous: Option<IncidentId>,
    },
    /// It is attached to its incident, which it tells that it fires.
    Fire(IncidentId),
    /// It is attached to its incident, which it tells that it has cleared.
    Clear(IncidentId),
    /// It is recorded, and that is all.
    Record(WhyRecorded),
}

words! {
    /// Why an alert is recorded and does nothing else.
    WhyRecorded, "reason" {
        /// It is not critical.
        NotCritical = "not_critical",
        /// It has cleared, and no incident that is not over is about it.
        NothingToClear = "nothing_to_clear",
    }
}

/// What an alert does.
#[must_use]
pub fn consequence(alert: &Alert, known: Known) -> Consequence {
    match (alert.status, known.open) {
        _ if !is_critical(&alert.labels) => Consequence::Record(WhyRecorded::NotCritical),
        (AlertStatus::Firing, Some(open)) => Consequence::Fire(open),
        (AlertStatus::Firing, None) => {
            Consequence::Open { environment: environment(&alert.labels), previous: known.last_closed }
        }
        (AlertStatus::Resolved, Some(open)) => Consequence::Clear(open),
        (AlertStatus::Resolved, None) => Consequence::Record(WhyRecorded::NothingToClear),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(status: AlertStatus, severity: &str) -> Alert {
        Alert {
            fingerprint: "abc123".parse().unwrap(),
            name: "HighAPILatency".parse().unwrap(),
            status,
            labels: [("severity", severity), ("environment", "staging")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            annotations: Labels::new(),
            starts_at: DateTime::UNIX_EPOCH,
            ends_at: None,
        }
    }

    fn id(last: u8) -> IncidentId {
        IncidentId::new(uuid::Uuid::from_bytes([last; 16]))
    }

    #[test]
    fn a_critical_alert_opens_one_incident_at_a_time() {
        let firing = alert(AlertStatus::Firing, "critical");
        let open = |previous| Consequence::Open { environment: Environment::Staging, previous };
        assert_eq!(consequence(&firing, Known::default()), open(None));
        let known = Known { open: Some(id(2)), last_closed: Some(id(1)) };
        assert_eq!(consequence(&firing, known), Consequence::Fire(id(2)));
        assert_eq!(consequence(&firing, Known { open: None, last_closed: Some(id(1)) }), open(Some(id(1))));
    }

    #[test]
    fn a_resolved_alert_opens_nothing() {
        let resolved = alert(AlertStatus::Resolved, "critical");
        assert_eq!(consequence(&resolved, Known { open: Some(id(1)), last_closed: None }), Consequence::Clear(id(1)));
        let recorded = Consequence::Record(WhyRecorded::NothingToClear);
        assert_eq!(consequence(&resolved, Known { open: None, last_closed: Some(id(1)) }), recorded);
    }

    #[test]
    fn what_is_not_critical_is_recorded_whatever_is_known() {
        for status in AlertStatus::ALL {
            for known in [Known::default(), Known { open: Some(id(1)), last_closed: None }] {
                let recorded = Consequence::Record(WhyRecorded::NotCritical);
                assert_eq!(consequence(&alert(*status, "warning"), known), recorded);
            }
        }
    }

    #[test]
    fn an_event_is_the_same_whoever_sends_it_and_another_episode_is_another() {
        let firing = alert(AlertStatus::Firing, "critical");
        let notification = |group: &str| Notification {
            receiver: "hubline".into(),
            group: group.into(),
            labels: Labels::new(),
            alerts: vec![],
            truncated: 0,
        };
        let key = notification("a").event_key(&firing);
        assert_eq!(notification("b").event_key(&firing), key);
        assert_ne!(notification("a").event_key(&alert(AlertStatus::Resolved, "critical")), key);
        let later = Alert { starts_at: "2024-05-01T00:00:00.123456789Z".parse().unwrap(), ..firing };
        assert_ne!(notification("a").event_key(&later), key);
        let asked_for = Alert { starts_at: "2024-05-01T00:00:00.123Z".parse().unwrap(), ..later.clone() };
        assert_eq!(notification("a").event_key(&asked_for), notification("a").event_key(&later));
    }

    #[test]
    fn a_notification_is_from_where_its_group_or_its_first_alert_is() {
        let of = |group: &[(&str, &str)], alerts: Vec<Alert>| {
            let labels = group.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Notification { receiver: "a".into(), group: "b".into(), labels, alerts, truncated: 1 }.environment()
        };
        let staging = alert(AlertStatus::Firing, "critical");
        assert_eq!(of(&[("alertname", "a")], vec![staging.clone()]), Environment::Staging);
        assert_eq!(of(&[("environment", "production")], vec![staging]), Environment::Production);
        assert_eq!(of(&[], vec![]), Environment::Production);
    }
}
