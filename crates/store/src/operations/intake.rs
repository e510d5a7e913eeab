//! What a notification does, all of it or nothing.

use std::collections::{BTreeMap, BTreeSet};

use rollback::{
    Case, Change, Environment, Incident, IncidentId, IncidentState, NewIncident, Report, Target,
    alert::{self, Alert, Consequence, Fingerprint, Notification, consequence},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    ATTEMPTS,
    alert::{EarlierEvent, KnownAlert, KnownAlerts, known_alerts},
    commit::{Commit, Outcome},
};
use crate::{Database, StoreError};

/// An incident that an alert of a notification belongs to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Attached {
    /// Which.
    pub id: IncidentId,
    /// Where it stands.
    pub state: IncidentState,
    /// Which alert.
    pub fingerprint: Fingerprint,
}

impl Attached {
    fn to(incident: &Incident) -> Self {
        Self { id: incident.id(), state: incident.state(), fingerprint: incident.fingerprint().clone() }
    }
}

/// Takes in a notification: opens incidents, tells those that are open, records the rest. Answers the incidents that its
/// alerts belong to. What it leaves out is asked for afterwards.
///
/// An event counts once, whoever sends it and however often; later ones are counted and do nothing. So an alert that was
/// dismissed while it fired, and is sent again and again, opens no other incident; its next episode does.
///
/// # Errors
/// Returns [`StoreError`] when the outcome is not known or nothing was committed: it is to be sent again.
pub async fn take_in<D: Database>(
    db: &D,
    notification: &Notification,
    new_id: impl Fn() -> Uuid,
) -> Result<Vec<Attached>, StoreError> {
    for _ in 0..ATTEMPTS {
        let known = known_alerts(db, notification).await?;
        let (commit, attached) = decide(notification, &known, &new_id)?;
        match commit.send(db).await? {
            Outcome::Committed(_) => return Ok(attached),
            // Another replica's notification was first, or a person: what is known now is something else.
            Outcome::Conflict => {}
            Outcome::Fenced | Outcome::Repeated(_) => {
                return Err(StoreError::Unexpected("the outcome of a commit that alerts do not make".into()));
            }
        }
    }
    Err(StoreError::Busy("somebody else was first, each time".into()))
}

fn decide(
    notification: &Notification,
    known: &KnownAlerts,
    new_id: &impl Fn() -> Uuid,
) -> Result<(Commit, Vec<Attached>), StoreError> {
    let mut intake = Intake::default();
    for (alert, incidents) in notification.alerts.iter().zip(&known.known) {
        intake.take(notification, alert, incidents, known, new_id)?;
    }
    let Intake { mut commit, attached, changes, .. } = intake;
    commit.decide(&known.reading, &changes)?;
    if notification.truncated > 0 {
        commit.ask_for_the_rest(notification, attached.first().map(|attached| attached.id));
    }
    Ok((commit, attached))
}

/// What the alerts of a notification have come to so far.
#[derive(Default)]
struct Intake {
    commit: Commit,
    attached: Vec<Attached>,
    changes: Vec<Change>,
    /// The events that were taken in.
    taken: BTreeSet<String>,
    /// The incidents that were opened or told, as they are since. A later alert of the same fingerprint is about them.
    since: BTreeMap<(Fingerprint, Environment), Incident>,
}

impl Intake {
    fn take(
        &mut self,
        notification: &Notification,
        alert: &Alert,
        incidents: &KnownAlert,
        known: &KnownAlerts,
        new_id: &impl Fn() -> Uuid,
    ) -> Result<(), StoreError> {
        let about = (alert.fingerprint.clone(), alert::environment(&alert.labels));
        let mut incidents = incidents.clone();
        if let Some(incident) = self.since.get(&about) {
            incidents.open = Some(incident.clone());
        }
        let key = notification.event_key(alert).to_string();
        let consequence = consequence(alert, incidents.known());
        if let Some(event) = known.events.get(&key) {
            self.attached.extend(earlier(event));
            self.commit.file(notification, alert, consequence, event.id);
            return Ok(());
        }
        if !self.taken.insert(key) {
            return Ok(());
        }
        let change = change(alert, consequence, &incidents, known, new_id)?;
        let incident = change.as_ref().map(|change| change.case.incident());
        self.commit.file(notification, alert, consequence, incident.map(Incident::id));
        if let Some(incident) = incident {
            self.attached.retain(|attached| attached.id != incident.id());
            self.attached.push(Attached::to(incident));
            self.since.insert(about, incident.clone());
        }
        self.changes.extend(change);
        Ok(())
    }
}

