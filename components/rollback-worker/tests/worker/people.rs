//! What people are told, and reminded of.

use chrono::TimeDelta;
use clients::{Request, Silence};
use rollback::Kind;
use rollback_worker::work::Duty;
use serde_json::{Value, json};

use crate::{
    books::Fuse,
    stage::{INCIDENT, Stage},
};

/// A message about the incident's opening waits.
fn told(stage: &Stage) {
    let record = json!({
        "at": stage.books.now.get(), "actor": null,
        "subject": {"incident": INCIDENT, "run": null, "drill": null},
        "event": {
            "type": "incident_opened", "target": {"environment": "production", "mode": "live"},
            "fingerprint": "ab12", "name": "HighAPILatency", "previous": null,
        },
    });
    let payload = json!({"seq": 1, "audience": "on_call", "record": record});
    stage.books.enqueue("notify", "notify:1", INCIDENT, None, payload);
}

fn outcome(stage: &Stage) -> Value {
    let rows = stage.books.rows.borrow();
    assert_eq!(rows.told.len(), 1, "{:?}", rows.told);
    rows.told[0]["outcome"].clone()
}

#[test]
fn each_channel_is_told() {
    let stage = Stage::decided(Kind::Application, &["orders"]);
    let began = stage.books.now.get();
    told(&stage);
    stage.works(&Fuse::none(), None);
    for channel in ["pagerduty", "slack", "webhook"] {
        assert_eq!(outcome(&stage)[channel]["outcome"], "sent", "{channel}");
    }
    assert!(stage.books.now.get() - began < TimeDelta::seconds(10));
}

#[test]
fn a_channel_that_is_down_keeps_no_other_waiting() {
    let stage = Stage::decided(Kind::Application, &["orders"]);
    let began = stage.books.now.get();
    told(&stage);
    let recovers = began + TimeDelta::seconds(90);
    let down = |request: &Request, world: &crate::world::World| {
        (request.url.contains("pagerduty.test") && *world.now.borrow() < recovers).then_some(Err(Silence::TimedOut))
    };
    stage.works(&Fuse::none(), Some(&down));
    let outcome = outcome(&stage);
    let at =
        |channel: &str| -> chrono::DateTime<chrono::Utc> { outcome[channel]["at"].as_str().unwrap().parse().unwrap() };
    assert!(at("slack") - began < TimeDelta::seconds(10) && at("webhook") - began < TimeDelta::seconds(10));
    assert_eq!(outcome["pagerduty"]["outcome"], "sent");
    assert!(at("pagerduty") >= recovers);
}

#[test]
fn a_channel_that_refuses_is_left_and_named() {
    let stage = Stage::decided(Kind::Application, &["orders"]);
    told(&stage);
    let refuses = |request: &Request, _: &crate::world::World| {
        request.url.contains("slack.test").then(|| request.answer(404, Vec::new(), b"no_service".to_vec()))
    };
    stage.works(&Fuse::none(), Some(&refuses));
    let outcome = outcome(&stage);
    assert_eq!((&outcome["slack"]["outcome"], &outcome["webhook"]["outcome"]), (&json!("left"), &json!("sent")));
    assert!(!outcome.to_string().contains("canary"), "{outcome}");
}

#[test]
fn a_triage_does_not_wait_for_what_does_not_answer() {
    let stage = Stage::decided(Kind::Application, &["orders", "chat", "users", "search", "mail"]);
    let began = stage.books.now.get();
    let asked = std::cell::Cell::new(0);
    let hangs = |_: &Request, _: &crate::world::World| {
        asked.set(asked.get() + 1);
        stage.books.wait(TimeDelta::seconds(6));
        Some(Err(Silence::TimedOut))
    };
    stage.triages();
    while stage.books.rows.borrow().triage.is_none() {
        stage.takes_turns_of(Duty::All, 1, Some(&hangs));
        stage.books.wait(TimeDelta::milliseconds(500));
    }
    let rows = stage.books.rows.borrow();
    let unseen = rows.triage.as_ref().unwrap()["unseen"].as_array().unwrap().len();
    assert_eq!(unseen, 7, "{:?}", rows.triage);
    let took = stage.books.now.get() - began;
    assert!(took < TimeDelta::minutes(5), "it took {took} for {} questions", asked.get());
}

#[test]
fn people_are_reminded_of_each_overdue_drill_once_a_week() {
    let stage = Stage::drafted(Kind::Application, &["orders"]);
    stage.works(&Fuse::none(), None);
    stage.books.enqueue("drill", "drill", INCIDENT, None, json!({}));
    let reminders = |stage: &Stage| {
        let rows = stage.books.rows.borrow();
        rows.records.iter().filter(|record| record["text"].as_str().unwrap().contains("drill_overdue")).count()
    };
    for (days, expected) in [(0, 3), (1, 3), (6, 6)] {
        stage.books.wait(TimeDelta::days(days));
        stage.takes_turns(5);
        assert_eq!(reminders(&stage), expected, "after {days} more days");
    }
}
