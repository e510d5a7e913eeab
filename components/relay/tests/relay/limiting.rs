//! Limits of one user, and places that one user can't take from others.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chat::{Allowance, Role, Status};
use http::{Method, StatusCode};
use relay::Limits;
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node_with, quick, token, until};

fn limits(of_user: &str) -> Limits {
    Limits { of_user: Allowance::OF_USER.with(of_user).unwrap(), ..quick() }
}

async fn open(of_user: &str) -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    (node_with("a", &fake, limits(of_user)).await, fake)
}

/// The seconds that a refusal says to wait.
fn seconds(error: &str) -> u64 {
    let text = error.strip_prefix("rate_limited: ").unwrap().rsplit_once("try again in ").unwrap().1;
    text.strip_suffix(" s").unwrap().parse().unwrap()
}

#[tokio::test]
async fn messages_and_joins_are_counted_over_all_connections_of_a_user() {
    let (node, fake) = open("messages=5, joins=3").await;
    let mut one = Client::connect(&node, "carla", Role::Customer).await;
    let mut other = Client::connect(&node, "carla", Role::Customer).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    for _ in 0..2 {
        one.say("sr", "x").await.unwrap();
        other.say("sr", "x").await.unwrap();
    }
    one.say("sr", "x").await.unwrap();
    for client in [&mut one, &mut other] {
        let error = client.say("sr", "too much").await.unwrap_err();
        assert!((1..=12).contains(&seconds(&error)), "{error}");
    }
    theo.say("sr", "another user").await.unwrap();
    assert_eq!(fake.messages("sr").len(), 6);
    for _ in 0..3 {
        one.join("sr", 0).await.unwrap();
    }
    let joins = fake.calls.join.load(Ordering::SeqCst);
    assert!(seconds(&other.join("sr", 0).await.unwrap_err()) >= 1);
    assert_eq!(fake.calls.join.load(Ordering::SeqCst), joins, "it costs the functions nothing");
    assert_eq!(node.metric("rate_limited_total"), 3);
    assert!(other.is_silent(Duration::from_millis(100)).await, "the connection lives");
}

#[tokio::test]
async fn negotiations_and_connections_are_counted() {
    let (node, _fake) = open("negotiations=2, connections=4, open=2").await;
    let bearer = format!("Bearer {}", token("carla", Role::Customer));
    let headers = [("authorization", bearer.as_str())];
    let negotiate = || node.request(Method::POST, "/hubs/chat/negotiate", &headers);
    for _ in 0..2 {
        assert_eq!(negotiate().await.0, StatusCode::OK);
    }
    let (status, headers, body) = negotiate().await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "30"));
    assert!(body.contains("\"code\":\"rate_limited\""), "{body}");
    let first = Client::connect(&node, "carla", Role::Customer).await;
    let _second = Client::connect(&node, "carla", Role::Customer).await;
    assert!(Client::raw(&node, "", &token("carla", Role::Customer)).await.is_err(), "no place is left");
    Client::connect(&node, "theo", Role::Technician).await;
    drop(first);
    until("a place is free", || node.metric("connections") == 1).await;
    let _third = Client::connect(&node, "carla", Role::Customer).await;
    until("it has gone", || node.metric("connections") == 2).await;
    drop(_second);
    until("another place is free", || node.metric("connections") == 1).await;
    let _fourth = Client::connect(&node, "carla", Role::Customer).await;
    drop(_fourth);
    until("it has gone", || node.metric("connections") == 1).await;
    assert!(Client::raw(&node, "", &token("carla", Role::Customer)).await.is_err(), "one too many a minute");
}

#[tokio::test]
async fn what_one_node_counts_the_other_hears_of() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let [a, b] =
        [node_with("a", &fake, limits("messages=20")).await, node_with("b", &fake, limits("messages=20")).await];
    let mut here = Client::connect(&a, "carla", Role::Customer).await;
    let mut there = Client::connect(&b, "carla", Role::Customer).await;
    for _ in 0..20 {
        here.say("sr", "x").await.unwrap();
    }
    // A few are taken there before anybody knows; then what is left is nothing.
    let began = Instant::now();
    let mut taken = 0;
    while there.say("sr", "x").await.is_ok() {
        taken += 1;
        assert!(taken < 10 && began.elapsed() < Duration::from_secs(20), "{taken} are taken there");
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert!(a.metric("accounts") >= 1);
}

#[tokio::test]
async fn while_nobody_hears_each_node_counts_alone() {
    let (node, fake) = open("messages=20").await;
    fake.working.store(false, Ordering::SeqCst);
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut ids = Vec::new();
    for number in 0..25 {
        let message = json!({"clientMessageId": Uuid::from_u128(number), "body": "x"});
        ids.push(carla.begin("SendMessage", json!([format!("sr-{number}"), message])).await);
    }
    let mut limited = 0;
    for id in &ids {
        limited += usize::from(carla.completion(id).await.unwrap_err().starts_with("rate_limited"));
    }
    assert_eq!(limited, 5);
}

