//! What is deleted, and databases that go back in time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chat::{Role, Status};
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node, until};

async fn open() -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    (node("a", &fake).await, fake)
}

#[tokio::test]
async fn what_is_purged_is_passed_over() {
    let (node, fake) = open().await;
    for _ in 0..9 {
        fake.post("sr", "theo", Role::Technician, "x");
    }
    fake.purge("sr", 5);
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let joined = carla.join("sr", 2).await.unwrap();
    assert_eq!((&joined["firstSeq"], &joined["lastSeq"], &joined["truncated"]), (&json!(6), &json!(9), &json!(true)));
    for seq in 6..=9 {
        let message = carla.event("OnMessageReceived").await;
        assert_eq!(message["seq"], seq, "told once, by the answer");
    }
    fake.ringing.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        fake.post("sr", "theo", Role::Technician, "x");
    }
    fake.purge("sr", 11);
    // Found while she is connected: told before what follows.
    assert_eq!(carla.event("OnHistoryTruncated").await, json!({"serviceRequestId": "sr", "firstSeq": 12}));
    assert_eq!(carla.event("OnMessageReceived").await["seq"], 12);
    // What she has may go without a word.
    fake.purge("sr", 12);
    assert_eq!(carla.say("sr", "x").await.unwrap()["seq"], 13);
    assert!(carla.is_silent(Duration::from_millis(300)).await);
}

#[tokio::test]
async fn who_lacks_nothing_of_what_is_purged_is_told_nothing() {
    let (node, fake) = open().await;
    for _ in 0..10 {
        fake.post("sr", "theo", Role::Technician, "x");
    }
    fake.purge("sr", 7);
    for (after, truncated, left) in
        [(json!(0), true, 3), (json!(6), true, 3), (json!(7), false, 3), (json!(10), false, 0), (json!(null), false, 0)]
    {
        let mut carla = Client::connect(&node, "carla", Role::Customer).await;
        let joined = carla.invoke("JoinServiceRequest", json!(["sr", after])).await.unwrap();
        assert_eq!((&joined["truncated"], &joined["firstSeq"]), (&json!(truncated), &json!(8)), "{after}");
        for seq in 11 - left..=10 {
            assert_eq!(carla.event("OnMessageReceived").await["seq"], seq, "{after}");
        }
    }
}

#[tokio::test]
async fn after_a_restore_every_client_starts_over() {
    let (node, fake) = open().await;
    for _ in 0..5 {
        fake.post("sr", "theo", Role::Technician, "before");
    }
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let joined = carla.join("sr", 0).await.unwrap();
    for seq in 1..=5 {
        assert_eq!(carla.hear().await, seq);
    }
    let stale = fake.event("a", "sr", fake.messages("sr"));
    fake.restore("second", 3);
    let close = carla.closed().await;
    assert_eq!(close["allowReconnect"], true, "{close}");

    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let again = carla.invoke("JoinServiceRequest", json!(["sr", 5, joined["epoch"]])).await.unwrap();
    assert_eq!((&again["epoch"], &again["lastSeq"]), (&json!("second"), &json!(3)));
    for seq in 1..=3 {
        assert_eq!(carla.hear().await, seq);
    }
    // A word of the old history is not believed.
    assert_eq!(crate::node::post_event(node.internal, stale).await, 204);
    assert!(carla.is_silent(Duration::from_millis(300)).await);
    fake.post("sr", "theo", Role::Technician, "after");
    assert_eq!(carla.find("OnMessageReceived").await["body"], "after");
}

#[tokio::test]
async fn the_first_who_joins_after_a_restore_is_let_in() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    fake.restore("second", 0);
    theo.join("sr", 0).await.unwrap();
    assert_eq!(carla.closed().await["allowReconnect"], true);
    assert_eq!(theo.say("sr", "hello").await.unwrap()["seq"], 1);
}

#[tokio::test]
async fn a_message_stored_before_a_restore_and_answered_after_it_is_stored_again() {
    let (node, fake) = open().await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    // Stored at once, answered when the database has another history already.
    fake.fail("send", &[Fault::SlowAnswer(Duration::from_millis(100))]);
    let name = Uuid::new_v4();
    let sent = theo.begin("SendMessage", json!(["sr", {"clientMessageId": name, "body": "x"}])).await;
    until("it is stored", || fake.messages("sr").len() == 1).await;
    fake.restore("second", 0);
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    assert_eq!(theo.completion(&sent).await.unwrap()["seq"], 1);
    assert_eq!(carla.find("OnMessageReceived").await["clientMessageId"], json!(name));
    assert_eq!(fake.messages("sr").len(), 1);
}
