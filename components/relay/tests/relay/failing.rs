//! Talking, when functions fail.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chat::{Role, Status};
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node, node_with, sockets, until};

const UNKNOWN: &str =
    "unavailable: whether the message is stored is not known; send it again with the same clientMessageId";

async fn open() -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    (node("a", &fake).await, fake)
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    carla.join("sr", 0).await.unwrap();
    theo.join("sr", 0).await.unwrap();
    fake.fail("send", &[Fault::LostAnswer]);
    assert_eq!(carla.say("sr", "hello").await.unwrap()["seq"], 1);
    assert_eq!(theo.hear().await, 1);
    assert_eq!(fake.messages("sr").len(), 1);
}

#[tokio::test]
async fn a_function_that_panics_takes_nothing_with_it() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("join", &[Fault::Panic]);
    fake.fail("send", &[Fault::Panic]);
    fake.fail("sweep", &[Fault::Panic; 2]);
    carla.join("sr", 0).await.unwrap();
    assert_eq!(carla.say("sr", "hello").await.unwrap()["seq"], 1);
    let sweeps = fake.calls.sweep.load(Ordering::SeqCst);
    until("the sweep goes on", || fake.calls.sweep.load(Ordering::SeqCst) > sweeps + 3).await;
}

#[tokio::test]
async fn a_rehearsal_sends_nothing_and_keeps_nobody_waiting() {
    let (node, fake) = open().await;
    node.relay.rehearse().await;
    assert_eq!(fake.batches(), [0]);
    for fault in [Fault::Unavailable, Fault::Panic, Fault::Hang] {
        fake.fail("send", &[fault]);
        let began = Instant::now();
        node.relay.rehearse().await;
        assert!(began.elapsed() < Duration::from_secs(1), "{fault:?}");
    }
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    assert_eq!(carla.say("sr", "hello").await.unwrap()["seq"], 1);
}

#[tokio::test]
async fn one_poisoned_message_fails_alone() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.poison("poison");
    fake.fail("send", &[Fault::Slow(Duration::from_millis(50))]);
    let mut ids = Vec::new();
    for body in ["first", "a", "poison", "b"] {
        ids.push(carla.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": body}])).await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut results = Vec::new();
    for id in &ids {
        results.push(carla.completion(id).await.map(|message| message["body"].clone()));
    }
    // What comes after it of the same sender would overtake it.
    let expected = [Ok(json!("first")), Ok(json!("a")), Err(UNKNOWN.to_owned()), Err(UNKNOWN.to_owned())];
    assert_eq!(results, expected);
}

#[tokio::test]
async fn when_nothing_works_senders_are_told_in_time_and_nobody_hears_anything() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    carla.join("sr", 0).await.unwrap();
    theo.join("sr", 0).await.unwrap();
    fake.working.store(false, Ordering::SeqCst);
    let began = Instant::now();
    assert_eq!(carla.say("sr", "lost").await, Err(UNKNOWN.to_owned()));
    assert!(began.elapsed() < Duration::from_secs(2));
    let unreachable = "unavailable: down".to_owned();
    assert_eq!(carla.join("sr", 0).await, Err(unreachable));
    fake.working.store(true, Ordering::SeqCst);
    carla.join("sr", 0).await.unwrap();
    assert_eq!(carla.say("sr", "found").await.unwrap()["seq"], 1);
    assert_eq!(theo.find("OnMessageReceived").await["body"], "found");
}

#[tokio::test]
async fn nobody_waits_longer_than_promised_behind_a_call_that_hangs() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.fail("send", &[Fault::Hang; 20]);
    let began = Instant::now();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(carla.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": "x"}])).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for id in ids {
        assert_eq!(carla.completion(&id).await, Err(UNKNOWN.to_owned()));
    }
    assert!(began.elapsed() < Duration::from_millis(1_600), "{:?}", began.elapsed());
    assert_eq!(node.metric("sends_unknown_total"), 5);
}

#[tokio::test]
async fn what_no_event_told_the_sweep_finds() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.ringing.store(false, Ordering::SeqCst);
    for _ in 0..120 {
        fake.post("sr", "theo", Role::Technician, "unheard");
    }
    for seq in 1..=120 {
        assert_eq!(carla.hear().await, seq);
    }
    assert!(node.metric("sweep_changes_total") >= 1);
    let sweeps = fake.calls.sweep.load(Ordering::SeqCst);
    let reads = fake.calls.history.load(Ordering::SeqCst);
    until("more sweeps", || fake.calls.sweep.load(Ordering::SeqCst) > sweeps + 2).await;
    assert_eq!(fake.calls.history.load(Ordering::SeqCst), reads, "what is known is not read again");
}

#[tokio::test]
async fn a_result_waits_for_what_comes_before_it() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.ringing.store(false, Ordering::SeqCst);
    fake.post("sr", "theo", Role::Technician, "unheard");
    let id = carla.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": "x"}])).await;
    let first = carla.next().await;
    assert_eq!(first["arguments"][0]["seq"], 1, "{first}");
    assert_eq!(carla.completion(&id).await.unwrap()["seq"], 2);
}

#[tokio::test]
async fn a_result_that_waits_in_vain_is_given_up_and_comes_as_a_message() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.ringing.store(false, Ordering::SeqCst);
    fake.fail("history", &[Fault::Unavailable; 1_000]);
    fake.post("sr", "theo", Role::Technician, "unheard");
    let began = Instant::now();
    let error = carla.say("sr", "mine").await.unwrap_err();
    assert!(error.starts_with("unavailable: "), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    fake.heal("history");
    assert_eq!(carla.hear().await, 1);
    assert_eq!(carla.find("OnMessageReceived").await["body"], "mine");
}

#[tokio::test]
async fn a_failed_join_may_be_tried_again_and_once_more_by_itself() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("join", &[Fault::Unavailable, Fault::Hang]);
    assert!(carla.join("sr", 0).await.unwrap_err().starts_with("unavailable: "));
    fake.fail("join", &[Fault::LostAnswer]);
    carla.join("sr", 0).await.unwrap();
    fake.post("sr", "theo", Role::Technician, "hello");
    assert_eq!(carla.hear().await, 1);
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_holds_up_nobody() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let limits = sockets(|it| (it.queue_bytes, it.write) = (256 * 1024, Duration::from_secs(2)));
    let node = node_with("a", &fake, limits).await;
    let mut deaf = Client::connect(&node, "theo", Role::Technician).await;
    deaf.join("sr", 0).await.unwrap();
    let mut sue = Client::connect(&node, "sue", Role::ServiceCenter).await;
    sue.join("sr", 0).await.unwrap();
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    let body = "x".repeat(4_000);
    let reader = tokio::spawn(async move {
        for seq in 1..=3_000 {
            assert_eq!(sue.hear().await, seq);
        }
        sue
    });
    for seq in 1..=3_000 {
        assert_eq!(carla.say("sr", &body).await.unwrap()["seq"], seq);
    }
    reader.await.unwrap();
    until("the deaf one is cut off", || node.metric("slow_readers_total") == 1).await;
    until("its socket is closed", || node.metric("connections") == 2).await;
    // It comes back, and reads page by page as fast as it can.
    drop(deaf);
    let mut back = Client::connect(&node, "theo", Role::Technician).await;
    back.join("sr", 0).await.unwrap();
    for seq in 1..=3_000 {
        assert_eq!(back.hear().await, seq);
    }
    assert_eq!(node.metric("slow_readers_total"), 1);
}
