//! The alerts that a notification has left out.

use chrono::TimeDelta;
use clients::{Request, Silence};
use rollback::Kind;
use rollback_worker::work::Duty;
use serde_json::{Value, json};

use crate::{
    stage::{INCIDENT, Stage},
    world::World,
};

/// A notification of an incident's group has left two alerts out.
fn left_out(environment: &str) -> Stage {
    let stage = Stage::decided(Kind::Application, &["orders"]);
    stage.takes_turns(60);
    put(&stage, environment);
    stage
}

fn put(stage: &Stage, environment: &str) {
    let payload = json!({
        "receiver": "hubline", "group": "{}:{alertname=\"Many\"}", "labels": {"alertname": "Many"},
        "environment": environment, "truncated": 2,
    });
    stage.books.enqueue("alerts", "alerts:many", INCIDENT, None, payload);
}

fn firing(fingerprint: &str, severity: &str) -> Value {
    json!({
        "fingerprint": fingerprint, "startsAt": "2024-05-01T10:00:00.000Z", "annotations": {},
        "labels": {"alertname": "Many", "severity": severity, "environment": "production"},
        "receivers": [{"name": "hubline"}], "status": {"state": "active"},
    })
}

fn records(stage: &Stage, word: &str) -> Vec<Value> {
    let rows = stage.books.rows.borrow();
    let texts = rows.records.iter().map(|record| serde_json::from_str(record["text"].as_str().unwrap()).unwrap());
    texts.filter(|record: &Value| record["event"]["type"] == word).collect()
}

fn waits(stage: &Stage) -> bool {
    stage.books.rows.borrow().jobs.iter().any(|job| job.kind == "alerts")
}

#[test]
fn alertmanager_is_asked_which_they_are() {
    let stage = left_out("production");
    stage.world.state.borrow_mut().firing = vec![firing("cd01", "critical"), firing("cd02", "warning")];
    let before = stage.books.rows.borrow().incidents.len();
    stage.takes_turns(3);
    let rows = stage.books.rows.borrow().clone();
    assert_eq!(rows.incidents.len(), before + 1, "the critical one has an incident, the other one is recorded");
    assert_eq!(rows.alerts.len(), 2);
    assert!(stage.world.state.borrow().log.contains(&"GET /api/v2/alerts".to_owned()));
    assert!(!waits(&stage) && records(&stage, "alerts_left_out").is_empty());

    // The next notification of the group names them again, and nothing happens.
    put(&stage, "production");
    stage.takes_turns(3);
    assert_eq!(stage.books.rows.borrow().incidents.len(), before + 1);
}

#[test]
fn people_are_told_once_a_day_that_alerts_are_missing_while_nobody_can_be_asked() {
    let stage = left_out("production");
    let down =
        |request: &Request, _: &World| request.url.contains("alertmanager.test").then_some(Err(Silence::TimedOut));
    for _ in 0..6 {
        stage.takes_turns_of(Duty::All, 5, Some(&down));
        stage.books.wait(TimeDelta::seconds(2));
    }
    let told = records(&stage, "alerts_left_out");
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["subject"]["incident"], &told[0]["event"]["count"]), (&json!(INCIDENT), &json!(2)));
    for _ in 0..8 {
        stage.books.wait(TimeDelta::minutes(30));
        put(&stage, "production");
        stage.takes_turns_of(Duty::All, 5, Some(&down));
    }
    assert_eq!(records(&stage, "alerts_left_out").len(), 1, "however often the notification is sent again");

    stage.world.state.borrow_mut().firing = vec![firing("cd01", "critical")];
    put(&stage, "production");
    stage.takes_turns(5);
    assert!(!waits(&stage), "once Alertmanager answers they are taken in");
    assert_eq!(stage.books.rows.borrow().alerts.len(), 1);
}

#[test]
fn where_no_alertmanager_is_configured_people_are_told_at_once() {
    let stage = left_out("staging");
    stage.takes_turns(2);
    let told = records(&stage, "alerts_left_out");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["event"]["why"], "the environment staging is not configured");
}

#[test]
fn who_only_tells_people_does_nothing_else() {
    let stage = left_out("production");
    stage.takes_turns_of(Duty::Telling, 3, None);
    assert!(waits(&stage));
}