fn earlier(event: &EarlierEvent) -> Option<Attached> {
    Some(Attached { id: event.id?, state: event.state?, fingerprint: event.fingerprint.clone()? })
}

/// What an event that is new does to an incident, if anything.
fn change(
    alert: &Alert,
    consequence: Consequence,
    incidents: &KnownAlert,
    known: &KnownAlerts,
    new_id: &impl Fn() -> Uuid,
) -> Result<Option<Change>, StoreError> {
    let report = match consequence {
        Consequence::Record(_) => return Ok(None),
        Consequence::Open { environment, previous } => {
            let new = NewIncident {
                id: IncidentId::new(new_id()),
                target: Target::live(environment),
                fingerprint: alert.fingerprint.clone(),
                name: alert.name.clone(),
                alerted_at: alert.starts_at,
                firing: true,
                previous,
                drill: None,
            };
            return Ok(Some(Case::open(new, None, known.reading.now)));
        }
        Consequence::Fire(_) => Report::Fire,
        Consequence::Clear(_) => Report::Clear,
    };
    let Some(open) = incidents.open.clone() else { return Ok(None) };
    let case = Case::new(open, None).and_then(|case| case.report(report, &known.context()));
    case.map(Some).map_err(|refusal| StoreError::Unexpected(refusal.to_string()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rollback::alert::{AlertStatus, Labels};
    use serde_json::json;

    use super::*;

    /// What is known when nothing is.
    fn nothing(alerts: usize) -> KnownAlerts {
        let known = json!({"open": null, "lastClosed": null});
        let text = json!({
            "now": "2024-05-01T10:05:00Z", "versions": {"production": 0, "staging": 0}, "events": {},
            "known": vec![known; alerts],
        });
        serde_json::from_value(text).unwrap()
    }

    fn alert(fingerprint: &str, starts_at: &str) -> Alert {
        Alert {
            fingerprint: fingerprint.parse().unwrap(),
            name: "HighAPILatency".parse().unwrap(),
            status: AlertStatus::Firing,
            labels: Labels::from([("severity".to_owned(), "critical".to_owned())]),
            annotations: Labels::new(),
            starts_at: starts_at.parse().unwrap(),
            ends_at: None,
        }
    }

    fn taken(alerts: Vec<Alert>, truncated: u64) -> (Commit, Vec<Attached>) {
        let (known, ids) = (nothing(alerts.len()), Cell::new(0_u128));
        let group = Notification { receiver: "a".into(), group: "b".into(), labels: Labels::new(), alerts, truncated };
        let next = || {
            ids.set(ids.get() + 1);
            Uuid::from_u128(ids.get())
        };
        decide(&group, &known, &next).unwrap()
    }

    #[test]
    fn alerts_of_one_fingerprint_in_one_notification_open_one_incident() {
        let (first, second) = (alert("ab", "2024-05-01T10:00:00Z"), alert("ab", "2024-05-01T10:01:00Z"));
        let (commit, attached) = taken(vec![first.clone(), second, first, alert("cd", "2024-05-01T10:00:00Z")], 0);
        let text = commit.to_json();
        assert_eq!(text["incidents"].as_array().unwrap().len(), 2, "{text}");
        assert_eq!(text["incidents"][0]["document"]["firing"]["count"], 2, "it was told of the other episode");
        let did: Vec<_> = text["alerts"].as_array().unwrap().iter().map(|alert| &alert["consequence"]).collect();
        assert_eq!((did.len(), did.iter().filter(|word| **word == "opened").count()), (3, 2), "{did:?}");
        assert_eq!(attached.len(), 2);
    }

    #[test]
    fn what_was_left_out_is_to_be_asked_for() {
        let (commit, attached) = taken(vec![alert("ab", "2024-05-01T10:00:00Z")], 3);
        let text = commit.to_json();
        let jobs = text["jobs"].as_array().unwrap();
        let job = jobs.iter().find(|job| job["kind"] == "alerts").unwrap();
        assert_eq!((job["incident"].clone(), job["payload"]["truncated"].clone()), (json!(attached[0].id), json!(3)));
        let (whole, _) = taken(vec![alert("ab", "2024-05-01T10:00:00Z")], 0);
        assert!(!whole.to_json()["jobs"].to_string().contains("alerts"));
    }
}
