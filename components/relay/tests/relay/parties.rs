//! Who is a party, and who is one no longer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chat::{Role, Status};
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node, node_with, quick, until};

async fn open() -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    (node("a", &fake).await, fake)
}

async fn both(node: &Node) -> (Client, Client) {
    let mut carla = Client::connect(node, "carla", Role::Customer).await;
    let mut theo = Client::connect(node, "theo", Role::Technician).await;
    carla.join("sr", 0).await.unwrap();
    theo.join("sr", 0).await.unwrap();
    assert_eq!(carla.event("OnPresenceChanged").await["userId"], "theo");
    (carla, theo)
}

#[tokio::test]
async fn strangers_find_nothing() {
    let (node, fake) = open().await;
    for (user, role) in [("tina", Role::Technician), ("carla", Role::Technician), ("mallory", Role::Customer)] {
        let mut stranger = Client::connect(&node, user, role).await;
        let missing = "not_found: there is no such service request";
        assert_eq!(stranger.join("sr", 0).await, Err(missing.to_owned()));
        assert_eq!(stranger.say("sr", "hello").await, Err(missing.to_owned()));
    }
    assert_eq!(fake.messages("sr"), []);
}

#[tokio::test]
async fn each_item_of_a_batch_has_its_own_users_outcome() {
    let (node, fake) = open().await;
    let (mut carla, mut theo) = both(&node).await;
    let mut tina = Client::connect(&node, "tina", Role::Technician).await;
    // The first is under way while the others queue up behind it, to leave as one batch.
    fake.fail("send", &[Fault::Slow(Duration::from_millis(100))]);
    let body = |text: &str| json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": text}]);
    let first = carla.begin("SendMessage", body("first")).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = tina.begin("SendMessage", body("intruder")).await;
    let third = theo.begin("SendMessage", body("third")).await;
    let fourth = carla.begin("SendMessage", body("fourth")).await;
    assert_eq!(carla.completion(&first).await.unwrap()["senderId"], "carla");
    assert!(tina.completion(&second).await.unwrap_err().contains("not_found"));
    assert_eq!(theo.completion(&third).await.unwrap()["senderId"], "theo");
    assert_eq!(carla.completion(&fourth).await.unwrap()["senderId"], "carla");
    assert_eq!(fake.batches(), [1, 3]);
}

#[tokio::test]
async fn who_is_reassigned_is_removed_at_once() {
    let (node, fake) = open().await;
    let (mut carla, mut theo) = both(&node).await;
    fake.put("sr", parties("carla", Some("tina"), "north"), Status::Open);
    assert_eq!(theo.event("OnRemoved").await, json!({"serviceRequestId": "sr", "code": "forbidden"}));
    let changed = carla.find("OnServiceRequestChanged").await;
    assert_eq!(
        changed,
        json!({"serviceRequestId": "sr", "status": "open", "closedAt": null, "technicianId": "tina", "serviceCenterId": "north"})
    );
    assert_eq!(carla.say("sr", "secret").await.unwrap()["seq"], 1);
    assert!(theo.say("sr", "hello?").await.unwrap_err().contains("not_found"));
    assert!(theo.is_silent(Duration::from_millis(200)).await);
    until("the old technician is deregistered", || fake.registered().iter().all(|(_, user)| user != "theo")).await;
}

#[tokio::test]
async fn nothing_committed_after_a_reassignment_reaches_the_old_party_though_no_event_tells() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    // Not even the sweep: only the answers to sends say who the parties are.
    let node = node_with("a", &fake, relay::Limits { sweep: Duration::from_secs(3600), ..quick() }).await;
    let (mut carla, mut theo) = both(&node).await;
    assert_eq!(carla.say("sr", "for theo").await.unwrap()["seq"], 1);
    assert_eq!(theo.hear().await, 1);
    fake.ringing.store(false, Ordering::SeqCst);
    fake.put("sr", parties("carla", Some("tina"), "north"), Status::Open);
    assert_eq!(carla.say("sr", "not for theo").await.unwrap()["seq"], 2);
    assert_eq!(theo.event("OnRemoved").await["code"], "forbidden");
    assert!(theo.is_silent(Duration::from_millis(200)).await);
}

#[tokio::test]
async fn who_is_assigned_away_and_back_on_the_way_in_is_in() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node("a", &fake).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    fake.fail("join", &[Fault::Slow(Duration::from_millis(400))]);
    let join = theo.begin("JoinServiceRequest", json!(["sr", 0, null])).await;
    for technician in ["tina", "theo"] {
        fake.put("sr", parties("carla", Some(technician), "north"), Status::Open);
        assert_eq!(carla.find("OnServiceRequestChanged").await["technicianId"], technician);
    }
    assert_eq!(theo.completion(&join).await.unwrap()["serviceRequestId"], "sr");
    carla.say("sr", "welcome back").await.unwrap();
    assert_eq!(theo.hear().await, 1);
}

