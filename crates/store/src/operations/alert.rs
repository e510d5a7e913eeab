//! Alerts, and what is known of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::{
    Context, Digest, Environment, Incident, IncidentId, IncidentState,
    alert::{self, Alert, Consequence, Fingerprint, Known, Labels, Notification},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    commit::Commit,
    job::JobKind,
    snapshot::Reading,
    sql,
    statement::{ask, ask_maybe, text, texts},
};
use crate::{Database, ParameterValue, StoreError};

/// What is known of the alerts of a notification.
#[derive(Clone, Debug, Deserialize)]
pub struct KnownAlerts {
    /// When it was read.
    #[serde(flatten)]
    pub reading: Reading,
    /// The events that came before, by their keys.
    pub events: BTreeMap<String, EarlierEvent>,
    /// The incidents of the alerts, in their order.
    pub known: Vec<KnownAlert>,
}

/// The incident of an event that came before.
#[derive(Clone, Debug, Deserialize)]
pub struct EarlierEvent {
    /// Which; none when the event was only recorded.
    pub id: Option<IncidentId>,
    /// How it stands.
    pub state: Option<IncidentState>,
    /// What its alert is.
    pub fingerprint: Option<Fingerprint>,
}

/// The incidents that have an alert's fingerprint, in its environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownAlert {
    /// The one that is not over.
    pub open: Option<Incident>,
    /// The last one that is.
    pub last_closed: Option<IncidentId>,
}

impl KnownAlerts {
    /// What the reports of alerts are judged against: nothing but the time. They are nobody's commands, and no run is theirs.
    #[must_use]
    pub const fn context(&self) -> Context<'static> {
        Context {
            now: self.reading.now,
            principals: &[],
            neighbours: &[],
            changed_elsewhere_at: None,
            spent_plans: &[],
            halted: false,
        }
    }
}

impl KnownAlert {
    /// The same for the decision what an alert does.
    #[must_use]
    pub fn known(&self) -> Known {
        Known { open: self.open.as_ref().map(Incident::id), last_closed: self.last_closed }
    }
}

/// What is known of the alerts of a notification.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn known_alerts<D: Database>(db: &D, notification: &Notification) -> Result<KnownAlerts, StoreError> {
    let alerts = &notification.alerts;
    let parameters = vec![
        texts(alerts.iter().map(|alert| notification.event_key(alert))),
        texts(alerts.iter().map(|alert| &alert.fingerprint)),
        texts(alerts.iter().map(|alert| alert::environment(&alert.labels))),
    ];
    ask(db, sql::KNOWN_ALERTS, parameters).await
}

impl Commit {
    /// An alert came. `incident` is the one that it has opened or is attached to.
    pub fn file(
        &mut self,
        notification: &Notification,
        alert: &Alert,
        consequence: Consequence,
        incident: Option<IncidentId>,
    ) {
        let word = match consequence {
            Consequence::Open { .. } => "opened",
            Consequence::Fire(_) => "fired",
            Consequence::Clear(_) => "cleared",
            Consequence::Record(why) => why.as_str(),
        };
        let key = notification.event_key(alert).to_string();
        let filed = json!({
            "key": key, "incident": incident, "environment": alert::environment(&alert.labels), "consequence": word,
            "receiver": notification.receiver, "grouping": notification.group, "truncated": notification.truncated,
            "document": alert,
        });
        self.alert(key, filed);
    }
}

/// What is to be asked of Alertmanager: which alerts a notification has left out.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rest {
    /// The receiver that the notification was sent to.
    pub receiver: String,
    /// The group.
    pub group: String,
    /// The labels of the group.
    pub labels: Labels,
    /// Where it is from.
    pub environment: Environment,
    /// How many were left out.
    pub truncated: u64,
}

impl Commit {
    /// A notification has left alerts out. `incident` is one that it is about.
    pub(super) fn ask_for_the_rest(&mut self, notification: &Notification, incident: Option<IncidentId>) {
        let group = Digest::of_parts(&[notification.receiver.as_bytes(), notification.group.as_bytes()]);
        let rest = Rest {
            receiver: notification.receiver.clone(),
            group: notification.group.clone(),
            labels: notification.labels.clone(),
            environment: notification.environment(),
            truncated: notification.truncated,
        };
        // One a group: the next notification wakes it.
        self.job_about(&JobKind::Alerts, &group, incident, json!(rest));
    }
}

/// An alert as it was filed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FiledAlert {
    /// What identifies the event.
    pub key: Digest,
    /// What it did: opened, fired, cleared, or why it was recorded only.
    pub consequence: String,
    /// The receiver that it was sent to.
    pub receiver: String,
    /// Its group.
    pub group: String,
    /// How many alerts of the group the notification left out.
    pub truncated: u64,
    /// The alert.
    pub alert: Alert,
    /// When it first came.
    pub first_at: DateTime<Utc>,
    /// When it last came.
    pub last_at: DateTime<Utc>,
    /// How often it came.
    pub times: u64,
}

/// The alerts that opened nothing and were attached to nothing, the latest first.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn recorded_alerts<D: Database>(db: &D, most: i64) -> Result<Vec<FiledAlert>, StoreError> {
    ask(db, sql::RECORDED_ALERTS, vec![ParameterValue::Int64(most)]).await
}

/// The labels of the alert that an incident is about, as they last came.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn labels<D: Database>(db: &D, incident: IncidentId) -> Result<Option<Labels>, StoreError> {
    let file: Option<Value> = ask_maybe(db, sql::INCIDENT_FILE, vec![text(incident)]).await?;
    let last = file.as_ref().and_then(|file| file.pointer("/alerts")?.as_array()?.last());
    let labels = last.and_then(|alert| alert.pointer("/alert/labels")).cloned();
    Ok(labels.and_then(|labels| serde_json::from_value(labels).ok()))
}
