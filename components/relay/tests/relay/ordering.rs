//! A sender's order, when something fails in part.

use std::time::Duration;

use chat::{Role, Status};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node, node_with, quick};

async fn open() -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    fake.put("other", parties("carla", None, "north"), Status::Open);
    (node("a", &fake).await, fake)
}

fn message(number: u128) -> Value {
    json!({ "clientMessageId": Uuid::from_u128(number), "body": number.to_string() })
}

/// Begins to send messages of these numbers, all at once, and gives what names the invocations.
async fn begin(client: &mut Client, id: &str, numbers: impl IntoIterator<Item = u128>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        ids.push(client.begin("SendMessage", json!([id, message(number)])).await);
    }
    ids
}

async fn codes(client: &mut Client, ids: &[String]) -> Vec<String> {
    let mut codes = Vec::new();
    for id in ids {
        codes.push(match client.completion(id).await {
            Ok(message) => message["seq"].to_string(),
            Err(error) => error.split(':').next().unwrap().to_owned(),
        });
    }
    codes
}

fn bodies(fake: &Fake, id: &str) -> Vec<String> {
    fake.messages(id).into_iter().map(|message| message.body).collect()
}

#[tokio::test]
async fn what_was_under_way_behind_a_refused_message_is_refused_until_that_one_comes_again() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    // The first fails in every way; those behind it wait in the queue, and one comes while it fails.
    fake.fail(
        "send",
        &[Fault::Slow(Duration::from_millis(50)), Fault::Unavailable, Fault::Unavailable, Fault::Unavailable],
    );
    let mut first = begin(&mut carla, "sr", [0]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    first.extend(begin(&mut carla, "sr", 1..=3).await);
    assert_eq!(codes(&mut carla, &first).await, ["1", "unavailable", "unavailable", "unavailable"]);
    let later = begin(&mut carla, "sr", [4, 2]).await;
    let elsewhere = begin(&mut carla, "other", [9]).await;
    assert_eq!(codes(&mut carla, &later).await, ["unavailable", "unavailable"]);
    assert_eq!(codes(&mut carla, &elsewhere).await, ["1"], "another conversation");
    let again = begin(&mut carla, "sr", [1, 3, 2, 4, 3, 4, 5]).await;
    let outcome = codes(&mut carla, &again).await;
    assert_eq!(outcome, ["2", "unavailable", "3", "unavailable", "4", "5", "6"]);
    assert_eq!(bodies(&fake, "sr"), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(node.metric("sends_held_back_total"), 4);
}

#[tokio::test]
async fn who_joins_again_or_chooses_otherwise_is_not_held_back() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node_with("a", &fake, relay::Limits { hold: Duration::from_millis(300), ..quick() }).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let failing = [Fault::Unavailable; 3];
    fake.fail("send", &failing);
    let lost = begin(&mut carla, "sr", [1, 2]).await;
    assert_eq!(codes(&mut carla, &lost).await, ["unavailable", "unavailable"]);
    carla.join("sr", 0).await.unwrap();
    let joined = begin(&mut carla, "sr", [3]).await;
    assert_eq!(codes(&mut carla, &joined).await, ["1"]);
    fake.fail("send", &failing);
    let lost = begin(&mut carla, "sr", [4]).await;
    assert_eq!(codes(&mut carla, &lost).await, ["unavailable"]);
    let held = begin(&mut carla, "sr", [5]).await;
    assert_eq!(codes(&mut carla, &held).await, ["unavailable"]);
    tokio::time::sleep(Duration::from_millis(310)).await;
    let chosen = begin(&mut carla, "sr", [5]).await;
    assert_eq!(codes(&mut carla, &chosen).await, ["2"]);
}

