//! Several nodes, and what else may ring.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chat::{Role, Status};
use relay::Limits;
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{node, node_with, post_event, quick, until};

async fn talk(rounds: usize, fake: &Fake) {
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let (a, b) = (node("a", fake).await, node("b", fake).await);
    let mut tasks = Vec::new();
    for (node, user, role) in [(&a, "carla", Role::Customer), (&b, "theo", Role::Technician)] {
        let mut client = Client::connect(node, user, role).await;
        client.join("sr", 0).await.unwrap();
        tasks.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            let mut sent = 0;
            while seen.len() < rounds * 2 {
                if sent < rounds {
                    let name = Uuid::new_v4();
                    client.begin("SendMessage", json!(["sr", {"clientMessageId": name, "body": "x"}])).await;
                    sent += 1;
                }
                let message = client.next().await;
                if message["type"] == 3 {
                    seen.push(message["result"]["seq"].as_i64().unwrap());
                } else if message["target"] == "OnMessageReceived" {
                    assert_ne!(message["arguments"][0]["senderId"], user);
                    seen.push(message["arguments"][0]["seq"].as_i64().unwrap());
                }
            }
            seen
        }));
    }
    for task in tasks {
        let seen = task.await.unwrap();
        assert!((1..).zip(&seen).all(|(expected, seq)| expected == *seq), "{seen:?}");
    }
}

#[tokio::test]
async fn two_people_talk_across_nodes() {
    let fake = Fake::new();
    talk(200, &fake).await;
    // Events overtake answers and the other way round; that alone is no reason to read history.
    let reads = fake.calls.history.load(Ordering::SeqCst);
    assert!(reads < 40, "{reads} pages were read");
}

#[tokio::test]
async fn they_talk_even_if_no_event_gets_through() {
    let fake = Fake::new();
    fake.ringing.store(false, Ordering::SeqCst);
    talk(50, &fake).await;
}

#[tokio::test]
async fn a_message_that_rings_before_its_answer_completes_the_send() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node("a", &fake).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    // Stored, and every answer lost: only an event tells.
    fake.fail("send", &[Fault::LostAnswer, Fault::Hang, Fault::Hang, Fault::Hang]);
    let name = Uuid::new_v4();
    let id = carla.begin("SendMessage", json!(["sr", {"clientMessageId": name, "body": "x"}])).await;
    until("it is stored", || !fake.messages("sr").is_empty()).await;
    let event = fake.event("a", "sr", fake.messages("sr"));
    assert_eq!(post_event(node.internal, event.clone()).await, 204);
    assert_eq!(carla.completion(&id).await.unwrap()["clientMessageId"], json!(name));
    assert_eq!(post_event(node.internal, event).await, 204);
    assert!(carla.is_silent(Duration::from_millis(1_500)).await, "answered once, and delivered never");
}

#[tokio::test]
async fn a_forged_event_changes_nothing() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node("a", &fake).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    let message = fake.post("sr", "theo", Role::Technician, "real");
    assert_eq!(carla.hear().await, 1);
    let real = fake.event("a", "sr", vec![message.clone()]);
    let forged = chat::Message { seq: 2, body: "forged".to_owned(), ..message.clone() };
    let mut changed = fake.event("a", "sr", vec![forged.clone()]);
    let last = changed.len() - 5;
    changed[last] ^= 1;
    let json = real[65..].to_vec();
    for bad in [changed, json, Vec::new(), b"x.y".to_vec(), real[..64].to_vec()] {
        assert_eq!(post_event(node.internal, bad).await, 403);
    }
    let elsewhere = fake.event("b", "sr", vec![forged]);
    assert_eq!(post_event(node.internal, elsewhere).await, 403, "for another node");
    for _ in 0..3 {
        assert_eq!(post_event(node.internal, real.clone()).await, 204, "a repetition is taken");
    }
    assert!(carla.is_silent(Duration::from_millis(100)).await, "and changes nothing");
}

#[tokio::test]
async fn an_event_before_the_history_is_known_is_no_forged_one() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let event = fake.event("a", "sr", vec![fake.post("sr", "theo", Role::Technician, "early")]);
    fake.fail("sweep", &[Fault::Hang, Fault::Hang, Fault::Hang]);
    let node = node("a", &fake).await;
    assert_eq!(post_event(node.internal, event).await, 204);
    assert_eq!((node.metric("events_refused_total"), node.metric("events_other_epoch_total")), (0, 1));
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    assert_eq!(carla.hear().await, 1, "nothing is lost by it");
}

#[tokio::test]
async fn what_an_event_tells_before_the_history_is_known_is_asked_for_and_not_left_to_the_sweep() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    fake.fail("sweep", &[Fault::Unavailable]);
    fake.fail("join", &[Fault::SlowAnswer(Duration::from_millis(150))]);
    let node = node_with("a", &fake, Limits { sweep: Duration::from_secs(3600), ..quick() }).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let join = carla.begin("JoinServiceRequest", json!(["sr", 0])).await;
    until("the join is made", || fake.is_healed("join")).await;
    // The answer to her join, which is on its way, is the first that tells the node of a history, and lacks this one.
    fake.post("sr", "theo", Role::Technician, "meanwhile");
    until("an event came", || node.metric("events_other_epoch_total") == 1).await;
    assert_eq!(carla.completion(&join).await.unwrap()["lastSeq"], 0);
    assert_eq!(carla.hear().await, 1);
}
