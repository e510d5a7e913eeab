//! Conversations that another transaction holds.

use std::time::{Duration, Instant};

use chat::{Role, Status};
use relay::Limits;
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{node, node_with, quick, until};

/// Limits at which nobody's time is up, however slow the machine is.
fn patient() -> Limits {
    Limits { send: Duration::from_secs(10), ..quick() }
}

async fn say(client: &mut Client, name: &str, body: &str) -> String {
    client.begin("SendMessage", json!([name, {"clientMessageId": Uuid::new_v4(), "body": body}])).await
}

#[tokio::test]
async fn a_conversation_that_is_held_keeps_its_own_messages_waiting_and_no_others() {
    let fake = Fake::new();
    let names: Vec<String> = (0..20).map(|n| format!("sr-{n}")).collect();
    for name in &names {
        fake.put(name, parties("carla", Some("theo"), "north"), Status::Open);
    }
    let node = node_with("a", &fake, patient()).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    // Everything behind this one travels in one batch.
    fake.fail("send", &[Fault::Slow(Duration::from_millis(15))]);
    say(&mut carla, "sr-1", "first").await;
    fake.lock("sr-0", true);
    let mut held = vec![say(&mut carla, "sr-0", "1").await, say(&mut carla, "sr-0", "2").await];
    let mut others = Vec::new();
    for name in &names[1..] {
        others.push(say(&mut carla, name, "free").await);
    }
    let began = Instant::now();
    for id in &others {
        carla.completion(id).await.unwrap();
    }
    assert!(fake.messages("sr-0").is_empty(), "{:?}", began.elapsed());
    assert!(fake.batches().iter().any(|size| *size > 2), "{:?}", fake.batches());

    // What comes later stays behind what waits.
    held.push(say(&mut carla, "sr-0", "3").await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    fake.lock("sr-0", false);
    for (seq, id) in (1..).zip(&held) {
        assert_eq!(carla.completion(id).await.unwrap()["seq"], json!(seq));
    }
    let bodies: Vec<_> = fake.messages("sr-0").into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    assert_eq!(node.metric("sends_set_aside_total"), 2);
}

#[tokio::test]
async fn more_held_conversations_than_there_are_lanes_hold_up_nobody_else() {
    let fake = Fake::new();
    let names: Vec<String> = (0..30).map(|n| format!("sr-{n}")).collect();
    for name in names.iter().map(String::as_str).chain(["free"]) {
        fake.put(name, parties("carla", Some("theo"), "north"), Status::Open);
    }
    let node = node_with("a", &fake, patient()).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut held = Vec::new();
    for name in &names {
        fake.lock(name, true);
        held.push(say(&mut carla, name, "held").await);
    }
    until("they wait apart", || node.metric("sends_set_aside_total") == 30).await;
    for _ in 0..20 {
        let began = Instant::now();
        carla.say("free", "free").await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }
    names.iter().for_each(|name| fake.lock(name, false));
    for id in &held {
        assert_eq!(carla.completion(id).await.unwrap()["seq"], 1);
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_promised_for_a_conversation_that_stays_held() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node("a", &fake).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.lock("sr", true);
    let began = Instant::now();
    let first = say(&mut carla, "sr", "first").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = say(&mut carla, "sr", "second").await;
    for (id, bound) in [(first, 1_800), (second, 2_100)] {
        assert!(carla.completion(&id).await.unwrap_err().starts_with("unavailable: "));
        assert!(began.elapsed() < Duration::from_millis(bound), "{:?}", began.elapsed());
    }
    fake.lock("sr", false);
    // What comes later waits for them to be sent again, or for the client to join again and choose otherwise.
    carla.join("sr", 0).await.unwrap();
    assert_eq!(carla.say("sr", "third").await.unwrap()["seq"], 1, "nothing of before was stored");
}

#[tokio::test]
async fn what_waits_apart_survives_failing_calls() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node_with("a", &fake, patient()).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.lock("sr", true);
    let held = [say(&mut carla, "sr", "1").await, say(&mut carla, "sr", "2").await];
    until("they wait apart", || node.metric("sends_set_aside_total") >= 1).await;
    fake.fail("send", &[Fault::Panic, Fault::Unavailable, Fault::LostAnswer]);
    until("all of these calls have failed", || fake.is_sound("send")).await;
    fake.lock("sr", false);
    for (seq, id) in (1..).zip(&held) {
        assert_eq!(carla.completion(id).await.unwrap()["seq"], json!(seq));
    }
    assert_eq!(fake.messages("sr").len(), 2);
}
