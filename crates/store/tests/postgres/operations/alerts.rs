//! Alerts, and reading for people.

use rollback::{
    Case, Environment, IncidentId, NewIncident, Report, Target,
    alert::{Consequence, Notification, WhyRecorded, consequence, read},
};
use serde_json::json;
use store::operations::{
    Commit, Filter, Outcome, drills, figures, incident_file, incidents, known_alerts, labels, principals,
    recorded_alerts,
};
use uuid::Uuid;

use super::office::Office;

fn notification(fingerprint: &str, severity: &str, starts_at: &str) -> Notification {
    let body = json!({
        "version": "4", "receiver": "hubline", "groupKey": "g", "truncatedAlerts": 2,
        "alerts": [{
            "status": "firing", "labels": {"alertname": "HighAPILatency", "severity": severity},
            "annotations": {}, "startsAt": starts_at, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": fingerprint,
        }],
    });
    read(body.to_string().as_bytes()).unwrap()
}

/// Takes a notification in, as the webhook does.
async fn take(office: &Office, notification: &Notification) -> Consequence {
    let seen = known_alerts(&office.db, notification).await.unwrap();
    let (alert, known) = (&notification.alerts[0], &seen.known[0]);
    let what = consequence(alert, known.known());
    let mut commit = Commit::new();
    let change = match what {
        Consequence::Open { environment, previous } => Some(Case::open(
            NewIncident {
                id: IncidentId::new(Uuid::now_v7()),
                target: Target::live(environment),
                fingerprint: alert.fingerprint.clone(),
                name: alert.name.clone(),
                alerted_at: alert.starts_at,
                firing: true,
                previous,
                drill: None,
            },
            None,
            seen.reading.now,
        )),
        Consequence::Fire(_) => {
            let case = Case::new(known.open.clone().unwrap(), None).unwrap();
            Some(case.report(Report::Fire, &seen.context()).unwrap())
        }
        Consequence::Clear(_) | Consequence::Record(_) => None,
    };
    commit.decide(&seen.reading, change.as_slice()).unwrap();
    commit.file(notification, alert, what, change.map(|change| change.case.incident().id()));
    assert!(matches!(commit.send(&office.db).await.unwrap(), Outcome::Committed(_)));
    what
}

#[tokio::test]
async fn an_alert_is_known_again() {
    let office = Office::open().await;
    let first = notification("abc", "critical", "2024-05-01T10:00:00Z");
    assert!(matches!(take(&office, &first).await, Consequence::Open { .. }));
    let seen = known_alerts(&office.db, &first).await.unwrap();
    assert_eq!(seen.events.len(), 1);
    let incident = seen.known[0].open.as_ref().unwrap().id();
    assert_eq!(seen.events.values().next().unwrap().id, Some(incident));

    let second = notification("abc", "critical", "2024-05-01T11:00:00Z");
    assert_eq!(take(&office, &second).await, Consequence::Fire(incident));
    take(&office, &second).await;
    let file = incident_file(&office.db, incident).await.unwrap().unwrap();
    assert_eq!(file.alerts.iter().map(|alert| alert.times).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(file.alerts[0].truncated, 2);
    assert_eq!(labels(&office.db, incident).await.unwrap().unwrap()["severity"], "critical");
    assert_eq!(incident_file(&office.db, IncidentId::new(Uuid::now_v7())).await.unwrap().map(|file| file.now), None);
}

#[tokio::test]
async fn what_is_not_critical_is_recorded() {
    let office = Office::open().await;
    let warning = notification("abc", "warning", "2024-05-01T10:00:00Z");
    assert_eq!(take(&office, &warning).await, Consequence::Record(WhyRecorded::NotCritical));
    assert_eq!(office.count("incident").await, 0);
    let recorded = recorded_alerts(&office.db, 10).await.unwrap();
    assert_eq!((recorded.len(), recorded[0].consequence.as_str()), (1, "not_critical"));
}

#[tokio::test]
async fn people_read_what_there_is() {
    let office = Office::open().await;
    for number in 0..3 {
        office.incident(&format!("p{number}"), Environment::Production).await;
    }
    office.incident("s", Environment::Staging).await;
    let all = Filter { most: 2, ..Filter::default() };
    let page = incidents(&office.db, &all).await.unwrap().incidents;
    assert_eq!(page.len(), 2);
    let rest = Filter { before: page.last().map(|incident| incident.id()), ..all.clone() };
    assert_eq!(incidents(&office.db, &rest).await.unwrap().incidents.len(), 2);
    let staging = Filter { environment: Some(Environment::Staging), ..all.clone() };
    assert_eq!(incidents(&office.db, &staging).await.unwrap().incidents.len(), 1);
    let none = Filter { states: Some(vec![rollback::IncidentState::Resolved]), ..all };
    assert_eq!(incidents(&office.db, &none).await.unwrap().incidents.len(), 0);

    assert_eq!(principals(&office.db).await.unwrap().len(), 2);
    assert!(drills(&office.db).await.unwrap().drills.is_empty());
    let figures = figures(&office.db).await.unwrap();
    assert_eq!(figures.incidents.iter().map(|group| group.count).sum::<u64>(), 4);
    assert_eq!((figures.audit_length, figures.untold, figures.halted), (6, 4, false));
    assert_eq!(figures.open.len(), 4);
    assert!(figures.open.iter().all(|open| open.kind.is_none() && open.moments.resolved_at.is_none()));
    let outcome = r#"{"slack": {"outcome": "left", "why": "gone"}, "webhook": {"outcome": "sent"}}"#;
    let left = format!("update operations.outbox set sent_at = now(), outcome = '{outcome}' where seq % 2 = 0");
    office.owner.batch_execute(&left).await.unwrap();
    let figures = store::operations::figures(&office.db).await.unwrap();
    assert_eq!(figures.left.into_iter().collect::<Vec<_>>(), [("slack".to_owned(), 2)]);
}