#[tokio::test]
async fn of_a_batch_that_is_taken_apart_nothing_is_tried_before_an_earlier_one_of_its_sender_is_known() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    carla.join("sr", 0).await.unwrap();
    theo.join("sr", 0).await.unwrap();
    fake.poison("2");
    fake.fail("send", &[Fault::Slow(Duration::from_millis(200))]);
    let mut ids = begin(&mut carla, "sr", [0]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    ids.extend(begin(&mut carla, "sr", [1, 2, 3]).await);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let others = begin(&mut theo, "sr", [7]).await;
    let elsewhere = begin(&mut carla, "other", [9]).await;
    assert_eq!(codes(&mut carla, &ids).await, ["1", "2", "unavailable", "unavailable"]);
    assert_eq!(codes(&mut theo, &others).await, ["3"]);
    assert_eq!(codes(&mut carla, &elsewhere).await, ["1"]);
    assert_eq!(bodies(&fake, "sr"), ["0", "1", "7"]);
    fake.poison("nothing");
    let again = begin(&mut carla, "sr", [2, 3]).await;
    assert_eq!(codes(&mut carla, &again).await, ["4", "5"]);
}

/// One client of the worst kind: it sends everything at once, and whatever is refused at once again, in no order.
async fn pour(mut client: Client, id: &str, numbers: std::ops::Range<u128>, mut chance: StdRng) {
    let mut under_way = Vec::new();
    let mut left: Vec<u128> = numbers.rev().collect();
    let mut refused: Vec<u128> = Vec::new();
    while !(left.is_empty() && under_way.is_empty() && refused.is_empty()) {
        let next = if !refused.is_empty() && (left.is_empty() || chance.random_bool(0.5)) {
            Some(refused.swap_remove(chance.random_range(0..refused.len())))
        } else {
            left.pop()
        };
        if let Some(number) = next {
            under_way.push((number, client.begin("SendMessage", json!([id, message(number)])).await));
        }
        if next.is_none() || under_way.len() > 12 {
            let (number, invocation) = under_way.remove(0);
            match client.completion(&invocation).await {
                Ok(_) => {}
                Err(error) if error.starts_with("unavailable") || error.starts_with("rate_limited") => {
                    refused.push(number);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_and_whatever_order_a_client_repeats_it_in_a_senders_order_holds() {
    for seed in 0..6 {
        let fake = Fake::new();
        fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
        let limits = relay::Limits {
            call: Duration::from_millis(60),
            send: Duration::from_millis(400),
            hold: Duration::from_secs(60),
            waiting_of_user: 8,
            batch_messages: 5,
            ..quick()
        };
        let node = node_with("a", &fake, limits).await;
        let mut chance = StdRng::seed_from_u64(seed);
        for _ in 0..60 {
            let fault = match chance.random_range(0..9) {
                0 => Fault::LostAnswer,
                1 => Fault::Unavailable,
                2 => Fault::Panic,
                3 => Fault::Late(Duration::from_millis(chance.random_range(50..90))),
                4 => Fault::SlowAnswer(Duration::from_millis(chance.random_range(50..70))),
                _ => Fault::Slow(Duration::from_millis(chance.random_range(0..4))),
            };
            fake.fail("send", &[fault]);
        }
        let carla = Client::connect(&node, "carla", Role::Customer).await;
        let theo = Client::connect(&node, "theo", Role::Technician).await;
        let work = async {
            tokio::join!(
                pour(carla, "sr", 1..50, StdRng::seed_from_u64(seed + 100)),
                pour(theo, "sr", 1001..1050, StdRng::seed_from_u64(seed + 200)),
            )
        };
        tokio::time::timeout(Duration::from_secs(60), work).await.expect("everything is stored in the end");
        for (sender, numbers) in [("carla", 1..50), ("theo", 1001..1050)] {
            let stored = fake.messages("sr").into_iter().filter(|message| message.sender_id.as_str() == sender);
            let stored: Vec<u128> = stored.map(|message| message.body.parse().unwrap()).collect();
            assert_eq!(stored, numbers.collect::<Vec<u128>>(), "of {sender}, with seed {seed}");
        }
    }
}
