//! Failovers that lose commits: the database goes on under the same epoch, with other messages under the same numbers.

use std::time::Duration;

use chat::{Role, Status};
use relay::Limits;
use serde_json::json;

use crate::client::Client;
use crate::fake::{Fake, parties};
use crate::node::{Node, node, node_with, post_event, quick, until};

async fn open(limits: Limits) -> (Node, Fake) {
    let fake = Fake::new();
    for name in ["sr", "other"] {
        fake.put(name, parties("carla", Some("theo"), "north"), Status::Open);
    }
    (node_with("a", &fake, limits).await, fake)
}

/// Sweeps that come too late to help.
fn unswept() -> Limits {
    Limits { sweep: Duration::from_secs(600), ..quick() }
}

/// Joins, and hears so many messages.
async fn follow(node: &Node, user: &str, role: Role, messages: i64) -> Client {
    let mut client = Client::connect(node, user, role).await;
    client.join("sr", 0).await.unwrap();
    hear_all(&mut client, messages).await;
    client
}

async fn hear_all(client: &mut Client, messages: i64) {
    for seq in 1..=messages {
        assert_eq!(client.hear().await, seq);
    }
}

#[tokio::test]
async fn who_joins_with_a_number_that_is_lost_starts_over() {
    let (node, fake) = open(quick()).await;
    for _ in 0..5 {
        fake.post("sr", "theo", Role::Technician, "before");
    }
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let joined = carla.join("sr", 5).await.unwrap();
    assert_eq!(joined["restarted"], false);
    drop(carla);
    fake.lose("sr", 1);

    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let again = carla.invoke("JoinServiceRequest", json!(["sr", 5, joined["epoch"]])).await.unwrap();
    assert_eq!((&again["epoch"], &again["lastSeq"], &again["restarted"]), (&joined["epoch"], &json!(1), &json!(true)));
    assert_eq!(carla.hear().await, 1);
    fake.post("sr", "theo", Role::Technician, "after");
    assert_eq!(carla.find("OnMessageReceived").await["body"], "after");
    assert_eq!(node.metric("joins_ahead_total"), 1);
}

#[tokio::test]
async fn a_client_that_lies_about_its_number_concerns_nobody_else() {
    let (node, fake) = open(quick()).await;
    fake.post("sr", "theo", Role::Technician, "hello");
    let mut theo = follow(&node, "theo", Role::Technician, 1).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let joined = carla.join("sr", i64::MAX).await.unwrap();
    assert_eq!((&joined["lastSeq"], &joined["restarted"]), (&json!(1), &json!(true)));
    assert_eq!(carla.hear().await, 1);
    assert_eq!(theo.find("OnPresenceChanged").await["userId"], "carla");
    assert!(theo.is_silent(Duration::from_millis(300)).await);
    assert_eq!(node.metric("restarted_total"), 0);
}

#[tokio::test]
async fn whoever_follows_starts_over_once_a_sweep_finds_less() {
    let (node, fake) = open(quick()).await;
    for _ in 0..5 {
        fake.post("sr", "theo", Role::Technician, "before");
    }
    let mut carla = follow(&node, "carla", Role::Customer, 5).await;
    carla.join("other", 0).await.unwrap();
    fake.lose("sr", 2);
    assert_eq!(carla.event("OnRestarted").await, json!({"serviceRequestId": "sr", "lastSeq": 2}));
    hear_all(&mut carla, 2).await;
    assert_eq!(node.metric("restarted_total"), 1);

    // A day like any other, here and in the other conversation.
    fake.post("sr", "theo", Role::Technician, "after");
    assert_eq!(carla.hear().await, 3);
    fake.post("other", "theo", Role::Technician, "untouched");
    assert_eq!(carla.find("OnMessageReceived").await["body"], "untouched");
    assert_eq!(carla.say("sr", "and mine").await.unwrap()["seq"], 4);
    assert!(carla.is_silent(Duration::from_millis(300)).await);
    assert_eq!(node.metric("restarted_total"), 1);
}

#[tokio::test]
async fn an_answer_that_knows_less_than_was_known_before_proves_it() {
    let (node, fake) = open(unswept()).await;
    for _ in 0..5 {
        fake.post("sr", "theo", Role::Technician, "before");
    }
    let mut carla = follow(&node, "carla", Role::Customer, 5).await;
    let mut theo = follow(&node, "theo", Role::Technician, 5).await;
    assert_eq!(carla.event("OnPresenceChanged").await["online"], true);
    fake.lose("sr", 2);
    let sent = theo.begin("SendMessage", json!(["sr", {"clientMessageId": uuid::Uuid::new_v4(), "body": "new"}])).await;
    assert_eq!(carla.event("OnRestarted").await["lastSeq"], 3);
    hear_all(&mut carla, 3).await;
    assert_eq!(theo.event("OnRestarted").await["lastSeq"], 3);
    hear_all(&mut theo, 2).await;
    assert_eq!(theo.completion(&sent).await.unwrap()["seq"], 3);
}

