//! Who is there, on one node and on several.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chat::{Role, Status};
use relay::Limits;
use serde_json::{Value, json};

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node, node_with, post_event, quick, until};

fn open() -> Fake {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    fake
}

async fn joined(node: &Node, user: &str, role: Role) -> Client {
    let mut client = Client::connect(node, user, role).await;
    client.join("sr", 0).await.unwrap();
    client
}

/// Who is there, as the answer to a join says it: customer, technician, service centre.
fn online(joined: &Value) -> Vec<bool> {
    joined["parties"].as_array().unwrap().iter().map(|party| party["online"].as_bool().unwrap()).collect()
}

fn seen(user: &str, online: bool) -> Value {
    json!({"serviceRequestId": "sr", "userId": user, "online": online})
}

/// Long enough for several sweeps, after which nothing more is to come.
const A_WHILE: Duration = Duration::from_millis(600);

/// A join whose answer is late, but not so late that the relay gives it up and asks again.
const LATE: Fault = Fault::SlowAnswer(Duration::from_secs(1));

fn patient() -> Limits {
    Limits { call: Duration::from_secs(10), ..quick() }
}

/// A relay that finds nothing by itself.
fn without_sweeps() -> Limits {
    Limits { sweep: Duration::from_secs(3600), ..quick() }
}

#[tokio::test]
async fn who_came_meanwhile_is_there() {
    let fake = open();
    let node = node_with("a", &fake, patient()).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    // The answer is of a time before the technician, and comes after.
    fake.fail("join", &[LATE]);
    let slow = carla.begin("JoinServiceRequest", json!(["sr", 0, null])).await;
    until("she is registered", || fake.calls.join.load(Ordering::SeqCst) == 1).await;
    let quick = theo.begin("JoinServiceRequest", json!(["sr", 0, null])).await;
    assert_eq!(online(&theo.completion(&quick).await.unwrap()), [false, true, false], "she has not joined yet");
    assert_eq!(online(&carla.completion(&slow).await.unwrap()), [true, true, false]);
    // Nobody takes her for somebody on another node: she is gone when her connection is.
    assert_eq!(theo.event("OnPresenceChanged").await, seen("carla", true));
    drop(carla);
    assert_eq!(theo.event("OnPresenceChanged").await, seen("carla", false));
}

#[tokio::test]
async fn who_came_elsewhere_meanwhile_is_there() {
    let fake = open();
    let (a, b) = (node_with("a", &fake, patient()).await, node("b", &fake).await);
    let mut carla = Client::connect(&a, "carla", Role::Customer).await;
    fake.fail("join", &[LATE]);
    let slow = carla.begin("JoinServiceRequest", json!(["sr", 0, null])).await;
    until("she is registered", || fake.calls.join.load(Ordering::SeqCst) == 1).await;
    let _theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(online(&carla.completion(&slow).await.unwrap()), [true, true, false]);
    assert!(carla.is_silent(A_WHILE).await);
}

#[tokio::test]
async fn the_late_answer_of_a_join_brings_nobody_back() {
    let fake = open();
    let (a, b) = (node_with("a", &fake, patient()).await, node("b", &fake).await);
    let theo = joined(&b, "theo", Role::Technician).await;
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let mut again = Client::connect(&a, "carla", Role::Customer).await;
    fake.fail("join", &[LATE]);
    let slow = again.begin("JoinServiceRequest", json!(["sr", 0, null])).await;
    until("the function has answered", || fake.calls.join.load(Ordering::SeqCst) == 3).await;
    drop(theo);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
    assert_eq!(online(&again.completion(&slow).await.unwrap()), [true, false, false]);
    assert!(carla.is_silent(A_WHILE).await, "that was before");
    assert!(again.is_silent(A_WHILE).await);
}