#[tokio::test]
async fn one_users_joins_leave_room_for_others() {
    let fake = Fake::new();
    for number in 0..40 {
        fake.put(&format!("sr-{number}"), parties("carla", Some("theo"), "north"), Status::Open);
    }
    let slow = Duration::from_secs(2);
    let limits = Limits { joins: 4, joins_of_user: 2, call: slow * 2, ..quick() };
    let node = node_with("a", &fake, limits).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("join", &[Fault::Slow(slow); 2]);
    for number in 0..40 {
        carla.begin("JoinServiceRequest", json!([format!("sr-{number}"), 0])).await;
    }
    until("its joins are under way", || node.metric("invocations") == 40).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    let began = Instant::now();
    theo.join("sr-1", 0).await.unwrap();
    assert!(began.elapsed() < slow / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_users_crowd_of_messages_costs_others_no_place() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", None, "north"), Status::Open);
    fake.put("other", parties("emil", None, "north"), Status::Open);
    let limits = Limits {
        waiting: 60,
        waiting_of_user: 50,
        call: Duration::from_secs(5),
        send: Duration::from_secs(5),
        ..quick()
    };
    let node = node_with("a", &fake, limits).await;
    fake.fail("send", &[Fault::Slow(Duration::from_secs(2))]);
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut emil = Client::connect(&node, "emil", Role::Customer).await;
    let mut ids = Vec::new();
    for _ in 0..80 {
        ids.push(carla.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": "x"}])).await);
    }
    until("no place is left for more of hers", || node.metric("sends_crowded_out_total") > 0).await;
    let began = Instant::now();
    assert_eq!(emil.say("other", "hello").await.unwrap()["seq"], 1);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let mut refused = 0;
    for id in &ids {
        refused += usize::from(carla.completion(id).await.is_err());
    }
    assert!((29..=30).contains(&refused), "{refused}: one is under way and fifty wait");
}

/// How long somebody waits for the answer to a message, in the middle of some.
async fn pace(client: &mut Client, name: &str) -> Duration {
    let mut took = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        client.say(name, "hello").await.unwrap();
        took.push(began.elapsed());
    }
    took.sort();
    took[took.len() / 2]
}

#[tokio::test]
async fn as_many_as_may_wait_in_one_conversation_cost_others_nothing() {
    let fake = Fake::new();
    fake.put("held", parties("carla", None, "north"), Status::Open);
    fake.put("free", parties("emil", None, "south"), Status::Open);
    // The places are those of the product; only the time of those who wait is longer than this machine may need.
    let limits = Limits { send: Duration::from_secs(60), ..quick() };
    let Limits { waiting, waiting_of_user, .. } = limits;
    let invocations = limits.sockets.invocations;
    assert_eq!((waiting, waiting_of_user, invocations), (8_192, 512, 128));
    let node = node_with("a", &fake, limits).await;
    let mut emil = Client::connect(&node, "emil", Role::Customer).await;
    let alone = pace(&mut emil, "free").await;

    // Everybody of a centre talks into one conversation, as much as each of them may, and another transaction holds it.
    fake.lock("held", true);
    let mut crowd = Vec::new();
    for desk in 0..waiting / waiting_of_user {
        for _ in 0..waiting_of_user / invocations {
            let mut client = Client::connect(&node, &format!("desk-{desk}"), Role::ServiceCenter).await;
            let mut ids = Vec::new();
            for _ in 0..invocations {
                let message = json!({"clientMessageId": Uuid::new_v4(), "body": "x"});
                ids.push(client.begin("SendMessage", json!(["held", message])).await);
            }
            crowd.push((client, ids));
        }
        let said = (desk + 1) * waiting_of_user;
        until("all that they said waits", || node.metric("invocations") == said as u64).await;
    }
    assert_eq!(node.metric("sends_crowded_out_total"), 0);
    assert!(fake.messages("held").is_empty());

    let beside = pace(&mut emil, "free").await;
    assert!(beside < alone * 3 + Duration::from_millis(5), "{beside:?} instead of {alone:?}");
    assert_eq!(node.metric("invocations"), waiting as u64, "all of them wait still");

    // None of them is lost when it is let go, and they go in batches that are as large as may be.
    let before = fake.batches().len();
    fake.lock("held", false);
    for (client, ids) in &mut crowd {
        for id in ids {
            client.completion(id).await.unwrap();
        }
    }
    assert_eq!(fake.messages("held").len(), waiting);
    let batches = fake.batches().split_off(before);
    assert!(batches.len() < waiting / 64 * 2, "{} batches", batches.len());
}