#[tokio::test]
async fn a_join_that_is_told_less_than_was_known_before_proves_it() {
    let (node, fake) = open(unswept()).await;
    for _ in 0..5 {
        fake.post("sr", "theo", Role::Technician, "before");
    }
    let mut carla = follow(&node, "carla", Role::Customer, 5).await;
    fake.lose("sr", 4);
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    let joined = theo.join("sr", 2).await.unwrap();
    assert_eq!((&joined["lastSeq"], &joined["restarted"]), (&json!(4), &json!(false)), "what it has is there");
    assert_eq!(theo.hear().await, 3);
    assert_eq!(carla.find("OnRestarted").await["lastSeq"], 4);
}

#[tokio::test]
async fn another_message_under_a_known_number_proves_it_though_the_versions_agree() {
    let (node, fake) = open(unswept()).await;
    for _ in 0..5 {
        fake.post("sr", "theo", Role::Technician, "before");
    }
    let mut carla = follow(&node, "carla", Role::Customer, 5).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    fake.lose("sr", 4);
    assert_eq!(theo.say("sr", "in its place").await.unwrap()["seq"], 5);
    assert_eq!(carla.event("OnRestarted").await["lastSeq"], 5);
    hear_all(&mut carla, 4).await;
    assert_eq!(carla.find("OnMessageReceived").await["body"], "in its place");
}

#[tokio::test]
async fn a_loss_that_was_made_up_for_before_any_sweep_shows_in_what_is_read_next() {
    // With as many as were lost the version and the last number are what they were, and with more there is a gap.
    for (others, last) in [(3, 5), (6, 8)] {
        let (node, fake) = open(quick()).await;
        for _ in 0..5 {
            fake.post("sr", "theo", Role::Technician, "before");
        }
        let mut carla = follow(&node, "carla", Role::Customer, 5).await;
        fake.replace("sr", 2, others);
        assert_eq!(carla.find("OnRestarted").await["lastSeq"], last);
        hear_all(&mut carla, last).await;
        fake.post("sr", "theo", Role::Technician, "after");
        assert_eq!(carla.hear().await, last + 1);
        assert_eq!(node.metric("restarted_total"), 1);
    }
}

#[tokio::test]
async fn an_event_alone_proves_nothing_and_has_the_database_asked() {
    let (node, fake) = open(unswept()).await;
    for _ in 0..5 {
        fake.post("sr", "theo", Role::Technician, "before");
    }
    let lost = fake.event("a", "sr", fake.messages("sr"));
    let mut carla = follow(&node, "carla", Role::Customer, 5).await;
    fake.lose("sr", 4);
    fake.post("sr", "theo", Role::Technician, "in its place");
    assert_eq!(carla.event("OnRestarted").await["lastSeq"], 5);
    hear_all(&mut carla, 4).await;
    assert_eq!(carla.find("OnMessageReceived").await["body"], "in its place");

    // Whoever can write to Redis may repeat what was lost: the database says that it is no more.
    let reads = fake.calls.history.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(post_event(node.internal, lost).await, 204);
    until("history is asked", || fake.calls.history.load(std::sync::atomic::Ordering::SeqCst) > reads).await;
    assert!(carla.is_silent(Duration::from_millis(300)).await);
    assert_eq!(node.metric("restarted_total"), 1);
}

#[tokio::test]
async fn what_was_answered_in_the_lost_history_is_not_taken_for_stored() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node("a", &fake).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    // Its result waits for a message before it, which can't be read, and then both are lost.
    fake.ringing.store(false, std::sync::atomic::Ordering::SeqCst);
    fake.fail("history", &[crate::fake::Fault::Unavailable; 1_000]);
    fake.post("sr", "theo", Role::Technician, "unheard");
    let name = uuid::Uuid::new_v4();
    let sent = carla.begin("SendMessage", json!(["sr", {"clientMessageId": name, "body": "mine"}])).await;
    until("it is stored", || fake.messages("sr").len() == 2).await;
    fake.lose("sr", 0);
    fake.heal("history");
    assert!(carla.completion(&sent).await.unwrap_err().starts_with("unavailable: "));
    assert_eq!(carla.send("sr", name, "mine").await.unwrap()["seq"], 1);
}