/// Theo has sent a message behind one that he has not seen, since neither a ring nor history tells him of it.
async fn behind_an_unseen_one(fake: &Fake, theo: &mut Client) -> String {
    theo.join("sr", 0).await.unwrap();
    fake.fail("history", &[Fault::Hang; 8]);
    fake.ringing.store(false, Ordering::SeqCst);
    fake.post("sr", "carla", Role::Customer, "unseen");
    fake.ringing.store(true, Ordering::SeqCst);
    let send = theo.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": "mine"}])).await;
    until("it is stored", || fake.messages("sr").len() == 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    send
}

#[tokio::test]
async fn who_is_removed_is_told_no_number_beyond_one_that_they_have_not_seen() {
    let (node, fake) = open().await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    let send = behind_an_unseen_one(&fake, &mut theo).await;
    fake.put("sr", parties("carla", Some("tina"), "north"), Status::Open);
    assert_eq!(theo.event("OnRemoved").await["code"], "forbidden");
    assert!(theo.completion(&send).await.unwrap_err().starts_with("unavailable"));
}

#[tokio::test]
async fn who_leaves_and_comes_back_has_missed_nothing() {
    let (node, fake) = open().await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    let send = behind_an_unseen_one(&fake, &mut theo).await;
    let leave = theo.begin("LeaveServiceRequest", json!(["sr"])).await;
    assert!(theo.completion(&send).await.unwrap_err().starts_with("unavailable"));
    theo.completion(&leave).await.unwrap();
    fake.heal("history");
    theo.join("sr", 0).await.unwrap();
    assert_eq!([theo.hear().await, theo.hear().await], [1, 2]);
}

#[tokio::test]
async fn a_sweep_removes_whom_no_event_removed() {
    let (node, fake) = open().await;
    let (_carla, mut theo) = both(&node).await;
    fake.ringing.store(false, Ordering::SeqCst);
    fake.put("sr", parties("carla", None, "north"), Status::Open);
    fake.post("sr", "carla", Role::Customer, "not for theo");
    assert_eq!(theo.event("OnRemoved").await, json!({"serviceRequestId": "sr", "code": "forbidden"}));
    assert!(theo.is_silent(Duration::from_millis(200)).await);
}

#[tokio::test]
async fn an_older_event_does_not_bring_anybody_back() {
    let (node, fake) = open().await;
    let (_carla, mut theo) = both(&node).await;
    let old = fake.event("a", "sr", Vec::new());
    fake.put("sr", parties("carla", Some("tina"), "north"), Status::Open);
    assert_eq!(theo.event("OnRemoved").await["serviceRequestId"], "sr");
    assert_eq!(crate::node::post_event(node.internal, old).await, 204);
    fake.post("sr", "carla", Role::Customer, "not for theo");
    assert!(theo.is_silent(Duration::from_millis(200)).await);
}

#[tokio::test]
async fn who_is_reassigned_back_joins_again() {
    let (node, fake) = open().await;
    let (_carla, mut theo) = both(&node).await;
    fake.put("sr", parties("carla", Some("tina"), "north"), Status::Open);
    assert_eq!(theo.event("OnRemoved").await["serviceRequestId"], "sr");
    fake.post("sr", "carla", Role::Customer, "meanwhile");
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    theo.join("sr", 0).await.unwrap();
    assert_eq!(theo.hear().await, 1);
    fake.post("sr", "carla", Role::Customer, "welcome back");
    assert_eq!(theo.hear().await, 2);
}

#[tokio::test]
async fn a_closed_service_request_is_read_only() {
    let (node, fake) = open().await;
    let (mut carla, mut theo) = both(&node).await;
    carla.say("sr", "one").await.unwrap();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Closed);
    assert_eq!(theo.find("OnServiceRequestChanged").await["status"], "closed");
    let closed = "closed: the service request is closed".to_owned();
    assert_eq!(theo.say("sr", "two").await, Err(closed));
    let mut late = Client::connect(&node, "carla", Role::Customer).await;
    assert_eq!(late.join("sr", 0).await.unwrap()["status"], "closed");
    assert_eq!(late.hear().await, 1);
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    assert_eq!(theo.find("OnServiceRequestChanged").await["status"], "open");
    assert_eq!(theo.say("sr", "two").await.unwrap()["seq"], 2);
}
