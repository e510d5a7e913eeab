//! Who counts as there, and how each side finds out.

use std::time::Duration;

use chat::{Role, Status};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::fake::{Fake, parties};
use crate::node::{Node, node_with, sockets, token};
use crate::wire::{Said, Wire};

const PING: &str = "{\"type\":6}\u{1e}";

/// How often the server speaks of itself, and how long a client may be silent that has pinged.
const KEEP_ALIVE: Duration = Duration::from_millis(150);
const CLIENT_TIMEOUT: Duration = Duration::from_millis(600);

/// Longer than any silence that could be missed.
const LONG: Duration = Duration::from_millis(2_000);

async fn hub() -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let limits = sockets(|it| (it.keep_alive, it.client_timeout) = (KEEP_ALIVE, CLIENT_TIMEOUT));
    (node_with("a", &fake, limits).await, fake)
}

#[tokio::test]
async fn only_who_has_pinged_is_missed() {
    let (node, _fake) = hub().await;
    let mut never = Client::connect(&node, "carla", Role::Customer).await;
    let mut once = Client::connect(&node, "theo", Role::Technician).await;
    once.write(PING).await;
    let close = once.closed().await;
    assert!(close["error"].as_str().unwrap().contains("has not sent a message or ping"), "{close}");
    assert_eq!(close["allowReconnect"], true);
    sleep(LONG).await;
    assert_eq!(never.invoke("LeaveServiceRequest", json!(["sr"])).await, Ok(json!(null)));
}

/// Public report: one side put off its own pings for what it *received*, so whoever talked much heard nothing and gave up.
#[tokio::test]
async fn who_talks_all_the_time_and_wants_no_answers_hears_pings() {
    let (node, _fake) = hub().await;
    let mut wire = Wire::agree(&node, &token("carla", Role::Customer)).await;
    let began = Instant::now();
    let mut silences = Vec::new();
    let mut heard = Instant::now();
    while began.elapsed() < LONG {
        wire.text("{\"type\":1,\"target\":\"LeaveServiceRequest\",\"arguments\":[\"sr\"]}\u{1e}").await;
        wire.text("{\"type\":1,\"target\":\"Nothing\",\"arguments\":[]}\u{1e}").await;
        if let Ok(said) = tokio::time::timeout(Duration::from_millis(20), wire.next()).await {
            assert_eq!(said, Said::Text(PING.to_owned()), "nobody waits for anything else");
            silences.push(heard.elapsed());
            heard = Instant::now();
        }
    }
    assert!(silences.len() >= 4, "{silences:?}");
    assert!(silences.iter().all(|silence| *silence >= KEEP_ALIVE / 2), "{silences:?}");
}

#[tokio::test]
async fn who_only_listens_lives_with_pings_and_without() {
    let (node, fake) = hub().await;
    let mut pinging = Client::connect(&node, "carla", Role::Customer).await;
    let mut silent = Client::connect(&node, "carla", Role::Customer).await;
    for client in [&mut pinging, &mut silent] {
        client.join("sr", 0).await.unwrap();
    }
    let began = Instant::now();
    let mut said = 0;
    while began.elapsed() < LONG {
        pinging.write(PING).await;
        fake.post("sr", "theo", Role::Technician, "news");
        said += 1;
        for client in [&mut pinging, &mut silent] {
            assert_eq!(client.hear().await, said);
        }
        sleep(KEEP_ALIVE / 2).await;
    }
}
