//! Messages that are sent again, and what they must not hide.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chat::{Role, Status};
use relay::Limits;
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, parties};
use crate::node::{node_with, quick};

/// Sweeps that come too late to help.
fn unswept() -> Limits {
    Limits { sweep: Duration::from_secs(600), ..quick() }
}

#[tokio::test]
async fn a_repeat_that_rings_shows_what_did_not() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let (a, b) = (node_with("a", &fake, unswept()).await, node_with("b", &fake, unswept()).await);
    let mut carla = Client::connect(&a, "carla", Role::Customer).await;
    let mut theo = Client::connect(&b, "theo", Role::Technician).await;
    carla.join("sr", 0).await.unwrap();
    theo.join("sr", 0).await.unwrap();
    let name = Uuid::new_v4();
    carla.send("sr", name, "first").await.unwrap();
    assert_eq!(theo.hear().await, 1);

    fake.ringing.store(false, Ordering::SeqCst);
    carla.say("sr", "unheard").await.unwrap();
    fake.ringing.store(true, Ordering::SeqCst);
    assert_eq!(carla.send("sr", name, "first").await.unwrap()["seq"], 1);
    assert_eq!(theo.hear().await, 2, "the ring of an old message says that there is a newer one");
    assert_eq!(b.metric("sweep_changes_total"), 0);
}

#[tokio::test]
async fn a_repeat_that_is_answered_shows_what_did_not_ring() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node_with("a", &fake, unswept()).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    let name = Uuid::new_v4();
    carla.send("sr", name, "first").await.unwrap();
    fake.ringing.store(false, Ordering::SeqCst);
    fake.post("sr", "theo", Role::Technician, "unheard");
    carla.send("sr", name, "first").await.unwrap();
    assert_eq!(carla.hear().await, 2);
}

#[tokio::test]
async fn a_closing_that_the_answer_to_a_repeat_tells_first_is_announced() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let node = node_with("a", &fake, unswept()).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    carla.join("sr", 0).await.unwrap();
    theo.join("sr", 0).await.unwrap();
    let name = Uuid::new_v4();
    carla.send("sr", name, "first").await.unwrap();
    assert_eq!(theo.hear().await, 1);

    fake.ringing.store(false, Ordering::SeqCst);
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Closed);
    assert_eq!(carla.send("sr", name, "first").await.unwrap()["seq"], 1);
    for client in [&mut carla, &mut theo] {
        let changed = client.find("OnServiceRequestChanged").await;
        assert_eq!(changed["status"], json!("closed"));
        assert!(changed["closedAt"].is_string(), "{changed}");
    }
    assert!(carla.say("sr", "late").await.unwrap_err().starts_with("closed: "));
}