#[tokio::test]
async fn a_ring_tells_at_once_who_comes_and_goes_elsewhere() {
    let fake = open();
    let (a, b) = (node_with("a", &fake, without_sweeps()).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    for _ in 0..3 {
        let theo = joined(&b, "theo", Role::Technician).await;
        assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
        drop(theo);
        assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
    }
}

#[tokio::test]
async fn without_rings_the_sweep_finds_who_comes_and_goes_elsewhere() {
    let fake = open();
    fake.ringing.store(false, Ordering::SeqCst);
    let (a, b) = (node("a", &fake).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
    drop(theo);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
    assert!(carla.is_silent(A_WHILE).await);
}

#[tokio::test]
async fn a_ring_that_is_repeated_or_says_nothing_new_changes_nothing() {
    let fake = open();
    let (a, b) = (node("a", &fake).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let ring = fake.presence("a", "sr");
    let theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
    for _ in 0..5 {
        assert_eq!(post_event(a.internal, ring.clone()).await, 204);
    }
    assert_eq!(post_event(a.internal, fake.presence("a", "unheard-of")).await, 204);
    assert!(carla.is_silent(A_WHILE).await);
    drop(theo);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
    assert_eq!(post_event(a.internal, ring).await, 204);
    assert!(carla.is_silent(A_WHILE).await, "that was before");
}

#[tokio::test]
async fn a_node_that_is_not_heard_of_any_more_takes_its_users_along() {
    let fake = open();
    let (a, b) = (node("a", &fake).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
    drop((theo, b));
    fake.silence("b", true);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
    fake.silence("b", false);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true), "as registered");
}

#[tokio::test]
async fn registrations_that_a_crash_of_the_database_loses_are_made_again_and_nobody_notices() {
    let fake = open();
    let (a, b) = (node("a", &fake).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let mut theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
    let before = sorted(fake.registered());
    for _ in 0..3 {
        fake.crash();
        until("everybody is registered again", || sorted(fake.registered()) == before).await;
        assert!(carla.is_silent(A_WHILE).await);
        assert!(theo.is_silent(A_WHILE).await);
    }
    assert!(a.metric("registrations_restored_total") >= 3);
    drop(theo);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
}

fn sorted(mut registered: Vec<(String, String)>) -> Vec<(String, String)> {
    registered.sort();
    registered
}

#[tokio::test]
async fn a_join_that_was_given_up_and_registers_late_leaves_nobody_behind() {
    let fake = open();
    let (a, b) = (node("a", &fake).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let late = Fault::GivenUp(Duration::from_millis(800));
    let nora = Client::connect(&a, "nora", Role::ServiceCenter).await;
    for mut client in [Client::connect(&b, "theo", Role::Technician).await, nora] {
        fake.fail("join", &[late, late]);
        assert!(client.join("sr", 0).await.unwrap_err().starts_with("unavailable"));
        until("it registers all the same", || fake.registered().len() == 2).await;
        until("it is taken back", || fake.registered().len() == 1).await;
    }
    // Whoever was seen for a moment is gone again.
    let mut there = Vec::new();
    while let Some(event) = carla.heard_within(A_WHILE).await {
        assert_eq!(event["target"], "OnPresenceChanged");
        let user = event["arguments"][0]["userId"].as_str().unwrap().to_owned();
        there.retain(|known| *known != user);
        there.extend((event["arguments"][0]["online"] == true).then_some(user));
    }
    assert_eq!(there, [] as [String; 0]);
    let _theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
}

#[tokio::test]
async fn a_registration_for_nobody_is_found_and_taken_back() {
    let fake = open();
    let (a, b) = (node("a", &fake).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    // On a node that does not hold the conversation otherwise, and on one that does.
    for (name, node, user, role) in [("b", &b, "theo", Role::Technician), ("a", &a, "nora", Role::ServiceCenter)] {
        fake.register(name, "sr", user, role);
        until("it is taken back", || fake.registered().len() == 1).await;
        assert_eq!(node.metric("registrations_stray_total"), 1);
    }
    while let Some(event) = carla.heard_within(A_WHILE).await {
        assert_eq!(event["arguments"][0]["userId"], "theo", "of the own node it knows best");
    }
    assert_eq!(fake.registered(), [("a/sr".to_owned(), "carla".to_owned())]);
}

#[tokio::test]
async fn a_leave_that_fails_is_made_again_though_nobody_else_leaves() {
    let fake = open();
    let (a, b) = (node("a", &fake).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
    fake.fail("leave", &[Fault::Unavailable, Fault::Unavailable]);
    drop(theo);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
}

#[tokio::test]
async fn whether_a_new_technician_is_there_is_found_out() {
    let fake = open();
    let (a, b) = (node_with("a", &fake, without_sweeps()).await, node("b", &fake).await);
    let mut carla = joined(&a, "carla", Role::Customer).await;
    let theo = joined(&b, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
    fake.put("sr", parties("carla", Some("tina"), "north"), Status::Open);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", false));
    assert_eq!(carla.event("OnServiceRequestChanged").await["technicianId"], "tina");
    let _tina = joined(&b, "tina", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("tina", true));
    drop(theo);
    assert!(carla.is_silent(A_WHILE).await);
}

#[tokio::test]
async fn who_joins_again_has_not_been_away() {
    let fake = open();
    let node = node_with("a", &fake, patient()).await;
    let mut carla = joined(&node, "carla", Role::Customer).await;
    let mut theo = joined(&node, "theo", Role::Technician).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("theo", true));
    fake.fail("join", &[LATE]);
    let again = theo.begin("JoinServiceRequest", json!(["sr", 0, null])).await;
    // Whatever happens meanwhile: somebody else comes and goes.
    let nora = joined(&node, "nora", Role::ServiceCenter).await;
    assert_eq!(carla.event("OnPresenceChanged").await, seen("north", true));
    drop(nora);
    assert_eq!(carla.event("OnPresenceChanged").await, seen("north", false));
    theo.completion(&again).await.unwrap();
    assert!(carla.is_silent(A_WHILE).await);
}
