//! What a notification does, all of it or nothing.

use rollback::{
    Case, Change, IncidentId, IncidentState, NewIncident, Report, Target,
    alert::{Alert, Consequence, Fingerprint, Notification, consequence},
};
use serde::Serialize;
use store::{
    Database, StoreError,
    operations::{ATTEMPTS, Commit, EarlierEvent, KnownAlert, KnownAlerts, Outcome, known_alerts},
};
use uuid::Uuid;

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

/// Takes in a notification: opens incidents, tells those that are open, records the rest. Answers the incidents that its
/// alerts belong to.
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
    let (mut commit, mut attached, mut changes) = (Commit::new(), Vec::new(), Vec::new());
    for (alert, incidents) in notification.alerts.iter().zip(&known.known) {
        let consequence = consequence(alert, incidents.known());
        if let Some(event) = known.events.get(&notification.event_key(alert).to_string()) {
            attached.extend(earlier(event));
            commit.file(notification, alert, consequence, event.id);
            continue;
        }
        let change = change(alert, consequence, incidents, known, new_id)?;
        let incident = change.as_ref().map(|change| change.case.incident());
        commit.file(notification, alert, consequence, incident.map(rollback::Incident::id));
        attached.extend(incident.map(|incident| Attached {
            id: incident.id(),
            state: incident.state(),
            fingerprint: incident.fingerprint().clone(),
        }));
        changes.extend(change);
    }
    commit.decide(&known.reading, &changes)?;
    Ok((commit, attached))
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
